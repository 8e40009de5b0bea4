//! Which pages the records of a MariaDB 10.8 log touch, and which tablespaces they resize.
//!
//! Two rules of MariaDB 10.11 and 11.8 hang on this. A damaged page 0 of an `.ibd` is looked at through its copy only
//! where a record that writes `FSP_SIZE` makes them open the file; without one the file stays closed and the table is
//! lost (`fil_space_set_recv_size_and_flags`, `fil_node_t::read_page0`; seen with 11.8.6). And an encrypted page that is
//! replaced while it is read becomes dirty, and so reaches its file, only where redo applies to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bytes::u32_at;
use crate::format::redo_record::{MtrRecords, Operation, PageChange, RedoRecord};
use crate::units::{Lsn, PageNo, SpaceId};

/// Where offsets behind an initialisation count from.
const FIL_PAGE_TYPE: u64 = 24;
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
    let mut offset = 0;
    for record in MtrRecords::new(records) {
        let RedoRecord::Page(record) = record else { continue };
        touched.last.insert(record.page, end);
        if !record.same_page {
            offset = 0;
        }
        if let Some(pages) = new_size(&record, &mut offset) {
            touched.resized.insert(record.page.0);
            let least = touched.sizes.entry(record.page.0).or_insert(pages);
            *least = pages.min(*least);
        }
    }
}

/// What a record writes to the size field of page 0, where it writes all of it. `offset` is the end of the record before.
fn new_size(record: &PageChange<'_>, offset: &mut u64) -> Option<u32> {
    let (ahead, length) = match record.operation {
        Operation::Write { ahead, bytes } => (ahead, bytes.len() as u64),
        Operation::Fill { ahead, len, .. } | Operation::Move { ahead, len, .. } => (ahead, u64::from(len)),
        Operation::Nothing | Operation::Checksum(_) => return None,
        _ => {
            *offset = FIL_PAGE_TYPE;
            return None;
        }
    };
    let begin = offset.saturating_add(u64::from(ahead));
    *offset = begin.saturating_add(length);
    let Operation::Write { bytes, .. } = record.operation else { return None };
    if record.page.1 != PageNo(0) {
        return None;
    }
    u32_at(bytes, usize::try_from(SIZE_AT.checked_sub(begin)?).ok()?)
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
}
