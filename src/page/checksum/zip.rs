//! `ROW_FORMAT=COMPRESSED` pages: one checksum at 0, no trailer, so tears show in the checksum alone.
//!
//! Covered are 4..16, 24..26 and 34 to the end. The LSN (16..24) and bytes 26..34 are not.
//! (`page_zip_calc_checksum` in MySQL 5.7 and MariaDB 10.3 to 11.8; `BlockReporter::calc_zip_checksum` in 9.7.)

use simd_adler32::Adler32;

use crate::bytes::crc32c;
use crate::bytes::{is_zero, u32_at, u64_at};
use crate::format::fil::{
    FIL_PAGE_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID, FIL_PAGE_SPACE_OR_CHKSUM, FIL_PAGE_TYPE,
};
use crate::page::checksum::crc32::legacy_be;
use crate::page::checksum::{Algorithm, Examined, Fault, NO_CHECKSUM_MAGIC, is_zero_but_flush_lsn};

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
    let mut sum = Adler32::from_checksum(0);
    for (_, bytes) in ranges(page) {
        sum.write(bytes);
    }
    sum.finish()
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
