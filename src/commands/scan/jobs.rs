//! Which pages are read next: files cut into jobs, handed out in order and not too far ahead of what was collected.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::commands::scan::judge::JudgedPages;
use crate::commands::scan::neighbours::Links;
use crate::commands::scan::{Flushed, ScanTarget};
use crate::error::Error;
use crate::units::PageNo;

/// What became of one job.
pub(super) struct Done {
    pub(super) job: Job,
    pub(super) found: JudgedPages,
    pub(super) failure: Option<Error>,
    pub(super) bytes: u64,
    /// The scan was stopped before the job was finished, or the file ended early.
    pub(super) cut: bool,
    /// The file is no more: a running server dropped it, or made it anew.
    pub(super) gone: bool,
}

/// Bytes of a job: many enough that opening the file costs nothing, few enough that threads end together.
const JOB_BYTES: u64 = 8 << 20;

/// Some pages of one file.
#[derive(Debug, Clone)]
pub struct Job {
    /// Consecutive numbers from 0 on.
    pub number: u64,
    /// Index of the target.
    pub target: usize,
    /// First page, counted in its tablespace.
    pub first: PageNo,
    /// Offset of the first page in the file.
    pub offset: u64,
    /// How many pages.
    pub pages: u64,
    /// Whether the file ends with it.
    pub last: bool,
    /// Shared by all jobs of the file.
    pub links: Option<Arc<Links>>,
}

/// Hands out jobs.
pub struct Jobs<'a> {
    targets: &'a [ScanTarget<'a>],
    sample: Option<(u64, u64)>,
    ahead: u64,
    state: Mutex<QueueState>,
    collected: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    next: u64,
    collected: u64,
    target: usize,
    page: Option<u64>,
    links: Option<Arc<Links>>,
    closed: bool,
}

impl<'a> Jobs<'a> {
    /// All pages of all targets; at most `ahead` jobs are given out before they are collected.
    pub fn new(targets: &'a [ScanTarget<'a>], ahead: u64, sample: Option<(u64, u64)>) -> Jobs<'a> {
        Jobs { targets, sample, ahead, state: Mutex::default(), collected: Condvar::new() }
    }

    /// The next job, once it is not too far ahead; `None` when there is none left or the scan was stopped.
    pub fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        while !state.closed && state.next >= state.collected.saturating_add(self.ahead) {
            state = self.collected.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return None;
        }
        let job = state.advance(self.targets, self.sample);
        state.closed |= job.is_none();
        job
    }

    /// One more job was collected.
    pub fn collect(&self) {
        self.lock().collected += 1;
        self.collected.notify_all();
    }

    /// No more jobs.
    pub fn close(&self) {
        self.lock().closed = true;
        self.collected.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // A thread that panicked leaves the state whole: it is changed by plain assignments only.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn advance(&mut self, targets: &[ScanTarget<'_>], sample: Option<(u64, u64)>) -> Option<Job> {
        let target = targets.get(self.target)?;
        let size = target.space.format.physical.as_u64();
        let pages = target.file.len / size;
        let begin = *self.page.get_or_insert_with(|| {
            self.links = new_links(target, pages);
            target.pages_done().min(pages)
        });
        let all = (JOB_BYTES / size).min(pages.saturating_sub(begin));
        let end = begin.saturating_add(all);
        let (number, index) = (self.next, self.target);
        let last = end >= pages;
        self.next += 1;
        let chosen = sample.is_none_or(|(every, phase)| number % every.max(1) == phase % every.max(1));
        let links = self.links.clone();
        if last {
            (self.target, self.page) = (index + 1, None);
        } else {
            self.page = Some(end);
        }
        // Page numbers have 32 bits: a file that is longer has no such pages.
        let first = u32::try_from(target.file.first_page.saturating_add(begin)).ok();
        Some(Job {
            number,
            target: index,
            first: PageNo(first.unwrap_or(u32::MAX)),
            offset: begin.saturating_mul(size),
            pages: if chosen && first.is_some() { all } else { 0 },
            last,
            links,
        })
    }
}

/// Links are of use after a crash whose checkpoint is known, and in a file that has nothing but itself to tell.
fn new_links(target: &ScanTarget<'_>, pages: u64) -> Option<Arc<Links>> {
    let useful = match target.ground.flushed {
        Flushed::All => false,
        Flushed::UpTo(_) => !target.ground.zero_may_be_freed,
        Flushed::Unknown => true,
    };
    useful.then(|| Arc::new(Links::new(target.file.first_page, pages)))
}
