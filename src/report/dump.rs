//! `dump`: every slot of every area, and single pages decoded.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::commands::dump::{DumpSelection, DumpedSlot, Inventory};
use crate::format::fil::page_type;
use crate::instance::dblwr::AreaKind;
use crate::instance::dblwr::slot::Usage;
use crate::instance::generation::Generation;
use crate::report::SCHEMA_VERSION;
use crate::report::decoded::DecodedPage;
use crate::report::guard::{write_found, write_running};
use crate::report::server_line;
use crate::report::style;
use crate::units::count;
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::copy::CopyState;
use crate::verdict::naming::Naming;

/// The document of `dump --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct DumpReport {
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
    /// Every area, live or not.
    pub areas: Vec<DumpedArea>,
    /// Every slot, or those that were named.
    pub slots: Vec<DumpedSlotReport>,
    /// Plain sentences on what is unusual.
    pub notes: Vec<String>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
    /// Whether slots or pages were named.
    #[serde(skip)]
    pub selected: bool,
}

/// How an area is used.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct DumpedArea {
    /// Its shape.
    pub kind: AreaKind,
    /// The file, relative to PATH.
    pub file: String,
    /// Whether a server of this generation would read it.
    pub live: bool,
    /// How many slots; of reduced files, how many pages of 8192 bytes.
    pub slots: u32,
    /// Slots that hold a copy; of reduced files, entries.
    pub used: usize,
    /// Slots of zeros.
    pub zero: usize,
    /// Slots that describe themselves.
    pub placeholders: usize,
}

/// One slot, or one entry of a reduced file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct DumpedSlotReport {
    /// The file, relative to PATH.
    pub file: String,
    /// Index of the slot, or of the entry in a reduced file.
    pub index: u32,
    /// Where in the file, in bytes.
    pub offset: ByteOffset,
    /// Whether a server of this generation would read it.
    pub live: bool,
    /// What it is used for.
    #[serde(rename = "use")]
    pub usage: Usage,
    /// Space id; `null` where it is ciphertext that no tablespace explains.
    pub space_id: Option<SpaceId>,
    /// Page number.
    pub page_no: Option<PageNo>,
    /// LSN.
    pub lsn: Option<Lsn>,
    /// Page type; `null` for reduced entries.
    pub page_type: Option<u16>,
    /// InnoDB's name of it.
    pub page_type_name: Option<&'static str>,
    /// The checksum that holds.
    pub algorithm: Option<&'static str>,
    /// What the copy is worth.
    pub state: Option<CopyState>,
    /// Why, where it is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The file that the page belongs to, relative to PATH.
    pub home: Option<String>,
    /// The table that the place in the home file belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Its index there.
    #[serde(rename = "index_name", skip_serializing_if = "Option::is_none")]
    pub index_of_table: Option<String>,
    /// The page decoded, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<DecodedPage>,
    /// The file that it was extracted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extracted: Option<String>,
}

impl DumpedSlotReport {
    fn of(item: &DumpedSlot, live: bool) -> DumpedSlotReport {
        let (copy, header) = (item.copy.as_ref(), item.header.as_ref());
        let reduced = item.reduced.as_ref();
        let space_id = match copy {
            Some(copy) => copy.space,
            None => reduced.map(|entry| entry.space_id).or(header.map(|header| header.space_id)),
        };
        DumpedSlotReport {
            file: text(&item.slot.file),
            index: item.slot.index,
            offset: item.slot.offset,
            live,
            usage: item.usage,
            space_id,
            page_no: header.map(|header| header.page_no).or(reduced.map(|entry| entry.page_no)),
            lsn: header.map(|header| header.lsn).or(reduced.map(|entry| entry.lsn)),
            page_type: header.map(|header| header.page_type),
            page_type_name: header.map(|header| page_type::name(header.page_type)),
            algorithm: copy.and_then(|copy| copy.judged.algorithm).map(|algorithm| algorithm.name()),
            state: copy.map(|copy| copy.state()).or(reduced.map(|_| CopyState::Unverifiable)),
            reason: copy.map(|copy| copy.judged.why.to_string()).filter(|why| !why.is_empty()),
            home: item.home.as_deref().map(text),
            table: None,
            index_of_table: None,
            page: None,
            extracted: None,
        }
    }

    /// With the names of its table and index, as its home tells them.
    fn named(mut self, naming: &mut Naming<'_>) -> DumpedSlotReport {
        if let (Usage::Copy, Some(space), Some(page_no), Some(_)) =
            (self.usage, self.space_id, self.page_no, &self.home)
        {
            let name = naming.of(space, page_no, None);
            (self.table, self.index_of_table) = (name.table, name.index);
        }
        self
    }

    fn state_text(&self) -> &'static str {
        self.state.map_or("-", CopyState::name)
    }

    fn usage_text(&self) -> &'static str {
        match self.usage {
            Usage::Copy => "copy",
            Usage::Zero => "zero",
            Usage::Placeholder => "placeholder",
        }
    }

    fn row(&self) -> [String; 10] {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let page = self.page_no.map(|page| {
            format!("{}:{page}", self.space_id.map_or_else(|| "hidden".to_owned(), |space| space.to_string()))
        });
        [
            self.index.to_string(),
            self.usage_text().to_owned(),
            or_dash(page),
            or_dash(self.lsn.map(|lsn| lsn.to_string())),
            or_dash(self.page_type_name.map(ToOwned::to_owned)),
            or_dash(self.algorithm.map(ToOwned::to_owned)),
            self.state_text().to_owned(),
            or_dash(self.home.as_deref().map(style::printable)),
            or_dash(self.table.as_deref().map(style::printable)),
            or_dash(self.index_of_table.as_deref().map(style::printable)),
        ]
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

impl DumpReport {
    /// What is in the buffers, or what the selection names of it. Pages whose bytes were kept are decoded if `decode`
    /// says so. The guard is for those who judge the copies.
    pub fn of(inventory: &Inventory, selection: &DumpSelection, decode: Option<Decode>) -> DumpReport {
        let instance = &inventory.instance;
        let is_live = |item: &DumpedSlot| instance.areas.get(item.area).is_some_and(|area| area.live);
        let areas = instance.areas.iter().zip(&inventory.usages);
        let area_notes = instance.areas.iter().flat_map(|area| area.notes.iter());
        let told = instance.notes.iter().chain(area_notes).map(ToString::to_string);
        let mut naming = Naming::new(&instance.spaces);
        DumpReport {
            schema_version: SCHEMA_VERSION,
            page_size: instance.page_size.as_u32(),
            server: instance.server.clone(),
            generation: instance.generation,
            running: instance.running.clone(),
            areas: areas
                .map(|(area, usages)| DumpedArea {
                    kind: area.kind(),
                    file: text(&area.file),
                    live: area.live,
                    slots: area.slots,
                    used: usages.copies,
                    zero: usages.zero,
                    placeholders: usages.placeholders,
                })
                .collect(),
            slots: inventory
                .named_by(selection)
                .map(|item| {
                    let page = decode.as_ref().and_then(|decode| decode.page(item, inventory));
                    DumpedSlotReport { page, ..DumpedSlotReport::of(item, is_live(item)) }.named(&mut naming)
                })
                .collect(),
            notes: told.chain(inventory.notes.iter().map(ToString::to_string)).collect(),
            guard: None,
            selected: !selection.is_empty(),
        }
    }

    /// Whether any copy is damaged.
    pub fn is_damaged(&self) -> bool {
        self.slots.iter().any(|slot| slot.state == Some(CopyState::Corrupt))
    }

    /// Writes it for a person: decoded pages where there are any, else the list. `verbose` lists unused slots, too.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        write_running(out, self.running.as_deref())?;
        if self.selected || self.slots.iter().any(|slot| slot.page.is_some()) {
            self.write_pages(out, verbose)?;
            return write_found(out, self.guard);
        }
        writeln!(out, "{}", style::paint(style::HEAD, &self.headline()))?;
        let server = server_line(self.server.as_deref(), self.generation);
        let server = server.unwrap_or_else(|| self.generation.to_string());
        writeln!(out, "{server}, {}-byte pages", self.page_size)?;
        for area in &self.areas {
            self.write_area(out, area, verbose)?;
        }
        for note in &self.notes {
            writeln!(out, "note: {}", style::printable(note))?;
        }
        write_found(out, self.guard)
    }

    fn headline(&self) -> String {
        let live: Vec<&DumpedArea> =
            self.areas.iter().filter(|area| area.live && area.kind != AreaKind::Reduced).collect();
        let slots: usize = live.iter().map(|area| area.used + area.zero + area.placeholders).sum();
        let used: usize = live.iter().map(|area| area.used).sum();
        match live.is_empty() {
            true => "no live doublewrite area with pages in it".to_owned(),
            false => format!(
                "{used} of {} of the doublewrite buffer hold a copy, {} unused",
                count(slots, "slot"),
                slots - used
            ),
        }
    }

    fn write_area(&self, out: &mut dyn Write, area: &DumpedArea, verbose: bool) -> io::Result<()> {
        let read = if area.live { "" } else { "; not read by the server" };
        let kind = area.kind.name();
        let counts = match area.kind {
            AreaKind::Reduced => {
                format!("{} (page numbers and LSNs, no contents)", count(area.used, "record"))
            }
            _ => format!("{} used, {} zero, {} placeholders", area.used, area.zero, area.placeholders),
        };
        let title = format!("{} ({kind}{read}): {counts}", style::printable(&area.file));
        writeln!(out, "\n{}", style::paint(style::HEAD, &title))?;
        let slots = self.slots.iter().filter(|slot| self.lies_in(slot, area));
        let listed: Vec<&DumpedSlotReport> =
            slots.filter(|slot| verbose || slot.usage == Usage::Copy).collect();
        if listed.is_empty() {
            return Ok(());
        }
        let header = ["SLOT", "USE", "PAGE", "LSN", "TYPE", "CHECKSUM", "STATE", "HOME", "TABLE", "INDEX"];
        let mut table = style::table(&header, &[0, 3]);
        for slot in listed {
            table.add_row(slot.row());
        }
        write!(out, "{}", style::indented(&table))
    }

    /// Blocks of the built-in buffer may lie in several files of the system tablespace.
    fn lies_in(&self, slot: &DumpedSlotReport, area: &DumpedArea) -> bool {
        let other =
            || self.areas.iter().any(|other| other.file == slot.file && other.kind != AreaKind::System);
        slot.file == area.file || (area.kind == AreaKind::System && !other())
    }

    fn write_pages(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        if self.slots.is_empty() {
            writeln!(out, "no slot holds a copy of this page")?;
        }
        let shown = self.slots.iter().filter(|slot| self.selected || slot.page.is_some());
        for (at, slot) in shown.enumerate() {
            if at > 0 {
                writeln!(out, "\n")?;
            }
            let read = if slot.live { "" } else { " (not read by the server)" };
            let home = slot.home.as_deref().map_or_else(String::new, |home| format!(", home in {home}"));
            let (file, index, offset) = (&slot.file, slot.index, slot.offset);
            let place = format!("{file} slot {index}{read}, {}{home}, offset {offset}", slot.usage_text());
            let place = style::printable(&place);
            match &slot.page {
                Some(page) => page.write_text(out, &place, None, verbose)?,
                None => {
                    let [_, _, page, lsn, ..] = slot.row();
                    writeln!(out, "page {page}, LSN {lsn}, without contents\n{place}")?;
                }
            }
        }
        Ok(())
    }
}

/// How pages are decoded.
#[derive(Debug, Clone, Copy)]
pub struct Decode {
    /// With annotated bytes.
    pub hex: bool,
}

impl Decode {
    fn page(self, item: &DumpedSlot, inventory: &Inventory) -> Option<DecodedPage> {
        if item.bytes.is_empty() {
            return None;
        }
        let (format, judged) = item.judged(&inventory.instance);
        let clear = item.clear(&inventory.instance);
        DecodedPage::of(item.page_bytes(), &format, &judged, clear.as_deref(), self.hex)
    }
}
