//! The checksum that MariaDB takes of an encrypted page in the classic and compressed layouts.
//!
//! | offset | size | meaning |
//! |---:|---:|---|
//! | 26 | 4 | key version, 0 for a clear page (`FIL_PAGE_FILE_FLUSH_LSN_OR_KEY_VERSION`) |
//! | 30 | 4 | checksum of the page as encrypted, formula of the layout |
//!
//! Both lie outside the formula's ranges, so they can be written after it.
//!
//! A page of type 37401 is written only up to its payload, rounded up to sectors, while its checksum takes all that
//! lies behind the payload for zeros: an older, longer version of the page may still lie there (seen with 11.8.6).

use crate::bytes::{u16_at, u32_at};
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_TYPE, page_type};
use crate::format::fsp::{Layout, PageFormat};
use crate::page::checksum::{Algorithm, Examined, Fault, NO_CHECKSUM_MAGIC, crc32, fold, wrong_length, zip};
use crate::page::transform::mariadb::ENCRYPTED_HEADER;

/// Key version.
pub(super) const KEY_VERSION: usize = FIL_PAGE_FILE_FLUSH_LSN;
/// Checksum after encryption.
pub(super) const POST_ENCRYPTION_CHECKSUM: usize = KEY_VERSION + 4;

/// crc32 of the image by the formula of its layout.
pub(super) fn crc32_of(page: &[u8], layout: Layout) -> u32 {
    if layout == Layout::Zip { zip::crc32(page) } else { crc32::classic(page) }
}

/// Judges an encrypted page of MariaDB by the checksum at 30 (`fil_space_verify_crypt_checksum`, MariaDB 10.5 and
/// 11.8). `None` where the key version at 26 is 0, or the layout is full_crc32, which has no such field.
///
/// Ask only of tablespaces whose page 0 has crypt metadata: bytes 26..34 also hold flush LSNs, split sequence
/// numbers and compression algorithms. Besides crc32, 10.1.0 to 10.1.24 could store the innodb sum
/// ([`Algorithm::Innodb`]) or 0xDEADBEEF ([`Algorithm::None`], weak).
pub fn post_encryption(page: &[u8], format: &PageFormat) -> Option<Examined> {
    if format.layout == Layout::FullCrc32 || u32_at(page, KEY_VERSION)? == 0 {
        return None;
    }
    if let Some(detail) = wrong_length(page, format) {
        return Some(Examined::Corrupt { detail });
    }
    let stored = u32_at(page, POST_ENCRYPTION_CHECKSUM)?;
    let crc32 = crc32_of(page, format.layout);
    if stored == crc32 {
        return Some(Examined::verified(Algorithm::PostEncryptionCrc32));
    }
    if stored == NO_CHECKSUM_MAGIC {
        return Some(Examined::weak(Algorithm::None));
    }
    if payload_alone(page, format.layout).is_some_and(|page| crc32::classic(&page) == stored) {
        return Some(Examined::verified(Algorithm::PostEncryptionCrc32));
    }
    let innodb = if format.layout == Layout::Zip { zip::innodb(page) } else { fold::classic(page).new };
    if stored == innodb {
        return Some(Examined::verified(Algorithm::Innodb));
    }
    Some(Examined::Corrupt { detail: Fault::PostEncryption { stored, crc32, innodb } })
}

/// Whether a page has a key version and behind it the crc32 of its bytes, which no page that is not encrypted has: 32 bits
/// that would have to be right by chance.
pub fn is_encrypted_for_sure(page: &[u8], format: &PageFormat) -> bool {
    format.layout != Layout::FullCrc32
        && page.len() == format.physical.bytes()
        && u32_at(page, KEY_VERSION).is_some_and(|version| version != 0)
        && u32_at(page, POST_ENCRYPTION_CHECKSUM) == Some(crc32_of(page, format.layout))
}

/// A page of type 37401 with zeros behind its payload, where something else lies there.
fn payload_alone(page: &[u8], layout: Layout) -> Option<Vec<u8>> {
    let compressed = u16_at(page, FIL_PAGE_TYPE) == Some(page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED);
    if layout != Layout::Classic || !compressed {
        return None;
    }
    let payload = usize::from(u16_at(page, FIL_PAGE_DATA)?);
    let mut alone = page.get(..ENCRYPTED_HEADER + payload)?.to_vec();
    alone.resize(page.len(), 0);
    Some(alone)
}
