//! Names of journals that belong together: `NAME`, `NAME.2`, `NAME.3`, ... None is ever reused, and one that is
//! unfinished is finished before anything new is planned.

use std::path::{Path, PathBuf};

use crate::commands::restore::Pass;
use crate::commands::restore::apply::Applied;
use crate::commands::restore::failure::WorldChange;
use crate::commands::restore::journal::{Journal, Mark, PassKind, read};
use crate::commands::restore::locked::Journaled;
use crate::commands::restore::note::PassNote;
use crate::commands::restore::relocate;
use crate::commands::restore::world::Here;
use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::error::{Error, Result};

/// More journals of one name than anybody has use for.
const MOST: u32 = 10_000;

/// Where a restore puts its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalName {
    /// As asked for: refused where it exists and is finished.
    Exactly(PathBuf),
    /// This, or the next free number behind it.
    Numbered(PathBuf),
}

impl JournalName {
    /// The name without a number.
    pub fn base(&self) -> &Path {
        let (JournalName::Exactly(path) | JournalName::Numbered(path)) = self;
        path
    }
}

fn member(base: &Path, number: u32) -> PathBuf {
    if number == 1 { base.to_path_buf() } else { calls::with_suffix(base, &format!(".{number}")) }
}

fn exists<D: Disk>(disk: &D, path: &Path) -> Result<bool> {
    calls::retry(|| disk.exists(path)).map_err(Error::io(path, "look for the journal"))
}

/// The journals that exist under a name and its numbers, in the order they were written.
///
/// # Errors
/// The directory cannot be searched.
pub fn existing<D: Disk>(disk: &D, base: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in (1..=MOST).map(|number| member(base, number)) {
        if !exists(disk, &path)? {
            break;
        }
        found.push(path);
    }
    Ok(found)
}

/// The first name that is not taken.
///
/// # Errors
/// Every name is taken, or the directory cannot be searched.
pub fn free<D: Disk>(disk: &D, base: &Path) -> Result<PathBuf> {
    for path in (1..=MOST).map(|number| member(base, number)) {
        if !exists(disk, &path)? {
            return Ok(path);
        }
    }
    Err(Error::Refused(format!(
        "{}: too many journals of this name; name another with --journal",
        base.display()
    )))
}

/// Finishes the unfinished journals of a kind under this name: an earlier run was interrupted. A damaged one is an
/// error where it was named exactly, else a note: the pages are planned anew without it.
///
/// `may` can refuse a journal before anything is written.
pub(super) fn finish<D: Disk>(
    disk: &D,
    name: &JournalName,
    kind: PassKind,
    here: &Here,
    may: impl Fn(&Journal) -> Result<()>,
) -> Result<Pass> {
    let mut pass = Pass::default();
    for path in existing(disk, name.base())? {
        match read::open(disk, &path, Access::Read) {
            Ok(opened) if opened.mark == Mark::Unfinished && opened.journal.kind == kind => {
                match may(&opened.journal).and_then(|()| finish_one(disk, &path, here)) {
                    Ok(Ok(applied)) => pass.applied.push(applied),
                    Ok(Err(why)) => pass.notes.push(PassNote::LeftAlone(path, why)),
                    Err(error) => return Err(pass.ended_by(error)),
                }
            }
            Ok(_) => {}
            Err(error @ Error::Sealed { .. }) if *name != JournalName::Exactly(path) => {
                pass.notes.push(PassNote::Damaged(error.to_string()));
            }
            Err(error) => return Err(pass.ended_by(error)),
        }
    }
    Ok(pass)
}

/// The journal is opened for writing only here: finished ones may lie on read-only media. The inner error says why its
/// bytes do not belong into these files any more: a server has run since.
fn finish_one<D: Disk>(disk: &D, path: &Path, here: &Here) -> Result<Result<Applied, WorldChange>> {
    let opened = read::open(disk, path, Access::ReadWrite)?;
    let found = relocate::find(disk, &opened.journal, path, here)?;
    if !found.certain {
        return Err(Error::Refused(format!(
            "{}: is the unfinished journal of {}, not of {}; finish that one first, or name another with --journal",
            path.display(),
            opened.journal.root.display(),
            found.root.display()
        )));
    }
    if let Some(why) = opened.journal.world.as_ref().and_then(|world| world.moved_on(&found.now)) {
        return Ok(Err(why));
    }
    let plan = relocate::plan(&opened.journal, &found);
    Journaled::resume(disk, opened, plan, found.notes)?.apply().map(Ok)
}
