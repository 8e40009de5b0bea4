//! Records on an index page: following them from infimum to supremum without trusting a single link.
//!
//! A record is addressed by its *origin*, the byte where its first column begins; the header stands before it.
//!
//! | offset from origin | size | COMPACT, DYNAMIC, COMPRESSED | REDUNDANT |
//! |---:|---:|---|---|
//! | -2 | 2 | next record, relative (mod page size) | next record, absolute |
//! | -4 | 2 | heap number 13 bits, status 3 bits | (bits 1..10) field count, (bit 0) one-byte offsets |
//! | -5 | 1 | info bits, records owned | |
//! | -6 | 1 | lengths of variable columns, backwards | info bits, records owned |
//! | -7 | | more of them | field end offsets, backwards |
//!
//! Sources: `rem0rec.h`, `rem0rec.ic`, `page0page.h` (MySQL 5.7), `rem0types.h` (MariaDB 10.11).

use crate::bytes::{slice_at, u8_at, u16_at};
use crate::format::index_header::IndexHeader;

/// Origin of the infimum record of a COMPACT page; REDUNDANT pages have it at 101.
pub const PAGE_NEW_INFIMUM: usize = 99;
/// Origin of the supremum record of a COMPACT page.
pub const PAGE_NEW_SUPREMUM: usize = 112;
/// Origin of the infimum record of a REDUNDANT page.
pub const PAGE_OLD_INFIMUM: usize = 101;
/// Origin of the supremum record of a REDUNDANT page.
pub const PAGE_OLD_SUPREMUM: usize = 116;

/// `REC_INFO_DELETED_FLAG`: the record is marked deleted and waits for purge.
const REC_INFO_DELETED_FLAG: u8 = 0x20;
/// `REC_INFO_MIN_REC_FLAG`: leftmost record of a level above the leaves, smaller than every key.
const REC_INFO_MIN_REC_FLAG: u8 = 0x10;

/// One user record of an index page.
#[derive(Debug, Clone, Copy)]
pub struct UserRecord<'a> {
    page: &'a [u8],
    origin: usize,
    compact: bool,
}

impl<'a> UserRecord<'a> {
    /// The record whose first column begins at `origin`.
    pub fn at(page: &'a [u8], origin: usize, compact: bool) -> UserRecord<'a> {
        UserRecord { page, origin, compact }
    }

    /// A COMPACT record that carries the version of its table or the number of its columns before its header, as after
    /// `ADD COLUMN` in place: `REC_INFO_INSTANT_FLAG`, `REC_INFO_VERSION_FLAG` (MySQL 8.0.12+), `REC_STATUS_INSTANT` (MariaDB).
    pub fn is_of_a_version(&self) -> bool {
        const MYSQL: u8 = 0xC0;
        const STATUS: u8 = 7;
        const INSTANT: u8 = 4;
        let status = self.origin.checked_sub(3).and_then(|at| u8_at(self.page, at)).unwrap_or(0) & STATUS;
        self.compact && (self.info_bits() & MYSQL != 0 || status == INSTANT)
    }

    /// Offset in the page of the first column.
    pub fn origin(&self) -> usize {
        self.origin
    }

    /// COMPACT, DYNAMIC or COMPRESSED; else REDUNDANT.
    pub fn is_compact(&self) -> bool {
        self.compact
    }

    fn info_bits(&self) -> u8 {
        let before = if self.compact { 5 } else { 6 };
        self.origin.checked_sub(before).and_then(|at| u8_at(self.page, at)).unwrap_or(0)
    }

    /// Marked deleted, not purged yet.
    pub fn is_deleted(&self) -> bool {
        self.info_bits() & REC_INFO_DELETED_FLAG != 0
    }

    /// The "minus infinity" record of a level above the leaves; its key bytes mean nothing.
    pub fn is_minimum(&self) -> bool {
        self.info_bits() & REC_INFO_MIN_REC_FLAG != 0
    }

    /// Bytes from the first column on, at most `limit`, clipped at the next header or the end of the page.
    pub fn leading_bytes(&self, limit: usize) -> &'a [u8] {
        let end = self.origin.saturating_add(limit).min(self.page.len());
        self.page.get(self.origin..end).unwrap_or(&[])
    }

    /// Number of columns of a REDUNDANT record, hidden ones included.
    pub fn redundant_fields(&self) -> Option<usize> {
        let word = u16_at(self.page, self.origin.checked_sub(4)?)?;
        Some(usize::from((word >> 1) & 0x3FF))
    }

    /// Column `n` of a REDUNDANT record: `Some(None)` is SQL NULL, `None` a column that is not there or lies outside
    /// the page. A column stored elsewhere yields what is stored here.
    pub fn redundant_field(&self, n: usize) -> Option<Option<&'a [u8]>> {
        let (start, _) = match n.checked_sub(1) {
            Some(before) => self.redundant_end(before)?,
            None => (0, false),
        };
        let (end, null) = self.redundant_end(n)?;
        if null {
            return Some(None);
        }
        slice_at(self.page, self.origin.checked_add(start)?, end.checked_sub(start)?).map(Some)
    }

    /// End of column `n` counted from the origin, and whether it is NULL.
    fn redundant_end(&self, n: usize) -> Option<(usize, bool)> {
        if n >= self.redundant_fields()? {
            return None;
        }
        let short = u8_at(self.page, self.origin.checked_sub(3)?)? & 1 != 0;
        if short {
            let byte = u8_at(self.page, self.origin.checked_sub(n.checked_add(7)?)?)?;
            return Some((usize::from(byte & 0x7F), byte & 0x80 != 0));
        }
        let word = u16_at(self.page, self.origin.checked_sub(n.checked_mul(2)?.checked_add(8)?)?)?;
        Some((usize::from(word & 0x3FFF), word & 0x8000 != 0))
    }

    /// The length byte number `n` (0 nearest to the header) before a COMPACT record without nullable columns.
    pub fn compact_length_byte(&self, n: usize) -> Option<u8> {
        u8_at(self.page, self.origin.checked_sub(n.checked_add(6)?)?)
    }
}

/// What following the records of one page gave.
#[derive(Debug)]
pub struct UserRecords<'a> {
    /// User records in key order, as far as the links held.
    pub list: Vec<UserRecord<'a>>,
    /// The chain reached the supremum. `false`: a link left the page or ran in a circle.
    pub complete: bool,
}

/// Follows the user records of an index page. Bounded by the number of records a page of this size can hold.
pub fn user_records(page: &[u8]) -> UserRecords<'_> {
    let mut list = Vec::new();
    let complete = follow(page, &mut list).is_some();
    UserRecords { list, complete }
}

fn follow<'a>(page: &'a [u8], list: &mut Vec<UserRecord<'a>>) -> Option<()> {
    /// Smallest distance between two origins: a header of five bytes and one byte of data.
    const SMALLEST_RECORD: usize = 6;
    let compact = IndexHeader::parse(page)?.compact;
    let (infimum, supremum) =
        if compact { (PAGE_NEW_INFIMUM, PAGE_NEW_SUPREMUM) } else { (PAGE_OLD_INFIMUM, PAGE_OLD_SUPREMUM) };
    let mut at = next_origin(page, infimum, compact)?;
    for _ in 0..page.len() / SMALLEST_RECORD {
        if at == supremum {
            return Some(());
        }
        if at <= supremum {
            return None;
        }
        list.push(UserRecord { page, origin: at, compact });
        at = next_origin(page, at, compact)?;
    }
    None
}

fn next_origin(page: &[u8], origin: usize, compact: bool) -> Option<usize> {
    let link = usize::from(u16_at(page, origin.checked_sub(2)?)?);
    if link == 0 {
        return None;
    }
    // A compact link is a distance modulo the page size, so that 16 bits reach backwards too.
    let next = if compact { origin.checked_add(link)?.checked_rem(page.len())? } else { link };
    (next < page.len()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::pages::{compact_page, redundant_page};

    #[test]
    fn compact_records_come_in_key_order() {
        let page = compact_page(7, 0, &[b"aaa", b"bb", b"c"]);
        let records = user_records(&page);
        assert!(records.complete);
        let firsts: Vec<u8> = records.list.iter().map(|r| r.leading_bytes(1)[0]).collect();
        assert_eq!(firsts, b"abc");
    }

    #[test]
    fn redundant_columns_are_told_apart() {
        let page =
            redundant_page(1, 0, &[&[Some(b"d/t1"), None, Some(b"xyz")], &[Some(b"d/t2"), Some(b"q")]]);
        let records = user_records(&page);
        assert!(records.complete);
        assert_eq!(records.list.len(), 2);
        let first = records.list[0];
        assert_eq!(first.redundant_fields(), Some(3));
        assert_eq!(first.redundant_field(0), Some(Some(&b"d/t1"[..])));
        assert_eq!(first.redundant_field(1), Some(None));
        assert_eq!(first.redundant_field(2), Some(Some(&b"xyz"[..])));
        assert_eq!(first.redundant_field(3), None);
    }

    #[test]
    fn long_redundant_records_use_two_byte_offsets() {
        let long = vec![b'n'; 300];
        let page = redundant_page(1, 0, &[&[Some(&long), Some(b"tail")]]);
        let records = user_records(&page);
        assert_eq!(records.list[0].redundant_field(0), Some(Some(&long[..])));
        assert_eq!(records.list[0].redundant_field(1), Some(Some(&b"tail"[..])));
    }

    #[test]
    fn a_circle_of_records_ends_and_is_reported() {
        let mut page = redundant_page(1, 0, &[&[Some(b"a")], &[Some(b"b")]]);
        let first = user_records(&page).list[0].origin();
        let last = user_records(&page).list[1].origin();
        page[last - 2..last].copy_from_slice(&(first as u16).to_be_bytes());
        let records = user_records(&page);
        assert!(!records.complete);
        assert!(records.list.len() <= page.len() / 6);
    }

    #[test]
    fn a_link_out_of_the_page_ends_the_walk() {
        let mut page = redundant_page(1, 0, &[&[Some(b"a")]]);
        let first = user_records(&page).list[0].origin();
        page[first - 2..first].copy_from_slice(&0xFFFFu16.to_be_bytes());
        let records = user_records(&page);
        assert!(!records.complete);
        assert_eq!(records.list.len(), 1);
    }
}
