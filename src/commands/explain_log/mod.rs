//! Reads the error log of a server, or the output of a tool that reads its files, and extracts what it says about damaged
//! pages, about files that cannot be used, and about starts that failed.
//!
//! Every wording of MySQL 4.0 to 9.7, MariaDB 5.5 to 11.8, xtrabackup, mariadb-backup and innochecksum stands in the tables
//! of [`wording`]. An error of InnoDB that stands in none of them is kept as [`LogKind::UnknownError`]. Reading is a single pass
//! in bounded memory: page dumps are skipped, lines may be long and need not be UTF-8, repeated messages are counted, and
//! what would exceed [`MAX_FINDINGS`] distinct ones is counted only.

pub mod evidence;
mod kind;
pub mod line;
pub mod pattern;
mod reader;
pub mod wording;

use std::io::{self, BufRead};

pub use evidence::LogEvidence;
pub use kind::{Level, LogKind};
use serde::Serialize;

use crate::units::{Lsn, PageNo, SpaceId};

/// One thing said, with how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogFinding {
    /// Line of the first mention, counted from 1.
    pub line: u64,
    /// Line of the last mention.
    pub last_line: u64,
    /// How often it was said.
    pub count: u64,
    /// What was said.
    pub kind: LogKind,
    /// The tablespace, where the message names it.
    pub space_id: Option<SpaceId>,
    /// The page, where the message names it.
    pub page_no: Option<PageNo>,
    /// The file or table, as printed.
    pub file: Option<String>,
    /// The first mention, safe to print.
    pub quoted: String,
    /// Which servers say it in these words.
    pub server: &'static str,
    /// What the message, or the page dump beside it, shows beyond its words.
    pub evidence: Option<LogEvidence>,
}

/// What a log says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogSummary {
    /// Everything said, by first mention.
    pub findings: Vec<LogFinding>,
    /// Distinct findings beyond [`MAX_FINDINGS`], counted only.
    pub not_kept: u64,
    /// Lines read.
    pub lines: u64,
    /// Whether any of them looks like one of a server, or of a tool that reads its files.
    pub of_a_server: bool,
    /// The first bytes, at most [`HEAD`].
    #[serde(skip)]
    pub head: Vec<u8>,
    /// Starts of a server.
    pub starts: u64,
    /// The line in which InnoDB last said that it has started.
    pub last_started: Option<u64>,
    /// The last server version named in the log.
    pub version: Option<String>,
    /// The last checkpoint from which a recovery began.
    pub checkpoint_lsn: Option<Lsn>,
    /// The last end of the redo log that a recovery found.
    pub end_lsn: Option<Lsn>,
}

impl LogFinding {
    /// Whether InnoDB has started after the last mention of something with which it cannot.
    pub fn is_over(&self, last_started: Option<u64>) -> bool {
        self.kind.ends_with_a_start() && last_started.is_some_and(|line| line > self.last_line)
    }
}

/// Distinct findings kept.
pub const MAX_FINDINGS: usize = 50_000;

/// Bytes kept of the beginning, to tell what an input is that is no log.
pub const HEAD: usize = 512;

/// Reads a whole log.
///
/// # Errors
/// What the reader reports.
pub fn read(mut input: impl BufRead) -> io::Result<LogSummary> {
    let mut reader = reader::LogReader::default();
    reader.summary.head = beginning(&mut input)?;
    let mut head = Vec::new();
    while line::next_line(&mut input, &mut head)? {
        reader.line(&String::from_utf8_lossy(&head));
    }
    Ok(reader.finish())
}

/// What lies in the reader's buffer, which may be less than [`HEAD`].
fn beginning(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    loop {
        match input.fill_buf() {
            Ok(bytes) => return Ok(bytes.iter().copied().take(HEAD).collect()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
