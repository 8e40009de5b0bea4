//! The writes: every page, one fsync per file, read back past the page cache, and the mark.
//!
//! Nothing here needs a signal handler: a pass that is killed anywhere, by SIGINT or the power cut, leaves old, new or
//! torn pages under a durable journal, and running it again writes them all once more. Pages are written even where
//! they look new already: after a failed fsync the page cache may show bytes that never reached the disk.

use std::path::PathBuf;

use crate::commands::restore::failure::PageFailure;
use crate::commands::restore::journal::Mark;
use crate::commands::restore::locked::{Held, Journaled, Locked, read_page};
use crate::commands::restore::note::PassNote;
use crate::commands::restore::plan::{PageOutcome, PlannedPage};
use crate::disk::calls;
use crate::disk::calls::{Disk, ReadBack};
use crate::error::{Error, Result};
use crate::page::sectors::SectorMatch;
use crate::page::sectors::sector_match;

/// What a pass has done.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The journal, for taking it back.
    pub journal: PathBuf,
    /// Whether this finished what an earlier run began.
    pub resumed: bool,
    /// Every page of the journal with its outcome.
    pub pages: Vec<(PlannedPage, PageOutcome)>,
    /// Only when resumed: pages that hold something else than the interrupted run could have left. They were left
    /// alone, and are for the plan that comes next to judge: an interrupted revert may lie in between.
    pub left_alone: Vec<PlannedPage>,
    /// How each of the pages was read back, in their order; `None` where it was not.
    pub read_back: Vec<Option<ReadBack>>,
    /// Whether the journal has its mark: the pass is over. Otherwise running it again tries the rest.
    pub finished: bool,
    /// What a person should know besides.
    pub notes: Vec<PassNote>,
}

impl Applied {
    /// Whether every page is verified.
    pub fn all_verified(&self) -> bool {
        self.pages.iter().all(|(_, outcome)| *outcome == PageOutcome::Verified)
    }

    /// Every page of the journal, what became of it, and how it was read back.
    pub fn told(&self) -> impl Iterator<Item = (&PlannedPage, &PageOutcome, Option<ReadBack>)> {
        let ways = self.read_back.iter().copied().chain(std::iter::repeat(None));
        self.pages.iter().zip(ways).map(|((page, outcome), way)| (page, outcome, way))
    }
}

/// Where a page stands in this pass.
enum Step {
    Written,
    /// It holds neither old nor new: left alone.
    MovedOn,
    Failed(PageFailure),
    /// Read back, and not what was written.
    Differs(ReadBack),
    Verified(ReadBack),
}

impl<D: Disk> Journaled<'_, D> {
    /// Writes, syncs, reads back and marks. [`Err`] only where nothing was written; afterwards each page has its own
    /// outcome, and one that fails does not stop the others.
    ///
    /// # Errors
    /// A lock was lost before the first write. What fails later is the outcome of its page.
    pub fn apply(mut self) -> Result<Applied> {
        check_locks(&self.locked)?;
        let mut steps: Vec<Step> = Vec::new();
        steps.resize_with(self.locked.pages.len(), || Step::Failed(PageFailure::NotReached));
        self.write_all(&mut steps);
        for held in &self.locked.files {
            sync_file(&self.locked, held, &mut steps);
        }
        for held in &self.locked.files {
            verify_file(&self.locked, held, &mut steps);
        }
        let finished = self.finish(&steps);
        let (mut pages, mut read_back, mut left_alone) = (Vec::new(), Vec::new(), Vec::new());
        for (page, step) in self.locked.pages.into_iter().zip(steps) {
            match step {
                Step::MovedOn if self.resumed => left_alone.push(page),
                step => {
                    read_back.push(step.read_back());
                    pages.push((page, step.outcome()));
                }
            }
        }
        Ok(Applied {
            journal: self.journal.path,
            resumed: self.resumed,
            pages,
            left_alone,
            read_back,
            finished,
            notes: self.notes,
        })
    }

    /// Old and new bytes come out of the journal: what is written is what can be taken back.
    fn write_all(&self, steps: &mut [Step]) {
        for held in &self.locked.files {
            for &index in &held.pages {
                if let (Some(page), Some(step)) = (self.locked.pages.get(index), steps.get_mut(index)) {
                    *step = self.write_page(held, page);
                }
            }
        }
    }

    fn write_page(&self, held: &Held<D::File>, page: &PlannedPage) -> Step {
        let disk = self.locked.disk;
        let (old, new) = match self.journal.images(disk, page) {
            Ok(images) => images,
            Err(e) => return Step::Failed(PageFailure::system("reading the journal", &e)),
        };
        match read_page(disk, &held.file, page) {
            Err(e) => return Step::Failed(PageFailure::system("reading", &e)),
            Ok(current) if sector_match(&current, &old, &new) == SectorMatch::Neither => {
                return Step::MovedOn;
            }
            Ok(_) => {}
        }
        match calls::write_full(disk, &held.file, &new, page.offset.0) {
            Ok(()) => Step::Written,
            Err(e) => Step::Failed(PageFailure::system("writing", &e)),
        }
    }

    /// Marks the journal, unless a page may still succeed when the pass is run again.
    fn finish(&mut self, steps: &[Step]) -> bool {
        let count = |test: fn(&Step) -> bool| steps.iter().filter(|step| test(step)).count();
        let verified = count(|step| matches!(step, Step::Verified(_)));
        let moved_on = count(|step| matches!(step, Step::MovedOn));
        if verified.saturating_add(moved_on) < steps.len() {
            return false;
        }
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mark = match moved_on {
            0 => Mark::Verified,
            n => Mark::Closed { moved_on: number(n) },
        };
        match self.journal.mark(self.locked.disk, mark, number(verified)) {
            Ok(()) => true,
            Err(e) => {
                let path = self.journal.path.clone();
                self.notes.push(PassNote::NoMark(path, e.to_string()));
                false
            }
        }
    }
}

impl Step {
    fn read_back(&self) -> Option<ReadBack> {
        match self {
            Step::Verified(way) | Step::Differs(way) => Some(*way),
            Step::Written | Step::MovedOn | Step::Failed(_) => None,
        }
    }

    fn outcome(self) -> PageOutcome {
        match self {
            Step::Verified(_) => PageOutcome::Verified,
            Step::Failed(why) => PageOutcome::Failed(why),
            Step::Differs(_) => PageOutcome::Failed(PageFailure::Differs),
            Step::MovedOn => PageOutcome::Failed(PageFailure::MovedOn),
            Step::Written => PageOutcome::Failed(PageFailure::NotVerified),
        }
    }
}

fn check_locks<D: Disk>(locked: &Locked<'_, D>) -> Result<()> {
    for held in &locked.files {
        let answer = calls::retry(|| locked.disk.lock_held(&held.file));
        if answer.map_err(Error::io(&held.path, "ask for our lock on"))? == Some(false) {
            return Err(Error::Refused(format!(
                "{}: our lock is gone, some part of this program closed the file; nothing was written",
                held.path.display()
            )));
        }
    }
    Ok(())
}

/// One fsync for all pages of a file. After a failure none of them can be trusted, whatever the cache shows.
fn sync_file<D: Disk>(locked: &Locked<'_, D>, held: &Held<D::File>, steps: &mut [Step]) {
    let touched = |step: &Step| !matches!(step, Step::MovedOn);
    if !held.pages.iter().filter_map(|&index| steps.get(index)).any(touched) {
        return;
    }
    if let Err(e) = calls::retry(|| locked.disk.fsync(&held.file)) {
        for &index in &held.pages {
            if let Some(step) = steps.get_mut(index).filter(|step| matches!(step, Step::Written)) {
                *step = Step::Failed(PageFailure::system("bringing the file to disk", &e));
            }
        }
    }
}

fn verify_file<D: Disk>(locked: &Locked<'_, D>, held: &Held<D::File>, steps: &mut [Step]) {
    for &index in &held.pages {
        let Some(step) = steps.get_mut(index).filter(|step| matches!(step, Step::Written)) else { continue };
        if let Some(page) = locked.pages.get(index) {
            *step = verify_page(locked.disk, &held.file, page);
        }
    }
}

fn verify_page<D: Disk>(disk: &D, file: &D::File, page: &PlannedPage) -> Step {
    let mut buffer = vec![0; page.length];
    match calls::read_back_full(disk, file, &mut buffer, page.offset.0) {
        Err(e) => Step::Failed(PageFailure::system("reading back", &e)),
        Ok((read, way)) if read == page.length && page.new.is(&buffer) => Step::Verified(way),
        Ok((_, way)) => Step::Differs(way),
    }
}
