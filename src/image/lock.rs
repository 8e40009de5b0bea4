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
pub fn holder(file: &File) -> io::Result<Option<Holder>> {
    let found = lock_call(file, libc::F_GETLK, libc::F_WRLCK as c_short)?;
    Ok((found.l_type != libc::F_UNLCK as c_short).then(|| Holder {
        pid: u32::try_from(found.l_pid).ok().filter(|&pid| pid != 0),
        command: u32::try_from(found.l_pid).ok().and_then(command),
        exclusive: found.l_type == libc::F_WRLCK as c_short,
    }))
}

/// The same by name. Opens and closes the file: never call it for a file on which this process holds a lock.
pub fn holder_of(path: &Path) -> io::Result<Option<Holder>> {
    holder(&File::open(path)?)
}

/// Takes a lock on the whole file without waiting: `F_SETLK`. `Some` names who has it instead.
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
