//! `dblwr scan` on real images, and on damage made in them.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{cases, code, dblwr, expected, image, json, stderr, unpack};
use serde_json::Value;

fn scan(args: &[&str], path: &Path) -> Output {
    let mut command = vec!["scan".to_owned(), "--json".to_owned()];
    command.extend(args.iter().map(|&arg| arg.to_owned()));
    command.push(path.display().to_string());
    dblwr(command)
}

/// File, offset and state of everything that is damaged.
fn damaged(report: &Value) -> BTreeSet<(String, u64, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = report["damaged"].as_array().unwrap();
    list.iter().map(|d| (text(&d["file"]), d["offset"].as_u64().unwrap(), text(&d["state"]))).collect()
}

fn only(report: &Value) -> &Value {
    let list = report["damaged"].as_array().unwrap();
    assert_eq!(list.len(), 1, "{list:#?}");
    &list[0]
}

/// Writes bytes into a page of a file.
fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, offset).unwrap();
}

fn read(path: &Path, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    File::open(path).unwrap().read_exact_at(&mut bytes, offset).unwrap();
    bytes
}

/// A directory that is healthy, with an ordinary table in `d/t1.ibd`.
fn healthy() -> (tempfile::TempDir, PathBuf) {
    let dir = image("m97-clean-kill");
    let table = dir.path().join("d/t1.ibd");
    assert!(table.exists());
    (dir, table)
}

const PAGE: u64 = 16384;

#[test]
fn every_real_image_shows_exactly_its_torn_pages() {
    for case in cases() {
        let (dir, expected) = (unpack(&case), expected(&case));
        let output = scan(&[], dir.path());
        let report = json(&output);
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let wanted: BTreeSet<_> = expected["pages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|page| page["home_state"] != "zero")
            .map(|page| {
                let text = |key: &str| page[key].as_str().unwrap().to_owned();
                (text("file"), page["offset"].as_u64().unwrap(), text("home_state"))
            })
            .collect();
        // A torn page without a copy, which redo initialises after the checkpoint: the server started, too.
        let rebuilt = u64::from(name == "ma1011-ibdata");
        assert_eq!(report["summary"]["redo_rebuilds"], rebuilt, "{name}");
        assert_eq!(damaged(&report), wanted, "{name}");
        if rebuilt > 0 {
            let report = json(&scan(&["--no-audit"], dir.path()));
            assert_eq!(damaged(&report), [("ibdata1".into(), 301 * PAGE, "corrupt".into())].into(), "{name}");
        }
        let restorable = expected["pages"].as_array().unwrap().iter();
        let restorable =
            restorable.filter(|p| p["home_state"] != "zero" && p["verdict"] == "restorable").count();
        let code_wanted = match (wanted.len(), wanted.len() - restorable) {
            (0, _) => 0,
            (_, 0) => 1,
            _ => 2,
        };
        assert_eq!(code(&output), code_wanted, "{name}: {}", stderr(&output));
        check_sums(&report, &name);
    }
}

/// Every page of every file is counted once.
fn check_sums(report: &Value, context: &str) {
    let number = |value: &Value| value.as_u64().unwrap();
    let (mut pages, mut bytes, mut damaged) = (0, 0, 0);
    let files = report["files"].as_array().unwrap();
    for file in files {
        let counted: u64 =
            ["valid", "zero", "damaged", "unverifiable", "doublewrite", "freed", "redo_rebuilds"]
                .iter()
                .map(|key| number(&file[*key]))
                .sum();
        assert_eq!(counted, number(&file["pages"]), "{context}: {file}");
        pages += counted;
        damaged += number(&file["damaged"]);
        bytes += counted * number(&file["page_size"]);
    }
    let listed: u64 = report["damaged"].as_array().unwrap().iter().map(|d| number(&d["pages"])).sum();
    let summary = &report["summary"];
    assert_eq!(number(&summary["files"]), files.len() as u64, "{context}");
    assert_eq!(number(&summary["pages"]), pages, "{context}");
    assert_eq!(number(&summary["bytes"]), bytes, "{context}");
    assert_eq!((number(&summary["damaged"]), listed), (damaged, damaged), "{context}");
    assert_eq!(summary["complete"], true, "{context}");
}

#[test]
fn damage_is_called_by_its_name() {
    let (dir, table) = healthy();
    let original = read(&table, 0, std::fs::metadata(&table).unwrap().len() as usize);
    let page = |n: u64| original[(n * PAGE) as usize..((n + 1) * PAGE) as usize].to_vec();
    let flipped = {
        let mut page = page(4);
        page[9000] ^= 0x10;
        page
    };
    let ieee = {
        let mut page = page(4);
        let sum = crc32fast::hash(&page[4..26]) ^ crc32fast::hash(&page[38..PAGE as usize - 8]);
        page[..4].copy_from_slice(&sum.to_be_bytes());
        page[PAGE as usize - 8..PAGE as usize - 4].copy_from_slice(&sum.to_be_bytes());
        page
    };
    let trailer = {
        let mut page = page(4);
        page[PAGE as usize - 1] ^= 0xFF;
        page
    };
    let cut = {
        let mut page = page(4);
        page[4096..].fill(0);
        page
    };
    for (bytes, state, class, says) in [
        (vec![0xFF; PAGE as usize], "corrupt", "ff", "every byte is 0xFF"),
        (vec![0; PAGE as usize], "zero", "zero", "every byte is zero"),
        (page(5), "misdirected", "misdirected", "it is page 5"),
        (flipped, "corrupt", "bit_flip", "bit 4 of byte 9000"),
        (ieee, "corrupt", "wrong_algorithm", "IEEE"),
        (trailer, "torn", "trailer", "trailer"),
        (cut, "torn", "torn", "zero"),
    ] {
        overwrite(&table, 4 * PAGE, &bytes);
        let output = scan(&[], dir.path());
        let report = json(&output);
        let found = only(&report);
        assert_eq!(
            (found["page_no"].as_u64(), &found["state"], &found["class"]),
            (Some(4), &state.into(), &class.into())
        );
        assert!(found["reason"].as_str().unwrap().contains(says), "{class}: {}", found["reason"]);
        assert_eq!(found["table"], "d/t1", "{class}");
        // The buffer has a copy of this very version: a page that still carries its LSN shows that.
        let proved = !["ff", "zero", "misdirected"].contains(&class);
        assert_eq!(code(&output), if proved { 1 } else { 2 }, "{class}");
        overwrite(&table, 4 * PAGE, &page(4));
    }
    assert_eq!(code(&scan(&[], dir.path())), 0);
}

#[test]
fn pages_that_moved_together_are_one_finding() {
    let (dir, table) = healthy();
    let used = read(&table, 0, 12 * PAGE as usize);
    // Pages 4 to 9 lie one page too far behind.
    overwrite(&table, 5 * PAGE, &used[4 * PAGE as usize..10 * PAGE as usize]);
    let report = json(&scan(&[], dir.path()));
    let found = only(&report);
    assert_eq!((&found["class"], &found["pages"]), (&"shifted".into(), &6.into()));
    assert_eq!((&found["page_no"], &report["summary"]["damaged"]), (&5.into(), &6.into()));
}

#[test]
fn pages_behind_inserted_sectors_are_one_finding() {
    for (by, told) in [(512_i64, "512 bytes further on"), (-1024, "1024 bytes before")] {
        let (dir, table) = healthy();
        let at = 4 * PAGE;
        let behind = read(&table, at, (std::fs::metadata(&table).unwrap().len() - at) as usize - 512);
        // The inserted sector, or the last of page 3 that are lost.
        overwrite(&table, at, &[0xA5; 512]);
        overwrite(&table, at.saturating_add_signed(by), &behind);
        let report = json(&scan(&[], dir.path()));
        let damaged = report["damaged"].as_array().unwrap();
        // Pages of which the doublewrite buffer has a copy stand by themselves behind it.
        let run = damaged.iter().find(|finding| finding["class"] == "shifted").unwrap();
        assert_eq!(run["page_no"], 4);
        assert!(run["pages"].as_u64().unwrap() > 4, "{run}");
        assert!(run["reason"].as_str().unwrap().contains(told), "{run}");
    }
}

#[test]
fn free_pages_are_harmless_whatever_lies_there() {
    let (dir, table) = healthy();
    let pages = std::fs::metadata(&table).unwrap().len() / PAGE;
    let last = (pages - 1) * PAGE;
    assert_eq!(read(&table, last, PAGE as usize), vec![0; PAGE as usize], "the last page is not in use");
    overwrite(&table, last, &vec![0x5A; PAGE as usize]);
    let output = scan(&[], dir.path());
    let report = json(&output);
    assert_eq!((code(&output), &report["summary"]["damaged"]), (0, &0.into()));
    let freed: u64 = report["files"].as_array().unwrap().iter().map(|f| f["freed"].as_u64().unwrap()).sum();
    assert_eq!(freed, 1);
}

#[test]
fn a_table_that_is_wholly_overwritten_is_not_left_out() {
    let (dir, table) = healthy();
    let len = std::fs::metadata(&table).unwrap().len();
    overwrite(&table, 0, &vec![0xFF; len as usize]);
    let output = scan(&[], dir.path());
    let report = json(&output);
    let found = only(&report);
    assert_eq!((code(&output), &found["file"], &found["class"]), (2, &"d/t1.ibd".into(), &"ff".into()));
    assert_eq!((&found["pages"], &found["table"]), (&(len / PAGE).into(), &"d/t1".into()));
}

#[test]
fn a_secondary_index_is_told_from_the_rows() {
    let dir = image("m56-innodb-16k");
    let report = json(&scan(&[], dir.path()));
    let found = only(&report);
    assert_eq!(
        (&found["table"], &found["index"], &found["rebuildable"]),
        (&"d/t1".into(), &"kb".into(), &true.into())
    );
    assert_eq!((&found["level"], &found["leaf"]), (&0.into(), &true.into()));
    let command = found["copy"]["command"].as_str().unwrap();
    assert_eq!(command, format!("dblwr restore {} --page 6:5", dir.path().display()));
    assert!(found["reason"].as_str().unwrap().contains("its first 4096 of 16384 bytes"));
}

#[test]
fn files_and_directories_are_scanned_together_and_one_failure_is_remembered() {
    let (dir, table) = healthy();
    let text = dir.path().join("text.ibd");
    std::fs::write(&text, "nothing of InnoDB\n".repeat(2000)).unwrap();
    let missing = dir.path().join("missing.ibd");
    let args = ["scan", "--json"].map(PathBuf::from).into_iter().chain([text, table.clone(), missing]);
    let output = dblwr(args);
    assert_eq!(code(&output), 3);
    let errors = stderr(&output);
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(errors.contains("text.ibd") && errors.contains("missing.ibd"), "{errors}");
    let report = json(&output);
    assert_eq!(report["files"].as_array().unwrap().len(), 1);
    assert_eq!(report["files"][0]["path"], table.display().to_string());
}

#[test]
fn foreign_input_ends_with_one_line_and_3() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.ibd");
    for bytes in [vec![], vec![0; 65536], vec![0xFF; 65536], b"text\n".repeat(10_000)] {
        std::fs::write(&file, &bytes).unwrap();
        let output = scan(&[], &file);
        assert_eq!((code(&output), stderr(&output).lines().count()), (3, 1), "{}", stderr(&output));
    }
    std::fs::remove_file(&file).unwrap();
    let output = scan(&[], dir.path());
    assert_eq!((code(&output), stderr(&output).lines().count()), (3, 1), "{}", stderr(&output));
}

#[test]
fn a_file_that_lies_alone_is_judged_by_itself() {
    let (_dir, table) = healthy();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("t1.ibd");
    std::fs::copy(&table, &copy).unwrap();
    assert_eq!(code(&scan(&[], &copy)), 0);
    overwrite(&copy, 5 * PAGE + 700, b"scratch");
    let output = scan(&[], &copy);
    assert_eq!(code(&output), 2);
    let report = json(&output);
    assert_eq!((&only(&report)["state"], &only(&report)["table"]), (&"corrupt".into(), &"d/t1".into()));
}

#[test]
fn the_second_system_file_alone_is_not_misdirected() {
    let dir = image("m56-two-ibdata");
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("ibdata2");
    std::fs::copy(dir.path().join("ibdata2"), &copy).unwrap();
    let report = json(&scan(&[], &copy));
    assert_eq!(only(&report)["page_no"], 768, "its torn page, and no other");
}

#[test]
fn lines_and_rows() {
    let dir = image("m97-16k");
    let run = |args: &[&str]| {
        let mut command: Vec<String> = vec!["scan".into()];
        command.extend(args.iter().map(|&arg| arg.to_owned()));
        command.push(dir.path().display().to_string());
        let output = dblwr(command);
        assert_eq!(code(&output), 1);
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = run(&["--format", "jsonl"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|&&kind| kind == "damaged").count(), 1);
    assert_eq!((kinds.iter().filter(|&&kind| kind == "file").count(), kinds.last()), (7, Some(&"summary")));
    let pages = lines.last().unwrap()["pages"].as_u64().unwrap() as usize;

    let table = run(&["--format", "csv"]);
    assert_eq!(table.lines().count(), 2, "a header and one finding");

    let rows = run(&["--pages", "--format", "jsonl"]);
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), pages);
    let torn: Vec<&Value> = rows.iter().filter(|row| row["state"] == "torn").collect();
    assert_eq!(torn.len(), 1);
    assert_eq!(
        (&torn[0]["page_no"], &torn[0]["space_id"], &torn[0]["damaged"]),
        (&7.into(), &2.into(), &true.into())
    );
    let leaf = |row: &&Value| row["type_name"] == "INDEX" && row["level"] == 0 && row["index_id"].is_u64();
    assert!(rows.iter().filter(leaf).count() > 50);

    let csv = run(&["--pages"]);
    let mut reader = csv.lines();
    assert_eq!(reader.next().unwrap().split(',').count(), 11);
    assert_eq!(reader.count(), pages);
}

#[test]
fn the_result_does_not_depend_on_threads_cache_or_rate() {
    let dir = image("m97-16k");
    // Commands that are printed carry the option that was given.
    let found = |args: &[&str]| {
        let text = json(&scan(args, dir.path())).to_string();
        ["1", "2", "7"].iter().fold(text, |text, n| text.replace(&format!(" --threads {n}"), ""))
    };
    let plain = found(&["--threads", "1"]);
    for args in [&["--threads", "7"][..], &["--direct"], &["--rate", "500"], &["--idle", "--threads", "2"]] {
        assert_eq!(found(args), plain, "{args:?}");
    }
}

#[test]
fn an_interrupted_scan_goes_on_where_it_was() {
    let (dir, away) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let record = away.path().join("record");
    let record_text = record.display().to_string();
    let whole = json(&scan(&[], dir.path()));
    // At 8 MiB a second what is not a hole takes several seconds: time enough to interrupt.
    let mut child = Command::new(env!("CARGO_BIN_EXE_dblwr"))
        .args(["scan", "--json", "--threads", "1", "--rate", "8", "--resume", &record_text])
        .arg(dir.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1800));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let status = child.wait().unwrap();
    let partly: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(partly["summary"]["complete"], false, "{partly:#}");
    let damaged_so_far = partly["summary"]["damaged"].as_u64().unwrap();
    assert_eq!(status.code(), Some(if damaged_so_far > 0 { 1 } else { 3 }));
    let pages = partly["summary"]["pages"].as_u64().unwrap();
    assert!(pages > 0 && pages < whole["summary"]["pages"].as_u64().unwrap(), "{pages}");

    // As after a power failure: the last line of the record is cut.
    let mut cut = OpenOptions::new().append(true).open(&record).unwrap();
    cut.seek(SeekFrom::End(0)).unwrap();
    cut.write_all(b"{\"part\":{\"path\":\"").unwrap();
    let resumed = json(&scan(&["--resume", &record_text], dir.path()));
    let sorted = |report: &Value| {
        let mut files: Vec<String> =
            report["files"].as_array().unwrap().iter().map(Value::to_string).collect();
        files.sort();
        files
    };
    assert_eq!(damaged(&resumed), damaged(&whole));
    assert_eq!(sorted(&resumed), sorted(&whole));
    assert_eq!(resumed["summary"], whole["summary"]);
    // And once more: everything is done.
    let again = json(&scan(&["--resume", &record_text], dir.path()));
    assert_eq!(damaged(&again), damaged(&whole));
    assert_eq!(again["summary"], whole["summary"]);

    std::fs::write(&record, "something else\n").unwrap();
    let refused = scan(&["--resume", &record_text], dir.path());
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("no earlier output of this kind"), "{}", stderr(&refused));
}

#[test]
fn progress_is_written_to_a_descriptor() {
    let dir = image("m56-innodb-16k");
    let progress = dir.path().join("progress");
    let command = format!(
        "exec {} scan --json --progress-fd 5 {} 5>{}",
        env!("CARGO_BIN_EXE_dblwr"),
        dir.path().display(),
        progress.display()
    );
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = std::fs::read_to_string(&progress).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["done"], &last["files"], &last["bytes"]),
        (&true.into(), &8.into(), &last["bytes_total"])
    );
}

#[test]
fn a_sparse_file_that_shrinks_is_an_error_and_no_signal() {
    // The rows of more pages than a pipe holds, and more jobs than the threads may be ahead of the one that writes them:
    // the scan cannot come to its end before its rows are read, and has begun when the first of them is there.
    let (_dir, table) = healthy();
    let file = OpenOptions::new().write(true).open(&table).unwrap();
    file.set_len(160 << 20).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_dblwr"))
        .args(["scan", "--threads", "1", "--pages", "--format", "jsonl"])
        .arg(&table)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    file.set_len(1 << 20).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.matches("it shrank meanwhile").count(), 1, "{said}");
}

#[test]
fn a_page_that_was_lost_is_told_from_one_that_was_never_written() {
    // After a crash: a zero page that neighbours from before the checkpoint name.
    let dir = image("m97-16k");
    let rows = dblwr(["scan", "--pages", "--format", "jsonl", dir.path().join("d/t1.ibd").to_str().unwrap()]);
    let rows: Vec<Value> = String::from_utf8(rows.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let checkpoint =
        json(&dblwr(["verify", "--json", dir.path().to_str().unwrap()]))["redo"]["checkpoint_lsn"].as_u64();
    let old =
        |row: &&Value| row["level"] == 0 && row["lsn"].as_u64() < checkpoint && row["type_name"] == "INDEX";
    let table = dir.path().join("d/t1.ibd");
    let neighbour = rows.iter().find(old).expect("a leaf from before the checkpoint");
    let at = neighbour["page_no"].as_u64().unwrap() * PAGE;
    let next = u32::from_be_bytes(read(&table, at + 12, 4).try_into().unwrap());
    assert_ne!(next, u32::MAX);
    overwrite(&table, u64::from(next) * PAGE, &vec![0; PAGE as usize]);
    let report = json(&scan(&[], dir.path()));
    assert!(
        damaged(&report).contains(&("d/t1.ibd".into(), u64::from(next) * PAGE, "zero".into())),
        "{report:#}"
    );
}
