//! The key of an index record by the types of its columns, for people.
//!
//! A COMPACT record keeps its columns one behind the other from the origin on; before its header of five bytes stand the
//! NULL bits of all nullable columns of the index, one bit each, and before these the lengths of its variable columns, both
//! backwards. A length has one byte, or two where the column may be longer than 255 bytes and bit 7 is set.
//!
//! | column | stored |
//! |---|---|
//! | integers, YEAR, DATE, ENUM, SET | big-endian; the sign bit of signed ones turned over |
//! | FLOAT, DOUBLE | IEEE 754, little-endian |
//! | DATETIME, TIMESTAMP, TIME (MySQL 5.6+, MariaDB 10.1+) | big-endian bit fields, see the decoders below |
//! | DECIMAL | groups of nine decimal digits in four bytes, the first bit turned over; negative ones inverted |
//! | CHAR in one-byte character sets, BINARY | fixed width |
//! | everything else | variable |
//!
//! Sources: `rem0rec.cc`, `data0type.h`, `my_time.cc`, `decimal.cc` (MySQL 5.7, 9.7; MariaDB 10.11).

#[cfg(test)]
mod tests;
mod values;

use crate::bytes::{slice_at, u8_at};
use crate::format::index_header::IndexHeader;
use crate::format::record::UserRecord;

/// Greatest width that a column of fixed length has in an index (`DICT_MAX_FIXED_COL_LEN`), in bytes.
pub const MAX_FIXED: usize = 768;

/// How the bytes of a column read; widths in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Integer of this many bytes.
    Int {
        /// 1 to 8.
        bytes: usize,
        /// Its sign bit is turned over.
        signed: bool,
    },
    /// One byte behind 1900.
    Year,
    /// Three bytes.
    Date,
    /// Three bytes and the decimals of the second.
    Time {
        /// 0 to 6.
        decimals: usize,
    },
    /// Five bytes and the decimals of the second.
    DateTime {
        /// 0 to 6.
        decimals: usize,
    },
    /// Seconds since 1970 in four bytes, and the decimals.
    Timestamp {
        /// 0 to 6.
        decimals: usize,
    },
    /// Digits in all, and those behind the point.
    Decimal {
        /// 1 to 65.
        precision: usize,
        /// 0 to 30.
        scale: usize,
    },
    /// Four bytes.
    Float,
    /// Eight bytes.
    Double,
    /// Text.
    Text(Width),
    /// Bytes that are no text.
    Bytes(Width),
    /// Nothing is known of its width: what stands behind it cannot be found.
    Unknown,
}

impl ColumnKind {
    /// As an index has it that takes no more than the first `prefix` bytes of a string.
    pub fn cut(self, prefix: usize) -> ColumnKind {
        match self {
            ColumnKind::Text(width) => ColumnKind::Text(width.cut(prefix)),
            ColumnKind::Bytes(width) => ColumnKind::Bytes(width.cut(prefix)),
            other => other,
        }
    }
}

/// How wide a string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Always as many bytes.
    Fixed(usize),
    /// A length of its own; `long`: may be longer than 255 bytes.
    Variable {
        /// Its length may take two bytes.
        long: bool,
    },
}

impl Width {
    /// Of a column of at most `most` bytes that has a length of its own.
    pub fn variable(most: usize) -> Width {
        Width::Variable { long: most > 255 }
    }

    /// Of a column that always has `bytes` of them; the widest are stored like variable ones.
    pub fn fixed(bytes: usize) -> Width {
        if bytes > MAX_FIXED { Width::variable(bytes) } else { Width::Fixed(bytes) }
    }

    fn cut(self, prefix: usize) -> Width {
        match self {
            Width::Fixed(bytes) => Width::Fixed(bytes.min(prefix)),
            variable @ Width::Variable { .. } => variable,
        }
    }
}

/// One column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// How it reads.
    pub kind: ColumnKind,
    /// It may be NULL.
    pub nullable: bool,
}

/// The columns by which an index is sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    /// In the order of the index; those of the primary key behind those of a secondary index.
    pub columns: Vec<KeyColumn>,
    /// How many columns of the whole record may be NULL; `None` where records of several versions of the table may lie
    /// side by side.
    pub nullable: Option<usize>,
}

impl IndexKey {
    /// The key of the record whose first column begins at `origin` of an uncompressed index page: `id = 7, name = "x"`.
    /// Ends before the first column that cannot be found; `None` where that is the first one.
    pub fn show(&self, page: &[u8], origin: usize) -> Option<String> {
        let compact = IndexHeader::parse(page)?.compact;
        let record = UserRecord::at(page, origin, compact);
        let mut place = KeyCursor::new(self, page, &record);
        let mut shown = Vec::new();
        for (number, column) in self.columns.iter().enumerate() {
            let bytes = if compact { place.next(column) } else { record.redundant_field(number) };
            let Some(bytes) = bytes else { break };
            let Some(value) = bytes.map_or(Some("NULL".to_owned()), |bytes| values::show(column.kind, bytes))
            else {
                break;
            };
            shown.push(format!("{} = {value}", column.name));
        }
        (!shown.is_empty()).then(|| shown.join(", "))
    }
}

/// Where the next column of a COMPACT record lies.
struct KeyCursor<'a> {
    page: &'a [u8],
    at: usize,
    origin: usize,
    /// Nullable columns seen so far.
    nulls: usize,
    /// Length bytes read so far, and the null bytes before them; `None` where they cannot be found.
    lengths: Option<usize>,
}

impl<'a> KeyCursor<'a> {
    fn new(key: &IndexKey, page: &'a [u8], record: &UserRecord<'a>) -> KeyCursor<'a> {
        let known = key.nullable.filter(|_| !record.is_of_a_version());
        let lengths = known.map(|nullable| nullable.div_ceil(8));
        KeyCursor { page, at: record.origin(), origin: record.origin(), nulls: 0, lengths }
    }

    /// Byte number `n` before the header.
    fn before(&self, n: usize) -> Option<u8> {
        u8_at(self.page, self.origin.checked_sub(n.checked_add(6)?)?)
    }

    /// The bytes of the next column; `Some(None)` is SQL NULL.
    fn next(&mut self, column: &KeyColumn) -> Option<Option<&'a [u8]>> {
        if column.nullable {
            self.lengths?;
            let (byte, bit) = (self.nulls / 8, self.nulls % 8);
            self.nulls += 1;
            if self.before(byte)? >> bit & 1 != 0 {
                return Some(None);
            }
        }
        let length = match values::width(column.kind)? {
            Width::Fixed(bytes) => bytes,
            Width::Variable { long } => self.length(long)?,
        };
        let bytes = slice_at(self.page, self.at, length)?;
        self.at = self.at.checked_add(length)?;
        Some(Some(bytes))
    }

    fn length(&mut self, long: bool) -> Option<usize> {
        let at = self.lengths?;
        let low = self.before(at)?;
        if !long || low & 0x80 == 0 {
            self.lengths = at.checked_add(1);
            return Some(usize::from(low));
        }
        let second = self.before(at.checked_add(1)?)?;
        self.lengths = at.checked_add(2);
        Some(usize::from(low & 0x3F) << 8 | usize::from(second))
    }
}
