//! Reading a journal that anybody may have touched: nothing is believed before its seal is, and nothing is allocated
//! that the file's own length does not warrant.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::commands::restore::journal::write::OnDisk;
use crate::commands::restore::journal::{
    CRC, FILE_MIN, HEADER_FIXED, Journal, JournalFile, JournalPage, MAGIC, MARK, Mark, OLDEST, PAGE_MIN,
    PassKind, RECORD_FIXED, SEAL, TAG_DONE, TAG_FILE, TAG_PAGE, TAG_SEAL, TELLS_PLACES, VERSION, crc_seeded,
};
use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::plan;
use crate::commands::restore::plan::{CopyRef, Forwarded, NO_SLOT, PlannedPage};
use crate::commands::restore::told::Told;
use crate::commands::restore::world::World;
use crate::disk::PageSum;
use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::disk::sealed::{Fields, fault};
use crate::error::{Error, Result};
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};
use sha2::{Digest, Sha256};

/// Longest header: fixed part, six texts, two LSNs, CRC.
const HEADER_MAX: usize = HEADER_FIXED + 6 * (2 + 65535) + 16 + CRC;
const NO_JOURNAL: &str =
    "expected the magic DBLWRJNL: this is no journal of dblwr; name the file that restore --apply wrote";
/// Longest record: a page of 64 KiB twice, two texts.
const RECORD_MAX: usize = PAGE_MIN + 2 * 65535 + 2 * 65536;

/// A journal that was read and found whole.
pub struct OpenedJournal<F> {
    /// What it says.
    pub journal: Journal,
    /// How its pass ended.
    pub mark: Mark,
    /// The file, for the mark.
    pub on_disk: OnDisk<F>,
}

/// Reads a journal. A cut, altered or foreign one is [`Error::Sealed`] with the offset of the fault.
///
/// # Errors
/// [`Error::Sealed`] with the offset of the fault; a journal that another user could have written; it cannot be read.
pub fn open<D: Disk>(disk: &D, path: &Path, access: Access) -> Result<OpenedJournal<D::File>> {
    let file = calls::retry(|| disk.open(path, access)).map_err(Error::io(path, "open the journal"))?;
    refuse_foreign_hand(disk, &file, path)?;
    let size = calls::retry(|| disk.stat(&file)).map_err(Error::io(path, "look at the journal"))?.size;
    let mut reader = JournalReader { disk, file: &file, path, size, at: 0, hash: Sha256::new() };
    let (mut journal, header) = reader.header()?;
    let shown: Arc<Path> = path.into();
    for number in 0..header.files {
        let (start, bytes) = reader.record(&header, TAG_FILE, number)?;
        journal.files.push(file_record(&mut payload(&bytes, start, path)?)?);
    }
    for number in 0..header.pages {
        let (start, bytes) = reader.record(&header, TAG_PAGE, header.files.saturating_add(number))?;
        journal.pages.push(page_record(&mut payload(&bytes, start, path)?, &journal.files, &shown)?);
    }
    reader.seal(&header)?;
    let mark = reader.mark(&header)?;
    check_sense(&journal, path)?;
    let on_disk =
        OnDisk { path: path.to_path_buf(), file, header_crc: header.crc, sealed_len: header.sealed_len };
    Ok(OpenedJournal { journal, mark, on_disk })
}

/// The root that a journal names. Nothing else of it is read or checked.
///
/// # Errors
/// It cannot be read, another user could have written it, or it is none.
pub fn root_of<D: Disk>(disk: &D, path: &Path) -> Result<PathBuf> {
    let file = calls::retry(|| disk.open(path, Access::Read)).map_err(Error::io(path, "open the journal"))?;
    refuse_foreign_hand(disk, &file, path)?;
    let size = calls::retry(|| disk.stat(&file)).map_err(Error::io(path, "look at the journal"))?.size;
    let mut reader = JournalReader { disk, file: &file, path, size, at: 0, hash: Sha256::new() };
    Ok(reader.header()?.0.root)
}

/// Whoever could have written a journal decides which bytes go where: only the user who restores may.
fn refuse_foreign_hand<D: Disk>(disk: &D, file: &D::File, path: &Path) -> Result<()> {
    let hand = calls::retry(|| disk.foreign_hand(file)).map_err(Error::io(path, "look at the journal"))?;
    let Some(hand) = hand else { return Ok(()) };
    Err(Error::Refused(format!(
        "{}: {hand}, so anybody may have made this journal; nothing was written. If you trust it, copy it to a file of \
         your own (mode 0600) and name that, with --datadir",
        path.display()
    )))
}

/// The numbers of the header that reading needs.
struct Header {
    crc: u32,
    sealed_len: u64,
    files: u32,
    pages: u32,
}

struct JournalReader<'a, D: Disk> {
    disk: &'a D,
    file: &'a D::File,
    path: &'a Path,
    size: u64,
    at: u64,
    hash: Sha256,
}

impl<D: Disk> JournalReader<'_, D> {
    /// The next `len` bytes, hashed. `len` is bounded by the caller.
    fn next(&mut self, len: usize, what: &str) -> Result<Vec<u8>> {
        let end = self.at.checked_add(len as u64).filter(|&end| end <= self.size);
        let mut buffer = vec![0; if end.is_some() { len } else { 0 }];
        let read = calls::read_full(self.disk, self.file, &mut buffer, self.at).map_err(Error::io_at(
            self.path,
            "read the journal",
            ByteOffset(self.at),
        ))?;
        if end.is_none() || read < len {
            let what =
                format!("the journal is cut: expected {len} bytes of {what}, it ends at {}", self.size);
            return Err(fault(self.path, self.at, what));
        }
        self.at = self.at.saturating_add(len as u64);
        self.hash.update(&buffer);
        Ok(buffer)
    }

    /// A short text is no journal that was cut.
    fn refuse_foreign(&self) -> Result<()> {
        let mut start = [0; MAGIC.len()];
        let read = calls::read_full(self.disk, self.file, &mut start, 0).map_err(Error::io_at(
            self.path,
            "read the journal",
            ByteOffset(0),
        ))?;
        match start.iter().take(read).eq(MAGIC.iter().take(read)) {
            true => Ok(()),
            false => Err(fault(self.path, 0, NO_JOURNAL)),
        }
    }

    fn header(&mut self) -> Result<(Journal, Header)> {
        self.refuse_foreign()?;
        let mut bytes = self.next(HEADER_FIXED, "header")?;
        let path = self.path;
        let len = header_length(&bytes, path)?;
        bytes.extend(self.next(len.saturating_sub(HEADER_FIXED), "header")?);
        let (body, crc) = split_crc(&bytes, 0, path)?;
        if crc32fast::hash(body) != crc {
            return Err(fault(
                path,
                0,
                "the header's CRC-32 does not fit; the journal was altered or damaged",
            ));
        }
        self.header_fields(body, crc)
    }

    fn header_fields(&self, body: &[u8], crc: u32) -> Result<(Journal, Header)> {
        let mut fields = Fields::new(body, 0, self.path);
        fields.take(MAGIC.len(), "magic")?;
        let version = fields.u32("version")?;
        fields.u32("header length")?;
        let (sealed_len, files, pages) =
            (fields.u64("sealed length")?, fields.u32("file count")?, fields.u32("page count")?);
        let least = (body.len() + CRC + SEAL) as u64
            + u64::from(files) * FILE_MIN as u64
            + u64::from(pages) * PAGE_MIN as u64;
        if sealed_len > self.size || sealed_len < least {
            let what = format!(
                "expected at least {least} bytes for {files} files and {pages} pages, sealed length {sealed_len}, the file has {}; the journal is cut or damaged",
                self.size
            );
            return Err(fault(self.path, 16, what));
        }
        let written_at = fields.i64("time")?;
        let kind = match fields.u8("kind")? {
            1 => PassKind::Restore,
            2 => PassKind::Revert,
            other => return Err(fault(self.path, 40, format!("expected kind 1 or 2, found {other}"))),
        };
        fields.zeros(7, "header")?;
        let tool = fields.string("tool version")?;
        let (root, place) = (fields.path("root")?, fields.path("journal path")?);
        let world = if version == OLDEST { None } else { Some(world(&mut fields, version, self.path)?) };
        fields.end()?;
        let (files_of, pages_of) = (Vec::new(), Vec::new());
        let journal =
            Journal { kind, tool, written_at, root, place, world, files: files_of, pages: pages_of };
        Ok((journal, Header { crc, sealed_len, files, pages }))
    }

    /// The next record whole, and where it begins.
    fn record(&mut self, header: &Header, tag: [u8; 4], number: u32) -> Result<(u64, Vec<u8>)> {
        let start = self.at;
        let mut bytes = self.next(RECORD_FIXED, "record")?;
        let mut fields = Fields::new(&bytes, start, self.path);
        let expected = String::from_utf8_lossy(&tag).into_owned();
        if fields.take(4, "tag")? != tag {
            return Err(fault(self.path, start, format!("expected a record {expected}")));
        }
        let length = fields.u32("record length")? as usize;
        let room = header.sealed_len.saturating_sub(start);
        if !(RECORD_FIXED + CRC..=RECORD_MAX).contains(&length) || length as u64 > room {
            let what = format!("record {expected} of {length} bytes, {room} bytes are left");
            return Err(fault(self.path, start.saturating_add(4), what));
        }
        if fields.u32("record number")? != number {
            return Err(fault(
                self.path,
                start.saturating_add(8),
                format!("expected record number {number}"),
            ));
        }
        bytes.extend(self.next(length.saturating_sub(RECORD_FIXED), "record")?);
        let (body, crc) = split_crc(&bytes, start, self.path)?;
        if crc_seeded(header.crc, body) != crc {
            let what = format!(
                "the CRC-32 of record {number} ({expected}) does not fit; the journal was altered or damaged"
            );
            return Err(fault(self.path, start, what));
        }
        Ok((start, bytes))
    }

    fn seal(&mut self, header: &Header) -> Result<()> {
        let hash: [u8; 32] = self.hash.clone().finalize().into();
        let (start, bytes) = self.record(header, TAG_SEAL, header.files.saturating_add(header.pages))?;
        let mut fields = payload(&bytes, start, self.path)?;
        let (length, sealed) = (fields.u64("sealed length")?, fields.array::<32>("SHA-256")?);
        fields.end()?;
        if length != header.sealed_len || self.at != header.sealed_len || sealed != hash {
            return Err(fault(
                self.path,
                start,
                "the end seal does not fit; the journal was altered or damaged",
            ));
        }
        Ok(())
    }

    /// The mark behind the seal. A torn one counts as none: it is written last, and written again.
    fn mark(&mut self, header: &Header) -> Result<Mark> {
        let behind = self.size.saturating_sub(header.sealed_len);
        if behind > MARK as u64 {
            let what =
                format!("expected at most a mark of {MARK} bytes behind the seal, found {behind} bytes");
            return Err(fault(self.path, header.sealed_len, what));
        }
        if behind < MARK as u64 {
            return Ok(Mark::Unfinished);
        }
        let bytes = self.next(MARK, "mark")?;
        let (body, crc) = split_crc(&bytes, header.sealed_len, self.path)?;
        let mut fields = Fields::new(body, header.sealed_len, self.path);
        let tag = fields.array::<4>("mark")?;
        if tag != TAG_DONE || crc_seeded(header.crc, body) != crc {
            return Ok(Mark::Unfinished);
        }
        fields.u32("length")?;
        let status = fields.u8("status")?;
        fields.zeros(3, "mark")?;
        fields.u32("verified pages")?;
        let moved_on = fields.u32("pages that moved on")?;
        Ok(match status {
            1 => Mark::Verified,
            2 => Mark::Closed { moved_on },
            _ => Mark::Unfinished,
        })
    }
}

fn world(fields: &mut Fields<'_>, version: u32, path: &Path) -> Result<World> {
    let (server_uuid, redo_dir) = (fields.string("server uuid")?, fields.path("redo directory")?);
    let mut lsn = |what: &str| fields.u64(what).map(|lsn| Some(Lsn(lsn)).filter(|lsn| lsn.0 > 0));
    let (checkpoint, end) = (lsn("checkpoint LSN")?, lsn("end LSN")?);
    let told = if version < TELLS_PLACES { Told::default() } else { told(fields, path)? };
    Ok(World { server_uuid, redo_dir, checkpoint, end, told })
}

fn told(fields: &mut Fields<'_>, path: &Path) -> Result<Told> {
    let mut told = Told::default();
    let mut places = Fields::new(fields.text("places")?.as_bytes(), 0, path);
    while places.end().is_err() {
        match places.u8("place")? {
            1 => told.datadir = Some(places.path("datadir")?),
            2 => told.data_home_dir = Some(places.path("data home")?),
            3 => told.undo_dir = Some(places.path("undo directory")?),
            4 => told.doublewrite_dir = Some(places.path("doublewrite directory")?),
            5 => told.directories.push(places.path("directory")?),
            6 => told.data_file_path = Some(places.string("data file path")?),
            other => return Err(places.fault(format!("expected a place from 1 to 6, found {other}"))),
        }
    }
    Ok(told)
}

fn header_length(bytes: &[u8], path: &Path) -> Result<usize> {
    let mut fields = Fields::new(bytes, 0, path);
    if fields.array::<8>("magic")? != MAGIC {
        return Err(fault(path, 0, NO_JOURNAL));
    }
    let version = fields.u32("version")?;
    if !(OLDEST..=VERSION).contains(&version) {
        let what = format!(
            "expected format version {OLDEST} to {VERSION}, found {version}; use the dblwr that wrote it"
        );
        return Err(fault(path, 8, what));
    }
    let len = fields.u32("header length")? as usize;
    if (HEADER_FIXED + 6 + CRC..=HEADER_MAX).contains(&len) {
        return Ok(len);
    }
    Err(fault(path, 12, format!("a header of {len} bytes cannot be; the journal is damaged")))
}

fn split_crc<'a>(bytes: &'a [u8], start: u64, path: &Path) -> Result<(&'a [u8], u32)> {
    let (body, crc) =
        bytes.split_last_chunk::<CRC>().ok_or_else(|| fault(path, start, "no room for a CRC-32"))?;
    Ok((body, u32::from_be_bytes(*crc)))
}

fn payload<'a>(record: &'a [u8], start: u64, path: &'a Path) -> Result<Fields<'a>> {
    let (body, _) = split_crc(record, start, path)?;
    let mut fields = Fields::new(body, start, path);
    fields.take(RECORD_FIXED, "record")?;
    Ok(fields)
}

fn file_record(fields: &mut Fields<'_>) -> Result<JournalFile> {
    let (device, inode, size) = (fields.u64("device")?, fields.u64("inode")?, fields.u64("size")?);
    let known = fields.u8("whether a space id follows")?;
    let id = SpaceId(fields.u32("space id")?);
    let record = JournalFile {
        device,
        inode,
        size,
        space_id: (known == 1).then_some(id),
        name: fields.path("file name")?,
        path: fields.path("file path")?,
    };
    fields.end()?;
    Ok(record)
}

fn page_record(fields: &mut Fields<'_>, files: &[JournalFile], path: &Arc<Path>) -> Result<JournalPage> {
    let (space_id, page_no) = (SpaceId(fields.u32("space id")?), PageNo(fields.u32("page number")?));
    let index = fields.u32("file number")? as usize;
    let file = files.get(index).ok_or_else(|| fields.fault(format!("no file record has number {index}")))?;
    let offset = ByteOffset(fields.u64("offset")?);
    let size = fields.u32("page size")?;
    let length = PageSize::new(size).ok_or_else(|| fields.fault(format!("{size} is no page size")))?.bytes();
    let (slot, lsn) = (fields.u64("slot")?, Lsn(fields.u64("LSN")?));
    let hashes = (fields.array::<32>("SHA-256 of old")?, fields.array::<32>("SHA-256 of new")?);
    let copy = CopyRef {
        file: fields.path("doublewrite file")?,
        index: slot,
        lsn,
        forwarded: (slot == NO_SLOT).then(Forwarded::default),
    };
    let before_state = fields.string("state")?;
    let mut image = |what: &str, sum: [u8; 32]| {
        let at = fields.offset();
        let bytes = fields.take(length, what)?;
        let image = PageImage::in_journal(path, at, length, PageSum(sum));
        Ok(image.is(bytes).then_some(image))
    };
    let (old, new) = (image("old page", hashes.0)?, image("new page", hashes.1)?);
    fields.end()?;
    let (Some(old), Some(new)) = (old, new) else {
        return Err(fields.fault("the SHA-256 of the page does not fit; the journal was altered or damaged"));
    };
    let page = PlannedPage {
        space_id,
        page_no,
        file: file.name.clone(),
        path: file.path.clone(),
        offset,
        length,
        copy,
        before_state,
        old,
        new,
    };
    Ok(JournalPage { file: index, page })
}

/// Sealed, but does it make sense? Overlapping pages could not be taken back one by one.
fn check_sense(journal: &Journal, path: &Path) -> Result<()> {
    plan::check_pages(journal.pages.iter().map(|record| &record.page))
        .map_err(|error| fault(path, 0, error.to_string()))
}
