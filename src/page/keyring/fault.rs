//! What is wrong with a key file. Nothing here ever holds a key.

use std::fmt::{self, Display, Formatter};

/// Why a file gives no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFileFault {
    /// None of the known kinds.
    NotAKeyFile,
    /// Encrypted, and no pass phrase was given.
    NoPassPhrase,
    /// It does not open with the pass phrase.
    PassPhrase,
    /// A line of MariaDB's file is none.
    Line(u32),
    /// MariaDB's file without a key.
    NoKeys,
    /// `component_keyring_file`: not JSON, in this line and column.
    Json(usize, usize),
    /// `component_keyring_file` of this version.
    ComponentVersion(String),
    /// The key of this name is not hexadecimal.
    NotHexadecimal(String),
    /// `keyring_file` of another version.
    PluginVersion,
    /// `keyring_file` is cut.
    Cut,
    /// `keyring_file` without its end tag.
    NoEndTag,
    /// `keyring_file` fails its digest.
    Digest,
    /// A record of `keyring_file` is longer than the file.
    RecordLength,
    /// The parts of a record of `keyring_file` are longer than the record.
    PartLengths,
}

impl Display for KeyFileFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            KeyFileFault::NotAKeyFile => f.write_str(
                "not a key file: neither MySQL's component_keyring_file or keyring_file, nor MariaDB's file_key_management",
            ),
            KeyFileFault::NoPassPhrase => {
                f.write_str("encrypted key file: give its pass phrase with --keyring-password-file")
            }
            KeyFileFault::PassPhrase => {
                f.write_str("the key file does not open with this pass phrase (PBKDF2 is not supported)")
            }
            KeyFileFault::Line(number) => write!(
                f,
                "key file line {number} is not `id;key` with 32, 48 or 64 hexadecimal digits"
            ),
            KeyFileFault::NoKeys => f.write_str("key file without keys"),
            KeyFileFault::Json(line, column) => {
                write!(f, "not a component_keyring_file: faulty JSON in line {line} column {column}")
            }
            KeyFileFault::ComponentVersion(version) => {
                write!(f, "component_keyring_file of version {version:?}, 1.0 is known")
            }
            KeyFileFault::NotHexadecimal(name) => write!(f, "key {name:?} is not hexadecimal"),
            KeyFileFault::PluginVersion => f.write_str("keyring_file of a version other than 1.0 and 2.0"),
            KeyFileFault::Cut => f.write_str("keyring_file is cut short"),
            KeyFileFault::NoEndTag => f.write_str("keyring_file does not end with its EOF tag"),
            KeyFileFault::Digest => {
                f.write_str("keyring_file does not have the SHA-256 it should have: damaged")
            }
            KeyFileFault::RecordLength => f.write_str("keyring_file has a record of impossible length"),
            KeyFileFault::PartLengths => f.write_str("keyring_file has a record of impossible lengths"),
        }
    }
}
