//! From a survey to a plan: which pages get which bytes.

use crate::commands::restore::selection::{RestoreRules, RestoreSelection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::commands::restore::from_redo;
use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::plan::{CopyRef, Plan, PlannedPage};
use crate::commands::restore::told::Told;
use crate::commands::restore::world::World;
use crate::error::{Error, Result};
use crate::instance::running::lock_files;
use crate::instance::{Instance, identity};
use crate::units::{PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::contested::{Contest, contest};
use crate::verdict::home::HomeState;
use crate::verdict::home_bytes;
use crate::verdict::predict::Prediction;
use crate::verdict::problems;
use crate::verdict::problems::{ProblemKind, ProblemReason};
use crate::verdict::survey::{Finding, Survey};

/// Chooses the pages to write. Nothing is read again: old and new bytes are those that were judged.
///
/// # Errors
/// A page was asked for by number that no copy can mend.
pub fn choose(survey: &Survey, selection: &RestoreSelection) -> Result<Plan> {
    let by_server = match selection.rules {
        RestoreRules::Server => Some(Prediction::of(survey).writes),
        RestoreRules::Newest => None,
    };
    let newest = |wanted, verdict| if wanted { newest_of(survey, verdict) } else { BTreeMap::new() };
    let stale = newest(selection.include_stale, Verdict::Stale);
    let lost = newest(selection.include_lost_writes, Verdict::LostWrite);
    let chosen = |index: usize, finding: &Finding| {
        let is_newest = |of: &Newest| of.get(&(finding.space_id(), finding.page_no())) == Some(&index);
        match finding.judgement.verdict {
            Verdict::Restorable => by_server.is_none(),
            Verdict::Unverifiable => by_server.is_none() && is_picked(survey, finding, selection),
            Verdict::Stale => is_newest(&stale),
            Verdict::LostWrite => is_newest(&lost),
            _ => false,
        }
    };
    let mut pages = Vec::new();
    for (index, finding) in survey.findings.iter().enumerate() {
        let server = by_server.as_ref().is_some_and(|writes| writes.contains(&index));
        if (server || chosen(index, finding)) && selection.wants(finding) {
            pages.extend(planned(survey, finding, selection.rules));
        }
    }
    refuse_foreign(survey, &pages)?;
    let written = pages.iter().map(|page| (page.space_id, page.page_no)).collect();
    let redo = from_redo::consult(survey, selection, &written)?;
    // Redo proves what a copy of a lost write may miss.
    let by_redo = |page: &PlannedPage| {
        redo.planned.iter().any(|other| (other.space_id, other.page_no) == (page.space_id, page.page_no))
    };
    pages.retain(|page| !by_redo(page));
    pages.extend(redo.planned.iter().cloned());
    refuse_missing(survey, selection, &pages, &redo)?;
    pages.sort_by(|a: &PlannedPage, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    let also_lock = survey.instance.spaces.system().into_iter().flat_map(|system| &system.files);
    Ok(Plan {
        root: survey.instance.locations.root.clone(),
        pages,
        world: world_of(&survey.instance),
        also_lock: also_lock.map(|file| file.path.clone()).chain(lock_files_of(&survey.instance)).collect(),
    })
}

/// Nothing is written of a doublewrite file whose copies contradict these data, unless a home itself has the copy's LSN, or
/// one of its copies equals its home.
fn refuse_foreign(survey: &Survey, pages: &[PlannedPage]) -> Result<()> {
    let found = problems::of_survey(survey);
    for foreign in found.iter().filter(|problem| problem.kind == ProblemKind::CopiesForeign) {
        let Some(file) = &foreign.file else { continue };
        let of_file = |finding: &&Finding| finding.copy().is_some_and(|copy| copy.slot.file == *file);
        let is_proof = |finding: &Finding| {
            let pair = survey.home_of(finding).zip(finding.copy());
            pair.is_some_and(|(home, copy)| {
                home.state == HomeState::Valid
                    && home.lsn == Some(copy.lsn())
                    && home.bytes.get() == copy.page()
            })
        };
        let planned = pages.iter().find(|page| page.copy.file == *file);
        // What shows that the file is of these data excuses no copy of an index that they never had.
        let is_sure = matches!(foreign.reason, ProblemReason::CopiesOfOtherIndex { .. });
        if let Some(page) =
            planned.filter(|_| is_sure || !survey.findings.iter().filter(of_file).any(is_proof))
        {
            return Err(Error::Refused(format!(
                "{}: its copies are not of these data ({}); nothing of it is written, though page {}:{} is damaged",
                file.display(),
                foreign.reason,
                page.space_id,
                page.page_no
            )));
        }
    }
    Ok(())
}

/// Held while the pass writes, so that no server starts meanwhile.
fn lock_files_of(instance: &Instance) -> Vec<PathBuf> {
    let places = &instance.locations;
    let known: Vec<&Path> = instance
        .spaces
        .system()
        .into_iter()
        .flat_map(|system| &system.files)
        .filter_map(|file| file.path.file_name())
        .map(Path::new)
        .collect();
    let mut files = lock_files([places.datadir.as_path()]);
    // A system tablespace is there under the names that the configuration gives it.
    files.retain(|file| known.is_empty() || file.file_name().is_some_and(|name| name != "ibdata1"));
    files
}

/// What the journal remembers of the instance. A bundle is none.
fn world_of(instance: &Instance) -> World {
    let places = &instance.locations;
    let redo_dir = places.redo_dir.strip_prefix(&places.root).unwrap_or(&places.redo_dir);
    World {
        server_uuid: identity::server_uuid(&places.datadir).unwrap_or_default(),
        redo_dir: redo_dir.to_path_buf(),
        checkpoint: instance.window.checkpoint,
        end: instance.window.end,
        told: Told::of(places),
    }
}

/// A copy that nothing proves against its home is written only where its page was named.
fn is_picked(survey: &Survey, finding: &Finding, selection: &RestoreSelection) -> bool {
    let contested = survey
        .home_of(finding)
        .zip(finding.copy())
        .is_some_and(|(home, copy)| contest(home, copy) == Some(Contest::Nobody) && home.rivals.is_empty());
    contested && selection.pages.contains(&(finding.space_id(), finding.page_no()))
}

/// The index of one finding for each of some pages.
type Newest = BTreeMap<(SpaceId, PageNo), usize>;

/// For every page without a restorable copy the index of the newest finding of this verdict; none where several files claim
/// the space id, as nothing tells which of them to write, none older than a reduced entry, which proves a newer version, and
/// none beyond the end of redo, which is of another life of these files.
fn newest_of(survey: &Survey, verdict: Verdict) -> Newest {
    let reduced = survey.newest_reduced();
    let mut newest = Newest::new();
    for (index, finding) in survey.findings.iter().enumerate() {
        let older = reduced
            .get(&(finding.space_id(), finding.page_no()))
            .is_some_and(|(_, entry)| finding.lsn() < entry.lsn);
        let beyond = survey.instance.window.end.is_some_and(|end| finding.lsn() > end);
        let alone = survey.home_of(finding).is_some_and(|home| home.rivals.is_empty());
        let writable = alone && !older && !beyond;
        if finding.judgement.verdict != verdict || !writable {
            continue;
        }
        let kept = newest.entry((finding.space_id(), finding.page_no())).or_insert(index);
        if survey.findings.get(*kept).is_some_and(|other| other.lsn() < finding.lsn()) {
            *kept = index;
        }
    }
    newest
}

fn planned(survey: &Survey, finding: &Finding, rules: RestoreRules) -> Option<PlannedPage> {
    let (home, copy) = survey.home_of(finding).zip(finding.copy())?;
    let new = match rules {
        RestoreRules::Newest => home_bytes::kept_image(&survey.instance, home, copy),
        RestoreRules::Server => home_bytes::image_of_server(&survey.instance, home, copy),
    }?;
    Some(PlannedPage {
        space_id: copy.space?,
        page_no: copy.page_no(),
        file: home.file.clone()?,
        path: home.path.clone(),
        offset: home.offset?,
        length: home.length,
        copy: CopyRef {
            file: copy.slot.file.clone(),
            index: u64::from(copy.slot.index),
            lsn: copy.lsn(),
            forwarded: None,
        },
        before_state: home.state.name().to_owned(),
        old: PageImage::at_home(&home.bytes),
        new: PageImage::judged(new),
    })
}

/// A page that was named must be one that a copy could belong to. That it is whole, as after a first pass, or beyond
/// mending, is for the report to tell.
fn refuse_missing(
    survey: &Survey,
    selection: &RestoreSelection,
    pages: &[PlannedPage],
    redo: &from_redo::Consulted,
) -> Result<()> {
    for &(space_id, page_no) in &selection.pages {
        let mut of_page =
            survey.findings.iter().filter(|f| (f.space_id(), f.page_no()) == (space_id, page_no)).peekable();
        let found = of_page.peek().copied();
        let is_whole = |f: &Finding| survey.home_of(f).is_some_and(|home| home.state == HomeState::Valid);
        let told = of_page.any(|f| is_whole(f) || f.judgement.verdict.is_critical());
        let told =
            told || redo.refused.iter().any(|page| (page.space_id, page.page_no) == (space_id, page_no));
        if told || pages.iter().any(|page| (page.space_id, page.page_no) == (space_id, page_no)) {
            continue;
        }
        let why = found.map_or("the doublewrite buffer holds no copy of it".to_owned(), |finding| {
            format!("its verdict is {}: {}", finding.judgement.verdict.name(), finding.judgement.reason)
        });
        return Err(Error::Refused(format!("page {space_id}:{page_no} cannot be restored: {why}")));
    }
    Ok(())
}
