//! A record that says "finished" hides nothing that came later.

use std::fs::{File, FileTimes};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::{code, dblwr, image, stderr};

fn scan(data: &Path, record: &Path) -> (i32, String) {
    let args = ["scan", data.to_str().unwrap(), "--resume", record.to_str().unwrap()];
    let output = dblwr(args);
    (code(&output), String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output))
}

#[test]
fn damage_that_came_after_a_finished_scan_is_found_whatever_the_times_say() {
    let (dir, away) = (image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let (table, record) = (dir.path().join("d/t1.ibd"), away.path().join("record"));
    let first = scan(dir.path(), &record);
    assert_eq!(first.0, 0, "{}", first.1);
    // Nothing is left to read, and it says since when.
    let again = scan(dir.path(), &record);
    assert_eq!(again.0, 0, "{}", again.1);
    assert!(
        again.1.contains("nothing was read now") && again.1.contains("read earlier, at 2"),
        "{}",
        again.1
    );

    // As a tool leaves it that puts the time back.
    let modified = std::fs::metadata(&table).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&table).unwrap();
    let page = bytes.chunks(16384).rposition(|page| page[24..26] != [0, 0]).unwrap();
    bytes[page * 16384 + 8000] ^= 0xFF;
    std::fs::write(&table, &bytes).unwrap();
    File::options()
        .write(true)
        .open(&table)
        .unwrap()
        .set_times(FileTimes::new().set_modified(modified))
        .unwrap();
    assert_eq!(std::fs::metadata(&table).unwrap().mtime(), {
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    });
    let damaged = scan(dir.path(), &record);
    assert_eq!(damaged.0, 1, "a page with a copy that its tail proves: {}", damaged.1);
    assert!(damaged.1.contains("read earlier"), "{}", damaged.1);
}

/// Another file that was moved there has the size and, if it likes, the times.
#[test]
fn another_file_in_the_same_place_is_read() {
    let (dir, away) = (image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let (table, record) = (dir.path().join("d/t1.ibd"), away.path().join("record"));
    assert_eq!(scan(dir.path(), &record).0, 0);
    let other = dir.path().join("d/other");
    std::fs::copy(&table, &other).unwrap();
    let modified = std::fs::metadata(&table).unwrap().modified().unwrap();
    let file = File::options().write(true).open(&other).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    std::fs::rename(&other, &table).unwrap();
    let said = scan(dir.path(), &record);
    assert!(!said.1.contains("nothing was read now"), "{}", said.1);
}

/// Nothing in the record names the place of a directory: it may move.
#[test]
fn a_record_names_files_relative_to_the_directory_and_goes_with_it() {
    let (dir, away) = (image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let (record, place) = (away.path().join("record"), away.path().join("elsewhere"));
    assert_eq!(scan(dir.path(), &record).0, 0);
    let text = std::fs::read_to_string(&record).unwrap();
    assert!(
        text.starts_with("{\"directory\":{\"number\":0,") && text.contains("\"path\":\"d/t1.ibd\""),
        "{text}"
    );
    assert!(!text.contains(dir.path().to_str().unwrap()), "{text}");
    std::fs::rename(dir.path(), &place).unwrap();
    let again = scan(&place, &record);
    assert_eq!(again.0, 0, "{}", again.1);
    assert!(again.1.contains("nothing was read now"), "{}", again.1);
    std::fs::rename(&place, dir.path()).unwrap();
    // What the first release wrote is still read.
    let old = text.lines().filter(|line| !line.starts_with("{\"directory\"")).collect::<Vec<_>>().join("\n");
    let shown = format!("\"path\":\"{}/", dir.path().display());
    std::fs::write(&record, old.replace("\"path\":\"", &shown) + "\n").unwrap();
    let again = scan(dir.path(), &record);
    assert!(again.0 == 0 && again.1.contains("nothing was read now"), "{}", again.1);
}

#[test]
fn a_record_of_another_server_s_files_is_refused() {
    let (dir, away) = (image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let record = away.path().join("record");
    let uuid = |last: char| format!("[auto]\nserver-uuid=8a94f357-aab4-11df-86ab-c80aa942956{last}\n");
    std::fs::write(dir.path().join("auto.cnf"), uuid('1')).unwrap();
    assert_eq!(scan(dir.path(), &record).0, 0);
    assert_eq!(scan(dir.path(), &record).0, 0, "its own");
    std::fs::write(dir.path().join("auto.cnf"), uuid('2')).unwrap();
    let refused = scan(dir.path(), &record);
    assert_eq!(refused.0, 3, "{}", refused.1);
    assert!(refused.1.contains("another server"), "{}", refused.1);
}
