//! Signs of a running server besides its locks: pid files whose process exists, sockets that somebody listens on.

use crate::disk::host;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::disk::lock;
use crate::disk::small;
use crate::error::{Error, Result};

/// The first sign that a server runs on this directory, in words; `None` where there is none.
pub fn sign_of_life(datadir: &Path) -> Option<String> {
    let entries = std::fs::read_dir(datadir).ok()?.flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().find_map(|path| pid_file(path).or_else(|| socket(path)))
}

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

/// The files that servers lock besides their data files: Aria's control file (`ma_control_file.cc`, MariaDB), which lies
/// in the data directory wherever `ibdata1` does, and the first names of a system tablespace.
pub fn lock_files<'a>(dirs: impl IntoIterator<Item = &'a Path>) -> Vec<PathBuf> {
    let names = ["aria_log_control", "ibdata1"];
    let mut files: Vec<PathBuf> = dirs
        .into_iter()
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files.dedup();
    files
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

/// A `.pid` file, or the lock beside a socket, both of which hold a process id as text.
fn pid_file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    if !name.ends_with(".pid") && !name.ends_with(".sock.lock") {
        return None;
    }
    let text = small::read_text(path, 64).ok()?;
    let pid: i32 = text.split_whitespace().next()?.parse().ok().filter(|&pid| host::runs(pid))?;
    // After a reboot the number may belong to anybody: only a server counts, or a process that hides its name.
    let command = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let server = ["mysqld", "mariadbd", ""].iter().any(|name| command.trim() == *name);
    server.then(|| format!("{} names process {pid} ({}), which runs", path.display(), command.trim()))
}

fn socket(path: &Path) -> Option<String> {
    let is_socket = std::fs::symlink_metadata(path).ok()?.file_type().is_socket();
    (is_socket && UnixStream::connect(path).is_ok())
        .then(|| format!("somebody listens on the socket {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_counts_only_while_somebody_listens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mysql.sock");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(sign_of_life(dir.path()).unwrap().contains("mysql.sock"));
        drop(listener);
        assert_eq!(sign_of_life(dir.path()), None);
    }

    #[test]
    fn a_pid_of_another_program_is_no_server() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("host.pid"), format!("{}\n", std::process::id())).unwrap();
        std::fs::write(dir.path().join("odd.pid"), "-1 x").unwrap();
        std::fs::write(dir.path().join("gone.pid"), "2147483646").unwrap();
        assert_eq!(sign_of_life(dir.path()), None);
    }
}
