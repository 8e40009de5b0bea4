//! MariaDB's encryption of a page that is about to be written: what [`crate::page::transform::decrypt`] undoes, byte for
//! byte.
//!
//! | layout | key version at | encrypted | checksum of the ciphertext |
//! |---|---|---|---|
//! | full_crc32 | 0 | 26..end-4 | CRC-32C in the last four bytes |
//! | classic, `ROW_FORMAT=COMPRESSED` | 26 | 38..end-8 | crc32 of the layout at 30 |
//!
//! Page 0 of every tablespace, other headers and descriptors, and the transaction system page stay as they are.
//! (`fil_encrypt_buf_for_full_crc32`, `fil_encrypt_buf_for_non_full_checksum`, `buf_page_encrypt`, MariaDB 10.5 to 11.8.)

use crate::bytes::{put_u32, u16_at, u32_at};
use crate::format::fil::{
    FIL_PAGE_DATA, FIL_PAGE_DATA_END, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_SPACE_OR_CHKSUM, FIL_PAGE_TYPE,
};
use crate::format::fsp::{Layout, PageFormat};
use crate::format::trx_sys::TRX_SYS_PAGE;
use crate::page::checksum::{Algorithm, stamp};
use crate::page::frame;
use crate::page::transform::Decrypted;
use crate::page::transform::cipher::AesMode;
use crate::page::transform::crypt::{KEY_VERSION, decrypt_by, is_never_encrypted, page_iv};
use crate::page::transform::mariadb::{FIL_PAGE_FCRC32_CHECKSUM, FULL_CRC32_HEADER};
use crate::page::transform::space_key::{Material, SpaceKey};
use crate::units::{PageNo, SpaceId};

/// Encrypts a page that is not compressed and whose checksum and LSN words are right. `None` for MySQL's keys and for a
/// page that is cut or says that it is encrypted or compressed already.
pub fn encrypt(
    page: &[u8],
    format: &PageFormat,
    space: SpaceId,
    key: &SpaceKey,
    mode: AesMode,
) -> Option<Vec<u8>> {
    let Material::MariaDb { key } = &key.0 else { return None };
    if frame::is_opaque(page, format) || page.len() != format.physical.bytes() {
        return None;
    }
    let iv = page_iv(page, space)?;
    let mut out = page.to_vec();
    let (from, behind, version_at) = match format.layout {
        Layout::FullCrc32 => (FULL_CRC32_HEADER, FIL_PAGE_FCRC32_CHECKSUM, FIL_PAGE_SPACE_OR_CHKSUM),
        Layout::Classic | Layout::Zip => (FIL_PAGE_DATA, FIL_PAGE_DATA_END, FIL_PAGE_FILE_FLUSH_LSN),
    };
    let to = out.len().checked_sub(behind)?;
    mode.encrypt(key.expose(), &iv, out.get_mut(from..to)?)?;
    put_u32(&mut out, version_at, KEY_VERSION)?;
    let sum = match format.layout {
        Layout::FullCrc32 => Algorithm::FullCrc32,
        Layout::Classic | Layout::Zip => Algorithm::PostEncryptionCrc32,
    };
    stamp(&mut out, format, sum)?;
    Some(out)
}

/// How a key was used for a page that it opens: what encrypts it to the same bytes again. `None` where the page is not
/// encrypted, or the key does not open it.
pub fn mode_of(page: &[u8], format: &PageFormat, space: SpaceId, key: &SpaceKey) -> Option<AesMode> {
    AesMode::ALL.into_iter().find(|&mode| match decrypt_by(page, format, space, key, &[mode]) {
        // What is compressed as well is not made again from here: that it expands to its own page is the proof.
        Decrypted::Page(clear) => {
            encrypt(&clear, format, space, key, mode).is_none_or(|sealed| sealed == page)
        }
        Decrypted::NotEncrypted | Decrypted::WrongKey | Decrypted::Damaged(_) => false,
    })
}

/// Whether servers write this page as it is in an encrypted tablespace.
pub fn stays_clear(page: &[u8], format: &PageFormat, (space, page_no): (SpaceId, PageNo)) -> bool {
    page_no == PageNo(0)
        || (space, page_no) == (SpaceId::SYSTEM, TRX_SYS_PAGE)
        || u16_at(page, FIL_PAGE_TYPE).is_none_or(|kind| is_never_encrypted(kind, format.layout))
}

/// The key version that a page carries; 0 where it is not encrypted.
pub fn key_version(page: &[u8], format: &PageFormat) -> Option<u32> {
    match format.layout {
        Layout::FullCrc32 => u32_at(page, FIL_PAGE_SPACE_OR_CHKSUM),
        Layout::Classic | Layout::Zip => u32_at(page, FIL_PAGE_FILE_FLUSH_LSN),
    }
}
