//! What a page record does, and its fields.

use crate::bytes::u32_at;
use crate::format::redo_record::{
    EXTENDED, FREE_PAGE, INIT_PAGE, MEMMOVE, MEMSET, OPTION, WRITE, varint_u32,
};

/// What a record does to its page (`mrec_type_t`, `mrec_ext_t`). Offsets and lengths in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// `FREE_PAGE`: whatever the page holds does not matter any more.
    Free,
    /// `INIT_PAGE`: all zero but page number, neighbours (`FIL_NULL`) and space id.
    Init,
    /// `INIT_ROW_FORMAT_REDUNDANT` or `_DYNAMIC`: an index page without rows.
    InitIndex(RowLayout),
    /// `UNDO_INIT`: an undo page without records.
    InitUndo,
    /// `UNDO_APPEND`: a record at the end of an undo page, without its two pointers.
    AppendUndo(&'a [u8]),
    /// `INSERT_HEAP_*`, `INSERT_REUSE_*`: a row behind another.
    Insert(Insert<'a>),
    /// `DELETE_ROW_FORMAT_REDUNDANT`: the row behind the one at infimum + `prev`.
    DeleteRedundant {
        /// Distance of the row before from infimum.
        prev: u32,
    },
    /// `DELETE_ROW_FORMAT_DYNAMIC`.
    DeleteDynamic {
        /// Distance of the row before from infimum.
        prev: u32,
        /// Bytes of the row's header before its fixed five.
        header: u32,
        /// Bytes of its fields.
        data: u32,
    },
    /// `TRIM_PAGES`: the file ends before this page from here on.
    Trim,
    /// `WRITE`.
    Write {
        /// From the end of the operation before.
        ahead: u32,
        /// What is written.
        bytes: &'a [u8],
    },
    /// `MEMSET`.
    Fill {
        /// From the end of the operation before.
        ahead: u32,
        /// Bytes to fill.
        len: u32,
        /// Repeated to that length.
        pattern: &'a [u8],
    },
    /// `MEMMOVE`.
    Move {
        /// From the end of the operation before.
        ahead: u32,
        /// Bytes to move.
        len: u32,
        /// From the target to where they are taken, never 0.
        distance: i64,
    },
    /// `OPTION` with the checksum that the page has after the mini-transaction; debug builds write it.
    Checksum(u32),
    /// Another `OPTION`: nothing to do.
    Nothing,
    /// A kind whose fields are ciphertext. `len` bytes of them; one byte may be `TRIM_PAGES`.
    Hidden {
        /// Whether it may be a `TRIM_PAGES`.
        may_trim: bool,
    },
    /// Reserved or malformed: what it does to the page is not known.
    Unknown,
}

/// The layouts of rows that records know: the two kinds of index pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowLayout {
    /// `ROW_FORMAT=REDUNDANT`.
    Redundant,
    /// `ROW_FORMAT=COMPACT` and `DYNAMIC`.
    Dynamic,
}

/// A row that goes in behind another one, whose bytes it shares in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insert<'a> {
    /// Layout of the page.
    pub row: RowLayout,
    /// Into the first hole of the free list, else at the top of the heap.
    pub reuse: bool,
    /// Distance of the row before from infimum.
    pub prev: u32,
    /// `DYNAMIC` in a hole: how far the row begins from where the hole does.
    pub shift: i64,
    /// Kind of the row and info bits; above bit 2 the number of header bytes in `literal` (`DYNAMIC`) or of fields - 1.
    pub header: u32,
    /// Header bytes shared with the row before.
    pub common_header: u32,
    /// Field bytes shared with the row before.
    pub common_data: u32,
    /// The rest of header and fields.
    pub literal: &'a [u8],
}

impl<'a> Operation<'a> {
    pub(super) fn parse(kind: u8, body: &'a [u8]) -> Operation<'a> {
        match kind {
            FREE_PAGE if body.is_empty() => Some(Operation::Free),
            INIT_PAGE if body.is_empty() => Some(Operation::Init),
            EXTENDED => extended(body),
            WRITE | MEMSET | MEMMOVE => plain(kind, body),
            OPTION => Some(match (body.len(), body.first(), u32_at(body, 1)) {
                (5, Some(0), Some(sum)) => Operation::Checksum(sum),
                _ => Operation::Nothing,
            }),
            _ => None,
        }
        .unwrap_or(Operation::Unknown)
    }

    pub(super) fn parse_hidden(kind: u8, body: &'a [u8]) -> Operation<'a> {
        match kind {
            FREE_PAGE | INIT_PAGE => Operation::parse(kind, body),
            OPTION => Operation::Nothing,
            EXTENDED => Operation::Hidden { may_trim: body.len() == 1 },
            WRITE | MEMSET | MEMMOVE => Operation::Hidden { may_trim: false },
            _ => Operation::Unknown,
        }
    }

    /// The server's name of the record.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Free => "FREE_PAGE",
            Operation::Init => "INIT_PAGE",
            Operation::InitIndex(RowLayout::Redundant) => "INIT_ROW_FORMAT_REDUNDANT",
            Operation::InitIndex(RowLayout::Dynamic) => "INIT_ROW_FORMAT_DYNAMIC",
            Operation::InitUndo => "UNDO_INIT",
            Operation::AppendUndo(_) => "UNDO_APPEND",
            Operation::Insert(insert) => insert.name(),
            Operation::DeleteRedundant { .. } => "DELETE_ROW_FORMAT_REDUNDANT",
            Operation::DeleteDynamic { .. } => "DELETE_ROW_FORMAT_DYNAMIC",
            Operation::Trim => "TRIM_PAGES",
            Operation::Write { .. } => "WRITE",
            Operation::Fill { .. } => "MEMSET",
            Operation::Move { .. } => "MEMMOVE",
            Operation::Checksum(_) | Operation::Nothing => "OPTION",
            Operation::Hidden { .. } => "ENCRYPTED",
            Operation::Unknown => "UNKNOWN",
        }
    }
}

impl Insert<'_> {
    fn name(&self) -> &'static str {
        match (self.row, self.reuse) {
            (RowLayout::Redundant, false) => "INSERT_HEAP_REDUNDANT",
            (RowLayout::Redundant, true) => "INSERT_REUSE_REDUNDANT",
            (RowLayout::Dynamic, false) => "INSERT_HEAP_DYNAMIC",
            (RowLayout::Dynamic, true) => "INSERT_REUSE_DYNAMIC",
        }
    }
}

fn extended(body: &[u8]) -> Option<Operation<'_>> {
    let (&subtype, rest) = body.split_first()?;
    match (subtype, rest.is_empty()) {
        (0, true) => Some(Operation::InitIndex(RowLayout::Redundant)),
        (1, true) => Some(Operation::InitIndex(RowLayout::Dynamic)),
        (2, true) => Some(Operation::InitUndo),
        (3, false) if rest.len() > 2 => Some(Operation::AppendUndo(rest)),
        (4..=7, false) => insert(subtype, rest),
        (8, false) => {
            let (prev, rest) = varint_u32(rest)?;
            rest.is_empty().then_some(Operation::DeleteRedundant { prev })
        }
        (9, false) => {
            let (prev, rest) = varint_u32(rest)?;
            let (header, rest) = varint_u32(rest)?;
            let (data, rest) = varint_u32(rest)?;
            rest.is_empty().then_some(Operation::DeleteDynamic { prev, header, data })
        }
        (10, true) => Some(Operation::Trim),
        _ => None,
    }
}

fn insert(subtype: u8, body: &[u8]) -> Option<Operation<'_>> {
    let reuse = subtype & 1 != 0;
    let row = if subtype & 2 != 0 { RowLayout::Dynamic } else { RowLayout::Redundant };
    let (prev, body) = varint_u32(body)?;
    let (shift, body) = match (row, reuse) {
        (RowLayout::Dynamic, true) => {
            let (encoded, body) = varint_u32(body)?;
            (signed(encoded, 0), body)
        }
        _ => (0, body),
    };
    let (header, body) = varint_u32(body)?;
    let (common_header, body) = varint_u32(body)?;
    let (common_data, literal) = varint_u32(body)?;
    Some(Operation::Insert(Insert { row, reuse, prev, shift, header, common_header, common_data, literal }))
}

fn plain(kind: u8, body: &[u8]) -> Option<Operation<'_>> {
    let (ahead, bytes) = varint_u32(body)?;
    if kind == WRITE {
        return (!bytes.is_empty()).then_some(Operation::Write { ahead, bytes });
    }
    let (len, rest) = varint_u32(bytes)?;
    if kind == MEMSET {
        return (!rest.is_empty()).then_some(Operation::Fill { ahead, len, pattern: rest });
    }
    let (encoded, rest) = varint_u32(rest)?;
    let distance = signed(encoded, 1);
    rest.is_empty().then_some(Operation::Move { ahead, len, distance })
}

/// The sign stands in bit 0; distances that cannot be 0 count from 1.
fn signed(encoded: u32, from: i64) -> i64 {
    let magnitude = i64::from(encoded >> 1) + from;
    if encoded & 1 == 0 { magnitude } else { -magnitude }
}
