//! `revert`: what a journal would put back, or did.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::commands::restore::journal::Mark;
use crate::commands::restore::revert::{MovedOn, Reverting};
use crate::commands::restore::{Applied, PageOutcome, Pass, PlannedPage};
use crate::disk::calls::ReadBack;
use crate::report::SCHEMA_VERSION;
use crate::report::command_line;
use crate::report::restore::{OutcomeReport, ReadBackReport, verified};
use crate::report::style;
use crate::units::count;
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};

const UNFINISHED: &str = "the journal has no mark at its end: the pass that wrote it was stopped before it had verified all \
                          its pages; some may never have been written, some may be torn; revert takes back what was \
                          written, running the restore again with this journal finishes it";

/// The document of `revert --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RevertReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether it was asked to write.
    pub applied: bool,
    /// The journal that is taken back.
    pub reverts: String,
    /// The journal of this revert, when anything was written: it can be reverted itself.
    pub journal: Option<String>,
    /// Whether the journal has its mark: the pass that wrote it came to its end. Without it some of its pages may never
    /// have been written.
    pub journal_complete: bool,
    /// The pages that are put back.
    pub pages: Vec<RevertedPage>,
    /// Pages that hold the bytes from before the restore already.
    pub already: usize,
    /// Pages that no longer hold what was written, or that a server has been at since. As long as there are any, nothing
    /// is written, unless pages are picked with `--page`.
    pub moved_on: Vec<RevertedPage>,
}

/// One page of a journal.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RevertedPage {
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// The file as in the journal.
    pub file: String,
    /// Offset in bytes.
    pub offset: ByteOffset,
    /// Physical page size in bytes.
    pub length: usize,
    /// SHA-256 of the bytes that are put back.
    pub sha256: String,
    /// What became of it.
    pub outcome: OutcomeReport,
    /// How it was read back; `null` where it was not, as before anything is written.
    pub read_back: Option<ReadBackReport>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a page that has moved on: the LSN that the restore wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_then: Option<Lsn>,
    /// Of a page that has moved on: the LSN that is there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_now: Option<Lsn>,
}

impl RevertedPage {
    fn of(page: &PlannedPage, outcome: &PageOutcome, read_back: Option<ReadBack>) -> RevertedPage {
        let (outcome, reason) = OutcomeReport::of(outcome);
        RevertedPage {
            space_id: page.space_id,
            page_no: page.page_no,
            file: page.file.display().to_string(),
            offset: page.offset,
            length: page.length,
            sha256: page.new.sum.to_string(),
            outcome,
            read_back: read_back.map(ReadBackReport::from),
            reason,
            lsn_then: None,
            lsn_now: None,
        }
    }
}

impl RevertReport {
    /// The report on a journal that was not taken back.
    pub fn planned(journal: &Path, reverting: &Reverting) -> RevertReport {
        let left = |moved: &MovedOn| RevertedPage {
            lsn_then: Some(moved.lsn_then),
            lsn_now: moved.lsn_now,
            ..RevertedPage::of(&moved.page, &PageOutcome::Failed(moved.why.clone()), None)
        };
        let unless_refused = |_: &&PlannedPage| !reverting.is_refused();
        RevertReport {
            schema_version: SCHEMA_VERSION,
            applied: false,
            reverts: journal.display().to_string(),
            journal: None,
            journal_complete: reverting.mark != Mark::Unfinished,
            pages: reverting
                .plan
                .pages
                .iter()
                .filter(unless_refused)
                .map(|page| RevertedPage::of(page, &PageOutcome::Planned, None))
                .collect(),
            already: reverting.already.len(),
            moved_on: reverting.moved_on.iter().map(left).collect(),
        }
    }

    /// The report on a journal that was taken back.
    pub fn applied(journal: &Path, pass: &Pass, reverting: &Reverting) -> RevertReport {
        let pages = pass.applied.iter().flat_map(Applied::told);
        RevertReport {
            applied: true,
            journal: pass.applied.last().map(|applied| applied.journal.display().to_string()),
            pages: pages.map(|(page, outcome, way)| RevertedPage::of(page, outcome, way)).collect(),
            ..RevertReport::planned(journal, reverting)
        }
    }

    /// Writes it for a person.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.headline())?;
        if !self.journal_complete {
            writeln!(out, "{}", style::paint(style::WARN, UNFINISHED))?;
        }
        if !self.pages.is_empty() {
            let mut table = style::table(&["FILE", "OFFSET", "BYTES", "PAGE", "OUTCOME"], &[1, 2]);
            for page in &self.pages {
                table.add_row([
                    style::printable(&page.file),
                    page.offset.to_string(),
                    page.length.to_string(),
                    format!("{}:{}", page.space_id, page.page_no),
                    page.outcome.name().to_owned(),
                ]);
            }
            write!(out, "\n{}", style::indented(&table))?;
        }
        for page in &self.moved_on {
            let (file, offset) = (style::printable(&page.file), page.offset);
            let lsn = |lsn: Option<Lsn>| lsn.map_or("none".to_owned(), |lsn| lsn.to_string());
            writeln!(
                out,
                "  {file} offset {offset} ({}:{}): LSN {} then, {} now: {}",
                page.space_id,
                page.page_no,
                lsn(page.lsn_then),
                lsn(page.lsn_now),
                style::printable(page.reason.as_deref().unwrap_or_default())
            )?;
        }
        if !self.moved_on.is_empty() {
            writeln!(
                out,
                "  to take back other pages all the same, pick them one by one with --page SPACE:PAGE"
            )?;
        }
        match (&self.journal, self.applied || self.pages.is_empty()) {
            (Some(journal), _) => writeln!(out, "\njournal: {journal}"),
            (None, true) => Ok(()),
            (None, false) => {
                writeln!(out, "\nnext: {} --apply", command_line::again("revert", &self.reverts))
            }
        }
    }

    fn headline(&self) -> String {
        let pages = count(self.pages.len(), "page");
        let failed = self.pages.iter().filter(|page| page.outcome == OutcomeReport::Failed).count();
        match (self.applied, self.pages.len(), failed, self.moved_on.len()) {
            (_, _, 1.., _) => {
                style::paint(style::BAD, &format!("FAILED: {failed} of {pages} could not be put back"))
            }
            (_, _, _, left @ 1..) => style::paint(
                style::BAD,
                &format!(
                    "REFUSED: {} moved on since the restore; nothing was written",
                    if left == 1 { "1 page has".to_owned() } else { format!("{left} pages have") }
                ),
            ),
            (_, 0, _, 0) => {
                style::paint(style::GOOD, "OK: every page holds the bytes from before the restore")
            }
            (false, ..) => {
                style::paint(style::WARN, &format!("PLAN: {pages} would be put back; nothing was written"))
            }
            (true, ..) => {
                let verified = verified(self.pages.iter().map(|page| page.read_back));
                style::paint(style::GOOD, &format!("REVERTED: {pages} put back, {verified}"))
            }
        }
    }
}
