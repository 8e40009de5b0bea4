//! Colours and tables. Whether colours reach the terminal is decided by the stream that is written to.

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};

/// Healthy.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Needs attention.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Critical.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Headings.
pub const HEAD: Style = Style::new().bold();

/// Text in a style.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A table without borders; the columns named in `right` are aligned to the right.
pub fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header.to_vec());
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The lines of a table, indented by two.
pub fn indented(table: &Table) -> String {
    // Cells are padded by one space; more of them in front are the alignment of the first column.
    table.lines().map(|line| format!("  {}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end())).collect()
}

/// Text from a file, safe for a terminal: control characters, and those that turn the direction of writing, are shown as
/// escapes.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
