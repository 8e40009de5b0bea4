//! `dblwr redo`.

use crate::cli::args::Redo;
use crate::cli::{Context, Status};
use crate::commands::redo::Look;
use crate::report::redo::{RedoDocument, Severity};

pub(super) fn run(args: &Redo, context: &mut Context<'_>) -> anyhow::Result<Status> {
    let look = Look::run(&args.target.request()?, args.page)?;
    for failure in &look.instance.spaces.failures {
        context.warn(failure)?;
    }
    let all_read = look.instance.spaces.failures.is_empty();
    let document = RedoDocument::of(&look);
    let verbose = context.verbose;
    context.emit(&document, |out| document.write_text(out, verbose))?;
    Ok(match document.worst() {
        Some(Severity::Critical) => Status::Critical,
        Some(Severity::Unknown) => Status::Unknown,
        _ if all_read => Status::Healthy,
        _ => Status::Unknown,
    })
}
