//! The main job on real images: verify finds exactly the torn pages, restore changes exactly those bytes, revert gives
//! back the original.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use crate::support::{cases, code, dblwr, expected, json, stderr, tree, unpack};
use serde_json::Value;

const DAMAGED: [&str; 4] = ["restorable", "unrecoverable", "stale", "lost_write"];

fn place(page: &Value) -> (String, u64) {
    (page["file"].as_str().unwrap().to_owned(), page["offset"].as_u64().unwrap())
}

#[test]
fn verify_names_exactly_the_damaged_pages() {
    for case in cases() {
        let (dir, expected) = (unpack(&case), expected(&case));
        let output = dblwr([OsStr::new("verify"), OsStr::new("--json"), dir.path().as_os_str()]);
        let report = json(&output);
        let context = case.display();
        let codes = expected["verify_exit_codes"].as_array().unwrap();
        assert!(codes.contains(&Value::from(code(&output))), "{context}: exit code {}", code(&output));
        assert_eq!(report["summary"], expected["summary"], "{context}");
        for lsn in ["checkpoint_lsn", "end_lsn"] {
            assert_eq!(report["redo"][lsn], expected["redo"][lsn], "{context}: {lsn}");
        }
        let found: BTreeSet<_> =
            report["pages"].as_array().unwrap().iter().filter(|page| damaged(page)).map(finding).collect();
        let wanted: BTreeSet<_> = expected["pages"].as_array().unwrap().iter().map(expectation).collect();
        assert_eq!(found, wanted, "{context}");
    }
}

fn damaged(page: &Value) -> bool {
    DAMAGED.contains(&page["verdict"].as_str().unwrap())
}

/// File, offset, length, verdict, state of the home, and of restorable ones the slot and its LSN.
type Judged = ((String, u64), u64, String, String, Option<(String, u64, u64)>);

fn finding(page: &Value) -> Judged {
    let verdict = page["verdict"].as_str().unwrap().to_owned();
    let copy = (
        page["slot"]["file"].as_str().unwrap().to_owned(),
        page["slot"]["index"].as_u64().unwrap(),
        page["copy"]["lsn"].as_u64().unwrap(),
    );
    let copy = (verdict == "restorable").then_some(copy);
    let state = page["home"]["state"].as_str().unwrap().to_owned();
    (place(&page["home"]), page["home"]["length"].as_u64().unwrap(), verdict, state, copy)
}

fn expectation(page: &Value) -> Judged {
    let best = &page["best_copy"];
    let copy = best.is_object().then(|| {
        (
            best["file"].as_str().unwrap().to_owned(),
            best["slot"].as_u64().unwrap(),
            best["lsn"].as_u64().unwrap(),
        )
    });
    let text = |key: &str| page[key].as_str().unwrap().to_owned();
    (place(page), page["length"].as_u64().unwrap(), text("verdict"), text("home_state"), copy)
}

#[test]
fn restore_changes_exactly_the_damaged_pages_and_revert_gives_them_back() {
    for case in cases() {
        let (dir, expected) = (unpack(&case), expected(&case));
        let before = tree(dir.path());
        let plan = dblwr([OsStr::new("restore"), OsStr::new("--json"), dir.path().as_os_str()]);
        assert_eq!(tree(dir.path()), before, "{}: a plan writes nothing", case.display());
        check_plan(&case, &json(&plan), &expected);

        let elsewhere = tempfile::tempdir().unwrap();
        let journal = elsewhere.path().join("journal");
        let args = [
            OsStr::new("restore"),
            OsStr::new("--apply"),
            OsStr::new("--json"),
            OsStr::new("--journal"),
            journal.as_os_str(),
            dir.path().as_os_str(),
        ];
        let applied = dblwr(args);
        let report = json(&applied);
        let remains = !report["remaining"].as_array().unwrap().is_empty();
        assert_eq!(code(&applied), if remains { 2 } else { 0 }, "{}: {}", case.display(), stderr(&applied));
        check_bytes(&case, dir.path(), &expected);
        let again = dblwr([OsStr::new("verify"), OsStr::new("--json"), dir.path().as_os_str()]);
        assert_eq!(json(&again)["summary"].get("restorable"), None, "{}", case.display());

        if !report["pages"].as_array().unwrap().is_empty() {
            let reverted = dblwr([OsStr::new("revert"), journal.as_os_str(), OsStr::new("--apply")]);
            assert_eq!(code(&reverted), 0, "{}: {}", case.display(), stderr(&reverted));
        }
        assert_eq!(tree(dir.path()), before, "{}: revert gives back the original", case.display());
    }
}

fn check_plan(case: &Path, report: &Value, expected: &Value) {
    let key = |page: &Value, before: &Value, after: &Value| {
        (place(page), before.as_str().unwrap().to_owned(), after.as_str().unwrap().to_owned())
    };
    let planned: BTreeSet<_> = report["pages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|page| key(page, &page["before"]["sha256"], &page["after"]["sha256"]))
        .collect();
    let wanted: BTreeSet<_> = expected["pages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|page| page["verdict"] == "restorable")
        .map(|page| key(page, &page["sha256_before"], &page["sha256_after"]))
        .collect();
    assert_eq!(planned, wanted, "{}", case.display());
}

/// Every file that may not change has its old hash; the pages of the others have their new one.
fn check_bytes(case: &Path, dir: &Path, expected: &Value) {
    for (file, hash) in expected["files_sha256"].as_object().unwrap() {
        if expected["may_change"].get(file).is_none() {
            let now = crate::support::sha256(&std::fs::read(dir.join(file)).unwrap());
            assert_eq!(now, hash.as_str().unwrap(), "{}: {file}", case.display());
        }
    }
    assert_eq!(
        tree(dir).len(),
        expected["files_sha256"].as_object().unwrap().len(),
        "{}: new files",
        case.display()
    );
    for page in expected["pages"].as_array().unwrap().iter().filter(|page| page["verdict"] == "restorable") {
        let (file, offset) = place(page);
        let bytes = std::fs::read(dir.join(&file)).unwrap();
        let at = offset as usize;
        let hash = crate::support::sha256(&bytes[at..at + page["length"].as_u64().unwrap() as usize]);
        assert_eq!(hash, page["sha256_after"].as_str().unwrap(), "{}: {file} {offset}", case.display());
    }
}
