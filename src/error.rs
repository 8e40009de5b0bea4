//! What can go wrong outside the data itself. Damage found in pages is a value, never an error.

use std::io;
use std::path::{Path, PathBuf};

use crate::units::ByteOffset;

/// The result of anything that touches the world.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Could not look, or must not go on. Every variant names the file and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, as an infinitive.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The same, where the place in the file is known.
    #[error("{path}: cannot {action} at offset {offset}: {source}")]
    IoAt {
        /// The file.
        path: PathBuf,
        /// What was tried, as an infinitive.
        action: &'static str,
        /// Where in the file.
        offset: ByteOffset,
        /// The system's answer.
        source: io::Error,
    },
    /// A journal, a mended copy or a bundle could not be written; no data file was touched.
    #[error("{path}: cannot {action}: {source}; no data file was changed")]
    WriteFailed {
        /// The file that was to be written.
        path: PathBuf,
        /// What was tried, as an infinitive.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The input is not what the command works on.
    #[error("{path}: {what}")]
    Foreign {
        /// The file or directory.
        path: PathBuf,
        /// What was expected, what was found and what to do next.
        what: String,
    },
    /// A file of ours (journal, plan, bundle, baseline) is damaged or not ours.
    #[error("{path}: offset {offset}: {what}")]
    Sealed {
        /// The file.
        path: PathBuf,
        /// Where the fault lies.
        offset: ByteOffset,
        /// What was expected, what was found and what to do next.
        what: String,
    },
    /// Another process holds the file as a running server does.
    #[error("{path}: locked by {holder}; stop the server first, nothing was written")]
    Locked {
        /// The file.
        path: PathBuf,
        /// The process, where the system tells.
        holder: String,
    },
    /// What was to come after an interrupted pass failed, and that pass was finished by then: pages were written.
    #[error("the interrupted pass of {journal} was finished first, its pages are written; but then {error}")]
    AfterWrites {
        /// The journal of the last pass that was finished.
        journal: PathBuf,
        /// What went wrong.
        error: Box<Error>,
    },
    /// The request cannot be carried out; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// An operating system error at a path; for `map_err(Error::io(path, "read"))`.
    pub fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { path, action, source }
    }

    /// A file of ours that could not be written, before any data file was touched.
    pub fn write(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::WriteFailed { path, action, source }
    }

    /// An operating system error at an offset of a file.
    pub fn io_at(path: &Path, action: &'static str, offset: ByteOffset) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::IoAt { path, action, offset, source }
    }

    /// Input that is not what the command works on.
    pub fn foreign(path: &Path, what: impl Into<String>) -> Error {
        Error::Foreign { path: path.to_path_buf(), what: what.into() }
    }

    /// The file that it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Error::Io { path, .. }
            | Error::IoAt { path, .. }
            | Error::WriteFailed { path, .. }
            | Error::Foreign { path, .. }
            | Error::Sealed { path, .. }
            | Error::Locked { path, .. } => Some(path),
            Error::AfterWrites { error, .. } => error.path(),
            Error::Refused(_) => None,
        }
    }

    /// Whether a file was there when it was listed and is no more: a running server dropped it. A link that leads nowhere
    /// is still there.
    pub fn is_of_a_dropped_file(&self) -> bool {
        let Error::Io { path, source, .. } = self else { return false };
        source.kind() == io::ErrorKind::NotFound && !path.is_symlink()
    }
}
