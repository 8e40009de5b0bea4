//! `ib_logfile0`, `ib_logfile1`, ...: equal files of 512-byte blocks that form a ring.
//! MySQL up to 8.0.29, MariaDB up to 10.7 (one file only from 10.5 on).
//!
//! Every file begins with four blocks, but only those of `ib_logfile0` count:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 512 | header, see `header` |
//! | 512 | 512 | `LOG_CHECKPOINT_1` |
//! | 1024 | 512 | encryption information (MySQL 8.0), else unused |
//! | 1536 | 512 | `LOG_CHECKPOINT_2` |
//! | 2048 | | log blocks |
//!
//! A checkpoint block:
//!
//! | offset | size | name | meaning |
//! |---|---|---|---|
//! | 0 | 8 | `LOG_CHECKPOINT_NO` | the sound block with the greater number counts, the second on a tie |
//! | 8 | 8 | `LOG_CHECKPOINT_LSN` | where recovery begins |
//! | 16 | 8 | `LOG_CHECKPOINT_OFFSET` | of that LSN, in all files laid end to end, their headers counted |
//! | 24 | 8 | `LOG_CHECKPOINT_LOG_BUF_SIZE` | |
//! | 496 | 8 | `LOG_CHECKPOINT_END_LSN` | MariaDB 10.2 to 10.7: where the checkpoint's own record begins, or 0 |
//! | 508 | 4 | `LOG_BLOCK_CHECKSUM` | CRC-32C of bytes 0..508 |
//!
//! and in format 0:
//!
//! | offset | size | name | meaning |
//! |---|---|---|---|
//! | 0, 8 | 8 | | number and LSN as above |
//! | 16 | 4 | `LOG_CHECKPOINT_OFFSET_LOW32` | low half of the offset |
//! | 20 | 4 | `LOG_CHECKPOINT_LOG_BUF_SIZE` | |
//! | 288 | 4 | `LOG_CHECKPOINT_CHECKSUM_1` | fold of bytes 0..288 |
//! | 292 | 4 | `LOG_CHECKPOINT_CHECKSUM_2` | fold of bytes 8..292 |
//! | 304 | 4 | `LOG_CHECKPOINT_OFFSET_HIGH32` | high half of the offset (5.6 on) |
//!
//! Big-endian. (`log0log.h`, `log0recv.cc` MySQL 5.6, 5.7, 8.0.15; MariaDB 10.3, 10.5.)

use std::path::Path;

use crate::bytes::{is_zero, slice_at, u32_at, u64_at};
use crate::error::Result;
use crate::units::Lsn;

use crate::instance::redo::block;
use crate::instance::redo::block::{BLOCK, BLOCK_LSN, BlockRules, BlockWalk, crc_holds};
use crate::instance::redo::file_records::{FileRecords, Scanner, mini_transaction};
use crate::instance::redo::header::FileHeader;
use crate::instance::redo::source::{LogFile, LogWindow};
use crate::instance::redo::tape::{Tape, TapeShape};
use crate::instance::redo::touched::{self, Touched};
use crate::instance::redo::{FoundRedo, RedoFault, RedoFile, RedoFormat, RedoLog, RedoNote};
use crate::page::checksum::fold_binary as fold;

/// `LOG_FILE_HDR_SIZE`.
pub(super) const FILE_HEADER: u64 = 2048;
/// `LOG_CHECKPOINT_1` and `LOG_CHECKPOINT_2`.
pub(super) const CHECKPOINTS: [u64; 2] = [512, 1536];
/// `SRV_N_LOG_FILES_MAX`.
const MAX_FILES: usize = 100;

const NUMBER: usize = 0;
/// `LOG_CHECKPOINT_LSN`, at the same place in every block format.
pub(super) const CHECKPOINT_LSN: usize = 8;
const OFFSET: usize = 16;
const OFFSET_LOW32: usize = 16;
const CHECKSUM_1: usize = 288;
const CHECKSUM_2: usize = 292;
const OFFSET_HIGH32: usize = 304;
const END_LSN: usize = 496;

/// A checkpoint block whose check words hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RingCheckpoint {
    number: u64,
    lsn: Lsn,
    /// Low half and whole: the high half lies in bytes that old servers did not use.
    offset: (u64, u64),
    /// 0 where the format has no such field.
    record: Lsn,
}

impl RingCheckpoint {
    fn parse(block: &[u8], format: RedoFormat) -> Option<RingCheckpoint> {
        let number = u64_at(block, NUMBER)?;
        let lsn = Lsn(u64_at(block, CHECKPOINT_LSN)?);
        if format == RedoFormat::BeforeMySql579 {
            let sound = fold(slice_at(block, 0, CHECKSUM_1)?) == u32_at(block, CHECKSUM_1)?
                && fold(slice_at(block, 8, CHECKSUM_2 - 8)?) == u32_at(block, CHECKSUM_2)?;
            let low = u64::from(u32_at(block, OFFSET_LOW32)?);
            let whole = low | u64::from(u32_at(block, OFFSET_HIGH32)?) << 32;
            return sound.then_some(RingCheckpoint { number, lsn, offset: (low, whole), record: Lsn(0) });
        }
        let offset = u64_at(block, OFFSET)?;
        let record = if matches!(format, RedoFormat::MySql(_)) { 0 } else { u64_at(block, END_LSN)? };
        crc_holds(block).then_some(RingCheckpoint {
            number,
            lsn,
            offset: (offset, offset),
            record: Lsn(record),
        })
    }
}

/// Reads the ring that begins with `first`.
pub(super) fn read(dir: &Path, first: LogFile, header: &FileHeader, format: RedoFormat) -> Result<FoundRedo> {
    let mut redo = RedoLog::from_header(format, &first, header);
    redo.encrypted = header.raw_format & crate::instance::redo::FORMAT_ENCRYPTED != 0;
    let checkpoint = newest_checkpoint(&first, &mut redo)?;
    let files = open_all(dir, first, format)?;
    for log in &files {
        let head = log.block(0)?;
        let found = head.as_deref().and_then(FileHeader::parse);
        // A file that the log has not come to yet is zero; any other begins as the first one does.
        let odd = found.as_ref().is_some_and(|found| found.raw_format != header.raw_format);
        if odd && !head.as_deref().is_none_or(is_zero) {
            redo.faults.push(RedoFault::NoHeader { file: log.path.clone() });
        }
        let start = found.map(|h| h.start_lsn);
        let headers = 0..FILE_HEADER;
        redo.files.push(RedoFile::new(log, start, std::slice::from_ref(&headers)));
    }
    let Some(checkpoint) = checkpoint else {
        redo.note(RedoNote::NoCheckpointBlock);
        return Ok(FoundRedo::Read(redo));
    };
    redo.checkpoint = Some(checkpoint.lsn);
    let walk = walk(&files, checkpoint, &mut redo)?;
    if let Some(end) = walk.end.filter(|_| format == RedoFormat::MariaDb105 && !redo.encrypted) {
        redo.file_records = file_records(&dir.join("ib_logfile0"), checkpoint.lsn, end)?;
    }
    finish(&mut redo, checkpoint, walk);
    Ok(FoundRedo::Read(redo))
}

/// The log of MariaDB 10.5 to 10.7 as a stream; `None` where its checkpoint names no place in the file.
pub(super) fn tape(log: LogFile) -> Result<Option<Tape>> {
    let format = RedoFormat::MariaDb105;
    let Some(checkpoint) = newest_checkpoint(&log, &mut RedoLog::empty(format, super::FORMAT_10_5))? else {
        return Ok(None);
    };
    let ring = Ring { files: 1, size: log.size };
    let capacity = ring.blocks().saturating_mul(BLOCK_LSN);
    let Some(place) = ring.place(checkpoint.offset.1).filter(|_| capacity > 0) else { return Ok(None) };
    let lsn = Lsn(checkpoint.lsn.0 & !(BLOCK_LSN - 1));
    let offset = place.at.saturating_sub(FILE_HEADER);
    let shape = TapeShape::Blocks { first: FILE_HEADER, lsn, offset, capacity };
    Ok(Some(Tape::new(vec![log], shape, false)))
}

fn open_all(dir: &Path, first: LogFile, format: RedoFormat) -> Result<Vec<LogFile>> {
    let mut files = vec![first];
    // From 10.5 on a second file is a leftover of an older server, which the server deletes.
    let max = if format == RedoFormat::MariaDb105 { 1 } else { MAX_FILES };
    while files.len() < max {
        let Some(log) = LogFile::open(&dir.join(format!("ib_logfile{}", files.len())))? else { break };
        files.push(log);
    }
    Ok(files)
}

fn newest_checkpoint(first: &LogFile, redo: &mut RedoLog) -> Result<Option<RingCheckpoint>> {
    let mut newest: Option<RingCheckpoint> = None;
    let mut damaged = None;
    for at in CHECKPOINTS {
        let block = first.block(at)?;
        match block.as_deref().and_then(|b| RingCheckpoint::parse(b, redo.format)) {
            Some(found) if newest.is_none_or(|n| found.number >= n.number) => newest = Some(found),
            Some(_) => {}
            // A new log has used only one of the two.
            None if block.as_deref().is_some_and(is_zero) => {}
            None => {
                redo.note(RedoNote::CheckpointBlock { file: first.name(), at });
                damaged = block.as_deref().and_then(|block| u64_at(block, NUMBER));
            }
        }
    }
    if newest.is_some_and(|newest| damaged.is_some() && damaged == newest.number.checked_add(1)) {
        redo.faults.push(RedoFault::NewestCheckpoint);
    }
    Ok(newest)
}

/// Where a block lies in the ring.
#[derive(Debug, Clone, Copy)]
struct RingPlace {
    file: usize,
    at: u64,
}

/// Files of `size` bytes each, of which the whole blocks after the header are used.
#[derive(Debug, Clone, Copy)]
struct Ring {
    files: u64,
    size: u64,
}

impl Ring {
    /// The block that holds the byte at `offset` of all files laid end to end.
    fn place(self, offset: u64) -> Option<RingPlace> {
        let file = offset.checked_div(self.size).filter(|&f| f < self.files)?;
        let at = offset.checked_rem(self.size)? & !(BLOCK_LSN - 1);
        (at >= FILE_HEADER).then_some(RingPlace { file: usize::try_from(file).ok()?, at })
    }

    fn next(self, place: RingPlace) -> RingPlace {
        let at = place.at.saturating_add(BLOCK_LSN);
        if at.saturating_add(BLOCK_LSN) <= self.size {
            return RingPlace { at, ..place };
        }
        let last = place.file as u64 + 1 >= self.files;
        RingPlace { file: if last { 0 } else { place.file + 1 }, at: FILE_HEADER }
    }

    fn blocks(self) -> u64 {
        (self.size.saturating_sub(FILE_HEADER) / BLOCK_LSN).saturating_mul(self.files)
    }
}

fn ring_of(files: &[LogFile], redo: &mut RedoLog) -> Ring {
    let size = files.iter().map(|f| f.size).max().unwrap_or(0);
    for short in files.iter().filter(|f| f.size != size) {
        let what = RedoNote::Shorter { file: short.name(), size: short.size, largest: size };
        redo.note(what.clone());
        redo.faults.push(RedoFault::FileOdd { file: short.path.clone(), what });
    }
    // MySQL up to 8.0.29 and MariaDB up to 10.1 have two files at least.
    let two = matches!(redo.format, RedoFormat::MySql(_) | RedoFormat::BeforeMySql579);
    if two && files.len() == 1 {
        redo.faults.push(RedoFault::FileGone { what: RedoNote::NoSecondFile });
    }
    Ring { files: files.len() as u64, size }
}

fn walk(files: &[LogFile], checkpoint: RingCheckpoint, redo: &mut RedoLog) -> Result<BlockWalk> {
    let ring = ring_of(files, redo);
    let (low, whole) = checkpoint.offset;
    let fits = |&offset: &u64| offset % BLOCK_LSN == checkpoint.lsn.0 % BLOCK_LSN;
    let start = [whole, low].into_iter().filter(fits).find_map(|offset| ring.place(offset));
    let Some(mut place) = start else {
        redo.note(RedoNote::CheckpointOffset { offset: whole, lsn: checkpoint.lsn });
        return Ok(BlockWalk::default());
    };
    let rules = BlockRules {
        additive: redo.format == RedoFormat::BeforeMySql579,
        encrypt_bit: matches!(redo.format, RedoFormat::MySql(2..)),
        epoch: false,
        hidden_length: redo.encrypted
            && matches!(redo.format, RedoFormat::MariaDb104 | RedoFormat::MariaDb105),
    };
    let redo_format = redo.format;
    let mut window = LogWindow::default();
    let mut scanner = Scanner::default();
    let feed = |bytes: &[u8]| {
        if redo_format != RedoFormat::MariaDb105 {
            scanner.feed(bytes)
        }
    };
    let walk = block::walk(checkpoint.lsn, ring.blocks(), rules, feed, |lsn| {
        let bytes: Option<[u8; BLOCK]> = window.block(files, place.file, place.at)?;
        if bytes.is_none() {
            redo.note(RedoNote::EndsBefore { number: place.file, at: place.at, lsn });
        }
        place = ring.next(place);
        Ok(bytes)
    })?;
    if redo_format != RedoFormat::MariaDb105 {
        redo.take_file_records(scanner, &walk);
    }
    Ok(walk)
}

/// What the mini-transactions of MariaDB 10.5 to 10.7 after the checkpoint say of files.
fn file_records(path: &Path, checkpoint: Lsn, end: Lsn) -> Result<Option<FileRecords>> {
    let Some(mut tape) = LogFile::open(path)?.map(tape).transpose()?.flatten() else { return Ok(None) };
    let (mut at, mut found) = (tape.place(checkpoint), FileRecords::default());
    let mut touched = Touched::default();
    while let Some((mtr, next)) = tape.mtr(at)?.filter(|(mtr, next)| *next > at && mtr.to <= end) {
        touched::collect(mtr.records, mtr.to, &mut touched);
        mini_transaction(mtr.records, &mut found);
        at = next;
    }
    touched.sizes.iter().for_each(|(&space, &pages)| found.resize(space, pages));
    Ok(Some(found))
}

fn finish(redo: &mut RedoLog, checkpoint: RingCheckpoint, walk: BlockWalk) {
    redo.take_walk(checkpoint.lsn, walk);
    if walk.end.is_some_and(|end| end < checkpoint.record) {
        redo.faults.push(RedoFault::BreaksOff);
        redo.note(RedoNote::BreaksOffBefore(checkpoint.record));
    }
}
