//! File segments: which index owns a page whose own bytes no longer tell.
//!
//! The root of an index names the inodes of its two segments, one for the leaves and one for the levels above. A whole
//! extent carries the id of its segment in the extent descriptor; single pages stand in the inode itself.
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | header 4 | 4 | `FSEG_HDR_PAGE_NO` | page of the inode |
//! | header 8 | 2 | `FSEG_HDR_OFFSET` | offset of the inode in it |
//! | inode 0 | 8 | `FSEG_ID` | segment id |
//! | inode 60 | 4 | `FSEG_MAGIC_N` | 97937874 |
//! | inode 64 | E/2 * 4 | `FSEG_FRAG_ARR` | single pages, 0xFFFFFFFF for none |
//!
//! E is the number of pages of an extent. Sources: `fsp0fsp.h` (MySQL 5.7, MariaDB 10.11), `fsp0types.h` (MySQL 9.7).

use std::collections::BTreeSet;

use crate::bytes::{slice_at, u16_at, u32_at, u64_at};
use crate::format::PageSource;
use crate::format::fsp::PageFormat;
use crate::units::{FIL_NULL, PageNo};

const FSEG_HDR_PAGE_NO: usize = 4;
const FSEG_HDR_OFFSET: usize = 8;
const FSEG_MAGIC_N: usize = 60;
const FSEG_MAGIC_N_VALUE: u32 = 97_937_874;
const FSEG_FRAG_ARR: usize = 64;

/// The inode of a file segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Segment id; never 0.
    pub id: u64,
    /// Pages that it owns one by one.
    pub single_pages: BTreeSet<PageNo>,
}

/// The segment that a segment header at `offset` of a page names; `None` where no inode with the magic lies there.
pub fn segment(source: &dyn PageSource, page: &[u8], offset: usize, format: &PageFormat) -> Option<Segment> {
    let inodes = source.page(PageNo(u32_at(page, offset.checked_add(FSEG_HDR_PAGE_NO)?)?))?;
    let inode = usize::from(u16_at(page, offset.checked_add(FSEG_HDR_OFFSET)?)?);
    if u32_at(&inodes, inode.checked_add(FSEG_MAGIC_N)?)? != FSEG_MAGIC_N_VALUE {
        return None;
    }
    let slots = format.logical.extent_pages() as usize / 2;
    let array = slice_at(&inodes, inode.checked_add(FSEG_FRAG_ARR)?, slots.checked_mul(4)?)?;
    let numbers = array.chunks_exact(4).filter_map(|word| u32_at(word, 0));
    Some(Segment {
        id: u64_at(&inodes, inode).filter(|&id| id != 0)?,
        single_pages: numbers.filter(|&number| number != FIL_NULL).map(PageNo).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::pages::{Pages, SIZE, put};
    use crate::units::PageSize;

    #[test]
    fn a_segment_is_read_through_its_header_and_only_with_its_magic() {
        let format = PageFormat::classic(PageSize::DEFAULT);
        let mut inodes = vec![0; SIZE];
        put(&mut inodes, 242, &7_u64.to_be_bytes());
        put(&mut inodes, 242 + FSEG_MAGIC_N, &FSEG_MAGIC_N_VALUE.to_be_bytes());
        put(&mut inodes, 242 + FSEG_FRAG_ARR, &[0xFF; 128]);
        put(&mut inodes, 242 + FSEG_FRAG_ARR + 4, &33_u32.to_be_bytes());
        let mut root = vec![0; SIZE];
        put(&mut root, 74, &[0, 0, 0, 5, 0, 0, 0, 2, 0, 242]);
        let mut pages = Pages([(2, inodes)].into());
        let found = segment(&pages, &root, 74, &format).unwrap();
        assert_eq!((found.id, found.single_pages), (7, BTreeSet::from([PageNo(33)])));
        put(pages.0.get_mut(&2).unwrap(), 242 + FSEG_MAGIC_N, &[0]);
        assert_eq!(segment(&pages, &root, 74, &format), None);
        assert_eq!(segment(&pages, &root, SIZE - 5, &format), None);
    }
}
