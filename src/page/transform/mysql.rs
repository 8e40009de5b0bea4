//! MySQL's transparent page compression, page type 14. Bytes 0 to 23 and 34 to 37 are the original header, with the
//! original checksum; nothing on disk covers the compressed image.
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 24 | 2 | `FIL_PAGE_TYPE` | 14 |
//! | 26 | 1 | `FIL_PAGE_VERSION` | 1 or 2 |
//! | 27 | 1 | `FIL_PAGE_ALGORITHM_V1` | 1 zlib, 2 lz4 |
//! | 28 | 2 | `FIL_PAGE_ORIGINAL_TYPE_V1` | page type before compression |
//! | 30 | 2 | `FIL_PAGE_ORIGINAL_SIZE_V1` | bytes after 38 before compression |
//! | 32 | 2 | `FIL_PAGE_COMPRESS_SIZE_V1` | bytes after 38 now |
//! | 38 | | | bytes 38 to the end, trailer included, compressed |
//!
//! Sources: `fil0types.h`, `os_file_compress_page` (MySQL 9.7).

use crate::bytes::{slice_at, u8_at, u16_at};
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_SPACE_ID, FIL_PAGE_TYPE, page_type};
use crate::format::fsp::Codec;
use crate::units::PageSize;

use crate::page::transform::{Decompressed, TransformFault, codec};

/// Version of the control bytes.
pub const FIL_PAGE_VERSION: usize = 26;
/// Compressor.
pub const FIL_PAGE_ALGORITHM_V1: usize = 27;
/// Page type before compression or encryption.
pub const FIL_PAGE_ORIGINAL_TYPE_V1: usize = 28;
/// Bytes behind the header before compression.
pub const FIL_PAGE_ORIGINAL_SIZE_V1: usize = 30;
/// Bytes behind the header after compression.
pub const FIL_PAGE_COMPRESS_SIZE_V1: usize = 32;

const _: () = assert!(FIL_PAGE_COMPRESS_SIZE_V1 + 2 == FIL_PAGE_SPACE_ID);

/// Expands a page of type 14: the page as it was in the buffer pool, checksum and trailer included.
pub fn transparent(page: &[u8], logical: PageSize) -> Decompressed {
    match u16_at(page, FIL_PAGE_TYPE) {
        Some(page_type::COMPRESSED) => {}
        Some(page_type::COMPRESSED_AND_ENCRYPTED) => return Decompressed::Encrypted,
        _ => return Decompressed::NotCompressed,
    }
    match body(page, logical) {
        Ok(body) => restore_header(page, &body),
        Err(why) => Decompressed::Damaged(why),
    }
}

fn body(page: &[u8], logical: PageSize) -> Result<Vec<u8>, TransformFault> {
    let byte = |at| u8_at(page, at).unwrap_or(0);
    let half = |at| u16_at(page, at).map_or(0, usize::from);
    let version = byte(FIL_PAGE_VERSION);
    if !(1..=2).contains(&version) {
        return Err(TransformFault::ControlVersion(version));
    }
    let codec = match byte(FIL_PAGE_ALGORITHM_V1) {
        1 => Codec::Zlib,
        2 => Codec::Lz4,
        other => return Err(TransformFault::NoSuchMySqlAlgorithm(other)),
    };
    let whole = logical.bytes().saturating_sub(FIL_PAGE_DATA);
    let stated = half(FIL_PAGE_ORIGINAL_SIZE_V1);
    if stated != whole {
        return Err(TransformFault::OriginalSize(stated, whole, logical));
    }
    let len = half(FIL_PAGE_COMPRESS_SIZE_V1);
    let payload = slice_at(page, FIL_PAGE_DATA, len)
        .filter(|p| !p.is_empty() && p.len() < whole)
        .ok_or(TransformFault::CompressedSize(len, logical))?;
    codec::expand(codec, payload, whole)
}

/// The header with the original type; the control bytes were zero before, and no checksum covers them.
fn restore_header(page: &[u8], body: &[u8]) -> Decompressed {
    let parts = (
        page.get(..FIL_PAGE_TYPE),
        slice_at(page, FIL_PAGE_ORIGINAL_TYPE_V1, 2),
        slice_at(page, FIL_PAGE_SPACE_ID, 4),
    );
    let (Some(front), Some(original_type), Some(space)) = parts else {
        return Decompressed::Damaged(TransformFault::CutInHeader);
    };
    Decompressed::Page([front, original_type, &[0; 8], space, body].concat())
}
