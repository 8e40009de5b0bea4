//! Options of `explain-log`.

use crate::cli::args::PlacesArgs;
use clap::Args;
use std::path::PathBuf;

/// Options of `explain-log`.
#[derive(Debug, Args)]
pub struct ExplainLog {
    /// The error log of a server, or the output of a backup tool or innochecksum; - for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The data directory (of the stopped server): look there for copies of the pages that the log names.
    #[arg(long, value_name = "PATH")]
    pub against: Option<PathBuf>,
    /// Where everything lies that does not lie where a server's defaults put it.
    #[command(flatten)]
    pub places: PlacesArgs,
}
