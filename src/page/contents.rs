//! Whether two images of one page hold the same contents, whatever was stamped on them when they were written.
//!
//! A server stamps a new LSN on a page that it only latched, and recovery does not (seen with MySQL 5.6 and 9.7): two
//! versions then differ in these bytes and in nothing else.
//!
//! | layout | bytes that say nothing |
//! |---|---|
//! | classic | 0..4 checksum, 16..24 `FIL_PAGE_LSN`, the last 8 (checksum and low LSN word) |
//! | full_crc32 | 16..24 `FIL_PAGE_LSN`, the last 8 (low LSN word and checksum) |
//! | `KEY_BLOCK_SIZE` | 0..4 checksum, 16..24 `FIL_PAGE_LSN` |
//! | first page of a file of the system tablespace | 26..34 `FIL_PAGE_FILE_FLUSH_LSN` as well |

use crate::format::fil::{
    FIL_PAGE_DATA_END, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID,
    FIL_PAGE_TYPE,
};
use crate::format::fsp::Layout;

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Nothing differs but what is stamped.
    Equal,
    /// The contents differ.
    Differ,
    /// One of them is encrypted and there is no key, or it does not decompress.
    Unknown,
}

/// Whether two pages as in memory, decrypted and decompressed, differ in nothing but what is stamped on them. `flush_lsn`:
/// the page is one that carries the flush LSN.
pub fn same_contents(one: &[u8], other: &[u8], layout: Layout, flush_lsn: bool) -> bool {
    let says_nothing = |at: usize| {
        let checksum = at < FIL_PAGE_OFFSET && layout != Layout::FullCrc32;
        let lsn = (FIL_PAGE_LSN..FIL_PAGE_TYPE).contains(&at);
        let trailer = layout != Layout::Zip && at >= one.len().saturating_sub(FIL_PAGE_DATA_END);
        let flush = flush_lsn && (FIL_PAGE_FILE_FLUSH_LSN..FIL_PAGE_SPACE_ID).contains(&at);
        checksum || lsn || trailer || flush
    };
    let mut bytes = one.iter().zip(other).enumerate();
    one.len() == other.len() && bytes.all(|(at, (a, b))| a == b || says_nothing(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte of a page in every layout: which of them count.
    #[test]
    fn exactly_the_stamped_bytes_do_not_count() {
        let size = 1024;
        let page: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        for layout in [Layout::Classic, Layout::FullCrc32, Layout::Zip] {
            for flush_lsn in [false, true] {
                let silent: Vec<usize> = (0..size)
                    .filter(|&at| {
                        let mut other = page.clone();
                        other[at] ^= 1;
                        same_contents(&page, &other, layout, flush_lsn)
                    })
                    .collect();
                let mut expected: Vec<usize> = (16..24).collect();
                if layout != Layout::FullCrc32 {
                    expected.extend(0..4);
                }
                if layout != Layout::Zip {
                    expected.extend(size - 8..size);
                }
                if flush_lsn {
                    expected.extend(26..34);
                }
                expected.sort_unstable();
                assert_eq!(silent, expected, "{layout:?} {flush_lsn}");
            }
        }
        assert!(!same_contents(&page, &page[..size - 1], Layout::Classic, false));
    }
}
