//! What the rules of several generations have in common: one pass over copies in slot order, page 0 at the opening of
//! a file, and what recovery trips over afterwards.

use std::collections::BTreeSet;

use crate::format::trx_sys::TRX_SYS_PAGE;
use crate::instance::generation::Generation;
use crate::instance::redo::Shutdown;
use crate::instance::redo::window::RedoWindow;
use crate::units::PageNo;
use crate::verdict::copy::CopyState;
use crate::verdict::home::HomeState;
use crate::verdict::predict::facts::{CopyView, Facts, HomeView, PageView, SpaceKind};
use crate::verdict::predict::reason::{StartDoubt, StopReason};
use crate::verdict::predict::{PredictedPage, Stop};

/// A copy that the server writes home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// Index into [`Facts::pages`].
    pub page: usize,
    /// Index into the survey's findings.
    pub finding: usize,
}

/// What a pass comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassOutcome {
    /// What it writes.
    pub writes: Vec<Write>,
    /// What it writes if the copy is as good as its missing key hides: never part of a plan.
    pub assumed: Vec<usize>,
    /// What it would write if it came so far.
    pub unreached: Vec<usize>,
    /// Where it stops: the first one ends it, the others would end the next attempt.
    pub stops: Vec<Stop>,
    /// Pages 0 that stay damaged: the server starts without the table.
    pub lost: Vec<usize>,
    /// Pages that stay damaged, and of which it is not known whether the start trips over them; there is a doubt for each.
    pub untold: Vec<usize>,
    /// Pages that are mended in memory while the file keeps the damage.
    pub in_memory: Vec<usize>,
    /// Why the files do not show whether the server starts.
    pub doubts: Vec<StartDoubt>,
    /// Copies are newer than the end of redo, and the server may write them.
    pub other_life: bool,
}

impl PassOutcome {
    pub(super) fn in_doubt(why: StartDoubt) -> PassOutcome {
        PassOutcome { doubts: vec![why], ..PassOutcome::default() }
    }

    pub(super) fn stop(&mut self, id: PredictedPage, reason: StopReason) {
        if !self.has_stopped_at(id) {
            let (space_id, page_no) = (Some(id.space_id), Some(id.page_no));
            self.stops.push(Stop { space_id, page_no, file: None, reason });
        }
    }

    /// Nothing is written any more once a server has stopped.
    pub(super) fn write(&mut self, page: usize, copy: &CopyView) {
        if self.stops.is_empty() {
            self.writes.push(Write { page, finding: copy.finding });
        } else {
            self.unreached.push(page);
        }
    }

    /// The server has the key and will most likely find the copy good.
    fn assume(&mut self, page: usize) {
        self.doubt(StartDoubt::NoKeyForCopies);
        if self.stops.is_empty() {
            self.assumed.push(page);
        } else {
            self.unreached.push(page);
        }
    }

    /// Whether the pass mends a page, or would if it came so far.
    pub(super) fn mends(&self, page: usize) -> bool {
        self.writes.iter().any(|write| write.page == page)
            || self.assumed.contains(&page)
            || self.unreached.contains(&page)
    }

    fn has_stopped_at(&self, id: PredictedPage) -> bool {
        self.stops.iter().any(|stop| stop.page() == Some(id))
    }

    pub(super) fn doubt(&mut self, why: StartDoubt) {
        if !self.doubts.contains(&why) {
            self.doubts.push(why);
        }
    }

    /// Copies that are no version of these files' redo: where the server takes one, it may fail on it (seen with 9.7.4: an older
    /// copy than the checkpoint ended it in recovery, copies of a later life in `CHECK TABLE`).
    pub(super) fn doubt_what_it_takes(&mut self, facts: &Facts) {
        let RedoWindow { checkpoint, end } = facts.window;
        for write in self.writes.clone() {
            let Some(page) = facts.pages.get(write.page) else { continue };
            let copy = page.copies.iter().find(|copy| copy.finding == write.finding);
            let old = copy.is_some_and(|copy| checkpoint.is_some_and(|checkpoint| copy.lsn < checkpoint));
            if old && page.restorable != Some(write.finding) {
                self.doubt(StartDoubt::OldCopyTaken(page.id));
            }
        }
        let beyond = |page: &PageView| {
            let damaged = page.home.is_corrupt() || page.home.is_zero();
            damaged && page.copies.iter().any(|copy| end.is_some_and(|end| copy.lsn > end))
        };
        if facts.pages.iter().any(beyond) {
            self.other_life = true;
            self.doubt(StartDoubt::OtherLife);
        }
    }

    /// What no rule can settle from these files.
    pub(super) fn doubt_what_cannot_be_seen(&mut self, facts: &Facts) {
        // After a clean stop the problem of that page says what each server does.
        if let Some(file) = facts.uncopied_header.as_ref().filter(|_| facts.shutdown != Shutdown::Clean) {
            self.doubt(StartDoubt::UncopiedHeader(file.clone()));
        }
        if facts.unreadable {
            self.doubt(StartDoubt::Unread);
        }
        if facts.shutdown == Shutdown::Unknown {
            self.doubt(StartDoubt::NoShutdown);
        }
        if !facts.whole {
            self.doubt(StartDoubt::OneImage);
        }
        if facts.recovers() && facts.no_recent_copies {
            self.doubt(StartDoubt::NoRecentCopies);
        }
        for page in &facts.pages {
            match page.home.state {
                _ if page.home.rivals => self.doubt(StartDoubt::Rivals),
                HomeState::Misdirected => self.doubt(StartDoubt::Misplaced),
                // One that could not be read is in doubt already.
                HomeState::Unverifiable if page.home.file.is_empty() => {}
                HomeState::Unverifiable => self.doubt(StartDoubt::NoKeyForPages),
                _ => {}
            }
        }
    }
}

/// What happens to a damaged home whose first copy is damaged, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadCopy {
    /// The server ends itself there.
    Stops,
    /// The next copy has its turn.
    Skipped,
}

/// The pass of MySQL: copies in slot order, the first good one wins because it makes the home good.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstGood {
    /// All-zero homes are refilled (5.6 on).
    pub refill_zero: bool,
    /// See [`BadCopy`].
    pub bad_copy: BadCopy,
    /// See [`ReadBuffer`]; without it a compressed page is looked at alone.
    pub one_buffer: bool,
}

/// The one buffer into which these servers read home after home, and which they search for zeros over the logical page
/// size, beyond the end of a compressed page (`buf_page_is_zeroes` with `page_size.logical()`, 5.7.22): what an
/// earlier read left there makes a zero page look like none. Its checksum then counts as good, so it stays as it is.
#[derive(Debug, Clone, Copy)]
struct ReadBuffer {
    /// Every byte from here to the end is known to be zero.
    zero_from: usize,
}

impl ReadBuffer {
    fn read(&mut self, home: &HomeView, zero: bool) {
        let end = if home.zip { home.length } else { usize::MAX };
        self.zero_from = match zero {
            true if self.zero_from <= end => 0,
            true => self.zero_from,
            // The trailer of a whole page is never zero.
            false => self.zero_from.max(end),
        };
    }

    fn is_zero(self) -> bool {
        self.zero_from == 0
    }
}

impl FirstGood {
    /// Runs over the pages that `wanted` lets through.
    pub fn run(self, facts: &Facts, outcome: &mut PassOutcome, wanted: impl Fn(&PageView) -> bool) {
        let mut slots: Vec<(usize, &PageView, &CopyView)> = facts
            .reachable()
            .filter(|(_, page)| wanted(page))
            .flat_map(|(index, page)| page.copies.iter().map(move |copy| (index, page, copy)))
            .collect();
        slots.sort_by_key(|(_, _, copy)| copy.finding);
        let mut settled = BTreeSet::new();
        let mut buffer = ReadBuffer { zero_from: usize::MAX };
        for (index, page, copy) in slots {
            let mended = outcome.mends(index);
            buffer.read(&page.home, page.home.is_zero() && !mended);
            if mended || settled.contains(&index) {
                continue;
            }
            let hides = self.one_buffer && !buffer.is_zero();
            if self.slot(outcome, index, page, copy, hides) {
                settled.insert(index);
            }
        }
    }

    /// Whether the page needs no further copy; `hides`: a zero page does not look like one now.
    fn slot(
        self,
        outcome: &mut PassOutcome,
        index: usize,
        page: &PageView,
        copy: &CopyView,
        hides: bool,
    ) -> bool {
        if page.home.is_zero() && hides {
            return false;
        }
        let refilled = page.home.is_zero() && self.refill_zero;
        if !page.home.is_corrupt() && !refilled {
            return true;
        }
        match copy.state {
            CopyState::Valid if is_older_than_reduced(page, copy) => {
                outcome.stop(page.id, newer_reduced(page, copy));
            }
            CopyState::Valid => outcome.write(index, copy),
            CopyState::Unverifiable => outcome.assume(index),
            CopyState::Corrupt if refilled || self.bad_copy == BadCopy::Skipped => return false,
            CopyState::Corrupt => {
                outcome.stop(page.id, StopReason::FirstCopyDamaged);
            }
        }
        true
    }
}

fn is_older_than_reduced(page: &PageView, copy: &CopyView) -> bool {
    page.reduced.is_some_and(|newer| newer > copy.lsn)
}

fn newer_reduced(page: &PageView, copy: &CopyView) -> StopReason {
    StopReason::NewerReduced { copy: copy.lsn, newer: page.reduced.unwrap_or_default() }
}

/// Page 0 when a file is opened (MySQL 5.6 on): the copy with the greatest LSN, taken without a look at its checksum.
pub(super) fn first_page_of_newest(outcome: &mut PassOutcome, index: usize, page: &PageView) {
    if page.home.kind != SpaceKind::System && !page.home.surveyed {
        return outcome.stop(page.id, StopReason::UnknownSpace);
    }
    let newest = page.copies.iter().map(|copy| copy.lsn).max();
    let Some(copy) = page.copies.iter().find(|copy| Some(copy.lsn) == newest) else { return };
    match copy.state {
        _ if is_older_than_reduced(page, copy) => outcome.stop(page.id, newer_reduced(page, copy)),
        CopyState::Valid => outcome.write(index, copy),
        CopyState::Unverifiable => outcome.assume(index),
        CopyState::Corrupt => {
            outcome.stop(page.id, StopReason::NewestCopyDamaged);
        }
    }
}

/// Damaged or zero first pages, which every check at the opening of a file refuses.
pub(super) fn first_pages(facts: &Facts) -> Vec<(usize, &PageView)> {
    facts
        .reachable()
        .filter(|(_, page)| page.id.page_no == PageNo(0) && (page.home.is_corrupt() || page.home.is_zero()))
        .collect()
}

/// A server that reads the transaction system page before its pass does not get past a damaged one.
pub(super) fn page5_comes_first(facts: &Facts, outcome: &mut PassOutcome) {
    if let Some(page) = damaged_page5(facts) {
        outcome.stop(page.id, StopReason::ReadBeforeThePass);
    }
}

/// The same for servers of which none was seen at it.
pub(super) fn page5_may_come_first(facts: &Facts, outcome: &mut PassOutcome) {
    if damaged_page5(facts).is_some() {
        outcome.doubt(StartDoubt::Page5First);
    }
}

fn damaged_page5(facts: &Facts) -> Option<&PageView> {
    facts.pages.iter().find(|page| is_page5(page) && (page.home.is_corrupt() || page.home.is_zero()))
}

fn is_page5(page: &PageView) -> bool {
    page.home.kind == SpaceKind::System && page.id.page_no == TRX_SYS_PAGE
}

/// Pages of the system tablespace that every start reads: header, change buffer, transaction system, first rollback
/// segment, dictionary header; where the dictionary lies there, the root of SYS_TABLES (eight servers from 5.5.9 to 11.4.5).
fn is_read_at_every_start(facts: &Facts, page_no: PageNo) -> bool {
    match page_no.0 {
        0 | 3..=7 => true,
        8 => !facts.generation.has_mysql_ibd() && facts.generation != Generation::Unknown,
        _ => false,
    }
}

/// What the pass leaves damaged and the server must read: at every start, or because redo applies to it.
pub(super) fn trip_over_what_is_left(facts: &Facts, outcome: &mut PassOutcome) {
    let lost: BTreeSet<_> =
        outcome.lost.iter().filter_map(|&at| facts.pages.get(at)).map(|p| p.id.space_id).collect();
    for (index, page) in facts.pages.iter().enumerate() {
        let damaged = page.home.is_corrupt() || page.home.unnoticed;
        let left = damaged && !page.redo_skips && !outcome.mends(index) && !outcome.has_stopped_at(page.id);
        let told = !lost.contains(&page.id.space_id) && !outcome.untold.contains(&index);
        if !left || !told || page.home.rivals {
            continue;
        }
        if page.home.unnoticed && !page.home.zip {
            outcome.doubt(StartDoubt::TakenForGood);
        } else if page.home.unnoticed && facts.recovers() && needs_redo(facts, page) {
            outcome.stop(page.id, StopReason::CannotBeUnpacked);
        } else if page.home.kind == SpaceKind::System && is_read_at_every_start(facts, page.id.page_no) {
            outcome.stop(page.id, StopReason::ReadAtEveryStart);
        } else if facts.recovers() && needs_redo(facts, page) {
            outcome.stop(page.id, StopReason::NeededByRedo);
        } else if facts.recovers() || page.home.kind != SpaceKind::User {
            outcome.doubt(StartDoubt::MayBeRead);
        }
    }
}

/// Where the log was not taken apart, a copy newer than the checkpoint proves redo for the page.
fn needs_redo(facts: &Facts, page: &PageView) -> bool {
    // Of 10.5 the census tells of a page without a copy (11 of 11 such pages stopped 10.5.23).
    if facts.resized.is_some() || page.redo_until.is_some() {
        return page.redo_until.is_some();
    }
    let after = |lsn| facts.window.holds(lsn) == Some(true) && facts.window.checkpoint != Some(lsn);
    page.copies.iter().any(|copy| copy.state == CopyState::Valid && after(copy.lsn))
}
