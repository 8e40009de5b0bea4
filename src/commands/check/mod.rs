//! One verdict on a directory for a monitoring system.
//!
//! It does what `verify` does, in a time that depends on the size of the doublewrite buffer and not on that of the data;
//! `--scan` and `--sample` add pages of the data files. It takes no locks and may run beside a server: what looks
//! damaged is looked at again ([`settle`]), and only what stays as it is counts.

pub mod baseline;
pub mod look;
pub mod range;
pub mod sample;
pub mod suspect;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::commands::check::baseline::{Baseline, BaselineOwner};
use crate::commands::check::look::CheckLook;
use crate::commands::check::range::Range;
use crate::commands::check::sample::Share;
use crate::commands::check::suspect::{Suspect, SuspectReason};
use crate::error::Result;
use crate::instance::generation::Generation;
use crate::instance::redo::Shutdown;
use crate::instance::redo::window::RedoWindow;
use crate::instance::request::Request;
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;
use crate::verdict::predict::{Gate, Prediction};
use crate::verdict::problems::{self, Severity};
use crate::verdict::settle::Patience;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct CheckOptions {
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
    /// Answer only whether the server may be started.
    pub before_start: bool,
}

impl CheckOptions {
    /// The plain check of a path.
    pub fn new(request: Request) -> CheckOptions {
        CheckOptions {
            request,
            warning: Range::ZERO,
            critical: Range::ZERO,
            share: None,
            audit: true,
            dice: RandomState::new(),
            patience: Patience::DEFAULT,
            baseline: None,
            accept: false,
            before_start: false,
        }
    }
}

/// Which page of which file; where no file holds it, the file is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckedPlace {
    /// Tablespace, where it is known.
    pub space_id: Option<SpaceId>,
    /// Page.
    pub page_no: PageNo,
    /// The file as printed.
    pub file: PathBuf,
}

/// The four answers of a monitoring plugin, which are the exit codes of every subcommand.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    schemars::JsonSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum CheckStatus {
    /// Healthy.
    Ok,
    /// Damage that the doublewrite buffer can mend.
    Warning,
    /// Damage that it cannot mend.
    Critical,
    /// Could not be judged.
    Unknown,
}

impl CheckStatus {
    /// 0 to 3.
    pub fn code(self) -> u8 {
        match self {
            CheckStatus::Ok => 0,
            CheckStatus::Warning => 1,
            CheckStatus::Critical => 2,
            CheckStatus::Unknown => 3,
        }
    }

    /// As plugins print it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A damaged page.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PageProblem {
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
    /// Why; in JSON one sentence for a person.
    #[serde(serialize_with = "suspect::sentence")]
    #[schemars(with = "String")]
    pub reason: SuspectReason,
    /// Whether it is not in the baseline; without one, everything is new.
    pub new: bool,
}

impl OtherProblem {
    /// A server that is encrypted stays so, and its key is not at hand: nothing else may be got used to.
    pub fn can_be_accepted(&self) -> bool {
        self.problem.kind == problems::ProblemKind::NotJudged
    }
}

impl PageProblem {
    /// Whether the doublewrite buffer can mend it.
    pub fn can_be_mended(&self) -> bool {
        self.verdict == Some(Verdict::Restorable)
    }

    /// One word for it.
    pub fn what(&self) -> &'static str {
        self.verdict.map_or("damaged", Verdict::name)
    }

    fn of((place, suspect): (CheckedPlace, Suspect)) -> PageProblem {
        let file = (!place.file.as_os_str().is_empty()).then(|| place.file.display().to_string());
        PageProblem {
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

/// A problem that is none of a single page with a copy.
#[derive(Debug, Clone)]
pub struct OtherProblem {
    /// What it is.
    pub problem: problems::Problem,
    /// Whether it is not in the baseline; without one, everything is new.
    pub new: bool,
}

/// How the present state compares with the accepted one.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// Problems that were accepted.
    pub accepted: usize,
    /// Problems now that were not.
    pub new: usize,
    /// Accepted problems that are no more.
    pub gone: usize,
    /// Whether the present state was recorded as accepted by this run.
    pub recorded: bool,
}

/// What reading the data files gave.
#[derive(Debug, Clone, Copy)]
pub struct Sampled {
    /// Pages there are.
    pub pages: u64,
    /// Pages read.
    pub read: u64,
    /// Of the pages read: encrypted or in an unknown format.
    pub unverifiable: u64,
    /// Of the pages read: damaged, in every read.
    pub damaged: u64,
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// PATH as given.
    pub path: PathBuf,
    /// The answer.
    pub status: CheckStatus,
    /// The server that last ran these files.
    pub generation: Generation,
    /// Its name and version, where the files carry them.
    pub server: Option<String>,
    /// How a server shows that runs on these files now.
    pub running: Option<String>,
    /// `innodb_page_size`.
    pub page_size: PageSize,
    /// How the server ended; a running one has not ended cleanly.
    pub shutdown: Shutdown,
    /// The redo window.
    pub window: RedoWindow,
    /// Flush LSN in page 0 of the system tablespace.
    pub flushed_lsn: Option<Lsn>,
    /// How many used slots carry each verdict, by the last look.
    pub summary: BTreeMap<Verdict, usize>,
    /// New pages that can be mended.
    pub restorable: usize,
    /// New pages that cannot be mended.
    pub critical: usize,
    /// Pages that looked damaged once and otherwise at a later read: being written.
    pub changing: usize,
    /// What reading data files gave.
    pub sample: Option<Sampled>,
    /// Comparison with the accepted state.
    pub baseline: Option<Compared>,
    /// Damaged pages, the worst first.
    pub problems: Vec<PageProblem>,
    /// What else is wrong, the worst first.
    pub others: Vec<OtherProblem>,
    /// What the server will do at its next start.
    pub prediction: Prediction,
    /// Only whether it may be started was asked.
    pub before_start: bool,
    /// Files that could not be read, in every look.
    pub failures: Vec<String>,
    /// When it began, in seconds since 1970.
    pub started: f64,
    /// How long it took, in seconds.
    pub duration: f64,
    /// Alert (warning) by the number of pages that can be mended.
    pub warning: Range,
    /// Alert (critical) by the number of pages that cannot.
    pub critical_range: Range,
}

impl Checked {
    /// The answer by counts and thresholds: the worst wins, and what could not be read hides no damage.
    fn decide(&mut self) {
        if self.before_start {
            self.status = match self.prediction.advice.gate() {
                Gate::Starts => CheckStatus::Ok,
                Gate::Mend => CheckStatus::Warning,
                Gate::Blocks => CheckStatus::Critical,
                Gate::Unknown => CheckStatus::Unknown,
            };
            return;
        }
        let new = |severity| self.others.iter().any(|other| other.new && other.problem.severity == severity);
        let unknown = !self.failures.is_empty() || new(Severity::Unknown);
        self.status = match () {
            () if self.critical_range.alerts(self.critical as f64) || new(Severity::Critical) => {
                CheckStatus::Critical
            }
            () if self.warning.alerts(self.restorable as f64) || new(Severity::Warning) => {
                CheckStatus::Warning
            }
            () if unknown => CheckStatus::Unknown,
            () => CheckStatus::Ok,
        };
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64())
}

/// Checks a directory. Waits between reads; `pause` is [`std::thread::sleep`] except in tests.
///
/// # Errors
/// Nothing could be looked at in any read, or the baseline is refused.
pub fn check(options: &CheckOptions, mut pause: impl FnMut(Duration)) -> Result<Checked> {
    let (began, started) = (Instant::now(), now());
    let mut look = CheckLook::first(options, &mut pause)?;
    let settled = look.settle(options, &mut pause)?;
    let (mut changing, mut agreed) = (settled.changing, settled.agreed);
    let mut sampled = None;
    if let Some(share) = options.share {
        let (sample, settled) = look.sample(options, share, &mut pause)?;
        changing += settled.changing;
        sampled = Some(Sampled {
            pages: sample.pages,
            read: sample.read,
            unverifiable: sample.unverifiable,
            damaged: settled.agreed.len() as u64,
        });
        for (place, suspect) in settled.agreed {
            agreed.entry(place).or_insert(suspect);
        }
    }
    let mut checked = look.checked(options, &agreed);
    (checked.changing, checked.sample) = (changing, sampled);
    checked.problems = agreed.into_iter().map(PageProblem::of).collect();
    compare(&mut checked, options, &BaselineOwner::of(look.instance()))?;
    checked.decide();
    checked.started = started;
    checked.duration = began.elapsed().as_secs_f64();
    Ok(checked)
}

/// Marks what the baseline knows, records a new one if asked, counts what is new, and puts the worst first.
fn compare(report: &mut Checked, options: &CheckOptions, owner: &BaselineOwner) -> Result<()> {
    if let Some(path) = &options.baseline {
        let was = match (options.accept, path.exists()) {
            (true, false) => Baseline::of(owner.clone(), &[]),
            _ => Baseline::read(path, owner)?,
        };
        if options.accept {
            Baseline::of(owner.clone(), &report.problems).with(&report.others).write(path)?;
        }
        let others =
            report.others.iter().filter(|o| o.problem.severity != Severity::Note && !was.knows_other(o));
        let unknown = report.problems.iter().filter(|problem| !was.knows(problem)).count() + others.count();
        report.baseline = Some(Compared {
            accepted: was.accepted(),
            new: unknown,
            gone: was.gone(&report.problems, &report.others),
            recorded: options.accept,
        });
        for problem in &mut report.problems {
            problem.new = !options.accept && !was.knows(problem);
        }
        for other in &mut report.others {
            let accepted = options.accept && other.can_be_accepted();
            other.new = !accepted && !was.knows_other(other);
        }
    }
    report.problems.sort_by_key(|problem| (!problem.new, problem.can_be_mended()));
    let new = report.problems.iter().filter(|problem| problem.new);
    let (mendable, not): (Vec<_>, Vec<_>) = new.partition(|problem| problem.can_be_mended());
    (report.restorable, report.critical) = (mendable.len(), not.len());
    Ok(())
}
