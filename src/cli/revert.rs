//! `dblwr revert`.

use crate::cli::args::Revert;
use crate::cli::restore::{files_of_a_server, tell_journal, warn_of_pass};
use crate::cli::{Context, Status};
use crate::commands::restore::{live, revert};
use crate::disk::real::RealDisk;
use crate::instance::Instance;
use crate::instance::request::Request;
use crate::report::revert::RevertReport;

pub(super) fn run(args: &Revert, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let root = args.datadir.as_deref();
    if !args.apply {
        let reverting = revert::plan(&RealDisk, &args.journal, root)?;
        for note in &reverting.notes {
            context.warn(note)?;
        }
        let report = RevertReport::planned(&args.journal, &reverting);
        context.emit(&report, |out| report.write_text(out))?;
        return Ok(match (reverting.moved_on.is_empty(), reverting.plan.is_empty()) {
            (false, _) => Status::Critical,
            (true, false) => Status::Attention,
            (true, true) => Status::Healthy,
        });
    }
    let planned = revert::plan(&RealDisk, &args.journal, root)?;
    if let Some(sign) = live::sign_of_life(&planned.plan.root).filter(|_| !args.i_am_sure_no_server_runs) {
        anyhow::bail!(
            "{sign}; stop the server first, nothing was written. If no server runs on this directory, say so with \
             --i-am-sure-no-server-runs"
        );
    }
    // A server need not have opened the file that is taken back: its other files show that it runs.
    let request = Request { path: planned.plan.root.clone(), ..Request::default() };
    if let Ok(instance) = Instance::open(&request) {
        live::refuse_locked(files_of_a_server(&instance))?;
    }
    let (pass, reverting) = revert::run(&RealDisk, &args.journal, root)?;
    let complete = pass.all_verified() && reverting.moved_on.is_empty();
    let status = if complete { Status::Healthy } else { Status::Critical };
    tell_journal(&pass, status, context);
    warn_of_pass(&pass, context)?;
    let report = RevertReport::applied(&args.journal, &pass, &reverting);
    context.emit(&report, |out| report.write_text(out))?;
    Ok(status)
}
