//! MySQL 8.0.20 and later: `recv::Pages::recover`, `recv::reduced_recover` (`buf0dblwr.cc` 8.0.20 to 9.7).
//!
//! Files are read in the order of their ids; the built-in area never. With `innodb_doublewrite=OFF` at the start nothing
//! is loaded, and not even page 0 can be mended (seen with 9.7.4). Page 5 is read before the pass: damage ends the start
//! (seen with 8.0.33 and 9.7.4). Then, for tablespaces that redo names, the system tablespace first: a damaged home gets the first
//! copy, which must be good; a zero home the first good one. A copy older than a reduced entry of its page ends the
//! start, and so does a reduced entry (LSN not 0) of a damaged or zero page that no copy mended.

use crate::units::SpaceId;
use crate::verdict::predict::PredictedPage;
use crate::verdict::predict::facts::{Facts, PageView, SpaceKind};
use crate::verdict::predict::pass::{
    BadCopy, FirstGood, PassOutcome, first_page_of_newest, first_pages, page5_comes_first,
};
use crate::verdict::predict::reason::{StartDoubt, StopReason};

pub(super) fn predict(facts: &Facts) -> PassOutcome {
    let mut outcome = PassOutcome::default();
    let loads = !facts.doublewrite_off;
    if loads && facts.reduced_damaged {
        outcome.doubt(StartDoubt::BeyondFileDamaged);
    }
    if loads {
        first_pages_where(facts, &mut outcome, |page| page.home.kind == SpaceKind::System);
    }
    page5_comes_first(facts, &mut outcome);
    if !loads || !facts.recovers() || facts.foreign_log {
        return outcome;
    }
    let closed: Vec<PredictedPage> =
        first_pages(facts).into_iter().map(|(_, page)| page).filter(is_lost).map(|page| page.id).collect();
    let is_open = |space: SpaceId| !closed.iter().any(|page| page.space_id == space);
    let others = |page: &PageView| {
        let space = page.id.space_id;
        page.home.kind != SpaceKind::System && facts.is_named(space) && is_open(space)
    };
    first_pages_where(facts, &mut outcome, others);
    let pass = FirstGood { refill_zero: true, bad_copy: BadCopy::Stops, one_buffer: false };
    pass.run(facts, &mut outcome, |page| page.home.kind == SpaceKind::System);
    reduced(facts, &mut outcome, |page| page.home.kind == SpaceKind::System);
    pass.run(facts, &mut outcome, others);
    reduced(facts, &mut outcome, others);
    for page in closed.into_iter().filter(|page| facts.is_named(page.space_id)) {
        outcome.stop(page, StopReason::RedoNeedsTheSpace);
    }
    outcome
}

/// The files of the directory are asked for their ids before anything is restored (`Fil_system::get_tablespace_id`): what
/// belongs to one that is not found is left out, and the start ends behind the pass (seen with 9.7.4).
fn is_lost(page: &&PageView) -> bool {
    page.home.kind != SpaceKind::System && !page.home.states_its_id && !page.home.surveyed
}

fn first_pages_where(facts: &Facts, outcome: &mut PassOutcome, wanted: impl Fn(&PageView) -> bool) {
    for (index, page) in first_pages(facts) {
        // A page that only a reduced entry names is met in the pass.
        if wanted(page) && !page.copies.is_empty() {
            first_page_of_newest(outcome, index, page);
        }
    }
}

fn reduced(facts: &Facts, outcome: &mut PassOutcome, wanted: impl Fn(&PageView) -> bool) {
    for (index, page) in facts.reachable() {
        let damaged = page.home.is_corrupt() || page.home.is_zero();
        if page.reduced.is_some() && damaged && wanted(page) && !outcome.mends(index) {
            outcome.stop(page.id, StopReason::OnlyDetected);
        }
    }
}
