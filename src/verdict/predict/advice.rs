//! What to do, decided in one place: whether the server may be started, why not, and what settles it.
//!
//! [`AdviceGround`] holds everything that it follows from. [`AdviceGround::advice`] decides, `words` puts it into one paragraph. What the
//! "Do not" lines, the next commands and the gate of `check` say follows from the same [`Advice`], so none of them can
//! contradict another. Nothing here names a rewritten checksum or `innodb_force_recovery`: both cost data that the
//! doublewrite buffer may still hold.

mod remedy;
#[cfg(test)]
mod tests;
mod words;

pub use remedy::{Remedy, ToBringBack};

use crate::instance::redo::Shutdown;
use crate::units::{PageNo, SpaceId};
use crate::verdict::predict::facts::{Facts, PageView};
use crate::verdict::predict::pass::PassOutcome;
use crate::verdict::predict::reason::{StartDoubt, StopReason};
use crate::verdict::predict::{Assumption, PredictedPage};
use crate::verdict::problems::reason::ProblemReason;

/// Everything that advice follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdviceGround {
    /// Whether the server starts, as [`super::Prediction::starts`].
    pub starts: Option<bool>,
    /// It was stopped cleanly.
    pub clean: bool,
    /// Pages that `restore` mends.
    pub restorable: usize,
    /// Pages that the server mends by itself.
    pub mended_by_server: usize,
    /// Why `restore` must come before the server, though copies are good.
    pub first: Option<RestoreFirst>,
    /// What only something else than `restore` settles.
    pub points: Vec<Point>,
    /// What the files leave open.
    pub doubts: Vec<StartDoubt>,
    /// What was not looked at and is taken to be so.
    pub assumes: Option<Assumption>,
    /// A server runs on these files.
    pub running: bool,
}

/// What goes wrong where the server starts before `restore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreFirst {
    /// It stops at pages that `restore` mends.
    Stops(usize),
    /// It starts without the table in this file.
    Loses(String),
    /// It mends a page in memory only.
    InMemory(PredictedPage),
    /// It leaves pages damaged.
    Leaves(usize),
    /// It takes an older copy of a page.
    Older(PredictedPage),
}

/// One thing that stands in the way, and what settles it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// How much it stands in the way.
    pub weight: Weight,
    /// What it is.
    pub why: Why,
    /// What settles it.
    pub remedy: Remedy,
}

/// How much a point stands in the way of a start. The order is that of importance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// A start fails, destroys something, or loses a table.
    Forbids,
    /// Nobody knows what a start does.
    Leaves,
    /// The server starts all the same, and nothing is lost.
    Aside,
}

/// What a point is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Redo logging was off when the server ended.
    LoggingOff,
    /// A damaged page at which the server stops, for a reason.
    StopsAt(PredictedPage, ToBringBack, StopReason),
    /// A damaged first page: the server starts without the table.
    Loses(ToBringBack),
    /// A damaged page for which no copy can be used.
    Damaged(PredictedPage, ToBringBack),
    /// Damaged pages that a scan found, and the buffer cannot mend.
    Found(u64),
    /// Pages that a scan could not judge.
    Unread,
    /// A write of a page was lost.
    LostWrite(PredictedPage, ToBringBack),
    /// Copies are of another life of these files.
    OtherLife,
    /// A problem of the directory: its file and its reason.
    Problem(Option<String>, ProblemReason),
}

/// Whether the server may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayStart {
    /// It recovers by itself, and destroys nothing.
    Safe,
    /// After `restore`.
    AfterRestore,
    /// The files do not show what a start does.
    Open,
    /// Not with these files as they are.
    No,
    /// One runs.
    Running,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Whether the server may be started.
    pub start: MayStart,
    ground: AdviceGround,
}

/// What a gate before a server's start answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may start.
    Starts,
    /// Not before `restore`, which settles it.
    Mend,
    /// Not with these files.
    Blocks,
    /// Nobody knows, and nothing is known to be at stake.
    Unknown,
}

impl Advice {
    /// What settles each thing, the most important first.
    pub fn remedies(&self) -> impl Iterator<Item = &Remedy> {
        self.ground.points.iter().map(|point| &point.remedy)
    }

    /// What a gate before the start answers: it lets through what the server mends by itself, provably.
    pub fn gate(&self) -> Gate {
        match self.start {
            MayStart::Safe => Gate::Starts,
            MayStart::AfterRestore => Gate::Mend,
            MayStart::No => Gate::Blocks,
            MayStart::Running => Gate::Unknown,
            MayStart::Open if self.ground.points.iter().any(Point::is_damage) => Gate::Blocks,
            MayStart::Open if self.ground.restorable > 0 => Gate::Mend,
            MayStart::Open => Gate::Unknown,
        }
    }
}

impl Point {
    /// Whether one remedy settles both, each for what it is about.
    fn is_like(&self, other: &Point) -> bool {
        let alike = std::mem::discriminant(&self.why) == std::mem::discriminant(&other.why);
        alike && self.weight == other.weight && self.remedy.is_like(&other.remedy)
    }

    /// A damaged page whose last copy a start may overwrite.
    fn is_damage(&self) -> bool {
        matches!(self.why, Why::Damaged(..) | Why::Found(_))
    }
}

impl AdviceGround {
    /// What pages alone say.
    pub(super) fn of(
        facts: &Facts,
        outcome: &PassOutcome,
        starts: Option<bool>,
        assumes: Option<Assumption>,
    ) -> AdviceGround {
        let mut ground = AdviceGround {
            starts,
            clean: facts.shutdown == Shutdown::Clean,
            restorable: facts.pages.iter().filter(|page| page.restorable.is_some()).count(),
            mended_by_server: outcome.writes.len(),
            first: first(facts, outcome),
            points: Vec::new(),
            doubts: outcome.doubts.clone(),
            assumes,
            running: facts.running,
        };
        if facts.crash_unsafe {
            ground.point(Weight::Forbids, Why::LoggingOff, Remedy::Backup(ToBringBack::Everything));
        }
        ground.at_stops(facts, outcome);
        ground.at_losses(facts, outcome);
        ground.at_lost_writes(facts);
        ground.at_damage(facts, outcome);
        if outcome.other_life {
            ground.point(Weight::Forbids, Why::OtherLife, Remedy::MoveCopiesAway);
        }
        ground
    }

    /// One more thing.
    pub fn point(&mut self, weight: Weight, why: Why, remedy: Remedy) {
        self.points.push(Point { weight, why, remedy });
    }

    /// Whether a point is about this page already; it then weighs at least as much as said.
    pub fn tells_of(&mut self, page: Option<(SpaceId, PageNo)>, weight: Weight) -> bool {
        let Some((space_id, page_no)) = page else { return false };
        let told = self.points.iter_mut().find(|point| point.why.is_of(PredictedPage { space_id, page_no }));
        told.map(|point| point.weight = point.weight.min(weight)).is_some()
    }

    fn at_stops(&mut self, facts: &Facts, outcome: &PassOutcome) {
        for stop in &outcome.stops {
            let page = facts.pages.iter().find(|page| Some(page.id) == stop.page());
            if let Some(page) = page.filter(|page| page.restorable.is_none()) {
                let why = Why::StopsAt(page.id, ToBringBack::of(&page.home), stop.reason.clone());
                self.point(Weight::Forbids, why, remedy_of(page));
            }
        }
    }

    fn at_losses(&mut self, facts: &Facts, outcome: &PassOutcome) {
        let lost = outcome.lost.iter().filter_map(|&at| facts.pages.get(at));
        for page in lost.filter(|page| page.restorable.is_none()) {
            self.point(Weight::Forbids, Why::Loses(ToBringBack::of(&page.home)), remedy_of(page));
        }
    }

    fn at_lost_writes(&mut self, facts: &Facts) {
        for page in facts.pages.iter().filter(|page| page.lost_write) {
            let why = Why::LostWrite(page.id, ToBringBack::of(&page.home));
            self.point(Weight::Forbids, why, Remedy::LostWrites);
        }
    }

    fn at_damage(&mut self, facts: &Facts, outcome: &PassOutcome) {
        let told = |page: &PageView| self.points.iter().any(|point| point.why.is_of(page.id));
        let left: Vec<(usize, &PageView)> = facts
            .pages
            .iter()
            .enumerate()
            .filter(|(at, page)| page.is_beyond() && !outcome.lost.contains(at) && !told(page))
            .collect();
        for (at, page) in left {
            // The server mends it by its own rules, from a copy that proves nothing.
            let weight = if outcome.mends(at) { Weight::Aside } else { Weight::Leaves };
            self.point(weight, Why::Damaged(page.id, ToBringBack::of(&page.home)), remedy_of(page));
        }
    }

    /// Decides.
    pub fn advice(&self) -> Advice {
        let mut ground = self.clone();
        ground.points.sort_by_key(|point| point.weight);
        let forbids = |point: &Point| point.weight == Weight::Forbids;
        let mendable = matches!(ground.first, Some(RestoreFirst::Stops(_)));
        let start = match ground.starts {
            _ if ground.running => MayStart::Running,
            _ if ground.points.iter().any(forbids) => MayStart::No,
            Some(false) if !mendable => MayStart::No,
            _ if ground.points.iter().any(|point| point.weight == Weight::Leaves) => MayStart::Open,
            _ if ground.first.is_some() => MayStart::AfterRestore,
            Some(true) => MayStart::Safe,
            Some(false) | None => MayStart::Open,
        };
        Advice { start, ground }
    }
}

impl Why {
    /// It is about one damaged page, which a scan finds as well.
    pub(super) fn is_of_a_page(&self) -> bool {
        matches!(self, Why::StopsAt(..) | Why::Damaged(..) | Why::Loses(_) | Why::LostWrite(..))
    }

    fn is_of(&self, id: PredictedPage) -> bool {
        matches!(self, Why::StopsAt(page, ..) | Why::Damaged(page, _) | Why::LostWrite(page, _) if *page == id)
    }
}

/// What settles a damaged page that `restore` has no copy for.
fn remedy_of(page: &PageView) -> Remedy {
    match () {
        () if page.redo_mends => Remedy::FromRedo,
        () if page.stale => Remedy::Stale(ToBringBack::of(&page.home)),
        () => Remedy::Backup(ToBringBack::of(&page.home)),
    }
}

/// Why `restore` comes first, the gravest reason of all.
fn first(facts: &Facts, outcome: &PassOutcome) -> Option<RestoreFirst> {
    let page = |at: usize| facts.pages.get(at).filter(|page| page.restorable.is_some());
    let stops = outcome.stops.iter().filter(|stop| {
        facts.pages.iter().any(|page| Some(page.id) == stop.page() && page.restorable.is_some())
    });
    let stops = stops.count();
    let left = (0..facts.pages.len()).filter(|&at| page(at).is_some() && !outcome.mends(at)).count();
    match () {
        () if stops > 0 => Some(RestoreFirst::Stops(stops)),
        () => None,
    }
    .or_else(|| {
        outcome.lost.iter().find_map(|&at| page(at)).map(|page| RestoreFirst::Loses(page.home.file.clone()))
    })
    .or_else(|| outcome.in_memory.iter().find_map(|&at| page(at)).map(|page| RestoreFirst::InMemory(page.id)))
    .or((left > 0).then_some(RestoreFirst::Leaves(left)))
    .or_else(|| older_copy(facts, outcome).map(|page| RestoreFirst::Older(page.id)))
}

fn older_copy<'a>(facts: &'a Facts, outcome: &PassOutcome) -> Option<&'a PageView> {
    outcome.writes.iter().find_map(|write| {
        let page = facts.pages.get(write.page)?;
        let lsn = |finding| page.copies.iter().find(|copy| copy.finding == finding).map(|copy| copy.lsn);
        let (ours, theirs) = (lsn(page.restorable?)?, lsn(write.finding)?);
        (theirs < ours).then_some(page)
    })
}
