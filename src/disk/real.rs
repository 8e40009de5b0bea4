//! The disk of the machine.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Advice, RenameFlags};

use crate::disk::attributes;
use crate::disk::calls::{Access, CopyMethod, Disk, ReadBack, Stat};
use crate::disk::host;
use crate::disk::lock;
use crate::disk::lock::{Holder, LockKind};
use crate::disk::reads;

/// Alignment that `O_DIRECT` needs of buffer, offset and length: the largest logical block met in practice.
const DIRECT_ALIGN: usize = 4096;
/// Bytes that a copy moves at a time.
const COPY_CHUNK: usize = 1 << 20;

/// The system calls themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

/// An open file with the second descriptor that reading past the page cache needs. Both are closed together, because
/// closing either drops the lock.
#[derive(Debug)]
pub struct RealFile {
    file: File,
    writable: bool,
    direct: OnceLock<Option<File>>,
}

impl RealFile {
    fn new(file: File, writable: bool) -> RealFile {
        RealFile { file, writable, direct: OnceLock::new() }
    }

    /// The same file opened with `O_DIRECT`, through the descriptor, so that no rename can come between.
    fn direct(&self) -> Option<&File> {
        self.direct.get_or_init(|| reopen_direct(&self.file)).as_ref()
    }
}

/// File systems that take `O_DIRECT` and answer from memory all the same: tmpfs, ramfs, ZFS (`linux/magic.h`; ZFS's
/// own `super.c`).
#[cfg(target_os = "linux")]
const ANSWER_FROM_MEMORY: [i128; 3] = [0x0102_1994, 0x8584_58F6, 0x2FC1_2FC1];

#[cfg(target_os = "linux")]
fn reopen_direct(file: &File) -> Option<File> {
    // What cannot be told may be one of them. The width of the number differs between processors.
    let kind = i128::from(rustix::fs::fstatfs(file).ok()?.f_type) & 0xFFFF_FFFF;
    if ANSWER_FROM_MEMORY.contains(&kind) {
        return None;
    }
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(name).ok()
}

#[cfg(not(target_os = "linux"))]
fn reopen_direct(_file: &File) -> Option<File> {
    None
}

/// Reads the aligned blocks around the wanted bytes.
fn read_direct(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    let skip = usize::try_from(offset % DIRECT_ALIGN as u64).ok()?;
    let span = skip.checked_add(buffer.len())?.checked_next_multiple_of(DIRECT_ALIGN)?;
    let mut blocks = vec![0u8; span.checked_add(DIRECT_ALIGN)?];
    let lead = blocks.as_ptr().align_offset(DIRECT_ALIGN);
    let aligned = blocks.get_mut(lead..lead.checked_add(span)?)?;
    let read = file.read_at(aligned, offset.checked_sub(skip as u64)?).ok()?;
    let found = aligned.get(skip..read.max(skip))?;
    let len = found.len().min(buffer.len());
    buffer.get_mut(..len)?.copy_from_slice(found.get(..len)?);
    Some(len)
}

impl Disk for RealDisk {
    type File = RealFile;

    fn open(&self, path: &Path, access: Access) -> io::Result<RealFile> {
        // Looked at before it is opened: opening a FIFO would block for ever.
        let kind = std::fs::metadata(path)?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(io::Error::other("neither a regular file nor a block device"));
        }
        let writable = access == Access::ReadWrite;
        let mut options = OpenOptions::new();
        options.read(true).write(writable).custom_flags(libc::O_NONBLOCK);
        Ok(RealFile::new(options.open(path)?, writable))
    }

    fn create_new(&self, path: &Path) -> io::Result<RealFile> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(RealFile::new(file, true))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        match std::fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn stat(&self, file: &RealFile) -> io::Result<Stat> {
        let metadata = file.file.metadata()?;
        let size = if metadata.file_type().is_block_device() {
            (&file.file).seek(SeekFrom::End(0))?
        } else {
            metadata.len()
        };
        Ok(Stat { device: metadata.dev(), inode: metadata.ino(), size })
    }

    fn read_at(&self, file: &RealFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.file.read_at(buffer, offset)
    }

    fn read_back(&self, file: &RealFile, buffer: &mut [u8], offset: u64) -> io::Result<(usize, ReadBack)> {
        if let Some(read) = file.direct().and_then(|direct| read_direct(direct, buffer, offset)) {
            return Ok((read, ReadBack::Device));
        }
        let len = std::num::NonZeroU64::new(buffer.len() as u64);
        let dropped = rustix::fs::fadvise(&file.file, offset, len, Advice::DontNeed).is_ok();
        let way = if dropped { ReadBack::CacheDropped } else { ReadBack::Cache };
        Ok((file.file.read_at(buffer, offset)?, way))
    }

    fn write_at(&self, file: &RealFile, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.file.write_at(bytes, offset)
    }

    fn fsync(&self, file: &RealFile) -> io::Result<()> {
        file.file.sync_all()
    }

    fn fsync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let cwd = rustix::fs::CWD;
        match rustix::fs::renameat_with(cwd, from, cwd, to, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
                rename_by_link(from, to)?;
            }
            Err(e) => return Err(e.into()),
        }
        // Journals and mended copies belong into the custody record.
        let len = std::fs::metadata(to).map_or(0, |metadata| metadata.len());
        reads::note(to, 0, usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn lock(&self, file: &RealFile) -> io::Result<Option<Holder>> {
        lock::take(&file.file, if file.writable { LockKind::Exclusive } else { LockKind::Shared })
    }

    fn lock_held(&self, file: &RealFile) -> io::Result<Option<bool>> {
        lock::still_held(&file.file)
    }

    fn copy(&self, from: &RealFile, to: &RealFile) -> io::Result<CopyMethod> {
        to.file.set_permissions(from.file.metadata()?.permissions())?;
        if rustix::fs::ioctl_ficlone(&to.file, &from.file).is_ok() {
            return Ok(CopyMethod::Reflink);
        }
        copy_sparse(&from.file, &to.file, self.stat(from)?.size)?;
        Ok(CopyMethod::Copied)
    }

    fn keep(&self, from: &RealFile, to: &RealFile) -> io::Result<Vec<String>> {
        attributes::keep(&from.file, &to.file)
    }

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        std::path::absolute(if path.as_os_str().is_empty() { Path::new(".") } else { path })
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let absolute = self.absolute(path)?;
        Ok(match (absolute.parent(), absolute.file_name()) {
            (Some(dir), Some(name)) => dir.canonicalize().map_or(absolute.clone(), |dir| dir.join(name)),
            _ => absolute,
        })
    }

    fn foreign_hand(&self, file: &RealFile) -> io::Result<Option<String>> {
        let metadata = file.file.metadata()?;
        let (owner, user) = (metadata.uid(), host::effective_uid());
        Ok(if owner != user && owner != 0 {
            Some(format!("it belongs to user {owner}, not to {user}"))
        } else if metadata.mode() & 0o022 != 0 {
            Some(format!("others may write it (mode {:04o})", metadata.mode() & 0o7777))
        } else {
            None
        })
    }

    fn now(&self) -> i64 {
        jiff::Timestamp::now().as_second()
    }
}

/// For file systems without `RENAME_NOREPLACE`: a second name, which fails where one exists, then one name less. Where
/// there are no hard links either, a look and a rename; nobody else makes names that end like ours.
fn rename_by_link(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => std::fs::remove_file(from),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        Err(_) if std::fs::symlink_metadata(to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(from, to),
    }
}

/// Copies what is data and leaves holes where there are holes.
fn copy_sparse(from: &File, to: &File, size: u64) -> io::Result<()> {
    to.set_len(size)?;
    let mut at = 0;
    while at < size {
        let (start, end) = next_data(from, at, size)?;
        copy_range(from, to, start, end)?;
        at = end;
    }
    Ok(())
}

/// The next run of data in `at..size`; everything is data where the system does not tell.
fn next_data(file: &File, at: u64, size: u64) -> io::Result<(u64, u64)> {
    use rustix::fs::SeekFrom;
    match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => {
            let end = rustix::fs::seek(file, SeekFrom::Hole(start))?;
            // A file that grows or shrinks meanwhile must not keep us here for ever.
            Ok((start.min(size), end.min(size).max(at.saturating_add(1))))
        }
        Err(rustix::io::Errno::NXIO) => Ok((size, size)),
        Err(_) => Ok((at, size)),
    }
}

fn copy_range(from: &File, to: &File, start: u64, end: u64) -> io::Result<()> {
    let mut buffer = vec![0; COPY_CHUNK];
    let mut at = start;
    while at < end {
        let want = usize::try_from(end - at).unwrap_or(COPY_CHUNK).min(COPY_CHUNK);
        let Some(chunk) = buffer.get_mut(..want) else { break };
        let read = crate::disk::calls::retry(|| from.read_at(chunk, at))?;
        let Some(found) = chunk.get(..read).filter(|found| !found.is_empty()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        to.write_all_at(found, at)?;
        at = at.saturating_add(read as u64);
    }
    Ok(())
}
