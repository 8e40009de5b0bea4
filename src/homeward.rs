//! From a copy to the bytes that belong home. Nearly always they are the copy's own; the exceptions:
//!
//! | servers | copy | home |
//! |---|---|---|
//! | MySQL 5.7 to 8.0.22 | plaintext of an encrypted page | the same page, encrypted (type 15 or 17): needs the key |
//! | MySQL 8.0.23 on | compressed, then encrypted (type 16) | the same; the server's own pass writes it uncompressed (type 15) |
//! | MariaDB 10.1 | page_compressed (type 34354) | the same; the server's own pass writes it uncompressed |
//!
//! Sources: `buf_dblwr_process` (MySQL 5.7, MariaDB 10.1), `recv::Pages::recover` (MySQL 8.0.25, 9.7), whose writes are
//! encrypted by `fil_io` and marked as not to be compressed.

use crate::dblwr::Copy;
use crate::fil::page_type;
use crate::fsp::Encryption;
use crate::generation::Generation;
use crate::home::Home;
use crate::transform::{self, Decompressed, Decrypted, SpaceKey};
use crate::units::PageNo;

/// MySQL before 8.0.23 keeps plaintext in the slot while the home must be encrypted: a byte copy would be wrong.
pub fn is_plaintext_of(home: &Home, copy: &Copy) -> bool {
    let encrypted_home = home.format.is_some_and(|format| format.encryption == Encryption::MySql);
    let plaintext = !matches!(
        copy.header.page_type,
        page_type::ENCRYPTED | page_type::COMPRESSED_AND_ENCRYPTED | page_type::ENCRYPTED_RTREE
    );
    encrypted_home && plaintext && copy.page_no() != PageNo(0)
}

/// The page that this copy makes at home, in the form that the server had been writing there; `None` where that takes a
/// key which is not there.
pub fn image(copy: &Copy, home: &Home, key: Option<&SpaceKey>) -> Option<Vec<u8>> {
    let page = copy.bytes.get(..home.length)?;
    if is_plaintext_of(home, copy) {
        return transform::encrypt(page, &home.format?, key?);
    }
    Some(page.to_vec())
}

/// The page that the pass of a server of this generation writes home from this copy; `None` as for [`image`].
pub fn image_of_server(
    copy: &Copy,
    home: &Home,
    key: Option<&SpaceKey>,
    server: Generation,
) -> Option<Vec<u8>> {
    let page = image(copy, home, key)?;
    let format = home.format?;
    match copy.header.page_type {
        page_type::COMPRESSED_AND_ENCRYPTED => {
            let Decrypted::Page(compressed) = transform::decrypt(&page, &format, copy.space?, key?) else {
                return None;
            };
            match transform::decompress(&compressed, &format) {
                Decompressed::Page(page) => transform::encrypt(&page, &format, key?),
                _ => None,
            }
        }
        page_type::MARIADB_PAGE_COMPRESSED if server == Generation::MariaDb101 => {
            match transform::decompress(&page, &format) {
                Decompressed::Page(page) => Some(page),
                _ => None,
            }
        }
        _ => Some(page),
    }
}
