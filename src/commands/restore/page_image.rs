//! What a page holds or shall hold: a hash, and where the bytes are as long as they are needed. A pass of any length has
//! the bytes of one page in memory.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::disk::{PageBytes, PageSum};

/// The bytes of a page, by their hash. Two are equal where length and hash are.
#[derive(Debug, Clone)]
pub struct PageImage {
    /// Bytes.
    pub length: usize,
    /// Their SHA-256.
    pub sum: PageSum,
    origin: ImageOrigin,
}

#[derive(Debug, Clone)]
enum ImageOrigin {
    /// In the data file, as long as nobody writes there.
    Home,
    /// As it was judged.
    Judged(PageBytes),
    /// In a journal at this offset.
    Journal(Arc<Path>, u64),
}

impl PartialEq for PageImage {
    fn eq(&self, other: &PageImage) -> bool {
        (self.length, self.sum) == (other.length, other.sum)
    }
}

impl Eq for PageImage {}

impl From<Vec<u8>> for PageImage {
    fn from(bytes: Vec<u8>) -> PageImage {
        PageImage::judged(bytes.into())
    }
}

impl PageImage {
    /// What was found at home: read there again.
    pub fn at_home(bytes: &PageBytes) -> PageImage {
        PageImage { length: bytes.len(), sum: bytes.sum(), origin: ImageOrigin::Home }
    }

    /// What is there now.
    pub fn now_at_home(bytes: &[u8]) -> PageImage {
        PageImage { length: bytes.len(), sum: PageSum::of(bytes), origin: ImageOrigin::Home }
    }

    /// What was judged.
    pub fn judged(bytes: PageBytes) -> PageImage {
        PageImage { length: bytes.len(), sum: bytes.sum(), origin: ImageOrigin::Judged(bytes) }
    }

    /// What stands in a journal at an offset in bytes.
    pub fn in_journal(journal: &Arc<Path>, at: u64, length: usize, sum: PageSum) -> PageImage {
        PageImage { length, sum, origin: ImageOrigin::Journal(Arc::clone(journal), at) }
    }

    /// Whether these are the bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.length && PageSum::of(bytes) == self.sum
    }

    /// The bytes.
    ///
    /// # Errors
    /// They cannot be read, or are not the same any more.
    pub fn read<D: Disk>(&self, disk: &D) -> io::Result<Cow<'_, [u8]>> {
        match &self.origin {
            ImageOrigin::Home => Err(io::Error::other("the bytes are in the data file only")),
            ImageOrigin::Judged(bytes) => bytes.read(),
            ImageOrigin::Journal(path, at) => {
                let file = calls::retry(|| disk.open(path, Access::Read))?;
                self.read_at(disk, &file, *at).map(Cow::Owned)
            }
        }
    }

    /// The bytes out of a journal that is open.
    ///
    /// # Errors
    /// They cannot be read, are not the same any more, or lie elsewhere.
    pub fn read_in<D: Disk>(&self, disk: &D, journal: &D::File) -> io::Result<Vec<u8>> {
        match &self.origin {
            ImageOrigin::Journal(_, at) => self.read_at(disk, journal, *at),
            ImageOrigin::Home | ImageOrigin::Judged(_) => {
                Err(io::Error::other("the page is in no journal yet"))
            }
        }
    }

    fn read_at<D: Disk>(&self, disk: &D, file: &D::File, at: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.length];
        let read = calls::read_full(disk, file, &mut bytes, at)?;
        if read == self.length && self.is(&bytes) {
            return Ok(bytes);
        }
        Err(io::Error::other("the journal no longer holds what it held; the page was left alone"))
    }
}
