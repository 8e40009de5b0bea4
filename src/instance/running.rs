//! Whether a server runs on these files: its locks, pid files whose process exists, sockets that somebody listens on.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::disk::host;
use crate::disk::lock;
use crate::disk::small;
use crate::instance::locations::{Focus, Locations};

/// How a server is seen that runs on what was named, in words; `None` where nothing shows one.
pub fn server_on(locations: &Locations) -> Option<String> {
    if locations.bundle.is_some() {
        return None;
    }
    let places = [locations.root.as_path(), &locations.datadir, &locations.data_home];
    let named = match &locations.focus {
        Focus::Directory | Focus::Doublewrite(_) => None,
        Focus::System(file) | Focus::Tablespace(file) => Some(file.clone()),
    };
    let mut files: Vec<PathBuf> = named.into_iter().chain(lock_files(places)).collect();
    let configured = locations.data_files.iter().flatten();
    files.extend(configured.map(|file| locations.data_home.join(&file.path)).filter(|path| path.is_file()));
    files.iter().find_map(|file| locked(locations, file)).or_else(|| sign_of_life(&locations.datadir))
}

fn locked(locations: &Locations, file: &Path) -> Option<String> {
    let holder = lock::holder_of(file).ok().flatten().filter(|holder| holder.exclusive)?;
    Some(format!("{holder} has {} locked", locations.relative(file).display()))
}

/// The first sign that a server runs on this directory, in words; `None` where there is none.
pub fn sign_of_life(datadir: &Path) -> Option<String> {
    let entries = std::fs::read_dir(datadir).ok()?.flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().find_map(|path| pid_file(path).or_else(|| socket(path)))
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
