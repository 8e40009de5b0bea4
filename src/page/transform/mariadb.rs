//! MariaDB's page_compressed pages, in the classic layout and in full_crc32.
//!
//! Classic layout, page types 34354 and 37401; bytes 4 to 23 and 34 to 37 are those of the page inside:
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 4 | `FIL_PAGE_SPACE_OR_CHKSUM` | always 0xDEADBEEF |
//! | 24 | 2 | `FIL_PAGE_TYPE` | 34354, or 37401 where the payload is encrypted |
//! | 26 | 8 | `FIL_PAGE_COMP_ALGO` | 34354: compressor, 1 to 6. 37401: key version 4, checksum 4 |
//! | 38 | 2 | `FIL_PAGE_COMP_SIZE` | payload length |
//! | 40 | 2 | `FIL_PAGE_ENCRYPT_COMP_ALGO` | 37401 only: compressor |
//! | 40 or 42 | | | payload: the whole page with its own header and trailer |
//!
//! full_crc32, bit 15 of the page type set; `size` is 256 times the low 15 bits:
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 4 | `FIL_PAGE_FCRC32_KEY_VERSION` | key version, 0 where not encrypted |
//! | 24 | 2 | `FIL_PAGE_TYPE` | 0x8000 + size/256 |
//! | 26 | | `FIL_PAGE_COMP_ALGO` | payload: the whole page |
//! | size-5 | 1 | | lz4, lzo, snappy: low byte of the length of all that precedes, plus 5 |
//! | size-4 | 4 | `FIL_PAGE_FCRC32_CHECKSUM` | CRC-32C of what precedes |
//!
//! Sources: `fil0pagecompress.cc` (MariaDB 10.3, 10.5, 11.8).

use crate::bytes::{slice_at, u8_at, u16_at, u32_at, u64_at};
use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_LSN, FIL_PAGE_OFFSET, FIL_PAGE_TYPE, page_type};
use crate::format::fsp::Codec;
use crate::page::checksum::NO_CHECKSUM_MAGIC;
use crate::page::frame;
use crate::units::PageSize;

use crate::page::transform::{Decompressed, TransformFault, codec};

/// Compressor of a classic page that is not encrypted, eight bytes.
pub const FIL_PAGE_COMP_ALGO: usize = 26;
/// Payload length of a classic page.
pub const FIL_PAGE_COMP_SIZE: usize = 38;
/// Where the payload of type 34354 begins.
pub const COMPRESSED_HEADER: usize = 40;
/// Compressor of a classic page that was encrypted, two bytes.
pub const FIL_PAGE_ENCRYPT_COMP_ALGO: usize = 40;
/// Where the payload of type 37401 begins.
pub const ENCRYPTED_HEADER: usize = 42;
/// Where the payload of a full_crc32 page begins.
pub const FULL_CRC32_HEADER: usize = 26;
/// Size of the CRC-32C at the end of a full_crc32 page.
pub const FIL_PAGE_FCRC32_CHECKSUM: usize = 4;

const _: () = assert!(FIL_PAGE_COMP_SIZE + 2 == COMPRESSED_HEADER);
const _: () = assert!(FIL_PAGE_ENCRYPT_COMP_ALGO + 2 == ENCRYPTED_HEADER);

/// Expands a page of type 34354, or of type 37401 once it has been decrypted (its key version is then 0).
pub fn classic(page: &[u8], logical: PageSize) -> Decompressed {
    let (header, algorithm) = match u16_at(page, FIL_PAGE_TYPE) {
        Some(page_type::MARIADB_PAGE_COMPRESSED) => (COMPRESSED_HEADER, u64_at(page, FIL_PAGE_COMP_ALGO)),
        Some(page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED) => {
            if u32_at(page, FIL_PAGE_FILE_FLUSH_LSN) != Some(0) {
                return Decompressed::Encrypted;
            }
            (ENCRYPTED_HEADER, u16_at(page, FIL_PAGE_ENCRYPT_COMP_ALGO).map(u64::from))
        }
        _ => return Decompressed::NotCompressed,
    };
    let Some(codec) = algorithm.and_then(|n| u32::try_from(n).ok()).and_then(Codec::from_mariadb) else {
        let number = algorithm.unwrap_or_default();
        return Decompressed::Damaged(TransformFault::NoSuchAlgorithm(number));
    };
    match classic_payload(page, header, logical) {
        Ok(payload) => expand_whole(page, payload, codec, logical),
        Err(why) => Decompressed::Damaged(why),
    }
}

fn classic_payload(page: &[u8], header: usize, logical: PageSize) -> Result<&[u8], TransformFault> {
    if u32_at(page, 0) != Some(NO_CHECKSUM_MAGIC) {
        return Err(TransformFault::NotDeadBeef);
    }
    let len = u16_at(page, FIL_PAGE_COMP_SIZE).map_or(0, usize::from);
    if len == 0 || len > logical.bytes().saturating_sub(header) {
        return Err(TransformFault::PayloadLength(len, logical));
    }
    slice_at(page, header, len).ok_or(TransformFault::CutInPayload(len))
}

/// Expands a full_crc32 page with the compressor that the tablespace flags name.
pub fn full_crc32(page: &[u8], logical: PageSize, codec: Codec) -> Decompressed {
    let Some(size) = u16_at(page, FIL_PAGE_TYPE).and_then(frame::full_crc32_size) else {
        return Decompressed::NotCompressed;
    };
    if u32_at(page, 0) != Some(0) {
        return Decompressed::Encrypted;
    }
    match full_crc32_payload(page, size, logical, codec) {
        Ok(payload) => expand_whole(page, payload, codec, logical),
        Err(why) => Decompressed::Damaged(why),
    }
}

fn full_crc32_payload(
    page: &[u8],
    size: usize,
    logical: PageSize,
    codec: Codec,
) -> Result<&[u8], TransformFault> {
    if size >= logical.bytes() || size > page.len() || size == 0 {
        return Err(TransformFault::CompressedSize(size, logical));
    }
    let end = match codec::needs_exact_length(codec) {
        false => size.checked_sub(FIL_PAGE_FCRC32_CHECKSUM),
        true => exact_end(page, size),
    };
    end.and_then(|end| page.get(FULL_CRC32_HEADER..end)).ok_or(TransformFault::NoRoom(size))
}

/// `size` was rounded up to 256; the byte in front of the checksum is the low byte of the sum before rounding.
fn exact_end(page: &[u8], size: usize) -> Option<usize> {
    let low = usize::from(u8_at(page, size.checked_sub(5)?)?);
    let unrounded = if low == 0 { size } else { size.checked_sub(256)?.checked_add(low)? };
    unrounded.checked_sub(5)
}

fn expand_whole(page: &[u8], payload: &[u8], codec: Codec, logical: PageSize) -> Decompressed {
    let inner = match codec::expand(codec, payload, logical.bytes()) {
        Ok(inner) => inner,
        Err(why) => return Decompressed::Damaged(why),
    };
    // The clear header is a copy of the one inside, and in the classic layout nothing else protects it.
    let same = |at, len| slice_at(page, at, len) == slice_at(&inner, at, len);
    if !same(FIL_PAGE_OFFSET, 4) || !same(FIL_PAGE_LSN, 8) {
        return Decompressed::Damaged(TransformFault::OtherHeader);
    }
    Decompressed::Page(inner)
}
