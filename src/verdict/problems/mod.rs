//! What is wrong with a directory besides single pages: files that are missing, cut or not theirs, a redo log that cannot
//! be the one of these files, copies of another life. "OK" is said only where none of this was found.
//!
//! [`of_survey`] is the one way in. Everything here is found in constant time for each file: sizes, page 0, the first pages
//! of the system tablespace, headers of logs, the pages that copies belong to. Rules are those that real servers showed.

mod copies;
mod files;
mod foreign_index;
pub mod kind;
mod misplaced;
mod named;
mod places;
pub mod reason;
mod redo;
mod schema_files;
mod system_files;
mod temper;
mod twice;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::instance::Instance;
use crate::instance::roster::Role;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::predict::Prediction;
use crate::verdict::survey::Survey;

pub use kind::{ProblemKey, ProblemKind};
pub use reason::{ProblemReason, Unjudged};
pub use redo::{FutureFile, too_new};
pub use temper::temper;

/// How bad. The order is that of listings: the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Status 2.
    Critical,
    /// Status 1.
    Warning,
    /// Status 3.
    Unknown,
    /// Status 0.
    Note,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub kind: ProblemKind,
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to PATH.
    pub file: Option<PathBuf>,
    /// Tablespace.
    pub space_id: Option<SpaceId>,
    /// Page, where it is about one.
    pub page_no: Option<PageNo>,
    /// How many pages, where all were read.
    pub pages: Option<u64>,
    /// Greatest LSN, where it is about one.
    pub lsn: Option<Lsn>,
    /// Whether a server of this generation stops at it; `None` where no rule is known.
    pub stops_start: Option<bool>,
    /// What it is about, for a person.
    pub reason: ProblemReason,
}

impl Problem {
    /// A problem of which nothing but its kind, severity and reason is known yet.
    pub fn new(kind: ProblemKind, severity: Severity, reason: ProblemReason) -> Problem {
        Problem {
            kind,
            severity,
            file: None,
            space_id: None,
            page_no: None,
            pages: None,
            lsn: None,
            stops_start: None,
            reason,
        }
    }

    /// What makes it the same one at a later look.
    pub fn key(&self) -> ProblemKey {
        (self.kind, self.file.clone(), self.page_no)
    }

    /// The same, of a file.
    #[must_use]
    pub fn file(self, file: impl Into<PathBuf>) -> Problem {
        Problem { file: Some(file.into()), ..self }
    }

    /// The same, of a tablespace.
    #[must_use]
    pub fn space(self, space: Option<SpaceId>) -> Problem {
        Problem { space_id: space, ..self }
    }

    /// The same, of a page.
    #[must_use]
    pub fn page(self, page: PageNo) -> Problem {
        Problem { page_no: Some(page), ..self }
    }

    /// The same, with the LSN that it is about.
    #[must_use]
    pub fn lsn(self, lsn: Lsn) -> Problem {
        Problem { lsn: Some(lsn), ..self }
    }

    /// The same, with what a server does about it.
    #[must_use]
    pub fn stops(self, stops_start: Option<bool>) -> Problem {
        Problem { stops_start, ..self }
    }
}

/// Everything that is wrong with what a survey looked at, the worst first.
///
/// Where one file was named, problems of other files are left out.
pub fn of_survey(survey: &Survey) -> Vec<Problem> {
    let mut problems = Vec::new();
    places::unreadable(survey, &mut problems);
    places::not_judged(survey, &mut problems);
    if survey.instance.is_whole() {
        let half_made = places::half_made(survey, &mut problems);
        if !half_made {
            files::missing(survey, &mut problems);
        }
        files::unnamed(survey, &mut problems);
        schema_files::missing(survey, &mut problems);
        redo::missing_or_damaged(survey, &mut problems);
        places::backup(survey, &mut problems);
        copies::elsewhere(survey, &mut problems);
    }
    // A bundle holds copies and their homes, and nothing else of its files.
    if survey.instance.locations.bundle.is_none() {
        files::cut(survey, &mut problems);
        files::damaged_pages(survey, &mut problems);
        twice::same_id(survey, &mut problems);
        redo::in_future(survey, &mut problems);
    }
    copies::foreign(survey, &mut problems);
    foreign_index::foreign_indexes(survey, &mut problems);
    if let Some(only) = survey.instance.only_file() {
        let of_log = |kind| matches!(kind, ProblemKind::NotJudged | ProblemKind::Unreadable);
        problems.retain(|problem| of_log(problem.kind) || problem.file.as_deref() == Some(only.as_path()));
    }
    if let Some(steady) = &survey.steady {
        problems.retain(|problem| steady.contains(&problem.key()));
    }
    sort(&mut problems);
    problems
}

/// What is wrong with what a survey looked at, and what its server will do: the prediction that pages allow, made as careful
/// as the problems demand. Every report foretells by this.
pub fn foretell(survey: &Survey) -> (Vec<Problem>, Prediction) {
    let (found, mut prediction) = (of_survey(survey), Prediction::of(survey));
    temper(&mut prediction, &found);
    (found, prediction)
}

/// Copies that were not looked at: the files that hold them are not there, or the system tablespace that does is not.
pub fn unseen_copies(survey: &Survey) -> Vec<Problem> {
    let instance = &survey.instance;
    let built_in =
        instance.generation.reads_separate_files() != Some(true) && instance.spaces.system().is_none();
    let named = |file: &PathBuf| {
        instance.roster.files.iter().any(|named| named.role == Role::System && named.name == *file)
    };
    let holds = |problem: &Problem| match problem.kind {
        ProblemKind::CopiesElsewhere => true,
        ProblemKind::FileMissing => built_in && problem.file.as_ref().is_some_and(named),
        _ => false,
    };
    of_survey(survey).into_iter().filter(holds).collect()
}

/// The worst first.
pub fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| {
        (a.severity, a.kind, &a.file, a.page_no).cmp(&(b.severity, b.kind, &b.file, b.page_no))
    });
}

/// What a scan has to say: what the survey found, of the files that were read, with what took every page to find.
///
/// `only` is the file that was named, where it was one: it was judged for itself, and that it lies alone is no fault.
pub fn of_scan(
    instance: &Instance,
    surveyed: &[Problem],
    only: Option<&Path>,
    future: BTreeMap<PathBuf, FutureFile>,
) -> Vec<Problem> {
    let newer = too_new(instance, future);
    let again = |old: &&Problem| {
        matches!(old.kind, ProblemKind::LsnInFuture | ProblemKind::RedoForeign)
            && newer.iter().any(|new| (new.kind, &new.file) == (old.kind, &old.file))
    };
    let kept = surveyed.iter().filter(|old| !again(old)).cloned();
    let mut problems: Vec<Problem> = kept.chain(newer.iter().cloned()).collect();
    if let Some(only) = only {
        problems.retain(|problem| {
            problem.file.as_deref() == Some(only)
                || matches!(problem.reason, ProblemReason::NotJudged(Unjudged::LoneFile))
        });
        for problem in &mut problems {
            if problem.kind == ProblemKind::NotJudged {
                problem.severity = Severity::Note;
            }
        }
    }
    sort(&mut problems);
    problems
}
