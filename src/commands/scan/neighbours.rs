//! Which pages the neighbours on their B-tree level point to: one bit a page, set while a file is scanned.
//!
//! After a crash an all-zero page may be one whose first write had not happened yet. But where a page that was safely
//! home before the checkpoint names it as its neighbour, it must have been home as well.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Pages of one file that are remembered at most: 16 MiB of bits, 2 TiB of 16 KiB pages.
const MAX_PAGES: u64 = 1 << 27;

/// One bit for each page of a file.
#[derive(Debug)]
pub struct Links {
    first_page: u64,
    bits: Vec<AtomicU64>,
}

impl Links {
    /// No links yet, for a file of so many pages; those beyond the limit are not remembered.
    pub fn new(first_page: u64, pages: u64) -> Links {
        let words = pages.min(MAX_PAGES).div_ceil(64);
        Links { first_page, bits: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Somebody points to this page.
    pub fn set(&self, page_no: u32) {
        if let Some((word, bit)) = self.word(page_no) {
            word.fetch_or(bit, Relaxed);
        }
    }

    /// Whether anybody points to this page.
    pub fn contains(&self, page_no: u32) -> bool {
        self.word(page_no).is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
    }

    fn word(&self, page_no: u32) -> Option<(&AtomicU64, u64)> {
        let at = u64::from(page_no).checked_sub(self.first_page)?;
        Some((self.bits.get(usize::try_from(at / 64).ok()?)?, 1 << (at % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_second_file_are_counted_from_its_first() {
        let links = Links::new(768, 100);
        for page in [768, 831, 832, 867] {
            assert!(!links.contains(page));
            links.set(page);
            assert!(links.contains(page));
        }
        links.set(0);
        links.set(u32::MAX);
        assert!(!links.contains(0) && !links.contains(u32::MAX) && !links.contains(769));
    }
}
