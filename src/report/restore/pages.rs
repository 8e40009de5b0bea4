//! The entries of a report on a plan: pages, what remains, what was left alone, mended copies.

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::commands::restore::mended_copies::Copied;
use crate::commands::restore::{CopyRef, PageOutcome, PlannedPage};
use crate::disk::calls::ReadBack;
use crate::report::restore::ReadBackReport;
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::naming::SurveyNames;

/// The state of a home that verifies.
const VALID: &str = "valid";
/// What a person must know before a sound page is written over.
const LOST_WRITE_WARNING: &str =
    "the page at home is sound but older; changes that were made after this copy may be missing in it";

/// One page of a plan.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RestoredPage {
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// The file, relative to PATH.
    pub file: String,
    /// Offset in bytes.
    pub offset: ByteOffset,
    /// Physical page size in bytes.
    pub length: usize,
    /// Table, `db/table`, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Index name, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The copy that is written; null where the page does not come from a slot.
    pub copy: Option<CopyRefReport>,
    /// Where the page comes from.
    pub source: SourceReport,
    /// What lies there before.
    pub before: BeforeReport,
    /// What shall lie there after.
    pub after: AfterReport,
    /// What became of it.
    pub outcome: OutcomeReport,
    /// How it was read back; `null` where it was not, as before anything is written.
    pub read_back: Option<ReadBackReport>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the new bytes may lack, where a sound page is written over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Which copy.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CopyRefReport {
    /// The file, relative to PATH.
    pub file: String,
    /// Index of the slot.
    pub index: u64,
    /// LSN of the copy.
    pub lsn: Lsn,
}

impl CopyRefReport {
    fn of(copy: &CopyRef) -> Option<CopyRefReport> {
        let slot =
            || CopyRefReport { file: copy.file.display().to_string(), index: copy.index, lsn: copy.lsn };
        copy.forwarded.is_none().then(slot)
    }
}

/// Where a page comes from.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct SourceReport {
    /// What kind of source.
    pub kind: SourceKind,
    /// `FILE:N` of a slot, the file of a redo log.
    pub name: String,
    /// LSN of the page that is written.
    pub lsn: Lsn,
    /// LSN of the version that redo began with; null where it made the page from nothing, and for slots.
    pub forwarded_from_lsn: Option<Lsn>,
    /// Mini-transactions that redo did to it.
    pub mini_transactions: u64,
}

/// Kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A slot of the doublewrite buffer.
    Slot,
    /// The redo log.
    Redo,
}

impl SourceReport {
    fn of(copy: &CopyRef) -> SourceReport {
        let file = copy.file.display();
        match copy.forwarded {
            Some(forwarded) => SourceReport {
                kind: SourceKind::Redo,
                name: file.to_string(),
                lsn: copy.lsn,
                forwarded_from_lsn: forwarded.from,
                mini_transactions: forwarded.mini_transactions,
            },
            None => SourceReport {
                kind: SourceKind::Slot,
                name: format!("{file}:{}", copy.index),
                lsn: copy.lsn,
                forwarded_from_lsn: None,
                mini_transactions: 0,
            },
        }
    }

    /// In a table for people.
    pub(super) fn describe(&self, copy: Option<&CopyRefReport>) -> String {
        match (copy, self.forwarded_from_lsn) {
            (Some(copy), _) => format!("{} slot {}, LSN {}", copy.file, copy.index, copy.lsn),
            (None, from) => {
                let from =
                    from.map_or_else(|| "made from nothing".to_owned(), |from| format!("from LSN {from}"));
                let done = self.mini_transactions;
                format!("redo, {from} to LSN {} by {done} mini-transactions", self.lsn)
            }
        }
    }
}

/// A page before the pass.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct BeforeReport {
    /// State of the home.
    pub state: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// A page after the pass.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct AfterReport {
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum OutcomeReport {
    /// Nothing was written yet.
    Planned,
    /// Written, on disk and read back equal.
    Verified,
    /// The write failed or did not arrive.
    Failed,
}

impl OutcomeReport {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// An outcome, and the reason where it failed.
    pub fn of(outcome: &PageOutcome) -> (OutcomeReport, Option<String>) {
        match outcome {
            PageOutcome::Planned => (OutcomeReport::Planned, None),
            PageOutcome::Verified => (OutcomeReport::Verified, None),
            PageOutcome::Failed(why) => (OutcomeReport::Failed, Some(why.to_string())),
        }
    }
}

/// Damage that the plan does not mend.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RemainingPage {
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// The file, relative to PATH.
    pub file: String,
    /// Offset in bytes.
    pub offset: ByteOffset,
    /// Table, `db/table`, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Index name, of damaged pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence for a person.
    pub reason: String,
    /// Sources that were not named and would mend it.
    pub could_be: Vec<&'static str>,
    /// Its place is all zero.
    #[serde(skip)]
    #[schemars(skip)]
    pub zero: bool,
}

/// A mended copy of a file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct MendedCopy {
    /// The file that was copied.
    pub from: String,
    /// The mended copy.
    pub to: String,
    /// How many of its pages differ from the file.
    pub pages: usize,
    /// What of the file (owner, mode, extended attributes, times) could not be given to the copy, and why.
    pub not_kept: Vec<String>,
}

impl MendedCopy {
    pub(super) fn of(copy: &Copied) -> MendedCopy {
        MendedCopy {
            from: copy.from.display().to_string(),
            to: copy.to.display().to_string(),
            pages: copy.pages.len(),
            not_kept: copy.not_kept.clone(),
        }
    }
}

/// A page that somebody has written since an interrupted pass.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct LeftAlone {
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// The file, relative to PATH.
    pub file: String,
    /// Offset in bytes.
    pub offset: ByteOffset,
    /// One sentence for a person.
    pub reason: String,
}

impl LeftAlone {
    pub(super) fn of(page: &PlannedPage) -> LeftAlone {
        LeftAlone {
            space_id: page.space_id,
            page_no: page.page_no,
            file: page.file.display().to_string(),
            offset: page.offset,
            reason: "somebody has written this page since the interrupted pass; it was left alone".to_owned(),
        }
    }
}

impl RestoredPage {
    pub(super) fn of(
        page: &PlannedPage,
        outcome: &PageOutcome,
        read_back: Option<ReadBack>,
        names: &mut SurveyNames<'_>,
    ) -> RestoredPage {
        let name = names.of_page(page.space_id, page.page_no);
        let (outcome, reason) = OutcomeReport::of(outcome);
        RestoredPage {
            space_id: page.space_id,
            page_no: page.page_no,
            file: page.file.display().to_string(),
            offset: page.offset,
            length: page.length,
            table: name.table,
            index: name.index,
            copy: CopyRefReport::of(&page.copy),
            source: SourceReport::of(&page.copy),
            before: BeforeReport { state: page.before_state.clone(), sha256: page.old.sum.to_string() },
            after: AfterReport { sha256: page.new.sum.to_string() },
            outcome,
            read_back: read_back.map(ReadBackReport::from),
            reason,
            // Only a lost write is written over a page that verifies.
            warning: (page.before_state == VALID).then(|| LOST_WRITE_WARNING.to_owned()),
        }
    }
}
