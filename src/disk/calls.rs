//! The system calls of the writing half, as a trait: the real ones, and in tests a disk that can be cut anywhere.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::disk::lock::Holder;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// For reading.
    Read,
    /// For reading and writing; the file must exist.
    ReadWrite,
}

/// What tells one file from another, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
}

/// Where the bytes of a read-back came from, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadBack {
    /// Read with `O_DIRECT`: from the device.
    Device,
    /// Read after the system was asked to drop its cached pages: most likely from the device.
    CacheDropped,
    /// A plain read: perhaps from the page cache.
    Cache,
}

/// How a file was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMethod {
    /// Blocks are shared until one side changes (`FICLONE`).
    Reflink,
    /// Bytes were copied, holes kept.
    Copied,
}

/// Every system call that the writing half makes. Each may fail with any error, and be interrupted.
///
/// POSIX locks belong to the process: closing **any** descriptor of a file drops the locks on it. So an
/// implementation must not close a descriptor of a file before its [`Disk::File`] is dropped, and the caller drops
/// none before the pass has ended.
pub trait Disk {
    /// An open file, with every descriptor that was ever opened for it.
    type File;

    /// Opens an existing regular file or block device.
    fn open(&self, path: &Path, access: Access) -> io::Result<Self::File>;
    /// Creates a file for reading and writing, mode 0600; `AlreadyExists` where the name is taken.
    fn create_new(&self, path: &Path) -> io::Result<Self::File>;
    /// Creates a directory; `AlreadyExists` where the name is taken.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory that is empty.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Whether the name is taken, by whatever, a dangling link included.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Identity and size.
    fn stat(&self, file: &Self::File) -> io::Result<Stat>;
    /// `pread`: may read less than asked, 0 at the end.
    fn read_at(&self, file: &Self::File, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// The same past the page cache where the system allows.
    fn read_back(&self, file: &Self::File, buffer: &mut [u8], offset: u64) -> io::Result<(usize, ReadBack)>;
    /// `pwrite`: may write less than asked.
    fn write_at(&self, file: &Self::File, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Data and size on disk.
    fn fsync(&self, file: &Self::File) -> io::Result<()>;
    /// The names in a directory on disk.
    fn fsync_dir(&self, path: &Path) -> io::Result<()>;
    /// Renames; `AlreadyExists` where the new name is taken, never replaces.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Takes a lock on the whole file as InnoDB does (`os_file_lock`): exclusive where the file was opened for
    /// writing, shared otherwise. `Some` names who has it instead.
    fn lock(&self, file: &Self::File) -> io::Result<Option<Holder>>;
    /// Whether our lock is still there; `None` where the system cannot tell.
    fn lock_held(&self, file: &Self::File) -> io::Result<Option<bool>>;
    /// Fills an empty new file with the content and permissions of another.
    fn copy(&self, from: &Self::File, to: &Self::File) -> io::Result<CopyMethod>;
    /// Gives a copy the owner, group, mode, extended attributes and times of its file; what could not be given, in words.
    fn keep(&self, _from: &Self::File, _to: &Self::File) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
    /// The path from the root of the file system, links not followed.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf>;
    /// The path without links, as far as that can be told.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.absolute(path)
    }
    /// Who besides this user may have written a file, in words; `None`: nobody but the administrator.
    fn foreign_hand(&self, _file: &Self::File) -> io::Result<Option<String>> {
        Ok(None)
    }
    /// Seconds since 1970, UTC.
    fn now(&self) -> i64;
}

/// Repeats a call that a signal interrupted.
///
/// # Errors
/// Any error of the call but `Interrupted`.
pub fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

/// Reads until the buffer is full or the file ends; the number of bytes read.
///
/// # Errors
/// Any error of a read but `Interrupted`.
pub fn read_full<D: Disk>(disk: &D, file: &D::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    fill(buffer, offset, |rest, at| disk.read_at(file, rest, at))
}

/// The same past the page cache; the least sure of the ways that the bytes came.
///
/// # Errors
/// Any error of a read but `Interrupted`.
pub fn read_back_full<D: Disk>(
    disk: &D,
    file: &D::File,
    buffer: &mut [u8],
    offset: u64,
) -> io::Result<(usize, ReadBack)> {
    let mut worst = ReadBack::Device;
    let done = fill(buffer, offset, |rest, at| {
        let (n, way) = disk.read_back(file, rest, at)?;
        worst = worst.max(way);
        Ok(n)
    })?;
    Ok((done, worst))
}

/// Calls `read` with what is left of the buffer and the byte offset that it belongs to until the buffer is full or
/// nothing more comes; the number of bytes read.
///
/// # Errors
/// Any error of `read` but `Interrupted`; an offset beyond 2^64.
pub fn fill(
    buffer: &mut [u8],
    offset: u64,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.checked_add(done as u64).ok_or(io::ErrorKind::InvalidInput)?;
        match retry(|| read(rest, at))? {
            0 => break,
            n => done += n,
        }
    }
    Ok(done)
}

/// Writes all of it, however many calls that takes.
///
/// # Errors
/// Any error of a write but `Interrupted`; `WriteZero` where nothing more is taken.
pub fn write_full<D: Disk>(disk: &D, file: &D::File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.checked_add(done as u64).ok_or(io::ErrorKind::InvalidInput)?;
        match retry(|| disk.write_at(file, rest, at))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => done += n,
        }
    }
    Ok(())
}

/// The directory that holds a name.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path with something behind its last component.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// What a copy is called until it is whole.
pub(crate) const PART_SUFFIX: &str = ".dblwr-part";

/// What a copy is called until it is whole.
pub(crate) fn part_of(to: &Path) -> PathBuf {
    with_suffix(to, PART_SUFFIX)
}

/// Opens a file for reading, never waiting for the other end of a pipe.
///
/// # Errors
/// Those of the system.
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Opens a file for reading, never through a link, and never waiting for the other end of a pipe.
///
/// # Errors
/// Those of the system: `ELOOP` where the path is a link.
pub(crate) fn open_no_link(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}
