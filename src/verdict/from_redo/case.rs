//! One page that needs mending, held against its history.

use crate::bytes::{is_zero, u16_at, u32_at, u64_at};
use crate::format::fil::{FIL_PAGE_NEXT, FIL_PAGE_PREV, FIL_PAGE_TYPE, page_type};
use crate::format::fsp::Layout;
use crate::format::index_header::PAGE_INDEX_ID;
use crate::format::redo_record::PageId;
use crate::instance::identify::format_of_page0;
use crate::instance::redo::history::{Change, PageSummary};
use crate::instance::spaces::{Tablespace, judge_in};
use crate::page::frame;
use crate::units::{Lsn, PageNo, SECTOR};
use crate::verdict::audit::Lost;
use crate::verdict::copy::Copy;
use crate::verdict::from_redo::Guard;
use crate::verdict::from_redo::stored::{Stored, flush_lsn};
use crate::verdict::home;
use crate::verdict::home::{Home, HomeState, state_at};
use crate::verdict::rebuild::{Memory, Rebuilt, Refusal, Start, rebuild};

/// Other versions that are tried in each direction for the rest of a torn page whose tail names none.
const MOST_VERSIONS: usize = 200;

/// Everything that is known of one page.
pub(super) struct Case<'a> {
    pub page: PageId,
    /// In memory, as the copies are.
    pub home: &'a Home,
    pub space: &'a Tablespace,
    pub said: &'a PageSummary,
    pub changes: &'a [Change],
    pub copies: &'a [&'a Copy],
    pub oldest: Lsn,
    pub stored: &'a Stored<'a>,
}

/// The versions that a damaged home names.
struct NamedVersions {
    head: Option<Lsn>,
    tail: Option<Lsn>,
}

impl Case<'_> {
    /// The version that may be written, as it lies in a file and as it was made.
    ///
    /// # Errors
    /// The guard that forbids it.
    pub fn mend(&self, lost: Option<Lost>) -> Result<(Vec<u8>, Rebuilt), Guard> {
        let words = self.words();
        let target = match lost {
            Some(lost) => Some(lost.expected),
            None => [words.head, words.tail, self.said.least_at_home()].into_iter().flatten().max(),
        };
        let Some(target) = target else { return Err(Guard::NoProof) };
        let rebuilt = self.version(target)?;
        if rebuilt.lsn != target {
            return Err(Guard::Refused(Refusal::Unnamed));
        }
        let rebuilt = if lost.is_none() { self.explained(&words, rebuilt)? } else { rebuilt };
        if let Some(copy) = self.copies.iter().map(|copy| copy.lsn()).filter(|&lsn| lsn >= rebuilt.lsn).max()
        {
            return Err(Guard::SoundCopy(copy));
        }
        let written = self.stored.form_for(self.home, self.forms(&rebuilt));
        let bytes = written.filter(|bytes| self.is_sound(bytes)).ok_or(Guard::NotSound)?;
        Ok((bytes, rebuilt))
    }

    /// A torn home must be made of versions that redo yields, of which the newest is taken; any other damage explains
    /// nothing.
    fn explained(&self, words: &NamedVersions, rebuilt: Rebuilt) -> Result<Rebuilt, Guard> {
        if self.is_torn(words) {
            return self.of_two_versions(words, rebuilt);
        }
        let proved = rebuilt.from.is_none() || self.has_index_of_now(&rebuilt);
        if proved { Ok(rebuilt) } else { Err(Guard::NoProof) }
    }

    fn is_torn(&self, words: &NamedVersions) -> bool {
        let other_tail = words.tail.is_some_and(|tail| Some(tail) != words.head);
        let two = words.head.is_some() && (other_tail || self.ends_in_zeros() || self.stored.hides_tails());
        let of_two = self.home.state == HomeState::Torn || (two && self.home.state == HomeState::Corrupt);
        // What a server's compressor makes of a version cannot be made here.
        of_two && !self.is_compressed()
    }

    fn is_compressed(&self) -> bool {
        let kind = u16_at(self.home.bytes.held(), FIL_PAGE_TYPE).unwrap_or_default();
        match self.space.format.layout {
            Layout::FullCrc32 => frame::full_crc32_size(kind).is_some(),
            Layout::Classic => frame::is_transformed(kind),
            Layout::Zip => false,
        }
    }

    /// Whether a page made from an older version is of the index that lies around its place now: a neighbour at home, or
    /// one of the first pages of the tablespace, is sound and of it.
    fn has_index_of_now(&self, rebuilt: &Rebuilt) -> bool {
        let Some(index) = index_of(&rebuilt.bytes) else { return false };
        let beside =
            [FIL_PAGE_PREV, FIL_PAGE_NEXT].iter().filter_map(|&at| u32_at(&rebuilt.bytes, at).map(PageNo));
        beside.chain((3..16).map(PageNo)).filter(|&page| page != self.page.1).any(|page| {
            let other = home::look_in(self.space, page, self.stored.ids).ok();
            let other = other.filter(|home| home.state == HomeState::Valid && !home.weak);
            other.and_then(|home| index_of(&self.stored.in_memory(&home.bytes.get())?)) == Some(index)
        })
    }

    /// The version of the page at an LSN, from the best start there is.
    fn version(&self, until: Lsn) -> Result<Rebuilt, Guard> {
        let memory = Memory::of(self.page, &self.space.format);
        let sound_home = (self.home.state == HomeState::Valid).then_some(self.home.bytes.held());
        let home = sound_home.zip(self.home.lsn);
        let copies = self
            .copies
            .iter()
            .map(|copy| (copy.bytes.held().get(..self.home.length).unwrap_or_default(), copy.lsn()));
        let best =
            home.into_iter().chain(copies).filter(|(_, lsn)| *lsn <= until).max_by_key(|(_, lsn)| *lsn);
        let best = best.and_then(|(bytes, lsn)| Some((self.stored.in_memory(bytes)?, lsn)));
        let best = best.filter(|(bytes, _)| bytes.len() == memory.size);
        let start = best.as_ref().map(|(bytes, lsn)| Start { bytes, lsn: *lsn });
        // A copy that nothing changes before the LSN wanted is that version.
        if let Some(start) = start.filter(|start| start.lsn == until) {
            let bytes = start.bytes.to_vec();
            return Ok(Rebuilt { bytes, lsn: until, from: Some(until), mini_transactions: 0 });
        }
        rebuild(memory, start, self.changes, self.oldest, until).map_err(Guard::Refused)
    }

    /// Of a damaged home: LSNs count where they end a change of this page, or are those of a sound copy.
    fn words(&self) -> NamedVersions {
        let known = |lsn: Lsn| {
            self.changes.iter().any(|change| change.to == lsn)
                || self.copies.iter().any(|copy| copy.lsn() == lsn)
        };
        let head = self.home.words.head.filter(|&lsn| known(lsn));
        let low = |lsn: Lsn| (lsn.0 & 0xFFFF_FFFF) as u32;
        let named = |word: u32| {
            let ends =
                self.changes.iter().map(|change| change.to).chain(self.copies.iter().map(|copy| copy.lsn()));
            ends.filter(|&lsn| low(lsn) == word).max()
        };
        NamedVersions { head, tail: self.home.words.tail.and_then(named) }
    }

    /// The newest of the versions that the sectors of the home are of.
    fn of_two_versions(&self, words: &NamedVersions, target: Rebuilt) -> Result<Rebuilt, Guard> {
        let mut left: Vec<usize> = (0..self.home.bytes.len() / SECTOR).collect();
        self.strike(&mut left, &target);
        for word in [words.head, words.tail].into_iter().flatten().filter(|&word| word != target.lsn) {
            if let Ok(version) = self.version(word) {
                self.strike(&mut left, &version);
            }
        }
        // A page of which nothing was ever written is zeros.
        if target.from.is_none() && (self.ends_in_zeros() || self.stored.hides_tails()) {
            let zeros = |at: &usize| self.sector(*at).is_some_and(is_zero);
            // Where the tail tells nothing, the rest must be of one version as a whole.
            if self.ends_in_zeros() || left.iter().all(zeros) {
                left.retain(|at| !zeros(at));
            }
        }
        if left.is_empty() {
            return Ok(target);
        }
        if !self.stored.hides_tails() {
            return Err(Guard::Unexplained(left));
        }
        let other = self.other_version(&left, &target).ok_or(Guard::Unexplained(left))?;
        Ok(if other.lsn > target.lsn { other } else { target })
    }

    /// Some pages name no version in their tail: an older or a newer one must explain the rest as a whole.
    fn other_version(&self, left: &[usize], target: &Rebuilt) -> Option<Rebuilt> {
        let ends = || self.changes.iter().map(|change| change.to);
        let older = ends().rev().filter(|&lsn| lsn < target.lsn).take(MOST_VERSIONS);
        let newer = ends().filter(|&lsn| lsn > target.lsn).take(MOST_VERSIONS);
        older.chain(newer).find_map(|lsn| {
            let version = self.version(lsn).ok().filter(|version| version.lsn == lsn)?;
            let mut rest = left.to_vec();
            self.strike(&mut rest, &version);
            rest.is_empty().then_some(version)
        })
    }

    fn ends_in_zeros(&self) -> bool {
        self.sector((self.home.bytes.len() / SECTOR).saturating_sub(1)).is_some_and(is_zero)
    }

    fn sector(&self, at: usize) -> Option<&[u8]> {
        self.home.bytes.held().get(at.checked_mul(SECTOR)?..at.checked_add(1)?.checked_mul(SECTOR)?)
    }

    /// Strikes out the sectors that a version has at the same place, in whichever form it may lie there.
    fn strike(&self, left: &mut Vec<usize>, version: &Rebuilt) {
        for bytes in self.forms(version) {
            let same = |at: usize| {
                self.sector(at).is_some_and(|own| bytes.get(at * SECTOR..(at + 1) * SECTOR) == Some(own))
            };
            left.retain(|&at| !same(at));
        }
    }

    fn forms(&self, version: &Rebuilt) -> Vec<Vec<u8>> {
        let flush_lsn = flush_lsn(self.page, self.copies, self.home);
        self.stored.forms(self.page, version, self.copies, flush_lsn)
    }

    fn is_sound(&self, bytes: &[u8]) -> bool {
        let judged = judge_in(bytes, self.space);
        let sound = state_at(&judged, bytes, self.space, self.page.1, self.stored.ids).0 == HomeState::Valid;
        let header = || {
            format_of_page0(bytes)
                .is_some_and(|(id, format)| (id, format) == (self.page.0, self.space.format))
        };
        sound && bytes.len() == self.home.length && (self.page.1 != PageNo(0) || header())
    }
}

/// The index of an index page as in memory.
fn index_of(page: &[u8]) -> Option<u64> {
    let index = matches!(u16_at(page, FIL_PAGE_TYPE)?, page_type::INDEX | page_type::RTREE);
    u64_at(page, PAGE_INDEX_ID).filter(|&id| index && id != 0)
}
