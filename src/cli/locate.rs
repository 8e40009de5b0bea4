//! `dblwr locate`.

use crate::cli::args::PathArgs;
use crate::cli::verify::judged;
use crate::cli::{Context, ExitStatus};
use crate::instance::Instance;
use crate::report::guard::guard_of;
use crate::report::locate::LocateReport;
use crate::report::problem::ProblemReport;
use crate::verdict::problems;

pub(super) fn run(target: &PathArgs, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let request = target.request()?;
    let instance = Instance::open(&request)?;
    for failure in &instance.spaces.failures {
        context.warn(failure)?;
    }
    let mut report = LocateReport::of(&instance);
    let (judged, everything_read) = judged(instance, &request, context)?;
    if let Some(survey) = judged {
        report.guard = guard_of(&survey);
        report.problems = ProblemReport::all(&problems::of_survey(&survey));
    }
    context.emit(&report, |out| report.write_text(out))?;
    Ok(match ExitStatus::of_problems(&report.problems) {
        ExitStatus::Healthy if !everything_read => ExitStatus::Unknown,
        status => status,
    })
}
