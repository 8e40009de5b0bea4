//! Reading runs of pages: short reads, unreadable sectors, and leaving the page cache as it was.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::disk::calls;
use crate::disk::lock;
use crate::disk::map::MappedWindow;
use rustix::fs::{Advice, OFlags, SeekFrom, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

/// Where bytes come from: a file, or in tests something that fails on demand.
pub trait ByteSource {
    /// As `pread`.
    ///
    /// # Errors
    /// Those of the system.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// How the page cache is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cache {
    /// Through the page cache, as everybody.
    #[default]
    Use,
    /// Around it, or where that is refused, forgetting what was not cached before.
    Spare,
}

/// Alignment of buffers and offsets for direct reads.
pub const ALIGNMENT: usize = 4096;

/// A file opened for a scan.
#[derive(Debug)]
pub struct Input {
    file: File,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Cached,
    Direct,
    /// Cached, and forgotten again.
    Forgetting,
}

impl Input {
    /// Opens a file for reading its pages one behind the other.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(path: &Path, cache: Cache, long: bool) -> io::Result<Input> {
        let mut options = File::options();
        // What was a file when it was listed may be a pipe now.
        options.read(true).custom_flags(libc::O_NONBLOCK);
        if cache == Cache::Spare {
            let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or_default();
            // Some file systems refuse at once, others when they are read from.
            let direct = options.clone().custom_flags(flags | libc::O_NONBLOCK).open(path);
            if let Some(file) =
                direct.ok().filter(|f| f.read_at(Buffer::new(ALIGNMENT).get(ALIGNMENT), 0).is_ok())
            {
                return Ok(Input { file, mode: Mode::Direct });
            }
        }
        let file = options.open(path)?;
        if long {
            // Advice only: a file system without it reads on as it likes.
            let _ = fadvise(&file, 0, None, Advice::Sequential);
        }
        let mode = if cache == Cache::Spare { Mode::Forgetting } else { Mode::Cached };
        Ok(Input { file, mode })
    }
}

impl Input {
    /// Where the hole ends that the file has at an offset; `None` where there are bytes, and where the system does not tell.
    /// `len` is the length that the file is believed to have: one that has shrunk is no hole.
    pub fn hole_end(&self, offset: u64, len: u64) -> Option<u64> {
        hole_end(&self.file, offset, len)
    }
}

/// As [`Input::hole_end`], of any file.
pub fn hole_end(file: &File, offset: u64, len: u64) -> Option<u64> {
    let metadata = file.metadata().ok()?;
    let stored = metadata.blocks().saturating_mul(512);
    if stored >= metadata.len() || metadata.len() < len || offset >= len {
        return None;
    }
    match rustix::fs::seek(file, SeekFrom::Data(offset)) {
        Ok(data) => Some(data.min(len)).filter(|&data| data > offset),
        Err(rustix::io::Errno::NXIO) => Some(len),
        Err(_) => None,
    }
}

/// Bytes from which on mapping pays.
const LEAST_MAPPED: u64 = 1 << 20;
/// Bytes mapped at a time: less pays less, more only takes memory. At least the longest run.
const MOST_MAPPED: u64 = 2 << 20;

impl Input {
    /// The beginning of a part of the file, or all of it, in place. `None` where it is to be read: around the page cache,
    /// where little is wanted, where a server holds the file and may be writing it, and where the system cannot map it.
    pub fn window(&self, offset: u64, len: u64) -> Option<MappedWindow<'_>> {
        if (len < LEAST_MAPPED && offset == 0) || self.mode != Mode::Cached {
            return None;
        }
        let len = usize::try_from(len.min(MOST_MAPPED)).ok()?;
        let free = lock::holder(&self.file).ok()?.is_none();
        if free { MappedWindow::open(&self.file, offset, len).ok() } else { None }
    }
}

impl ByteSource for Input {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.mode {
            Mode::Cached => return self.file.read_at(buffer, offset),
            // A direct read that came short has met the end; the odd offset behind it would be refused.
            Mode::Direct if !offset.is_multiple_of(ALIGNMENT as u64) => return Ok(0),
            Mode::Direct => return self.file.read_at(buffer, offset),
            Mode::Forgetting => {}
        }
        // What can be had without waiting lies in the cache already, and stays there.
        let mut slices = [io::IoSliceMut::new(buffer)];
        if let Ok(read @ 1..) = preadv2(&self.file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            return Ok(read);
        }
        let read = self.file.read_at(buffer, offset)?;
        let _ = fadvise(&self.file, offset, std::num::NonZeroU64::new(read as u64), Advice::DontNeed);
        Ok(read)
    }
}

/// What a run of pages turned out to hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReadRun {
    /// Bytes read from the beginning of the buffer; fewer than asked for where the file ended.
    pub filled: usize,
    /// Indexes of the pages that the system could not read; their bytes are zero.
    pub unreadable: Vec<usize>,
    /// What the system said of the first of them.
    pub error: Option<String>,
}

impl ReadRun {
    /// All bytes, and all of them readable.
    pub fn full(len: usize) -> ReadRun {
        ReadRun { filled: len, ..ReadRun::default() }
    }
}

/// Fills the buffer from `offset` on; where the system fails, page by page, so that one bad sector costs one page.
pub fn read_run(source: &impl ByteSource, offset: u64, buffer: &mut [u8], page_size: usize) -> ReadRun {
    match calls::fill(buffer, offset, |rest, at| source.read_at(rest, at)) {
        Ok(filled) => ReadRun { filled, ..ReadRun::default() },
        Err(_) => page_by_page(source, offset, buffer, page_size),
    }
}

fn page_by_page(source: &impl ByteSource, offset: u64, buffer: &mut [u8], page_size: usize) -> ReadRun {
    let mut run = ReadRun::default();
    // Disks do not read less than this, and direct reads must not try.
    let piece_size = page_size.max(ALIGNMENT);
    for (index, piece) in buffer.chunks_mut(piece_size).enumerate() {
        let begin = index * piece_size;
        match calls::fill(piece, offset.saturating_add(begin as u64), |rest, at| source.read_at(rest, at)) {
            Ok(read) => {
                run.filled += read;
                if read < piece.len() {
                    break;
                }
            }
            Err(error) => {
                piece.fill(0);
                run.filled += piece.len();
                run.unreadable.extend(begin / page_size..(begin + piece.len()).div_ceil(page_size));
                run.error.get_or_insert_with(|| error.to_string());
            }
        }
    }
    run
}

/// A buffer that begins at an aligned address, as direct reads demand.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// `len` zero bytes.
    pub fn new(len: usize) -> Buffer {
        let bytes = vec![0; len + ALIGNMENT];
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Buffer { bytes, start, len }
    }

    /// The first `len` bytes of it, or all where it is shorter.
    pub fn get(&mut self, len: usize) -> &mut [u8] {
        let end = self.start + len.min(self.len);
        self.bytes.get_mut(self.start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte `n / 512` everywhere, with sectors that cannot be read.
    struct Disk {
        len: u64,
        bad: Vec<u64>,
    }

    impl ByteSource for Disk {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let end = self.len.min(offset + buffer.len() as u64);
            if self.bad.iter().any(|&bad| offset <= bad && bad < end) {
                return Err(io::Error::from_raw_os_error(5));
            }
            let len = end.saturating_sub(offset) as usize;
            for (at, byte) in (offset..).zip(&mut buffer[..len]) {
                *byte = (at / 512) as u8;
            }
            Ok(len)
        }
    }

    #[test]
    fn one_bad_sector_costs_one_page() {
        let disk = Disk { len: 1 << 20, bad: vec![20_000, 50_000] };
        let mut buffer = vec![9; 16 * 4096];
        let run = read_run(&disk, 0, &mut buffer, 4096);
        assert_eq!((run.filled, &run.unreadable[..]), (16 * 4096, &[4, 12][..]));
        assert!(run.error.unwrap().contains("os error 5"));
        assert!(buffer[4 * 4096..5 * 4096].iter().all(|&b| b == 0));
        assert_eq!(buffer[5 * 4096], 40);
    }

    #[test]
    fn a_source_that_ends_gives_a_short_run() {
        for bad in [vec![], vec![100]] {
            let disk = Disk { len: 10_000, bad };
            let run = read_run(&disk, 0, &mut [0; 16384], 4096);
            assert_eq!(run.filled, 10_000);
        }
        assert_eq!(read_run(&Disk { len: 5, bad: vec![] }, 4096, &mut [0; 10], 4096), ReadRun::default());
    }

    #[test]
    fn buffers_are_aligned() {
        for len in [1, 4096, 65536] {
            let mut buffer = Buffer::new(len);
            assert_eq!(buffer.get(len).as_ptr().addr() % ALIGNMENT, 0);
            assert_eq!(buffer.get(usize::MAX).len(), len);
        }
    }

    #[test]
    fn around_the_cache_the_same_bytes_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.ibd");
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i / 7) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        for cache in [Cache::Use, Cache::Spare] {
            let input = Input::open(&path, cache, true).unwrap();
            let mut buffer = Buffer::new(131_072);
            let run = read_run(&input, 0, buffer.get(131_072), 4096);
            assert_eq!(run.filled, bytes.len(), "{cache:?}");
            assert_eq!(buffer.get(bytes.len()), bytes);
        }
    }
}
