//! Pages, field by field.

use dblwr::internals::format::fil::page_type;
use dblwr::internals::format::fsp::{Layout, PageFormat, XDES_ARR_OFFSET, xdes_size};
use dblwr::internals::page::checksum::{Algorithm, stamp};

/// What stands on a page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub format: PageFormat,
    pub sum: Algorithm,
    pub space: u32,
    pub number: u32,
    pub lsn: u64,
    pub kind: u16,
    /// Of page 0 only.
    pub flags: u32,
    /// Of page 0 only: pages in the tablespace.
    pub pages: u32,
    /// Of page 0 only: what it has in prev and next.
    pub siblings: (u32, u32),
}

pub fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

impl Page {
    /// Every sector differs from every other page's and version's.
    pub fn bytes(&self) -> Vec<u8> {
        let mut page = vec![0; self.format.physical.bytes()];
        let mut random =
            (u64::from(self.space) << 40) ^ (u64::from(self.number) << 20) ^ self.lsn ^ 0x9E37_79B9;
        for word in page[38..].chunks_exact_mut(8) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            word.copy_from_slice(&random.to_le_bytes());
        }
        put(&mut page, 4, &self.number.to_be_bytes());
        let (prev, next) = if self.number == 0 { self.siblings } else { (u32::MAX, u32::MAX) };
        put(&mut page, 8, &prev.to_be_bytes());
        put(&mut page, 12, &next.to_be_bytes());
        put(&mut page, 16, &self.lsn.to_be_bytes());
        put(&mut page, 24, &self.kind.to_be_bytes());
        put(&mut page, 34, &self.space.to_be_bytes());
        if self.number == 0 {
            self.tablespace_header(&mut page);
        }
        if self.kind == page_type::INDEX {
            // One index in every tablespace (PAGE_INDEX_ID).
            put(&mut page, 66, &[0, 0, 0, 0, 0, 0, 0, 40]);
        }
        if self.kind == page_type::TRX_SYS {
            let header = page.len() - 200;
            page[header..].fill(0);
            // One rollback segment, and 127 places without any (TRX_SYS_RSEGS).
            page[56..56 + 128 * 8].fill(0xFF);
            put(&mut page, 56, &[0, 0, 0, 0, 0, 0, 0, 6]);
        }
        self.seal(&mut page);
        page
    }

    /// All extents belong to one segment and no page of them is free.
    fn tablespace_header(&self, page: &mut [u8]) {
        let end = page.len();
        page[38..end].fill(0);
        put(page, 38, &self.space.to_be_bytes());
        put(page, 46, &self.pages.to_be_bytes());
        put(page, 50, &self.pages.to_be_bytes());
        put(page, 54, &self.flags.to_be_bytes());
        let extents = page.len() / self.format.logical.extent_pages() as usize;
        for extent in 0..extents {
            let at = XDES_ARR_OFFSET + extent * xdes_size(self.format.logical);
            put(page, at, &(1 + self.lsn).to_be_bytes());
            put(page, at + 20, &4u32.to_be_bytes());
        }
        // What makes two versions differ in their last sector, too.
        put(page, end - 40, &self.lsn.to_be_bytes());
    }

    /// Checksums after a change, as this page's server writes them.
    pub fn seal(&self, page: &mut [u8]) {
        let sum = if self.format.layout == Layout::FullCrc32 { Algorithm::FullCrc32 } else { self.sum };
        stamp(page, &self.format, sum).unwrap();
    }
}
