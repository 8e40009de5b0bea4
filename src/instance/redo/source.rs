//! Positioned reads of log files, a window at a time: a log may be many GiB.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::bytes::slice_at;
use crate::disk::calls;
use crate::disk::reads;
use crate::disk::small;
use crate::error::{Error, Result};
use crate::units::ByteOffset;

use crate::instance::redo::block::BLOCK;

/// How much is read at once.
const WINDOW: usize = 1 << 20;

/// One open log file and the size it had when it was opened.
#[derive(Debug)]
pub(super) struct LogFile {
    pub path: PathBuf,
    pub size: u64,
    file: File,
}

impl LogFile {
    /// Opens a log file for reading; `None` if there is none of that name.
    ///
    /// # Errors
    /// The file cannot be opened, or is no regular file.
    pub fn open(path: &Path) -> Result<Option<LogFile>> {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(path, "examine")(e)),
        };
        // Opening a FIFO would wait for a writer that never comes.
        if !meta.is_file() {
            return Err(Error::foreign(
                path,
                "expected a redo log file, found something that is not a regular file",
            ));
        }
        let file = small::open(path).map_err(Error::io(path, "open"))?;
        reads::note(path, 0, 0);
        Ok(Some(LogFile { path: path.to_path_buf(), size: meta.len(), file }))
    }

    /// The file's own name, for sentences.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Up to `len` bytes at `at`; fewer where the file ends.
    ///
    /// # Errors
    /// The read fails; the error names file and offset.
    pub fn read(&self, at: u64, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let mut last = at;
        let read = |rest: &mut [u8], offset| {
            last = offset;
            self.file.read_at(rest, offset)
        };
        let read = calls::fill(&mut bytes, at, read);
        let done = read.map_err(|e| Error::io_at(&self.path, "read", ByteOffset(last))(e))?;
        bytes.truncate(done);
        reads::note(&self.path, at, done);
        Ok(bytes)
    }

    /// One 512-byte block, or `None` where the file ends before it does.
    ///
    /// # Errors
    /// As [`LogFile::read`].
    pub fn block(&self, at: u64) -> Result<Option<Vec<u8>>> {
        let bytes = self.read(at, BLOCK)?;
        Ok((bytes.len() == BLOCK).then_some(bytes))
    }
}

/// The part of a log file that was read last.
#[derive(Debug, Default)]
pub(super) struct LogWindow {
    file: usize,
    start: u64,
    bytes: Vec<u8>,
}

impl LogWindow {
    /// The 512 bytes at `at` of `files[file]`, or `None` where there are none.
    ///
    /// # Errors
    /// As [`LogFile::read`].
    pub fn block(&mut self, files: &[LogFile], file: usize, at: u64) -> Result<Option<[u8; BLOCK]>> {
        let Some(log) = files.get(file) else { return Ok(None) };
        if self.held(file, at, BLOCK).is_none() {
            self.fill(log, file, at)?;
        }
        Ok(self.held(file, at, BLOCK).and_then(|block| block.try_into().ok()))
    }

    fn held(&self, file: usize, at: u64, len: usize) -> Option<&[u8]> {
        if self.file != file {
            return None;
        }
        let skip = usize::try_from(at.checked_sub(self.start)?).ok()?;
        slice_at(&self.bytes, skip, len)
    }

    fn fill(&mut self, log: &LogFile, file: usize, at: u64) -> Result<()> {
        // What is left of the file, so that a small log does not cost a whole window.
        let len = usize::try_from(log.size.saturating_sub(at)).unwrap_or(WINDOW).min(WINDOW);
        *self = LogWindow { file, start: at, bytes: log.read(at, len)? };
        Ok(())
    }
}
