//! What a scan finds, page by page and file by file.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use crate::commands::scan::context::CopySituation;
use crate::commands::scan::reason::DamageReason;
use crate::format::fil::FilHeader;
use crate::format::fsp::{Layout, PageFormat};
use crate::format::index_header::IndexHeader;
use crate::format::index_header::index_header;
use crate::page::diagnose::Class;
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;

/// The states of damaged pages.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DamageState {
    /// Head and tail carry different LSNs.
    Torn,
    /// No checksum holds.
    Corrupt,
    /// A valid page, but of another number or tablespace.
    Misdirected,
    /// Every byte is zero where a page should be.
    Zero,
    /// The system could not read it.
    Unreadable,
    /// Valid, but older than what redo proves to have been written.
    LostWrite,
}

/// What a damaged home is called in a scan; no home that was read is missing or out of bounds.
impl From<HomeState> for DamageState {
    fn from(state: HomeState) -> DamageState {
        match state {
            HomeState::Torn => DamageState::Torn,
            HomeState::Misdirected => DamageState::Misdirected,
            HomeState::Zero => DamageState::Zero,
            HomeState::Valid
            | HomeState::Corrupt
            | HomeState::Missing
            | HomeState::OutOfBounds
            | HomeState::Unverifiable => DamageState::Corrupt,
        }
    }
}

/// The home that a finding stands for. A page that redo proves to be old verifies.
impl From<DamageState> for HomeState {
    fn from(state: DamageState) -> HomeState {
        match state {
            DamageState::Torn => HomeState::Torn,
            DamageState::Misdirected => HomeState::Misdirected,
            DamageState::Zero => HomeState::Zero,
            DamageState::Corrupt | DamageState::Unreadable => HomeState::Corrupt,
            DamageState::LostWrite => HomeState::Valid,
        }
    }
}

impl DamageState {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The state of any page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// It verifies and belongs here.
    Valid,
    /// Every byte is zero, and may be.
    Zero,
    /// Inside the doublewrite buffer of the system tablespace: not judged.
    Doublewrite,
    /// Damaged or stale, but free according to the extent descriptors: harmless.
    Freed,
    /// Damaged, but recovery makes it anew whatever lies there: harmless.
    RedoRebuilds,
    /// Encrypted without a key, or in a format that cannot be judged.
    Unverifiable,
    /// Damaged.
    Damaged(DamageState),
}

impl RowState {
    /// The name in rows.
    pub fn name(self) -> &'static str {
        match self {
            RowState::Valid => "valid",
            RowState::Zero => "zero",
            RowState::Doublewrite => "doublewrite",
            RowState::Freed => "freed",
            RowState::RedoRebuilds => "redo_rebuilds",
            RowState::Unverifiable => "unverifiable",
            RowState::Damaged(state) => state.name(),
        }
    }
}

/// How many pages are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// They verify and belong where they are.
    pub valid: u64,
    /// Of these, accepted without a check of their content.
    pub weak: u64,
    /// All zero, and may be.
    pub zero: u64,
    /// Of these, pages of which there is a good copy: a survey of the buffer counts them, a scan does not.
    #[serde(default)]
    pub zero_copied: u64,
    /// Damaged.
    pub damaged: u64,
    /// Not to be judged.
    pub unverifiable: u64,
    /// In the doublewrite buffer of the system tablespace.
    pub doublewrite: u64,
    /// Damaged, but free.
    pub freed: u64,
    /// Damaged, but made anew by redo.
    #[serde(default)]
    pub redo_rebuilds: u64,
}

impl Counts {
    /// One more page in this state.
    pub fn add(&mut self, state: RowState) {
        let counter = match state {
            RowState::Valid => &mut self.valid,
            RowState::Zero => &mut self.zero,
            RowState::Doublewrite => &mut self.doublewrite,
            RowState::Freed => &mut self.freed,
            RowState::RedoRebuilds => &mut self.redo_rebuilds,
            RowState::Unverifiable => &mut self.unverifiable,
            RowState::Damaged(_) => &mut self.damaged,
        };
        *counter += 1;
    }

    /// Takes over the counts of other pages.
    pub fn merge(&mut self, other: &Counts) {
        self.valid += other.valid;
        self.weak += other.weak;
        self.zero += other.zero;
        self.zero_copied += other.zero_copied;
        self.damaged += other.damaged;
        self.unverifiable += other.unverifiable;
        self.doublewrite += other.doublewrite;
        self.freed += other.freed;
        self.redo_rebuilds += other.redo_rebuilds;
    }

    /// All pages that were looked at.
    pub fn pages(&self) -> u64 {
        self.valid
            + self.zero
            + self.damaged
            + self.unverifiable
            + self.doublewrite
            + self.freed
            + self.redo_rebuilds
    }
}

/// What makes damaged pages that follow each other one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKey {
    /// Nothing but the kind of damage: zeroes, 0xFF, unreadable.
    Class(Class),
    /// Pages of this space, all moved by so many pages.
    Pages(Option<SpaceId>, i64),
    /// Content moved by so many bytes.
    Bytes(i64),
}

/// One damaged page, or a run of pages with one kind of damage.
#[derive(Debug, Clone)]
pub struct Damage {
    /// The first page.
    pub page_no: PageNo,
    /// How many pages.
    pub pages: u32,
    /// Offset of the first in its file.
    pub offset: ByteOffset,
    /// State.
    pub state: DamageState,
    /// Finer.
    pub class: Class,
    /// What was seen, a clause for a person.
    pub detail: DamageReason,
    /// The content is whole, or one way to make it whole is known.
    pub mendable: bool,
    /// Its FIL header as written.
    pub header: Option<FilHeader>,
    /// Its index page header, where it looks like one.
    pub index: Option<IndexHeader>,
    /// Of a misdirected page: whose it is.
    pub belongs_to: Option<(SpaceId, PageNo)>,
    /// Of a lost write: the LSN that it must have at least.
    pub expected_lsn: Option<Lsn>,
    /// The best copy in the doublewrite buffer.
    pub copy: Option<Arc<CopySituation>>,
    /// What joins it with its neighbours.
    pub run: Option<RunKey>,
}

impl Damage {
    /// Whether the doublewrite buffer can mend it.
    pub fn is_restorable(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.verdict == Verdict::Restorable)
    }
}

/// One page of `--pages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRow {
    /// Number.
    pub page_no: PageNo,
    /// State.
    pub state: RowState,
    /// Page type in the header.
    pub page_type: u16,
    /// LSN in the header.
    pub lsn: Lsn,
    /// Of index pages: index id, level, records.
    pub index: Option<(u64, u16, u16)>,
}

impl PageRow {
    /// What stands in the header of a page.
    pub fn of(page: &[u8], page_no: PageNo, state: RowState, format: &PageFormat) -> PageRow {
        let header = FilHeader::parse(page);
        let clear = format.layout != Layout::FullCrc32 || crate::bytes::u32_at(page, 0) == Some(0);
        let index = index_header(page).filter(|_| clear && state == RowState::Valid);
        PageRow {
            page_no,
            state,
            page_type: header.map_or(0, |header| header.page_type),
            lsn: header.map_or(Lsn(0), |header| header.lsn),
            index: index.map(|index| (index.index_id, index.level, index.records)),
        }
    }
}

/// Pages that are newer than the end of the redo log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Future {
    /// How many.
    pub pages: u64,
    /// The greatest LSN of them.
    pub newest: Option<Lsn>,
}

impl Future {
    /// One more page.
    pub fn add(&mut self, lsn: Lsn) {
        self.merge(Future { pages: 1, newest: Some(lsn) });
    }

    /// Adds those of another part of a file.
    pub fn merge(&mut self, other: Future) {
        self.pages += other.pages;
        self.newest = self.newest.max(other.newest);
    }
}

/// One file of a tablespace, all or some of its pages.
#[derive(Debug, Clone)]
pub struct FileFinding {
    /// As printed: PATH joined with the path inside it.
    pub path: PathBuf,
    /// Relative to PATH.
    pub name: PathBuf,
    /// Its space id.
    pub space_id: Option<SpaceId>,
    /// Physical page size in bytes.
    pub page_size: u32,
    /// Whole pages in the file.
    pub pages: u64,
    /// How many of them are in which state.
    pub counts: Counts,
    /// All-zero pages in use, without a good copy, of which only redo knows whether they were ever written.
    pub undecided: u64,
    /// Valid pages that are newer than the end of the redo log.
    pub future: Future,
    /// Bytes behind the last whole page.
    pub rest: u64,
    /// Whether every page was looked at.
    pub complete: bool,
}
