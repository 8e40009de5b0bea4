//! Plans and journals go with a directory that moves, and never lead from a copy of it back to the original.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{Tree, code, dblwr, image, stderr, tree};

/// A data directory whose system tablespace, with a torn page, lies beside it, and a plan and a journal for it.
struct Apart {
    place: TempDir,
    /// Before anything was written.
    before: Tree,
}

impl Apart {
    fn new() -> Apart {
        let place = tempfile::tempdir().unwrap();
        let (data, home) = (place.path().join("x/data"), place.path().join("x/home"));
        std::fs::create_dir_all(&home).unwrap();
        std::fs::rename(image("m97-ibdata").keep(), &data).unwrap();
        std::fs::rename(data.join("ibdata1"), home.join("ibdata1")).unwrap();
        let before = tree(&place.path().join("x"));
        Apart { place, before }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn tree(&self, name: &str) -> Tree {
        tree(&self.path(name))
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
        command.args(args).current_dir(self.place.path()).output().unwrap()
    }

    fn done(&self, args: &[&str], status: i32) {
        let output = self.run(args);
        assert_eq!(code(&output), status, "{args:?}: {}", stderr(&output));
    }

    fn refused(&self, args: &[&str], why: &str) {
        let output = self.run(args);
        assert_eq!(code(&output), 3, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(why), "{args:?}: {}", stderr(&output));
    }

    /// A copy as `cp -a` makes it, or one of hard links.
    fn copy(&self, how: &str, from: &str, to: &str) {
        let mut command = Command::new("cp");
        let done = command.args([how, from, to]).current_dir(self.place.path()).status().unwrap();
        assert!(done.success());
    }
}

const X: [&str; 4] = ["restore", "x/data", "--data-home-dir", "x/home"];
const Y: [&str; 4] = ["restore", "y/data", "--data-home-dir", "y/home"];
/// The directory is a copy, what lies outside of it is the original's.
const MIXED: [&str; 4] = ["restore", "y/data", "--data-home-dir", "x/home"];

fn with<'a>(command: [&'a str; 4], more: &[&'a str]) -> Vec<&'a str> {
    [&command[..], more].concat()
}

#[test]
fn a_plan_goes_with_its_directory_and_never_leads_back() {
    let apart = Apart::new();
    apart.done(&with(X, &["--plan-out", "plan"]), 1);
    apart.done(&with(X, &["--apply", "--journal", "wanted"]), 0);
    let mended = apart.tree("x");
    apart.done(&["revert", "wanted", "--apply"], 0);
    assert_eq!(apart.tree("x"), apart.before);
    apart.copy("-a", "x", "y");
    apart.refused(&with(MIXED, &["--apply", "--plan", "plan"]), "is still a file of");
    assert_eq!((apart.tree("x"), apart.tree("y")), (apart.before.clone(), apart.before.clone()));
    apart.done(&with(Y, &["--apply", "--plan", "plan", "--journal", "copied"]), 0);
    assert_eq!((apart.tree("x"), apart.tree("y")), (apart.before.clone(), mended.clone()));
    // A copy of hard links is none.
    std::fs::remove_dir_all(apart.path("y")).unwrap();
    apart.copy("-al", "x", "y");
    apart.refused(&with(Y, &["--apply", "--plan", "plan"]), "is still a file of");
    assert_eq!(apart.tree("x"), apart.before);
    // Moved as a whole.
    std::fs::remove_dir_all(apart.path("y")).unwrap();
    std::fs::rename(apart.path("x"), apart.path("y")).unwrap();
    apart.done(&with(Y, &["--apply", "--plan", "plan", "--journal", "moved"]), 0);
    assert_eq!(apart.tree("y"), mended);
}

#[test]
fn a_journal_never_leads_from_a_copy_to_the_original() {
    let apart = Apart::new();
    apart.done(&with(X, &["--apply", "--journal", "journal"]), 0);
    let mended = apart.tree("x");
    let revert = |home: &'static str| {
        ["revert", "journal", "--apply", "--datadir", "y/data", "--data-home-dir", home, "--json"]
    };
    apart.copy("-al", "x", "y");
    apart.refused(&revert("y/home"), "is still a file of");
    std::fs::remove_dir_all(apart.path("y")).unwrap();
    apart.copy("-a", "x", "y");
    apart.refused(&revert("x/home"), "is still a file of");
    assert_eq!((apart.tree("x"), apart.tree("y")), (mended.clone(), mended.clone()));
    apart.done(&revert("y/home"), 0);
    assert_eq!((apart.tree("x"), apart.tree("y")), (mended, apart.before.clone()));
    // Moved, and what lay outside stayed.
    std::fs::remove_dir_all(apart.path("y/data")).unwrap();
    std::fs::rename(apart.path("x/data"), apart.path("y/data")).unwrap();
    apart.done(&revert("x/home"), 0);
}

/// A link inside a copy leads to where it led in the original.
#[test]
fn what_a_link_leads_to_is_the_original_s() {
    let apart = Apart::new();
    let (table, away) = (apart.path("x/data/undo_001"), apart.path("x/home/undo_001"));
    std::fs::rename(&table, &away).unwrap();
    std::os::unix::fs::symlink(&away, &table).unwrap();
    apart.done(&with(X, &["--plan-out", "plan"]), 1);
    apart.copy("-a", "x", "y");
    let before = apart.tree("x");
    apart.refused(&with(Y, &["--apply", "--plan", "plan"]), "is still a file of");
    apart.done(&with(X, &["--apply", "--journal", "journal"]), 0);
    let mended = apart.tree("x");
    assert_ne!(before, mended);
    let back = ["revert", "journal", "--apply", "--datadir", "y/data", "--data-home-dir", "y/home"];
    apart.refused(&back, "is still a file of");
    assert_eq!(apart.tree("x"), mended);
}

/// What a plan says of its files: relative where they lie below the directory.
#[test]
fn a_plan_names_files_relative_to_its_directory() {
    let (dir, away) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let plan = away.path().join("plan");
    dblwr([&"restore" as &dyn AsRef<std::ffi::OsStr>, &dir.path(), &"--plan-out", &plan]);
    let plan: serde_json::Value = serde_json::from_slice(&std::fs::read(plan).unwrap()).unwrap();
    let files = plan["files"].as_array().unwrap();
    assert!(!files.is_empty());
    let relative = |file: &serde_json::Value| Path::new(file["file"].as_str().unwrap()).is_relative();
    assert!(files.iter().chain(plan["pages"].as_array().unwrap()).all(relative), "{plan:#}");
}
