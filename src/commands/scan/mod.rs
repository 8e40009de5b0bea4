//! Every page of every tablespace, judged at the speed of memory.
//!
//! A file is cut into jobs of a few megabytes; threads take them in order, read runs of pages into a buffer that stays
//! in their cache, and judge each run where it lies. The calling thread collects what they find in the order of the
//! pages, so that output streams and never depends on the number of threads. Nothing is kept of a page that is fine.
//!
//! What an all-zero page means is decided by the extent descriptors and the redo window: see [`judge`].

pub mod collect;
pub mod context;
pub mod dropped;
pub mod engine;
pub mod finding;
pub mod jobs;
pub mod judge;
pub mod neighbours;
pub mod reason;
pub mod reserved;
pub mod runs;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use crate::commands::scan::context::{Flushed, Ground};
pub use crate::commands::scan::engine::scan;
pub use crate::commands::scan::finding::{Counts, Damage, DamageState, FileFinding, PageRow, RowState};
use crate::disk::run::Cache;

use crate::error::Error;
use crate::instance::spaces::{SpaceFile, Tablespace};

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions<'a> {
    /// How many threads read and judge.
    pub threads: usize,
    /// Bytes a second over all threads together.
    pub rate: Option<u64>,
    /// How the page cache is treated.
    pub cache: Cache,
    /// Whether every page gives a row.
    pub rows: bool,
    /// Only every so many-th job of a few megabytes, beginning with the one of this number.
    pub sample: Option<(u64, u64)>,
    /// Set from outside to stop early.
    pub stop: &'a AtomicBool,
}

/// One file to scan.
#[derive(Debug, Clone)]
pub struct ScanTarget<'a> {
    /// Which of the caller's instances it belongs to.
    pub group: usize,
    /// What is known of that instance.
    pub ground: &'a Ground,
    /// Its tablespace.
    pub space: &'a Tablespace,
    /// The file.
    pub file: &'a SpaceFile,
    /// How it is printed.
    pub shown: Shown<'a>,
    /// Pages that an earlier scan has looked at already, and what it counted.
    pub done: Option<Box<(u64, Counts)>>,
}

/// The name of a file as the caller gave it. Put together when it is needed: a hundred thousand of them take space.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// By this path.
    As(&'a Path),
    /// By its name within this directory.
    Under(&'a Path),
}

impl ScanTarget<'_> {
    /// As printed.
    pub fn path(&self) -> PathBuf {
        match self.shown {
            Shown::As(path) => path.to_path_buf(),
            Shown::Under(directory) => directory.join(&self.file.name),
        }
    }

    /// Pages that an earlier scan has looked at.
    fn pages_done(&self) -> u64 {
        self.done.as_ref().map_or(0, |done| done.0)
    }
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Files that are finished.
    pub files: u64,
    /// All files.
    pub files_total: u64,
    /// Bytes that were judged.
    pub bytes: u64,
    /// All bytes.
    pub bytes_total: u64,
    /// Damaged pages so far.
    pub damaged: u64,
}

/// Is told what is found, in the order of files and pages.
///
/// # Errors
/// Of each method: those of whatever it writes to; they end the scan.
pub trait Observer {
    /// The pages of a job, where rows were asked for.
    fn rows(&mut self, target: &ScanTarget<'_>, rows: &[PageRow]) -> anyhow::Result<()>;
    /// A damaged page or run of pages.
    fn damage(&mut self, target: &ScanTarget<'_>, damage: Damage) -> anyhow::Result<()>;
    /// A file that is finished, or that was left unfinished.
    fn file(&mut self, target: &ScanTarget<'_>, file: FileFinding) -> anyhow::Result<()>;
    /// A file that could not be read, or not to its end.
    fn failure(&mut self, target: &ScanTarget<'_>, error: &Error) -> anyhow::Result<()>;
    /// A file that is no more: a running server dropped it, or made it anew, after it was listed.
    fn gone(&mut self, target: &ScanTarget<'_>) -> anyhow::Result<()>;
    /// Some pages further: the number of pages of this file that are done, and what was counted in them.
    fn progress(
        &mut self,
        target: &ScanTarget<'_>,
        done: (u64, Counts),
        progress: &Scanned,
    ) -> anyhow::Result<()>;
}
