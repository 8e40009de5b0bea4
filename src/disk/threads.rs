//! Threads where the system gives any: fewer than were asked for rather than none, and the calling one always.

use std::io;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// More threads than any machine has use for.
pub const MOST: usize = 256;

/// Address space that a thread may take: its stack, and what the allocator sets aside for it (64 MiB with the GNU C
/// library, which asks for twice that).
const PER_THREAD: u64 = 160 << 20;

/// So many threads, or as many as a limit on address space (`ulimit -v`) has room for.
pub fn within_limits(wanted: usize) -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current;
    let room = limit.and_then(|limit| usize::try_from(limit / PER_THREAD).ok()).unwrap_or(MOST);
    wanted.clamp(1, MOST).min(room.max(1))
}

/// Prepares the pool that judges pages. A second call changes nothing.
pub fn prepare(wanted: Option<usize>) {
    let of_machine = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let threads = given(within_limits(wanted.unwrap_or_else(of_machine)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    // Without any thread the calling one works alone; others that wait for the pool must not be what it waits for.
    let pool = if threads == 0 { pool.num_threads(1).use_current_thread() } else { pool };
    let _ = pool.build_global();
}

/// How many threads the system gives of so many; 0: none. The pool has one try only: threads are made for a look first,
/// and where they are not given the half of what was is taken.
fn given(wanted: usize) -> usize {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let made = std::thread::scope(|scope| {
        let stay = || _ = wait.lock().map(|wait| wait.recv());
        let made = (0..wanted).map_while(|_| Builder::new().spawn_scoped(scope, stay).ok()).count();
        drop(release);
        made
    });
    if made == wanted { wanted } else { made / 2 }
}

/// Starts a thread in a scope.
///
/// # Errors
/// The system gives no more threads: the caller does the work itself, or with those that it has.
pub fn spawn<'scope, 'env, T: Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().spawn_scoped(scope, work)
}
