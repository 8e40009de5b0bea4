//! Scan results as they come: nothing is kept that can be written at once.

use std::io::{self, Write};

use serde::Serialize;

use crate::instance::Instance;
use crate::report::SCHEMA_VERSION;
use crate::report::guard::{guard, guard_beside};
use crate::report::problem::ProblemReport;
use crate::report::scan::{DamageReport, FileReport, RowReport, ScanReport, ScanSummary, ScannedServer};
use crate::report::style::printable;
use crate::report::width;
use crate::verdict::predict::Prediction;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamShape {
    /// For people, at the end.
    Table,
    /// One document; its files are written as they are finished.
    Json,
    /// One line for each file, each finding and the sums.
    Jsonl,
    /// One line for each finding.
    Csv,
    /// `--pages`: one JSON line for each page.
    RowsJsonl,
    /// `--pages`: one CSV line for each page.
    RowsCsv,
}

/// Findings that are kept for a table or document at most.
const MAX_KEPT: usize = 100_000;

/// One line of `scan --format jsonl`.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum StreamLine<'a> {
    /// A file that was looked at; its damage comes before it.
    File(&'a FileReport),
    /// Damage, as it is found.
    Damaged(&'a DamageReport),
    /// The last line: sums.
    Summary(StreamSummary<'a>),
}

/// A problem as a line of `scan --format jsonl`; its `kind` says which.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct ProblemLine<'a> {
    /// Always `problem`.
    #[serde(rename = "type")]
    of: ProblemType,
    #[serde(flatten)]
    problem: &'a ProblemReport,
}

/// What tells a line with a problem from the others.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProblemType {
    /// A problem.
    Problem,
}

/// Any line of `scan --format jsonl`.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is asked for")]
pub(crate) enum AnyLine<'a> {
    /// Told by `kind`.
    Line(StreamLine<'a>),
    /// Told by `type`.
    Problem(ProblemLine<'a>),
}

/// Sums over all files, as the last line.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct StreamSummary<'a> {
    /// [`SCHEMA_VERSION`].
    schema_version: u32,
    #[serde(flatten)]
    summary: &'a ScanSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    guard: Option<&'static str>,
}

/// Writes results in one of the shapes.
pub struct Stream<'a> {
    out: &'a mut dyn Write,
    shape: StreamShape,
    report: ScanReport,
    verbose: bool,
    header_written: bool,
}

impl<'a> Stream<'a> {
    /// Begins the output.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(out: &'a mut dyn Write, shape: StreamShape, verbose: bool) -> io::Result<Stream<'a>> {
        if shape == StreamShape::Json {
            write!(out, "{{\n  \"schema_version\": {SCHEMA_VERSION},\n  \"files\": [")?;
        }
        Ok(Stream { out, shape, report: ScanReport::new(), verbose, header_written: false })
    }

    /// The sums so far.
    pub fn summary(&mut self) -> &mut ScanSummary {
        &mut self.report.summary
    }

    /// Rows of pages.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn rows<'r>(&mut self, rows: impl Iterator<Item = RowReport<'r>>) -> anyhow::Result<()> {
        match self.shape {
            StreamShape::RowsJsonl => {
                for row in rows {
                    line(self.out, &row)?;
                }
            }
            StreamShape::RowsCsv => self.csv(rows)?,
            _ => {}
        }
        Ok(())
    }

    /// A finished file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn file(&mut self, file: FileReport) -> anyhow::Result<()> {
        let first = self.report.summary.files == 0;
        self.report.summary.add_file(&file);
        match self.shape {
            StreamShape::Table => {
                self.report.notable.add(&file);
                if self.verbose || file.damaged > 0 {
                    self.report.files.push(file);
                }
            }
            StreamShape::Json => {
                write!(self.out, "{}\n    ", if first { "" } else { "," })?;
                serde_json::to_writer(&mut *self.out, &file)?;
            }
            StreamShape::Jsonl => line(self.out, &StreamLine::File(&file))?,
            StreamShape::Csv | StreamShape::RowsJsonl | StreamShape::RowsCsv => {}
        }
        Ok(())
    }

    /// A finding.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn damage(&mut self, damage: DamageReport) -> anyhow::Result<()> {
        self.report.summary.add_damage(&damage);
        match self.shape {
            StreamShape::Table | StreamShape::Json if self.report.damaged.len() < MAX_KEPT => {
                self.report.damaged.push(damage)
            }
            StreamShape::Table | StreamShape::Json => self.report.summary.omitted += 1,
            StreamShape::Jsonl => {
                line(self.out, &StreamLine::Damaged(&damage))?;
                self.out.flush()?;
            }
            StreamShape::Csv => self.csv(std::iter::once(DamageRow::of(&damage)))?,
            StreamShape::RowsJsonl | StreamShape::RowsCsv => {}
        }
        Ok(())
    }

    /// What is wrong besides single pages: known when everything was read.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn problems(&mut self, problems: Vec<ProblemReport>) -> anyhow::Result<()> {
        if self.shape == StreamShape::Jsonl {
            for problem in &problems {
                line(self.out, &ProblemLine { of: ProblemType::Problem, problem })?;
            }
        }
        self.report.problems = problems;
        Ok(())
    }

    /// Whose files they are, where they are of one server.
    pub fn of_server(&mut self, instance: &Instance) {
        let (name, generation) = (instance.server.clone(), instance.generation);
        self.report.server = Some(ScannedServer { name, generation });
    }

    /// A server runs on them.
    pub fn runs(&mut self, sign: &str) {
        self.report.running = Some(sign.to_owned());
    }

    /// What the server would do, now that every page was read.
    pub fn foretell(&mut self, prediction: Option<Prediction>) {
        self.report.prediction = prediction;
    }

    /// The first line for a person, as far as it is known.
    pub fn headline(&self) -> String {
        self.report.summary.headline(&self.report.problems)
    }

    /// What must not be done, as the advice has it.
    pub fn guard(&self) -> Option<&'static str> {
        let can_be_restored = self.report.summary.restorable > 0;
        match &self.report.prediction {
            Some(prediction) => guard_beside(&prediction.advice, can_be_restored),
            None => guard(can_be_restored),
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn end(mut self) -> anyhow::Result<ScanSummary> {
        let summary = self.report.summary;
        self.report.guard = self.guard();
        match self.shape {
            StreamShape::Table => {
                let mut text = Vec::new();
                self.report.write_text(&mut text, self.verbose)?;
                self.out.write_all(width::fit(String::from_utf8_lossy(&text).into_owned()).as_bytes())?;
            }
            StreamShape::Json => {
                write!(self.out, "{}],\n  \"damaged\": [", if summary.files > 0 { "\n  " } else { "" })?;
                for (n, damage) in self.report.damaged.iter().enumerate() {
                    write!(self.out, "{}\n    ", if n == 0 { "" } else { "," })?;
                    serde_json::to_writer(&mut *self.out, damage)?;
                }
                write!(
                    self.out,
                    "{}],\n  \"summary\": ",
                    if self.report.damaged.is_empty() { "" } else { "\n  " }
                )?;
                serde_json::to_writer(&mut *self.out, &summary)?;
                write!(self.out, ",\n  \"problems\": ")?;
                serde_json::to_writer(&mut *self.out, &self.report.problems)?;
                write!(self.out, ",\n  \"server\": ")?;
                serde_json::to_writer(&mut *self.out, &self.report.server)?;
                write!(self.out, ",\n  \"running\": ")?;
                serde_json::to_writer(&mut *self.out, &self.report.running)?;
                write!(self.out, ",\n  \"prediction\": ")?;
                serde_json::to_writer(&mut *self.out, &self.report.prediction)?;
                if let Some(guard) = self.report.guard {
                    write!(self.out, ",\n  \"guard\": ")?;
                    serde_json::to_writer(&mut *self.out, guard)?;
                }
                writeln!(self.out, "\n}}")?;
            }
            StreamShape::Jsonl => {
                let guard = self.report.guard;
                let last = StreamSummary { schema_version: SCHEMA_VERSION, summary: &summary, guard };
                line(self.out, &StreamLine::Summary(last))?;
            }
            // A file without findings still says what its columns are.
            StreamShape::Csv if !self.header_written => self.csv(std::iter::empty::<DamageRow<'_>>())?,
            StreamShape::Csv | StreamShape::RowsJsonl | StreamShape::RowsCsv => {}
        }
        Ok(summary)
    }

    /// Whether lines of CSV are written.
    pub fn is_csv(&self) -> bool {
        matches!(self.shape, StreamShape::Csv | StreamShape::RowsCsv)
    }

    fn csv<T: Serialize>(&mut self, rows: impl Iterator<Item = T>) -> anyhow::Result<()> {
        let mut writer =
            csv::WriterBuilder::new().has_headers(!self.header_written).from_writer(&mut *self.out);
        let mut any = false;
        for row in rows {
            writer.serialize(row)?;
            any = true;
        }
        if !any && !self.header_written {
            writer.write_record(DamageRow::COLUMNS)?;
        }
        writer.flush()?;
        drop(writer);
        self.header_written = true;
        Ok(())
    }
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

/// One finding as a line of CSV.
#[derive(Serialize)]
struct DamageRow<'a> {
    path: String,
    space_id: Option<u32>,
    page_no: u32,
    pages: u32,
    offset: u64,
    length: u32,
    state: &'a str,
    class: &'a str,
    table: Option<String>,
    index: Option<String>,
    rebuildable: Option<bool>,
    level: Option<u16>,
    records: Option<u64>,
    lsn: Option<u64>,
    mendable: bool,
    restorable: bool,
    reason: String,
}

impl<'a> DamageRow<'a> {
    const COLUMNS: [&'static str; 17] = [
        "path",
        "space_id",
        "page_no",
        "pages",
        "offset",
        "length",
        "state",
        "class",
        "table",
        "index",
        "rebuildable",
        "level",
        "records",
        "lsn",
        "mendable",
        "restorable",
        "reason",
    ];

    fn of(damage: &'a DamageReport) -> DamageRow<'a> {
        DamageRow {
            path: printable(&damage.path),
            space_id: damage.space_id.map(|id| id.0),
            page_no: damage.page_no.0,
            pages: damage.pages,
            offset: damage.offset.0,
            length: damage.length,
            state: damage.state.name(),
            class: damage.class.name(),
            table: damage.table.as_deref().map(printable),
            index: damage.index.as_deref().map(printable),
            rebuildable: damage.rebuildable,
            level: damage.level,
            records: damage.records,
            lsn: damage.lsn.map(|lsn| lsn.0),
            mendable: damage.mendable,
            restorable: damage.is_restorable(),
            reason: printable(&damage.reason),
        }
    }
}
