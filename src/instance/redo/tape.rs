//! The mini-transactions of a log of MariaDB 10.5 and later as one stream, whichever way the files keep it.
//!
//! | shape | servers | a mini-transaction ends with |
//! |---|---|---|
//! | ring without blocks, "Phys" | 10.8 on | its sequence bit, 8 bytes of nonce if encrypted, CRC-32C |
//! | files end to end, `innodb_log_archive` | 13.0 on | the same; the sequence bit is always 1 |
//! | ring of 512-byte blocks, "PHYS" | 10.5 to 10.7 | a zero |
//!
//! Records go on from block to block, from file to file and round the end of a ring at any byte. A place in the stream is
//! counted in bytes of records: for rings and archives that is the LSN, in blocks 496 of every 512 bytes are records.

use crate::error::Result;
use crate::units::Lsn;

use crate::bytes::u32_at;
use crate::format::redo_record::extent;
use crate::instance::redo::block;
use crate::instance::redo::block::BLOCK_LSN;
use crate::instance::redo::source::LogFile;
use crate::page::checksum::crc32c;

/// `recv_sys_t::MTR_SIZE_MAX`: no record begins beyond it, none is longer.
pub(super) const MTR_SIZE_MAX: usize = 1 << 20;
/// What a look at most mini-transactions needs.
const USUAL: usize = 16 << 10;
/// How much is read at once.
const CHUNK: usize = 1 << 20;
pub(super) const NONCE: usize = 8;
pub(super) const CRC: usize = 4;
/// Bytes of a block before and between its header and its check word.
const BLOCK_HEADER: u64 = 12;
const PAYLOAD: u64 = 496;

/// How the bytes lie in the files.
#[derive(Debug)]
pub(super) enum TapeShape {
    /// One file whose bytes from `first` on are a ring.
    Ring {
        /// Offset of the first byte of the ring.
        first: u64,
        /// LSN of that byte on the first lap.
        start: Lsn,
        /// `log_t::capacity`, never 0.
        capacity: u64,
    },
    /// `ib_<LSN>.log`, in the order of their LSNs, with the LSN of byte `first` of each.
    Archive {
        /// Offset of the first byte after the header.
        first: u64,
        /// One for each file.
        starts: Vec<Lsn>,
    },
    /// A ring of blocks: the block of `lsn` lies at `offset`.
    Blocks {
        /// Offset of the first block.
        first: u64,
        /// Of an LSN at a block's beginning ...
        lsn: Lsn,
        /// ... the offset behind `first`.
        offset: u64,
        /// Bytes of all blocks, never 0.
        capacity: u64,
    },
}

/// One mini-transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mtr<'a> {
    /// Its first byte.
    pub from: Lsn,
    /// One past its last: the LSN of the pages that it changes.
    pub to: Lsn,
    /// Its records without terminator.
    pub records: &'a [u8],
    /// In an encrypted log the bytes behind the sequence bit, with which the cipher begins; else 0.
    pub nonce: [u8; NONCE],
}

/// A stream of mini-transactions.
#[derive(Debug)]
pub(super) struct Tape {
    files: Vec<LogFile>,
    shape: TapeShape,
    encrypted: bool,
    /// Place of the first byte of `bytes` in the stream.
    at: u64,
    bytes: Vec<u8>,
    /// Where nothing more was found.
    ended: Option<u64>,
    /// Bytes that were looked at as mini-transactions, sound or not: the measure of a search.
    pub looked_at: u64,
}

/// What `bytes` begins with.
enum TapeStart {
    /// Records of this length, and their terminator.
    Whole(usize, u8),
    /// More bytes are needed.
    Cut,
    /// No mini-transaction.
    Nothing,
}

impl Tape {
    pub fn new(files: Vec<LogFile>, shape: TapeShape, encrypted: bool) -> Tape {
        Tape { files, shape, encrypted, at: 0, bytes: Vec::new(), ended: None, looked_at: 0 }
    }

    /// Bytes of the stream that exist at one time.
    pub fn capacity(&self) -> u64 {
        match &self.shape {
            TapeShape::Ring { capacity, .. } => *capacity,
            TapeShape::Blocks { capacity, .. } => *capacity / BLOCK_LSN * PAYLOAD,
            TapeShape::Archive { first, .. } => {
                self.files.iter().fold(0, |sum, file| sum + file.size.saturating_sub(*first))
            }
        }
    }

    /// The place of an LSN.
    pub fn place(&self, lsn: Lsn) -> u64 {
        match self.shape {
            TapeShape::Blocks { .. } => {
                let inside = (lsn.0 % BLOCK_LSN).clamp(BLOCK_HEADER, BLOCK_HEADER + PAYLOAD) - BLOCK_HEADER;
                lsn.0 / BLOCK_LSN * PAYLOAD + inside
            }
            _ => lsn.0,
        }
    }

    /// The LSN of a place.
    pub fn lsn(&self, place: u64) -> Lsn {
        match self.shape {
            TapeShape::Blocks { .. } => {
                let block = (place / PAYLOAD).saturating_mul(BLOCK_LSN);
                Lsn(block.saturating_add(BLOCK_HEADER + place % PAYLOAD))
            }
            _ => Lsn(place),
        }
    }

    /// The mini-transaction at a place, and the place behind it; `None` where there is no sound one.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn mtr(&mut self, place: u64) -> Result<Option<(Mtr<'_>, u64)>> {
        self.hold(place, USUAL)?;
        let (mut found, mut seen) = split(self.held(place));
        if matches!(found, TapeStart::Cut) {
            self.hold(place, MTR_SIZE_MAX + USUAL)?;
            (found, seen) = split(self.held(place));
        }
        self.looked_at = self.looked_at.saturating_add(seen as u64);
        let TapeStart::Whole(len, terminator) = found else { return Ok(None) };
        let trailer = self.trailer();
        let (Some(whole), Some(bit_place)) = (len.checked_add(trailer), place.checked_add(len as u64)) else {
            return Ok(None);
        };
        if self.held(place).len() < whole {
            self.hold(place, whole)?;
        }
        let (from, to) = (self.lsn(place), self.lsn(place.saturating_add(whole as u64)));
        let expected = self.sequence_bit(bit_place);
        let Some(bytes) = self.held(place).get(..whole) else { return Ok(None) };
        if expected.is_some_and(|bit| bit != terminator) || !self.sum_holds(bytes, len) {
            return Ok(None);
        }
        let (records, rest) = bytes.split_at_checked(len).unwrap_or_default();
        let nonce = rest.get(1..1 + NONCE).filter(|_| self.encrypted).and_then(|nonce| nonce.try_into().ok());
        let mtr = Mtr { from, to, records, nonce: nonce.unwrap_or_default() };
        // 10.5 writes some without a record in between (seen with 10.5.23); elsewhere such is the end.
        let counts = !records.is_empty() || matches!(self.shape, TapeShape::Blocks { .. });
        Ok(counts.then_some((mtr, place.saturating_add(whole as u64))))
    }

    /// Bytes behind the records.
    fn trailer(&self) -> usize {
        match (&self.shape, self.encrypted) {
            (TapeShape::Blocks { .. }, _) => 1,
            (_, true) => 1 + NONCE + CRC,
            (_, false) => 1 + CRC,
        }
    }

    /// The CRC covers records and nonce, not the byte between.
    fn sum_holds(&self, bytes: &[u8], records: usize) -> bool {
        if matches!(self.shape, TapeShape::Blocks { .. }) {
            return true;
        }
        let Some((body, stored)) = bytes.len().checked_sub(CRC).map(|at| bytes.split_at(at)) else {
            return false;
        };
        let (Some(first), Some(nonce)) = (body.get(..records), body.get(records + 1..)) else { return false };
        let sum = if nonce.is_empty() { crc32c(first) } else { crc32c(&[first, nonce].concat()) };
        u32_at(stored, 0) == Some(sum)
    }

    /// `log_t::get_sequence_bit`: 1 on the first lap round the file, then alternating. Blocks end with 0 always.
    fn sequence_bit(&self, place: u64) -> Option<u8> {
        match self.shape {
            TapeShape::Ring { start, capacity, .. } => {
                Some(u8::from((place.saturating_sub(start.0) / capacity.max(1)).is_multiple_of(2)))
            }
            TapeShape::Archive { .. } => Some(1),
            TapeShape::Blocks { .. } => Some(0),
        }
    }

    /// In a ring of blocks the place where the first mini-transaction begins of the unbroken run of sound blocks that
    /// leads to `until`, looking from `from` on; `None` for other shapes, where only a search finds one.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn first_in_blocks(&self, from: u64, until: u64) -> Result<Option<u64>> {
        let (TapeShape::Blocks { .. }, Some(log)) = (&self.shape, self.files.first()) else {
            return Ok(None);
        };
        let (mut number, mut first) = (from.div_ceil(PAYLOAD), None);
        while number.saturating_mul(PAYLOAD) < until {
            let Some((_, offset, len)) = self.extent(number.saturating_mul(PAYLOAD), CHUNK) else { break };
            let bytes = log.read(offset, len)?;
            if bytes.len() < block::BLOCK {
                break;
            }
            for bytes in bytes.chunks_exact(block::BLOCK) {
                let begin = number.saturating_mul(PAYLOAD);
                first = match block::first_group(bytes, Lsn(number.saturating_mul(BLOCK_LSN))) {
                    None if begin < until => None,
                    Some(Some(offset)) => first.or(begin.checked_add(u64::from(offset) - BLOCK_HEADER)),
                    _ => first,
                };
                number = number.saturating_add(1);
            }
        }
        Ok(first)
    }

    /// What is in memory from `place` on.
    fn held(&self, place: u64) -> &[u8] {
        let skip = place.checked_sub(self.at).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.bytes.get(skip..)).unwrap_or_default()
    }

    /// Sees to it that `want` bytes from `place` on are in memory, as far as there are so many.
    fn hold(&mut self, place: u64, want: usize) -> Result<()> {
        if self.held(place).len() >= want {
            return Ok(());
        }
        let kept = self.held(place).len();
        let start = self.bytes.len().saturating_sub(kept);
        self.bytes.drain(..start);
        if kept == 0 {
            self.bytes.clear();
        }
        self.at = place;
        let want = want.max(CHUNK);
        while self.bytes.len() < want {
            let next = place.saturating_add(self.bytes.len() as u64);
            if self.ended == Some(next) {
                break;
            }
            if !self.append(next, want.saturating_sub(self.bytes.len()))? {
                self.ended = Some(next);
                break;
            }
        }
        Ok(())
    }

    /// Appends some bytes from a place on; false where there are none.
    fn append(&mut self, place: u64, len: usize) -> Result<bool> {
        let (file, offset, len) = match self.extent(place, len) {
            Some(extent) => extent,
            None => return Ok(false),
        };
        if let TapeShape::Blocks { .. } = self.shape {
            return self.append_blocks(place, file, offset, len);
        }
        let Some(log) = self.files.get(file) else { return Ok(false) };
        let bytes = log.read(offset, len)?;
        self.bytes.extend_from_slice(&bytes);
        Ok(!bytes.is_empty())
    }

    /// File, offset in it, and how many bytes of `len` lie there in one piece.
    fn extent(&self, place: u64, len: usize) -> Option<(usize, u64, usize)> {
        let within = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(len);
        match &self.shape {
            TapeShape::Ring { first, start, capacity } => {
                let in_ring = place.checked_sub(start.0)?.checked_rem(*capacity)?;
                Some((0, first.checked_add(in_ring)?, within(capacity - in_ring)))
            }
            TapeShape::Archive { first, starts } => {
                let file = starts.partition_point(|start| start.0 <= place).checked_sub(1)?;
                let behind = place.checked_sub(starts.get(file)?.0)?;
                let size = self.files.get(file)?.size.checked_sub(*first)?;
                let left = size.checked_sub(behind).filter(|&left| left > 0)?;
                Some((file, first.checked_add(behind)?, within(left)))
            }
            TapeShape::Blocks { first, lsn, offset, capacity } => {
                let block = (place / PAYLOAD).checked_mul(BLOCK_LSN)?;
                // The LSN that is known may be before or behind: count round the ring either way.
                let distance = block.wrapping_sub(lsn.0).cast_signed().rem_euclid(capacity.cast_signed());
                let in_ring = offset.checked_add(distance.cast_unsigned())?.checked_rem(*capacity)?;
                let left = (capacity - in_ring).min(CHUNK as u64);
                Some((0, first.checked_add(in_ring)?, usize::try_from(left).ok()?))
            }
        }
    }

    /// The payload of blocks that carry the numbers expected and a right sum, up to the first that is not full.
    fn append_blocks(&mut self, place: u64, file: usize, offset: u64, len: usize) -> Result<bool> {
        let Some(log) = self.files.get(file) else { return Ok(false) };
        let mut skip = usize::try_from(place % PAYLOAD).unwrap_or_default();
        let mut number = place / PAYLOAD;
        let before = self.bytes.len();
        for bytes in log.read(offset, len)?.chunks_exact(block::BLOCK) {
            let lsn = Lsn(number.saturating_mul(BLOCK_LSN));
            let Some(payload) = block::payload(bytes, lsn) else { break };
            self.bytes.extend_from_slice(payload.get(skip..).unwrap_or_default());
            if payload.len() < PAYLOAD as usize {
                break;
            }
            (skip, number) = (0, number.saturating_add(1));
        }
        Ok(self.bytes.len() > before)
    }
}

/// Splits the records of a mini-transaction off; with how many bytes were looked at.
fn split(bytes: &[u8]) -> (TapeStart, usize) {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let found = match (rest.first(), extent(rest)) {
            (Some(&terminator @ (0 | 1)), _) => TapeStart::Whole(at, terminator),
            (None, _) => TapeStart::Cut,
            (_, Some((_, len))) if len <= MTR_SIZE_MAX && at <= MTR_SIZE_MAX => {
                at = at.saturating_add(len);
                continue;
            }
            // A length may be cut: the longest has five bytes and follows the first.
            (_, None) if rest.len() < 6 => TapeStart::Cut,
            _ => TapeStart::Nothing,
        };
        return (found, at);
    }
}
