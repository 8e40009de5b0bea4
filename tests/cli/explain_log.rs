//! `explain-log` through the binary: logs of real servers, logs as people posted them, and inputs that are none.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{code, dblwr, json, stderr, testdata};
use serde_json::Value;

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn explain(log: &Path) -> Output {
    dblwr(["explain-log".as_ref(), log.as_os_str()])
}

fn explain_json(log: &Path) -> (i32, Value) {
    let output = dblwr(["explain-log".as_ref(), "--json".as_ref(), log.as_os_str()]);
    (code(&output), json(&output))
}

/// Exit status, the headline, and how each page ends.
fn ending(name: &str) -> (i32, String, Vec<String>) {
    let log = testdata(&format!("logs/{name}.log"));
    let (status, report) = explain_json(&log);
    let headline = stdout(&explain(&log)).lines().next().unwrap_or_default().to_owned();
    let page = |page: &Value| {
        let space = page["space_id"].as_u64().map_or_else(|| "?".to_owned(), |space| space.to_string());
        format!("{space}:{} {}", page["page_no"], page["outcome"].as_str().unwrap())
    };
    (status, headline, report["pages"].as_array().unwrap().iter().map(page).collect())
}

/// A file of this text in a directory of its own.
fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("an error.log");
    std::fs::write(&file, bytes).unwrap();
    (dir, file)
}

#[test]
fn what_people_posted_is_what_it_was() {
    for (name, status, headline, pages) in [
        (
            "garbage-read",
            1,
            "ATTENTION: 1 damaged page named",
            &["0:433 damaged", "0:440 mended", "0:441 mended"][..],
        ),
        (
            "cut-file",
            2,
            "CRITICAL: a file is cut; the redo log is damaged or ends early; the server did not start",
            &[],
        ),
        ("first-page", 2, "CRITICAL: 1 damaged page, 1 of them without a usable copy", &["570:0 lost"]),
        ("zip-without-checksum", 1, "ATTENTION: 1 damaged page named; the server died", &["1:3 damaged"]),
        (
            "read-too-early",
            1,
            "ATTENTION: 2 damaged pages named; an index is damaged",
            &["33:262144 damaged", "33:262145 damaged"],
        ),
        ("zero-page", 1, "ATTENTION: an index is damaged; a page of zeros was read; the server died", &[]),
        (
            "checksum-zero",
            1,
            "ATTENTION: 1 page refused by the server though the checksum fits",
            &["168:178467 sound"],
        ),
        (
            "two-files-one-id",
            2,
            "CRITICAL: two files claim one space id; a file could not be opened; the server did not start",
            &[],
        ),
        ("all-ones", 1, "ATTENTION: 1 damaged page named", &["22291:4096 damaged"]),
        ("xtrabackup", 1, "ATTENTION: 1 damaged page named; a backup is not complete", &["?:25413 damaged"]),
        (
            "redo-size",
            2,
            "CRITICAL: a redo file has the wrong size; a system tablespace file has the wrong size",
            &[],
        ),
        ("innochecksum", 1, "ATTENTION: 2 damaged pages named", &["?:0 damaged", "?:1834 damaged"]),
    ] {
        let pages = pages.iter().map(|&page| page.to_owned()).collect();
        assert_eq!(ending(&format!("posted-{name}")), (status, headline.to_owned(), pages), "{name}");
    }
}

#[test]
fn what_the_log_shows_beyond_its_words_is_said() {
    for (name, sentences) in [
        (
            "garbage-read",
            &["what was read calls itself page 134218240:1048576: another page, or garbage"][..],
        ),
        ("cut-file", &["it has 49152 of at least 65536: 16384 are missing", "missing at LSN 14003348429"]),
        ("zip-without-checksum", &["3735928559 is 0xdeadbeef: the page was written with checksums off"]),
        (
            "read-too-early",
            &[
                "262144 pages too early, 4 GiB: a 32-bit offset on the way; the file itself may be sound",
                "dblwr scan DATADIR",
            ],
        ),
        (
            "zero-page",
            &[
                "a page of zeros was read; the number in the dump is what stands in the page, not which page it is",
            ],
        ),
        ("checksum-zero", &["stored and calculated crc32 are both 0: a known fault of servers"]),
        (
            "two-files-one-id",
            &[r"Previous tablespace mysql/innodb_table_stats", r"the other file is .\xat\payments.ibd"],
        ),
        ("all-ones", &["every field that was read is 0xFF"]),
        ("redo-size", &["it has 0 pages: the file is empty"]),
    ] {
        let text = stdout(&explain(&testdata(&format!("logs/posted-{name}.log"))));
        for sentence in sentences {
            assert!(text.contains(sentence), "{name}: {sentence}\n{text}");
        }
    }
}

#[test]
fn a_mending_is_said_as_a_mending_and_a_stop_as_a_stop() {
    let mended = "OK: no page that the log names is left damaged";
    for (name, status, headline) in [
        ("m55-16k", 0, mended),
        ("m56-innodb-16k", 0, mended),
        ("m56-two-ibdata", 0, mended),
        ("m57-16k", 0, mended),
        ("m8012-16k", 0, mended),
        ("m80-16k", 0, mended),
        ("m97-16k", 0, mended),
        ("ma101-crc32", 0, mended),
        ("ma102-16k", 0, mended),
        ("ma114-16k", 0, mended),
        ("ma118-mended", 0, mended),
        ("ma1011-enc-full", 0, mended),
        ("m97-ibdata", 1, "ATTENTION: 1 damaged page named"),
        ("m97-older-copy", 1, "ATTENTION: the server died"),
        (
            "m97-later-life",
            2,
            "CRITICAL: 2 damaged pages named; the redo log is damaged or ends early; the server died",
        ),
        ("m97-detect-only", 2, "CRITICAL: 1 damaged page, 1 of them without a usable copy; the server died"),
        ("ma105-pagecompressed", 1, "ATTENTION: 1 damaged page named; the server did not start"),
        ("ma118-ibd-page0", 1, "ATTENTION: 1 damaged page named"),
        // The server looked for copies, and does not say what came of it.
        ("ma118-encrypting", 1, "ATTENTION: 109 damaged pages named"),
    ] {
        let (got, line, _) = ending(name);
        assert_eq!((got, line.as_str()), (status, headline), "{name}");
    }
}

#[test]
fn a_table_that_was_lost_with_its_first_page_is_one_thing() {
    let (_, report) = explain_json(&testdata("logs/ma118-ibd-page0.log"));
    assert_eq!(report["pages"].as_array().unwrap().len(), 1);
    assert_eq!(report["pages"][0]["said"].as_array().unwrap().len(), 2);
    assert_eq!(report["others"], Value::Array(vec![]));
}

#[test]
fn an_error_that_is_not_known_is_quoted_and_never_ok() {
    let mut text = String::new();
    for number in 0..1000 {
        writeln!(text, "2024-01-01 10:00:00 0 [ERROR] InnoDB: The moon {number} is full").unwrap();
    }
    let (_dir, file) = written(text.as_bytes());
    let output = explain(&file);
    let shown = stdout(&output);
    assert_eq!(code(&output), 3, "{shown}");
    assert!(shown.starts_with("UNKNOWN: 1 error message that dblwr does not know\n"), "{shown}");
    assert!(shown.contains("line 1 (1000 times, last in line 1000): The moon 0 is full"), "{shown}");
    // Damage is worse than what is not known, and hides it not.
    let more = format!(
        "{text}2024-01-01 10:00:00 0 [ERROR] InnoDB: The first page of file ./d/t1.ibd is corrupted\n"
    );
    let (_dir, file) = written(more.as_bytes());
    let output = explain(&file);
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("The moon 0 is full"));
}

#[test]
fn why_a_server_did_not_start_is_said() {
    let aborted = "2024-01-01 10:00:01 0 [ERROR] InnoDB: Plugin initialization aborted with error Generic error\n\
        2024-01-01 10:00:01 0 [ERROR] Plugin 'InnoDB' registration as a STORAGE ENGINE failed.\n\
        2024-01-01 10:00:01 0 [ERROR] Unknown/unsupported storage engine: InnoDB\n\
        2024-01-01 10:00:01 0 [ERROR] Aborting\n";
    let started = "2024-01-01 11:00:00 0 [Note] InnoDB: log sequence number 2256458; transaction id 31\n";
    for (line, status, cause) in [
        ("InnoDB: Unable to lock ./ibdata1 error: 11", 1, "another process held the files"),
        ("InnoDB: The innodb_system data file 'ibdata1' must be writable", 1, "access was denied"),
        (
            "InnoDB: The error means mariadbd does not have the access rights to the directory.",
            1,
            "access was denied",
        ),
        (
            "InnoDB: Operating system error number 28 in a file operation.",
            1,
            "the operating system reported an error",
        ),
        ("InnoDB: Cannot allocate memory for the buffer pool", 1, "the configuration does not fit"),
        (
            "InnoDB: Log file ./ib_logfile1 is of different size 5242880 bytes than other log files 50331648 bytes!",
            2,
            "a redo file has the wrong size",
        ),
        ("InnoDB: Invalid log header checksum", 2, "the redo log is damaged or ends early"),
        (
            "InnoDB: Tablespace 5 has been found in two places: './d/a.ibd' and './d/b.ibd'. You must delete one of them.",
            2,
            "two files claim one space id",
        ),
        (
            "InnoDB: Data file './ibdata1' uses page size 4096, but the innodb_page_size start-up parameter is 16384",
            1,
            "the configuration does not fit",
        ),
    ] {
        let text = format!("2024-01-01 10:00:00 0 [ERROR] {line}\n{aborted}");
        let (_dir, file) = written(text.as_bytes());
        let output = explain(&file);
        let headline = stdout(&output).lines().next().unwrap().to_owned();
        assert_eq!(code(&output), status, "{line}: {headline}");
        assert!(headline.contains(&format!("{cause}; the server did not start")), "{line}: {headline}");
        // What stops a start and no more is over when the next one succeeds.
        let (_dir, file) = written(format!("{text}{started}").as_bytes());
        let (now, _) = explain_json(&file);
        let lasts = ["log header", "two places"].iter().any(|what| line.contains(what));
        assert_eq!(now, if lasts { 2 } else { 0 }, "{line}");
    }
}

#[test]
fn what_is_no_log_is_foreign_and_has_its_word() {
    let wide: Vec<u8> = "2019 [Note] InnoDB: x\n".repeat(9).bytes().flat_map(|byte| [byte, 0]).collect();
    let with_mark: Vec<u8> = [&[0xff, 0xfe][..], &wide].concat();
    let packed = zstd::encode_all(&b"2019-01-01 [Note] InnoDB: x\n"[..], 0).unwrap();
    for (bytes, word) in [
        (&b""[..], "the file is empty"),
        (&[0; 5000], "zeros"),
        (&[0xff; 5000], "no line looks like one of a server's error log"),
        (
            b"root:x:0:0:root:/root:/bin/bash\nmysql:x:27:27:MySQL Server:/var/lib/mysql:/sbin/nologin\n",
            "no line looks like",
        ),
        (b"\x1f\x8b\x08\0\0\0\0\0", "zcat"),
        (&packed, "zstdcat"),
        (&wide, "iconv -f UTF-16"),
        (&with_mark, "iconv -f UTF-16"),
        (b"# Notes\n\nInnoDB is a storage engine. [ERROR] is a word.\n", "no line looks like"),
    ] {
        let (_dir, file) = written(bytes);
        let output = explain(&file);
        let said = stderr(&output);
        assert_eq!((code(&output), stdout(&output).as_str()), (3, ""), "{said}");
        assert!(said.contains(word) && said.trim_end().lines().count() == 1, "{word}: {said}");
    }
    // A page of a data file is none, either.
    let dir = crate::support::image("m56-zip8");
    assert_eq!(code(&explain(&dir.path().join("ibdata1"))), 3);
}

#[test]
fn the_next_command_can_be_pasted() {
    let log = std::fs::read(testdata("logs/posted-all-ones.log")).unwrap();
    let (_dir, file) = written(&log);
    let text = stdout(&explain(&file));
    assert!(text.contains(&format!("dblwr explain-log '{}' --against DATADIR", file.display())), "{text}");
}

#[test]
fn a_line_of_many_megabytes_is_passed_over() {
    let mut text = b"2024-01-01 10:00:00 0 [Note] InnoDB: ".to_vec();
    text.resize(64 << 20, b'x');
    text.extend_from_slice(
        b"\n2024-01-01 10:00:00 0 [ERROR] InnoDB: The first page of file ./d/t1.ibd is corrupted\n",
    );
    let (_dir, file) = written(&text);
    let (status, report) = explain_json(&file);
    assert_eq!(
        (status, report["lines"].as_u64(), report["pages"][0]["said"][0]["line"].as_u64()),
        (1, Some(2), Some(2))
    );
}
