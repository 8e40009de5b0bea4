//! The journal's name where none is given.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use crate::commands::restore::plan_file::sha256_hex;
use crate::disk::host;

/// A name made from the path of the data directory, so that the same command finds it again, and the journal of another
/// directory is never in its way. Where others may write, a part of it is drawn by lot: nobody can have put a file there.
///
/// # Errors
/// The directory cannot be listed.
pub fn name(dir: &Path, root: &Path) -> io::Result<PathBuf> {
    let of = root.file_name().map(|name| format!("{}-", name.to_string_lossy())).unwrap_or_default();
    let hash = sha256_hex(root.as_os_str().as_encoded_bytes());
    let short: String = hash.chars().take(8).collect();
    let stem = format!("dblwr-restore-{of}{short}");
    if host::only_owner_writes(dir)? {
        return Ok(dir.join(format!("{stem}.journal")));
    }
    if let Some(found) = drawn_before(dir, &stem)? {
        return Ok(found);
    }
    let lot = RandomState::new().hash_one(std::process::id());
    Ok(dir.join(format!("{stem}-{lot:016x}.journal")))
}

/// The name that an earlier run drew: a file of ours, which nobody else can have made.
fn drawn_before(dir: &Path, stem: &str) -> io::Result<Option<PathBuf>> {
    let is_drawn = |name: &str| {
        let lot = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".journal"));
        lot.is_some_and(|lot| lot.len() == 16 && lot.chars().all(|c| c.is_ascii_hexdigit()))
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)?
        .flatten()
        .filter(|entry| is_drawn(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| host::is_own_file(path))
        .collect();
    found.sort();
    Ok(found.pop())
}
