//! Extent descriptors: which pages of a tablespace are free. A damaged free page is harmless.
//!
//! One entry describes one extent of E pages; a descriptor page holds P/E entries (P = physical page size), so pages 0,
//! P, 2P, ... describe the P pages from themselves on.
//!
//! | offset in entry | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 8 | `XDES_ID` | file segment that owns the extent |
//! | 8 | 12 | `XDES_FLST_NODE` | list node |
//! | 20 | 4 | `XDES_STATE` | state |
//! | 24 | E/4 | `XDES_BITMAP` | two bits a page, lowest first: bit 0 free, bit 1 clean |
//!
//! Sources: `fsp0fsp.h` (MySQL 5.7, 9.7; MariaDB 11.8).

use crate::bytes::{slice_at, u8_at, u32_at, u64_at};
use crate::format::fsp::{PageFormat, XDES_ARR_OFFSET, xdes_size};
use crate::units::PageNo;

/// State in an extent descriptor.
pub const XDES_STATE: usize = 20;
/// Bitmap in an extent descriptor.
pub const XDES_BITMAP: usize = 24;

/// `XDES_STATE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExtentState {
    /// 0: never initialised (beyond `FSP_FREE_LIMIT`).
    NotInitialised,
    /// 1: in the free list of the tablespace.
    Free,
    /// 2: single pages are handed out, some are free.
    FreeFrag,
    /// 3: single pages are handed out, none is free.
    FullFrag,
    /// 4: belongs to a file segment.
    Fseg,
    /// 5: a segment's extent lent out page by page (MySQL 8.0).
    FsegFrag,
    /// A number no server writes.
    Unknown(u32),
}

impl ExtentState {
    fn from_number(number: u32) -> ExtentState {
        match number {
            0 => ExtentState::NotInitialised,
            1 => ExtentState::Free,
            2 => ExtentState::FreeFrag,
            3 => ExtentState::FullFrag,
            4 => ExtentState::Fseg,
            5 => ExtentState::FsegFrag,
            other => ExtentState::Unknown(other),
        }
    }
}

impl std::fmt::Display for ExtentState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExtentState::NotInitialised => f.pad("not initialised"),
            ExtentState::Free => f.pad("FREE"),
            ExtentState::FreeFrag => f.pad("FREE_FRAG"),
            ExtentState::FullFrag => f.pad("FULL_FRAG"),
            ExtentState::Fseg => f.pad("FSEG"),
            ExtentState::FsegFrag => f.pad("FSEG_FRAG"),
            ExtentState::Unknown(number) => write!(f, "unknown state {number}"),
        }
    }
}

/// Whether a page is in use, by its descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DescriptorState {
    /// Free, or in an extent that was never initialised: nothing that the server would read.
    Free,
    /// Handed out; `segment` is the owner of the whole extent where there is one.
    Used {
        /// File segment id, for extents in state FSEG or FSEG_FRAG.
        segment: Option<u64>,
    },
}

/// One extent descriptor.
#[derive(Debug, Clone, Copy)]
pub struct Extent<'a> {
    /// Offset of the entry in its page.
    pub offset: usize,
    /// First page of the extent.
    pub first: PageNo,
    /// State.
    pub state: ExtentState,
    /// Owning segment; meaningful only in the FSEG states.
    pub segment: u64,
    bitmap: &'a [u8],
}

impl Extent<'_> {
    /// Whether the page `index` pages into the extent is marked free; `None` beyond the extent.
    pub fn is_free(&self, index: u32) -> Option<bool> {
        let byte = u8_at(self.bitmap, usize::try_from(index / 4).ok()?)?;
        Some(byte >> ((index % 4) * 2) & 1 != 0)
    }

    /// Pages of the extent marked free.
    pub fn free_pages(&self) -> u32 {
        /// The free bits of four pages.
        const FREE: u8 = 0b0101_0101;
        self.bitmap.iter().map(|byte| (byte & FREE).count_ones()).sum()
    }
}

/// Number of the page that holds the descriptor of `page_no`.
pub fn descriptor_page(format: &PageFormat, page_no: PageNo) -> PageNo {
    PageNo(page_no.0 & !(format.physical.as_u32() - 1))
}

/// Extents that one descriptor page describes.
pub fn extents_per_page(format: &PageFormat) -> u32 {
    format.physical.as_u32() / format.logical.extent_pages()
}

/// Entry `index` of a descriptor page whose number is `descriptor`.
pub fn extent<'a>(page: &'a [u8], format: &PageFormat, descriptor: PageNo, index: u32) -> Option<Extent<'a>> {
    if index >= extents_per_page(format) {
        return None;
    }
    let size = xdes_size(format.logical);
    let offset = usize::try_from(index).ok()?.checked_mul(size)?.checked_add(XDES_ARR_OFFSET)?;
    let entry = slice_at(page, offset, size)?;
    Some(Extent {
        offset,
        first: PageNo(descriptor.0.checked_add(index.checked_mul(format.logical.extent_pages())?)?),
        state: ExtentState::from_number(u32_at(entry, XDES_STATE)?),
        segment: u64_at(entry, 0)?,
        bitmap: entry.get(XDES_BITMAP..)?,
    })
}

/// The descriptor of the extent that holds `page_no`, from its descriptor page (see [`descriptor_page`]).
pub fn extent_of<'a>(xdes_page: &'a [u8], format: &PageFormat, page_no: PageNo) -> Option<Extent<'a>> {
    let descriptor = descriptor_page(format, page_no);
    let index = page_no.0.checked_sub(descriptor.0)? / format.logical.extent_pages();
    extent(xdes_page, format, descriptor, index)
}

/// Whether `page_no` is free according to its descriptor page. `None` where the descriptor says nothing believable.
/// The descriptor page must be trusted by the caller; it is not checked here.
pub fn page_state(xdes_page: &[u8], format: &PageFormat, page_no: PageNo) -> Option<DescriptorState> {
    let extent = extent_of(xdes_page, format, page_no)?;
    let free = extent.is_free(page_no.0 % format.logical.extent_pages())?;
    match extent.state {
        // The bitmap of an extent beyond the free limit is zero, which would read as "used".
        ExtentState::NotInitialised | ExtentState::Free => Some(DescriptorState::Free),
        ExtentState::Unknown(_) => None,
        _ if free => Some(DescriptorState::Free),
        ExtentState::Fseg | ExtentState::FsegFrag => {
            Some(DescriptorState::Used { segment: Some(extent.segment) })
        }
        ExtentState::FreeFrag | ExtentState::FullFrag => Some(DescriptorState::Used { segment: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PageSize;

    fn page_with(index: usize, state: u32, segment: u64, bitmap: &[u8]) -> Vec<u8> {
        let mut page = vec![0; 16384];
        let at = XDES_ARR_OFFSET + index * 40;
        page[at..at + 8].copy_from_slice(&segment.to_be_bytes());
        page[at + 20..at + 24].copy_from_slice(&state.to_be_bytes());
        page[at + 24..at + 24 + bitmap.len()].copy_from_slice(bitmap);
        page
    }

    const FORMAT: fn() -> PageFormat = || PageFormat::classic(PageSize::DEFAULT);

    #[test]
    fn bits_are_read_lowest_first() {
        // Page 66 of extent 64..127: third pair of the first byte.
        let page = page_with(1, 4, 9, &[0b0001_0000]);
        let state = |n| page_state(&page, &FORMAT(), PageNo(n));
        assert_eq!(state(66), Some(DescriptorState::Free));
        assert_eq!(state(65), Some(DescriptorState::Used { segment: Some(9) }));
        assert_eq!(state(64), Some(DescriptorState::Used { segment: Some(9) }));
    }

    #[test]
    fn free_extents_are_free_whatever_their_bits_and_unknown_states_say_nothing() {
        assert_eq!(page_state(&page_with(0, 0, 0, &[]), &FORMAT(), PageNo(5)), Some(DescriptorState::Free));
        assert_eq!(page_state(&page_with(0, 1, 0, &[]), &FORMAT(), PageNo(5)), Some(DescriptorState::Free));
        assert_eq!(page_state(&page_with(0, 6, 0, &[0xFF; 16]), &FORMAT(), PageNo(5)), None);
        assert_eq!(page_state(&[0; 200], &FORMAT(), PageNo(6400)), None, "a page that is cut short");
    }

    #[test]
    fn pages_are_described_on_multiples_of_the_physical_size() {
        let zip = PageFormat::zip(PageSize::DEFAULT, PageSize::new(8192).unwrap());
        assert_eq!(descriptor_page(&zip, PageNo(8191)), PageNo(0));
        assert_eq!(descriptor_page(&zip, PageNo(8192)), PageNo(8192));
        assert_eq!(extents_per_page(&zip), 128);
        assert_eq!(descriptor_page(&FORMAT(), PageNo(u32::MAX)), PageNo(0xFFFF_C000));
        let page = page_with(255, 2, 0, &[0b01]);
        assert_eq!(page_state(&page, &FORMAT(), PageNo(16384 + 255 * 64)), Some(DescriptorState::Free));
        assert_eq!(extent(&page, &FORMAT(), PageNo(0), 256).map(|e| e.offset), None);
    }
}
