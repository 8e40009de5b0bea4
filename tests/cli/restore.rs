//! `restore` and `revert` as a person at a prompt meets them: interrupted, reviewed, elsewhere, full disks, warnings.

use std::ffi::OsStr;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{code, dblwr, image, json, stderr, tree};
use serde_json::Value;

fn run<'a>(args: impl IntoIterator<Item = &'a dyn AsRef<OsStr>>) -> Output {
    dblwr(args.into_iter().map(|arg| arg.as_ref().to_owned()))
}

fn run_in(dir: &Path, args: &[&dyn AsRef<OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
    command.current_dir(dir).args(args.iter().map(|arg| arg.as_ref())).output().unwrap()
}

/// The mark at the end of a journal is all that tells a finished pass from one that was killed behind its last page.
fn unfinish(journal: &Path) {
    let file = std::fs::File::options().write(true).open(journal).unwrap();
    file.set_len(file.metadata().unwrap().len() - 32).unwrap();
}

fn read_at(path: &Path, offset: u64, len: usize) -> Vec<u8> {
    let mut file = std::fs::File::open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    let mut bytes = vec![0; len];
    file.read_exact(&mut bytes).unwrap();
    bytes
}

fn write_at(path: &Path, offset: u64, bytes: &[u8]) {
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

/// Where the plan's pages lie: file, offset, length.
fn places(plan: &Value) -> Vec<(String, u64, usize)> {
    let pages = plan["pages"].as_array().unwrap().iter();
    pages
        .map(|page| {
            let (file, offset) = (page["file"].as_str().unwrap(), page["offset"].as_u64().unwrap());
            (file.to_owned(), offset, page["length"].as_u64().unwrap() as usize)
        })
        .collect()
}

#[test]
fn a_reviewed_plan_that_was_interrupted_is_finished_by_the_same_command() {
    let (dir, old, away) = (image("m97-16k"), image("m97-16k"), tempfile::tempdir().unwrap());
    let (plan, journal) = (away.path().join("plan.json"), away.path().join("journal"));
    let made = run([&"restore" as &dyn AsRef<OsStr>, &"--json", &dir.path(), &"--plan-out", &plan]);
    assert_eq!(code(&made), 1, "{}", stderr(&made));
    let places = places(&json(&made));
    let apply: [&dyn AsRef<OsStr>; 8] =
        [&"restore", &"--json", &dir.path(), &"--apply", &"--plan", &plan, &"--journal", &journal];
    assert_eq!(code(&run(apply)), 0);
    let after = tree(dir.path());

    // Killed behind the last page: nothing is left to plan, and the job is not over.
    unfinish(&journal);
    let again = run(apply);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert!(stderr(&again).contains("an interrupted pass was finished first"), "{}", stderr(&again));
    assert_eq!(json(&again)["pages"].as_array().unwrap().len(), places.len());

    // Killed in the middle: some pages are old, one is torn.
    unfinish(&journal);
    for (number, (file, offset, length)) in places.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
        let length = if number == 0 { length / 2 } else { *length };
        write_at(&dir.path().join(file), *offset, &read_at(&old.path().join(file), *offset, length));
    }
    let again = run(apply);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(tree(dir.path()), after);

    // Over and done: once more changes nothing and is no error.
    let again = run(apply);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(tree(dir.path()), after);
    assert_eq!(json(&again)["pages"], serde_json::json!([]));

    // A page that is neither as reviewed nor as planned still refuses.
    let reverted = run([&"revert" as &dyn AsRef<OsStr>, &journal, &"--apply"]);
    assert_eq!(code(&reverted), 0, "{}", stderr(&reverted));
    let (file, offset, _) = &places[0];
    write_at(&dir.path().join(file), offset + 100, b"somebody else");
    let changed = tree(dir.path());
    let refused = run([
        &"restore" as &dyn AsRef<OsStr>,
        &dir.path(),
        &"--apply",
        &"--plan",
        &plan,
        &"--journal",
        &away.path().join("second"),
    ]);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("no longer fits"), "{}", stderr(&refused));
    assert_eq!(tree(dir.path()), changed);
}

#[test]
fn pages_that_an_interrupted_pass_must_leave_alone_are_told() {
    let (dir, away) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let journal = away.path().join("journal");
    let apply: [&dyn AsRef<OsStr>; 6] =
        [&"restore", &"--json", &dir.path(), &"--apply", &"--journal", &journal];
    let first = run(apply);
    assert_eq!(json(&first)["left_alone"], serde_json::json!([]));
    let (file, offset, length) = places(&json(&first))[0].clone();
    let good = read_at(&dir.path().join(&file), offset, length);
    unfinish(&journal);
    write_at(&dir.path().join(&file), offset + 5000, b"somebody else");
    let again = run(apply);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    let left = &json(&again)["left_alone"];
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    assert_eq!((left[0]["file"].as_str(), left[0]["offset"].as_u64()), (Some(&file[..]), Some(offset)));
    // The plan that came next has judged it: damaged, and mended from its copy.
    assert_eq!(read_at(&dir.path().join(&file), offset, length), good);
    unfinish(&journal);
    write_at(&dir.path().join(&file), offset + 5000, b"somebody else");
    let table = run([&"restore" as &dyn AsRef<OsStr>, &dir.path(), &"--apply", &"--journal", &journal]);
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(text.contains("somebody has written this page since the interrupted pass"), "{text}");
}

#[test]
fn the_journal_of_one_directory_is_not_in_the_way_of_another() {
    let (one, other, here) = (image("m97-16k"), image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let first = run_in(here.path(), &[&"restore", &"--json", &one.path(), &"--apply"]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let journal = PathBuf::from(json(&first)["journal"].as_str().unwrap());
    unfinish(&here.path().join(&journal));
    let second = run_in(here.path(), &[&"restore", &"--json", &other.path(), &"--apply"]);
    assert_eq!(code(&second), 0, "{}", stderr(&second));
    assert_ne!(json(&second)["journal"].as_str().unwrap(), journal.to_str().unwrap());
    // Its own is found again.
    let again = run_in(here.path(), &[&"restore", &"--json", &one.path(), &"--apply"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert!(stderr(&again).contains("an interrupted pass was finished first"), "{}", stderr(&again));
    assert_eq!(json(&again)["journal"].as_str().unwrap(), journal.to_str().unwrap());
}

/// A small file system of its own, or `None` where this machine lets nobody mount one.
struct Small(PathBuf);

impl Small {
    fn mount(under: &Path, size: &str) -> Option<Small> {
        let place = under.join("small");
        std::fs::create_dir(&place).unwrap();
        crate::support::mount_small(&place, size).then_some(Small(place))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_gets_neither_half_a_journal_nor_half_a_copy() {
    let (dir, away) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let before = tree(dir.path());
    let Some(small) = Small::mount(away.path(), "256k") else { return };
    let journal = small.0.join("journal");
    let full = run([&"restore" as &dyn AsRef<OsStr>, &dir.path(), &"--apply", &"--journal", &journal]);
    assert_eq!(code(&full), 2, "{}", stderr(&full));
    assert!(
        stderr(&full).contains("journal") && stderr(&full).contains("No space left"),
        "{}",
        stderr(&full)
    );
    assert_eq!(std::fs::read_dir(&small.0).unwrap().count(), 0);

    let to = small.0.join("mended");
    let full = run([&"restore" as &dyn AsRef<OsStr>, &dir.path(), &"--to", &to]);
    assert_eq!(code(&full), 2, "{}", stderr(&full));
    assert!(stderr(&full).contains("No space left"), "{}", stderr(&full));
    // Not even the directories that it made.
    assert_eq!(std::fs::read_dir(&small.0).unwrap().count(), 0, "{:?}", crate::support::tree(&small.0));
    assert_eq!(tree(dir.path()), before);

    // Elsewhere the same command goes through, and leaves the originals alone.
    let to = away.path().join("mended");
    let copied = run([&"restore" as &dyn AsRef<OsStr>, &"--json", &dir.path(), &"--to", &to]);
    assert_eq!(code(&copied), 0, "{}", stderr(&copied));
    assert_eq!(tree(dir.path()), before);
    assert!(to.join("d/t1.ibd").exists());
}

#[test]
fn every_output_warns_while_a_page_can_be_restored_and_none_afterwards() {
    let (dir, away) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let log = crate::support::testdata("m97-16k").join("oracle.log");
    let bundle = away.path().join("bundle");
    let (data, table) = (dir.path().to_path_buf(), dir.path().join("d/t1.ibd"));
    let slots = dir.path().join("#ib_16384_0.dblwr");
    let commands: Vec<Vec<&OsStr>> = vec![
        vec!["verify".as_ref(), data.as_ref()],
        vec!["restore".as_ref(), data.as_ref()],
        vec!["scan".as_ref(), data.as_ref()],
        vec!["page".as_ref(), table.as_ref(), "7".as_ref()],
        vec!["explain-log".as_ref(), log.as_ref(), "--against".as_ref(), data.as_ref()],
        vec!["locate".as_ref(), data.as_ref()],
        vec!["dump".as_ref(), data.as_ref()],
        vec!["dump".as_ref(), data.as_ref(), "--slot".as_ref(), "3".as_ref()],
        vec!["page".as_ref(), slots.as_ref(), "3".as_ref()],
    ];
    let carve = ["carve".as_ref(), slots.as_os_str()];
    let warned = |more: &[&str], command: &[&OsStr]| {
        let output = dblwr(command.iter().copied().chain(more.iter().map(OsStr::new)));
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
        said.contains("its start overwrites the copies") && said.contains("Do not rewrite checksums")
    };
    let check = ["check".as_ref(), data.as_os_str()];
    for command in &commands {
        assert!(warned(&[], command) && warned(&["--json"], command), "{command:?}");
        let json = json(&dblwr(command.iter().copied().chain(["--json".as_ref()])));
        assert!(json["guard"].as_str().is_some_and(|guard| guard.contains("overwrites")), "{command:?}");
    }
    for more in [&["--format", "csv"][..], &["--format", "jsonl"], &["--pages"]] {
        assert!(warned(more, &["scan".as_ref(), data.as_ref()]), "{more:?}");
    }
    assert!(warned(&[], &check) && warned(&["--output", "json"], &check));
    let capture = ["capture".as_ref(), data.as_os_str(), "--out".as_ref(), bundle.as_os_str()];
    assert!(warned(&["--json"], &capture));

    let journal = away.path().join("journal");
    let applied = run([&"restore" as &dyn AsRef<OsStr>, &dir.path(), &"--apply", &"--journal", &journal]);
    assert_eq!(code(&applied), 0, "{}", stderr(&applied));
    for command in &commands {
        assert!(!warned(&[], command) && !warned(&["--json"], command), "{command:?}");
    }
    assert!(!warned(&[], &check));
    // An image does not show what lies in the files.
    assert!(warned(&[], &carve) && warned(&["--json"], &carve));
    assert!(!warned(&[], &["carve".as_ref(), table.as_os_str()]));
}

#[test]
fn restoring_one_page_of_many_does_not_end_the_warning() {
    let (dir, away) = (image("m97-ibdata"), tempfile::tempdir().unwrap());
    let journal = away.path().join("journal");
    let one = run([
        &"restore" as &dyn AsRef<OsStr>,
        &dir.path(),
        &"--page",
        &"0:5",
        &"--apply",
        &"--json",
        &"--journal",
        &journal,
    ]);
    assert_eq!(code(&one), 0, "{}", stderr(&one));
    assert_eq!(json(&one)["pages"].as_array().unwrap().len(), 1);
    assert!(
        json(&one)["guard"].as_str().is_some_and(|guard| guard.contains("overwrites")),
        "22 pages are left"
    );
}

#[test]
fn what_is_advised_on_a_bundle_can_be_done() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (data, log) = (dir.path(), crate::support::testdata("logs/m56-innodb-16k.log"));
    for (name, redact) in [("bundle", false), ("redacted", true)] {
        let bundle = away.path().join(name);
        let mut capture: Vec<&dyn AsRef<OsStr>> = vec![&"capture", &data, &"--out", &bundle];
        if redact {
            capture.push(&"--redact");
        }
        assert_eq!(code(&run(capture)), 0);
        let from = if redact { String::new() } else { format!(" --copies-from {}", bundle.display()) };
        let (table, wanted) = (bundle.join("d/t1.ibd"), format!("dblwr restore {}{from} --", data.display()));
        let commands: [Vec<&dyn AsRef<OsStr>>; 5] = [
            vec![&"verify", &bundle],
            vec![&"restore", &bundle],
            vec![&"scan", &bundle],
            vec![&"page", &table, &"5"],
            vec![&"explain-log", &log, &"--against", &bundle],
        ];
        for command in commands {
            let said = String::from_utf8(run(command.iter().copied()).stdout).unwrap();
            assert!(said.contains(&wanted), "{wanted} is not in {said}");
            let refused =
                said.lines().filter(|line| line.contains(&format!("dblwr restore {}", bundle.display())));
            assert!(refused.clone().all(|line| !line.contains("--apply")), "{said}");
        }
    }
    // On another host the directory is not there.
    let moved = away.path().join("moved");
    std::fs::rename(data, &moved).unwrap();
    let said =
        String::from_utf8(run([&"verify", &away.path().join("bundle") as &dyn AsRef<OsStr>]).stdout).unwrap();
    assert!(said.contains("dblwr restore DATADIR --copies-from"), "{said}");
    std::fs::rename(&moved, data).unwrap();
    let (bundle, journal) = (away.path().join("bundle"), away.path().join("journal"));
    let done = run([
        &"restore" as &dyn AsRef<OsStr>,
        &dir.path(),
        &"--copies-from",
        &bundle,
        &"--page",
        &"6:5",
        &"--apply",
        &"--journal",
        &journal,
    ]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
}
