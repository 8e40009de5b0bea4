//! `explain-log`: page by page what a log says, what the files say now, and what to do.

pub mod foreign;
mod next;
mod story;
mod text;
mod words;

use std::path::Path;

use serde::Serialize;

use crate::commands::explain_log::{Level, LogFinding, LogKind, LogSummary};
use crate::report::SCHEMA_VERSION;
use crate::report::guard::{guard, guard_beside};
use crate::units::Lsn;
use crate::verdict::predict::Prediction;
use crate::verdict::problems;
use crate::verdict::survey::Survey;

pub use next::for_a_shell;
pub use story::{PageStory, StoryEnd};

/// The document of `explain-log --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ExplainReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The log as given.
    pub log: String,
    /// PATH as given.
    pub against: Option<String>,
    /// Lines read.
    pub lines: u64,
    /// Starts of a server in the log.
    pub starts: u64,
    /// The line in which InnoDB last said that it has started.
    pub last_started: Option<u64>,
    /// The last server version named.
    pub version: Option<String>,
    /// The checkpoint from which the last recovery began.
    pub checkpoint_lsn: Option<Lsn>,
    /// The end of the redo log that it found.
    pub end_lsn: Option<Lsn>,
    /// Every page named, the worst first.
    pub pages: Vec<PageStory>,
    /// What names no page, the worst first.
    pub others: Vec<OtherFinding>,
    /// Findings beyond the limit, counted only.
    pub not_kept: u64,
    /// What the server will do at its next start, where `--against` names its directory.
    pub prediction: Option<Prediction>,
    /// How a server shows that runs on these files now: the process that has a file locked, or names itself; `null` where none is seen.
    pub running: Option<String>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

/// A finding that names no page, and what to do about it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct OtherFinding {
    /// What was said.
    #[serde(flatten)]
    pub said: LogFinding,
    /// InnoDB has started since, so that its cause is gone.
    pub over: bool,
    /// The next step.
    pub next: Option<String>,
}

impl OtherFinding {
    /// What it weighs.
    pub fn level(&self) -> Level {
        if self.over { Level::Healthy } else { self.said.kind.level() }
    }
}

impl StoryEnd {
    /// What it weighs.
    pub const fn level(self) -> Level {
        match self {
            StoryEnd::CopyOnly | StoryEnd::Mended | StoryEnd::Whole => Level::Healthy,
            StoryEnd::Sound | StoryEnd::Damaged | StoryEnd::Mendable => Level::Attention,
            StoryEnd::Lost => Level::Critical,
        }
    }
}

impl ExplainReport {
    /// Puts a log, and where given a survey of the directory, together.
    pub fn of(
        log: &Path,
        summary: LogSummary,
        against: Option<&Path>,
        survey: Option<&Survey>,
    ) -> ExplainReport {
        let commands = next::Commands::of(log, against);
        let last_started = summary.last_started;
        let (mut pages, others) = story::stories(summary.findings, survey);
        for page in &mut pages {
            page.next = next::next_step(page, &commands);
        }
        let mut others: Vec<OtherFinding> = others
            .into_iter()
            .map(|said| {
                let over = said.is_over(last_started);
                let next = next::next_for(&said, &commands).filter(|_| !over);
                OtherFinding { said, over, next }
            })
            .collect();
        others.sort_by_key(|other| std::cmp::Reverse(other.level()));
        let mendable = pages.iter().any(|page| page.outcome == StoryEnd::Mendable);
        let prediction = survey.map(|survey| problems::foretell(survey).1);
        let guard = match &prediction {
            Some(prediction) => guard_beside(&prediction.advice, mendable),
            None => guard(mendable),
        };
        ExplainReport {
            schema_version: SCHEMA_VERSION,
            log: log.display().to_string(),
            against: against.map(|path| path.display().to_string()),
            lines: summary.lines,
            starts: summary.starts,
            last_started,
            version: summary.version,
            running: survey.and_then(|survey| survey.instance.running.clone()),
            prediction,
            guard,
            checkpoint_lsn: summary.checkpoint_lsn,
            end_lsn: summary.end_lsn,
            pages,
            others,
            not_kept: summary.not_kept,
        }
    }

    /// The worst of all.
    pub fn level(&self) -> Level {
        let pages = self.pages.iter().map(|page| page.outcome.level());
        let copies = self.pages.iter().flat_map(|page| &page.said).filter(|f| f.kind == LogKind::CopyTooNew);
        let uncounted = if self.not_kept > 0 { Level::Unknown } else { Level::Healthy };
        pages
            .chain(copies.map(|finding| finding.kind.level()))
            .chain(self.others.iter().map(OtherFinding::level))
            .fold(uncounted, Level::max)
    }
}
