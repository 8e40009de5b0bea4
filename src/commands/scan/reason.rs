//! What was seen of damage in a scan, page by page and of pages in a row.

use std::fmt;

use crate::page::symptom::Symptom;
use crate::units::{Lsn, SpaceId};
use crate::verdict::audit::Lost;
use crate::verdict::home_reason::HomeReason;

/// The evidence of a [`Damage`](crate::commands::scan::Damage).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DamageReason {
    /// What the page itself shows.
    Symptom(Symptom),
    /// What belongs elsewhere.
    Home(HomeReason),
    /// Redo proves that a newer version was written.
    Lost(Lost),
    /// It verifies, but its LSN is beyond the end of redo.
    Future,
    /// Every byte is zero where a page was.
    Zero(WrittenBecause),
    /// The system cannot read it, and said why.
    Unreadable(String),
    /// Its content lies so many bytes further on, or before.
    BytesAway(i64),
    /// Pages in a row that lie so many pages too far behind, or in front.
    PagesAway {
        /// How many pages.
        pages: u32,
        /// How far.
        shift: i64,
    },
    /// Pages in a row that belong to another tablespace.
    Foreign {
        /// How many pages.
        pages: u32,
        /// Whose they are.
        space: SpaceId,
    },
    /// Pages in a row, each for this reason.
    Row {
        /// How many pages.
        pages: u32,
        /// The reason of the first.
        each: Box<DamageReason>,
    },
}

/// How it is known that a page of zeros was once written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenBecause {
    /// Redo names it with this LSN, from before the checkpoint.
    Redo(Lsn),
    /// The extent descriptors say that it is in use, and the server ended cleanly.
    InUse,
    /// They said so before the last checkpoint.
    WasInUse,
    /// The first page is made before every other, and there are others as old as this.
    First(Lsn),
    /// Later pages of the file were written.
    LaterPages,
    /// Another page names it as its neighbour.
    Neighbour,
    /// One that was home before the last checkpoint does.
    OldNeighbour,
}

impl fmt::Display for DamageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DamageReason::Symptom(symptom) => symptom.fmt(f),
            DamageReason::Home(reason) => reason.fmt(f),
            DamageReason::Lost(lost) => lost.fmt(f),
            DamageReason::Future => f.write_str(
                "its checksum is right, but its LSN is beyond the end of redo, which this server takes for damage",
            ),
            DamageReason::Zero(because) => write!(f, "every byte is zero, but {because}"),
            DamageReason::Unreadable(error) => write!(f, "the system cannot read it: {error}"),
            DamageReason::BytesAway(shift) => {
                let whither = if *shift > 0 { "further on" } else { "before" };
                write!(f, "its content lies {} bytes {whither}", shift.unsigned_abs())
            }
            DamageReason::PagesAway { pages, shift } => {
                let whither = if *shift > 0 { "too far behind" } else { "too far in front" };
                write!(f, "{pages} pages in a row lie {} pages {whither}", shift.unsigned_abs())
            }
            DamageReason::Foreign { pages, space } => {
                write!(f, "{pages} pages in a row belong to space {space}")
            }
            DamageReason::Row { pages, each } => write!(f, "{pages} pages in a row: {each}"),
        }
    }
}

impl fmt::Display for WrittenBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WrittenBecause::Redo(lsn) => {
                write!(f, "redo proves that LSN {lsn} was written before the checkpoint")
            }
            WrittenBecause::InUse => {
                f.write_str("the extent descriptors say that it is in use, and the server ended cleanly")
            }
            WrittenBecause::WasInUse => {
                f.write_str("the extent descriptors said that it is in use before the last checkpoint")
            }
            WrittenBecause::First(lsn) => {
                write!(f, "it is the first page of a file that has pages as old as LSN {lsn}")
            }
            WrittenBecause::LaterPages => f.write_str("later pages of the file were written"),
            WrittenBecause::Neighbour => f.write_str("another page of the file names it as its neighbour"),
            WrittenBecause::OldNeighbour => {
                f.write_str("a page that was home before the last checkpoint names it as its neighbour")
            }
        }
    }
}
