//! What scripts and monitoring systems rely on: exit codes for paths, options and readers that are not as they should be.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{code, image, json, program, stderr, tree};
use rustix::fs::{FlockOperation, fcntl_lock};
use serde_json::Value;

fn run_in(dir: &Path, command: &str, args: &[&str]) -> Output {
    program(command.split(' ').chain(args.iter().copied())).current_dir(dir).output().unwrap()
}

/// Runs and gives what a person would compare: the exit code and the slots by verdict.
fn summary(dir: &Path, path: &str) -> (i32, Value) {
    let output = run_in(dir, "verify --json", &[path]);
    assert!(!output.stdout.is_empty(), "{path}: {}", stderr(&output));
    (code(&output), json(&output)["summary"].clone())
}

#[test]
fn a_file_is_found_in_its_data_directory_however_it_is_spelled() {
    let m97 = image("m97-ibdata");
    for file in ["ibdata1", "undo_001", "d/t1.ibd", "#ib_16384_0.dblwr"] {
        let whole = summary(Path::new("/"), m97.path().join(file).to_str().unwrap());
        for spelled in [file.to_owned(), format!("./{file}"), format!("d/../{file}")] {
            assert_eq!(summary(m97.path(), &spelled), whole, "{spelled}");
        }
        assert_eq!(summary(&m97.path().join("d"), &format!("../{file}")), whole, "{file}");
    }
    let table = summary(m97.path(), "d/t1.ibd");
    assert_eq!(summary(&m97.path().join("d"), "t1.ibd"), table);
    let two = image("m56-two-ibdata");
    let whole = summary(two.path(), ".");
    for file in ["ibdata1", "ibdata2"] {
        let absolute = summary(Path::new("/"), two.path().join(file).to_str().unwrap());
        assert_eq!(summary(two.path(), file), absolute, "{file}");
        assert_eq!(absolute.0, whole.0, "{file}");
    }
}

#[test]
fn a_link_kept_elsewhere_stands_for_the_file_where_it_lies() {
    let (dir, away) = (image("m97-ibdata"), tempfile::tempdir().unwrap());
    symlink(dir.path().join("ibdata1"), away.path().join("link")).unwrap();
    assert_eq!(summary(away.path(), "link"), summary(dir.path(), "ibdata1"));
    assert_eq!(code(&run_in(away.path(), "scan", &["link"])), 1, "the copies beside the file are seen");
    // A table on another disk belongs to the data directory that links to it.
    fs::rename(dir.path().join("d/t1.ibd"), away.path().join("t1.ibd")).unwrap();
    symlink(away.path().join("t1.ibd"), dir.path().join("d/t1.ibd")).unwrap();
    assert_eq!(summary(dir.path(), "d/t1.ibd").1["intact"], 59);
}

#[test]
fn redo_files_and_files_of_zeros_are_foreign() {
    let away = tempfile::tempdir().unwrap();
    let mut nearly = vec![0; 65536];
    nearly[..4].copy_from_slice(b"abcd");
    fs::write(away.path().join("nearly"), nearly).unwrap();
    for (case, name) in [("m56-innodb-16k", "redo56"), ("ma118-ibd-page0", "redo118")] {
        let dir = image(case);
        assert_eq!(code(&run_in(dir.path(), "verify", &["ib_logfile0"])), 3, "{case}");
        fs::copy(dir.path().join("ib_logfile0"), away.path().join(name)).unwrap();
    }
    for file in ["nearly", "redo56", "redo118"] {
        for command in ["locate", "dump", "verify", "restore", "restore --apply", "scan", "check"] {
            let output = run_in(away.path(), command, &[file]);
            assert_eq!(code(&output), 3, "{command} {file}: {}", String::from_utf8_lossy(&output.stdout));
            assert!(command == "check" || stderr(&output).lines().count() == 1, "{}", stderr(&output));
        }
    }
}

#[test]
fn a_place_that_is_named_but_not_there_is_wrong_usage() {
    let dir = image("m97-clean-kill");
    for option in
        ["--datadir", "--data-home-dir", "--doublewrite-dir", "--undo-dir", "--redo-dir", "--directory"]
    {
        for command in ["locate", "dump", "verify", "restore", "restore --apply", "scan", "check"] {
            let output = run_in(dir.path(), command, &[".", option, "no/such/place"]);
            let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
            assert_eq!(code(&output), 3, "{command} {option}: {said}");
            assert!(said.contains("no/such/place") && said.contains(option), "{command} {option}: {said}");
        }
    }
    // As servers see it from the data directory, and with the # that MySQL puts before the name.
    for (option, place) in
        [("--redo-dir", "#innodb_redo"), ("--redo-dir", "innodb_redo"), ("--undo-dir", ".")]
    {
        let path = dir.path().to_str().unwrap();
        let output = run_in(Path::new("/"), "verify", &[path, option, place]);
        assert_eq!(code(&output), 0, "{option} {place}: {}", stderr(&output));
    }
}

#[test]
fn a_reader_that_went_away_does_not_change_how_a_command_ended() {
    let dir = image("m97-ibdata");
    for (arguments, ended) in [
        ("verify --json .", 1),
        ("verify -v .", 1),
        ("restore --json .", 1),
        ("check --json --reads 1 .", 1),
        ("dump .", 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut program = Command::new(env!("CARGO_BIN_EXE_dblwr"));
        let status =
            program.current_dir(dir.path()).args(arguments.split(' ')).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(ended), "{arguments}");
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_dblwr"));
    let output = program.arg("verify").arg(dir.path()).stdout(full).output().unwrap();
    assert_eq!((code(&output), stderr(&output).starts_with("dblwr: standard output: ")), (3, true));
}

#[test]
fn a_revert_sees_a_server_by_files_that_the_journal_does_not_name() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (path, journal) = (dir.path().to_str().unwrap(), away.path().join("j"));
    let journal = journal.to_str().unwrap();
    assert_eq!(code(&run_in(away.path(), "restore --apply", &[path, "--journal", journal])), 0);
    let mended = tree(dir.path());
    let server = File::options().write(true).open(dir.path().join("ibdata1")).unwrap();
    fcntl_lock(&server, FlockOperation::NonBlockingLockExclusive).unwrap();
    let refused = run_in(away.path(), "revert --apply", &[journal]);
    assert_eq!((code(&refused), tree(dir.path()) == mended), (3, true), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("ibdata1"), "{}", stderr(&refused));
    drop(server);
    assert_eq!(code(&run_in(away.path(), "revert --apply", &[journal])), 0);
}

#[test]
fn restoring_a_named_page_again_is_no_error() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let path = dir.path().to_str().unwrap();
    let restore = |options: &[&str]| {
        let journal = away.path().join("j");
        let args = [&[path, "--json", "--journal", journal.to_str().unwrap()], options].concat();
        run_in(away.path(), "restore --apply", &args)
    };
    let first = restore(&["--page", "6:5"]);
    assert_eq!((code(&first), json(&first)["pages"].as_array().unwrap().len()), (0, 1));
    let again = restore(&["--page", "6:5"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(json(&again)["pages"].as_array().unwrap().len(), 0);
    assert_eq!(code(&restore(&["--page", "6:4000"])), 3, "no copy of such a page");
    let lost = image("m97-detect-only");
    let output = run_in(lost.path(), "restore --json . --page", &["2:7"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert_eq!(json(&output)["remaining"][0]["verdict"], "unrecoverable");
}

#[test]
fn files_that_cannot_be_read_are_unknown_to_dump_as_to_locate() {
    let dir = image("m97-clean-kill");
    symlink("nowhere", dir.path().join("d/gone.ibd")).unwrap();
    for command in ["locate", "dump", "verify"] {
        let output = run_in(dir.path(), command, &["."]);
        assert_eq!(code(&output), 3, "{command}");
        assert!(stderr(&output).contains("gone.ibd"), "{command}: {}", stderr(&output));
    }
}

#[test]
fn scan_says_what_a_doublewrite_file_is_for() {
    let dir = image("m97-clean-kill");
    let output = run_in(dir.path(), "scan", &["#ib_16384_0.dblwr"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("a doublewrite file") && stderr(&output).contains("dblwr dump"));
}
