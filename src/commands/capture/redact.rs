//! Redaction: payloads go, verdicts stay.
//!
//! Every sector of 512 bytes that holds anything but structure is filled with eight bytes that depend on its old
//! contents and a random key which is thrown away. So equal sectors stay equal and different ones different, which is
//! all that the map of a tear and the recognition of encrypted copies ask for, and nobody can try guesses against it.
//!
//! Kept: the FIL header; on page 0 and on descriptor pages the tablespace header and the extent descriptors; MariaDB's
//! record of encryption; the doublewrite header of page 5; the header of index pages; the trailer. A page that
//! verified is stamped anew by its own algorithm, a compressed one is compressed again. A damaged page is never
//! stamped: it keeps its header and trailer, and those sectors that it shares with a copy become the copy's new ones.
//! Every page is judged again; one that would be judged differently is left out instead, and that is said.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::bytes::is_zero;
use crate::commands::capture::recompress::recompress;
use crate::error::{Error, Result};
use crate::format::crypt_info::CRYPT_DATA_SIZE;
use crate::format::crypt_info::mariadb_crypt_data;
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_DATA_END, FilHeader, page_type};
use crate::format::fsp::{Layout, PageFormat, XDES_ARR_OFFSET, xdes_array_end};
use crate::format::trx_sys::{TRX_SYS_DOUBLEWRITE_FROM_END, TRX_SYS_DOUBLEWRITE_SIZE, TRX_SYS_PAGE};
use crate::instance::dblwr::AreaKind;
use crate::page::checksum;
use crate::page::checksum::Algorithm;
use crate::page::{Judged, PageState, judge};
use crate::units::{PageNo, SECTOR};
use crate::verdict::copy::{CopyState, read_copies};
use crate::verdict::survey::Survey;

/// End of the header of an index page (`PAGE_HEADER`, `FSEG_HEADER_SIZE` twice: `page0types.h`).
const INDEX_HEADER_END: usize = 94;

/// What is done with the bytes of a file.
#[derive(Debug, Clone, Copy)]
enum Treatment {
    /// No payload in it.
    Keep,
    /// Pages, or slots, of this format.
    Pages(PageFormat),
}

/// How the bytes between the kept ones are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    Tags,
    Zeros,
}

/// Blanks pages of one instance.
pub struct Redactor {
    key: [u8; 32],
    files: BTreeMap<PathBuf, Treatment>,
    /// Used slots by file and offset: each has the format of the page in it.
    slots: HashMap<(PathBuf, u64), PageFormat>,
    /// New sectors of the good copies by their old contents.
    sectors: HashMap<Vec<u8>, Vec<u8>>,
}

impl Redactor {
    /// Learns formats and copies from a survey.
    ///
    /// # Errors
    /// A doublewrite area cannot be read; the system gives no random key.
    pub fn new(survey: &Survey) -> Result<Redactor> {
        let key = random_key().map_err(Error::io(Path::new("/dev/urandom"), "read"))?;
        let mut redactor =
            Redactor { key, files: BTreeMap::new(), slots: HashMap::new(), sectors: HashMap::new() };
        let instance = &survey.instance;
        for space in &instance.spaces.list {
            for file in &space.files {
                redactor.files.insert(canonical(&file.path), Treatment::Pages(space.format));
            }
        }
        for file in instance.redo.redo().into_iter().flat_map(|redo| &redo.files) {
            redactor.files.insert(canonical(&file.path), Treatment::Keep);
        }
        for area in &instance.areas {
            let treatment = match area.kind() {
                AreaKind::Reduced => Treatment::Keep,
                _ => Treatment::Pages(PageFormat::classic(area.slot_size)),
            };
            for run in area.runs.iter().filter(|_| area.kind() != AreaKind::System) {
                redactor.files.insert(canonical(&run.path), treatment);
            }
            if area.kind() != AreaKind::Reduced {
                redactor.learn(&read_copies(area, &instance.spaces)?.0);
            }
        }
        Ok(redactor)
    }

    fn learn(&mut self, copies: &[crate::verdict::copy::Copy]) {
        for copy in copies {
            self.slots.insert((canonical(&copy.slot.path), copy.slot.offset.0), copy.format);
        }
        for copy in copies.iter().filter(|copy| copy.state() == CopyState::Valid) {
            let bytes = copy.bytes.get();
            let mut blanked = bytes.to_vec();
            if self.page(&mut blanked, &copy.format).is_none() {
                continue;
            }
            for (old, new) in bytes.chunks(SECTOR).zip(blanked.chunks(SECTOR)) {
                if !is_zero(old) {
                    self.sectors.entry(old.to_vec()).or_insert_with(|| new.to_vec());
                }
            }
        }
    }

    /// Blanks what was read from a file at an offset, whole pages; sentences on pages that were left out.
    pub fn apply(&mut self, path: &Path, offset: u64, bytes: &mut [u8]) -> Vec<String> {
        let format = match self.files.get(path) {
            Some(Treatment::Keep) => return Vec::new(),
            Some(Treatment::Pages(format)) => *format,
            None => {
                bytes.fill(0);
                return Vec::new();
            }
        };
        let mut left_out = Vec::new();
        let mut at = offset;
        for page in bytes.chunks_mut(format.physical.bytes()) {
            let format = self.slots.get(&(path.to_path_buf(), at)).copied().unwrap_or(format);
            if self.page(page, &format).is_none() {
                page.fill(0);
                let place = path.display();
                left_out.push(format!("{place}: the page at offset {at} cannot be blanked and was left out"));
            }
            at = at.saturating_add(page.len() as u64);
        }
        left_out
    }

    /// Blanks one page, or slot: what lies in it behind the page goes as well. `None`, with any contents, where no
    /// blank page is judged like this one.
    fn page(&self, slot: &mut [u8], format: &PageFormat) -> Option<()> {
        let size = format.physical.bytes().min(slot.len());
        let (page, behind) = slot.split_at_mut(size);
        self.blank(behind, &[], Fill::Tags);
        let judged = judge(page, format);
        if judged.state == PageState::Zero {
            return Some(());
        }
        let found = [Fill::Tags, Fill::Zeros].into_iter().find_map(|fill| {
            let blank = match judged.state {
                PageState::Valid => self.valid(page, format, &judged, fill)?,
                _ => self.damaged(page, format, &judged, fill),
            };
            same_judgement(&judged, &judge(&blank, format)).then_some(blank)
        })?;
        page.copy_from_slice(found.get(..size)?);
        Some(())
    }

    fn valid(&self, page: &[u8], format: &PageFormat, judged: &Judged, fill: Fill) -> Option<Vec<u8>> {
        let algorithm = judged.algorithm?;
        if let Some(clear) = &judged.clear {
            return self.compressed(page, format, clear, algorithm, fill);
        }
        let mut blank = page.to_vec();
        self.blank(&mut blank, &structure(page, format, algorithm), fill);
        checksum::stamp(&mut blank, format, algorithm)?;
        Some(blank)
    }

    fn compressed(
        &self,
        page: &[u8],
        format: &PageFormat,
        clear: &[u8],
        algorithm: Algorithm,
        fill: Fill,
    ) -> Option<Vec<u8>> {
        let inner = PageFormat { physical: format.logical, ..*format };
        let mut blank = clear.to_vec();
        self.blank(&mut blank, &structure(clear, &inner, algorithm), fill);
        if format.layout == Layout::FullCrc32 {
            let mut stored = recompress(page, format, &blank)?;
            checksum::stamp(&mut stored, format, algorithm)?;
            return Some(stored);
        }
        checksum::stamp(&mut blank, &PageFormat { layout: Layout::Classic, ..inner }, algorithm)?;
        recompress(page, format, &blank)
    }

    /// Header and trailer stay, and with them every sign of the damage; sectors of a copy become those of its blank.
    fn damaged(&self, page: &[u8], format: &PageFormat, judged: &Judged, fill: Fill) -> Vec<u8> {
        let mut keep: Vec<Range<usize>> = iter::once(0..FIL_PAGE_DATA).collect();
        if FilHeader::parse(page).is_some_and(|header| header.page_no == PageNo(0)) {
            keep.push(0..XDES_ARR_OFFSET);
            keep.extend(crypt_record(page, format));
        }
        if format.layout != Layout::Zip && judged.state != PageState::Unverifiable {
            keep.push(page.len().saturating_sub(FIL_PAGE_DATA_END)..page.len());
        }
        let mut blank = page.to_vec();
        self.blank(&mut blank, &keep, fill);
        for (old, new) in page.chunks(SECTOR).zip(blank.chunks_mut(SECTOR)) {
            if let Some(known) = self.sectors.get(old).filter(|known| known.len() == new.len()) {
                new.copy_from_slice(known);
            }
        }
        blank
    }

    /// Fills everything but what is kept.
    fn blank(&self, bytes: &mut [u8], keep: &[Range<usize>], fill: Fill) {
        for (number, sector) in bytes.chunks_mut(SECTOR).enumerate() {
            let start = number.saturating_mul(SECTOR);
            let kept = |at: usize| keep.iter().any(|range| range.contains(&start.saturating_add(at)));
            if sector.iter().enumerate().all(|(at, &byte)| byte == 0 || kept(at)) {
                continue;
            }
            let tag = match fill {
                Fill::Tags => self.tag(sector),
                Fill::Zeros => [0; 8],
            };
            for ((at, byte), tag) in sector.iter_mut().enumerate().zip(tag.iter().cycle()) {
                if !kept(at) {
                    *byte = *tag;
                }
            }
        }
    }

    /// A sector of one repeated byte stays one: such sectors prove nothing about whose a copy is.
    fn tag(&self, sector: &[u8]) -> [u8; 8] {
        let hash: [u8; 32] = Sha256::new().chain_update(self.key).chain_update(sector).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        match sector.first().is_some_and(|first| sector.iter().all(|byte| byte == first)) {
            true => [a | 1; 8],
            false => [a, b, c, d, e, f, g, h],
        }
    }
}

/// Whose page it is counts only where it verifies: the stream of a blank page may be so short that it decompresses
/// although its frame is damaged.
fn same_judgement(one: &Judged, other: &Judged) -> bool {
    if one.state != PageState::Valid {
        return one.state == other.state;
    }
    (one.state, one.algorithm, one.weak, one.claim) == (other.state, other.algorithm, other.weak, other.claim)
}

/// What stays of a page that verified.
fn structure(page: &[u8], format: &PageFormat, algorithm: Algorithm) -> Vec<Range<usize>> {
    let mut keep: Vec<Range<usize>> = iter::once(0..FIL_PAGE_DATA).collect();
    let Some(header) = FilHeader::parse(page) else { return keep };
    let ciphertext = algorithm == Algorithm::PostEncryptionCrc32
        || (format.layout == Layout::FullCrc32 && header.checksum != 0);
    if ciphertext {
        return keep;
    }
    match header.page_type {
        page_type::INDEX | page_type::RTREE | page_type::SDI => keep.push(FIL_PAGE_DATA..INDEX_HEADER_END),
        page_type::XDES | page_type::FSP_HDR => keep.push(FIL_PAGE_DATA..xdes_array_end(format)),
        _ => {}
    }
    // Servers before 5.1 leave no type on page 0: its number and place tell.
    if header.page_no == PageNo(0) {
        keep.push(FIL_PAGE_DATA..XDES_ARR_OFFSET);
        keep.extend(crypt_record(page, format));
    }
    if header.page_no == TRX_SYS_PAGE && header.space_id == crate::units::SpaceId::SYSTEM {
        let at = page.len().saturating_sub(TRX_SYS_DOUBLEWRITE_FROM_END);
        keep.push(at..at.saturating_add(TRX_SYS_DOUBLEWRITE_SIZE));
    }
    keep
}

fn crypt_record(page: &[u8], format: &PageFormat) -> Option<Range<usize>> {
    let at = xdes_array_end(format).checked_add(FIL_PAGE_DATA)?;
    mariadb_crypt_data(page, format).map(|_| at..at.saturating_add(CRYPT_DATA_SIZE))
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn random_key() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(key)
}

/// Sixteen bytes that tell one bundle from another; no secret rests on them.
pub(crate) fn random() -> [u8; 16] {
    let mut id = [0; 16];
    if File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut id)).is_err() {
        let now = jiff::Timestamp::now().as_nanosecond().to_be_bytes();
        id.copy_from_slice(&now);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PageSize;

    fn redactor() -> Redactor {
        Redactor { key: [7; 32], files: BTreeMap::new(), slots: HashMap::new(), sectors: HashMap::new() }
    }

    fn page(body: &[u8], format: &PageFormat, algorithm: Algorithm) -> Vec<u8> {
        let mut page = vec![0u8; format.physical.bytes()];
        page[4..8].copy_from_slice(&9u32.to_be_bytes());
        page[16..24].copy_from_slice(&12345u64.to_be_bytes());
        page[24..26].copy_from_slice(&page_type::INDEX.to_be_bytes());
        page[34..38].copy_from_slice(&5u32.to_be_bytes());
        page[200..200 + body.len()].copy_from_slice(body);
        checksum::stamp(&mut page, format, algorithm).unwrap();
        page
    }

    #[test]
    fn a_page_keeps_its_judgement_and_loses_its_rows_in_every_layout() {
        let size = PageSize::DEFAULT;
        for (format, algorithm) in [
            (PageFormat::classic(size), Algorithm::Crc32),
            (PageFormat::classic(size), Algorithm::Innodb),
            (PageFormat::classic(size), Algorithm::None),
            (PageFormat::zip(size, PageSize::new(8192).unwrap()), Algorithm::Crc32),
            (PageFormat::full_crc32(size), Algorithm::FullCrc32),
        ] {
            let before = page(b"secret row", &format, algorithm);
            let mut after = before.clone();
            redactor().page(&mut after, &format).unwrap();
            assert!(!after.windows(6).any(|w| w == b"secret"), "{algorithm}");
            assert!(same_judgement(&judge(&before, &format), &judge(&after, &format)), "{algorithm}");
            assert_eq!(before[4..38], after[4..38]);
        }
    }

    #[test]
    fn a_torn_page_stays_torn_and_shares_the_same_sectors_with_its_copy() {
        let format = PageFormat::classic(PageSize::DEFAULT);
        let (old, new) =
            (page(&[1; 16000], &format, Algorithm::Crc32), page(&[2; 16000], &format, Algorithm::Crc32));
        let mut newer = new.clone();
        newer[16..24].copy_from_slice(&12346u64.to_be_bytes());
        checksum::stamp(&mut newer, &format, Algorithm::Crc32).unwrap();
        let mut redactor = redactor();
        let mut blank = newer.clone();
        redactor.page(&mut blank, &format).unwrap();
        for (old, new) in newer.chunks(SECTOR).zip(blank.chunks(SECTOR)) {
            redactor.sectors.insert(old.to_vec(), new.to_vec());
        }
        for cut in (SECTOR..16384).step_by(SECTOR) {
            let mut torn = newer.clone();
            torn[cut..].copy_from_slice(&old[cut..]);
            let mut after = torn.clone();
            redactor.page(&mut after, &format).unwrap();
            assert_eq!(judge(&after, &format).state, judge(&torn, &format).state);
            let same = |a: &[u8], b: &[u8]| -> Vec<bool> {
                a.chunks(SECTOR).zip(b.chunks(SECTOR)).map(|(a, b)| a == b).collect()
            };
            assert_eq!(same(&after, &blank), same(&torn, &newer), "{cut}");
        }
    }
}
