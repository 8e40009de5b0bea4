//! The key of an encrypted log, as MariaDB 10.8 to 10.11.14 (and their like) write it in the "Phys" format.
//!
//! | offset in the file | size | meaning |
//! |---|---|---|
//! | 48 | 4 | `LOG_DEFAULT_ENCRYPTION_KEY`: number of the key, always 1 |
//! | 52 | 4 | version of that key |
//! | 56 | 16 | `crypt_msg`: random; AES-ECB by key 1 makes of it the key of the log |
//! | 72 | 4 | not used for records |
//!
//! What each page record says behind its page is AES-128-CBC or -CTR, as `file_key_management` was told. The IV is the
//! 8 bytes behind the sequence bit of the mini-transaction, space id (4) and page number (4), big-endian.
//! (`log_crypt_read_header`, `init_crypt_key`, `log_encrypt_buf` in `log0crypt.cc`, MariaDB 10.11.)

use crate::bytes::{slice_at, u32_at};
use crate::error::Result;
use crate::format::redo_record::{MtrRecords, Operation, RedoRecord, each_payload};
use crate::instance::redo::source::LogFile;
use crate::instance::redo::{FoundRedo, RedoFormat};
use crate::page::keyring::{Keyring, Secret};
use crate::page::transform::cipher::{AesMode, BLOCK, ecb_encrypt_block};

const KEY_ID: usize = 48;
const KEY_VERSION: usize = 52;
const MESSAGE: usize = 56;
/// `LOG_DEFAULT_ENCRYPTION_KEY`.
const LOG_KEY: u32 = 1;
/// The only version that `file_key_management` has of a key.
const ONLY_VERSION: u32 = 1;

/// What opens the records of a log, if it is the right one. Wiped when dropped, never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey(Secret);

impl LogKey {
    /// The key of the log that begins with this block; `None` where the key file has none for it.
    pub(super) fn of_header(block: &[u8], keyring: &Keyring) -> Option<LogKey> {
        let known =
            u32_at(block, KEY_ID) == Some(LOG_KEY) && u32_at(block, KEY_VERSION) == Some(ONLY_VERSION);
        let message: [u8; BLOCK] = slice_at(block, MESSAGE, BLOCK)?.try_into().ok()?;
        let global = keyring.numbered(LOG_KEY).filter(|_| known)?;
        Some(LogKey(Secret::new(ecb_encrypt_block(global.expose(), &message)?.to_vec())))
    }

    /// Decrypts the records of a mini-transaction in place.
    pub(super) fn reveal(&self, mode: AesMode, mtr: &mut [u8], nonce: [u8; 8]) {
        each_payload(mtr, |(space, page), payload| {
            let iv: Vec<u8> = [&nonce[..], &space.0.to_be_bytes(), &page.0.to_be_bytes()].concat();
            if let Ok(iv) = <[u8; BLOCK]>::try_from(iv) {
                // A length that does not fit leaves ciphertext, which makes no sense as a record.
                let _ = mode.decrypt(self.0.expose(), &iv, payload);
            }
        });
    }

    /// Whether what a mini-transaction says makes sense once it is decrypted.
    pub(super) fn fits(&self, mode: AesMode, mtr: &[u8], nonce: [u8; 8]) -> bool {
        let mut clear = mtr.to_vec();
        self.reveal(mode, &mut clear, nonce);
        let odd = |record| match record {
            RedoRecord::Page(change) => change.operation == Operation::Unknown,
            RedoRecord::Malformed => true,
            RedoRecord::File(_) | RedoRecord::Checkpoint(_) => false,
        };
        !MtrRecords::new(&clear).any(odd)
    }
}

impl FoundRedo {
    /// Takes the key of an encrypted log of the old style of MariaDB 10.8 and later, where the key file has one.
    ///
    /// # Errors
    /// Its header cannot be read.
    pub fn unlock(&mut self, keyring: &Keyring) -> Result<()> {
        let FoundRedo::Read(redo) = self else { return Ok(()) };
        if redo.encrypted
            && redo.format == RedoFormat::MariaDb108
            && let Some(file) = redo.files.first()
            && let Some(log) = LogFile::open(&file.path)?
        {
            redo.key = log.block(0)?.and_then(|block| LogKey::of_header(&block, keyring));
        }
        Ok(())
    }
}
