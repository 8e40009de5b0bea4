//! Threads that read and judge, and the one that collects in order.

use crate::commands::scan::jobs::Done;
use crate::page::checksum::ABREAST;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, SystemTime};

use crate::commands::scan::collect::Collector;
use crate::commands::scan::dropped::is_gone;
use crate::commands::scan::jobs::{Job, Jobs};
use crate::commands::scan::judge::{Judge, JudgedPages, Peek};
use crate::commands::scan::{Observer, ScanOptions, ScanTarget, Scanned};
use crate::disk::Image;
use crate::disk::map::MappedWindow;
use crate::disk::run::{Buffer, Input, ReadRun, read_run};
use crate::disk::threads;
use crate::disk::throttle::Throttle;
use crate::error::Error;
use crate::units::{ByteOffset, PageNo};

/// Bytes read at once: small enough to stay in the second-level cache until they are judged.
const RUN_BYTES: usize = 256 << 10;
/// Bytes read at once where pages are folded side by side: that many pages, but no more than this.
const MAX_RUN_BYTES: usize = 1 << 20;
/// Jobs that may be finished before they are collected, for each thread.
const AHEAD: u64 = 8;
/// A page that was just written may be read in the middle of that; this long after, the write is over.
const SETTLE: Duration = Duration::from_millis(30);
/// A file that was not written for this long is not being written.
const QUIET: Duration = Duration::from_secs(60);

/// Scans all targets.
///
/// # Errors
/// Those of the observer. What cannot be read is told to the observer, and the scan goes on.
pub fn scan(
    targets: &[ScanTarget<'_>],
    options: &ScanOptions<'_>,
    observer: &mut dyn Observer,
) -> anyhow::Result<Scanned> {
    let threads = threads::within_limits(options.threads);
    let jobs = Jobs::new(targets, AHEAD * threads as u64, options.sample);
    let throttle = Throttle::new(options.rate);
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for started in 0..threads {
            let sender = sender.clone();
            let (jobs, throttle) = (&jobs, &throttle);
            let spawned = threads::spawn(scope, move || work(targets, options, jobs, throttle, &sender));
            match spawned {
                Ok(_) => {}
                // Fewer are enough; without any, nothing can be read while what was read is told.
                Err(_) if started > 0 => break,
                Err(error) => {
                    jobs.close();
                    anyhow::bail!("the system gives no thread ({error}); raise its limit (ulimit -u)");
                }
            }
        }
        drop(sender);
        let collected = Collector::new(targets, options.rows).collect(&receiver, &jobs, observer);
        // Threads that wait for their turn must not wait for a collector that is gone.
        jobs.close();
        collected
    })
}

fn work(
    targets: &[ScanTarget<'_>],
    options: &ScanOptions<'_>,
    jobs: &Jobs<'_>,
    throttle: &Throttle,
    sender: &Sender<Done>,
) {
    let mut buffer = Buffer::new(MAX_RUN_BYTES);
    while let Some(job) = jobs.next() {
        if options.stop.load(Relaxed) {
            jobs.close();
        }
        let Some(target) = targets.get(job.target) else { return };
        if sender.send(perform(target, job, options, throttle, &mut buffer)).is_err() {
            return;
        }
    }
}

fn perform(
    target: &ScanTarget<'_>,
    job: Job,
    options: &ScanOptions<'_>,
    throttle: &Throttle,
    buffer: &mut Buffer,
) -> Done {
    let mut done =
        Done { found: JudgedPages::default(), failure: None, bytes: 0, cut: false, gone: false, job };
    if done.job.pages == 0 {
        return done;
    }
    let path = &target.file.path;
    let input = match Input::open(path, options.cache, target.file.len > RUN_BYTES as u64) {
        Ok(input) => input,
        Err(error) => {
            done.gone = is_gone(target);
            done.failure = Some(Error::io(path, "open")(error));
            done.cut = true;
            return done;
        }
    };
    let first = LiveLook { settled: BTreeSet::new(), unsettled: RefCell::default(), is_first: true };
    let done = attempt(target, done.job, options, throttle, (&input, &mut *buffer), &first);
    let settled = first.unsettled.into_inner();
    if settled.is_empty() {
        return done;
    }
    // Once for all damaged pages of the job: what was being written is whole by now.
    std::thread::sleep(SETTLE);
    let second = LiveLook { settled, unsettled: RefCell::default(), is_first: false };
    attempt(target, done.job, options, throttle, (&input, buffer), &second)
}

/// What is known of damaged pages in a file that somebody may be writing.
struct LiveLook {
    /// Pages that were damaged a moment ago, by their offsets: if they still are, they are.
    settled: BTreeSet<u64>,
    /// Pages that were met damaged for the first time.
    unsettled: RefCell<BTreeSet<u64>>,
    is_first: bool,
}

/// One reading of a job: in place, or where that cannot be, read.
fn attempt(
    target: &ScanTarget<'_>,
    job: Job,
    options: &ScanOptions<'_>,
    throttle: &Throttle,
    (input, buffer): (&Input, &mut Buffer),
    look: &LiveLook,
) -> Done {
    let empty =
        |job| Done { found: JudgedPages::default(), failure: None, bytes: 0, cut: false, gone: false, job };
    let mut done = empty(job);
    let mut pages = JobPages::InPlace { input, window: None };
    if !judge_job(&mut done, target, options, throttle, &mut pages, look) {
        // The file is not to be mapped, it shrank, or a sector cannot be read: what was seen is void, and reading tells
        // what is the matter.
        drop(pages);
        done = empty(done.job);
        judge_job(&mut done, target, options, throttle, &mut JobPages::Read { input, buffer }, look);
    }
    done
}

/// Where the bytes of a job come from.
enum JobPages<'a> {
    /// The window that was opened last, and which byte of the job is its first.
    InPlace {
        input: &'a Input,
        window: Option<(usize, MappedWindow<'a>)>,
    },
    Read {
        input: &'a Input,
        buffer: &'a mut Buffer,
    },
}

impl JobPages<'_> {
    fn input(&self) -> &Input {
        match self {
            JobPages::InPlace { input, .. } | JobPages::Read { input, .. } => input,
        }
    }

    /// `len` bytes that begin `at` bytes into the job. `None`: they cannot be had this way, or what was had is void.
    fn get(&mut self, job: &Job, at: usize, len: usize, page_size: usize) -> Option<(&[u8], ReadRun)> {
        match self {
            JobPages::InPlace { input, window } => {
                let end = at.checked_add(len)?;
                if window.as_ref().is_none_or(|(start, window)| start + window.bytes().len() < end) {
                    if window.take().is_some_and(|(_, window)| !window.is_whole()) {
                        return None;
                    }
                    let left = job.pages.saturating_mul(page_size as u64).checked_sub(at as u64)?;
                    *window = Some((at, input.window(job.offset + at as u64, left)?));
                }
                let (start, window) = window.as_ref()?;
                Some((window.bytes().get(at - start..end - start)?, ReadRun::full(len)))
            }
            JobPages::Read { input, buffer } => {
                let bytes = buffer.get(len);
                let run = read_run(*input, job.offset + at as u64, bytes, page_size);
                Some((bytes, run))
            }
        }
    }

    /// Whether all that was had came from the file.
    fn were_there(&self) -> bool {
        match self {
            JobPages::InPlace { window, .. } => window.as_ref().is_none_or(|(_, window)| window.is_whole()),
            JobPages::Read { .. } => true,
        }
    }
}

/// Judges the pages of a job; whether they could be had.
fn judge_job(
    done: &mut Done,
    target: &ScanTarget<'_>,
    options: &ScanOptions<'_>,
    throttle: &Throttle,
    source: &mut JobPages<'_>,
    look: &LiveLook,
) -> bool {
    let links = done.job.links.clone();
    let mut judge = Judge::new(target.ground, target.space, target.file, links.as_deref(), options.rows);
    let glance = Glance { target, image: OnceCell::new(), look };
    let size = target.space.format.physical.bytes();
    let mut page = 0;
    while page < done.job.pages {
        if options.stop.load(Relaxed) {
            done.cut = true;
            break;
        }
        let hole = hole_pages(source.input(), target, &done.job, page);
        if hole > 0 {
            judge
                .hole(PageNo(done.job.first.0.saturating_add(u32::try_from(page).unwrap_or(u32::MAX))), hole);
            done.bytes += hole * size as u64;
            page += hole;
            continue;
        }
        let at_once =
            if judge.folds() { (ABREAST * size).clamp(RUN_BYTES, MAX_RUN_BYTES) } else { RUN_BYTES };
        let pages = ((at_once / size).max(1) as u64).min(done.job.pages - page);
        let len = pages as usize * size;
        throttle.pass(len as u64);
        let at = page as usize * size;
        let Some((bytes, run)) = source.get(&done.job, at, len, size) else { return false };
        let first = PageNo(done.job.first.0.saturating_add(u32::try_from(page).unwrap_or(u32::MAX)));
        judge_run(&mut judge, bytes.get(..run.filled).unwrap_or_default(), first, &run, &glance);
        done.bytes += run.filled as u64;
        if run.filled < len {
            done.cut = true;
            done.failure = Some(ended_early(target, done.job.offset + (at + run.filled) as u64));
            break;
        }
        page += pages;
    }
    done.found = judge.found;
    done.gone =
        (done.failure.is_some() || !done.found.damage.is_empty()) && !glance.is_quiet() && is_gone(target);
    source.were_there()
}

/// How many whole pages from this one on the file has no bytes for: they read as zeros, and need not be read.
fn hole_pages(input: &Input, target: &ScanTarget<'_>, job: &Job, page: u64) -> u64 {
    let size = target.space.format.physical.as_u64();
    let at = job.offset.saturating_add(page.saturating_mul(size));
    let end = input.hole_end(at, target.file.len).unwrap_or(at);
    (end.saturating_sub(at) / size).min(job.pages.saturating_sub(page))
}

/// Runs between unreadable pages are judged, the unreadable ones noted.
fn judge_run(judge: &mut Judge<'_>, bytes: &[u8], first: PageNo, run: &ReadRun, glance: &Glance<'_>) {
    let size = judge.page_size();
    let number = |index: usize| PageNo(first.0.saturating_add(u32::try_from(index).unwrap_or(u32::MAX)));
    let error = run.error.as_deref().unwrap_or_default();
    let mut begin = 0;
    for &bad in run.unreadable.iter().filter(|&&bad| (bad + 1) * size <= bytes.len()) {
        judge.run(bytes.get(begin * size..bad * size).unwrap_or_default(), number(begin), glance);
        judge.unreadable(number(bad), error);
        begin = bad + 1;
    }
    judge.run(bytes.get(begin * size..).unwrap_or_default(), number(begin), glance);
}

/// Behind the new end every part finds nothing: the size that the file has now is the one to name.
fn ended_early(target: &ScanTarget<'_>, at: u64) -> Error {
    let was = target.file.len;
    let at = std::fs::metadata(&target.file.path).map_or(at, |now| now.len().min(at));
    Error::foreign(
        &target.file.path,
        format!(
            "it ended at {at} bytes while it was scanned, but had {was} bytes before: it shrank meanwhile; scan it again"
        ),
    )
}

/// The second look at damaged pages, through the page cache.
struct Glance<'a> {
    target: &'a ScanTarget<'a>,
    image: OnceCell<Option<Image>>,
    look: &'a LiveLook,
}

impl Glance<'_> {
    fn image(&self) -> Option<&Image> {
        self.image.get_or_init(|| Image::open(&self.target.file.path).ok()).as_ref()
    }

    fn is_quiet(&self) -> bool {
        let modified = self.image().and_then(|image| image.file().metadata().ok()?.modified().ok());
        let age = modified.and_then(|at| SystemTime::now().duration_since(at).ok());
        age.is_some_and(|age| age > QUIET)
    }
}

impl Peek for Glance<'_> {
    fn now(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        if self.is_quiet() || self.look.settled.contains(&offset) {
            return None;
        }
        if self.look.is_first {
            self.look.unsettled.borrow_mut().insert(offset);
            return None;
        }
        // Met damaged only now: the one page of a run that is being written in this very moment.
        std::thread::sleep(SETTLE);
        self.bytes(offset, len).filter(|bytes| bytes.len() == len)
    }

    fn bytes(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        let read = self.image()?.read_up_to(ByteOffset(offset), &mut bytes).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }
}
