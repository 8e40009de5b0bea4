//! `dblwr check`.
#![allow(rustdoc::broken_intra_doc_links, reason = "help is printed as it stands, brackets included")]

use crate::cli::args::check::{Check, CheckOutput};
use std::hash::RandomState;
use std::path::Path;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use crate::cli::args::Format;
use crate::cli::output::in_json;
use crate::cli::outputs::OWN_ANSWER;
use crate::cli::{Context, ExitStatus};
use crate::commands::check::{CheckOptions, check};
use crate::disk::output;
use crate::disk::small;
use crate::instance::bundle::unpack::in_words_as;
use crate::report::check::CheckReport;
use crate::report::check::metrics;
use crate::report::check::metrics::Dialect;
use crate::report::check::nagios;
use crate::report::style::printable;
use crate::verdict::settle::Patience;

/// One throw for the whole run, so that a custody record can measure beforehand what the check will read.
pub(super) fn dice() -> &'static RandomState {
    static DICE: OnceLock<RandomState> = OnceLock::new();
    DICE.get_or_init(RandomState::new)
}

/// More than any answer has.
const MOST_METRICS: u64 = 16 << 20;

/// What schedulers give a plugin by default; a scan takes what it takes.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn run(args: &Check, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let output = match context.format {
        Format::Json | Format::Jsonl => CheckOutput::Json,
        Format::Table | Format::Csv => args.output,
    };
    let report = match options(args) {
        Ok(options) => within(timeout(args, output), options),
        Err(error) => CheckReport::unknown(&args.target.path, &format!("{error:#}")),
    };
    let rendered = render(&report, output, context.format, args.out.as_deref())?;
    let escape = match output {
        CheckOutput::Json => in_json,
        CheckOutput::Nagios => printable,
        CheckOutput::Prometheus | CheckOutput::Openmetrics => metrics::escape,
    };
    let rendered = in_words_as(&rendered, escape);
    let status = status(report.status);
    let recorded = report.baseline.as_ref().is_some_and(|baseline| baseline.recorded);
    if let Some(file) = args.baseline.as_ref().filter(|_| recorded) {
        context.wrote(status, format!("the baseline is written to {}", file.display()));
    }
    match &args.out {
        Some(file) => {
            // The collector that reads metrics runs as another user.
            output::decide(file, &context.evidence, OWN_ANSWER)?.write(
                rendered.as_bytes(),
                0o644,
                context.out,
            )?;
            context.wrote(status, format!("the answer is written to {}", file.display()));
            // Who looks at the log of a nightly run sees how it ended.
            if !context.quiet {
                let answer = nagios::render(&report);
                let line = in_words_as(answer.lines().next().unwrap_or_default(), printable);
                context.print(&format!("{line}\n"))?;
            }
        }
        None => context.print(&rendered)?,
    }
    Ok(status)
}

fn options(args: &Check) -> anyhow::Result<CheckOptions> {
    let over = Duration::from_secs(args.over);
    // A wait that the time limit would cut short makes damage unknown.
    let over = args
        .timeout
        .filter(|&limit| limit > 0)
        .map_or(over, |limit| over.min(Duration::from_secs(limit) / 2));
    Ok(CheckOptions {
        warning: args.warning,
        critical: args.critical,
        share: args.share(),
        audit: !args.no_audit,
        dice: dice().clone(),
        patience: Patience { reads: args.reads, over },
        baseline: args.baseline.clone(),
        accept: args.accept,
        before_start: args.gate,
        ..CheckOptions::new(args.target.request()?)
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
fn within(limit: Option<Duration>, options: CheckOptions) -> CheckReport {
    let path = options.request.path.clone();
    let answer = |options: &CheckOptions| {
        check(options, std::thread::sleep)
            .map_or_else(|error| CheckReport::failed(&options.request.path, &error), CheckReport::of)
    };
    // Where this thread is the pool's only one, another would wait for it.
    let alone = rayon::current_thread_index().is_some();
    let Some(limit) = limit.filter(|_| !alone) else { return answer(&options) };
    let (sender, receiver) = mpsc::channel();
    let mine = options.clone();
    let started = std::thread::Builder::new().spawn(move || {
        // Nobody waits any more for an answer after the limit.
        let _ = sender.send(answer(&mine));
    });
    if started.is_err() {
        return answer(&options);
    }
    receiver.recv_timeout(limit).unwrap_or_else(|error| match error {
        mpsc::RecvTimeoutError::Timeout => {
            CheckReport::unknown(&path, &format!("no answer after {} seconds", limit.as_secs()))
        }
        mpsc::RecvTimeoutError::Disconnected => {
            CheckReport::unknown(&path, "the check ended without an answer")
        }
    })
}

fn render(
    report: &CheckReport,
    output: CheckOutput,
    format: Format,
    out: Option<&Path>,
) -> anyhow::Result<String> {
    // What the file holds now tells when a check last succeeded.
    let previous = out.and_then(|file| small::read_text(file, MOST_METRICS).ok());
    Ok(match output {
        CheckOutput::Nagios => nagios::render(report),
        CheckOutput::Prometheus => metrics::render(report, Dialect::Prometheus, previous.as_deref()),
        CheckOutput::Openmetrics => metrics::render(report, Dialect::OpenMetrics, previous.as_deref()),
        CheckOutput::Json if format == Format::Jsonl => serde_json::to_string(report)? + "\n",
        CheckOutput::Json => serde_json::to_string_pretty(report)? + "\n",
    })
}

fn status(status: crate::commands::check::CheckStatus) -> ExitStatus {
    match status {
        crate::commands::check::CheckStatus::Ok => ExitStatus::Healthy,
        crate::commands::check::CheckStatus::Warning => ExitStatus::Attention,
        crate::commands::check::CheckStatus::Critical => ExitStatus::Critical,
        crate::commands::check::CheckStatus::Unknown => ExitStatus::Unknown,
    }
}
