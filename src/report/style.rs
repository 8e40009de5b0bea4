//! Colours and tables. Whether colours reach the terminal is decided by the stream that is written to; how wide a
//! table may be, by [`crate::report::width`].

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};
use unicode_width::UnicodeWidthStr;

use crate::report::width;

/// Healthy.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Needs attention.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Critical.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Headings.
pub const HEAD: Style = Style::new().bold();

/// Columns in front of every row.
const INDENT: usize = 2;
/// Columns in front of what folds under its row.
const UNDER: usize = 6;
/// Columns between two cells.
const GAP: usize = 2;
/// A path is not made shorter than this.
const SHORTEST_PATH: usize = 24;
/// The headings of columns that hold paths.
const PATHS: [&str; 2] = ["FILE", "HOME"];
/// The heading of the column that says which page it is: it stays in its row.
const PAGE: &str = "PAGE";

/// Text in a style.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A table without borders that fits the terminal: columns that say nothing are left out, paths are shortened in the
/// middle, and what does not fit beside the others folds under its row.
#[derive(Debug)]
pub struct Sheet {
    header: Vec<String>,
    right: Vec<usize>,
    rows: Vec<SheetRow>,
}

#[derive(Debug, Default)]
struct SheetRow {
    cells: Vec<String>,
    reason: Option<(String, String)>,
}

/// A table without borders; the columns named in `right` are aligned to the right.
pub fn table(header: &[&str], right: &[usize]) -> Sheet {
    let header = header.iter().map(|&name| name.to_owned()).collect();
    Sheet { header, right: right.to_vec(), rows: Vec::new() }
}

/// The column whose text wraps.
const FREE: &str = "VALUE";

/// The lines of a table, indented by two.
pub fn indented(sheet: &Sheet) -> String {
    sheet.lay_out(width::of_tables())
}

impl Sheet {
    /// One more row.
    pub fn add_row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Sheet {
        let cells = cells.into_iter().map(Into::into).collect();
        self.rows.push(SheetRow { cells, reason: None });
        self
    }

    /// Why the last row is as it is: said under it, or, where several rows have one reason, once below the table with
    /// the names of them all.
    pub fn explain(&mut self, name: &str, reason: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.reason = Some((name.to_owned(), reason.to_owned()));
        }
    }

    fn lay_out(&self, columns: usize) -> String {
        let mut shown: Vec<usize> =
            (0..self.header.len()).filter(|&column| self.says_something(column)).collect();
        let limit = if self.needs(&shown, usize::MAX) <= columns {
            usize::MAX
        } else {
            (columns / 3).max(SHORTEST_PATH)
        };
        let mut folded = Vec::new();
        while shown.len() > 1 {
            let over = self.needs(&shown, limit).saturating_sub(columns);
            if over == 0 {
                break;
            }
            let leaves = self.to_fold(&shown, limit, over);
            folded.push(shown.remove(leaves));
        }
        folded.sort_unstable();
        let reasons = self.reasons();
        let mut out = String::new();
        for (number, line) in self.aligned(&shown, limit).iter().enumerate() {
            out.push_str(&format!("{:INDENT$}{}\n", "", line));
            if let Some(row) = number.checked_sub(1).and_then(|row| self.rows.get(row)) {
                out.push_str(&self.under(row, &folded, columns, &reasons));
            }
        }
        for (reason, names) in reasons.iter().filter(|(_, names)| names.len() > 1) {
            out.push_str(&format!("{:INDENT$}{}: {}\n", "", names.join(", "), reason.replace('\n', "; ")));
        }
        out
    }

    /// Dashes and empty cells only: a column that can go. The first one names the row.
    fn says_something(&self, column: usize) -> bool {
        let filled = |row: &SheetRow| row.cells.get(column).is_some_and(|cell| !is_nothing(cell));
        column == 0 || self.rows.iter().any(filled)
    }

    fn cell(&self, row: &SheetRow, column: usize, limit: usize) -> String {
        let cell = row.cells.get(column).cloned().unwrap_or_default();
        let is_path = self.header.get(column).is_some_and(|name| PATHS.contains(&name.as_str()));
        if is_path { shortened(&cell, limit) } else { cell }
    }

    /// A last column of free text may be wider than there is room: its line is broken between words.
    fn width(&self, column: usize, limit: usize) -> usize {
        if self.header.get(column).is_some_and(|name| name == FREE) {
            return FREE.width();
        }
        let cells = self.rows.iter().map(|row| self.cell(row, column, limit).width());
        cells.chain(self.header.get(column).map(|name| name.width())).max().unwrap_or_default()
    }

    fn needs(&self, shown: &[usize], limit: usize) -> usize {
        let cells: usize = shown.iter().map(|&column| self.width(column, limit)).sum();
        INDENT + cells + GAP * shown.len().saturating_sub(1)
    }

    /// Which of the shown columns folds: the last one whose leaving is enough, else the widest; never the first, and not
    /// the page while there is another.
    fn to_fold(&self, shown: &[usize], limit: usize, over: usize) -> usize {
        let may = |column: usize| self.header.get(column).is_some_and(|name| name != PAGE);
        let widths = shown.iter().enumerate().skip(1).filter(|&(_, &column)| may(column));
        let widths: Vec<(usize, usize)> =
            widths.map(|(at, &column)| (at, self.width(column, limit))).collect();
        let enough = widths.iter().rev().find(|(_, width)| width + GAP >= over);
        let widest = widths.iter().max_by_key(|(_, width)| *width);
        enough.or(widest).map_or(1, |&(at, _)| at)
    }

    fn aligned(&self, shown: &[usize], limit: usize) -> Vec<String> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(shown.iter().filter_map(|&column| self.header.get(column)));
        for row in &self.rows {
            table.add_row(shown.iter().map(|&column| self.cell(row, column, limit)));
        }
        for (at, _) in shown.iter().enumerate().filter(|(_, column)| self.right.contains(column)) {
            if let Some(column) = table.column_mut(at) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        // Cells are padded by one space; more of them in front are the alignment of the first column.
        table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect()
    }

    /// What folds under a row: the cells that had no room, each behind the name of its column, then its reason.
    fn under(&self, row: &SheetRow, folded: &[usize], columns: usize, reasons: &Reasons<'_>) -> String {
        let mut lines: Vec<String> = Vec::new();
        for &column in folded {
            let cell = self.cell(row, column, columns.saturating_sub(UNDER + 8));
            if is_nothing(&cell) {
                continue;
            }
            let name = self.header.get(column).map_or("", String::as_str);
            let piece = format!("{name} {cell}").trim().to_owned();
            match lines.last_mut() {
                Some(line) if UNDER + line.width() + GAP + piece.width() <= columns => {
                    line.push_str("  ");
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
        let alone = |reason: &&str| reasons.get(reason).is_some_and(|names| names.len() == 1);
        lines.extend(
            row.reason
                .as_ref()
                .map(|(_, reason)| reason.as_str())
                .filter(alone)
                .into_iter()
                .flat_map(str::lines)
                .map(str::to_owned),
        );
        lines.iter().map(|line| format!("{:UNDER$}{line}\n", "")).collect()
    }

    /// Every reason with the rows that it holds for.
    fn reasons(&self) -> Reasons<'_> {
        let mut reasons = Reasons::new();
        for (name, reason) in self.rows.iter().filter_map(|row| row.reason.as_ref()) {
            reasons.entry(reason).or_default().push(name);
        }
        reasons
    }
}

type Reasons<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn is_nothing(cell: &str) -> bool {
    cell.is_empty() || cell == "-"
}

/// A path of at most so many columns: the name at its end stays whole where it can, what is left out is in the middle.
fn shortened(path: &str, limit: usize) -> String {
    let length = path.chars().count();
    if length <= limit || path.width() <= limit {
        return path.to_owned();
    }
    let name = path.rsplit('/').next().map_or(length, |name| name.chars().count() + 1);
    let room = limit.saturating_sub(1);
    let tail = if name < room { name.max(room / 2) } else { room.div_ceil(2) };
    let head: String = path.chars().take(room.saturating_sub(tail)).collect();
    let tail: String = path.chars().skip(length.saturating_sub(tail)).collect();
    format!("{head}\u{2026}{tail}")
}

/// Text from a file, safe for a terminal: control characters, and those that turn the direction of writing, are shown as
/// escapes.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns_round(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Whether a character changes the direction of what stands behind it.
pub fn turns_round(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sheet {
        let mut sheet = table(&["VERDICT", "FILE", "OFFSET", "COPY", "TABLE"], &[2]);
        sheet.add_row(["restorable", "d/t1.ibd", "114688", "#ib_16384_0.dblwr slot 189, LSN 22799400", "-"]);
        sheet.explain("2:7", "torn");
        sheet.add_row(["stale", "a/long/way/down/to/the/table.ibd", "0", "-", "-"]);
        sheet.explain("3:0", "old");
        sheet
    }

    #[test]
    fn rows_take_the_room_there_is() {
        let wide = sample().lay_out(200);
        let lines: Vec<&str> = wide.lines().collect();
        assert_eq!(lines[0], "  VERDICT     FILE                              OFFSET  COPY");
        assert_eq!(lines[2], "      torn");
        assert!(lines[3].contains("  a/long/way/down/to/the/table.ibd       0"), "{wide}");
        for columns in [40, 60, 80, 100] {
            let text = sample().lay_out(columns);
            for line in text.lines() {
                assert!(line.width() <= columns.max(52), "{columns}: {line}");
            }
            assert!(text.contains("#ib_16384_0.dblwr slot 189, LSN 22799400"), "{text}");
        }
        assert!(
            sample()
                .lay_out(60)
                .contains("      COPY #ib_16384_0.dblwr slot 189, LSN 22799400\n      torn\n")
        );
    }

    #[test]
    fn a_reason_that_repeats_is_said_once() {
        let mut sheet = table(&["PAGE"], &[]);
        for page in ["2:7", "2:9", "3:1"] {
            sheet.add_row([page]);
            sheet.explain(page, if page == "3:1" { "other" } else { "same" });
        }
        assert_eq!(sheet.lay_out(80), "  PAGE\n  2:7\n  2:9\n  3:1\n      other\n  2:7, 2:9: same\n");
    }

    #[test]
    fn paths_are_shortened_in_the_middle() {
        assert_eq!(shortened("d/t1.ibd", 24), "d/t1.ibd");
        assert_eq!(shortened("/srv/mysql/data/production/orders.ibd", 24), "/srv/mysql/d\u{2026}/orders.ibd");
        assert_eq!(shortened(&"x".repeat(40), 24).chars().count(), 24);
        assert_eq!(shortened("abc", 0), "\u{2026}");
    }
}
