//! Writing checksums: for pages that were built or redacted.

use crate::bytes::{put_u32, u32_at};
use crate::format::fil::{FIL_PAGE_DATA_END, FIL_PAGE_LSN, FIL_PAGE_SPACE_OR_CHKSUM};
use crate::format::fsp::{Layout, PageFormat};
use crate::page::checksum::encrypted::{POST_ENCRYPTION_CHECKSUM, crc32_of};
use crate::page::checksum::{Algorithm, NO_CHECKSUM_MAGIC, crc32, fold, full_crc32, wrong_length, zip};

/// Stores the checksums of `algorithm` and repeats the low LSN word where the layout has one, as a server does just
/// before it writes the page.
///
/// [`Algorithm::PostEncryptionCrc32`] stores the word at 30 alone. `None`, with the page untouched, where the slice
/// is not one page, the layout does not know the algorithm, or a full_crc32 page states an impossible size.
#[must_use = "None means that nothing was stamped"]
pub fn stamp(page: &mut [u8], format: &PageFormat, algorithm: Algorithm) -> Option<()> {
    if wrong_length(page, format).is_some() {
        return None;
    }
    match (format.layout, algorithm) {
        (Layout::FullCrc32, Algorithm::FullCrc32) => stamp_full_crc32(page),
        (Layout::FullCrc32, _) | (_, Algorithm::FullCrc32) => None,
        (layout, Algorithm::PostEncryptionCrc32) => {
            put_u32(page, POST_ENCRYPTION_CHECKSUM, crc32_of(page, layout))
        }
        (Layout::Classic, algorithm) => stamp_classic(page, algorithm),
        (Layout::Zip, algorithm) => put_u32(page, FIL_PAGE_SPACE_OR_CHKSUM, zip_word(page, algorithm)?),
    }
}

fn stamp_classic(page: &mut [u8], algorithm: Algorithm) -> Option<()> {
    let tail = page.len().checked_sub(FIL_PAGE_DATA_END)?;
    put_u32(page, tail + 4, u32_at(page, FIL_PAGE_LSN + 4)?)?;
    let head = match algorithm {
        Algorithm::Crc32 => crc32::classic(page),
        Algorithm::LegacyBigEndianCrc32 => crc32::classic_legacy_be(page),
        Algorithm::Innodb => fold::classic(page).new,
        Algorithm::None => NO_CHECKSUM_MAGIC,
        Algorithm::FullCrc32 | Algorithm::PostEncryptionCrc32 => return None,
    };
    put_u32(page, FIL_PAGE_SPACE_OR_CHKSUM, head)?;
    // The old sum covers the word at 0, so that one had to be stored first.
    let behind = if algorithm == Algorithm::Innodb { fold::old(page) } else { head };
    put_u32(page, tail, behind)
}

fn zip_word(page: &[u8], algorithm: Algorithm) -> Option<u32> {
    match algorithm {
        Algorithm::Crc32 => Some(zip::crc32(page)),
        Algorithm::LegacyBigEndianCrc32 => Some(zip::crc32_legacy_be(page)),
        Algorithm::Innodb => Some(zip::innodb(page)),
        Algorithm::None => Some(NO_CHECKSUM_MAGIC),
        Algorithm::FullCrc32 | Algorithm::PostEncryptionCrc32 => None,
    }
}

fn stamp_full_crc32(page: &mut [u8]) -> Option<()> {
    let written = full_crc32::written(page).ok()?;
    if let Some(at) = full_crc32::lsn_word_at(page, &written) {
        put_u32(page, at, u32_at(page, FIL_PAGE_LSN + 4)?)?;
    }
    let (at, crc) = full_crc32::crc32(page, &written)?;
    put_u32(page, at, crc)
}
