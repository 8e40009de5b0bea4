//! MySQL up to 5.5: `trx_sys_doublewrite_init_or_restore_pages` (`trx0sys.c` 4.1, 5.5).
//!
//! After a clean shutdown no home is looked at. Otherwise all slots in order, every `.ibd` open: a home whose checksum
//! fails gets the first copy, which must be good, or the server ends itself. An all-zero page counts as sound, so it is
//! never refilled. No LSN is compared. Without the magic on page 5 there is no buffer to them.
//!
//! Page 5 is read through the buffer pool before the pass since there are file formats
//! (`trx_sys_file_format_max_check`; damage ends the start, seen with 5.5.9 and 5.5.34): in 5.5, and in 5.1 where InnoDB
//! is the plugin, which the files do not tell. Page 0 of an `.ibd` is a page like any other, but a late 5.5 checks it when
//! it opens the file and loses the table (seen with 5.5.34; 5.5.9 mends it). The files do not tell the patch level.

use crate::instance::generation::Generation;
use crate::verdict::predict::facts::{Facts, SpaceKind};
use crate::verdict::predict::pass::{
    BadCopy, FirstGood, PassOutcome, first_pages, page5_comes_first, page5_may_come_first,
};
use crate::verdict::predict::reason::StartDoubt;

pub(super) fn predict(facts: &Facts) -> PassOutcome {
    let mut outcome = PassOutcome::default();
    match facts.generation {
        Generation::MySql55 => page5_comes_first(facts, &mut outcome),
        Generation::MySql51 => page5_may_come_first(facts, &mut outcome),
        _ => {}
    }
    let first = first_pages(facts).into_iter().any(|(_, page)| page.home.kind == SpaceKind::User);
    if facts.generation == Generation::MySql55 && facts.recovers() && first {
        outcome.doubt(StartDoubt::Which55);
    }
    if facts.recovers() && !facts.header_lost {
        let system = |kind: SpaceKind| kind == SpaceKind::System;
        if !facts.space_id_stored && facts.pages.iter().any(|page| !system(page.home.kind)) {
            outcome.doubt(StartDoubt::CopiesOfTables);
        }
        FirstGood { refill_zero: false, bad_copy: BadCopy::Stops, one_buffer: false }.run(
            facts,
            &mut outcome,
            |page| facts.space_id_stored || system(page.home.kind),
        );
    }
    outcome
}
