//! Temporary directories that a signal must not leave behind.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static DIRS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static GRACEFUL: AtomicBool = AtomicBool::new(false);
/// A signal is noticed after this time at most.
const NOTICED: Duration = Duration::from_millis(50);

/// Says that a signal ends this run in good order by itself, so that everything is taken away on the way.
pub fn ends_by_itself() {
    GRACEFUL.store(true, Ordering::Relaxed);
}

/// Looks out for signals from here on: before a directory is made, as one may come the moment after.
pub fn watch_for_signals() {
    static WATCH: Once = Once::new();
    if !GRACEFUL.load(Ordering::Relaxed) {
        WATCH.call_once(watch);
    }
}

/// Has a directory removed where a signal ends the run.
pub fn remove_on_signal(dir: &Path) {
    DIRS.lock().unwrap_or_else(PoisonError::into_inner).push(dir.to_path_buf());
    watch_for_signals();
}

/// Without a thread the system's own reaction stays as it is, and what is left has mode 0700.
fn watch() {
    let caught = Arc::new(AtomicUsize::new(0));
    let thread = Arc::clone(&caught);
    let started = std::thread::Builder::new().spawn(move || {
        loop {
            let signal = thread.load(Ordering::Relaxed);
            if let Some(signal) = i32::try_from(signal).ok().filter(|&signal| signal > 0) {
                end(signal);
            }
            std::thread::sleep(NOTICED);
        }
    });
    if started.is_ok() {
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let number = usize::try_from(signal).unwrap_or_default();
            // Refused only for signals that cannot be caught.
            let _ = signal_hook::flag::register_usize(signal, Arc::clone(&caught), number);
        }
    }
}

fn end(signal: i32) {
    for dir in DIRS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // Files may still be made in it: then once more.
        for _ in 0..3 {
            if std::fs::remove_dir_all(&dir).is_ok() {
                break;
            }
        }
    }
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}
