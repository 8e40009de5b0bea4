//! The mini-transactions of a few pages with their records: what a rebuild needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::format::redo_record::{FileChange, MtrRecords, Operation, PageChange, PageId, RedoRecord};
use crate::instance::redo::history::Log;
use crate::units::{Lsn, PageNo, SpaceId};

/// What the records of all wanted pages may take in memory.
const MOST: usize = 1 << 30;

/// What one mini-transaction does to one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// LSN of its first byte: it applies to a page that is not newer.
    pub from: Lsn,
    /// One past its last: the LSN that the page has afterwards.
    pub to: Lsn,
    /// The records of this page, end to end.
    bytes: Vec<u8>,
    /// What they do is ciphertext.
    hidden: bool,
}

impl Change {
    /// The records.
    pub fn records(&self) -> MtrRecords<'_> {
        if self.hidden { MtrRecords::hidden(&self.bytes) } else { MtrRecords::new(&self.bytes) }
    }

    /// Whether the page is initialised by it: whatever it was before does not matter.
    pub fn initialises(&self) -> bool {
        self.operations().next() == Some(Operation::Init)
    }

    /// Whether it frees the page.
    pub fn frees(&self) -> bool {
        self.operations().any(|operation| operation == Operation::Free)
    }

    /// The server's names of its records.
    pub fn names(&self) -> Vec<&'static str> {
        self.operations().map(|operation| operation.name()).collect()
    }

    fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.records().filter_map(|record| match record {
            RedoRecord::Page(record) => Some(record.operation),
            _ => None,
        })
    }
}

/// The history of the pages that were asked for, the oldest mini-transaction of each first.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pages: BTreeMap<PageId, Vec<Change>>,
    held: usize,
    hidden: bool,
    /// Memory was not enough: nothing was kept.
    pub too_many: bool,
}

impl Changes {
    /// Reads the history of `wanted`.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn of_pages(log: &mut Log, wanted: &BTreeSet<PageId>) -> Result<Changes> {
        let mut changes = Changes { hidden: log.hidden(), ..Changes::default() };
        log.walk(|from, to, records| {
            for record in records {
                match record {
                    RedoRecord::Page(record) => changes.page(&record, from, to, wanted),
                    RedoRecord::File(file)
                        if matches!(file.change, FileChange::Create | FileChange::Delete) =>
                    {
                        changes.forget(file.space, PageNo(0), Lsn(u64::MAX));
                    }
                    _ => {}
                }
            }
        })?;
        Ok(changes)
    }

    /// What is said of a page.
    pub fn of_page(&self, page: PageId) -> &[Change] {
        self.pages.get(&page).map_or(&[], Vec::as_slice)
    }

    fn page(&mut self, record: &PageChange<'_>, from: Lsn, to: Lsn, wanted: &BTreeSet<PageId>) {
        let (space, page) = record.page;
        if record.operation == Operation::Trim {
            let first = if space == SpaceId::SYSTEM { page } else { PageNo(0) };
            return self.forget(space, first, from);
        }
        if self.too_many || !wanted.contains(&record.page) {
            return;
        }
        self.held = self.held.saturating_add(record.raw.len());
        if self.held > MOST {
            (self.too_many, self.pages) = (true, BTreeMap::new());
            return;
        }
        let history = self.pages.entry(record.page).or_default();
        match history.last_mut().filter(|last| last.to == to) {
            Some(last) => last.bytes.extend_from_slice(record.raw),
            None => history.push(Change { from, to, bytes: record.raw.to_vec(), hidden: self.hidden }),
        }
    }

    /// Voids what lies before `until` of the pages of a space from `first` on.
    fn forget(&mut self, space: SpaceId, first: PageNo, until: Lsn) {
        for history in
            self.pages.range_mut((space, first)..=(space, PageNo(u32::MAX))).map(|(_, history)| history)
        {
            history.retain(|change| change.to > until);
        }
    }
}
