//! `restore --to DIR`: mended copies of the files concerned; the files themselves are only read.

use std::path::{Component, Path, PathBuf};

use super::disk::{self, CopyMethod, Disk, ReadBack};
use super::plan::{Plan, PlannedPage};
use super::session::{Held, Locked};
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
}

/// What a copy is called until it is whole.
const PART_SUFFIX: &str = ".dblwr-part";

/// Writes a mended copy of every file of the plan below `dir`, at the same relative path. Refuses before writing where
/// a target exists. The files are locked (shared), so that no server starts meanwhile.
pub fn run<D: Disk>(disk: &D, plan: Plan, dir: &Path) -> Result<Vec<Copied>> {
    let locked = plan.lock_to_copy(disk)?;
    locked.check_unchanged()?;
    let work: Vec<_> = locked
        .files
        .iter()
        .filter(|held| !held.pages.is_empty())
        .map(|held| (held, target(dir, &held.name, &held.path)))
        .collect();
    for (_, to) in &work {
        if disk::retry(|| disk.exists(to)).map_err(Error::io(to, "look for"))? {
            return Err(Error::Refused(format!(
                "{}: exists already; nothing was written, name an empty directory with --to",
                to.display()
            )));
        }
    }
    let mut copies: Vec<Copied> = Vec::new();
    for (held, to) in work {
        match copy_one(&locked, held, to) {
            Ok(copied) => copies.push(copied),
            Err(error) => {
                // Half of the files would look like all of them. The error that counts is the one above.
                for made in &copies {
                    let _ = disk::retry(|| disk.remove(&made.to));
                }
                return Err(error);
            }
        }
    }
    Ok(copies)
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

fn copy_one<D: Disk>(locked: &Locked<'_, D>, held: &Held<D::File>, to: PathBuf) -> Result<Copied> {
    let disk = locked.disk;
    make_dirs(disk, disk::parent(&to))?;
    let part = disk::with_suffix(&to, PART_SUFFIX);
    if disk::retry(|| disk.exists(&part)).map_err(Error::io(&part, "look for"))? {
        return Err(Error::Refused(format!(
            "{}: left by a run that was interrupted; remove it, or name an empty directory with --to",
            part.display()
        )));
    }
    let file = disk::retry(|| disk.create_new(&part)).map_err(Error::io(&part, "create"))?;
    let pages: Vec<_> = held.pages.iter().filter_map(|&index| locked.pages.get(index)).cloned().collect();
    let parent = disk::parent(&to);
    let mut made = &part;
    let result = fill(disk, held, &file, &part, &pages).and_then(|filled| {
        disk::retry(|| disk.rename_new(&part, &to)).map_err(Error::io(&to, "name the copy"))?;
        made = &to;
        disk::retry(|| disk.fsync_dir(parent)).map_err(Error::io(parent, "bring the copy's name to disk"))?;
        Ok(filled)
    });
    if result.is_err() {
        drop(file);
        let _ = disk::retry(|| disk.remove(made));
    }
    let (method, read_back) = result?;
    Ok(Copied { from: held.path.clone(), to, method, pages, read_back })
}

fn fill<D: Disk>(
    disk: &D,
    held: &Held<D::File>,
    file: &D::File,
    part: &Path,
    pages: &[PlannedPage],
) -> Result<(CopyMethod, ReadBack)> {
    let method = disk::retry(|| disk.copy(&held.file, file)).map_err(Error::write(part, "copy into"))?;
    for page in pages {
        disk::write_full(disk, file, &page.new, page.offset.0).map_err(Error::write(part, "write"))?;
    }
    disk::retry(|| disk.fsync(file)).map_err(Error::write(part, "bring to disk"))?;
    let mut worst = ReadBack::Device;
    for page in pages {
        let mut buffer = vec![0; page.length];
        let (read, way) = disk::read_back_full(disk, file, &mut buffer, page.offset.0)
            .map_err(Error::io_at(part, "read back", page.offset))?;
        worst = worst.max(way);
        if read != page.length || buffer != page.new {
            let what = "the device gave back other bytes than were written; look at its health";
            return Err(Error::foreign(part, format!("offset {}: {what}", page.offset)));
        }
    }
    Ok((method, worst))
}

/// Creates what is missing of a directory, and brings each new name to disk.
fn make_dirs<D: Disk>(disk: &D, dir: &Path) -> Result<()> {
    if disk::retry(|| disk.exists(dir)).map_err(Error::io(dir, "look for"))? {
        return Ok(());
    }
    let parent = disk::parent(dir);
    make_dirs(disk, parent)?;
    disk::retry(|| disk.create_dir(dir)).map_err(Error::io(dir, "create"))?;
    disk::retry(|| disk.fsync_dir(parent)).map_err(Error::io(parent, "bring a new directory to disk"))
}
