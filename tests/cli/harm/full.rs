//! A disk that is full, as `ulimit -f` makes one: an error with the file's name and a status, never a signal.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{code, image, stderr, testdata, tree};

/// Runs a command that may write so many KiB into any one file.
fn limited(kib: u64, cwd: &Path, args: &[&str]) -> Output {
    let script = format!("ulimit -f {kib}; exec \"$0\" \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_dblwr")]).args(args).current_dir(cwd).output().unwrap()
}

/// What is left in a directory, at any depth, with its length; then it is empty.
fn take_away(dir: &Path) -> Vec<(String, u64)> {
    let mut left = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            left.extend(take_away(&path));
            std::fs::remove_dir(&path).unwrap();
            left.push((name, 0));
        } else {
            left.push((name, path.metadata().unwrap().len()));
            std::fs::remove_file(&path).unwrap();
        }
    }
    left
}

#[test]
fn an_output_that_does_not_fit_is_named_and_no_half_of_it_stays() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let data = dir.path().to_str().unwrap();
    let table = dir.path().join("d/t1.ibd");
    let before = tree(dir.path());
    let log = testdata("logs/m56-innodb-16k.log");
    let log = log.to_str().unwrap();
    // A record that is continued, and a directory, are made before anything is written into them.
    for (args, made) in [
        (vec!["restore", data, "--apply", "--journal", "out"], false),
        (vec!["restore", data, "--plan-out", "out"], false),
        (vec!["restore", data, "--to", "out"], false),
        (vec!["capture", data, "--out", "out"], false),
        (vec!["check", data, "--output", "json", "--out", "out"], false),
        (vec!["check", data, "--over", "0", "--accept", "--baseline", "out"], false),
        (vec!["dump", data, "--out", "out"], true),
        (vec!["carve", table.to_str().unwrap(), "--out", "out"], true),
        (vec!["scan", data, "--resume", "out"], true),
        (vec!["locate", data, "--record", "out"], true),
        (vec!["explain-log", log, "--against", data, "--record", "out"], true),
    ] {
        let output = limited(0, away.path(), &args);
        let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(code(&output), 2, "{args:?}: {said}");
        assert!(said.contains("out") && said.contains("File too large"), "{args:?}: {said}");
        let left = take_away(away.path());
        let wanted = if made { vec![("out".to_owned(), 0)] } else { vec![] };
        assert_eq!(left, wanted, "{args:?}");
    }
    assert_eq!(tree(dir.path()), before);
}

/// The journal of a revert is an output as well.
#[test]
fn a_revert_whose_journal_does_not_fit_writes_nothing() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let journal = away.path().join("journal");
    let (data, journal) = (dir.path().to_str().unwrap(), journal.to_str().unwrap());
    assert_eq!(code(&limited(1 << 20, away.path(), &["restore", data, "--apply", "--journal", journal])), 0);
    let mended = tree(dir.path());
    let output = limited(0, away.path(), &["revert", journal, "--apply"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("File too large"), "{}", stderr(&output));
    assert_eq!(tree(dir.path()), mended);
    assert_eq!(take_away(away.path()).len(), 1);
}
