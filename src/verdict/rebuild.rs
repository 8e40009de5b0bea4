//! A version of a page that no file holds, made from an older one and the redo log (block media recovery).
//!
//! The start is a sound version of the page, or nothing where an `INIT_PAGE` makes it anew. Every mini-transaction that
//! follows is done whole, in order, up to a given LSN. What comes out is the page as the server would have it in memory
//! at that LSN; see `format/redo_record` and `page/forward` for the records.

use std::fmt;

use crate::format::fil::{FIL_PAGE_DATA_END, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID};
use crate::format::fsp::{Layout, PageFormat};
use crate::format::redo_record::PageId;
use crate::instance::redo::history::Change;
use crate::page::checksum::{Algorithm, stamp};
use crate::page::forward::{Frame, Refused};
use crate::units::Lsn;

/// How a page is kept in memory.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Which page.
    pub id: PageId,
    /// Bytes in memory: the page size, that of the compressed page for `ROW_FORMAT=COMPRESSED`.
    pub size: usize,
    /// `ROW_FORMAT=COMPRESSED`.
    pub zip: bool,
}

/// A version to start from, as in memory.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Decrypted and decompressed, [`Memory::size`] bytes.
    pub bytes: &'a [u8],
    /// Its LSN.
    pub lsn: Lsn,
}

/// A version that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// As in memory: trailer and checksum are those of the start, or zero.
    pub bytes: Vec<u8>,
    /// End of the last mini-transaction.
    pub lsn: Lsn,
    /// LSN of the version that it began with; `None` where an `INIT_PAGE` made it from nothing.
    pub from: Option<Lsn>,
    /// How many mini-transactions were done.
    pub mini_transactions: u64,
}

/// Why no version was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The log does not name the page, or not before the LSN wanted.
    Unnamed,
    /// There is no version to start from, and no `INIT_PAGE` in what is left of the log.
    NoStart,
    /// The version at hand is older than the oldest readable mini-transaction: changes may be missing between them.
    Gap {
        /// LSN of the version.
        start: Lsn,
        /// Of the oldest mini-transaction.
        oldest: Lsn,
    },
    /// The version at hand lies inside a mini-transaction, where no page can be.
    Inside(Lsn),
    /// The page was freed: it has no contents.
    Freed(Lsn),
    /// A record does not fit the page.
    Record(Refused, Lsn),
    /// The version at hand and the page made from nothing lead to different pages.
    Contradiction,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unnamed => f.write_str("what is left of the redo log does not change this page"),
            Refusal::NoStart => f.write_str(
                "what is left of the redo log does not initialise this page, and there is no older version to start from",
            ),
            Refusal::Gap { start, oldest } => write!(
                f,
                "the version at hand has LSN {start}, older than the oldest readable redo at LSN {oldest}: changes between \
                 them are gone"
            ),
            Refusal::Inside(lsn) => {
                write!(f, "the version at hand has LSN {lsn}, inside a mini-transaction: it is not of this log")
            }
            Refusal::Freed(lsn) => write!(f, "the page was freed at LSN {lsn}"),
            Refusal::Record(refused, lsn) => write!(f, "{refused} in the mini-transaction that ends at LSN {lsn}"),
            Refusal::Contradiction => {
                f.write_str("the version at hand and the page that redo makes from nothing lead to different pages")
            }
        }
    }
}

/// Brings a page forward to the newest mini-transaction that ends at or before `until`.
///
/// Where there is a start and an `INIT_PAGE` behind it, the start does not matter. Where the `INIT_PAGE` is older than the
/// start, both ways must lead to one page.
///
/// # Errors
/// See [`Refusal`].
pub fn rebuild(
    memory: Memory,
    start: Option<Start<'_>>,
    changes: &[Change],
    oldest: Lsn,
    until: Lsn,
) -> Result<Rebuilt, Refusal> {
    let known = changes.get(..changes.partition_point(|change| change.to <= until)).unwrap_or_default();
    let Some(last) = known.last() else { return Err(Refusal::Unnamed) };
    if last.frees() {
        return Err(Refusal::Freed(last.to));
    }
    let initialised = known.iter().rposition(Change::initialises).and_then(|at| known.get(at..));
    let from_nothing = initialised.map(|changes| forward(memory, None, changes));
    let begins_anew = |lsn: Lsn| initialised.and_then(|rest| rest.first()).is_some_and(|init| init.to > lsn);
    let Some(start) = start.filter(|start| !begins_anew(start.lsn)) else {
        return from_nothing.unwrap_or(Err(Refusal::NoStart));
    };
    if start.lsn < oldest {
        return from_nothing.unwrap_or(Err(Refusal::Gap { start: start.lsn, oldest }));
    }
    let from_start = forward(memory, Some(start), known)?;
    match from_nothing {
        Some(Ok(other)) if !same_contents(&other.bytes, &from_start.bytes) => Err(Refusal::Contradiction),
        _ => Ok(from_start),
    }
}

impl Rebuilt {
    /// The page as a server writes it, in a tablespace whose other pages verify with `algorithm`: low LSN word and
    /// checksum are made anew. Of a page of a page_compressed tablespace this is the form that is not compressed, which
    /// servers read there as well.
    ///
    /// `flush_lsn` are bytes 26..34 of page 0 of the system tablespace, which up to MariaDB 10.7 no record describes.
    pub fn written(
        &self,
        format: &PageFormat,
        algorithm: Algorithm,
        flush_lsn: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        let mut page = self.bytes.clone();
        if let Some(flush_lsn) = flush_lsn {
            page.get_mut(FIL_PAGE_FILE_FLUSH_LSN..FIL_PAGE_SPACE_ID)?.copy_from_slice(flush_lsn.get(..8)?);
        }
        stamp(&mut page, format, algorithm)?;
        Some(page)
    }
}

impl Memory {
    /// The page `id` of a tablespace of this format.
    pub fn of(id: PageId, format: &PageFormat) -> Memory {
        let zip = format.layout == Layout::Zip;
        let size = if zip { format.physical } else { format.logical };
        Memory { id, size: size.bytes(), zip }
    }
}

fn forward(memory: Memory, start: Option<Start<'_>>, changes: &[Change]) -> Result<Rebuilt, Refusal> {
    let mut bytes = start.map_or_else(|| vec![0; memory.size], |start| start.bytes.to_vec());
    if bytes.len() != memory.size {
        return Err(Refusal::NoStart);
    }
    let from = start.map(|start| start.lsn);
    let mut frame = Frame::new(&mut bytes, memory.id, memory.zip);
    let (mut lsn, mut done) = (from.unwrap_or_default(), 0);
    for change in changes.iter().filter(|change| from.is_none_or(|from| change.to > from)) {
        if change.from < lsn {
            return Err(Refusal::Inside(lsn));
        }
        if change.frees() {
            // What the page holds after this does not matter: only an INIT_PAGE may follow.
            return Err(Refusal::Freed(change.to));
        }
        frame.apply(change.records(), change.to).map_err(|refused| Refusal::Record(refused, change.to))?;
        (lsn, done) = (change.to, done + 1);
    }
    Ok(Rebuilt { bytes, lsn, from, mini_transactions: done })
}

/// Whether two pages in memory differ in nothing but what is made when a page is written.
fn same_contents(one: &[u8], other: &[u8]) -> bool {
    let parts = |page: &[u8]| {
        let end = page.len().checked_sub(FIL_PAGE_DATA_END)?;
        Some(
            [page.get(FIL_PAGE_OFFSET..FIL_PAGE_FILE_FLUSH_LSN)?, page.get(FIL_PAGE_SPACE_ID..end)?].concat(),
        )
    };
    parts(one).is_some() && parts(one) == parts(other)
}
