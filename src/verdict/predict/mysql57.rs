//! MySQL 5.7 to 8.0.19, Percona's parallel file included: `buf_dblwr_process` (5.7.36, 8.0.15), `Datafile`.
//!
//! As 5.6 with these differences: only tablespaces that redo names are open, a page 0 whose damaged header says
//! "encrypted" is given up, and 8.0 no longer reads page 5 before the pass (5.7 does: `srv_undo_tablespaces_init`; seen
//! with 5.7.22, and 8.0.12 and 8.0.15 mend it).
//! 5.7 reads all homes into one buffer (`ReadBuffer`); 8.0 takes a new one from the heap for each, so that it is chance
//! whether a zero page of a compressed table is refilled (8.0.12: 15 of 16), and redo makes it anyway.
//! The copies are loaded even with `innodb_doublewrite=0`. A directory made by `CLONE` (8.0) gets no pass.

use crate::instance::generation::Generation;
use crate::verdict::predict::facts::{Facts, PageView, SpaceKind};
use crate::verdict::predict::pass::{
    BadCopy, FirstGood, PassOutcome, first_page_of_newest, first_pages, page5_comes_first,
};
use crate::verdict::predict::reason::StopReason;

pub(super) fn predict(facts: &Facts) -> PassOutcome {
    let mut outcome = PassOutcome::default();
    let loaded = facts.loads_built_in();
    for (index, page) in first_pages(facts) {
        if loaded && page.home.kind == SpaceKind::System {
            first_page_of_newest(&mut outcome, index, page);
        }
    }
    if facts.generation == Generation::MySql57 {
        page5_comes_first(facts, &mut outcome);
    }
    if !facts.recovers() || !loaded || facts.foreign_log {
        return outcome;
    }
    open_files(facts, &mut outcome);
    let named = |page: &PageView| facts.is_named(page.id.space_id);
    FirstGood {
        refill_zero: true,
        bad_copy: BadCopy::Stops,
        one_buffer: facts.generation == Generation::MySql57,
    }
    .run(facts, &mut outcome, named);
    outcome
}

fn open_files(facts: &Facts, outcome: &mut PassOutcome) {
    for (index, page) in first_pages(facts) {
        if page.home.kind != SpaceKind::User || !facts.is_named(page.id.space_id) {
            continue;
        }
        if page.home.mysql_encrypted {
            outcome.stop(page.id, StopReason::SaysEncrypted);
        } else {
            first_page_of_newest(outcome, index, page);
        }
    }
}
