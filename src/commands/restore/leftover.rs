//! What an interrupted `restore --to` leaves, told from the files of others: copies that are whole, and one that is not.

use std::io;
use std::path::{Path, PathBuf};

use crate::commands::restore::locked::{Held, Locked};
use crate::commands::restore::plan::PlannedPage;
use crate::disk::calls;
use crate::disk::calls::part_of;
use crate::disk::calls::{Access, Disk};
use crate::error::{Error, Result};

/// Bytes compared at a time.
const CHUNK: usize = 1 << 20;

/// A file and where its mended copy belongs.
pub(super) type Work<'a, F> = (&'a Held<F>, PathBuf);

/// The work as an earlier run left it.
pub(super) struct Divided<'a, F> {
    /// Whole copies that are there.
    pub(super) done: Vec<Work<'a, F>>,
    /// What is still to be made.
    pub(super) left: Vec<Work<'a, F>>,
}

/// Leaves of the work what an interrupted run has not finished, and clears its part away. The other copies are whole.
///
/// # Errors
/// Something lies there that this plan does not make, or another run is making it.
pub(super) fn take_over<'a, D: Disk>(
    locked: &Locked<'_, D>,
    work: Vec<Work<'a, D::File>>,
) -> Result<Divided<'a, D::File>> {
    let taken = |path: &Path| calls::retry(|| locked.disk.exists(path)).map_err(Error::io(path, "look for"));
    let mut parts = Vec::new();
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for (held, to) in work {
        let part = part_of(&to);
        if taken(&part)? {
            parts.push((held, part));
        }
        if taken(&to)? { done.push((held, to)) } else { left.push((held, to)) }
    }
    for (held, to) in &done {
        // Where every copy is there no run was interrupted: what lies there is somebody's.
        let finished = left.is_empty() && parts.is_empty();
        if finished || !compare(locked, held, to, |found, _, new| found == new)? {
            return Err(Error::Refused(format!(
                "{}: exists already; nothing was written, name an empty directory with --to",
                to.display()
            )));
        }
    }
    for (held, part) in &parts {
        // Blocks that did not come to disk are zero.
        if !compare(locked, held, part, |found, old, new| found == 0 || found == old || found == new)? {
            return Err(Error::Refused(format!(
                "{}: is not what an interrupted run of this plan leaves; nothing was written, remove it, or name an empty \
                 directory with --to",
                part.display()
            )));
        }
    }
    for (_, part) in &parts {
        calls::retry(|| locked.disk.remove(part)).map_err(Error::io(part, "remove what was left of"))?;
    }
    Ok(Divided { done, left })
}

/// Whether every byte of a file is fine, given the byte in the original and the one in the mended copy. A whole copy
/// is as long as the original; a part may be shorter.
fn compare<D: Disk>(
    locked: &Locked<'_, D>,
    held: &Held<D::File>,
    path: &Path,
    is_fine: impl Fn(u8, u8, u8) -> bool,
) -> Result<bool> {
    let disk = locked.disk;
    let file = calls::retry(|| disk.open(path, Access::Read)).map_err(Error::io(path, "open"))?;
    if let Some(holder) = calls::retry(|| disk.lock(&file)).map_err(Error::io(path, "lock"))? {
        return Err(Error::Locked { path: path.to_path_buf(), holder: holder.to_string() });
    }
    let stat = calls::retry(|| disk.stat(&file)).map_err(Error::io(path, "look at"))?;
    let is_part = path.as_os_str().as_encoded_bytes().ends_with(crate::disk::calls::PART_SUFFIX.as_bytes());
    if stat.size > held.stat.size || (stat.size < held.stat.size && !is_part) {
        return Ok(false);
    }
    let pages: Vec<&PlannedPage> = held.pages.iter().filter_map(|&index| locked.pages.get(index)).collect();
    let (mut old, mut found) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut at = 0;
    while at < stat.size {
        let read = |file: &D::File, buffer: &mut [u8]| calls::read_full(disk, file, buffer, at);
        let length = read(&file, &mut found).map_err(Error::io(path, "read"))?;
        let original = read(&held.file, &mut old).map_err(Error::io(&held.path, "read"))?;
        if length == 0 || original < length {
            return Ok(false);
        }
        let new = mended(disk, &old, &pages, at)?;
        let bytes = found.iter().zip(&old).zip(&new).take(length);
        if !bytes.into_iter().all(|((&found, &old), &new)| is_fine(found, old, new)) {
            return Ok(false);
        }
        at = at.saturating_add(length as u64);
    }
    Ok(true)
}

/// A chunk of the original with what the plan puts there.
fn mended<D: Disk>(disk: &D, old: &[u8], pages: &[&PlannedPage], at: u64) -> Result<Vec<u8>> {
    let mut new = old.to_vec();
    for page in pages {
        let begin = page.offset.0;
        let from = begin.max(at);
        let to = begin.saturating_add(page.length as u64).min(at.saturating_add(new.len() as u64));
        let range = |base: u64| -> Option<std::ops::Range<usize>> {
            Some(
                usize::try_from(from.checked_sub(base)?).ok()?
                    ..usize::try_from(to.checked_sub(base)?).ok()?,
            )
        };
        let (Some(into), Some(out)) = (range(at), range(begin)) else { continue };
        if into.is_empty() {
            continue;
        }
        let bytes = page.new.read(disk).map_err(Error::io(&page.path, "read again what belongs into"))?;
        if let (Some(into), Some(bytes)) = (new.get_mut(into), bytes.get(out)) {
            into.copy_from_slice(bytes);
        }
    }
    Ok(new)
}

/// Removes directories that a run created, the deepest first; one that is not empty stays.
pub(super) fn remove_dirs<D: Disk>(disk: &D, created: &[PathBuf]) {
    for dir in created.iter().rev() {
        // The error that counts is the one that ended the run.
        let _: io::Result<()> = calls::retry(|| disk.remove_dir(dir));
    }
}
