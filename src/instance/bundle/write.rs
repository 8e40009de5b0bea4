//! Writing a bundle front to back: to a file or to a stream, with nothing but one chunk in memory.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::instance::bundle::{
    CHUNK, CRC, FLAG_REDACTED, FileEntry, LinkTarget, MAGIC, MANIFEST_MAX, Manifest, RECORD_FIXED,
    RECORD_MAX, TAG_DATA, TAG_DIR, TAG_DONE, TAG_FILE, TAG_FILE_END, TAG_LINK, TAG_LOST, TAG_MANIFEST,
    VERSION, seal,
};

/// Enough for pages that resemble each other, and fast.
const LEVEL: i32 = 6;

/// What a finished bundle is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of everything before the last record, as it stands in there.
    pub sha256: [u8; 32],
    /// Files listed.
    pub files: u32,
}

/// What was captured of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSum {
    /// Bytes.
    pub bytes: u64,
    /// Their SHA-256, in order.
    pub sha256: [u8; 32],
}

/// A bundle being written. Without [`Writer::finish`] it is a cut one, which every reader refuses.
pub struct Writer<W> {
    out: W,
    seal: u32,
    number: u32,
    files: u32,
    length: u64,
    hash: Sha256,
    file: Option<(Sha256, u64)>,
}

impl<W: Write> Writer<W> {
    /// Writes header and manifest.
    ///
    /// # Errors
    /// Those of the writer; the manifest is too long.
    pub fn new(out: W, id: [u8; 16], manifest: &Manifest) -> io::Result<Writer<W>> {
        let flags = if manifest.redacted { FLAG_REDACTED } else { 0 };
        let mut header = [&MAGIC[..], &VERSION.to_be_bytes(), &flags.to_be_bytes(), &id].concat();
        let crc = seal(0, &[&header]);
        header.extend(crc.to_be_bytes());
        let mut writer =
            Writer { out, seal: crc, number: 0, files: 0, length: 0, hash: Sha256::new(), file: None };
        writer.put(&header)?;
        let json = serde_json::to_vec(manifest)?;
        if json.len() > MANIFEST_MAX {
            return Err(io::Error::other("the manifest is too long"));
        }
        let packed = zstd::bulk::compress(&json, LEVEL)?;
        let body = [&length_of(&json).to_be_bytes()[..], &packed].concat();
        writer.record(TAG_MANIFEST, &[&body])?;
        Ok(writer)
    }

    /// Lists a directory.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn directory(&mut self, path: &Path) -> io::Result<()> {
        self.record(TAG_DIR, &[&text(path)?])
    }

    /// Lists a link.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn link(&mut self, path: &Path, target: &LinkTarget) -> io::Result<()> {
        let (kind, target) = match target {
            LinkTarget::Inside(target) => (1u8, target),
            LinkTarget::Outside(target) => (2, target),
        };
        self.record(TAG_LINK, &[&[kind], &text(path)?, &text(target)?])
    }

    /// Begins a file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(&mut self, entry: &FileEntry) -> io::Result<()> {
        self.file = Some((Sha256::new(), 0));
        self.files = self.files.saturating_add(1);
        let path = text(&entry.path)?;
        let fields = [
            &entry.size.to_be_bytes()[..],
            &entry.mtime.to_be_bytes(),
            &entry.mtime_nanos.to_be_bytes(),
            &entry.mode.to_be_bytes(),
            &entry.device.to_be_bytes(),
            &entry.inode.to_be_bytes(),
        ]
        .concat();
        self.record(TAG_FILE, &[&path, &fields])
    }

    /// Saves bytes of the file that was begun last, in chunks.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn data(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut at = offset;
        for chunk in bytes.chunks(CHUNK) {
            if let Some((hash, total)) = &mut self.file {
                hash.update(chunk);
                *total = total.saturating_add(chunk.len() as u64);
            }
            let packed = zstd::bulk::compress(chunk, LEVEL)?;
            self.record(TAG_DATA, &[&at.to_be_bytes(), &length_of(chunk).to_be_bytes(), &packed])?;
            at = at.saturating_add(chunk.len() as u64);
        }
        Ok(())
    }

    /// Remembers bytes that could not be read.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn lost(&mut self, offset: u64, length: u64, why: &str) -> io::Result<()> {
        let why: String = why.chars().take(1000).collect();
        self.record(TAG_LOST, &[&offset.to_be_bytes(), &length.to_be_bytes(), &text(Path::new(&why))?])
    }

    /// Ends the file that was begun last.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn end(&mut self) -> io::Result<FileSum> {
        let (hash, bytes) = self.file.take().unwrap_or_default();
        let sum = FileSum { bytes, sha256: hash.finalize().into() };
        self.record(TAG_FILE_END, &[&sum.bytes.to_be_bytes(), &sum.sha256])?;
        Ok(sum)
    }

    /// Seals the whole.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<(Sealed, W)> {
        let sha256: [u8; 32] = self.hash.clone().finalize().into();
        let length = self.length.saturating_add((RECORD_FIXED + 4 + 4 + 8 + 32 + CRC) as u64);
        let (records, files) = (self.number.saturating_add(1), self.files);
        let body =
            [&records.to_be_bytes()[..], &files.to_be_bytes(), &length.to_be_bytes(), &sha256].concat();
        self.record(TAG_DONE, &[&body])?;
        self.out.flush()?;
        Ok((Sealed { length, sha256, files }, self.out))
    }

    fn record(&mut self, tag: [u8; 4], body: &[&[u8]]) -> io::Result<()> {
        let length: usize = body.iter().map(|part| part.len()).sum::<usize>() + RECORD_FIXED + CRC;
        let length = u32::try_from(length)
            .ok()
            .filter(|&length| length as usize <= RECORD_MAX)
            .ok_or_else(|| io::Error::other("a record is too long"))?;
        let mut record = [&tag[..], &length.to_be_bytes(), &self.number.to_be_bytes()].concat();
        body.iter().for_each(|part| record.extend_from_slice(part));
        self.seal = seal(self.seal, &[&record]);
        record.extend(self.seal.to_be_bytes());
        self.number = self.number.checked_add(1).ok_or_else(|| io::Error::other("too many records"))?;
        self.put(&record)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        self.length = self.length.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn text(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = path.as_os_str().as_bytes();
    let length = u16::try_from(bytes.len()).map_err(|_| io::Error::other("a path is too long"))?;
    Ok([&length.to_be_bytes()[..], bytes].concat())
}
