//! What the redo log says about a crash: where recovery begins (checkpoint LSN), where it ends, who wrote the log.
//!
//! Six ways to keep a log have to be told apart:
//!
//! | files | format word | servers | module |
//! |---|---|---|---|
//! | `ib_logfile0`, `1`, ... (a ring) | 0 | MySQL up to 5.7.8, MariaDB up to 10.1 | `ring` |
//! | the same | 1, 2..5 | MySQL 5.7.9 to 8.0.29; 1 also MariaDB 10.2 | `ring` |
//! | the same; one file from 10.5 on | 103, 104, `PHYS`, bit 31 = encrypted | MariaDB 10.2.18 to 10.7 | `ring` |
//! | `#innodb_redo/#ib_redoN` | 6 | MySQL 8.0.30 on | `innodb_redo_dir` |
//! | `ib_logfile0`, no blocks | `Phys`, 0xF09F979D | MariaDB 10.8 on | `phys` |
//! | `ib_<LSN>.log`, no ring | | MariaDB 13.0 on, `innodb_log_archive` | `archive` |
//! | `ib_logfile0` of length 0 | | MariaDB: the flush LSN of `ibdata1` is the checkpoint | here |
//!
//! The end LSN is the greatest LSN that a correct page can carry after a crash: redo is forced out before the page.
//! Nothing read here is believed: every walk goes round a log at most once.

pub mod archive;
pub mod block;
pub mod file_records;
pub mod header;
pub mod history;
pub mod innodb_redo_dir;
pub mod log_key;
pub mod note;
pub mod phys;
pub mod ring;
pub mod source;
pub(crate) mod tape;
#[cfg(test)]
mod tests;
pub mod touched;
pub mod version;
pub mod window;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::units::Lsn;

pub use crate::instance::redo::touched::Touched;
pub use crate::instance::redo::version::{ServerVersion, generation_hint};

pub use crate::instance::redo::file_records::FileRecords;
use crate::instance::redo::header::FileHeader;
use crate::instance::redo::log_key::LogKey;
pub use crate::instance::redo::note::RedoNote;
use crate::instance::redo::source::LogFile;

/// `LOG_HEADER_FORMAT` of MariaDB 10.5 to 10.7, "PHYS".
const FORMAT_10_5: u32 = 0x5048_5953;
/// `LOG_HEADER_FORMAT` of MariaDB 10.8 on, "Phys".
const FORMAT_10_8: u32 = 0x5068_7973;
/// Encrypted log of MariaDB 10.11.15, 11.4.9, 11.8.4 and later.
const FORMAT_ENC_11: u32 = 0xF09F_979D;
/// `FORMAT_ENCRYPTED` of MariaDB 10.2 to 10.7.
const FORMAT_ENCRYPTED: u32 = 0x8000_0000;

/// How a log is laid out, from the format word of its first file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RedoFormat {
    /// 0: MySQL up to 5.7.8, MariaDB up to 10.1.
    BeforeMySql579,
    /// 1 = MySQL 5.7.9, 2 = 8.0.1, 3 = 8.0.3, 4 = 8.0.19, 5 = 8.0.28, 6 = 8.0.30 and later.
    MySql(u32),
    /// 1 with a MariaDB creator or bit 31: MariaDB 10.2.
    MariaDb102,
    /// 103: MariaDB 10.2.18 to 10.3.
    MariaDb103,
    /// 104: MariaDB 10.4.
    MariaDb104,
    /// "PHYS": MariaDB 10.5 to 10.7.
    MariaDb105,
    /// "Phys": MariaDB 10.8 and later.
    MariaDb108,
    /// 0xF09F979D: MariaDB 10.11.15, 11.4.9, 11.8.4 and later, encrypted.
    MariaDbEncrypted,
    /// `ib_<LSN>.log`: MariaDB 13.0 and later with `innodb_log_archive=ON`.
    MariaDbArchive,
    /// A zero-length `ib_logfile0`: the checkpoint is the flush LSN of `ibdata1`, if that is not 0 (MariaDB).
    FlushLsnOnly,
}

impl RedoFormat {
    /// The format a format word stands for; the creator tells MariaDB 10.2 from MySQL 5.7.
    pub fn from_raw(raw: u32, creator: Option<&str>) -> Option<RedoFormat> {
        let mariadb = creator.is_some_and(|c| c.starts_with("MariaDB"));
        if raw == FORMAT_ENC_11 {
            return Some(RedoFormat::MariaDbEncrypted);
        }
        match (raw & !FORMAT_ENCRYPTED, raw & FORMAT_ENCRYPTED != 0) {
            (0, false) => Some(RedoFormat::BeforeMySql579),
            (1, encrypted) if encrypted || mariadb => Some(RedoFormat::MariaDb102),
            (version @ 1..=6, false) => Some(RedoFormat::MySql(version)),
            (103, _) => Some(RedoFormat::MariaDb103),
            (104, _) => Some(RedoFormat::MariaDb104),
            (FORMAT_10_5, _) => Some(RedoFormat::MariaDb105),
            (FORMAT_10_8, false) => Some(RedoFormat::MariaDb108),
            _ => None,
        }
    }

    /// Logs of MariaDB 10.8 and later: no blocks, and `ibdata1` carries no flush LSN.
    fn is_phys(self) -> bool {
        matches!(self, RedoFormat::MariaDb108 | RedoFormat::MariaDbEncrypted | RedoFormat::MariaDbArchive)
    }
}

/// `LOG_HEADER_FLAGS` of MySQL 8.0.19 and later, as in the newest file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flags {
    /// `ALTER INSTANCE DISABLE INNODB REDO_LOG` was in force.
    pub no_logging: bool,
    /// A crash in this state cannot be recovered from, by design.
    pub crash_unsafe: bool,
    /// The data directory was never initialised to the end.
    pub not_initialised: bool,
    /// The file is full and closed; on the newest file this means that a newer one is missing.
    pub file_full: bool,
}

impl Flags {
    fn from_raw(word: u32) -> Flags {
        let bit = |n: u32| word & (1 << (n - 1)) != 0;
        Flags { no_logging: bit(1), crash_unsafe: bit(2), not_initialised: bit(3), file_full: bit(4) }
    }
}

/// One file of a log, for display and for saving its header blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoFile {
    /// Where it is.
    pub path: PathBuf,
    /// Length in bytes.
    pub size: u64,
    /// LSN of the first byte after its header blocks, as its block 0 says.
    pub start_lsn: Option<Lsn>,
    /// Byte ranges of the header and checkpoint blocks, cut to the file's length.
    pub header_ranges: Vec<Range<u64>>,
}

impl RedoFile {
    fn new(log: &LogFile, start_lsn: Option<Lsn>, ranges: &[Range<u64>]) -> RedoFile {
        let header_ranges = ranges
            .iter()
            .map(|r| r.start.min(log.size)..r.end.min(log.size))
            .filter(|r| !r.is_empty())
            .collect();
        RedoFile { path: log.path.clone(), size: log.size, start_lsn, header_ranges }
    }
}

/// A log that could be read at least in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoLog {
    /// How it is laid out.
    pub format: RedoFormat,
    /// The format word itself.
    pub raw_format: u32,
    /// Who made it, e.g. "MySQL 8.0.25"; the string may outlive an upgrade in place.
    pub creator: Option<String>,
    /// Start LSN in the header of the authoritative file: the first, or the one that holds the checkpoint (8.0.30 on).
    pub start_lsn: Option<Lsn>,
    /// Where recovery begins; `None` if no checkpoint block is sound.
    pub checkpoint: Option<Lsn>,
    /// One past the last readable record; `None` if not even the place of the checkpoint is readable.
    pub end: Option<Lsn>,
    /// Whether a server would find anything to recover after the checkpoint. From MariaDB 10.8 on the one
    /// `FILE_CHECKPOINT` record that a clean shutdown leaves does not count.
    pub records_after_checkpoint: Option<bool>,
    /// MySQL 8.0.19 and later; all false elsewhere.
    pub flags: Flags,
    /// Record bytes are ciphertext. For MySQL the end then rests on block numbers alone, without check words.
    pub encrypted: bool,
    /// What the records after the checkpoint touch. MariaDB 10.8 on, and only if the log is not encrypted; `None`
    /// elsewhere.
    pub touched: Option<Touched>,
    /// What all that is left of the log says of pages, once [`history::Log::learn`] has read it.
    #[serde(default)]
    pub census: Option<history::Census>,
    /// What the records after the checkpoint say of files; `None` where they cannot be read (encrypted, no end).
    #[serde(default)]
    pub file_records: Option<FileRecords>,
    /// What opens its records, where they are encrypted and a key file was given that may have it.
    #[serde(skip)]
    pub key: Option<LogKey>,
    /// Every file that belongs to the log, in log order.
    pub files: Vec<RedoFile>,
    /// What is damaged, missing or odd.
    pub notes: Vec<RedoNote>,
    /// The same where a server stops at it, or recovers less than there was.
    #[serde(default)]
    pub faults: Vec<RedoFault>,
}

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedoFault {
    /// The header of a file fails its checksum.
    Header {
        /// The file.
        file: PathBuf,
    },
    /// The newer of two checkpoints is damaged.
    NewestCheckpoint,
    /// The files are of several logs.
    Mixed,
    /// A later file of a ring begins with something else than the first one (MySQL up to 8.0.29, MariaDB up to 10.4).
    NoHeader {
        /// The file.
        file: PathBuf,
    },
    /// Files of the log are gone.
    FileGone {
        /// Which.
        what: RedoNote,
    },
    /// A file is too short or holds no log.
    FileOdd {
        /// The file.
        file: PathBuf,
        /// In which way.
        what: RedoNote,
    },
    /// The log ends before the record that completes its checkpoint.
    BreaksOff,
}

impl RedoLog {
    fn empty(format: RedoFormat, raw_format: u32) -> RedoLog {
        RedoLog {
            format,
            raw_format,
            creator: None,
            start_lsn: None,
            checkpoint: None,
            end: None,
            records_after_checkpoint: None,
            flags: Flags::default(),
            encrypted: false,
            touched: None,
            census: None,
            file_records: None,
            key: None,
            files: Vec::new(),
            notes: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn from_header(format: RedoFormat, log: &LogFile, header: &FileHeader) -> RedoLog {
        let mut redo = RedoLog::empty(format, header.raw_format);
        redo.creator.clone_from(&header.creator);
        redo.start_lsn = Some(header.start_lsn);
        redo.flags = header.mysql_flags();
        if !header.sound {
            redo.note(RedoNote::Header { file: log.name() });
            redo.faults.push(RedoFault::Header { file: log.path.clone() });
        }
        redo
    }

    /// Takes over what a walk along blocks found.
    fn take_walk(&mut self, checkpoint: Lsn, walk: block::BlockWalk) {
        self.end = walk.end;
        self.records_after_checkpoint = walk.end.map(|end| end > checkpoint);
        if walk.encrypted {
            self.encrypted = true;
            self.note(RedoNote::Encrypted);
        }
        match walk.end {
            None => self.note(RedoNote::NoBlockOfCheckpoint(checkpoint)),
            // Either the server died between two blocks of one write, or the log was damaged later.
            Some(end) if walk.cut => self.note(RedoNote::BreaksOffAfterFullBlock(end)),
            Some(_) => {}
        }
    }

    /// Ciphertext says nothing of files, and a log without an end may have said more.
    fn take_file_records(&mut self, scanner: file_records::Scanner, walk: &block::BlockWalk) {
        let readable = !self.encrypted && !walk.encrypted && walk.end.is_some();
        self.file_records = readable.then(|| scanner.finish());
    }

    fn note(&mut self, note: RedoNote) {
        self.notes.push(note);
    }
}

/// What a directory holds in the way of a redo log.
#[allow(clippy::large_enum_variant, reason = "there is one of an instance")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundRedo {
    /// No file with a log's name.
    Absent,
    /// Files with a log's name, but nothing in them can be read as a log.
    Unreadable {
        /// Why not.
        why: RedoNote,
    },
    /// A log; see its notes for what is wrong with it.
    Read(RedoLog),
}

impl FoundRedo {
    /// The log, if one could be read.
    pub fn redo(&self) -> Option<&RedoLog> {
        match self {
            FoundRedo::Read(redo) => Some(redo),
            FoundRedo::Absent | FoundRedo::Unreadable { .. } => None,
        }
    }
}

/// How the server went down, as far as log and data files tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shutdown {
    /// In order: a server would not look at its doublewrite buffer at all.
    Clean,
    /// Not in order: a server would go through crash recovery.
    Crash,
    /// The files do not say.
    Unknown,
}

/// Reads the log in `dir`: a data directory, a redo log directory or `#innodb_redo` itself.
///
/// A readable `#innodb_redo` beats an `ib_logfile0` beside it, which an upgrade may have left behind. A directory that
/// does not exist holds no log.
///
/// # Errors
/// If `dir` or a log file cannot be listed, opened or read, or is not a regular file.
pub fn read(dir: &Path) -> Result<FoundRedo> {
    let new = match innodb_redo_dir::find(dir)? {
        Some(files) => innodb_redo_dir::read(files)?,
        None => FoundRedo::Absent,
    };
    if matches!(new, FoundRedo::Read(_)) {
        return Ok(new);
    }
    match (read_logfiles(dir)?, new) {
        (FoundRedo::Absent, new) => Ok(new),
        (old, _) => Ok(old),
    }
}

fn read_logfiles(dir: &Path) -> Result<FoundRedo> {
    let path = dir.join("ib_logfile0");
    let Some(first) = LogFile::open(&path)? else {
        return Ok(match LogFile::open(&dir.join("ib_logfile1"))? {
            Some(_) => unreadable(RedoNote::FirstIsGone),
            None => match archive::find(dir)? {
                files if files.is_empty() => FoundRedo::Absent,
                files => archive::read(&files)?,
            },
        });
    };
    if first.size == 0 {
        return Ok(FoundRedo::Read(flush_lsn_only(&first)));
    }
    let Some(header) = first.block(0)?.as_deref().and_then(FileHeader::parse) else {
        return Ok(unreadable(RedoNote::NoRoomForHeader(first.size)));
    };
    match header.format() {
        None => Ok(unreadable(RedoNote::UnknownFormat(header.raw_format))),
        Some(RedoFormat::MySql(6)) => Ok(unreadable(RedoNote::OtherNames)),
        Some(format) if format.is_phys() => phys::read(first, &header, format),
        Some(format) => ring::read(dir, first, &header, format),
    }
}

fn unreadable(why: RedoNote) -> FoundRedo {
    FoundRedo::Unreadable { why }
}

fn flush_lsn_only(log: &LogFile) -> RedoLog {
    let mut redo = RedoLog::empty(RedoFormat::FlushLsnOnly, 0);
    redo.files.push(RedoFile::new(log, None, &[]));
    redo.note(RedoNote::Empty);
    redo
}

/// The names in a directory, sorted; `None` if there is no such directory.
fn names_in(dir: &Path) -> Result<Option<BTreeSet<std::ffi::OsString>>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(Error::io(dir, "list")(e)),
    };
    let names: io::Result<BTreeSet<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    names.map(Some).map_err(Error::io(dir, "list"))
}

/// How the server went down. `flush_lsn` is the word at 26 of page 0 of the first system tablespace file.
///
/// Up to MySQL 9.7 and MariaDB 10.7 a shutdown was clean if and only if the flush LSN is the checkpoint LSN and
/// nothing follows the checkpoint (`recv_recovery_from_checkpoint_start`, MySQL 5.7, 8.0.15, 9.7). MariaDB 10.8 and
/// later write no flush LSN; there the log alone tells. An empty log tells nothing: it may have been emptied by hand.
pub fn shutdown(flush_lsn: Option<Lsn>, redo: &FoundRedo) -> Shutdown {
    let Some(redo) = redo.redo() else { return Shutdown::Unknown };
    let Some(checkpoint) = redo.checkpoint else { return Shutdown::Unknown };
    if redo.records_after_checkpoint == Some(true) {
        return Shutdown::Crash;
    }
    let flush_lsn = if redo.format.is_phys() { Some(checkpoint) } else { flush_lsn };
    match (flush_lsn, redo.records_after_checkpoint) {
        (Some(flushed), _) if flushed != checkpoint => Shutdown::Crash,
        (Some(_), Some(false)) => Shutdown::Clean,
        _ => Shutdown::Unknown,
    }
}
