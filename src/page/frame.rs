//! What a page's frame says of what lies over it: compressed, encrypted, and how much of it counts.
//!
//! | layout | compressed | encrypted |
//! |---|---|---|
//! | classic, MySQL | type 14, 16 | type 15, 16, 17 |
//! | classic, MariaDB | type 34354, 37401 | key version at 26 (type 37401: compressed, too) |
//! | full_crc32 | bit 15 of the type, the rest of it the size in units of 256 bytes | key version at 0 |
//!
//! Sources: `fil0fil.h`, `fil0pagecompress.cc`, `fil0crypt.cc` (MariaDB 10.11), `fil0types.h`, `os0enc.cc` (MySQL 9.7).

use crate::bytes::{u16_at, u32_at};
use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_SPACE_OR_CHKSUM, FIL_PAGE_TYPE, page_type};
use crate::format::fsp::{Layout, PageFormat};

/// Unit in which full_crc32 counts compressed sizes, in bytes.
pub const COMPRESSED_UNIT: usize = 256;

/// Types under which MySQL stores ciphertext, the checksum inside it.
pub fn is_mysql_ciphertext(kind: u16) -> bool {
    matches!(kind, page_type::ENCRYPTED | page_type::COMPRESSED_AND_ENCRYPTED | page_type::ENCRYPTED_RTREE)
}

/// Types of the classic layouts whose body is compressed or encrypted as a whole: the trailer is no trailer, and zeroes
/// behind the stream are its padding.
pub fn is_transformed(kind: u16) -> bool {
    let compressed = [
        page_type::COMPRESSED,
        page_type::MARIADB_PAGE_COMPRESSED,
        page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED,
    ];
    is_mysql_ciphertext(kind) || compressed.contains(&kind)
}

/// Bytes that a compressed full_crc32 page takes with its checksum; `None` where the type does not say compressed.
pub fn full_crc32_size(kind: u16) -> Option<usize> {
    let units = kind & !page_type::FULL_CRC32_COMPRESSED;
    (units != kind).then_some(usize::from(units) * COMPRESSED_UNIT)
}

/// Whether a full_crc32 page is compressed or encrypted, so that bytes 34 to 38, its space id, are something else.
pub fn is_full_crc32_opaque(page: &[u8]) -> bool {
    is_full_crc32_encrypted(page) || u16_at(page, FIL_PAGE_TYPE).and_then(full_crc32_size).is_some()
}

/// Whether a full_crc32 page carries a key version.
pub fn is_full_crc32_encrypted(page: &[u8]) -> bool {
    u32_at(page, FIL_PAGE_SPACE_OR_CHKSUM) != Some(0)
}

/// Whether the space id of a page of this format cannot be read from its bytes as they lie there.
pub fn hides_space_id(page: &[u8], format: &PageFormat) -> bool {
    format.layout == Layout::FullCrc32 && is_full_crc32_opaque(page)
}

/// Whether compression or encryption lies over the body of the page, as far as the page itself says.
pub fn is_opaque(page: &[u8], format: &PageFormat) -> bool {
    match format.layout {
        Layout::FullCrc32 => is_full_crc32_opaque(page),
        Layout::Classic | Layout::Zip => u16_at(page, FIL_PAGE_TYPE).is_none_or(is_transformed),
    }
}

/// Whether a page of MariaDB's classic layouts may carry the checksum of its ciphertext at 30: a key version stands
/// at 26. 10.x never encrypts tablespace headers and descriptors, whose bytes 26..34 mean something else.
pub fn may_carry_post_encryption_sum(page: &[u8]) -> bool {
    let never = [page_type::FSP_HDR, page_type::XDES];
    u32_at(page, FIL_PAGE_FILE_FLUSH_LSN).is_some_and(|key_version| key_version != 0)
        && u16_at(page, FIL_PAGE_TYPE).is_some_and(|kind| !never.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every type there can be, under each layout.
    #[test]
    fn every_type_has_one_answer() {
        let opaque: Vec<u16> = (0..=u16::MAX).filter(|&kind| is_transformed(kind)).collect();
        assert_eq!(opaque, [14, 15, 16, 17, 34354, 37401]);
        for kind in 0..=u16::MAX {
            assert_eq!(full_crc32_size(kind), (kind >= 0x8000).then(|| usize::from(kind - 0x8000) * 256));
        }
    }

    #[test]
    fn a_key_version_hides_the_space_id_of_full_crc32_only() {
        let mut page = vec![0; 64];
        let format = |layout| PageFormat { layout, ..PageFormat::classic(crate::units::PageSize::DEFAULT) };
        assert!(!hides_space_id(&page, &format(Layout::FullCrc32)));
        page[3] = 1;
        assert!(hides_space_id(&page, &format(Layout::FullCrc32)));
        assert!(!hides_space_id(&page, &format(Layout::Classic)));
        page[29] = 1;
        assert!(may_carry_post_encryption_sum(&page));
        page[25] = 8;
        assert!(!may_carry_post_encryption_sum(&page), "FSP_HDR");
    }
}
