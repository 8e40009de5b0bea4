//! What the threads found, put together in the order of files and pages.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use crate::commands::scan::finding::{Counts, DamageState, FileFinding, Future, RowState, RunKey};
use crate::commands::scan::jobs::Done;
use crate::commands::scan::jobs::Jobs;
use crate::commands::scan::judge::{JudgedPages, ZeroRun};
use crate::commands::scan::neighbours::Links;
use crate::commands::scan::reason::{DamageReason, WrittenBecause};
use crate::commands::scan::runs::Runs;
use crate::commands::scan::{Damage, Flushed, Observer, ScanTarget, Scanned};
use crate::page::diagnose::Class;
use crate::units::{ByteOffset, Lsn, PageNo};

/// What is known of the file that is being collected.
#[derive(Default)]
struct OfFile {
    counts: Counts,
    undecided: Vec<ZeroRun>,
    lowest_lsn: Option<Lsn>,
    future: Future,
    runs: Runs,
    cut: bool,
    skipped: bool,
    gone: bool,
}

pub(super) struct Collector<'a> {
    targets: &'a [ScanTarget<'a>],
    rows: bool,
    progress: Scanned,
    file: OfFile,
}

impl<'a> Collector<'a> {
    pub(super) fn new(targets: &'a [ScanTarget<'a>], rows: bool) -> Collector<'a> {
        let bytes_total = targets.iter().map(|target| target.file.len).sum();
        let progress = Scanned { files_total: targets.len() as u64, bytes_total, ..Scanned::default() };
        Collector { targets, rows, progress, file: OfFile::default() }
    }

    pub(super) fn collect(
        mut self,
        receiver: &Receiver<Done>,
        jobs: &Jobs<'_>,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Scanned> {
        let mut waiting: BTreeMap<u64, Done> = BTreeMap::new();
        let mut next = 0;
        let mut open = None;
        for done in receiver {
            waiting.insert(done.job.number, done);
            while let Some(done) = waiting.remove(&next) {
                next += 1;
                jobs.collect();
                open = (!done.job.last).then_some((done.job.target, done.job.links.clone()));
                self.take(done, observer)?;
            }
        }
        // Stopped in the middle of a file.
        if let Some((target, links)) = open {
            self.file.cut = true;
            self.finish(target, links.as_deref(), observer)?;
        }
        Ok(self.progress)
    }

    fn take(&mut self, mut done: Done, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let Some(target) = self.targets.get(done.job.target) else { return Ok(()) };
        if done.gone && self.file.counts.damaged == 0 {
            self.file.gone = true;
            (done.found, done.failure) = (JudgedPages::default(), None);
        }
        let size = target.space.format.physical.as_u64();
        if done.job.offset == target.pages_done().saturating_mul(size) {
            self.file.counts = target.done.as_ref().map(|done| done.1).unwrap_or_default();
        }
        if self.rows {
            observer.rows(target, &done.found.rows)?;
        }
        for damage in done.found.damage {
            if let Some(run) = self.file.runs.push(damage) {
                observer.damage(target, run)?;
            }
        }
        self.file.counts.merge(&done.found.counts);
        self.progress.damaged += done.found.counts.damaged;
        self.file.undecided.extend(done.found.undecided);
        self.file.lowest_lsn = [self.file.lowest_lsn, done.found.lowest_lsn].into_iter().flatten().min();
        self.file.future.merge(done.found.future);
        if let Some(failure) = &done.failure {
            observer.failure(target, failure)?;
        }
        self.file.cut |= done.cut;
        self.file.skipped |= done.job.pages == 0 && done.job.offset < target.file.len / size * size;
        self.progress.bytes += done.bytes;
        if done.job.last {
            self.finish(done.job.target, done.job.links.as_deref(), observer)?;
        }
        let pages_done = done.job.offset / size + done.job.pages;
        let watermark = if self.file.cut || done.job.last { 0 } else { pages_done };
        observer.progress(target, (watermark, self.file.counts), &self.progress)
    }

    fn finish(
        &mut self,
        target: usize,
        links: Option<&Links>,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        let mut file = std::mem::take(&mut self.file);
        let Some(target) = self.targets.get(target) else { return Ok(()) };
        if file.gone {
            self.progress.files += 1;
            return observer.gone(target);
        }
        if let Some(run) = file.runs.finish() {
            observer.damage(target, run)?;
        }
        let mut undecided = 0;
        for run in &file.undecided {
            for number in run.first.0..=run.first.0.saturating_add(run.pages.saturating_sub(1)) {
                match lost_zero(target, &file, PageNo(number), links) {
                    Some(damage) => {
                        file.counts.zero = file.counts.zero.saturating_sub(1);
                        file.counts.add(RowState::Damaged(DamageState::Zero));
                        self.progress.damaged += 1;
                        observer.damage(target, damage)?;
                    }
                    None if target.ground.has_good_copy(target.space, PageNo(number)) => {
                        file.counts.zero_copied += 1;
                    }
                    None => undecided += u64::from(run.in_use),
                }
            }
        }
        self.progress.files += 1;
        let size = target.space.format.physical;
        observer.file(
            target,
            FileFinding {
                path: target.path(),
                name: target.file.name.clone(),
                space_id: target.space.id,
                page_size: size.as_u32(),
                pages: target.file.len / size.as_u64(),
                counts: file.counts,
                undecided,
                future: file.future,
                rest: target.file.len % size.as_u64(),
                complete: !file.cut && !file.skipped,
            },
        )
    }
}

/// Whether an all-zero page must have been written, by what the rest of the file shows.
fn lost_zero(
    target: &ScanTarget<'_>,
    file: &OfFile,
    page_no: PageNo,
    links: Option<&Links>,
) -> Option<Damage> {
    let why = if page_no == PageNo(0) {
        // It is made before every other page of its file.
        let lowest = file.lowest_lsn?;
        let home = target.ground.flushed.holds(lowest) || target.ground.flushed == Flushed::Unknown;
        home.then_some(WrittenBecause::First(lowest))?
    } else {
        links.filter(|links| links.contains(page_no.0))?;
        match target.ground.flushed {
            Flushed::Unknown => WrittenBecause::Neighbour,
            Flushed::All | Flushed::UpTo(_) => WrittenBecause::OldNeighbour,
        }
    };
    let copy = target.ground.copy_of(target.space, page_no).cloned();
    let in_file = u64::from(page_no.0).saturating_sub(target.file.first_page);
    Some(Damage {
        page_no,
        pages: 1,
        offset: ByteOffset(in_file.saturating_mul(target.space.format.physical.as_u64())),
        state: DamageState::Zero,
        class: Class::Zero,
        detail: DamageReason::Zero(why),
        mendable: false,
        header: None,
        index: None,
        belongs_to: None,
        expected_lsn: None,
        copy,
        run: Some(RunKey::Class(Class::Zero)),
    })
}
