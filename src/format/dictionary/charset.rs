//! Collation ids, as far as the width of a character has to be known.
//!
//! Sources: `information_schema.collations` and `strings/ctype*.c` of MySQL 5.7 and 9.7 and of MariaDB 10.11.

/// Collation `binary`.
pub const BINARY: u32 = 63;

/// utf8mb3 and utf8mb4: characters of one byte to three or four.
pub fn is_utf8(collation: u32) -> bool {
    matches!(
        collation,
        33 | 76 | 83 | 192..=215 | 223 | 45 | 46 | 224..=247 | 255..=323 | 576..=578 | 608..=610 | 1057 | 1069 | 1070 | 1093
            | 1107 | 1216 | 1238 | 1248 | 1270 | 2048..=2559
    )
}

/// latin1, latin2, ascii, cp850, cp1250, cp1251, koi8r and the like: every character has one byte.
pub fn is_one_byte(collation: u32) -> bool {
    matches!(
        collation,
        2..=11 | 14..=16 | 20..=23 | 25..=27 | 29..=32 | 34 | 36..=44 | 47..=53 | 57..=59 | 64..=75 | 77..=82 | 89 | 92..=94 | 99
    )
}
