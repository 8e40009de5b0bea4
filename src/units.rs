//! Numbers that wear their type: page numbers, space ids, LSNs, page sizes and byte offsets.
//!
//! A page number is multiplied by a page size in one place only, [`PageNo::offset`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// `FIL_NULL`: "no page" in prev/next fields and file list nodes (`fil0fil.h`, every version).
pub const FIL_NULL: u32 = 0xFFFF_FFFF;

/// The sector size that every generation of storage writes atomically at least; tears are told in it.
pub const SECTOR: usize = 512;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
            schemars::JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Number of a page inside its tablespace, counted in physical pages from 0.
    PageNo, u32
);
number!(
    /// Tablespace id (`space_id_t`). 0 is the system tablespace.
    SpaceId, u32
);
number!(
    /// Log sequence number: a byte position in the redo stream.
    Lsn, u64
);
number!(
    /// Byte offset in a file.
    ByteOffset, u64
);

impl SpaceId {
    /// The system tablespace.
    pub const SYSTEM: SpaceId = SpaceId(0);
}

impl PageNo {
    /// Where the page begins in a file of pages of this size. Cannot overflow: 32 bits times at most 64 KiB.
    pub fn offset(self, size: PageSize) -> ByteOffset {
        ByteOffset(u64::from(self.0).saturating_mul(size.as_u64()))
    }
}

impl ByteOffset {
    /// This offset moved on by `bytes`, or `None` where the sum leaves 64 bits.
    pub fn checked_add(self, bytes: u64) -> Option<ByteOffset> {
        self.0.checked_add(bytes).map(ByteOffset)
    }
}

/// A page size in bytes: a power of two from 1 KiB (smallest compressed page) to 64 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize(u32);

impl PageSize {
    /// The default `innodb_page_size`, and the only one before MySQL 5.6.
    pub const DEFAULT: PageSize = PageSize(16384);

    /// Every legal `innodb_page_size`, the likeliest first.
    pub const LOGICAL: [PageSize; 5] =
        [PageSize(16384), PageSize(4096), PageSize(8192), PageSize(32768), PageSize(65536)];

    /// Every legal physical page size, the likeliest first (1K to 16K also for `ROW_FORMAT=COMPRESSED`).
    pub const PHYSICAL: [PageSize; 7] = [
        PageSize(16384),
        PageSize(8192),
        PageSize(4096),
        PageSize(32768),
        PageSize(65536),
        PageSize(2048),
        PageSize(1024),
    ];

    /// A page size, if `bytes` is one of 1K, 2K, 4K, 8K, 16K, 32K, 64K.
    pub const fn new(bytes: u32) -> Option<PageSize> {
        if bytes.is_power_of_two() && bytes >= 1024 && bytes <= 65536 { Some(PageSize(bytes)) } else { None }
    }

    /// A legal `innodb_page_size`: 4K to 64K.
    pub const fn logical(bytes: u32) -> Option<PageSize> {
        if bytes >= 4096 { PageSize::new(bytes) } else { None }
    }

    /// In bytes, for slices.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// In bytes, for file arithmetic.
    pub const fn as_u64(self) -> u64 {
        self.0 as u64
    }

    /// In bytes, as servers store it.
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// Pages per extent, `FSP_EXTENT_SIZE` (`fsp0types.h`, MySQL 5.7 and MariaDB 10.1 on): 1 MiB worth of pages up
    /// to 16 KiB, 64 pages above. One block of the built-in doublewrite buffer is one extent.
    pub const fn extent_pages(self) -> u32 {
        if self.0 <= 16384 { (1 << 20) / self.0 } else { 64 }
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// "1 page", "2 pages".
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_as_the_servers_define_them() {
        let extents: Vec<u32> = [4096, 8192, 16384, 32768, 65536]
            .iter()
            .map(|&b| PageSize::new(b).unwrap().extent_pages())
            .collect();
        assert_eq!(extents, [256, 128, 64, 64, 64]);
    }

    #[test]
    fn only_powers_of_two_in_range_are_page_sizes() {
        for bad in [0, 1, 512, 1000, 3 * 4096, 131_072, u32::MAX] {
            assert_eq!(PageSize::new(bad), None, "{bad}");
        }
        assert_eq!(PageSize::logical(1024), None);
        assert_eq!(PageSize::logical(65536).map(PageSize::bytes), Some(65536));
    }

    #[test]
    fn the_last_page_of_all_has_an_offset() {
        assert_eq!(PageNo(u32::MAX).offset(PageSize(65536)), ByteOffset(0xFFFF_FFFF * 65536));
    }
}
