//! The redo log: missing, damaged, of another time or another server, switched off; and pages that are newer than its end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::format::PageSource;
use crate::format::fil::FilHeader;
use crate::instance::Instance;
use crate::instance::generation::Generation;
use crate::instance::pages::VerifiedPages;
use crate::instance::redo::{self, FoundRedo, RedoFault, RedoLog, RedoNote, Shutdown};
use crate::instance::spaces::Identification;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::home::HomeState;
use crate::verdict::problems::reason::ProblemReason;
use crate::verdict::problems::{Problem, ProblemKind, Severity};
use crate::verdict::survey::Survey;

/// Pages of the system tablespace whose LSNs are looked at: those that every start reads.
const FIRST_PAGES: u32 = 8;

pub(super) fn missing_or_damaged(survey: &Survey, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    match &instance.redo {
        FoundRedo::Absent => problems.push(absent(survey)),
        // What the device does not give back is said as such.
        FoundRedo::Unreadable { why: RedoNote::Failed(_) } => {}
        FoundRedo::Unreadable { why } => problems.push(unreadable(instance, why)),
        FoundRedo::Read(redo) => {
            damaged(survey, redo, problems);
            foreign(instance, redo, problems);
            if redo.flags.crash_unsafe && instance.shutdown != Shutdown::Clean {
                let problem =
                    Problem::new(ProblemKind::RedoDisabled, Severity::Critical, ProblemReason::RedoOff);
                problems.push(problem.stops(Some(true)));
            }
        }
    }
}

/// A log that is not there at all. After a clean stop MySQL up to 8.0.29 makes it anew (seen with 5.5.9 to 8.0.12), so do
/// MariaDB 10.1.23 and 10.2.11; 10.11.5 and 11.4.5 do not.
fn absent(survey: &Survey) -> Problem {
    let instance = &survey.instance;
    let generation = instance.generation;
    let anew = match generation {
        Generation::Unknown => false,
        Generation::MariaDb101 | Generation::MariaDb102 => true,
        _ => !generation.is_mariadb() && generation < Generation::MySql8030,
    };
    let clean =
        instance.flushed_lsn.is_some_and(|flushed| flushed.0 > 0 && newest_known(survey) <= Some(flushed));
    let emptied = instance.locations.redo_dir.join("#innodb_redo").is_dir();
    let told = instance.locations.redo_told || emptied;
    let (severity, stops) = match (clean && anew, told) {
        (true, _) => (Severity::Warning, Some(false)),
        (false, true) => (Severity::Critical, generation.is_mariadb().then_some(true)),
        (false, false) => (Severity::Unknown, None),
    };
    Problem::new(ProblemKind::RedoMissing, severity, ProblemReason::NoRedo { clean, told, anew }).stops(stops)
}

/// Greatest LSN among headers of files, the first pages of the system tablespace and the copies.
fn newest_known(survey: &Survey) -> Option<Lsn> {
    let headers = survey.instance.spaces.page0s.values().map(|page0| page0.lsn);
    let first = first_pages(&survey.instance).into_iter().map(|(_, lsn)| lsn);
    headers.chain(first).chain(survey.newest_copy()).max()
}

fn first_pages(instance: &Instance) -> Vec<(PageNo, Lsn)> {
    let Some(system) = instance.spaces.system().filter(|s| s.evidence == Identification::Header) else {
        return Vec::new();
    };
    let pages = VerifiedPages::of(system);
    let lsn = |n| Some((PageNo(n), FilHeader::parse(&pages.page(PageNo(n))?)?.lsn));
    (0..FIRST_PAGES).filter_map(lsn).collect()
}

fn unreadable(instance: &Instance, why: &RedoNote) -> Problem {
    let dir = &instance.locations.redo_dir;
    let first_gone = !dir.join("ib_logfile0").exists() && dir.join("ib_logfile1").exists();
    let what = why.clone();
    let (kind, reason, file) = if first_gone {
        (ProblemKind::RedoMissing, ProblemReason::RedoFileGone { what }, "ib_logfile0")
    } else {
        (
            ProblemKind::RedoDamaged,
            ProblemReason::RedoUnreadable { what },
            if dir.join("ib_logfile0").exists() { "ib_logfile0" } else { "#innodb_redo" },
        )
    };
    let file = instance.locations.relative(&dir.join(file));
    // Without the first of its files 5.5 stops, 5.6 to 5.7 and 10.1 make a new log, 8.0 does too, MariaDB from 10.2 on stops.
    let stops =
        !first_gone || instance.generation.is_mariadb() && instance.generation != Generation::MariaDb101;
    Problem::new(kind, Severity::Critical, reason).file(file).stops(stops.then_some(true))
}

fn damaged(survey: &Survey, redo: &RedoLog, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    let relative = |file: &PathBuf| instance.locations.relative(file);
    let first = redo.files.first().map(|file| relative(&file.path));
    let mut push = |kind, reason, file: Option<PathBuf>, stops| {
        let problem = Problem::new(kind, Severity::Critical, reason);
        problems.push(Problem { file: file.or_else(|| first.clone()), ..problem }.stops(stops));
    };
    for fault in &redo.faults {
        match fault {
            RedoFault::Header { file } => {
                push(ProblemKind::RedoDamaged, ProblemReason::RedoHeader, Some(relative(file)), Some(true))
            }
            // 5.6.24 and 5.7.22 start after a clean stop; after a crash it depends on how far the log goes.
            RedoFault::NoHeader { file } => {
                let stops = (instance.shutdown == Shutdown::Clean).then_some(false);
                push(ProblemKind::RedoDamaged, ProblemReason::RedoNoHeader, Some(relative(file)), stops);
            }
            RedoFault::NewestCheckpoint => {
                push(ProblemKind::RedoDamaged, ProblemReason::RedoCheckpoint, None, None)
            }
            RedoFault::Mixed => push(ProblemKind::RedoForeign, ProblemReason::RedoMixed, None, Some(true)),
            RedoFault::FileGone { what } => {
                push(
                    ProblemKind::RedoMissing,
                    ProblemReason::RedoFileGone { what: what.clone() },
                    None,
                    Some(true),
                );
            }
            RedoFault::FileOdd { file, what } => {
                let reason = ProblemReason::RedoUnreadable { what: what.clone() };
                // Files of a ring that differ in length stop every server that has one (eight, from 5.5.9 to 10.2.11).
                let of_a_ring = redo.files.len() > 1 && file.file_name().is_some_and(is_of_a_ring);
                push(ProblemKind::RedoDamaged, reason, Some(relative(file)), of_a_ring.then_some(true));
            }
            RedoFault::BreaksOff => push(
                ProblemKind::RedoDamaged,
                ProblemReason::RedoBreaksOff { end: redo.end },
                None,
                Some(true),
            ),
        }
    }
    let emptied = redo.format == redo::RedoFormat::FlushLsnOnly;
    // One empty file is what a prepared backup has (two stop 10.1.23 and 10.2.11): the flush LSN says where it stood, and no page is newer.
    let stood = instance.flushed_lsn.filter(|lsn| lsn.0 > 0);
    let alone = !instance.locations.redo_dir.join("ib_logfile1").exists();
    let of_flush_lsn = emptied
        && alone
        && instance.generation.is_mariadb()
        && stood.is_some()
        && newest_known(survey) <= stood;
    let told = redo
        .faults
        .iter()
        .any(|fault| !matches!(fault, RedoFault::Header { .. } | RedoFault::NoHeader { .. }));
    if redo.checkpoint.is_none() && !of_flush_lsn {
        push(ProblemKind::RedoDamaged, ProblemReason::RedoCheckpoint, None, Some(true));
    } else if redo.end.is_none() && !told && !emptied {
        push(ProblemKind::RedoDamaged, ProblemReason::RedoBreaksOff { end: None }, None, Some(true));
    }
}

fn is_of_a_ring(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with("ib_logfile")
}

fn foreign(instance: &Instance, redo: &RedoLog, problems: &mut Vec<Problem>) {
    let first = redo.files.first().map(|file| instance.locations.relative(&file.path));
    let mut push = |reason| {
        let problem = Problem::new(ProblemKind::RedoForeign, Severity::Critical, reason);
        problems.push(Problem { file: first.clone(), ..problem });
    };
    if let Some((flushed, end)) = instance.flushed_lsn.zip(redo.end).filter(|(flushed, end)| flushed > end) {
        push(ProblemReason::RedoFlushed { flushed, end });
    }
    let records = redo.file_records.iter();
    let names =
        records.flat_map(|r| r.names.iter().filter(|(id, _)| !r.created.contains(id) && !r.drops(**id)));
    for (&space, named) in names {
        let path = instance.locations.datadir.join(named.strip_prefix("./").unwrap_or(named));
        let found = instance.spaces.of_file(&path).filter(|found| found.evidence == Identification::Header);
        let other =
            found.and_then(|found| found.id).filter(|&id| id != space && !instance.spaces.contains(space));
        if let Some(holds) = other {
            push(ProblemReason::RedoNames { space, named: named.clone(), holds });
            break;
        }
    }
}

/// Pages newer than the end of the redo log, of each file the newest that was met.
pub(super) fn in_future(survey: &Survey, problems: &mut Vec<Problem>) {
    let Some(end) = survey.instance.window.end else { return };
    problems.extend(too_new(&survey.instance, newest_by_file(survey, end)));
}

/// Pages of a file that are newer than the end of the redo log.
#[derive(Debug, Clone, Copy)]
pub struct FutureFile {
    /// Its tablespace.
    pub space: Option<SpaceId>,
    /// The greatest LSN.
    pub newest: Lsn,
    /// How many pages, where all were read.
    pub pages: Option<u64>,
}

/// What is to be said of files with such pages, by their names.
pub fn too_new(instance: &Instance, mut newest: BTreeMap<PathBuf, FutureFile>) -> Vec<Problem> {
    let Some(end) = instance.window.end.filter(|_| !newest.is_empty()) else { return Vec::new() };
    let mut problems = Vec::new();
    // Beside a running server the log has gone on since it was read; every page that was met is older than this.
    let end = redo::window::end_now(&instance.locations.redo_dir, end);
    newest.retain(|_, file| file.newest > end);
    let system = newest.values().any(|file| file.space == Some(SpaceId::SYSTEM));
    let most = newest.values().map(|file| file.newest).max();
    let stops = (system && instance.refuses_future_pages()).then_some(true);
    let files = newest.len();
    for (file, FutureFile { space, newest: lsn, pages }) in newest {
        let problem =
            Problem::new(ProblemKind::LsnInFuture, Severity::Critical, ProblemReason::Future { lsn, end });
        problems.push(Problem { pages, ..problem }.file(file).space(space).lsn(lsn).stops(stops));
    }
    if let Some(newest) = most.filter(|_| system || files > 1) {
        let file = instance.redo.redo().and_then(|redo| redo.files.first());
        let problem = Problem::new(
            ProblemKind::RedoForeign,
            Severity::Critical,
            ProblemReason::RedoOlder { end, newest },
        );
        let file = file.map(|file| instance.locations.relative(&file.path));
        problems.push(Problem { file, ..problem }.lsn(newest).stops(stops));
    }
    problems
}

fn newest_by_file(survey: &Survey, end: Lsn) -> BTreeMap<PathBuf, FutureFile> {
    let mut newest: BTreeMap<PathBuf, FutureFile> = BTreeMap::new();
    let mut meet = |file: &PathBuf, space: Option<SpaceId>, lsn: Lsn| {
        if lsn > end {
            let known = newest.entry(file.clone()).or_insert(FutureFile { space, newest: lsn, pages: None });
            known.newest = known.newest.max(lsn);
        }
    };
    for space in &survey.instance.spaces.list {
        let (Some(file), Some(page0)) = (space.files.first(), survey.instance.spaces.page0_of(space)) else {
            continue;
        };
        meet(&file.name, space.id, page0.lsn);
    }
    if let Some(file) = survey.instance.spaces.system().and_then(|system| system.files.first()) {
        for (_, lsn) in first_pages(&survey.instance) {
            meet(&file.name, Some(SpaceId::SYSTEM), lsn);
        }
    }
    for finding in &survey.findings {
        let Some(home) = survey.home_of(finding).filter(|home| home.state == HomeState::Valid && !home.weak)
        else {
            continue;
        };
        if let (Some(file), Some(lsn)) = (&home.file, home.lsn) {
            meet(file, Some(finding.space_id()), lsn);
        }
    }
    newest
}
