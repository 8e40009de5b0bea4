//! The columns of an index in the dictionary of the system tablespace: MySQL up to 5.7 and every MariaDB.
//!
//! | column | SYS_COLUMNS | SYS_FIELDS |
//! |---:|---|---|
//! | 0 | TABLE_ID 8 | INDEX_ID 8 |
//! | 1 | POS 4 | POS 4; where any column of the index has a prefix, POS << 16 and its bytes |
//! | 2 | DB_TRX_ID 6 | DB_TRX_ID 6 |
//! | 3 | DB_ROLL_PTR 7 | DB_ROLL_PTR 7 |
//! | 4 | NAME | COL_NAME |
//! | 5 | MTYPE 4 | |
//! | 6 | PRTYPE 4: MySQL's type, bit 8 NOT NULL, bit 9 unsigned, bit 10 binary, bit 13 virtual, bits 16..30 collation | |
//! | 7 | LEN 4, in bytes | |
//!
//! MTYPE: 1 VARCHAR, 2 CHAR (latin1), 3 FIXBINARY, 4 BINARY, 5 BLOB, 6 INT, 9 FLOAT, 10 DOUBLE, 12 VARMYSQL, 13 MYSQL (other
//! character sets). Sources: `dict0crea.cc`, `dict0load.cc`, `data0type.h`, `ha_innodb.cc` (MySQL 5.6, MariaDB 10.11).

use crate::bytes::{u32_at, u64_at};
use crate::format::PageSource;
use crate::format::dictionary::charset;
use crate::format::dictionary::sys_tables::{
    self, DICT_HDR_PAGE_NO, SysDictionary, SysIndex, each_row, text,
};
use crate::format::key::{ColumnKind, IndexKey, KeyColumn, Width};
use crate::format::record::UserRecord;
use crate::units::SpaceId;

/// Root of SYS_COLUMNS in the dictionary header.
const DICT_HDR_COLUMNS: usize = 78;
/// Root of SYS_FIELDS in the dictionary header.
const DICT_HDR_FIELDS: usize = 86;

/// One row of SYS_COLUMNS.
struct SysColumn {
    position: u32,
    name: String,
    main: u32,
    precise: u32,
    len: usize,
}

/// One row of SYS_FIELDS.
struct SysField {
    position: u32,
    name: String,
}

/// The key of an index; `None` where the dictionary does not describe it, or only in part.
pub fn key(source: &dyn PageSource, space: SpaceId, index_id: u64) -> Option<IndexKey> {
    let header = source.page(DICT_HDR_PAGE_NO)?;
    let dictionary = sys_tables::read(source);
    let index = dictionary.indexes.iter().find(|index| (index.space, index.id) == (space, index_id))?;
    let clustered = clustered(&dictionary, index)?;
    let (mut columns, mut own, mut primary) = (Vec::new(), Vec::new(), Vec::new());
    each_row(source, u32_at(&header, DICT_HDR_COLUMNS), |row| {
        columns.extend(sys_column(row, index.table_id).filter(|column| column.precise & VIRTUAL == 0));
    });
    each_row(source, u32_at(&header, DICT_HDR_FIELDS), |row| {
        own.extend(sys_field(row, index.id));
        primary.extend(sys_field(row, clustered.id));
    });
    columns.sort_by_key(|column: &SysColumn| column.position);
    if index.id == clustered.id {
        own.clear();
    }
    assemble(&columns, own, primary, index.id == clustered.id)
}

fn clustered<'a>(dictionary: &'a SysDictionary, of: &SysIndex) -> Option<&'a SysIndex> {
    dictionary.indexes.iter().find(|index| index.table_id == of.table_id && index.kind & 1 != 0)
}

const NOT_NULL: u32 = 256;
const UNSIGNED: u32 = 512;
const VIRTUAL: u32 = 8192;

/// The own columns of a secondary index, then those of the clustered one that it does not have yet in full.
fn assemble(
    columns: &[SysColumn],
    own: Vec<SysField>,
    primary: Vec<SysField>,
    is_clustered: bool,
) -> Option<IndexKey> {
    let mut key = Vec::new();
    for (name, prefix) in fields(own) {
        key.push((columns.iter().find(|column| column.name == name)?, prefix));
    }
    let secondary = key.len();
    let generated = primary.is_empty();
    for (name, prefix) in fields(primary) {
        let column = columns.iter().find(|column| column.name == name)?;
        if !key.iter().take(secondary).any(|(has, cut)| has.name == column.name && *cut == 0) {
            key.push((column, prefix));
        }
    }
    let of_record: Vec<&SysColumn> = match is_clustered {
        true => columns.iter().collect(),
        false => key.iter().map(|(column, _)| *column).collect(),
    };
    let nullable = of_record.iter().filter(|column| column.is_nullable()).count();
    let mut columns: Vec<KeyColumn> = key.iter().map(|(column, prefix)| column.part(*prefix)).collect();
    if generated {
        let kind = ColumnKind::Int { bytes: 6, signed: false };
        columns.push(KeyColumn { name: "DB_ROW_ID".to_owned(), kind, nullable: false });
    }
    Some(IndexKey { columns, nullable: Some(nullable) })
}

/// Names in order, with the bytes of their prefix, 0 for none.
fn fields(mut fields: Vec<SysField>) -> impl Iterator<Item = (String, usize)> {
    fields.sort_by_key(|field| field.position);
    // The first column has position 0, or 0 and its prefix; the second 1, or 1 << 16.
    let with_prefix = fields.iter().any(|field| field.position > 0xFFFF)
        || fields.len() == 1 && fields.iter().any(|field| field.position != 0);
    fields.into_iter().map(move |field| {
        let prefix = if with_prefix { field.position & 0xFFFF } else { 0 };
        (field.name, prefix as usize)
    })
}

fn sys_column(row: &UserRecord<'_>, table_id: u64) -> Option<SysColumn> {
    (u64_at(row.redundant_field(0)??, 0)? == table_id).then_some(())?;
    let word = |n| u32_at(row.redundant_field(n)??, 0);
    Some(SysColumn {
        position: word(1)?,
        name: text(row.redundant_field(4)??),
        main: word(5)?,
        precise: word(6)?,
        len: word(7)? as usize,
    })
}

fn sys_field(row: &UserRecord<'_>, index_id: u64) -> Option<SysField> {
    (u64_at(row.redundant_field(0)??, 0)? == index_id).then_some(())?;
    let position = u32_at(row.redundant_field(1)??, 0)?;
    Some(SysField { position, name: text(row.redundant_field(4)??) })
}

impl SysColumn {
    fn is_nullable(&self) -> bool {
        self.precise & NOT_NULL == 0
    }

    fn part(&self, prefix: usize) -> KeyColumn {
        let kind = if prefix == 0 { self.kind() } else { self.kind().cut(prefix) };
        KeyColumn { name: self.name.clone(), kind, nullable: self.is_nullable() }
    }

    fn kind(&self) -> ColumnKind {
        match (self.main, self.precise & 0xFF) {
            (6, 10 | 14) if self.len == 3 => ColumnKind::Date,
            (6, 13) => ColumnKind::Year,
            (6, _) if (1..=8).contains(&self.len) => {
                ColumnKind::Int { bytes: self.len, signed: self.precise & UNSIGNED == 0 }
            }
            (9, _) => ColumnKind::Float,
            (10, _) => ColumnKind::Double,
            // MySQL's types of time, new and old number; how many decimals follow from the width.
            (3, 12 | 18) => self.seconds(5, |decimals| ColumnKind::DateTime { decimals }),
            (3, 7 | 17) => self.seconds(4, |decimals| ColumnKind::Timestamp { decimals }),
            (3, 11 | 19) => self.seconds(3, |decimals| ColumnKind::Time { decimals }),
            (3, _) => ColumnKind::Bytes(Width::fixed(self.len)),
            (4, _) => ColumnKind::Bytes(Width::variable(self.len)),
            (1 | 12, _) => ColumnKind::Text(Width::variable(self.len)),
            (2, _) => ColumnKind::Text(Width::fixed(self.len)),
            (13, _) => self.char(),
            (5, _) if self.precise >> 16 & 0x7FFF == charset::BINARY => {
                ColumnKind::Bytes(Width::Variable { long: true })
            }
            (5, _) => ColumnKind::Text(Width::Variable { long: true }),
            _ => ColumnKind::Unknown,
        }
    }

    fn seconds(&self, whole: usize, kind: impl Fn(usize) -> ColumnKind) -> ColumnKind {
        match self.len.checked_sub(whole) {
            Some(bytes @ 0..=3) => kind(bytes * 2),
            _ => ColumnKind::Bytes(Width::fixed(self.len)),
        }
    }

    fn char(&self) -> ColumnKind {
        let collation = self.precise >> 16 & 0x7FFF;
        match (charset::is_one_byte(collation), charset::is_utf8(collation)) {
            (true, _) => ColumnKind::Text(Width::fixed(self.len)),
            (_, true) => ColumnKind::Text(Width::variable(self.len)),
            _ => ColumnKind::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dictionary::sys_tables::tests::system;
    use crate::format::tests::pages::{Pages, put, redundant_page};

    /// Rows of fields, as a REDUNDANT page has them.
    fn page(rows: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let rows: Vec<Vec<Option<&[u8]>>> =
            rows.iter().map(|row| row.iter().map(|field| Some(&field[..])).collect()).collect();
        redundant_page(2, 0, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// `d/t#` (id 20): n INT, s VARCHAR(100) in utf8, v virtual, de DECIMAL; PRIMARY (40) on n, by_name (41) on the first 9
    /// bytes of s.
    fn dictionary() -> Pages {
        let word = |n: u32| n.to_be_bytes().to_vec();
        let column = |at: u32, name: &str, main: u32, precise: u32, len: u32| {
            let table = 20_u64.to_be_bytes().to_vec();
            vec![
                table,
                word(at),
                vec![0; 6],
                vec![0; 7],
                name.into(),
                word(main),
                word(precise),
                word(len),
                word(0),
            ]
        };
        let field = |index: u64, at: u32, name: &str| {
            vec![index.to_be_bytes().to_vec(), word(at), vec![0; 6], vec![0; 7], name.into()]
        };
        let mut pages = system();
        let columns = [
            column(0, "n", 6, 3 | NOT_NULL, 4),
            column(1, "s", 12, 15 | 33 << 16, 300),
            column(2, "v", 6, 3 | VIRTUAL, 4),
            column(3, "de", 3, 246, 7),
        ];
        pages.0.insert(10, page(&columns));
        pages.0.insert(12, page(&[field(40, 0, "n"), field(41, 9, "s")]));
        let header = pages.0.get_mut(&7).unwrap();
        put(header, DICT_HDR_COLUMNS, &10_u32.to_be_bytes());
        put(header, DICT_HDR_FIELDS, &12_u32.to_be_bytes());
        pages
    }

    #[test]
    fn secondary_keys_end_in_the_primary_key_and_virtual_columns_are_not_stored() {
        let int =
            KeyColumn { name: "n".into(), kind: ColumnKind::Int { bytes: 4, signed: true }, nullable: false };
        let primary = key(&dictionary(), SpaceId(5), 40).unwrap();
        assert_eq!(primary, IndexKey { columns: vec![int.clone()], nullable: Some(2) });
        let kind = ColumnKind::Text(Width::Variable { long: true });
        let text = KeyColumn { name: "s".into(), kind, nullable: true };
        let secondary = key(&dictionary(), SpaceId(5), 41).unwrap();
        assert_eq!(secondary, IndexKey { columns: vec![text, int], nullable: Some(1) });
        assert_eq!(key(&dictionary(), SpaceId(5), 99), None);
    }

    #[test]
    fn a_column_that_damage_hides_leaves_no_key_and_no_field_at_all_means_row_ids() {
        let mut pages = dictionary();
        pages.0.remove(&10);
        assert_eq!(key(&pages, SpaceId(5), 41), None);
        let mut pages = dictionary();
        pages.0.insert(12, page(&[]));
        let generated = key(&pages, SpaceId(5), 40).unwrap();
        assert_eq!(generated.columns[0].name, "DB_ROW_ID");
    }
}
