//! What a server of the generation that ran these files will do with them at its next start.
//!
//! | module | servers | where the rules come from |
//! |---|---|---|
//! | `legacy` | MySQL up to 5.5 | `trx_sys_doublewrite_init_or_restore_pages` (`trx0sys.c` 4.1, 5.5) |
//! | `mysql56` | MySQL 5.6 | `buf_dblwr_process`, `fil_validate_single_table_tablespace` (5.6.40) |
//! | `mysql57` | MySQL 5.7 to 8.0.19 | `buf_dblwr_process`, `Datafile` (5.7.36, 8.0.15) |
//! | `separate` | MySQL 8.0.20 and later | `recv::Pages::recover` (8.0.20 to 9.7) |
//! | `mariadb` | MariaDB | `buf_dblwr_t::recover`, `recv_dblwr_t::find_page` (10.1 to 11.8) |
//!
//! Each is a pure function over [`Facts`]. What the files cannot show stays open (`starts` is `null`): damage that no
//! copy names, whether redo rebuilds a page that it does not mend, what a server without readable redo files does.
//! From 5.7 on a server opens only tablespaces that the redo since the checkpoint names; a tablespace counts as named
//! here when one of its pages or copies has an LSN inside the redo window.
//! The patch level is taken from the redo log's creator string, which outlives an upgrade within a series.

pub mod advice;
pub mod facts;
pub mod legacy;
pub mod mariadb;
pub mod mysql56;
pub mod mysql57;
pub mod page0;
pub mod pass;
pub mod reason;
pub mod separate;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub use crate::verdict::predict::advice::{
    Advice, AdviceGround, Gate, MayStart, Remedy, ToBringBack, Weight, Why,
};
pub use crate::verdict::predict::facts::Facts;
pub use crate::verdict::predict::pass::PassOutcome;

use crate::instance::generation::Generation;
use crate::instance::redo::Shutdown;
use crate::units::{PageNo, SpaceId};
use crate::verdict::from_redo::{Wanted, candidates};
use crate::verdict::predict::reason::{StartDoubt, StopReason};
use crate::verdict::survey::Survey;

/// What the server will do at its next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Prediction {
    /// Whether it starts; `null` where the files do not show it.
    pub starts: Option<bool>,
    /// The pages it writes back from the doublewrite buffer, in the order of space id and page number; encrypted copies
    /// that cannot be judged without their key count as good here.
    pub restores: Vec<PredictedPage>,
    /// The pages it cannot get past, the first one first.
    pub stops_at: Vec<Stop>,
    /// Tables that would be lost although the server starts, by the names of their files (`d/t1`).
    pub loses: Vec<String>,
    /// What was not looked at and is taken to be so; `null` where nothing is.
    pub assumes: Option<Assumption>,
    /// What to do, in one paragraph.
    #[schemars(with = "String")]
    pub advice: Advice,
    /// What the advice follows from.
    #[serde(skip)]
    pub ground: AdviceGround,
    /// The findings whose copies it writes, as indices into [`Survey::findings`]: only copies that verify.
    #[serde(skip)]
    pub writes: Vec<usize>,
}

/// How many of the damaged pages that the buffer cannot mend redo makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FromRedo {
    /// By `restore --from redo`.
    pub damaged: u64,
    /// Sound ones whose write was lost, by `--include-lost-writes`.
    pub lost: u64,
}

impl FromRedo {
    /// Asks for every page that redo names: their homes are read.
    pub fn of(survey: &Survey) -> FromRedo {
        let wanted = Wanted { damaged: true, lost: true, only: &[] };
        let found = candidates(survey, wanted).ok().flatten().unwrap_or_default();
        let (lost, damaged): (Vec<_>, Vec<_>) =
            found.iter().filter(|page| page.made.is_ok()).partition(|page| page.lost.is_some());
        FromRedo { damaged: damaged.len() as u64, lost: lost.len() as u64 }
    }
}

/// A page by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
pub struct PredictedPage {
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
}

/// What a prediction takes to be so without having looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assumption {
    /// Pages of which no slot has a copy were not read, but for a few.
    PagesWithoutCopiesAreWhole,
}

/// A page or a file at which a server stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Stop {
    /// Space id, where it is known.
    pub space_id: Option<SpaceId>,
    /// Page number; `null` where it is the file.
    pub page_no: Option<PageNo>,
    /// The file, relative to PATH, where it is not a page of a known space.
    pub file: Option<String>,
    /// Why, in one sentence.
    #[schemars(with = "String")]
    pub reason: StopReason,
}

impl Default for Prediction {
    /// Nothing is known.
    fn default() -> Prediction {
        let ground = AdviceGround::default();
        Prediction {
            starts: None,
            restores: Vec::new(),
            stops_at: Vec::new(),
            loses: Vec::new(),
            assumes: None,
            advice: ground.advice(),
            ground,
            writes: Vec::new(),
        }
    }
}

impl Prediction {
    /// The prediction for a survey.
    pub fn of(survey: &Survey) -> Prediction {
        Prediction::from_facts(&Facts::of(survey))
    }

    /// The prediction from facts alone.
    pub fn from_facts(facts: &Facts) -> Prediction {
        let outcome = outcome(facts);
        let starts = starts(facts, &outcome);
        let written = outcome.writes.iter().map(|write| write.page).chain(outcome.assumed.iter().copied());
        let mut restores: Vec<PredictedPage> =
            written.filter_map(|page| facts.pages.get(page)).map(|page| page.id).collect();
        restores.sort_unstable();
        let writes = outcome.writes.iter().map(|write| write.finding).collect();
        let lost = outcome.lost.iter().filter_map(|&at| facts.pages.get(at));
        let mut loses: Vec<String> = lost.filter_map(|page| table_of(&page.home.file)).collect();
        loses.sort_unstable();
        loses.dedup();
        let assumes = Some(Assumption::PagesWithoutCopiesAreWhole);
        let ground = AdviceGround::of(facts, &outcome, starts, assumes);
        let (advice, stops_at) = (ground.advice(), outcome.stops);
        let mut told = Prediction { starts, restores, stops_at, loses, assumes, advice, ground, writes };
        told.settle();
        told
    }

    /// The same with what reading every page has shown: damaged pages that the buffer cannot mend, and whether some could not
    /// be judged. Whether recovery reads a damaged page the files do not always show.
    pub fn with_every_page_read(&mut self, beyond: u64, redo: FromRedo, unread: bool) {
        self.assumes = None;
        self.ground.assumes = None;
        if self.starts == Some(true) && (beyond > 0 || unread) {
            self.starts = None;
        }
        let told = self.ground.points.iter().filter(|point| point.why.is_of_a_page()).count() as u64;
        let by_redo = redo.damaged.saturating_add(redo.lost).min(beyond);
        if beyond > told && by_redo == beyond {
            let remedy = if redo.lost > 0 { Remedy::AllAndLostFromRedo } else { Remedy::AllFromRedo };
            self.ground.point(Weight::Leaves, Why::Found(beyond), remedy);
        } else if beyond > told {
            self.ground.point(Weight::Leaves, Why::Found(beyond), Remedy::Backup(ToBringBack::Listed));
        } else if unread {
            self.ground.point(Weight::Leaves, Why::Unread, Remedy::LookAgain);
        }
        self.settle();
    }

    /// Decides anew, after anything in it has changed. Beside a running server nothing is said of a start.
    pub fn settle(&mut self) {
        if self.ground.running {
            let (ground, writes) = (std::mem::take(&mut self.ground), std::mem::take(&mut self.writes));
            *self = Prediction { ground, writes, ..Prediction::default() };
        }
        self.ground.starts = self.starts;
        self.advice = self.ground.advice();
    }

    /// What the server does at its next start, in one line for a person; `None` while one runs.
    pub fn line(&self) -> Option<String> {
        (!self.ground.running).then(|| self.of_the_start())
    }

    fn of_the_start(&self) -> String {
        let starts = match self.starts {
            Some(true) if self.assumes.is_some() => "it starts, if pages without copies are whole",
            Some(true) => "it starts",
            Some(false) => "it does not start",
            None => "the files do not show whether it starts",
        };
        let mut parts = Vec::new();
        if !self.restores.is_empty() {
            parts.push(format!(
                "it restores {} from the doublewrite buffer",
                crate::units::count(self.restores.len(), "page")
            ));
        }
        if let Some(stop) = self.stops_at.first() {
            parts.push(format!("it stops at {stop}"));
        }
        parts.push(starts.to_owned());
        parts.extend((!self.loses.is_empty()).then(|| format!("it loses {}", named(&self.loses))));
        parts.join("; ")
    }
}

/// `d/t1, d/t2 and 3 more`.
fn named(tables: &[String]) -> String {
    const NAMED: usize = 3;
    let more = match tables.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first: Vec<&str> = tables.iter().take(NAMED).map(String::as_str).collect();
    first.join(", ") + &more
}

impl Stop {
    /// The page, where it is one.
    pub fn page(&self) -> Option<PredictedPage> {
        Some(PredictedPage { space_id: self.space_id?, page_no: self.page_no? })
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.space_id, self.page_no, &self.file) {
            (Some(space_id), Some(page_no), _) => write!(f, "page {space_id}:{page_no} ({})", self.reason),
            (_, _, Some(file)) => write!(f, "{file} ({})", self.reason),
            _ => self.reason.fmt(f),
        }
    }
}

/// The table whose file this is: `d/t1` of `d/t1.ibd` or `d/t1.frm`, as the server's own messages have it.
pub(crate) fn table_of(file: &str) -> Option<String> {
    file.strip_suffix(".ibd").or_else(|| file.strip_suffix(".frm")).map(str::to_owned)
}

/// What the pass of this generation does, and what it leaves for recovery to trip over.
fn outcome(facts: &Facts) -> PassOutcome {
    let mut outcome = match facts.generation {
        Generation::Unknown => {
            return PassOutcome::in_doubt(StartDoubt::NoGeneration);
        }
        Generation::MySql41 | Generation::MySql50 | Generation::MySql51 | Generation::MySql55 => {
            legacy::predict(facts)
        }
        Generation::MySql56 => mysql56::predict(facts),
        Generation::MySql57 | Generation::MySql80 => mysql57::predict(facts),
        Generation::MySql8020 | Generation::MySql8030 => separate::predict(facts),
        Generation::MariaDb101
        | Generation::MariaDb102
        | Generation::MariaDb103
        | Generation::MariaDb104
        | Generation::MariaDb105
        | Generation::MariaDb108 => mariadb::predict(facts),
    };
    pass::trip_over_what_is_left(facts, &mut outcome);
    outcome.doubt_what_it_takes(facts);
    outcome.doubt_what_cannot_be_seen(facts);
    outcome
}

fn starts(facts: &Facts, outcome: &PassOutcome) -> Option<bool> {
    match (outcome.stops.is_empty() && !facts.crash_unsafe, outcome.doubts.is_empty()) {
        (false, _) => Some(false),
        (true, false) => None,
        (true, true) => Some(facts.shutdown != Shutdown::Unknown).filter(|known| *known),
    }
}
