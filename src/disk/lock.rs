//! Who holds a file, and holding it ourselves, the way the servers do it.
//!
//! `os_file_lock` (`os0file.cc`, MySQL 5.6 to 9.7 and MariaDB 10.x alike) calls `fcntl(F_SETLK)` with an exclusive
//! lock on the whole file: `l_type` `F_WRLCK`, `l_whence` `SEEK_SET`, `l_start` 0, `l_len` 0. Neither `flock` nor
//! `File::try_lock` sees such a lock.
//!
//! **A POSIX lock belongs to the process and the file, not to the descriptor: it is lost when the process closes any
//! descriptor of that file.** Whoever has taken a lock here keeps every descriptor of that file open until the work
//! is done, and opens none besides; [`still_held`] tells whether somebody did.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use libc::{c_int, c_short};

use crate::disk::small;

/// A process that holds a lock which keeps us out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, where the system tells: not across process namespaces, not for locks of open file
    /// descriptions (`F_OFD_SETLK`).
    pub pid: Option<u32>,
    /// Its command (`/proc/PID/comm`), where the system tells.
    pub command: Option<String>,
    /// Whether it holds the file for writing, as a running server does.
    pub exclusive: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.command) {
            (Some(pid), Some(command)) => write!(f, "process {pid} ({command})"),
            (Some(pid), None) => write!(f, "process {pid}"),
            (None, _) => write!(f, "a process that the system does not name (perhaps in a container)"),
        }
    }
}

/// The kinds of lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// `F_RDLCK`: keeps a server from starting; the file may be open for reading only.
    Shared,
    /// `F_WRLCK`: what the servers take; the file must be open for writing.
    Exclusive,
}

/// Who would keep us from an exclusive lock: `F_GETLK`. Our own process's locks are never reported.
///
/// # Errors
/// The system cannot tell: no locks on this filesystem.
pub fn holder(file: &File) -> io::Result<Option<Holder>> {
    let found = lock_call(file, libc::F_GETLK, libc::F_WRLCK as c_short)?;
    Ok((found.l_type != libc::F_UNLCK as c_short).then(|| Holder {
        pid: u32::try_from(found.l_pid).ok().filter(|&pid| pid != 0),
        command: u32::try_from(found.l_pid).ok().and_then(command),
        exclusive: found.l_type == libc::F_WRLCK as c_short,
    }))
}

/// The same by name. Opens and closes the file: never call it for a file on which this process holds a lock.
///
/// # Errors
/// As [`holder`]; the file cannot be opened.
pub fn holder_of(path: &Path) -> io::Result<Option<Holder>> {
    holder(&small::open(path)?)
}

/// Takes a lock on the whole file without waiting: `F_SETLK`. `Some` names who has it instead.
///
/// # Errors
/// The call fails for another reason than that somebody holds the lock.
pub fn take(file: &File, kind: LockKind) -> io::Result<Option<Holder>> {
    let lock_type = match kind {
        LockKind::Shared => libc::F_RDLCK,
        LockKind::Exclusive => libc::F_WRLCK,
    };
    match lock_call(file, libc::F_SETLK, lock_type as c_short) {
        Ok(_) => Ok(None),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
            let nobody = Holder { pid: None, command: None, exclusive: true };
            Ok(Some(holder(file)?.unwrap_or(nobody)))
        }
        Err(e) => Err(e),
    }
}

/// Whether this process still holds its lock on the file: asked on behalf of the open file description, to which
/// our own lock is a foreign one. `None` where the system cannot tell.
///
/// # Errors
/// The call fails.
#[cfg(target_os = "linux")]
pub fn still_held(file: &File) -> io::Result<Option<bool>> {
    match lock_call(file, libc::F_OFD_GETLK, libc::F_WRLCK as c_short) {
        Ok(found) if found.l_type == libc::F_UNLCK as c_short => Ok(Some(false)),
        Ok(found) => Ok(u32::try_from(found.l_pid).ok().map(|pid| pid == std::process::id())),
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether this process still holds its lock on the file: this system cannot tell.
///
/// # Errors
/// The call fails.
#[cfg(not(target_os = "linux"))]
pub fn still_held(_file: &File) -> io::Result<Option<bool>> {
    Ok(None)
}

/// One `fcntl` lock call about the whole file.
///
/// libc rather than rustix: rustix asserts that the holder's process id is not negative, and it is -1 for locks of
/// open file descriptions.
#[allow(
    unsafe_code,
    reason = "fcntl takes a pointer to a structure; there is no safe wrapper that cannot panic"
)]
fn lock_call(file: &File, call: c_int, lock_type: c_short) -> io::Result<libc::flock> {
    // SAFETY: `flock` is plain old data, for which all zero bytes are a valid value (whole file, pid 0).
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = lock_type;
    lock.l_whence = libc::SEEK_SET as c_short;
    // SAFETY: the descriptor is open while `file` is borrowed, and `lock` outlives the call that reads and writes it.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), call, &raw mut lock) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(lock) }
}

fn command(pid: u32) -> Option<String> {
    let comm = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(comm.trim_ascii()).into_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    /// Set for the child process: the file to lock.
    const FILE: &str = "DBLWR_TEST_LOCK_FILE";

    /// Holds a lock the way a server does, in another process, until it is dropped. `None` where the child did not
    /// get it.
    struct Server(Child);

    impl Server {
        fn start(path: &Path, kind: &str) -> Option<Server> {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([
                "--exact",
                concat!(module_path!(), "::child").trim_start_matches("dblwr::"),
                "--nocapture",
            ]);
            command.env(FILE, path).env("DBLWR_TEST_LOCK_KIND", kind);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let locked = lines.any(|line| line.ends_with("child locked"));
            let server = Server(child);
            locked.then_some(server)
        }
    }

    /// Not a test of its own: what [`Server`] runs.
    #[test]
    fn child() {
        let Some(path) = std::env::var_os(FILE) else { return };
        let shared = std::env::var("DBLWR_TEST_LOCK_KIND").unwrap() == "shared";
        let file = open(Path::new(&path));
        let kind = if shared { LockKind::Shared } else { LockKind::Exclusive };
        if take(&file, kind).unwrap().is_none() {
            println!("child locked");
            // The parent closes our input when it is done with us.
            let _ = std::io::stdin().read_line(&mut String::new());
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ibdata1");
        std::fs::write(&path, [0; 100]).unwrap();
        (dir, path)
    }

    fn open(path: &Path) -> File {
        File::options().read(true).write(true).open(path).unwrap()
    }

    #[test]
    fn the_process_that_holds_the_file_is_named() {
        let (_dir, path) = file();
        assert_eq!(holder_of(&path).unwrap(), None);
        let server = Server::start(&path, "exclusive").unwrap();
        let found = holder_of(&path).unwrap().unwrap();
        assert_eq!((found.pid, found.exclusive), (Some(server.0.id()), true));
        assert!(found.to_string().contains("dblwr"), "{found}");
        assert_eq!(take(&open(&path), LockKind::Exclusive).unwrap(), Some(found));
        drop(server);
        assert_eq!(holder_of(&path).unwrap(), None);
    }

    #[test]
    fn a_reader_keeps_us_from_writing_but_not_from_reading() {
        let (_dir, path) = file();
        let _reader = Server::start(&path, "shared").unwrap();
        assert!(!holder_of(&path).unwrap().unwrap().exclusive);
        assert_eq!(take(&open(&path), LockKind::Shared).unwrap(), None);
        assert!(take(&open(&path), LockKind::Exclusive).unwrap().is_some());
    }

    #[test]
    fn a_server_that_starts_meanwhile_does_not_get_the_file() {
        let (_dir, path) = file();
        let held = open(&path);
        assert_eq!(take(&held, LockKind::Exclusive).unwrap(), None);
        assert!(Server::start(&path, "exclusive").is_none());
        drop(held);
        assert!(Server::start(&path, "exclusive").is_some());
    }

    /// The trap that the session is built around, and the question that notices it.
    #[test]
    #[cfg(target_os = "linux")]
    fn closing_any_descriptor_drops_the_lock_and_we_notice() {
        let (_dir, path) = file();
        let held = open(&path);
        assert_eq!(still_held(&held).unwrap(), Some(false));
        take(&held, LockKind::Exclusive).unwrap();
        assert_eq!(still_held(&held).unwrap(), Some(true));
        drop(open(&path));
        assert_eq!(still_held(&held).unwrap(), Some(false));
    }

    /// `F_OFD_SETLK` holders have no process id; some wrappers panic there.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_lock_of_an_open_file_description_has_no_name() {
        let (_dir, path) = file();
        let (other, ours) = (open(&path), open(&path));
        lock_call(&other, libc::F_OFD_SETLK, libc::F_WRLCK as c_short).unwrap();
        let found = holder(&ours).unwrap().unwrap();
        assert_eq!((found.pid, &found.command), (None, &None));
        assert!(found.to_string().contains("does not name"));
    }
}
