//! MariaDB: `buf_dblwr_t::recover`, `recv_dblwr_t::find_page`, `Datafile`, `fil_node_t::read_page0`.
//!
//! | servers | which copies | which wins | page 0 of an `.ibd` |
//! |---|---|---|---|
//! | 10.1 | all | the first good one in slot order | in the pass |
//! | 10.2 to 10.2.32, 10.3.23, 10.4.13, 10.5.4 | all | the first good one in slot order | at the opening of the file |
//! | up to 10.5.23, 10.6.16, 10.11.6 | a copy inside the redo window starts it | the greatest LSN of all good ones | at the opening of the file |
//! | 10.5.24, 10.6.17, 10.11.7 on | the same | the same | see below |
//! | 10.11.10, 11.4.4 on | only copies inside the window | the highest slot | see below |
//!
//! Page 5 is read before the pass by 10.1 and 10.2, and damage ends the start (seen with 10.1.23 and 10.2.11); 10.5 and
//! later mend it (seen with 10.5.23, 10.11.5 and 11.4.5); 10.3 and 10.4 are untried.
//! A page_compressed home is expanded as it is read: a torn one fails there, before any copy is looked at ("uncompress
//! failed"). 10.1.23 leaves it, and ends itself where recovery reads it; 10.2.11 leaves it, too, and was seen to start and
//! to answer with wrong rows; 10.3 and 10.4 are untried.
//! A damaged copy never ends the start. All-zero homes are refilled.
//! Copies that hide their space id (full_crc32, compressed or encrypted) came late: encrypted ones with 10.5.28, 10.6.21,
//! 10.11.11 and 11.4.5; compressed ones with 10.6.22 and 10.11.12, while 11.8.6 leaves them unless the tablespace has
//! encryption metadata. They mend damaged pages that recovery reads, never zero ones, and in memory: where no redo is newer than the copy, the
//! page is not dirty and its home stays damaged. Seen with 10.11.19: it starts, stops cleanly, and the table is corrupt at
//! the next start. With 64 KiB pages it depends on the buffer pool: with 64 MiB 11.8.6 read the page again at once (of
//! three times it died in the rollback once, and twice it started with the table corrupt), and 10.11.19 once did not take
//! the copy and stopped, while with 512 MiB it took it.
//! Page 0, newer rule: the copy serves to open the file, and the pass writes it, but only where redo changes the size
//! of the tablespace; else the file stays closed, all its pages stay as they are, and the server starts without the
//! table (seen with 11.8.6).

use crate::instance::generation::Generation;
use crate::instance::redo::ServerVersion;
use crate::units::PageNo;
use crate::verdict::copy::CopyState;
use crate::verdict::predict::facts::{CopyView, Facts, PageView, SpaceKind};
use crate::verdict::predict::pass::{
    BadCopy, FirstGood, PassOutcome, first_pages, page5_comes_first, page5_may_come_first,
};
use crate::verdict::predict::reason::{StartDoubt, StopReason};

/// Which copy is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    FirstSlot,
    GreatestLsn,
    HighestSlot,
}

/// What one patch level does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PatchRules {
    pick: Pick,
    page0_in_pass: bool,
    hidden_encrypted: bool,
    hidden_compressed: bool,
}

impl PatchRules {
    fn of(version: ServerVersion) -> PatchRules {
        let since = |fixed: &[ServerVersion]| version.has(fixed);
        PatchRules {
            pick: if since(&[ServerVersion(10, 11, 10), ServerVersion(11, 4, 4)]) {
                Pick::HighestSlot
            } else if since(&LSN_COMPARED) {
                Pick::GreatestLsn
            } else {
                Pick::FirstSlot
            },
            page0_in_pass: since(&[
                ServerVersion(10, 5, 24),
                ServerVersion(10, 6, 17),
                ServerVersion(10, 11, 7),
                ServerVersion(11, 0, 5),
                ServerVersion(11, 1, 4),
                ServerVersion(11, 2, 3),
                ServerVersion(11, 3, 2),
                ServerVersion(11, 4, 1),
            ]),
            hidden_encrypted: since(&[
                ServerVersion(10, 5, 28),
                ServerVersion(10, 6, 21),
                ServerVersion(10, 11, 11),
                ServerVersion(11, 4, 5),
                ServerVersion(11, 7, 2),
            ]),
            hidden_compressed: version < ServerVersion(11, 0, 0)
                && since(&[ServerVersion(10, 6, 22), ServerVersion(10, 11, 12)]),
        }
    }
}

/// Since these (MDEV-11799) the LSN decides; before, the first good copy made the home good, whatever its LSN (seen with
/// 10.2.11).
const LSN_COMPARED: [ServerVersion; 4] =
    [ServerVersion(10, 2, 33), ServerVersion(10, 3, 24), ServerVersion(10, 4, 14), ServerVersion(10, 5, 5)];

/// The newest patch level that a generation stands for, where the redo log does not say.
fn newest(generation: Generation) -> ServerVersion {
    match generation {
        Generation::MariaDb108 => ServerVersion(11, 8, 6),
        Generation::MariaDb105 => ServerVersion(10, 6, 22),
        Generation::MariaDb104 => ServerVersion(10, 4, 34),
        Generation::MariaDb103 => ServerVersion(10, 3, 39),
        Generation::MariaDb102 => ServerVersion(10, 2, 44),
        // Asked of MariaDB from 10.2 on only; the oldest has none of the changes.
        Generation::MariaDb101
        | Generation::Unknown
        | Generation::MySql41
        | Generation::MySql50
        | Generation::MySql51
        | Generation::MySql55
        | Generation::MySql56
        | Generation::MySql57
        | Generation::MySql80
        | Generation::MySql8020
        | Generation::MySql8030 => ServerVersion(10, 1, 48),
    }
}

pub(super) fn predict(facts: &Facts) -> PassOutcome {
    let mut outcome = PassOutcome::default();
    match facts.generation {
        Generation::MariaDb101 | Generation::MariaDb102 => page5_comes_first(facts, &mut outcome),
        Generation::MariaDb103 | Generation::MariaDb104 => page5_may_come_first(facts, &mut outcome),
        _ => {}
    }
    if facts.generation == Generation::MariaDb101 {
        if facts.recovers() && facts.loads_built_in() {
            FirstGood { refill_zero: true, bad_copy: BadCopy::Skipped, one_buffer: false }.run(
                facts,
                &mut outcome,
                |page| !cannot_be_expanded(page),
            );
        }
        return outcome;
    }
    let rules = PatchRules::of(facts.version.unwrap_or_else(|| newest(facts.generation)));
    if !rules.page0_in_pass && facts.loads_built_in() {
        open_files(facts, &mut outcome);
    }
    if facts.recovers() && facts.loads_built_in() {
        if rules.page0_in_pass {
            keep_closed(facts, &mut outcome);
        }
        recover(facts, rules, &mut outcome);
    }
    outcome
}

/// Up to 10.5.23: page 0 when a file is opened, the system tablespace's at every start.
fn open_files(facts: &Facts, outcome: &mut PassOutcome) {
    for (index, page) in first_pages(facts) {
        let system = page.home.kind == SpaceKind::System;
        let opened = facts.recovers() && facts.is_named(page.id.space_id);
        if !system && !opened {
            continue;
        }
        if refuses_undo(outcome, page) {
            continue;
        }
        match greatest(page) {
            Some(copy) if system || page.home.surveyed => outcome.write(index, copy),
            // Seen with 10.11.5: redo had made the file anew.
            Some(_) if page.home.is_zero() => {
                outcome.doubt(StartDoubt::ZeroFirstPage);
            }
            Some(_) => outcome.stop(page.id, StopReason::UnknownToAnybody),
            None => outcome.stop(page.id, StopReason::NoGoodCopy),
        }
    }
}

/// From 10.5.24: files whose damaged page 0 nothing replaces in memory stay closed.
fn keep_closed(facts: &Facts, outcome: &mut PassOutcome) {
    for (index, page) in first_pages(facts).into_iter().filter(|(_, page)| !page.home.neighbours_tell) {
        if refuses_undo(outcome, page) {
            continue;
        }
        let resized = facts.resized.as_ref().map(|spaces| spaces.contains(&page.id.space_id));
        match (page.home.kind, resized) {
            (SpaceKind::System | SpaceKind::Undo, _) | (SpaceKind::User, Some(true)) => {}
            (SpaceKind::User, Some(false)) => outcome.lost.push(index),
            (SpaceKind::User, None) => {
                outcome.doubt(StartDoubt::RedoUnread);
            }
        }
    }
}

fn refuses_undo(outcome: &mut PassOutcome, page: &PageView) -> bool {
    let refused = page.home.kind == SpaceKind::Undo && !page.home.states_its_id;
    if refused {
        outcome.stop(page.id, StopReason::UndoWithoutId);
    }
    refused
}

fn recover(facts: &Facts, rules: PatchRules, outcome: &mut PassOutcome) {
    let closed: Vec<_> =
        outcome.lost.iter().filter_map(|&at| facts.pages.get(at)).map(|p| p.id.space_id).collect();
    for (index, page) in facts.reachable() {
        let first = page.id.page_no == PageNo(0) && !rules.page0_in_pass;
        if before_105(facts.generation) && cannot_be_expanded(page) {
            outcome.doubt(StartDoubt::WrongRows);
            outcome.untold.push(index);
            continue;
        }
        if first || closed.contains(&page.id.space_id) || !facts.is_named(page.id.space_id) {
            continue;
        }
        if let Some(copy) = choose(facts, rules, page) {
            outcome.write(index, copy);
            if copy.hidden && page.redo_until.is_none_or(|until| until <= copy.lsn) {
                outcome.in_memory.push(index);
                if page.home.length > 32768 {
                    outcome.doubt(StartDoubt::BufferPool);
                }
            }
        }
    }
}

fn cannot_be_expanded(page: &PageView) -> bool {
    page.home.is_corrupt() && page.home.marked_compressed
}

/// 10.5 brought the formats that show no space id, and another way to read.
fn before_105(generation: Generation) -> bool {
    matches!(generation, Generation::MariaDb102 | Generation::MariaDb103 | Generation::MariaDb104)
}

fn choose<'a>(facts: &Facts, rules: PatchRules, page: &'a PageView) -> Option<&'a CopyView> {
    if !page.home.is_corrupt() && !page.home.is_zero() {
        return None;
    }
    let inside = |copy: &&CopyView| facts.window.holds(copy.lsn) == Some(true);
    let plain = |copy: &&CopyView| !copy.hidden && copy.state == CopyState::Valid;
    let seen = page.copies.iter().any(|copy| !copy.hidden && inside(&copy));
    let found = match rules.pick {
        Pick::FirstSlot => page.copies.iter().find(plain),
        Pick::GreatestLsn => greatest(page).filter(|_| seen),
        Pick::HighestSlot => page.copies.iter().filter(plain).rfind(inside),
    };
    found.or_else(|| {
        let helps =
            if page.home.mariadb_encrypted { rules.hidden_encrypted } else { rules.hidden_compressed };
        let hidden = |copy: &&CopyView| copy.hidden && copy.state == CopyState::Valid;
        page.copies.iter().filter(hidden).rfind(inside).filter(|_| helps && page.home.is_corrupt())
    })
}

/// The first of the newest good copies that show whose they are.
fn greatest(page: &PageView) -> Option<&CopyView> {
    let good = || {
        page.copies.iter().filter(|copy| !copy.hidden && copy.state == CopyState::Valid && copy.lsn.0 != 0)
    };
    let newest = good().map(|copy| copy.lsn).max()?;
    good().find(|copy| copy.lsn == newest)
}
