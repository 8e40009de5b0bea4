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
use crate::format::fsp::{Encryption, PageFormat};
use crate::instance::Instance;
use crate::instance::file_names::is_undo_file;
use crate::instance::generation::Generation;
use crate::page::frame;
use crate::page::transform;
use crate::page::transform::{Revealed, SpaceKey};
use crate::units::{PageNo, SpaceId};
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
    HomeMaking::usual(instance, home, copy)?.make()
}

/// The same page, to be made again from the slot when it is needed.
pub fn kept_image(instance: &Instance, home: &Home, copy: &Copy) -> Option<PageBytes> {
    HomeMaking::usual(instance, home, copy)?.kept()
}

/// The page that the server's own pass writes home from this copy; `None` as for [`image`].
pub fn image_of_server(instance: &Instance, home: &Home, copy: &Copy) -> Option<PageBytes> {
    HomeMaking::of_server(instance, home, copy)?.kept()
}

/// All that it takes to make a page of its copy.
#[derive(Clone)]
struct HomeMaking {
    slot: PageBytes,
    /// Physical, in bytes.
    length: usize,
    space: Option<SpaceId>,
    format: Option<PageFormat>,
    key: Option<SpaceKey>,
    /// Encrypt the plaintext first.
    encrypts: bool,
    then: ServerForm,
}

/// What a server's pass does to a page before it writes it.
#[derive(Clone, Copy)]
enum ServerForm {
    AsItIs,
    Revealed,
    Encrypted,
    WithHole,
}

impl HomeMaking {
    fn usual(instance: &Instance, home: &Home, copy: &Copy) -> Option<HomeMaking> {
        let encrypts = is_plaintext_of(instance, home, copy);
        let key = instance.spaces.key_of(copy.space).cloned();
        if encrypts && key.is_none() {
            return None;
        }
        Some(HomeMaking {
            slot: copy.bytes.clone(),
            length: home.length,
            space: copy.space,
            format: home.format,
            key,
            encrypts,
            then: ServerForm::AsItIs,
        })
    }

    fn of_server(instance: &Instance, home: &Home, copy: &Copy) -> Option<HomeMaking> {
        home.format?;
        let mut making = HomeMaking::usual(instance, home, copy)?;
        (making.key, making.then) = match (instance.generation, copy.header.page_type) {
            (Generation::MySql8020, page_type::COMPRESSED_AND_ENCRYPTED) => {
                (Some(making.key?), ServerForm::Encrypted)
            }
            (Generation::MySql8020 | Generation::MySql8030, page_type::ENCRYPTED)
                if is_undo_in_clear(instance, home) =>
            {
                (making.key, ServerForm::Revealed)
            }
            (Generation::MySql8030, page_type::COMPRESSED_AND_ENCRYPTED) => {
                (making.key, ServerForm::WithHole)
            }
            (Generation::MariaDb101 | Generation::MariaDb102, page_type::MARIADB_PAGE_COMPRESSED) => {
                (None, ServerForm::Revealed)
            }
            _ => (making.key, ServerForm::AsItIs),
        };
        Some(making)
    }

    fn make(&self) -> Option<Vec<u8>> {
        let slot = self.slot.get();
        let page = slot.get(..self.length)?;
        let page = if self.encrypts {
            transform::encrypt(page, &self.format?, self.key.as_ref()?)?
        } else {
            page.to_vec()
        };
        let revealed = || match transform::reveal(&page, &self.format?, self.space?, self.key.as_ref()) {
            Revealed::Page(page) => Some(page),
            _ => None,
        };
        match self.then {
            ServerForm::AsItIs => Some(page),
            ServerForm::Revealed => revealed(),
            ServerForm::Encrypted => transform::encrypt(&revealed()?, &self.format?, self.key.as_ref()?),
            ServerForm::WithHole => Some(without_rest_of_slot(page)),
        }
    }

    fn kept(self) -> Option<PageBytes> {
        let made = self.make()?;
        Some(PageBytes::made(made, move || self.make()))
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
