//! Encoding a journal, and putting it on disk under a name that only ever shows it whole.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::commands::restore::journal::{
    CRC, Journal, JournalFile, JournalPage, MAGIC, MARK, Mark, OLDEST, PassKind, SEAL, TAG_DONE, TAG_FILE,
    TAG_PAGE, TAG_SEAL, VERSION, crc_seeded, sha256,
};
use crate::commands::restore::told::Told;
use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::error::{Error, Result};

/// A journal as bytes, with what the mark behind it needs.
pub struct Encoded {
    bytes: Vec<u8>,
    header_crc: u32,
}

/// A journal on disk, open for its mark.
pub struct OnDisk<F> {
    /// The final name.
    pub path: PathBuf,
    pub(super) file: F,
    pub(super) header_crc: u32,
    /// Where the mark goes.
    pub(super) sealed_len: u64,
}

impl Encoded {
    /// The sealed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[cfg(test)]
    pub(super) fn header_crc(&self) -> u32 {
        self.header_crc
    }
}

/// Encodes a journal; refuses names longer than 65535 bytes and more than 2^32 records.
///
/// # Errors
/// A name is longer than 65535 bytes, or there are more than 2^32 records.
pub fn encode(journal: &Journal) -> Result<Encoded> {
    try_encode(journal).ok_or_else(|| Error::Refused("the plan is too large for a journal".into()))
}

fn try_encode(journal: &Journal) -> Option<Encoded> {
    let records = records(journal)?;
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
    let body: usize = records
        .iter()
        .map(|(_, payload)| payload.len() + crate::commands::restore::journal::RECORD_FIXED + CRC)
        .sum();
    let sealed_len = header_len.checked_add(body)?.checked_add(SEAL)? as u64;
    header.get_mut(12..16)?.copy_from_slice(&u32::try_from(header_len).ok()?.to_be_bytes());
    header.get_mut(16..24)?.copy_from_slice(&sealed_len.to_be_bytes());
    let header_crc = crc32fast::hash(&header);
    header.extend(header_crc.to_be_bytes());

    let mut bytes = header;
    for (number, (tag, payload)) in records.iter().enumerate() {
        record(&mut bytes, header_crc, *tag, u32::try_from(number).ok()?, payload)?;
    }
    let mut seal = sealed_len.to_be_bytes().to_vec();
    seal.extend(sha256(&bytes));
    record(&mut bytes, header_crc, TAG_SEAL, u32::try_from(records.len()).ok()?, &seal)?;
    Some(Encoded { bytes, header_crc })
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

fn records(journal: &Journal) -> Option<Vec<([u8; 4], Vec<u8>)>> {
    let files = journal.files.iter().map(|file| Some((TAG_FILE, file_payload(file)?)));
    let pages = journal.pages.iter().map(|page| Some((TAG_PAGE, page_payload(page)?)));
    files.chain(pages).collect()
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

fn page_payload(record: &JournalPage) -> Option<Vec<u8>> {
    let page = &record.page;
    let mut out = Vec::with_capacity(page.length.saturating_mul(2).saturating_add(256));
    out.extend(page.space_id.0.to_be_bytes());
    out.extend(page.page_no.0.to_be_bytes());
    out.extend(u32::try_from(record.file).ok()?.to_be_bytes());
    out.extend(page.offset.0.to_be_bytes());
    out.extend(u32::try_from(page.length).ok()?.to_be_bytes());
    out.extend(page.copy.index.to_be_bytes());
    out.extend(page.copy.lsn.0.to_be_bytes());
    out.extend(sha256(&page.old));
    out.extend(sha256(&page.new));
    text(&mut out, page.copy.file.as_os_str().as_bytes())?;
    text(&mut out, page.before_state.as_bytes())?;
    out.extend(&page.old);
    out.extend(&page.new);
    Some(out)
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend(bytes);
    Some(())
}

fn record(out: &mut Vec<u8>, seed: u32, tag: [u8; 4], number: u32, payload: &[u8]) -> Option<()> {
    let start = out.len();
    let length = payload.len().checked_add(crate::commands::restore::journal::RECORD_FIXED + CRC)?;
    out.extend(tag);
    out.extend(u32::try_from(length).ok()?.to_be_bytes());
    out.extend(number.to_be_bytes());
    out.extend(payload);
    let crc = crc_seeded(seed, out.get(start..)?);
    out.extend(crc.to_be_bytes());
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
pub fn create<D: Disk>(disk: &D, path: &Path, journal: &Journal) -> Result<OnDisk<D::File>> {
    let encoded = encode(journal)?;
    let part = calls::with_suffix(path, calls::PART_SUFFIX);
    if calls::retry(|| disk.exists(path)).map_err(Error::io(path, "look for the journal"))? {
        return Err(Error::Refused(format!(
            "{}: exists already, and a journal is never overwritten; name another with --journal",
            path.display()
        )));
    }
    clear_part(disk, &part)?;
    let file = calls::retry(|| disk.create_new(&part)).map_err(Error::io(&part, "create the journal"))?;
    if let Err(error) = fill(disk, &file, &part, &encoded).and_then(|()| publish(disk, &part, path)) {
        drop(file);
        let _ = calls::retry(|| disk.remove(&part));
        return Err(error);
    }
    sync_dir(disk, path)?;
    Ok(OnDisk {
        path: path.to_path_buf(),
        file,
        header_crc: encoded.header_crc,
        sealed_len: encoded.bytes.len() as u64,
    })
}

fn fill<D: Disk>(disk: &D, file: &D::File, part: &Path, encoded: &Encoded) -> Result<()> {
    calls::write_full(disk, file, &encoded.bytes, 0).map_err(Error::write(part, "write the journal"))?;
    calls::retry(|| disk.fsync(file)).map_err(Error::write(part, "bring the journal to disk"))?;
    let mut found = vec![0; encoded.bytes.len()];
    let (read, _) =
        calls::read_back_full(disk, file, &mut found, 0).map_err(Error::io(part, "read the journal back"))?;
    if read == encoded.bytes.len() && found == encoded.bytes {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{}: the device gave back another journal than was written; nothing was written, name a journal on another \
         device with --journal",
        part.display()
    )))
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
