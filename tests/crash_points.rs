//! The writing half, stopped everywhere.
//!
//! For small plans every point at which a restore can be stopped is enumerated (before every system call, at every
//! sector of every write), with every way in which unsynced sectors and names may be lost. From each world that this
//! leaves, the restore is run again and the job is reverted, and both are stopped at every point once more; from each
//! world that *this* leaves, both are run to the end. Then the same with failing calls, and larger plans at random.
//!
//! A failure prints how to repeat it. `DBLWR_CRASH_SEED` repeats a random case, `DBLWR_CRASH_CASES` sets their number.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

#[path = "support/sim_disk.rs"]
mod sim_disk;
#[path = "support/sim_world.rs"]
mod sim_world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dblwr::internals::commands::restore;
use dblwr::internals::commands::restore::journal::{Mark, read};
use dblwr::internals::commands::restore::{
    CopyRef, Here, JournalName, PageOutcome, Pass, Plan, PlannedPage, journal_names, revert,
};
use dblwr::internals::disk::calls::Access;
use dblwr::internals::disk::real::RealDisk;
use dblwr::internals::page::sectors::SectorMatch;
use dblwr::internals::page::sectors::sector_match;
use dblwr::internals::units::{ByteOffset, Lsn, PageNo, SpaceId};
use rayon::prelude::*;
use sim_disk::{Fault, SimDisk};
use sim_world::{Content, Stops, World};

const ROOT: &str = "/data";
const JOURNAL: &str = "/data/restore.journal";

/// Files, and what shall be written into them.
struct Case {
    world: World,
    pages: Vec<PlannedPage>,
}

fn page(file: &str, page_no: u32, length: usize, old: &[u8], new: Vec<u8>) -> PlannedPage {
    PlannedPage {
        space_id: SpaceId(7),
        page_no: PageNo(page_no),
        file: file.into(),
        path: Path::new(ROOT).join(file),
        offset: ByteOffset(u64::from(page_no) * length as u64),
        length,
        copy: CopyRef { file: "ibdata1".into(), index: 1, lsn: Lsn(99), forwarded: None },
        before_state: "torn".into(),
        old: old.to_vec().into(),
        new: new.into(),
    }
}

fn old_bytes(page: &PlannedPage) -> Vec<u8> {
    page.old.read(&RealDisk).unwrap().into_owned()
}

fn new_bytes(page: &PlannedPage) -> Vec<u8> {
    page.new.read(&RealDisk).unwrap().into_owned()
}

/// Bytes that differ in every sector.
fn filled(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len / 8).flat_map(|_| rng.next().to_le_bytes()).collect()
}

impl Case {
    /// Files of `sizes` pages of 1 KiB; the pages named get new bytes.
    fn new(files: &[(&str, u32)], targets: &[(&str, u32)]) -> Case {
        let mut rng = Rng(11);
        let mut case = Case { world: World::default(), pages: Vec::new() };
        for &(file, pages) in files {
            let bytes = filled(&mut rng, pages as usize * 1024);
            case.world.files.insert(Path::new(ROOT).join(file), Content::new(bytes));
        }
        for &(file, page_no) in targets {
            let at = page_no as usize * 1024;
            let old = case.world.files[&Path::new(ROOT).join(file)][at..at + 1024].to_vec();
            let new = filled(&mut rng, 1024);
            case.pages.push(page(file, page_no, 1024, &old, new));
        }
        case
    }

    fn disk(&self, world: &World) -> SimDisk {
        SimDisk::new(world, |path| self.world.files.contains_key(path))
    }

    /// What a survey would plan: every page that does not hold the new bytes.
    fn plan(&self, disk: &SimDisk) -> Plan {
        let seen = disk.visible();
        let planned = |page: &PlannedPage| {
            let at = page.offset.0 as usize;
            let now = seen.files[&page.path][at..at + page.length].to_vec();
            (!page.new.is(&now)).then(|| PlannedPage { old: now.into(), ..page.clone() })
        };
        Plan {
            root: ROOT.into(),
            pages: self.pages.iter().filter_map(planned).collect(),
            also_lock: self.world.files.keys().cloned().collect(),
            ..Plan::default()
        }
    }

    fn restore(&self, disk: &SimDisk) -> dblwr::Result<Pass> {
        let name = JournalName::Numbered(JOURNAL.into());
        restore::run(disk, &name, &Here::at(ROOT), || Ok(self.plan(disk)))
    }

    /// Takes every journal back, the newest first. Without one there must be nothing to take back.
    fn revert(&self, disk: &SimDisk) -> dblwr::Result<bool> {
        let mut verified = true;
        let journals = journal_names::existing(disk, Path::new(JOURNAL))?;
        for journal in journals.iter().rev() {
            let (pass, reverting) = revert::run(disk, journal, &Here::default())?;
            // To a later journal, a page that the first one has taken back already is one that moved on.
            let alone = journals.len() == 1;
            assert!(!alone || reverting.moved_on.is_empty(), "a page is taken for one that moved on");
            verified &= pass.all_verified();
        }
        Ok(verified)
    }

    /// The files as they were, with the pages' new bytes if `new`.
    fn expected(&self, new: bool) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files: BTreeMap<_, _> =
            self.world.files.iter().map(|(path, bytes)| (path.clone(), bytes.to_vec())).collect();
        for page in self.pages.iter().filter(|_| new) {
            let at = page.offset.0 as usize;
            files.get_mut(&page.path).unwrap()[at..at + page.length].copy_from_slice(&new_bytes(page));
        }
        files
    }

    fn assert_files(&self, world: &World, new: bool, when: &str) {
        for (path, bytes) in self.expected(new) {
            assert!(
                **world.files[&path] == bytes,
                "{}: not all {} {when}",
                path.display(),
                ["old", "new"][new as usize]
            );
        }
    }

    /// No byte outside the pages changes, and each page is old, new or sectors of both.
    fn assert_invariant(&self, world: &World) {
        let (old, new) = (self.expected(false), self.expected(true));
        for (path, bytes) in &old {
            let now = &world.files[path];
            assert_eq!(now.len(), bytes.len(), "{} changed its size", path.display());
            for (sector, at) in now.chunks(512).zip((0..).step_by(512)) {
                let known = sector == &bytes[at..at + 512] || sector == &new[path][at..at + 512];
                assert!(known, "{}: the sector at {at} is neither old nor new", path.display());
            }
        }
        for page in &self.pages {
            let at = page.offset.0 as usize;
            let now = &world.files[&page.path][at..at + page.length];
            assert_ne!(sector_match(now, &old_bytes(page), &new_bytes(page)), SectorMatch::Neither);
        }
    }

    /// Runs a restore to the end in this world: all new, on disk, and the journals closed.
    fn assert_restores(&self, disk: &SimDisk) {
        let pass = self.restore(disk).expect("a restore without faults must succeed");
        let outcomes = pass.applied.iter().flat_map(|applied| &applied.pages);
        outcomes.for_each(|(_, outcome)| assert_eq!(*outcome, PageOutcome::Verified));
        assert!(pass.notes.is_empty(), "{:?}", pass.notes);
        self.assert_files(&disk.durable(), true, "after a restore");
        for journal in journal_names::existing(disk, Path::new(JOURNAL)).unwrap() {
            assert_ne!(read::open(disk, &journal, Access::Read).unwrap().mark, Mark::Unfinished);
        }
        assert_eq!(disk.unlocked_writes(), 0);
    }

    fn assert_reverts(&self, disk: &SimDisk) {
        assert!(self.revert(disk).expect("a revert without faults must succeed"));
        self.assert_files(&disk.durable(), false, "after a revert");
        assert_eq!(disk.unlocked_writes(), 0);
    }

    /// Whatever stopped before: running the restore finishes the job, and reverting takes it back, then or at once.
    fn assert_recovers(&self, start: impl Fn() -> SimDisk) {
        self.assert_invariant(&start().visible());
        let disk = start();
        self.assert_restores(&disk);
        self.assert_reverts(&disk);
        self.assert_reverts(&start());
    }

    /// The same for everything that some stops left.
    fn assert_all_recover(&self, stops: &Stops) {
        let worlds: Vec<&World> = stops.worlds.values().collect();
        worlds.par_iter().for_each(|world| self.assert_recovers(|| self.disk(world)));
        let running: Vec<_> = stops.running.values().collect();
        running.par_iter().for_each(|machine| self.assert_recovers(|| SimDisk::on(machine)));
    }

    /// Every way to stop a restore, or a revert, that starts here.
    fn stops(&self, start: impl Fn() -> SimDisk) -> Stops {
        let restoring = start().watch();
        self.assert_restores(&restoring);
        let mut stops = restoring.watched();
        let reverting = start().watch();
        self.assert_reverts(&reverting);
        stops.extend(reverting.watched());
        stops
    }
}

struct Rng(u64);

impl Rng {
    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

/// Two stops in a row, at every pair of points.
fn enumerate_two_stops(case: &Case) {
    let restoring = case.disk(&case.world).watch();
    case.assert_restores(&restoring);
    let first = restoring.watched();
    let worlds: Vec<&World> = first.worlds.values().collect();
    let again = worlds.par_iter().map(|world| case.stops(|| case.disk(world)));
    let mut second = again.reduce(Stops::default, merge);
    let running: Vec<_> = first.running.values().collect();
    let again = running.par_iter().map(|machine| case.stops(|| SimDisk::on(machine)));
    second.extend(again.reduce(Stops::default, merge));
    case.assert_all_recover(&second);
    println!(
        "{} pages: {} stopping points, {} states after one stop, {} after two, all recovered both ways",
        case.pages.len(),
        first.points + second.points,
        first.worlds.len() + first.running.len(),
        second.worlds.len() + second.running.len()
    );
}

fn merge(mut one: Stops, other: Stops) -> Stops {
    one.extend(other);
    one
}

#[test]
fn one_page_stopped_twice_anywhere_recovers() {
    enumerate_two_stops(&Case::new(&[("ibdata1", 3)], &[("ibdata1", 2)]));
}

#[test]
fn three_pages_in_two_files_stopped_twice_anywhere_recover() {
    enumerate_two_stops(&Case::new(
        &[("ibdata1", 3), ("t1.ibd", 2)],
        &[("ibdata1", 0), ("ibdata1", 2), ("t1.ibd", 1)],
    ));
}

/// What can go wrong with one call of a running system; where it can be done in part, so many sectors of it.
fn faults(call: usize, partial: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    for &sectors in if partial { &[0, 1, 3][..] } else { &[0] } {
        for errno in [libc::ENOSPC, libc::EIO] {
            faults.push(Fault::Once { call, errno, sectors });
            faults.push(Fault::From { call, errno, sectors });
        }
    }
    faults.push(Fault::Lie { call });
    faults.push(Fault::Once { call, errno: libc::EINTR, sectors: 0 });
    faults.extend([1, 511, 700].map(|bytes| Fault::Short { call, bytes }));
    faults
}

/// Runs one way with a fault; what it leaves, stopped or running on, recovers both ways.
fn survive_fault(case: &Case, start: &SimDisk, restoring: bool, fault: Fault) -> Stops {
    let disk = start.again(fault).watch();
    let result = match restoring {
        true => case.restore(&disk).map(|pass| pass.all_verified()),
        false => case.revert(&disk),
    };
    if matches!(fault, Fault::Short { .. } | Fault::Once { errno: libc::EINTR, .. }) {
        assert!(result.expect("a short call or an interruption must not fail the pass"), "{fault:?}");
        case.assert_files(&disk.durable(), restoring, "although a call was short or interrupted");
    } else if result.is_ok_and(|verified| verified) {
        case.assert_files(&disk.durable(), restoring, "although the pass says that all is verified");
    }
    let stops = disk.watched();
    case.assert_recovers(|| disk.again(Fault::None));
    stops
}

#[test]
fn every_call_may_fail_once_or_from_then_on() {
    let case = Case::new(&[("ibdata1", 3), ("t1.ibd", 2)], &[("ibdata1", 0), ("ibdata1", 2), ("t1.ibd", 1)]);
    let (mut runs, mut stops) = (0, Stops::default());
    for restoring in [true, false] {
        let world = || {
            let disk = case.disk(&case.world);
            if !restoring {
                case.assert_restores(&disk);
            }
            disk.durable()
        };
        let count = case.disk(&world());
        match restoring {
            true => case.assert_restores(&count),
            false => case.assert_reverts(&count),
        }
        let calls = count.calls().into_iter().enumerate();
        let faults: Vec<_> = calls.flat_map(|(call, partial)| faults(call, partial)).collect();
        let start = world();
        let failing =
            faults.par_iter().map(|&fault| survive_fault(&case, &case.disk(&start), restoring, fault));
        stops.extend(failing.reduce(Stops::default, merge));
        runs += faults.len();
    }
    case.assert_all_recover(&stops);
    let states = stops.worlds.len() + stops.running.len();
    println!("{runs} runs with a failing call, {states} states after a stop in one of them, all recovered");
}

/// A larger plan: several files, pages of several sizes.
fn random_case(rng: &mut Rng) -> Case {
    let mut case = Case { world: World::default(), pages: Vec::new() };
    for file in 0..1 + rng.below(4) {
        let name = format!("t{file}.ibd");
        let length = 1024 << rng.below(4);
        let pages = 2 + rng.below(12);
        let mut bytes = filled(rng, pages * length);
        for number in 0..pages {
            let old = &mut bytes[number * length..][..length];
            if rng.below(4) == 0 {
                old.fill(0);
            }
            if rng.coin() {
                let mut new = filled(rng, length);
                if rng.coin() {
                    // A torn page: its head is the copy's already.
                    let head = 512 * (1 + rng.below(length / 512 - 1));
                    new[..head].copy_from_slice(&old[..head]);
                }
                case.pages.push(page(&name, number as u32, length, old, new));
            }
        }
        case.world.files.insert(Path::new(ROOT).join(name), Content::new(bytes));
    }
    case
}

fn random_fault(rng: &mut Rng, calls: usize) -> Fault {
    let (call, sectors) = (rng.below(calls), rng.below(9));
    match rng.below(5) {
        0 => Fault::Once { call, errno: libc::EIO, sectors },
        1 => Fault::From { call, errno: libc::ENOSPC, sectors },
        2 => Fault::Short { call, bytes: 1 + rng.below(3000) },
        _ => Fault::Cut { call, sectors },
    }
}

/// Up to eight stops and failures in a row, the machine restarted after some of them.
fn random_run(seed: u64) {
    let mut rng = Rng(seed);
    let case = random_case(&mut rng);
    let mut disk = case.disk(&case.world);
    for _ in 0..1 + rng.below(8) {
        let restoring = rng.coin();
        let calls = 60 + case.pages.len() * 8;
        let running = disk.again(random_fault(&mut rng, calls));
        if std::env::var_os("DBLWR_CRASH_SEED").is_some() {
            println!("{} {:?}", ["revert", "restore"][usize::from(restoring)], running.fault());
        }
        // Refusals and failures are fine; what they leave is what counts.
        let _ = if restoring { case.restore(&running).map(drop) } else { case.revert(&running).map(drop) };
        case.assert_invariant(&running.visible());
        disk = match rng.below(3) {
            0 => running.again(Fault::None),
            1 => case.disk(&running.visible()),
            _ => case.disk(&running.power_cut(|| rng.coin())),
        };
        case.assert_invariant(&disk.durable());
    }
    let then = disk.again(Fault::None);
    case.assert_restores(&then);
    case.assert_reverts(&then);
    case.assert_reverts(&disk.again(Fault::None));
}

fn number_from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_larger_plans_recover_from_many_stops() {
    if let Some(seed) = number_from_env("DBLWR_CRASH_SEED") {
        return random_run(seed);
    }
    let cases = number_from_env("DBLWR_CRASH_CASES").unwrap_or(400);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = now.as_nanos() as u64;
    println!("{cases} random cases, seeds from {first}; DBLWR_CRASH_SEED=<seed> repeats one");
    (first..first + cases).into_par_iter().for_each(|seed| {
        if std::panic::catch_unwind(|| random_run(seed)).is_err() {
            panic!("repeat with DBLWR_CRASH_SEED={seed}");
        }
    });
}
