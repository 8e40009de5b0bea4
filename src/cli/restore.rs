//! `dblwr restore`.

use crate::cli::args::Restore;
use crate::cli::verify::{has_failures, warn_of_failures};
use crate::cli::{Context, Status};
use crate::report::restore::RestoreReport;
use crate::restore::{Selection, choose};
use crate::survey::Survey;

pub(super) fn run(args: &Restore, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let survey = Survey::run(&args.target.request()?)?;
    warn_of_failures(&survey, context)?;
    let selection =
        Selection { pages: args.pages.clone(), include_stale: args.include_stale, rules: args.rules.into() };
    let plan = choose(&survey, &selection)?;
    let report = RestoreReport::planned(&survey, &plan);
    context.emit(&report, |out| report.write_text(out, &args.target.path))?;
    Ok(match (&report.remaining[..], plan.is_empty()) {
        ([_, ..], _) => Status::Critical,
        ([], false) => Status::Attention,
        ([], true) if has_failures(&survey) => Status::Unknown,
        ([], true) => Status::Healthy,
    })
}
