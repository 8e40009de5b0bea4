//! MariaDB's full_crc32 layout (10.4.3+): one CRC-32C of everything before it, at the end of what was written.
//!
//! | offset | size | meaning |
//! |---:|---:|---|
//! | 0 | 4 | key version, 0 for a clear page |
//! | 24 | 2 | page type; with bit 15 set, the low bits count 256-byte units of a compressed page |
//! | `size-8` | 4 | low 32 bits of the LSN, in clear uncompressed pages |
//! | `size-4` | 4 | CRC-32C of 0..`size-4` |
//!
//! Encrypted and compressed images are covered as stored: no key is needed. (`buf_page_is_corrupted`,
//! `buf_page_full_crc32_size`, MariaDB 10.5 to 11.8.)

use crate::bytes::crc32c;
use crate::bytes::{is_zero, u16_at, u32_at, u32_from_end};
use crate::format::fil::{FIL_PAGE_LSN, FIL_PAGE_TYPE};
use crate::page::checksum::{Algorithm, Examined, Fault};
use crate::page::frame;

const CRC_FROM_END: usize = 4;
const LSN_FROM_END: usize = 8;

/// The bytes that were written: all, or those of the compressed image.
pub(super) struct Written {
    pub size: usize,
    pub compressed: bool,
}

/// How much of the page counts. A compressed size of 0, or one that is not below the page size, is a fault.
pub(super) fn written(page: &[u8]) -> Result<Written, Fault> {
    let kind = u16_at(page, FIL_PAGE_TYPE).unwrap_or_default();
    let Some(size) = frame::full_crc32_size(kind) else {
        return Ok(Written { size: page.len(), compressed: false });
    };
    if size == 0 || size >= page.len() {
        return Err(Fault::CompressedSize { bytes: size });
    }
    Ok(Written { size, compressed: true })
}

/// Where the low LSN word is repeated: nowhere in compressed or encrypted pages.
pub(super) fn lsn_word_at(page: &[u8], written: &Written) -> Option<usize> {
    let clear = !written.compressed && !frame::is_full_crc32_encrypted(page);
    if clear { written.size.checked_sub(LSN_FROM_END) } else { None }
}

/// Where the CRC is stored, and what it should be.
pub(super) fn crc32(page: &[u8], written: &Written) -> Option<(usize, u32)> {
    let at = written.size.checked_sub(CRC_FROM_END)?;
    Some((at, crc32c(page.get(..at)?)))
}

pub(super) fn examine(page: &[u8]) -> Examined {
    judge(page).unwrap_or_else(|detail| Examined::Corrupt { detail })
}

fn judge(page: &[u8]) -> Result<Examined, Fault> {
    let written = written(page)?;
    if !written.compressed && u32_from_end(page, CRC_FROM_END) == Some(0) && is_zero(page) {
        return Ok(Examined::Zero);
    }
    let (at, computed) = crc32(page, &written).unwrap_or_default();
    let stored = u32_at(page, at).unwrap_or_default();
    if stored != computed {
        return Err(Fault::FullCrc32 { stored, computed });
    }
    if let Some(at) = lsn_word_at(page, &written) {
        let (head, tail) = (u32_at(page, FIL_PAGE_LSN + 4), u32_at(page, at));
        if head != tail {
            let word = Option::unwrap_or_default;
            return Err(Fault::LsnWords { head: word(head), tail: word(tail) });
        }
    }
    Ok(Examined::verified(Algorithm::FullCrc32))
}
