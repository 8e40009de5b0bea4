//! `dblwr dump` on real images: what it lists is what lies there, what it extracts are the very bytes.

use std::path::Path;

use crate::support::{cases, code, dblwr, expected, image, json, sha256, stderr, tree, unpack};
use serde_json::Value;

fn dump(dir: &Path, more: &[&str]) -> std::process::Output {
    dblwr(["dump", dir.to_str().unwrap()].iter().chain(more))
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn every_slot_is_listed_and_used_ones_are_those_of_verify() {
    for case in cases() {
        let dir = unpack(&case);
        let output = dump(dir.path(), &["--json"]);
        assert_eq!(code(&output), 0, "{}: {}", case.display(), stderr(&output));
        let report = json(&output);
        assert_eq!(report["schema_version"], 1);
        let slots = report["slots"].as_array().unwrap();
        let full = |area: &&Value| area["kind"] != "reduced";
        let stated: u64 = report["areas"]
            .as_array()
            .unwrap()
            .iter()
            .filter(full)
            .map(|a| a["slots"].as_u64().unwrap())
            .sum();
        let listed =
            slots.iter().filter(|slot| !slot["page_type"].is_null() || slot["use"] != "copy").count();
        assert_eq!(listed as u64, stated, "{}", case.display());

        let verified = json(&dblwr(["verify", "--json", dir.path().to_str().unwrap()]));
        let place =
            |slot: &Value| (slot["file"].as_str().unwrap().to_owned(), slot["index"].as_u64().unwrap());
        let pages = verified["pages"].as_array().unwrap().iter();
        let of_verify: Vec<_> = pages
            .filter(|page| !page["copy"]["page_type"].is_null())
            .map(|page| place(&page["slot"]))
            .collect();
        let used = slots.iter().filter(|slot| slot["use"] == "copy" && slot["live"] == true);
        let of_dump: Vec<_> = used.filter(|slot| !slot["page_type"].is_null()).map(place).collect();
        assert_eq!(of_dump, of_verify, "{}", case.display());
    }
}

#[test]
fn extracted_copies_are_what_a_restore_would_write() {
    for case in cases() {
        let (dir, out) = (unpack(&case), tempfile::tempdir().unwrap());
        let before = tree(dir.path());
        let target = out.path().join("new/pages");
        let output = dump(dir.path(), &["--json", "--out", target.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}: {}", case.display(), stderr(&output));
        assert_eq!(tree(dir.path()), before, "{}", case.display());
        let report = json(&output);
        let extracted = |file: &Value, index: &Value| {
            let slots = report["slots"].as_array().unwrap();
            let slot = slots.iter().find(|slot| slot["file"] == *file && slot["index"] == *index).unwrap();
            sha256(&std::fs::read(target.join(slot["extracted"].as_str().unwrap())).unwrap())
        };
        for page in expected(&case)["pages"].as_array().unwrap() {
            if page["verdict"] == "restorable" {
                let best = &page["best_copy"];
                assert_eq!(
                    extracted(&best["file"], &best["slot"]),
                    page["sha256_after"],
                    "{}",
                    case.display()
                );
            }
        }
        let copies = tree(&target).len();
        let named = report["slots"].as_array().unwrap().iter().filter(|s| s["extracted"].is_string()).count();
        assert_eq!(copies, named, "{}", case.display());
        if copies > 0 {
            let again = dump(dir.path(), &["--out", target.to_str().unwrap()]);
            assert_eq!(code(&again), 3, "nothing is overwritten");
        }
    }
}

#[test]
fn nothing_is_extracted_into_a_data_directory() {
    let dir = image("m56-two-ibdata");
    let before = tree(dir.path());
    for inside in [dir.path().to_path_buf(), dir.path().join("d"), dir.path().join("new")] {
        let output = dump(dir.path(), &["--out", inside.to_str().unwrap()]);
        assert_eq!(code(&output), 3);
        assert!(stderr(&output).contains("lies in the data directory"), "{}", stderr(&output));
    }
    assert_eq!(tree(dir.path()), before);
    assert!(!dir.path().join("new").exists());
}

#[test]
fn all_copies_of_a_page_are_decoded() {
    let dir = image("m97-ibdata");
    let report = json(&dump(dir.path(), &["--json", "--page", "0:5"]));
    let slots = report["slots"].as_array().unwrap();
    let found: Vec<_> =
        slots.iter().map(|s| (s["index"].as_u64().unwrap(), s["lsn"].as_u64().unwrap())).collect();
    assert_eq!(found, [(61, 21_941_976), (189, 22_799_400)]);
    let page = &slots[1]["page"];
    assert_eq!((&page["state"], &page["algorithm"]), (&Value::from("valid"), &Value::from("crc32")));
    let field = |name: &str| {
        let fields = page["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).map(|field| field["value"].clone())
    };
    assert_eq!(field("TRX_SYS_DOUBLEWRITE_MAGIC"), Some(Value::from("536853855")));
    assert!(page.get("hex").is_none());

    let nothing = dump(dir.path(), &["--page", "4000:5"]);
    let (said, wanted) = (text(&nothing), "no slot holds a copy of this page\n");
    assert!(code(&nothing) == 0 && said.starts_with(wanted), "{said}");
    // Other pages of the directory can still be restored.
    assert!(said.contains("its start overwrites the copies"), "{said}");
}

#[test]
fn one_slot_with_annotated_bytes() {
    let dir = image("m97-ibdata");
    let output = dump(dir.path(), &["--slot", "#ib_16384_0.dblwr:189", "--hex"]);
    let text = text(&output);
    assert_eq!(code(&output), 0);
    assert!(text.starts_with("VALID: page 0:5, TRX_SYS, LSN 22799400, crc32\n"), "{text}");
    let line = text.lines().find(|line| line.trim_start().starts_with("0x0010  ")).unwrap();
    assert!(line.contains("00 00 00 00 01 5b e4 28") && line.ends_with("FIL_PAGE_LSN"), "{line}");
    assert!(text.contains("*       the same"), "{text}");
    assert!(text.contains("TRX_SYS_DOUBLEWRITE_BLOCK1\n"), "{text}");

    let zero = dump(dir.path(), &["--slot", "#ib_16384_1.dblwr:7"]);
    assert!(String::from_utf8_lossy(&zero.stdout).starts_with("ZERO\n"));
    assert_eq!(code(&zero), 0);
}

#[test]
fn a_tablespace_lists_its_own_copies_but_any_slot_can_be_named() {
    let dir = image("m97-16k");
    let file = dir.path().join("d/t1.ibd");
    let slots = json(&dump(&file, &["--json"]))["slots"].as_array().unwrap().clone();
    assert!(!slots.is_empty() && slots.iter().all(|slot| slot["space_id"] == 2));
    let slots = json(&dump(&file, &["--json", "--slot", "#ib_16384_0.dblwr:3"]))["slots"].clone();
    assert_eq!(
        (&slots[0]["space_id"], &slots[0]["page_no"]),
        (&Value::from(4_294_967_279u32), &Value::from(260))
    );
}

#[test]
fn annotated_bytes_of_every_copy() {
    let dir = image("ma105-pagecompressed");
    let output = dump(dir.path(), &["--hex"]);
    assert_eq!(code(&output), 0);
    assert_eq!(text(&output).matches("bytes as they lie in the file").count(), 38);
}

#[test]
fn a_slot_that_is_not_there_is_an_error_that_says_the_range() {
    let dir = image("m97-ibdata");
    let output = dump(dir.path(), &["--slot", "256000"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("#ib_16384_0.dblwr has slots 0 to 255"), "{}", stderr(&output));
    let output = dump(dir.path(), &["--slot", "other:1"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("slot other:1: no such slot"), "{}", stderr(&output));
    for usage in ["x", ":1", "4294967296"] {
        assert_eq!(code(&dump(dir.path(), &["--slot", usage])), 3, "{usage}");
    }
}

#[test]
fn reduced_files_list_their_entries() {
    let dir = image("m97-detect-only");
    let report = json(&dump(dir.path(), &["--json"]));
    let slots = report["slots"].as_array().unwrap();
    let of_file = |slot: &&Value| slot["file"].as_str().unwrap().ends_with(".bdblwr");
    let entries: Vec<&Value> = slots.iter().filter(of_file).collect();
    assert!(!entries.is_empty());
    assert!(entries.iter().all(|entry| entry["page_type"].is_null() && entry["lsn"].as_u64().unwrap() > 0));
    let area = report["areas"].as_array().unwrap().iter().find(|area| area["kind"] == "reduced").unwrap();
    assert_eq!(area["used"].as_u64().unwrap(), entries.len() as u64);
}

#[test]
fn the_table_begins_with_how_much_is_used() {
    let dir = image("m56-two-ibdata");
    let short = text(&dump(dir.path(), &[]));
    assert!(
        short.starts_with("120 of 128 slots of the doublewrite buffer hold a copy, 8 unused\n"),
        "{short}"
    );
    assert!(!short.contains("  placeholder  "));
    let all = text(&dump(dir.path(), &["-v"]));
    assert_eq!(all.matches("  placeholder  ").count(), 8, "{all}");
}

#[test]
fn one_file_alone_and_foreign_input() {
    let dir = image("m56-two-ibdata");
    let alone = tempfile::tempdir().unwrap();
    let copied = alone.path().join("ibdata1");
    std::fs::copy(dir.path().join("ibdata1"), &copied).unwrap();
    let report = json(&dump(&copied, &["--json"]));
    assert_eq!(report["areas"][0]["used"], 120);

    let junk = alone.path().join("junk");
    for bytes in [&b""[..], b"text", &[0xFF; 100_000], &[0; 100_000]] {
        std::fs::write(&junk, bytes).unwrap();
        let output = dump(&junk, &[]);
        assert_eq!((code(&output), output.stdout.len()), (3, 0), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
    // Cut inside the buffer: what is there is listed, and that something is missing is said.
    let file = std::fs::OpenOptions::new().write(true).open(&copied).unwrap();
    file.set_len(100 * 16384 + 5).unwrap();
    let output = dump(&copied, &["--json"]);
    let slots = json(&output)["slots"].as_array().unwrap().len();
    assert_eq!((code(&output), slots), (3, 36), "{}", stderr(&output));
    assert!(stderr(&output).contains("the image is cut"), "{}", stderr(&output));
}

#[test]
fn copies_carry_the_names_of_their_table_and_index() {
    for (image_name, page, index) in [("m97-16k", "2:7", "PRIMARY"), ("m56-innodb-16k", "6:15", "kb")] {
        let dir = image(image_name);
        let report = json(&dump(dir.path(), &["--json", "--page", page]));
        let slots = report["slots"].as_array().unwrap();
        assert!(!slots.is_empty(), "{image_name}");
        for slot in slots {
            assert_eq!((&slot["table"], &slot["index_name"]), (&"d/t1".into(), &index.into()), "{slot}");
        }
        assert!(text(&dump(dir.path(), &[])).contains("d/t1"), "{image_name}");
    }
}
