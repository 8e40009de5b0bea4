//! Options of `check`.

use crate::cli::args::PathArgs;
use crate::commands::check::range::Range;
use crate::commands::check::sample::Share;
use crate::verdict::settle::Patience;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Who reads the answer.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = CheckOutput::Nagios)]
    pub output: CheckOutput,
    /// Write the answer to this file, replaced whole.
    ///
    /// Standard output then has one line of it, in the words of a monitoring plugin; with --quiet nothing.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// WARNING outside: mendable pages.
    ///
    /// Of damaged pages with a good copy; a range is [@]start:end.
    #[arg(short, long, value_name = "RANGE", default_value_t = Range::ZERO, allow_hyphen_values = true)]
    pub warning: Range,
    /// CRITICAL outside: other damaged pages.
    ///
    /// Of damaged pages without a good copy; a range is [@]start:end.
    #[arg(short, long, value_name = "RANGE", default_value_t = Range::ZERO, allow_hyphen_values = true)]
    pub critical: Range,
    /// UNKNOWN after so many; 0 waits for ever.
    ///
    /// The default is 10 for --output nagios without --scan and --sample, else 0.
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub timeout: Option<u64>,
    /// Read every page of every data file, too.
    #[arg(long, conflicts_with = "sample")]
    pub scan: bool,
    /// Read a random part of all pages, too.
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    pub sample: Option<f64>,
    /// With --scan: no audit by the redo log.
    #[arg(long)]
    pub no_audit: bool,
    /// Alert only on what is not accepted in this file.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Record the present problems as accepted.
    #[arg(long, requires = "baseline")]
    pub accept: bool,
    /// Answer only whether the server may be started now.
    ///
    /// 0 where it recovers by itself, provably, and loses nothing; 1 where dblwr restore must come first; 2 where it must not be
    /// started on these files; 3 where nobody can tell. For a gate before the start of a server.
    #[arg(long, conflicts_with_all = ["scan", "sample", "baseline"])]
    pub gate: bool,
    /// How often a page that looks damaged is read before it counts; 1 where no server runs.
    #[arg(long, value_name = "N", hide_short_help = true, default_value_t = Patience::DEFAULT.reads, value_parser = clap::value_parser!(u32).range(1..=100), allow_negative_numbers = true)]
    pub reads: u32,
    /// Seconds from the first of these reads to the last.
    #[arg(long, value_name = "SECONDS", hide_short_help = true, default_value_t = Patience::DEFAULT.over.as_secs(), value_parser = clap::value_parser!(u64).range(..=3600), allow_negative_numbers = true)]
    pub over: u64,
    /// What to look at.
    #[command(flatten)]
    pub target: PathArgs,
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
    pub(crate) fn share(&self) -> Option<Share> {
        if self.scan { Some(Share::All) } else { self.sample.map(Share::Percent) }
    }
}

pub(crate) fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').parse().ok();
    number
        .filter(|percent| *percent > 0.0 && *percent <= 100.0)
        .ok_or_else(|| "a share is a number above 0 and up to 100".to_owned())
}
