//! MariaDB's `file_key_management` key file (`plugin/file_key_management/parser.cc`, MariaDB 10.1 to 11.8): lines of
//! `id;hex`, the key being 16, 24 or 32 bytes; `#` begins a comment. Version 1 is the only version of each key.
//!
//! The file may be encrypted as `openssl enc -aes-256-cbc -md sha1` does it:
//!
//! | offset | size | meaning |
//! |---:|---:|---|
//! | 0 | 8 | `Salted__` |
//! | 8 | 8 | salt |
//! | 16 | | AES-256-CBC with PKCS#7 padding; key and IV from one round of the digest |

use std::collections::BTreeMap;

use aes::cipher::{BlockDecryptMut, KeyIvInit, block_padding::Pkcs7};
use sha1::Digest;
use zeroize::Zeroizing;

use crate::bytes::slice_at;
use crate::page::keyring::{KeyFileFault, Secret};

/// First bytes of an encrypted key file.
pub(super) const SALTED: &[u8] = b"Salted__";
const SALT_LEN: usize = 8;
const KEY_LEN: usize = 32;
const IV_LEN: usize = 16;

/// The keys by their ids.
pub(super) fn parse(content: &[u8]) -> Result<BTreeMap<u32, Secret>, KeyFileFault> {
    let mut keys = BTreeMap::new();
    for (number, line) in (1u32..).zip(content.split(|&b| b == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (id, key) = parse_line(line).ok_or(KeyFileFault::Line(number))?;
        keys.insert(id, key);
    }
    if keys.is_empty() { Err(KeyFileFault::NoKeys) } else { Ok(keys) }
}

fn parse_line(line: &[u8]) -> Option<(u32, Secret)> {
    let separator = line.iter().position(|&b| b == b';')?;
    let (id, rest) = line.split_at_checked(separator)?;
    let id = std::str::from_utf8(id).ok().filter(|id| id.bytes().all(|b| b.is_ascii_digit()))?;
    let id = id.parse().ok().filter(|&id: &u32| id > 0)?;
    // The server stops at the first other character and ignores the rest of the line.
    let digits = rest.get(1..)?;
    let digits = digits.split(|b| !b.is_ascii_hexdigit()).next()?;
    matches!(digits.len(), 32 | 48 | 64).then(|| Some((id, Secret::from_hex(digits)?)))?
}

/// The keys of an encrypted file. The digest does not stand in the file: sha1 is the server's, the others are what
/// `file_key_management_digest` of newer servers and `openssl enc` without `-md` use.
pub(super) fn parse_encrypted(
    content: &[u8],
    password: &[u8],
) -> Result<BTreeMap<u32, Secret>, KeyFileFault> {
    type Attempt = fn(&[u8], &[u8]) -> Option<Zeroizing<Vec<u8>>>;
    let attempts: [Attempt; 5] = [
        decrypt::<sha1::Sha1>,
        decrypt::<sha2::Sha256>,
        decrypt::<sha2::Sha512>,
        decrypt::<sha2::Sha224>,
        decrypt::<sha2::Sha384>,
    ];
    attempts
        .iter()
        .filter_map(|attempt| attempt(content, password))
        .find_map(|plain| parse(&plain).ok())
        .ok_or(KeyFileFault::PassPhrase)
}

fn decrypt<D: Digest>(content: &[u8], password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let salt = slice_at(content, SALTED.len(), SALT_LEN)?;
    let mut buffer = Zeroizing::new(content.get(SALTED.len() + SALT_LEN..)?.to_vec());
    let derived = bytes_to_key::<D>(password, salt);
    let (key, iv) = derived.split_at_checked(KEY_LEN)?;
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv).ok()?;
    let len = cipher.decrypt_padded_mut::<Pkcs7>(&mut buffer).ok()?.len();
    buffer.truncate(len);
    Some(buffer)
}

/// OpenSSL's `EVP_BytesToKey` with one round: digests of digest, pass phrase and salt, one after the other.
fn bytes_to_key<D: Digest>(password: &[u8], salt: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(256));
    let mut digest = Zeroizing::new(Vec::new());
    while out.len() < KEY_LEN + IV_LEN {
        let next = D::new().chain_update(&*digest).chain_update(password).chain_update(salt).finalize();
        digest = Zeroizing::new(next.to_vec());
        out.extend_from_slice(&digest);
    }
    out.truncate(KEY_LEN + IV_LEN);
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `openssl enc -aes-256-cbc -md sha1 -k "open sesame"` of a file with keys 1 (32 bytes) and 2 (16 bytes).
    pub const ENCRYPTED: &[u8] = include_bytes!("../../../testdata/keyring/mariadb-keys-sha1.enc");
    const ENCRYPTED_SHA256: &[u8] = include_bytes!("../../../testdata/keyring/mariadb-keys-sha256.enc");

    #[test]
    fn lines_as_the_server_reads_them() {
        let text = b"# comment\n\n  1;00112233445566778899aabbccddeeff\r\n7;000102030405060708090A0B0C0D0E0F1011121314151617 rest\n\
            4294967295;0000000000000000000000000000000000000000000000000000000000000000";
        let keys = parse(text).unwrap();
        assert_eq!(keys.keys().copied().collect::<Vec<_>>(), [1, 7, u32::MAX]);
        assert_eq!(keys[&1].expose()[15], 0xFF);
        assert_eq!((keys[&7].expose().len(), keys[&7].expose()[23]), (24, 0x17));
    }

    #[test]
    fn lines_that_the_server_refuses() {
        for bad in [
            &b"1"[..],
            b"1;",
            b"1;00",
            b"0;00112233445566778899aabbccddeeff",
            b"4294967296;00112233445566778899aabbccddeeff",
            b"+1;00112233445566778899aabbccddeeff",
            b"1;00112233445566778899aabbccddeeff0",
            b"1;00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00",
            b"# only a comment\n",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        let why = parse(b"1;00112233445566778899aabbccddeeff\nx;1\n").unwrap_err().to_string();
        assert!(why.contains("line 2"), "{why}");
    }

    #[test]
    fn files_that_openssl_encrypted() {
        for file in [ENCRYPTED, ENCRYPTED_SHA256] {
            let keys = parse_encrypted(file, b"open sesame").unwrap();
            assert_eq!((keys[&1].expose().len(), keys[&2].expose()[0]), (32, 0x49));
            assert!(parse_encrypted(file, b"open Sesame").is_err());
            assert!(parse_encrypted(file, b"").is_err());
            for cut in 0..file.len() {
                assert!(parse_encrypted(&file[..cut], b"open sesame").is_err(), "{cut}");
            }
        }
    }
}
