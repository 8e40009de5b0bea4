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

use crate::instance::redo::file_records::{FileRecords, mini_transaction};
use crate::instance::redo::header::FileHeader;
use crate::instance::redo::source::LogFile;
use crate::instance::redo::tape::{NONCE, Tape, TapeShape};
use crate::instance::redo::touched;
use crate::instance::redo::touched::Touched;
use crate::instance::redo::{FoundRedo, RedoFault, RedoFile, RedoFormat, RedoLog, RedoNote, unreadable};
use crate::page::checksum::crc32c;

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

const HEADER_RANGES: [Range<u64>; 3] = [0..512, 4096..4608, 8192..8704];

/// A checkpoint whose CRC holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PhysCheckpoint {
    pub(super) lsn: Lsn,
    /// Where its `FILE_CHECKPOINT` begins.
    pub(super) record: Lsn,
}

impl PhysCheckpoint {
    fn parse(bytes: &[u8], start: Lsn) -> Option<PhysCheckpoint> {
        let found = PhysCheckpoint {
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
pub(super) fn read(log: LogFile, header: &FileHeader, format: RedoFormat) -> Result<FoundRedo> {
    if log.size < START_OFFSET + FILE_CHECKPOINT_SIZE {
        return Ok(unreadable(RedoNote::TooShort {
            file: log.name(),
            size: log.size,
            least: START_OFFSET + FILE_CHECKPOINT_SIZE,
        }));
    }
    let mut redo = RedoLog::from_header(format, &log, header);
    redo.encrypted = format == RedoFormat::MariaDbEncrypted || header.flags != 0;
    redo.files.push(RedoFile::new(&log, Some(header.start_lsn), &HEADER_RANGES));
    if header.uuid != 0 {
        redo.note(RedoNote::Subformat { file: log.name(), found: header.uuid });
    }
    match newest_checkpoint(&log, header.start_lsn, &mut redo)? {
        None => redo.note(RedoNote::NoCheckpoint { file: log.name() }),
        Some(checkpoint) => {
            redo.checkpoint = Some(checkpoint.lsn);
            let encrypted = redo.encrypted;
            let Some(mut tape) = tape(log, header.start_lsn, encrypted) else {
                return Ok(FoundRedo::Read(redo));
            };
            let (walk, touched, file_records) = walk(&mut tape, encrypted, checkpoint.lsn)?;
            redo.touched = (!redo.encrypted).then_some(touched);
            // The old style leaves records of files in clear (`log_parse_file` in `recv_sys_t::parse_tail`, MariaDB 11.8.6),
            // the new one leaves nothing.
            let says = walk.first.is_some() && format != RedoFormat::MariaDbEncrypted;
            redo.file_records = says.then_some(file_records);
            let nonce = if redo.encrypted { NONCE } else { 0 };
            finish(&mut redo, checkpoint, &walk, nonce);
        }
    }
    Ok(FoundRedo::Read(redo))
}

fn newest_checkpoint(log: &LogFile, start: Lsn, redo: &mut RedoLog) -> Result<Option<PhysCheckpoint>> {
    let mut newest: Option<PhysCheckpoint> = None;
    let mut damaged = None;
    for at in CHECKPOINTS {
        let bytes = log.read(at, CHECKPOINT_SIZE)?;
        match PhysCheckpoint::parse(&bytes, start) {
            Some(found) if newest.is_none_or(|n| found.lsn >= n.lsn) => newest = Some(found),
            Some(_) => {}
            // A new log has used only one of the two.
            None if is_zero(&bytes) => {}
            None => {
                redo.note(RedoNote::Checkpoint { file: log.name(), at });
                damaged = u64_at(&bytes, CHECKPOINT_LSN).map(Lsn);
            }
        }
    }
    if newest.is_some_and(|newest| damaged > Some(newest.lsn)) {
        redo.faults.push(RedoFault::NewestCheckpoint);
    }
    Ok(newest)
}

/// What a walk from the checkpoint tells of the end and of the shutdown. `nonce` bytes belong to each mini-transaction.
pub(super) fn finish(redo: &mut RedoLog, checkpoint: PhysCheckpoint, walk: &PhysWalk, nonce: usize) {
    let Some(only) = walk.first else {
        redo.faults.push(RedoFault::BreaksOff);
        redo.note(RedoNote::NothingAtCheckpoint(checkpoint.lsn));
        return;
    };
    redo.end = Some(walk.end);
    let marker = only.first_byte == FILE_CHECKPOINT && only.size == FILE_CHECKPOINT_SIZE + nonce as u64;
    let alone = walk.end.0.checked_sub(checkpoint.lsn.0) == Some(only.size);
    redo.records_after_checkpoint = Some(!(marker && alone));
    if walk.end <= checkpoint.record {
        redo.faults.push(RedoFault::BreaksOff);
        redo.note(RedoNote::BreaksOffBefore(checkpoint.record));
    }
}

/// The first mini-transaction after the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct First {
    /// With its trailer.
    size: u64,
    first_byte: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PhysWalk {
    pub(super) end: Lsn,
    first: Option<First>,
}

/// The log as a stream; `None` where the file holds no byte of a ring.
pub(super) fn tape(log: LogFile, start: Lsn, encrypted: bool) -> Option<Tape> {
    let capacity = log.size.checked_sub(START_OFFSET).filter(|&capacity| capacity > 0)?;
    Some(Tape::new(vec![log], TapeShape::Ring { first: START_OFFSET, start, capacity }, encrypted))
}

/// From `checkpoint` to the first mini-transaction that is not sound, once round the file at most. What an encrypted log says
/// of pages is ciphertext.
pub(super) fn walk(
    tape: &mut Tape,
    encrypted: bool,
    checkpoint: Lsn,
) -> Result<(PhysWalk, Touched, FileRecords)> {
    let (mut walk, mut touched) = (PhysWalk { end: checkpoint, first: None }, Touched::default());
    let mut files = FileRecords::default();
    let capacity = tape.capacity();
    while let Some((mtr, end)) = tape.mtr(walk.end.0)? {
        if end.saturating_sub(checkpoint.0) > capacity {
            break;
        }
        if !encrypted {
            touched::collect(mtr.records, Lsn(end), &mut touched);
        }
        mini_transaction(mtr.records, &mut files);
        let first_byte = mtr.records.first().copied().unwrap_or_default();
        let first = First { size: end.saturating_sub(walk.end.0), first_byte };
        walk = PhysWalk { end: Lsn(end), first: walk.first.or(Some(first)) };
    }
    touched.sizes.iter().for_each(|(&space, &pages)| files.resize(space, pages));
    Ok((walk, touched, files))
}
