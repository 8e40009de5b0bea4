//! What a pass says of its journals besides the pages.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::commands::restore::failure::WorldChange;
use crate::units::SpaceId;

/// One thing that whoever started a pass has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassNote {
    /// An interrupted pass does not belong to these files any more.
    LeftAlone(PathBuf, WorldChange),
    /// A journal is damaged, as the error says.
    Damaged(String),
    /// The data directory lies elsewhere now: then, and now.
    Moved(PathBuf, PathBuf),
    /// A file has changed since, and is the same inode.
    SameInode(PathBuf, FileDifference),
    /// A file has another inode, and agrees in everything else.
    OtherInode(PathBuf),
    /// The mark at the end of a journal could not be written, as the error says.
    NoMark(PathBuf, String),
}

/// What a file is that its journal does not say: first what was found, then what the journal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileDifference {
    /// Its length in bytes.
    Length(u64, u64),
    /// The space id on its page 0.
    Space(Option<SpaceId>, Option<SpaceId>),
}

impl Display for FileDifference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = |id: Option<SpaceId>| id.map_or("none".to_owned(), |id| id.to_string());
        match *self {
            FileDifference::Length(found, said) => {
                write!(f, "it has {found} bytes, the journal says {said}")
            }
            FileDifference::Space(found, said) => {
                write!(f, "its page 0 names space {}, the journal says {}", name(found), name(said))
            }
        }
    }
}

impl Display for PassNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            PassNote::LeftAlone(journal, why) => write!(
                f,
                "{}: an interrupted pass that was left alone: {why}; the pages were judged anew",
                journal.display()
            ),
            PassNote::Damaged(error) => write!(f, "{error}; this journal was left alone"),
            PassNote::Moved(old, new) => write!(
                f,
                "the journal was written for {}; its files are looked for below {}",
                old.display(),
                new.display()
            ),
            PassNote::SameInode(file, difference) => write!(
                f,
                "{}: {difference}; accepted, it is the same inode and each page is checked",
                file.display()
            ),
            PassNote::OtherInode(file) => write!(
                f,
                "{}: not the same file by device and inode (copied or moved?); accepted because size and space id agree, \
                 each page is checked",
                file.display()
            ),
            PassNote::NoMark(journal, error) => write!(
                f,
                "{}: the mark at its end could not be written ({error}); run again to set it",
                journal.display()
            ),
        }
    }
}
