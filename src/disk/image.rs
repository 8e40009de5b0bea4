//! One file, read with `pread`: a file that shrinks meanwhile gives a short read, never a signal.

use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::disk::calls;
use crate::disk::reads;
use crate::disk::run;
use crate::error::{Error, Result};
use crate::units::{ByteOffset, PageSize};

/// A file opened for reading.
#[derive(Debug)]
pub struct Image {
    file: File,
    path: PathBuf,
    len: u64,
    identity: FileIdentity,
    /// Where reading goes on past what the device cannot give back: what that was.
    faults: Option<Mutex<Vec<Error>>>,
}

/// What the device loses at once: the unit in which the page cache reads.
const LOST: usize = 4096;

/// What tells one file from another whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileIdentity {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

impl FileIdentity {
    /// The identity that the system reports.
    pub fn of(metadata: &Metadata) -> FileIdentity {
        FileIdentity { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[cfg(test)]
thread_local! {
    /// How many files this thread has opened: what many tables cost is mostly that.
    pub static OPENED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Image {
    /// Opens a regular file or a block device. Anything else is refused before opening: a FIFO would block for ever.
    ///
    /// # Errors
    /// It is not there, may not be read, or is neither a regular file nor a block device.
    pub fn open(path: &Path) -> Result<Image> {
        let metadata = std::fs::metadata(path).map_err(Error::io(path, "open"))?;
        if !metadata.is_file() && !metadata.file_type().is_block_device() {
            return Err(Error::foreign(path, "neither a regular file nor a block device; name a data file"));
        }
        let mut file = calls::open_at_once(path).map_err(Error::io(path, "open"))?;
        let len = if metadata.is_file() {
            metadata.len()
        } else {
            file.seek(SeekFrom::End(0)).map_err(Error::io(path, "find the size of"))?
        };
        reads::note(path, 0, 0);
        #[cfg(test)]
        OPENED.set(OPENED.get() + 1);
        Ok(Image { file, path: path.to_path_buf(), len, identity: FileIdentity::of(&metadata), faults: None })
    }

    /// The same, but bad sectors read as zeros and are remembered: for what can be told without them. Never for bytes
    /// that are going to be judged as a page.
    ///
    /// # Errors
    /// As [`Image::open`].
    pub fn open_past_faults(path: &Path) -> Result<Image> {
        Ok(Image { faults: Some(Mutex::default()), ..Image::open(path)? })
    }

    /// The places that could not be read so far, each once.
    pub fn into_faults(self) -> Vec<Error> {
        self.faults
            .map(|faults| faults.into_inner().unwrap_or_else(PoisonError::into_inner))
            .unwrap_or_default()
    }

    /// Size in bytes when the file was opened.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Device and inode.
    pub fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// The descriptor, for advice and locks.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where the hole ends that the file has at an offset: from there on, or up to the end, it reads as zeros and need not
    /// be read. `None` where there are bytes, and where the system does not tell.
    pub fn hole_end(&self, offset: ByteOffset) -> Option<ByteOffset> {
        run::hole_end(&self.file, offset.0, self.len).map(ByteOffset)
    }

    /// Reads until the buffer is full or the file ends; the number of bytes read.
    ///
    /// # Errors
    /// The read fails; the error names file and offset.
    pub fn read_up_to(&self, offset: ByteOffset, buffer: &mut [u8]) -> Result<usize> {
        let mut last = offset;
        let read = |rest: &mut [u8], at| {
            last = ByteOffset(at);
            match self.file.read_at(rest, at) {
                Err(e) if self.faults.is_some() && is_of_the_device(&e) => {
                    let lost = rest.len().min(LOST - usize::try_from(at % LOST as u64).unwrap_or_default());
                    rest.get_mut(..lost).unwrap_or_default().fill(0);
                    self.remember(last, e);
                    Ok(lost)
                }
                answer => answer,
            }
        };
        let read = calls::fill(buffer, offset.0, read);
        let done = read.map_err(|e| Error::io_at(&self.path, "read", last)(e))?;
        reads::note(&self.path, offset.0, done);
        Ok(done)
    }

    fn remember(&self, at: ByteOffset, error: io::Error) {
        let Some(faults) = &self.faults else { return };
        let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
        if !faults.iter().any(|fault| matches!(fault, Error::IoAt { offset, .. } if *offset == at)) {
            faults.push(Error::io_at(&self.path, "read", at)(error));
        }
    }

    /// The `size` bytes at `offset`, or `None` where the file ends before them.
    ///
    /// # Errors
    /// As [`Image::read_up_to`].
    pub fn read_exact_at(&self, offset: ByteOffset, size: usize) -> Result<Option<Vec<u8>>> {
        if offset.checked_add(size as u64).is_none_or(|end| end.0 > self.len) {
            return Ok(None);
        }
        let mut buffer = vec![0; size];
        let read = self.read_up_to(offset, &mut buffer)?;
        Ok((read == size).then_some(buffer))
    }

    /// One page at a byte offset, or `None` where the end of the file cuts it.
    ///
    /// # Errors
    /// As [`Image::read_up_to`].
    pub fn read_page(&self, offset: ByteOffset, size: PageSize) -> Result<Option<Vec<u8>>> {
        self.read_exact_at(offset, size.bytes())
    }
}

/// A medium error in any of its names: what is asked for again will fail again, what lies beside it may be sound.
fn is_of_the_device(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::ENODATA | libc::EILSEQ | libc::EBADMSG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_the_end_cuts_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.ibd");
        std::fs::write(&path, vec![7; 1500]).unwrap();
        let image = Image::open(&path).unwrap();
        let size = PageSize::new(1024).unwrap();
        assert_eq!(image.read_page(ByteOffset(0), size).unwrap(), Some(vec![7; 1024]));
        assert_eq!(image.read_page(ByteOffset(1024), size).unwrap(), None);
        assert_eq!(image.read_page(ByteOffset(u64::MAX), size).unwrap(), None);
    }

    #[test]
    fn a_directory_is_refused_by_name() {
        let error = Image::open(Path::new("/")).unwrap_err().to_string();
        assert!(error.starts_with("/: neither"), "{error}");
    }
}
