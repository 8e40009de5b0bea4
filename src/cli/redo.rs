//! `dblwr redo`.

use crate::cli::args::Redo;
use crate::cli::{Context, ExitStatus};
use crate::commands::redo::RedoLook;
use crate::report::redo::RedoDocument;

pub(super) fn run(args: &Redo, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let look = RedoLook::run(&args.target.request()?, args.page)?;
    for failure in &look.instance.spaces.failures {
        context.warn(failure)?;
    }
    let all_read = look.instance.spaces.failures.is_empty();
    let document = RedoDocument::of(&look);
    let verbose = context.verbose;
    context.emit(&document, |out| document.write_text(out, verbose))?;
    let status = ExitStatus::of_problems(&document.problems);
    Ok(if all_read { status } else { status.worse(ExitStatus::Unknown) })
}
