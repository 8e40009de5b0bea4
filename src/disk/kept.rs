//! Bytes of pages that are needed again: in memory while that is little, else by where they lie and what they hash to.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::disk::Image;
use crate::units::ByteOffset;

/// Bytes that all pages in memory may have together. Those of an ordinary doublewrite buffer and its homes fit.
const MOST_HELD: usize = 16 << 20;
/// Bytes in memory now.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// SHA-256 of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSum(pub [u8; 32]);

impl PageSum {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> PageSum {
        PageSum(Sha256::digest(bytes).into())
    }
}

/// Lower-case hexadecimal, as in every report.
impl fmt::Display for PageSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The file that bytes are read from again.
#[derive(Debug, Clone)]
pub enum ReadAgain {
    /// Opened each time.
    Path(PathBuf),
    /// Held open: closing it would drop the locks of this process on the file.
    Open(Arc<Image>),
    /// A file without a name.
    Spilled(Arc<File>),
}

/// A file without a name, in the directory for temporary files, that bytes go to which nothing makes again.
#[derive(Debug, Default)]
pub struct Spill(Mutex<Option<(Arc<File>, u64)>>);

impl Spill {
    /// Puts bytes behind those that are there; the file, and where they lie in it.
    fn put(&self, bytes: &[u8]) -> io::Result<(Arc<File>, ByteOffset)> {
        let mut spill = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, end) = match &*spill {
            Some((file, end)) => (Arc::clone(file), *end),
            None => (Arc::new(tempfile::tempfile()?), 0),
        };
        file.write_all_at(bytes, end)?;
        *spill = Some((Arc::clone(&file), end.saturating_add(bytes.len() as u64)));
        Ok((file, ByteOffset(end)))
    }

    fn take(&self, bytes: Vec<u8>, sum: PageSum) -> Kept {
        match self.put(&bytes) {
            Ok((file, offset)) => {
                Kept::Away { source: ReadAgain::Spilled(file), offset, len: bytes.len(), sum }
            }
            Err(_) => Kept::Here { bytes, counted: false },
        }
    }
}

/// What makes bytes again.
type Making = Box<dyn Fn() -> Option<Vec<u8>> + Send + Sync>;

/// Bytes that can be had as often as they are needed. A clone shares them.
#[derive(Clone)]
pub struct PageBytes(Arc<Kept>);

enum Kept {
    /// In memory; whether they count.
    Here { bytes: Vec<u8>, counted: bool },
    /// In a file.
    Away { source: ReadAgain, offset: ByteOffset, len: usize, sum: PageSum },
    /// Made of other bytes.
    Made { make: Making, len: usize, sum: PageSum },
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Kept::Here { bytes, counted: true } = self {
            HELD.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
    }
}

impl PageBytes {
    /// In memory, whatever that takes: for those that are let go soon.
    pub fn here(bytes: Vec<u8>) -> PageBytes {
        PageBytes(Arc::new(Kept::Here { bytes, counted: false }))
    }

    /// Bytes that were read there.
    pub fn read_from(bytes: Vec<u8>, offset: ByteOffset, source: impl FnOnce() -> ReadAgain) -> PageBytes {
        PageBytes::kept(bytes, |bytes, sum| Kept::Away { source: source(), offset, len: bytes.len(), sum })
    }

    /// Bytes that nothing makes again; they stay in memory where the file cannot take them.
    pub fn spilled(bytes: Vec<u8>, spill: &Spill) -> PageBytes {
        PageBytes::kept(bytes, |bytes, sum| spill.take(bytes, sum))
    }

    /// Bytes that can be made again.
    pub fn made(bytes: Vec<u8>, make: impl Fn() -> Option<Vec<u8>> + Send + Sync + 'static) -> PageBytes {
        PageBytes::kept(bytes, |bytes, sum| Kept::Made { make: Box::new(make), len: bytes.len(), sum })
    }

    fn kept(bytes: Vec<u8>, away: impl FnOnce(Vec<u8>, PageSum) -> Kept) -> PageBytes {
        let before = HELD.fetch_add(bytes.len(), Ordering::Relaxed);
        if before.saturating_add(bytes.len()) <= MOST_HELD {
            return PageBytes(Arc::new(Kept::Here { bytes, counted: true }));
        }
        HELD.fetch_sub(bytes.len(), Ordering::Relaxed);
        let sum = PageSum::of(&bytes);
        PageBytes(Arc::new(away(bytes, sum)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &*self.0 {
            Kept::Here { bytes, .. } => bytes.len(),
            Kept::Away { len, .. } | Kept::Made { len, .. } => *len,
        }
    }

    /// Whether they take memory.
    pub fn is_here(&self) -> bool {
        matches!(*self.0, Kept::Here { .. })
    }

    /// Their SHA-256.
    pub fn sum(&self) -> PageSum {
        match &*self.0 {
            Kept::Here { bytes, .. } => PageSum::of(bytes),
            Kept::Away { sum, .. } | Kept::Made { sum, .. } => *sum,
        }
    }

    /// The bytes.
    ///
    /// # Errors
    /// They cannot be read again, or are not the same any more.
    pub fn read(&self) -> io::Result<Cow<'_, [u8]>> {
        let (bytes, sum) = match &*self.0 {
            Kept::Here { bytes, .. } => return Ok(Cow::Borrowed(bytes)),
            Kept::Away { source, offset, len, sum } => {
                let read = |image: &Image| image.read_exact_at(*offset, *len).map_err(io::Error::other);
                let bytes = match source {
                    ReadAgain::Path(path) => read(&Image::open(path).map_err(io::Error::other)?)?,
                    ReadAgain::Open(image) => read(image)?,
                    ReadAgain::Spilled(file) => {
                        let mut bytes = vec![0; *len];
                        file.read_exact_at(&mut bytes, offset.0)?;
                        Some(bytes)
                    }
                };
                (bytes, sum)
            }
            Kept::Made { make, sum, .. } => (make(), sum),
        };
        match bytes.filter(|bytes| PageSum::of(bytes) == *sum) {
            Some(bytes) => Ok(Cow::Owned(bytes)),
            None => Err(io::Error::other("the page that was judged is no longer what is there")),
        }
    }

    /// The bytes; none where they cannot be read again, or are not the same any more.
    pub fn get(&self) -> Cow<'_, [u8]> {
        self.read().unwrap_or_default()
    }

    /// The bytes of what is in memory, as after [`PageBytes::loaded`]; none of anything else.
    pub fn held(&self) -> &[u8] {
        match &*self.0 {
            Kept::Here { bytes, .. } => bytes,
            Kept::Away { .. } | Kept::Made { .. } => &[],
        }
    }

    /// The same in memory, for a while.
    #[must_use]
    pub fn loaded(&self) -> PageBytes {
        if self.is_here() { self.clone() } else { PageBytes::here(self.get().into_owned()) }
    }
}

impl Default for PageBytes {
    fn default() -> PageBytes {
        PageBytes::here(Vec::new())
    }
}

impl From<Vec<u8>> for PageBytes {
    fn from(bytes: Vec<u8>) -> PageBytes {
        PageBytes::here(bytes)
    }
}

impl fmt::Debug for PageBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, SHA-256 {}", self.len(), self.sum())
    }
}

impl PartialEq for PageBytes {
    fn eq(&self, other: &PageBytes) -> bool {
        (self.len(), self.sum()) == (other.len(), other.sum())
    }
}

impl Eq for PageBytes {}

#[cfg(test)]
mod tests {
    use super::*;

    fn away(path: &std::path::Path, offset: u64, len: usize, sum: PageSum) -> PageBytes {
        let source = ReadAgain::Path(path.to_path_buf());
        PageBytes(Arc::new(Kept::Away { source, offset: ByteOffset(offset), len, sum }))
    }

    #[test]
    fn bytes_that_are_not_the_same_any_more_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.ibd");
        std::fs::write(&path, [1, 2, 3, 4]).unwrap();
        let kept = away(&path, 1, 2, PageSum::of(&[2, 3]));
        assert_eq!((&*kept.get(), kept.len(), kept.is_here()), (&[2, 3][..], 2, false));
        assert!(kept.loaded().is_here());
        assert_eq!(kept, PageBytes::here(vec![2, 3]));
        for changed in [&[1, 2, 9, 4][..], &[1, 2]] {
            std::fs::write(&path, changed).unwrap();
            assert!(kept.read().is_err() && kept.get().is_empty());
        }
        std::fs::remove_file(&path).unwrap();
        assert!(kept.read().is_err());
    }

    #[test]
    fn what_nothing_makes_again_lies_in_a_file_without_a_name() {
        let spill = Spill::default();
        let pages: Vec<PageBytes> = (1..=3)
            .map(|byte| PageBytes(Arc::new(spill.take(vec![byte; 700], PageSum::of(&[byte; 700])))))
            .collect();
        for (byte, page) in (1..=3).zip(&pages) {
            assert_eq!((page.is_here(), &*page.get()), (false, &[byte; 700][..]));
        }
        let (file, _) = spill.put(&[9]).unwrap();
        file.write_all_at(&[9], 700).unwrap();
        assert!(pages[0].read().is_ok() && pages[1].read().is_err());
    }

    #[test]
    fn what_is_made_again_must_be_the_same() {
        let make = |byte: u8| {
            let make: Making = Box::new(move || Some(vec![byte]));
            PageBytes(Arc::new(Kept::Made { make, len: 1, sum: PageSum::of(&[7]) }))
        };
        assert_eq!(&*make(7).get(), &[7]);
        assert!(make(8).read().is_err());
    }
}
