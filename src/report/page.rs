//! `page`: one page of a tablespace file, decoded.

use std::io::{self, Write};

use serde::Serialize;

use crate::commands::page::Lookup;
use crate::page::diagnose::Class;
use crate::report::SCHEMA_VERSION;
use crate::report::advice::write_prediction;
use crate::report::decoded::DecodedPage;
use crate::report::guard::{guard, guard_beside, write_guard, write_running};
use crate::report::restore::restoring;
use crate::report::style;
use crate::report::verify::SlotReport;
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;
use crate::verdict::predict::Prediction;
use crate::verdict::problems;
use crate::verdict::survey::{Finding, Subject, Survey};

/// The document of `page --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct PageDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file that the page lies in.
    pub file: String,
    /// Where in the file, in bytes.
    pub offset: ByteOffset,
    /// Bytes that a page takes in this file.
    pub page_size: u32,
    /// Id of the tablespace, where anything tells it.
    pub space_id: Option<SpaceId>,
    /// Number of the page in its tablespace, by its place.
    pub page_no: PageNo,
    /// The table that it belongs to, where the dictionary or the name of the file tells it.
    pub table: Option<String>,
    /// The index that it belongs to, where the dictionary tells it.
    pub index: Option<String>,
    /// The id of that index, also where no dictionary names it.
    pub index_id: Option<u64>,
    /// What lies there, held against the place.
    pub state: HomeState,
    /// The kind of damage, as scan names it; of a page that is torn or corrupt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Why, where it is neither valid nor zero.
    pub reason: String,
    /// What its bytes say.
    pub page: Option<DecodedPage>,
    /// Copies of it in the doublewrite buffer; looked for where the page is damaged or zero.
    pub copies: Vec<PageCopy>,
    /// The command that would put it back.
    pub restore_command: Option<String>,
    /// Plain sentences on what is unusual.
    pub notes: Vec<String>,
    /// What the server will do at its next start, where the page is damaged and lies in a data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
    /// How a server shows that runs on these files now: the process that has a file locked, or names itself; `null` where none is seen.
    pub running: Option<String>,
    /// What must not be done while the page can be restored; only there as long as it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

/// A copy of the page.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct PageCopy {
    /// Which slot, or entry of a reduced file.
    pub slot: SlotReport,
    /// Its LSN.
    pub lsn: Lsn,
    /// What verify says of it.
    pub verdict: Verdict,
    /// One sentence for a person.
    pub reason: String,
}

impl PageCopy {
    fn of(finding: &Finding) -> PageCopy {
        let (file, index) = match &finding.subject {
            Subject::Copy(copy) => (&copy.slot.file, copy.slot.index),
            Subject::Reduced(file, entry) => (file, entry.index),
        };
        PageCopy {
            slot: SlotReport { file: file.display().to_string(), index },
            lsn: finding.lsn(),
            verdict: finding.judgement.verdict,
            reason: finding.judgement.reason.to_string(),
        }
    }
}

impl PageDocument {
    /// A page that was looked up by its number.
    pub fn of(lookup: &Lookup, page_no: PageNo, with_hex: bool) -> PageDocument {
        let (home, space) = (&lookup.home, &lookup.space);
        let clear = lookup.clear();
        let bytes = home.bytes.get();
        let mut page = DecodedPage::of(&bytes, &space.format, &lookup.judged, clear.as_deref(), with_hex);
        if let (Some(page), Some(key)) = (&mut page, &lookup.key) {
            page.type_keys(lookup.judged.clear.as_deref().or(clear.as_deref()).unwrap_or(&bytes), key);
        }
        let diagnosis = lookup.diagnosis.as_ref();
        let id = space.id.filter(|_| lookup.is_restorable());
        let context = lookup.bundle.as_ref().map_or(&lookup.context, |bundle| &bundle.path);
        let restoring = || restoring(&context.display().to_string());
        let foretold = |survey: &Survey| problems::foretell(survey).1;
        let whole = lookup.survey.as_ref().filter(|survey| survey.instance.is_whole());
        let prediction = whole.filter(|_| home.state.is_damaged()).map(foretold);
        let guard = match &prediction {
            Some(prediction) => guard_beside(&prediction.advice, id.is_some()),
            None => guard(id.is_some()),
        };
        PageDocument {
            schema_version: SCHEMA_VERSION,
            file: lookup.shown.display().to_string(),
            offset: home.offset.unwrap_or_default(),
            page_size: space.format.physical.as_u32(),
            space_id: space.id,
            page_no,
            table: lookup.name.table.clone(),
            index: lookup.name.index.clone(),
            index_id: lookup.name.index_id,
            state: home.state,
            class: diagnosis.map(|diagnosis| diagnosis.class),
            reason: diagnosis.map_or_else(|| home.why.to_string(), |diagnosis| diagnosis.symptom.to_string()),
            page,
            copies: lookup.findings().map(PageCopy::of).collect(),
            restore_command: id.map(|id| format!("{} --page {id}:{page_no}", restoring())),
            notes: lookup.notes.iter().map(ToString::to_string).collect(),
            running: lookup.running.clone(),
            prediction,
            guard,
        }
    }

    /// Writes it for a person.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let named = |what: &str, name: &Option<String>| {
            name.as_deref().map(|name| format!(", {what} {}", style::printable(name))).unwrap_or_default()
        };
        let id = self.index_id.map(|id| id.to_string()).filter(|_| self.index.is_none());
        let (table, index) =
            (named("table", &self.table), named("index", &self.index) + &named("index id", &id));
        let place = format!("{} offset {}{table}{index}", style::printable(&self.file), self.offset);
        write_running(out, self.running.as_deref())?;
        if self.state == HomeState::Misdirected {
            writeln!(out, "{}", style::paint(style::BAD, &format!("MISDIRECTED: {}", self.reason)))?;
        }
        match &self.page {
            Some(page) => {
                let reason = self.class.map(|_| self.reason.as_str());
                page.write_text(out, &place, reason, verbose)?;
            }
            None => writeln!(out, "{place}: too short for a page")?,
        }
        self.write_copies(out)?;
        for note in &self.notes {
            writeln!(out, "note: {}", style::printable(note))?;
        }
        Ok(())
    }

    fn write_copies(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.state.is_damaged() {
            return Ok(());
        }
        if self.copies.is_empty() {
            let space = self.space_id.map(|id| format!("{id}:")).unwrap_or_default();
            let page = self.page_no;
            writeln!(out, "\nno copy of page {space}{page} in any doublewrite buffer that was found")?;
        }
        for copy in &self.copies {
            let (file, index) = (style::printable(&copy.slot.file), copy.slot.index);
            let (verdict, lsn, reason) = (copy.verdict.name(), copy.lsn, style::printable(&copy.reason));
            writeln!(out, "\n{file} slot {index}, LSN {lsn}: {verdict}: {reason}")?;
        }
        if let Some(prediction) = &self.prediction {
            writeln!(out)?;
            write_prediction(out, prediction)?;
        }
        write_guard(out, self.guard)?;
        match &self.restore_command {
            Some(command) => {
                writeln!(out, "next: {command}    (shows the plan, writes nothing)")
            }
            None => Ok(()),
        }
    }
}
