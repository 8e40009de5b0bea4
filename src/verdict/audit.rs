//! Lost writes that redo proves without any second copy.
//!
//! Recovery begins at the checkpoint because every page that was changed before it had been written. A sound home that is
//! older than the last change of its page before the checkpoint was not: the write got lost, and no checksum shows it.
//! What the file does not owe is told apart by [`PageSummary::least_at_home`].
//!
//! Beside a running server the log is read first, then the homes: they may only get newer.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::bytes::{u32_at, u64_at};
use crate::disk::Image;
use crate::error::Result;
use crate::format::fil::{FIL_PAGE_LSN, FIL_PAGE_OFFSET};
use crate::format::fsp::Encryption;
use crate::format::redo_record::PageId;
use crate::instance::Instance;
use crate::instance::redo;
use crate::instance::redo::history::{Census, Log, PageSummary};
use crate::instance::spaces::{Owner, Tablespace, judge_in};
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::home::{HomeState, state_at};

/// A page may be read in the middle of being written: this long after, it is.
const SETTLE: Duration = Duration::from_millis(50);

/// A lost write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// LSN of the sound page at home.
    pub lsn: Lsn,
    /// What it must be at least.
    pub expected: Lsn,
    /// What brings it back.
    pub mended_by: MendedBy,
}

/// What brings a lost write back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MendedBy {
    /// Redo, which still has every change since.
    Redo,
    /// The same, with the key of the tablespace or the log.
    RedoWithKey,
    /// Changes in between are gone from redo.
    Backup,
}

impl Lost {
    /// Whether a sound home of this LSN in this tablespace is one.
    pub fn of(census: &Census, page: PageId, lsn: Lsn, space: Option<&Tablespace>) -> Option<Lost> {
        let said = census.of_page(page)?;
        let expected = said.least_at_home().filter(|&expected| lsn < expected)?;
        let locked = |space: &Tablespace| space.format.encryption != Encryption::None && space.key.is_none();
        let mended_by = match lsn >= census.oldest || is_made_anew(said) {
            false => MendedBy::Backup,
            true if census.hidden || space.is_some_and(locked) => MendedBy::RedoWithKey,
            true => MendedBy::Redo,
        };
        Some(Lost { lsn, expected, mended_by })
    }
}

fn is_made_anew(said: &PageSummary) -> bool {
    said.initialised.is_some()
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lost { lsn, expected, mended_by } = self;
        let mended = match mended_by {
            MendedBy::Redo => {
                "redo has all changes since and can bring the page forward (restore --from redo --include-lost-writes)"
            }
            MendedBy::RedoWithKey => {
                "redo has all changes since, and with the key (--keyring) it can bring the page forward (restore --from redo \
                 --include-lost-writes)"
            }
            MendedBy::Backup => {
                "changes between the two are not in the redo log any more: it takes a backup or a dump of the table"
            }
        };
        write!(
            f,
            "a lost write: the page is valid, but of LSN {lsn}, and redo proves that LSN {expected} was written before the \
             checkpoint; {mended}"
        )
    }
}

/// The lost writes of an instance: every page that redo names, held against it. Nothing where its records cannot be read
/// for pages.
///
/// # Errors
/// The log cannot be read.
pub fn audit(instance: &mut Instance) -> Result<HashMap<PageId, Lost>> {
    let redo::FoundRedo::Read(redo) = &mut instance.redo else { return Ok(HashMap::new()) };
    Log::learn(redo)?;
    let Some(census) = instance.census() else { return Ok(HashMap::new()) };
    let mut lost = look(instance, census);
    if !lost.is_empty() {
        std::thread::sleep(SETTLE);
        lost = look(instance, census);
    }
    Ok(lost)
}

fn look(instance: &Instance, census: &Census) -> HashMap<PageId, Lost> {
    let mut lost = HashMap::new();
    let stored = instance.space_id_stored();
    for (&id, summary) in &census.spaces {
        let Owner::One(space) = instance.spaces.owner(id) else { continue };
        let mut files = OpenFiles::of(space);
        for (&page, said) in &summary.pages {
            let slot = id == SpaceId::SYSTEM && instance.areas.iter().any(|area| area.covers(page));
            if slot || said.least_at_home().is_none() {
                continue;
            }
            let found = files.page(page).filter(|bytes| u32_at(bytes, FIL_PAGE_OFFSET) == Some(page.0));
            let Some(bytes) = found else { continue };
            let found = u64_at(&bytes, FIL_PAGE_LSN)
                .and_then(|lsn| Lost::of(census, (id, page), Lsn(lsn), Some(space)));
            if let Some(found) = found.filter(|_| is_sound(&bytes, space, page, stored)) {
                lost.insert((id, page), found);
            }
        }
    }
    lost
}

fn is_sound(bytes: &[u8], space: &Tablespace, page: PageNo, space_id_stored: bool) -> bool {
    let judged = judge_in(bytes, space);
    !judged.weak && state_at(&judged, bytes, space, page, space_id_stored).0 == HomeState::Valid
}

/// The files of a tablespace, opened once.
struct OpenFiles<'a> {
    space: &'a Tablespace,
    open: Vec<Option<Image>>,
}

impl<'a> OpenFiles<'a> {
    fn of(space: &'a Tablespace) -> OpenFiles<'a> {
        OpenFiles { space, open: space.files.iter().map(|file| Image::open(&file.path).ok()).collect() }
    }

    fn page(&mut self, page: PageNo) -> Option<Vec<u8>> {
        let place = self.space.place(page).filter(|place| place.in_bounds)?;
        let at = self.space.files.iter().position(|file| file.path == place.file.path)?;
        self.open.get(at)?.as_ref()?.read_page(place.offset, self.space.format.physical).ok()?
    }
}
