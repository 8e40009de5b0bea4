//! Why a server stops at a page, and why the files do not show what it does.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::units::Lsn;
use crate::verdict::predict::PredictedPage;
use crate::verdict::problems::reason::ProblemReason;

/// Why a server does not get past a page or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is spelled out by its sentence below")]
pub enum StopReason {
    FirstCopyDamaged,
    UnknownSpace,
    NewestCopyDamaged,
    ReadBeforeThePass,
    CannotBeUnpacked,
    ReadAtEveryStart,
    NeededByRedo,
    SaysEncrypted,
    UnknownToAnybody,
    NoGoodCopy,
    UndoWithoutId,
    RedoNeedsTheSpace,
    OnlyDetected,
    /// The only copy is older than what a reduced entry proves.
    NewerReduced {
        copy: Lsn,
        newer: Lsn,
    },
    /// A problem of the file.
    Problem(ProblemReason),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::FirstCopyDamaged => "the page is damaged, and so is the first copy of it that this server meets",
            StopReason::UnknownSpace => "its first page is damaged, and its other pages do not tell the server its space id",
            StopReason::NewestCopyDamaged => "this server takes its newest copy unverified, and that one is damaged",
            StopReason::ReadBeforeThePass => "this server reads the transaction system page before it looks at the doublewrite buffer",
            StopReason::CannotBeUnpacked => "it has no checksum, so the pass leaves it as it is, and recovery cannot unpack it",
            StopReason::ReadAtEveryStart => "it stays damaged, and every start reads this page of the system tablespace",
            StopReason::NeededByRedo => "it stays damaged, and recovery must read it to apply redo to it",
            StopReason::SaysEncrypted => "its damaged header says that the file is encrypted, and this server then gives up",
            StopReason::UnknownToAnybody => "its first page is damaged, and its other pages do not tell its space id",
            StopReason::NoGoodCopy => "its first page is damaged, and no copy of it is good",
            StopReason::UndoWithoutId => "the first page of an undo tablespace does not state its space id",
            StopReason::RedoNeedsTheSpace => "nothing in the file tells the server its space id, and redo needs that tablespace",
            StopReason::OnlyDetected => "the page is damaged, and DETECT_ONLY kept only its number and LSN",
            StopReason::NewerReduced { copy, newer } => {
                return write!(
                    f,
                    "its only copy has LSN {copy}, and a reduced entry proves that LSN {newer} was being written"
                );
            }
            StopReason::Problem(reason) => return reason.fmt(f),
        })
    }
}

/// Its sentence.
impl Serialize for StopReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why the files do not show whether a server starts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is spelled out by its sentence below")]
pub enum StartDoubt {
    NoGeneration,
    BeyondFileDamaged,
    Which55,
    CopiesOfTables,
    NoKeyForCopies,
    OtherLife,
    Unread,
    NoShutdown,
    OneImage,
    NoRecentCopies,
    Rivals,
    Misplaced,
    NoKeyForPages,
    Page5First,
    TakenForGood,
    MayBeRead,
    ZeroFirstPage,
    RedoUnread,
    WrongRows,
    BufferPool,
    /// Page 0 of the file is damaged, and no slot has a copy of it.
    UncopiedHeader(String),
    /// A copy from before the checkpoint would be taken for this page.
    OldCopyTaken(PredictedPage),
}

impl fmt::Display for StartDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StartDoubt::NoGeneration => "nothing in the files tells which generation of server ran them",
            StartDoubt::BeyondFileDamaged => "a page of a .bdblwr file is damaged, which some of these servers refuse",
            StartDoubt::Which55 => "early 5.5 mends a torn first page, late 5.5 loses the table, and the files do not tell which this is",
            StartDoubt::CopiesOfTables => "the server would take copies of tables for pages of the system tablespace",
            StartDoubt::NoKeyForCopies => "encrypted copies cannot be judged without their key",
            StartDoubt::OtherLife => "copies are newer than the end of redo, so they are of another life of these files",
            StartDoubt::Unread => "not everything could be read",
            StartDoubt::NoShutdown => "the redo files do not show how the server ended",
            StartDoubt::OneImage => "only one image was looked at; name the data directory",
            StartDoubt::NoRecentCopies => "no copy is newer than the checkpoint, so torn pages may have none",
            StartDoubt::Rivals => "several files claim one space id",
            StartDoubt::Misplaced => "a valid page lies in the place of another one",
            StartDoubt::NoKeyForPages => "encrypted pages cannot be judged without their key",
            StartDoubt::Page5First => "whether this server reads the damaged transaction system page before its pass is not known",
            StartDoubt::TakenForGood => "a torn page has no checksum, so the server takes it for good",
            StartDoubt::MayBeRead => "a damaged page stays as it is, and the files do not show whether the start reads it",
            StartDoubt::ZeroFirstPage => "whether redo makes a table of which the first page is zero is not known",
            StartDoubt::RedoUnread => "whether this server opens a file with a damaged first page depends on unreadable redo",
            StartDoubt::WrongRows => "a torn page_compressed page stays as it is, and this server may start and answer with wrong rows",
            StartDoubt::BufferPool => "whether a page of 64 KiB stays mended in memory depends on the size of the buffer pool",
            StartDoubt::UncopiedHeader(file) => {
                return write!(f, "page 0 of {file} is damaged, and there is no copy of it");
            }
            StartDoubt::OldCopyTaken(PredictedPage { space_id, page_no }) => {
                return write!(
                    f,
                    "of page {space_id}:{page_no} the server would take a copy older than the checkpoint, and redo may \
                     fail on it"
                );
            }
        })
    }
}
