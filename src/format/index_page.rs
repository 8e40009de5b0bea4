//! A glance at the keys of an index page.

use crate::format::index_header::index_header;
use crate::format::record::{UserRecord, user_records};

/// Index id on every SDI page of MySQL 8.0+.
pub const SDI_INDEX_ID: u64 = u64::MAX;

/// The keys at both ends of a page, and whether its records hang together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// User records met on the way from infimum to supremum.
    pub records: usize,
    /// Of these, marked deleted.
    pub deleted: usize,
    /// The way reached the supremum.
    pub complete: bool,
    /// First bytes of the smallest record that has a key; `None` on an empty page.
    pub first: Option<RecordKey>,
    /// First bytes of the greatest record.
    pub last: Option<RecordKey>,
}

/// The first bytes of a record, as stored (integers big-endian, signed ones with the sign bit turned over).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// Origin of the record in the page.
    pub offset: usize,
    /// At most [`KEY_BYTES`].
    pub bytes: Vec<u8>,
}

/// Bytes of a key that are shown: enough for a `BIGINT` with its transaction id or the start of a string.
pub const KEY_BYTES: usize = 16;

/// Walks the user records of an index page. `None` where it is none, or a `ROW_FORMAT=COMPRESSED` page whose records
/// are not readable as they lie (the caller knows from the tablespace; pass uncompressed pages only).
pub fn key_range(page: &[u8]) -> Option<KeyRange> {
    index_header(page)?;
    let walk = user_records(page);
    let key = |record: Option<&UserRecord<'_>>| {
        record.map(|r| RecordKey { offset: r.origin(), bytes: key_bytes(r).to_vec() })
    };
    Some(KeyRange {
        records: walk.list.len(),
        deleted: walk.list.iter().filter(|r| r.is_deleted()).count(),
        complete: walk.complete,
        first: key(walk.list.iter().find(|r| !r.is_minimum())),
        last: key(walk.list.iter().rfind(|r| !r.is_minimum())),
    })
}

/// First column of a REDUNDANT record, whose end is known; the first bytes of a COMPACT one.
fn key_bytes<'a>(record: &UserRecord<'a>) -> &'a [u8] {
    let leading = record.leading_bytes(KEY_BYTES);
    if record.is_compact() {
        return leading;
    }
    let first = record.redundant_field(0).flatten().unwrap_or(leading);
    first.get(..KEY_BYTES).unwrap_or(first)
}

/// Key bytes for people: text in quotes where all of it is printable ASCII, else hexadecimal.
pub fn show_key(bytes: &[u8]) -> String {
    use std::fmt::Write;
    if !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
        return format!("\"{}\"", String::from_utf8_lossy(bytes));
    }
    bytes.iter().fold(String::from("0x"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::fil::page_type;
    use crate::format::index_header::{IndexHeader, PAGE_HEAP_TOP, PAGE_N_DIR_SLOTS};
    use crate::format::tests::pages::{compact_page, put, redundant_page};

    #[test]
    fn the_header_of_a_made_page_is_read_back() {
        let page = compact_page(4711, 2, &[b"k1", b"k2"]);
        let header = index_header(&page).unwrap();
        assert_eq!((header.index_id, header.level, header.records), (4711, 2, 2));
        assert_eq!((header.compact, header.heap_records), (true, 4));
        assert_eq!(IndexHeader::parse(&page[..73]), None);
    }

    #[test]
    fn both_ends_of_the_keys_are_shown() {
        let page = redundant_page(1, 0, &[&[Some(b"d/t1")], &[Some(b"d/t2")], &[Some(&[0, 1, 2])]]);
        let range = key_range(&page).unwrap();
        assert_eq!((range.records, range.deleted, range.complete), (3, 0, true));
        assert_eq!(show_key(&range.first.unwrap().bytes), "\"d/t1\"");
        assert_eq!(show_key(&range.last.unwrap().bytes), "0x000102");
    }

    #[test]
    fn type_18_is_an_index_page_only_with_a_plausible_header() {
        let mut page = compact_page(9, 0, &[b"k"]);
        put(&mut page, crate::format::fil::FIL_PAGE_TYPE, &page_type::SDI_BLOB.to_be_bytes());
        assert_eq!(index_header(&page), None, "no directory, no heap top: an SDI BLOB");
        put(&mut page, PAGE_N_DIR_SLOTS, &[0, 2]);
        put(&mut page, PAGE_HEAP_TOP, &[0, 200]);
        assert!(index_header(&page).is_some());
    }

    #[test]
    fn an_empty_page_has_no_keys() {
        let range = key_range(&compact_page(1, 0, &[])).unwrap();
        assert_eq!((range.records, range.first, range.last, range.complete), (0, None, None, true));
    }
}
