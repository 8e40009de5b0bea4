//! `dblwr verify`.

use crate::cli::args::PathArgs;
use crate::cli::{Context, ExitStatus};
use crate::instance::Instance;
use crate::instance::request::Request;
use crate::report::guard;
use crate::report::verify::VerifyReport;
use crate::verdict::survey::Survey;

pub(super) fn run(target: &PathArgs, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let survey = Survey::steady(&target.request()?)?;
    warn_of_failures(&survey, context)?;
    let report = VerifyReport::of(&survey);
    let path = target.path.display().to_string();
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, &path, verbose))?;
    Ok(ExitStatus::of_verify(&report))
}

/// Files that could not be read, one line each on standard error.
pub(super) fn warn_of_failures(survey: &Survey, context: &mut Context<'_>) -> anyhow::Result<()> {
    for failure in survey.unreadable() {
        context.warn(failure)?;
    }
    Ok(())
}

/// What a judgement adds for commands that list what lies in an instance without judging it, and whether everything that
/// it looks at could be read. Where it cannot be judged the listing still stands.
pub(super) fn judged(
    instance: Instance,
    request: &Request,
    context: &mut Context<'_>,
) -> anyhow::Result<(Option<Survey>, bool)> {
    // Beside a running server one look is not enough.
    let survey = if instance.running.is_some() { Survey::steady(request) } else { Survey::of(instance) };
    match survey {
        Ok(survey) => {
            for failure in &survey.failures {
                context.warn(failure)?;
            }
            let read = !has_failures(&survey);
            Ok((Some(survey), read))
        }
        Err(error) => {
            context.warn(format!("whether a page can be restored could not be told: {error}"))?;
            Ok((None, false))
        }
    }
}

/// The guard where a page can be restored, and the status of what was read for it.
pub(super) fn guard_of(
    instance: Instance,
    request: &Request,
    context: &mut Context<'_>,
) -> anyhow::Result<(Option<&'static str>, ExitStatus)> {
    let (survey, everything_read) = judged(instance, request, context)?;
    let status = if everything_read { ExitStatus::Healthy } else { ExitStatus::Unknown };
    Ok((survey.and_then(|survey| guard::guard_of(&survey)), status))
}

pub(super) fn has_failures(survey: &Survey) -> bool {
    survey.unreadable().next().is_some()
}
