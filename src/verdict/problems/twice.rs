//! Two files that claim one space id.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::instance::Instance;
use crate::instance::generation::Generation;
use crate::instance::redo::Shutdown;
use crate::instance::spaces::Tablespace;
use crate::units::SpaceId;
use crate::verdict::problems::reason::ProblemReason;
use crate::verdict::problems::{Problem, ProblemKind, Severity};
use crate::verdict::survey::Survey;

/// What this generation does with a second file of an id. One that says it is the system tablespace no server opens by that
/// id: ten servers from 5.5.34 to 11.4.5 pass it by, but 5.6.24 and MariaDB 10.1.23 stop at it after a crash.
fn severity(instance: &Instance, id: SpaceId, never_opened: bool) -> (Severity, Option<bool>) {
    let generation = instance.generation;
    let opens_all = generation <= Generation::MySql56 || generation == Generation::MariaDb101;
    match generation {
        Generation::Unknown => (Severity::Critical, None),
        _ if id == SpaceId::SYSTEM && !opens_all => (Severity::Note, Some(false)),
        older if id == SpaceId::SYSTEM && older < Generation::MySql56 && !never_opened => {
            (Severity::Warning, None)
        }
        // It looks through the whole directory.
        _ if generation.has_mysql_ibd() => (Severity::Critical, Some(true)),
        _ if never_opened => (Severity::Note, Some(false)),
        _ if opens_all && instance.shutdown != Shutdown::Clean => (Severity::Critical, Some(true)),
        // They start after a clean stop, and stop after the next crash.
        _ if opens_all => (Severity::Warning, None),
        _ => (Severity::Warning, Some(false)),
    }
}

pub(super) fn same_id(survey: &Survey, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    for stray in &instance.spaces.strays {
        let (Some(instead), Some(id)) = (&stray.instead, stray.space.id) else { continue };
        let Some(other) = name(&stray.space) else { continue };
        let (first, meant) = (instead.clone(), Some(instead.clone()));
        let reason =
            ProblemReason::Twice { id, first, other: other.clone(), meant, never_opened: stray.never_opened };
        problems.push(problem(instance, id, other, reason, stray.never_opened));
    }
    let mut claimed: BTreeMap<SpaceId, Vec<&Tablespace>> = BTreeMap::new();
    for space in &instance.spaces.list {
        claimed.entry(space.id.unwrap_or(SpaceId::SYSTEM)).or_default().push(space);
    }
    for (id, spaces) in claimed.into_iter().filter(|(id, spaces)| spaces.len() > 1 && *id != SpaceId::SYSTEM)
    {
        let names: Vec<PathBuf> = spaces.iter().filter_map(|space| name(space)).collect();
        let Some((first, others)) = names.split_first() else { continue };
        for other in others {
            let (first, other) = (first.clone(), other.clone());
            let reason =
                ProblemReason::Twice { id, first, other: other.clone(), meant: None, never_opened: false };
            let twice = problem(instance, id, other, reason, false);
            // Which of the two it opens nothing tells.
            let stops = twice.stops_start.filter(|stops| *stops);
            problems.push(twice.stops(stops));
        }
    }
}

fn problem(
    instance: &Instance,
    id: SpaceId,
    file: PathBuf,
    reason: ProblemReason,
    never_opened: bool,
) -> Problem {
    let (severity, stops) = severity(instance, id, never_opened);
    Problem::new(ProblemKind::SpaceIdTwice, severity, reason).file(file).space(Some(id)).stops(stops)
}

fn name(space: &Tablespace) -> Option<PathBuf> {
    space.files.first().map(|file| file.name.clone())
}
