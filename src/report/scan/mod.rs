//! `scan`: every damaged page of every file.

pub mod stream;

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::fil::page_type;
use crate::naming::{PageName, Surroundings};
use crate::report::restore::guard;
use crate::report::{SCHEMA_VERSION, count, style};
use crate::scan::{Class, Damage, DamageState, FileFinding, Row, RowState};
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};
use crate::verdict::Verdict;

/// The document of `scan --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ScanReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Every file that was looked at.
    pub files: Vec<FileReport>,
    /// Every damaged page; pages that follow each other with one cause are one entry.
    pub damaged: Vec<DamageReport>,
    /// Sums.
    pub summary: ScanSummary,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
    #[serde(skip)]
    notable: Notable,
}

/// Pages that are worth a note although they are fine.
#[derive(Debug, Clone, Copy, Default)]
struct Notable {
    doublewrite: u64,
    freed: u64,
    zero_in_use: u64,
}

impl Notable {
    fn add(&mut self, file: &FileReport) {
        self.doublewrite += file.doublewrite;
        self.freed += file.freed;
        self.zero_in_use += file.zero_in_use;
    }
}

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FileReport {
    /// PATH as given, joined with the path inside it.
    pub path: String,
    /// The file, relative to PATH.
    pub file: String,
    /// Space id, where anything tells it.
    pub space_id: Option<SpaceId>,
    /// Physical page size in bytes.
    pub page_size: u32,
    /// Whole pages in the file.
    pub pages: u64,
    /// Pages that verify and belong where they are.
    pub valid: u64,
    /// Of these, accepted without a check of their content (`innodb_checksum_algorithm=none`).
    pub weak: u64,
    /// All-zero pages that may be so: free, never initialised, or not yet written when the server crashed.
    pub zero: u64,
    /// Of these, in use according to the extent descriptors: redo brings them, or they were never needed.
    pub zero_in_use: u64,
    /// Damaged pages.
    pub damaged: u64,
    /// Encrypted without a key, or in a format that cannot be judged.
    pub unverifiable: u64,
    /// Pages of the doublewrite buffer inside the system tablespace: not judged.
    pub doublewrite: u64,
    /// Damaged or stale pages that are free according to the extent descriptors: harmless.
    pub freed: u64,
    /// Bytes behind the last whole page.
    pub rest: u64,
    /// Whether every page was looked at.
    pub complete: bool,
}

impl FileReport {
    /// The report on a file.
    pub fn of(file: &FileFinding) -> FileReport {
        FileReport {
            path: file.path.display().to_string(),
            file: file.name.display().to_string(),
            space_id: file.space_id,
            page_size: file.page_size,
            pages: file.pages,
            valid: file.counts.valid,
            weak: file.counts.weak,
            zero: file.counts.zero,
            zero_in_use: file.undecided,
            damaged: file.counts.damaged,
            unverifiable: file.counts.unverifiable,
            doublewrite: file.counts.doublewrite,
            freed: file.counts.freed,
            rest: file.rest,
            complete: file.complete,
        }
    }
}

/// One damaged page, or a run of them.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DamageReport {
    /// PATH as given, joined with the path inside it.
    pub path: String,
    /// The file, relative to PATH.
    pub file: String,
    /// Space id of the file, where anything tells it.
    pub space_id: Option<SpaceId>,
    /// The first page.
    pub page_no: PageNo,
    /// How many pages, one behind the other.
    pub pages: u32,
    /// Offset of the first in the file, bytes.
    pub offset: ByteOffset,
    /// Physical page size in bytes.
    pub length: u32,
    /// State.
    pub state: DamageState,
    /// Kind of damage, finer than the state.
    pub class: Class,
    /// `db/table`.
    pub table: Option<String>,
    /// Index name.
    pub index: Option<String>,
    /// Whether it is part of a secondary index, which can be made anew from the table; `null` where the index is not
    /// known.
    pub rebuildable: Option<bool>,
    /// Index id in its header.
    pub index_id: Option<u64>,
    /// Level in the tree, 0 for a leaf.
    pub level: Option<u16>,
    /// Whether it is a leaf, which holds rows.
    pub leaf: Option<bool>,
    /// Greatest key of the page before it on its level.
    pub key_after: Option<String>,
    /// Smallest key of the page behind it on its level.
    pub key_before: Option<String>,
    /// Rows or entries on it: what its header says, or as many as its neighbours have on average.
    pub records: Option<u64>,
    /// Page type in its header.
    pub page_type: Option<u16>,
    /// LSN in its header.
    pub lsn: Option<Lsn>,
    /// Of a misdirected page: the space id it carries.
    pub belongs_to_space: Option<SpaceId>,
    /// Of a misdirected page: the page number it carries.
    pub belongs_to_page: Option<PageNo>,
    /// The content is whole, or one way to make it whole is known.
    pub mendable: bool,
    /// The best copy in the doublewrite buffer.
    pub copy: Option<CopyReport>,
    /// One sentence for a person.
    pub reason: String,
}

/// The best copy of a damaged page.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CopyReport {
    /// The file of the slot.
    pub file: String,
    /// Index of the slot.
    pub index: u32,
    /// LSN of the copy.
    pub lsn: Lsn,
    /// What it is worth: `restorable`, `stale` or `unrecoverable`.
    pub verdict: String,
    /// The command that puts it back, if it is to be put back.
    pub command: Option<String>,
}

/// Whose damage it is.
#[derive(Debug, Default)]
pub struct Owner {
    /// Table and index.
    pub name: PageName,
    /// What its neighbours show.
    pub around: Surroundings,
    /// PATH, for the command.
    pub root: String,
    /// A sentence on pages without a copy.
    pub without_copy: &'static str,
}

impl DamageReport {
    /// The report on damage in a file.
    pub fn of(
        path: String,
        file: String,
        space_id: Option<SpaceId>,
        length: PageSize,
        damage: &Damage,
        owner: Owner,
    ) -> DamageReport {
        let header = damage.header.as_ref();
        // Only a header that names an index of this tablespace is believed.
        let index =
            damage.index.as_ref().filter(|_| owner.name.index.is_some() && damage.belongs_to.is_none());
        let own =
            index.filter(|index| index.is_plausible(length.bytes())).map(|index| u64::from(index.records));
        let copy = damage.copy.as_ref().map(|copy| CopyReport {
            file: copy.file.clone(),
            index: copy.index,
            lsn: copy.lsn,
            verdict: copy.verdict.name().to_owned(),
            command: (copy.verdict == Verdict::Restorable).then(|| {
                let space = space_id.unwrap_or_default();
                format!("dblwr restore {} --page {space}:{}", owner.root, damage.page_no)
            }),
        });
        DamageReport {
            path,
            file,
            space_id,
            page_no: damage.page_no,
            pages: damage.pages,
            offset: damage.offset,
            length: length.as_u32(),
            state: damage.state,
            class: damage.class,
            rebuildable: owner.name.is_rebuildable(),
            index_id: index.map(|index| index.index_id),
            level: index.map(|index| index.level),
            leaf: owner.name.leaf,
            key_after: owner.around.after,
            key_before: owner.around.before,
            records: own.or(owner.around.records),
            page_type: header.map(|header| header.page_type),
            lsn: header.map(|header| header.lsn),
            belongs_to_space: damage.belongs_to.map(|(space, _)| space),
            belongs_to_page: damage.belongs_to.map(|(_, page)| page),
            mendable: damage.mendable,
            reason: reason(damage, copy.as_ref(), owner.without_copy),
            copy,
            table: owner.name.table,
            index: owner.name.index,
        }
    }

    /// Whether the doublewrite buffer can mend it.
    pub fn is_restorable(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.verdict == Verdict::Restorable.name())
    }
}

fn reason(damage: &Damage, copy: Option<&CopyReport>, without_copy: &str) -> String {
    let what = &damage.detail;
    match (&damage.copy, copy) {
        (Some(situation), Some(copy)) if situation.verdict == Verdict::Restorable => {
            let command = copy.command.as_deref().unwrap_or("dblwr restore");
            format!("{what}; {} slot {} holds a good copy: {command}", copy.file, copy.index)
        }
        (Some(situation), Some(copy)) => {
            format!(
                "{what}; {} slot {} has a copy that is not to be used: {}",
                copy.file, copy.index, situation.reason
            )
        }
        _ if damage.mendable => format!("{what}; the doublewrite buffer has no copy of it"),
        _ => format!("{what}; {without_copy}"),
    }
}

/// Sums over all files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ScanSummary {
    /// Files.
    pub files: u64,
    /// Whole pages that were looked at.
    pub pages: u64,
    /// Damaged pages.
    pub damaged: u64,
    /// Bytes that were looked at.
    pub bytes: u64,
    /// Damaged pages that the doublewrite buffer can mend.
    pub restorable: u64,
    /// Damaged pages that are whole but for a word or a bit.
    pub mendable: u64,
    /// Pages that could not be judged.
    pub unverifiable: u64,
    /// Files that could not be read, or not to their end.
    pub failures: u64,
    /// Entries of `damaged` that were left out because there were too many; the counts hold all.
    pub omitted: u64,
    /// Whether everything was looked at.
    pub complete: bool,
    /// Whether a bundle was among the paths: what it does not hold could not be judged either.
    #[serde(skip)]
    #[schemars(skip)]
    pub of_bundles: bool,
}

impl ScanSummary {
    /// One more file.
    pub fn add_file(&mut self, file: &FileReport) {
        let looked_at =
            file.valid + file.zero + file.damaged + file.unverifiable + file.doublewrite + file.freed;
        self.files += 1;
        self.pages += looked_at;
        self.damaged += file.damaged;
        self.bytes += looked_at * u64::from(file.page_size);
        self.unverifiable += file.unverifiable;
        self.complete &= file.complete;
    }

    /// One more entry of damage.
    pub fn add_damage(&mut self, damage: &DamageReport) {
        self.restorable += if damage.is_restorable() { u64::from(damage.pages) } else { 0 };
        self.mendable += if damage.mendable { u64::from(damage.pages) } else { 0 };
    }

    /// What must not be done while a page can be restored.
    pub fn guard(&self) -> Option<&'static str> {
        guard(self.restorable > 0)
    }

    /// The first line for a person.
    pub fn headline(&self) -> String {
        let looked =
            format!("{} in {}", count(self.pages as usize, "page"), count(self.files as usize, "file"));
        let damaged = count(self.damaged as usize, "damaged page");
        match (self.damaged, self.damaged.saturating_sub(self.restorable)) {
            (0, _) if self.complete && self.failures == 0 => {
                style::paint(style::GOOD, &format!("OK: no damaged page; {looked}"))
            }
            (0, _) => style::paint(
                style::WARN,
                &format!("UNKNOWN: no damaged page so far; {looked}, not all of it"),
            ),
            (_, 0) => style::paint(
                style::WARN,
                &format!("RESTORABLE: {damaged}, each with a good copy in the doublewrite buffer; {looked}"),
            ),
            (_, rest) => style::paint(
                style::BAD,
                &format!("CRITICAL: {damaged}, {rest} of them beyond the doublewrite buffer; {looked}"),
            ),
        }
    }
}

impl ScanReport {
    /// An empty report.
    pub fn new() -> ScanReport {
        let summary = ScanSummary { complete: true, ..ScanSummary::default() };
        ScanReport {
            schema_version: SCHEMA_VERSION,
            files: Vec::new(),
            damaged: Vec::new(),
            summary,
            guard: None,
            notable: Notable::default(),
        }
    }

    /// Writes it for a person. `verbose` lists every file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        writeln!(out, "{}", self.summary.headline())?;
        self.write_files(out, verbose)?;
        self.write_damaged(out)?;
        let Notable { doublewrite, freed, zero_in_use } = self.notable;
        let unverifiable = match self.summary.of_bundles {
            true => "could not be judged: not in the bundle, or encrypted without a key",
            false => "could not be judged: encrypted without a key",
        };
        for (number, what) in [
            (doublewrite, "lie in the doublewrite buffer and were not judged (dblwr verify does)"),
            (freed, "are damaged but free: harmless"),
            (zero_in_use, "are all zero and in use: written by redo when the server starts, or never needed"),
            (self.summary.unverifiable, unverifiable),
            (self.summary.omitted, "more findings were left out of this list"),
        ] {
            if number > 0 {
                writeln!(out, "note: {number} pages {what}")?;
            }
        }
        self.write_advice(out)
    }

    fn write_files(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let listed: Vec<&FileReport> = self.files.iter().filter(|file| verbose || file.damaged > 0).collect();
        if listed.is_empty() {
            return Ok(());
        }
        let header = ["FILE", "SPACE", "PAGE SIZE", "PAGES", "VALID", "ZERO", "DAMAGED", "UNVERIFIABLE"];
        let mut table = style::table(&header, &[1, 2, 3, 4, 5, 6, 7]);
        for file in listed {
            table.add_row([
                style::printable(&file.path),
                file.space_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
                file.page_size.to_string(),
                file.pages.to_string(),
                file.valid.to_string(),
                file.zero.to_string(),
                file.damaged.to_string(),
                file.unverifiable.to_string(),
            ]);
        }
        write!(out, "\n{}", style::indented(&table))
    }

    fn write_damaged(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.damaged.is_empty() {
            return Ok(());
        }
        let mut table = style::table(&["FILE", "PAGE", "OFFSET", "STATE", "KIND", "TABLE", "INDEX"], &[1, 2]);
        for page in &self.damaged {
            let none = || "-".to_owned();
            table.add_row([
                style::printable(&page.path),
                page.numbers(),
                page.offset.to_string(),
                page.state.name().to_owned(),
                page.class.name().to_owned(),
                page.table.as_deref().map_or_else(none, style::printable),
                page.index.as_deref().map_or_else(none, style::printable),
            ]);
        }
        write!(out, "\n{}", style::indented(&table))?;
        for page in self.damaged.iter().take(20) {
            writeln!(out, "  page {}: {}", page.numbers(), style::printable(&page.reason))?;
        }
        writeln!(out)
    }

    fn write_advice(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(guard) = self.guard {
            writeln!(out, "\n{}", style::paint(style::WARN, guard))?;
        }
        let secondary = self.damaged.iter().filter(|page| page.rebuildable == Some(true)).count();
        if secondary > 0 {
            let pages = count(secondary, "finding");
            writeln!(
                out,
                "{pages} in secondary indexes: these can be made anew from the table (DROP INDEX, ADD INDEX)."
            )?;
        }
        Ok(())
    }
}

impl Default for ScanReport {
    fn default() -> ScanReport {
        ScanReport::new()
    }
}

impl DamageReport {
    fn numbers(&self) -> String {
        let last = u64::from(self.page_no.0) + u64::from(self.pages.saturating_sub(1));
        if self.pages > 1 { format!("{}..{last}", self.page_no) } else { self.page_no.to_string() }
    }
}

/// One row of `scan --pages`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RowReport<'a> {
    /// PATH as given, joined with the path inside it.
    pub path: &'a str,
    /// Space id of the file.
    pub space_id: Option<SpaceId>,
    /// Page number.
    pub page_no: PageNo,
    /// Page type, InnoDB's number.
    pub page_type: u16,
    /// Page type, InnoDB's name.
    pub type_name: &'static str,
    /// LSN in the header.
    pub lsn: Lsn,
    /// Index id, of index pages that verify.
    pub index_id: Option<u64>,
    /// Level in the tree.
    pub level: Option<u16>,
    /// User records.
    pub records: Option<u16>,
    /// State: `valid`, `zero`, `doublewrite`, `freed`, `unverifiable`, or one of the states of damage.
    pub state: &'static str,
    /// Whether that is damage: an all-zero page may be or not.
    pub damaged: bool,
}

impl<'a> RowReport<'a> {
    /// The row of a page.
    pub fn of(path: &'a str, space_id: Option<SpaceId>, row: &Row) -> RowReport<'a> {
        RowReport {
            path,
            space_id,
            page_no: row.page_no,
            page_type: row.page_type,
            type_name: page_type::name(row.page_type),
            lsn: row.lsn,
            index_id: row.index.map(|(id, ..)| id),
            level: row.index.map(|(_, level, _)| level),
            records: row.index.map(|(.., records)| records),
            state: row.state.name(),
            damaged: matches!(row.state, RowState::Damaged(_)),
        }
    }
}
