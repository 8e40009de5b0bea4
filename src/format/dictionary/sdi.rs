//! Serialized dictionary information (SDI): MySQL 8.0+ keeps a copy of the dictionary in every tablespace.
//!
//! Page 0, 115 bytes behind the extent descriptors (10505 on 16 KiB pages): version (4, always 1), root page (4).
//! The tree is clustered, COMPACT, index id 0xFFFFFFFFFFFFFFFF, page type 17853. A leaf record:
//!
//! | offset from origin | size | meaning |
//! |---:|---:|---|
//! | 0 | 4 | type: 1 table, 2 tablespace |
//! | 4 | 8 | object id |
//! | 12 | 6 | transaction id |
//! | 18 | 7 | roll pointer |
//! | 25 | 4 | length of the JSON |
//! | 29 | 4 | length of the compressed JSON |
//! | 33 | | zlib stream, or its beginning and where the rest lies |
//!
//! The length of the last column stands at origin-6: below 0x80 it is one byte; else bit 6 says "stored elsewhere", bits
//! 0..5 are the high part and the byte before is the low part. Stored elsewhere, the last 20 bytes are a reference:
//! space 4, first page 4, offset 4, length 8. A BLOB page (type 18 here) has the length of its part at 38, the next
//! page at 42 and data from 46.
//!
//! SDI of `ROW_FORMAT=COMPRESSED` tablespaces lies on compressed pages and is not read: their file name names them.
//!
//! Sources: `dict0sdi.h`, `dict0sdi-decompress.h`, `lob0lob.h`, `fsp0fsp.cc` (MySQL 9.7); real files of 8.4 and 9.7.

mod columns;
#[cfg(test)]
mod tests;

use std::io::Read;

use serde::Deserialize;

use crate::bytes::{slice_at, u32_at};
use crate::format::PageSource;
use crate::format::btree::each_leaf;
use crate::format::dictionary::index_kind::IndexKind;
use crate::format::dictionary::sdi::columns::{ColumnObject, IndexElement};
use crate::format::fsp::{FspHeader, Layout, PageFormat, xdes_array_end};
use crate::format::index_header::IndexHeader;
use crate::format::index_page::SDI_INDEX_ID;
use crate::format::key::{ColumnKind, IndexKey, KeyColumn};
use crate::format::record::{UserRecord, user_records};
use crate::units::{FIL_NULL, PageNo, SpaceId};

/// Distance of the SDI version from the end of the extent descriptors: MySQL's encryption record lies between.
pub const SDI_BEHIND_XDES: usize = 115;
/// `FSP_FLAGS` bit 14: the tablespace has SDI.
const FSP_FLAGS_SDI: u32 = 1 << 14;
const SDI_VERSION: u32 = 1;

/// `type` of a record that describes a table.
const SDI_TYPE_TABLE: u32 = 1;
const REC_TYPE: usize = 0;
const REC_UNCOMPRESSED_LEN: usize = 25;
const REC_COMPRESSED_LEN: usize = 29;
const REC_DATA: usize = 33;

const BLOB_PART_LEN: usize = 38;
const BLOB_NEXT_PAGE: usize = 42;
const BLOB_DATA: usize = 46;
const BLOB_REFERENCE: usize = 20;

/// InnoDB's name of the index by the row ids that it makes for a table without a key of its own.
const GEN_CLUST_INDEX: &str = "GEN_CLUST_INDEX";

/// Longest JSON that is inflated; a table of 1017 columns and 8192 partitions stays well below.
const MAX_JSON: usize = 16 << 20;

/// An index in SDI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdiIndex {
    /// Index id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// What it is for.
    pub kind: IndexKind,
    /// Root page.
    pub root: Option<PageNo>,
    /// Tablespace.
    pub space: Option<SpaceId>,
    /// The columns that it is sorted by.
    pub key: Option<IndexKey>,
}

/// A table, or one of its partitions, with the indexes that have trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdiPart {
    /// `db/table`, with ` partition p0` where it is one.
    pub name: String,
    /// Indexes.
    pub indexes: Vec<SdiIndex>,
}

/// What one SDI record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdiTable {
    /// The table itself, or each of its partitions.
    pub parts: Vec<SdiPart>,
}

/// Root page of the SDI tree according to page 0, for MySQL 8.0+ tablespaces that have one.
pub fn root(page0: &[u8]) -> Option<PageNo> {
    let flags = FspHeader::parse(page0)?.flags;
    let format = PageFormat::from_flags(flags)?;
    if flags & FSP_FLAGS_SDI == 0 || format.layout != Layout::Classic {
        return None;
    }
    let at = xdes_array_end(&format).checked_add(SDI_BEHIND_XDES)?;
    let root = u32_at(page0, at.checked_add(4)?)?;
    (u32_at(page0, at)? == SDI_VERSION && root != 0 && root != FIL_NULL).then_some(PageNo(root))
}

/// The key of the SDI tree itself: see the table above.
pub fn own_key() -> IndexKey {
    let column = |name: &str, bytes| KeyColumn {
        name: name.to_owned(),
        kind: ColumnKind::Int { bytes, signed: false },
        nullable: false,
    };
    IndexKey { columns: vec![column("type", 4), column("id", 8)], nullable: Some(0) }
}

/// Calls `visit` with every table that the SDI of this tablespace describes. Damaged records are passed over.
pub fn each_table(source: &dyn PageSource, mut visit: impl FnMut(SdiTable)) {
    each_json(source, |kind, json| {
        if kind == SDI_TYPE_TABLE {
            serde_json::from_slice::<SdiDocument>(json).ok().map(SdiDocument::into_table).map(&mut visit);
        }
    });
}

/// Calls `visit` with the type and the JSON text of every SDI record (1 table, 2 tablespace).
pub fn each_json(source: &dyn PageSource, mut visit: impl FnMut(u32, &[u8])) {
    let Some(root) = source.page(PageNo(0)).and_then(|page| root(&page)) else { return };
    each_leaf(source, root, |_, page| {
        if IndexHeader::parse(page).is_none_or(|h| h.index_id != SDI_INDEX_ID || !h.compact) {
            return;
        }
        for record in user_records(page).list.iter().filter(|r| !r.is_deleted()) {
            if let Some((kind, json)) = json(source, record, page.len()) {
                visit(kind, &json);
            }
        }
    });
}

fn json(source: &dyn PageSource, record: &UserRecord<'_>, page_size: usize) -> Option<(u32, Vec<u8>)> {
    let bytes = record.leading_bytes(page_size);
    let length = usize::try_from(u32_at(bytes, REC_UNCOMPRESSED_LEN)?).ok()?;
    let compressed = usize::try_from(u32_at(bytes, REC_COMPRESSED_LEN)?).ok()?;
    if length > MAX_JSON || compressed > MAX_JSON {
        return None;
    }
    let stream = column(source, record, bytes, compressed)?;
    let mut json = Vec::new();
    let limit = u64::try_from(length).ok()?;
    flate2::read::ZlibDecoder::new(&stream[..]).take(limit).read_to_end(&mut json).ok()?;
    (json.len() == length).then_some((u32_at(bytes, REC_TYPE)?, json))
}

/// The compressed column, from the record or from BLOB pages.
fn column(
    source: &dyn PageSource,
    record: &UserRecord<'_>,
    bytes: &[u8],
    compressed: usize,
) -> Option<Vec<u8>> {
    const TWO_BYTES: u8 = 0x80;
    const ELSEWHERE: u8 = 0x40;
    let high = record.compact_length_byte(0)?;
    if high & TWO_BYTES == 0 {
        return (usize::from(high) == compressed)
            .then(|| slice_at(bytes, REC_DATA, compressed))?
            .map(<[u8]>::to_vec);
    }
    let length = usize::from(high & 0x3F) << 8 | usize::from(record.compact_length_byte(1)?);
    let stored = slice_at(bytes, REC_DATA, length)?;
    if high & ELSEWHERE == 0 {
        return (length == compressed).then(|| stored.to_vec());
    }
    let (here, reference) = stored.split_at_checked(length.checked_sub(BLOB_REFERENCE)?)?;
    let mut data = here.to_vec();
    append_blob(source, PageNo(u32_at(reference, 4)?), compressed, &mut data)?;
    (data.len() == compressed).then_some(data)
}

/// Adds BLOB pages until `wanted` bytes are there. Ends in any case: every page adds at least one byte.
fn append_blob(source: &dyn PageSource, first: PageNo, wanted: usize, data: &mut Vec<u8>) -> Option<()> {
    let mut page_no = first;
    while data.len() < wanted {
        let page = source.page(page_no)?;
        let part = usize::try_from(u32_at(&page, BLOB_PART_LEN)?).ok().filter(|&length| length != 0)?;
        data.extend_from_slice(slice_at(&page, BLOB_DATA, part)?);
        page_no = PageNo(u32_at(&page, BLOB_NEXT_PAGE)?);
    }
    Some(())
}

/// The part of the JSON that is read; `mysqld_version_id` and the rest are passed over.
#[derive(Deserialize)]
struct SdiDocument {
    dd_object: TableObject,
}

const VISIBLE: u32 = 1;

fn visible() -> u32 {
    VISIBLE
}

#[derive(Deserialize)]
struct TableObject {
    name: String,
    #[serde(default)]
    schema_ref: String,
    /// 1: a user's; 2 and more: made by the server, whose description of NULL is not that of its records.
    #[serde(default = "visible")]
    hidden: u32,
    #[serde(default)]
    columns: Vec<ColumnObject>,
    #[serde(default)]
    indexes: Vec<IndexObject>,
    #[serde(default)]
    partitions: Vec<Partition>,
}

#[derive(Deserialize)]
struct IndexObject {
    name: String,
    #[serde(default)]
    se_private_data: String,
    /// 1 primary, 2 unique, 3 not unique, 4 full text, 5 spatial (`dd/types/index.h`, MySQL 9.7).
    #[serde(default, rename = "type")]
    kind: u32,
    #[serde(default)]
    elements: Vec<IndexElement>,
}

#[derive(Deserialize)]
struct Partition {
    name: String,
    #[serde(default)]
    indexes: Vec<PartitionIndex>,
    #[serde(default)]
    subpartitions: Vec<Partition>,
}

#[derive(Deserialize)]
struct PartitionIndex {
    #[serde(default)]
    se_private_data: String,
    /// Position in the table's own list of indexes.
    index_opx: usize,
}

impl SdiDocument {
    fn into_table(self) -> SdiTable {
        let table = &self.dd_object;
        let name = if table.schema_ref.is_empty() {
            table.name.clone()
        } else {
            format!("{}/{}", table.schema_ref, table.name)
        };
        let mut parts = Vec::new();
        for partition in &table.partitions {
            partition.collect(table, &format!("{name} partition {}", partition.name), &mut parts);
        }
        let trees = table.indexes.iter().enumerate();
        let indexes: Vec<_> = trees.filter_map(|(n, i)| i.tree(table, n, &i.se_private_data)).collect();
        if !indexes.is_empty() || parts.is_empty() {
            parts.push(SdiPart { name, indexes });
        }
        SdiTable { parts }
    }
}

impl Partition {
    fn collect(&self, table: &TableObject, name: &str, parts: &mut Vec<SdiPart>) {
        for sub in &self.subpartitions {
            sub.collect(table, &format!("{name} subpartition {}", sub.name), parts);
        }
        let tree =
            |i: &PartitionIndex| table.indexes.get(i.index_opx)?.tree(table, i.index_opx, &i.se_private_data);
        let indexes: Vec<_> = self.indexes.iter().filter_map(tree).collect();
        if !indexes.is_empty() {
            parts.push(SdiPart { name: name.to_owned(), indexes });
        }
    }
}

impl IndexObject {
    /// The index as a tree, from `id=154;root=4;space_id=2;...`; `None` where it has none of its own.
    fn tree(&self, table: &TableObject, position: usize, private: &str) -> Option<SdiIndex> {
        let value = |key: &str| {
            private
                .split(';')
                .find_map(|pair| pair.split_once('=').filter(|(k, _)| *k == key)?.1.parse::<u64>().ok())
        };
        let word = |key: &str| u32::try_from(value(key)?).ok();
        let kind = match (position, self.kind) {
            // InnoDB's clustered index is the first of the list even where it is not called PRIMARY.
            (0, _) => IndexKind::Clustered,
            (_, 2) => IndexKind::Unique,
            (_, 4) => IndexKind::FullText,
            (_, 5) => IndexKind::Spatial,
            _ => IndexKind::Secondary,
        };
        let (root, space) = (word("root").map(PageNo), word("space_id").map(SpaceId));
        let generated = columns::is_generated(&table.columns, &self.elements);
        let name = if generated { GEN_CLUST_INDEX.to_owned() } else { self.name.clone() };
        let mut key = columns::key(&table.columns, &self.elements);
        if let Some(key) = key.as_mut().filter(|_| table.hidden != VISIBLE) {
            key.nullable = None;
        }
        Some(SdiIndex { id: value("id")?, name, kind, root, space, key })
    }
}
