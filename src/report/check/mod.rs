//! `check`: one answer for a monitoring system, as JSON, for Nagios, for Prometheus.

pub mod metrics;
pub mod nagios;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::commands::check::range::Range;
use crate::commands::check::{CheckStatus, Checked, Compared, OtherProblem, PageProblem, Sampled, now};
use crate::error::Error;
use crate::instance::generation::Generation;
use crate::report::guard::guard_beside;
use crate::report::problem::ProblemReport;
use crate::report::{RedoReport, SCHEMA_VERSION, ShutdownReport};
use crate::verdict::predict::Prediction;

/// Problems listed in a report; the counts are of all.
pub const MAX_LISTED: usize = 1000;

/// What reading the data files gave.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SampleReport {
    /// Pages there are.
    pub pages: u64,
    /// Pages read.
    pub read: u64,
    /// Pages read, of all, from 0 to 1.
    pub share: f64,
    /// Of the pages read: encrypted or in an unknown format.
    pub unverifiable: u64,
    /// Of the pages read: damaged, in every read.
    pub damaged: u64,
}

impl From<Sampled> for SampleReport {
    fn from(Sampled { pages, read, unverifiable, damaged }: Sampled) -> SampleReport {
        let share = if pages == 0 { 1.0 } else { read as f64 / pages as f64 };
        SampleReport { pages, read, share, unverifiable, damaged }
    }
}

/// How the present state compares with the accepted one.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct BaselineReport {
    /// Problems that were accepted.
    pub accepted: usize,
    /// Problems now that were not.
    pub new: usize,
    /// Accepted problems that are no more.
    pub gone: usize,
    /// Whether the present state was recorded as accepted by this run.
    pub recorded: bool,
}

impl From<Compared> for BaselineReport {
    fn from(Compared { accepted, new, gone, recorded }: Compared) -> BaselineReport {
        BaselineReport { accepted, new, gone, recorded }
    }
}

/// An entry of `problems`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ListedProblem {
    /// A damaged page.
    Page(PageProblemReport),
    /// Anything else.
    Other(OtherReport),
}

/// A damaged page.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PageProblemReport {
    /// Always `page`.
    kind: PageKind,
    #[serde(flatten)]
    page: PageProblem,
}

/// The kind of a damaged page.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PageKind {
    /// A damaged page.
    Page,
}

/// A problem that is none of a single page with a copy.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OtherReport {
    /// What it is.
    #[serde(flatten)]
    pub problem: ProblemReport,
    /// Whether it is not in the baseline; without one, everything is new.
    pub new: bool,
}

impl OtherReport {
    fn of(other: &OtherProblem) -> OtherReport {
        OtherReport { problem: ProblemReport::of(&other.problem), new: other.new }
    }
}

/// The document of `check --output json`, and what the other outputs are made from.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CheckReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The answer.
    pub status: CheckStatus,
    /// Its exit code.
    pub code: u8,
    /// The answer in words.
    pub text: String,
    /// PATH as given.
    pub path: String,
    /// The server that last ran these files.
    pub generation: Generation,
    /// Its name and version, where page 0 or the redo log carry them.
    pub server: Option<String>,
    /// How a server shows that runs on these files now: the process that has a file locked, or names itself; `null` where none is seen.
    pub running: Option<String>,
    /// `innodb_page_size` in bytes; 0 where nothing could be looked at.
    pub page_size: u32,
    /// How the server ended; a running one has not ended cleanly.
    pub shutdown: ShutdownReport,
    /// The redo window.
    pub redo: RedoReport,
    /// How many used slots carry each verdict, by the last look.
    pub summary: BTreeMap<&'static str, usize>,
    /// New pages that can be mended.
    pub restorable: usize,
    /// New pages that cannot be mended.
    pub critical: usize,
    /// Pages that looked damaged once and otherwise at a later read: being written.
    pub changing: usize,
    /// What reading data files gave.
    pub sample: Option<SampleReport>,
    /// Comparison with the accepted state.
    pub baseline: Option<BaselineReport>,
    /// Damaged pages and what else is wrong, the worst first, at most [`MAX_LISTED`] of either.
    pub problems: Vec<ListedProblem>,
    /// Those of them that are damaged pages.
    #[serde(skip)]
    #[schemars(skip)]
    pub pages: Vec<PageProblem>,
    /// The others.
    #[serde(skip)]
    #[schemars(skip)]
    pub others: Vec<OtherReport>,
    /// What the server will do at its next start; `null` where nothing could be looked at.
    pub prediction: Option<Prediction>,
    /// Only whether it may be started was asked.
    #[serde(skip)]
    #[schemars(skip)]
    pub before_start: bool,
    /// Files that could not be read, in every look.
    pub failures: Vec<String>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
    /// When it began, in seconds since 1970.
    pub started: f64,
    /// How long it took, in seconds.
    pub duration: f64,
    /// Thresholds of warning and critical, as they stand in performance data.
    #[serde(skip)]
    #[schemars(skip)]
    pub thresholds: (Range, Range),
}

impl CheckReport {
    /// The report of a check that could not look.
    pub fn unknown(path: &Path, why: &str) -> CheckReport {
        CheckReport {
            schema_version: SCHEMA_VERSION,
            status: CheckStatus::Unknown,
            code: CheckStatus::Unknown.code(),
            text: why.to_owned(),
            path: path.display().to_string(),
            generation: Generation::Unknown,
            server: None,
            running: None,
            page_size: 0,
            shutdown: ShutdownReport::Unknown,
            redo: RedoReport { checkpoint_lsn: None, end_lsn: None, flushed_lsn: None },
            summary: BTreeMap::new(),
            restorable: 0,
            critical: 0,
            changing: 0,
            sample: None,
            baseline: None,
            problems: Vec::new(),
            pages: Vec::new(),
            others: Vec::new(),
            prediction: None,
            before_start: false,
            failures: Vec::new(),
            guard: None,
            started: now(),
            duration: 0.0,
            thresholds: (Range::ZERO, Range::ZERO),
        }
    }

    /// A check that failed: where it could not write what it was told to, that is critical.
    pub fn failed(path: &Path, error: &Error) -> CheckReport {
        let report = CheckReport::unknown(path, &error.to_string());
        match error {
            Error::WriteFailed { .. } => {
                CheckReport { status: CheckStatus::Critical, code: CheckStatus::Critical.code(), ..report }
            }
            _ => report,
        }
    }

    /// Puts pages and other problems into one list.
    fn list(&mut self) {
        self.pages.truncate(MAX_LISTED);
        self.others.truncate(MAX_LISTED);
        let pages = self
            .pages
            .iter()
            .cloned()
            .map(|page| ListedProblem::Page(PageProblemReport { kind: PageKind::Page, page }));
        let others = self.others.iter().cloned().map(ListedProblem::Other);
        self.problems = pages.chain(others).collect();
    }

    /// The report of what a check found.
    pub fn of(checked: Checked) -> CheckReport {
        let (redo, guard) = (
            RedoReport {
                checkpoint_lsn: checked.window.checkpoint,
                end_lsn: checked.window.end,
                flushed_lsn: checked.flushed_lsn,
            },
            guard_beside(&checked.prediction.advice, checked.problems.iter().any(PageProblem::can_be_mended)),
        );
        let mut report = CheckReport {
            schema_version: SCHEMA_VERSION,
            status: checked.status,
            code: checked.status.code(),
            text: String::new(),
            path: checked.path.display().to_string(),
            generation: checked.generation,
            server: checked.server,
            running: checked.running,
            page_size: checked.page_size.as_u32(),
            shutdown: checked.shutdown.into(),
            redo,
            summary: checked.summary.into_iter().map(|(verdict, number)| (verdict.name(), number)).collect(),
            restorable: checked.restorable,
            critical: checked.critical,
            changing: checked.changing,
            sample: checked.sample.map(Into::into),
            baseline: checked.baseline.map(Into::into),
            problems: Vec::new(),
            pages: checked.problems,
            others: checked.others.iter().map(OtherReport::of).collect(),
            prediction: Some(checked.prediction),
            before_start: checked.before_start,
            failures: checked.failures,
            guard,
            started: checked.started,
            duration: checked.duration,
            thresholds: (checked.warning, checked.critical_range),
        };
        report.text = nagios::text(&report);
        report.list();
        report
    }
}
