//! Annotated bytes of a page: every field begins a line of its own, repeated lines are counted.

use std::io::{self, Write};

use serde::Serialize;

use crate::bytes::slice_at;
use crate::format::fields::PageField;

/// Bytes on a full line.
const WIDTH: usize = 16;
/// What bytes between known fields are called.
const BODY: &str = "body";

/// One line, or several of the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct HexLine {
    /// Offset of the first byte in the page.
    pub offset: usize,
    /// The bytes, two digits each.
    pub hex: String,
    /// The bytes as ASCII, others as dots.
    pub ascii: String,
    /// The field that begins here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How many further lines hold the same bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The lines of a page, cut where its fields begin. Fields that overlap an earlier one are left out.
pub fn lines(page: &[u8], fields: &[PageField]) -> Vec<HexLine> {
    let mut lines: Vec<HexLine> = Vec::new();
    for (start, end, region) in regions(page.len(), fields) {
        let mut at = start;
        while at < end {
            // Bodies are cut at multiples of the width, so that repeated lines are recognised; fields are not torn.
            let begin = if region == BODY { at / WIDTH * WIDTH } else { at };
            let next = begin.saturating_add(WIDTH).min(end);
            let Some(bytes) = slice_at(page, at, next - at) else { return lines };
            push(&mut lines, at, bytes, (at == start).then(|| region.to_owned()));
            at = next;
        }
    }
    lines
}

fn push(lines: &mut Vec<HexLine>, offset: usize, bytes: &[u8], region: Option<String>) {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.join(" ");
    if let Some(last) = lines.last_mut().filter(|last| region.is_none() && last.hex == hex) {
        last.repeated += 1;
        return;
    }
    let ascii = bytes.iter().map(|&byte| if (0x20..0x7F).contains(&byte) { char::from(byte) } else { '.' });
    lines.push(HexLine { offset, hex, ascii: ascii.collect(), region, repeated: 0 });
}

/// Start, end and name of every region; together they cover the page.
fn regions(len: usize, fields: &[PageField]) -> Vec<(usize, usize, &str)> {
    let mut sorted: Vec<&PageField> = fields.iter().filter(|field| field.len > 0).collect();
    sorted.sort_by_key(|field| field.offset);
    let mut regions = Vec::new();
    let mut at = 0;
    for field in sorted {
        let Some(end) = field.offset.checked_add(field.len).filter(|&end| end <= len && field.offset >= at)
        else {
            continue;
        };
        if field.offset > at {
            regions.push((at, field.offset, BODY));
        }
        regions.push((field.offset, end, field.name.as_str()));
        at = end;
    }
    if at < len {
        regions.push((at, len, BODY));
    }
    regions
}

/// Writes lines for a person.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, lines: &[HexLine]) -> io::Result<()> {
    for line in lines {
        let region = line.region.as_deref().unwrap_or_default();
        let text = format!("  {:#06x}  {:<47}  {:<16}  {region}", line.offset, line.hex, line.ascii);
        writeln!(out, "{}", text.trim_end())?;
        if line.repeated > 0 {
            writeln!(out, "  *       the same {} more", crate::units::count(line.repeated, "time"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, offset: usize, len: usize) -> PageField {
        PageField { name: name.into(), value: String::new(), offset, len }
    }

    #[test]
    fn every_field_begins_a_line_and_every_byte_is_shown_once() {
        let page: Vec<u8> = (0..100).collect();
        let fields = [field("B", 28, 8), field("A", 0, 4), field("inside B", 30, 2), field("past", 99, 9)];
        let lines = lines(&page, &fields);
        let starts: Vec<_> = lines.iter().map(|l| (l.offset, l.region.as_deref())).collect();
        let expected =
            [(0, Some("A")), (4, Some("body")), (16, None), (28, Some("B")), (36, Some("body")), (48, None)];
        assert_eq!(starts[..6], expected);
        let shown: Vec<u8> = lines
            .iter()
            .flat_map(|l| l.hex.split(' ').map(|b| u8::from_str_radix(b, 16).unwrap()).collect::<Vec<_>>())
            .collect();
        assert_eq!(shown, page);
        assert_eq!(lines[3].hex, "1c 1d 1e 1f 20 21 22 23");
    }

    #[test]
    fn repeated_lines_are_counted_but_never_over_a_field() {
        let mut page = vec![0; 16 * 20];
        page[16 * 10] = b'x';
        let lines = lines(&page, &[field("F", 16 * 5, 16)]);
        let found: Vec<_> = lines.iter().map(|l| (l.offset / 16, l.repeated)).collect();
        assert_eq!(found, [(0, 4), (5, 0), (6, 3), (10, 0), (11, 8)]);
        assert_eq!(lines[3].ascii, "x...............");
        let mut text = Vec::new();
        write(&mut text, &lines).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("  *       the same 4 times more\n"), "{text}");
        assert!(text.lines().nth(2).unwrap().ends_with("................  F"), "{text}");
    }

    #[test]
    fn an_empty_page_has_no_lines() {
        assert_eq!(lines(&[], &[field("A", 0, 4)]), []);
    }
}
