//! `dblwr locate`.

use crate::cli::args::Target;
use crate::cli::{Context, Status};
use crate::instance::Instance;
use crate::report::locate::LocateReport;

pub(super) fn run(target: &Target, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let instance = Instance::open(&target.request()?)?;
    for failure in &instance.spaces.failures {
        context.warn(failure)?;
    }
    let report = LocateReport::of(&instance);
    context.emit(&report, |out| report.write_text(out))?;
    Ok(if instance.spaces.failures.is_empty() { Status::Healthy } else { Status::Unknown })
}
