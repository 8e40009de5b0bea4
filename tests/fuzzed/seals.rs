//! Setting check words right around altered contents, so that fuzzing gets behind them.

use sha2::{Digest, Sha256};

fn crc(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..at.checked_add(value.len())?)?.copy_from_slice(value);
    Some(())
}

/// A journal with sound seals, as far as its lengths lead anywhere.
pub fn journal(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    let _ = seal_journal(&mut sealed);
    sealed
}

fn seal_journal(bytes: &mut [u8]) -> Option<()> {
    put(bytes, 0, b"DBLWRJNL\0\0\0\x01")?;
    let header = word(bytes, 12)?;
    let seed = crc(0, bytes.get(..header.checked_sub(4)?)?);
    put(bytes, header - 4, &seed.to_be_bytes())?;
    let mut at = header;
    loop {
        let tag = bytes.get(at..at + 4)?.to_vec();
        let length = if tag == b"DONE" { 32 } else { word(bytes, at + 4)? };
        let end = at.checked_add(length).filter(|&end| length >= 16 && end <= bytes.len())?;
        if tag == b"PAGE" {
            seal_page(bytes, at);
        }
        if tag == b"SEAL" && length == 56 {
            let hash = Sha256::digest(bytes.get(..at)?);
            put(bytes, at + 20, &hash)?;
        }
        let sum = crc(seed, bytes.get(at..end - 4)?);
        put(bytes, end - 4, &sum.to_be_bytes())?;
        at = end;
    }
}

/// The hashes of a page record: behind the fixed fields two texts, then old and new bytes.
fn seal_page(bytes: &mut [u8], at: usize) -> Option<()> {
    let length = word(bytes, at + 32)?;
    let file = at + 116;
    let text = |bytes: &[u8], at: usize| {
        Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
    };
    let state = file + 2 + text(bytes, file)?;
    let old = state + 2 + text(bytes, state)?;
    let old_hash = Sha256::digest(bytes.get(old..old.checked_add(length)?)?);
    let new_hash = Sha256::digest(bytes.get(old + length..old.checked_add(2 * length)?)?);
    put(bytes, at + 52, &old_hash)?;
    put(bytes, at + 84, &new_hash)
}

/// A bundle with sound seals, as far as its lengths lead anywhere.
pub fn bundle(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    let _ = seal_bundle(&mut sealed);
    sealed
}

fn seal_bundle(bytes: &mut Vec<u8>) -> Option<()> {
    put(bytes, 0, b"DBLWRBND\0\0\0\x01")?;
    let mut seed = crc(0, bytes.get(..32)?);
    put(bytes, 32, &seed.to_be_bytes())?;
    let (mut at, mut records, mut files) = (36, 0u32, 0u32);
    let (mut content, mut plain_bytes) = (Sha256::new(), 0u64);
    loop {
        let tag = bytes.get(at..at + 4)?.to_vec();
        let length = word(bytes, at + 4)?;
        let end = at.checked_add(length).filter(|&end| length >= 16 && end <= bytes.len())?;
        put(bytes, at + 8, &records.to_be_bytes())?;
        records += 1;
        match &tag[..] {
            b"FILE" => {
                files += 1;
                (content, plain_bytes) = (Sha256::new(), 0);
            }
            b"DATA" => {
                let plain = zstd::bulk::decompress(bytes.get(at + 24..end - 4)?, 1 << 20).unwrap_or_default();
                put(bytes, at + 20, &(plain.len() as u32).to_be_bytes())?;
                content.update(&plain);
                plain_bytes += plain.len() as u64;
            }
            b"FEND" => {
                let hash = content.finalize_reset();
                put(bytes, at + 12, &plain_bytes.to_be_bytes())?;
                put(bytes, at + 20, &hash)?;
            }
            b"DONE" if length == 64 => {
                let hash = Sha256::digest(bytes.get(..at)?);
                put(bytes, at + 12, &records.to_be_bytes())?;
                put(bytes, at + 16, &files.to_be_bytes())?;
                put(bytes, at + 20, &(end as u64).to_be_bytes())?;
                put(bytes, at + 28, &hash)?;
                bytes.truncate(end);
            }
            _ => {}
        }
        seed = crc(seed, bytes.get(at..end - 4)?);
        put(bytes, end - 4, &seed.to_be_bytes())?;
        at = end;
    }
}

/// Redo blocks of 512 bytes with sound check words, and the two checkpoints of MariaDB 10.8 and later.
pub fn redo(bytes: &mut [u8], physical: bool) {
    let crc32c = |bytes: &[u8]| dblwr::internals::page::checksum::crc32c(bytes).to_be_bytes();
    for block in bytes.chunks_exact_mut(512).take(if physical { 1 } else { usize::MAX }) {
        let sum = crc32c(&block[..508]);
        block[508..].copy_from_slice(&sum);
    }
    for at in [4096, 8192] {
        if let Some(block) = bytes.get_mut(at..at + 64).filter(|_| physical) {
            let sum = crc32c(&block[..60]);
            block[60..].copy_from_slice(&sum);
        }
    }
}
