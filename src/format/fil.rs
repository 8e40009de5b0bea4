//! The FIL header and trailer that frame every page, and the page types.
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 4 | `FIL_PAGE_SPACE_OR_CHKSUM` | checksum; MariaDB full_crc32: key version |
//! | 4 | 4 | `FIL_PAGE_OFFSET` | page number |
//! | 8 | 4 | `FIL_PAGE_PREV` | previous page of the level; page 0 of MySQL 8.0+: server version |
//! | 12 | 4 | `FIL_PAGE_NEXT` | next page of the level; page 0 of MySQL 8.0+: tablespace version |
//! | 16 | 8 | `FIL_PAGE_LSN` | end LSN of the newest change |
//! | 24 | 2 | `FIL_PAGE_TYPE` | page type |
//! | 26 | 8 | `FIL_PAGE_FILE_FLUSH_LSN` | flush LSN on page 0 of `ibdata1`; else control bytes of many kinds |
//! | 34 | 4 | `FIL_PAGE_ARCH_LOG_NO_OR_SPACE_ID` | space id |
//! | 38 | | `FIL_PAGE_DATA` | body |
//! | end-8 | 4 | `FIL_PAGE_END_LSN_OLD_CHKSUM` | second checksum (not in compressed pages) |
//! | end-4 | 4 | | low 32 bits of the LSN (not in compressed pages) |
//!
//! Sources: `fil0fil.h` (MySQL 5.6, MariaDB 10.11 and 11.8), `fil0types.h` (MySQL 9.7).

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::units::{Lsn, PageNo, SpaceId};

/// Checksum, or the key version in MariaDB's full_crc32 layout.
pub const FIL_PAGE_SPACE_OR_CHKSUM: usize = 0;
/// Page number.
pub const FIL_PAGE_OFFSET: usize = 4;
/// Previous page on the level; on page 0 of MySQL 8.0+ the server version that wrote it.
pub const FIL_PAGE_PREV: usize = 8;
/// Next page on the level; on page 0 of MySQL 8.0+ the tablespace version.
pub const FIL_PAGE_NEXT: usize = 12;
/// LSN of the newest change.
pub const FIL_PAGE_LSN: usize = 16;
/// Page type.
pub const FIL_PAGE_TYPE: usize = 24;
/// Flush LSN and many other things; outside every classic checksum.
pub const FIL_PAGE_FILE_FLUSH_LSN: usize = 26;
/// Space id (before 4.1: archive log number).
pub const FIL_PAGE_SPACE_ID: usize = 34;
/// Where the body begins.
pub const FIL_PAGE_DATA: usize = 38;
/// Size of the classic trailer.
pub const FIL_PAGE_DATA_END: usize = 8;

const _: () = assert!(FIL_PAGE_SPACE_ID + 4 == FIL_PAGE_DATA);

/// Page types (`fil0fil.h`, MySQL 9.7 and MariaDB 11.8).
pub mod page_type {
    /// Freshly allocated.
    pub const ALLOCATED: u16 = 0;
    /// Undo log page.
    pub const UNDO_LOG: u16 = 2;
    /// File segment inodes.
    pub const INODE: u16 = 3;
    /// Change buffer free list.
    pub const IBUF_FREE_LIST: u16 = 4;
    /// Change buffer bitmap.
    pub const IBUF_BITMAP: u16 = 5;
    /// System page.
    pub const SYS: u16 = 6;
    /// Transaction system page, page 5 of space 0.
    pub const TRX_SYS: u16 = 7;
    /// Tablespace header, page 0.
    pub const FSP_HDR: u16 = 8;
    /// Extent descriptor page.
    pub const XDES: u16 = 9;
    /// Uncompressed BLOB.
    pub const BLOB: u16 = 10;
    /// First page of a compressed BLOB.
    pub const ZBLOB: u16 = 11;
    /// Further page of a compressed BLOB.
    pub const ZBLOB2: u16 = 12;
    /// Unknown: what servers write over garbage of old files.
    pub const UNKNOWN: u16 = 13;
    /// MySQL transparent page compression.
    pub const COMPRESSED: u16 = 14;
    /// MySQL: encrypted.
    pub const ENCRYPTED: u16 = 15;
    /// MySQL: compressed, then encrypted.
    pub const COMPRESSED_AND_ENCRYPTED: u16 = 16;
    /// MySQL: encrypted R-tree page.
    pub const ENCRYPTED_RTREE: u16 = 17;
    /// SDI BLOB in MySQL 8; INSTANT (clustered root after instant DDL) in MariaDB.
    pub const SDI_BLOB: u16 = 18;
    /// Compressed SDI BLOB (MySQL 8).
    pub const SDI_ZBLOB: u16 = 19;
    /// Placeholder page of the built-in doublewrite buffer (MySQL 8.0.20+).
    pub const LEGACY_DBLWR: u16 = 20;
    /// Rollback segment array (MySQL 8).
    pub const RSEG_ARRAY: u16 = 21;
    /// SDI index (MySQL 8).
    pub const SDI: u16 = 17853;
    /// R-tree node.
    pub const RTREE: u16 = 17854;
    /// B-tree node.
    pub const INDEX: u16 = 17855;
    /// MariaDB page_compressed, classic layout.
    pub const MARIADB_PAGE_COMPRESSED: u16 = 34354;
    /// MariaDB page_compressed, then encrypted, classic layout.
    pub const MARIADB_PAGE_COMPRESSED_ENCRYPTED: u16 = 37401;
    /// Bit 15 of the type of a compressed full_crc32 page; the low bits count 256-byte units.
    pub const FULL_CRC32_COMPRESSED: u16 = 0x8000;

    /// InnoDB's name of a page type.
    pub fn name(page_type: u16) -> &'static str {
        match page_type {
            0 => "ALLOCATED",
            1 => "UNUSED",
            2 => "UNDO_LOG",
            3 => "INODE",
            4 => "IBUF_FREE_LIST",
            5 => "IBUF_BITMAP",
            6 => "SYS",
            7 => "TRX_SYS",
            8 => "FSP_HDR",
            9 => "XDES",
            10 => "BLOB",
            11 => "ZBLOB",
            12 => "ZBLOB2",
            13 => "UNKNOWN",
            14 => "COMPRESSED",
            15 => "ENCRYPTED",
            16 => "COMPRESSED_AND_ENCRYPTED",
            17 => "ENCRYPTED_RTREE",
            18 => "SDI_BLOB/INSTANT",
            19 => "SDI_ZBLOB",
            20 => "LEGACY_DBLWR",
            21 => "RSEG_ARRAY",
            22 => "LOB_INDEX",
            23 => "LOB_DATA",
            24 => "LOB_FIRST",
            25 => "ZLOB_FIRST",
            26 => "ZLOB_DATA",
            27 => "ZLOB_INDEX",
            28 => "ZLOB_FRAG",
            29 => "ZLOB_FRAG_ENTRY",
            17853 => "SDI",
            17854 => "RTREE",
            17855 => "INDEX",
            34354 => "PAGE_COMPRESSED",
            37401 => "PAGE_COMPRESSED_ENCRYPTED",
            t if t & FULL_CRC32_COMPRESSED != 0 => "FULL_CRC32_COMPRESSED",
            _ => "unknown type",
        }
    }
}

/// The 38 bytes in front of every page, as written: parsing does not judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilHeader {
    /// Bytes 0..4: checksum, or key version in MariaDB's full_crc32 layout.
    pub checksum: u32,
    /// Bytes 4..8.
    pub page_no: PageNo,
    /// Bytes 8..12.
    pub prev: u32,
    /// Bytes 12..16.
    pub next: u32,
    /// Bytes 16..24.
    pub lsn: Lsn,
    /// Bytes 24..26.
    pub page_type: u16,
    /// Bytes 26..34.
    pub flush_lsn: u64,
    /// Bytes 34..38. Ciphertext or compressed bytes in MariaDB's full_crc32 layout.
    pub space_id: SpaceId,
}

impl FilHeader {
    /// Reads the header; `None` where fewer than 38 bytes are there.
    pub fn parse(page: &[u8]) -> Option<FilHeader> {
        Some(FilHeader {
            checksum: u32_at(page, FIL_PAGE_SPACE_OR_CHKSUM)?,
            page_no: PageNo(u32_at(page, FIL_PAGE_OFFSET)?),
            prev: u32_at(page, FIL_PAGE_PREV)?,
            next: u32_at(page, FIL_PAGE_NEXT)?,
            lsn: Lsn(u64_at(page, FIL_PAGE_LSN)?),
            page_type: u16_at(page, FIL_PAGE_TYPE)?,
            flush_lsn: u64_at(page, FIL_PAGE_FILE_FLUSH_LSN)?,
            space_id: SpaceId(u32_at(page, FIL_PAGE_SPACE_ID)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_fields_lie_where_innodb_puts_them() {
        let page: Vec<u8> = (0..38).collect();
        let header = FilHeader::parse(&page).unwrap();
        assert_eq!(header.checksum, 0x0001_0203);
        assert_eq!(header.page_no, PageNo(0x0405_0607));
        assert_eq!(header.lsn, Lsn(0x1011_1213_1415_1617));
        assert_eq!(header.page_type, 0x1819);
        assert_eq!(header.space_id, SpaceId(0x2223_2425));
        assert_eq!(FilHeader::parse(&page[..37]), None);
    }
}
