//! A page that a look found suspicious, and why.

use std::fmt;

use serde::Serializer;

use crate::commands::scan::reason::DamageReason;
use crate::units::ByteOffset;
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;
use crate::verdict::reason::Reason;

/// Why a page is suspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuspectReason {
    /// By the verdict on its copy.
    Judged(Reason),
    /// By what was seen of it where data files were read.
    Seen(DamageReason),
}

impl fmt::Display for SuspectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SuspectReason::Judged(reason) => reason.fmt(f),
            SuspectReason::Seen(reason) => reason.fmt(f),
        }
    }
}

/// What one look at a page showed. Two looks agree when verdict, state and bytes do.
#[derive(Debug, Clone)]
pub struct Suspect {
    /// The verdict on its best copy; `None` where no copy is in the buffer.
    pub verdict: Option<Verdict>,
    /// What lies in the file.
    pub state: HomeState,
    /// Where in the file.
    pub offset: Option<ByteOffset>,
    /// CRC-32 of the page's bytes.
    pub fingerprint: u32,
    /// Why.
    pub reason: SuspectReason,
}

impl PartialEq for Suspect {
    fn eq(&self, other: &Suspect) -> bool {
        (self.verdict, self.state, self.fingerprint) == (other.verdict, other.state, other.fingerprint)
    }
}

/// For `#[serde(serialize_with)]`.
pub(super) fn sentence<S: Serializer>(reason: &SuspectReason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(reason)
}
