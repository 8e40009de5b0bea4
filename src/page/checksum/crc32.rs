//! CRC-32C and the crc32 formula of the classic layout, with its big-endian variant.

use crate::bytes::crc32c;
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_OFFSET};
use crate::page::checksum::classic_ranges;

/// crc32 of a classic page: two finished CRCs, one xor the other (`buf_calc_page_crc32`, every version).
pub(super) fn classic(page: &[u8]) -> u32 {
    let (header, body) = classic_ranges(page);
    crc32c(header) ^ crc32c(body)
}

/// The classic formula over [`legacy_be`].
pub(super) fn classic_legacy_be(page: &[u8]) -> u32 {
    let (header, body) = classic_ranges(page);
    legacy_be(header, FIL_PAGE_OFFSET) ^ legacy_be(body, FIL_PAGE_DATA)
}

/// CRC-32C as big-endian machines computed it by software (MySQL 5.6, MariaDB 10.0 and 10.1; still accepted by
/// `checksum.cc` of MySQL 9.7): each group of 8 bytes at an aligned address was fed in reverse.
///
/// `at` is the offset of the bytes in the page; page buffers are aligned, so it decides where groups begin.
pub(super) fn legacy_be(bytes: &[u8], at: usize) -> u32 {
    let (singles, rest) = bytes.split_at(at.wrapping_neg().rem_euclid(8).min(bytes.len()));
    let mut fed = Vec::with_capacity(bytes.len());
    fed.extend_from_slice(singles);
    let (groups, last) = rest.as_chunks::<8>();
    for group in groups {
        fed.extend_from_slice(&u64::from_le_bytes(*group).to_be_bytes());
    }
    fed.extend_from_slice(last);
    crc32c(&fed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_words_of_both_polynomials() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926, "IEEE: our own records, never a page");
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(&[]), 0);
    }

    #[test]
    fn big_endian_groups_begin_at_multiples_of_eight() {
        assert_eq!(legacy_be(b"123456789", 0), 0xCEE6_525A);
        assert_eq!(legacy_be(b"123456789", 8), 0xCEE6_525A);
        // From offset 4 on: four singles, no whole group in nine bytes.
        assert_eq!(legacy_be(b"123456789", 4), crc32c(b"123456789"));
        assert_eq!(legacy_be(b"123456789", 7), crc32c(b"198765432"));
        assert_eq!(legacy_be(b"12", 7), crc32c(b"12"));
    }

    /// Bit by bit, from the polynomial.
    fn slow_crc32c(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |c, _| (c >> 1) ^ (0x82F6_3B78 & (c & 1).wrapping_neg()))
        })
    }

    proptest::proptest! {
        #[test]
        fn fast_crc_equals_the_slow_one(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..3000)) {
            proptest::prop_assert_eq!(crc32c(&bytes), slow_crc32c(&bytes));
        }
    }
}
