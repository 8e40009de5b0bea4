//! `dblwr explain-log`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use clap::Args;

use crate::cli::{Context, Status};
use crate::error::Error;
use crate::log_reader::{self, LogSummary};
use crate::report::explain_log::{ExplainReport, Outcome};
use crate::space::locations::Request;
use crate::survey::Survey;

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

/// Options of `explain-log`.
#[derive(Debug, Args)]
pub struct ExplainLog {
    /// The server's error log, or - for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The data directory (of the stopped server): look there for copies of the pages that the log names.
    #[arg(long, value_name = "PATH")]
    pub against: Option<PathBuf>,
}

pub(super) fn run(args: &ExplainLog, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let summary = read(&args.file)?;
    let survey = match &args.against {
        Some(path) => Some(Survey::run(&Request { path: path.clone(), ..Request::default() })?),
        None => None,
    };
    let report = ExplainReport::of(&args.file, summary, args.against.as_deref(), survey.as_ref());
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, verbose))?;
    Ok(match report.worst() {
        None | Some(Outcome::Mended | Outcome::Whole | Outcome::CopyOnly) => Status::Healthy,
        Some(Outcome::Damaged | Outcome::Mendable) => Status::Attention,
        Some(Outcome::Lost) => Status::Critical,
    })
}

fn read(file: &std::path::Path) -> anyhow::Result<LogSummary> {
    let unreadable = |error| Error::io(file, "read")(error);
    if file.as_os_str() == "-" {
        return Ok(log_reader::read(io::stdin().lock()).map_err(unreadable)?);
    }
    let opened = File::open(file).map_err(Error::io(file, "open"))?;
    Ok(log_reader::read(BufReader::with_capacity(BUFFER, opened)).map_err(unreadable)?)
}
