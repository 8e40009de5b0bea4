//! `dblwr check`.
#![allow(rustdoc::broken_intra_doc_links, reason = "help is printed as it stands, brackets included")]

use std::hash::RandomState;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::args::{Format, Target};
use crate::cli::{Context, Status};
use crate::commands::check::range::Range;
use crate::commands::check::sample::Share;
use crate::commands::check::settle::Patience;
use crate::commands::check::{CheckReport, Options, check};
use crate::disk::replace;
use crate::instance::bundle::unpack::in_words;
use crate::report::check::metrics;
use crate::report::check::metrics::Dialect;
use crate::report::check::nagios;

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// What to look at.
    #[command(flatten)]
    pub target: Target,
    /// Who reads the answer.
    #[arg(long, value_enum, default_value_t = CheckOutput::Nagios)]
    pub output: CheckOutput,
    /// Write the answer to this file, replaced whole, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// WARNING when the number of damaged pages with a good copy is outside this range ([@]start:end).
    #[arg(short, long, value_name = "RANGE", default_value_t = Range::ZERO, allow_hyphen_values = true)]
    pub warning: Range,
    /// CRITICAL when the number of damaged pages without a good copy is outside this range ([@]start:end).
    #[arg(short, long, value_name = "RANGE", default_value_t = Range::ZERO, allow_hyphen_values = true)]
    pub critical: Range,
    /// Seconds after which the answer is UNKNOWN; 0 waits for ever. The default is 10 for --output nagios without
    /// --scan and --sample, else 0.
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Read every page of every data file, too.
    #[arg(long, conflicts_with = "sample")]
    pub scan: bool,
    /// Read a random part of the pages of the data files, too, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub sample: Option<f64>,
    /// With --scan: do not hold the pages against the redo log.
    #[arg(long)]
    pub no_audit: bool,
    /// Alert only on what is not in this file of accepted problems.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Record the present problems as accepted.
    #[arg(long, requires = "baseline")]
    pub accept: bool,
    /// How often a page that looks damaged is read before it counts; 1 where no server runs.
    #[arg(long, value_name = "N", default_value_t = Patience::DEFAULT.reads, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub reads: u32,
    /// Seconds from the first of these reads to the last.
    #[arg(long, value_name = "SECONDS", default_value_t = Patience::DEFAULT.over.as_secs(), value_parser = clap::value_parser!(u64).range(..=3600))]
    pub over: u64,
}

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    /// Nagios, Icinga, Naemon, Zabbix: one line with performance data, then details.
    Nagios,
    /// Prometheus' node exporter (textfile collector).
    Prometheus,
    /// OpenMetrics.
    Openmetrics,
    /// One document.
    Json,
}

impl Check {
    /// Which pages of the data files are read.
    pub(super) fn share(&self) -> Option<Share> {
        if self.scan { Some(Share::All) } else { self.sample.map(Share::Percent) }
    }
}

/// One throw for the whole run, so that a custody record can measure beforehand what the check will read.
pub(super) fn dice() -> &'static RandomState {
    static DICE: OnceLock<RandomState> = OnceLock::new();
    DICE.get_or_init(RandomState::new)
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').parse().ok();
    number
        .filter(|percent| *percent > 0.0 && *percent <= 100.0)
        .ok_or_else(|| "a share is a number above 0 and up to 100".to_owned())
}

/// What schedulers give a plugin by default; a scan takes what it takes.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn run(args: &Check, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let output = if context.format == Format::Json { CheckOutput::Json } else { args.output };
    let report = match options(args) {
        Ok(options) => within(timeout(args, output), options),
        Err(error) => CheckReport::unknown(&args.target.path, &format!("{error:#}")),
    };
    let rendered = render(&report, output, args.out.as_deref())?;
    let rendered = in_words(&rendered);
    match &args.out {
        Some(file) => replace::replace(file, rendered.as_bytes())?,
        None => context.print(&rendered)?,
    }
    if args.out.is_some() && report.status == crate::commands::check::Status::Unknown {
        context.warn(&report.text)?;
    }
    Ok(status(report.status))
}

fn options(args: &Check) -> anyhow::Result<Options> {
    let over = Duration::from_secs(args.over);
    // A wait that the time limit would cut short makes damage unknown.
    let over = args
        .timeout
        .filter(|&limit| limit > 0)
        .map_or(over, |limit| over.min(Duration::from_secs(limit) / 2));
    Ok(Options {
        warning: args.warning,
        critical: args.critical,
        share: args.share(),
        audit: !args.no_audit,
        dice: dice().clone(),
        patience: Patience { reads: args.reads, over },
        baseline: args.baseline.clone(),
        accept: args.accept,
        ..Options::new(args.target.request()?)
    })
}

fn timeout(args: &Check, output: CheckOutput) -> Option<Duration> {
    let reads_files = args.scan || args.sample.is_some();
    match args.timeout {
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => (output == CheckOutput::Nagios && !reads_files).then_some(PLUGIN_TIMEOUT),
    }
}

/// Runs the check in a thread of its own: one that hangs in the kernel on a dead disk must not keep the answer back.
fn within(limit: Option<Duration>, options: Options) -> CheckReport {
    let path = options.request.path.clone();
    let answer = |options: &Options| {
        check(options, std::thread::sleep)
            .unwrap_or_else(|error| CheckReport::unknown(&options.request.path, &error.to_string()))
    };
    let Some(limit) = limit else { return answer(&options) };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more for an answer after the limit.
        let _ = sender.send(answer(&options));
    });
    receiver.recv_timeout(limit).unwrap_or_else(|error| match error {
        mpsc::RecvTimeoutError::Timeout => {
            CheckReport::unknown(&path, &format!("no answer after {} seconds", limit.as_secs()))
        }
        mpsc::RecvTimeoutError::Disconnected => {
            CheckReport::unknown(&path, "the check ended without an answer")
        }
    })
}

fn render(report: &CheckReport, output: CheckOutput, out: Option<&Path>) -> anyhow::Result<String> {
    // What the file holds now tells when a check last succeeded.
    let previous = out.and_then(|file| std::fs::read_to_string(file).ok());
    Ok(match output {
        CheckOutput::Nagios => nagios::render(report),
        CheckOutput::Prometheus => metrics::render(report, Dialect::Prometheus, previous.as_deref()),
        CheckOutput::Openmetrics => metrics::render(report, Dialect::OpenMetrics, previous.as_deref()),
        CheckOutput::Json => serde_json::to_string_pretty(report)? + "\n",
    })
}

fn status(status: crate::commands::check::Status) -> Status {
    match status {
        crate::commands::check::Status::Ok => Status::Healthy,
        crate::commands::check::Status::Warning => Status::Attention,
        crate::commands::check::Status::Critical => Status::Critical,
        crate::commands::check::Status::Unknown => Status::Unknown,
    }
}
