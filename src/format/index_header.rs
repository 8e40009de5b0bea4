//! The header of an index page (INDEX, RTREE, SDI, MariaDB's INSTANT).
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 38 | 2 | `PAGE_N_DIR_SLOTS` | slots of the page directory |
//! | 40 | 2 | `PAGE_HEAP_TOP` | first byte of the free space behind the records |
//! | 42 | 2 | `PAGE_N_HEAP` | records in the heap with infimum and supremum; bit 15: COMPACT layout |
//! | 44 | 2 | `PAGE_FREE` | first record on the free list |
//! | 46 | 2 | `PAGE_GARBAGE` | bytes in deleted records |
//! | 48 | 2 | `PAGE_LAST_INSERT` | last inserted record |
//! | 50 | 2 | `PAGE_DIRECTION` | 1 left, 2 right, 5 none; MariaDB 10.3.2+: `PAGE_INSTANT` in bits 3..15 |
//! | 52 | 2 | `PAGE_N_DIRECTION` | inserts in a row in that direction |
//! | 54 | 2 | `PAGE_N_RECS` | user records |
//! | 56 | 8 | `PAGE_MAX_TRX_ID` | newest writer (secondary leaf); MariaDB clustered root: AUTO_INCREMENT |
//! | 64 | 2 | `PAGE_LEVEL` | 0 for a leaf |
//! | 66 | 8 | `PAGE_INDEX_ID` | index |
//! | 74 | 10 | `PAGE_BTR_SEG_LEAF` | leaf segment (root only) |
//! | 84 | 10 | `PAGE_BTR_SEG_TOP` | segment of the other levels (root only) |
//! | 94 | | `PAGE_DATA` | infimum, supremum, records |
//!
//! Sources: `page0page.h` (MariaDB 10.11, 11.8), `page0types.h` (MySQL 9.7).

use crate::bytes::{u16_at, u64_at};
use crate::format::fil::{FIL_PAGE_DATA, page_type};

/// Number of directory slots.
pub const PAGE_N_DIR_SLOTS: usize = FIL_PAGE_DATA;
/// First free byte behind the records.
pub const PAGE_HEAP_TOP: usize = 40;
/// Records in the heap; bit 15 set in the COMPACT layout.
pub const PAGE_N_HEAP: usize = 42;
/// Head of the free list.
pub const PAGE_FREE: usize = 44;
/// Bytes in deleted records.
pub const PAGE_GARBAGE: usize = 46;
/// Last inserted record.
pub const PAGE_LAST_INSERT: usize = 48;
/// Direction of inserts, and MariaDB's instant column count above bit 2.
pub const PAGE_DIRECTION: usize = 50;
/// Inserts in a row in that direction.
pub const PAGE_N_DIRECTION: usize = 52;
/// User records.
pub const PAGE_N_RECS: usize = 54;
/// Newest writer of a secondary leaf.
pub const PAGE_MAX_TRX_ID: usize = 56;
/// Level above the leaves.
pub const PAGE_LEVEL: usize = 64;
/// Index id.
pub const PAGE_INDEX_ID: usize = 66;
/// Leaf segment header on the root.
pub const PAGE_BTR_SEG_LEAF: usize = 74;
/// Non-leaf segment header on the root.
pub const PAGE_BTR_SEG_TOP: usize = 84;
/// Where infimum, supremum and records begin.
pub const PAGE_DATA: usize = 94;

const _: () = assert!(PAGE_INDEX_ID + 8 == PAGE_BTR_SEG_LEAF && PAGE_BTR_SEG_TOP + 10 == PAGE_DATA);

/// The index page header, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexHeader {
    /// Slots of the page directory.
    pub dir_slots: u16,
    /// Offset of the first free byte behind the records.
    pub heap_top: u16,
    /// Records in the heap, infimum, supremum and deleted ones included.
    pub heap_records: u16,
    /// COMPACT, DYNAMIC or COMPRESSED; else REDUNDANT.
    pub compact: bool,
    /// User records.
    pub records: u16,
    /// Newest transaction that changed a secondary leaf; MariaDB keeps AUTO_INCREMENT here on a clustered root.
    pub max_trx_id: u64,
    /// 0 for a leaf.
    pub level: u16,
    /// Index id.
    pub index_id: u64,
}

impl IndexHeader {
    /// Reads the header; `None` where the page is cut before offset 74. Does not look at the page type.
    pub fn parse(page: &[u8]) -> Option<IndexHeader> {
        let heap = u16_at(page, PAGE_N_HEAP)?;
        Some(IndexHeader {
            dir_slots: u16_at(page, PAGE_N_DIR_SLOTS)?,
            heap_top: u16_at(page, PAGE_HEAP_TOP)?,
            heap_records: heap & 0x7FFF,
            compact: heap & 0x8000 != 0,
            records: u16_at(page, PAGE_N_RECS)?,
            max_trx_id: u64_at(page, PAGE_MAX_TRX_ID)?,
            level: u16_at(page, PAGE_LEVEL)?,
            index_id: u64_at(page, PAGE_INDEX_ID)?,
        })
    }

    /// Whether the numbers can stand together on a page of `size` bytes. Tells MariaDB's INSTANT pages from MySQL's
    /// SDI BLOB pages, which share type 18: the latter hold compressed bytes here.
    pub fn is_plausible(&self, size: usize) -> bool {
        const DEEPEST: u16 = 30;
        let heap_top = usize::from(self.heap_top);
        self.dir_slots >= 2
            && (PAGE_DATA..=size.saturating_sub(usize::from(self.dir_slots).saturating_mul(2)))
                .contains(&heap_top)
            && self.heap_records >= self.records.saturating_add(2)
            && self.level <= DEEPEST
            && self.index_id != 0
    }
}

/// Page types that begin with an index page header. 18 is one only in MariaDB: ask [`IndexHeader::is_plausible`].
pub fn is_index_type(kind: u16) -> bool {
    matches!(kind, page_type::INDEX | page_type::RTREE | page_type::SDI | page_type::SDI_BLOB)
}

/// The header, if the page is an index page by its type and, where the type is ambiguous, by its content.
pub fn index_header(page: &[u8]) -> Option<IndexHeader> {
    let kind = u16_at(page, crate::format::fil::FIL_PAGE_TYPE)?;
    let header = IndexHeader::parse(page)?;
    (is_index_type(kind) && (kind != page_type::SDI_BLOB || header.is_plausible(page.len())))
        .then_some(header)
}
