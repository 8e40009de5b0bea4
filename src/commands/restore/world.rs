//! What tells whether a server has run since, and whether a directory is the one that a journal was written for.

use std::path::{Path, PathBuf};

use crate::commands::restore::failure::WorldChange;
use crate::commands::restore::told::Told;
use crate::instance::identity;
use crate::instance::redo;
use crate::instance::request::Request;
use crate::units::{Lsn, PageNo, SpaceId};

/// An instance at one moment, as far as files besides its pages show it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// `server_uuid` of `auto.cnf` (MySQL 5.6 on); empty where there is none.
    pub server_uuid: String,
    /// Where the redo files lie, relative to the root where they lie below it; empty: in the root itself.
    pub redo_dir: PathBuf,
    /// The checkpoint LSN.
    pub checkpoint: Option<Lsn>,
    /// The end LSN of the redo log.
    pub end: Option<Lsn>,
    /// Where its other parts lie, as far as that was told.
    pub told: Told,
}

/// Where the caller says that things lie, and what it picks.
#[derive(Debug, Clone, Default)]
pub struct Here {
    /// The data directory; `None`: where the journal was made.
    pub root: Option<PathBuf>,
    /// Where the parts of the instance lie; its `path` does not count. What it leaves open is where it lay.
    pub told: Request,
    /// Only these pages; empty: all or none.
    pub pages: Vec<(SpaceId, PageNo)>,
}

impl Here {
    /// A data directory, and everything in it.
    pub fn at(root: impl Into<PathBuf>) -> Here {
        Here { root: Some(root.into()), ..Here::default() }
    }
}

impl World {
    /// Looks at a directory. What cannot be read is not known.
    pub fn look(root: &Path, redo_dir: &Path) -> World {
        let found = redo::read(&root.join(redo_dir)).ok();
        let redo = found.as_ref().and_then(redo::FoundRedo::redo);
        World {
            server_uuid: identity::server_uuid(root).unwrap_or_default(),
            redo_dir: redo_dir.strip_prefix(root).unwrap_or(redo_dir).to_path_buf(),
            checkpoint: redo.and_then(|redo| redo.checkpoint),
            end: redo.and_then(|redo| redo.end),
            told: Told::default(),
        }
    }

    /// Why this directory cannot be the one of then, if that is so.
    pub fn is_another(&self, now: &World) -> Option<WorldChange> {
        let known = !self.server_uuid.is_empty() && !now.server_uuid.is_empty();
        (known && self.server_uuid != now.server_uuid).then(|| WorldChange::OtherServer {
            then: self.server_uuid.clone(),
            now: now.server_uuid.clone(),
        })
    }

    /// What shows that a server has run since then; `None` where nothing does.
    pub fn moved_on(&self, now: &World) -> Option<WorldChange> {
        let (then, now) = ((self.checkpoint, self.end), (now.checkpoint, now.end));
        (then != now).then_some(WorldChange::Redo { then, now })
    }
}
