//! `dblwr verify`.

use crate::cli::args::Target;
use crate::cli::{Context, Status};
use crate::report::verify::VerifyReport;
use crate::survey::Survey;

pub(super) fn run(target: &Target, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let survey = Survey::run(&target.request()?)?;
    warn_of_failures(&survey, context)?;
    let report = VerifyReport::of(&survey);
    let path = target.path.display().to_string();
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, &path, verbose))?;
    Ok(Status::of_verify(&report, has_failures(&survey)))
}

/// Files that could not be read, one line each on standard error.
pub(super) fn warn_of_failures(survey: &Survey, context: &mut Context<'_>) -> anyhow::Result<()> {
    for failure in survey.unreadable() {
        context.warn(failure)?;
    }
    Ok(())
}

pub(super) fn has_failures(survey: &Survey) -> bool {
    survey.unreadable().next().is_some()
}
