//! `locate`: every doublewrite area with its fields.

use std::io::{self, Write};

use serde::Serialize;

use crate::instance::Instance;
use crate::instance::dblwr::{Area, AreaKind, HeaderCopy, Magic};
use crate::instance::generation::Generation;
use crate::report::RedoReport;
use crate::report::SCHEMA_VERSION;
use crate::report::ShutdownReport;
use crate::report::guard::{write_found, write_running};
use crate::report::instance_line;
use crate::report::problem::{self, ProblemReport};
use crate::report::style;
use crate::units::PageNo;
use crate::units::count;

/// The document of `locate --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct LocateReport {
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
    /// Every area that exists, live or not.
    pub areas: Vec<AreaReport>,
    /// What is wrong besides single pages, the worst first.
    pub problems: Vec<ProblemReport>,
    /// Plain sentences on what is unusual.
    pub notes: Vec<String>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

/// One doublewrite area.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct AreaReport {
    /// Its shape.
    pub kind: AreaKind,
    /// The file, relative to PATH.
    pub file: String,
    /// How many slots, of 8192 bytes in reduced files, else of `innodb_page_size`.
    pub slots: u32,
    /// First page of the first block (built-in buffer only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block1: Option<PageNo>,
    /// First page of the second block (built-in buffer only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block2: Option<PageNo>,
    /// State of the magic that servers read (built-in buffer only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub magic: Option<Magic>,
    /// Where the block numbers come from (built-in buffer only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_copy: Option<HeaderCopy>,
    /// Whether slots carry space ids: not before MySQL 4.1.1 (built-in buffer only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_id_stored: Option<bool>,
    /// Whether a server of this generation would read it.
    pub live: bool,
}

impl AreaReport {
    fn of(area: &Area) -> AreaReport {
        let built_in = area.built_in();
        AreaReport {
            kind: area.kind(),
            file: area.file.display().to_string(),
            slots: area.slots,
            block1: built_in.map(|built_in| built_in.blocks.0),
            block2: built_in.map(|built_in| built_in.blocks.1),
            magic: area.magic(),
            header_copy: built_in.map(|built_in| built_in.header_copy),
            space_id_stored: built_in.map(|built_in| built_in.space_id_stored),
            live: area.live,
        }
    }

    fn describe(&self) -> String {
        let place = match (self.block1, self.block2) {
            (Some(block1), Some(block2)) => format!("blocks at pages {block1} and {block2}"),
            _ => String::new(),
        };
        let header = match (self.magic, self.header_copy) {
            (Some(Magic::Absent), _) => "never created".to_owned(),
            (Some(_), Some(HeaderCopy::Repeat)) => ", from the repeat of a damaged header".to_owned(),
            (Some(_), Some(HeaderCopy::Inferred)) => ", inferred from the slots".to_owned(),
            _ => String::new(),
        };
        place + &header
    }
}

impl LocateReport {
    /// What was located in an instance; the guard is for those who judge the copies.
    pub fn of(instance: &Instance) -> LocateReport {
        let notes = instance.areas.iter().flat_map(|area| area.notes.iter());
        LocateReport {
            schema_version: SCHEMA_VERSION,
            page_size: instance.page_size.as_u32(),
            server: instance.server.clone(),
            generation: instance.generation,
            running: instance.running.clone(),
            shutdown: instance.shutdown.into(),
            redo: RedoReport::of(instance),
            areas: instance.areas.iter().map(AreaReport::of).collect(),
            notes: instance.notes.iter().chain(notes).map(ToString::to_string).collect(),
            problems: Vec::new(),
            guard: None,
        }
    }

    /// Writes it for a person.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write_running(out, self.running.as_deref())?;
        let live = self.areas.iter().filter(|area| area.live).map(|area| area.slots as usize).sum();
        let summary = match live {
            0 => "no live doublewrite area".to_owned(),
            slots => format!("doublewrite buffer with {}", count(slots, "slot")),
        };
        writeln!(out, "{}", style::paint(style::HEAD, &summary))?;
        writeln!(
            out,
            "{}",
            instance_line(self.server.as_deref(), self.generation, self.page_size, self.shutdown, &self.redo)
        )?;
        if let Some(flushed) = self.redo.flushed_lsn {
            writeln!(out, "flush LSN in page 0: {flushed}")?;
        }
        if !self.areas.is_empty() {
            let mut table = style::table(&["KIND", "FILE", "SLOTS", "READ BY THE SERVER", ""], &[2]);
            for area in &self.areas {
                table.add_row([
                    area.kind.name().to_owned(),
                    area.file.clone(),
                    area.slots.to_string(),
                    if area.live { "yes" } else { "no" }.to_owned(),
                    area.describe(),
                ]);
            }
            write!(out, "\n{}", style::indented(&table))?;
        }
        problem::write_list(out, &self.problems, false)?;
        for note in &self.notes {
            writeln!(out, "note: {}", style::printable(note))?;
        }
        write_found(out, self.guard)
    }
}
