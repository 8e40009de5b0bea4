//! Standard output, and what a command has done by the time it fails.

use std::io::{self, Write};

use crate::cli::exit::ExitStatus;

/// Passes everything on, and remembers whether that ever failed: a buffer may swallow it, and a reader that went away is
/// forgiven.
pub(super) struct Remembering<W> {
    inner: W,
    /// Whether something did not arrive.
    pub failed: bool,
}

impl<W> Remembering<W> {
    pub fn new(inner: W) -> Remembering<W> {
        Remembering { inner, failed: false }
    }

    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        // A signal is no failure: the same bytes are written again.
        self.failed |= result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        result
    }
}

impl<W: Write> Write for Remembering<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.note(result)
    }
}

/// What is on disk, whatever becomes of the report on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// How the command ended, from the moment on that this is known.
    pub status: ExitStatus,
    /// What was written and where to find it: the journal, the bundle.
    pub what: String,
}
