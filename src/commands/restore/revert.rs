//! Taking a pass back, byte for byte, where the pages still hold what it left there.

use std::path::{Path, PathBuf};

use crate::commands::restore::journal::{Journal, Kind, Mark, read};
use crate::commands::restore::journal_names;
use crate::commands::restore::journal_names::JournalName;
use crate::commands::restore::locked::read_page;
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::commands::restore::relocate;
use crate::commands::restore::relocate::Found;
use crate::commands::restore::{Applied, Pass};
use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::error::{Error, Result};
use crate::page::sectors::Holds;
use crate::page::sectors::holds;

/// What a revert of a journal would do.
#[derive(Debug)]
pub struct Reverting {
    /// The journal that would be taken back.
    pub journal: Journal,
    /// Whether its pass had ended.
    pub mark: Mark,
    /// The pages to write: `old` is what they hold now, `new` what they held before the pass.
    pub plan: Plan,
    /// Pages that hold the bytes from before the pass already.
    pub already: Vec<PlannedPage>,
    /// Pages that somebody has written since: they hold neither version, nor a tear of the two, and are left alone.
    pub moved_on: Vec<PlannedPage>,
    /// What a person should know: a moved directory, another inode.
    pub notes: Vec<String>,
}

/// The name that a revert's own journals begin with.
pub fn journal_base(journal: &Path) -> PathBuf {
    calls::with_suffix(journal, ".revert")
}

/// Reads a journal, identifies its files and looks at every page. Writes nothing, takes no lock.
///
/// `root` is where the data directory is now; without it the journal's own words are followed, or, where nothing is
/// left there, its place relative to the journal.
pub fn plan<D: Disk>(disk: &D, path: &Path, root: Option<&Path>) -> Result<Reverting> {
    let opened = open_whole(disk, path)?;
    let mut found = relocate::find(disk, &opened.journal, path, root)?;
    let forward = relocate::plan(&opened.journal, &found);
    let notes = std::mem::take(&mut found.notes);
    let mut reverting = Reverting {
        plan: Plan { root: found.root.clone(), pages: Vec::new(), also_lock: also_lock(&found) },
        journal: opened.journal,
        mark: opened.mark,
        already: Vec::new(),
        moved_on: Vec::new(),
        notes,
    };
    for page in forward.pages {
        look_at(disk, page, &mut reverting)?;
    }
    Ok(reverting)
}

fn also_lock(found: &Found) -> Vec<PathBuf> {
    found.paths.iter().flatten().cloned().collect()
}

/// A name that is taken by a part file only: the pass stopped before it wrote anything.
fn open_whole<D: Disk>(disk: &D, path: &Path) -> Result<read::Opened<D::File>> {
    let part = calls::with_suffix(path, calls::PART_SUFFIX);
    let gone = |name: &Path| calls::retry(|| disk.exists(name)).map(|there| !there);
    if gone(path).map_err(Error::io(path, "look for"))?
        && !gone(&part).map_err(Error::io(&part, "look for"))?
    {
        return Err(Error::Refused(format!(
            "{}: was never completed, so nothing has been written and there is nothing to take back",
            path.display()
        )));
    }
    read::open(disk, path, Access::Read)
}

fn look_at<D: Disk>(disk: &D, page: PlannedPage, into: &mut Reverting) -> Result<()> {
    let file = calls::retry(|| disk.open(&page.path, Access::Read)).map_err(Error::io(&page.path, "open"))?;
    let current = read_page(disk, &file, &page).map_err(Error::io_at(&page.path, "read", page.offset))?;
    let state = match holds(&current, &page.old, &page.new) {
        Holds::Old => {
            into.already.push(page);
            return Ok(());
        }
        Holds::Neither => {
            into.moved_on.push(page);
            return Ok(());
        }
        Holds::New => "restored",
        Holds::Tear => "torn",
    };
    let before_state =
        if into.journal.kind == Kind::Revert && state == "restored" { "reverted" } else { state };
    let new = page.old.clone();
    into.plan.pages.push(PlannedPage { before_state: before_state.into(), old: current, new, ..page });
    Ok(())
}

/// Takes a pass back: first finishes a revert of it that was interrupted, then writes what is left to write, under
/// a journal of its own.
pub fn run<D: Disk>(disk: &D, path: &Path, root: Option<&Path>) -> Result<(Pass, Reverting)> {
    let base = JournalName::Numbered(journal_base(path));
    let mut pass = journal_names::finish(disk, &base, Kind::Revert, root, |_| Ok(()))?;
    let reverting = plan(disk, path, root).map_err(|error| pass.ended_by(error))?;
    if pass.all_finished() && !reverting.plan.is_empty() {
        let applied = apply(disk, base.base(), &reverting).map_err(|error| pass.ended_by(error))?;
        pass.applied.push(applied);
    }
    Ok((pass, reverting))
}

fn apply<D: Disk>(disk: &D, base: &Path, reverting: &Reverting) -> Result<Applied> {
    let name = journal_names::free(disk, base)?;
    let mut applied = reverting.plan.clone().lock(disk)?.journal(&name, Kind::Revert)?.apply()?;
    applied.notes.extend(reverting.notes.iter().cloned());
    Ok(applied)
}
