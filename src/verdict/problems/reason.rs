//! What a problem is about: facts, which `Display` puts into one sentence for a person.

use std::fmt;
use std::path::PathBuf;

use crate::instance::redo::RedoNote;
use crate::instance::roster::{Role, Witness};
use crate::units::{Lsn, PageNo, SpaceId};

/// What lies where a file should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lying {
    /// No bytes.
    Empty,
    /// Zeros.
    Zeros,
    /// Bytes without a page.
    Rubbish,
    /// The beginning of page 0, so many bytes.
    Stump(u64),
    /// A file of another tablespace.
    OfSpace(SpaceId),
}

/// Why something could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unjudged {
    /// Encrypted, and no key.
    Encrypted(u64),
    /// Pages of a scan that were encrypted, or not in the bundle.
    Pages(u64),
    /// A lone tablespace file: there is no doublewrite buffer to hold it against.
    LoneFile,
    /// A folder of tablespaces in the data directory that is named.
    FolderOf(PathBuf),
    /// The data directory lies one level deeper.
    Above(PathBuf),
    /// Neither a data directory nor in or above one.
    NoDataDirectory,
    /// The dictionary cannot be read, so nothing tells which files should be there.
    Dictionary,
}

/// Why a problem is one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is spelled out by its sentence below")]
pub enum ProblemReason {
    Missing { role: Role, by: Witness, table: Option<String>, lies: Option<Lying>, sure: bool },
    NoSchemaFile { table: String },
    NextSystemFile { stated: u64, held: u64 },
    Elsewhere { by: Witness },
    Lies { what: Lying, role: Role, anew: bool },
    Unnamed { what: Lying },
    Cut { stated: u64, held: u64, redo: CutRedo },
    PartPage { rest: u64 },
    Twice { id: SpaceId, first: PathBuf, other: PathBuf, meant: Option<PathBuf>, never_opened: bool },
    Damaged { what: &'static str, has_copy: bool },
    Future { lsn: Lsn, end: Lsn },
    NoRedo { clean: bool, told: bool, anew: bool },
    RedoFileGone { what: RedoNote },
    RedoUnreadable { what: RedoNote },
    RedoHeader,
    RedoNoHeader,
    RedoCheckpoint,
    RedoBreaksOff { end: Option<Lsn> },
    RedoOlder { end: Lsn, newest: Lsn },
    RedoFlushed { flushed: Lsn, end: Lsn },
    RedoMixed,
    RedoNames { space: SpaceId, named: String, holds: SpaceId },
    RedoOff,
    NotInitialised,
    NoCopies,
    CopiesGap { missing: PathBuf },
    CopiesUnusable,
    CopiesAllZero,
    CopiesOddSize { first: u32, second: u32 },
    CopiesBeyondEnd { copies: u64, end: Lsn },
    CopiesDiffer { page: PageNo },
    UnreadHome { what: String, page: (SpaceId, PageNo), slot: (PathBuf, u32) },
    CopiesOfOtherIndex { page: PageNo, index: u64 },
    Unread(String),
    NotJudged(Unjudged),
    Unprepared { tool: &'static str },
}

/// What redo says of a file that is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutRedo {
    /// Nothing after the checkpoint changes its size.
    Silent,
    /// Records after the checkpoint change its size, or cannot be read.
    Open,
}

impl fmt::Display for ProblemReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProblemReason::Missing { role, by, table, lies, sure } => missing(f, *role, *by, table.as_deref(), lies.as_ref(), *sure),
            ProblemReason::NoSchemaFile { table } => write!(
                f,
                "InnoDB's dictionary names table {table}, and its schema file is not there: the server does not know the table \
                 without it"
            ),
            ProblemReason::NextSystemFile { stated, held } => write!(
                f,
                "page 0 of the system tablespace counts {stated} pages, its files hold {held}: a later file is missing, or \
                 the last one was cut"
            ),
            ProblemReason::Elsewhere { by } => write!(
                f,
                "{} names this file outside the data directory, and it cannot be reached from here: copies of its pages \
                 were held against nothing",
                witness(*by)
            ),
            ProblemReason::Lies { what, role, anew } => {
                write!(f, "{} where {} should lie", lying(what), roles(*role))?;
                if *anew { f.write_str("; redo after the checkpoint makes it anew") } else { Ok(()) }
            }
            ProblemReason::Unnamed { what } => {
                write!(f, "{}; neither dictionary nor redo log names it", lying(what))
            }
            ProblemReason::Cut { stated, held, redo } => {
                write!(f, "page 0 counts {stated} pages, the file holds {held}: ")?;
                if held.saturating_add(1) >= *stated {
                    write!(f, "page {held} is missing")?;
                } else {
                    write!(f, "pages {held} to {} are missing", stated.saturating_sub(1))?;
                }
                match redo {
                    CutRedo::Silent => Ok(()),
                    CutRedo::Open => f.write_str("; redo after the checkpoint may explain it, and cannot be read to the letter"),
                }
            }
            ProblemReason::PartPage { rest } => {
                write!(f, "the last {rest} bytes are less than a page and lie behind the last page that the file counts")
            }
            ProblemReason::Twice { id, first, other, meant, never_opened } => {
                write!(f, "{} and {} both say space id {id}", first.display(), other.display())?;
                match meant {
                    Some(meant) => write!(f, "; {} is the one that the data mean", meant.display())?,
                    None => f.write_str("; nothing tells which of them is meant")?,
                }
                if *never_opened { f.write_str(", and this server does not open the other") } else { Ok(()) }
            }
            ProblemReason::Damaged { what, has_copy } => {
                write!(f, "{what} is damaged, and servers read it before or without the doublewrite buffer; ")?;
                f.write_str(if *has_copy { "no copy of it can be used" } else { "the buffer holds no copy of it" })
            }
            ProblemReason::Future { lsn, end } => write!(
                f,
                "pages carry LSN {lsn}, beyond the end of the redo log, {end}: log and file are not of one time"
            ),
            ProblemReason::NoRedo { clean, told, anew } => no_redo(f, *clean, *told, *anew),
            ProblemReason::RedoFileGone { what } | ProblemReason::RedoUnreadable { what } => what.fmt(f),
            ProblemReason::RedoHeader => f.write_str("the header of the redo log fails its checksum: the server does not read it"),
            ProblemReason::RedoNoHeader => f.write_str(
                "this file of the redo log does not begin as the first one does: it is no log, and a server fails where its log goes on \
                 in it",
            ),
            ProblemReason::RedoCheckpoint => f.write_str("no checkpoint of the redo log is sound: where recovery begins cannot be told"),
            ProblemReason::RedoBreaksOff { end: Some(end) } => write!(
                f,
                "the redo log breaks off at LSN {end}, before the record that completes its newest checkpoint"
            ),
            ProblemReason::RedoBreaksOff { end: None } => {
                f.write_str("the redo log holds nothing sound at its newest checkpoint")
            }
            ProblemReason::RedoOlder { end, newest } => write!(
                f,
                "the redo log ends at LSN {end}, the data files go on to {newest}: it is not the log of these files"
            ),
            ProblemReason::RedoFlushed { flushed, end } => write!(
                f,
                "page 0 was stamped at a shutdown at LSN {flushed}, the redo log ends at {end}: it is not the log of these \
                 files"
            ),
            ProblemReason::RedoMixed => f.write_str("the redo files carry different log ids: they are not of one log"),
            ProblemReason::RedoNames { space, named, holds } => write!(
                f,
                "the redo log names {named} as space {space}, and the file holds space {holds}: it is the log of another server"
            ),
            ProblemReason::RedoOff => f.write_str(
                "redo logging was disabled when the server died (ALTER INSTANCE DISABLE INNODB REDO_LOG): it refuses to \
                 start again; a backup is needed",
            ),
            ProblemReason::NotInitialised => {
                f.write_str("the initialisation of this directory never ended: make it anew, there is nothing in it yet")
            }
            ProblemReason::NoCopies => f.write_str(
                "this server keeps its copies in #ib_*.dblwr files, and none are here: doublewrite was off, or they lie \
                 elsewhere (innodb_doublewrite_dir): name their directory with --doublewrite-dir",
            ),
            ProblemReason::CopiesGap { missing } => write!(
                f,
                "{} is not here, as the numbers and sizes of the others show: its copies were not looked at",
                missing.display()
            ),
            ProblemReason::CopiesUnusable => {
                f.write_str("nothing in this doublewrite file is a slot: the copies that it held were not looked at")
            }
            ProblemReason::CopiesAllZero => f.write_str(
                "no slot of the doublewrite files is in use: doublewrite was off, or the files were emptied or made anew, and the \
                 copies that they held are gone",
            ),
            ProblemReason::CopiesOddSize { first, second } => write!(
                f,
                "the doublewrite files have {first} and {second} slots, and the second one should have 512 more than the first: one \
                 was cut, and the copies in what is gone were not looked at"
            ),
            ProblemReason::CopiesBeyondEnd { copies, end } => write!(
                f,
                "{copies} of its copies are newer than the end of the redo log, LSN {end}: they are of another life of these \
                 files; move this file away before a server starts"
            ),
            ProblemReason::CopiesDiffer { page } => write!(
                f,
                "its copy of page {page} differs from the page of the same LSN: it is of another server or another life"
            ),
            ProblemReason::CopiesOfOtherIndex { page, index } => write!(
                f,
                "its copy of page {page} is of index {index}, and this tablespace never had an index of so low an id: it is \
                 of another server"
            ),
            ProblemReason::UnreadHome { what, page: (space, page), slot: (file, index) } => {
                write!(f, "{what}; {} slot {index} holds a good copy of page {space}:{page}", file.display())
            }
            ProblemReason::Unread(what) => f.write_str(what),
            ProblemReason::NotJudged(what) => not_judged(f, what),
            ProblemReason::Unprepared { tool } => {
                write!(f, "this is a backup made by {tool} that was not prepared: prepare it first, then look again")
            }
        }
    }
}

fn roles(role: Role) -> &'static str {
    match role {
        Role::System => "the system tablespace",
        Role::Dictionary => "the dictionary",
        Role::Undo => "an undo tablespace",
        Role::Table => "a table",
    }
}

fn witness(by: Witness) -> &'static str {
    match by {
        Witness::Server => "every server of this generation",
        Witness::Configuration => "innodb_data_file_path",
        Witness::Dictionary => "the dictionary",
        Witness::TransactionSystem => "the transaction system page",
        Witness::Link => "a link file",
    }
}

fn lying(what: &Lying) -> String {
    match what {
        Lying::Empty => "a file of no bytes".to_owned(),
        Lying::Zeros => "a file of zeros".to_owned(),
        Lying::Rubbish => "a file in which no page can be recognised".to_owned(),
        Lying::Stump(length) => {
            format!("a file of {length} bytes, which begins as page 0 of a tablespace and ends inside it,")
        }
        Lying::OfSpace(id) => format!("a file of space {id}"),
    }
}

fn missing(
    f: &mut fmt::Formatter<'_>,
    role: Role,
    by: Witness,
    table: Option<&str>,
    lies: Option<&Lying>,
    sure: bool,
) -> fmt::Result {
    match (role, table) {
        (Role::Table, Some(table)) => write!(f, "the dictionary names this file, of table {table}, and ")?,
        (Role::Table, None) => write!(f, "{} names this file, and ", witness(by))?,
        (Role::System, _) if by == Witness::Configuration => {
            write!(f, "innodb_data_file_path names this file of the system tablespace, and ")?;
        }
        (role, _) => write!(f, "the server does not start without {}, and ", roles(role))?,
    }
    match lies {
        Some(what) => write!(f, "in its place lies {}", lying(what))?,
        None => f.write_str("it is not there")?,
    }
    if sure {
        Ok(())
    } else {
        f.write_str("; a DROP after the last checkpoint may explain it, which the redo log of this server does not tell for sure")
    }
}

fn no_redo(f: &mut fmt::Formatter<'_>, clean: bool, told: bool, anew: bool) -> fmt::Result {
    f.write_str("there is no redo log here")?;
    match (clean, anew) {
        (true, true) => f.write_str("; the server was stopped cleanly, and this generation makes a new one"),
        _ if told => f.write_str(", where the configuration has it: changes since the last checkpoint are lost"),
        _ => f.write_str(
            ": if it lies elsewhere (innodb_log_group_home_dir), name its directory with --redo-dir; else changes since the \
             last checkpoint are lost",
        ),
    }
}

fn not_judged(f: &mut fmt::Formatter<'_>, what: &Unjudged) -> fmt::Result {
    match what {
        Unjudged::Encrypted(pages) => write!(
            f,
            "{pages} copies are encrypted and were not judged without the key: give it with --keyring"
        ),
        Unjudged::Pages(pages) => write!(f, "{pages} pages could not be judged: encrypted, and no key was given"),
        Unjudged::LoneFile => f.write_str(
            "a tablespace file alone: no doublewrite buffer to hold it against; name its data directory with --datadir",
        ),
        Unjudged::FolderOf(datadir) => {
            write!(f, "a folder inside a data directory: name the directory itself, {}", datadir.display())
        }
        Unjudged::Above(datadir) => {
            write!(f, "the data directory lies in a folder of this one: name {}", datadir.display())
        }
        Unjudged::NoDataDirectory => f.write_str(
            "tablespace files without a system tablespace or redo log: no data directory, so nothing tells what should be here",
        ),
        Unjudged::Dictionary => f.write_str(
            "the dictionary cannot be read (damaged, or encrypted without its key): whether every table has its file was not \
             judged",
        ),
    }
}
