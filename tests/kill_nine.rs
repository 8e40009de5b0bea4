//! `kill -9` at random moments of a real `restore --apply` of a large plan, and of a real `revert --apply` of it. After each
//! the same command is run again, and on another copy the pass is taken back. The judge is the checksum of every file of the
//! data directory.
//!
//! `DBLWR_KILLS` sets how many, `DBLWR_KILL_SEED` where the random moments begin; both are printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, stamp};
use dblwr::internals::units::PageSize;
use support::{code, dblwr, image, json, stderr, tree};

const PAGE: usize = 16384;
const SPACE: u32 = 7777;
/// Pages of the table that is added: with those of the real image the plan has some hundreds.
const PAGES: u32 = 500;

fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    page[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A page of the added table with content of its own.
fn page(number: u32, lsn: u64, version: u64) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    let mut word = u64::from(number) << 32 | version | 1;
    for part in page[38..PAGE - 8].chunks_exact_mut(8) {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        part.copy_from_slice(&word.to_be_bytes());
    }
    put(&mut page, 4, &number.to_be_bytes());
    put(&mut page, 8, &[0xFF; 8]);
    put(&mut page, 16, &lsn.to_be_bytes());
    put(&mut page, 24, &17855u16.to_be_bytes());
    put(&mut page, 26, &[0; 8]);
    put(&mut page, 34, &SPACE.to_be_bytes());
    if number == 0 {
        page[38..PAGE - 8].fill(0);
        put(&mut page, 24, &8u16.to_be_bytes());
        put(&mut page, 38, &SPACE.to_be_bytes());
        put(&mut page, 46, &(PAGES + 1).to_be_bytes());
        put(&mut page, 50, &(PAGES + 1).to_be_bytes());
        put(&mut page, 54, &0x21u32.to_be_bytes());
    }
    stamp(&mut page, &PageFormat::classic(PageSize::DEFAULT), Algorithm::Crc32).unwrap();
    page
}

/// A real image, and in it a table of torn pages with a good copy each in the second doublewrite file.
fn large(root: &Path) {
    let image = image("m97-16k");
    // Large, and nothing to the matter.
    for name in ["mysql.ibd", "undo_001", "undo_002"] {
        std::fs::remove_file(image.path().join(name)).unwrap();
    }
    copy_tree(image.path(), root);
    let redo = json(&dblwr([Path::new("locate"), Path::new("--json"), root]))["redo"].clone();
    let lsn = redo["checkpoint_lsn"].as_u64().unwrap() + 1000;
    let mut table = page(0, lsn, 1);
    let mut copies = Vec::new();
    for number in 1..=PAGES {
        let (old, new) = (page(number, lsn - 500_000, 1), page(number, lsn + u64::from(number), 2));
        let torn = 512 * (1 + number as usize % 31);
        table.extend([&new[..torn], &old[torn..]].concat());
        copies.extend(new);
    }
    std::fs::write(root.join("d/t9.ibd"), table).unwrap();
    let second = root.join("#ib_16384_1.dblwr");
    let mut slots = std::fs::read(&second).unwrap();
    slots[..copies.len()].copy_from_slice(&copies);
    std::fs::write(second, slots).unwrap();
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn apply(root: &Path, journal: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
    command.args(["restore", "--json", "--apply", "--journal"]).arg(journal).arg(root);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Takes every journal back, the newest first.
fn revert_all(journal: &Path, root: &Path) -> Vec<Output> {
    let mut journals = vec![journal.to_path_buf()];
    for number in 2.. {
        let next = PathBuf::from(format!("{}.{number}", journal.display()));
        if !next.exists() {
            break;
        }
        journals.push(next);
    }
    journals.retain(|path| path.exists());
    let revert = |journal: &PathBuf| {
        let args = ["revert", "--apply", "--json", "--datadir"].map(Path::new);
        dblwr(args.into_iter().chain([root, journal.as_path()]))
    };
    journals.iter().rev().map(revert).collect()
}

/// How far a pass had come when it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    BeforeTheJournal,
    InTheJournal,
    BeforeTheFirstPage,
    BetweenPages,
    BehindTheLastPage,
    Finished,
}

fn changed_pages(before: &Path, now: &Path) -> usize {
    let pages = |root: &Path| std::fs::read(root.join("d/t9.ibd")).unwrap();
    let (before, now) = (pages(before), pages(now));
    before.chunks(PAGE).zip(now.chunks(PAGE)).filter(|(before, now)| before != now).count()
}

fn stage(before: &Path, root: &Path, journal: &Path, sealed: u64) -> Stage {
    let part = PathBuf::from(format!("{}.dblwr-part", journal.display()));
    let length = std::fs::metadata(journal).map(|metadata| metadata.len());
    match (length, changed_pages(before, root)) {
        (Err(_), _) if part.exists() => Stage::InTheJournal,
        (Err(_), _) => Stage::BeforeTheJournal,
        (Ok(length), _) if length > sealed => Stage::Finished,
        (Ok(_), 0) => Stage::BeforeTheFirstPage,
        (Ok(_), changed) if changed == PAGES as usize => Stage::BehindTheLastPage,
        (Ok(_), _) => Stage::BetweenPages,
    }
}

/// Since when the random time until a kill counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// The start of the program.
    Start,
    /// The journal's first byte.
    Journal,
    /// The journal's final name: the pages come next.
    Pages,
}

/// Five hundred pages are in the page cache within this time; the rest of a pass is waiting for the disk.
const WRITING: Duration = Duration::from_millis(25);

struct Rng(u64);

impl Rng {
    /// splitmix64, from 0 up to 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What an undisturbed pass does and how long it takes.
struct Undisturbed {
    before: support::Tree,
    after: support::Tree,
    /// From the start until the journal's first byte, and from there until the end.
    until_journal: Duration,
    from_journal: Duration,
    /// Length of the journal without its mark.
    sealed: u64,
    pages: usize,
}

fn wait_until(child: &mut Child, come: impl Fn() -> bool) {
    while !come() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(100));
    }
}

fn wait_for_journal(child: &mut Child, journal: &Path) {
    let part = PathBuf::from(format!("{}.dblwr-part", journal.display()));
    wait_until(child, || part.exists() || journal.exists());
}

/// How long a pass takes until its journal is there, and from then on.
fn timed(pass: &mut Command, journal: &Path) -> (Duration, Duration) {
    let began = Instant::now();
    let mut child = pass.spawn().unwrap();
    wait_for_journal(&mut child, journal);
    let until_journal = began.elapsed();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    (until_journal, began.elapsed() - until_journal)
}

fn undisturbed(original: &Path, place: &Path) -> Undisturbed {
    let (root, journal) = (place.join("data"), place.join("journal"));
    copy_tree(original, &root);
    let before = tree(&root);
    let planned = dblwr([Path::new("restore"), Path::new("--json"), &root]);
    let pages = json(&planned)["pages"].as_array().unwrap().len();
    let (until_journal, from_journal) = timed(&mut apply(&root, &journal), &journal);
    let sealed = std::fs::metadata(&journal).unwrap().len() - 32;
    Undisturbed { before, after: tree(&root), until_journal, from_journal, sealed, pages }
}

/// Kills a pass, whose journal this is, at a moment of its time.
fn kill_at(mut child: Child, calm: &Undisturbed, journal: &Path, since: Since, fraction: f64) {
    let wait = match since {
        Since::Start => (calm.until_journal + calm.from_journal).mul_f64(fraction),
        Since::Journal => {
            wait_for_journal(&mut child, journal);
            calm.from_journal.mul_f64(fraction)
        }
        Since::Pages => {
            wait_until(&mut child, || journal.exists());
            WRITING.mul_f64(fraction)
        }
    };
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills a pass at a moment; whatever it leaves must lead on both ways.
fn kill_once(original: &Path, place: &Path, calm: &Undisturbed, since: Since, fraction: f64) -> Stage {
    let (root, journal) = (place.join("data"), place.join("journal"));
    copy_tree(original, &root);
    let child = apply(&root, &journal).spawn().unwrap();
    kill_at(child, calm, &journal, since, fraction);
    let stage = stage(original, &root, &journal, calm.sealed);

    let other = place.join("other");
    copy_tree(&root, &other.join("data"));
    if journal.exists() {
        std::fs::copy(&journal, other.join("journal")).unwrap();
    }
    for output in revert_all(&other.join("journal"), &other.join("data")) {
        assert_eq!(code(&output), 0, "revert: {}", stderr(&output));
    }
    assert!(tree(&other.join("data")) == calm.before, "{stage:?}: not all old after a revert");

    let again = apply(&root, &journal).stderr(Stdio::piped()).output().unwrap();
    // A finished job under this name needs nothing more.
    assert_eq!(code(&again), 0, "{stage:?}: {}", stderr(&again));
    assert!(tree(&root) == calm.after, "{stage:?}: not all new after running again");
    for output in revert_all(&journal, &root) {
        assert_eq!(code(&output), 0, "revert: {}", stderr(&output));
    }
    assert!(tree(&root) == calm.before, "{stage:?}: not all old after running again and a revert");
    stage
}

/// A directory that was restored, the journal of that, and what an undisturbed revert of it leaves and takes.
struct Restored {
    place: PathBuf,
    mended: support::Tree,
    calm: Undisturbed,
}

fn revert(root: &Path, journal: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
    command.args(["revert", "--json", "--apply", "--datadir"]).args([root, journal]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The journal that a revert writes.
fn of_revert(journal: &Path) -> PathBuf {
    PathBuf::from(format!("{}.revert", journal.display()))
}

fn restored(original: &Path, place: &Path) -> Restored {
    let (root, journal) = (place.join("data"), place.join("journal"));
    copy_tree(original, &root);
    let before = tree(&root);
    assert_eq!(apply(&root, &journal).status().unwrap().code(), Some(0));
    let mended = tree(&root);
    let again = place.join("again");
    copy_tree(&root, &again.join("data"));
    std::fs::copy(&journal, again.join("journal")).unwrap();
    let own = of_revert(&again.join("journal"));
    let (until_journal, from_journal) = timed(&mut revert(&again.join("data"), &again.join("journal")), &own);
    let after = tree(&again.join("data"));
    assert!(after == before, "an undisturbed revert puts back every byte");
    let sealed = std::fs::metadata(&own).unwrap().len() - 32;
    let calm = Undisturbed { before, after, until_journal, from_journal, sealed, pages: PAGES as usize };
    Restored { place: place.to_path_buf(), mended, calm }
}

/// Kills a revert at a moment; run again it comes to its end, and it can be taken back, at once or then.
fn kill_a_revert(from: &Restored, place: &Path, since: Since, fraction: f64) -> Stage {
    let (root, journal, calm) = (place.join("data"), place.join("journal"), &from.calm);
    copy_tree(&from.place.join("data"), &root);
    std::fs::copy(from.place.join("journal"), &journal).unwrap();
    let own = of_revert(&journal);
    let child = revert(&root, &journal).spawn().unwrap();
    kill_at(child, calm, &own, since, fraction);
    let stage = stage(&from.place.join("data"), &root, &own, calm.sealed);

    let other = place.join("other");
    copy_tree(&root, &other.join("data"));
    if own.exists() {
        std::fs::copy(&own, other.join("own")).unwrap();
        for output in revert_all(&other.join("own"), &other.join("data")) {
            assert_eq!(code(&output), 0, "{stage:?}: revert of the revert: {}", stderr(&output));
        }
    }
    assert!(
        tree(&other.join("data")) == from.mended,
        "{stage:?}: not all new after the revert was taken back"
    );

    let again = revert(&root, &journal).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(code(&again), 0, "{stage:?}: {}", stderr(&again));
    assert!(tree(&root) == calm.before, "{stage:?}: not all old after running again");
    for output in revert_all(&own, &root) {
        assert_eq!(code(&output), 0, "{stage:?}: revert of the revert: {}", stderr(&output));
    }
    assert!(tree(&root) == from.mended, "{stage:?}: not all new after running again and taking it back");
    stage
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// As many kills as `DBLWR_KILLS` says, each in a place of its own: how many with which seed, and what they hit.
fn many_kills(place: &Path, kill: impl Fn(&Path, Since, f64) -> Stage) -> (String, BTreeMap<Stage, usize>) {
    let (kills, seed) = (setting("DBLWR_KILLS", 4), setting("DBLWR_KILL_SEED", 1));
    let mut stages: BTreeMap<Stage, usize> = BTreeMap::new();
    for number in 0..kills {
        let mut rng = Rng(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let since = [Since::Pages, Since::Journal, Since::Pages, Since::Start][number as usize % 4];
        let fraction = rng.fraction();
        println!("kill {number}: DBLWR_KILL_SEED={seed}, at {fraction:.3} of the time since {since:?}");
        let killed = place.join(format!("{number}"));
        let stage = kill(&killed, since, fraction);
        *stages.entry(stage).or_default() += 1;
        std::fs::remove_dir_all(&killed).unwrap();
    }
    (format!("{kills} kills, seed {seed}"), stages)
}

#[test]
fn killed_at_any_moment_a_restore_can_be_finished_and_taken_back() {
    let place = tempfile::tempdir().unwrap();
    let original = place.path().join("original");
    large(&original);
    let first = place.path().join("undisturbed");
    let calm = undisturbed(&original, &first);
    std::fs::remove_dir_all(&first).unwrap();
    assert!(calm.pages > PAGES as usize, "{} pages planned", calm.pages);
    let (kills, stages) = many_kills(place.path(), |killed, since, fraction| {
        kill_once(&original, killed, &calm, since, fraction)
    });
    println!("{} pages in the plan, {kills}: {stages:?}; all finished and all taken back", calm.pages);
}

#[test]
fn killed_at_any_moment_a_revert_can_be_finished_and_taken_back() {
    let place = tempfile::tempdir().unwrap();
    let original = place.path().join("original");
    large(&original);
    let restored = restored(&original, &place.path().join("restored"));
    let (kills, stages) =
        many_kills(place.path(), |killed, since, fraction| kill_a_revert(&restored, killed, since, fraction));
    println!("{kills}: {stages:?}; all finished and all taken back");
}
