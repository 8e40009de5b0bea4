//! Servers to come: a version that is newer than every known one is of the newest generation, never of an older layout.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::support::{code, dblwr, image, json, testdata, unpack};
use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, crc32c, stamp};
use dblwr::internals::units::PageSize;

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Gives every tablespace and redo file another version, with right sums.
fn age(dir: &Path, number: u32, creator: &str) {
    for path in files(dir) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut bytes = std::fs::read(&path).unwrap();
        if name.starts_with("#ib_redo") && bytes.len() > 512 {
            bytes[16..48].fill(0);
            bytes[16..16 + creator.len()].copy_from_slice(creator.as_bytes());
            let sum = crc32c(&bytes[..508]);
            bytes[508..512].copy_from_slice(&sum.to_be_bytes());
        } else if (name == "ibdata1" || name.ends_with(".ibd")) && bytes.len() > 16384 {
            bytes[8..12].copy_from_slice(&number.to_be_bytes());
            let format = PageFormat::classic(PageSize::DEFAULT);
            stamp(&mut bytes[..16384], &format, Algorithm::Crc32).unwrap();
        } else {
            continue;
        }
        std::fs::write(&path, bytes).unwrap();
    }
}

fn verified(path: &Path) -> (i32, serde_json::Value) {
    let output = dblwr([OsStr::new("verify"), OsStr::new("--json"), path.as_os_str()]);
    (code(&output), json(&output))
}

#[test]
fn a_directory_of_a_version_to_come_is_judged_like_that_of_the_newest_known_one() {
    for (number, creator) in
        [(260_700, "MySQL 26.7.0"), (261_000, "MySQL 26.10.0"), (280_400, "MySQL 28.4.0")]
    {
        let (known, newer) = (image("m97-16k"), image("m97-16k"));
        age(newer.path(), number, creator);
        let (expected, found) = (verified(known.path()), verified(newer.path()));
        assert_eq!((&found.0, &found.1["generation"]), (&expected.0, &expected.1["generation"]), "{creator}");
        for part in ["summary", "pages", "redo", "shutdown"] {
            assert_eq!(found.1[part], expected.1[part], "{creator}: {part}");
        }
        let notes = found.1["notes"].to_string();
        assert_eq!(
            notes.contains(creator),
            number >= 270_000,
            "what is newer than all that is known is said: {notes}"
        );
    }
}

#[test]
fn without_its_other_files_the_system_tablespace_alone_still_tells_the_generation() {
    let dir = unpack(&testdata("m97-16k"));
    age(dir.path(), 260_700, "MySQL 26.7.0");
    let alone = tempfile::tempdir().unwrap();
    let file = alone.path().join("ibdata1");
    std::fs::copy(dir.path().join("ibdata1"), &file).unwrap();
    let (_, report) = verified(&file);
    assert_eq!(report["generation"], "mysql-8.0.30");
    let located = json(&dblwr([OsStr::new("locate"), OsStr::new("--json"), file.as_os_str()]));
    assert!(located["areas"].as_array().unwrap().iter().all(|area| area["live"] == false), "{located}");
}
