//! `restore` and `revert`: plans, outcomes, and what remains.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::report::names::SurveyNames;
use crate::report::{SCHEMA_VERSION, count, fold_empty, style};
use crate::restore::{Outcome, Pass, Plan, PlannedPage};
use crate::survey::{Finding, Survey};
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;

/// Said in every output while a page can be restored.
pub const GUARD: &str = "Do not start the server before this is settled: its start overwrites the copies. Do not rewrite \
                         checksums: that makes a torn page look sound and loses it for good.";

/// The document of `restore --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RestoreReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether anything was written.
    pub applied: bool,
    /// The journal, when anything was written.
    pub journal: Option<String>,
    /// The pages of the plan.
    pub pages: Vec<RestoredPage>,
    /// Critical damage that the plan does not mend.
    pub remaining: Vec<RemainingPage>,
}

/// One page of a plan.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RestoredPage {
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// The file, relative to PATH.
    pub file: String,
    /// Offset in bytes.
    pub offset: ByteOffset,
    /// Physical page size in bytes.
    pub length: usize,
    /// Table, `db/table`, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Index name, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The copy that is written.
    pub copy: CopyRefReport,
    /// What lies there before.
    pub before: BeforeReport,
    /// What shall lie there after.
    pub after: AfterReport,
    /// What became of it.
    pub outcome: OutcomeReport,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which copy.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CopyRefReport {
    /// The file, relative to PATH.
    pub file: String,
    /// Index of the slot.
    pub index: u64,
    /// LSN of the copy.
    pub lsn: Lsn,
}

/// A page before the pass.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct BeforeReport {
    /// State of the home.
    pub state: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// A page after the pass.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct AfterReport {
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeReport {
    /// Nothing was written yet.
    Planned,
    /// Written, on disk and read back equal.
    Verified,
    /// The write failed or did not arrive.
    Failed,
}

impl OutcomeReport {
    /// An outcome, and the reason where it failed.
    pub fn of(outcome: &Outcome) -> (OutcomeReport, Option<String>) {
        match outcome {
            Outcome::Planned => (OutcomeReport::Planned, None),
            Outcome::Verified => (OutcomeReport::Verified, None),
            Outcome::Failed(why) => (OutcomeReport::Failed, Some(why.clone())),
        }
    }
}

/// Damage that the plan does not mend.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RemainingPage {
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// The file, relative to PATH.
    pub file: String,
    /// Offset in bytes.
    pub offset: ByteOffset,
    /// Table, `db/table`, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Index name, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence for a person.
    pub reason: String,
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl RestoredPage {
    fn of(page: &PlannedPage, outcome: &Outcome, names: &mut SurveyNames<'_>) -> RestoredPage {
        let name = names.of_page(page.space_id, page.page_no);
        let (outcome, reason) = OutcomeReport::of(outcome);
        RestoredPage {
            space_id: page.space_id,
            page_no: page.page_no,
            file: page.file.display().to_string(),
            offset: page.offset,
            length: page.length,
            table: name.table,
            index: name.index,
            copy: CopyRefReport {
                file: page.copy.file.display().to_string(),
                index: page.copy.index,
                lsn: page.copy.lsn,
            },
            before: BeforeReport { state: page.before_state.clone(), sha256: sha256(&page.old) },
            after: AfterReport { sha256: sha256(&page.new) },
            outcome,
            reason,
        }
    }
}

impl RestoreReport {
    /// The report on a plan that was not applied.
    pub fn planned(survey: &Survey, plan: &Plan) -> RestoreReport {
        let names = &mut SurveyNames::new(survey);
        RestoreReport {
            schema_version: SCHEMA_VERSION,
            applied: false,
            journal: None,
            pages: plan.pages.iter().map(|page| RestoredPage::of(page, &Outcome::Planned, names)).collect(),
            remaining: remaining(survey, plan.pages.iter()),
        }
    }

    /// The report on everything that an applying call did; what an earlier run had left unfinished comes first.
    pub fn applied(survey: &Survey, pass: &Pass) -> RestoreReport {
        let names = &mut SurveyNames::new(survey);
        let pages = || pass.applied.iter().flat_map(|applied| &applied.pages);
        RestoreReport {
            schema_version: SCHEMA_VERSION,
            applied: true,
            journal: pass.applied.last().map(|applied| applied.journal.display().to_string()),
            pages: pages().map(|(page, outcome)| RestoredPage::of(page, outcome, names)).collect(),
            remaining: remaining(survey, pages().map(|(page, _)| page)),
        }
    }

    /// The report on mended copies elsewhere: the files themselves were not written.
    pub fn copied(survey: &Survey, plan: &Plan) -> RestoreReport {
        let names = &mut SurveyNames::new(survey);
        RestoreReport {
            pages: plan.pages.iter().map(|page| RestoredPage::of(page, &Outcome::Verified, names)).collect(),
            ..RestoreReport::planned(survey, plan)
        }
    }

    /// Pages whose write failed.
    pub fn failed(&self) -> usize {
        self.pages.iter().filter(|page| page.outcome == OutcomeReport::Failed).count()
    }

    /// Writes it for a person; `verbose` lists every page.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, path: &Path, verbose: bool) -> io::Result<()> {
        writeln!(out, "{}", self.headline())?;
        if !self.pages.is_empty() {
            let header = ["FILE", "OFFSET", "BYTES", "SPACE:PAGE", "HOME IS", "COPY", "OUTCOME"];
            let mut table = style::table(&header, &[1, 2]);
            let mut listed: Vec<&RestoredPage> = self.pages.iter().collect();
            let unharmed =
                |page: &RestoredPage| page.before.state == "zero" && page.outcome != OutcomeReport::Failed;
            let empty = fold_empty(&mut listed, verbose, unharmed, |page| style::printable(&page.file));
            for page in &listed {
                table.add_row([
                    style::printable(&page.file),
                    page.offset.to_string(),
                    page.length.to_string(),
                    format!("{}:{}", page.space_id, page.page_no),
                    page.before.state.clone(),
                    format!(
                        "{} slot {}, LSN {}",
                        style::printable(&page.copy.file),
                        page.copy.index,
                        page.copy.lsn
                    ),
                    format!("{:?}", page.outcome).to_lowercase(),
                ]);
            }
            writeln!(out)?;
            if !listed.is_empty() {
                write!(out, "{}", style::indented(&table))?;
            }
            if let Some(empty) = empty {
                writeln!(out, "  {empty}")?;
            }
        }
        for page in self.pages.iter().filter(|page| page.reason.is_some()) {
            let why = page.reason.as_deref().unwrap_or_default();
            writeln!(out, "  {}:{} failed: {}", page.space_id, page.page_no, style::printable(why))?;
        }
        self.write_remaining(out)?;
        self.write_next(out, path)
    }

    fn headline(&self) -> String {
        let pages = count(self.pages.len(), "page");
        match (self.applied, self.pages.len(), self.failed()) {
            (_, 0, _) if self.remaining.is_empty() => {
                style::paint(style::GOOD, "OK: nothing to restore, nothing was written")
            }
            (_, 0, _) => style::paint(style::BAD, "CRITICAL: damage, and nothing that can be restored"),
            (false, ..) => {
                style::paint(style::WARN, &format!("PLAN: {pages} would be restored; nothing was written"))
            }
            (true, _, 0) => {
                style::paint(style::GOOD, &format!("RESTORED: {pages} written, read back and verified"))
            }
            (true, _, failed) => {
                style::paint(style::BAD, &format!("FAILED: {} of {pages} could not be restored", failed))
            }
        }
    }

    fn write_remaining(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.remaining.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", style::paint(style::BAD, "What the doublewrite buffer cannot mend:"))?;
        for page in &self.remaining {
            let (file, reason) = (style::printable(&page.file), style::printable(&page.reason));
            writeln!(
                out,
                "  {file} offset {} ({}:{}) {}: {reason}",
                page.offset,
                page.space_id,
                page.page_no,
                page.verdict.name()
            )?;
        }
        Ok(())
    }

    fn write_next(&self, out: &mut dyn Write, path: &Path) -> io::Result<()> {
        let path = path.display();
        match (&self.journal, self.applied) {
            (Some(journal), _) => {
                writeln!(out, "\njournal: {journal}")?;
                writeln!(out, "to take it back: dblwr revert {journal} --apply")
            }
            (None, false) if !self.pages.is_empty() => {
                writeln!(out, "\n{}", style::paint(style::WARN, GUARD))?;
                writeln!(out, "next: dblwr restore {path} --apply")
            }
            _ => Ok(()),
        }
    }
}

/// One entry for each page with critical damage that the plan leaves.
fn remaining<'a>(survey: &Survey, written: impl Iterator<Item = &'a PlannedPage>) -> Vec<RemainingPage> {
    let written: BTreeSet<_> = written.map(|page| (page.space_id, page.page_no)).collect();
    let mended = |finding: &Finding| written.contains(&(finding.space_id(), finding.page_no()));
    let (mut seen, mut names) = (BTreeSet::new(), SurveyNames::new(survey));
    let critical = survey.findings.iter().filter(|f| f.judgement.verdict.is_critical() && !mended(f));
    critical
        .filter(|finding| seen.insert((finding.space_id(), finding.page_no())))
        .filter_map(|finding| {
            let home = survey.home_of(finding)?;
            let name = names.of(finding);
            Some(RemainingPage {
                space_id: finding.space_id(),
                page_no: finding.page_no(),
                file: home.file.as_ref()?.display().to_string(),
                offset: home.offset?,
                table: name.table,
                index: name.index,
                verdict: finding.judgement.verdict,
                reason: finding.judgement.reason.clone(),
            })
        })
        .collect()
}
