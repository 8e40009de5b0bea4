//! `scan`: every damaged page of every file.

pub mod damage;
pub mod rows;
pub mod stream;

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::commands::scan::FileFinding;
use crate::instance::generation::Generation;
use crate::report::SCHEMA_VERSION;
use crate::report::advice::write_prediction;
use crate::report::guard::{write_guard, write_running};
use crate::report::in_row_order;
use crate::report::problem::{self, ProblemReport};
use crate::report::server_line;
use crate::report::style;
use crate::units::SpaceId;
use crate::units::count;
use crate::verdict::predict::Prediction;
use crate::verdict::problems::Severity;

pub use crate::report::scan::damage::{DamageOwner, DamageReport};
pub use crate::report::scan::rows::RowReport;

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
    /// What is wrong besides single pages, the worst first.
    pub problems: Vec<ProblemReport>,
    /// Which server ran these files; `null` where files of several were scanned, or nothing tells.
    pub server: Option<ScannedServer>,
    /// How a server shows that runs on these files now: the process that has a file locked, or names itself; `null` where none is seen.
    pub running: Option<String>,
    /// What the server will do at its next start, every page looked at; `null` unless one whole data directory was scanned.
    pub prediction: Option<Prediction>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
    #[serde(skip)]
    notable: Notable,
}

/// Which server ran the files that were scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ScannedServer {
    /// Its name and version, where page 0 or the redo log carry them.
    pub name: Option<String>,
    /// Its generation.
    pub generation: Generation,
}

/// Pages that are worth a note although they are fine.
#[derive(Debug, Clone, Copy, Default)]
struct Notable {
    doublewrite: u64,
    freed: u64,
    zero_in_use: u64,
    zero_copied: u64,
}

impl Notable {
    fn add(&mut self, file: &FileReport) {
        self.doublewrite += file.doublewrite;
        self.freed += file.freed;
        self.zero_in_use += file.zero_in_use;
        self.zero_copied += file.zero_copied;
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
    /// Of these, in use according to the extent descriptors and without a good copy: redo brings them, or they were never
    /// needed.
    pub zero_in_use: u64,
    /// Of these, pages of which the doublewrite buffer has a good copy: verify counts them as restorable.
    #[serde(default)]
    pub zero_copied: u64,
    /// Damaged pages.
    pub damaged: u64,
    /// Encrypted without a key, or in a format that cannot be judged.
    pub unverifiable: u64,
    /// Pages of the doublewrite buffer inside the system tablespace: not judged.
    pub doublewrite: u64,
    /// Damaged or stale pages that are free according to the extent descriptors: harmless.
    pub freed: u64,
    /// Damaged pages that redo initialises after the checkpoint: the server makes them anew, whatever lies there.
    #[serde(default)]
    pub redo_rebuilds: u64,
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
            zero_copied: file.counts.zero_copied,
            damaged: file.counts.damaged,
            unverifiable: file.counts.unverifiable,
            doublewrite: file.counts.doublewrite,
            freed: file.counts.freed,
            redo_rebuilds: file.counts.redo_rebuilds,
            rest: file.rest,
            complete: file.complete,
        }
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
    /// Damaged pages that redo initialises after the checkpoint, which is no damage.
    pub redo_rebuilds: u64,
    /// Files that could not be read, or not to their end.
    pub failures: u64,
    /// Entries of `damaged` that were left out because there were too many; the counts hold all.
    pub omitted: u64,
    /// Whether everything was looked at.
    pub complete: bool,
    /// Files that an earlier scan has read, and that nothing has changed since: by `--resume`.
    #[serde(skip)]
    #[schemars(skip)]
    pub read_before: u64,
    /// When the first of these was read: seconds since 1970, UTC.
    #[serde(skip)]
    #[schemars(skip)]
    pub since: i64,
    /// Whether a bundle was among the paths: what it does not hold could not be judged either.
    #[serde(skip)]
    #[schemars(skip)]
    pub of_bundles: bool,
}

impl ScanSummary {
    /// One more file.
    pub fn add_file(&mut self, file: &FileReport) {
        let looked_at = file.valid
            + file.zero
            + file.damaged
            + file.unverifiable
            + file.doublewrite
            + file.freed
            + file.redo_rebuilds;
        self.files += 1;
        self.pages += looked_at;
        self.damaged += file.damaged;
        self.bytes += looked_at * u64::from(file.page_size);
        self.unverifiable += file.unverifiable;
        self.redo_rebuilds += file.redo_rebuilds;
        self.complete &= file.complete;
    }

    /// One more entry of damage.
    pub fn add_damage(&mut self, damage: &DamageReport) {
        self.restorable += if damage.is_restorable() { u64::from(damage.pages) } else { 0 };
        self.mendable += if damage.mendable { u64::from(damage.pages) } else { 0 };
    }

    /// What was not read now.
    fn earlier(&self) -> String {
        let time = jiff::Timestamp::from_second(self.since).unwrap_or_default();
        match self.read_before {
            0 => String::new(),
            all if all == self.files => {
                format!(", all read earlier, at {time} or later, and unchanged since: nothing was read now")
            }
            some => format!(
                ", {} of them read earlier, at {time} or later, and unchanged since",
                count(some as usize, "file")
            ),
        }
    }

    /// The first line for a person.
    pub fn headline(&self, problems: &[ProblemReport]) -> String {
        let looked = format!(
            "{} in {}{}",
            count(self.pages as usize, "page"),
            count(self.files as usize, "file"),
            self.earlier()
        );
        let damaged = count(self.damaged as usize, "damaged page");
        let beyond = self.damaged.saturating_sub(self.restorable);
        let has = |severity| problem::number_of(problems, severity) > 0;
        let other = problem::phrase(problems).map(|other| format!("; {other}")).unwrap_or_default();
        let what = match (self.damaged, beyond) {
            (0, _) => "no damaged page".to_owned(),
            (_, 0) => format!("{damaged} with a good copy in the doublewrite buffer"),
            _ => format!("{damaged}, {beyond} of them beyond the doublewrite buffer"),
        };
        match () {
            () if beyond > 0 || has(Severity::Critical) => {
                style::paint(style::BAD, &format!("CRITICAL: {what}; {looked}{other}"))
            }
            () if self.damaged > 0 => {
                style::paint(style::WARN, &format!("RESTORABLE: {what}; {looked}{other}"))
            }
            () if has(Severity::Warning) => {
                style::paint(style::WARN, &format!("ATTENTION: {what}; {looked}{other}"))
            }
            () if !self.complete || self.failures > 0 => style::paint(
                style::WARN,
                &format!("UNKNOWN: no damaged page so far; {looked}, not all of it{other}"),
            ),
            () if has(Severity::Unknown) => {
                style::paint(style::WARN, &format!("UNKNOWN: {what}; {looked}{other}"))
            }
            () => style::paint(style::GOOD, &format!("OK: {what}; {looked}")),
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
            problems: Vec::new(),
            server: None,
            running: None,
            prediction: None,
            guard: None,
            notable: Notable::default(),
        }
    }

    /// Writes it for a person. `verbose` lists every file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        write_running(out, self.running.as_deref())?;
        writeln!(out, "{}", self.summary.headline(&self.problems))?;
        let server = self.server.as_ref().and_then(|of| server_line(of.name.as_deref(), of.generation));
        server.map_or(Ok(()), |server| writeln!(out, "{server}"))?;
        problem::write_list(out, &self.problems, verbose)?;
        self.write_files(out, verbose)?;
        self.write_damaged(out)?;
        let Notable { doublewrite, freed, zero_in_use, zero_copied } = self.notable;
        let unverifiable = match self.summary.of_bundles {
            true => "could not be judged: not in the bundle, or encrypted without a key",
            false => "could not be judged: encrypted without a key",
        };
        for (number, verb, what) in [
            (
                doublewrite,
                ["lies ", "lie "],
                "in the doublewrite buffer, not judged here (dblwr verify does)",
            ),
            (freed, ["is ", "are "], "damaged but free: harmless"),
            (
                self.summary.redo_rebuilds,
                ["is ", "are "],
                "damaged, but made anew by redo after the checkpoint, when the server starts",
            ),
            (
                zero_copied,
                ["is ", "are "],
                "all zero, with a good copy in the doublewrite buffer: not counted here, named by dblwr verify",
            ),
            (
                zero_in_use,
                ["is ", "are "],
                "all zero and in use: written by redo when the server starts, or never needed",
            ),
            (self.summary.unverifiable, ["", ""], unverifiable),
        ] {
            match (number, verb) {
                (0, _) => {}
                (1, [one, _]) => writeln!(out, "note: 1 page {one}{what}")?,
                (_, [_, many]) => writeln!(out, "note: {number} pages {many}{what}")?,
            }
        }
        if self.summary.omitted > 0 {
            writeln!(out, "note: {} more findings were left out of this list", self.summary.omitted)?;
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
        let mut listed: Vec<&DamageReport> = self.damaged.iter().collect();
        in_row_order(&mut listed, |page| (&page.path, Some(page.offset)));
        for page in listed {
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
            table.explain(&page.numbers(), &style::printable(&page.reason));
        }
        writeln!(out, "\n{}", style::indented(&table))
    }

    fn write_advice(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(prediction) = &self.prediction {
            write_prediction(out, prediction)?;
        }
        write_guard(out, self.guard)?;
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
