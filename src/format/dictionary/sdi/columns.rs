//! The columns of an index as SDI describes them.
//!
//! `type` of a column (`enum_column_types`, `dd/types/column.h`): 2 to 4 and 8 to 10 integers, 5 FLOAT, 6 DOUBLE, 11 and 15 DATE,
//! 14 YEAR, 16 VARCHAR, 17 BIT, 18 TIMESTAMP, 19 DATETIME, 20 TIME, 21 DECIMAL, 22 ENUM, 23 SET, 24 to 27 BLOB and TEXT, 29 CHAR, 31
//! JSON. `char_length` is in bytes, the number of characters stands in `column_type_utf8`. Collation 63 is `binary`.
//!
//! Sources: `dd/types/column.h`, `dd/impl/types/column_impl.cc` (MySQL 9.7); real SDI of 9.7.4.

use serde::Deserialize;

use crate::format::dictionary::charset;
use crate::format::key::{ColumnKind, IndexKey, KeyColumn, Width};

/// A column of a table, hidden ones included.
#[derive(Deserialize)]
pub(super) struct ColumnObject {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: u32,
    #[serde(default)]
    is_nullable: bool,
    #[serde(default)]
    is_unsigned: bool,
    #[serde(default)]
    char_length: usize,
    #[serde(default)]
    numeric_precision: usize,
    #[serde(default)]
    numeric_scale: usize,
    #[serde(default)]
    datetime_precision: usize,
    #[serde(default)]
    column_type_utf8: String,
    #[serde(default)]
    collation_id: u32,
    #[serde(default)]
    se_private_data: String,
    #[serde(default)]
    elements: Vec<serde::de::IgnoredAny>,
}

/// A column of an index.
#[derive(Deserialize)]
pub(super) struct IndexElement {
    /// Position in the table's list of columns.
    column_opx: usize,
    /// Bytes of it that the index takes; 0xFFFFFFFF: all.
    #[serde(default)]
    length: usize,
}

const DB_ROW_ID: &str = "DB_ROW_ID";
const DB_TRX_ID: &str = "DB_TRX_ID";

/// Whether an index is sorted by the row id that InnoDB makes: `GEN_CLUST_INDEX`, which the dictionary calls `PRIMARY`.
pub(super) fn is_generated(columns: &[ColumnObject], elements: &[IndexElement]) -> bool {
    let first = elements.first().and_then(|element| columns.get(element.column_opx));
    first.is_some_and(|column| column.name == DB_ROW_ID)
}

/// The key of an index; `None` where one of its columns is not described.
pub(super) fn key(columns: &[ColumnObject], elements: &[IndexElement]) -> Option<IndexKey> {
    let changed = columns.iter().any(ColumnObject::was_changed_in_place);
    let named = |element: &IndexElement| Some((columns.get(element.column_opx)?, element.length));
    let all: Vec<(&ColumnObject, usize)> = elements.iter().map(named).collect::<Option<_>>()?;
    // In a clustered index the transaction id stands behind the key; a secondary index is all key.
    let key = all.iter().take_while(|(column, _)| column.name != DB_TRX_ID);
    let columns: Vec<KeyColumn> = key.map(|(column, length)| column.part(*length)).collect();
    let nullable = all.iter().filter(|(column, _)| column.is_nullable).count();
    (!columns.is_empty()).then_some(IndexKey { columns, nullable: (!changed).then_some(nullable) })
}

impl ColumnObject {
    fn part(&self, length: usize) -> KeyColumn {
        KeyColumn { name: self.name.clone(), kind: self.kind().cut(length), nullable: self.is_nullable }
    }

    /// `ADD COLUMN` or `DROP COLUMN` with `ALGORITHM=INSTANT`: older records have other NULL bits.
    fn was_changed_in_place(&self) -> bool {
        ["version_added", "version_dropped", "default_null", "default="]
            .iter()
            .any(|word| self.se_private_data.contains(word))
    }

    fn kind(&self) -> ColumnKind {
        let int = |bytes| ColumnKind::Int { bytes, signed: !self.is_unsigned };
        let unsigned = |bytes| ColumnKind::Int { bytes, signed: false };
        let decimals = self.datetime_precision;
        match (self.name.as_str(), self.kind) {
            (DB_ROW_ID, _) => unsigned(6),
            (_, 2) => int(1),
            (_, 3) => int(2),
            (_, 4) => int(4),
            (_, 9) => int(8),
            (_, 10) => int(3),
            (_, 5) => ColumnKind::Float,
            (_, 6) => ColumnKind::Double,
            (_, 11 | 15) => ColumnKind::Date,
            (_, 14) => ColumnKind::Year,
            (_, 18) => ColumnKind::Timestamp { decimals },
            (_, 19) => ColumnKind::DateTime { decimals },
            (_, 20) => ColumnKind::Time { decimals },
            (_, 21) => ColumnKind::Decimal { precision: self.numeric_precision, scale: self.numeric_scale },
            (_, 17) => ColumnKind::Bytes(Width::Fixed(self.numeric_precision.max(1).div_ceil(8))),
            (_, 22) => unsigned(if self.elements.len() < 256 { 1 } else { 2 }),
            (_, 23) => unsigned(match self.elements.len().div_ceil(8) {
                bytes @ 0..=4 => bytes,
                _ => 8,
            }),
            (_, 16) => self.string(Width::variable(self.char_length)),
            (_, 24..=27 | 31) => self.string(Width::Variable { long: true }),
            (_, 29) => self.fixed_string(),
            _ => ColumnKind::Unknown,
        }
    }

    fn string(&self, width: Width) -> ColumnKind {
        if self.collation_id == charset::BINARY { ColumnKind::Bytes(width) } else { ColumnKind::Text(width) }
    }

    /// CHAR has a fixed width where every character has one byte, and BINARY.
    fn fixed_string(&self) -> ColumnKind {
        let characters = self.column_type_utf8.split(['(', ')']).nth(1).and_then(|n| n.parse::<usize>().ok());
        match (characters, charset::is_utf8(self.collation_id)) {
            (Some(characters), _) if characters == self.char_length => {
                self.string(Width::fixed(self.char_length))
            }
            (_, true) => self.string(Width::variable(self.char_length)),
            _ => ColumnKind::Unknown,
        }
    }
}
