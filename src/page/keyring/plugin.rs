//! MySQL's `keyring_file` plugin (5.7.11 to 8.4): a binary file (`keyring_key.cc`, `buffered_file_io.cc`).
//!
//! | part | size | meaning |
//! |---|---|---|
//! | version tag | 24 | `Keyring file version:1.0` or `2.0` |
//! | records | | see below, one after the other |
//! | end tag | 3 | `EOF` |
//! | digest | 32 | version 2.0 only: SHA-256 of the records |
//!
//! One record; the numbers are the words of the machine that wrote it, eight bytes little end first on all that matter:
//!
//! | offset | size | meaning |
//! |---:|---:|---|
//! | 0 | 8 | length of the record, a multiple of 8 |
//! | 8 | 8 | length of the name |
//! | 16 | 8 | length of the type |
//! | 24 | 8 | length of the user |
//! | 32 | 8 | length of the key |
//! | 40 | | name, type, user, key, padding |
//!
//! The key is XORed with a constant text, over and over.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::bytes::slice_at;
use crate::page::keyring::{KeyFileFault, Secret};

/// First bytes of every such file.
pub(super) const VERSION_TAG: &[u8] = b"Keyring file version:";
const VERSION_LEN: usize = 24;
const END_TAG: &[u8] = b"EOF";
/// What `Key::xor_data` goes over keys with.
const OBFUSCATE: &[u8] = b"*305=Ljt0*!@$Hnm(*-9-w;:";

const _: () = assert!(VERSION_TAG.len() + 3 == VERSION_LEN);

/// The keys of no user, by name.
pub(super) fn parse(content: &[u8]) -> Result<BTreeMap<String, Secret>, KeyFileFault> {
    let digest_len = match content.strip_prefix(VERSION_TAG) {
        Some([b'1', b'.', b'0', ..]) => 0,
        Some([b'2', b'.', b'0', ..]) => 32,
        _ => return Err(KeyFileFault::PluginVersion),
    };
    let end = content.len().checked_sub(digest_len + END_TAG.len());
    let (records, tail) = end
        .and_then(|end| Some((content.get(VERSION_LEN..end)?, content.get(end..)?)))
        .ok_or(KeyFileFault::Cut)?;
    let digest = tail.strip_prefix(END_TAG).ok_or(KeyFileFault::NoEndTag)?;
    // A new file carries a made-up digest, and no key.
    if digest_len != 0 && !records.is_empty() && digest != Sha256::digest(records).as_slice() {
        return Err(KeyFileFault::Digest);
    }
    parse_records(records)
}

fn parse_records(mut records: &[u8]) -> Result<BTreeMap<String, Secret>, KeyFileFault> {
    let mut keys = BTreeMap::new();
    while !records.is_empty() {
        let (record, rest) = split_record(records).ok_or(KeyFileFault::RecordLength)?;
        let (name, user, key) = parts(record).ok_or(KeyFileFault::PartLengths)?;
        if user.is_empty() {
            let clear = key.iter().zip(OBFUSCATE.iter().cycle()).map(|(k, o)| k ^ o).collect();
            keys.insert(String::from_utf8_lossy(name).into_owned(), Secret::new(clear));
        }
        records = rest;
    }
    Ok(keys)
}

fn split_record(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = word(records, 0)?;
    // A length of 0 would go round for ever.
    if len < 40 { None } else { records.split_at_checked(len) }
}

/// Name, user and obfuscated key.
fn parts(record: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut at = 40;
    let mut take = |len: usize| {
        let part = slice_at(record, at, len)?;
        at += len;
        Some(part)
    };
    let name = take(word(record, 8)?)?;
    take(word(record, 16)?)?;
    Some((name, take(word(record, 24)?)?, take(word(record, 32)?)?))
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes: [u8; 8] = slice_at(bytes, at, 8)?.try_into().ok()?;
    usize::try_from(u64::from_le_bytes(bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Key::store_in_buffer`.
    fn record(name: &str, user: &str, key: &[u8]) -> Vec<u8> {
        let body = [name.as_bytes(), b"AES", user.as_bytes()].concat();
        let len = (40 + body.len() + key.len()).next_multiple_of(8);
        let numbers = [len, name.len(), 3, user.len(), key.len()];
        let mut out: Vec<u8> = numbers.iter().flat_map(|&n| (n as u64).to_le_bytes()).collect();
        out.extend_from_slice(&body);
        out.extend(key.iter().enumerate().map(|(i, k)| k ^ OBFUSCATE[i % 24]));
        out.resize(len, 0);
        out
    }

    fn file(version: &str, records: &[Vec<u8>]) -> Vec<u8> {
        let records = records.concat();
        let mut out = [VERSION_TAG, version.as_bytes(), &records, END_TAG].concat();
        if version == "2.0" {
            out.extend_from_slice(&Sha256::digest(&records));
        }
        out
    }

    #[test]
    fn keys_of_both_versions() {
        let key: Vec<u8> = (0..32).collect();
        for version in ["1.0", "2.0"] {
            let records = [
                record("INNODBKey-u-1", "", &key),
                record("other", "bob@%", b"x"),
                record("INNODBKey-u-12", "", &[9; 16]),
            ];
            let keys = parse(&file(version, &records)).unwrap();
            assert_eq!(keys.len(), 2);
            assert_eq!(keys["INNODBKey-u-1"].expose(), key);
            assert_eq!(keys["INNODBKey-u-12"].expose(), [9; 16]);
            assert!(parse(&file(version, &[])).unwrap().is_empty());
        }
        assert!(parse(b"Keyring file version:2.0EOF01234567890123456789012345678901").unwrap().is_empty());
    }

    #[test]
    fn damage_is_an_error_at_every_byte_and_every_cut() {
        let good = file("2.0", &[record("INNODBKey-u-1", "", &[7; 32])]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert!(parse(&bad).is_err(), "byte {at}");
            assert!(parse(&good[..at]).is_err(), "cut {at}");
        }
        // Version 1.0 has no digest: lengths alone must hold.
        let good = file("1.0", &[record("INNODBKey-u-1", "", &[7; 32])]);
        for at in 24..64 {
            let mut bad = good.clone();
            bad[at] = 0xFF;
            assert!(parse(&bad).is_err(), "byte {at}");
        }
    }
}
