//! What could not be read is named, and makes status 3; what must not be read neither blocks nor fills memory.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::{code, dblwr, image, json, program, stderr, tree};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A run that must end; a hang is a failure of the test, not of the machine.
fn ends(args: &[&str]) -> Output {
    let mut child = program(args).stdout(tempfile()).stderr(tempfile()).spawn().unwrap();
    let begin = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        if begin.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("{args:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn tempfile() -> File {
    tempfile::tempfile().unwrap()
}

#[test]
fn a_file_that_could_not_be_opened_makes_status_3_of_every_command() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let data = dir.path();
    symlink("nowhere", data.join("d/gone.ibd")).unwrap();
    let (bundle, journal) = (away.path().join("bundle"), away.path().join("journal"));
    let out = away.path().join("out");
    for args in [
        &["locate", text(data)][..],
        &["dump", text(data)],
        &["dump", text(data), "--out", text(&out)],
        &["capture", text(data), "--out", text(&bundle)],
        &["restore", text(data), "--to", text(&away.path().join("mended"))],
        &["restore", text(data), "--apply", "--journal", text(&journal)],
    ] {
        let output = dblwr(args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
        assert_eq!(code(&output), 3, "{args:?}: {said}");
        assert!(said.contains("gone.ibd"), "{args:?}: {said}");
    }
    // What could be mended is mended all the same.
    let after = dblwr(["verify", "--json", text(data)]);
    assert_eq!((code(&after), json(&after)["summary"].get("restorable")), (3, None));
}

#[test]
fn a_doublewrite_file_that_is_none_is_not_passed_over() {
    let make_pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    type Make<'a> = &'a dyn Fn(&Path);
    let kinds: [(&str, Make<'_>); 4] = [
        ("a directory", &|path| std::fs::create_dir(path).unwrap()),
        ("a link that leads nowhere", &|path| symlink("nowhere", path).unwrap()),
        ("neither a file nor a directory", &make_pipe),
        ("neither a file nor a directory", &|path| symlink("/dev/zero", path).unwrap()),
    ];
    for (kind, make) in kinds {
        for name in ["#ib_16384_1.dblwr", "#ib_16384_7.bdblwr", "xb_doublewrite"] {
            let dir = image("m97-clean-kill");
            let path = dir.path().join(name);
            let _ = std::fs::remove_file(&path);
            make(&path);
            for command in ["verify", "locate", "check", "dump"] {
                let output = ends(&[command, text(dir.path())]);
                assert_eq!(code(&output), 3, "{command} {name}: {kind}");
            }
            let said = stderr(&dblwr(["verify", text(dir.path())]));
            assert!(said.contains(name) && said.contains(kind), "{name}: {said}");
        }
    }
}

/// Every small file that anybody could plant, as each thing that never ends.
#[test]
fn no_planted_file_blocks_or_fills_memory() {
    let away = tempfile::tempdir().unwrap();
    let pipe = away.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let long = away.path().join("long");
    File::create(&long).unwrap().set_len(1 << 43).unwrap();
    for to in [&pipe, Path::new("/dev/zero"), &long] {
        let dir = image("m56-innodb-16k");
        let data = dir.path();
        for name in ["d/t3.isl", "d/t3.ibd", "auto.cnf", "host.pid", "ib_logfile1", "ibdata2", "undo001"] {
            let _ = std::fs::remove_file(data.join(name));
            symlink(to, data.join(name)).unwrap();
            if *to == long && ["d/t3.ibd", "ib_logfile1", "ibdata2", "undo001"].contains(&name) {
                std::fs::remove_file(data.join(name)).unwrap();
            }
        }
        let (place, to) = (text(data), text(to));
        let journal = away.path().join("journal");
        for args in [
            &["verify", place][..],
            &["locate", place],
            &["check", place],
            &["check", place, "--baseline", to],
            &["restore", place],
            &["restore", place, "--apply", "--plan", to],
            &["restore", place, "--copies-from", to],
            &["revert", to],
            &["verify", place, "--defaults-file", to],
            &["verify", place, "--keyring", to],
            &["verify", place, "--keyring", "/dev/null", "--keyring-password-file", to],
            &["capture", place, "--out", text(&away.path().join("bundle")), "--defaults-file", to],
        ] {
            let output = ends(args);
            assert!(output.status.code().is_some_and(|code| code <= 3), "{args:?} {to}");
        }
        if to != text(&long) {
            let output = ends(&["scan", place, "--resume", to]);
            assert_eq!(code(&output), 3, "{to}");
        }
        assert!(!journal.exists());
    }
}

/// Whose files these are is not known where `auto.cnf` is there and cannot be read.
#[test]
fn an_identity_that_cannot_be_read_is_named_and_opens_no_bundle() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (data, cnf) = (text(dir.path()), dir.path().join("auto.cnf"));
    let (bundle, journal) = (away.path().join("bundle"), away.path().join("journal"));
    assert_eq!(code(&dblwr(["capture", data, "--out", text(&bundle)])), 0);
    let _ = std::fs::remove_file(&cnf);
    std::fs::create_dir(&cnf).unwrap();
    let refused = dblwr(["restore", data, "--copies-from", text(&bundle)]);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    assert!(stderr(&refused).contains("auto.cnf"), "{}", stderr(&refused));
    let done = dblwr(["restore", data, "--apply", "--journal", text(&journal)]);
    assert_eq!(code(&done), 3, "{}", stderr(&done));
    assert!(stderr(&done).contains("auto.cnf") && journal.exists(), "{}", stderr(&done));
}

/// A plan may be long, but what is none is not read to its end.
#[test]
fn what_is_no_plan_takes_no_memory() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let plan = away.path().join("plan");
    for length in [127 << 20, 900 << 20] {
        File::create(&plan).unwrap().set_len(length).unwrap();
        let script = "ulimit -d 65536; exec \"$0\" restore --threads 2 --apply \"$1\" --plan \"$2\"";
        let mut shell = Command::new("bash");
        let output =
            shell.args(["-c", script, env!("CARGO_BIN_EXE_dblwr"), text(dir.path()), text(&plan)]).output();
        assert_eq!(code(&output.unwrap()), 3, "{length}");
    }
}

/// 8,192 damaged pages in a file just written, 100 GiB of nothing, and doublewrite files of terabytes: each of them took
/// minutes, or did not end.
#[test]
fn what_is_large_or_just_written_still_ends() {
    let dir = image("m97-4k");
    let data = dir.path();
    let table = data.join("d/t1.ibd");
    let mut bytes = std::fs::read(&table).unwrap();
    let mut page = bytes[3 * 4096..4 * 4096].to_vec();
    for number in 0..16_384_u32 {
        page[100..104].copy_from_slice(&number.to_be_bytes());
        bytes.extend(&page);
    }
    std::fs::write(&table, bytes).unwrap();
    // The pages behind the old end belong to nothing; the one that was torn has its copy beside the directory.
    assert_eq!(code(&ends(&["scan", text(&table), "--json"])), 1);

    let (dir, away) = (image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let (data, large) = (dir.path(), dir.path().join("d/t1.ibd"));
    File::options().write(true).open(&large).unwrap().set_len(100 << 30).unwrap();
    File::create(data.join("#ib_16384_9.dblwr")).unwrap().set_len(8 << 40).unwrap();
    ends(&["scan", text(&large), "--json"]);
    for args in [
        &["verify", text(data)][..],
        &["dump", text(data)],
        &["scan", text(data)],
        &["check", text(data), "--scan", "--timeout", "0"],
        &["carve", text(&large)],
        &["capture", text(data), "--out", text(&away.path().join("bundle"))],
    ] {
        ends(args);
    }
}

#[test]
fn the_files_of_a_directory_stay_as_they_are_whatever_is_asked_of_them() {
    let dir = image("m56-innodb-16k");
    let before = tree(dir.path());
    for command in ["locate", "dump", "verify", "restore", "scan", "check"] {
        ends(&[command, text(dir.path())]);
    }
    assert_eq!(tree(dir.path()), before);
}
