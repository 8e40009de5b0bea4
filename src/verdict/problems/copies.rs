//! The doublewrite files: not where they were looked for, or of another life.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::format::fsp::{Encryption, Layout, PageFormat};
use crate::instance::dblwr::{Area, AreaKind};
use crate::instance::redo::Shutdown;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::copy::{Copy, CopyState};
use crate::verdict::home::{Home, HomeState};
use crate::verdict::problems::reason::ProblemReason;
use crate::verdict::problems::{Problem, ProblemKind, Severity};
use crate::verdict::survey::{Finding, Survey};

/// A server that keeps its copies in files, and files that are not here.
pub(super) fn elsewhere(survey: &Survey, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    if instance.generation.reads_separate_files() != Some(true) || instance.locations.doublewrite_off {
        return;
    }
    // After a clean stop nothing is needed from them (8.0.33 and 9.7.4 start without).
    let clean = instance.shutdown == Shutdown::Clean;
    let elsewhere = |reason| {
        Problem::new(ProblemKind::CopiesElsewhere, Severity::Unknown, reason).stops(clean.then_some(false))
    };
    let is_file = |area: &&Area| matches!(area.kind(), AreaKind::Separate | AreaKind::Reduced);
    let areas: Vec<&Area> = instance.areas.iter().filter(is_file).collect();
    if areas.is_empty() {
        problems.push(elsewhere(ProblemReason::NoCopies));
        return;
    }
    let separate = areas.iter().filter(|area| area.kind() == AreaKind::Separate && area.live);
    let numbers: BTreeMap<u32, &PathBuf> =
        separate.filter_map(|area| Some((number(&area.file)?, &area.file))).collect();
    // The file of single pages has 512 slots more; it is the second one, or the first where there is one only.
    let alone = numbers.len() == 1 && numbers.contains_key(&0);
    let few = areas.iter().any(|area| area.live && area.kind() == AreaKind::Separate && area.slots < 512);
    let gaps = (0..numbers.keys().max().copied().unwrap_or(0)).filter(|n| !numbers.contains_key(n));
    for missing in gaps.chain((alone && few).then_some(1)) {
        let Some(beside) = numbers.values().next() else { continue };
        let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.rsplit_once('_').map_or(name.as_str(), |(stem, _)| stem);
        let file = beside.with_file_name(format!("{stem}_{missing}.dblwr"));
        problems.push(elsewhere(ProblemReason::CopiesGap { missing: file.clone() }).file(file));
    }
    let separate: Vec<&&Area> =
        areas.iter().filter(|area| area.live && area.kind() == AreaKind::Separate).collect();
    if !clean {
        problems.extend(empty(survey, &areas, &separate));
    }
    problems.extend(odd_size(&separate).map(|(reason, file)| elsewhere(reason).file(file)));
    for area in separate {
        let unusable = area.slots == 0 || survey.has_only_rubbish(area);
        if unusable {
            problems.push(elsewhere(ProblemReason::CopiesUnusable).file(&area.file));
        }
    }
}

/// No slot of any file is in use, though every server fills them from its first flush on: they were made anew or emptied, or
/// doublewrite was off. Where it only detects, the reduced files hold something.
fn empty(survey: &Survey, areas: &[&Area], separate: &[&&Area]) -> Option<Problem> {
    let used = |area: &&&Area| {
        survey.findings.iter().filter_map(Finding::copy).any(|copy| copy.slot.file == area.file)
    };
    let reduced = areas.iter().any(|area| area.live && area.kind() == AreaKind::Reduced);
    let first = separate.first().filter(|_| !reduced && !separate.iter().any(used))?;
    let slots = separate.iter().any(|area| area.slots > 0);
    let reason = ProblemReason::CopiesAllZero;
    let problem = || Problem::new(ProblemKind::CopiesElsewhere, Severity::Unknown, reason);
    slots.then(|| problem().file(&first.file))
}

/// Of two files the second one has 512 slots more, those of single pages (`dblwr::Segment`, 8.0.33 and 9.7.4): a file that was cut
/// lacks slots.
fn odd_size<'a>(separate: &[&'a &Area]) -> Option<(ProblemReason, &'a PathBuf)> {
    const SINGLE_PAGES: u32 = 512;
    let [first, second] = separate else { return None };
    let two = (number(&first.file), number(&second.file)) == (Some(0), Some(1));
    let fits = first.slots.checked_add(SINGLE_PAGES) == Some(second.slots);
    if !two || fits || first.slots == 0 || second.slots == 0 {
        return None;
    }
    let cut = if second.slots > first.slots.saturating_add(SINGLE_PAGES) { first } else { second };
    let reason = ProblemReason::CopiesOddSize { first: first.slots, second: second.slots };
    Some((reason, &cut.file))
}

fn number(file: &std::path::Path) -> Option<u32> {
    file.file_stem()?.to_str()?.rsplit_once('_')?.1.parse().ok()
}

/// Copies that cannot be of these files' present life.
pub(super) fn foreign(survey: &Survey, problems: &mut Vec<Problem>) {
    let data_too_new = problems.iter().any(|problem| problem.kind == ProblemKind::LsnInFuture);
    let Some(end) = survey.instance.window.end.filter(|_| !data_too_new) else { return };
    let mut beyond: BTreeMap<PathBuf, (u64, Lsn)> = BTreeMap::new();
    let mut differ: BTreeMap<PathBuf, Vec<(SpaceId, PageNo)>> = BTreeMap::new();
    for finding in &survey.findings {
        let Some(copy) = finding.copy().filter(|copy| copy.state() == CopyState::Valid && !copy.judged.weak)
        else {
            continue;
        };
        let file = copy.slot.file.clone();
        if copy.lsn() > end {
            let entry = beyond.entry(file).or_insert((0, Lsn(0)));
            *entry = (entry.0 + 1, entry.1.max(copy.lsn()));
        } else if survey.home_of(finding).is_some_and(|home| contradicts(home, copy)) {
            differ.entry(file).or_default().push((finding.space_id(), finding.page_no()));
        }
    }
    for (file, (copies, lsn)) in beyond {
        let problem = Problem::new(
            ProblemKind::CopiesForeign,
            Severity::Warning,
            ProblemReason::CopiesBeyondEnd { copies, end },
        );
        problems.push(Problem { pages: Some(copies), ..problem }.file(file).lsn(lsn));
    }
    // One may be a change that was not logged (transaction ids in secondary indexes); several are another history.
    for (file, pages) in differ.into_iter().filter(|(_, pages)| pages.len() > 1) {
        let Some(&(space, page)) = pages.first() else { continue };
        let problem =
            Problem::new(ProblemKind::CopiesForeign, Severity::Warning, ProblemReason::CopiesDiffer { page });
        let problem = Problem { pages: Some(pages.len() as u64), ..problem };
        problems.push(problem.file(file).space(Some(space)).page(page));
    }
}

/// Other contents at an equal LSN, where bytes can be compared as they lie.
fn contradicts(home: &Home, copy: &Copy) -> bool {
    /// Fields that are changed without a record are shorter.
    const MANY: usize = 256;
    let Some(format) = home.format.filter(plain) else { return false };
    let comparable =
        home.state == HomeState::Valid && !home.weak && home.lsn == Some(copy.lsn()) && copy.lsn().0 != 0;
    if !comparable {
        return false;
    }
    let body = 38..home.bytes.len().saturating_sub(if format.layout == Layout::Zip { 0 } else { 8 });
    let (mine, theirs) = (home.bytes.get(), copy.page());
    let (mine, theirs) = (mine.get(body.clone()), theirs.get(body));
    mine.zip(theirs)
        .is_some_and(|(mine, theirs)| mine.iter().zip(theirs).filter(|(a, b)| a != b).count() > MANY)
}

/// Whether bytes can be looked at as they lie.
pub(super) fn plain(format: &PageFormat) -> bool {
    format.encryption == Encryption::None && !format.page_compressed
}
