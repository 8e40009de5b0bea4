//! A part of a file mapped into memory, which survives that the file shrinks or a sector of it cannot be read.
//!
//! Copying from the page cache costs as much as judging: on a Xeon with AVX-512, 1.2 GiB took 0.20 s to `pread` and
//! 0.12 s to read in place. What kills a process that maps files is SIGBUS. Here, its handler puts zero pages in place
//! of the rest of the window and marks it, and whoever used the window throws away what it made of it and reads the
//! file again by `pread`, which knows how to fail.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use memmap2::{Advice, Mmap, MmapOptions};

thread_local! {
    /// The window of this thread, for its signal handler: SIGBUS is delivered to the thread that touched the page. No
    /// other thread looks here; atomics, so that the compiler keeps every store.
    static START: AtomicUsize = const { AtomicUsize::new(0) };
    /// 0 where no window is open.
    static END: AtomicUsize = const { AtomicUsize::new(0) };
    /// How many windows of this thread lost pages.
    static BROKEN: AtomicUsize = const { AtomicUsize::new(0) };
}

/// Some bytes of a file, in place. One at a time in each thread, and used by that thread only.
#[derive(Debug)]
pub struct MappedWindow<'a> {
    file: &'a File,
    /// Offset behind the last byte.
    until: u64,
    map: Mmap,
    broken_before: usize,
    /// Not to be sent to other threads.
    thread: PhantomData<Cell<*const ()>>,
}

impl MappedWindow<'_> {
    /// Maps `len` bytes from `offset` on and brings them into memory.
    ///
    /// # Errors
    /// The system cannot map the file or read all of it (short files and bad sectors are found here, not later); this
    /// thread has a window open; the system has no `MADV_POPULATE_READ` (Linux before 5.14). Read by position then.
    #[allow(unsafe_code, reason = "1.7 times as fast as pread from the page cache; see the module")]
    pub fn open(file: &File, offset: u64, len: usize) -> io::Result<MappedWindow<'_>> {
        if len == 0 || END.with(|end| end.load(Relaxed)) != 0 || !handler_is_there() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // SAFETY: the map is private to this type. Shrinking is survived by the handler below. Bytes that somebody
        // else writes meanwhile may change under the reader; it treats them as hostile, never as validated, and the
        // scan maps no file that a server holds.
        let map = unsafe { MmapOptions::new().offset(offset).len(len).map(file)? };
        // A hint; without it the pages come all the same.
        let _ = map.advise(Advice::Sequential);
        map.advise(Advice::PopulateRead)?;
        let page = page_size();
        let start = map.as_ptr().addr();
        START.with(|cell| cell.store(start - start % page, Relaxed));
        END.with(|cell| cell.store(start.saturating_add(len).next_multiple_of(page), Relaxed));
        let broken_before = BROKEN.with(|count| count.load(Relaxed));
        let until = offset.saturating_add(len as u64);
        Ok(MappedWindow { file, until, map, broken_before, thread: PhantomData })
    }

    /// The bytes; zero from where the file turned out to be gone.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Whether every byte that was looked at so far came from the file. Ask after the last look.
    pub fn is_whole(&self) -> bool {
        // Behind the end, the last page of a file reads as zeros without a signal.
        let reaches = self.file.metadata().is_ok_and(|metadata| metadata.len() >= self.until);
        reaches && BROKEN.with(|count| count.load(Relaxed)) == self.broken_before
    }
}

impl Drop for MappedWindow<'_> {
    fn drop(&mut self) {
        END.with(|cell| cell.store(0, Relaxed));
    }
}

fn page_size() -> usize {
    rustix::param::page_size()
}

/// What was done about SIGBUS before: the standard library looks there for overflowing stacks.
static PREVIOUS: OnceLock<Option<libc::sigaction>> = OnceLock::new();

/// Installs the handler once; whether it is there.
///
/// Not through a crate that chains handlers: the one before ours would be called first, and that of the standard library
/// gives the signal its default action back.
#[allow(unsafe_code, reason = "signal handlers")]
fn handler_is_there() -> bool {
    PREVIOUS
        .get_or_init(|| {
            // SAFETY: plain old data, for which all zero bytes are a valid value: no flags, an empty mask.
            let (mut action, mut previous): (libc::sigaction, libc::sigaction) =
                unsafe { std::mem::zeroed() };
            let handler: extern "C" fn(libc::c_int, &libc::siginfo_t, *mut libc::c_void) = on_bus_error;
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: the handler has the signature that SA_SIGINFO asks for, touches this thread's atomics, which need
            // neither construction nor destruction, and calls mmap and sigaction; nothing of it waits or allocates.
            let answer = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut previous) };
            (answer == 0).then_some(previous)
        })
        .is_some()
}

/// The thread that touched a page that is not there continues with pages of zeros.
#[allow(unsafe_code, reason = "signal handlers")]
extern "C" fn on_bus_error(_: libc::c_int, info: &libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: SIGBUS always carries an address.
    let address = unsafe { info.si_addr() }.addr();
    let (start, end) = (START.with(|cell| cell.load(Relaxed)), END.with(|cell| cell.load(Relaxed)));
    let gone = address - address % page_size();
    if start <= gone && gone < end && put_zeros(gone, end - gone) {
        BROKEN.with(|count| count.fetch_add(1, Relaxed));
        return;
    }
    // Not ours: the instruction is tried again and meets whoever was there before us.
    let previous = PREVIOUS.get().and_then(Option::as_ref);
    // SAFETY: signal and sigaction are allowed in a handler; the structure is one that the system gave us.
    unsafe {
        match previous {
            Some(previous) => _ = libc::sigaction(libc::SIGBUS, previous, std::ptr::null_mut()),
            None => _ = libc::signal(libc::SIGBUS, libc::SIG_DFL),
        }
    }
}

/// Puts zero pages over the rest of this thread's window.
#[allow(unsafe_code, reason = "signal handlers")]
fn put_zeros(start: usize, len: usize) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the range lies in the map of this thread's open window: this thread stands here and cannot close it, and
    // no other thread has a reference into it.
    let answer = unsafe {
        libc::mmap(std::ptr::with_exposed_provenance_mut(start), len, libc::PROT_READ, flags, -1, 0)
    };
    answer != libc::MAP_FAILED
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    fn file(len: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..len).map(|i| (i / 1000) as u8 | 1).collect();
        file.write_all(&bytes).unwrap();
        file
    }

    #[test]
    fn a_window_shows_the_bytes_of_the_file() {
        let file = file(100_000);
        for (offset, len) in [(0, 100_000), (512, 5), (4096, 4096), (99_999, 1), (5000, 70_000)] {
            let window = MappedWindow::open(&file, offset, len).unwrap();
            let expected: Vec<u8> =
                (offset as usize..offset as usize + len).map(|i| (i / 1000) as u8 | 1).collect();
            assert_eq!(window.bytes(), expected);
            assert!(window.is_whole());
        }
    }

    /// Without the handler this test ends the whole process.
    #[test]
    fn a_file_that_shrinks_under_a_window_gives_zeros_and_says_so() {
        let file = file(40_960);
        let window = MappedWindow::open(&file, 0, 40_960).unwrap();
        assert_eq!(window.bytes()[40_000], 41);
        file.set_len(8192).unwrap();
        assert_eq!(window.bytes()[8191], 9);
        assert!(window.bytes()[8192..].iter().all(|&byte| byte == 0));
        assert!(!window.is_whole());
        drop(window);
        assert!(MappedWindow::open(&file, 0, 8192).unwrap().is_whole(), "as new");
    }

    /// Files that shrink and grow under the windows of several threads at the same time.
    #[test]
    fn threads_lose_their_own_pages_only() {
        let shrinking = file(1 << 20);
        let still = file(1 << 20);
        let stop = std::sync::atomic::AtomicBool::new(false);
        // A hundred windows, and more until one was seen to lose pages: how soon that comes is up to the machine.
        let (seen, began) = (std::sync::atomic::AtomicUsize::new(0), std::time::Instant::now());
        let go_on = |round: u32| round < 100 || seen.load(Relaxed) == 0 && began.elapsed().as_secs() < 60;
        std::thread::scope(|scope| {
            let readers = [&shrinking, &shrinking, &still, &still].map(|file| {
                scope.spawn(|| {
                    let mut broken = 0;
                    for _ in (0..).take_while(|&round| go_on(round)) {
                        let Ok(window) = MappedWindow::open(file, 0, 1 << 20) else { continue };
                        let ones = window.bytes().iter().filter(|&&byte| byte != 0).count();
                        broken += usize::from(!window.is_whole());
                        seen.fetch_add(usize::from(!window.is_whole()), Relaxed);
                        assert!(ones == 1 << 20 || !window.is_whole());
                    }
                    broken
                })
            });
            let writer = scope.spawn(|| {
                while !stop.load(Relaxed) {
                    shrinking.set_len(4096).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    shrinking.write_all_at(&vec![1; (1 << 20) - 4096], 4096).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            });
            let broken = readers.map(|reader| reader.join().unwrap());
            stop.store(true, Relaxed);
            writer.join().unwrap();
            assert_eq!(broken[2..], [0, 0]);
            assert!(broken[0] + broken[1] > 0, "no window lost a page: the test saw nothing");
        });
    }

    #[test]
    fn a_window_past_the_end_is_refused_at_once() {
        let file = file(10_000);
        assert!(MappedWindow::open(&file, 0, 20_000).is_err());
        assert!(!MappedWindow::open(&file, 0, 10_001).unwrap().is_whole(), "within the last page");
        assert!(MappedWindow::open(&file, 1 << 40, 4096).is_err());
        assert!(MappedWindow::open(&file, 0, 0).is_err());
    }

    #[test]
    fn one_window_at_a_time() {
        let file = file(4096);
        let window = MappedWindow::open(&file, 0, 4096).unwrap();
        assert!(MappedWindow::open(&file, 0, 4096).is_err());
        drop(window);
        assert!(MappedWindow::open(&file, 0, 4096).is_ok());
    }
}
