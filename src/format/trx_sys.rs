//! The doublewrite header on the transaction system page: page 5 of the system tablespace.
//!
//! It begins 200 bytes before the end of the page, at every page size.
//!
//! | offset from there | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 10 | `TRX_SYS_DOUBLEWRITE_FSEG` | file segment header |
//! | 10 | 4 | `TRX_SYS_DOUBLEWRITE_MAGIC` | 536853855 once the buffer exists |
//! | 14 | 4 | `TRX_SYS_DOUBLEWRITE_BLOCK1` | first page number of the first block |
//! | 18 | 4 | `TRX_SYS_DOUBLEWRITE_BLOCK2` | first page number of the second block |
//! | 22 | 12 | `TRX_SYS_DOUBLEWRITE_REPEAT` | the three fields above once more; servers never read them |
//! | 34 | 4 | `TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED` | 1783657386 since 4.1.1 |
//!
//! Sources: `trx0sys.h` (MySQL 5.5, 5.6; MariaDB 10.3 to 11.8), `buf0dblwr.h` (MySQL 9.7).

use crate::bytes::{slice_at, u32_at};
use crate::units::{PageNo, PageSize};

/// The transaction system page of space 0.
pub const TRX_SYS_PAGE: PageNo = PageNo(5);
/// Distance of the doublewrite header from the end of the page.
pub const TRX_SYS_DOUBLEWRITE_FROM_END: usize = 200;
/// Magic, from the start of the header.
pub const TRX_SYS_DOUBLEWRITE_MAGIC: usize = 10;
/// Distance of the repeat from the first triple.
pub const TRX_SYS_DOUBLEWRITE_REPEAT: usize = 12;
/// Marker of space ids in the slots.
pub const TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED: usize = 34;
/// Size of all fields together.
pub const TRX_SYS_DOUBLEWRITE_SIZE: usize = 38;
/// "The buffer has been created."
pub const TRX_SYS_DOUBLEWRITE_MAGIC_N: u32 = 536_853_855;
/// "Slots carry space ids" (4.1.1 on).
pub const TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED_N: u32 = 1_783_657_386;

const _: () = assert!(
    TRX_SYS_DOUBLEWRITE_MAGIC + 2 * TRX_SYS_DOUBLEWRITE_REPEAT == TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED
        && TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED + 4 == TRX_SYS_DOUBLEWRITE_SIZE
);

/// One of the two copies of magic and block numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triple {
    /// 536853855, or the buffer was not created, or the bytes are damaged.
    pub magic: u32,
    /// First page of the first block.
    pub block1: PageNo,
    /// First page of the second block.
    pub block2: PageNo,
}

impl Triple {
    fn parse(header: &[u8], at: usize) -> Option<Triple> {
        Some(Triple {
            magic: u32_at(header, at)?,
            block1: PageNo(u32_at(header, at.checked_add(4)?)?),
            block2: PageNo(u32_at(header, at.checked_add(8)?)?),
        })
    }

    /// Whether the magic is the one that servers look for.
    pub fn has_magic(&self) -> bool {
        self.magic == TRX_SYS_DOUBLEWRITE_MAGIC_N
    }
}

/// The doublewrite header as written, both repeats of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoublewriteHeader {
    /// What servers read.
    pub first: Triple,
    /// What servers write and never read.
    pub repeat: Triple,
    /// Whether slots carry space ids; before 4.1.1 they all belong to space 0.
    pub space_id_stored: bool,
}

impl DoublewriteHeader {
    /// Reads the header from the transaction system page; `None` where the page is shorter than its size says.
    pub fn parse(page: &[u8]) -> Option<DoublewriteHeader> {
        let start = page.len().checked_sub(TRX_SYS_DOUBLEWRITE_FROM_END)?;
        let header = slice_at(page, start, TRX_SYS_DOUBLEWRITE_SIZE)?;
        Some(DoublewriteHeader {
            first: Triple::parse(header, TRX_SYS_DOUBLEWRITE_MAGIC)?,
            repeat: Triple::parse(header, TRX_SYS_DOUBLEWRITE_MAGIC + TRX_SYS_DOUBLEWRITE_REPEAT)?,
            space_id_stored: u32_at(header, TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED)?
                == TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED_N,
        })
    }

    /// Where in the file the magic of an instance with this page size lies, in bytes.
    pub fn magic_offset(size: PageSize) -> u64 {
        TRX_SYS_PAGE.offset(size).0 + size.as_u64()
            - (TRX_SYS_DOUBLEWRITE_FROM_END - TRX_SYS_DOUBLEWRITE_MAGIC) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_magic_lies_where_real_files_have_it() {
        let expected = [(4096, 24386), (8192, 48962), (16384, 98114), (32768, 196_418), (65536, 393_026)];
        for (bytes, offset) in expected {
            assert_eq!(DoublewriteHeader::magic_offset(PageSize::new(bytes).unwrap()), offset);
        }
    }

    #[test]
    fn both_repeats_are_read_apart() {
        let mut page = vec![0; 4096];
        page[3906..3918].copy_from_slice(&[0x1F, 0xFF, 0xBD, 0x5F, 0, 0, 1, 0, 0, 0, 2, 0]);
        page[3918 + 4..3918 + 8].copy_from_slice(&[0, 0, 0, 9]);
        let header = DoublewriteHeader::parse(&page).unwrap();
        assert!(header.first.has_magic() && !header.repeat.has_magic());
        assert_eq!((header.first.block1, header.first.block2), (PageNo(256), PageNo(512)));
        assert_eq!(header.repeat.block1, PageNo(9));
        assert!(!header.space_id_stored);
        assert_eq!(DoublewriteHeader::parse(&page[..199]), None);
    }
}
