//! Bringing one page forward: the records of a mini-transaction done to the page as the server keeps it in memory.
//!
//! What `log_phys_t::apply` of MariaDB does (10.5.23 and 11.8.6 alike), with every offset checked: a record that
//! contradicts the page is refused, and nothing is read or written outside of it. LSN, trailer and checksum are not the
//! records' business: the first is the end of the mini-transaction, the others are made when a page is written.

mod delete;
mod directory;
mod index;
mod insert;
mod insert_redundant;
#[cfg(test)]
mod tests;
mod undo;

use std::fmt;

use crate::bytes::{put, put_u16, put_u32, put_u64, slice_at, u16_at};
use crate::format::fil::{
    FIL_PAGE_DATA_END, FIL_PAGE_LSN, FIL_PAGE_NEXT, FIL_PAGE_OFFSET, FIL_PAGE_PREV, FIL_PAGE_SPACE_ID,
    FIL_PAGE_TYPE,
};
use crate::format::redo_record::{MtrRecords, Operation, PageChange, PageId, RedoRecord, RowLayout};
use crate::page::checksum::crc32c;
use crate::units::{FIL_NULL, Lsn};

/// No record reaches the fields before it: checksum and page number.
const FIRST_WRITABLE: usize = FIL_PAGE_PREV;
/// Records of pages 0 to 2 are plain writes.
const FIRST_EXTENDED: u32 = 3;

/// Why a record was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The server's name of the record.
    pub record: &'static str,
    /// What is wrong.
    pub why: Contradiction,
}

/// How a record and its page contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// It names bytes outside of the page, or a structure of the page that is not there.
    Page,
    /// It is of a kind that is not known, or hidden by encryption.
    Unknown,
    /// It frees the page or cuts the file before it.
    Gone,
    /// The page does not have the checksum that the server noted for it.
    Checksum,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Contradiction::Page => "contradicts the page",
            Contradiction::Unknown => "cannot be read",
            Contradiction::Gone => "leaves no page",
            Contradiction::Checksum => "states another checksum than the page has",
        };
        write!(f, "{} {why}", self.record)
    }
}

/// A page as the server keeps it in memory: decrypted, decompressed, `ROW_FORMAT=COMPRESSED` as it is stored.
#[derive(Debug)]
pub struct Frame<'a> {
    bytes: &'a mut [u8],
    id: PageId,
    zip: bool,
    /// Where the next `same page` record counts from; `None` where there may be none.
    position: Option<usize>,
}

impl<'a> Frame<'a> {
    /// The page `id` in `bytes`, whose length is its size in memory.
    pub fn new(bytes: &'a mut [u8], id: PageId, zip: bool) -> Frame<'a> {
        Frame { bytes, id, zip, position: None }
    }

    /// Does what a mini-transaction does to this page; records of other pages in it are passed over. The page's LSN
    /// becomes `end`.
    ///
    /// # Errors
    /// A record contradicts the page. The page is then half changed and worth nothing.
    pub fn apply(&mut self, records: MtrRecords<'_>, end: Lsn) -> Result<(), Refused> {
        for record in records {
            match record {
                RedoRecord::Page(record) if record.page == self.id => self.apply_one(&record)?,
                RedoRecord::Malformed => {
                    return Err(Refused { record: "UNKNOWN", why: Contradiction::Unknown });
                }
                _ => {}
            }
        }
        let stamped = put_u64(self.bytes, FIL_PAGE_LSN, end.0);
        stamped.ok_or(Refused { record: "INIT_PAGE", why: Contradiction::Page })
    }

    /// Does one record.
    ///
    /// # Errors
    /// It contradicts the page.
    pub fn apply_one(&mut self, record: &PageChange<'_>) -> Result<(), Refused> {
        let refused = |why| Refused { record: record.operation.name(), why };
        let from = if record.same_page { self.position } else { Some(0) };
        let done = match record.operation {
            Operation::Free | Operation::Trim => return Err(refused(Contradiction::Gone)),
            Operation::Hidden { .. } | Operation::Unknown => return Err(refused(Contradiction::Unknown)),
            Operation::Nothing => return Ok(()),
            Operation::Checksum(sum) if self.sum() != Some(sum) => {
                return Err(refused(Contradiction::Checksum));
            }
            Operation::Checksum(_) => return Ok(()),
            Operation::Init => self.init(),
            Operation::Write { ahead, bytes } => self.write(from, ahead, bytes),
            Operation::Fill { ahead, len, pattern } => self.fill(from, ahead, len, pattern),
            Operation::Move { ahead, len, distance } => self.shift(from, ahead, len, distance),
            other => self.extended(&other),
        };
        self.position = done;
        done.map(|_| ()).ok_or(refused(Contradiction::Page))
    }

    fn extended(&mut self, operation: &Operation<'_>) -> Option<usize> {
        if self.zip || self.id.1.0 < FIRST_EXTENDED {
            return None;
        }
        let page = &mut *self.bytes;
        match *operation {
            Operation::InitIndex(row) => index::create(page, row)?,
            Operation::InitUndo => undo::create(page)?,
            Operation::AppendUndo(record) => undo::append(page, record)?,
            Operation::Insert(ref row) if row.row == RowLayout::Dynamic => insert::dynamic(page, row)?,
            Operation::Insert(ref row) => insert_redundant::insert(page, row)?,
            Operation::DeleteRedundant { prev } => delete::redundant(page, prev)?,
            Operation::DeleteDynamic { prev, header, data } => delete::dynamic(page, prev, header, data)?,
            _ => return None,
        }
        Some(FIL_PAGE_TYPE)
    }

    fn init(&mut self) -> Option<usize> {
        self.bytes.fill(0);
        put_u32(self.bytes, FIL_PAGE_OFFSET, self.id.1.0)?;
        put_u32(self.bytes, FIL_PAGE_PREV, FIL_NULL)?;
        put_u32(self.bytes, FIL_PAGE_NEXT, FIL_NULL)?;
        put_u32(self.bytes, FIL_PAGE_SPACE_ID, self.id.0.0)?;
        Some(FIL_PAGE_TYPE)
    }

    /// Where an operation begins, if it may.
    fn target(&self, from: Option<usize>, ahead: u32) -> Option<usize> {
        let at = from?.checked_add(usize::try_from(ahead).ok()?)?;
        (at >= FIRST_WRITABLE && at < self.bytes.len()).then_some(at)
    }

    fn write(&mut self, from: Option<usize>, ahead: u32, bytes: &[u8]) -> Option<usize> {
        let at = self.target(from, ahead)?;
        put(self.bytes, at, bytes)
    }

    fn fill(&mut self, from: Option<usize>, ahead: u32, len: u32, pattern: &[u8]) -> Option<usize> {
        let at = self.target(from, ahead)?;
        let end = at.checked_add(usize::try_from(len).ok()?)?;
        let room = self.bytes.get_mut(at..end)?;
        room.chunks_mut(pattern.len().max(1)).try_for_each(|chunk| {
            chunk.copy_from_slice(pattern.get(..chunk.len())?);
            Some(())
        })?;
        Some(end)
    }

    fn shift(&mut self, from: Option<usize>, ahead: u32, len: u32, distance: i64) -> Option<usize> {
        let at = self.target(from, ahead)?;
        let len = usize::try_from(len).ok()?;
        let source = usize::try_from(i64::try_from(at).ok()?.checked_add(distance)?).ok()?;
        if source < FIRST_WRITABLE {
            return None;
        }
        copy(self.bytes, source, at, len)?;
        at.checked_add(len)
    }

    /// `OPT_PAGE_CHECKSUM`: CRC-32C of all that a record can write.
    fn sum(&self) -> Option<u32> {
        let body = self.bytes.len().checked_sub(FIL_PAGE_SPACE_ID + FIL_PAGE_DATA_END)?;
        let parts = [
            slice_at(self.bytes, FIL_PAGE_OFFSET, FIL_PAGE_LSN - FIL_PAGE_OFFSET)?,
            slice_at(self.bytes, FIL_PAGE_TYPE, 2)?,
            slice_at(self.bytes, FIL_PAGE_SPACE_ID, body)?,
        ];
        Some(crc32c(&parts.concat()))
    }
}

/// Two bytes as a place in the page.
fn word(page: &[u8], at: usize) -> Option<usize> {
    u16_at(page, at).map(usize::from)
}

/// Adds to a two-byte counter, or takes from it.
fn count(page: &mut [u8], at: usize, by: isize) -> Option<()> {
    let value = word(page, at)?.checked_add_signed(by)?;
    put_u16(page, at, value)
}

fn copy(page: &mut [u8], from: usize, to: usize, len: usize) -> Option<()> {
    let (source_end, target_end) = (from.checked_add(len)?, to.checked_add(len)?);
    if source_end > page.len() || target_end > page.len() {
        return None;
    }
    page.copy_within(from..source_end, to);
    Some(())
}

fn zero(page: &mut [u8], from: usize, to: usize) -> Option<()> {
    page.get_mut(from..to)?.fill(0);
    Some(())
}
