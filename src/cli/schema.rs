//! `dblwr schema`: JSON Schemas of everything that is written as JSON, made from the types that write it.

use clap::ValueEnum;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};

use crate::cli::{Context, Status, progress};
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
pub enum Output {
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

impl Output {
    /// Its schema, by draft 2020-12. A later version may add fields, so none is forbidden.
    pub fn schema(self) -> Schema {
        match self {
            Output::Locate => of::<LocateReport>(),
            Output::Dump => of::<DumpReport>(),
            Output::Verify => of::<VerifyReport>(),
            Output::Redo => of::<RedoDocument>(),
            Output::Restore => of::<RestoreReport>(),
            Output::Plan => of::<PlanFile>(),
            Output::Revert => of::<RevertReport>(),
            Output::Page => of::<PageDocument>(),
            Output::Carve => of::<CarveReport>(),
            Output::Capture => of::<CaptureReport>(),
            Output::ExplainLog => of::<ExplainReport>(),
            Output::Check => of::<CheckReport>(),
            Output::Baseline => of::<SealedBaseline>(),
            Output::Scan => of::<ScanReport>(),
            Output::ScanLine => of::<stream::AnyLine<'_>>(),
            Output::ScanRow => of::<RowReport<'_>>(),
            Output::Progress => of::<progress::Line>(),
            Output::Record => of::<custody::Line>(),
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

pub(super) fn run(name: Option<Output>, context: &mut Context<'_>) -> anyhow::Result<Status> {
    match name {
        Some(name) => {
            let schema = name.schema();
            context.emit(&schema, |out| {
                serde_json::to_writer_pretty(&mut *out, &schema)?;
                writeln!(out)
            })?;
        }
        None => {
            for output in Output::value_variants() {
                let Some(value) = output.to_possible_value() else { continue };
                let help = value.get_help().map(ToString::to_string).unwrap_or_default();
                writeln!(context.out, "{:<12} {help}", value.get_name())?;
            }
        }
    }
    Ok(Status::Healthy)
}
