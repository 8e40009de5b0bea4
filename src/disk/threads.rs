//! Threads where the system gives any: fewer than were asked for rather than none, and the calling one always.

use std::io;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// More threads than any machine has use for.
pub const MOST: usize = 1024;

/// Prepares the pool that judges pages. A second call changes nothing.
pub fn prepare(wanted: Option<usize>) {
    let of_machine = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let mut threads = wanted.unwrap_or_else(of_machine).clamp(1, MOST);
    loop {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        // The last try needs no new thread at all.
        let pool = if threads == 1 { pool.use_current_thread() } else { pool };
        match pool.build_global() {
            Err(error) if threads > 1 && is_of_the_system(&error) => threads = threads.div_ceil(2),
            _ => return,
        }
    }
}

/// Whether a thread could not be made, rather than the pool having been there already.
fn is_of_the_system(error: &rayon::ThreadPoolBuildError) -> bool {
    std::error::Error::source(error).is_some()
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
