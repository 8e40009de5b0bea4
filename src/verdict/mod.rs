//! The judgement of each copy against its home. [`survey`] finds both, [`gather`] makes facts of them, [`judge`] decides.
//!
//! | home | copy | verdict |
//! |---|---|---|
//! | valid, at least as new | good | `intact` |
//! | valid, older | good, inside the redo window | `pending` |
//! | valid, of the same contents | good, before the checkpoint | `intact` |
//! | valid, older in a page that is in use and a file that is the same | good, before the checkpoint | `lost_write` |
//! | damaged | the newest candidate | `restorable`, all others `superseded` |
//! | damaged | good ones, none of them provably the right version | `stale` |
//! | damaged | none good | `unrecoverable` |
//! | valid | damaged | `corrupt_copy` |
//!
//! A candidate is a good copy inside the redo window, or one that the home proves: head or tail of the home carries its
//! LSN ([`words`]) and nothing shows that the home was ever newer, unless redo still covers that. A newer good copy that
//! is no candidate bars the older ones, unless every sector of the home is that of one of two copies.
//!
//! Why the window: a page whose newest copy is older than the checkpoint was safely home before the crash, so the
//! damage is another one; a copy from behind the end of the redo log belongs to other files.

pub mod audit;
pub mod contested;
pub mod copy;
pub mod descriptors;
pub mod donor;
pub mod from_redo;
pub mod gather;
pub mod home;
pub mod home_bytes;
pub mod home_reason;
pub mod judge;
pub mod naming;
pub mod owners;
pub mod predict;
pub mod problems;
pub mod reason;
pub mod rebuild;
pub mod settle;
pub mod steady;
pub mod survey;
pub mod words;

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

/// What a copy means.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    schemars::JsonSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// The home is damaged and this is the copy that restore would write.
    Restorable,
    /// The home is damaged and so is every copy of it, or only a reduced entry exists.
    Unrecoverable,
    /// The home is damaged, the copy is good, but nothing shows that it is the version that belongs there.
    Stale,
    /// The home is valid but older than the copy, and the checkpoint has passed the copy.
    LostWrite,
    /// The home is damaged and another copy is the one to write.
    Superseded,
    /// The home is valid but older, and redo still covers the copy: the home write had not happened yet.
    Pending,
    /// The home is valid and at least as new as the copy.
    Intact,
    /// The copy is damaged, the home is not.
    CorruptCopy,
    /// No file holds this space id.
    Orphan,
    /// The page lies past the end of its file.
    OutOfBounds,
    /// Encrypted without a key, or a format that cannot be judged.
    Unverifiable,
    /// The home is damaged, no copy is to be written, and redo makes the page anew when the server starts.
    RedoRebuilds,
}

impl Verdict {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Damage that the buffer cannot mend.
    pub fn is_critical(self) -> bool {
        matches!(self, Verdict::Unrecoverable | Verdict::Stale | Verdict::LostWrite)
    }

    /// The smaller, the more useful the copy is for a damaged home.
    pub fn rank(self) -> u8 {
        match self {
            Verdict::Restorable => 0,
            Verdict::Stale => 1,
            Verdict::Unrecoverable => 2,
            Verdict::LostWrite
            | Verdict::Superseded
            | Verdict::Pending
            | Verdict::Intact
            | Verdict::CorruptCopy
            | Verdict::Orphan
            | Verdict::OutOfBounds
            | Verdict::Unverifiable
            | Verdict::RedoRebuilds => 3,
        }
    }

    /// Damage, whether the buffer can mend it or not.
    pub fn needs_attention(self) -> bool {
        self == Verdict::Restorable || self.is_critical()
    }
}

/// Reads what a report of this survey would read: the names of damaged pages, and what the prediction looks at. Whoever
/// records reads, as a capture does, calls it once for the files' sake.
pub fn look_ahead(survey: &survey::Survey) {
    let mut names = naming::SurveyNames::new(survey);
    for finding in survey.findings.iter().filter(|finding| finding.judgement.verdict.needs_attention()) {
        names.of(finding);
    }
    predict::Prediction::of(survey);
}

#[cfg(test)]
mod tests;
