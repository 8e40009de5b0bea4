//! A server that has its files open is noticed by whichever lock it takes, wherever its files lie.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, fcntl_lock};

use crate::support::{code, dblwr, image, stderr, tree};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// MariaDB with `ibdata1` on another disk: what is locked in the directory that was named is `aria_log_control`.
#[test]
fn a_server_whose_system_tablespace_lies_elsewhere_is_noticed() {
    let (dir, away, place) =
        (image("ma1011-full-16k"), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, home) = (dir.path(), away.path());
    std::fs::rename(data.join("ibdata1"), home.join("ibdata1")).unwrap();
    let control = data.join("aria_log_control");
    if !control.exists() {
        std::fs::write(&control, [0; 52]).unwrap();
    }
    let plan = dblwr(["restore", text(data), "--json", "--data-home-dir", text(home)]);
    assert_eq!(code(&plan), 1, "{}", stderr(&plan));
    let before = (tree(data), tree(home));
    for locked in [&control, &home.join("ibdata1"), &data.join("d/t1.ibd")] {
        let server = File::options().write(true).open(locked).unwrap();
        fcntl_lock(&server, FlockOperation::NonBlockingLockExclusive).unwrap();
        let journal = place.path().join("journal");
        let args = ["restore", text(data), "--apply", "--journal", text(&journal)];
        let output = dblwr(args.into_iter().chain(["--data-home-dir", text(home)]));
        let name = locked.file_name().unwrap().to_str().unwrap();
        assert_eq!(code(&output), 3, "{}: {}", locked.display(), stderr(&output));
        assert!(stderr(&output).contains(name), "{name}: {}", stderr(&output));
        assert!((tree(data), tree(home)) == before, "{name}");
        // Without the option the buffer is not there to be looked at: nothing is written, and nothing is called well.
        let output = dblwr(args);
        assert_eq!(code(&output), 3, "{}: {}", locked.display(), stderr(&output));
        assert!((tree(data), tree(home)) == before, "{name}");
    }
    let blind = dblwr(["restore", text(data)]);
    assert_eq!(code(&blind), 3, "{}", stderr(&blind));
    assert!(String::from_utf8_lossy(&blind.stdout).starts_with("UNKNOWN: "), "{blind:?}");
    assert!(stderr(&blind).contains("ibdata1"), "{}", stderr(&blind));
}

/// Every command that makes threads, and what else it needs.
const THREADED: [(&str, &[&str]); 11] = [
    ("verify", &[]),
    ("scan", &[]),
    ("check", &["--over", "0", "--timeout", "0"]),
    ("check", &["--over", "0", "--timeout", "30"]),
    ("locate", &[]),
    ("dump", &[]),
    ("redo", &[]),
    ("restore", &[]),
    ("carve", &[]),
    ("scan", &["--progress-fd", "2"]),
    ("capture", &["--out", "bundle"]),
];

/// The limit that really binds: an ordinary user who may have so many processes, threads among them. The program itself is
/// the first.
#[test]
fn an_ordinary_user_who_may_make_no_threads_gets_fewer_or_a_clear_error() {
    let dir = image("m97-clean-kill");
    let setpriv = ["--reuid", "64321", "--regid", "64321", "--clear-groups"];
    let may = std::process::Command::new("setpriv").args(setpriv).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: only the administrator can become an ordinary user (setpriv)");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("dblwr");
    std::fs::copy(env!("CARGO_BIN_EXE_dblwr"), &program).unwrap();
    let everybody =
        std::process::Command::new("chmod").args(["-R", "a+rwX"]).args([dir.path(), place.path()]).status();
    assert!(everybody.unwrap().success());
    for (command, options) in THREADED {
        for most in [1, 3] {
            let script = format!("ulimit -u {most}; exec ./dblwr {command} --threads 64 \"$@\"");
            let output = std::process::Command::new("setpriv")
                .args(setpriv)
                .args(["sh", "-c", &script, "sh"])
                .arg(dir.path())
                .args(options)
                .current_dir(place.path())
                .output()
                .unwrap();
            let said = stderr(&output);
            let _ = std::fs::remove_file(place.path().join("bundle"));
            assert!(matches!(output.status.code(), Some(0 | 3)), "{command} {options:?}, {most}: {said}");
            assert!(!said.contains("panicked"), "{command} {options:?}, {most}: {said}");
            assert!(output.status.code() == Some(0) || said.contains("dblwr: "), "{command} {most}: {said}");
        }
    }
}

/// `ulimit -u` and absurd numbers of threads.
#[test]
fn where_no_threads_can_be_made_there_are_fewer_and_no_panic() {
    let dir = image("m97-clean-kill");
    // The pool is made before any command begins: one that uses it and one that does not stand for all.
    for command in ["scan", "locate"] {
        let many = dblwr([command, text(dir.path()), "--threads", "100000"]);
        assert_eq!(code(&many), 0, "{command}: {}", stderr(&many));
    }
    // One thread, as on a machine with one processor; `check` waits for its answer in another.
    for command in ["verify", "scan", "check", "locate", "dump"] {
        let alone = dblwr([command, text(dir.path()), "--threads", "1"]);
        assert_eq!(code(&alone), 0, "{command}: {}", stderr(&alone));
    }
    // A limit on processes binds only those who are not the administrator; one on address space binds everybody.
    for limits in ["ulimit -v 600000", "ulimit -v 300000", "ulimit -u 1"] {
        for command in ["verify", "scan", "check --over 0", "locate"] {
            let script = format!("{limits}; exec \"$0\" {command} --threads 64 \"$1\"");
            let output = std::process::Command::new("sh")
                .args(["-c", &script, env!("CARGO_BIN_EXE_dblwr"), text(dir.path())])
                .output()
                .unwrap();
            let said = stderr(&output);
            assert!(matches!(output.status.code(), Some(0 | 3)), "{command} {limits}: {said}");
            assert!(!said.contains("panicked"), "{command} {limits}: {said}");
            let answer = String::from_utf8_lossy(&output.stdout);
            assert!(!answer.contains("no answer"), "{command} {limits}: {answer}");
        }
    }
}
