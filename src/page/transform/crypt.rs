//! Decryption of single pages.
//!
//! MariaDB, AES-128-CBC or -CTR; which one is the server's setting `file_key_management_encryption_algorithm` (CBC unless
//! told otherwise) and stands nowhere in the data, so both are tried (`fil0crypt.cc`, `encryption.cc`, MariaDB 10.11):
//!
//! | page | ciphertext | key version at | proof of the key |
//! |---|---|---|---|
//! | full_crc32 | 26..size-4 | 0 | space id at 34 and low LSN word at size-8; compressed: it expands |
//! | classic | 38..end-8 | 26 | checksum at 0 |
//! | classic 37401 | 42..42+n, n = u16 at 38 | 26 | it expands |
//!
//! The IV is space id (4), page number (4) and LSN (8) of the page, each little end first.
//!
//! MySQL, AES-256-CBC with key and IV of the tablespace (`Encryption::decrypt`, `os0enc.cc`, MySQL 9.7):
//!
//! | type | ciphertext | type in the clear | proof of the key |
//! |---|---|---|---|
//! | 15 | 38..end | u16 at 28 | checksum at 0, trailer |
//! | 16 | 38..38+n, n = u16 at 32, at least 32 | 14 | it expands |
//! | 17 | 38..end | RTREE | checksum at 0, trailer |
//!
//! Where the length is not a multiple of 16 the last 32 bytes were encrypted once more.

use crate::bytes::{put_u16, slice_at, u8_at, u16_at, u32_at, u32_from_end, u64_at};
use crate::format::fil::{
    FIL_PAGE_DATA, FIL_PAGE_DATA_END, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_LSN, FIL_PAGE_OFFSET,
    FIL_PAGE_SPACE_ID, FIL_PAGE_TYPE, page_type,
};
use crate::format::fsp::{Layout, PageFormat};
use crate::page::checksum::{Examined, examine};
use crate::page::frame;
use crate::page::transform::cipher::{AesMode, BLOCK, cbc256_decrypt, cbc256_encrypt};
use crate::page::transform::mariadb::{
    ENCRYPTED_HEADER, FIL_PAGE_COMP_SIZE, FIL_PAGE_FCRC32_CHECKSUM, FULL_CRC32_HEADER,
};
use crate::page::transform::mysql;
use crate::page::transform::mysql::{FIL_PAGE_COMPRESS_SIZE_V1, FIL_PAGE_ORIGINAL_TYPE_V1, FIL_PAGE_VERSION};
use crate::page::transform::space_key::{Material, SpaceKey};
use crate::page::transform::{Decompressed, TransformFault, decompress};
use crate::units::SpaceId;

/// What decryption found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decrypted {
    /// The page before encryption, proven by what stands in the table above. It may still be compressed. MariaDB's key
    /// version is 0 in it; the checksum of a full_crc32 page remains that of the ciphertext, so verify the page as
    /// stored, before decrypting it.
    Page(Vec<u8>),
    /// The page says that it is not encrypted.
    NotEncrypted,
    /// What comes out is no page: another key or key version, or the page is torn or corrupt.
    WrongKey,
    /// A length in the page is impossible; why, in a few words.
    Damaged(TransformFault),
}

/// Decrypts a page of the tablespace `space`, whose key this is.
pub fn decrypt(page: &[u8], format: &PageFormat, space: SpaceId, key: &SpaceKey) -> Decrypted {
    decrypt_by(page, format, space, key, &AesMode::ALL)
}

/// The same, where MariaDB used its key in one of these ways.
pub(super) fn decrypt_by(
    page: &[u8],
    format: &PageFormat,
    space: SpaceId,
    key: &SpaceKey,
    modes: &[AesMode],
) -> Decrypted {
    match &key.0 {
        Material::MySql { key, iv } => decrypt_mysql(page, format, key.expose(), iv.expose()),
        Material::MariaDb { key } if format.layout == Layout::FullCrc32 => {
            decrypt_full_crc32(page, format, space, (key.expose(), modes))
        }
        Material::MariaDb { key } => decrypt_classic(page, format, (key.expose(), modes)),
    }
}

/// A key, and the ways in which it may have been used.
type Ways<'a> = (&'a [u8], &'a [AesMode]);

/// Encrypts a page of MySQL that is not compressed, as `Encryption::encrypt` does (`os0enc.cc`, MySQL 5.7 to 9.7); `None`
/// for MariaDB, for which there is [`crate::page::transform::seal`], and for a page that is cut.
pub fn encrypt(page: &[u8], format: &PageFormat, key: &SpaceKey) -> Option<Vec<u8>> {
    let Material::MySql { key, iv } = &key.0 else { return None };
    let mut page = page.get(..format.physical.bytes())?.to_vec();
    let original = u16_at(&page, FIL_PAGE_TYPE)?;
    let encrypted_as = match original {
        page_type::RTREE => page_type::ENCRYPTED_RTREE,
        _ => {
            put_u16(&mut page, FIL_PAGE_ORIGINAL_TYPE_V1, original)?;
            page_type::ENCRYPTED
        }
    };
    put_u16(&mut page, FIL_PAGE_TYPE, encrypted_as)?;
    let data = page.get_mut(FIL_PAGE_DATA..)?;
    let whole = data.len() - data.len() % BLOCK;
    cbc256_encrypt(key.expose(), iv.expose(), data.get_mut(..whole)?)?;
    if whole != data.len() {
        let last = data.len().checked_sub(2 * BLOCK)?;
        cbc256_encrypt(key.expose(), iv.expose(), data.get_mut(last..)?)?;
    }
    Some(page)
}

/// The only version that `file_key_management` has of a key.
pub(super) const KEY_VERSION: u32 = 1;

fn decrypt_full_crc32(page: &[u8], format: &PageFormat, space: SpaceId, key: Ways<'_>) -> Decrypted {
    match u32_at(page, 0) {
        None | Some(0) => return Decrypted::NotEncrypted,
        Some(KEY_VERSION) => {}
        Some(_) => return Decrypted::WrongKey,
    }
    let compressed = u16_at(page, FIL_PAGE_TYPE).and_then(frame::full_crc32_size);
    let size = compressed.unwrap_or(format.logical.bytes());
    let mut clear = page.to_vec();
    zero(&mut clear, 0, 4);
    let proof = |clear: &[u8]| match compressed {
        Some(_) => expands(clear, format, space),
        None => {
            u32_at(clear, FIL_PAGE_SPACE_ID) == Some(space.0)
                && clear.get(..size).and_then(|p| u32_from_end(p, 8)) == u32_at(clear, FIL_PAGE_LSN + 4)
        }
    };
    let range = (FULL_CRC32_HEADER, size.saturating_sub(FIL_PAGE_FCRC32_CHECKSUM));
    try_modes(clear, range, space, key, proof)
}

fn expands(clear: &[u8], format: &PageFormat, space: SpaceId) -> bool {
    match decompress(clear, format) {
        Decompressed::Page(inner) => u32_at(&inner, FIL_PAGE_SPACE_ID) == Some(space.0),
        _ => false,
    }
}

fn decrypt_classic(page: &[u8], format: &PageFormat, key: Ways<'_>) -> Decrypted {
    let page_type = u16_at(page, FIL_PAGE_TYPE).unwrap_or_default();
    let never = is_never_encrypted(page_type, format.layout);
    match u32_at(page, FIL_PAGE_FILE_FLUSH_LSN) {
        // The key version stands where other pages keep other things.
        None | Some(0) => return Decrypted::NotEncrypted,
        Some(_) if never => return Decrypted::NotEncrypted,
        Some(KEY_VERSION) => {}
        Some(_) => return Decrypted::WrongKey,
    }
    let range = match page_type {
        page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED => {
            let len = u16_at(page, FIL_PAGE_COMP_SIZE).map_or(0, usize::from);
            (ENCRYPTED_HEADER, ENCRYPTED_HEADER + len)
        }
        _ => (FIL_PAGE_DATA, format.physical.bytes().saturating_sub(FIL_PAGE_DATA_END)),
    };
    // Here the space id is in the clear, and the server takes it from the page too.
    let space = SpaceId(u32_at(page, FIL_PAGE_SPACE_ID).unwrap_or_default());
    let mut clear = page.to_vec();
    zero(&mut clear, FIL_PAGE_FILE_FLUSH_LSN, 8);
    try_modes(clear, range, space, key, |clear| match page_type {
        page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED => expands(clear, format, space),
        _ => verifies(clear, format),
    })
}

/// Whether MariaDB leaves pages of this type as they are (`fil_space_encrypt`, `buf_page_encrypt`, 10.5 to 11.8).
pub(super) fn is_never_encrypted(page_type: u16, layout: Layout) -> bool {
    let structure = matches!(page_type, page_type::FSP_HDR | page_type::XDES);
    // The split sequence number of a spatial index stands where the classic layouts keep the key version.
    structure || (page_type == page_type::RTREE && layout != Layout::FullCrc32)
}

fn try_modes(
    clear: Vec<u8>,
    (from, to): (usize, usize),
    space: SpaceId,
    (key, modes): Ways<'_>,
    proof: impl Fn(&[u8]) -> bool,
) -> Decrypted {
    let Some(iv) = page_iv(&clear, space) else {
        return Decrypted::Damaged(TransformFault::CutInHeader);
    };
    for mode in modes {
        let mut attempt = clear.clone();
        let Some(data) = attempt.get_mut(from..to).filter(|data| !data.is_empty()) else {
            return Decrypted::Damaged(TransformFault::CipherRange(from, to));
        };
        if mode.decrypt(key, &iv, data).is_some() && proof(&attempt) {
            return Decrypted::Page(attempt);
        }
    }
    Decrypted::WrongKey
}

/// Space id, page number and LSN, each little end first (`do_crypt`, `encryption.cc`).
pub(super) fn page_iv(page: &[u8], space: SpaceId) -> Option<[u8; BLOCK]> {
    let page_no = u32_at(page, FIL_PAGE_OFFSET)?;
    let lsn = u64_at(page, FIL_PAGE_LSN)?;
    [&space.0.to_le_bytes()[..], &page_no.to_le_bytes(), &lsn.to_le_bytes()].concat().try_into().ok()
}

/// Whether the decrypted page has the checksum that it had before.
fn verifies(clear: &[u8], format: &PageFormat) -> bool {
    match examine(clear, format) {
        Examined::Valid { weak: false, .. } => true,
        // Checksum `none`: it lies in the clear part and proves nothing, so look for what every index page says.
        Examined::Valid { weak: true, .. } => {
            let index =
                u16_at(clear, FIL_PAGE_TYPE) == Some(page_type::INDEX) && format.layout == Layout::Classic;
            !index || [99, 101].iter().any(|&at| slice_at(clear, at, 7) == Some(b"infimum"))
        }
        _ => false,
    }
}

fn decrypt_mysql(page: &[u8], format: &PageFormat, key: &[u8], iv: &[u8]) -> Decrypted {
    let page_type = u16_at(page, FIL_PAGE_TYPE).unwrap_or_default();
    let ends: Vec<usize> = match page_type {
        page_type::ENCRYPTED | page_type::ENCRYPTED_RTREE => vec![format.physical.bytes()],
        page_type::COMPRESSED_AND_ENCRYPTED => compressed_ends(page),
        _ => return Decrypted::NotEncrypted,
    };
    let mut fits = false;
    for end in ends {
        let mut clear = page.to_vec();
        let Some(data) = clear.get_mut(FIL_PAGE_DATA..end).filter(|data| data.len() >= 2 * BLOCK) else {
            continue;
        };
        fits = true;
        if cbc_overlapping(key, iv, data).is_none() || restore_type(&mut clear, page_type).is_none() {
            continue;
        }
        let proven = match page_type {
            page_type::COMPRESSED_AND_ENCRYPTED => {
                matches!(mysql::transparent(&clear, format.logical), Decompressed::Page(_))
            }
            _ => verifies(&clear, format),
        };
        if proven {
            return Decrypted::Page(clear);
        }
    }
    if fits { Decrypted::WrongKey } else { Decrypted::Damaged(TransformFault::CipherLength) }
}

/// Offsets at which the ciphertext of a MySQL page that was compressed first (type 16) may end. Version 1 rounded up to the block size of the file system, which
/// nobody noted down.
pub fn compressed_ends(page: &[u8]) -> Vec<usize> {
    let end = FIL_PAGE_DATA + u16_at(page, FIL_PAGE_COMPRESS_SIZE_V1).map_or(0, usize::from);
    match u8_at(page, FIL_PAGE_VERSION) {
        Some(1) => {
            [4096, 512, 1024, 2048, 8192, 16384, 32768].iter().map(|&b| end.next_multiple_of(b)).collect()
        }
        _ => vec![end.max(FIL_PAGE_DATA + 2 * BLOCK)],
    }
}

/// Undoes the second encryption of the last 32 bytes, then the first one of all whole blocks.
fn cbc_overlapping(key: &[u8], iv: &[u8], data: &mut [u8]) -> Option<()> {
    let whole = data.len() - data.len() % BLOCK;
    if whole != data.len() {
        let last = data.len().checked_sub(2 * BLOCK)?;
        cbc256_decrypt(key, iv, data.get_mut(last..)?)?;
    }
    cbc256_decrypt(key, iv, data.get_mut(..whole)?)
}

fn restore_type(clear: &mut [u8], encrypted_as: u16) -> Option<()> {
    let original = match encrypted_as {
        page_type::COMPRESSED_AND_ENCRYPTED => page_type::COMPRESSED,
        page_type::ENCRYPTED_RTREE => page_type::RTREE,
        _ => {
            let original = u16_at(clear, FIL_PAGE_ORIGINAL_TYPE_V1)?;
            zero(clear, FIL_PAGE_ORIGINAL_TYPE_V1, 2);
            original
        }
    };
    put_u16(clear, FIL_PAGE_TYPE, original)
}

fn zero(page: &mut [u8], at: usize, len: usize) {
    if let Some(bytes) = page.get_mut(at..at.saturating_add(len)) {
        bytes.fill(0);
    }
}
