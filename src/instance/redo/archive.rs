//! `ib_<LSN>.log` of MariaDB 13.0 and later with `innodb_log_archive=ON`: files that follow each other, no ring.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 12288 | up to 1536 slots of 8 bytes: offset in this file of a `FILE_CHECKPOINT` mini-transaction, 0 = not used |
//! | 12288 | | mini-transactions as in [`crate::instance::redo::phys`], their sequence byte always 1 |
//!
//! The 16 hexadecimal digits of the name are the LSN of byte 12288. A mini-transaction may go on in the next file. There is
//! no format word, no creator and no check word of the header; the checkpoint LSN stands in the `FILE_CHECKPOINT` record
//! itself. A new file has no slot until its first checkpoint, so the newest one is in one of the last two.
//!
//! Big-endian. (MDEV-37949 and its pull request, 13.0 release candidate; proved by construction.)

use std::path::{Path, PathBuf};

use crate::bytes::u64_at;
use crate::error::Result;
use crate::format::redo_record::{MtrRecords, RedoRecord};
use crate::instance::redo::names_in;
use crate::instance::redo::phys::{PhysCheckpoint, finish, walk};
use crate::instance::redo::source::LogFile;
use crate::instance::redo::tape::{Tape, TapeShape};
use crate::instance::redo::{FoundRedo, RedoFile, RedoFormat, RedoLog, RedoNote, unreadable};
use crate::units::Lsn;

/// Where the mini-transactions of a file begin.
const FIRST: u64 = 12288;
const SLOT: usize = 8;

/// The LSN that a file's name gives.
fn start_of(name: &str) -> Option<Lsn> {
    let digits = name.strip_prefix("ib_")?.strip_suffix(".log")?;
    let plain =
        digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    u64::from_str_radix(digits, 16).ok().filter(|_| plain).map(Lsn)
}

/// The files of such a log in a directory, the oldest first.
pub(super) fn find(dir: &Path) -> Result<Vec<(Lsn, PathBuf)>> {
    let names = names_in(dir)?.unwrap_or_default();
    let mut found: Vec<(Lsn, PathBuf)> =
        names.iter().filter_map(|name| Some((start_of(name.to_str()?)?, dir.join(name)))).collect();
    found.sort();
    Ok(found)
}

/// The files as a stream.
pub(super) fn tape(files: Vec<(Lsn, LogFile)>) -> Tape {
    let (starts, files) = files.into_iter().unzip();
    Tape::new(files, TapeShape::Archive { first: FIRST, starts }, false)
}

/// Opens the files that follow each other without a gap, up to the newest.
pub(super) fn open(paths: &[(Lsn, PathBuf)]) -> Result<Vec<(Lsn, LogFile)>> {
    let mut files: Vec<(Lsn, LogFile)> = Vec::new();
    for (start, path) in paths {
        let Some(log) = LogFile::open(path)? else { continue };
        let follows = |(before, log): &(Lsn, LogFile)| {
            before.0.checked_add(log.size.saturating_sub(FIRST)) == Some(start.0)
        };
        if !files.last().is_some_and(follows) {
            files.clear();
        }
        files.push((*start, log));
    }
    Ok(files)
}

/// Reads the log made of these files.
pub(super) fn read(paths: &[(Lsn, PathBuf)]) -> Result<FoundRedo> {
    let files = open(paths)?;
    let Some((start, _)) = files.first() else {
        return Ok(unreadable(RedoNote::ArchiveGone));
    };
    let mut redo = RedoLog::empty(RedoFormat::MariaDbArchive, 0);
    redo.start_lsn = Some(*start);
    let headers = 0..FIRST;
    redo.files = files
        .iter()
        .map(|(start, log)| RedoFile::new(log, Some(*start), std::slice::from_ref(&headers)))
        .collect();
    let mut slots = Vec::new();
    for (start, log) in files.iter().rev().take(2) {
        let header = log.read(0, usize::try_from(FIRST).unwrap_or_default())?;
        let offsets = header.chunks_exact(SLOT).filter_map(|slot| u64_at(slot, 0));
        let inside = offsets.filter(|offset| (FIRST..log.size).contains(offset));
        slots.extend(inside.filter_map(|offset| start.0.checked_add(offset - FIRST).map(Lsn)));
    }
    let mut tape = tape(files);
    let Some(checkpoint) = newest(&mut tape, &slots)? else {
        redo.note(RedoNote::NoSlotLeadsOn);
        return Ok(FoundRedo::Read(redo));
    };
    redo.checkpoint = Some(checkpoint.lsn);
    let (walk, touched, file_records) = walk(&mut tape, false, checkpoint.lsn)?;
    redo.touched = Some(touched);
    redo.file_records = (walk.end > checkpoint.lsn).then_some(file_records);
    finish(&mut redo, checkpoint, &walk, 0);
    Ok(FoundRedo::Read(redo))
}

/// The newest checkpoint that one of these mini-transactions completes.
fn newest(tape: &mut Tape, slots: &[Lsn]) -> Result<Option<PhysCheckpoint>> {
    let mut newest: Option<PhysCheckpoint> = None;
    for &record in slots {
        let Some((mtr, _)) = tape.mtr(record.0)? else { continue };
        let lsn = MtrRecords::new(mtr.records).find_map(|record| match record {
            RedoRecord::Checkpoint(lsn) => lsn,
            _ => None,
        });
        let found = lsn.filter(|&lsn| lsn <= record).map(|lsn| PhysCheckpoint { lsn, record });
        if let Some(found) = found.filter(|found| newest.is_none_or(|newest| found.lsn >= newest.lsn)) {
            newest = Some(found);
        }
    }
    Ok(newest)
}
