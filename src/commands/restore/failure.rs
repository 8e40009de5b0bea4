//! Why a page was not written or not taken back, and why a directory is not that of a journal any more.

use std::{fmt, io};

use crate::units::Lsn;

/// Why a page does not hold what was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageFailure {
    /// The pass ended before it.
    NotReached,
    /// The system refused something.
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        said: String,
    },
    /// Read back, and not what was written.
    Differs,
    /// It holds neither its old nor its new bytes.
    MovedOn,
    /// Written, and the pass ended before it was read back.
    NotVerified,
    /// A journal's page holds something else than the pass wrote.
    Rewritten,
    /// A server has run since the pass.
    ServerRan(WorldChange),
    /// A server has run: the checkpoint has passed the copy that was written.
    PassedBy {
        /// The checkpoint now.
        checkpoint: Lsn,
        /// LSN of the copy.
        copy: Lsn,
    },
}

impl PageFailure {
    pub(super) fn system(doing: &'static str, error: &io::Error) -> PageFailure {
        PageFailure::System { doing, said: error.to_string() }
    }
}

impl fmt::Display for PageFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PageFailure::NotReached => "not reached",
            PageFailure::Differs => "the device gave back other bytes than were written; look at its health",
            PageFailure::MovedOn => "the page has been written by somebody else since; it was left alone",
            PageFailure::NotVerified => "written, but not verified",
            PageFailure::Rewritten => {
                "the page has been written since, and no longer holds what the restore wrote"
            }
            PageFailure::System { doing, said } => {
                return write!(
                    f,
                    "{doing} failed: {said}; the journal has the old bytes, run again once the cause is gone"
                );
            }
            PageFailure::ServerRan(change) => return change.fmt(f),
            PageFailure::PassedBy { checkpoint, copy } => {
                return write!(
                    f,
                    "a server has run since: the checkpoint {checkpoint} has passed the copy, LSN {copy}"
                );
            }
        })
    }
}

/// What tells that a directory is not as it was when a plan or a journal was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldChange {
    /// Another server's, by the uuid in auto.cnf.
    OtherServer {
        /// Then.
        then: String,
        /// Now.
        now: String,
    },
    /// Redo goes elsewhere: a server has run.
    Redo {
        /// Checkpoint and end then.
        then: (Option<Lsn>, Option<Lsn>),
        /// Checkpoint and end now.
        now: (Option<Lsn>, Option<Lsn>),
    },
}

impl fmt::Display for WorldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |window: &(Option<Lsn>, Option<Lsn>)| match window {
            (Some(checkpoint), Some(end)) => format!("from {checkpoint} to {end}"),
            (Some(checkpoint), None) => format!("from {checkpoint}"),
            _ => "nowhere that could be read".to_owned(),
        };
        match self {
            WorldChange::OtherServer { then, now } => {
                write!(f, "it is another server's: auto.cnf there says {then}, here {now}")
            }
            WorldChange::Redo { then, now } => {
                write!(f, "a server has run since: redo went {} then, and goes {} now", told(then), told(now))
            }
        }
    }
}
