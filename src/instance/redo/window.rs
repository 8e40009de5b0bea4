//! Which LSNs recovery will apply: from the checkpoint to the end of the log.

use std::path::Path;

use crate::instance::redo::{FoundRedo, read};
use crate::units::Lsn;

/// From the checkpoint to the end of the redo log, both inclusive; `None` where the redo files do not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedoWindow {
    /// Checkpoint LSN.
    pub checkpoint: Option<Lsn>,
    /// End LSN.
    pub end: Option<Lsn>,
}

impl RedoWindow {
    /// Whether redo applies to a page of this LSN; `None` where the window is not known.
    pub fn holds(&self, lsn: Lsn) -> Option<bool> {
        Some(self.checkpoint? <= lsn && lsn <= self.end?)
    }

    pub(crate) fn describe(&self) -> String {
        match (self.checkpoint, self.end) {
            (Some(checkpoint), Some(end)) => format!("the redo window {checkpoint} to {end}"),
            _ => "the redo window".to_owned(),
        }
    }
}

/// The end of the log in a directory as it is now, and never less than it was.
pub fn end_now(dir: &Path, was: Lsn) -> Lsn {
    let again = read(dir).ok();
    again.as_ref().and_then(FoundRedo::redo).and_then(|redo| redo.end).map_or(was, |now| now.max(was))
}
