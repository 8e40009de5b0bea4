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

/// The value of a field of a page.
fn field(report: &Value, name: &str) -> String {
    let fields = report["page"]["fields"].as_array().unwrap();
    let found = fields.iter().find(|field| field["name"] == name);
    found.and_then(|field| field["value"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn keys_are_shown_by_the_types_of_their_columns() {
    // The pages of an index lie one further in MySQL 9.7, which keeps SDI on page 3.
    let (mysql, maria) = (image("keys-m97"), image("keys-ma1011"));
    for (table, at, index, first, last) in [
        ("types", 3, "PRIMARY", "id = 1", "id = 59"),
        ("types", 4, "k1", r#"dt = 2026-12-01 03:17:01, s = "ssss", id = 1"#, ""),
        ("types", 5, "k2", r#"c = "c1", u = -29, id = 1"#, r#"c = "c9", u = -21, id = 9"#),
        ("types", 6, "k3", "", "de = 1134567890.1234, d = 2026-11-02, id = 1"),
        ("types", 7, "k4", "ts = 2020-01-02 03:04:05 UTC, tm = -12:04:59, y = 2059, id = 59", ""),
        ("types", 8, "k5", "f = 1.5, g = -1.25, id = 1", "f = 59.5, g = -59.25, id = 59"),
        ("types", 9, "k6", "e = 2, bin = 0x0001, id = 1", "e = 2, bin = 0x0059, id = 59"),
        ("types", 10, "k7", r#"s = "ssss", id = 1"#, ""),
        ("strkey", 3, "PRIMARY", r#"name = "key001", n = 1"#, r#"name = "key059", n = 59"#),
        ("nokey", 3, "GEN_CLUST_INDEX", "DB_ROW_ID = 512", "DB_ROW_ID = 570"),
        ("nokey", 4, "kb", r#"b = "n1", DB_ROW_ID = 512"#, r#"b = "n9", DB_ROW_ID = 520"#),
        ("ft", 4, "FTS_DOC_ID_INDEX", "", ""),
    ] {
        for (dir, behind_sdi) in [(&mysql, 1), (&maria, 0)] {
            let file = dir.path().join(format!("data/d/{table}.ibd"));
            let report = json(&page(&file, at + behind_sdi, &["--json"]));
            let context = format!("{} {at}", file.display());
            assert_eq!(report["index"], index, "{context}");
            let (has_first, has_last) = (field(&report, "first key"), field(&report, "last key"));
            // How many digits a DECIMAL has does not stand in the dictionary of MariaDB.
            if behind_sdi == 1 || index != "k3" {
                assert!(first.is_empty() || has_first == first, "{context}: {has_first}");
                assert!(last.is_empty() || has_last == last, "{context}: {has_last}");
            } else {
                assert!(
                    has_last.starts_with("de = 0x") && has_last.ends_with("d = 2026-11-02, id = 1"),
                    "{has_last}"
                );
            }
        }
    }
    let sdi = json(&page(&mysql.path().join("data/d/types.ibd"), 3, &["--json"]));
    assert!(field(&sdi, "first key").starts_with("type = 1, id = "), "{sdi:#}");
}

#[test]
fn indexes_of_subpartitions_have_their_names_and_damaged_compressed_pages_those_of_their_neighbours() {
    let dir = image("keys-m97");
    for (file, at, index) in [
        ("sp#p#p0#sp#p0sp0.ibd", 4, "PRIMARY"),
        ("sp#p#p0#sp#p0sp1.ibd", 5, "kv"),
        ("sp#p#p1#sp#p1sp1.ibd", 4, "PRIMARY"),
    ] {
        let report = json(&page(&dir.path().join("data/d").join(file), at, &["--json"]));
        assert_eq!(report["index"], index, "{file}");
        assert!(report["table"].as_str().unwrap().starts_with("d/sp partition p"), "{report:#}");
    }
    // The head of a leaf is gone: its file segment tells. The dictionary of MySQL 9.7 has no name for it: SDI is compressed, too.
    let maria = image("keys-ma1011");
    for (dir, name, at) in [(&maria, Some("PRIMARY"), 6), (&dir, None, 7)] {
        let file = dir.path().join("data/d/zip.ibd");
        let whole = json(&page(&file, at, &["--json"]));
        let mut bytes = std::fs::read(&file).unwrap();
        let start = at as usize * 8192;
        bytes[start..start + 512].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        let report = json(&page(&file, at, &["--json"]));
        assert_eq!(
            (&report["state"], &report["index_id"]),
            (&"corrupt".into(), &whole["index_id"]),
            "{report:#}"
        );
        assert!(report["index_id"].is_u64(), "{report:#}");
        assert_eq!(report["index"].as_str(), name);
    }
}

#[test]
fn a_turned_bit_is_said_as_scan_says_it() {
    for (case, at) in [("m97-16k", 8), ("ma1011-full-16k", 5), ("m56-zip8", 6)] {
        let dir = image(case);
        let alone = tempfile::tempdir().unwrap();
        let file = alone.path().join("t1.ibd");
        let mut bytes = std::fs::read(dir.path().join("d/t1.ibd")).unwrap();
        let size = if case == "m56-zip8" { 8192 } else { 16384 };
        bytes[at * size + 3000] ^= 0x10;
        std::fs::write(&file, bytes).unwrap();
        let report = json(&page(&file, at as u64, &["--json"]));
        let scan = json(&dblwr(["scan", "--json", file.to_str().unwrap()]));
        let damaged = scan["damaged"].as_array().unwrap();
        let here = damaged.iter().find(|page| page["page_no"] == at).unwrap();
        assert_eq!(report["class"], here["class"], "{case}");
        let (said, scanned) = (report["reason"].as_str().unwrap(), here["reason"].as_str().unwrap());
        assert!(scanned.starts_with(said), "{case}: {said} / {scanned}");
        // Only a CRC tells which bit it was.
        assert_eq!(said.starts_with("bit 4 of byte 3000 is wrong"), case != "m56-zip8", "{case}: {said}");
    }
}

#[test]
fn a_later_file_of_a_system_tablespace_is_not_the_first() {
    let dir = image("m56-two-ibdata");
    let second = dir.path().join("ibdata2");
    let report = json(&page(&second, 0, &["--json"]));
    assert!(report["file"].as_str().unwrap().ends_with("ibdata1"), "{report:#}");
    let note = report["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<String>();
    assert!(note.contains("ibdata2 holds pages 768 to 1535") && note.contains("page 0 lies in"), "{note}");
    let alone = tempfile::tempdir().unwrap();
    let file = alone.path().join("ibdata2");
    std::fs::copy(&second, &file).unwrap();
    let report = json(&page(&file, 771, &["--json"]));
    assert_eq!((&report["state"], &report["offset"]), (&"valid".into(), &(3 * 16384).into()), "{report:#}");
    let output = page(&file, 3, &[]);
    assert_eq!(
        (code(&output), stderr(&output).contains("begins with page 768")),
        (3, true),
        "{}",
        stderr(&output)
    );
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
