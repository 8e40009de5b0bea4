//! `dblwr page` on real images: states, checksums and the way back.

use std::path::Path;

use crate::support::{cases, code, dblwr, expected, image, json, stderr, unpack};
use serde_json::Value;

fn page(file: &Path, number: u64, more: &[&str]) -> std::process::Output {
    dblwr(["page", file.to_str().unwrap(), &number.to_string()].iter().copied().chain(more.iter().copied()))
}

#[test]
fn damaged_pages_end_with_what_can_be_done_about_them() {
    for case in cases() {
        let dir = unpack(&case);
        for wanted in expected(&case)["pages"].as_array().unwrap() {
            let file = dir.path().join(wanted["file"].as_str().unwrap());
            let number = wanted["page_no"].as_u64().unwrap();
            let output = page(&file, number, &["--json"]);
            let report = json(&output);
            let context = format!("{} {number}: {}", file.display(), stderr(&output));
            assert_eq!(report["state"], wanted["home_state"], "{context}");
            assert_eq!(report["offset"], wanted["offset"], "{context}");
            let restorable = wanted["verdict"] == "restorable";
            assert_eq!(report["restore_command"].is_string(), restorable, "{context}");
            let code_wanted = match (restorable, wanted["home_state"] == "zero") {
                (true, _) => 1,
                (false, true) => 0,
                (false, false) => 2,
            };
            assert_eq!(code(&output), code_wanted, "{context}");
            if restorable {
                let copies = report["copies"].as_array().unwrap();
                assert!(copies.iter().any(|copy| copy["verdict"] == "restorable"), "{context}");
            }
        }
    }
}

#[test]
fn a_sound_page_shows_its_checksums_and_fields() {
    let dir = image("m97-ibdata");
    let output = page(&dir.path().join("d/t1.ibd"), 0, &["--json", "--hex"]);
    let report = json(&output);
    assert_eq!((code(&output), &report["state"]), (0, &Value::from("valid")));
    assert_eq!(report["schema_version"], 1);
    let checksums = report["page"]["checksums"].as_array().unwrap();
    let matching: Vec<_> =
        checksums.iter().filter(|c| c["matches"] == true).map(|c| &c["algorithm"]).collect();
    assert_eq!(matching, ["crc32", "crc32"]);
    assert_eq!(checksums.len(), 8);
    let bytes = std::fs::read(dir.path().join("d/t1.ibd")).unwrap();
    let lines = report["page"]["hex"].as_array().unwrap();
    let first = lines[0]["hex"].as_str().unwrap().replace(' ', "");
    assert_eq!(u32::from_str_radix(&first, 16).unwrap(), u32::from_be_bytes(bytes[..4].try_into().unwrap()));
    assert_eq!(lines[0]["region"], "FIL_PAGE_SPACE_OR_CHKSUM");
    assert!(lines.iter().any(|line| line["region"] == "FSP_SIZE"));
}

#[test]
fn numbers_count_in_the_whole_system_tablespace() {
    let dir = image("m56-two-ibdata");
    for file in ["ibdata1", "ibdata2"] {
        let report = json(&page(&dir.path().join(file), 769, &["--json"]));
        assert!(report["file"].as_str().unwrap().ends_with("ibdata2"), "{report}");
        assert_eq!((&report["offset"], &report["state"]), (&Value::from(16384), &Value::from("valid")));
    }
}

#[test]
fn past_the_end_and_foreign_files_are_errors() {
    let dir = image("m97-ibdata");
    let file = dir.path().join("d/t1.ibd");
    let pages = std::fs::metadata(&file).unwrap().len() / 16384;
    let output = page(&file, pages, &[]);
    assert_eq!((code(&output), output.stdout.len()), (3, 0));
    assert!(stderr(&output).contains(&format!("offset {}", pages * 16384)), "{}", stderr(&output));
    assert_eq!(code(&page(&file, u64::from(u32::MAX), &[])), 3);
    assert_eq!(code(&page(&file, u64::from(u32::MAX) + 1, &[])), 3);
    assert_eq!(code(&page(dir.path(), 0, &[])), 3);
    assert_eq!(code(&page(&dir.path().join("none"), 0, &[])), 3);

    let alone = tempfile::tempdir().unwrap();
    let junk = alone.path().join("t.ibd");
    for bytes in [&b""[..], b"text", &[0xFF; 100_000], &[0; 100_000]] {
        std::fs::write(&junk, bytes).unwrap();
        let output = page(&junk, 0, &[]);
        assert_eq!((code(&output), output.stdout.len()), (3, 0), "{}", stderr(&output));
    }
}

#[test]
fn zero_pages_are_shown_and_slots_are_pages_of_a_doublewrite_file() {
    let dir = image("m56-two-ibdata");
    let system = std::fs::read(dir.path().join("ibdata1")).unwrap();
    let zero = system.chunks(16384).position(|page| page.iter().all(|&byte| byte == 0)).unwrap();
    let output = page(&dir.path().join("ibdata1"), zero as u64, &["--json"]);
    assert_eq!((code(&output), &json(&output)["state"]), (0, &Value::from("zero")));

    let dir = image("m97-ibdata");
    let slots = dir.path().join("#ib_16384_0.dblwr");
    let report = json(&page(&slots, 189, &["--json"]));
    assert_eq!(report["slots"][0]["page_no"], 5);
    assert_eq!(code(&page(&slots, 256, &[])), 3);
}

#[test]
fn a_damaged_page_of_a_file_that_lies_alone_has_no_copy() {
    let (dir, alone) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let file = alone.path().join("t1.ibd");
    std::fs::copy(dir.path().join("d/t1.ibd"), &file).unwrap();
    let output = page(&file, 7, &["--json"]);
    let report = json(&output);
    assert_eq!((code(&output), &report["state"]), (2, &Value::from("torn")));
    assert!(report["copies"].as_array().unwrap().is_empty());
}

#[test]
fn a_page_says_of_which_table_and_index_it_is_wherever_it_is_named() {
    let dir = image("m97-16k");
    let table = dir.path().join("d/t1.ibd");
    let here = json(&dblwr(["page", "--json", table.to_str().unwrap(), "7"]));
    assert_eq!((&here["table"], &here["index"]), (&"d/t1".into(), &"PRIMARY".into()), "{here:#}");
    assert_eq!(here["file"], table.to_str().unwrap());
    // A directory and the page in full name the same page.
    let whole = json(&dblwr(["page", "--json", dir.path().to_str().unwrap(), "2:7"]));
    assert_eq!((&whole["page"], &whole["table"]), (&here["page"], &here["table"]));
    // So does a folder of it: the buffer lies above.
    let folder = dblwr(["page", "--json", dir.path().join("d").to_str().unwrap(), "2:7"]);
    assert_eq!((code(&folder), json(&folder)["restore_command"].is_string()), (1, true));
    for (page, said) in [("7", "0:7"), ("99:1", "no file here holds tablespace 99")] {
        let output = dblwr(["page", dir.path().to_str().unwrap(), page]);
        assert_eq!((code(&output), stderr(&output).contains(said)), (3, true), "{}", stderr(&output));
    }
    // Of an old server the names stand in the system tablespace.
    let old = image("m56-innodb-16k");
    let torn = json(&dblwr(["page", "--json", old.path().to_str().unwrap(), "6:5"]));
    assert_eq!(torn["table"], "d/t1", "{torn:#}");
}

#[test]
fn flags_have_names_and_only_the_sums_that_tell_are_shown() {
    let dir = image("m97-16k");
    let table = dir.path().join("d/t1.ibd");
    let text = |options: &[&str]| {
        let output = dblwr([&["page", table.to_str().unwrap(), "0"], options].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let plain = text(&[]);
    assert!(plain.contains("0x00004021 (POST_ANTELOPE, ATOMIC_BLOBS, SDI, 16384-byte pages)"), "{plain}");
    assert!(plain.contains("crc32      16376") && !plain.contains("innodb"), "{plain}");
    assert!(text(&["-v"]).contains("innodb     16376"));
}
