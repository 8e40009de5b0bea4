//! Whether the files that a journal names are still those files, and where they are when the directory has moved.

use std::path::{Component, Path, PathBuf};

use crate::commands::restore::journal::{FileRecord, Journal};
use crate::commands::restore::locked;
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::disk::calls;
use crate::disk::calls::{Access, Disk, Stat};
use crate::error::{Error, Result};
use crate::units::SpaceId;

/// The files of a journal where they are now.
#[derive(Debug)]
pub(super) struct Found {
    /// The root that goes with them.
    pub(super) root: PathBuf,
    /// One path per file record; `None` for a file that was only locked and is gone.
    pub(super) paths: Vec<Option<PathBuf>>,
    /// What a person should know: files that are another inode, or longer than they were.
    pub(super) notes: Vec<String>,
    /// Whether these must be the journal's own files: the root it names, the root that moved along with it, or the
    /// same inodes. Otherwise they may be those of another copy of the directory.
    pub(super) certain: bool,
}

/// Finds and identifies the files: below `root` where the caller names one, else where the journal says, else at
/// the same place relative to the journal itself, which may have moved along with the directory.
pub(super) fn find<D: Disk>(disk: &D, journal: &Journal, at: &Path, root: Option<&Path>) -> Result<Found> {
    let absolute = |path: &Path| disk.absolute(path).map_err(Error::io(path, "find the absolute path of"));
    let along = moved_along(journal, &absolute(at)?);
    let root = match root {
        Some(root) => absolute(root)?,
        None if is_there(disk, journal, &journal.root)? => journal.root.clone(),
        None => along.clone().unwrap_or_else(|| journal.root.clone()),
    };
    let certain = root == journal.root || Some(&root) == along.as_ref();
    let mut found = Found { root, paths: Vec::new(), notes: Vec::new(), certain };
    let mut same_inodes = true;
    if found.root != journal.root {
        let (old, new) = (journal.root.display(), found.root.display());
        found.notes.push(format!("the journal was written for {old}; its files are looked for below {new}"));
    }
    for (index, record) in journal.files.iter().enumerate() {
        let path = place(journal, record, &found.root);
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

/// Whether the first written file exists below a root.
fn is_there<D: Disk>(disk: &D, journal: &Journal, root: &Path) -> Result<bool> {
    let Some(record) = journal.pages.first().and_then(|page| journal.files.get(page.file)) else {
        return Ok(true);
    };
    is_path(disk, &place(journal, record, root))
}

fn is_path<D: Disk>(disk: &D, path: &Path) -> Result<bool> {
    calls::retry(|| disk.exists(path)).map_err(Error::io(path, "look for"))
}

fn place(journal: &Journal, record: &FileRecord, root: &Path) -> PathBuf {
    match record.path.strip_prefix(&journal.root) {
        Ok(below) => root.join(below),
        Err(_) => record.path.clone(),
    }
}

/// The root that lies to the journal's present place as the old root lay to its old one.
fn moved_along(journal: &Journal, at: &Path) -> Option<PathBuf> {
    let (old, new) = (journal.place.parent()?, at.parent()?);
    if let Ok(down) = journal.root.strip_prefix(old) {
        return Some(new.join(down));
    }
    let up = old.strip_prefix(&journal.root).ok()?;
    let mut root = new;
    for component in up.components().rev() {
        if !matches!(component, Component::Normal(name) if root.file_name() == Some(name)) {
            return None;
        }
        root = root.parent()?;
    }
    Some(root.to_path_buf())
}

/// Whether this is the file of the record, and whether by inode. Page contents are judged later.
///
/// The same inode may have grown, and page 0 may have been mended or taken back under another journal. Another inode
/// must have the same size and space id.
fn identify<D: Disk>(disk: &D, record: &FileRecord, path: &Path) -> Result<(bool, Option<String>)> {
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

fn difference(record: &FileRecord, stat: Stat, space: Option<SpaceId>) -> Option<String> {
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
pub(super) fn plan(journal: &Journal, found: &Found) -> Plan {
    let path = |index: usize| found.paths.get(index).cloned().flatten();
    let moved = |record: &crate::commands::restore::journal::PageRecord| {
        Some(PlannedPage { path: path(record.file)?, ..record.page.clone() })
    };
    Plan {
        root: found.root.clone(),
        pages: journal.pages.iter().filter_map(moved).collect(),
        also_lock: found.paths.iter().flatten().cloned().collect(),
    }
}
