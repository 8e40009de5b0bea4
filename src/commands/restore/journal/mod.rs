//! The journal: what a pass needs to be finished or taken back, sealed, on disk before the first data page changes.
//!
//! All integers are big-endian. `text` is a length of two bytes and that many bytes. Every record but the header is
//! sealed with a CRC-32 (IEEE) that begins with the header's, so that records of two journals cannot be mixed.
//!
//! | header | size | meaning |
//! |---:|---:|---|
//! | 0 | 8 | magic `DBLWRJNL` |
//! | 8 | 4 | format version: 3; 2 and 1 have not the parts marked with higher numbers |
//! | 12 | 4 | length of the header with its CRC |
//! | 16 | 8 | sealed length: header, records and end seal |
//! | 24 | 4 | number of file records |
//! | 28 | 4 | number of page records |
//! | 32 | 8 | seconds since 1970, UTC |
//! | 40 | 1 | 1 a restore, 2 a revert |
//! | 41 | 7 | zero |
//! | 48 | text | version of the tool |
//! | | text | the root that file names are relative to, absolute |
//! | | text | where this journal was written, absolute |
//! | | text | 2: `server_uuid` of `auto.cnf`, empty where there is none |
//! | | text | 2: where the redo files lie, relative to the root where they lie below it |
//! | | 8 | 2: checkpoint LSN when the plan was made, 0: not known |
//! | | 8 | 2: end LSN of the redo log then, 0: not known |
//! | | text | 3: what was told of places: for each one byte, and a text; directories are relative to the root where they lie below it |
//! | | 4 | CRC-32 of all of it |
//!
//! The byte of a place is 1 for `datadir`, 2 for the data home, 3 undo, 4 doublewrite, 5 a further directory, 6 for
//! `innodb_data_file_path`.
//!
//! | record | size | meaning |
//! |---:|---:|---|
//! | 0 | 4 | `FILE`, `PAGE` or `SEAL` |
//! | 4 | 4 | length of the record with its CRC |
//! | 8 | 4 | number of the record, from 0 |
//! | 12 | | `FILE`: device 8, inode 8, size 8, whether a space id follows 1, space id of page 0 4, name text, path text (2: relative to the root where the file lies below it; 1: absolute) |
//! | 12 | | `PAGE`: space 4, page 4, number of the file record 4, offset 8, length 4, slot 8, LSN of the copy 8, SHA-256 of old 32 and new 32, doublewrite file text, state before text, old bytes, new bytes |
//! | 12 | | `SEAL`: sealed length 8, SHA-256 of everything before this record 32 |
//! | end - 4 | 4 | CRC-32 |
//!
//! Files come first, then pages, then the one seal. Behind the sealed part stands, when the pass has ended, a mark of
//! 32 bytes: `DONE` 4, length 4, 1 all verified or 2 closed 1, zero 3, pages verified 4, pages that had moved on 4,
//! seconds since 1970 8, CRC-32 4.
//!
//! The journal is written under another name (suffix `.dblwr-part`), made durable, and renamed: so a file of the final
//! name is whole, or was damaged later, and a part file was never relied upon. No journal is ever overwritten.

pub mod read;
#[cfg(test)]
mod tests;
pub mod write;

use std::path::PathBuf;

use crate::commands::restore::plan::PlannedPage;
use crate::commands::restore::world::World;
use crate::units::SpaceId;

/// First eight bytes.
pub const MAGIC: [u8; 8] = *b"DBLWRJNL";
/// Version of the format that is written.
pub const VERSION: u32 = 3;
/// The oldest version that is read.
const OLDEST: u32 = 1;
/// The first version that says what was told of places.
const TELLS_PLACES: u32 = 3;

const HEADER_FIXED: usize = 48;
const RECORD_FIXED: usize = 12;
const CRC: usize = 4;
const MARK: usize = 32;
const SEAL: usize = RECORD_FIXED + 8 + 32 + CRC;
/// Fixed part of a file record, with two empty texts and the CRC.
const FILE_MIN: usize = RECORD_FIXED + 29 + 4 + CRC;
/// Fixed part of a page record, with two empty texts, no bytes and the CRC.
const PAGE_MIN: usize = RECORD_FIXED + 104 + 4 + CRC;

const TAG_FILE: [u8; 4] = *b"FILE";
const TAG_PAGE: [u8; 4] = *b"PAGE";
const TAG_SEAL: [u8; 4] = *b"SEAL";
const TAG_DONE: [u8; 4] = *b"DONE";

/// Which way a pass goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassKind {
    /// Copies were written home.
    Restore,
    /// A restore, or a revert, was taken back.
    Revert,
}

/// A file that the pass held. Those without pages were only locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFile {
    /// `st_dev` when the journal was written.
    pub device: u64,
    /// `st_ino` when the journal was written.
    pub inode: u64,
    /// Size in bytes when the journal was written.
    pub size: u64,
    /// Space id on page 0 (`FSP_SPACE_ID`); absent where the file has no page 0 or the pass writes it.
    pub space_id: Option<SpaceId>,
    /// Name in reports, relative to the root where it lies below it.
    pub name: PathBuf,
    /// Path, relative to the root where the file lies below it.
    pub path: PathBuf,
}

/// A page with its old and new bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalPage {
    /// Which of the file records.
    pub file: usize,
    /// The page; `file` and `path` are those of the file record.
    pub page: PlannedPage,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// No mark, or a torn one: the pass may have stopped anywhere.
    Unfinished,
    /// Every page was written and verified.
    Verified,
    /// The pass ended, but that many pages held something else and were left alone.
    Closed {
        /// Pages that had moved on.
        moved_on: u32,
    },
}

/// The content of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// Restore or revert.
    pub kind: PassKind,
    /// Version of the tool that wrote it.
    pub tool: String,
    /// Seconds since 1970, UTC.
    pub written_at: i64,
    /// What file names are relative to, absolute.
    pub root: PathBuf,
    /// Where the journal was written, absolute.
    pub place: PathBuf,
    /// The instance when the plan was made; the first version of the format does not tell.
    pub world: Option<World>,
    /// Every file that the pass held.
    pub files: Vec<JournalFile>,
    /// Every page of the plan.
    pub pages: Vec<JournalPage>,
}

fn crc_seeded(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}
