//! Pages that redo mends, as entries of a plan.

use std::collections::BTreeSet;

use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::plan::{CopyRef, Forwarded, NO_SLOT, PlannedPage, RefusedPage};
use crate::commands::restore::selection::RestoreSelection;
use crate::error::Result;
use crate::format::redo_record::PageId;
use crate::verdict::from_redo::{Candidate, Wanted, candidates};
use crate::verdict::survey::Survey;

/// What redo can do for a plan.
#[derive(Debug, Default)]
pub struct Consulted {
    /// Pages that it mends, where it may.
    pub planned: Vec<PlannedPage>,
    /// Pages that it was asked for and does not mend.
    pub refused: Vec<RefusedPage>,
    /// Pages that it would mend, had it been named.
    pub could_be: BTreeSet<PageId>,
}

/// Asks redo for damaged pages where it was named as a source, and for sound ones whose write was lost where these are to
/// be written. Without either only the damage that the copies in `written` leave is looked at.
///
/// # Errors
/// The log or a home cannot be read.
pub fn consult(
    survey: &Survey,
    selection: &RestoreSelection,
    written: &BTreeSet<PageId>,
) -> Result<Consulted> {
    let left = left_by_copies(survey, written);
    let named = selection.from_redo || selection.include_lost_writes;
    let only = if named { &selection.pages } else { &left };
    let mut consulted = Consulted::default();
    if !named && only.is_empty() {
        return Ok(consulted);
    }
    let wanted = Wanted {
        damaged: selection.from_redo || !named,
        lost: selection.include_lost_writes || !named,
        only,
    };
    for candidate in candidates(survey, wanted)?.into_iter().flatten() {
        match (planned_page(survey, &candidate), named) {
            (Some(page), true) => consulted.planned.push(page),
            (Some(_), false) => drop(consulted.could_be.insert(candidate.page)),
            (None, true) if !written.contains(&candidate.page) => {
                consulted.refused.extend(refused(&candidate))
            }
            (None, _) => {}
        }
    }
    Ok(consulted)
}

/// Pages with critical damage that no copy in the plan mends.
fn left_by_copies(survey: &Survey, written: &BTreeSet<PageId>) -> Vec<PageId> {
    let critical = survey.findings.iter().filter(|finding| finding.judgement.verdict.is_critical());
    let left = critical.map(|finding| (finding.space_id(), finding.page_no()));
    left.filter(|page| !written.contains(page)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn planned_page(survey: &Survey, candidate: &Candidate) -> Option<PlannedPage> {
    let (made, home) = (candidate.made.as_ref().ok()?, &candidate.home);
    let log = survey.instance.redo.redo()?.files.first()?;
    let name = log.path.file_name().unwrap_or_default();
    Some(PlannedPage {
        space_id: candidate.page.0,
        page_no: candidate.page.1,
        file: home.file.clone()?,
        path: home.path.clone(),
        offset: home.offset?,
        length: home.length,
        copy: CopyRef {
            file: name.into(),
            index: NO_SLOT,
            lsn: made.lsn,
            forwarded: Some(Forwarded { from: made.from, mini_transactions: made.mini_transactions }),
        },
        before_state: home.state.name().into(),
        old: PageImage::at_home(&home.bytes),
        new: PageImage::judged(made.bytes.clone()),
    })
}

fn refused(candidate: &Candidate) -> Option<RefusedPage> {
    let guard = candidate.made.as_ref().err()?;
    Some(RefusedPage {
        space_id: candidate.page.0,
        page_no: candidate.page.1,
        file: candidate.home.file.clone()?,
        offset: candidate.home.offset?,
        lost: candidate.lost.is_some(),
        guard: guard.clone(),
    })
}
