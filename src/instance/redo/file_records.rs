//! What the records of a redo log say of files: which tablespace is called what, which one was made, renamed, deleted
//! or resized after the checkpoint.
//!
//! Two families of records:
//!
//! | servers | record |
//! |---|---|
//! | MySQL, MariaDB up to 10.4 | type (1; top bit: only one of its mini-transaction), space id and page number as `mach_write_compressed`, for `FILE_CREATE` and `FILE_CREATE2` flags (4), length of the name with its NUL (2), name, NUL; `FILE_RENAME`: length and new name once more |
//! | MariaDB 10.5 on | `1ttt` and length, space id and page number 0 as varints, name without NUL; `FILE_RENAME`: NUL and new name |
//!
//! | type | InnoDB's name | servers |
//! |---:|---|---|
//! | 33, 34, 35 | `MLOG_FILE_CREATE`, `MLOG_FILE_RENAME`, `MLOG_FILE_DELETE` | MySQL up to 5.6 and 8.0 on; 35 also between |
//! | 47, 54, 55 | `MLOG_FILE_CREATE2`, `MLOG_FILE_RENAME2`, `MLOG_FILE_NAME` | MySQL 5.6 (47), 5.7, MariaDB up to 10.4 |
//! | 4 | `MLOG_4BYTES`: offset (2) and the compressed value instead of a name; 46 on page 0 is `FSP_SIZE` | all |
//! | 0x80, 0x90, 0xA0, 0xB0 | `FILE_CREATE`, `FILE_DELETE`, `FILE_RENAME`, `FILE_MODIFY` | MariaDB 10.5 on |
//!
//! Records of the first family do not tell their length, and most kinds of them would have to be understood to step over
//! one. Those that name files are found by their shape instead: type, page 0, a length, and a path of that length that
//! ends as data files do. A page record whose bytes look like that would be a path of a tablespace written to a table.
//!
//! Sources: `mtr0types.h` (MySQL 5.6, 5.7, 8.0; MariaDB 10.3, 10.11), `fil0fil.cc` `fil_op_write_log`,
//! `mach0data.ic` (MySQL 5.7), `mtr0log.h` (MariaDB 10.11); real logs of all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::bytes::{slice_at, u8_at, u16_at, u32_at};
use crate::format::redo_record::{FileChange, FileRecord, MtrRecords, RedoRecord};
use crate::instance::file_names::is_undo_name;
use crate::units::SpaceId;

/// Longest path that is taken for one (`OS_FILE_MAX_PATH`).
const MAX_PATH: usize = 4000;
/// Longest record of the first family: two paths and what stands before them.
const LONGEST: usize = 2 * (MAX_PATH + 2) + 16;
/// Names that are kept; a log of more names is not one.
const MAX_NAMES: usize = 1 << 20;

/// What the records after a checkpoint say of files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileRecords {
    /// The name that each tablespace has by its last record.
    pub names: BTreeMap<SpaceId, String>,
    /// Tablespaces made after the checkpoint.
    pub created: BTreeSet<SpaceId>,
    /// Tablespaces deleted after the checkpoint.
    pub deleted: BTreeSet<SpaceId>,
    /// Tablespaces that have another name since the checkpoint.
    pub renamed: BTreeSet<SpaceId>,
    /// Tablespaces whose `FSP_SIZE` is written, and the smallest of the values, in pages.
    pub resized: BTreeMap<SpaceId, u32>,
}

impl FileRecords {
    /// Whether the tablespace is dropped by what follows the checkpoint.
    pub fn drops(&self, space: SpaceId) -> bool {
        self.deleted.contains(&space)
    }

    fn name(&mut self, space: SpaceId, name: &str) {
        if self.names.len() < MAX_NAMES {
            self.names.insert(space, name.to_owned());
        }
    }

    fn create(&mut self, space: SpaceId, name: &str) {
        self.created.insert(space);
        self.deleted.remove(&space);
        self.name(space, name);
    }

    /// Notes a value of `FSP_SIZE`.
    pub(super) fn resize(&mut self, space: SpaceId, pages: u32) {
        let least = self.resized.entry(space).or_insert(pages);
        *least = pages.min(*least);
    }

    fn rename(&mut self, space: SpaceId, to: &str) {
        self.renamed.insert(space);
        self.name(space, to);
    }
}

/// Adds what the records of one mini-transaction of MariaDB 10.5 and later say of files.
pub(super) fn mini_transaction(records: &[u8], found: &mut FileRecords) {
    for record in MtrRecords::new(records) {
        let RedoRecord::File(FileRecord { change, space, name }) = record else { continue };
        let name = String::from_utf8_lossy(name);
        match change {
            FileChange::Create => found.create(space, &name),
            FileChange::Delete => {
                found.deleted.insert(space);
            }
            FileChange::Rename => found.rename(space, &name),
            FileChange::Modify => found.name(space, &name),
        }
    }
}

/// Finds the records of the first family in a stream of log bytes that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// Bytes that may be the beginning of a record whose end is still to come.
    tail: Vec<u8>,
    /// What was found.
    pub found: FileRecords,
}

impl Scanner {
    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        if self.tail.len() >= 8 * LONGEST {
            self.scan(LONGEST);
        }
    }

    /// The stream has ended.
    pub fn finish(mut self) -> FileRecords {
        self.scan(0);
        self.found
    }

    /// Looks at every position but the last `keep`.
    fn scan(&mut self, keep: usize) {
        let end = self.tail.len().saturating_sub(keep);
        let tail = std::mem::take(&mut self.tail);
        let mut at = 0;
        // Most bytes begin nothing, and are passed by without a look at what follows them.
        while let Some(next) = tail.get(at..end).and_then(|rest| rest.iter().position(|&byte| begins(byte))) {
            at = at.saturating_add(next);
            let used = tail.get(at..).and_then(|rest| record(rest, &mut self.found)).unwrap_or(1);
            at = at.saturating_add(used.max(1));
        }
        at = at.max(end);
        self.tail = tail.get(at.min(tail.len())..).unwrap_or_default().to_vec();
    }
}

/// Set in the type of a record that is a mini-transaction of its own (`MLOG_SINGLE_REC_FLAG`).
const SINGLE: u8 = 0x80;

/// Whether a byte is the type of a record that says something of files.
fn begins(byte: u8) -> bool {
    matches!(byte & !SINGLE, 4 | 33..=35 | 47 | 54 | 55)
}

/// Reads a record that begins here, if there is one; its length.
fn record(bytes: &[u8], found: &mut FileRecords) -> Option<usize> {
    let kind = u8_at(bytes, 0)? & !SINGLE;
    let (space, at) = compressed(bytes, 1)?;
    let (page, at) = compressed(bytes, at)?;
    // FILE_CREATE2 of 5.6 keeps flags of the record where the page number stands.
    if page != 0 && kind != 47 {
        return None;
    }
    let space = SpaceId(space);
    match kind {
        4 => size_written(bytes, at).map(|(pages, end)| (found.resize(space, pages), end).1),
        33 | 47 => created(bytes, at).map(|(name, end)| (found.create(space, name), end).1),
        34 | 54 => {
            let (_, at) = path(bytes, at)?;
            let (to, end) = path(bytes, at)?;
            found.rename(space, to);
            Some(end)
        }
        35 => path(bytes, at).map(|(_, end)| (found.deleted.insert(space), end).1),
        55 => path(bytes, at).map(|(name, end)| (found.name(space, name), end).1),
        _ => None,
    }
}

/// `MLOG_4BYTES` at `FSP_SIZE` of page 0: the record that every extension of a tablespace writes.
fn size_written(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    const FSP_SIZE: u16 = 46;
    let (pages, end) = compressed(bytes, at.checked_add(2)?)?;
    (u16_at(bytes, at)? == FSP_SIZE && pages != 0).then_some((pages, end))
}

fn created(bytes: &[u8], at: usize) -> Option<(&str, usize)> {
    // MLOG_FILE_CREATE of 5.6 has no flags.
    path(bytes, at.checked_add(4)?).or_else(|| path(bytes, at))
}

/// A length and a path of that length with its NUL: printable, not empty, with the end of a data file.
fn path(bytes: &[u8], at: usize) -> Option<(&str, usize)> {
    let length = usize::from(u16_at(bytes, at)?);
    let text = slice_at(bytes, at.checked_add(2)?, length.checked_sub(1)?.min(MAX_PATH))?;
    let end = at.checked_add(2)?.checked_add(length)?;
    let closed = u8_at(bytes, end.checked_sub(1)?)? == 0;
    let text = std::str::from_utf8(text).ok().filter(|text| is_data_file(text))?;
    (closed && !text.bytes().any(|b| b < b' ')).then_some((text, end))
}

/// Ends as tablespaces do: `.ibd`, `.ibu`, or the name of an undo tablespace.
fn is_data_file(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    (name.len() > 4 && (name.ends_with(".ibd") || name.ends_with(".ibu"))) || is_undo_name(name)
}

/// `mach_read_next_compressed`: one to five bytes; from MySQL 5.7 on numbers near 2^32 have short forms as well.
fn compressed(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let first = u32::from(u8_at(bytes, at)?);
    let more = |n: usize| -> Option<u32> {
        let tail = slice_at(bytes, at.checked_add(1)?, n)?;
        Some(tail.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
    };
    let (value, used) = match first {
        0..=0x7F => (first, 1),
        0x80..=0xBF => ((first & 0x3F) << 8 | more(1)?, 2),
        0xC0..=0xDF => ((first & 0x1F) << 16 | more(2)?, 3),
        0xE0..=0xEF => ((first & 0x0F) << 24 | more(3)?, 4),
        0xF0 => (u32_at(bytes, at.checked_add(1)?)?, 5),
        0xF8..=0xFB => (0xFFFF_FC00 | (first & 0x03) << 8 | more(1)?, 2),
        0xFC | 0xFD => (0xFFFE_0000 | (first & 0x01) << 16 | more(2)?, 3),
        0xFE => (0xFF00_0000 | more(3)?, 4),
        _ => return None,
    };
    Some((value, at.checked_add(used)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pieces: &[&[u8]]) -> FileRecords {
        let mut scanner = Scanner::default();
        pieces.iter().for_each(|piece| scanner.feed(piece));
        scanner.finish()
    }

    #[test]
    fn records_of_mysql_are_found_wherever_a_block_cuts_them() {
        let log = b"\x01\x02junk\xa3\x07\x00\x00\x0b./d/t1.ibd\x00\x22\x08\x00\x00\x0b./d/t2.ibd\x00\x00\x0b./d/t3.ibd\x00\
                    \x21\x09\x00\x00\x00\x00\x21\x00\x0b./d/t4.ibd\x00\x37\x0a\x00\x00\x0b./d/t5.ibd\x00\xff";
        for cut in 0..log.len() {
            let (a, b) = log.split_at(cut);
            let found = found(&[a, b]);
            assert!(found.drops(SpaceId(7)), "{cut}");
            assert_eq!(found.names[&SpaceId(8)], "./d/t3.ibd");
            assert!(found.renamed.contains(&SpaceId(8)));
            assert!(found.created.contains(&SpaceId(9)));
            assert_eq!(found.names[&SpaceId(10)], "./d/t5.ibd");
        }
    }

    #[test]
    fn undo_tablespaces_of_mysql_8_have_ids_near_the_end() {
        let log = b"\xa3\xfb\xef\x00\x00\x0b./undo_001\x00";
        assert!(found(&[log]).drops(SpaceId(0xFFFF_FFEF)));
    }

    #[test]
    fn a_written_size_is_a_resize() {
        let log = b"\x04\x02\x00\x00\x2e\x81\x00\x84\x02\x00\x00\x2e\x08\x04\x02\x00\x00\x2e\x09";
        assert_eq!(found(&[log]).resized, BTreeMap::from([(SpaceId(2), 8)]));
        assert!(found(&[b"\x04\x02\x03\x00\x2e\x81\x00"]).resized.is_empty(), "page 3");
        assert!(found(&[b"\x04\x02\x00\x00\x32\x81\x00"]).resized.is_empty(), "free limit");
    }

    #[test]
    fn what_only_resembles_a_record_names_nothing() {
        for log in [
            &b"\xa3\x07\x01\x00\x0b./d/t1.ibd\x00"[..],
            b"\xa3\x07\x00\x00\x0c./d/t1.ibd\x00",
            b"\xa3\x07\x00\x00\x0b./d/t1.txt\x00",
            b"\xa3\x07\x00\x00\x0b./d/t1.ibdX",
            b"\xa3\x07\x00\x00\x00",
            b"\xa3\xff",
        ] {
            assert_eq!(found(&[log]), FileRecords::default(), "{log:?}");
        }
    }

    #[test]
    fn records_of_mariadb() {
        let log = b"\xBC\x05\x00./d/t1.ibd\x9C\x06\x00./d/t2.ibd\xA0\x09\x07\x00./d/t3.ibd\x00./d/t4.ibd";
        let mut found = FileRecords::default();
        mini_transaction(log, &mut found);
        assert_eq!(found.names[&SpaceId(5)], "./d/t1.ibd");
        assert!(found.drops(SpaceId(6)) && !found.drops(SpaceId(5)));
        assert_eq!(found.names[&SpaceId(7)], "./d/t4.ibd");
    }
}
