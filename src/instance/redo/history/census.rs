//! What the log says of every page that it names, in a few words for each: memory grows with pages, not with the log.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::format::redo_record::{FileChange, FileRecord, Operation, PageChange, PageId, RedoRecord};
use crate::instance::redo::history::Log;
use crate::units::{Lsn, PageNo, SpaceId};

/// Space ids from here on are no tablespaces with files of their own (`SRV_SPACE_ID_UPPER_BOUND`, MariaDB 11.8): the binlog
/// that MariaDB 12.3 keeps in InnoDB has its records among them, with other rules for offsets.
const RESERVED: u32 = 0xFFFF_FFF0;

/// What the log says of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PageSummary {
    /// Mini-transactions that change it and end at or before the checkpoint.
    pub changes_before: u64,
    /// Those that end behind it.
    pub changes_after: u64,
    /// End of the newest one at or before the checkpoint.
    pub last_before: Option<Lsn>,
    /// End of the newest of all.
    pub last: Lsn,
    /// The newest record at or before the checkpoint frees the page.
    pub freed_before: bool,
    /// It is initialised behind the checkpoint: whatever lies in the file, recovery makes it anew.
    pub initialised_after: bool,
    /// The first record behind the checkpoint is an `INIT_PAGE`, or one that frees the page.
    pub freed_after: bool,
    /// The newest record of all frees the page.
    pub freed_at_last: bool,
    /// End of the newest mini-transaction that initialises it.
    pub initialised: Option<Lsn>,
}

/// What the log says of one tablespace in its present life.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpaceSummary {
    /// Every page that is named.
    pub pages: HashMap<PageNo, PageSummary>,
    /// Nothing before this LSN counts: the file was made, deleted or cut there. 0 where no record says so.
    pub since: Lsn,
    /// The newest record of its file deletes it.
    pub deleted: bool,
}

/// What the log says of all pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Where recovery begins.
    pub checkpoint: Lsn,
    /// One past the last readable mini-transaction.
    pub end: Lsn,
    /// The oldest readable one.
    pub oldest: Lsn,
    /// By space id.
    pub spaces: BTreeMap<SpaceId, SpaceSummary>,
    /// Records that make no sense.
    pub malformed: u64,
    /// What the records do is ciphertext without a key.
    #[serde(default)]
    pub hidden: bool,
}

impl Census {
    /// Reads all that is left in a log.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn take(log: &mut Log) -> Result<Census> {
        let mut census = Census {
            checkpoint: log.checkpoint,
            end: log.end,
            oldest: log.oldest,
            spaces: BTreeMap::new(),
            malformed: 0,
            hidden: log.hidden(),
        };
        log.walk(|from, to, records| {
            for record in records {
                match record {
                    RedoRecord::Page(record) => census.page(&record, from, to),
                    RedoRecord::File(record) => census.file(&record, to),
                    RedoRecord::Checkpoint(_) => {}
                    RedoRecord::Malformed => census.malformed += 1,
                }
            }
        })?;
        Ok(census)
    }

    /// What is said of a page.
    pub fn of_page(&self, (space, page): PageId) -> Option<&PageSummary> {
        self.spaces.get(&space)?.pages.get(&page)
    }

    /// Every page that is named, in order of its tablespace.
    pub fn pages(&self) -> impl Iterator<Item = (PageId, &PageSummary)> {
        self.spaces.iter().flat_map(|(&space, summary)| {
            summary.pages.iter().map(move |(&page, said)| ((space, page), said))
        })
    }

    /// Keeps what is said of some pages only.
    pub fn retain(&mut self, keep: impl Fn(PageId) -> bool) {
        for (&space, summary) in &mut self.spaces {
            summary.pages.retain(|&page, _| keep((space, page)));
        }
    }

    /// Whether recovery makes a page anew whatever lies in its file. Not said of page 0, which servers read when they open
    /// a file. Page 5 of the system tablespace is looked at for the doublewrite header before, and no checksum asked for
    /// (`buf_dblwr_t::init_or_load_pages`; 10.11.19 and 11.8.9 start with a torn one that redo initialises).
    pub fn rebuilds(&self, page: PageId) -> bool {
        page.1 != PageNo(0) && self.of_page(page).is_some_and(|said| said.initialised_after)
    }

    /// Whether no version of the page can have this LSN: every record of that time is readable, and none names the page.
    /// Ciphertext may hide that a file was cut, and with it what was said of its pages before.
    pub fn rules_out(&self, page: PageId, lsn: Lsn) -> bool {
        let readable = !self.hidden && self.malformed == 0 && self.oldest < lsn && lsn <= self.end;
        readable && self.of_page(page).is_none()
    }

    /// How many pages recovery has to look at.
    pub fn pages_to_recover(&self) -> u64 {
        self.pages().filter(|(_, said)| said.changes_after > 0).count() as u64
    }

    fn page(&mut self, record: &PageChange<'_>, from: Lsn, to: Lsn) {
        let (space, page) = record.page;
        if space.0 >= RESERVED {
            return;
        }
        let checkpoint = self.checkpoint;
        let summary = self.spaces.entry(space).or_default();
        match record.operation {
            Operation::Trim => return summary.trim(space, page, from),
            // One byte of ciphertext may cut the file: what lies before is not certain any more.
            Operation::Hidden { may_trim: true } if may_be_trim(space, page) => {
                summary.trim(space, page, from)
            }
            Operation::Nothing | Operation::Checksum(_) => return,
            _ => {}
        }
        summary.pages.entry(page).or_default().note(&record.operation, to, to > checkpoint);
    }

    fn file(&mut self, record: &FileRecord<'_>, to: Lsn) {
        let summary = self.spaces.entry(record.space).or_default();
        if matches!(record.change, FileChange::Create | FileChange::Delete) {
            summary.pages.clear();
            summary.since = to;
        }
        summary.deleted = record.change == FileChange::Delete;
    }
}

/// `SRV_UNDO_TABLESPACE_SIZE_IN_PAGES` is 10 MiB of pages; only undo tablespaces and the system tablespace are cut.
fn may_be_trim(space: SpaceId, page: PageNo) -> bool {
    space == SpaceId::SYSTEM || [160, 320, 640, 1280, 2560].contains(&page.0)
}

impl SpaceSummary {
    /// `TRIM_PAGES`: the pages from this one on are cut off; undo tablespaces begin anew as a whole.
    fn trim(&mut self, space: SpaceId, page: PageNo, from: Lsn) {
        let first = if space == SpaceId::SYSTEM { page } else { PageNo(0) };
        // What the same mini-transaction says stays, as in the server.
        self.pages.retain(|&page, said| page < first || said.last > from);
        if space != SpaceId::SYSTEM {
            self.since = from;
        }
    }
}

impl PageSummary {
    /// The LSN that the page must have in its file at least: recovery begins at the checkpoint, so everything before it
    /// was written. `None` where the file owes nothing: the page was freed, is freed or made anew behind the checkpoint,
    /// or was not changed before it.
    pub fn least_at_home(&self) -> Option<Lsn> {
        self.last_before.filter(|_| !self.freed_before && !self.freed_after && !self.initialised_after)
    }

    fn note(&mut self, operation: &Operation<'_>, to: Lsn, after: bool) {
        let again = self.last == to;
        let frees = *operation == Operation::Free;
        let initialises = *operation == Operation::Init;
        (self.last, self.freed_at_last) = (to, frees);
        if initialises {
            self.initialised = Some(to);
        }
        match after {
            false => {
                self.changes_before += u64::from(!again);
                (self.last_before, self.freed_before) = (Some(to), frees);
            }
            true => {
                self.changes_after += u64::from(!again);
                self.initialised_after |= initialises;
                self.freed_after |= frees;
            }
        }
    }
}
