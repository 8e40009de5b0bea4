//! Which command writes which format: told before any work, so that wrong usage means that nothing was done.

use clap::ValueEnum;

use crate::cli::args::check::CheckOutput;
use crate::cli::args::{Command, Format};

/// Commands with one document: a report.
const DOCUMENT: &[Format] = &[Format::Table, Format::Json, Format::Jsonl];

impl Command {
    /// Whether this command can write its output so.
    pub fn accepts(&self, format: Format) -> bool {
        self.formats().contains(&format)
    }

    /// Whether its own options make the answer JSON.
    pub fn answers_in_json(&self) -> bool {
        matches!(self, Command::Check(args) if args.output == CheckOutput::Json)
    }

    /// The formats that this command can write. Exhaustive, so that a new command does not compile without its line.
    fn formats(&self) -> &'static [Format] {
        match self {
            Command::Scan(_) => Format::value_variants(),
            Command::Locate(_)
            | Command::Dump(_)
            | Command::Verify(_)
            | Command::Redo(_)
            | Command::Restore(_)
            | Command::Revert(_)
            | Command::Check(_)
            | Command::ExplainLog(_)
            | Command::Page(_)
            | Command::Carve(_)
            | Command::Capture(_)
            | Command::Schema { name: Some(_) } => DOCUMENT,
            Command::Schema { name: None } | Command::Completions { .. } | Command::Man { .. } => {
                &[Format::Table]
            }
        }
    }

    /// One line on a format that [`Command::accepts`] refuses.
    pub(super) fn refusal(&self, format: Format) -> String {
        let name = |format: &Format| {
            format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
        };
        let known: Vec<String> = self.formats().iter().map(name).collect();
        format!(
            "this command cannot write --format {}, only {}; nothing was done",
            name(&format),
            known.join(", ")
        )
    }
}
