//! The mini-transactions of a few pages with their records: what a rebuild needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::format::redo_record::{FileChange, MtrRecords, Operation, PageChange, PageId, RedoRecord};
use crate::instance::redo::history::Log;
use crate::units::{Lsn, PageNo, SpaceId};

/// Bytes that the records of a lot of pages may take in memory.
const MOST_OF_A_LOT: usize = if cfg!(test) { 4 << 10 } else { 32 << 20 };
/// Bytes that those of a lone page may take.
const MOST: usize = 1 << 30;
/// Bytes that a mini-transaction takes besides its records.
const BESIDES: usize = size_of::<Change>() + 16;

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
    wanted: BTreeSet<PageId>,
    held: usize,
    hidden: bool,
}

impl Changes {
    /// Reads the history of the first pages of `wanted`, as many as memory is for. They leave `wanted`.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn of_a_lot(log: &mut Log, wanted: &mut BTreeSet<PageId>) -> Result<Changes> {
        let mut changes = Changes { hidden: log.hidden(), wanted: wanted.clone(), ..Changes::default() };
        log.walk(|from, to, records| {
            for record in records {
                match record {
                    RedoRecord::Page(record) => changes.page(&record, from, to),
                    RedoRecord::File(file)
                        if matches!(file.change, FileChange::Create | FileChange::Delete) =>
                    {
                        changes.forget(file.space, PageNo(0), Lsn(u64::MAX));
                    }
                    _ => {}
                }
            }
        })?;
        wanted.retain(|page| !changes.wanted.contains(page));
        Ok(changes)
    }

    /// The pages whose history this is.
    pub fn pages(&self) -> &BTreeSet<PageId> {
        &self.wanted
    }

    /// What is said of a page.
    pub fn of_page(&self, page: PageId) -> &[Change] {
        self.pages.get(&page).map_or(&[], Vec::as_slice)
    }

    fn page(&mut self, record: &PageChange<'_>, from: Lsn, to: Lsn) {
        let (space, page) = record.page;
        if record.operation == Operation::Trim {
            let first = if space == SpaceId::SYSTEM { page } else { PageNo(0) };
            return self.forget(space, first, from);
        }
        if !self.wanted.contains(&record.page) {
            return;
        }
        let history = self.pages.entry(record.page).or_default();
        match history.last_mut().filter(|last| last.to == to) {
            Some(last) => last.bytes.extend_from_slice(record.raw),
            None => history.push(Change { from, to, bytes: record.raw.to_vec(), hidden: self.hidden }),
        }
        self.held = self.held.saturating_add(record.raw.len()).saturating_add(BESIDES);
        if self.held > MOST_OF_A_LOT {
            self.leave_for_later();
        }
    }

    /// Lets the last pages go until half of the room is free. A lone page may take more; beyond that nothing is known of it.
    fn leave_for_later(&mut self) {
        let size = |history: &Vec<Change>| {
            let sizes = history.iter().map(|change| change.bytes.capacity().saturating_add(BESIDES));
            sizes.fold(0usize, usize::saturating_add)
        };
        self.held = self.pages.values().map(size).fold(0, usize::saturating_add);
        while self.wanted.len() > 1 && self.held > MOST_OF_A_LOT / 2 {
            let Some(last) = self.wanted.pop_last() else { break };
            let gone = self.pages.remove(&last);
            self.held = self.held.saturating_sub(gone.as_ref().map_or(0, size));
        }
        if self.held > MOST {
            self.pages.clear();
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
