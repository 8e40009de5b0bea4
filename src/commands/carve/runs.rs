//! Pages put together: tablespaces, where numbers follow the place, and doublewrite slots, where they do not.

use std::collections::BTreeMap;

use crate::commands::carve::{CarvedPage, FoundHeader};
use crate::format::trx_sys::TRX_SYS_PAGE;
use crate::page::PageState;
use crate::units::{ByteOffset, PageNo, PageSize, SpaceId};

/// A tablespace of fewer pages found proves nothing about the place of its doublewrite buffer.
const PROOF: usize = 4;
/// Fewer changes of file among neighbours are no doublewrite file, but fragments.
const MIN_BREAKS: usize = 8;
/// In a doublewrite file a change of file comes at least this often, in pages.
const PAGES_PER_BREAK: usize = 8;
/// A run of as many pages is a piece of a tablespace, whatever lies around it.
const LONG: usize = 64;

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// Pages of one space whose numbers follow their place.
    Tablespace,
    /// Likely slots of a doublewrite buffer: numbers do not follow the place.
    Doublewrite,
}

/// Pages that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarvedRun {
    /// What it is.
    pub kind: RunKind,
    /// Space id of a tablespace, where any of its pages shows it.
    pub space: Option<SpaceId>,
    /// Where its first page lies.
    pub offset: ByteOffset,
    /// Where its last page ends.
    pub end: ByteOffset,
    /// Physical page size of its first page.
    pub size: PageSize,
    /// Smallest page number.
    pub first_page: PageNo,
    /// Greatest page number.
    pub last_page: PageNo,
    /// How many pages were found.
    pub pages: usize,
    /// Of these, damaged.
    pub damaged: usize,
}

impl CarvedRun {
    fn begin(page: &CarvedPage, kind: RunKind) -> CarvedRun {
        CarvedRun {
            kind,
            space: None,
            offset: page.offset,
            end: page.offset,
            size: page.hit.size,
            first_page: page.hit.page_no,
            last_page: page.hit.page_no,
            pages: 0,
            damaged: 0,
        }
    }

    fn add(&mut self, page: &CarvedPage) {
        if self.kind == RunKind::Tablespace {
            self.space = self.space.or(page.hit.space);
        }
        self.end = ByteOffset(page.offset.0.saturating_add(page.hit.size.as_u64()));
        self.first_page = self.first_page.min(page.hit.page_no);
        self.last_page = self.last_page.max(page.hit.page_no);
        self.pages += 1;
        self.damaged += usize::from(page.hit.state != PageState::Valid);
    }
}

/// Marks likely doublewrite slots and puts all pages, which come in the order of their places, into runs.
pub fn group(pages: &mut [CarvedPage], headers: &[FoundHeader]) -> Vec<CarvedRun> {
    mark_built_in(pages, headers);
    mark_separate(pages);
    let mut runs: Vec<CarvedRun> = Vec::new();
    let mut previous: Option<CarvedPage> = None;
    for page in pages {
        let kind = if page.doublewrite { RunKind::Doublewrite } else { RunKind::Tablespace };
        let goes_on = previous.is_some_and(|previous| match (previous.doublewrite, page.doublewrite) {
            (false, false) => is_same_file(&previous, page),
            (true, true) => page.offset.0.saturating_sub(previous.offset.0) <= SLOT_GAP,
            _ => false,
        });
        if !goes_on {
            runs.push(CarvedRun::begin(page, kind));
        }
        page.run = u32::try_from(runs.len().saturating_sub(1)).unwrap_or(u32::MAX);
        if let Some(run) = runs.last_mut() {
            run.add(page);
        }
        previous = Some(*page);
    }
    runs
}

/// Slots of one buffer lie no further apart: a block of the largest pages.
const SLOT_GAP: u64 = 64 * 65536;

fn is_same_file(one: &CarvedPage, other: &CarvedPage) -> bool {
    let one_space = one.hit.space.is_none() || other.hit.space.is_none() || one.hit.space == other.hit.space;
    one_space && one.hit.size == other.hit.size && one.file_start() == other.file_start()
}

/// Slots of the built-in buffer lie inside a system tablespace, at the blocks that its page 5 names, else at the default
/// place; what describes itself there is a placeholder.
fn mark_built_in(pages: &mut [CarvedPage], headers: &[FoundHeader]) {
    let mut systems: BTreeMap<(i128, PageSize), usize> = BTreeMap::new();
    for page in pages.iter().filter(|page| is_early_system_page(page)) {
        *systems.entry((page.file_start(), page.hit.size)).or_default() += 1;
    }
    let mut systems: Vec<_> = systems.into_iter().filter(|(_, found)| *found >= PROOF).collect();
    systems.sort_by_key(|&(_, found)| std::cmp::Reverse(found));
    for ((start, size), _) in systems {
        // Copies of system pages, side by side in a buffer that was marked already, look like a tablespace, too.
        let proof = |page: &&CarvedPage| {
            is_early_system_page(page)
                && !page.doublewrite
                && (page.file_start(), page.hit.size) == (start, size)
        };
        if pages.iter().filter(proof).count() < PROOF {
            continue;
        }
        let extent = size.extent_pages();
        for block in stated_blocks(headers, start, size).unwrap_or([PageNo(extent), PageNo(extent * 2)]) {
            mark_block(pages, start, size, block, extent);
        }
    }
}

fn is_early_system_page(page: &CarvedPage) -> bool {
    page.hit.space == Some(SpaceId::SYSTEM) && page.hit.page_no.0 < page.hit.size.extent_pages()
}

fn stated_blocks(headers: &[FoundHeader], start: i128, size: PageSize) -> Option<[PageNo; 2]> {
    let page5 = start + i128::from(TRX_SYS_PAGE.offset(size).0);
    let header = headers.iter().find(|header| i128::from(header.offset.0) == page5 && header.size == size);
    header.map(|header| header.blocks)
}

fn mark_block(pages: &mut [CarvedPage], start: i128, size: PageSize, block: PageNo, extent: u32) {
    let at = |page: u64| start + i128::from(page) * i128::from(size.as_u64());
    let (from, to) = (at(u64::from(block.0)), at(u64::from(block.0) + u64::from(extent)));
    let first = pages.partition_point(|page| i128::from(page.offset.0) < from);
    for page in pages.iter_mut().skip(first).take_while(|page| i128::from(page.offset.0) < to) {
        page.doublewrite =
            page.file_start() != start || page.hit.space.is_some_and(|id| id != SpaceId::SYSTEM);
    }
}

/// A file of slots has no frame of its own: pages side by side that change from file to file, and not because small
/// files lie one behind the other (each of those would begin with page 0).
fn mark_separate(pages: &mut [CarvedPage]) {
    let mut begin = 0;
    while let Some(rest) = pages.get(begin..).filter(|rest| !rest.is_empty()) {
        let (len, breaks) = neighbours(rest);
        if breaks >= MIN_BREAKS && breaks * PAGES_PER_BREAK >= len {
            for page in pages.iter_mut().skip(begin).take(len) {
                page.doublewrite = true;
            }
        }
        begin += len.max(1);
    }
}

/// How many pages lie side by side from the first on, and how often the file changes among them other than to a page 0.
fn neighbours(pages: &[CarvedPage]) -> (usize, usize) {
    let (mut len, mut breaks) = (0, 0);
    let mut previous: Option<&CarvedPage> = None;
    while let Some(page) = pages.get(len) {
        let run = run_length(pages.get(len..).unwrap_or_default());
        if page.doublewrite || previous.is_some_and(|previous| !are_adjacent(previous, page)) || run >= LONG {
            // A long run is a piece of a tablespace: alone it makes a group.
            return if len == 0 { (run.max(1), 0) } else { (len, breaks) };
        }
        if previous.is_some() && page.hit.page_no != PageNo(0) {
            breaks += 1;
        }
        len += run;
        previous = pages.get(len.saturating_sub(1));
    }
    (len, breaks)
}

/// How many pages from the first on follow each other in place and number.
fn run_length(pages: &[CarvedPage]) -> usize {
    let follows = pages.windows(2).take_while(|pair| match pair {
        [one, other] => {
            is_same_file(one, other) && are_adjacent(one, other) && one.doublewrite == other.doublewrite
        }
        _ => false,
    });
    follows.count() + usize::from(!pages.is_empty())
}

/// One slot further; a compressed page fills only the front of its slot.
fn are_adjacent(one: &CarvedPage, other: &CarvedPage) -> bool {
    let distance = other.offset.0.saturating_sub(one.offset.0);
    let zip_slot = distance == PageSize::DEFAULT.as_u64() && one.hit.size < PageSize::DEFAULT;
    distance == one.hit.size.as_u64() || zip_slot
}
