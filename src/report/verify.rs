//! `verify`: every copy against its home.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::instance::generation::Generation;
use crate::report::RedoReport;
use crate::report::SCHEMA_VERSION;
use crate::report::ShutdownReport;
use crate::report::advice::{write_next, write_prediction};
use crate::report::command_line;
use crate::report::guard::{guard_beside, write_running};
use crate::report::instance_line;
use crate::report::problem::{self, ProblemReport};
use crate::report::style;
use crate::report::{PageTally, fold_empty, in_row_order};
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::copy::CopyState;
use crate::verdict::home::{Home, HomeState};
use crate::verdict::naming::PageName;
use crate::verdict::naming::SurveyNames;
use crate::verdict::predict::Prediction;
use crate::verdict::problems::{self, Severity};
use crate::verdict::survey::{Finding, Subject, Survey};

/// The document of `verify --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct VerifyReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// `innodb_page_size` in bytes.
    pub page_size: u32,
    /// The server that last ran these files, with its version, where page 0 or the redo log carry it.
    pub server: Option<String>,
    /// Its generation.
    pub generation: Generation,
    /// How a server shows that runs on these files now: the process that has a file locked, or names itself; `null` where none is seen.
    pub running: Option<String>,
    /// How it ended.
    pub shutdown: ShutdownReport,
    /// The redo window.
    pub redo: RedoReport,
    /// One entry for every used slot.
    pub pages: Vec<PageReport>,
    /// How many slots carry each verdict.
    pub summary: BTreeMap<&'static str, usize>,
    /// What is wrong besides single pages, the worst first.
    pub problems: Vec<ProblemReport>,
    /// What this generation of server will do at its next start.
    pub prediction: Prediction,
    /// Plain sentences on what is unusual.
    pub notes: Vec<String>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

/// One used slot.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct PageReport {
    /// Which slot.
    pub slot: SlotReport,
    /// Space id; ciphertext where the copy hides it.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// The copy.
    pub copy: CopyReport,
    /// Its home.
    pub home: HomeReport,
    /// Table, `db/table`, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// What redo says of it; null where it names the page nowhere, or its records cannot be read for pages.
    pub redo: Option<PageRedo>,
    /// Index name, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence for a person.
    pub reason: String,
}

/// What redo says of a page.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct PageRedo {
    /// Recovery makes it anew, whatever lies in its file.
    pub initialised_after_checkpoint: bool,
    /// Mini-transactions up to the checkpoint that change it, as far as history reaches.
    pub changes_before: u64,
    /// Those behind it.
    pub changes_after: u64,
}

impl PageRedo {
    fn of(survey: &Survey, finding: &Finding) -> Option<PageRedo> {
        let said = survey.instance.census()?.of_page((finding.space_id(), finding.page_no()))?;
        Some(PageRedo {
            initialised_after_checkpoint: said.initialised_after,
            changes_before: said.changes_before,
            changes_after: said.changes_after,
        })
    }
}

/// Which slot.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SlotReport {
    /// The file, relative to PATH.
    pub file: String,
    /// Index of the slot, or of the entry in a reduced file.
    pub index: u32,
}

/// The copy in a slot.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CopyReport {
    /// What it is worth.
    pub state: CopyState,
    /// Its LSN.
    pub lsn: Lsn,
    /// The checksum that holds.
    pub algorithm: Option<&'static str>,
    /// Its page type; `null` for a reduced entry.
    pub page_type: Option<u16>,
}

/// Where a copy belongs.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct HomeReport {
    /// The file, relative to PATH.
    pub file: Option<String>,
    /// Offset in bytes.
    pub offset: Option<ByteOffset>,
    /// Physical page size in bytes.
    pub length: Option<usize>,
    /// What lies there.
    pub state: HomeState,
    /// LSN in the head of what lies there.
    pub lsn: Option<Lsn>,
    /// One letter for each 512 bytes of a damaged home: `B` that of this copy, `A` that of another copy of the page, `=`
    /// both alike, `.` neither; `null` for other homes, and where the copy has no contents that can be compared.
    pub sectors: Option<String>,
}

impl HomeReport {
    fn of(home: Option<&Home>, sectors: Option<&String>) -> HomeReport {
        HomeReport {
            file: home.and_then(|home| home.file.as_ref()).map(|file| file.display().to_string()),
            offset: home.and_then(|home| home.offset),
            length: home.filter(|home| home.file.is_some()).map(|home| home.length),
            state: home.map_or(HomeState::Unverifiable, |home| home.state),
            lsn: home.and_then(|home| home.lsn),
            sectors: sectors.cloned(),
        }
    }
}

impl PageReport {
    fn of(survey: &Survey, finding: &Finding, names: &mut SurveyNames<'_>) -> PageReport {
        let verdict = finding.judgement.verdict;
        let name = if verdict.needs_attention() { names.of(finding) } else { PageName::default() };
        let (slot, copy) = match &finding.subject {
            Subject::Copy(copy) => (
                SlotReport { file: copy.slot.file.display().to_string(), index: copy.slot.index },
                CopyReport {
                    state: copy.state(),
                    lsn: copy.lsn(),
                    algorithm: copy.judged.algorithm.map(|algorithm| algorithm.name()),
                    page_type: Some(copy.header.page_type),
                },
            ),
            Subject::Reduced(file, entry) => (
                SlotReport { file: file.display().to_string(), index: entry.index },
                CopyReport {
                    state: CopyState::Unverifiable,
                    lsn: entry.lsn,
                    algorithm: None,
                    page_type: None,
                },
            ),
        };
        PageReport {
            slot,
            space_id: finding.space_id(),
            page_no: finding.page_no(),
            copy,
            home: HomeReport::of(survey.home_of(finding), finding.sectors.as_ref()),
            redo: PageRedo::of(survey, finding),
            table: name.table,
            index: name.index,
            verdict,
            reason: finding.judgement.reason.to_string(),
        }
    }

    fn needs_attention(&self) -> bool {
        self.verdict.needs_attention()
    }
}

impl VerifyReport {
    /// The report on a survey.
    pub fn of(survey: &Survey) -> VerifyReport {
        let instance = &survey.instance;
        let (mut summary, mut names) = (BTreeMap::new(), SurveyNames::new(survey));
        for finding in &survey.findings {
            *summary.entry(finding.judgement.verdict.name()).or_insert(0) += 1;
        }
        let restorable = summary.contains_key(Verdict::Restorable.name());
        let (found, prediction) = problems::foretell(survey);
        let guard = guard_beside(&prediction.advice, restorable);
        let area_notes = instance.areas.iter().filter(|area| area.live).flat_map(|area| area.notes.iter());
        VerifyReport {
            schema_version: SCHEMA_VERSION,
            page_size: instance.page_size.as_u32(),
            server: instance.server.clone(),
            generation: instance.generation,
            running: instance.running.clone(),
            shutdown: instance.shutdown.into(),
            redo: RedoReport::of(instance),
            pages: survey.findings.iter().map(|f| PageReport::of(survey, f, &mut names)).collect(),
            summary,
            problems: ProblemReport::all(&found),
            prediction,
            notes: instance.notes.iter().chain(area_notes).map(ToString::to_string).collect(),
            guard,
        }
    }

    /// The pages that the buffer cannot mend.
    pub fn critical(&self) -> PageTally {
        self.tally(Verdict::is_critical)
    }

    /// The pages that can be put back.
    pub fn restorable(&self) -> PageTally {
        self.tally(|verdict| verdict == Verdict::Restorable)
    }

    fn tally(&self, counts: impl Fn(Verdict) -> bool) -> PageTally {
        let counted = self.pages.iter().filter(|page| counts(page.verdict));
        PageTally::of(counted.map(|page| ((page.space_id, page.page_no), page.home.state == HomeState::Zero)))
    }

    /// Writes it for a person: the verdict, what is damaged, what to do. `verbose` lists every slot.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, path: &str, verbose: bool) -> io::Result<()> {
        write_running(out, self.running.as_deref())?;
        writeln!(out, "{}", self.headline(path))?;
        writeln!(
            out,
            "{}",
            instance_line(self.server.as_deref(), self.generation, self.page_size, self.shutdown, &self.redo)
        )?;
        problem::write_list(out, &self.problems, verbose)?;
        self.write_pages(out, verbose)?;
        self.write_counts(out)?;
        for note in &self.notes {
            writeln!(out, "note: {}", style::printable(note))?;
        }
        write_prediction(out, &self.prediction)?;
        write_next(out, &self.prediction.advice, self.restorable().pages(), path)
    }

    fn headline(&self, path: &str) -> String {
        let (restorable, critical) = (self.restorable(), self.critical());
        let can = format!("{restorable} with a good copy in the doublewrite buffer");
        let cannot = format!("{critical} that the doublewrite buffer cannot mend");
        let (restorable, critical) = (restorable.pages(), critical.pages());
        let mut parts = Vec::new();
        parts.extend((critical > 0).then_some(cannot));
        parts.extend((restorable > 0).then_some(can));
        parts.extend(problem::phrase(&self.problems));
        let text = parts.join("; ");
        let has = |severity| problem::number_of(&self.problems, severity) > 0;
        match () {
            () if critical > 0 || has(Severity::Critical) => {
                style::paint(style::BAD, &format!("CRITICAL: {text}"))
            }
            () if restorable > 0 => style::paint(style::WARN, &format!("RESTORABLE: {text}")),
            () if has(Severity::Warning) => style::paint(style::WARN, &format!("ATTENTION: {text}")),
            () if has(Severity::Unknown) => style::paint(style::WARN, &format!("UNKNOWN: {text}")),
            () => style::paint(
                style::GOOD,
                &format!(
                    "OK: nothing to mend from the doublewrite buffer; pages without a copy were not read: {}",
                    command_line::on("scan", path)
                ),
            ),
        }
    }

    fn write_pages(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let mut listed: Vec<&PageReport> =
            self.pages.iter().filter(|page| verbose || page.needs_attention()).collect();
        if listed.is_empty() {
            return Ok(());
        }
        in_row_order(&mut listed, |page| (page.home.file.as_deref().unwrap_or_default(), page.home.offset));
        // What matters stands first in a long list.
        listed.sort_by_key(|page| !page.needs_attention());
        let file = |page: &PageReport| style::printable(page.home.file.as_deref().unwrap_or("-"));
        let empty = fold_empty(&mut listed, verbose, |page| page.home.state == HomeState::Zero, file);
        let header = ["VERDICT", "FILE", "OFFSET", "PAGE", "HOME IS", "COPY", "TABLE", "INDEX"];
        let mut table = style::table(&header, &[2]);
        for page in &listed {
            let offset = page.home.offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
            table.add_row([
                page.verdict.name().to_owned(),
                style::printable(page.home.file.as_deref().unwrap_or("-")),
                offset,
                format!("{}:{}", page.space_id, page.page_no),
                page.home.state.name().to_owned(),
                format!(
                    "{} slot {}, LSN {}",
                    style::printable(&page.slot.file),
                    page.slot.index,
                    page.copy.lsn
                ),
                style::printable(page.table.as_deref().unwrap_or("-")),
                style::printable(page.index.as_deref().unwrap_or("-")),
            ]);
            // Zero pages come by the dozen and for one reason: reasons are given for the others.
            if page.needs_attention() && page.home.state != HomeState::Zero {
                let reason = format!("{}{}", style::printable(&page.reason), sectors(page));
                table.explain(&format!("{}:{}", page.space_id, page.page_no), &reason);
            }
        }
        writeln!(out)?;
        if !listed.is_empty() {
            write!(out, "{}", style::indented(&table))?;
        }
        if let Some(empty) = empty {
            writeln!(out, "  {empty}")?;
        }
        Ok(())
    }

    fn write_counts(&self, out: &mut dyn Write) -> io::Result<()> {
        let counts: Vec<String> =
            self.summary.iter().map(|(verdict, number)| format!("{number} {verdict}")).collect();
        let counts = if counts.is_empty() { "no slot is in use".to_owned() } else { counts.join(", ") };
        writeln!(out, "\nslots: {counts}")
    }
}

/// A tear, as it can be seen: whose each sector is.
fn sectors(page: &PageReport) -> String {
    const FOLD: usize = 64;
    let Some(sectors) = page.home.sectors.as_deref().filter(|map| map.contains(['A', 'B', '='])) else {
        return String::new();
    };
    let said = [('B', "B this copy"), ('A', "A another copy"), ('=', "= both"), ('.', ". neither")];
    let said: Vec<&str> =
        said.into_iter().filter(|(letter, _)| sectors.contains(*letter)).map(|(_, name)| name).collect();
    let mut text = format!("\nits sectors of 512 bytes: {}", said.join(", "));
    let letters: Vec<char> = sectors.chars().collect();
    for line in letters.chunks(FOLD) {
        text.push('\n');
        text.extend(line);
    }
    text
}
