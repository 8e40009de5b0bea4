//! `dblwr verify`.

use crate::cli::args::Target;
use crate::cli::{Context, Status};
use crate::instance::Instance;
use crate::report::guard::guard;
use crate::report::verify::VerifyReport;
use crate::verdict::Verdict;
use crate::verdict::survey::Survey;

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

/// The guard for commands that list what lies in an instance without judging it. Where it cannot be judged the listing
/// still stands, but not everything was read.
pub(super) fn guard_of(
    instance: Instance,
    context: &mut Context<'_>,
) -> anyhow::Result<(Option<&'static str>, Status)> {
    match Survey::of(instance) {
        Ok(survey) => {
            for failure in &survey.failures {
                context.warn(failure)?;
            }
            let status = if has_failures(&survey) { Status::Unknown } else { Status::Healthy };
            Ok((guard(survey.count(Verdict::Restorable) > 0), status))
        }
        Err(error) => {
            context.warn(format!("whether a page can be restored could not be told: {error}"))?;
            Ok((None, Status::Unknown))
        }
    }
}

pub(super) fn has_failures(survey: &Survey) -> bool {
    survey.unreadable().next().is_some()
}
