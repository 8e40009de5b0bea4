//! Problems in JSON and in words, the same for every command.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{count, style};
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::problems::{Problem, ProblemKind, Severity};

/// One problem of a directory or a file: something missing, cut, foreign or not judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemReport {
    /// What kind of problem.
    pub kind: ProblemKind,
    /// `critical` makes status 2, `warning` 1, `unknown` 3, `note` 0.
    pub severity: Severity,
    /// The file, relative to PATH.
    pub file: Option<String>,
    /// Tablespace.
    pub space_id: Option<SpaceId>,
    /// Page, where it is about one.
    pub page_no: Option<PageNo>,
    /// How many pages; `null` where not all were read.
    pub pages: Option<u64>,
    /// The greatest LSN, where it is about one.
    pub lsn: Option<Lsn>,
    /// Whether a server of this generation stops at it; `null` where no rule is known.
    pub stops_start: Option<bool>,
    /// One sentence for a person.
    pub reason: String,
}

impl ProblemReport {
    /// The report on a problem.
    pub fn of(problem: &Problem) -> ProblemReport {
        ProblemReport {
            kind: problem.kind,
            severity: problem.severity,
            file: problem.file.as_ref().map(|file| file.display().to_string()),
            space_id: problem.space_id,
            page_no: problem.page_no,
            pages: problem.pages,
            lsn: problem.lsn,
            stops_start: problem.stops_start,
            reason: problem.reason.to_string(),
        }
    }

    /// A remark of no harm.
    pub fn note(kind: ProblemKind, reason: impl Into<String>) -> ProblemReport {
        ProblemReport {
            kind,
            severity: Severity::Note,
            file: None,
            space_id: None,
            page_no: None,
            pages: None,
            lsn: None,
            stops_start: Some(false),
            reason: reason.into(),
        }
    }

    /// The reports on a list, in its order.
    pub fn all(problems: &[Problem]) -> Vec<ProblemReport> {
        problems.iter().map(ProblemReport::of).collect()
    }

    /// `d/t1.ibd: file_cut: page 0 counts 11 pages, ...`.
    pub fn line(&self) -> String {
        let file =
            self.file.as_deref().map(|file| format!("{}: ", style::printable(file))).unwrap_or_default();
        format!("{file}{}: {}", self.kind.name(), style::printable(&self.reason))
    }
}

/// How many problems are of a severity.
pub fn number_of(problems: &[ProblemReport], severity: Severity) -> usize {
    problems.iter().filter(|problem| problem.severity == severity).count()
}

/// What the first line of a report says of problems: the worst ones, the first of them by name. Empty where there are
/// only notes.
pub fn phrase(problems: &[ProblemReport]) -> Option<String> {
    let worst =
        problems.iter().map(|problem| problem.severity).min().filter(|&worst| worst != Severity::Note)?;
    let first = problems.iter().find(|problem| problem.severity == worst)?;
    let more = match number_of(problems, worst).saturating_sub(1) {
        0 => String::new(),
        more => format!(", and {} more", count(more, "problem")),
    };
    Some(first.line() + &more)
}

/// Lists problems for a person, the worst first; notes only if asked for.
///
/// # Errors
/// Those of the writer.
pub fn write_list(out: &mut dyn Write, problems: &[ProblemReport], verbose: bool) -> io::Result<()> {
    /// More than this are counted: a directory without its tables has thousands.
    const LISTED: usize = 20;
    let shown: Vec<&ProblemReport> =
        problems.iter().filter(|problem| verbose || problem.severity != Severity::Note).collect();
    let limit = if verbose { usize::MAX } else { LISTED };
    for problem in shown.iter().take(limit) {
        let severity = match problem.severity {
            Severity::Critical => style::paint(style::BAD, "critical"),
            Severity::Warning => style::paint(style::WARN, "warning"),
            Severity::Unknown => style::paint(style::WARN, "unknown"),
            Severity::Note => "note".to_owned(),
        };
        writeln!(out, "{severity}: {}", problem.line())?;
    }
    if shown.len() > limit {
        writeln!(out, "and {} (-v lists them)", count(shown.len() - limit, "more problem"))?;
    }
    let notes = if verbose { 0 } else { number_of(problems, Severity::Note) };
    if notes > 0 {
        writeln!(out, "note: {} of no harm (-v lists them)", count(notes, "more finding"))?;
    }
    Ok(())
}
