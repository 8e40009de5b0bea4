//! Every command line that is printed can be pasted, and plans what the command that printed it would.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{code, image, json, stderr, testdata};

/// An instance whose parts lie everywhere, under names that a shell takes apart.
struct Scattered {
    place: tempfile::TempDir,
    data: PathBuf,
    options: Vec<String>,
}

fn scattered() -> Scattered {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("it's data $(touch pwned)");
    std::fs::rename(image("m56-innodb-16k").keep(), &data).unwrap();
    let (home, redo) = (place.path().join("a home"), place.path().join("re;do"));
    std::fs::create_dir_all(&home).unwrap();
    std::fs::create_dir_all(&redo).unwrap();
    std::fs::rename(data.join("ibdata1"), home.join("ibdata1")).unwrap();
    for entry in std::fs::read_dir(&data).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("ib_logfile") {
            std::fs::rename(entry.path(), redo.join(entry.file_name())).unwrap();
        }
    }
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let options = vec![
        "--data-home-dir".into(),
        text(&home),
        "--redo-dir".into(),
        text(&redo),
        "--page-size".into(),
        "16384".into(),
    ];
    Scattered { place, data, options }
}

impl Scattered {
    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
        command.args(args).args(&self.options).current_dir(self.place.path()).output().unwrap()
    }

    /// A line as it was printed, pasted into a shell.
    fn paste(&self, line: &str, more: &str) -> Output {
        let bin = Path::new(env!("CARGO_BIN_EXE_dblwr")).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{line} {more}")]).env("PATH", path).current_dir(self.place.path());
        command.output().unwrap()
    }
}

/// The command lines in what was printed, without what is said behind them.
fn lines(said: &str, word: &str) -> Vec<String> {
    let begin = format!("dblwr {word} ");
    said.lines()
        .filter_map(|line| line.find(&begin).map(|at| &line[at..]))
        .map(|line| {
            line.split("    (").next().unwrap().split(", then again").next().unwrap().trim().to_owned()
        })
        .filter(|line| {
            line.contains("it'\\''s data") || line.contains("bundle'") || line.contains(".journal")
        })
        .collect()
}

fn pages(plan: &Value) -> Vec<(String, String)> {
    // A file that is named alone is shown by its name alone.
    let name = |file: &Value| file.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let page = |page: &Value| (name(&page["file"]), page["after"]["sha256"].to_string());
    plan["pages"].as_array().unwrap().iter().map(page).collect()
}

#[test]
fn every_printed_restore_plans_the_same() {
    let there = scattered();
    let data = there.data.to_str().unwrap();
    let wanted = pages(&json(&there.run(&["restore", "--json", data])));
    assert_eq!(wanted.len(), 1, "the image has one page to restore");
    let table = there.data.join("d/t1.ibd");
    let log = testdata("logs/m56-innodb-16k.log");
    let bundle = there.place.path().join("the bundle");
    let commands: Vec<Vec<&str>> = vec![
        vec!["verify", data],
        vec!["restore", data],
        vec!["restore", data, "--include-stale", "--rules", "server", "--threads", "2"],
        vec!["scan", data],
        vec!["page", table.to_str().unwrap(), "5", "--datadir", data],
        vec!["explain-log", log.to_str().unwrap(), "--against", data],
        vec!["capture", data, "--out", bundle.to_str().unwrap()],
    ];
    for command in commands {
        let output = there.run(&command);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = lines(&said, "restore");
        assert!(!found.is_empty(), "{command:?}: {said}{}", stderr(&output));
        for line in found {
            let line = line.trim_end_matches(" --apply");
            let plan = there.paste(line, "--json");
            assert_eq!(code(&plan), 1, "{line}: {}", stderr(&plan));
            assert_eq!(pages(&json(&plan)), wanted, "{line}");
            for option in command.iter().filter(|word| word.starts_with("--in") || word.starts_with("--ru")) {
                assert!(command[0] != "restore" || line.contains(option), "{line}");
            }
        }
        for line in lines(&said, "verify") {
            assert_eq!(code(&there.paste(&line, "--json")), 1, "{line}");
        }
    }
    assert!(!there.place.path().join("pwned").exists());
}

#[test]
fn the_printed_apply_and_the_printed_revert_do_what_they_say() {
    let there = scattered();
    std::fs::set_permissions(there.place.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let data = there.data.to_str().unwrap();
    let table = there.data.join("d/t1.ibd");
    let before = std::fs::read(&table).unwrap();
    let planned = there.run(&["restore", data]);
    let said = String::from_utf8_lossy(&planned.stdout).into_owned();
    let apply = lines(&said, "restore").into_iter().find(|line| line.ends_with("--apply")).expect("a line");
    let applied = there.paste(&apply, "");
    assert_eq!(code(&applied), 0, "{apply}: {}", stderr(&applied));
    assert_ne!(std::fs::read(&table).unwrap(), before);
    let said = String::from_utf8_lossy(&applied.stdout).into_owned();
    let revert = lines(&said, "revert").pop().expect("a line");
    let plan = there.paste(revert.trim_end_matches(" --apply"), "");
    let next = lines(&String::from_utf8_lossy(&plan.stdout), "revert").pop().expect("a line");
    let reverted = there.paste(&next, "");
    assert_eq!(code(&reverted), 0, "{next}: {}", stderr(&reverted));
    assert_eq!(std::fs::read(&table).unwrap(), before);
}
