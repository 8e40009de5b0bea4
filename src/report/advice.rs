//! What stands below a report: the prediction, the advice, what must not be done, and the next commands. All of it follows from
//! one [`Advice`], so that no line contradicts another.

use std::io::{self, Write};

use crate::report::guard::{guard_beside, write_guard};
use crate::report::restore::restoring;
use crate::report::{command_line, style};
use crate::verdict::predict::{Advice, MayStart, Prediction, Remedy};

/// The prediction and the advice, a line each.
///
/// # Errors
/// Those of the writer.
pub fn write_prediction(out: &mut dyn Write, prediction: &Prediction) -> io::Result<()> {
    lines(prediction).iter().try_for_each(|line| writeln!(out, "{}", style::printable(line)))
}

/// The same as lines: what the next start does, unless a server runs, and what to do.
pub fn lines(prediction: &Prediction) -> Vec<String> {
    let start = prediction.line().map(|line| format!("if the server is started now: {line}"));
    start.into_iter().chain([format!("advice: {}", prediction.advice)]).collect()
}

/// What must not be done, and the commands that do what the advice says.
///
/// # Errors
/// Those of the writer.
pub fn write_next(out: &mut dyn Write, advice: &Advice, restorable: usize, path: &str) -> io::Result<()> {
    write_guard(out, guard_beside(advice, restorable > 0))?;
    for (at, (command, what)) in next(advice, restorable, path).iter().enumerate() {
        let word = if at == 0 { "next:" } else { "     " };
        writeln!(out, "{word} {command}    ({what})")?;
    }
    Ok(())
}

fn next(advice: &Advice, restorable: usize, path: &str) -> Vec<(String, &'static str)> {
    let mut lines = Vec::new();
    if advice.start == MayStart::Running {
        let saved = format!("{} --out evidence.dblwr-bundle", command_line::on("capture", path));
        lines.extend(
            (restorable > 0).then_some((saved, "saves the copies; restore refuses while a server runs")),
        );
        return lines;
    }
    if restorable > 0 {
        lines.push((command_line::on("restore", path), "shows the plan, writes nothing"));
        lines.push((format!("{} --apply", restoring(path)), "writes it, with a journal to take it back"));
    }
    let wants = |wanted: Remedy| advice.remedies().any(|remedy| *remedy == wanted);
    if wants(Remedy::LostWrites) {
        let command = format!("{} --include-lost-writes", restoring(path));
        lines.push((command, "shows how the newer version of a lost write is put back; --apply writes it"));
    }
    if wants(Remedy::FromRedo) {
        let command = format!("{} --from redo", restoring(path));
        lines.push((command, "shows what the redo log makes whole; --apply writes it"));
    }
    lines
}
