//! Encoding a journal, and putting it on disk under a name that only ever shows it whole.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::commands::restore::journal::{
    CRC, Journal, JournalFile, JournalPage, MAGIC, MARK, Mark, OLDEST, PassKind, RECORD_FIXED, SEAL,
    TAG_DONE, TAG_FILE, TAG_PAGE, TAG_SEAL, VERSION, crc_seeded,
};
use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::plan::PlannedPage;
use crate::commands::restore::told::Told;
use crate::disk::PageSum;
use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::disk::real::RealDisk;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};

/// Bytes that are written and read back at a time.
const CHUNK: usize = 1 << 20;

/// A journal on disk, open for its mark.
pub struct OnDisk<F> {
    /// The final name.
    pub path: PathBuf,
    pub(super) file: F,
    pub(super) header_crc: u32,
    /// Where the mark goes.
    pub(super) sealed_len: u64,
}

/// Old and new bytes of a page record.
pub type Images<'a> = &'a dyn Fn(&JournalPage) -> Result<(Vec<u8>, Vec<u8>)>;

/// What was written of a journal.
struct SealedJournal {
    header_crc: u32,
    sealed_len: u64,
    /// SHA-256 of all of it.
    sum: PageSum,
    /// Where the images of each page begin.
    places: Vec<u64>,
}

/// Writes a journal piece by piece: of its pages never more than one is in memory here.
struct Encoder<'a> {
    out: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    hash: Sha256,
    at: u64,
    header_crc: u32,
    number: u32,
}

fn too_large() -> Error {
    Error::Refused("the plan is too large for a journal".into())
}

/// A journal as bytes, its images read where they are; for small ones.
///
/// # Errors
/// A name is longer than 65535 bytes, there are more than 2^32 records, or an image cannot be read.
pub fn encode(journal: &Journal) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = |record: &JournalPage| {
        let read = |image: &PageImage| image.read(&RealDisk).map(Cow::into_owned);
        let both = read(&record.page.old).and_then(|old| Ok((old, read(&record.page.new)?)));
        both.map_err(Error::io(&record.page.path, "read again what belongs into"))
    };
    encode_to(journal, &read, &mut |piece| {
        bytes.extend(piece);
        Ok(())
    })?;
    Ok(bytes)
}

fn encode_to(
    journal: &Journal,
    images: Images<'_>,
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<SealedJournal> {
    let (header, sealed_len) = header(journal).ok_or_else(too_large)?;
    let header_crc = crc32fast::hash(&header);
    let mut encoder = Encoder { out, hash: Sha256::new(), at: 0, header_crc, number: 0 };
    encoder.put(&header)?;
    encoder.put(&header_crc.to_be_bytes())?;
    for file in &journal.files {
        encoder.record(TAG_FILE, &file_payload(file).ok_or_else(too_large)?)?;
    }
    let mut places = Vec::new();
    for record in &journal.pages {
        let (old, new) = images(record)?;
        refuse_other(record, &old, &new)?;
        let mut payload = page_head(record).ok_or_else(too_large)?;
        places.push(encoder.at.saturating_add((RECORD_FIXED + payload.len()) as u64));
        payload.extend(old);
        payload.extend(new);
        encoder.record(TAG_PAGE, &payload)?;
    }
    let mut seal = sealed_len.to_be_bytes().to_vec();
    seal.extend(encoder.hash.clone().finalize());
    encoder.record(TAG_SEAL, &seal)?;
    Ok(SealedJournal { header_crc, sealed_len, sum: PageSum(encoder.hash.finalize().into()), places })
}

/// Between the look at a page and its journal somebody may have written it.
fn refuse_other(record: &JournalPage, old: &[u8], new: &[u8]) -> Result<()> {
    let page = &record.page;
    if page.old.is(old) && page.new.is(new) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{}: page {} at offset {} has changed since the plan was made; nothing was written, run again",
        page.path.display(),
        page.page_no,
        page.offset
    )))
}

impl Encoder<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.at = self.at.saturating_add(bytes.len() as u64);
        (self.out)(bytes)
    }

    fn record(&mut self, tag: [u8; 4], payload: &[u8]) -> Result<()> {
        let length = u32::try_from(record_length(payload.len())).map_err(|_| too_large())?;
        let mut bytes = tag.to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(payload);
        bytes.extend(crc_seeded(self.header_crc, &bytes).to_be_bytes());
        self.number = self.number.checked_add(1).ok_or_else(too_large)?;
        self.put(&bytes)
    }
}

fn record_length(payload: usize) -> usize {
    payload.saturating_add(RECORD_FIXED + CRC)
}

/// The header without its CRC, and the length of everything that is sealed.
fn header(journal: &Journal) -> Option<(Vec<u8>, u64)> {
    let mut header = Vec::new();
    header.extend(MAGIC);
    header.extend(if journal.world.is_some() { VERSION } else { OLDEST }.to_be_bytes());
    header.extend([0; 12]);
    header.extend(u32::try_from(journal.files.len()).ok()?.to_be_bytes());
    header.extend(u32::try_from(journal.pages.len()).ok()?.to_be_bytes());
    header.extend(journal.written_at.to_be_bytes());
    header.extend([if journal.kind == PassKind::Restore { 1 } else { 2 }, 0, 0, 0, 0, 0, 0, 0]);
    text(&mut header, journal.tool.as_bytes())?;
    text(&mut header, journal.root.as_os_str().as_bytes())?;
    text(&mut header, journal.place.as_os_str().as_bytes())?;
    if let Some(world) = &journal.world {
        text(&mut header, world.server_uuid.as_bytes())?;
        text(&mut header, world.redo_dir.as_os_str().as_bytes())?;
        header.extend(world.checkpoint.unwrap_or_default().0.to_be_bytes());
        header.extend(world.end.unwrap_or_default().0.to_be_bytes());
        text(&mut header, &told_bytes(&world.told)?)?;
    }
    let header_len = header.len().checked_add(CRC)?;
    let mut sealed_len = (header_len as u64).checked_add(SEAL as u64)?;
    for file in &journal.files {
        sealed_len = sealed_len.checked_add(record_length(file_payload(file)?.len()) as u64)?;
    }
    for record in &journal.pages {
        let images = record.page.length.checked_mul(2)?;
        let payload = page_head(record)?.len().checked_add(images)?;
        sealed_len = sealed_len.checked_add(record_length(payload) as u64)?;
    }
    header.get_mut(12..16)?.copy_from_slice(&u32::try_from(header_len).ok()?.to_be_bytes());
    header.get_mut(16..24)?.copy_from_slice(&sealed_len.to_be_bytes());
    Some((header, sealed_len))
}

fn told_bytes(told: &Told) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let dirs = [&told.datadir, &told.data_home_dir, &told.undo_dir, &told.doublewrite_dir];
    let named =
        dirs.into_iter().zip(1..).filter_map(|(dir, place)| Some((place, dir.as_deref()?.as_os_str())));
    let further = told.directories.iter().map(|dir| (5, dir.as_os_str()));
    let spec = told.data_file_path.iter().map(|spec| (6, OsStr::new(spec)));
    for (place, value) in named.chain(further).chain(spec) {
        out.push(place);
        text(&mut out, value.as_bytes())?;
    }
    Some(out)
}

fn file_payload(file: &JournalFile) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    out.extend(file.device.to_be_bytes());
    out.extend(file.inode.to_be_bytes());
    out.extend(file.size.to_be_bytes());
    out.push(u8::from(file.space_id.is_some()));
    out.extend(file.space_id.unwrap_or_default().0.to_be_bytes());
    text(&mut out, file.name.as_os_str().as_bytes())?;
    text(&mut out, file.path.as_os_str().as_bytes())?;
    Some(out)
}

/// What stands before the images of a page.
fn page_head(record: &JournalPage) -> Option<Vec<u8>> {
    let page = &record.page;
    let mut out = Vec::with_capacity(256);
    out.extend(page.space_id.0.to_be_bytes());
    out.extend(page.page_no.0.to_be_bytes());
    out.extend(u32::try_from(record.file).ok()?.to_be_bytes());
    out.extend(page.offset.0.to_be_bytes());
    out.extend(u32::try_from(page.length).ok()?.to_be_bytes());
    out.extend(page.copy.index.to_be_bytes());
    out.extend(page.copy.lsn.0.to_be_bytes());
    out.extend(page.old.sum.0);
    out.extend(page.new.sum.0);
    text(&mut out, page.copy.file.as_os_str().as_bytes())?;
    text(&mut out, page.before_state.as_bytes())?;
    Some(out)
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend(bytes);
    Some(())
}

pub(super) fn mark_bytes(header_crc: u32, mark: Mark, verified: u32, now: i64) -> Vec<u8> {
    let (status, moved_on) = match mark {
        Mark::Unfinished => (0, 0),
        Mark::Verified => (1, 0),
        Mark::Closed { moved_on } => (2, moved_on),
    };
    let mut out = TAG_DONE.to_vec();
    out.extend((MARK as u32).to_be_bytes());
    out.extend([status, 0, 0, 0]);
    out.extend(verified.to_be_bytes());
    out.extend(moved_on.to_be_bytes());
    out.extend(now.to_be_bytes());
    out.extend(crc_seeded(header_crc, &out).to_be_bytes());
    out
}

/// Writes a journal so that it survives a power cut: a part file, its fsync, a look at what the device has, a rename
/// that replaces nothing, and the fsync of the directory. On an error the part file is removed again where that still works.
///
/// # Errors
/// The name is taken, the journal is too large, or the system refuses a step; no data file was touched.
pub fn create<D: Disk>(
    disk: &D,
    path: &Path,
    journal: &Journal,
    images: Images<'_>,
) -> Result<(OnDisk<D::File>, Vec<u64>)> {
    let part = calls::with_suffix(path, calls::PART_SUFFIX);
    if calls::retry(|| disk.exists(path)).map_err(Error::io(path, "look for the journal"))? {
        return Err(Error::Refused(format!(
            "{}: exists already, and a journal is never overwritten; name another with --journal",
            path.display()
        )));
    }
    clear_part(disk, &part)?;
    let file = calls::retry(|| disk.create_new(&part)).map_err(Error::io(&part, "create the journal"))?;
    let filled = fill(disk, &file, &part, journal, images);
    match filled.and_then(|sealed| publish(disk, &part, path).map(|()| sealed)) {
        Ok(SealedJournal { header_crc, sealed_len, places, .. }) => {
            sync_dir(disk, path)?;
            Ok((OnDisk { path: path.to_path_buf(), file, header_crc, sealed_len }, places))
        }
        Err(error) => {
            drop(file);
            let _ = calls::retry(|| disk.remove(&part));
            Err(error)
        }
    }
}

/// A file that takes small pieces and is written in large ones.
struct Gathering<'a, D: Disk> {
    disk: &'a D,
    file: &'a D::File,
    path: &'a Path,
    bytes: Vec<u8>,
    at: u64,
}

impl<D: Disk> Gathering<'_, D> {
    fn put(&mut self, piece: &[u8]) -> Result<()> {
        self.bytes.extend(piece);
        if self.bytes.len() < CHUNK { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<()> {
        calls::write_full(self.disk, self.file, &self.bytes, self.at)
            .map_err(Error::write(self.path, "write the journal"))?;
        self.at = self.at.saturating_add(self.bytes.len() as u64);
        self.bytes.clear();
        Ok(())
    }
}

fn fill<D: Disk>(
    disk: &D,
    file: &D::File,
    part: &Path,
    journal: &Journal,
    images: Images<'_>,
) -> Result<SealedJournal> {
    let mut gathering = Gathering { disk, file, path: part, bytes: Vec::new(), at: 0 };
    let sealed = encode_to(journal, images, &mut |piece| gathering.put(piece))?;
    gathering.flush()?;
    calls::retry(|| disk.fsync(file)).map_err(Error::write(part, "bring the journal to disk"))?;
    if sum_on_device(disk, file, part, sealed.sealed_len)? == sealed.sum {
        return Ok(sealed);
    }
    Err(Error::Refused(format!(
        "{}: the device gave back another journal than was written; nothing was written, name a journal on another \
         device with --journal",
        part.display()
    )))
}

/// SHA-256 of what the device gives back of so many bytes.
fn sum_on_device<D: Disk>(disk: &D, file: &D::File, part: &Path, length: u64) -> Result<PageSum> {
    let (mut hash, mut at, mut buffer) = (Sha256::new(), 0, vec![0; CHUNK]);
    while at < length {
        let left = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX);
        let chunk = buffer.get_mut(..left.min(CHUNK)).unwrap_or_default();
        let (read, _) =
            calls::read_back_full(disk, file, chunk, at).map_err(Error::io(part, "read the journal back"))?;
        hash.update(chunk.get(..read).unwrap_or_default());
        if read < chunk.len() {
            break;
        }
        at = at.saturating_add(read as u64);
    }
    Ok(PageSum(hash.finalize().into()))
}

fn publish<D: Disk>(disk: &D, part: &Path, path: &Path) -> Result<()> {
    calls::retry(|| disk.rename_new(part, path)).map_err(Error::io(path, "name the journal"))
}

fn sync_dir<D: Disk>(disk: &D, path: &Path) -> Result<()> {
    let dir = calls::parent(path);
    calls::retry(|| disk.fsync_dir(dir)).map_err(Error::io(dir, "bring the journal's name to disk"))
}

/// Removes what an interrupted run left of a journal that nobody has relied upon.
fn clear_part<D: Disk>(disk: &D, part: &Path) -> Result<()> {
    if !calls::retry(|| disk.exists(part)).map_err(Error::io(part, "look for"))? {
        return Ok(());
    }
    let file = calls::retry(|| disk.open(part, Access::ReadWrite)).map_err(Error::io(part, "open"))?;
    let mut start = [0; MAGIC.len()];
    let read = calls::read_full(disk, &file, &mut start, 0).map_err(Error::io(part, "read"))?;
    // A cut write leaves zeros where the magic did not arrive.
    let ours = |(found, magic): (&u8, &u8)| *found == 0 || found == magic;
    if !start.iter().take(read).zip(&MAGIC).all(ours) {
        return Err(Error::Refused(format!(
            "{}: in the way of the journal, and not ours; move it elsewhere and run again",
            part.display()
        )));
    }
    calls::retry(|| disk.remove(part)).map_err(Error::io(part, "remove the unfinished journal"))
}

impl<F> OnDisk<F> {
    /// Old and new bytes of a page of this journal.
    ///
    /// # Errors
    /// They cannot be read, or are not what was sealed.
    pub fn images<D: Disk<File = F>>(&self, disk: &D, page: &PlannedPage) -> io::Result<(Vec<u8>, Vec<u8>)> {
        Ok((page.old.read_in(disk, &self.file)?, page.new.read_in(disk, &self.file)?))
    }

    /// Makes sure that journal and name are durable: a run before this one may have stopped before it was sure.
    ///
    /// # Errors
    /// `fsync` of the journal or of its directory fails.
    pub fn ensure_durable<D: Disk<File = F>>(&self, disk: &D) -> Result<()> {
        calls::retry(|| disk.fsync(&self.file))
            .map_err(Error::io(&self.path, "bring the journal to disk"))?;
        sync_dir(disk, &self.path)
    }

    /// Sets the mark behind the seal, over a torn one if need be, and makes it durable.
    ///
    /// # Errors
    /// The write or its `fsync` fails.
    pub fn mark<D: Disk<File = F>>(&self, disk: &D, mark: Mark, verified: u32) -> io::Result<()> {
        let bytes = mark_bytes(self.header_crc, mark, verified, disk.now());
        calls::write_full(disk, &self.file, &bytes, self.sealed_len)?;
        calls::retry(|| disk.fsync(&self.file))
    }
}
