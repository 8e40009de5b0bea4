//! Index pages made from nothing, for the tests of this module.

use crate::format::fil;
use crate::format::fil::page_type;
use crate::format::record::{PAGE_NEW_INFIMUM, PAGE_NEW_SUPREMUM, PAGE_OLD_INFIMUM, PAGE_OLD_SUPREMUM};
use crate::format::{PageSource, index_header};
use crate::units::{FIL_NULL, PageNo};

/// Bytes in a made page.
pub const SIZE: usize = 16384;

/// Pages by number; a number without a page is a damaged one.
#[derive(Default)]
pub struct Pages(pub std::collections::HashMap<u32, Vec<u8>>);

impl PageSource for Pages {
    fn page(&self, page_no: PageNo) -> Option<Vec<u8>> {
        self.0.get(&page_no.0).cloned()
    }
}

/// Writes bytes at an offset.
pub fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    page[at..at + bytes.len()].copy_from_slice(bytes);
}

fn empty(kind: u16, index_id: u64, level: u16, n_recs: u16, compact: bool) -> Vec<u8> {
    let mut page = vec![0; SIZE];
    put(&mut page, fil::FIL_PAGE_PREV, &FIL_NULL.to_be_bytes());
    put(&mut page, fil::FIL_PAGE_NEXT, &FIL_NULL.to_be_bytes());
    put(&mut page, fil::FIL_PAGE_TYPE, &kind.to_be_bytes());
    let heap = (n_recs + 2) | if compact { 0x8000 } else { 0 };
    put(&mut page, index_header::PAGE_N_HEAP, &heap.to_be_bytes());
    put(&mut page, index_header::PAGE_N_RECS, &n_recs.to_be_bytes());
    put(&mut page, index_header::PAGE_LEVEL, &level.to_be_bytes());
    put(&mut page, index_header::PAGE_INDEX_ID, &index_id.to_be_bytes());
    page
}

/// Chains a page to the next of its level.
pub fn set_next(page: &mut [u8], next: u32) {
    put(page, fil::FIL_PAGE_NEXT, &next.to_be_bytes());
}

/// A REDUNDANT index page; each record is a list of columns, `None` for NULL.
pub fn redundant_page(index_id: u64, level: u16, records: &[&[Option<&[u8]>]]) -> Vec<u8> {
    let mut page = empty(page_type::INDEX, index_id, level, records.len() as u16, false);
    let (mut link, mut at) = (PAGE_OLD_INFIMUM - 2, 125);
    for fields in records {
        let data: usize = fields.iter().flatten().map(|f| f.len()).sum();
        let short = data < 128;
        let origin = at + 6 + fields.len() * if short { 1 } else { 2 };
        let mut end = 0;
        for (n, field) in fields.iter().enumerate() {
            if let Some(bytes) = field {
                put(&mut page, origin + end, bytes);
                end += bytes.len();
            }
            if short {
                page[origin - 7 - n] = end as u8 | if field.is_none() { 0x80 } else { 0 };
            } else {
                let word = end as u16 | if field.is_none() { 0x8000 } else { 0 };
                put(&mut page, origin - 8 - 2 * n, &word.to_be_bytes());
            }
        }
        let word = ((fields.len() as u16) << 1) | u16::from(short);
        put(&mut page, origin - 4, &word.to_be_bytes());
        put(&mut page, link, &(origin as u16).to_be_bytes());
        (link, at) = (origin - 2, origin + data);
    }
    put(&mut page, link, &(PAGE_OLD_SUPREMUM as u16).to_be_bytes());
    page
}

/// A COMPACT index page of raw records without variable or nullable columns.
pub fn compact_page(index_id: u64, level: u16, records: &[&[u8]]) -> Vec<u8> {
    let raw: Vec<(&[u8], &[u8])> = records.iter().map(|data| (&[][..], *data)).collect();
    compact_page_with_lengths(page_type::INDEX, index_id, level, &raw)
}

/// A COMPACT index page; each record is its length bytes in the order they lie in the page, and its data.
pub fn compact_page_with_lengths(
    kind: u16,
    index_id: u64,
    level: u16,
    records: &[(&[u8], &[u8])],
) -> Vec<u8> {
    let mut page = empty(kind, index_id, level, records.len() as u16, true);
    let (mut previous, mut at) = (PAGE_NEW_INFIMUM, 120);
    for (lengths, data) in records {
        let origin = at + lengths.len() + 5;
        put(&mut page, at, lengths);
        put(&mut page, origin, data);
        link_compact(&mut page, previous, origin);
        (previous, at) = (origin, origin + data.len());
    }
    link_compact(&mut page, previous, PAGE_NEW_SUPREMUM);
    page
}

fn link_compact(page: &mut [u8], from: usize, to: usize) {
    let distance = (to + SIZE - from) % SIZE;
    put(page, from - 2, &(distance as u16).to_be_bytes());
}
