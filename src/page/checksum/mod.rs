//! Page checksums: which algorithm a page verifies with, and what is wrong where none fits.
//!
//! Everything here judges the bytes as they lie in a file or a doublewrite slot. Nothing is decrypted or
//! decompressed, so the caller keeps away pages whose stored checksum belongs to other bytes: MySQL types 14 to 17
//! and MariaDB types 34354 and 37401 in the classic layout. Pages of MariaDB that are encrypted in the classic
//! layout have a checksum of their own, see [`post_encryption`].
//!
//! Classic layout, `ps` bytes a page (`buf0checksum.cc` MariaDB 10.3, `checksum.cc` MySQL 9.7):
//!
//! | algorithm | at 0 | at `ps-8` |
//! |---|---|---|
//! | crc32 | CRC-32C of 4..26 xor CRC-32C of 38..`ps-8` | the same |
//! | crc32-be | the same with every aligned group of 8 bytes reversed | the same |
//! | innodb | fold of 4..26 plus fold of 38..`ps-8` | fold of 0..26, or the high LSN word |
//! | none | 0xDEADBEEF | 0xDEADBEEF |
//!
//! Bytes 26..38 are in no classic sum: the flush LSN, the encryption fields and the space id are written after it.
//!
//! `ROW_FORMAT=COMPRESSED` (`zip.rs`) stores one word at 0 and leaves out the LSN; MariaDB's full_crc32
//! (`full_crc32.rs`) is one CRC-32C of everything, stored behind it.

pub mod bitflip;
pub mod classic;
pub mod crc32;
pub mod encrypted;
pub mod examined;
pub mod fold;
pub mod full_crc32;
pub mod listing;
pub mod run;
pub mod stamp;
#[cfg(test)]
mod tests;
pub mod zip;

use crate::bytes::is_zero;
use crate::format::fil::{
    FIL_PAGE_DATA, FIL_PAGE_DATA_END, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID,
};
use crate::format::fsp::{Layout, PageFormat};

pub use crate::bytes::crc32c;
pub use crate::page::checksum::encrypted::{is_encrypted_for_sure, post_encryption};
pub use crate::page::checksum::examined::{Algorithm, Examined, Fault};
pub use crate::page::checksum::fold::ABREAST;
pub(crate) use crate::page::checksum::fold::fold as fold_binary;
#[cfg(test)]
pub use crate::page::checksum::listing::matching_algorithms;
pub use crate::page::checksum::listing::{Computed, computed};
pub use crate::page::checksum::run::examine_run;
pub use crate::page::checksum::stamp::stamp;

/// `BUF_NO_CHECKSUM_MAGIC`: what servers store with `innodb_checksum_algorithm=none` (`buf0checksum.h`).
pub const NO_CHECKSUM_MAGIC: u32 = 0xDEAD_BEEF;

/// Judges one page by its bytes alone, as they lie in the file.
///
/// Accepts what any server accepts, graded: see [`Examined`]. A page of another length than `format.physical` is
/// [`Fault::Length`].
pub fn examine(page: &[u8], format: &PageFormat) -> Examined {
    if let Some(fault) = wrong_length(page, format) {
        return Examined::Corrupt { detail: fault };
    }
    match format.layout {
        Layout::Classic => classic::examine(page),
        Layout::Zip => zip::examine(page),
        Layout::FullCrc32 => full_crc32::examine(page),
    }
}

fn wrong_length(page: &[u8], format: &PageFormat) -> Option<Fault> {
    let expected = format.physical.bytes();
    (page.len() != expected).then_some(Fault::Length { expected, found: page.len() })
}

/// Bytes 4..26 and 38..`ps-8`: what the classic sums cover. Empty where the page is too short.
fn classic_ranges(page: &[u8]) -> (&[u8], &[u8]) {
    let end = page.len().saturating_sub(FIL_PAGE_DATA_END);
    (
        page.get(FIL_PAGE_OFFSET..FIL_PAGE_FILE_FLUSH_LSN).unwrap_or_default(),
        page.get(FIL_PAGE_DATA..end).unwrap_or_default(),
    )
}

/// The emptiness test of MySQL 5.7+ and MariaDB 10.5+: bytes 26..34 may hold a flush LSN.
fn is_zero_but_flush_lsn(page: &[u8]) -> bool {
    let (head, tail) = (page.get(..FIL_PAGE_FILE_FLUSH_LSN), page.get(FIL_PAGE_SPACE_ID..));
    head.is_some_and(is_zero) && tail.is_some_and(is_zero)
}
