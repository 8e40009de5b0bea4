//! `dblwr locate`.

use crate::cli::args::Target;
use crate::cli::verify::guard_of;
use crate::cli::{Context, Status};
use crate::instance::Instance;
use crate::report::locate::LocateReport;

pub(super) fn run(target: &Target, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let instance = Instance::open(&target.request()?)?;
    for failure in &instance.spaces.failures {
        context.warn(failure)?;
    }
    let mut report = LocateReport::of(&instance);
    let (guard, status) = guard_of(instance, context)?;
    report.guard = guard;
    context.emit(&report, |out| report.write_text(out))?;
    Ok(status)
}
