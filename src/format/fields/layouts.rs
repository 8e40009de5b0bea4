//! Byte maps of the page types, offsets from the start of the page.
//!
//! Sources: `fsp0fsp.h`, `trx0sys.h`, `trx0undo.h`, `trx0rseg.h`, `dict0boot.h`, `ibuf0ibuf.h` (MariaDB 11.8, MySQL 9.7),
//! `lob0first.h`, `lob0pages.h`, `zlob0first.h` (MySQL 9.7).

use crate::format::fields::{FieldKind, FieldLine};
use crate::format::fil::page_type;

/// Tablespace header on page 0.
pub(super) const FSP_HDR: &[FieldLine] = &[
    ("FSP_SPACE_ID", 38, FieldKind::U32),
    ("FSP_NOT_USED", 42, FieldKind::U32),
    ("FSP_SIZE", 46, FieldKind::U32),
    ("FSP_FREE_LIMIT", 50, FieldKind::U32),
    ("FSP_SPACE_FLAGS", 54, FieldKind::Flags),
    ("FSP_FRAG_N_USED", 58, FieldKind::U32),
    ("FSP_FREE", 62, FieldKind::Base),
    ("FSP_FREE_FRAG", 78, FieldKind::Base),
    ("FSP_FULL_FRAG", 94, FieldKind::Base),
    ("FSP_SEG_ID", 110, FieldKind::U64),
    ("FSP_SEG_INODES_FULL", 118, FieldKind::Base),
    ("FSP_SEG_INODES_FREE", 134, FieldKind::Base),
];

/// Index page header without the segments, which only a root has.
pub(super) const INDEX: &[FieldLine] =
    &[("PAGE_N_DIR_SLOTS", 38, FieldKind::U16), ("PAGE_HEAP_TOP", 40, FieldKind::U16)];

/// The rest of the index page header.
pub(super) const INDEX_REST: &[FieldLine] = &[
    ("PAGE_FREE", 44, FieldKind::U16),
    ("PAGE_GARBAGE", 46, FieldKind::U16),
    ("PAGE_LAST_INSERT", 48, FieldKind::U16),
    ("PAGE_DIRECTION", 50, FieldKind::U16),
    ("PAGE_N_DIRECTION", 52, FieldKind::U16),
    ("PAGE_N_RECS", 54, FieldKind::U16),
    ("PAGE_MAX_TRX_ID", 56, FieldKind::U64),
    ("PAGE_LEVEL", 64, FieldKind::U16),
    ("PAGE_INDEX_ID", 66, FieldKind::Id),
];

/// Segments of a B-tree, on its root.
pub(super) const INDEX_ROOT: &[FieldLine] =
    &[("PAGE_BTR_SEG_LEAF", 74, FieldKind::Segment), ("PAGE_BTR_SEG_TOP", 84, FieldKind::Segment)];

/// Root of the change buffer: a free list stands where other roots have their segments.
pub(super) const INDEX_IBUF_ROOT: &[FieldLine] = &[("PAGE_BTR_IBUF_FREE_LIST", 74, FieldKind::Base)];

/// Page 5 of the system tablespace, in front of the rollback segment slots.
pub(super) const TRX_SYS: &[FieldLine] =
    &[("TRX_SYS_TRX_ID_STORE", 38, FieldKind::U64), ("TRX_SYS_FSEG_HEADER", 46, FieldKind::Segment)];

/// Doublewrite header, 200 bytes before the end of page 5 (`trx0sys.h`); offsets from there.
pub(super) const DOUBLEWRITE: &[FieldLine] = &[
    ("TRX_SYS_DOUBLEWRITE_FSEG", 0, FieldKind::Segment),
    ("TRX_SYS_DOUBLEWRITE_MAGIC", 10, FieldKind::U32),
    ("TRX_SYS_DOUBLEWRITE_BLOCK1", 14, FieldKind::Page),
    ("TRX_SYS_DOUBLEWRITE_BLOCK2", 18, FieldKind::Page),
    ("TRX_SYS_DOUBLEWRITE_MAGIC (repeat)", 22, FieldKind::U32),
    ("TRX_SYS_DOUBLEWRITE_BLOCK1 (repeat)", 26, FieldKind::Page),
    ("TRX_SYS_DOUBLEWRITE_BLOCK2 (repeat)", 30, FieldKind::Page),
    ("TRX_SYS_DOUBLEWRITE_SPACE_ID_STORED", 34, FieldKind::U32),
];

/// Page 3 of the system tablespace.
pub(super) const IBUF_HEADER: &[FieldLine] = &[("IBUF_TREE_SEG_HEADER", 38, FieldKind::Segment)];

/// Page 7 of the system tablespace.
pub(super) const DICT_HDR: &[FieldLine] = &[
    ("DICT_HDR_ROW_ID", 38, FieldKind::U64),
    ("DICT_HDR_TABLE_ID", 46, FieldKind::U64),
    ("DICT_HDR_INDEX_ID", 54, FieldKind::U64),
    ("DICT_HDR_MAX_SPACE_ID", 62, FieldKind::U32),
    ("DICT_HDR_MIX_ID_LOW", 66, FieldKind::U32),
    ("DICT_HDR_TABLES", 70, FieldKind::Page),
    ("DICT_HDR_TABLE_IDS", 74, FieldKind::Page),
    ("DICT_HDR_COLUMNS", 78, FieldKind::Page),
    ("DICT_HDR_INDEXES", 82, FieldKind::Page),
    ("DICT_HDR_FIELDS", 86, FieldKind::Page),
    ("DICT_HDR_FSEG_HEADER", 94, FieldKind::Segment),
];

/// Rollback segment header, in front of its slots.
pub(super) const RSEG: &[FieldLine] = &[
    ("TRX_RSEG_MAX_SIZE (MariaDB: FORMAT)", 38, FieldKind::U32),
    ("TRX_RSEG_HISTORY_SIZE", 42, FieldKind::U32),
    ("TRX_RSEG_HISTORY", 46, FieldKind::Base),
    ("TRX_RSEG_FSEG_HEADER", 62, FieldKind::Segment),
];

/// Every page of an undo log.
pub(super) const UNDO_PAGE: &[FieldLine] = &[
    ("TRX_UNDO_PAGE_TYPE", 38, FieldKind::Named(&[(0, "any, MariaDB 10.3+"), (1, "insert"), (2, "update")])),
    ("TRX_UNDO_PAGE_START", 40, FieldKind::U16),
    ("TRX_UNDO_PAGE_FREE", 42, FieldKind::U16),
    ("TRX_UNDO_PAGE_NODE", 44, FieldKind::Node),
];

/// First page of an undo segment.
pub(super) const UNDO_SEGMENT: &[FieldLine] = &[
    (
        "TRX_UNDO_STATE",
        56,
        FieldKind::Named(&[
            (1, "active"),
            (2, "cached"),
            (3, "to free"),
            (4, "to purge"),
            (5, "prepared"),
            (6, "prepared, MySQL 8.0.29+"),
            (7, "prepared in the coordinator, MySQL 8.0.29+"),
        ]),
    ),
    ("TRX_UNDO_LAST_LOG", 58, FieldKind::U16),
    ("TRX_UNDO_FSEG_HEADER", 60, FieldKind::Segment),
    ("TRX_UNDO_PAGE_LIST", 70, FieldKind::Base),
];

/// Undo log header; offsets from where `TRX_UNDO_LAST_LOG` points.
pub(super) const UNDO_LOG: &[FieldLine] = &[
    ("TRX_UNDO_TRX_ID", 0, FieldKind::U64),
    ("TRX_UNDO_TRX_NO", 8, FieldKind::U64),
    ("TRX_UNDO_DEL_MARKS", 16, FieldKind::U16),
    ("TRX_UNDO_LOG_START", 18, FieldKind::U16),
    ("TRX_UNDO_FLAGS", 20, FieldKind::U8),
    ("TRX_UNDO_DICT_TRANS", 21, FieldKind::U8),
    ("TRX_UNDO_TABLE_ID", 22, FieldKind::U64),
    ("TRX_UNDO_NEXT_LOG", 30, FieldKind::U16),
    ("TRX_UNDO_PREV_LOG", 32, FieldKind::U16),
    ("TRX_UNDO_HISTORY_NODE", 34, FieldKind::Node),
];

/// Rollback segment array of an undo tablespace (MySQL 8.0).
pub(super) const RSEG_ARRAY: &[FieldLine] = &[
    ("RSEG_ARRAY_VERSION", 38, FieldKind::Hex32),
    ("RSEG_ARRAY_SIZE", 42, FieldKind::U32),
    ("RSEG_ARRAY_FSEG_HEADER", 46, FieldKind::Segment),
];

/// The bodies that are fixed fields only; nothing for types without structure.
pub(super) fn fixed(kind: u16) -> &'static [FieldLine] {
    const LOB_INDEX: u16 = 22;
    const LOB_DATA: u16 = 23;
    const LOB_FIRST: u16 = 24;
    const ZLOB_FIRST: u16 = 25;
    match kind {
        page_type::BLOB | page_type::SDI_BLOB => BLOB,
        page_type::IBUF_FREE_LIST => IBUF_FREE_LIST,
        LOB_INDEX => &[("OFFSET_VERSION", 38, FieldKind::U8)],
        LOB_DATA => LOB_DATA_FIELDS,
        LOB_FIRST => LOB_FIRST_FIELDS,
        ZLOB_FIRST => ZLOB_FIRST_FIELDS,
        page_type::COMPRESSED | page_type::ENCRYPTED | page_type::COMPRESSED_AND_ENCRYPTED => COMPRESSED,
        _ => &[],
    }
}

const BLOB: &[FieldLine] =
    &[("BTR_BLOB_HDR_PART_LEN", 38, FieldKind::U32), ("BTR_BLOB_HDR_NEXT_PAGE_NO", 42, FieldKind::Page)];

const IBUF_FREE_LIST: &[FieldLine] = &[("PAGE_BTR_IBUF_FREE_LIST_NODE", 74, FieldKind::Node)];

/// Control bytes over the FIL header of MySQL's transparently compressed pages (`fil0types.h`, MySQL 9.7).
const COMPRESSED: &[FieldLine] = &[
    ("FIL_PAGE_VERSION", 26, FieldKind::U8),
    ("FIL_PAGE_ALGORITHM_V1", 27, FieldKind::U8),
    ("FIL_PAGE_ORIGINAL_TYPE_V1", 28, FieldKind::U16),
    ("FIL_PAGE_ORIGINAL_SIZE_V1", 30, FieldKind::U16),
    ("FIL_PAGE_COMPRESS_SIZE_V1", 32, FieldKind::U16),
];

const LOB_DATA_FIELDS: &[FieldLine] = &[
    ("OFFSET_VERSION", 38, FieldKind::U8),
    ("OFFSET_DATA_LEN", 39, FieldKind::U32),
    ("OFFSET_TRX_ID", 43, FieldKind::U48),
];

const LOB_FIRST_FIELDS: &[FieldLine] = &[
    ("OFFSET_VERSION", 38, FieldKind::U8),
    ("OFFSET_FLAGS", 39, FieldKind::U8),
    ("OFFSET_LOB_VERSION", 40, FieldKind::U32),
    ("OFFSET_LAST_TRX_ID", 44, FieldKind::U48),
    ("OFFSET_LAST_UNDO_NO", 50, FieldKind::U32),
    ("OFFSET_DATA_LEN", 54, FieldKind::U32),
    ("OFFSET_TRX_ID", 58, FieldKind::U48),
    ("OFFSET_INDEX_LIST", 64, FieldKind::Base),
    ("OFFSET_INDEX_FREE_NODES", 80, FieldKind::Base),
];

const ZLOB_FIRST_FIELDS: &[FieldLine] = &[
    ("OFFSET_VERSION", 38, FieldKind::U8),
    ("OFFSET_FLAGS", 39, FieldKind::U8),
    ("OFFSET_LOB_VERSION", 40, FieldKind::U32),
    ("OFFSET_LAST_TRX_ID", 44, FieldKind::U48),
    ("OFFSET_LAST_UNDO_NO", 50, FieldKind::U32),
    ("OFFSET_DATA_LEN", 54, FieldKind::U32),
    ("OFFSET_TRX_ID", 58, FieldKind::U48),
    ("OFFSET_INDEX_PAGE_NO", 64, FieldKind::Page),
    ("OFFSET_FRAG_PAGE_NO", 68, FieldKind::Page),
];
