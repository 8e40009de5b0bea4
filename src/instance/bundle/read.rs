//! Reading a bundle that anybody may have touched: every record is checked before it is believed, and nothing is
//! allocated that exceeds one chunk.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::bytes::u32_at;
use crate::disk::sealed::{Fields, fault};
use crate::error::{Error, Result};
use crate::instance::bundle::{
    CHUNK, CRC, FLAG_REDACTED, FileEntry, HEADER, LinkTarget, MAGIC, MANIFEST_MAX, Manifest, RECORD_FIXED,
    RECORD_MAX, TAG_DATA, TAG_DIR, TAG_DONE, TAG_FILE, TAG_FILE_END, TAG_LINK, TAG_LOST, TAG_MANIFEST,
    VERSION, seal,
};

/// One record of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleRecord {
    /// A directory.
    Directory(PathBuf),
    /// A file begins.
    File(FileEntry),
    /// Bytes of the last file.
    Data {
        /// Where in the file.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Bytes of the last file that could not be read.
    Lost {
        /// Where in the file.
        offset: u64,
        /// How many.
        length: u64,
        /// Why.
        why: String,
    },
    /// The file ends.
    FileEnd {
        /// Captured bytes.
        bytes: u64,
        /// Their SHA-256, in order.
        sha256: [u8; 32],
    },
    /// A link.
    Link(PathBuf, LinkTarget),
}

/// Whether a file begins like a bundle. A file that cannot be read is none.
pub fn is_bundle(path: &Path) -> bool {
    // Opening a FIFO would wait for a writer that never comes.
    let regular = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut magic = [0; MAGIC.len()];
    regular && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == MAGIC
}

/// The bundle that a path names, and where the path goes on behind it, the file in the bundle.
pub fn bundle_of(path: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    if is_bundle(path) {
        return Some((path.to_path_buf(), None));
    }
    // What exists is no name behind a file.
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let bundle = path.ancestors().skip(1).find(|above| is_bundle(above))?;
    let member = path.strip_prefix(bundle).ok()?;
    Some((bundle.to_path_buf(), Some(member.to_path_buf())))
}

/// A bundle being read. Only after [`BundleReader::next`] has given `None` is all of it known to be whole.
pub struct BundleReader<R> {
    input: R,
    path: PathBuf,
    /// What the bundle says of itself.
    pub manifest: Manifest,
    seal: u32,
    number: u32,
    files: u32,
    at: u64,
    hash: Sha256,
    file: Option<OpenFile>,
    done: bool,
}

/// The file whose bytes come.
struct OpenFile {
    size: u64,
    /// Up to where its bytes have come.
    until: u64,
    bytes: u64,
    hash: Sha256,
}

impl BundleReader<BufReader<File>> {
    /// Opens a bundle and reads its manifest.
    ///
    /// # Errors
    /// [`Error::Sealed`] where it is cut, altered or none.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path, "open the bundle"))?;
        BundleReader::new(BufReader::new(file), path)
    }
}

/// Reads a whole bundle for its seals only; its manifest.
///
/// # Errors
/// [`Error::Sealed`] where it is cut, altered or none.
pub fn check(path: &Path) -> Result<Manifest> {
    let mut reader = BundleReader::open(path)?;
    while reader.next()?.is_some() {}
    Ok(reader.manifest)
}

impl<R: Read> BundleReader<R> {
    /// Reads header and manifest; `path` is for errors.
    ///
    /// # Errors
    /// [`Error::Sealed`] where it is cut, altered or none.
    pub fn new(input: R, path: &Path) -> Result<BundleReader<R>> {
        let mut reader = BundleReader {
            input,
            path: path.to_path_buf(),
            manifest: Manifest::default(),
            seal: 0,
            number: 0,
            files: 0,
            at: 0,
            hash: Sha256::new(),
            file: None,
            done: false,
        };
        let redacted = reader.header()?;
        let (start, tag, body) = reader.record()?;
        if tag != TAG_MANIFEST {
            return Err(fault(path, start, "expected the manifest, found another record"));
        }
        let mut fields = Fields::new(&body, start.saturating_add(RECORD_FIXED as u64), path);
        let json = unpack(&mut fields, MANIFEST_MAX)?;
        reader.manifest = serde_json::from_slice(&json)
            .map_err(|e| fault(path, start, format!("the manifest is not one of this version: {e}")))?;
        if reader.manifest.redacted != redacted {
            return Err(fault(path, 12, "header and manifest do not agree on whether it is redacted"));
        }
        Ok(reader)
    }

    /// The next record; `None` behind the last one, with every seal checked.
    ///
    /// # Errors
    /// [`Error::Sealed`] with the place of the fault.
    #[allow(clippy::should_implement_trait, reason = "an iterator of results invites to skip the errors")]
    pub fn next(&mut self) -> Result<Option<BundleRecord>> {
        if self.done {
            return Ok(None);
        }
        let sha256: [u8; 32] = self.hash.clone().finalize().into();
        let (start, tag, body) = self.record()?;
        let path = self.path.clone();
        let mut fields = Fields::new(&body, start.saturating_add(RECORD_FIXED as u64), &path);
        if tag == TAG_DONE {
            self.finish(&mut fields, sha256)?;
            return Ok(None);
        }
        let record = self.parse(tag, &mut fields)?;
        fields.end()?;
        Ok(Some(record))
    }

    fn parse(&mut self, tag: [u8; 4], fields: &mut Fields<'_>) -> Result<BundleRecord> {
        let inside = self.file.is_some();
        match (tag, inside) {
            (TAG_DIR, false) => {
                Ok(BundleRecord::Directory(fields.safe_path("the path", crate::instance::bundle::is_safe)?))
            }
            (TAG_FILE, false) => self.begin(fields),
            (TAG_LINK, false) => link(fields),
            (TAG_DATA, true) => self.data(fields),
            (TAG_LOST, true) => self.lost(fields),
            (TAG_FILE_END, true) => self.end_file(fields),
            (TAG_DIR | TAG_FILE | TAG_LINK | TAG_DATA | TAG_LOST | TAG_FILE_END, _) => {
                Err(fields.fault("a record that cannot stand here"))
            }
            _ => Err(fields.fault("a record of a kind that this version does not know")),
        }
    }

    fn begin(&mut self, fields: &mut Fields<'_>) -> Result<BundleRecord> {
        let entry = FileEntry {
            path: fields.safe_path("the path", crate::instance::bundle::is_safe)?,
            size: fields.u64("the size")?,
            mtime: fields.i64("the time")?,
            mtime_nanos: fields.u32("the time")?,
            mode: fields.u32("the mode")?,
            device: fields.u64("the device")?,
            inode: fields.u64("the inode")?,
        };
        if i64::try_from(entry.size).is_err() {
            return Err(fields.fault(format!("a file of {} bytes cannot exist", entry.size)));
        }
        self.files = self.files.saturating_add(1);
        self.file = Some(OpenFile { size: entry.size, until: 0, bytes: 0, hash: Sha256::new() });
        Ok(BundleRecord::File(entry))
    }

    /// Moves on over a range of the file, which must lie behind what came before and inside the file.
    fn advance(&mut self, offset: u64, length: u64, fields: &Fields<'_>) -> Result<()> {
        let file = self.file.as_mut().ok_or_else(|| fields.fault("bytes without a file"))?;
        let end = offset.checked_add(length).filter(|&end| end <= file.size && offset >= file.until);
        file.until = end.ok_or_else(|| {
            fields.fault(format!(
                "{length} bytes at offset {offset} overlap those before or lie past the end ({} bytes)",
                file.size
            ))
        })?;
        Ok(())
    }

    fn data(&mut self, fields: &mut Fields<'_>) -> Result<BundleRecord> {
        let offset = fields.u64("the offset")?;
        let bytes = unpack(fields, CHUNK)?;
        self.advance(offset, bytes.len() as u64, fields)?;
        if let Some(file) = &mut self.file {
            file.hash.update(&bytes);
            file.bytes = file.bytes.saturating_add(bytes.len() as u64);
        }
        Ok(BundleRecord::Data { offset, bytes })
    }

    fn lost(&mut self, fields: &mut Fields<'_>) -> Result<BundleRecord> {
        let (offset, length) = (fields.u64("the offset")?, fields.u64("the length")?);
        self.advance(offset, length, fields)?;
        let why = fields.text("the reason")?.to_string_lossy().into_owned();
        Ok(BundleRecord::Lost { offset, length, why })
    }

    fn end_file(&mut self, fields: &mut Fields<'_>) -> Result<BundleRecord> {
        let (bytes, sha256) = (fields.u64("the captured bytes")?, fields.array("the SHA-256")?);
        let file = self.file.take().ok_or_else(|| fields.fault("the end of a file that did not begin"))?;
        let found: [u8; 32] = file.hash.finalize().into();
        if file.bytes != bytes || found != sha256 {
            return Err(fields.fault("the captured bytes of the file do not have their SHA-256"));
        }
        Ok(BundleRecord::FileEnd { bytes, sha256 })
    }

    fn finish(&mut self, fields: &mut Fields<'_>, sha256: [u8; 32]) -> Result<()> {
        let (records, files) = (fields.u32("the number of records")?, fields.u32("the number of files")?);
        let (length, stored) = (fields.u64("the length")?, fields.array::<32>("the SHA-256")?);
        fields.end()?;
        if self.file.is_some() || (records, files, length) != (self.number, self.files, self.at) {
            return Err(fields.fault("the counts at the end are not those of this bundle"));
        }
        if stored != sha256 {
            return Err(fields.fault("the SHA-256 at the end is not that of this bundle; it was altered"));
        }
        let mut more = [0; 1];
        match self.input.read(&mut more).map_err(Error::io(&self.path, "read"))? {
            0 => self.done = true,
            _ => return Err(fault(&self.path, self.at, "more bytes behind the end of the bundle")),
        }
        Ok(())
    }

    /// Whether it is redacted, from the header.
    fn header(&mut self) -> Result<bool> {
        let mut header = [0; HEADER];
        self.fill(&mut header, 0, "the header")?;
        if !header.starts_with(&MAGIC) {
            return Err(self.at_offset(0, "no bundle of dblwr capture"));
        }
        let (body, crc) = header.split_at(HEADER - CRC);
        self.seal = seal(0, &[body]);
        if u32_at(crc, 0) != Some(self.seal) {
            return Err(self.at_offset(0, "the header is altered (its CRC-32 does not match)"));
        }
        match u32_at(body, 8) {
            Some(VERSION) => {}
            version => {
                let version = version.unwrap_or_default();
                return Err(
                    self.at_offset(8, format!("format version {version}, this dblwr reads {VERSION}"))
                );
            }
        }
        Ok(u32_at(body, 12).is_some_and(|flags| flags & FLAG_REDACTED != 0))
    }

    /// The next record with a sound seal: where it begins, its tag, its body.
    fn record(&mut self) -> Result<(u64, [u8; 4], Vec<u8>)> {
        let start = self.at;
        let mut head = [0; RECORD_FIXED];
        self.fill(&mut head, start, "a record")?;
        let [t0, t1, t2, t3, rest @ ..] = head;
        let length = u32_at(&rest, 0).and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        if !(RECORD_FIXED + CRC..=RECORD_MAX).contains(&length) {
            return Err(fault(
                &self.path,
                start.saturating_add(4),
                format!("a record of {length} bytes is impossible"),
            ));
        }
        let mut body = vec![0; length - RECORD_FIXED];
        self.fill(&mut body, start, "a record")?;
        let stored = u32_at(&body, body.len() - CRC);
        body.truncate(length - RECORD_FIXED - CRC);
        self.seal = seal(self.seal, &[&head, &body]);
        if stored != Some(self.seal) {
            return Err(fault(
                &self.path,
                start,
                "the record is altered or out of place (its CRC-32 does not match)",
            ));
        }
        if u32_at(&rest, 4) != Some(self.number) {
            return Err(fault(
                &self.path,
                start.saturating_add(8),
                "the record has another number than its place",
            ));
        }
        self.number = self.number.saturating_add(1);
        Ok((start, [t0, t1, t2, t3], body))
    }

    /// `start` is where the thing begins that a cut would be inside of.
    fn fill(&mut self, buffer: &mut [u8], start: u64, what: &str) -> Result<()> {
        match self.input.read_exact(buffer) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.at_offset(
                    start,
                    format!("{what} should lie here, but the bundle ends inside or before it; it is cut"),
                ));
            }
            Err(e) => return Err(Error::io(&self.path, "read the bundle")(e)),
        }
        self.hash.update(&*buffer);
        self.at = self.at.saturating_add(buffer.len() as u64);
        Ok(())
    }

    fn at_offset(&self, offset: u64, what: impl Into<String>) -> Error {
        fault(&self.path, offset, what)
    }
}

/// A zstd frame that must give exactly the stated number of bytes, which is bounded first.
fn unpack(fields: &mut Fields<'_>, max: usize) -> Result<Vec<u8>> {
    let length = usize::try_from(fields.u32("the length")?).unwrap_or(usize::MAX);
    if length > max {
        return Err(fields.fault(format!("{length} bytes are more than the {max} that a record may hold")));
    }
    let packed = fields.rest();
    match zstd::bulk::decompress(packed, length) {
        Ok(bytes) if bytes.len() == length => Ok(bytes),
        Ok(bytes) => Err(fields.fault(format!("{} bytes come out of it instead of {length}", bytes.len()))),
        Err(e) => Err(fields.fault(format!("it does not decompress: {e}"))),
    }
}

fn link(fields: &mut Fields<'_>) -> Result<BundleRecord> {
    let kind = fields.u8("the kind of link")?;
    let path = fields.safe_path("the path", crate::instance::bundle::is_safe)?;
    match kind {
        1 => Ok(BundleRecord::Link(
            path,
            LinkTarget::Inside(fields.safe_path("the target", crate::instance::bundle::is_safe)?),
        )),
        2 => Ok(BundleRecord::Link(path, LinkTarget::Outside(PathBuf::from(fields.text("the target")?)))),
        other => Err(fields.fault(format!("kind {other} of link does not exist"))),
    }
}
