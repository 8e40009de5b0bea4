//! `restore --to DIR`: mended copies of the files concerned; the files themselves are only read.

use crate::disk::calls::part_of;
use std::path::{Component, Path, PathBuf};

use crate::commands::restore::leftover::{Divided, remove_dirs, take_over};
use crate::commands::restore::locked::{Held, Locked};
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::disk::calls;
use crate::disk::calls::{CopyMethod, Disk, ReadBack};
use crate::error::{Error, Result};

/// One mended copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The file that was copied.
    pub from: PathBuf,
    /// The mended copy.
    pub to: PathBuf,
    /// How its bytes came there.
    pub method: CopyMethod,
    /// Pages that differ from the file.
    pub pages: Vec<PlannedPage>,
    /// How sure the read-back was.
    pub read_back: ReadBack,
    /// What of the file could not be given to the copy, in words.
    pub not_kept: Vec<String>,
}

/// Writes a mended copy of every file of the plan below `dir`, at the same relative path. Refuses before writing where
/// a target exists, unless it is what an interrupted run of the same plan left: that is finished. After a failure
/// nothing is there that was not there before. The files are locked (shared), so that no server starts meanwhile.
///
/// # Errors
/// The place is inside the data directory or taken, a file is locked, or it cannot be copied and read back.
pub fn run<D: Disk>(disk: &D, plan: Plan, dir: &Path) -> Result<Vec<Copied>> {
    let locked = plan.lock_to_copy(disk)?;
    locked.check_unchanged()?;
    let work: Vec<_> = locked
        .files
        .iter()
        .filter(|held| !held.pages.is_empty())
        .map(|held| (held, target(dir, &held.name, &held.path)))
        .collect();
    let Divided { done, left } = take_over(&locked, work)?;
    let (mut copies, mut created): (Vec<Copied>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    for (held, to) in left {
        match copy_one(&locked, held, to, &mut created) {
            Ok(copied) => copies.push(copied),
            Err(error) => {
                // Half of the files would look like all of them. The error that counts is the one above.
                for made in &copies {
                    let _ = calls::retry(|| disk.remove(&made.to));
                }
                remove_dirs(disk, &created);
                return Err(error);
            }
        }
    }
    // Compared with the files byte for byte, through the page cache.
    copies.extend(done.into_iter().map(|(held, to)| Copied {
        from: held.path.clone(),
        to,
        method: CopyMethod::Copied,
        pages: pages_of(&locked, held),
        read_back: ReadBack::Cache,
        not_kept: Vec::new(),
    }));
    Ok(copies)
}

fn pages_of<D: Disk>(locked: &Locked<'_, D>, held: &Held<D::File>) -> Vec<PlannedPage> {
    held.pages.iter().filter_map(|&index| locked.pages.get(index)).cloned().collect()
}

/// Below `dir` whatever the name says: `..`, a leading `/` and an empty name lead nowhere else.
fn target(dir: &Path, name: &Path, path: &Path) -> PathBuf {
    let below = |path: &Path| -> PathBuf {
        path.components().filter(|part| matches!(part, Component::Normal(_))).collect()
    };
    let relative = below(name);
    if relative.as_os_str().is_empty() {
        return dir.join(path.file_name().unwrap_or_else(|| "page".as_ref()));
    }
    if relative == name { dir.join(relative) } else { dir.join("outside").join(relative) }
}

fn copy_one<D: Disk>(
    locked: &Locked<'_, D>,
    held: &Held<D::File>,
    to: PathBuf,
    created: &mut Vec<PathBuf>,
) -> Result<Copied> {
    let disk = locked.disk;
    make_dirs(disk, calls::parent(&to), created)?;
    let part = part_of(&to);
    let file = calls::retry(|| disk.create_new(&part)).map_err(Error::io(&part, "create"))?;
    // So that a second run does not take it for a leftover.
    if let Some(holder) = calls::retry(|| disk.lock(&file)).map_err(Error::io(&part, "lock"))? {
        return Err(Error::Locked { path: part, holder: holder.to_string() });
    }
    let pages = pages_of(locked, held);
    let parent = calls::parent(&to);
    let mut made = &part;
    let result = fill(disk, held, &file, &part, &pages).and_then(|filled| {
        calls::retry(|| disk.rename_new(&part, &to)).map_err(Error::io(&to, "name the copy"))?;
        made = &to;
        calls::retry(|| disk.fsync_dir(parent))
            .map_err(Error::io(parent, "bring the copy's name to disk"))?;
        Ok(filled)
    });
    if result.is_err() {
        drop(file);
        let _ = calls::retry(|| disk.remove(made));
    }
    let (method, read_back, not_kept) = result?;
    Ok(Copied { from: held.path.clone(), to, method, pages, read_back, not_kept })
}

fn fill<D: Disk>(
    disk: &D,
    held: &Held<D::File>,
    file: &D::File,
    part: &Path,
    pages: &[PlannedPage],
) -> Result<(CopyMethod, ReadBack, Vec<String>)> {
    let method = calls::retry(|| disk.copy(&held.file, file)).map_err(Error::write(part, "copy into"))?;
    for page in pages {
        let new = page.new.read(disk).map_err(Error::io(&page.path, "read again what belongs into"))?;
        calls::write_full(disk, file, &new, page.offset.0).map_err(Error::write(part, "write"))?;
    }
    let not_kept = disk.keep(&held.file, file).map_err(Error::write(part, "set the attributes of"))?;
    calls::retry(|| disk.fsync(file)).map_err(Error::write(part, "bring to disk"))?;
    let mut worst = ReadBack::Device;
    for page in pages {
        let mut buffer = vec![0; page.length];
        let (read, way) = calls::read_back_full(disk, file, &mut buffer, page.offset.0)
            .map_err(Error::io_at(part, "read back", page.offset))?;
        worst = worst.max(way);
        if read != page.length || !page.new.is(&buffer) {
            let what = "the device gave back other bytes than were written; look at its health";
            return Err(Error::foreign(part, format!("offset {}: {what}", page.offset)));
        }
    }
    Ok((method, worst, not_kept))
}

/// Creates what is missing of a directory, brings each new name to disk, and tells which they are.
fn make_dirs<D: Disk>(disk: &D, dir: &Path, created: &mut Vec<PathBuf>) -> Result<()> {
    if calls::retry(|| disk.exists(dir)).map_err(Error::io(dir, "look for"))? {
        return Ok(());
    }
    let parent = calls::parent(dir);
    make_dirs(disk, parent, created)?;
    calls::retry(|| disk.create_dir(dir)).map_err(Error::io(dir, "create"))?;
    created.push(dir.to_path_buf());
    calls::retry(|| disk.fsync_dir(parent)).map_err(Error::io(parent, "bring a new directory to disk"))
}
