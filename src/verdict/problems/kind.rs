//! The kinds of problems.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::units::PageNo;

/// What kind of problem.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, VariantArray,
)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A file that the server cannot do without, or that its dictionary names, is not there.
    FileMissing,
    /// A file is named at a place that was not looked at or cannot be reached.
    FileElsewhere,
    /// A file of no bytes.
    FileEmpty,
    /// A file in which no page can be recognised.
    FileForeign,
    /// A file is shorter than its own header says.
    FileCut,
    /// Two files claim one space id.
    SpaceIdTwice,
    /// A page that servers read before or without the doublewrite pass is damaged, and nothing mends it.
    PageDamaged,
    /// Pages are newer than the end of the redo log.
    LsnInFuture,
    /// There is no redo log, or files of it are gone.
    RedoMissing,
    /// Header or newest checkpoint of the redo log fail their checksums.
    RedoDamaged,
    /// The redo log is not the one of these files.
    RedoForeign,
    /// Redo logging was switched off when the server died.
    RedoDisabled,
    /// An initialisation that never ended.
    HalfMade,
    /// This server keeps its copies in files that are not there.
    CopiesElsewhere,
    /// Copies contradict the data.
    CopiesForeign,
    /// A file or a part of it could not be read.
    Unreadable,
    /// What was asked for could not be judged.
    NotJudged,
    /// A backup that has not been prepared.
    Backup,
}

impl ProblemKind {
    /// As it stands in JSON.
    pub fn name(self) -> &'static str {
        match self {
            ProblemKind::FileMissing => "file_missing",
            ProblemKind::FileElsewhere => "file_elsewhere",
            ProblemKind::FileEmpty => "file_empty",
            ProblemKind::FileForeign => "file_foreign",
            ProblemKind::FileCut => "file_cut",
            ProblemKind::SpaceIdTwice => "space_id_twice",
            ProblemKind::PageDamaged => "page_damaged",
            ProblemKind::LsnInFuture => "lsn_in_future",
            ProblemKind::RedoMissing => "redo_missing",
            ProblemKind::RedoDamaged => "redo_damaged",
            ProblemKind::RedoForeign => "redo_foreign",
            ProblemKind::RedoDisabled => "redo_disabled",
            ProblemKind::HalfMade => "half_made",
            ProblemKind::CopiesElsewhere => "copies_elsewhere",
            ProblemKind::CopiesForeign => "copies_foreign",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::NotJudged => "not_judged",
            ProblemKind::Backup => "backup",
        }
    }
}

/// What makes a problem the same one at a later look.
pub type ProblemKey = (ProblemKind, Option<PathBuf>, Option<PageNo>);
