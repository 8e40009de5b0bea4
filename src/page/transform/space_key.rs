//! From the keys of a server to the key of one tablespace.
//!
//! - MySQL: page 0 holds key and IV, encrypted with a master key by AES-256-ECB, and a CRC-32C that proves the master key
//!   right (`Encryption::decode_encryption_info`, MySQL 5.7 and 9.7).
//! - MariaDB: page 0 holds 16 bytes and the number of a key; that key encrypts those bytes by AES-ECB, and the result is
//!   the key of the pages (`scheme_get_key`, `encryption.cc`, MariaDB 10.1 to 11.8). Nothing proves it but the pages.

use zeroize::Zeroizing;

use crate::format::crypt_info::{CryptData, EncryptionInfo, mariadb_crypt_data, mysql_encryption_info};
use crate::format::fsp::PageFormat;
use crate::page::checksum::crc32c;
use crate::page::keyring::{Keyring, Secret};
use crate::page::transform::cipher::{BLOCK, ecb_encrypt_block, ecb256_decrypt};

/// The master key of installations that have not made one yet (`DEFAULT_MASTER_KEY`, id 0), padded with zeros.
const DEFAULT_MASTER_KEY: &[u8; 32] = b"DefaultMasterKey\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// First part of the names of master keys (`MASTER_KEY_PREFIX`).
const MASTER_KEY_PREFIX: &str = "INNODBKey-";
/// Bytes of a MySQL tablespace key; the IV behind it has as many, of which the cipher uses the first 16.
const KEY_LEN: usize = 32;

/// What opens the pages of one tablespace. Wiped when dropped, never printed.
#[derive(Debug, Clone)]
pub struct SpaceKey(pub(super) Material);

/// By vendor, since the ciphers differ.
#[derive(Debug, Clone)]
pub(super) enum Material {
    /// AES-256-CBC with one IV for all pages.
    MySql { key: Secret, iv: Secret },
    /// AES-128 with an IV that each page makes.
    MariaDb { key: Secret },
}

/// What the search for a tablespace key found.
#[derive(Debug, Clone)]
pub enum KeySearch {
    /// The key. MySQL's is proven right by its CRC; MariaDB's is not until a page opens.
    Found(SpaceKey),
    /// Page 0 has no encryption record, or one that says not encrypted.
    NotEncrypted,
    /// The keyring has no such key; its name, for the message.
    Missing(String),
    /// The keyring has a key of this name, but it is another one.
    Wrong(String),
}

impl KeySearch {
    /// The key, if found.
    pub fn found(self) -> Option<SpaceKey> {
        match self {
            KeySearch::Found(key) => Some(key),
            _ => None,
        }
    }
}

impl SpaceKey {
    /// The key of the tablespace whose page 0 this is.
    pub fn for_tablespace(page0: &[u8], format: &PageFormat, keyring: &Keyring) -> KeySearch {
        if let Some(info) = mysql_encryption_info(page0, format) {
            return for_mysql(&info, keyring);
        }
        match mariadb_crypt_data(page0, format) {
            Some(data) if data.is_encrypted() => for_mariadb(&data, keyring),
            _ => KeySearch::NotEncrypted,
        }
    }
}

fn for_mysql(info: &EncryptionInfo, keyring: &Keyring) -> KeySearch {
    let id = info.master_key_id;
    let (name, candidates): (String, Vec<&[u8]>) = match &info.server_uuid {
        Some(_) if info.version == 3 && id == 0 => ("DefaultMasterKey".to_owned(), vec![DEFAULT_MASTER_KEY]),
        Some(uuid) => {
            let name = format!("{MASTER_KEY_PREFIX}{uuid}-{id}");
            let key = keyring.named(&name).map(Secret::expose);
            (name, key.into_iter().collect())
        }
        // 5.7.11 named keys after server_id, which page 0 does not tell.
        None => (format!("{MASTER_KEY_PREFIX}SERVER_ID-{id}"), keys_ending_in(keyring, id)),
    };
    if candidates.is_empty() {
        return KeySearch::Missing(name);
    }
    candidates
        .iter()
        .find_map(|master| unwrap_key(info, master))
        .map_or(KeySearch::Wrong(name), KeySearch::Found)
}

fn keys_ending_in(keyring: &Keyring, id: u32) -> Vec<&[u8]> {
    let ending = format!("-{id}");
    let ours = |name: &str| name.starts_with(MASTER_KEY_PREFIX) && name.ends_with(&ending);
    keyring.names().filter(|(name, _)| ours(name)).map(|(_, key)| key.expose()).collect()
}

fn unwrap_key(info: &EncryptionInfo, master: &[u8]) -> Option<SpaceKey> {
    let clear = ecb256_decrypt(master, &info.key_info)?;
    if crc32c(&clear) != info.checksum {
        return None;
    }
    let key = Secret::new(clear.get(..KEY_LEN)?.to_vec());
    let iv = Secret::new(clear.get(KEY_LEN..KEY_LEN + BLOCK)?.to_vec());
    Some(SpaceKey(Material::MySql { key, iv }))
}

fn for_mariadb(data: &CryptData, keyring: &Keyring) -> KeySearch {
    let name = format!("MariaDB key id {}", data.key_id);
    let Some(global) = keyring.numbered(data.key_id) else { return KeySearch::Missing(name) };
    let derived: Option<Zeroizing<[u8; BLOCK]>> = ecb_encrypt_block(global.expose(), &data.iv);
    derived.map_or(KeySearch::Wrong(name), |key| {
        KeySearch::Found(SpaceKey(Material::MariaDb { key: Secret::new(key.to_vec()) }))
    })
}
