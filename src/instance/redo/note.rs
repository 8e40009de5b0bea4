//! What is damaged, missing or odd about a redo log.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::units::Lsn;

/// One thing that is odd about a log. A bundle keeps it as the text that it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum RedoNote {
    /// What a bundle says of the log that it was made from.
    Stored(String),
    /// The log could not be read, as the error says.
    Failed(String),
    /// Several things at once.
    All(Vec<RedoNote>),
    /// The archive was there a moment ago.
    ArchiveGone,
    /// No slot of the archive's header leads on.
    NoSlotLeadsOn,
    /// The file is too short for a log of MariaDB 10.8.
    TooShort {
        /// Its name.
        file: String,
        /// Bytes that it has.
        size: u64,
        /// Bytes that it needs.
        least: u64,
    },
    /// `ib_logfile0` is too short for a header: this many bytes.
    NoRoomForHeader(u64),
    /// A later file is there, the first one is not.
    FirstIsGone,
    /// The format word of `ib_logfile0` is not known.
    UnknownFormat(u32),
    /// The format of files that have other names.
    OtherNames,
    /// `ib_logfile0` holds nothing.
    Empty,
    /// MariaDB 10.8: the word behind the format is not 0.
    Subformat {
        /// Its name.
        file: String,
        /// The word.
        found: u32,
    },
    /// Neither checkpoint of the file is sound.
    NoCheckpoint {
        /// Its name.
        file: String,
    },
    /// Neither checkpoint block of the ring is sound.
    NoCheckpointBlock,
    /// No file of MySQL 8.0.30 and later holds a checkpoint of its own.
    NoOwnCheckpoint,
    /// A checkpoint is damaged (MariaDB 10.8 and later).
    Checkpoint {
        /// The file.
        file: String,
        /// Where.
        at: u64,
    },
    /// A checkpoint block is damaged.
    CheckpointBlock {
        /// The file.
        file: String,
        /// Where.
        at: u64,
    },
    /// A checkpoint lies outside of the file that holds it.
    CheckpointElsewhere {
        /// The file.
        file: String,
        /// What it says.
        lsn: u64,
    },
    /// The header block is damaged.
    Header {
        /// The file.
        file: String,
    },
    /// Nothing sound follows the checkpoint.
    NothingAtCheckpoint(Lsn),
    /// The log ends before the record of its checkpoint.
    BreaksOffBefore(Lsn),
    /// The log is encrypted.
    Encrypted,
    /// The block of the checkpoint is damaged.
    NoBlockOfCheckpoint(Lsn),
    /// The last block is full, and none follows.
    BreaksOffAfterFullBlock(Lsn),
    /// A file of the ring is shorter than the others.
    Shorter {
        /// The file.
        file: String,
        /// Its bytes.
        size: u64,
        /// Those of the longest.
        largest: u64,
    },
    /// There is one file where servers have two.
    NoSecondFile,
    /// The offset of the checkpoint cannot be.
    CheckpointOffset {
        /// What the checkpoint says.
        offset: u64,
        /// Its LSN.
        lsn: Lsn,
    },
    /// A file of the ring ends too early.
    EndsBefore {
        /// Which one.
        number: usize,
        /// Where the block would be.
        at: u64,
        /// Which LSN it would hold.
        lsn: Lsn,
    },
    /// A file of another format among those of the log.
    LeftAside {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// That of the log.
        expected: u32,
    },
    /// A file without a header.
    NoHeader {
        /// The file.
        file: String,
        /// Its bytes.
        size: u64,
    },
    /// The files are of several logs.
    Mixed,
    /// No server makes a file that small.
    Small {
        /// The file.
        file: String,
        /// Its bytes.
        size: u64,
    },
    /// A file is missing between two others.
    Gap {
        /// The file in front of it.
        file: String,
        /// Where that ends.
        end: u64,
        /// Where the next begins.
        next: u64,
    },
    /// The newest file is marked as full.
    NewestIsFull,
    /// The file that holds an LSN is missing.
    FileOf(Lsn),
}

impl Display for RedoNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            RedoNote::Stored(text) | RedoNote::Failed(text) => f.write_str(text),
            RedoNote::All(notes) => {
                let notes: Vec<String> = notes.iter().map(RedoNote::to_string).collect();
                f.write_str(&notes.join("; "))
            }
            RedoNote::ArchiveGone => f.write_str("the files of the log archive are gone"),
            RedoNote::NoSlotLeadsOn => {
                f.write_str("no slot of the last two files leads to a sound checkpoint")
            }
            RedoNote::TooShort { file, size, least } => {
                write!(f, "{file} has {size} bytes; a MariaDB 10.8 log has {least} at least")
            }
            RedoNote::NoRoomForHeader(size) => {
                write!(f, "ib_logfile0 is too short for a header: {size} bytes")
            }
            RedoNote::FirstIsGone => {
                f.write_str("ib_logfile0 is missing although there is an ib_logfile1")
            }
            RedoNote::UnknownFormat(format) => {
                write!(f, "ib_logfile0: format 0x{format:08X} is not known")
            }
            RedoNote::OtherNames => f.write_str(
                "ib_logfile0 has format 6 (MySQL 8.0.30), whose files are called #ib_redoN",
            ),
            RedoNote::Empty => f.write_str(
                "ib_logfile0 is empty: only the flush LSN of the first system tablespace file says where it stood",
            ),
            RedoNote::Subformat { file, found } => {
                write!(f, "{file}: subformat {found} is not known, 0 expected")
            }
            RedoNote::NoCheckpoint { file } => write!(f, "{file}: neither checkpoint is sound"),
            RedoNote::NoCheckpointBlock => {
                f.write_str("ib_logfile0: neither checkpoint block is sound")
            }
            RedoNote::NoOwnCheckpoint => {
                f.write_str("no file holds a sound checkpoint block for an LSN of its own")
            }
            RedoNote::Checkpoint { file, at } => {
                write!(f, "{file}: the checkpoint at offset {at} is damaged")
            }
            RedoNote::CheckpointBlock { file, at } => {
                write!(f, "{file}: the checkpoint block at offset {at} is damaged")
            }
            RedoNote::CheckpointElsewhere { file, lsn } => {
                write!(f, "{file}: its checkpoint LSN {lsn} lies outside the file")
            }
            RedoNote::Header { file } => {
                write!(f, "{file}: the header block is damaged (its CRC-32C does not match)")
            }
            RedoNote::NothingAtCheckpoint(lsn) => {
                write!(f, "no sound mini-transaction at checkpoint LSN {lsn}; the end is not known")
            }
            RedoNote::BreaksOffBefore(lsn) => write!(
                f,
                "the log breaks off before the checkpoint's own record at LSN {lsn}; the end LSN may be too low"
            ),
            RedoNote::Encrypted => f.write_str(
                "the log is encrypted: its end rests on block numbers, check words cannot be verified",
            ),
            RedoNote::NoBlockOfCheckpoint(lsn) => write!(
                f,
                "the log block that holds checkpoint LSN {lsn} is damaged or missing; the end is not known"
            ),
            RedoNote::BreaksOffAfterFullBlock(end) => write!(
                f,
                "the log breaks off at LSN {end} after a full block; if the next block was damaged, the end LSN is too low"
            ),
            RedoNote::Shorter { file, size, largest } => write!(
                f,
                "{file} has {size} bytes, the largest log file {largest}; all must be equal, so this one is probably cut short"
            ),
            RedoNote::NoSecondFile => f.write_str(
                "ib_logfile1 is missing: servers of this generation have two redo files at least",
            ),
            RedoNote::CheckpointOffset { offset, lsn } => {
                write!(f, "the checkpoint names offset {offset} of the log, where LSN {lsn} cannot be")
            }
            RedoNote::EndsBefore { number, at, lsn } => {
                write!(f, "ib_logfile{number} ends before offset {at}, where LSN {lsn} belongs")
            }
            RedoNote::LeftAside { file, found, expected } => {
                write!(f, "{file} is left aside: format 0x{found:08X}, expected {expected}")
            }
            RedoNote::NoHeader { file, size } => {
                write!(f, "{file} is left aside: {size} bytes hold no header")
            }
            RedoNote::Mixed => f.write_str(
                "the files carry different log uuids: they do not all belong to the same log",
            ),
            RedoNote::Small { file, size } => {
                write!(f, "{file} has {size} bytes; no server makes a redo file that small")
            }
            RedoNote::Gap { file, end, next } => {
                write!(f, "{file} ends at LSN {end}, the next file begins at {next}")
            }
            RedoNote::NewestIsFull => f.write_str(
                "the newest file is marked full: a newer file is missing, and the end LSN may be too low",
            ),
            RedoNote::FileOf(lsn) => write!(
                f,
                "the file that holds LSN {lsn} is missing although later ones exist; the log ends there"
            ),
        }
    }
}

impl From<RedoNote> for String {
    fn from(note: RedoNote) -> String {
        note.to_string()
    }
}

impl From<String> for RedoNote {
    fn from(text: String) -> RedoNote {
        RedoNote::Stored(text)
    }
}
