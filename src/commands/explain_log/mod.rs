//! Reads a server's error log and extracts what it says about damaged pages.
//!
//! Every wording of MySQL 4.0 to 9.7 and MariaDB 5.5 to 11.8 stands in one table ([`wording::WORDINGS`]). Reading is a
//! single pass in bounded memory: page dumps are skipped, lines may be long and need not be UTF-8, repeated messages
//! are counted, and what would exceed [`MAX_FINDINGS`] distinct ones is counted only.

pub mod line;
pub mod pattern;
#[cfg(test)]
mod tests;
pub mod wording;

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::commands::explain_log::pattern::Match;
use crate::commands::explain_log::wording::Wording;
use serde::Serialize;

use crate::units::{Lsn, PageNo, SpaceId};

/// What a message says of a page, a copy or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The recovery pass found the home page damaged and turns to the copy.
    Torn,
    /// The recovery pass has written the copy home.
    Recovered,
    /// The home page is damaged and the buffer holds no copy of it.
    NoCopy,
    /// The home page is damaged and so is the copy: the server stops.
    CopyCorrupt,
    /// The copy cannot be used; the server looks for another one.
    CopySkipped,
    /// The copy is newer than the end of the redo log and was not used.
    CopyTooNew,
    /// The buffer names the page but was written in DETECT_ONLY mode: there is no copy.
    DetectOnly,
    /// The copy belongs past the end of its tablespace.
    CopyOutside,
    /// The copy belongs to a tablespace whose file is not known.
    Orphan,
    /// The home page could not be read from the disk.
    ReadFailed,
    /// The page failed its check when it was read.
    Corrupt,
    /// An encrypted or compressed page failed its check, or could not be decoded.
    Encrypted,
    /// The redo log could not be applied to the page.
    RedoNotApplied,
    /// The page says that it is another one.
    Misdirected,
    /// The page is newer than the redo log.
    FutureLsn,
    /// The first page of a file is damaged, so that the file cannot be opened.
    FirstPage,
    /// A page past the end of its file was asked for.
    OutsideFile,
    /// A table was given up.
    TableLost,
}

impl Kind {
    /// One sentence for a person.
    pub const fn meaning(self) -> &'static str {
        match self {
            Kind::Torn => {
                "the page in its file was damaged, and the server turned to the copy in the doublewrite buffer"
            }
            Kind::Recovered => "the server has put the copy from the doublewrite buffer in place",
            Kind::NoCopy => {
                "the page is damaged and the server found no copy of it in the doublewrite buffer"
            }
            Kind::CopyCorrupt => {
                "the page is damaged and so was the copy that the server tried; it stopped there"
            }
            Kind::CopySkipped => {
                "a copy in the doublewrite buffer was damaged or unusable, and the server passed over it"
            }
            Kind::CopyTooNew => {
                "a copy in the doublewrite buffer is newer than the redo logs: they are not the right ones, or were cut"
            }
            Kind::DetectOnly => {
                "the page is damaged and the doublewrite buffer, written in DETECT_ONLY mode, has only its name"
            }
            Kind::CopyOutside => "a copy in the doublewrite buffer belongs past the end of its file",
            Kind::Orphan => {
                "a copy in the doublewrite buffer belongs to a tablespace that the server could not find"
            }
            Kind::ReadFailed => "the page could not be read from the disk at all",
            Kind::Corrupt => "the page failed its checksum when the server read it",
            Kind::Encrypted => "an encrypted or compressed page is damaged, or the key does not fit",
            Kind::RedoNotApplied => {
                "changes from the redo logs could not be applied, because the page is damaged"
            }
            Kind::Misdirected => {
                "the page says that it is another page: a write or a read went to the wrong place"
            }
            Kind::FutureLsn => {
                "the page is newer than the redo logs: the logs are not the right ones, or the page is damaged"
            }
            Kind::FirstPage => "the first page of the file is damaged, so the server cannot open the file",
            Kind::OutsideFile => {
                "the server was led to a page past the end of the file: a damaged pointer or a cut file"
            }
            Kind::TableLost => "the server has given the table up",
        }
    }

    /// Whether the message says that a page in its file was bad at that time and not what became of it.
    pub const fn is_damage(self) -> bool {
        !matches!(
            self,
            Kind::Recovered
                | Kind::CopySkipped
                | Kind::CopyTooNew
                | Kind::CopyOutside
                | Kind::Orphan
                | Kind::TableLost
        )
    }
}

/// One thing said, with how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// Line of the first mention, counted from 1.
    pub line: u64,
    /// Line of the last mention.
    pub last_line: u64,
    /// How often it was said.
    pub count: u64,
    /// What was said.
    pub kind: Kind,
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
}

/// What a log says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogSummary {
    /// Everything said about pages, by first mention.
    pub findings: Vec<Finding>,
    /// Distinct findings beyond [`MAX_FINDINGS`], counted only.
    pub not_kept: u64,
    /// Lines read.
    pub lines: u64,
    /// Starts of a server.
    pub starts: u64,
    /// The last server version named in the log.
    pub version: Option<String>,
    /// The last checkpoint from which a recovery began.
    pub checkpoint_lsn: Option<Lsn>,
    /// The last end of the redo log that a recovery found.
    pub end_lsn: Option<Lsn>,
}

/// Distinct findings kept.
pub const MAX_FINDINGS: usize = 50_000;

/// Lines that one message spans at most (`is outside the tablespace bounds` of MySQL 5.6 takes three).
const WINDOW: usize = 4;

/// Bytes kept of an earlier line for the messages that go on in the next one.
const EARLIER: usize = 512;

/// Reads a whole log.
///
/// # Errors
/// What the reader reports.
pub fn read(mut input: impl BufRead) -> io::Result<LogSummary> {
    let mut reader = Reader::default();
    let mut head = Vec::new();
    while line::next_line(&mut input, &mut head)? {
        reader.line(&String::from_utf8_lossy(&head));
    }
    Ok(reader.summary)
}

type Key = (Kind, Option<u32>, Option<u32>, Option<String>);

#[derive(Default)]
struct Reader {
    summary: LogSummary,
    index: HashMap<Key, usize>,
    /// Earlier lines with their numbers, the oldest first.
    earlier: VecDeque<(u64, String)>,
    /// The page that `Recovered the page` and the like refer to.
    current: Option<(Option<u32>, Option<u32>)>,
    /// Page number and space id from the last dump.
    dumped: Option<(u32, u32)>,
}

impl Reader {
    fn line(&mut self, text: &str) {
        self.summary.lines += 1;
        self.note_server(text);
        let body = line::body(text);
        self.note_redo(body);
        if wording::KEYWORDS.iter().any(|word| body.contains(word)) {
            self.message(body);
        }
        self.earlier.push_back((self.summary.lines, line::beginning(body, EARLIER).to_owned()));
        if self.earlier.len() >= WINDOW {
            self.earlier.pop_front();
        }
    }

    /// Matches the line alone and as the end of a message that began up to three lines earlier.
    fn message(&mut self, body: &str) {
        let (mut joined, mut starts) = (String::new(), Vec::new());
        for (number, earlier) in &self.earlier {
            starts.push((joined.len(), *number));
            joined.push_str(earlier);
            joined.push(' ');
        }
        let own = joined.len();
        starts.push((own, self.summary.lines));
        joined.push_str(body);
        self.note_dump(&joined, own);
        for wording in wording::WORDINGS {
            let Some(found) = pattern::find(wording.text, &joined).filter(|found| found.end > own) else {
                continue;
            };
            let (from, line) =
                *starts.iter().rfind(|start| start.0 <= found.start).unwrap_or(&(own, self.summary.lines));
            let quoted = line::printable(joined.get(from..).unwrap_or(body));
            return self.found(wording, &found, line, quoted);
        }
    }

    fn found(&mut self, wording: &Wording, found: &Match, line: u64, quoted: String) {
        let holes = &found.holes;
        let (mut space, mut page) = (holes.space, holes.page);
        match wording.kind {
            Kind::Torn => self.current = Some((space, page)),
            Kind::Recovered | Kind::CopyCorrupt | Kind::DetectOnly if page.is_none() => {
                (space, page) = self.current.take().unwrap_or_default();
            }
            Kind::FirstPage => page = Some(0),
            _ => {}
        }
        space = space.or_else(|| self.dumped_space(page));
        let file = holes.file.as_deref().map(line::printable);
        let key = (wording.kind, space, page, file.clone());
        let findings = &mut self.summary.findings;
        if let Some(known) = self.index.get(&key).and_then(|&at| findings.get_mut(at)) {
            known.count += 1;
            known.last_line = self.summary.lines;
            return;
        }
        if findings.len() >= MAX_FINDINGS {
            self.summary.not_kept += 1;
            return;
        }
        self.index.insert(key, findings.len());
        findings.push(Finding {
            line,
            last_line: self.summary.lines,
            count: 1,
            kind: wording.kind,
            space_id: space.map(SpaceId),
            page_no: page.map(PageNo),
            file,
            quoted,
            server: wording.said_by,
        });
    }

    /// The space id that the page's dump shows, if the dump is of the page in question: old messages give only the
    /// page number, and a damaged header would name a foreign page.
    fn dumped_space(&self, page: Option<u32>) -> Option<u32> {
        let (dumped_page, space) = self.dumped?;
        (page? == dumped_page).then_some(space)
    }

    /// A dump follows the first message about its page and precedes the second.
    fn note_dump(&mut self, joined: &str, own: usize) {
        let dumped = wording::DUMPED_IDENTITY.iter().find_map(|text| pattern::find(text, joined));
        let Some(Match { end, holes, .. }) = dumped else { return };
        let (Some(page), Some(space)) = (holes.page, holes.space) else { return };
        if end <= own {
            return;
        }
        self.dumped = Some((page, space));
        let Some(last) = self.summary.findings.last_mut() else { return };
        if last.page_no == Some(PageNo(page)) && last.space_id.is_none() {
            last.space_id = Some(SpaceId(space));
            self.index.insert(
                (last.kind, Some(space), Some(page), last.file.clone()),
                self.summary.findings.len() - 1,
            );
        }
    }

    /// `mysqld (mysqld 8.0.37) starting as process 1`, `mysqld: ready`, `Version: '5.6.24'`.
    fn note_server(&mut self, text: &str) {
        if text.contains(" starting as process ") {
            self.summary.starts += 1;
            self.current = None;
            self.dumped = None;
            let version =
                text.split_once(" (").and_then(|(_, rest)| rest.split_once(") starting as process "));
            self.summary.version = version.map(|(name, _)| line::printable(name));
        } else if let Some((version, _)) =
            text.split_once("Version: '").and_then(|(_, rest)| rest.split_once('\''))
        {
            self.summary.version = Some(line::printable(version));
        }
    }

    /// The redo window that the server found, in the wordings of each generation.
    fn note_redo(&mut self, body: &str) {
        for text in
            ["checkpoint LSN=", "progressed past the checkpoint lsn ", "latest found checkpoint is at lsn = "]
        {
            self.summary.checkpoint_lsn = number_after(body, text).or(self.summary.checkpoint_lsn);
        }
        for text in ["End of log at LSN=", "Doing recovery: scanned up to log sequence number "] {
            self.summary.end_lsn = number_after(body, text).or(self.summary.end_lsn);
        }
    }
}

fn number_after(text: &str, label: &str) -> Option<Lsn> {
    let (_, rest) = text.split_once(label)?;
    let end = rest.find(|ch: char| !ch.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok().map(Lsn)
}
