//! Key files of the servers: which keys are in them, under which names. Detected by content, not by name.
//!
//! | kind | begins with | server |
//! |---|---|---|
//! | [`KeyringKind::Component`] | `{` | MySQL 8.0.24+ `component_keyring_file` |
//! | [`KeyringKind::Plugin`] | `Keyring file version:` | MySQL 5.7.11 to 8.4 `keyring_file` plugin |
//! | [`KeyringKind::KeyFile`] | a digit or `#` | MariaDB `file_key_management` |
//! | [`KeyringKind::EncryptedKeyFile`] | `Salted__` | the same, encrypted with a pass phrase |

pub mod component;
pub mod fault;
pub mod key_file;
pub mod plugin;
pub mod secret;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::disk::small;
use crate::error::{Error, Result};
pub use crate::page::keyring::fault::KeyFileFault;
pub use crate::page::keyring::secret::Secret;

/// The longest key file that is read, in bytes; the servers' own limit for MariaDB's is 1 MiB.
const MAX_KEY_FILE_SIZE: u64 = 16 << 20;
/// The longest pass phrase that MariaDB reads (`MAX_SECRET_SIZE`, `parser.cc`).
const MAX_SECRET_SIZE: u64 = 256;

/// What wrote a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyringKind {
    /// MySQL's `component_keyring_file`, JSON.
    Component,
    /// MySQL's `keyring_file` plugin, binary.
    Plugin,
    /// MariaDB's `file_key_management`, lines of `id;hex`.
    KeyFile,
    /// MariaDB's `file_key_management`, encrypted as a whole.
    EncryptedKeyFile,
}

impl KeyringKind {
    /// By the first bytes; `None` where no server would read the file.
    pub fn detect(content: &[u8]) -> Option<KeyringKind> {
        let text = content.trim_ascii_start();
        match text.first()? {
            _ if content.starts_with(plugin::VERSION_TAG) => Some(KeyringKind::Plugin),
            _ if content.starts_with(key_file::SALTED) => Some(KeyringKind::EncryptedKeyFile),
            b'{' => Some(KeyringKind::Component),
            b'0'..=b'9' | b'#' => Some(KeyringKind::KeyFile),
            _ => None,
        }
    }
}

/// The keys of one file. Wiped when dropped; printing shows names and lengths only.
#[derive(Clone)]
pub struct Keyring {
    kind: KeyringKind,
    named: BTreeMap<String, Secret>,
    numbered: BTreeMap<u32, Secret>,
}

impl Keyring {
    /// Reads a key file, and the pass phrase file for one that is encrypted.
    ///
    /// # Errors
    /// The file cannot be read, is no key file, or does not fit its pass phrase.
    pub fn open(path: &Path, password_file: Option<&Path>) -> Result<Keyring> {
        let content = read(path, MAX_KEY_FILE_SIZE)?;
        let password = password_file.map(read_password).transpose()?;
        Keyring::parse(&content, password.as_deref().map(Vec::as_slice))
            .map_err(|what| Error::foreign(path, what.to_string()))
    }

    /// Reads a key file from memory; the error says what is wrong, never what a key is.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn parse(content: &[u8], password: Option<&[u8]>) -> std::result::Result<Keyring, KeyFileFault> {
        let kind = KeyringKind::detect(content).ok_or(KeyFileFault::NotAKeyFile)?;
        let (mut named, mut numbered) = (BTreeMap::new(), BTreeMap::new());
        match (kind, password) {
            (KeyringKind::Component, _) => named = component::parse(content)?,
            (KeyringKind::Plugin, _) => named = plugin::parse(content)?,
            (KeyringKind::KeyFile, _) => numbered = key_file::parse(content)?,
            (KeyringKind::EncryptedKeyFile, Some(password)) => {
                numbered = key_file::parse_encrypted(content, password)?
            }
            (KeyringKind::EncryptedKeyFile, None) => {
                return Err(KeyFileFault::NoPassPhrase);
            }
        }
        Ok(Keyring { kind, named, numbered })
    }

    /// What wrote the file.
    pub fn kind(&self) -> KeyringKind {
        self.kind
    }

    /// MySQL's key of this name, as `INNODBKey-UUID-NUMBER`.
    pub fn named(&self, name: &str) -> Option<&Secret> {
        self.named.get(name)
    }

    /// Names and keys of a MySQL keyring, in the order of the names.
    pub fn names(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.named.iter().map(|(name, key)| (name.as_str(), key))
    }

    /// MariaDB's key with this id. `file_key_management` has version 1 of each key only.
    pub fn numbered(&self, id: u32) -> Option<&Secret> {
        self.numbered.get(&id)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("kind", &self.kind)
            .field("named", &self.named)
            .field("numbered", &self.numbered)
            .finish()
    }
}

fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>> {
    let file = small::open(path).map_err(Error::io(path, "open the key file"))?;
    let length = file.metadata().map_err(Error::io(path, "read the size of"))?.len().min(limit);
    // Room for all of it at once: a vector that grows leaves copies of keys in freed memory.
    let mut content =
        Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1)));
    file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(Error::io(path, "read"))?;
    if content.len() as u64 > limit {
        return Err(Error::foreign(path, format!("longer than {limit} bytes, no key file is")));
    }
    Ok(content)
}

/// The first line without its end, as `Parser::read_filekey` takes it.
fn read_password(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut password = read(path, MAX_SECRET_SIZE)?;
    while matches!(password.last(), Some(b'\r' | b'\n')) {
        password.pop();
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_content() {
        assert_eq!(KeyringKind::detect(b" {\"version\":\"1.0\"}"), Some(KeyringKind::Component));
        assert_eq!(KeyringKind::detect(b"Keyring file version:2.0EOF"), Some(KeyringKind::Plugin));
        assert_eq!(KeyringKind::detect(b"Salted__12345678"), Some(KeyringKind::EncryptedKeyFile));
        assert_eq!(KeyringKind::detect(b"# keys\n1;00"), Some(KeyringKind::KeyFile));
        assert_eq!(KeyringKind::detect(b"\n1;00"), Some(KeyringKind::KeyFile));
        for foreign in [&b""[..], b"\0\0", b"hello", b"-----BEGIN", b"\xFF\xFE"] {
            assert_eq!(KeyringKind::detect(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn neither_messages_nor_debug_output_show_a_key() {
        let keyring = Keyring::parse(b"1;a7addd9adea9978fda19f21e6be98788\n", None).unwrap();
        let shown = format!("{keyring:?}");
        assert!(shown.contains("16 bytes") && !shown.contains("a7"), "{shown}");
        assert_eq!(keyring.kind(), KeyringKind::KeyFile);
        assert!(keyring.named("INNODBKey").is_none() && keyring.numbered(2).is_none());
        let why = Keyring::parse(b"1;a7addd9adea9978fda19f21e6be9878\n", None).unwrap_err().to_string();
        assert!(why.contains("line 1") && !why.contains("a7ad"), "{why}");
    }

    #[test]
    fn files_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, password) = (dir.path().join("keys.enc"), dir.path().join("password"));
        std::fs::write(&keys, key_file::tests::ENCRYPTED).unwrap();
        std::fs::write(&password, "open sesame\r\n").unwrap();
        let keyring = Keyring::open(&keys, Some(&password)).unwrap();
        assert_eq!(keyring.numbered(2).unwrap().expose().len(), 16);
        assert!(Keyring::open(&keys, None).unwrap_err().to_string().contains("--keyring-password-file"));
        assert!(Keyring::open(&dir.path().join("none"), None).is_err());
        std::fs::write(&password, [b'x'; 300]).unwrap();
        assert!(Keyring::open(&keys, Some(&password)).unwrap_err().to_string().contains("256"));
    }
}
