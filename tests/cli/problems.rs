//! What is wrong with a directory besides single pages: every kind of fault, made on real images of five servers.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{cases, code, dblwr, image, json, stderr, unpack};
use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, crc32c, stamp};
use dblwr::internals::units::PageSize;

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
            Fault::Cut => {
                fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length as u64 / 2).unwrap()
            }
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
    (
        "ma105-pagecompressed",
        &[(Role::Table, "d/t2.ibd"), (Role::System, "ibdata1"), (Role::Redo, "ib_logfile0")],
    ),
    ("ma1011-full-16k", &[(Role::Table, "d/t2.ibd"), (Role::System, "ibdata1"), (Role::Redo, "ib_logfile0")]),
    (
        "ma118-ibd-page0",
        &[
            (Role::Table, "d/t2.ibd"),
            (Role::System, "ibdata1"),
            (Role::Undo, "undo002"),
            (Role::Redo, "ib_logfile0"),
        ],
    ),
];

/// The kind that a fault of a file is, and its severities.
fn expected(role: Role, fault: Fault) -> (&'static [&'static str], &'static [&'static str]) {
    let critical: &[&str] = &["critical"];
    match (role, fault) {
        (Role::Redo, Fault::Missing) => (&["redo_missing"], &["critical", "unknown"]),
        (Role::Redo, _) => (&["redo_damaged", "redo_missing", "lsn_in_future"], critical),
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
        file.file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.strip_prefix("#ib_redo")?.parse::<u32>().ok())
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
    // Half of a log that lost nothing that was ever written to it: MariaDB takes the size that it finds.
    let log = role == Role::Redo
        && fault == Fault::Cut
        && matches!(name, "ma105-pagecompressed" | "ma1011-full-16k");
    let silent = log;
    let context = format!("{name}: {fault:?} {role:?}");
    // check says what verify says: one look for each file shows it.
    let commands = [&["verify", "--json"][..], &["check", "--output", "json", "--reads", "1"]];
    for command in commands.into_iter().take(if fault == Fault::Missing { 2 } else { 1 }) {
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

/// Later files of a system tablespace and of a ring of redo files have no header of their own that could be missed.
#[test]
fn later_files_that_hold_nothing_are_said() {
    for (name, file, fault, kind) in [
        ("m56-two-ibdata", "ibdata2", Fault::Text, "file_foreign"),
        ("m56-two-ibdata", "ibdata2", Fault::Empty, "file_empty"),
        ("m56-two-ibdata", "ibdata2", Fault::Zero, "file_foreign"),
        ("m56-innodb-16k", "ib_logfile1", Fault::Text, "redo_damaged"),
    ] {
        let root = image(name);
        fault.make(&root.path().join(file));
        let output = dblwr(["verify", "--json", root.path().to_str().unwrap()]);
        let report = json(&output);
        let context = format!("{name}: {fault:?} {file}: {:#}", report["problems"]);
        let list = report["problems"].as_array().unwrap();
        let found = list.iter().find(|p| p["kind"] == kind && p["file"] == file).expect(&context);
        assert_eq!((code(&output), &found["severity"]), (2, &"critical".into()), "{context}");
        assert_ne!(report["prediction"]["starts"], true, "{context}");
    }
}

/// Page 4 of `mysql.ibd` names the roots of the dictionary: 8.0.12, 8.0.33 and 9.7.4 do not start without it.
#[test]
fn restore_says_ok_of_no_directory_whose_files_are_not_whole() {
    let root = image("ma1011-full-16k");
    let path = root.path().to_str().unwrap();
    let journal = tempfile::tempdir().unwrap();
    let journal = journal.path().join("journal");
    let apply = ["restore", path, "--apply", "--journal", journal.to_str().unwrap()];
    assert_eq!(code(&dblwr(apply)), 0);
    let headline = || String::from_utf8(dblwr(["restore", path]).stdout).unwrap();
    assert!(headline().starts_with("OK: nothing to restore"), "{}", headline());
    fs::File::create(root.path().join("d/t1.ibd")).unwrap();
    assert!(headline().starts_with("NOTHING TO RESTORE from the buffer"), "{}", headline());
}

#[test]
fn the_root_of_the_dictionary_is_looked_at() {
    for torn in [true, false] {
        let root = image("m97-clean-kill");
        let mut number = 0;
        change_pages(&root.path().join("mysql.ibd"), |page| {
            number += 1;
            let hit = number == 5;
            if hit {
                let end = if torn { 8000 } else { page.len() };
                page[..end].fill(0);
            }
            hit
        });
        let output = dblwr(["verify", "--json", root.path().to_str().unwrap()]);
        let report = json(&output);
        let list = report["problems"].as_array().unwrap();
        let told = list.iter().find(|p| p["kind"] == "page_damaged" && p["file"] == "mysql.ibd").unwrap();
        assert_eq!((code(&output), &told["page_no"]), (2, &4.into()));
        assert_eq!(report["prediction"]["starts"], false);
    }
}

/// Eight servers from 5.5.9 to 11.4.5 start without the schema file of a table, and do not know the table.
#[test]
fn a_table_without_its_schema_file_is_lost() {
    for name in ["m56-innodb-16k", "ma1011-full-16k"] {
        let root = image(name);
        fs::remove_file(root.path().join("d/t1.frm")).unwrap();
        let output = dblwr(["verify", "--json", root.path().to_str().unwrap()]);
        let report = json(&output);
        assert_eq!(code(&output), 1, "{name}");
        assert_eq!(report["problems"][0]["file"], "d/t1.frm", "{name}");
        let prediction = &report["prediction"];
        assert_eq!(
            (&prediction["starts"], &prediction["loses"][0]),
            (&true.into(), &"d/t1".into()),
            "{name}"
        );
        assert!(prediction["advice"].as_str().unwrap().starts_with("do not start the server"), "{name}");
        // A folder without any was not copied whole.
        fs::remove_file(root.path().join("d/t2.frm")).unwrap();
        assert_eq!(problems(&["verify", "--json"], root.path()).1.len(), 0, "{name}");
    }
}

/// The gate lets start what the server mends by itself, and nothing that loses or destroys.
#[test]
fn the_gate_before_a_start_follows_the_prediction() {
    for (name, expected) in [
        ("m97-clean-kill", 0),
        ("m97-16k", 0),
        ("m56-innodb-16k", 0),
        ("ma118-ibd-page0", 1),
        ("m97-ibdata", 1),
        ("m97-detect-only", 2),
        ("case-table-file-cut", 2),
        ("case-two-files-one-id", 3),
    ] {
        let root = image(name);
        let output = dblwr(["check", "--gate", "--reads", "1", root.path().to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(code(&output), expected, "{name}: {said}");
        let first = said.lines().next().unwrap();
        assert_eq!(first.contains("- start the server"), expected == 0, "{name}: {first}");
    }
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
        assert!(
            reason.contains("d/payments.ibd") && reason.contains("d/t2.ibd is the one"),
            "{name}: {reason}"
        );
    }
}

#[test]
fn a_copy_of_a_database_inside_the_directory_is_nothing_before_mysql_8() {
    for (name, severity) in [("m56-innodb-16k", "note"), ("ma1011-full-16k", "note"), ("m97-16k", "critical")]
    {
        let root = image(name);
        fs::create_dir_all(root.path().join("backup/d")).unwrap();
        fs::copy(root.path().join("d/t1.ibd"), root.path().join("backup/d/t1.ibd")).unwrap();
        let (_, problems) = problems(&["verify", "--json"], root.path());
        let found = find(&problems, &["space_id_twice"]);
        assert_eq!(
            (found.len(), found[0]["severity"].as_str()),
            (1, Some(severity)),
            "{name}: {problems:#?}"
        );
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

/// Changes pages of 16 KiB in a file, with right sums.
fn change_pages(file: &Path, mut change: impl FnMut(&mut [u8]) -> bool) {
    let mut bytes = fs::read(file).unwrap();
    for page in bytes.chunks_exact_mut(16384) {
        if change(page) {
            stamp(page, &PageFormat::classic(PageSize::DEFAULT), Algorithm::Crc32).unwrap();
        }
    }
    fs::write(file, bytes).unwrap();
}

fn set_lsn(page: &mut [u8], lsn: u64) {
    page[16..24].copy_from_slice(&lsn.to_be_bytes());
    page[16380..].copy_from_slice(&(lsn as u32).to_be_bytes());
}

/// Writes another path for d/t2.ibd into the dictionary of MySQL 9.7; it must be as long.
fn name_elsewhere(mysql_ibd: &Path, path: &[u8; 10]) {
    let mut changed = 0;
    change_pages(mysql_ibd, |page| {
        let found: Vec<usize> =
            (0..page.len() - 10).filter(|&at| &page[at..at + 10] == b"./d/t2.ibd").collect();
        found.iter().for_each(|&at| page[at..at + 10].copy_from_slice(path));
        changed += found.len();
        !found.is_empty()
    });
    assert!(changed > 0);
}

#[test]
fn a_tablespace_outside_the_directory_is_followed_or_said_to_be_elsewhere() {
    let (root, at) = (image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let data = at.path().join("data");
    fs::rename(root.path(), &data).unwrap();
    name_elsewhere(&data.join("mysql.ibd"), b"../t2x.ibd");
    fs::rename(data.join("d/t2.ibd"), at.path().join("t2x.ibd")).unwrap();
    let output = dblwr(["verify", "--json", data.to_str().unwrap()]);
    let report = json(&output);
    assert_eq!((code(&output), report["problems"].as_array().unwrap().len()), (0, 0), "{report:#}");
    assert_eq!(report["summary"]["orphan"], Value::Null, "copies find their home");
    fs::remove_file(at.path().join("t2x.ibd")).unwrap();
    let (code, problems) = problems(&["verify", "--json"], &data);
    let found = find(&problems, &["file_elsewhere"]);
    assert_eq!((code, found.len(), problems.len()), (3, 1, 1), "{problems:#?}");
    assert!(found[0]["file"].as_str().unwrap().ends_with("../t2x.ibd"), "{problems:#?}");
}

#[test]
fn pages_beyond_the_end_of_the_redo_log_are_counted() {
    let root = image("m97-clean-kill");
    let mut pages = 0;
    change_pages(&root.path().join("d/t2.ibd"), |page| {
        let used = page.iter().any(|&byte| byte != 0);
        if used {
            set_lsn(page, (1 << 40) + pages);
            pages += 1;
        }
        used
    });
    for (command, counted) in [
        (&["verify", "--json"][..], Value::Null),
        (&["scan", "--json"], pages.into()),
        (&["locate", "--json"], Value::Null),
    ] {
        let (code, problems) = problems(command, root.path());
        let found = find(&problems, &["lsn_in_future"]);
        assert_eq!((code, found.len()), (2, 1), "{command:?} {problems:#?}");
        assert_eq!((&found[0]["file"], &found[0]["pages"]), (&"d/t2.ibd".into(), &counted), "{command:?}");
        if counted != Value::Null {
            assert_eq!(found[0]["lsn"], (1u64 << 40) + pages - 1);
        }
    }
}

#[test]
fn doublewrite_files_of_a_later_life_are_told_and_nothing_of_them_is_restored() {
    let root = image("m97-16k");
    for n in [0, 1] {
        change_pages(&root.path().join(format!("#ib_16384_{n}.dblwr")), |page| {
            set_lsn(page, 1 << 40);
            page.iter().any(|&byte| byte != 0)
        });
    }
    let output = dblwr(["verify", "--json", root.path().to_str().unwrap()]);
    let report = json(&output);
    assert_eq!(report["summary"]["restorable"], Value::Null, "{}", report["summary"]);
    let problems = report["problems"].as_array().unwrap();
    let found = find(problems, &["copies_foreign"]);
    assert_eq!(found.len(), 2, "{problems:#?}");
    assert!(
        found.iter().all(|p| p["severity"] == "warning" && p["pages"].as_u64() > Some(0)),
        "{problems:#?}"
    );
}

/// Changes the header of every redo file, with a right sum.
fn change_redo_headers(root: &Path, change: impl Fn(&mut [u8])) {
    for entry in fs::read_dir(root.join("#innodb_redo")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("_tmp") {
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        let sum = crc32c(&bytes[..508]);
        bytes[508..512].copy_from_slice(&sum.to_be_bytes());
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn what_the_flags_of_the_redo_log_say_is_said() {
    for (flags, kind) in [(3u8, "redo_disabled"), (4, "half_made")] {
        let root = image("m97-clean-kill");
        change_redo_headers(root.path(), |header| header[51] |= flags);
        let (code, problems) = problems(&["verify", "--json"], root.path());
        let found = find(&problems, &[kind]);
        assert_eq!((code, found.len()), (2, 1), "{kind}: {problems:#?}");
        assert_eq!((&found[0]["severity"], &found[0]["stops_start"]), (&"critical".into(), &true.into()));
    }
}

#[test]
fn a_redo_header_that_fails_its_sum_stops_every_server_that_has_one() {
    for (name, file) in [
        ("m97-16k", "#innodb_redo"),
        ("ma105-pagecompressed", "ib_logfile0"),
        ("ma1011-full-16k", "ib_logfile0"),
    ] {
        let root = image(name);
        let path = the_file(root.path(), file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (code, problems) = problems(&["verify", "--json"], root.path());
        let found = find(&problems, &["redo_damaged"]);
        assert_eq!((code, found.len()), (2, 1), "{name}: {problems:#?}");
        assert_eq!(found[0]["stops_start"], true, "{name}");
    }
}

#[test]
fn copies_that_are_nowhere_and_backups_that_are_not_prepared_are_said() {
    let root = image("m97-clean-kill");
    for n in [0, 1] {
        fs::remove_file(root.path().join(format!("#ib_16384_{n}.dblwr"))).unwrap();
    }
    fs::write(root.path().join("xtrabackup_checkpoints"), "backup_type = full-backuped\nto_lsn = 5\n")
        .unwrap();
    let (code, problems) = problems(&["verify", "--json"], root.path());
    let severities: Vec<_> =
        problems.iter().map(|p| (p["kind"].as_str().unwrap(), p["severity"].as_str().unwrap())).collect();
    assert_eq!((code, &severities[..]), (3, &[("copies_elsewhere", "unknown"), ("backup", "note")][..]));
}

#[test]
fn a_page_size_that_the_files_contradict_and_a_key_file_that_is_none_are_one_error() {
    let root = image("m56-innodb-16k");
    let path = root.path().to_str().unwrap();
    for command in ["verify", "scan", "check", "locate"] {
        for option in
            [["--page-size", "8192"], ["--keyring", "/etc/hostname"], ["--keyring", "/no/such/file"]]
        {
            let output = dblwr([command, path, option[0], option[1]]);
            let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
            assert_eq!(code(&output), 3, "{command} {option:?}: {said}");
            assert!(!said.contains("CRITICAL") && said.lines().count() <= 3, "{command} {option:?}: {said}");
        }
    }
}
