//! Byte maps of the page types, offsets from the start of the page.
//!
//! Sources: `fsp0fsp.h`, `trx0sys.h`, `trx0undo.h`, `trx0rseg.h`, `dict0boot.h`, `ibuf0ibuf.h` (MariaDB 11.8, MySQL 9.7),
//! `lob0first.h`, `lob0pages.h`, `zlob0first.h` (MySQL 9.7).

use crate::format::fields::{Kind, Line};
use crate::format::fil::page_type;

/// Tablespace header on page 0.
pub(super) const FSP_HDR: &[Line] = &[
    ("FSP_SPACE_ID", 38, Kind::U32),
    ("FSP_NOT_USED", 42, Kind::U32),
    ("FSP_SIZE", 46, Kind::U32),
    ("FSP_FREE_LIMIT", 50, Kind::U32),
    ("FSP_SPACE_FLAGS", 54, Kind::Hex32),
    ("FSP_FRAG_N_USED", 58, Kind::U32),
    ("FSP_FREE", 62, Kind::Base),
    ("FSP_FREE_FRAG", 78, Kind::Base),
    ("FSP_FULL_FRAG", 94, Kind::Base),
    ("FSP_SEG_ID", 110, Kind::U64),
    ("FSP_SEG_INODES_FULL", 118, Kind::Base),
    ("FSP_SEG_INODES_FREE", 134, Kind::Base),
];

/// Index page header without the segments, which only a root has.
pub(super) const INDEX: &[Line] = &[("PAGE_N_DIR_SLOTS", 38, Kind::U16), ("PAGE_HEAP_TOP", 40, Kind::U16)];

/// The rest of the index page header.
pub(super) const INDEX_REST: &[Line] = &[
    ("PAGE_FREE", 44, Kind::U16),
    ("PAGE_GARBAGE", 46, Kind::U16),
    ("PAGE_LAST_INSERT", 48, Kind::U16),
    ("PAGE_DIRECTION", 50, Kind::U16),
    ("PAGE_N_DIRECTION", 52, Kind::U16),
    ("PAGE_N_RECS", 54, Kind::U16),
    ("PAGE_MAX_TRX_ID", 56, Kind::U64),
    ("PAGE_LEVEL", 64, Kind::U16),
    ("PAGE_INDEX_ID", 66, Kind::Id),
];

/// Segments of a B-tree, on its root.
pub(super) const INDEX_ROOT: &[Line] =
    &[("PAGE_BTR_SEG_LEAF", 74, Kind::Segment), ("PAGE_BTR_SEG_TOP", 84, Kind::Segment)];

/// Root of the change buffer: a free list stands where other roots have their segments.
pub(super) const INDEX_IBUF_ROOT: &[Line] = &[("PAGE_BTR_IBUF_FREE_LIST", 74, Kind::Base)];

/// Page 5 of the system tablespace, in front of the rollback segment slots.
pub(super) const TRX_SYS: &[Line] =
    &[("TRX_SYS_TRX_ID_STORE", 38, Kind::U64), ("TRX_SYS_FSEG_HEADER", 46, Kind::Segment)];

/// Doublewrite header, 200 bytes before the end of page 5 (`trx0sys.h`); offsets from there.
pub(super) const DOUBLEWRITE: &[Line] = &[
    ("TRX_SYS_DOUBLEWRITE_FSEG", 0, Kind::Segment),
    ("TRX_SYS_DOUBLEWRITE_MAGIC", 10, Kind::U32),
    ("TRX_SYS_DOUBLEWRITE_BLOCK1", 14, Kind::Page),
    ("TRX_SYS_DOUBLEWRITE_BLOCK2", 18, Kind::Page),
    ("TRX_SYS_DOUBLEWRITE_MAGIC (repeat)", 22, Kind::U32),
    ("TRX_SYS_DOUBLEWRITE_BLOCK1 (repeat)", 26, Kind::Page),
    ("TRX_SYS_DOUBLEWRITE_BLOCK2 (repeat)", 30, Kind::Page),
    ("TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED", 34, Kind::U32),
];

/// Page 3 of the system tablespace.
pub(super) const IBUF_HEADER: &[Line] = &[("IBUF_TREE_SEG_HEADER", 38, Kind::Segment)];

/// Page 7 of the system tablespace.
pub(super) const DICT_HDR: &[Line] = &[
    ("DICT_HDR_ROW_ID", 38, Kind::U64),
    ("DICT_HDR_TABLE_ID", 46, Kind::U64),
    ("DICT_HDR_INDEX_ID", 54, Kind::U64),
    ("DICT_HDR_MAX_SPACE_ID", 62, Kind::U32),
    ("DICT_HDR_MIX_ID_LOW", 66, Kind::U32),
    ("DICT_HDR_TABLES", 70, Kind::Page),
    ("DICT_HDR_TABLE_IDS", 74, Kind::Page),
    ("DICT_HDR_COLUMNS", 78, Kind::Page),
    ("DICT_HDR_INDEXES", 82, Kind::Page),
    ("DICT_HDR_FIELDS", 86, Kind::Page),
    ("DICT_HDR_FSEG_HEADER", 94, Kind::Segment),
];

/// Rollback segment header, in front of its slots.
pub(super) const RSEG: &[Line] = &[
    ("TRX_RSEG_MAX_SIZE (MariaDB: FORMAT)", 38, Kind::U32),
    ("TRX_RSEG_HISTORY_SIZE", 42, Kind::U32),
    ("TRX_RSEG_HISTORY", 46, Kind::Base),
    ("TRX_RSEG_FSEG_HEADER", 62, Kind::Segment),
];

/// Every page of an undo log.
pub(super) const UNDO_PAGE: &[Line] = &[
    ("TRX_UNDO_PAGE_TYPE", 38, Kind::Named(&[(0, "any, MariaDB 10.3+"), (1, "insert"), (2, "update")])),
    ("TRX_UNDO_PAGE_START", 40, Kind::U16),
    ("TRX_UNDO_PAGE_FREE", 42, Kind::U16),
    ("TRX_UNDO_PAGE_NODE", 44, Kind::Node),
];

/// First page of an undo segment.
pub(super) const UNDO_SEGMENT: &[Line] = &[
    (
        "TRX_UNDO_STATE",
        56,
        Kind::Named(&[
            (1, "active"),
            (2, "cached"),
            (3, "to free"),
            (4, "to purge"),
            (5, "prepared"),
            (6, "prepared, MySQL 8.0.29+"),
            (7, "prepared in the coordinator, MySQL 8.0.29+"),
        ]),
    ),
    ("TRX_UNDO_LAST_LOG", 58, Kind::U16),
    ("TRX_UNDO_FSEG_HEADER", 60, Kind::Segment),
    ("TRX_UNDO_PAGE_LIST", 70, Kind::Base),
];

/// Undo log header; offsets from where `TRX_UNDO_LAST_LOG` points.
pub(super) const UNDO_LOG: &[Line] = &[
    ("TRX_UNDO_TRX_ID", 0, Kind::U64),
    ("TRX_UNDO_TRX_NO", 8, Kind::U64),
    ("TRX_UNDO_DEL_MARKS", 16, Kind::U16),
    ("TRX_UNDO_LOG_START", 18, Kind::U16),
    ("TRX_UNDO_FLAGS", 20, Kind::U8),
    ("TRX_UNDO_DICT_TRANS", 21, Kind::U8),
    ("TRX_UNDO_TABLE_ID", 22, Kind::U64),
    ("TRX_UNDO_NEXT_LOG", 30, Kind::U16),
    ("TRX_UNDO_PREV_LOG", 32, Kind::U16),
    ("TRX_UNDO_HISTORY_NODE", 34, Kind::Node),
];

/// Rollback segment array of an undo tablespace (MySQL 8.0).
pub(super) const RSEG_ARRAY: &[Line] = &[
    ("RSEG_ARRAY_VERSION", 38, Kind::Hex32),
    ("RSEG_ARRAY_SIZE", 42, Kind::U32),
    ("RSEG_ARRAY_FSEG_HEADER", 46, Kind::Segment),
];

/// The bodies that are fixed fields only; nothing for types without structure.
pub(super) fn fixed(kind: u16) -> &'static [Line] {
    const LOB_INDEX: u16 = 22;
    const LOB_DATA: u16 = 23;
    const LOB_FIRST: u16 = 24;
    const ZLOB_FIRST: u16 = 25;
    match kind {
        page_type::BLOB | page_type::SDI_BLOB => BLOB,
        page_type::IBUF_FREE_LIST => IBUF_FREE_LIST,
        LOB_INDEX => &[("OFFSET_VERSION", 38, Kind::U8)],
        LOB_DATA => LOB_DATA_FIELDS,
        LOB_FIRST => LOB_FIRST_FIELDS,
        ZLOB_FIRST => ZLOB_FIRST_FIELDS,
        page_type::COMPRESSED | page_type::ENCRYPTED | page_type::COMPRESSED_AND_ENCRYPTED => COMPRESSED,
        _ => &[],
    }
}

const BLOB: &[Line] =
    &[("BTR_BLOB_HDR_PART_LEN", 38, Kind::U32), ("BTR_BLOB_HDR_NEXT_PAGE_NO", 42, Kind::Page)];

const IBUF_FREE_LIST: &[Line] = &[("PAGE_BTR_IBUF_FREE_LIST_NODE", 74, Kind::Node)];

/// Control bytes over the FIL header of MySQL's transparently compressed pages (`fil0types.h`, MySQL 9.7).
const COMPRESSED: &[Line] = &[
    ("FIL_PAGE_VERSION", 26, Kind::U8),
    ("FIL_PAGE_ALGORITHM_V1", 27, Kind::U8),
    ("FIL_PAGE_ORIGINAL_TYPE_V1", 28, Kind::U16),
    ("FIL_PAGE_ORIGINAL_SIZE_V1", 30, Kind::U16),
    ("FIL_PAGE_COMPRESS_SIZE_V1", 32, Kind::U16),
];

const LOB_DATA_FIELDS: &[Line] =
    &[("OFFSET_VERSION", 38, Kind::U8), ("OFFSET_DATA_LEN", 39, Kind::U32), ("OFFSET_TRX_ID", 43, Kind::U48)];

const LOB_FIRST_FIELDS: &[Line] = &[
    ("OFFSET_VERSION", 38, Kind::U8),
    ("OFFSET_FLAGS", 39, Kind::U8),
    ("OFFSET_LOB_VERSION", 40, Kind::U32),
    ("OFFSET_LAST_TRX_ID", 44, Kind::U48),
    ("OFFSET_LAST_UNDO_NO", 50, Kind::U32),
    ("OFFSET_DATA_LEN", 54, Kind::U32),
    ("OFFSET_TRX_ID", 58, Kind::U48),
    ("OFFSET_INDEX_LIST", 64, Kind::Base),
    ("OFFSET_INDEX_FREE_NODES", 80, Kind::Base),
];

const ZLOB_FIRST_FIELDS: &[Line] = &[
    ("OFFSET_VERSION", 38, Kind::U8),
    ("OFFSET_FLAGS", 39, Kind::U8),
    ("OFFSET_LOB_VERSION", 40, Kind::U32),
    ("OFFSET_LAST_TRX_ID", 44, Kind::U48),
    ("OFFSET_LAST_UNDO_NO", 50, Kind::U32),
    ("OFFSET_DATA_LEN", 54, Kind::U32),
    ("OFFSET_TRX_ID", 58, Kind::U48),
    ("OFFSET_INDEX_PAGE_NO", 64, Kind::Page),
    ("OFFSET_FRAG_PAGE_NO", 68, Kind::Page),
];
