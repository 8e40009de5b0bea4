//! Whether the files that a journal names are still those files, and where they are when the directory has moved.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::commands::restore::journal::{Journal, JournalFile};
use crate::commands::restore::locked;
use crate::commands::restore::note::{FileDifference, PassNote};
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::commands::restore::told::{Told, files_of};
use crate::commands::restore::world::{Here, World};
use crate::disk::calls;
use crate::disk::calls::{Access, Disk, Stat};
use crate::error::{Error, Result};
use crate::instance::file_names::end_alike;
use crate::instance::locations::Locations;
use crate::instance::request::Request;
use crate::units::SpaceId;

/// The files of a journal where they are now.
#[derive(Debug)]
pub(super) struct FoundFiles {
    /// The root that goes with them.
    pub(super) root: PathBuf,
    /// The instance as it is now.
    pub(super) now: World,
    /// What leads to all of its files.
    pub(super) request: Request,
    /// Whether the root is the one that the journal names.
    pub(super) same_root: bool,
    /// One path per file record; `None` for a file that was only locked and is gone.
    pub(super) paths: Vec<Option<PathBuf>>,
    /// What a person should know: files that are another inode, or longer than they were.
    pub(super) notes: Vec<PassNote>,
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
    let same_root = is_same(disk, &root, &journal.root);
    let old = journal.world.clone().unwrap_or_default();
    let request = request(&old, &root, same_root, here);
    let redo_dir = match &here.told.redo_dir {
        Some(_) => Locations::resolve(&request)?.redo_dir,
        None => old.redo_dir.clone(),
    };
    let mut now = World::look(&root, &redo_dir);
    if let Some(why) = old.is_another(&now) {
        let (at, root) = (at.display(), root.display());
        return Err(Error::Refused(format!("{at}: does not belong to {root}: {why}; nothing was written")));
    }
    if let Ok(places) = Locations::resolve(&request) {
        now.told = Told::of(&places);
    }
    let certain = root == journal.root;
    let mut found =
        FoundFiles { root, now, request, same_root, paths: Vec::new(), notes: Vec::new(), certain };
    let files = OnceCell::new();
    let mut same_inodes = true;
    if found.root != journal.root {
        found.notes.push(PassNote::Moved(journal.root.clone(), found.root.clone()));
    }
    for (index, record) in journal.files.iter().enumerate() {
        let path = place(disk, journal, record, &found, || files.get_or_init(|| files_of(&found.request)))?;
        let written = journal.pages.iter().any(|page| page.file == index);
        let there = if written { true } else { is_path(disk, &path)? };
        if written {
            if !same_root {
                let originals = originals(disk, &journal.root, std::iter::once(&*record.path));
                refuse_the_originals(disk, &originals, &journal.root, &path)?;
            }
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

/// The instance that is meant: what is said now, and where the directory is the one of then, what was told then.
fn request(old: &World, root: &Path, same_root: bool, here: &Here) -> Request {
    let mut request = Request { path: root.to_path_buf(), ..here.told.clone() };
    if same_root {
        old.told.complete(root, &mut request);
    }
    request
}

pub(super) fn is_same<D: Disk>(disk: &D, one: &Path, other: &Path) -> bool {
    one == other || disk.canonical(one).is_ok_and(|one| Some(one) == disk.canonical(other).ok())
}

/// Where a file of the journal lies: below the root, or among the files that the instance has elsewhere. What the journal
/// says of files outside proves nothing: the instance has to name them, by its own files or by what was told.
fn place<'a, D: Disk>(
    disk: &D,
    journal: &Journal,
    record: &JournalFile,
    found: &FoundFiles,
    files: impl FnOnce() -> &'a BTreeSet<PathBuf>,
) -> Result<PathBuf> {
    let below =
        if record.path.is_relative() { Ok(&*record.path) } else { record.path.strip_prefix(&journal.root) };
    let plain = |path: &&Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    if let Some(below) = below.ok().filter(plain) {
        return Ok(found.root.join(below));
    }
    let files = files();
    if files.iter().any(|file| is_same(disk, file, &record.path)) {
        return Ok(record.path.clone());
    }
    // Where the directory is another one, so may be that of the file.
    let moved = |file: &&PathBuf| !found.same_root && end_alike(file, &record.path);
    let mut alike = files.iter().filter(moved);
    if let (Some(file), None) = (alike.next(), alike.next()) {
        return Ok(file.clone());
    }
    Err(Error::Refused(format!(
        "{}: is named in the journal, but lies outside of {} and is no file of that instance as far as is known; name where \
         its parts lie (--defaults-file, --data-home-dir, --directory, ...), nothing was written",
        record.path.display(),
        found.root.display()
    )))
}

/// Device and inode of files that belong to a directory which is still there, by their names in it.
pub(super) fn originals<'a, D: Disk>(
    disk: &D,
    root: &Path,
    names: impl Iterator<Item = &'a Path>,
) -> BTreeSet<(u64, u64)> {
    if !disk.exists(root).unwrap_or(true) {
        return BTreeSet::new();
    }
    names.filter_map(|name| identity(disk, &root.join(name))).collect()
}

fn identity<D: Disk>(disk: &D, path: &Path) -> Option<(u64, u64)> {
    let file = calls::retry(|| disk.open(path, Access::Read)).ok()?;
    calls::retry(|| disk.stat(&file)).ok().map(|stat| (stat.device, stat.inode))
}

/// Refuses a file that is one of another directory's: a copy of a directory shares with it what lies outside, and what its
/// links lead to.
///
/// # Errors
/// It is one of the originals.
pub(super) fn refuse_the_originals<D: Disk>(
    disk: &D,
    originals: &BTreeSet<(u64, u64)>,
    root: &Path,
    path: &Path,
) -> Result<()> {
    if originals.is_empty() || identity(disk, path).is_none_or(|identity| !originals.contains(&identity)) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{}: is still a file of {}, which this was made for; a copy of a directory must have files of its own (or name that \
         directory), nothing was written",
        path.display(),
        root.display()
    )))
}

/// Whether this is the file of the record, and whether by inode. Page contents are judged later.
///
/// The same inode may have grown, and page 0 may have been mended or taken back under another journal. Another inode
/// must have the same size and space id.
fn identify<D: Disk>(disk: &D, record: &JournalFile, path: &Path) -> Result<(bool, Option<PassNote>)> {
    let file = calls::retry(|| disk.open(path, Access::Read)).map_err(Error::io(path, "open"))?;
    let stat = calls::retry(|| disk.stat(&file)).map_err(Error::io(path, "look at"))?;
    let space = if record.space_id.is_some() { locked::space_id(disk, &file, path)? } else { None };
    let same = (record.device, record.inode) == (stat.device, stat.inode);
    let shown = path.display();
    let note = match difference(record, stat, space) {
        None if same => None,
        Some(difference) if same => Some(PassNote::SameInode(path.to_path_buf(), difference)),
        None => Some(PassNote::OtherInode(path.to_path_buf())),
        Some(difference) => {
            return Err(Error::Refused(format!(
                "{shown}: not the file that the journal was written for: another inode, and {difference}; nothing was written"
            )));
        }
    };
    Ok((same, note))
}

fn difference(record: &JournalFile, stat: Stat, space: Option<SpaceId>) -> Option<FileDifference> {
    if stat.size != record.size {
        Some(FileDifference::Length(stat.size, record.size))
    } else if space != record.space_id {
        Some(FileDifference::Space(space, record.space_id))
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
