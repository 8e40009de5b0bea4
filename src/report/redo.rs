//! `redo`: the census of the redo log, and the history of one page.

use std::io::{self, Write};

use serde::Serialize;

use crate::commands::redo::{RedoLook, Unread};
use crate::instance::redo::RedoFormat;
use crate::instance::redo::history::{Census, Change, SpaceSummary};
use crate::instance::spaces::{Owner, Spaces};
use crate::report::problem::{self, ProblemReport};
use crate::report::{SCHEMA_VERSION, count, style};
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::problems::ProblemKind;

/// The document of `redo --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RedoDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// `phys` (MariaDB 10.8 and later), `phys-10.5`, `archive` (13.0), else the generation of servers that writes it.
    pub format: String,
    /// Where recovery begins.
    pub checkpoint_lsn: Option<Lsn>,
    /// One past the last readable record.
    pub end_lsn: Option<Lsn>,
    /// The oldest readable record: history reaches back beyond the checkpoint.
    pub oldest_lsn: Option<Lsn>,
    /// How much recovery has to read.
    pub bytes_to_recover: u64,
    /// How many pages it has to look at.
    pub pages_to_recover: Option<u64>,
    /// What is wrong with the log, the worst first.
    pub problems: Vec<ProblemReport>,
    /// What it says of each tablespace.
    pub spaces: Vec<RedoSpace>,
    /// The history of the page that was asked for.
    pub page: Option<RedoPage>,
}

/// One tablespace.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RedoSpace {
    /// Its id.
    pub space_id: SpaceId,
    /// The file that holds it, relative to PATH; null where there is none.
    pub file: Option<String>,
    /// Pages that are changed before the checkpoint, as far as history reaches.
    pub pages_before: u64,
    /// Pages that are changed behind it: recovery looks at them.
    pub pages_after: u64,
    /// Of these, made anew by recovery, whatever lies in the file.
    pub initialised_after: u64,
}

/// One page.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RedoPage {
    /// Its tablespace.
    pub space_id: SpaceId,
    /// Its number.
    pub page_no: PageNo,
    /// One for each mini-transaction, the oldest first.
    pub changes: Vec<RedoChange>,
}

/// What one mini-transaction does to the page.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RedoChange {
    /// Its first byte: it applies to a page that is not newer.
    pub from_lsn: Lsn,
    /// One past its last: the LSN of the page afterwards.
    pub to_lsn: Lsn,
    /// The server's names of its records.
    pub records: Vec<&'static str>,
}

impl RedoDocument {
    /// What was found in a log.
    pub fn of(look: &RedoLook) -> RedoDocument {
        let redo = look.redo();
        let census = look.census.as_ref().ok();
        let spaces = &look.instance.spaces;
        RedoDocument {
            schema_version: SCHEMA_VERSION,
            format: format_name(look),
            checkpoint_lsn: redo.and_then(|redo| redo.checkpoint),
            end_lsn: redo.and_then(|redo| redo.end),
            oldest_lsn: census.map(|census| census.oldest),
            bytes_to_recover: look.bytes_to_recover(),
            pages_to_recover: census.map(Census::pages_to_recover),
            problems: problems(look),
            spaces: census.map_or_else(Vec::new, |census| spaces_of(census, spaces)),
            page: look.page.as_ref().map(|((space_id, page_no), changes)| RedoPage {
                space_id: *space_id,
                page_no: *page_no,
                changes: changes.iter().map(RedoChange::of).collect(),
            }),
        }
    }

    /// Writes it for a person.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        writeln!(out, "{}", style::paint(style::HEAD, &self.headline()))?;
        if let (Some(oldest), Some(checkpoint)) = (self.oldest_lsn, self.checkpoint_lsn) {
            let before = checkpoint.0.saturating_sub(oldest.0);
            writeln!(out, "history from LSN {oldest} on, {before} bytes of it before the checkpoint")?;
        }
        match &self.page {
            Some(page) => page.write_text(out)?,
            None => self.write_spaces(out, verbose)?,
        }
        problem::write_list(out, &self.problems, true)
    }

    fn headline(&self) -> String {
        let window = match (self.checkpoint_lsn, self.end_lsn) {
            (Some(checkpoint), Some(end)) => format!("checkpoint LSN {checkpoint}, end LSN {end}"),
            (Some(checkpoint), None) => format!("checkpoint LSN {checkpoint}, end not known"),
            _ => "window not known".to_owned(),
        };
        let work = match (self.bytes_to_recover, self.pages_to_recover) {
            (0, _) => "nothing to recover".to_owned(),
            (bytes, Some(pages)) => {
                format!(
                    "{bytes} bytes to recover, {}",
                    count(usize::try_from(pages).unwrap_or(usize::MAX), "page")
                )
            }
            (bytes, None) => format!("{bytes} bytes to recover"),
        };
        format!("redo log ({}): {window}; {work}", self.format)
    }

    fn write_spaces(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let listed: Vec<&RedoSpace> = self
            .spaces
            .iter()
            .filter(|space| verbose || space.pages_after > 0 || self.spaces.len() <= 20)
            .collect();
        if !listed.is_empty() {
            let header = ["SPACE", "FILE", "CHANGED BEFORE", "AFTER", "MADE ANEW"];
            let mut table = style::table(&header, &[0, 2, 3, 4]);
            for space in &listed {
                table.add_row([
                    space.space_id.to_string(),
                    space.file.clone().unwrap_or_else(|| "(no file)".to_owned()),
                    space.pages_before.to_string(),
                    space.pages_after.to_string(),
                    space.initialised_after.to_string(),
                ]);
            }
            write!(
                out,
                "\npages that redo names, before and after the checkpoint\n{}",
                style::indented(&table)
            )?;
        }
        let hidden = self.spaces.len() - listed.len();
        if hidden > 0 {
            writeln!(
                out,
                "and {} without changes after the checkpoint (-v lists them)",
                count(hidden, "tablespace")
            )?;
        }
        Ok(())
    }
}

impl RedoPage {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let what = count(self.changes.len(), "mini-transaction");
        writeln!(out, "\npage {}:{}: {what} in what is left of the log", self.space_id, self.page_no)?;
        if self.changes.is_empty() {
            return Ok(());
        }
        let mut table = style::table(&["FROM LSN", "TO LSN", "RECORDS"], &[0, 1]);
        for change in &self.changes {
            table.add_row([change.from_lsn.to_string(), change.to_lsn.to_string(), folded(&change.records)]);
        }
        write!(out, "{}", style::indented(&table))
    }
}

/// `WRITE x5, MEMSET`.
fn folded(records: &[&'static str]) -> String {
    let runs = records.chunk_by(|one, other| one == other);
    let named = runs.filter_map(|run| Some((run.first()?, run.len())));
    let texts =
        named.map(|(name, times)| if times > 1 { format!("{name} x{times}") } else { (*name).to_owned() });
    texts.collect::<Vec<_>>().join(", ")
}

impl RedoChange {
    fn of(change: &Change) -> RedoChange {
        RedoChange { from_lsn: change.from, to_lsn: change.to, records: change.names() }
    }
}

fn format_name(look: &RedoLook) -> String {
    match look.redo().map(|redo| redo.format) {
        Some(RedoFormat::MariaDb108 | RedoFormat::MariaDbEncrypted) => "phys".to_owned(),
        Some(RedoFormat::MariaDb105) => "phys-10.5".to_owned(),
        Some(RedoFormat::MariaDbArchive) => "archive".to_owned(),
        _ => look.instance.generation.to_string(),
    }
}

fn spaces_of(census: &Census, spaces: &Spaces) -> Vec<RedoSpace> {
    let named = census.spaces.iter().filter(|(_, summary)| !summary.pages.is_empty());
    named.map(|(&id, summary)| RedoSpace::of(id, summary, spaces)).collect()
}

impl RedoSpace {
    fn of(space_id: SpaceId, summary: &SpaceSummary, spaces: &Spaces) -> RedoSpace {
        let pages = || summary.pages.values();
        let file = match spaces.owner(space_id) {
            Owner::One(space) => space.files.first().map(|file| file.name.display().to_string()),
            Owner::Several(_) | Owner::Nobody => None,
        };
        RedoSpace {
            space_id,
            file,
            pages_before: pages().filter(|page| page.changes_before > 0).count() as u64,
            pages_after: pages().filter(|page| page.changes_after > 0).count() as u64,
            initialised_after: pages().filter(|page| page.initialised_after).count() as u64,
        }
    }
}

/// What `verify` says of the log, and what a reader of its records has to know.
fn problems(look: &RedoLook) -> Vec<ProblemReport> {
    let mut found = ProblemReport::all(&look.problems);
    if let Some(redo) = look.redo().filter(|redo| redo.checkpoint.is_some()) {
        let told = |note: &str| found.iter().any(|problem| problem.reason == note);
        let notes: Vec<String> =
            redo.notes.iter().map(ToString::to_string).filter(|note| !told(note)).collect();
        found.extend(notes.into_iter().map(|note| ProblemReport::note(ProblemKind::RedoDamaged, note)));
        let unread = look.census.as_ref().err().map(|why| unread(*why));
        found.extend(unread.map(|why| ProblemReport::note(ProblemKind::NotJudged, why)));
    }
    if look.hidden {
        let why = "the log is encrypted: which pages it changes is readable, what it does to them is not";
        found.push(ProblemReport::note(ProblemKind::NotJudged, why));
    }
    found
}

fn unread(why: Unread) -> &'static str {
    match why {
        Unread::NeedsDefinitions => {
            "the records of this log cannot be read for pages: they need the definitions of the indexes; MariaDB 10.5 and \
             later writes records that do not"
        }
        Unread::Encrypted => "the log is encrypted as a whole: its records are not read",
        Unread::Cut => "only the window of this log is known: its records are not at hand",
    }
}
