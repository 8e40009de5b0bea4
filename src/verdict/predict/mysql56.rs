//! MySQL 5.6: `buf_dblwr_process` (`buf0dblwr.cc`), `fil_validate_single_table_tablespace` (`fil0fil.cc`), 5.6.40.
//!
//! 1. Page 0 of `ibdata1` at every start: the copy of the greatest LSN, unverified.
//! 2. Page 5 through the buffer pool, before the pass (`srv_undo_tablespaces_init`): damage ends the start, seen with
//!    5.6.24.
//! 3. After a crash page 0 of every `.ibd`, by the same rule.
//! 4. After a crash all slots in order: a damaged home gets the first copy, which must be good; a zero home the first
//!    good one, without a message.
//!
//! Slots without space ids (before 4.1.1) are numbered anew and not loaded.

use crate::verdict::predict::facts::{Facts, SpaceKind};
use crate::verdict::predict::pass::{
    BadCopy, FirstGood, PassOutcome, first_page_of_newest, first_pages, page5_comes_first,
};

pub(super) fn predict(facts: &Facts) -> PassOutcome {
    let mut outcome = PassOutcome::default();
    if facts.loads_built_in() {
        for (index, page) in first_pages(facts) {
            if page.home.kind == SpaceKind::System {
                first_page_of_newest(&mut outcome, index, page);
            }
        }
    }
    page5_comes_first(facts, &mut outcome);
    if facts.recovers() && facts.loads_built_in() {
        for (index, page) in first_pages(facts) {
            if page.home.kind != SpaceKind::System {
                first_page_of_newest(&mut outcome, index, page);
            }
        }
        FirstGood { refill_zero: true, bad_copy: BadCopy::Stops, one_buffer: false }.run(
            facts,
            &mut outcome,
            |_| true,
        );
    }
    outcome
}
