//! What a pass is going to write: plain places, old bytes and new bytes. Judging happened before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::commands::restore::failure::PageFailure;
use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::world::World;
use crate::error::{Error, Result};
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};
use crate::verdict::from_redo::Guard;

/// Where the new bytes of a page come from; carried along for reports, never read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRef {
    /// The doublewrite file, as reports name it.
    pub file: PathBuf,
    /// Slot in that file, from 0.
    pub index: u64,
    /// `FIL_PAGE_LSN` of the copy.
    pub lsn: Lsn,
    /// Where redo made the page: then `file` is a redo file, and `index` is [`NO_SLOT`].
    pub forwarded: Option<Forwarded>,
}

/// In place of a slot: the page was made by redo.
pub const NO_SLOT: u64 = u64::MAX;

/// How redo made a page. A journal does not keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forwarded {
    /// LSN of the version that it began with; `None` where an `INIT_PAGE` made it from nothing.
    pub from: Option<Lsn>,
    /// Mini-transactions that were done.
    pub mini_transactions: u64,
}

/// One page to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPage {
    /// Tablespace.
    pub space_id: SpaceId,
    /// Page number in the tablespace.
    pub page_no: PageNo,
    /// The file's name in reports: relative to the plan's root where it lies below it.
    pub file: PathBuf,
    /// The name to open the file by.
    pub path: PathBuf,
    /// Where the page begins in that file, in bytes.
    pub offset: ByteOffset,
    /// Physical size in bytes; `old` and `new` both have it.
    pub length: usize,
    /// The copy that `new` was taken from.
    pub copy: CopyRef,
    /// What was found at home, in the words of the reports (`torn`, `zero`, ...).
    pub before_state: String,
    /// What the page holds now. The pass refuses where it does not.
    pub old: PageImage,
    /// What it shall hold.
    pub new: PageImage,
}

/// Everything one pass writes. It cannot be applied: only [`Plan::lock`] leads on, and from there only a journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The data directory (or the directory of the single image): what `file` is relative to.
    pub root: PathBuf,
    /// The pages, in any order; no two may overlap.
    pub pages: Vec<PlannedPage>,
    /// The instance when the plan was made.
    pub world: World,
    /// Every other file that a server of this directory would lock: held while the pass writes, never written.
    pub also_lock: Vec<PathBuf>,
}

/// A page that redo does not mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPage {
    /// Tablespace.
    pub space_id: SpaceId,
    /// Page number in the tablespace.
    pub page_no: PageNo,
    /// The file's name in reports.
    pub file: PathBuf,
    /// Where the page begins in that file, in bytes.
    pub offset: ByteOffset,
    /// Whether the page itself is sound, and its write was lost.
    pub lost: bool,
    /// Which guard forbids it.
    pub guard: Guard,
}

/// What became of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageOutcome {
    /// Nothing was written yet.
    Planned,
    /// Written, on disk and read back equal.
    Verified,
    /// Not so. The journal has the old bytes.
    Failed(PageFailure),
}

impl PlannedPage {
    /// First byte behind the page, or `None` where that leaves 64 bits.
    fn end(&self) -> Option<u64> {
        self.offset.checked_add(u64::try_from(self.length).ok()?).map(|end| end.0)
    }

    fn check(&self) -> Result<()> {
        let legal = u32::try_from(self.length).ok().and_then(PageSize::new).is_some();
        let fits = self.old.length == self.length && self.new.length == self.length;
        if legal && fits && self.end().is_some() {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "{}: page {} of space {} at offset {}: {} old and {} new bytes are no page of {} bytes; nothing was written",
            self.file.display(),
            self.page_no,
            self.space_id,
            self.offset,
            self.old.length,
            self.new.length,
            self.length
        )))
    }
}

impl Plan {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Refuses pages of impossible size and pages that overlap in one file.
    ///
    /// # Errors
    /// A page is of impossible size, or two overlap in one file.
    pub fn check(&self) -> Result<()> {
        check_pages(self.pages.iter())
    }
}

pub(super) fn check_pages<'a>(pages: impl Iterator<Item = &'a PlannedPage>) -> Result<()> {
    let mut files: BTreeMap<&Path, Vec<&PlannedPage>> = BTreeMap::new();
    for page in pages {
        page.check()?;
        files.entry(&page.path).or_default().push(page);
    }
    files.into_values().try_for_each(no_overlap)
}

fn no_overlap(mut pages: Vec<&PlannedPage>) -> Result<()> {
    pages.sort_by_key(|page| page.offset);
    for (page, next) in pages.iter().zip(pages.iter().skip(1)) {
        if page.end().is_none_or(|end| end > next.offset.0) {
            return Err(Error::Refused(format!(
                "{}: the pages at offsets {} and {} overlap; nothing was written",
                page.file.display(),
                page.offset,
                next.offset
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A page of 1024 bytes, `old` everywhere, to be `new` everywhere.
    pub(crate) fn page(path: &Path, page_no: u32, old: u8, new: u8) -> PlannedPage {
        PlannedPage {
            space_id: SpaceId(7),
            page_no: PageNo(page_no),
            file: PathBuf::from(path.file_name().unwrap()),
            path: path.to_path_buf(),
            offset: ByteOffset(u64::from(page_no) * 1024),
            length: 1024,
            copy: CopyRef { file: "ibdata1".into(), index: 3, lsn: Lsn(4711), forwarded: None },
            before_state: "torn".into(),
            old: vec![old; 1024].into(),
            new: vec![new; 1024].into(),
        }
    }

    fn plan(pages: Vec<PlannedPage>) -> Plan {
        Plan { root: "/d".into(), pages, ..Plan::default() }
    }

    #[test]
    fn pages_that_overlap_or_have_no_page_size_are_refused() {
        let at = Path::new("/d/t.ibd");
        let (first, second) = (page(at, 3, 1, 2), page(at, 4, 1, 2));
        assert!(plan(vec![second.clone(), first.clone()]).check().is_ok());
        let shifted = PlannedPage { offset: ByteOffset(4 * 1024 - 512), ..second.clone() };
        assert!(plan(vec![shifted, first.clone()]).check().is_err());
        assert!(plan(vec![PlannedPage { new: vec![0; 1023].into(), ..first.clone() }]).check().is_err());
        assert!(plan(vec![PlannedPage { offset: ByteOffset(u64::MAX - 5), ..first }]).check().is_err());
    }
}
