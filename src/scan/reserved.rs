//! Pages that the doublewrite buffer's file segment owns but nobody writes.
//!
//! When a server makes the built-in buffer, the first pages its segment gets are single ones; only then come whole
//! extents, which become the blocks. MariaDB never initialises the single pages (`buf_dblwr_t::create`, 10.5 to 11.8).
//!
//! | page 5, from the doublewrite header | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 4 | 4 | `FSEG_HDR_PAGE_NO` | page of the segment's inode |
//! | 8 | 2 | `FSEG_HDR_OFFSET` | offset of the inode in it |
//!
//! | inode | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 60 | 4 | `FSEG_MAGIC_N` | 97937874 |
//! | 64 | E/2 * 4 | `FSEG_FRAG_ARR` | single pages, 0xFFFFFFFF for none |
//!
//! Sources: `fsp0fsp.h` (MySQL 5.7, MariaDB 10.11), `fsp0types.h` (MySQL 9.7).

use std::collections::BTreeSet;

use crate::bytes::{slice_at, u16_at, u32_at};
use crate::dict::PageSource;
use crate::image::Image;
use crate::instance::Instance;
use crate::naming::Pages;
use crate::space::Tablespace;
use crate::trx_sys::{TRX_SYS_DOUBLEWRITE_FROM_END, TRX_SYS_PAGE};
use crate::units::{FIL_NULL, PageNo};

const FSEG_HDR_PAGE_NO: usize = 4;
const FSEG_HDR_OFFSET: usize = 8;
const FSEG_MAGIC_N: usize = 60;
const FSEG_MAGIC_N_VALUE: u32 = 97_937_874;
const FSEG_FRAG_ARR: usize = 64;

/// The pages of the system tablespace that are reserved so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reserved {
    pages: BTreeSet<PageNo>,
    /// Where the segment cannot be read, everything in front of the buffer may belong to it.
    below: PageNo,
}

impl Reserved {
    /// What the segment of an instance's doublewrite buffer says.
    pub fn of(instance: &Instance) -> Reserved {
        let Some(system) = instance.spaces.system() else { return Reserved::default() };
        if let Some(pages) = fragments(system) {
            return Reserved { pages, below: PageNo(0) };
        }
        let first = instance.areas.iter().filter_map(|area| Some(area.blocks?.0)).min();
        Reserved { pages: BTreeSet::new(), below: first.unwrap_or_default() }
    }

    /// Whether the page may be all zero although it is in use.
    pub fn contains(&self, page_no: PageNo) -> bool {
        page_no < self.below || self.pages.contains(&page_no)
    }
}

/// Page 5 is read as it lies: a torn one mostly still tells, and the inode's magic is proof enough.
fn fragments(system: &Tablespace) -> Option<BTreeSet<PageNo>> {
    let place = system.place(TRX_SYS_PAGE).filter(|place| place.in_bounds)?;
    let page5 =
        Image::open(&place.file.path).ok()?.read_page(place.offset, system.format.physical).ok()??;
    let header = page5.len().checked_sub(TRX_SYS_DOUBLEWRITE_FROM_END)?;
    let inode_page = PageNo(u32_at(&page5, header + FSEG_HDR_PAGE_NO)?);
    let offset = usize::from(u16_at(&page5, header + FSEG_HDR_OFFSET)?);
    let inodes = Pages::of(system).page(inode_page)?;
    if u32_at(&inodes, offset.checked_add(FSEG_MAGIC_N)?)? != FSEG_MAGIC_N_VALUE {
        return None;
    }
    let slots = system.format.logical.extent_pages() as usize / 2;
    let array = slice_at(&inodes, offset.checked_add(FSEG_FRAG_ARR)?, slots.checked_mul(4)?)?;
    let numbers = array.chunks_exact(4).filter_map(|word| u32_at(word, 0));
    Some(numbers.filter(|&number| number != FIL_NULL).map(PageNo).collect())
}
