//! What a restore was asked to take: pages, verdicts, rules, sources.

use crate::units::{PageNo, SpaceId};
use crate::verdict::survey::Finding;

/// Which copy of a page wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestoreRules {
    /// The newest verified copy inside the redo window.
    #[default]
    Newest,
    /// What the server itself would write at its next start: no page more, and of several copies the same one.
    Server,
}

/// What the caller wants restored.
#[derive(Debug, Clone, Default)]
pub struct RestoreSelection {
    /// Only these pages; empty: all.
    pub pages: Vec<(SpaceId, PageNo)>,
    /// Also pages whose copies are all stale: their newest copy.
    pub include_stale: bool,
    /// Also sound homes whose write was lost: their newest copy.
    pub include_lost_writes: bool,
    /// Which copy wins.
    pub rules: RestoreRules,
    /// Also what redo can make.
    pub from_redo: bool,
}

impl RestoreSelection {
    pub(super) fn wants(&self, finding: &Finding) -> bool {
        self.pages.is_empty() || self.pages.contains(&(finding.space_id(), finding.page_no()))
    }
}
