//! `ROW_FORMAT=COMPRESSED` pages: one checksum at 0, no trailer, so tears show in the checksum alone.
//!
//! Covered are 4..16, 24..26 and 34 to the end. The LSN (16..24) and bytes 26..34 are not.
//! (`page_zip_calc_checksum` in MySQL 5.7 and MariaDB 10.3 to 11.8; `BlockReporter::calc_zip_checksum` in 9.7.)

use crate::bytes::crc32c;
use crate::bytes::{is_zero, u32_at, u64_at};
use crate::format::fil::{
    FIL_PAGE_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID, FIL_PAGE_SPACE_OR_CHKSUM, FIL_PAGE_TYPE,
};
use crate::page::checksum::crc32::legacy_be;
use crate::page::checksum::{Algorithm, Examined, Fault, NO_CHECKSUM_MAGIC, is_zero_but_flush_lsn};

const ADLER_MODULUS: u64 = 65521;

/// The covered ranges with the offset of each; empty where the page is too short.
fn ranges(page: &[u8]) -> [(usize, &[u8]); 3] {
    let part = |from: usize, to: usize| (from, page.get(from..to).unwrap_or_default());
    [
        part(FIL_PAGE_OFFSET, FIL_PAGE_LSN),
        part(FIL_PAGE_TYPE, FIL_PAGE_TYPE + 2),
        part(FIL_PAGE_SPACE_ID, page.len()),
    ]
}

/// Three finished CRCs, xored.
pub(super) fn crc32(page: &[u8]) -> u32 {
    ranges(page).iter().fold(0, |sum, (_, bytes)| sum ^ crc32c(bytes))
}

/// The same over the big-endian variant.
pub(super) fn crc32_legacy_be(page: &[u8]) -> u32 {
    ranges(page).iter().fold(0, |sum, &(at, bytes)| sum ^ legacy_be(bytes, at))
}

/// Adler-32 over the three ranges as one stream, started at 0 instead of zlib's 1.
pub(super) fn innodb(page: &[u8]) -> u32 {
    ranges(page).iter().fold(Adler::default(), |sum, (_, bytes)| sum.update(bytes)).finish()
}

pub(super) fn examine(page: &[u8]) -> Examined {
    let stored = u32_at(page, FIL_PAGE_SPACE_OR_CHKSUM).unwrap_or_default();
    if stored == 0 && u64_at(page, FIL_PAGE_LSN) == Some(0) && is_zero_but_flush_lsn(page) {
        return Examined::Zero;
    }
    let crc32 = crc32(page);
    if stored == crc32 {
        return Examined::verified(Algorithm::Crc32);
    }
    if stored == NO_CHECKSUM_MAGIC {
        return Examined::weak(Algorithm::None);
    }
    let innodb = innodb(page);
    if stored == innodb {
        // Any run of zeroes sums to 0, so an LSN over nothing verifies; servers take it, we say how little that is.
        let nothing = ranges(page).iter().all(|(_, bytes)| is_zero(bytes));
        return Examined::Valid { algorithm: Algorithm::Innodb, weak: nothing };
    }
    if stored == crc32_legacy_be(page) {
        return Examined::verified(Algorithm::LegacyBigEndianCrc32);
    }
    Examined::Corrupt { detail: Fault::Zip { stored, crc32, innodb } }
}

/// Both halves of an Adler-32, each below the modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Adler {
    sum: u32,
    sum_of_sums: u32,
}

/// Bytes of a row: each has its own lane, so that the compiler can keep them in vectors.
const LANES: usize = 16;
/// Rows between reductions: a lane's sum of sums reaches 255 * 4096 * 4097 / 2, below 2^32.
const ROWS: usize = 4096;

impl Adler {
    fn update(self, bytes: &[u8]) -> Adler {
        let (rows, rest) = bytes.as_chunks::<LANES>();
        rows.chunks(ROWS).fold(self, Adler::rows).singles(rest)
    }

    /// Byte `j` of row `r` of `R` counts `16 * (R - r) - j` times in the sum of sums.
    fn rows(self, rows: &[[u8; LANES]]) -> Adler {
        let (mut sums, mut sums_of_sums) = ([0_u32; LANES], [0_u32; LANES]);
        for row in rows {
            for ((sum, sum_of_sums), byte) in sums.iter_mut().zip(&mut sums_of_sums).zip(row) {
                *sum = sum.wrapping_add(u32::from(*byte));
                *sum_of_sums = sum_of_sums.wrapping_add(*sum);
            }
        }
        let total = |lanes: &[u32; LANES]| lanes.iter().map(|&lane| u64::from(lane)).sum::<u64>();
        let ahead: u64 = (0..).zip(&sums).map(|(j, &sum)| j * u64::from(sum)).sum();
        let before = (rows.len() * LANES) as u64 * u64::from(self.sum);
        Adler {
            sum: reduce(u64::from(self.sum) + total(&sums)),
            sum_of_sums: reduce(
                u64::from(self.sum_of_sums) + before + LANES as u64 * total(&sums_of_sums) - ahead,
            ),
        }
    }

    fn singles(self, bytes: &[u8]) -> Adler {
        bytes.iter().fold(self, |adler, &byte| {
            let sum = reduce(u64::from(adler.sum) + u64::from(byte));
            Adler { sum, sum_of_sums: reduce(u64::from(adler.sum_of_sums) + u64::from(sum)) }
        })
    }

    fn finish(self) -> u32 {
        (self.sum_of_sums << 16) | self.sum
    }
}

fn reduce(sum: u64) -> u32 {
    (sum % ADLER_MODULUS) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_do_not_overflow_on_the_heaviest_page() {
        let bytes = vec![0xFF; LANES * ROWS * 2 + 7];
        assert_eq!(Adler::default().update(&bytes), Adler::default().singles(&bytes));
    }

    proptest! {
        #[test]
        fn rows_equal_singles(
            bytes in proptest::collection::vec(any::<u8>(), 0..3000), split in 0..3000_usize,
        ) {
            let slow = Adler::default().singles(&bytes);
            prop_assert_eq!(Adler::default().update(&bytes), slow);
            let (head, tail) = bytes.split_at(split.min(bytes.len()));
            prop_assert_eq!(Adler::default().update(head).update(tail), slow);
        }
    }
}
