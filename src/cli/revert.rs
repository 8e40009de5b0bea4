//! `dblwr revert`.

use std::path::PathBuf;

use crate::cli::args::Revert;
use crate::cli::restore::{files_of_a_server, tell_journal, warn_of_pass};
use crate::cli::{Context, ExitStatus};
use crate::commands::restore::journal::read;
use crate::commands::restore::revert::Reverting;
use crate::commands::restore::{Here, live, revert};
use crate::disk::real::RealDisk;
use crate::instance::Instance;
use crate::instance::config::Config;
use crate::instance::running::lock_files;
use crate::report::revert::RevertReport;

pub(super) fn run(args: &Revert, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let here = where_of(args)?;
    let planned = revert::plan(&RealDisk, &args.journal, &here)?;
    if !args.apply {
        for note in &planned.notes {
            context.warn(note)?;
        }
        let report = RevertReport::planned(&args.journal, &planned);
        context.emit(&report, |out| report.write_text(out))?;
        return Ok(match (planned.is_refused(), planned.plan.is_empty()) {
            (true, _) => ExitStatus::Critical,
            (false, false) => ExitStatus::Attention,
            (false, true) => ExitStatus::Healthy,
        });
    }
    refuse_a_live_directory(args, &planned)?;
    let (pass, reverting) = revert::run(&RealDisk, &args.journal, &here)?;
    let complete = pass.all_verified() && !reverting.is_refused();
    let status = if complete { ExitStatus::Healthy } else { ExitStatus::Critical };
    tell_journal(&pass, status, context);
    warn_of_pass(&pass, context)?;
    let report = RevertReport::applied(&args.journal, &pass, &reverting);
    context.emit(&report, |out| report.write_text(out))?;
    Ok(status)
}

/// What was said of the places. Where no directory is named, the journal's own counts, if it lies where it was made.
pub(super) fn where_of(args: &Revert) -> anyhow::Result<Here> {
    let pages = args.pages.clone();
    if args.places.are_default() {
        return Ok(Here { pages, ..Here::default() });
    }
    let configured = match (&args.places.datadir, &args.places.defaults_file) {
        (None, Some(file)) => Config::read(file)?.datadir(),
        (datadir, _) => datadir.clone(),
    };
    let path = match &configured {
        Some(root) => root.clone(),
        None => read::root_of(&RealDisk, &args.journal)?,
    };
    let told = args.places.request(&path)?;
    Ok(Here { root: configured, told, pages })
}

fn refuse_a_live_directory(args: &Revert, planned: &Reverting) -> anyhow::Result<()> {
    let root = &planned.plan.root;
    live::refuse_living(root, args.i_am_sure_no_server_runs)?;
    live::refuse_locked(lock_files([root.as_path()]).iter().map(PathBuf::as_path))?;
    // A server need not have opened the file that is taken back: its other files show that it runs.
    if let Ok(instance) = Instance::open(&planned.request) {
        live::refuse_locked(files_of_a_server(&instance))?;
    }
    Ok(())
}
