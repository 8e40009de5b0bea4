//! The writing half, stopped everywhere.
//!
//! For small plans every point at which a restore can be stopped is enumerated (before every system call, at every
//! sector of every write), with every way in which unsynced sectors and names may be lost. From each world that this
//! leaves, the restore is run again and the job is reverted, and both are stopped at every point once more; from each
//! world that *this* leaves, both are run to the end. Then the same with failing calls, and larger plans at random.
//!
//! A failure prints how to repeat it. `DBLWR_CRASH_SEED` repeats a random case, `DBLWR_CRASH_CASES` sets their number.

#[path = "support/sim_disk.rs"]
mod sim_disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dblwr::restore::disk::{Access, Disk};
use dblwr::restore::holds::{Holds, holds};
use dblwr::restore::journal::{Mark, read};
use dblwr::restore::{self, CopyRef, JournalName, Outcome, Pass, Plan, PlannedPage, family, revert};
use dblwr::units::{ByteOffset, Lsn, PageNo, SpaceId};
use rayon::prelude::*;
use sim_disk::{Fault, SimDisk, World, Worlds};

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
        copy: CopyRef { file: "ibdata1".into(), index: 1, lsn: Lsn(99) },
        before_state: "torn".into(),
        old: old.to_vec(),
        new,
    }
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
            case.world.files.insert(Path::new(ROOT).join(file), Arc::new(bytes));
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
            (now != page.new).then(|| PlannedPage { old: now, ..page.clone() })
        };
        Plan {
            root: ROOT.into(),
            pages: self.pages.iter().filter_map(planned).collect(),
            also_lock: self.world.files.keys().cloned().collect(),
        }
    }

    fn restore(&self, disk: &SimDisk) -> dblwr::Result<Pass> {
        let name = JournalName::Numbered(JOURNAL.into());
        restore::run(disk, &name, Path::new(ROOT), || Ok(self.plan(disk)))
    }

    /// Takes every journal back, the newest first. Without one there must be nothing to take back.
    fn revert(&self, disk: &SimDisk) -> dblwr::Result<bool> {
        let mut verified = true;
        for journal in family::existing(disk, Path::new(JOURNAL))?.iter().rev() {
            let (pass, reverting) = revert::run(disk, journal, None)?;
            assert!(reverting.moved_on.is_empty(), "a page is taken for one that moved on");
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
            files.get_mut(&page.path).unwrap()[at..at + page.length].copy_from_slice(&page.new);
        }
        files
    }

    fn assert_files(&self, world: &World, new: bool, when: &str) {
        for (path, bytes) in self.expected(new) {
            assert!(
                *world.files[&path] == bytes,
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
            assert_ne!(holds(now, &page.old, &page.new), Holds::Neither);
        }
    }

    /// Runs a restore to the end in this world: all new, on disk, and the journals closed.
    fn assert_restores(&self, disk: &SimDisk) {
        let pass = self.restore(disk).expect("a restore without faults must succeed");
        let outcomes = pass.applied.iter().flat_map(|applied| &applied.pages);
        outcomes.for_each(|(_, outcome)| assert_eq!(*outcome, Outcome::Verified));
        assert!(pass.notes.is_empty(), "{:?}", pass.notes);
        self.assert_files(&disk.durable(), true, "after a restore");
        for journal in family::existing(disk, Path::new(JOURNAL)).unwrap() {
            assert_eq!(read::open(disk, &journal, Access::Read).unwrap().mark, Mark::Verified);
        }
        assert_eq!(disk.unlocked_writes(), 0);
    }

    fn assert_reverts(&self, disk: &SimDisk) {
        assert!(self.revert(disk).expect("a revert without faults must succeed"));
        self.assert_files(&disk.durable(), false, "after a revert");
        assert_eq!(disk.unlocked_writes(), 0);
    }

    /// Whatever stopped before: running the restore finishes the job, reverting takes it back, in either order.
    fn assert_recovers(&self, world: &World) {
        self.assert_invariant(world);
        let disk = self.disk(world);
        self.assert_restores(&disk);
        self.assert_reverts(&disk);
        let disk = self.disk(world);
        self.assert_reverts(&disk);
        self.assert_restores(&disk);
    }

    /// Every world that stopping a restore, or a revert, of this world can leave.
    fn stops(&self, world: &World) -> (Worlds, usize) {
        let restoring = self.disk(world).watch();
        self.assert_restores(&restoring);
        let (mut worlds, points) = restoring.watched();
        let reverting = self.disk(world).watch();
        self.assert_reverts(&reverting);
        let (more, more_points) = reverting.watched();
        worlds.extend(more);
        (worlds, points + more_points)
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
    let first = case.disk(&case.world).watch();
    case.assert_restores(&first);
    let (first, mut points) = first.watched();
    let first: Vec<World> = first.into_values().collect();
    let results: Vec<(Worlds, usize)> = first.par_iter().map(|world| case.stops(world)).collect();
    let mut second = Worlds::default();
    for (worlds, more) in results {
        second.extend(worlds);
        points += more;
    }
    let both: Vec<World> = second.into_values().collect();
    both.par_iter().for_each(|world| case.assert_recovers(world));
    println!(
        "{} pages: {points} stopping points, {} worlds after one stop, {} after two, all recovered both ways",
        case.pages.len(),
        first.len(),
        both.len()
    );
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
