//! What stands below a report: the prediction, the advice, what must not be done, and the next commands. All of it follows from
//! one [`Advice`], so that no line contradicts another.

use std::io::{self, Write};

use crate::report::guard::{guard_beside, write_guard};
use crate::report::restore::restoring;
use crate::report::{command_line, style};
use crate::verdict::predict::{Advice, Prediction, Remedy};

/// The prediction and the advice, a line each.
///
/// # Errors
/// Those of the writer.
pub fn write_prediction(out: &mut dyn Write, prediction: &Prediction) -> io::Result<()> {
    writeln!(out, "if the server is started now: {}", style::printable(&prediction.line()))?;
    writeln!(out, "advice: {}", style::printable(&prediction.advice.to_string()))
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
