//! A disk that gives some sectors back no more: what can be told without them is told, and they are named.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::support::{code, expected, image, json, sha256, stderr, testdata};

/// `support/bad_sector.rs` as a library to preload.
static LIBRARY: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libbad_sector.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/bad_sector.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let made = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "-o"])
        .args([&library, &source])
        .status();
    assert!(made.unwrap().success());
    (dir, library)
});

fn over_bad_sectors(file: &str, bytes: &Range<u64>, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dblwr"))
        .args(arguments)
        .env("LD_PRELOAD", &LIBRARY.1)
        .env("BAD_FILE", file)
        .env("BAD_FROM", bytes.start.to_string())
        .env("BAD_TO", bytes.end.to_string())
        .output()
        .unwrap()
}

const PAGE: u64 = 16384;

/// The torn page of this image is page 5 of `d/t1.ibd`; its copy lies in slot 2.
const IMAGE: &str = "m56-innodb-16k";

#[test]
fn the_torn_page_is_found_and_restored_whatever_else_cannot_be_read() {
    for (file, bytes) in [
        ("ibdata1", 5 * PAGE..6 * PAGE),
        ("ibdata1", 6 * PAGE - 512..6 * PAGE),
        ("ibdata1", 0..512),
        ("ibdata1", 0..PAGE),
        ("ibdata1", 64 * PAGE..65 * PAGE),
        ("d/t1.ibd", 4 * PAGE..4 * PAGE + 512),
        ("d/t2.ibd", 0..512),
        ("ib_logfile0", 0..512),
    ] {
        let dir = image(IMAGE);
        let path = dir.path().to_str().unwrap();
        let what = format!("{file} {bytes:?}");
        let verify = over_bad_sectors(file, &bytes, &["verify", "--json", path]);
        assert_eq!(code(&verify), 1, "{what}: {}", stderr(&verify));
        assert!(stderr(&verify).contains(&format!("{file}: cannot read at offset")), "{what}");
        let report = json(&verify);
        assert_eq!(report["summary"]["restorable"], 1, "{what}: {:#}", report["summary"]);
        assert_ne!(report["prediction"]["starts"], true, "{what}");

        let away = tempfile::tempdir().unwrap();
        let journal = away.path().join("journal");
        let restore = ["restore", "--apply", "--journal", journal.to_str().unwrap(), path];
        let restored = over_bad_sectors(file, &bytes, &restore);
        // Mended is what could be; not everything was read.
        assert_eq!(code(&restored), 3, "{what}: {}", stderr(&restored));
        let after = std::fs::read(dir.path().join("d/t1.ibd")).unwrap();
        let torn = &expected(&testdata(IMAGE))["pages"][0];
        assert_eq!(sha256(&after[81920..81920 + 16384]), torn["sha256_after"], "{what}");
    }
}

#[test]
fn an_unreadable_page_5_leaves_the_buffer_to_be_inferred() {
    let dir = image(IMAGE);
    let path = dir.path().to_str().unwrap();
    let located = over_bad_sectors("ibdata1", &(5 * PAGE..6 * PAGE), &["locate", "--json", path]);
    assert_eq!(code(&located), 3, "{}", stderr(&located));
    let report = json(&located);
    assert_eq!(report["areas"][0]["header_copy"], "inferred", "{report:#}");
    assert_eq!(report["areas"][0]["slots"], 128);
}

#[test]
fn a_page_is_shown_although_page_0_of_its_file_cannot_be_read() {
    let dir = image(IMAGE);
    let file = dir.path().join("d/t1.ibd");
    let page = over_bad_sectors("d/t1.ibd", &(0..512), &["page", file.to_str().unwrap(), "5", "--json"]);
    assert_eq!(json(&page)["state"], "torn", "{}", stderr(&page));
}

/// The newest copy is out of reach. The LSN word in the tail of the torn home is that of the older one: it is the version
/// that the home was, and redo goes on from it.
#[test]
fn a_copy_that_cannot_be_read_leaves_the_one_that_the_home_proves() {
    let dir = image(IMAGE);
    let path = dir.path().to_str().unwrap();
    let whole = json(&over_bad_sectors("ibdata1", &(0..0), &["verify", "--json", path]));
    let verify = over_bad_sectors("ibdata1", &(66 * PAGE..66 * PAGE + 512), &["verify", "--json", path]);
    assert_eq!(code(&verify), 1, "{}", stderr(&verify));
    let report = json(&verify);
    let restorable = |report: &serde_json::Value| -> Vec<serde_json::Value> {
        let pages = report["pages"].as_array().unwrap().iter();
        pages.filter(|page| page["verdict"] == "restorable").map(|page| page["copy"]["lsn"].clone()).collect()
    };
    let (newest, left) = (restorable(&whole), restorable(&report));
    assert_eq!((newest.len(), left.len()), (1, 1), "{report:#}");
    assert!(left[0].as_u64() < newest[0].as_u64(), "{report:#}");
}

#[test]
fn what_cannot_be_read_is_not_called_sound() {
    let dir = image("m97-clean-kill");
    let path = dir.path().to_str().unwrap();
    let verify = over_bad_sectors("#ib_16384_0.dblwr", &(0..512), &["verify", path]);
    assert_eq!(code(&verify), 3, "{}", stderr(&verify));
    let text = String::from_utf8(verify.stdout).unwrap();
    assert!(text.starts_with("UNKNOWN"), "{text}");
    assert!(text.contains("keep a copy of all files"), "{text}");
}

/// A home whose sector is gone, and whose copy is good: the copy is named, nothing is called whole.
#[test]
fn a_home_that_cannot_be_read_is_told_with_the_copy_that_there_is() {
    let dir = image(IMAGE);
    let path = dir.path().to_str().unwrap();
    // Page 5 of d/t1.ibd, whose copy lies in slot 2.
    let bad = 5 * PAGE + 1024..5 * PAGE + 1536;
    let verify = over_bad_sectors("d/t1.ibd", &bad, &["verify", path]);
    let said = String::from_utf8_lossy(&verify.stdout).into_owned() + &stderr(&verify);
    assert_eq!(code(&verify), 3, "{said}");
    assert!(said.contains("d/t1.ibd: cannot read at offset") && said.contains("slot 2"), "{said}");
    assert!(said.contains("good copy"), "{said}");
}
