//! Directories that an earlier version got wrong, each with the right answer (`right.json`): what `verify`, `scan` and `check --scan`
//! say of problems and pages, how they end, and what a server does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{code, dblwr, json, testdata, unpack};

/// Every directory with a right answer. None at all is a fault of the checkout, not a test that passes.
fn cases() -> Vec<(String, Value)> {
    let entries = std::fs::read_dir(testdata("")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|case| case.join("right.json").exists()).collect();
    cases.sort();
    assert!(cases.len() >= 17, "only {} directories with a right answer in testdata", cases.len());
    let read = |case: &PathBuf| {
        let right = std::fs::read(case.join("right.json")).unwrap();
        (case.file_name().unwrap().to_str().unwrap().to_owned(), serde_json::from_slice(&right).unwrap())
    };
    cases.iter().map(read).collect()
}

/// Archives of servers' rounds hold the data directory beside one for tablespaces outside.
fn data(dir: &Path) -> PathBuf {
    let below = dir.join("data");
    if below.is_dir() { below } else { dir.to_path_buf() }
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// `kind file` of everything that is no note and no single page; of a file outside the directory the last two parts.
fn problems(report: &Value) -> BTreeSet<String> {
    let list = report["problems"].as_array().unwrap().iter();
    let told = list.filter(|problem| problem["kind"] != "page" && problem["severity"] != "note");
    told.map(|problem| {
        let file = problem["file"].as_str().unwrap_or_default();
        let parts: Vec<&str> = file.split('/').collect();
        let outside = file.starts_with('/');
        let file = if outside { parts[parts.len() - 2..].join("/") } else { file.to_owned() };
        format!("{} {file}", problem["kind"].as_str().unwrap()).trim_end().to_owned()
    })
    .collect()
}

fn restorable(verify: &Value) -> BTreeSet<String> {
    let pages = verify["pages"].as_array().unwrap().iter().filter(|page| page["verdict"] == "restorable");
    pages.map(|page| format!("{} {}", page["home"]["file"].as_str().unwrap(), page["page_no"])).collect()
}

fn check(name: &str, right: &Value) {
    let dir = unpack(&testdata(name));
    let path = data(dir.path());
    let path = path.to_str().unwrap();
    let runs: [(&str, &[&str]); 3] = [
        ("verify", &["verify", path, "--json"]),
        ("scan", &["scan", path, "--json"]),
        ("check", &["check", path, "--scan", "--reads", "1", "--output", "json"]),
    ];
    for (command, words) in runs {
        let output = dblwr(words);
        let report = json(&output);
        let context = format!("{name}, {command}: {}", right["about"].as_str().unwrap());
        assert_eq!(Value::from(code(&output)), right["status"][command], "{context}");
        let (found, wanted) = (problems(&report), strings(&right["problems"]));
        // Who reads every page finds more files with the same problem.
        let kinds = |list: &BTreeSet<String>| -> BTreeSet<String> {
            list.iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect()
        };
        assert!(found.is_superset(&wanted) && kinds(&found) == kinds(&wanted), "{context}: {found:?}");
        assert!(command == "scan" || found == wanted, "{context}: {found:?}");
        let prediction = &report["prediction"];
        assert!(
            right["starts"].as_array().unwrap().contains(&prediction["starts"]),
            "{context}: {prediction}"
        );
        assert_eq!(strings(&prediction["loses"]), strings(&right["loses"]), "{context}");
        one_thing(&context, prediction);
        if command == "verify" && right["restorable"].is_array() {
            assert_eq!(restorable(&report), strings(&right["restorable"]), "{context}");
        }
        if command == "scan" && right["damaged"].is_u64() {
            assert_eq!(report["summary"]["damaged"], right["damaged"], "{context}");
        }
    }
}

/// The advice says what the prediction says.
fn one_thing(context: &str, prediction: &Value) {
    let advice = prediction["advice"].as_str().unwrap();
    let (may, must_not) = (advice.starts_with("start the server"), advice.contains("do not start"));
    assert!(!(may && must_not), "{context}: {advice}");
    if may {
        assert_eq!(prediction["starts"], true, "{context}: {advice}");
        assert_eq!(prediction["loses"].as_array().unwrap().len(), 0, "{context}: {advice}");
        let assumed = prediction["assumes"].is_string();
        assert_eq!(advice.contains("dblwr scan"), assumed, "{context}: {advice}");
    }
}

#[test]
fn every_case_gets_its_right_answer() {
    for (name, right) in cases() {
        check(&name, &right);
    }
}

/// A key file that is none is one error; the directory is healthy.
#[test]
fn a_keyring_that_is_none_damages_nothing() {
    let dir = unpack(&testdata("case-healthy-m56"));
    for keyring in ["/no/such/file", "/etc/hostname"] {
        let output = dblwr(["scan", dir.path().to_str().unwrap(), "--keyring", keyring]);
        assert_eq!(code(&output), 3, "{keyring}");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
