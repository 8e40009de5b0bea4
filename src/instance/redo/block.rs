//! The 512-byte log block and the walk along a chain of them, shared by every format but MariaDB 10.8's.
//!
//! | offset | size | name | meaning |
//! |---|---|---|---|
//! | 0 | 4 | `LOG_BLOCK_HDR_NO` | block number of the LSN; top bit: first block of a write |
//! | 4 | 2 | `LOG_BLOCK_HDR_DATA_LEN` | bytes in use with this header, 512 = full; top bit: encrypted (MySQL 8.0) |
//! | 6 | 2 | `LOG_BLOCK_FIRST_REC_GROUP` | where the first group of records begins |
//! | 8 | 4 | `LOG_BLOCK_CHECKPOINT_NO` | low half of the checkpoint number; MySQL 8.0.30 on: `LOG_BLOCK_EPOCH_NO` |
//! | 12 | 496 | | records |
//! | 508 | 4 | `LOG_BLOCK_CHECKSUM` | check word of bytes 0..508 |
//!
//! Big-endian. (`log0log.h`/`log0log.ic` MySQL 5.6, 5.7, 8.0; `log0files_io.h` 8.0.30 on; MariaDB 10.1 to 10.7.)

use crate::bytes::{slice_at, u16_at, u32_at};
use crate::error::Result;
use crate::page::checksum::NO_CHECKSUM_MAGIC;
use crate::units::Lsn;

use crate::page::checksum::crc32c;

/// `OS_FILE_LOG_BLOCK_SIZE`.
pub(super) const BLOCK: usize = 512;
/// The same for LSN arithmetic.
pub(super) const BLOCK_LSN: u64 = BLOCK as u64;

const NUMBER: usize = 0;
const DATA_LEN: usize = 4;
/// `LOG_BLOCK_FIRST_REC_GROUP`.
const FIRST_GROUP: usize = 6;
const EPOCH: usize = 8;
const CHECKSUM: usize = 508;
const _: () = assert!(CHECKSUM + 4 == BLOCK);

/// `LOG_BLOCK_HDR_SIZE`.
const HEADER: u16 = 12;
const FLUSH_BIT: u32 = 0x8000_0000;
const ENCRYPT_BIT: u16 = 0x8000;
/// `LOG_BLOCK_MAX_NO`: numbers run from 1 to this, then again from 1.
const MAX_NUMBER: u64 = 0x4000_0000;

/// Whether a header or checkpoint block carries the CRC-32C of its first 508 bytes.
pub(super) fn crc_holds(block: &[u8]) -> bool {
    stored_sum(block).is_some_and(|(body, stored)| crc32c(body) == stored)
}

fn stored_sum(block: &[u8]) -> Option<(&[u8], u32)> {
    Some((slice_at(block, 0, CHECKSUM)?, u32_at(block, CHECKSUM)?))
}

/// `log_block_calc_checksum_format_0`: the additive sum of MySQL up to 5.7.8 and MariaDB up to 10.1.
pub(super) fn additive(body: &[u8]) -> u32 {
    let mut shift = 0;
    body.iter().fold(1u32, |sum, &b| {
        let b = u32::from(b);
        let next = (sum & 0x7FFF_FFFF).wrapping_add(b).wrapping_add(b.wrapping_shl(shift));
        shift = if shift == 24 { 0 } else { shift + 1 };
        next
    })
}

/// What a sound block must satisfy in the format at hand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BlockRules {
    /// The additive sum counts too (format 0; the server's choice was a setting from MySQL 5.6.3 on).
    pub additive: bool,
    /// The top bit of the length means that bytes 12.. are ciphertext, the check word with them (MySQL 8.0).
    pub encrypt_bit: bool,
    /// Bytes 8..12 are the epoch of the LSN (MySQL 8.0.30 on).
    pub epoch: bool,
    /// The data length is ciphertext: number and check word, which covers the ciphertext, are all there is (MariaDB
    /// 10.4 to 10.7 with `innodb_encrypt_log`; seen with 10.5.23). The end is then the end of the last block.
    pub hidden_length: bool,
}

/// A block that is the one expected at its LSN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sound {
    len: u64,
    encrypted: bool,
}

/// `log_block_convert_lsn_to_hdr_no`.
pub(super) fn number_of(lsn: Lsn) -> u32 {
    // Less than 2^30 by the remainder, so the cast keeps everything.
    (lsn.0 / BLOCK_LSN % MAX_NUMBER) as u32 + 1
}

/// `log_block_convert_lsn_to_epoch_no`; the server truncates it to 32 bits as well.
pub(super) fn epoch_of(lsn: Lsn) -> u32 {
    ((lsn.0 / BLOCK_LSN / MAX_NUMBER) as u32).wrapping_add(1)
}

fn judge(block: &[u8], lsn: Lsn, rules: BlockRules) -> Option<Sound> {
    let raw_len = u16_at(block, DATA_LEN)?;
    let encrypted = rules.encrypt_bit && raw_len & ENCRYPT_BIT != 0;
    let len = match (rules.hidden_length, encrypted) {
        (true, _) => BLOCK as u16,
        (false, true) => raw_len & !ENCRYPT_BIT,
        (false, false) => raw_len,
    };
    let (body, stored) = stored_sum(block)?;
    let sum_holds = encrypted
        || stored == crc32c(body)
        || stored == NO_CHECKSUM_MAGIC
        || (rules.additive && stored == additive(body));
    let sound = u32_at(block, NUMBER)? & !FLUSH_BIT == number_of(lsn)
        && (!rules.epoch || u32_at(block, EPOCH)? == epoch_of(lsn))
        && (HEADER..=BLOCK as u16).contains(&len)
        && sum_holds;
    sound.then_some(Sound { len: u64::from(len), encrypted })
}

/// The records in a block of MariaDB 10.5 to 10.7, if it is the one of this LSN.
pub(super) fn payload(block: &[u8], lsn: Lsn) -> Option<&[u8]> {
    let sound = judge(block, lsn, BlockRules::default())?;
    let end = usize::try_from(sound.len).ok()?.min(CHECKSUM);
    block.get(usize::from(HEADER)..end)
}

/// Where in a block the first mini-transaction begins that begins in it, if it is the one of this LSN.
pub(super) fn first_group(block: &[u8], lsn: Lsn) -> Option<Option<u16>> {
    judge(block, lsn, BlockRules::default())?;
    let offset = u16_at(block, FIRST_GROUP)?;
    Some(Some(offset).filter(|offset| (HEADER..CHECKSUM as u16).contains(offset)))
}

/// What a walk along the blocks found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct BlockWalk {
    /// One past the last byte in use; `None` if the checkpoint's own block is not sound.
    pub end: Option<Lsn>,
    /// A block with the encryption bit was met.
    pub encrypted: bool,
    /// The last sound block is full, so another should follow it.
    pub cut: bool,
}

/// Walks from the block that holds `checkpoint` to the first that is not full or not sound, `limit` blocks at most.
///
/// `fetch` gives the block at an LSN, or `None` where the files hold none; `records` gets the log from the checkpoint on,
/// ciphertext left out.
pub(super) fn walk(
    checkpoint: Lsn,
    limit: u64,
    rules: BlockRules,
    mut records: impl FnMut(&[u8]),
    mut fetch: impl FnMut(Lsn) -> Result<Option<[u8; BLOCK]>>,
) -> Result<BlockWalk> {
    let mut found = BlockWalk::default();
    let mut at = Lsn(checkpoint.0 & !(BLOCK_LSN - 1));
    for _ in 0..limit {
        let Some(bytes) = fetch(at)? else { break };
        let Some(block) = judge(&bytes, at, rules) else { break };
        let Some(end) = at.0.checked_add(block.len).map(Lsn) else { break };
        if !block.encrypted {
            let from = checkpoint.0.saturating_sub(at.0).max(u64::from(HEADER));
            let to = block.len.min(CHECKSUM as u64);
            records(usize::try_from(from).ok().and_then(|from| bytes.get(from..to as usize)).unwrap_or(&[]));
        }
        found.encrypted |= block.encrypted;
        found.end = Some(end);
        found.cut = block.len == BLOCK_LSN && !rules.hidden_length;
        if block.len < BLOCK_LSN {
            break;
        }
        at = end;
    }
    // A block in use only up to a place before the checkpoint does not hold the checkpoint.
    found.end = found.end.filter(|&end| end >= checkpoint);
    Ok(found)
}
