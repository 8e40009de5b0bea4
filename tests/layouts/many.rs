//! Many damaged pages take time, not memory.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::prove::code;
use crate::built::redo::{Phys, record};
use crate::built::{CHECKPOINT, OLD, World};
use crate::mariadb::mariadb;
use crate::separate::{since_8_0_20, slot};
use crate::support::{json, stderr, tree};

/// Memory of its own in KiB, the stacks of threads included. What the program takes besides pages is a quarter of it; 2,500
/// pages in it twelve times, as they once were, are half a gigabyte.
const MOST: u64 = 128 << 10;
/// The same where pages were once kept in memory once each: 2,500 of them do not fit beside the 32 MiB that it takes.
const MOST_ONCE: u64 = 56 << 10;
/// Slots in each doublewrite file.
const SLOTS: u32 = 500;

/// Runs a command with no more memory than `most` KiB. Address space is no measure: how much of it an allocator reserves for
/// each thread differs from run to run.
fn bounded(most: u64, away: &Path, arguments: &[&str]) -> Output {
    let script = format!("ulimit -d {most}; exec \"$0\" --json --threads 2 \"$@\"");
    let mut program = std::process::Command::new("sh");
    program.args(["-c", &script, env!("CARGO_BIN_EXE_dblwr")]).args(arguments).current_dir(away);
    program.output().unwrap()
}

fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

/// A directory with many damaged pages, and one to keep journals and plans in.
struct Many {
    dir: TempDir,
    away: TempDir,
    pages: u32,
    most: u64,
}

impl Many {
    /// `None` where the directory was wanted, not the test.
    fn of(world: &World, pages: u32, most: u64, name: &str) -> Option<Many> {
        if let Some(kept) = std::env::var_os("DBLWR_MANY_KEPT") {
            world.write(&Path::new(&kept).join(name));
            return None;
        }
        let (dir, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        world.write(dir.path());
        Some(Many { dir, away, pages, most })
    }

    fn report(&self, arguments: &[&str], status: i32) -> Value {
        let output = bounded(self.most, self.away.path(), arguments);
        assert_eq!(code(&output), status, "{arguments:?}: {}", stderr(&output));
        json(&output)
    }

    fn all(&self, report: &Value, outcome: &str) {
        let list = report["pages"].as_array().unwrap();
        let all = list.iter().all(|page| page["outcome"] == outcome);
        assert_eq!((list.len(), all), (self.pages as usize, true));
    }

    /// Plan, apply, take back, copy.
    fn there_and_back(&self, how: &[&str]) {
        let before = tree(self.dir.path());
        let dir = self.dir.path().to_str().unwrap();
        let with = |more: &[&'static str]| [&["restore", dir], more, how].concat();
        self.all(&self.report(&with(&["--plan-out", "plan"]), 1), "planned");
        let applied = self.report(&with(&["--apply", "--journal", "journal", "--plan", "plan"]), 0);
        self.all(&applied, "verified");
        assert_eq!(self.report(&with(&[]), 0)["pages"], json!([]));
        self.all(&self.report(&["revert", "journal"], 1), "planned");
        self.all(&self.report(&["revert", "journal", "--apply"], 0), "verified");
        assert!(tree(self.dir.path()) == before, "the revert put back every byte");
        let copies = self.report(&with(&["--to", "copies"]), 0);
        assert_eq!(copies["copies"][0]["pages"], self.pages);
    }
}

/// Torn pages with copies.
fn torn(pages: u32) -> World {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    let flags = world.space("d/t1.ibd").flags;
    // Servers of 8.0 see whole MiB of a file only.
    world.table("d/many.ibd", 8, flags, (pages + 4).next_multiple_of(64));
    for page in 0..pages {
        world.tear("d/many.ibd", page + 4, slot(page / SLOTS, page % SLOTS), 4096);
    }
    world
}

/// Pages of zeros that redo initialised before the checkpoint, at the end of `d/many.ibd`.
fn initialised(pages: u32) -> World {
    let mut world = mariadb("10.11.18");
    world.table("d/many.ibd", 9, 0x15, 4);
    let (many, length) = (world.space("d/many.ibd"), world.size * (4 + pages) as usize);
    world.files.get_mut("d/many.ibd").unwrap().resize(length, 0);
    let page0 = world.page(&many, 0, OLD);
    world.write_home(&many, 0, &page0);
    let mut log = Phys::new(1 << 20, 12288, false);
    for page in 4..pages + 4 {
        log.mtr(&init_page(9, page));
    }
    while log.lsn < CHECKPOINT {
        log.mtr(&record(10));
    }
    let checkpoint = log.lsn;
    log.file_checkpoint(checkpoint).checkpoint(0, checkpoint, checkpoint);
    log.mtr(&record(200));
    world.files.insert("ib_logfile0".into(), log.bytes);
    world
}

/// `INIT_PAGE` with a page number as `mlog_encode_varint` writes it.
fn init_page(space: u8, page: u32) -> Vec<u8> {
    let number = match page {
        0..0x80 => vec![page as u8],
        0x80..0x4080 => (0x8000 | (page - 0x80)).to_be_bytes()[2..].to_vec(),
        _ => (0xC0_0000 | (page - 0x4080)).to_be_bytes()[1..].to_vec(),
    };
    [&[0x10 | (1 + number.len() as u8), space][..], &number].concat()
}

/// `DBLWR_MANY_PAGES` sets how many, `DBLWR_MANY_KEPT` where the directories are left.
#[test]
fn a_restore_and_a_revert_of_many_pages_stream() {
    let pages = number("DBLWR_MANY_PAGES").unwrap_or(2500);
    if let Some(many) = Many::of(&torn(pages), pages, MOST, "torn") {
        many.there_and_back(&[]);
    }
}

#[test]
fn pages_of_the_server_rules_stream_as_well() {
    let pages = number("DBLWR_MANY_PAGES").unwrap_or(2500);
    if let Some(many) = Many::of(&torn(pages), pages, MOST_ONCE, "torn") {
        many.there_and_back(&["--rules", "server"]);
    }
}

#[test]
fn pages_of_redo_stream_as_well() {
    let pages = number("DBLWR_MANY_PAGES").unwrap_or(2500);
    if let Some(many) = Many::of(&initialised(pages), pages, MOST_ONCE, "initialised") {
        many.there_and_back(&["--from", "redo"]);
    }
}
