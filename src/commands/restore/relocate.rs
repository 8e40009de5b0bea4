//! Whether the files that a journal names are still those files, and where they are when the directory has moved.

use std::path::{Component, Path, PathBuf};

use crate::commands::restore::journal::{Journal, JournalFile};
use crate::commands::restore::locked;
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::commands::restore::world::{Here, World};
use crate::disk::calls;
use crate::disk::calls::{Access, Disk, Stat};
use crate::error::{Error, Result};
use crate::units::SpaceId;

/// The files of a journal where they are now.
#[derive(Debug)]
pub(super) struct FoundFiles {
    /// The root that goes with them.
    pub(super) root: PathBuf,
    /// The instance as it is now.
    pub(super) now: World,
    /// One path per file record; `None` for a file that was only locked and is gone.
    pub(super) paths: Vec<Option<PathBuf>>,
    /// What a person should know: files that are another inode, or longer than they were.
    pub(super) notes: Vec<String>,
    /// Whether these must be the journal's own files: the root it names, or the same inodes. Otherwise they may be those of another copy of the directory.
    pub(super) certain: bool,
}

/// Finds and identifies the files: below the root that the caller names, else where the journal was made and still lies.
///
/// # Errors
/// The journal lies elsewhere now and no root is named, it belongs to another server, or it names a file that does not
/// belong to the directory.
pub(super) fn find<D: Disk>(disk: &D, journal: &Journal, at: &Path, here: &Here) -> Result<FoundFiles> {
    let absolute = |path: &Path| disk.absolute(path).map_err(Error::io(path, "find the absolute path of"));
    let root = match &here.root {
        Some(root) => absolute(root)?,
        None => made_here(disk, journal, at)?,
    };
    let old = journal.world.clone().unwrap_or_default();
    let now = World::look(&root, here.redo_dir.as_deref().unwrap_or(&old.redo_dir));
    if let Some(why) = old.is_another(&now) {
        let (at, root) = (at.display(), root.display());
        return Err(Error::Refused(format!("{at}: does not belong to {root}: {why}; nothing was written")));
    }
    let certain = root == journal.root;
    let mut found = FoundFiles { root, now, paths: Vec::new(), notes: Vec::new(), certain };
    let mut same_inodes = true;
    if found.root != journal.root {
        let (old, new) = (journal.root.display(), found.root.display());
        found.notes.push(format!("the journal was written for {old}; its files are looked for below {new}"));
    }
    for (index, record) in journal.files.iter().enumerate() {
        let path = place(disk, journal, record, &found.root, here)?;
        let written = journal.pages.iter().any(|page| page.file == index);
        let there = if written { true } else { is_path(disk, &path)? };
        if written {
            let (same, note) = identify(disk, record, &path)?;
            same_inodes &= same;
            found.notes.extend(note);
        }
        found.paths.push(there.then_some(path));
    }
    found.certain |= same_inodes;
    Ok(found)
}

/// The root that a journal names, as long as it lies where it was made: a copy of it may be meant for another directory.
fn made_here<D: Disk>(disk: &D, journal: &Journal, at: &Path) -> Result<PathBuf> {
    let canonical = |path: &Path| disk.canonical(path).map_err(Error::io(path, "find the absolute path of"));
    if canonical(at)? == canonical(&journal.place)? {
        return Ok(journal.root.clone());
    }
    Err(Error::Refused(format!(
        "{}: was written as {} for {}, and lies elsewhere now; name the data directory that it is to be applied to with \
         --datadir, nothing was written",
        at.display(),
        journal.place.display(),
        journal.root.display()
    )))
}

fn is_path<D: Disk>(disk: &D, path: &Path) -> Result<bool> {
    calls::retry(|| disk.exists(path)).map_err(Error::io(path, "look for"))
}

/// Where a file of the journal lies: below the root, or among those that the instance has elsewhere. A journal alone
/// proves nothing of files outside.
fn place<D: Disk>(
    disk: &D,
    journal: &Journal,
    record: &JournalFile,
    root: &Path,
    here: &Here,
) -> Result<PathBuf> {
    let below =
        if record.path.is_relative() { Ok(&*record.path) } else { record.path.strip_prefix(&journal.root) };
    let plain = |path: &&Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    if let Some(below) = below.ok().filter(plain) {
        return Ok(root.join(below));
    }
    let same = |file: &PathBuf| {
        *file == record.path
            || disk.canonical(file).is_ok_and(|file| Some(file) == disk.canonical(&record.path).ok())
    };
    if here.files.iter().any(same) {
        return Ok(record.path.clone());
    }
    Err(Error::Refused(format!(
        "{}: is named in the journal, but lies outside of {} and is no file of that instance as far as is known; name where \
         its parts lie (--defaults-file, --data-home-dir, --directory, ...), nothing was written",
        record.path.display(),
        root.display()
    )))
}

/// Whether this is the file of the record, and whether by inode. Page contents are judged later.
///
/// The same inode may have grown, and page 0 may have been mended or taken back under another journal. Another inode
/// must have the same size and space id.
fn identify<D: Disk>(disk: &D, record: &JournalFile, path: &Path) -> Result<(bool, Option<String>)> {
    let file = calls::retry(|| disk.open(path, Access::Read)).map_err(Error::io(path, "open"))?;
    let stat = calls::retry(|| disk.stat(&file)).map_err(Error::io(path, "look at"))?;
    let space = if record.space_id.is_some() { locked::space_id(disk, &file, path)? } else { None };
    let same = (record.device, record.inode) == (stat.device, stat.inode);
    let shown = path.display();
    let note = match difference(record, stat, space) {
        None if same => None,
        Some(difference) if same => {
            Some(format!("{shown}: {difference}; accepted, it is the same inode and each page is checked"))
        }
        None => Some(format!(
            "{shown}: not the same file by device and inode (copied or moved?); accepted because size and space id agree, each page is checked"
        )),
        Some(difference) => {
            return Err(Error::Refused(format!(
                "{shown}: not the file that the journal was written for: another inode, and {difference}; nothing was written"
            )));
        }
    };
    Ok((same, note))
}

fn difference(record: &JournalFile, stat: Stat, space: Option<SpaceId>) -> Option<String> {
    let name = |id: Option<SpaceId>| id.map_or("none".to_owned(), |id| id.to_string());
    if stat.size != record.size {
        Some(format!("it has {} bytes, the journal says {}", stat.size, record.size))
    } else if space != record.space_id {
        Some(format!("its page 0 names space {}, the journal says {}", name(space), name(record.space_id)))
    } else {
        None
    }
}

/// The journal's pages as a plan for the places where the files are now.
pub(super) fn plan(journal: &Journal, found: &FoundFiles) -> Plan {
    let path = |index: usize| found.paths.get(index).cloned().flatten();
    let moved = |record: &crate::commands::restore::journal::JournalPage| {
        Some(PlannedPage { path: path(record.file)?, ..record.page.clone() })
    };
    Plan {
        root: found.root.clone(),
        world: found.now.clone(),
        pages: journal.pages.iter().filter_map(moved).collect(),
        also_lock: found.paths.iter().flatten().cloned().collect(),
    }
}
