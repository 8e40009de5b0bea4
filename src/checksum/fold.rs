//! The legacy fold (`ut_fold_binary` in `ut0rnd.ic`, `ut::hash_binary_ib` in MySQL 8 and 9).
//!
//! Arithmetic modulo 2^32 from 0, each byte `x` in order:
//! `h = ((((h ^ x ^ 1653893711) << 8) + h) ^ 1463735687) + x`.

use super::classic_ranges;
use crate::fil::FIL_PAGE_FILE_FLUSH_LSN;

const RANDOM_MASK: u32 = 1_463_735_687;
const RANDOM_MASK2: u32 = 1_653_893_711;

/// Both innodb checksums of a classic page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sums {
    /// For offset 0: fold of 4..26 plus fold of 38..`ps-8` (`buf_calc_page_new_checksum`).
    pub new: u32,
    /// For `ps-8`: fold of 0..26, over whatever is stored at 0 (`buf_calc_page_old_checksum`).
    pub old: u32,
}

/// Both sums of one page.
pub(super) fn classic(page: &[u8]) -> Sums {
    let (header, body) = classic_ranges(page);
    Sums { new: fold(header).wrapping_add(fold(body)), old: old(page) }
}

/// The sum for `ps-8`, to be taken after the word at 0 is stored.
pub(super) fn old(page: &[u8]) -> u32 {
    fold(page.get(..FIL_PAGE_FILE_FLUSH_LSN).unwrap_or_default())
}

fn fold(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |h, &x| step(h, u32::from(x)))
}

#[inline(always)]
fn step(h: u32, x: u32) -> u32 {
    (((h ^ x ^ RANDOM_MASK2) << 8).wrapping_add(h) ^ RANDOM_MASK).wrapping_add(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_known_by_heart() {
        assert_eq!(fold(&[]), 0);
        assert_eq!(fold(&[0]), 0xC354_9A87);
        assert_eq!(fold(b"abc"), 0x7666_C7B9);
        assert_eq!(fold(b"123456789"), 0xBFC5_157C);
    }
}
