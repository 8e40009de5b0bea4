//! Space id and index id to table and index.

use crate::format::dictionary::index_kind::IndexKind;
pub mod charset;
pub mod file_name;
pub mod filename_charset;
pub mod index_kind;
pub mod sdi;
pub mod sys_columns;
pub mod sys_tables;
pub mod tablespaces;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::format::PageSource;
use crate::format::dictionary::file_name::FileName;
use crate::format::dictionary::sdi::SdiIndex;

use crate::format::index_page::SDI_INDEX_ID;
use crate::format::key::IndexKey;
use crate::units::{PageNo, SpaceId};

/// The name of an index page's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameOf<'a> {
    /// `db/table`, with ` partition p0` where it is one.
    pub table: &'a str,
    /// Index name, `PRIMARY` or `GEN_CLUST_INDEX` for the rows.
    pub index: &'a str,
    /// Holds the rows.
    pub clustered: bool,
    /// What the index is for.
    pub kind: IndexKind,
    /// Root page according to the dictionary.
    pub root: Option<PageNo>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedIndex {
    table: String,
    name: String,
    kind: IndexKind,
    root: Option<PageNo>,
    /// The columns that it is sorted by, where they came with the name.
    key: Option<IndexKey>,
}

/// Everything known of names, gathered from as many sources as there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    indexes: BTreeMap<(SpaceId, u64), NamedIndex>,
    tables: BTreeMap<SpaceId, BTreeSet<String>>,
    files: BTreeMap<SpaceId, String>,
}

impl Names {
    /// No names at all.
    pub fn empty() -> Names {
        Names::default()
    }

    /// Names from the system tablespace of MySQL up to 5.7 or any MariaDB. Empty for MySQL 8.0+, whose system tablespace
    /// holds no dictionary.
    pub fn from_system(source: &dyn PageSource) -> Names {
        let mut names = Names::empty();
        let dictionary = sys_tables::read(source);
        for table in dictionary.tables.values() {
            names.add_table(table.space, FileName::from_internal(&table.name).to_string());
        }
        for index in dictionary.indexes {
            let table = dictionary.tables.get(&index.table_id).map_or_else(
                || format!("table id {}", index.table_id),
                |table| FileName::from_internal(&table.name).to_string(),
            );
            let root = Some(index.root).filter(|root| root.0 != crate::units::FIL_NULL);
            let kind = kind_from_sys_indexes(index.kind);
            let named = NamedIndex { table, name: index.name, kind, root, key: None };
            names.indexes.insert((index.space, index.id), named);
        }
        if !names.tables.is_empty() {
            names.add_dictionary_itself();
        }
        names
    }

    /// Names from the SDI records of one tablespace of MySQL 8.0+. Empty where the tablespace has none.
    pub fn from_sdi(space: SpaceId, source: &dyn PageSource) -> Names {
        let mut names = Names::empty();
        sdi::each_table(source, |table| {
            for part in table.parts {
                // A partitioned table is described in the files of all its partitions.
                let mut here = false;
                for index in part.indexes {
                    here |= index.space.is_none_or(|s| s == space);
                    let key = (index.space.unwrap_or(space), index.id);
                    let SdiIndex { name, kind, root, key: columns, .. } = index;
                    let table = part.name.clone();
                    names.indexes.insert(key, NamedIndex { table, name, kind, root, key: columns });
                }
                if here {
                    names.add_table(space, part.name);
                }
            }
        });
        names
    }

    /// Notes the path of a tablespace file: the name of last resort. The last directory is taken for the database, so a
    /// path in the data directory must be relative to it; `mysql.ibd` then stays `mysql`.
    pub fn add_file(&mut self, space: SpaceId, path: &Path) {
        if let Some(name) = FileName::from_path(path) {
            self.files.insert(space, name.to_string());
        }
    }

    /// Takes over what the other knows; where both know something, the other is believed.
    pub fn merge(&mut self, other: Names) {
        self.indexes.extend(other.indexes);
        self.files.extend(other.files);
        for (space, tables) in other.tables {
            self.tables.entry(space).or_default().extend(tables);
        }
    }

    /// Table and index of a page, by the space id and the index id that stand on it.
    pub fn lookup(&self, space: SpaceId, index_id: u64) -> Option<NameOf<'_>> {
        if index_id == SDI_INDEX_ID {
            return Some(name_of(self.table_of(space)?, "SDI", IndexKind::Sdi, None));
        }
        let index = self.indexes.get(&(space, index_id))?;
        Some(name_of(&index.table, &index.name, index.kind, index.root))
    }

    /// The columns that an index is sorted by, where SDI describes them.
    pub fn key(&self, space: SpaceId, index_id: u64) -> Option<&IndexKey> {
        self.indexes.get(&(space, index_id))?.key.as_ref()
    }

    /// The table whose own tablespace this is: the only one in it, or what the file is called.
    pub fn table_of(&self, space: SpaceId) -> Option<&str> {
        let mut tables = self.tables.get(&space).into_iter().flatten();
        match (tables.next(), tables.next()) {
            (Some(only), None) => Some(only),
            _ => self.files.get(&space).map(String::as_str),
        }
    }

    /// Every table known to lie in a tablespace, in the order of the alphabet.
    #[cfg(test)]
    pub fn tables_in(&self, space: SpaceId) -> impl Iterator<Item = &str> {
        self.tables.get(&space).into_iter().flatten().map(String::as_str)
    }

    /// Every known index with its space and id, ordered by them.
    pub fn indexes(&self) -> impl Iterator<Item = (SpaceId, u64, NameOf<'_>)> {
        self.indexes.iter().map(|(&(space, id), index)| {
            (space, id, name_of(&index.table, &index.name, index.kind, index.root))
        })
    }

    /// Those of one tablespace.
    pub fn indexes_of(&self, space: SpaceId) -> impl Iterator<Item = (u64, NameOf<'_>)> {
        self.indexes
            .range((space, 0)..=(space, u64::MAX))
            .map(|(&(_, id), index)| (id, name_of(&index.table, &index.name, index.kind, index.root)))
    }

    fn add_table(&mut self, space: SpaceId, table: String) {
        self.tables.entry(space).or_default().insert(table);
    }

    /// The four tables of the dictionary are not listed in themselves, nor is the change buffer. Ids and roots are fixed
    /// (`dict0boot.h`, `ibuf0ibuf.h`; MySQL 5.7, MariaDB 10.11).
    fn add_dictionary_itself(&mut self) {
        const CHANGE_BUFFER_ID: u64 = 0xFFFF_FFFF_0000_0000;
        let clustered = IndexKind::Clustered;
        for (id, table, index, kind, root) in [
            (1, "SYS_TABLES", "CLUST_IND", clustered, 8),
            (5, "SYS_TABLES", "ID_IND", IndexKind::Unique, 9),
            (2, "SYS_COLUMNS", "CLUST_IND", clustered, 10),
            (3, "SYS_INDEXES", "CLUST_IND", clustered, 11),
            (4, "SYS_FIELDS", "CLUST_IND", clustered, 12),
            (CHANGE_BUFFER_ID, "change buffer", "CLUST_IND", IndexKind::ChangeBuffer, 4),
        ] {
            let index = NamedIndex {
                table: table.into(),
                name: index.into(),
                kind,
                root: Some(PageNo(root)),
                key: None,
            };
            self.indexes.entry((SpaceId::SYSTEM, id)).or_insert(index);
        }
    }
}

fn name_of<'a>(table: &'a str, index: &'a str, kind: IndexKind, root: Option<PageNo>) -> NameOf<'a> {
    NameOf { table, index, clustered: kind == IndexKind::Clustered, kind, root }
}

/// `DICT_CLUSTERED` 1, `DICT_UNIQUE` 2, `DICT_FTS` 32, `DICT_SPATIAL` 64 (`dict0mem.h`, MariaDB 10.11, MySQL 5.7).
fn kind_from_sys_indexes(bits: u32) -> IndexKind {
    match bits {
        b if b & 1 != 0 => IndexKind::Clustered,
        b if b & 32 != 0 => IndexKind::FullText,
        b if b & 64 != 0 => IndexKind::Spatial,
        b if b & 2 != 0 => IndexKind::Unique,
        _ => IndexKind::Secondary,
    }
}
