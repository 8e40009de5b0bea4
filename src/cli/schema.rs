//! `dblwr schema`: JSON Schemas of everything that is written as JSON, made from the types that write it.

use clap::ValueEnum;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};

use crate::cli::{Context, ExitStatus, progress};
use crate::commands::check::baseline::SealedBaseline;
use crate::commands::custody;
use crate::commands::restore::plan_file::PlanFile;
use crate::report::capture::CaptureReport;
use crate::report::carve::CarveReport;
use crate::report::check::CheckReport;
use crate::report::dump::DumpReport;
use crate::report::explain_log::ExplainReport;
use crate::report::locate::LocateReport;
use crate::report::page::PageDocument;
use crate::report::redo::RedoDocument;
use crate::report::restore::RestoreReport;
use crate::report::revert::RevertReport;
use crate::report::scan::{RowReport, ScanReport, stream};
use crate::report::verify::VerifyReport;

/// Everything that is written as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DescribedOutput {
    /// The document of locate.
    Locate,
    /// The document of dump, and of page where the file is a doublewrite file.
    Dump,
    /// The document of verify.
    Verify,
    /// The document of redo.
    Redo,
    /// The document of restore.
    Restore,
    /// The file of restore --plan-out.
    Plan,
    /// The document of revert.
    Revert,
    /// The document of page.
    Page,
    /// The document of carve.
    Carve,
    /// The document of capture.
    Capture,
    /// The document of explain-log.
    ExplainLog,
    /// The document of check --output json.
    Check,
    /// The file of check --baseline.
    Baseline,
    /// The document of scan.
    Scan,
    /// One line of scan --format jsonl.
    ScanLine,
    /// One line of scan --pages --format jsonl.
    ScanRow,
    /// One line of scan --progress-fd.
    Progress,
    /// One line of --record.
    Record,
}

impl DescribedOutput {
    /// Its schema, by draft 2020-12. A later version may add fields, so none is forbidden.
    pub fn schema(self) -> Schema {
        match self {
            DescribedOutput::Locate => of::<LocateReport>(),
            DescribedOutput::Dump => of::<DumpReport>(),
            DescribedOutput::Verify => of::<VerifyReport>(),
            DescribedOutput::Redo => of::<RedoDocument>(),
            DescribedOutput::Restore => of::<RestoreReport>(),
            DescribedOutput::Plan => of::<PlanFile>(),
            DescribedOutput::Revert => of::<RevertReport>(),
            DescribedOutput::Page => of::<PageDocument>(),
            DescribedOutput::Carve => of::<CarveReport>(),
            DescribedOutput::Capture => of::<CaptureReport>(),
            DescribedOutput::ExplainLog => of::<ExplainReport>(),
            DescribedOutput::Check => of::<CheckReport>(),
            DescribedOutput::Baseline => of::<SealedBaseline>(),
            DescribedOutput::Scan => of::<ScanReport>(),
            DescribedOutput::ScanLine => of::<stream::AnyLine<'_>>(),
            DescribedOutput::ScanRow => of::<RowReport<'_>>(),
            DescribedOutput::Progress => of::<progress::ProgressLine>(),
            DescribedOutput::Record => of::<custody::CustodyLine>(),
        }
    }
}

/// As it is written: what may be left out is not required, everything else is.
fn of<T: JsonSchema>() -> Schema {
    let plain = RecursiveTransform(|schema: &mut Schema| {
        // The links of the types' documentation lead nowhere outside of it.
        if let Some(serde_json::Value::String(text)) = schema.get_mut("description") {
            *text = text.replace("[`", "`").replace("`]", "`");
        }
    });
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    { plain }.transform(&mut schema);
    schema
}

pub(super) fn run(name: Option<DescribedOutput>, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    match name {
        Some(name) => {
            let schema = name.schema();
            context.emit(&schema, |out| {
                serde_json::to_writer_pretty(&mut *out, &schema)?;
                writeln!(out)
            })?;
        }
        None => {
            for output in DescribedOutput::value_variants() {
                let Some(value) = output.to_possible_value() else { continue };
                let help = value.get_help().map(ToString::to_string).unwrap_or_default();
                writeln!(context.out, "{:<12} {help}", value.get_name())?;
            }
        }
    }
    Ok(ExitStatus::Healthy)
}
