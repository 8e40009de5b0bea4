//! What is wrong with a directory besides single pages: every kind of fault, made on real images of five servers.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{cases, code, dblwr, image, json, unpack};

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Cut,
    Empty,
    Zero,
    Text,
    Missing,
}

const FAULTS: [Fault; 5] = [Fault::Cut, Fault::Empty, Fault::Zero, Fault::Text, Fault::Missing];

impl Fault {
    fn make(self, file: &Path) {
        let length = fs::metadata(file).unwrap().len() as usize;
        match self {
            Fault::Cut => fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length as u64 / 2).unwrap(),
            Fault::Empty => fs::write(file, b"").unwrap(),
            Fault::Zero => fs::write(file, vec![0; length]).unwrap(),
            Fault::Text => fs::write(file, "no page at all\n".repeat(length / 15)).unwrap(),
            Fault::Missing => fs::remove_file(file).unwrap(),
        }
    }
}

/// What a file is to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Table,
    System,
    Undo,
    Dictionary,
    Redo,
    Doublewrite,
}

/// The images, and which of their files has which role.
const FILES: [(&str, &[(Role, &str)]); 5] = [
    ("m56-innodb-16k", &[(Role::Table, "d/t2.ibd"), (Role::System, "ibdata1"), (Role::Redo, "ib_logfile0")]),
    (
        "m97-16k",
        &[
            (Role::Table, "d/t2.ibd"),
            (Role::System, "ibdata1"),
            (Role::Undo, "undo_001"),
            (Role::Dictionary, "mysql.ibd"),
            (Role::Redo, "#innodb_redo"),
            (Role::Doublewrite, "#ib_16384_0.dblwr"),
        ],
    ),
    ("ma105-pagecompressed", &[(Role::Table, "d/t2.ibd"), (Role::System, "ibdata1"), (Role::Redo, "ib_logfile0")]),
    ("ma1011-full-16k", &[(Role::Table, "d/t2.ibd"), (Role::System, "ibdata1"), (Role::Redo, "ib_logfile0")]),
    (
        "ma118-ibd-page0",
        &[(Role::Table, "d/t2.ibd"), (Role::System, "ibdata1"), (Role::Undo, "undo002"), (Role::Redo, "ib_logfile0")],
    ),
];

/// The kind that a fault of a file is, and its severities.
fn expected(role: Role, fault: Fault) -> (&'static [&'static str], &'static [&'static str]) {
    let critical: &[&str] = &["critical"];
    match (role, fault) {
        (Role::Redo, Fault::Missing) => (&["redo_missing"], &["critical", "unknown"]),
        (Role::Redo, _) => (&["redo_damaged"], critical),
        (Role::Doublewrite, _) => (&["copies_elsewhere"], &["unknown"]),
        (_, Fault::Cut) => (&["file_cut"], critical),
        (_, Fault::Empty) => (&["file_empty"], critical),
        (_, Fault::Zero | Fault::Text) => (&["file_foreign"], critical),
        // 5.6 deletes a file before anything durable says so.
        (Role::Table, Fault::Missing) => (&["file_missing"], &["critical", "warning"]),
        (_, Fault::Missing) => (&["file_missing"], critical),
    }
}

/// The newest redo file of 8.0.30 and later, or the file itself.
fn the_file(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    if !path.is_dir() {
        return path;
    }
    let files = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let number = |file: &PathBuf| {
        file.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_prefix("#ib_redo")?.parse::<u32>().ok())
    };
    files.filter(|file| number(file).is_some()).max_by_key(number).unwrap()
}

fn problems(command: &[&str], root: &Path) -> (i32, Vec<Value>) {
    let mut args: Vec<&str> = command.to_vec();
    args.push(root.to_str().unwrap());
    let output = dblwr(args);
    // What is foreign altogether has no document.
    let document = if output.stdout.is_empty() { Value::Null } else { json(&output) };
    (code(&output), document["problems"].as_array().cloned().unwrap_or_default())
}

fn find<'a>(problems: &'a [Value], kinds: &[&str]) -> Vec<&'a Value> {
    problems.iter().filter(|p| kinds.contains(&p["kind"].as_str().unwrap())).collect()
}

#[test]
fn every_fault_of_every_file_is_found() {
    for (name, files) in FILES {
        let root = image(name);
        for &(role, file) in files {
            for fault in FAULTS {
                check_fault(name, root.path(), role, file, fault);
            }
        }
    }
}

fn check_fault(name: &str, root: &Path, role: Role, file: &str, fault: Fault) {
    let path = the_file(root, file);
    let before = fs::read(&path).unwrap();
    fault.make(&path);
    let (kinds, severities) = expected(role, fault);
    // A doublewrite file that is zero was never used, and half of one is one.
    let silent = role == Role::Doublewrite && matches!(fault, Fault::Zero | Fault::Cut);
    let context = format!("{name}: {fault:?} {role:?}");
    for command in [&["verify", "--json"][..], &["check", "--output", "json", "--reads", "1"]] {
        let (code, problems) = problems(command, root);
        let found = find(&problems, kinds);
        if silent {
            assert!(found.is_empty(), "{context} {command:?}: {problems:#?}");
            continue;
        }
        assert!(!found.is_empty(), "{context} {command:?}: {problems:#?}");
        for problem in &found {
            let severity = problem["severity"].as_str().unwrap();
            assert!(severities.contains(&severity), "{context}: {problem:#}");
        }
        // These images have pages that restore would mend: 1, unless their copies are what was taken away.
        let codes: &[i32] = if found.iter().any(|p| p["severity"] == "critical") { &[2] } else { &[1, 3] };
        assert!(codes.contains(&code), "{context} {command:?}: {code} {problems:#?}");
    }
    fs::write(&path, before).unwrap();
}

#[test]
fn a_second_file_of_an_id_is_named_with_the_one_that_is_meant() {
    for (name, severity, stops) in [
        ("m56-innodb-16k", "critical", true),
        ("m97-16k", "critical", true),
        ("ma105-pagecompressed", "warning", false),
        ("ma1011-full-16k", "warning", false),
        ("ma118-ibd-page0", "warning", false),
    ] {
        let root = image(name);
        fs::copy(root.path().join("d/t2.ibd"), root.path().join("d/payments.ibd")).unwrap();
        let (_, problems) = problems(&["verify", "--json"], root.path());
        let found = find(&problems, &["space_id_twice"]);
        assert_eq!(found.len(), 1, "{name}: {problems:#?}");
        assert_eq!(found[0]["severity"], severity, "{name}");
        assert_eq!(found[0]["stops_start"], stops, "{name}");
        let reason = found[0]["reason"].as_str().unwrap();
        assert!(reason.contains("d/payments.ibd") && reason.contains("d/t2.ibd is the one"), "{name}: {reason}");
    }
}

#[test]
fn a_copy_of_a_database_inside_the_directory_is_nothing_before_mysql_8() {
    for (name, severity) in [("m56-innodb-16k", "note"), ("ma1011-full-16k", "note"), ("m97-16k", "critical")] {
        let root = image(name);
        fs::create_dir_all(root.path().join("backup/d")).unwrap();
        fs::copy(root.path().join("d/t1.ibd"), root.path().join("backup/d/t1.ibd")).unwrap();
        let (_, problems) = problems(&["verify", "--json"], root.path());
        let found = find(&problems, &["space_id_twice"]);
        assert_eq!((found.len(), found[0]["severity"].as_str()), (1, Some(severity)), "{name}: {problems:#?}");
        // The torn page of the true file is mended all the same.
        let output = dblwr(["restore", "--json", root.path().to_str().unwrap()]);
        let pages = json(&output)["pages"].as_array().unwrap().clone();
        assert!(pages.iter().any(|page| page["file"] == "d/t1.ibd"), "{name}: {pages:#?}");
        assert!(pages.iter().all(|page| page["file"] != "backup/d/t1.ibd"), "{name}: {pages:#?}");
    }
}

#[test]
fn no_image_of_a_real_server_has_a_problem_of_these_kinds() {
    for case in cases() {
        let root = unpack(&case);
        for command in [&["verify", "--json"][..], &["locate", "--json"], &["scan", "--json"]] {
            let (_, problems) = problems(command, root.path());
            // Copies of an encrypted table cannot be attributed without its key.
            let encrypted = case.ends_with("ma1011-enc-full");
            let bad = |p: &&Value| p["severity"] != "note" && !(encrypted && p["kind"] == "not_judged");
            let bad: Vec<&Value> = problems.iter().filter(bad).collect();
            assert!(bad.is_empty(), "{} {command:?}: {bad:#?}", case.display());
        }
    }
}

#[test]
fn a_folder_and_the_one_above_are_recognised() {
    let root = image("m56-innodb-16k");
    let above = tempfile::tempdir().unwrap();
    fs::rename(root.path(), above.path().join("data")).unwrap();
    for (path, named) in [(above.path().join("data/d"), "data"), (above.path().to_path_buf(), "data")] {
        let (code, problems) = problems(&["verify", "--json"], &path);
        assert_eq!(code, 3, "{}: {problems:#?}", path.display());
        let found = find(&problems, &["not_judged"]);
        assert_eq!(found.len(), 1, "{}: {problems:#?}", path.display());
        assert!(found[0]["reason"].as_str().unwrap().ends_with(named), "{}", found[0]);
    }
}

#[test]
fn a_lone_table_is_judged_by_scan_and_not_by_verify() {
    let root = image("ma1011-full-16k");
    let alone = tempfile::tempdir().unwrap();
    let file = alone.path().join("t2.ibd");
    fs::copy(root.path().join("d/t2.ibd"), &file).unwrap();
    assert_eq!(problems(&["verify", "--json"], &file).0, 3);
    let (code, problems) = problems(&["scan", "--json"], &file);
    assert_eq!((code, problems.len()), (0, 1), "{problems:#?}");
    assert_eq!((&problems[0]["kind"], &problems[0]["severity"]), (&"not_judged".into(), &"note".into()));
}
