//! `#innodb_redo/#ib_redoN`, MySQL 8.0.30 and later: files of consecutive LSN ranges, reused under new numbers.
//!
//! Files called `#ib_redoN_tmp` are spares and mean nothing. Every other file begins like those of `ring`, except:
//!
//! | offset | size | name | meaning |
//! |---|---|---|---|
//! | 0 | 512 | | header, format 6; its start LSN is that of offset 2048 of this very file |
//! | 512, 1536 | 8 | | zero |
//! | 520, 1544 | 8 | `LOG_CHECKPOINT_LSN` | a checkpoint inside this file, 0 = none |
//! | 1020, 2044 | 4 | `LOG_BLOCK_CHECKSUM` | CRC-32C of the 508 bytes before |
//!
//! The greatest checkpoint LSN that lies in its own file counts. Big-endian. (`log0constants.h`, `log0files_io.h`,
//! `log0files_finder.cc`, MySQL 8.0.30 to 9.7.)

use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::bytes::{is_zero, u64_at};
use crate::error::Result;
use crate::units::Lsn;

use crate::instance::redo::block;
use crate::instance::redo::block::{BLOCK, BLOCK_LSN, BlockRules, BlockWalk, crc_holds};
use crate::instance::redo::file_records::Scanner;
use crate::instance::redo::header::FileHeader;
use crate::instance::redo::ring::{CHECKPOINT_LSN, CHECKPOINTS, FILE_HEADER};
use crate::instance::redo::source::{LogFile, LogWindow};
use crate::instance::redo::{
    FoundRedo, RedoFault, RedoFile, RedoFormat, RedoLog, RedoNote, names_in, unreadable,
};

/// The directory's name under the data directory or `innodb_log_group_home_dir`.
const DIRECTORY: &str = "#innodb_redo";
const PREFIX: &str = "#ib_redo";
const FORMAT: u32 = 6;

/// The files in use in `dir/#innodb_redo`, or else in `dir` itself, by number; `None` if there is none.
pub(super) fn find(dir: &Path) -> Result<Option<Vec<PathBuf>>> {
    for place in [dir.join(DIRECTORY), dir.to_path_buf()] {
        let Some(names) = names_in(&place)? else { continue };
        let mut files: Vec<(u64, PathBuf)> =
            names.iter().filter_map(|name| Some((number(name)?, place.join(name)))).collect();
        files.sort();
        if !files.is_empty() {
            return Ok(Some(files.into_iter().map(|(_, path)| path).collect()));
        }
    }
    Ok(None)
}

/// N of `#ib_redoN`.
fn number(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix(PREFIX)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The files whose header says they belong to a log, and what their headers say.
#[derive(Debug, Default)]
struct RedoFiles {
    logs: Vec<LogFile>,
    headers: Vec<FileHeader>,
}

impl RedoFiles {
    /// The LSNs that have a place in a file.
    fn range(&self, file: usize) -> Range<u64> {
        let start = self.headers.get(file).map_or(0, |h| h.start_lsn.0);
        let size = self.logs.get(file).map_or(0, |l| l.size.saturating_sub(FILE_HEADER));
        start..start.saturating_add(size)
    }

    fn position(&self, lsn: Lsn) -> Option<usize> {
        (0..self.logs.len()).find(|&file| self.range(file).contains(&lsn.0))
    }

    fn blocks(&self) -> u64 {
        self.logs.iter().fold(0u64, |sum, log| sum.saturating_add(log.size / BLOCK_LSN))
    }
}

/// Reads the log made of these files.
pub(super) fn read(paths: Vec<PathBuf>) -> Result<FoundRedo> {
    let (mut notes, mut faults) = (Vec::new(), Vec::new());
    let files = open_all(&paths, &mut notes, &mut faults)?;
    let Some(newest) = files.headers.last() else {
        return Ok(unreadable(RedoNote::All(notes)));
    };
    let checkpoint = newest_checkpoint(&files, &mut notes)?;
    let authority = checkpoint.and_then(|(file, _)| files.headers.get(file)).unwrap_or(newest);
    let mut redo = RedoLog::empty(RedoFormat::MySql(FORMAT), FORMAT);
    redo.creator.clone_from(&authority.creator);
    redo.start_lsn = Some(authority.start_lsn);
    redo.flags = newest.mysql_flags();
    redo.notes = notes;
    redo.faults = faults;
    let headers = 0..FILE_HEADER;
    let describe = |(log, header): (&LogFile, &FileHeader)| {
        RedoFile::new(log, Some(header.start_lsn), std::slice::from_ref(&headers))
    };
    redo.files = files.logs.iter().zip(&files.headers).map(describe).collect();
    judge_set(&files, newest, &mut redo);
    match checkpoint {
        None => redo.note(RedoNote::NoOwnCheckpoint),
        Some((_, lsn)) => {
            redo.checkpoint = Some(lsn);
            let walk = walk(&files, lsn, &mut redo)?;
            redo.take_walk(lsn, walk);
        }
    }
    Ok(FoundRedo::Read(redo))
}

fn open_all(paths: &[PathBuf], notes: &mut Vec<RedoNote>, faults: &mut Vec<RedoFault>) -> Result<RedoFiles> {
    let mut files = RedoFiles::default();
    for path in paths {
        let Some(log) = LogFile::open(path)? else { continue };
        match log.block(0)?.as_deref().and_then(FileHeader::parse) {
            Some(header) if header.raw_format == FORMAT => {
                if !header.sound {
                    notes.push(RedoNote::Header { file: log.name() });
                    faults.push(RedoFault::Header { file: log.path.clone() });
                }
                files.logs.push(log);
                files.headers.push(header);
            }
            odd => {
                let what = match odd {
                    Some(header) => {
                        RedoNote::LeftAside { file: log.name(), found: header.raw_format, expected: FORMAT }
                    }
                    None => RedoNote::NoHeader { file: log.name(), size: log.size },
                };
                notes.push(what.clone());
                faults.push(RedoFault::FileOdd { file: log.path.clone(), what });
            }
        }
    }
    Ok(files)
}

fn newest_checkpoint(files: &RedoFiles, notes: &mut Vec<RedoNote>) -> Result<Option<(usize, Lsn)>> {
    let mut newest: Option<(usize, Lsn)> = None;
    for (file, log) in files.logs.iter().enumerate() {
        for at in CHECKPOINTS {
            let block = log.block(at)?;
            let Some(bytes) = block.as_deref().filter(|b| !is_zero(b)) else { continue };
            let lsn = u64_at(bytes, CHECKPOINT_LSN).filter(|_| crc_holds(bytes));
            match lsn {
                None => notes.push(RedoNote::CheckpointBlock { file: log.name(), at }),
                Some(0) => {}
                Some(lsn) if !files.range(file).contains(&lsn) => {
                    notes.push(RedoNote::CheckpointElsewhere { file: log.name(), lsn });
                }
                Some(lsn) if newest.is_none_or(|(_, n)| lsn > n.0) => newest = Some((file, Lsn(lsn))),
                Some(_) => {}
            }
        }
    }
    Ok(newest)
}

/// What is odd about the files as a set; the server refuses to start on each of these.
fn judge_set(files: &RedoFiles, newest: &FileHeader, redo: &mut RedoLog) {
    if files.headers.iter().any(|h| h.uuid != newest.uuid) {
        redo.note(RedoNote::Mixed);
        redo.faults.push(RedoFault::Mixed);
    }
    // innodb_redo_log_capacity is 8 MiB at least, and a file 1/32 of it.
    const SMALLEST: u64 = (8 << 20) / 32;
    for log in files.logs.iter().filter(|log| log.size < SMALLEST) {
        let what = RedoNote::Small { file: log.name(), size: log.size };
        redo.faults.push(RedoFault::FileOdd { file: log.path.clone(), what });
    }
    let ranges: Vec<Range<u64>> = (0..files.logs.len()).map(|file| files.range(file)).collect();
    for (log, (range, next)) in files.logs.iter().zip(ranges.iter().zip(ranges.iter().skip(1))) {
        if range.end < next.start {
            let what = RedoNote::Gap { file: log.name(), end: range.end, next: next.start };
            redo.faults.push(RedoFault::FileOdd { file: log.path.clone(), what });
        }
    }
    if newest.mysql_flags().file_full {
        redo.note(RedoNote::NewestIsFull);
        redo.faults.push(RedoFault::FileGone { what: RedoNote::NewestIsFull });
    }
}

fn walk(files: &RedoFiles, checkpoint: Lsn, redo: &mut RedoLog) -> Result<BlockWalk> {
    let rules = BlockRules { additive: false, encrypt_bit: true, epoch: true, hidden_length: false };
    let mut window = LogWindow::default();
    let mut current = 0;
    let mut scanner = Scanner::default();
    let walk = block::walk(
        checkpoint,
        files.blocks(),
        rules,
        |bytes| scanner.feed(bytes),
        |lsn| {
            if !files.range(current).contains(&lsn.0) {
                match files.position(lsn) {
                    Some(file) => current = file,
                    None => {
                        note_gap(files, lsn, redo);
                        return Ok(None);
                    }
                }
            }
            let at = lsn.0.saturating_sub(files.range(current).start).saturating_add(FILE_HEADER);
            let bytes: Option<[u8; BLOCK]> = window.block(&files.logs, current, at)?;
            Ok(bytes)
        },
    )?;
    redo.take_file_records(scanner, &walk);
    Ok(walk)
}

fn note_gap(files: &RedoFiles, lsn: Lsn, redo: &mut RedoLog) {
    if (0..files.logs.len()).any(|file| files.range(file).start > lsn.0) {
        redo.note(RedoNote::FileOf(lsn));
        redo.faults.push(RedoFault::FileGone { what: RedoNote::FileOf(lsn) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_files_are_in_use() {
        for (name, expected) in [
            ("#ib_redo7", Some(7)),
            ("#ib_redo007", Some(7)),
            ("#ib_redo", None),
            ("#ib_redo7_tmp", None),
            ("#ib_redo+7", None),
            ("#ib_redo99999999999999999999", None),
            ("ib_redo7", None),
        ] {
            assert_eq!(number(OsStr::new(name)), expected, "{name}");
        }
    }
}
