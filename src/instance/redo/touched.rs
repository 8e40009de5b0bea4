//! Which pages the records of a MariaDB 10.8 log touch, and which tablespaces they resize.
//!
//! Two rules of MariaDB 10.11 and 11.8 hang on this. A damaged page 0 of an `.ibd` is looked at through its copy only
//! where a record that writes `FSP_SIZE` makes them open the file; without one the file stays closed and the table is
//! lost (`fil_space_set_recv_size_and_flags`, `fil_node_t::read_page0`; seen with 11.8.6). And an encrypted page that is
//! replaced while it is read becomes dirty, and so reaches its file, only where redo applies to it.
//!
//! A record: one byte `0tttllll` (type, length of what follows; 0 = longer, see [`crate::instance::redo::phys`]), then for page records
//! the page's space id and number as varints. `1tttllll` means the page of the record before. A `WRITE` (type 3) goes on
//! with the offset, counted from the end of the write before it on that page, and the bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bytes::u32_at;
use crate::units::{Lsn, PageNo, SpaceId};

/// `mrec_type_t::INIT_PAGE`: offsets behind it count from `FIL_PAGE_TYPE`.
const INIT_PAGE: u8 = 0x10;
const FIL_PAGE_TYPE: u64 = 24;
/// `WRITE`, `MEMSET` and `MEMMOVE`: records that carry an offset in the page.
const WRITE: u8 = 0x30;
const MEMSET: u8 = 0x40;
const MEMMOVE: u8 = 0x50;
const TYPE: u8 = 0x70;
/// `mrec_type_t`: the page of the record before; the first record of a page never has it.
const SAME_PAGE: u8 = 0x80;
/// `FSP_HEADER_OFFSET + FSP_SIZE`.
const SIZE_AT: u64 = 46;

/// What the records after a checkpoint touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Touched {
    /// Tablespaces whose size field on page 0 is written.
    pub resized: BTreeSet<SpaceId>,
    /// The smallest size, in pages, that is written to each of them.
    #[serde(default)]
    pub sizes: BTreeMap<SpaceId, u32>,
    /// For every page the end of the last mini-transaction that changes it.
    #[serde(with = "as_list")]
    pub last: HashMap<(SpaceId, PageNo), Lsn>,
}

/// JSON has text keys only: pages and their LSNs are written as a list.
mod as_list {
    use super::{HashMap, Lsn, PageNo, SpaceId};
    use serde::{Deserialize, Deserializer, Serializer};

    type Entry = (SpaceId, PageNo, Lsn);

    pub(super) fn serialize<S: Serializer>(
        last: &HashMap<(SpaceId, PageNo), Lsn>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut entries: Vec<Entry> = last.iter().map(|(&(space, page), &lsn)| (space, page, lsn)).collect();
        entries.sort_unstable();
        serializer.collect_seq(entries)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<HashMap<(SpaceId, PageNo), Lsn>, D::Error> {
        let entries = Vec::<Entry>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(|(space, page, lsn)| ((space, page), lsn)).collect())
    }
}

/// Adds the records of one mini-transaction that ends at `end`.
pub(super) fn collect(records: &[u8], end: Lsn, touched: &mut Touched) {
    let mut rest = records;
    let mut page: Option<Position> = None;
    while let Some((first, body, after)) = split(rest) {
        rest = after;
        let body = match (first & SAME_PAGE != 0, page.is_some()) {
            (true, true) => Some(body),
            // The type byte of file operations has the top bit, too, but no page before it.
            (true, false) => None,
            (false, _) => begin(body).map(|(position, body)| {
                page = Some(position);
                body
            }),
        };
        let (Some(body), Some(position)) = (body, page.as_mut()) else { continue };
        if let Ok(page) = u32::try_from(position.page) {
            touched.last.insert((position.space, PageNo(page)), end);
        }
        if let Some(pages) = position.resizes(first & TYPE, body) {
            touched.resized.insert(position.space);
            let least = touched.sizes.entry(position.space).or_insert(pages);
            *least = pages.min(*least);
        }
    }
}

/// The page at hand and the end of the last write on it.
struct Position {
    space: SpaceId,
    page: u64,
    offset: u64,
}

impl Position {
    /// The size that a record writes to the field of it.
    fn resizes(&mut self, kind: u8, body: &[u8]) -> Option<u32> {
        if kind == INIT_PAGE {
            self.offset = FIL_PAGE_TYPE;
        }
        if !matches!(kind, WRITE | MEMSET | MEMMOVE) {
            return None;
        }
        let (ahead, data) = varint(body)?;
        self.offset = self.offset.saturating_add(ahead);
        let begin = self.offset;
        let length = match kind {
            WRITE => data.len() as u64,
            _ => varint(data).map_or(0, |(length, _)| length),
        };
        self.offset = begin.saturating_add(length);
        let whole = kind == WRITE && self.page == 0 && begin <= SIZE_AT && self.offset >= SIZE_AT + 4;
        if whole { u32_at(data, usize::try_from(SIZE_AT - begin).ok()?) } else { None }
    }
}

fn begin(body: &[u8]) -> Option<(Position, &[u8])> {
    let (space, body) = varint(body)?;
    let (page, body) = varint(body)?;
    Some((Position { space: SpaceId(u32::try_from(space).ok()?), page, offset: 0 }, body))
}

/// First byte of a record, what belongs to it, and what follows it.
pub(super) fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (length, rest) = match first & 0xF {
        0 => {
            let before = rest.len();
            let (value, rest) = varint(rest)?;
            let used = before.checked_sub(rest.len())?;
            (usize::try_from(value).ok()?.checked_add(15)?.checked_sub(used)?, rest)
        }
        n => (usize::from(n), rest),
    };
    (length <= rest.len()).then(|| rest.split_at(length)).map(|(body, after)| (first, body, after))
}

/// `mlog_decode_varint`: one to five bytes, each form beginning where the shorter one ends.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (more, value, base) = match first {
        0..=0x7F => (0, first, 0),
        0x80..=0xBF => (1, first & 0x3F, 0x80),
        0xC0..=0xDF => (2, first & 0x1F, 0x4080),
        0xE0..=0xEF => (3, first & 0x0F, 0x20_4080),
        0xF0 => (4, 0, 0x1020_4080),
        _ => return None,
    };
    let tail = rest.get(..more)?;
    let value = tail.iter().fold(u64::from(value), |value, &byte| value << 8 | u64::from(byte));
    Some((value + base, rest.get(more..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resized(records: &[u8]) -> Vec<u32> {
        let mut touched = Touched::default();
        collect(records, Lsn(9), &mut touched);
        touched.resized.into_iter().map(|space| space.0).collect()
    }

    #[test]
    fn a_write_of_the_size_field_is_found_wherever_it_stands() {
        // Space 4, page 0, offset 46, four bytes.
        assert_eq!(resized(&[0x37, 4, 0, 46, 0, 0, 0, 27]), [4]);
        // Offset 44 reaches over the field; the next write on the page is counted from there.
        assert_eq!(resized(&[0x39, 5, 0, 44, 1, 2, 3, 4, 5, 6]), [5]);
        assert_eq!(resized(&[0x34, 5, 0, 38, 0, 0xB5, 7, 0, 0, 0, 27]), [5]);
        // A page that is initialised first: 24 + 22 = 46.
        assert_eq!(resized(&[0x12, 6, 0, 0xB5, 22, 0, 0, 0, 4]), [6]);
    }

    #[test]
    fn other_pages_and_fields_are_no_resize() {
        assert_eq!(resized(&[0x37, 4, 1, 46, 0, 0, 0, 27]), [0u32; 0], "page 1");
        assert_eq!(resized(&[0x37, 4, 0, 50, 0, 0, 0, 64]), [0u32; 0], "free limit");
        assert_eq!(resized(&[0x36, 4, 0, 46, 0, 0, 27]), [0u32; 0], "not the whole field");
        assert_eq!(resized(&[0xFA, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]), [0u32; 0], "a file record");
        assert_eq!(resized(&[0x3F, 4]), [0u32; 0], "cut");
    }

    #[test]
    fn every_page_record_touches_its_page_and_file_records_touch_none() {
        let mut touched = Touched::default();
        let records = [0xFA, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 6, 3, 0xB5, 2, 0, 0, 0, 4, 0x34, 7, 1, 9, 9];
        collect(&records[..11], Lsn(100), &mut touched);
        assert!(touched.last.is_empty());
        collect(&records[11..], Lsn(200), &mut touched);
        let mut pages: Vec<_> = touched.last.keys().map(|(space, page)| (space.0, page.0)).collect();
        pages.sort_unstable();
        assert_eq!(pages, [(6, 3), (7, 1)]);
        assert_eq!(touched.last[&(SpaceId(7), PageNo(1))], Lsn(200));
    }

    #[test]
    fn varints_of_every_length() {
        let value = |bytes: &[u8]| varint(bytes).map(|(value, _)| value);
        assert_eq!(value(&[0x7F]), Some(127));
        assert_eq!(value(&[0x80, 0]), Some(0x80));
        assert_eq!(value(&[0xC0, 0, 1]), Some(0x4081));
        assert_eq!(value(&[0xE0, 0, 0, 0]), Some(0x20_4080));
        assert_eq!(value(&[0xF0, 0, 0, 0, 0]), Some(0x1020_4080));
        assert_eq!(value(&[0xC0, 0]), None);
    }
}
