//! What the redo log of MariaDB 10.5 and later says of pages: all that is left in the ring, also from before the
//! checkpoint.
//!
//! The checkpoint says where recovery begins, not where history does: a ring is overwritten from its oldest byte on. What
//! lies between the end of the log and that byte is cut by the last write, so the oldest mini-transaction is searched:
//! the first whose sum and sequence bit fit and from which others chain on to the checkpoint.
//!
//! **One life of a space.** A space id survives a DISCARD with the IMPORT after it, and DROP with a CREATE in another log.
//! `FILE_DELETE` and `FILE_CREATE` of a space and `TRIM_PAGES` of its pages void what lies before them.

mod census;
mod changes;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::Result;
use crate::format::redo_record::MtrRecords;
use crate::instance::redo::log_key::LogKey;
use crate::instance::redo::source::LogFile;
use crate::instance::redo::tape::Tape;
use crate::instance::redo::{RedoFormat, RedoLog, archive, phys, ring};
use crate::page::transform::cipher::AesMode;
use crate::units::Lsn;

pub use census::{Census, PageSummary, SpaceSummary};
pub use changes::{Change, Changes};

/// How many mini-transactions must follow before a place counts as the beginning of one.
const CHAIN: usize = 50;
/// How many encrypted mini-transactions show whether a key is the right one.
const PROBE: usize = 200;
/// What a search for the oldest mini-transaction may look at in bytes: a few thousand tries are usual.
const SEARCH: u64 = 256 << 20;

/// A log whose records can be read.
#[derive(Debug)]
pub struct Log {
    tape: Tape,
    /// Records of pages are ciphertext but for their page.
    encrypted: bool,
    /// What opens them.
    opener: Option<(LogKey, AesMode)>,
    /// LSN of the oldest mini-transaction from which all others up to the end can be read.
    pub oldest: Lsn,
    /// Where recovery begins.
    pub checkpoint: Lsn,
    /// One past the last readable mini-transaction.
    pub end: Lsn,
}

impl Log {
    /// Opens a log that [`super::read`] has found; `None` where its records say nothing of pages: older formats, those of
    /// MySQL, encrypted ones whose page numbers are ciphertext, and logs of which only the headers are at hand.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn open(redo: &RedoLog) -> Result<Option<Log>> {
        let (Some(checkpoint), Some(end), Some(start)) = (redo.checkpoint, redo.end, redo.start_lsn) else {
            return Ok(None);
        };
        let Some(tape) = tape(redo)? else { return Ok(None) };
        let mut log =
            Log { tape, encrypted: redo.encrypted, opener: None, oldest: checkpoint, checkpoint, end };
        let reached = log.chain(log.tape.place(checkpoint), usize::MAX)?;
        // Only headers were saved of a log in a bundle.
        if reached == log.tape.place(checkpoint) && end > checkpoint {
            return Ok(None);
        }
        log.end = log.tape.lsn(reached).min(end).max(checkpoint);
        log.oldest = log.find_oldest(start)?;
        if let Some(key) = redo.key.as_ref().filter(|_| redo.encrypted) {
            log.opener = log.mode_of(key)?.map(|mode| (key.clone(), mode));
        }
        Ok(Some(log))
    }

    /// Sees to it that what a log says of pages is known, if it can be known.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn learn(redo: &mut RedoLog) -> Result<()> {
        if redo.census.is_none()
            && let Some(mut log) = Log::open(redo)?
        {
            redo.census = Some(Census::take(&mut log)?);
        }
        Ok(())
    }

    /// Whether records of pages are hidden but for their page: the history is known, pages cannot be brought forward.
    pub fn hidden(&self) -> bool {
        self.encrypted && self.opener.is_none()
    }

    /// How a key opens the records; `None` where it does not, or there are too few to tell.
    fn mode_of(&mut self, key: &LogKey) -> Result<Option<AesMode>> {
        let mut fitting = AesMode::ALL.to_vec();
        let mut place = self.tape.place(self.oldest);
        for _ in 0..PROBE {
            let Some((mtr, next)) = self.tape.mtr(place)? else { break };
            fitting.retain(|&mode| key.fits(mode, mtr.records, mtr.nonce));
            place = next;
        }
        Ok(fitting.first().copied().filter(|_| fitting.len() == 1))
    }

    /// Calls `each` for every mini-transaction, the oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn walk(&mut self, mut each: impl FnMut(Lsn, Lsn, MtrRecords<'_>)) -> Result<()> {
        let mut place = self.tape.place(self.oldest);
        let (end, encrypted) = (self.end, self.encrypted);
        let mut clear = Vec::new();
        while let Some((mtr, next)) = self.tape.mtr(place)? {
            if mtr.to > end {
                break;
            }
            let records = match &self.opener {
                Some((key, mode)) => {
                    clear.clear();
                    clear.extend_from_slice(mtr.records);
                    key.reveal(*mode, &mut clear, mtr.nonce);
                    MtrRecords::new(&clear)
                }
                None if encrypted => MtrRecords::hidden(mtr.records),
                None => MtrRecords::new(mtr.records),
            };
            each(mtr.from, mtr.to, records);
            place = next;
        }
        Ok(())
    }

    /// Where the mini-transactions from `place` on lead to, `most` of them at most.
    fn chain(&mut self, mut place: u64, most: usize) -> Result<u64> {
        let stop = self.tape.place(self.end);
        for _ in 0..most {
            match self.tape.mtr(place)? {
                Some((_, next)) if next <= stop => place = next,
                _ => break,
            }
        }
        Ok(place)
    }

    fn find_oldest(&mut self, start: Lsn) -> Result<Lsn> {
        let (end, checkpoint) = (self.tape.place(self.end), self.tape.place(self.checkpoint));
        let mut from = end.saturating_sub(self.tape.capacity()).max(self.tape.place(start));
        if let Some(first) = self.tape.first_in_blocks(from, checkpoint)? {
            let leads_on = first <= checkpoint && self.passes(first, checkpoint)?.is_none();
            return Ok(if leads_on { self.tape.lsn(first) } else { self.checkpoint });
        }
        let budget = self.tape.looked_at.saturating_add(SEARCH);
        while from < checkpoint && self.tape.looked_at < budget {
            if self.chain(from, CHAIN)? == from {
                from += 1;
                continue;
            }
            match self.passes(from, checkpoint)? {
                None => return Ok(self.tape.lsn(from)),
                Some(broken) => from = broken.max(from) + 1,
            }
        }
        Ok(self.checkpoint)
    }

    /// `None` where the mini-transactions from `from` on lead to `to` exactly, else where they end or leap over it.
    fn passes(&mut self, from: u64, to: u64) -> Result<Option<u64>> {
        let mut place = from;
        while place < to {
            match self.tape.mtr(place)? {
                Some((_, next)) => place = next,
                None => return Ok(Some(place)),
            }
        }
        Ok((place > to).then_some(from))
    }
}

fn tape(redo: &RedoLog) -> Result<Option<Tape>> {
    if redo.format == RedoFormat::MariaDbArchive {
        let paths: Vec<_> =
            redo.files.iter().filter_map(|file| Some((file.start_lsn?, file.path.clone()))).collect();
        return Ok(Some(archive::tape(archive::open(&paths)?)).filter(|tape| tape.capacity() > 0));
    }
    let Some(file) = redo.files.first() else { return Ok(None) };
    let Some(log) = open(&file.path)? else { return Ok(None) };
    match redo.format {
        RedoFormat::MariaDb108 => Ok(redo.start_lsn.and_then(|start| phys::tape(log, start, redo.encrypted))),
        RedoFormat::MariaDb105 if !redo.encrypted => ring::tape(log),
        _ => Ok(None),
    }
}

fn open(path: &Path) -> Result<Option<LogFile>> {
    LogFile::open(path)
}
