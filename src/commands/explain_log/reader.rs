//! From line to line: what belongs together, and what is said again.

use std::collections::HashMap;
use std::collections::VecDeque;

use super::evidence::{LogEvidence, PageDump};
use super::line::{self, Fragment};
use super::pattern::{Holes, Match, Text};
use super::wording::{Finder, Note, What, Wording};
use super::{LogFinding, LogKind, LogSummary, MAX_FINDINGS};
use crate::units::{Lsn, PageNo, SpaceId};

/// Lines that one message spans at most (`is outside the tablespace bounds` of MySQL 5.6 takes three).
const WINDOW: usize = 4;

/// Bytes kept of an earlier line for the messages that go on in the next one.
const EARLIER: usize = 512;

/// Lines within which a message without a space id is about the page that was named before.
const NEAR: u64 = 12;

/// Threads of a backup tool whose files are remembered.
const MAX_THREADS: usize = 256;

type FindingKey = (LogKind, Option<u32>, Option<u32>, Option<String>);

/// A page in words.
type NamedPage = (Option<u32>, Option<u32>);

#[derive(Default)]
pub(super) struct LogReader {
    pub summary: LogSummary,
    index: HashMap<FindingKey, usize>,
    /// Earlier lines of what may be one message, with their numbers, the oldest first.
    earlier: VecDeque<(u64, String)>,
    /// The page that `Recovered the page` and the like refer to.
    current: Option<NamedPage>,
    /// The last page that was named with its tablespace, and in which line.
    near: Option<(u64, u32, u32)>,
    /// What was read in the place of the page in `near`.
    instead: Option<(u32, u32)>,
    dump: PageDump,
    /// The file that each thread of a backup tool copies.
    copying: HashMap<String, String>,
    /// An unknown error that the next line may turn into a known one.
    pending: Option<(LogFinding, String)>,
}

impl LogReader {
    pub fn line(&mut self, text: &str) {
        self.summary.lines += 1;
        self.summary.of_a_server = self.summary.of_a_server || line::is_of_a_server(text);
        for fragment in line::fragments(text) {
            self.fragment(fragment, text);
        }
    }

    pub fn finish(mut self) -> LogSummary {
        self.settle_pending();
        self.summary
    }

    fn fragment(&mut self, fragment: Fragment<'_>, whole: &str) {
        if !fragment.continues {
            self.earlier.clear();
            self.settle_pending();
        }
        if !self.message(fragment, whole) && fragment.error && fragment.innodb {
            self.settle_pending();
            self.pending = Some((self.unknown(), fragment.text.to_owned()));
        }
        if fragment.innodb {
            self.earlier.push_back((self.summary.lines, line::beginning(fragment.text, EARLIER).to_owned()));
            if self.earlier.len() >= WINDOW {
                self.earlier.pop_front();
            }
        }
    }

    /// Matches the text alone and as the end of a message that began up to three lines earlier.
    fn message(&mut self, fragment: Fragment<'_>, whole: &str) -> bool {
        if self.earlier.is_empty() {
            let text = Text { all: fragment.text, ends: &[] };
            let Some((wording, found)) = Finder::get().find(text, 0) else { return false };
            self.understood(wording, &found, self.summary.lines, fragment.text, whole);
            return true;
        }
        let (mut all, mut ends, mut starts) = (String::new(), Vec::new(), Vec::new());
        for (number, earlier) in &self.earlier {
            starts.push((all.len(), *number));
            all.push_str(earlier);
            ends.push(all.len());
            all.push(' ');
        }
        let own = all.len();
        starts.push((own, self.summary.lines));
        all.push_str(fragment.text);
        ends.push(all.len());
        let Some((wording, found)) = Finder::get().find(Text { all: &all, ends: &ends }, own) else {
            return false;
        };
        let (from, line) =
            *starts.iter().rfind(|start| start.0 <= found.start).unwrap_or(&(own, self.summary.lines));
        if self.pending.as_ref().is_some_and(|(pending, _)| pending.line >= line) {
            self.pending = None;
        }
        self.understood(wording, &found, line, all.get(from..).unwrap_or(fragment.text), whole);
        true
    }

    fn understood(&mut self, wording: &Wording, found: &Match, line: u64, quoted: &str, whole: &str) {
        match wording.what {
            What::Quiet => {}
            What::Note(note) => self.note(note, found, quoted, whole),
            What::Say(kind) => {
                let finding = self.finding(kind, wording.said_by, found, line, whole);
                self.keep(finding, quoted);
            }
        }
    }

    fn note(&mut self, note: Note, found: &Match, text: &str, whole: &str) {
        let holes = &found.holes;
        match note {
            Note::Starting => {
                self.summary.starts += 1;
                (self.current, self.near, self.dump) = (None, None, PageDump::default());
                let before =
                    text.split(") starting as process ").next().and_then(|text| text.rsplit_once(" ("));
                let version = holes.file.as_deref().or(before.map(|(_, version)| version));
                self.summary.version = version.map(line::printable).or(self.summary.version.take());
            }
            Note::Version => self.summary.version = holes.file.as_deref().map(line::printable),
            Note::Stopped => {}
            Note::Started => self.summary.last_started = Some(self.summary.lines),
            Note::Checkpoint => self.summary.checkpoint_lsn = holes.lsn.map(Lsn),
            Note::End => self.summary.end_lsn = holes.lsn.map(Lsn),
            Note::Copying => {
                if let (Some(thread), Some(file)) = (thread_of(whole), &holes.file) {
                    if self.copying.len() >= MAX_THREADS {
                        self.copying.clear();
                    }
                    self.copying.insert(thread.to_owned(), file.clone());
                }
            }
            Note::Dump => self.dump(text),
        }
    }

    fn finding(
        &mut self,
        kind: LogKind,
        server: &'static str,
        found: &Match,
        line: u64,
        whole: &str,
    ) -> LogFinding {
        let holes = &found.holes;
        let (mut space, page) = self.page_of(kind, holes);
        let mut file = holes.file.as_deref().map(line::printable);
        if space.is_none() && file.is_none() && page.is_some() {
            space = self.dumped_space(page).or_else(|| self.nearby(page).0);
        }
        if kind == LogKind::Corrupt && space.is_none() && file.is_none() {
            let copied = thread_of(whole).and_then(|thread| self.copying.get(thread));
            file = copied.map(|file| line::printable(file));
        }
        if let Some((space, page)) = space.zip(page) {
            self.near = Some((self.summary.lines, space, page));
            self.instead = holes.found_space.zip(holes.found_page).filter(|_| kind == LogKind::Misdirected);
        }
        LogFinding {
            line,
            last_line: self.summary.lines,
            count: 1,
            kind,
            space_id: space.map(SpaceId),
            page_no: page.map(PageNo),
            file,
            quoted: String::new(),
            server,
            evidence: LogEvidence::of(kind, holes),
        }
    }

    /// Tablespace and page of a message, which may name them by the message before.
    fn page_of(&mut self, kind: LogKind, holes: &Holes) -> NamedPage {
        let named = (holes.space, holes.page);
        match kind {
            LogKind::Torn => self.current = Some(named),
            LogKind::Recovered | LogKind::CopyCorrupt | LogKind::DetectOnly if holes.page.is_none() => {
                return self.current.take().unwrap_or_default();
            }
            LogKind::FirstPage => return (holes.space, Some(0)),
            // The number that this message prints is read from the page: where that was another one, it is of what was read.
            LogKind::FutureLsn if self.instead.is_some() && self.instead == holes.space.zip(holes.page) => {
                return self.nearby(None);
            }
            _ => {}
        }
        named
    }

    /// The page named a few lines before, if it is number `page` or none is asked for.
    fn nearby(&self, page: Option<u32>) -> NamedPage {
        match self.near {
            Some((line, space, near))
                if self.summary.lines - line <= NEAR && page.is_none_or(|page| page == near) =>
            {
                (Some(space), Some(near))
            }
            _ => (None, page),
        }
    }

    fn keep(&mut self, finding: LogFinding, text: &str) {
        let name = match finding.kind {
            // Errors that differ in numbers only are one.
            LogKind::UnknownError => Some(shape(&line::printable(text))),
            _ => finding.file.clone(),
        };
        let key = (finding.kind, finding.space_id.map(|s| s.0), finding.page_no.map(|p| p.0), name);
        let findings = &mut self.summary.findings;
        if let Some(known) = self.index.get(&key).and_then(|&at| findings.get_mut(at)) {
            known.count += 1;
            known.last_line = finding.last_line;
            known.evidence = known.evidence.take().or(finding.evidence);
        } else if findings.len() >= MAX_FINDINGS {
            self.summary.not_kept += 1;
        } else {
            self.index.insert(key, findings.len());
            findings.push(LogFinding { quoted: line::printable(text), ..finding });
        }
    }

    /// Without a quotation.
    fn unknown(&self) -> LogFinding {
        LogFinding {
            line: self.summary.lines,
            last_line: self.summary.lines,
            count: 1,
            kind: LogKind::UnknownError,
            space_id: None,
            page_no: None,
            file: None,
            quoted: String::new(),
            server: "",
            evidence: None,
        }
    }

    fn settle_pending(&mut self) {
        if let Some((pending, text)) = self.pending.take() {
            self.keep(pending, &text);
        }
    }

    /// The space id that the page's dump shows, if the dump is of the page in question: old messages give only the
    /// page number, and a damaged header would name a foreign page.
    fn dumped_space(&self, page: Option<u32>) -> Option<u32> {
        let (dumped_page, space) = self.dump.identity()?;
        (page? == dumped_page).then_some(space)
    }

    /// A dump follows the first message about its page and precedes the second.
    fn dump(&mut self, text: &str) {
        self.dump.add(text);
        let Some((page, space)) = self.dump.identity() else { return };
        let evidence = self.dump.evidence();
        let lines = self.summary.lines;
        let last =
            self.summary.findings.last_mut().filter(|last| {
                lines - last.last_line <= NEAR && last.kind.is_damage() && last.page_no.is_some()
            });
        let Some(last) = last else {
            if evidence == Some(LogEvidence::Zeros) {
                let zeroed = LogFinding { kind: LogKind::Zeroed, evidence, ..self.unknown() };
                self.keep(zeroed, text);
            }
            return;
        };
        let named = last.page_no == Some(PageNo(page));
        if named && last.space_id.is_none() && last.file.is_none() {
            last.space_id = Some(SpaceId(space));
            let key = (last.kind, Some(space), Some(page), None);
            self.index.insert(key, self.summary.findings.len() - 1);
        }
        self.shown(evidence, named, space, text);
    }

    /// What a dump shows of the page of the last finding; `named`: it has that page's number in it.
    fn shown(&mut self, evidence: Option<LogEvidence>, named: bool, space: u32, text: &str) {
        let Some(last) = self.summary.findings.last_mut() else { return };
        let Some(LogEvidence::ChecksumHolds { .. }) = evidence else {
            last.evidence = last.evidence.take().or(evidence);
            return;
        };
        if named && last.space_id.is_none_or(|id| id == SpaceId(space)) {
            let (space_id, page_no, file) = (last.space_id, last.page_no, last.file.clone());
            let (kind, holds) = (LogKind::ChecksumHolds, self.unknown());
            self.keep(LogFinding { kind, space_id, page_no, file, evidence, server: "all", ..holds }, text);
        }
    }
}

/// The thread of a backup tool that a line is of: `[01]` of xtrabackup to 2.4 and mariadb-backup, the number before the level
/// from 8.0 on.
fn thread_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(end) = line.strip_prefix('[').and_then(|rest| rest.find(']')) {
        return line.get(1..=end).filter(|thread| thread.bytes().all(|byte| byte.is_ascii_digit()));
    }
    line.split_once(" [").and_then(|(before, _)| before.rsplit(' ').next())
}

/// A message without its numbers.
fn shape(text: &str) -> String {
    let mut out = String::new();
    for ch in text.chars() {
        match ch {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}
