//! The pass: writing planned pages so that nothing can break it, and taking them back.
//!
//! A [`Plan`] cannot be applied until its journal exists; each step is a type of its own:
//!
//! ```text
//! Plan --lock--> Locked --journal--> Journaled --apply--> Applied
//! ```
//!
//! # What is promised
//!
//! Stopped anywhere (kill -9, a signal, a power cut, a full or failing disk), no page is left in a state that is
//! neither the old, nor the new, nor a mixture of the two that the journal repairs. SIGINT and SIGTERM need no
//! handler for that: their default action is as safe as any other stop.
//!
//! - [`run`] again finishes the job: a journal that is whole but has no mark is applied to the end before anything
//!   new is planned. A journal that was still being written has another name and was never relied upon: it is
//!   thrown away.
//! - [`revert::run`] takes the job back, finished or not, and is itself journaled: interrupted, it is finished by
//!   running it again, and what it did can be reverted like any pass.
//!
//! # Order of a pass
//!
//! Lock every file concerned; check that every page holds what the plan says; write the journal under a part name,
//! fsync, rename, fsync its directory; write every page; one fsync per file; read back past the page cache and
//! compare; mark the journal complete, fsync.

pub mod apply;
pub mod automatic;
pub mod choose;
pub mod failure;
pub mod from_redo;
pub mod journal;
pub mod journal_names;
pub mod leftover;
pub mod live;
pub mod locked;
pub mod mended_copies;
pub mod note;
pub mod page_image;
pub mod plan;
pub mod plan_file;
pub mod relocate;
pub mod revert;
pub mod selection;
#[cfg(test)]
mod tests;
pub mod told;
pub mod world;

use std::path::Path;

pub use crate::commands::restore::apply::Applied;
pub use crate::commands::restore::choose::choose;
pub use crate::commands::restore::journal_names::JournalName;
use crate::commands::restore::note::PassNote;
pub use crate::commands::restore::plan::{CopyRef, PageOutcome, Plan, PlannedPage};
pub use crate::commands::restore::selection::RestoreRules;
pub use crate::commands::restore::selection::RestoreSelection;
pub use crate::commands::restore::world::{Here, World};
use crate::disk::calls::Disk;

use crate::commands::restore::journal::PassKind;
use crate::commands::restore::plan_file::PlanFile;
use crate::error::{Error, Result};

/// Everything that one call did: what earlier runs had left unfinished, and what was planned now.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    /// In the order it was done. Empty where there was nothing to do.
    pub applied: Vec<Applied>,
    /// What a person should know besides: damaged journals that were left alone.
    pub notes: Vec<PassNote>,
}

impl Pass {
    /// Whether every journal has its mark. Otherwise a page or the mark failed, and nothing new was planned: the same
    /// call tries the rest again.
    pub fn all_finished(&self) -> bool {
        self.applied.iter().all(|applied| applied.finished)
    }

    /// Whether every page that was to be written is verified.
    pub fn all_verified(&self) -> bool {
        self.applied.iter().all(Applied::all_verified)
    }

    /// An error that ends this pass: once something was written it says so.
    fn ended_by(&self, error: Error) -> Error {
        match self.applied.last() {
            None => error,
            Some(applied) => Error::AfterWrites { journal: applied.journal.clone(), error: Box::new(error) },
        }
    }
}

/// Restores: finishes what an earlier run under this name left unfinished in this directory, then asks for the
/// plan (the finished pages are mended by then) and applies it. The same call finishes an interrupted one.
///
/// A plan that follows upon a finished remainder gets the next number behind the name.
///
/// # Errors
/// Those of planning, locking and the journal, all before the first write; an unfinished journal that cannot be
/// finished.
pub fn run<D: Disk>(
    disk: &D,
    name: &JournalName,
    here: &Here,
    plan: impl FnOnce() -> Result<Plan>,
) -> Result<Pass> {
    let pass = journal_names::finish(disk, name, PassKind::Restore, here, |_| Ok(()))?;
    continue_with(disk, name, pass, |_| plan())
}

/// The same for a plan that was reviewed: an interrupted pass is finished only if its pages were reviewed, and what is
/// planned now must be the rest of them, to the byte.
///
/// # Errors
/// As [`run`]; what was planned now is not what was reviewed.
pub fn run_reviewed<D: Disk>(
    disk: &D,
    name: &JournalName,
    here: &Here,
    reviewed: &PlanFile,
    plan: impl FnOnce() -> Result<Plan>,
) -> Result<Pass> {
    let may = |journal: &journal::Journal| plan_file::matches_journal(disk, reviewed, journal);
    let pass = journal_names::finish(disk, name, PassKind::Restore, here, may)?;
    continue_with(disk, name, pass, |finished| {
        let plan = plan()?;
        plan_file::matches(disk, reviewed, finished, &plan)?;
        Ok(plan)
    })
}

fn continue_with<D: Disk>(
    disk: &D,
    name: &JournalName,
    mut pass: Pass,
    plan: impl FnOnce(&[Applied]) -> Result<Plan>,
) -> Result<Pass> {
    if !pass.all_finished() {
        return Ok(pass);
    }
    match apply_next(disk, name, &pass.applied, plan) {
        Ok(applied) => pass.applied.extend(applied),
        Err(error) => return Err(pass.ended_by(error)),
    }
    Ok(pass)
}

/// What is planned upon finished passes; `None` where there is nothing left to do.
fn apply_next<D: Disk>(
    disk: &D,
    name: &JournalName,
    finished: &[Applied],
    plan: impl FnOnce(&[Applied]) -> Result<Plan>,
) -> Result<Option<Applied>> {
    let plan = plan(finished)?;
    if plan.is_empty() {
        return Ok(None);
    }
    let path = match name {
        JournalName::Exactly(path) if finished.is_empty() => path.clone(),
        _ => journal_names::free(disk, name.base())?,
    };
    apply_plan(disk, plan, &path).map(Some)
}

/// Locks, journals and applies one plan under exactly this name, which must be free.
///
/// # Errors
/// Those of locking and the journal, all before the first write.
pub fn apply_plan<D: Disk>(disk: &D, plan: Plan, journal: &Path) -> Result<Applied> {
    if plan.is_empty() {
        return Err(Error::Refused("the plan is empty; there is nothing to write".into()));
    }
    plan.lock(disk)?.journal(journal, PassKind::Restore)?.apply()
}
