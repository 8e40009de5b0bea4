//! `carve`: pages found in an image without a usable structure.

use std::io::{self, Write};

use serde::Serialize;

use crate::commands::carve::{Carved, CarvedPage, CarvedRun, FoundReduced, RunKind, group};
use crate::format::fil::page_type;
use crate::page::PageState;
use crate::page::checksum::Algorithm;
use crate::report::SCHEMA_VERSION;
use crate::report::decoded::LayoutReport;
use crate::report::guard::{CARVED, write_guard};
use crate::report::style;
use crate::units::count;
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};

/// The document of `carve --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CarveReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The image, as named.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// How many bytes could not be read.
    pub unreadable_bytes: u64,
    /// Pages that belong together, in the order of their places.
    pub runs: Vec<CarvedRunReport>,
    /// Every page, in the order of their places.
    pub pages: Vec<CarvedPageReport>,
    /// Entries of reduced doublewrite files.
    pub reduced: Vec<CarvedEntry>,
    /// What must not be done before the homes of the copies are looked at; only there where slots hold good copies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

/// Pages that belong together.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CarvedRunReport {
    /// Of a bundle, the file in it that offsets count in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// What they are.
    pub kind: RunKind,
    /// Where the first page lies.
    pub offset: ByteOffset,
    /// Where the last page ends.
    pub end: ByteOffset,
    /// Space id of a tablespace; `null` in a doublewrite buffer, or where it is ciphertext.
    pub space_id: Option<SpaceId>,
    /// Physical page size in bytes.
    pub page_size: u32,
    /// Smallest page number.
    pub first_page: PageNo,
    /// Greatest page number.
    pub last_page: PageNo,
    /// How many pages were found.
    pub pages: usize,
    /// Of these, damaged.
    pub damaged: usize,
}

/// One page.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CarvedPageReport {
    /// Of a bundle, the file in it that offsets count in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Where it lies.
    pub offset: ByteOffset,
    /// Space id; `null` where it is ciphertext.
    pub space_id: Option<SpaceId>,
    /// Page number.
    pub page_no: PageNo,
    /// LSN.
    pub lsn: Lsn,
    /// Page type.
    pub page_type: u16,
    /// InnoDB's name of it.
    pub page_type_name: &'static str,
    /// Physical size in bytes.
    pub page_size: u32,
    /// How it is framed.
    pub layout: LayoutReport,
    /// The checksum that holds.
    pub algorithm: Option<&'static str>,
    /// What its bytes say; pages that are not valid were recognised by the page before them.
    pub state: PageState,
    /// Likely a slot of a doublewrite buffer.
    pub doublewrite: bool,
    /// Index of its run.
    pub run: u32,
    /// The file that it was extracted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extracted: Option<String>,
}

/// One entry of a reduced doublewrite file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CarvedEntry {
    /// Of a bundle, the file in it that offsets count in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Where the page of 8192 bytes lies that it stands in.
    pub offset: ByteOffset,
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// LSN.
    pub lsn: Lsn,
}

impl From<&CarvedRun> for CarvedRunReport {
    fn from(run: &CarvedRun) -> CarvedRunReport {
        CarvedRunReport {
            member: None,
            kind: run.kind,
            offset: run.offset,
            end: run.end,
            space_id: run.space,
            page_size: run.size.as_u32(),
            first_page: run.first_page,
            last_page: run.last_page,
            pages: run.pages,
            damaged: run.damaged,
        }
    }
}

impl From<&CarvedPage> for CarvedPageReport {
    fn from(found: &CarvedPage) -> CarvedPageReport {
        let hit = &found.hit;
        CarvedPageReport {
            member: None,
            offset: found.offset,
            space_id: hit.space,
            page_no: hit.page_no,
            lsn: hit.lsn,
            page_type: hit.page_type,
            page_type_name: page_type::name(hit.page_type),
            page_size: hit.size.as_u32(),
            layout: hit.layout.into(),
            algorithm: hit.algorithm.map(Algorithm::name),
            state: hit.state,
            doublewrite: found.doublewrite,
            run: found.run,
            extracted: None,
        }
    }
}

impl CarvedEntry {
    fn all_of(found: &FoundReduced) -> impl Iterator<Item = CarvedEntry> {
        found.entries.iter().map(|entry| CarvedEntry {
            member: None,
            offset: found.offset,
            space_id: entry.space_id,
            page_no: entry.page_no,
            lsn: entry.lsn,
        })
    }
}

impl CarvedPageReport {
    fn place(&self) -> String {
        let space = self.space_id.map_or_else(|| "hidden".to_owned(), |id| id.to_string());
        format!("{space}:{}", self.page_no)
    }

    fn row(&self) -> [String; 7] {
        [
            place_in(self.member.as_deref(), self.offset),
            self.place(),
            self.lsn.to_string(),
            self.page_type_name.to_owned(),
            self.page_size.to_string(),
            self.algorithm.unwrap_or("-").to_owned(),
            self.state.name().to_owned(),
        ]
    }
}

/// An offset, behind the file that it counts in where there are several.
fn place_in(member: Option<&str>, offset: ByteOffset) -> String {
    member.map_or_else(|| offset.to_string(), |member| format!("{} {offset}", style::printable(member)))
}

impl CarvedRunReport {
    fn row(&self) -> [String; 7] {
        let space = self.space_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let damaged = if self.damaged > 0 { format!(", {} damaged", self.damaged) } else { String::new() };
        [
            place_in(self.member.as_deref(), self.offset),
            self.end.to_string(),
            if self.kind == RunKind::Doublewrite { "doublewrite" } else { "tablespace" }.to_owned(),
            space,
            format!("{} to {}", self.first_page, self.last_page),
            self.page_size.to_string(),
            format!("{}{damaged}", count(self.pages, "page")),
        ]
    }
}

/// A slot that a page could be taken from; placeholders and damaged copies are none.
fn is_good_copy(page: &CarvedPage) -> bool {
    page.doublewrite && page.hit.state == PageState::Valid
}

impl CarveReport {
    /// The report on an image; puts the pages into runs.
    pub fn of(file: &str, carved: &mut Carved) -> CarveReport {
        let runs = group(&mut carved.pages, &carved.headers);
        CarveReport {
            schema_version: SCHEMA_VERSION,
            file: file.to_owned(),
            bytes: carved.bytes,
            unreadable_bytes: carved.unreadable,
            runs: runs.iter().map(CarvedRunReport::from).collect(),
            pages: carved.pages.iter().map(CarvedPageReport::from).collect(),
            reduced: carved.reduced.iter().flat_map(CarvedEntry::all_of).collect(),
            guard: carved.pages.iter().any(is_good_copy).then_some(CARVED),
        }
    }

    /// Adds what was found in a file of a bundle.
    pub fn append(&mut self, member: &str, mut other: CarveReport) {
        let runs = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        let member = || Some(member.to_owned());
        other.runs.iter_mut().for_each(|run| run.member = member());
        other.reduced.iter_mut().for_each(|entry| entry.member = member());
        for page in &mut other.pages {
            page.member = member();
            page.run = page.run.saturating_add(runs);
        }
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.unreadable_bytes = self.unreadable_bytes.saturating_add(other.unreadable_bytes);
        self.runs.append(&mut other.runs);
        self.pages.append(&mut other.pages);
        self.reduced.append(&mut other.reduced);
        self.guard = self.guard.or(other.guard);
    }

    /// Writes it for a person: runs, and the pages of doublewrite buffers; `verbose` lists every page.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        writeln!(out, "{}", style::paint(style::HEAD, &self.headline()))?;
        writeln!(out, "{}, {} bytes", style::printable(&self.file), self.bytes)?;
        if self.unreadable_bytes > 0 {
            writeln!(out, "note: {} bytes could not be read and count as zeros", self.unreadable_bytes)?;
        }
        if !self.runs.is_empty() {
            let header = ["FROM", "TO", "LIKELY", "SPACE", "PAGES", "PAGE SIZE", "FOUND"];
            let mut table = style::table(&header, &[0, 1, 5]);
            for run in &self.runs {
                table.add_row(run.row());
            }
            write!(out, "\n{}", style::indented(&table))?;
        }
        self.write_pages(out, verbose)?;
        self.write_reduced(out)?;
        write_guard(out, self.guard)
    }

    fn headline(&self) -> String {
        let slots = self.pages.iter().filter(|page| page.doublewrite).count();
        let reduced = match self.reduced.len() {
            0 => String::new(),
            entries => format!(", {} of a reduced doublewrite file", count(entries, "record")),
        };
        let (pages, runs) = (count(self.pages.len(), "InnoDB page"), count(self.runs.len(), "run"));
        format!("{pages} in {runs}, {slots} of them likely in a doublewrite buffer{reduced}")
    }

    fn write_pages(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let listed: Vec<&CarvedPageReport> =
            self.pages.iter().filter(|page| verbose || page.doublewrite).collect();
        if listed.is_empty() {
            return Ok(());
        }
        let header = ["OFFSET", "PAGE", "LSN", "TYPE", "SIZE", "CHECKSUM", "STATE"];
        let mut table = style::table(&header, &[0, 2, 4]);
        for page in listed {
            table.add_row(page.row());
        }
        let title = if verbose { "every page" } else { "likely doublewrite slots" };
        write!(out, "\n{}\n{}", style::paint(style::HEAD, title), style::indented(&table))
    }

    fn write_reduced(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.reduced.is_empty() {
            return Ok(());
        }
        let mut table = style::table(&["OFFSET", "PAGE", "LSN"], &[0, 2]);
        for entry in &self.reduced {
            let place = format!("{}:{}", entry.space_id, entry.page_no);
            let offset = place_in(entry.member.as_deref(), entry.offset);
            table.add_row([offset, place, entry.lsn.to_string()]);
        }
        let title = style::paint(style::HEAD, "reduced doublewrite records (no contents)");
        write!(out, "\n{title}\n{}", style::indented(&table))
    }
}
