//! Pages in images without a usable structure: raw disks, partitions, files in pieces.
//!
//! A page is recognised by its own bytes at any multiple of 512, whatever lies around it:
//!
//! 1. [`mod@probe`] tries every page size and layout at one place. What a header must look like comes first and costs a few
//!    comparisons; only then a checksum is computed, and only one that looks at the content counts.
//! 2. Behind a page that verified, one with the next number of the same space is listed even if it is damaged.
//! 3. `runs` puts pages together whose numbers follow their place, and tells doublewrite slots: neighbours whose
//!    numbers do not.
//!
//! Pages that MySQL encrypted cannot be told from noise without their key and are not found.
//! Memory: one window of 1 MiB, and about 64 bytes for every page found.

pub mod probe;
pub mod runs;
#[cfg(test)]
mod tests;

use crate::disk::Image;
use crate::error::{Error, Result};
use crate::format::reduced::ReducedEntry;
use crate::format::trx_sys::DoublewriteHeader;
use crate::page::PageState;
use crate::units::{ByteOffset, PageNo, PageSize, SECTOR};

pub use crate::commands::carve::probe::{Hit, ProbedSizes, probe, probe_next, probe_reduced};
pub use crate::commands::carve::runs::{CarvedRun, RunKind, group};

/// How much of the image is looked at between two reads.
const WINDOW: usize = 1 << 20;
/// The largest page that may begin at the end of a window.
const OVERLAP: usize = 65536;
/// What is left out where the system cannot read.
const UNREADABLE_PIECE: usize = 4096;

/// A page and where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarvedPage {
    /// Where in the image.
    pub offset: ByteOffset,
    /// What it is.
    pub hit: Hit,
    /// A likely doublewrite slot; set by [`group`].
    pub doublewrite: bool,
    /// Index of its run; set by [`group`].
    pub run: u32,
}

/// The doublewrite header of a system tablespace, and where its transaction system page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundHeader {
    /// Where page 5 lies.
    pub offset: ByteOffset,
    /// Its size.
    pub size: PageSize,
    /// First page of each block.
    pub blocks: [PageNo; 2],
}

/// A page of a reduced doublewrite file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundReduced {
    /// Where in the image.
    pub offset: ByteOffset,
    /// Its entries.
    pub entries: Vec<ReducedEntry>,
}

/// Everything that was found in an image.
#[derive(Debug, Default)]
pub struct Carved {
    /// In the order of their places.
    pub pages: Vec<CarvedPage>,
    /// Doublewrite headers on transaction system pages.
    pub headers: Vec<FoundHeader>,
    /// Pages of reduced doublewrite files.
    pub reduced: Vec<FoundReduced>,
    /// Size of the image in bytes.
    pub bytes: u64,
    /// How many bytes the system would not read.
    pub unreadable: u64,
    /// The first of its refusals.
    pub failure: Option<Error>,
}

impl Carved {
    /// Whether nothing of InnoDB was found.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.reduced.is_empty()
    }
}

/// Looks for pages of the given sizes from the first byte of an image to the last.
///
/// # Errors
/// Nothing of the image can be read.
pub fn carve(image: &Image, sizes: &ProbedSizes) -> Result<Carved> {
    let mut search =
        Search { sizes, carved: Carved { bytes: image.len(), ..Carved::default() }, next: 0, previous: None };
    let mut buffer = vec![0; WINDOW + OVERLAP];
    let mut base = 0u64;
    while base < image.len() {
        let read = search.read(image, base, &mut buffer);
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        search.window(base, bytes);
        base = base.saturating_add(WINDOW as u64);
        // Nothing begins among zeros. The last window before the bytes is looked at, as the first one in the hole was.
        let hole = image.hole_end(ByteOffset(base)).map_or(0, |end| end.0.saturating_sub(base));
        let windows = hole.saturating_sub(OVERLAP as u64) / WINDOW as u64;
        base = base.saturating_add(windows.saturating_mul(WINDOW as u64));
    }
    match search.carved.failure.take() {
        Some(error) if search.carved.unreadable >= image.len() => Err(error),
        failure => Ok(Carved { failure, ..search.carved }),
    }
}

struct Search<'a> {
    sizes: &'a ProbedSizes,
    carved: Carved,
    /// Nothing before this place is looked at any more: it belongs to a page.
    next: u64,
    /// The last page, for the one behind it.
    previous: Option<CarvedPage>,
}

impl Search<'_> {
    /// Fills the buffer; pieces that cannot be read become zeros.
    fn read(&mut self, image: &Image, base: u64, buffer: &mut [u8]) -> usize {
        if let Ok(read) = image.read_up_to(ByteOffset(base), buffer) {
            return read;
        }
        let mut filled = 0usize;
        for piece in buffer.chunks_mut(UNREADABLE_PIECE) {
            let at = base.saturating_add(filled as u64);
            match image.read_up_to(ByteOffset(at), piece) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(_) if at >= image.len() => break,
                Err(error) => {
                    piece.fill(0);
                    filled += piece.len();
                    // The overlap is read again with the next window.
                    let again = filled > WINDOW;
                    self.carved.unreadable += if again { 0 } else { UNREADABLE_PIECE as u64 };
                    self.carved.failure.get_or_insert(error);
                }
            }
        }
        filled
    }

    fn window(&mut self, base: u64, bytes: &[u8]) {
        for at in (0..bytes.len().min(WINDOW)).step_by(SECTOR) {
            let offset = base.saturating_add(at as u64);
            if offset < self.next {
                continue;
            }
            let Some(here) = bytes.get(at..) else { return };
            self.look(offset, here);
        }
    }

    fn look(&mut self, offset: u64, here: &[u8]) {
        let expected = self.previous.filter(|page| page.offset.0 + page.hit.size.as_u64() == offset);
        let hit = probe(here, self.sizes).or_else(|| probe_next(here, &expected?.hit));
        if let Some(hit) = hit {
            self.add(ByteOffset(offset), hit, here);
        } else if let Some(entries) = probe_reduced(here) {
            self.carved.reduced.push(FoundReduced { offset: ByteOffset(offset), entries });
            self.next = offset.saturating_add(crate::format::reduced::reduced_page_size().as_u64());
        }
    }

    fn add(&mut self, offset: ByteOffset, hit: Hit, here: &[u8]) {
        let found = CarvedPage { offset, hit, doublewrite: false, run: 0 };
        self.next = offset.0.saturating_add(hit.taken as u64);
        self.previous = Some(found);
        self.carved.pages.push(found);
        if hit.state == PageState::Valid && hit.is_transaction_system() {
            let header = here.get(..hit.size.bytes()).and_then(DoublewriteHeader::parse);
            let triple = header.map(|h| if h.first.has_magic() { h.first } else { h.repeat });
            if let Some(triple) = triple.filter(|triple| triple.has_magic()) {
                let blocks = [triple.block1, triple.block2];
                self.carved.headers.push(FoundHeader { offset, size: hit.size, blocks });
            }
        }
    }
}

impl CarvedPage {
    /// Where the file would begin, if this page lies where its number says; may be negative.
    pub fn file_start(&self) -> i128 {
        i128::from(self.offset.0) - i128::from(self.hit.page_no.offset(self.hit.size).0)
    }
}
