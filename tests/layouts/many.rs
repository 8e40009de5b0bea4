//! Many damaged pages take time, not memory.

use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::built::prove::code;
use crate::separate::{since_8_0_20, slot};
use crate::support::{json, stderr, tree};

/// Address space in KiB. What the program takes besides pages is about a third of it; 2,500 pages in it twelve times, as
/// they once were, are half a gigabyte.
const MOST: u64 = 256 << 10;
/// Slots in each doublewrite file.
const SLOTS: u32 = 500;

/// Runs a command on a directory with no more address space than that.
fn bounded(dir: &Path, away: &Path, arguments: &[&str]) -> Output {
    let script = format!("ulimit -v {MOST}; exec \"$0\" --json --threads 2 \"$@\"");
    let mut program = std::process::Command::new("sh");
    program.args(["-c", &script, env!("CARGO_BIN_EXE_dblwr")]).args(arguments).arg(dir).current_dir(away);
    program.output().unwrap()
}

/// `DBLWR_MANY_PAGES` sets how many, `DBLWR_MANY_KEPT` where the directory is left.
#[test]
fn a_restore_and_a_revert_of_many_pages_stream() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let pages = number("DBLWR_MANY_PAGES").unwrap_or(2500);
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    let flags = world.space("d/t1.ibd").flags;
    world.table("d/many.ibd", 8, flags, pages + 4);
    for page in 0..pages {
        world.tear("d/many.ibd", page + 4, slot(page / SLOTS, page % SLOTS), 4096);
    }
    let kept = std::env::var_os("DBLWR_MANY_KEPT");
    let (dir, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    if let Some(kept) = kept {
        return world.write(Path::new(&kept));
    }
    world.write(dir.path());
    let before = tree(dir.path());
    drop(world);
    let report = |arguments: &[&str], status: i32| {
        let output = bounded(dir.path(), away.path(), arguments);
        assert_eq!(code(&output), status, "{arguments:?}: {}", stderr(&output));
        json(&output)
    };
    let all = |report: &serde_json::Value, outcome: &str| {
        let list = report["pages"].as_array().unwrap();
        assert_eq!((list.len(), list.iter().all(|page| page["outcome"] == outcome)), (pages as usize, true));
    };
    all(&report(&["restore", "--plan-out", "plan"], 1), "planned");
    let applied = report(&["restore", "--apply", "--journal", "journal", "--plan", "plan"], 0);
    all(&applied, "verified");
    assert_eq!(report(&["verify"], 0)["summary"], json!({ "intact": pages }));
    let revert = |options: &[&str], status: i32| {
        let script = format!("ulimit -v {MOST}; exec \"$0\" revert journal --json \"$@\"");
        let mut program = std::process::Command::new("sh");
        program.args(["-c", &script, env!("CARGO_BIN_EXE_dblwr")]).args(options).current_dir(away.path());
        let output = program.output().unwrap();
        assert_eq!(code(&output), status, "{options:?}: {}", stderr(&output));
        json(&output)
    };
    all(&revert(&[], 1), "planned");
    all(&revert(&["--apply"], 0), "verified");
    assert!(tree(dir.path()) == before, "the revert put back every byte");
    let copies = report(&["restore", "--to", "copies"], 0);
    assert_eq!(copies["copies"][0]["pages"], pages);
}
