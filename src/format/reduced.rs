//! Reduced doublewrite files of MySQL 8.0.30 and later (DETECT_ONLY): page numbers and LSNs, no page contents.
//!
//! An array of 8192-byte pages at every `innodb_page_size`; one page is one batch.
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 4 | `RB_BATCH_ID_OFFSET` | batch segment id |
//! | 4 | 4 | `RB_CHECKSUM_OFFSET` | CRC-32C of the data |
//! | 8 | 2 | `RB_DATA_LEN_OFFSET` | data length: 16 times the entries, never 0 |
//! | 10 | 1 | `RB_BATCH_TYPE_OFFSET` | 0 LRU, 1 flush list |
//! | 20 | 16n | | entries: space id (4), page number (4), page LSN (8) |
//!
//! Source: `buf0dblwr.cc` 9.7.

use std::fmt::{self, Display, Formatter};

use crate::bytes::{crc32c, is_zero, slice_at, u16_at, u32_at, u64_at};
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};

/// Size of a reduced page, whatever the page size of the instance.
pub const REDUCED_PAGE: usize = 8192;
/// Where the entries begin.
const DATA: usize = 20;
/// Size of an entry.
const ENTRY: usize = 16;
/// Entries that fit into a page.
pub const ENTRIES_PER_PAGE: usize = (REDUCED_PAGE - DATA) / ENTRY;

/// One page that was about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReducedEntry {
    /// Running number: page of the file times `ENTRIES_PER_PAGE` plus the entry's place in it.
    pub index: u32,
    /// Space id.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// Newest modification at the time of the write; 0 does not count for servers.
    pub lsn: Lsn,
}

impl ReducedEntry {
    /// Where the entry lies in its file.
    pub fn offset(&self) -> ByteOffset {
        let index = u64::from(self.index);
        let (page, at) = (index / ENTRIES_PER_PAGE as u64, index % ENTRIES_PER_PAGE as u64);
        ByteOffset(page * REDUCED_PAGE as u64 + DATA as u64 + at * ENTRY as u64)
    }
}

/// A damaged page of a reduced file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReducedFault {
    /// Which page of the file, from 0.
    pub number: usize,
    /// How it is damaged.
    pub damage: ReducedDamage,
}

/// How a page of a reduced file is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReducedDamage {
    /// The file ends in its header.
    Cut,
    /// The file ends in its entries.
    CutInEntries,
    /// The length of its entries is none.
    Length(usize),
    /// Its CRC-32C: what is stored, and what it should be.
    Checksum(u32, u32),
}

impl Display for ReducedFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let offset = self.number.saturating_mul(REDUCED_PAGE);
        write!(f, "reduced page {} (offset {offset}): ", self.number)?;
        match self.damage {
            ReducedDamage::Cut => f.write_str("cut off"),
            ReducedDamage::CutInEntries => f.write_str("cut off inside its entries"),
            ReducedDamage::Length(len) => {
                let most = REDUCED_PAGE - DATA;
                write!(f, "data length is {len}, expected a multiple of {ENTRY} up to {most}")
            }
            ReducedDamage::Checksum(stored, computed) => {
                write!(f, "checksum is {stored:#010x}, expected {computed:#010x}")
            }
        }
    }
}

/// A decoded reduced file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReducedFile {
    /// All entries of all sound pages.
    pub entries: Vec<ReducedEntry>,
    /// Damaged pages: one of them makes the server refuse the whole file.
    pub faults: Vec<ReducedFault>,
    /// Pages in the file.
    pub pages: u32,
}

/// The slot width of a reduced file.
pub fn reduced_page_size() -> PageSize {
    PageSize::new(REDUCED_PAGE as u32).unwrap_or(PageSize::DEFAULT)
}

/// Decodes the bytes of a reduced file.
pub fn parse_reduced(bytes: &[u8]) -> ReducedFile {
    let mut file = ReducedFile::default();
    for (number, page) in bytes.chunks(REDUCED_PAGE).enumerate() {
        file.pages = file.pages.saturating_add(1);
        if is_zero(page) {
            continue;
        }
        match parse_page(page, number) {
            Ok(entries) => file.entries.extend(entries),
            Err(damage) => file.faults.push(ReducedFault { number, damage }),
        }
    }
    file
}

fn parse_page(page: &[u8], number: usize) -> Result<Vec<ReducedEntry>, ReducedDamage> {
    let len = usize::from(u16_at(page, 8).ok_or(ReducedDamage::Cut)?);
    if len == 0 || len % ENTRY != 0 || len > REDUCED_PAGE - DATA {
        return Err(ReducedDamage::Length(len));
    }
    let data = slice_at(page, DATA, len).ok_or(ReducedDamage::CutInEntries)?;
    let (stored, computed) = (u32_at(page, 4).unwrap_or_default(), crc32c(data));
    if stored != computed {
        return Err(ReducedDamage::Checksum(stored, computed));
    }
    Ok(data
        .chunks_exact(ENTRY)
        .enumerate()
        .filter_map(|(at, entry)| parse_entry(entry, number, at))
        .collect())
}

fn parse_entry(entry: &[u8], page: usize, at: usize) -> Option<ReducedEntry> {
    Some(ReducedEntry {
        index: u32::try_from(page.checked_mul(ENTRIES_PER_PAGE)?.checked_add(at)?).ok()?,
        space_id: SpaceId(u32_at(entry, 0)?),
        page_no: PageNo(u32_at(entry, 4)?),
        lsn: Lsn(u64_at(entry, 8)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(entries: &[(u32, u32, u64)]) -> Vec<u8> {
        let mut data = Vec::new();
        for (space, number, lsn) in entries {
            data.extend(space.to_be_bytes());
            data.extend(number.to_be_bytes());
            data.extend(lsn.to_be_bytes());
        }
        let mut page = vec![0; REDUCED_PAGE];
        page[4..8].copy_from_slice(&crc32c(&data).to_be_bytes());
        page[8..10].copy_from_slice(&(data.len() as u16).to_be_bytes());
        page[DATA..DATA + data.len()].copy_from_slice(&data);
        page
    }

    #[test]
    fn entries_are_numbered_through_the_file() {
        let mut bytes = vec![0; REDUCED_PAGE];
        bytes.extend(page(&[(2, 7, 20_563_026), (3, 9, 1)]));
        let file = parse_reduced(&bytes);
        let found: Vec<_> =
            file.entries.iter().map(|e| (e.index, e.space_id.0, e.page_no.0, e.lsn.0)).collect();
        assert_eq!(found, [(510, 2, 7, 20_563_026), (511, 3, 9, 1)]);
        assert_eq!((file.pages, file.faults.len()), (2, 0));
        let offsets: Vec<u64> = file.entries.iter().map(|entry| entry.offset().0).collect();
        assert_eq!(offsets, [8192 + 20, 8192 + 36]);
    }

    #[test]
    fn a_damaged_page_is_named_and_the_others_are_still_read() {
        let mut bytes = page(&[(2, 7, 5)]);
        bytes[25] ^= 1;
        bytes.extend(page(&[(4, 4, 4)]));
        let file = parse_reduced(&bytes);
        assert_eq!(file.entries.len(), 1);
        assert!(
            file.faults[0].to_string().starts_with("reduced page 0 (offset 0): checksum"),
            "{:?}",
            file.faults
        );
        let mut long = page(&[(1, 1, 1)]);
        long[8..10].copy_from_slice(&8176u16.to_be_bytes());
        assert!(parse_reduced(&long).faults[0].to_string().contains("data length is 8176"));
        assert_eq!(parse_reduced(&page(&[(1, 1, 1)])[..30]).faults.len(), 1);
    }
}
