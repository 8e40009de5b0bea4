//! From a copy to the bytes that belong home. Nearly always they are the copy's own; the exceptions:
//!
//! | servers | copy | home |
//! |---|---|---|
//! | MySQL 5.7 to 8.0.22 | plaintext of an encrypted page | the same page, encrypted (type 15 or 17): needs the key |
//! | MySQL 8.0.23 to 8.0.29 | compressed, then encrypted (type 16) | the same; the server's own pass writes it uncompressed (type 15) |
//! | MySQL 8.0.23 on | encrypted page of an undo tablespace | the same; the server's own pass writes plaintext, unless `innodb_undo_log_encrypt` is set |
//! | MariaDB 10.1, 10.2 | page_compressed (type 34354) | the same; the server's own pass writes it uncompressed |
//!
//! A page of a table with transparent page compression lies uncompressed in the slot and goes home like that; the pass
//! of MySQL 9.7 compresses it anew, which is the same page in fewer bytes. It also leaves type 16 as it is, with a hole
//! behind it (both seen, and the plaintext of undo pages).
//!
//! MariaDB 10.5 on takes a copy that hides its space id (full_crc32, encrypted or compressed) when recovery reads the page,
//! applies redo and writes the result later: the copy is as near to that as files can tell.
//!
//! Sources: `buf_dblwr_process` (MySQL 5.7, MariaDB 10.1), `recv::Pages::recover` (MySQL 8.0.25), the writes of a 9.7.4, a 10.1.23 and a 10.2.11.

use crate::disk::PageBytes;
use crate::format::fil::page_type;
use crate::format::fsp::Encryption;
use crate::instance::Instance;
use crate::instance::file_names::is_undo_file;
use crate::instance::generation::Generation;
use crate::page::frame;
use crate::page::transform;
use crate::page::transform::Revealed;
use crate::units::PageNo;
use crate::verdict::copy::Copy;
use crate::verdict::home::Home;

/// Whether this copy is the plaintext of a page that its home must hold encrypted: a byte copy would be wrong.
pub fn is_plaintext_of(instance: &Instance, home: &Home, copy: &Copy) -> bool {
    let encrypted_home = home.format.is_some_and(|format| format.encryption == Encryption::MySql);
    let plaintext = !frame::is_mysql_ciphertext(copy.header.page_type);
    instance.plaintext_copies && encrypted_home && plaintext && copy.page_no() != PageNo(0)
}

/// The page that this copy makes at home, in the form that the server had been writing there; `None` where that takes a
/// key which is not there.
pub fn image(instance: &Instance, home: &Home, copy: &Copy) -> Option<Vec<u8>> {
    let slot = copy.bytes.get();
    let page = slot.get(..home.length)?;
    if is_plaintext_of(instance, home, copy) {
        return transform::encrypt(page, &home.format?, instance.spaces.key_of(copy.space)?);
    }
    Some(page.to_vec())
}

/// The same page, to be made again from the slot when it is needed.
pub fn kept_image(instance: &Instance, home: &Home, copy: &Copy) -> Option<PageBytes> {
    let (made, slot, length) = (image(instance, home, copy)?, copy.bytes.clone(), home.length);
    let key = if is_plaintext_of(instance, home, copy) { instance.spaces.key_of(copy.space) } else { None };
    let encryption = key.cloned().zip(home.format);
    let make = move || match &encryption {
        Some((key, format)) => transform::encrypt(slot.get().get(..length)?, format, key),
        None => slot.get().get(..length).map(<[u8]>::to_vec),
    };
    Some(PageBytes::made(made, make))
}

/// The page that the server's own pass writes home from this copy; `None` as for [`image`].
pub fn image_of_server(instance: &Instance, home: &Home, copy: &Copy) -> Option<Vec<u8>> {
    let page = image(instance, home, copy)?;
    let format = home.format?;
    let key = instance.spaces.key_of(copy.space);
    let revealed = |key| match transform::reveal(&page, &format, copy.space?, key) {
        Revealed::Page(page) => Some(page),
        _ => None,
    };
    match (instance.generation, copy.header.page_type) {
        (Generation::MySql8020, page_type::COMPRESSED_AND_ENCRYPTED) => {
            transform::encrypt(&revealed(key)?, &format, key?)
        }
        (Generation::MySql8020 | Generation::MySql8030, page_type::ENCRYPTED)
            if is_undo_in_clear(instance, home) =>
        {
            revealed(key)
        }
        (Generation::MySql8030, page_type::COMPRESSED_AND_ENCRYPTED) => Some(without_rest_of_slot(page)),
        (Generation::MariaDb101 | Generation::MariaDb102, page_type::MARIADB_PAGE_COMPRESSED) => {
            revealed(None)
        }
        _ => Some(page),
    }
}

/// Behind the compressed bytes the slot holds what lay there before; the server writes only what the page takes, and a
/// hole (seen with 8.0.33).
fn without_rest_of_slot(mut page: Vec<u8>) -> Vec<u8> {
    if let [end] = transform::crypt::compressed_ends(&page)[..]
        && let Some(rest) = page.get_mut(end..)
    {
        rest.fill(0);
    }
    page
}

/// `fil_io_set_encryption` passes undo tablespaces by while the server's variable is off.
fn is_undo_in_clear(instance: &Instance, home: &Home) -> bool {
    let name = home.file.as_deref().map(|file| file.to_string_lossy());
    !instance.locations.undo_log_encrypt && name.is_some_and(|name| is_undo_file(&name))
}
