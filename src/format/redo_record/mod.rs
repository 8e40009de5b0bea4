//! The records of a mini-transaction of MariaDB 10.5 and later, as they are written.
//!
//! | first byte | meaning |
//! |---|---|
//! | 0, 1 | no record: the end of the mini-transaction (10.8 on: its sequence bit) |
//! | bits 0..3 | bytes that follow, or 0: a varint that counts from its own first byte, 15 less |
//! | bits 4..6 | type, see [`Operation`] |
//! | bit 7 | same page as the record before; in front of the first page record: a file record, see [`FileRecord`] |
//!
//! A page record goes on with space id and page number as varints (not where bit 7 is set), a file record with the space
//! id and a zero. Varints are one to five bytes, each form beginning where the shorter one ends. Parsing does not judge:
//! what makes no sense is [`Operation::Unknown`] or [`RedoRecord::Malformed`].
//! (`mtr0types.h`, `mtr0log.h`, `log0recv.cc` MariaDB 11.8; the same in 10.5.)

mod operation;
#[cfg(test)]
mod tests;

use crate::bytes::u64_at;
use crate::units::{Lsn, PageNo, SpaceId};

pub use crate::format::redo_record::operation::{Insert, Operation, RowLayout};

/// A page of a tablespace.
pub type PageId = (SpaceId, PageNo);

const SAME_PAGE: u8 = 0x80;
const FREE_PAGE: u8 = 0x00;
const INIT_PAGE: u8 = 0x10;
const EXTENDED: u8 = 0x20;
const WRITE: u8 = 0x30;
const MEMSET: u8 = 0x40;
const MEMMOVE: u8 = 0x50;
const OPTION: u8 = 0x70;
const TYPE: u8 = 0x70;

const FILE_CREATE: u8 = 0x80;
const FILE_DELETE: u8 = 0x90;
const FILE_RENAME: u8 = 0xA0;
const FILE_MODIFY: u8 = 0xB0;
const FILE_CHECKPOINT: u8 = 0xF0;
const FILE_TYPE: u8 = 0xF0;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedoRecord<'a> {
    /// A change of a page.
    Page(PageChange<'a>),
    /// A change of a file.
    File(FileRecord<'a>),
    /// `FILE_CHECKPOINT` with the LSN of the checkpoint that it completes; `None` is padding.
    Checkpoint(Option<Lsn>),
    /// Nothing that a server writes.
    Malformed,
}

/// A change of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageChange<'a> {
    /// Which page.
    pub page: PageId,
    /// Offsets count from the end of the record before, not from 0.
    pub same_page: bool,
    /// What is done.
    pub operation: Operation<'a>,
    /// The record as written.
    pub raw: &'a [u8],
}

/// What happens to a file (`mfile_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// `FILE_CREATE`.
    Create,
    /// `FILE_DELETE`: dropped, or discarded before an import.
    Delete,
    /// `FILE_RENAME`.
    Rename,
    /// `FILE_MODIFY`: the first change since a checkpoint.
    Modify,
}

/// A change of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRecord<'a> {
    /// What happens.
    pub change: FileChange,
    /// To which tablespace.
    pub space: SpaceId,
    /// The name of its file, the new one where it is renamed; as the server writes it, mostly `./db/table.ibd`.
    pub name: &'a [u8],
}

/// The records of one mini-transaction, without its terminator.
#[derive(Debug, Clone)]
pub struct MtrRecords<'a> {
    rest: &'a [u8],
    page: Option<PageId>,
    hidden: bool,
}

impl<'a> MtrRecords<'a> {
    /// Of a log whose records are written in clear.
    pub fn new(bytes: &'a [u8]) -> MtrRecords<'a> {
        MtrRecords { rest: bytes, page: None, hidden: false }
    }

    /// Of a log that hides what is behind the page number (`innodb_encrypt_log` of 10.8 to 10.11.14 and their like).
    pub fn hidden(bytes: &'a [u8]) -> MtrRecords<'a> {
        MtrRecords { hidden: true, ..MtrRecords::new(bytes) }
    }

    fn read(&mut self, first: u8, raw: &'a [u8], body: &'a [u8]) -> RedoRecord<'a> {
        let same_page = first & SAME_PAGE != 0;
        let (page, body) = match (same_page, self.page) {
            (true, Some(page)) => (page, body),
            (true, None) => return file_record(first, body),
            (false, _) => match page_id(body) {
                Some(found) => found,
                None => return RedoRecord::Malformed,
            },
        };
        self.page = Some(page);
        let operation = match self.hidden {
            true => Operation::parse_hidden(first & TYPE, body),
            false => Operation::parse(first & TYPE, body),
        };
        RedoRecord::Page(PageChange { page, same_page, operation, raw })
    }
}

impl<'a> Iterator for MtrRecords<'a> {
    type Item = RedoRecord<'a>;

    fn next(&mut self) -> Option<RedoRecord<'a>> {
        let all = self.rest;
        let (&first, _) = all.split_first()?;
        let Some((body_at, end)) = extent(all).filter(|&(_, end)| end <= all.len()) else {
            self.rest = &[];
            return Some(RedoRecord::Malformed);
        };
        let (raw, rest) = all.split_at(end);
        self.rest = rest;
        Some(self.read(first, raw, raw.get(body_at..).unwrap_or_default()))
    }
}

/// Calls `each` for what every page record of a mini-transaction says behind its page: the part that is ciphertext in an
/// encrypted log. File records are in clear (`log_encrypt_buf`, `mtr_t::commit_files`, MariaDB 10.8 to 11.8).
pub fn each_payload(mtr: &mut [u8], mut each: impl FnMut(PageId, &mut [u8])) {
    let (mut at, mut page) = (0, None);
    while let Some(rest) = mtr.get(at..).filter(|rest| !rest.is_empty()) {
        let (Some(&first), Some((body, end))) = (rest.first(), extent(rest)) else { return };
        let Some(bytes) = rest.get(body..end) else { return };
        let payload = match (first & SAME_PAGE != 0, page) {
            (true, Some(id)) => Some((id, bytes.len())),
            (true, None) => None,
            (false, _) => page_id(bytes).map(|(id, payload)| (id, payload.len())),
        };
        let Some(next) = at.checked_add(end) else { return };
        if let Some((id, len)) = payload {
            page = Some(id);
            if let Some(payload) = next.checked_sub(len).and_then(|from| mtr.get_mut(from..next)) {
                each(id, payload);
            }
        }
        at = next;
    }
}

/// Where the body of the record that `bytes` begins with lies: its first byte, and one past its last, which may be past
/// the end of `bytes`. `None` where even its length is cut or impossible.
pub(crate) fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    let (&first, rest) = bytes.split_first()?;
    match first & 0xF {
        0 => {
            let (more, after) = varint(rest)?;
            let body = bytes.len().checked_sub(after.len())?;
            let end = usize::try_from(more).ok()?.checked_add(16)?;
            (body <= end).then_some((body, end))
        }
        n => Some((1, 1 + usize::from(n))),
    }
}

/// `mlog_decode_varint`.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (more, value, base) = match first {
        0..=0x7F => (0, first, 0),
        0x80..=0xBF => (1, first & 0x3F, 0x80),
        0xC0..=0xDF => (2, first & 0x1F, 0x4080),
        0xE0..=0xEF => (3, first & 0x0F, 0x20_4080),
        0xF0 => (4, 0, 0x1020_4080),
        _ => return None,
    };
    let (tail, rest) = rest.split_at_checked(more)?;
    let value = tail.iter().fold(u64::from(value), |value, &byte| value << 8 | u64::from(byte));
    Some((value + base, rest))
}

fn varint_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (value, rest) = varint(bytes)?;
    Some((u32::try_from(value).ok()?, rest))
}

fn page_id(body: &[u8]) -> Option<(PageId, &[u8])> {
    let (space, body) = varint_u32(body)?;
    let (page, body) = varint_u32(body)?;
    Some(((SpaceId(space), PageNo(page)), body))
}

fn file_record(first: u8, body: &[u8]) -> RedoRecord<'_> {
    let kind = first & FILE_TYPE;
    let Some(((space, page), name)) = page_id(body).filter(|((_, page), _)| *page == PageNo(0)) else {
        return if kind == FILE_CHECKPOINT { RedoRecord::Checkpoint(None) } else { RedoRecord::Malformed };
    };
    debug_assert_eq!(page, PageNo(0));
    let change = match kind {
        FILE_CREATE => FileChange::Create,
        FILE_DELETE => FileChange::Delete,
        FILE_RENAME => FileChange::Rename,
        FILE_MODIFY => FileChange::Modify,
        FILE_CHECKPOINT => {
            let lsn = u64_at(name, 0).filter(|&lsn| lsn != 0 && name.len() == 8);
            return RedoRecord::Checkpoint(lsn.map(Lsn));
        }
        _ => return RedoRecord::Malformed,
    };
    // The names of a rename are parted by a zero: the second is the one that the file has from here on.
    let name = name.rsplit(|&byte| byte == 0).next().unwrap_or_default();
    RedoRecord::File(FileRecord { change, space, name })
}
