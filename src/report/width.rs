//! How wide the texts for people may be: told once by the program, which knows the terminal.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use unicode_width::UnicodeWidthStr;

/// What tables are laid out for where nobody knows.
const UNKNOWN: usize = 80;
/// Narrower than this, nothing fits.
const LEAST: usize = 40;

/// `next: `, but no sentence, is shorter than this.
const LABEL: usize = 12;

/// Zero: not known.
static COLUMNS: AtomicUsize = AtomicUsize::new(0);

/// The width of the terminal, in columns, where it is known.
pub fn set(columns: Option<usize>) {
    COLUMNS.store(columns.map_or(0, |columns| columns.max(LEAST)), Relaxed);
}

/// Columns that a table may take.
pub fn of_tables() -> usize {
    known().unwrap_or(UNKNOWN)
}

fn known() -> Option<usize> {
    Some(COLUMNS.load(Relaxed)).filter(|&columns| columns > 0)
}

/// A text with its long lines folded between words, where the width is known: a file or a pipe gets sentences whole.
pub fn fit(text: String) -> String {
    match known() {
        Some(columns) => text.split_inclusive('\n').map(|line| folded(line, columns)).collect(),
        None => text,
    }
}

/// A command line is never folded: it is there to be pasted.
fn folded(line: &str, columns: usize) -> String {
    let text = line.trim_end();
    if visible(text) <= columns {
        return line.to_owned();
    }
    if let Some((command, remark)) = remarked(text) {
        return format!("{command}\n{}", folded(&remark, columns));
    }
    let body = text.trim_start_matches(' ');
    let indent = text.len() - body.len();
    let hanging = if indent > 0 || has_label(body) { indent + 2 } else { 0 };
    let hanging =
        last_column(body).map(|at| indent + at).filter(|at| at * 4 <= columns * 3).unwrap_or(hanging);
    let (body, command) = split_command(body);
    let mut out = " ".repeat(indent);
    let mut used = indent;
    let words = body.split(' ').filter(|_| !body.is_empty());
    let pieces = words.chain((!command.is_empty()).then_some(command));
    for (number, piece) in pieces.enumerate() {
        let wide = visible(piece);
        if number > 0 && wide > 0 && used + 1 + wide > columns {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&" ".repeat(hanging));
            used = hanging;
        } else if number > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(piece);
        used += wide;
    }
    out.push('\n');
    out
}

/// A command line and the remark in brackets behind it, which goes below the command.
fn remarked(text: &str) -> Option<(&str, String)> {
    let (command, remark) = text.rsplit_once("    (").filter(|_| text.ends_with(')'))?;
    let begins = command.find("dblwr ").filter(|&at| at < LABEL)?;
    Some((command, format!("{}({remark}\n", " ".repeat(begins + 2))))
}

/// Where the last column of a row of a table begins: behind the last two spaces.
fn last_column(body: &str) -> Option<usize> {
    body.rfind("  ").and_then(|at| body.get(..at + 2)).map(visible)
}

/// `note: ...`, `if the server is started now: ...`: what folds stands behind the label.
fn has_label(body: &str) -> bool {
    let label = body.split_once(": ").map(|(label, _)| label);
    label.is_some_and(|label| label.split(' ').count() <= 6 && !label.contains(". "))
}

/// What stands before a command line, and the command line: it begins a line or follows a colon.
fn split_command(body: &str) -> (&str, &str) {
    if body.starts_with("dblwr ") {
        return ("", body);
    }
    match body.rfind(": dblwr ") {
        // A label stays with its command.
        Some(at) if at < LABEL => ("", body),
        Some(at) => (body.get(..=at).unwrap_or(body), body.get(at + 2..).unwrap_or_default()),
        None => (body, ""),
    }
}

fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_fold_between_words_and_commands_do_not() {
        let long = "  note: one two three four five six seven eight nine ten\n";
        assert_eq!(folded(long, 40), "  note: one two three four five six\n    seven eight nine ten\n");
        assert_eq!(folded("short\n", 40), "short\n");
        let remarked =
            "next: dblwr restore a-long-name --apply    (writes it, with a journal to take it back)\n";
        let below = "next: dblwr restore a-long-name --apply\n        (writes it, with a journal to take\n          it back)\n";
        assert_eq!(folded(remarked, 44), below);
        let row = "   56   1024  TRX_SYS_RSEGS  one of 128 slots\n";
        assert_eq!(folded(row, 44), format!("   56   1024  TRX_SYS_RSEGS  one of 128\n{:29}slots\n", ""));
        let painted = "\u{1b}[1mone two three four five six seven eight nine\u{1b}[0m\n";
        assert_eq!(folded(painted, 40).lines().count(), 2);
        let command = "to take it back: dblwr revert a/very/long/name/of/a/restore.journal --apply\n";
        let text = folded(command, 40);
        assert!(text.contains("dblwr revert a/very/long/name/of/a/restore.journal --apply\n"), "{text}");
        let command = "      dblwr restore /srv/mysql/data/production --apply    (writes it)\n";
        assert!(folded(command, 40).starts_with("      dblwr restore /srv/mysql/data/production --apply"));
    }
}
