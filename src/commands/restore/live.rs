//! A directory on which a server runs is refused.

use std::path::Path;

use crate::disk::lock;
use crate::error::{Error, Result};
use crate::instance::running::sign_of_life;

/// Refuses a directory that shows signs of a running server, unless the user is `sure` that none runs.
///
/// # Errors
/// [`Error::Refused`] names the first sign.
pub fn refuse_living(datadir: &Path, sure: bool) -> Result<()> {
    match sign_of_life(datadir).filter(|_| !sure) {
        None => Ok(()),
        Some(sign) => Err(Error::Refused(format!(
            "{sign}; stop the server first, nothing was written. If no server runs on this directory, say so with \
             --i-am-sure-no-server-runs"
        ))),
    }
}

/// The first of these files that another process has locked for writing, as servers lock every data file they have
/// open. Files that cannot be opened are passed over: the pass itself meets those that matter.
///
/// # Errors
/// [`Error::Locked`].
pub fn refuse_locked<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    for path in files {
        if let Some(holder) = lock::holder_of(path).ok().flatten().filter(|holder| holder.exclusive) {
            return Err(Error::Locked { path: path.to_path_buf(), holder: holder.to_string() });
        }
    }
    Ok(())
}
