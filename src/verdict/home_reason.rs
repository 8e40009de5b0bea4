//! Why a home is in the state it is in.

use std::fmt;

use crate::page::reason::PageReason;
use crate::units::{Lsn, PageNo, SpaceId};

/// The reason of a [`HomeState`](crate::verdict::home::HomeState).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HomeReason {
    /// What its own bytes say.
    Page(PageReason),
    /// The LSN words differ as in a torn page, but the head is not that of this page.
    Foreign(PageReason),
    /// A valid page of another number.
    OtherPage(PageNo),
    /// A valid page of another tablespace.
    OtherSpace(SpaceId),
    /// No file holds the space id.
    NoFile(SpaceId),
    /// Several claim it, and none could be shown.
    NoneOfSeveral,
    /// No file of the tablespace reaches so far.
    Beyond,
    /// The file ends before the page does, after so many bytes.
    Cut(u64),
    /// The system would not let us read it, and said why.
    Unreadable(String),
    /// It verifies and is damaged all the same.
    Unmasked(Unmasked),
}

/// Why a home that verifies is damaged all the same: only copies and redo show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmasked {
    /// No checksum looked at its contents, and a copy of the same LSN differs.
    Contradicted,
    /// Its LSN is beyond this end of redo, and the server takes that for damage.
    Future(Lsn),
}

impl fmt::Display for HomeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HomeReason::Page(reason) => reason.fmt(f),
            HomeReason::Foreign(reason) => write!(f, "{reason}, and its head is not that of this page"),
            HomeReason::OtherPage(page) => write!(f, "a valid page lies here, but it is page {page}"),
            HomeReason::OtherSpace(space) => {
                write!(f, "a valid page lies here, but it belongs to space {space}")
            }
            HomeReason::NoFile(space) => write!(f, "no file holds space {space}"),
            HomeReason::NoneOfSeveral => f.write_str("no file"),
            HomeReason::Beyond => f.write_str("no file of the tablespace reaches this page"),
            HomeReason::Cut(length) => write!(f, "the file ends at {length} bytes"),
            HomeReason::Unreadable(error) => f.write_str(error),
            HomeReason::Unmasked(unmasked) => unmasked.fmt(f),
        }
    }
}

impl fmt::Display for Unmasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unmasked::Contradicted => {
                f.write_str("it has no checksum to tell, but a copy of the same LSN differs from it")
            }
            Unmasked::Future(end) => write!(
                f,
                "its checksum is right, but its LSN is beyond the end of redo {end}, which this server takes for damage"
            ),
        }
    }
}
