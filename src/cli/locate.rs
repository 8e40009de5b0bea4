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
    let all_read = instance.spaces.failures.is_empty();
    let mut report = LocateReport::of(&instance);
    report.guard = guard_of(instance, context)?;
    context.emit(&report, |out| report.write_text(out))?;
    Ok(if all_read { Status::Healthy } else { Status::Unknown })
}
