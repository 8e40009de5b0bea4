//! Replacing a file whole: a reader sees the old contents or the new, never half of either.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::{Error, Result};

/// World-readable: the collector that reads metrics runs as another user.
const MODE: u32 = 0o644;

/// Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the directory.
///
/// # Errors
/// The directory cannot be written; what lay at `path` is then unchanged.
pub fn replace(path: &Path, contents: &[u8]) -> Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    // A leading dot and no .prom at its end: collectors that look meanwhile pass over it.
    let mut builder = tempfile::Builder::new();
    let mut file = builder
        .prefix(".dblwr-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(dir)
        .map_err(Error::io(dir, "make a temporary file in"))?;
    file.write_all(contents).map_err(Error::io(file.path(), "write"))?;
    // The mode at creation is cut by the umask.
    let handle = file.as_file();
    handle.set_permissions(Permissions::from_mode(MODE)).map_err(Error::io(path, "set the mode of"))?;
    handle.sync_all().map_err(Error::io(path, "sync"))?;
    file.persist(path).map_err(|error| Error::io(path, "replace")(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir, "sync"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_file_is_whole_readable_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dblwr.prom");
        std::fs::write(&path, "old and longer").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, MODE);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let error = replace(Path::new("/nonexistent-dblwr/x.prom"), b"").unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent-dblwr: cannot make a temporary file"), "{error}");
    }
}
