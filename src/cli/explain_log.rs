//! `dblwr explain-log`.

use crate::cli::args::explain_log::ExplainLog;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use crate::cli::{Context, ExitStatus};
use crate::commands::explain_log;
use crate::commands::explain_log::{Level, LogSummary};
use crate::error::Error;
use crate::instance::config::Config;
use crate::instance::request::Request;
use crate::report::explain_log::{ExplainReport, for_a_shell, foreign};
use crate::verdict::survey::Survey;

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

pub(super) fn run(args: &ExplainLog, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let mut summary = read(&args.file)?;
    if !summary.of_a_server || foreign::is_packed(&summary.head) {
        let file = for_a_shell(&args.file.display().to_string());
        let what = foreign::describe(&std::mem::take(&mut summary.head), summary.lines, &file);
        return Err(Error::foreign(&args.file, what).into());
    }
    let against = against(args)?;
    let survey = against.as_ref().map(Survey::steady).transpose()?;
    let path = against.as_ref().map(|request| request.path.as_path());
    let report = ExplainReport::of(&args.file, summary, path, survey.as_ref());
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, verbose))?;
    Ok(match report.level() {
        Level::Healthy => ExitStatus::Healthy,
        Level::Unknown => ExitStatus::Unknown,
        Level::Attention => ExitStatus::Attention,
        Level::Critical => ExitStatus::Critical,
    })
}

/// What is looked at besides the log: --against, or the data directory that the other options name.
pub(super) fn against(args: &ExplainLog) -> anyhow::Result<Option<Request>> {
    let places = &args.places;
    let configured = places.defaults_file.as_deref().map(Config::read).transpose()?;
    let configured = configured.and_then(|config| config.datadir());
    match args.against.clone().or_else(|| places.datadir.clone()).or(configured) {
        Some(path) => Ok(Some(places.request(&path)?)),
        None if places.are_default() => Ok(None),
        None => {
            anyhow::bail!("options on where things lie are about a directory: name it with --against PATH")
        }
    }
}

fn read(file: &Path) -> anyhow::Result<LogSummary> {
    let unreadable = |error| Error::io(file, "read")(error);
    if file.as_os_str() == "-" {
        return Ok(explain_log::read(io::stdin().lock()).map_err(unreadable)?);
    }
    let opened = File::open(file).map_err(Error::io(file, "open"))?;
    Ok(explain_log::read(BufReader::with_capacity(BUFFER, opened)).map_err(unreadable)?)
}
