//! `ib_logfile0` of MariaDB 10.8 and later ("Phys"): no blocks, mini-transactions end to end round the file.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 512 | header, see `header`; subformat 0 |
//! | 4096 | 64 | checkpoint |
//! | 8192 | 64 | checkpoint |
//! | 12288 | | mini-transactions (`START_OFFSET`) |
//!
//! A checkpoint:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | checkpoint LSN; the sound one with the greater LSN counts |
//! | 8 | 8 | LSN of the `FILE_CHECKPOINT` mini-transaction that completes it, not below the checkpoint LSN |
//! | 16 | 44 | zero |
//! | 60 | 4 | CRC-32C of bytes 0..60 |
//!
//! A mini-transaction is a run of records, one byte that is its sequence bit (0 or 1), 8 bytes of nonce if the log is
//! encrypted, and 4 bytes of CRC-32C over records and nonce. A record begins with a byte above 1; its low four bits
//! are the length of what follows, or 0 for a longer one. Lengths are never encrypted. Integers are big-endian.
//! (`log0log.h`, `log0recv.cc` MariaDB 10.11, 11.8.)

use std::ops::Range;

use crate::bytes::{is_zero, slice_at, u32_at, u64_at};
use crate::error::Result;
use crate::units::Lsn;

use crate::instance::redo::header::FileHeader;
use crate::instance::redo::source::{LogFile, Window};
use crate::instance::redo::touched;
use crate::instance::redo::touched::Touched;
use crate::instance::redo::{Fault, Found, Redo, RedoFile, RedoFormat, unreadable};
use crate::page::checksum::crc32c;
use crate::instance::redo::file_records::{FileRecords, mini_transaction};

const CHECKPOINTS: [u64; 2] = [4096, 8192];
const CHECKPOINT_SIZE: usize = 64;
const CHECKPOINT_LSN: usize = 0;
const CHECKPOINT_END: usize = 8;
const CHECKPOINT_SUM: usize = 60;
const _: () = assert!(CHECKPOINT_SUM + 4 == CHECKPOINT_SIZE);

/// `log_t::START_OFFSET`.
const START_OFFSET: u64 = 12288;
/// `SIZE_OF_FILE_CHECKPOINT`: type and length, page id, LSN, sequence bit, CRC.
const FILE_CHECKPOINT_SIZE: u64 = 16;
/// First byte of a `FILE_CHECKPOINT` record with an LSN: type 0xF0, length 10.
const FILE_CHECKPOINT: u8 = 0xFA;
/// `recv_sys_t::MTR_SIZE_MAX`: no record begins beyond it, none is longer.
const MTR_SIZE_MAX: usize = 1 << 20;
const NONCE: usize = 8;
const CRC: usize = 4;

const HEADER_RANGES: [Range<u64>; 3] = [0..512, 4096..4608, 8192..8704];

/// A checkpoint whose CRC holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checkpoint {
    lsn: Lsn,
    /// Where its `FILE_CHECKPOINT` begins.
    record: Lsn,
}

impl Checkpoint {
    fn parse(bytes: &[u8], start: Lsn) -> Option<Checkpoint> {
        let found = Checkpoint {
            lsn: Lsn(u64_at(bytes, CHECKPOINT_LSN)?),
            record: Lsn(u64_at(bytes, CHECKPOINT_END)?),
        };
        let sound = crc32c(slice_at(bytes, 0, CHECKPOINT_SUM)?) == u32_at(bytes, CHECKPOINT_SUM)?
            && found.lsn >= start
            && found.record >= found.lsn;
        sound.then_some(found)
    }
}

/// Reads the log in `log`.
pub(super) fn read(log: LogFile, header: &FileHeader, format: RedoFormat) -> Result<Found> {
    if log.size < START_OFFSET + FILE_CHECKPOINT_SIZE {
        return Ok(unreadable(format!(
            "{} has {} bytes; a MariaDB 10.8 log has {} at least",
            log.name(),
            log.size,
            START_OFFSET + FILE_CHECKPOINT_SIZE
        )));
    }
    let mut redo = Redo::from_header(format, &log, header);
    redo.encrypted = format == RedoFormat::MariaDbEncrypted || header.flags != 0;
    redo.files.push(RedoFile::new(&log, Some(header.start_lsn), &HEADER_RANGES));
    if header.uuid != 0 {
        redo.note(format!("{}: subformat {} is not known, 0 expected", log.name(), header.uuid));
    }
    match newest_checkpoint(&log, header.start_lsn, &mut redo)? {
        None => redo.note(format!("{}: neither checkpoint is sound", log.name())),
        Some(checkpoint) => {
            redo.checkpoint = Some(checkpoint.lsn);
            let nonce = if redo.encrypted { NONCE } else { 0 };
            let mut walker = Walker::new(&log, header.start_lsn, nonce);
            let walk = walker.walk(checkpoint.lsn)?;
            redo.file_records = (!redo.encrypted && walk.first.is_some()).then(|| walker.take_file_records());
            redo.touched = (!redo.encrypted).then(|| std::mem::take(&mut walker.touched));
            finish(&mut redo, checkpoint, &walk, nonce);
        }
    }
    Ok(Found::Read(redo))
}

fn newest_checkpoint(log: &LogFile, start: Lsn, redo: &mut Redo) -> Result<Option<Checkpoint>> {
    let mut newest: Option<Checkpoint> = None;
    let mut damaged = None;
    for at in CHECKPOINTS {
        let bytes = log.read(at, CHECKPOINT_SIZE)?;
        match Checkpoint::parse(&bytes, start) {
            Some(found) if newest.is_none_or(|n| found.lsn >= n.lsn) => newest = Some(found),
            Some(_) => {}
            // A new log has used only one of the two.
            None if is_zero(&bytes) => {}
            None => {
                redo.note(format!("{}: the checkpoint at offset {at} is damaged", log.name()));
                damaged = u64_at(&bytes, CHECKPOINT_LSN).map(Lsn);
            }
        }
    }
    if newest.is_some_and(|newest| damaged > Some(newest.lsn)) {
        redo.faults.push(Fault::NewestCheckpoint);
    }
    Ok(newest)
}

fn finish(redo: &mut Redo, checkpoint: Checkpoint, walk: &Walk, nonce: usize) {
    let Some(only) = walk.first else {
        redo.faults.push(Fault::BreaksOff);
        redo.note(format!(
            "no sound mini-transaction at checkpoint LSN {}; the end is not known",
            checkpoint.lsn
        ));
        return;
    };
    redo.end = Some(walk.end);
    let marker = only.first_byte == FILE_CHECKPOINT && only.size == FILE_CHECKPOINT_SIZE + nonce as u64;
    let alone = walk.end.0.checked_sub(checkpoint.lsn.0) == Some(only.size);
    redo.records_after_checkpoint = Some(!(marker && alone));
    if walk.end <= checkpoint.record {
        redo.faults.push(Fault::BreaksOff);
        redo.note(format!(
            "the log breaks off before the checkpoint's own record at LSN {}; the end LSN may be too low",
            checkpoint.record
        ));
    }
}

/// A sound mini-transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mtr {
    /// With its trailer.
    size: u64,
    first_byte: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Walk {
    end: Lsn,
    first: Option<Mtr>,
}

/// Reads mini-transactions at LSNs, whichever way they wrap.
#[derive(Debug)]
struct Walker<'a> {
    log: &'a LogFile,
    start: Lsn,
    /// `log_t::capacity`, never 0.
    capacity: u64,
    nonce: usize,
    window: Window,
    /// Records, nonce and CRC of the mini-transaction at hand.
    bytes: Vec<u8>,
    /// See [`Redo::touched`].
    touched: Touched,
    /// See [`Redo::file_records`].
    file_records: FileRecords,
}

impl<'a> Walker<'a> {
    fn new(log: &'a LogFile, start: Lsn, nonce: usize) -> Walker<'a> {
        let capacity = log.size.saturating_sub(START_OFFSET).max(1);
        let (window, touched, file_records) = Default::default();
        Walker { log, start, capacity, nonce, window, bytes: Vec::new(), touched, file_records }
    }

    /// From `checkpoint` to the first mini-transaction that is not sound, once round the file at most.
    fn walk(&mut self, checkpoint: Lsn) -> Result<Walk> {
        let mut walk = Walk { end: checkpoint, first: None };
        while let Some(mtr) = self.mtr(walk.end)? {
            let Some(end) = walk.end.0.checked_add(mtr.size) else { break };
            if end - checkpoint.0 > self.capacity {
                break;
            }
            self.note_touched(Lsn(end));
            walk = Walk { end: Lsn(end), first: walk.first.or(Some(mtr)) };
        }
        Ok(walk)
    }

    /// The records of an encrypted log are ciphertext.
    fn note_touched(&mut self, end: Lsn) {
        let records = self.bytes.len().checked_sub(self.nonce + CRC).and_then(|end| self.bytes.get(..end));
        if let Some(records) = records.filter(|_| self.nonce == 0) {
            touched::collect(records, end, &mut self.touched);
            mini_transaction(records, &mut self.file_records);
        }
    }

    fn take_file_records(&mut self) -> FileRecords {
        let mut found = std::mem::take(&mut self.file_records);
        self.touched.sizes.iter().for_each(|(&space, &pages)| found.resize(space, pages));
        found
    }

    fn mtr(&mut self, at: Lsn) -> Result<Option<Mtr>> {
        self.bytes.clear();
        while let Some(first) = self.take_byte(at)? {
            if first <= 1 {
                self.bytes.pop();
                return self.close(at, first);
            }
            if self.bytes.len() > MTR_SIZE_MAX {
                break;
            }
            let rest = match first & 0xF {
                0 => self.long_record(at)?,
                n => Some(usize::from(n)),
            };
            let Some(rest) = rest else { break };
            if !self.take(at, rest)? {
                break;
            }
        }
        Ok(None)
    }

    /// What is left of a record whose length follows its first byte: the length counts from its own first byte.
    fn long_record(&mut self, at: Lsn) -> Result<Option<usize>> {
        let Some(head) = self.take_byte(at)? else { return Ok(None) };
        let (more, base) = match head {
            0..=0x7F => (0, u32::from(head)),
            0x80..=0xBF => (1, u32::from(head & 0x3F)),
            0xC0..=0xDF => (2, u32::from(head & 0x1F)),
            // The longer forms begin at 0x204080, beyond MTR_SIZE_MAX.
            0xE0.. => return Ok(None),
        };
        let mut value = base;
        for _ in 0..more {
            let Some(byte) = self.take_byte(at)? else { return Ok(None) };
            value = value << 8 | u32::from(byte);
        }
        // Each form begins where the shorter one ends.
        let offset = [0, 0x80, 0x4080].get(more).copied().unwrap_or(0);
        let length = value.saturating_add(offset) as usize;
        Ok((length < MTR_SIZE_MAX).then_some(length + 15 - 1 - more))
    }

    /// Judges sequence bit and CRC behind the records in `bytes`.
    fn close(&mut self, at: Lsn, bit: u8) -> Result<Option<Mtr>> {
        let records = self.bytes.len();
        let Some(&first_byte) = self.bytes.first() else { return Ok(None) };
        let Some(bit_lsn) = at.0.checked_add(records as u64).map(Lsn) else { return Ok(None) };
        let Some(after_bit) = bit_lsn.0.checked_add(1).map(Lsn) else { return Ok(None) };
        if bit != self.sequence_bit(bit_lsn) || !self.append(after_bit, self.nonce + CRC)? {
            return Ok(None);
        }
        let covered = records + self.nonce;
        let sum = self.bytes.get(..covered).map(crc32c);
        let size = (covered + 1 + CRC) as u64;
        Ok((sum == u32_at(&self.bytes, covered)).then_some(Mtr { size, first_byte }))
    }

    /// `log_t::get_sequence_bit`: 1 on the first lap round the file, then alternating.
    fn sequence_bit(&self, lsn: Lsn) -> u8 {
        u8::from((lsn.0.saturating_sub(self.start.0) / self.capacity).is_multiple_of(2))
    }

    fn take_byte(&mut self, at: Lsn) -> Result<Option<u8>> {
        Ok(if self.take(at, 1)? { self.bytes.last().copied() } else { None })
    }

    /// Appends the next `len` bytes of the mini-transaction at `at`, of which `bytes` holds the beginning.
    fn take(&mut self, at: Lsn, len: usize) -> Result<bool> {
        match at.0.checked_add(self.bytes.len() as u64) {
            Some(lsn) => self.append(Lsn(lsn), len),
            None => Ok(false),
        }
    }

    /// Appends `len` bytes from `lsn` on; false if the file has none there.
    fn append(&mut self, lsn: Lsn, len: usize) -> Result<bool> {
        let (mut lsn, mut left) = (lsn.0, len);
        while left > 0 {
            let Some(behind) = lsn.checked_sub(self.start.0) else { return Ok(false) };
            let in_ring = behind % self.capacity;
            let to_end = usize::try_from(self.capacity - in_ring).unwrap_or(usize::MAX);
            let Some(some) = self.window.some(self.log, START_OFFSET + in_ring, left.min(to_end))? else {
                return Ok(false);
            };
            self.bytes.extend_from_slice(some);
            left -= some.len();
            let Some(next) = lsn.checked_add(some.len() as u64) else { return Ok(false) };
            lsn = next;
        }
        Ok(true)
    }
}
