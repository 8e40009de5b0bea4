//! What is written on a page, field by field, for people: every page type that servers write.
//!
//! Fixed fields are tables in `layouts`; what repeats or depends on other fields (extents, segments, slots, records)
//! is gathered in `parts`. Nothing is judged here.

pub mod layouts;
pub mod parts;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use crate::bytes::{slice_at, u8_at, u16_at, u32_at, u48_at, u64_at};
use crate::format::fil::{FilHeader, page_type};
use crate::format::flags;
use crate::format::fsp::{Layout, PageFormat};
use crate::format::index_header::index_header;
use crate::units::{FIL_NULL, SpaceId};

/// One field of a page.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct PageField {
    /// InnoDB's name where it has one.
    pub name: String,
    /// The value for people.
    pub value: String,
    /// Offset in the page.
    pub offset: usize,
    /// Bytes that the field takes.
    pub len: usize,
}

/// Name of the field of the smallest key on an index page.
pub const FIRST_KEY: &str = "first key";
/// Name of the field of the greatest key on an index page.
pub const LAST_KEY: &str = "last key";

/// How the bytes of a fixed field are shown.
#[derive(Debug, Clone, Copy)]
enum FieldKind {
    /// Unsigned integers of 1, 2, 4, 6 and 8 bytes.
    U8,
    U16,
    U32,
    U48,
    U64,
    /// Four bytes in hexadecimal.
    Hex32,
    /// Tablespace flags, with their names.
    Flags,
    /// Eight bytes in hexadecimal where they are all ones, else a number.
    Id,
    /// Page number; 0xFFFFFFFF is none.
    Page,
    /// List base, 16 bytes: length, first and last node.
    Base,
    /// List node, 12 bytes: previous and next node.
    Node,
    /// Segment header, 10 bytes: space, page and offset of the inode.
    Segment,
    /// Two bytes out of a list of names.
    Named(&'static [(u16, &'static str)]),
}

/// Name, offset, kind: one line of a byte map.
type FieldLine = (&'static str, usize, FieldKind);

impl FieldKind {
    fn len(self) -> usize {
        match self {
            FieldKind::U8 => 1,
            FieldKind::U16 | FieldKind::Named(_) => 2,
            FieldKind::U32 | FieldKind::Hex32 | FieldKind::Flags | FieldKind::Page => 4,
            FieldKind::U48 => 6,
            FieldKind::U64 | FieldKind::Id => 8,
            FieldKind::Segment => 10,
            FieldKind::Node => 12,
            FieldKind::Base => 16,
        }
    }

    fn show(self, page: &[u8], at: usize) -> Option<String> {
        Some(match self {
            FieldKind::U8 => u8_at(page, at)?.to_string(),
            FieldKind::U16 => u16_at(page, at)?.to_string(),
            FieldKind::U32 => u32_at(page, at)?.to_string(),
            FieldKind::U48 => u48_at(page, at)?.to_string(),
            FieldKind::U64 => u64_at(page, at)?.to_string(),
            FieldKind::Hex32 => format!("0x{:08X}", u32_at(page, at)?),
            FieldKind::Flags => {
                let flags = u32_at(page, at)?;
                let words = flags::describe(flags).map(|words| format!(" ({words})"));
                format!("0x{flags:08X}{}", words.unwrap_or_default())
            }
            FieldKind::Id => match u64_at(page, at)? {
                u64::MAX => format!("0x{:X}", u64::MAX),
                id => id.to_string(),
            },
            FieldKind::Page => page_text(u32_at(page, at)?),
            FieldKind::Base => {
                let length = u32_at(page, at)?;
                let (first, last) = (address(page, at.checked_add(4)?)?, address(page, at.checked_add(10)?)?);
                format!("length {length}, first {first}, last {last}")
            }
            FieldKind::Node => {
                format!("prev {}, next {}", address(page, at)?, address(page, at.checked_add(6)?)?)
            }
            FieldKind::Segment => {
                let inode = address(page, at.checked_add(4)?)?;
                format!("space {}, inode {inode}", u32_at(page, at)?)
            }
            FieldKind::Named(names) => {
                let value = u16_at(page, at)?;
                match names.iter().find(|(number, _)| *number == value) {
                    Some((_, name)) => format!("{value} ({name})"),
                    None => value.to_string(),
                }
            }
        })
    }
}

fn page_text(page_no: u32) -> String {
    if page_no == FIL_NULL { "none".into() } else { page_no.to_string() }
}

/// A file address: page 4, offset 2.
fn address(page: &[u8], at: usize) -> Option<String> {
    let page_no = u32_at(page, at)?;
    let offset = u16_at(page, at.checked_add(4)?)?;
    Some(if page_no == FIL_NULL { "none".into() } else { format!("{page_no}:{offset}") })
}

/// The page being described and what was found on it so far.
struct FieldSummary<'a> {
    page: &'a [u8],
    format: &'a PageFormat,
    header: FilHeader,
    fields: Vec<PageField>,
}

impl FieldSummary<'_> {
    fn lines(&mut self, lines: &[FieldLine]) {
        for &(name, offset, kind) in lines {
            self.line(name, offset, kind);
        }
    }

    fn line(&mut self, name: &str, offset: usize, kind: FieldKind) {
        if let Some(value) = kind.show(self.page, offset) {
            self.push(name, value, offset, kind.len());
        }
    }

    fn push(&mut self, name: impl Into<String>, value: impl Into<String>, offset: usize, len: usize) {
        self.fields.push(PageField { name: name.into(), value: value.into(), offset, len });
    }

    /// The 38 bytes in front. Page 0 of MySQL 8.0+ keeps two versions where other pages keep their neighbours.
    fn fil_header(&mut self) {
        let first = if self.format.layout == Layout::FullCrc32 {
            ("FIL_PAGE_FCRC32_KEY_VERSION", 0, FieldKind::U32)
        } else {
            ("FIL_PAGE_SPACE_OR_CHKSUM", 0, FieldKind::Hex32)
        };
        self.lines(&[first, ("FIL_PAGE_OFFSET", 4, FieldKind::U32)]);
        let versions = self.header.page_no.0 == 0 && self.header.prev != FIL_NULL && self.header.prev != 0;
        if versions {
            self.lines(&[
                ("FIL_PAGE_SRV_VERSION", 8, FieldKind::U32),
                ("FIL_PAGE_SPACE_VERSION", 12, FieldKind::U32),
            ]);
        } else {
            self.lines(&[("FIL_PAGE_PREV", 8, FieldKind::Page), ("FIL_PAGE_NEXT", 12, FieldKind::Page)]);
        }
        self.line("FIL_PAGE_LSN", 16, FieldKind::U64);
        let kind = self.header.page_type;
        self.push("FIL_PAGE_TYPE", format!("{kind} ({})", self.type_name()), 24, 2);
        self.lines(&[
            ("FIL_PAGE_FILE_FLUSH_LSN", 26, FieldKind::U64),
            ("FIL_PAGE_SPACE_ID", 34, FieldKind::U32),
        ]);
    }

    /// InnoDB's name of the type, where 18 is told apart by what stands on the page.
    fn type_name(&self) -> &'static str {
        match self.header.page_type {
            page_type::SDI_BLOB if index_header(self.page).is_some() => "INSTANT",
            page_type::SDI_BLOB => "SDI_BLOB",
            other => page_type::name(other),
        }
    }

    fn trailer(&mut self) {
        let Some(at) = self.page.len().checked_sub(8) else { return };
        match self.format.layout {
            Layout::Zip => {}
            Layout::Classic => {
                self.line("FIL_PAGE_END_LSN_OLD_CHKSUM", at, FieldKind::Hex32);
                self.line("FIL_PAGE_END_LSN_LOW", at.saturating_add(4), FieldKind::U32);
            }
            Layout::FullCrc32 => {
                self.line("FIL_PAGE_FCRC32_END_LSN", at, FieldKind::U32);
                self.line("FIL_PAGE_FCRC32_CHECKSUM", at.saturating_add(4), FieldKind::Hex32);
            }
        }
    }

    /// Descriptor pages are where they are whatever their type says: files of before MySQL 5.1 hold garbage in it.
    fn body_type(&self) -> u16 {
        let place = self.header.page_no.0 % self.format.physical.as_u32();
        let typed = self.header.page_type;
        let told = !matches!(typed, page_type::ALLOCATED | page_type::UNKNOWN);
        match place {
            0 if self.header.page_no.0 == 0 => page_type::FSP_HDR,
            0 => page_type::XDES,
            1 if !told => page_type::IBUF_BITMAP,
            2 if !told && self.header.page_no.0 == 2 => page_type::INODE,
            _ => typed,
        }
    }

    fn body(&mut self) {
        match self.body_type() {
            page_type::FSP_HDR => self.fsp_header(),
            page_type::XDES => self.extents(),
            page_type::INODE => self.inodes(),
            page_type::IBUF_BITMAP => self.ibuf_bitmap(),
            page_type::TRX_SYS => self.trx_sys(),
            page_type::SYS => self.sys(),
            page_type::UNDO_LOG => self.undo_log(),
            page_type::RSEG_ARRAY => self.rseg_array(),
            kind if index_header(self.page).is_some() => self.index(kind),
            kind => self.lines(layouts::fixed(kind)),
        }
    }

    fn sys(&mut self) {
        match (self.header.space_id, self.header.page_no.0) {
            (SpaceId::SYSTEM, 3) => self.lines(layouts::IBUF_HEADER),
            (SpaceId::SYSTEM, 7) => self.lines(layouts::DICT_HDR),
            _ => self.rseg_header(),
        }
    }
}

/// Every field of a page that can be told, in the order of the page: FIL header, body by type, trailer. A page of zeros
/// or one shorter than a FIL header has none.
pub fn page_fields(page: &[u8], format: &PageFormat) -> Vec<PageField> {
    let Some(header) = FilHeader::parse(page).filter(|_| !crate::bytes::is_zero(page)) else {
        return Vec::new();
    };
    let mut summary = FieldSummary { page, format, header, fields: Vec::new() };
    summary.fil_header();
    summary.body();
    summary.trailer();
    summary.fields
}

/// Text of a fixed width, up to its first zero byte.
fn text(page: &[u8], at: usize, width: usize) -> Option<String> {
    let bytes = slice_at(page, at, width)?;
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(width);
    let mut shown = String::new();
    for chunk in bytes.get(..end)?.utf8_chunks() {
        shown.extend(chunk.valid().chars().map(|c| if c.is_control() { '.' } else { c }));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    Some(shown)
}
