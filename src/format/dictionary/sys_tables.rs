//! The dictionary in the system tablespace: MySQL up to 5.7 and every MariaDB.
//!
//! | page 7 at | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 70 | 4 | `DICT_HDR_TABLES` | root of SYS_TABLES |
//! | 74 | 4 | `DICT_HDR_TABLE_IDS` | root of its secondary index |
//! | 78 | 4 | `DICT_HDR_COLUMNS` | root of SYS_COLUMNS |
//! | 82 | 4 | `DICT_HDR_INDEXES` | root of SYS_INDEXES |
//! | 86 | 4 | `DICT_HDR_FIELDS` | root of SYS_FIELDS |
//!
//! | column | SYS_TABLES | SYS_INDEXES |
//! |---:|---|---|
//! | 0 | NAME, `db/table` in file name encoding | TABLE_ID 8 |
//! | 1 | DB_TRX_ID 6 | ID 8 |
//! | 2 | DB_ROLL_PTR 7 | DB_TRX_ID 6 |
//! | 3 | ID 8 | DB_ROLL_PTR 7 |
//! | 4 | N_COLS 4 | NAME; first byte 0xFF while being built |
//! | 5 | TYPE 4 | N_FIELDS 4 |
//! | 6 | MIX_ID 8 | TYPE 4 |
//! | 7 | MIX_LEN 4 | SPACE 4 |
//! | 8 | CLUSTER_NAME | PAGE_NO 4, the root |
//! | 9 | SPACE 4 | MERGE_THRESHOLD 4 (MySQL 5.7, MariaDB 10.2) |
//!
//! SYS_DATAFILES (MySQL 5.6 and 5.7, MariaDB 10.0 to 10.5) has SPACE 4, DB_TRX_ID 6, DB_ROLL_PTR 7, PATH; it is a table
//! like any other and found through the two above.
//!
//! MIX_LEN holds `flags2` where the top bit of N_COLS (`DICT_N_COLS_COMPACT`) is set: bit 0 `DICT_TF2_TEMPORARY`, bit 5
//! `DICT_TF2_DISCARDED`.
//!
//! All are clustered indexes of REDUNDANT records. Sources: `dict0boot.h`, `dict0load.cc`, `dict0mem.h` (MySQL 5.6, 5.7,
//! MariaDB 10.3, 10.11).

use std::collections::{BTreeMap, HashMap};

use crate::bytes::{u32_at, u64_at};
use crate::format::PageSource;
use crate::format::btree::each_leaf;
use crate::format::fil::page_type;
use crate::format::record::{UserRecord, user_records};
use crate::units::{PageNo, SpaceId};

/// `DICT_HDR_PAGE_NO`: page of the dictionary header in space 0.
pub const DICT_HDR_PAGE_NO: PageNo = PageNo(7);
/// Root of SYS_TABLES in the dictionary header.
pub const DICT_HDR_TABLES: usize = 70;
/// Root of SYS_INDEXES in the dictionary header.
pub const DICT_HDR_INDEXES: usize = 82;

/// Byte that stands before the name of an index while it is being built (`TEMP_INDEX_PREFIX`).
const TEMP_INDEX_PREFIX: u8 = 0xFF;

/// One row of SYS_TABLES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysTable {
    /// `db/table` as stored, in file name encoding.
    pub name: String,
    /// Table id.
    pub id: u64,
    /// Tablespace.
    pub space: SpaceId,
    /// `DICT_TF2_TEMPORARY`: made by `CREATE TEMPORARY TABLE`; its file goes with the server.
    pub temporary: bool,
    /// `DICT_TF2_DISCARDED`: its file was taken away on purpose.
    pub discarded: bool,
}

/// One row of SYS_INDEXES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysIndex {
    /// Table id.
    pub table_id: u64,
    /// Index id.
    pub id: u64,
    /// Name, without the mark of an index being built.
    pub name: String,
    /// `TYPE`: bit 0 clustered, bit 1 unique, bit 5 full text, bit 6 spatial.
    pub kind: u32,
    /// Tablespace.
    pub space: SpaceId,
    /// Root page, 0xFFFFFFFF where the tree is gone.
    pub root: PageNo,
}

/// What the system tablespace says of tables and indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SysDictionary {
    /// Tables by id.
    pub tables: HashMap<u64, SysTable>,
    /// Indexes, in no order.
    pub indexes: Vec<SysIndex>,
    /// Paths of tablespaces, as SYS_DATAFILES has them: relative to the data directory or absolute.
    pub data_files: BTreeMap<SpaceId, String>,
}

/// Reads SYS_TABLES and SYS_INDEXES; what damaged pages hide is missing. Empty where page 7 is no dictionary header.
pub fn read(source: &dyn PageSource) -> SysDictionary {
    let mut dictionary = SysDictionary::default();
    let Some(header) = source.page(DICT_HDR_PAGE_NO) else { return dictionary };
    if crate::bytes::u16_at(&header, crate::format::fil::FIL_PAGE_TYPE) != Some(page_type::SYS) {
        return dictionary;
    }
    each_row(source, u32_at(&header, DICT_HDR_TABLES), |row| {
        if let Some(table) = sys_table(row) {
            dictionary.tables.insert(table.id, table);
        }
    });
    each_row(source, u32_at(&header, DICT_HDR_INDEXES), |row| dictionary.indexes.extend(sys_index(row)));
    let root = dictionary.root_of("SYS_DATAFILES");
    each_row(source, root, |row| dictionary.data_files.extend(sys_data_file(row)));
    dictionary
}

impl SysDictionary {
    /// Root page of the clustered index of a table that lies in the system tablespace.
    fn root_of(&self, name: &str) -> Option<u32> {
        let table =
            self.tables.values().find(|table| table.name == name && table.space == SpaceId::SYSTEM)?;
        let clustered = |index: &&SysIndex| index.table_id == table.id && index.kind & 1 != 0;
        self.indexes.iter().find(clustered).map(|index| index.root.0)
    }
}

fn sys_data_file(row: &UserRecord<'_>) -> Option<(SpaceId, String)> {
    Some((SpaceId(u32_at(row.redundant_field(0)??, 0)?), text(row.redundant_field(3)??)))
}

/// Calls `row` with every record of a dictionary table under `root` that is not marked deleted.
pub fn each_row(source: &dyn PageSource, root: Option<u32>, mut row: impl FnMut(&UserRecord<'_>)) {
    // Page 0 is what a dictionary that was never created, or moved to mysql.ibd, leaves in the header.
    let Some(root) = root.filter(|&root| root != 0) else { return };
    each_leaf(source, PageNo(root), |_, page| {
        user_records(page).list.iter().filter(|r| !r.is_deleted()).for_each(&mut row);
    });
}

fn sys_table(row: &UserRecord<'_>) -> Option<SysTable> {
    const COMPACT: u32 = 0x8000_0000;
    const TEMPORARY: u32 = 1;
    const DISCARDED: u32 = 32;
    let compact = u32_at(row.redundant_field(4)??, 0)? & COMPACT != 0;
    let flags2 = row.redundant_field(7).flatten().and_then(|flags| u32_at(flags, 0)).filter(|_| compact);
    let has = |flag: u32| flags2.is_some_and(|flags| flags & flag != 0);
    Some(SysTable {
        name: text(row.redundant_field(0)??),
        id: u64_at(row.redundant_field(3)??, 0)?,
        space: SpaceId(u32_at(row.redundant_field(9)??, 0)?),
        temporary: has(TEMPORARY),
        discarded: has(DISCARDED),
    })
}

fn sys_index(row: &UserRecord<'_>) -> Option<SysIndex> {
    let name = row.redundant_field(4)??;
    Some(SysIndex {
        table_id: u64_at(row.redundant_field(0)??, 0)?,
        id: u64_at(row.redundant_field(1)??, 0)?,
        name: text(name.strip_prefix(&[TEMP_INDEX_PREFIX]).unwrap_or(name)),
        kind: u32_at(row.redundant_field(6)??, 0)?,
        space: SpaceId(u32_at(row.redundant_field(7)??, 0)?),
        root: PageNo(u32_at(row.redundant_field(8)??, 0)?),
    })
}

/// A name as stored.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::format::fil::FIL_PAGE_TYPE;
    use crate::format::tests::pages::{Pages, SIZE, put, redundant_page};

    /// A dictionary with `d/t@0023` (id 20, space 5) and its indexes PRIMARY (40) and by_name (41).
    pub(crate) fn system() -> Pages {
        let mut header = vec![0; SIZE];
        put(&mut header, FIL_PAGE_TYPE, &page_type::SYS.to_be_bytes());
        put(&mut header, DICT_HDR_TABLES, &8u32.to_be_bytes());
        put(&mut header, DICT_HDR_INDEXES, &11u32.to_be_bytes());
        let (id, space, root) = (20u64.to_be_bytes(), 5u32.to_be_bytes(), 3u32.to_be_bytes());
        let none: Option<&[u8]> = None;
        let tables = redundant_page(
            1,
            0,
            &[&[
                Some(b"d/t@0023"),
                Some(&[0; 6]),
                Some(&[0; 7]),
                Some(&id),
                Some(&[0; 4]),
                Some(&[0; 4]),
                Some(&[0; 8]),
                Some(&[0; 4]),
                none,
                Some(&space),
            ]],
        );
        let index = |n: u64, name: &'static [u8], kind: u32| (n.to_be_bytes(), name, kind.to_be_bytes());
        let (a, b) = (index(40, b"PRIMARY", 3), index(41, b"\xFFby_name", 0));
        let row = |i: &'_ ([u8; 8], &'static [u8], [u8; 4])| {
            [id.to_vec(), i.0.to_vec(), vec![0; 6], vec![0; 7], i.1.to_vec(), vec![0; 4], i.2.to_vec()]
                .into_iter()
                .chain([space.to_vec(), root.to_vec()])
                .collect::<Vec<_>>()
        };
        let rows = [row(&a), row(&b)];
        let fields: Vec<Vec<Option<&[u8]>>> =
            rows.iter().map(|r| r.iter().map(|f| Some(&f[..])).collect()).collect();
        let indexes = redundant_page(3, 0, &[&fields[0], &fields[1]]);
        Pages([(7, header), (8, tables), (11, indexes)].into())
    }

    #[test]
    fn tables_and_indexes_are_read() {
        let dictionary = read(&system());
        let table = SysTable {
            name: "d/t@0023".into(),
            id: 20,
            space: SpaceId(5),
            temporary: false,
            discarded: false,
        };
        assert_eq!(dictionary.tables, HashMap::from([(20, table)]));
        let names: Vec<_> = dictionary.indexes.iter().map(|i| (i.id, &i.name[..], i.kind, i.root)).collect();
        assert_eq!(names, [(40, "PRIMARY", 3, PageNo(3)), (41, "by_name", 0, PageNo(3))]);
    }

    #[test]
    fn a_damaged_tree_hides_only_itself() {
        let mut pages = system();
        pages.0.remove(&8);
        let dictionary = read(&pages);
        assert!(dictionary.tables.is_empty());
        assert_eq!(dictionary.indexes.len(), 2);
    }

    #[test]
    fn no_dictionary_header_no_dictionary() {
        let mut pages = system();
        put(pages.0.get_mut(&7).unwrap(), FIL_PAGE_TYPE, &[0, 0]);
        assert_eq!(read(&pages), SysDictionary::default());
    }
}
