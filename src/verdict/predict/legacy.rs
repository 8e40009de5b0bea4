//! MySQL up to 5.5: `trx_sys_doublewrite_init_or_restore_pages` (`trx0sys.c` 4.1, 5.5).
//!
//! After a clean shutdown no home is looked at. Otherwise all slots in order, every `.ibd` open: a home whose checksum
//! fails gets the first copy, which must be good, or the server ends itself. An all-zero page counts as sound, so it is
//! never refilled. No LSN is compared. Without the magic on page 5 there is no buffer to them. Page 0 and page 5 are pages like any other: both are read without a check before.

use crate::verdict::predict::facts::{Facts, SpaceKind};
use crate::verdict::predict::pass::{BadCopy, FirstGood, Outcome};

pub(super) fn predict(facts: &Facts) -> Outcome {
    let mut outcome = Outcome::default();
    if facts.recovers() && !facts.header_lost {
        let system = |kind: SpaceKind| kind == SpaceKind::System;
        if !facts.space_id_stored && facts.pages.iter().any(|page| !system(page.home.kind)) {
            outcome.doubt("the server would take copies of tables for pages of the system tablespace");
        }
        FirstGood { refill_zero: false, bad_copy: BadCopy::Stops }
            .run(facts, &mut outcome, |page| facts.space_id_stored || system(page.home.kind));
    }
    outcome
}
