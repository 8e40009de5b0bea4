//! The dictionary of MySQL 8.0 and later: which tablespaces there are and what their files are called.
//!
//! It lies in `mysql.ibd`. The SDI there describes the tables of the dictionary themselves, so that the roots of their
//! trees are found as those of any table. Both trees below are clustered, COMPACT records:
//!
//! | `tablespaces` | | `tablespace_files` | |
//! |---|---|---|---|
//! | `id` | 8 | `tablespace_id` | 8 |
//! | DB_TRX_ID, DB_ROLL_PTR | 6, 7 | `ordinal_position` | 4 |
//! | `name` | length 2 | DB_TRX_ID, DB_ROLL_PTR | 6, 7 |
//! | `options` | length 2, or NULL | `file_name` | length 2 |
//! | `se_private_data` | length 2, or NULL | `se_private_data` | length 2, or NULL |
//! | `comment`, `engine` | length 2, 1 | | |
//! | `engine_attribute` (8.0.21 on) | length 2, or NULL | | |
//!
//! Integers are big-endian; `BIGINT UNSIGNED` and `INT UNSIGNED` as they are. A length of two bytes has the top bit set
//! and takes one byte below 128. NULL bits stand at origin-6, the first nullable column in bit 0; lengths before them,
//! backwards. `se_private_data` is `key=value;...`: `id` is the space id, `state` (8.0.14 on) one of `normal`,
//! `discarded`, `corrupted`, `active`, `inactive`, `empty`.
//!
//! Sources: `sql/dd/impl/tables/tablespaces.cc`, `tablespace_files.cc` (MySQL 8.0, 9.x), `dict0dd.h` (`dd_space_key`);
//! held against the SDI of real `mysql.ibd` of 8.0.12, 8.0.33 and 9.7.4.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::bytes::{slice_at, u32_at, u64_at};
use crate::format::PageSource;
use crate::format::btree::each_leaf_of;
use crate::format::dictionary::sdi::each_json;
use crate::format::record::{UserRecord, user_records};
use crate::units::{PageNo, SpaceId};

/// SDI records of tables.
const SDI_TYPE_TABLE: u32 = 1;
/// Width of the key of `tablespaces`, and of `tablespace_files`.
const KEYS: (usize, usize) = (8, 12);
/// DB_TRX_ID and DB_ROLL_PTR behind the key.
const SYSTEM_COLUMNS: usize = 13;

/// A tablespace as the dictionary has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DictionarySpace {
    /// `db/table` in file name encoding, `db/table#p#part`, or the name of a general or undo tablespace.
    pub name: String,
    /// Space id; `None` where `se_private_data` could not be read.
    pub space: Option<SpaceId>,
    /// `state`; empty before 8.0.14.
    pub state: String,
    /// Its files, as the server writes them: relative to the data directory or absolute.
    pub files: Vec<String>,
}

impl DictionarySpace {
    /// Whether `ALTER TABLE ... DISCARD TABLESPACE` took its file away.
    pub fn is_discarded(&self) -> bool {
        self.state == "discarded"
    }
}

/// Every tablespace in `mysql.ibd`; `None` where its SDI does not lead to both trees.
pub fn read(mysql: &dyn PageSource) -> Option<Vec<DictionarySpace>> {
    let (mut spaces, mut files) = (None, None);
    each_json(mysql, |kind, json| {
        let document = Some(json).filter(|_| kind == SDI_TYPE_TABLE).and_then(parse);
        match document {
            Some((name, root)) if name == "tablespaces" => spaces = Some(root),
            Some((name, root)) if name == "tablespace_files" => files = Some(root),
            _ => {}
        }
    });
    let mut found: BTreeMap<u64, DictionarySpace> = BTreeMap::new();
    mysql.page(spaces?)?;
    mysql.page(files?)?;
    each_row(mysql, spaces?, KEYS.0, |row| {
        found.extend(tablespace(row));
    });
    each_row(mysql, files?, KEYS.1, |row| {
        if let Some((id, file, space)) = file(row)
            && let Some(owner) = found.get_mut(&id)
        {
            owner.space = owner.space.or(space);
            owner.files.push(file);
        }
    });
    Some(found.into_values().collect())
}

#[derive(Deserialize)]
struct DdDocument {
    dd_object: DdTable,
}

#[derive(Deserialize)]
struct DdTable {
    name: String,
    #[serde(default)]
    schema_ref: String,
    #[serde(default)]
    indexes: Vec<DdIndex>,
}

#[derive(Deserialize)]
struct DdIndex {
    #[serde(default)]
    se_private_data: String,
}

/// Name and root of a table of the dictionary.
fn parse(json: &[u8]) -> Option<(String, PageNo)> {
    let table = serde_json::from_slice::<DdDocument>(json).ok()?.dd_object;
    let root = private(&table.indexes.first()?.se_private_data, "root")?.parse().ok()?;
    (table.schema_ref == "mysql").then_some((table.name, PageNo(root)))
}

/// A value in `se_private_data`.
fn private<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split(';').find_map(|pair| pair.split_once('=').filter(|(k, _)| *k == key)).map(|(_, value)| value)
}

fn each_row(source: &dyn PageSource, root: PageNo, key: usize, mut row: impl FnMut(&UserRecord<'_>)) {
    each_leaf_of(source, root, key, |_, page| {
        user_records(page).list.iter().filter(|r| r.is_compact() && !r.is_deleted()).for_each(&mut row);
    });
}

fn tablespace(row: &UserRecord<'_>) -> Option<(u64, DictionarySpace)> {
    let mut columns = Columns::new(row, KEYS.0 + SYSTEM_COLUMNS)?;
    let id = u64_at(columns.head, 0)?;
    let name = columns.text(None)?.unwrap_or_default();
    columns.text(Some(0))?;
    let private_data = columns.text(Some(1))?.unwrap_or_default();
    let space = private(&private_data, "id").and_then(|id| id.parse().ok()).map(SpaceId);
    let state = private(&private_data, "state").unwrap_or_default().to_owned();
    Some((id, DictionarySpace { name, space, state, files: Vec::new() }))
}

fn file(row: &UserRecord<'_>) -> Option<(u64, String, Option<SpaceId>)> {
    let mut columns = Columns::new(row, KEYS.1 + SYSTEM_COLUMNS)?;
    let id = u64_at(columns.head, 0)?;
    u32_at(columns.head, 8)?;
    let name = columns.text(None)?.unwrap_or_default();
    let private_data = columns.text(Some(0))?.unwrap_or_default();
    Some((id, name, private(&private_data, "id").and_then(|id| id.parse().ok()).map(SpaceId)))
}

/// The columns of variable length of one record, in order.
struct Columns<'a, 'b> {
    row: &'b UserRecord<'a>,
    /// The columns of fixed length, which stand first in both tables.
    head: &'a [u8],
    nulls: u8,
    /// How many bytes of lengths were read.
    lengths: usize,
    /// Where the next column begins, from the origin.
    at: usize,
}

impl<'a, 'b> Columns<'a, 'b> {
    fn new(row: &'b UserRecord<'a>, fixed: usize) -> Option<Columns<'a, 'b>> {
        let head = Some(row.leading_bytes(fixed)).filter(|head| head.len() == fixed)?;
        Some(Columns { row, head, nulls: row.compact_length_byte(0)?, lengths: 1, at: fixed })
    }

    /// The next column, with the number of its NULL bit: `Some(None)` is SQL NULL.
    fn text(&mut self, null: Option<u32>) -> Option<Option<String>> {
        const MORE: u8 = 0x80;
        const ELSEWHERE: u8 = 0x40;
        if null.is_some_and(|bit| self.nulls >> bit & 1 == 1) {
            return Some(None);
        }
        let mut take = || {
            let byte = self.row.compact_length_byte(self.lengths)?;
            self.lengths += 1;
            Some(byte)
        };
        let high = take()?;
        let length = match high & MORE {
            0 => usize::from(high),
            _ if high & ELSEWHERE != 0 => return None,
            _ => usize::from(high & 0x3F) << 8 | usize::from(take()?),
        };
        let end = self.at.checked_add(length)?;
        let text = slice_at(self.row.leading_bytes(end), self.at, length)?;
        self.at = end;
        Some(Some(String::from_utf8_lossy(text).into_owned()))
    }
}
