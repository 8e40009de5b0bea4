//! One verdict on a directory for a monitoring system.
//!
//! It does what `verify` does, in a time that depends on the size of the doublewrite buffer and not on that of the data;
//! `--scan` and `--sample` add pages of the data files. It takes no locks and may run beside a server: what looks
//! damaged is looked at again ([`settle`]), and only what stays as it is counts.

pub mod baseline;
pub mod look;
pub mod range;
pub mod sample;
pub mod settle;
#[cfg(test)]
mod tests;

use crate::report::check::nagios;
use std::collections::BTreeMap;
use std::hash::RandomState;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::commands::check::baseline::{Baseline, Owner};
use crate::commands::check::look::Look;
use crate::commands::check::range::Range;
use crate::commands::check::sample::{Sample, Share};
use crate::commands::check::settle::Patience;
use crate::error::Result;
use crate::instance::generation::Generation;
use crate::instance::locations::Request;
use crate::report::guard::guard;
use crate::report::{RedoReport, SCHEMA_VERSION, ShutdownReport};
use crate::units::{ByteOffset, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;

/// Problems listed in a report; the counts are of all.
pub const MAX_LISTED: usize = 1000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to look.
    pub request: Request,
    /// Alert (warning) by the number of pages that can be mended.
    pub warning: Range,
    /// Alert (critical) by the number of pages that cannot.
    pub critical: Range,
    /// Pages of the data files to read.
    pub share: Option<Share>,
    /// Hold every page that redo names against it, where every page is read.
    pub audit: bool,
    /// What chooses the pages of a [`Share::Percent`].
    pub dice: RandomState,
    /// How often to look at what looks damaged.
    pub patience: Patience,
    /// The accepted state.
    pub baseline: Option<PathBuf>,
    /// Record the present state as accepted.
    pub accept: bool,
}

impl Options {
    /// The plain check of a path.
    pub fn new(request: Request) -> Options {
        Options {
            request,
            warning: Range::ZERO,
            critical: Range::ZERO,
            share: None,
            audit: true,
            dice: RandomState::new(),
            patience: Patience::DEFAULT,
            baseline: None,
            accept: false,
        }
    }
}

/// Which page of which file; where no file holds it, the file is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Tablespace, where it is known.
    pub space_id: Option<SpaceId>,
    /// Page.
    pub page_no: PageNo,
    /// The file as printed.
    pub file: PathBuf,
}

/// What one look at a page showed. Two looks agree when verdict, state and bytes do.
#[derive(Debug, Clone)]
pub struct Suspect {
    /// The verdict on its best copy; `None` where no copy is in the buffer.
    pub verdict: Option<Verdict>,
    /// What lies in the file.
    pub state: HomeState,
    /// Where in the file.
    pub offset: Option<ByteOffset>,
    /// CRC-32 of the page's bytes.
    pub fingerprint: u32,
    /// Why, for a person.
    pub reason: String,
}

impl PartialEq for Suspect {
    fn eq(&self, other: &Suspect) -> bool {
        (self.verdict, self.state, self.fingerprint) == (other.verdict, other.state, other.fingerprint)
    }
}

/// The four answers of a monitoring plugin, which are the exit codes of every subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Healthy.
    Ok,
    /// Damage that the doublewrite buffer can mend.
    Warning,
    /// Damage that it cannot mend.
    Critical,
    /// Could not be judged.
    Unknown,
}

impl Status {
    /// 0 to 3.
    pub fn code(self) -> u8 {
        match self {
            Status::Ok => 0,
            Status::Warning => 1,
            Status::Critical => 2,
            Status::Unknown => 3,
        }
    }

    /// As plugins print it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warning => "WARNING",
            Status::Critical => "CRITICAL",
            Status::Unknown => "UNKNOWN",
        }
    }
}

/// A damaged page.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Problem {
    /// Tablespace, where it is known.
    pub space_id: Option<SpaceId>,
    /// Page.
    pub page_no: PageNo,
    /// The file, relative to PATH.
    pub file: Option<String>,
    /// Where in the file.
    pub offset: Option<ByteOffset>,
    /// The verdict on its best copy; `null` for a page found by reading the data files, without a copy.
    pub verdict: Option<Verdict>,
    /// What lies in the file.
    pub state: HomeState,
    /// One sentence for a person.
    pub reason: String,
    /// Whether it is not in the baseline; without one, everything is new.
    pub new: bool,
}

impl Problem {
    /// Whether the doublewrite buffer can mend it.
    pub fn can_be_mended(&self) -> bool {
        self.verdict == Some(Verdict::Restorable)
    }

    /// One word for it.
    pub fn what(&self) -> &'static str {
        self.verdict.map_or("damaged", Verdict::name)
    }

    fn of((place, suspect): (Place, Suspect)) -> Problem {
        let file = (!place.file.as_os_str().is_empty()).then(|| place.file.display().to_string());
        Problem {
            space_id: place.space_id,
            page_no: place.page_no,
            file,
            offset: suspect.offset,
            verdict: suspect.verdict,
            state: suspect.state,
            reason: suspect.reason,
            new: true,
        }
    }
}

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

/// The document of `check --output json`, and what the other outputs are made from.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CheckReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The answer.
    pub status: Status,
    /// Its exit code.
    pub code: u8,
    /// The answer in words.
    pub text: String,
    /// PATH as given.
    pub path: String,
    /// The server that last ran these files.
    pub generation: Generation,
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
    /// Damaged pages, the worst first, at most [`MAX_LISTED`].
    pub problems: Vec<Problem>,
    /// Files that could not be read, in every look.
    pub failures: Vec<String>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
    /// When it began, in seconds since 1970.
    pub started: f64,
    /// How long it took, in seconds.
    pub duration: f64,
    #[serde(skip)]
    #[schemars(skip)]
    thresholds: Option<(Range, Range)>,
}

impl CheckReport {
    /// The report of a check that could not look.
    pub fn unknown(path: &Path, why: &str) -> CheckReport {
        CheckReport {
            schema_version: SCHEMA_VERSION,
            status: Status::Unknown,
            code: Status::Unknown.code(),
            text: why.to_owned(),
            path: path.display().to_string(),
            generation: Generation::Unknown,
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
            failures: Vec::new(),
            guard: None,
            started: now(),
            duration: 0.0,
            thresholds: None,
        }
    }

    /// Thresholds of warning and critical, as they stand in performance data.
    pub fn thresholds(&self) -> (Range, Range) {
        self.thresholds.unwrap_or((Range::ZERO, Range::ZERO))
    }

    fn decide(&mut self, warning: Range, critical: Range) {
        self.thresholds = Some((warning, critical));
        self.status = match () {
            () if critical.alerts(self.critical as f64) => Status::Critical,
            () if warning.alerts(self.restorable as f64) => Status::Warning,
            () if !self.failures.is_empty() => Status::Unknown,
            () => Status::Ok,
        };
        self.code = self.status.code();
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64())
}

/// Checks a directory. Waits between reads; `pause` is [`std::thread::sleep`] except in tests.
///
/// # Errors
/// Nothing could be looked at in any read, or the baseline is refused.
pub fn check(options: &Options, mut pause: impl FnMut(Duration)) -> Result<CheckReport> {
    let (began, started) = (Instant::now(), now());
    let mut look = Look::first(options, &mut pause)?;
    let (mut changing, mut agreed) = (0, BTreeMap::new());
    let settled = look.settle(options, &mut pause)?;
    changing += settled.changing;
    agreed.extend(settled.agreed);
    let mut report = CheckReport::unknown(&options.request.path, "");
    if let Some(share) = options.share {
        let (sample, settled) = look.sample(options, share, &mut pause)?;
        changing += settled.changing;
        report.sample = Some(sample_report(&sample, settled.agreed.len()));
        for (place, suspect) in settled.agreed {
            agreed.entry(place).or_insert(suspect);
        }
    }
    look.describe(&mut report, &agreed);
    report.changing = changing;
    report.problems = agreed.into_iter().map(Problem::of).collect();
    compare(&mut report, options, &Owner::of(look.instance()))?;
    report.decide(options.warning, options.critical);
    report.text = nagios::text(&report);
    report.started = started;
    report.duration = began.elapsed().as_secs_f64();
    report.problems.truncate(MAX_LISTED);
    Ok(report)
}

fn sample_report(sample: &Sample, damaged: usize) -> SampleReport {
    let share = if sample.pages == 0 { 1.0 } else { sample.read as f64 / sample.pages as f64 };
    SampleReport {
        pages: sample.pages,
        read: sample.read,
        share,
        unverifiable: sample.unverifiable,
        damaged: damaged as u64,
    }
}

/// Marks what the baseline knows, records a new one if asked, counts what is new, and puts the worst first.
fn compare(report: &mut CheckReport, options: &Options, owner: &Owner) -> Result<()> {
    if let Some(path) = &options.baseline {
        let was = match (options.accept, path.exists()) {
            (true, false) => Baseline::of(owner.clone(), &[]),
            _ => Baseline::read(path, owner)?,
        };
        if options.accept {
            Baseline::of(owner.clone(), &report.problems).write(path)?;
        }
        let unknown = report.problems.iter().filter(|problem| !was.knows(problem)).count();
        report.baseline = Some(BaselineReport {
            accepted: was.len(),
            new: unknown,
            gone: was.gone(&report.problems),
            recorded: options.accept,
        });
        for problem in &mut report.problems {
            problem.new = !options.accept && !was.knows(problem);
        }
    }
    report.problems.sort_by_key(|problem| (!problem.new, problem.can_be_mended()));
    let new = report.problems.iter().filter(|problem| problem.new);
    let (mendable, not): (Vec<_>, Vec<_>) = new.partition(|problem| problem.can_be_mended());
    (report.restorable, report.critical) = (mendable.len(), not.len());
    report.guard = guard(report.problems.iter().any(Problem::can_be_mended));
    Ok(())
}
