//! Which damaged pages redo can make whole again, under guards.
//!
//! | guard | |
//! |---|---|
//! | where to | the newest version that the home itself names (LSN in its head, low LSN word in its tail), and never less than redo proves to have been written before the checkpoint; never past the end of redo |
//! | where from | the newest sound version at hand that is not older than the oldest readable record, or an `INIT_PAGE` of the present life of the space |
//! | a torn home | each of its sectors is one of two versions that redo yields |
//! | any other damage | nothing of the home explains itself: only from an `INIT_PAGE` |
//! | the result | a sound page of this identity |
//! | never | where a sound copy is at least as new, beside rivals for the space id, in encrypted tablespaces, over a sound home but for a lost write |

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::bytes::is_zero;
use crate::error::Result;
use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_SPACE_ID};
use crate::format::fsp::{Encryption, Layout};
use crate::format::redo_record::PageId;
use crate::instance::identify::format_of_page0;
use crate::instance::redo::history::{Census, Change, Changes, Log, PageSummary};
use crate::instance::spaces::{Owner, Spaces, Tablespace, judge_in};
use crate::page::checksum::Algorithm;
use crate::units::{Lsn, PageNo, SECTOR, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::audit::Lost;
use crate::verdict::copy::{Copy, CopyState};
use crate::verdict::home;
use crate::verdict::home::{Home, HomeState, state_at};
use crate::verdict::rebuild::{Memory, Rebuilt, Refusal, Start, rebuild};
use crate::verdict::survey::Survey;

/// Earlier versions that are tried for the older part of a torn page whose tail names none.
const MOST_VERSIONS: usize = 200;

/// A page that needs mending, and what redo can do for it.
#[derive(Debug)]
pub struct Candidate {
    /// Which page.
    pub page: PageId,
    /// What lies in its file.
    pub home: Home,
    /// Of a sound home: the write that it misses.
    pub lost: Option<Lost>,
    /// What is to be written, or the guard that forbids it.
    pub made: std::result::Result<Made, Guard>,
}

/// A version that may be written.
#[derive(Debug)]
pub struct Made {
    /// As it lies in a file, physical page size.
    pub bytes: Vec<u8>,
    /// From which version and by how many mini-transactions.
    pub rebuilt: Rebuilt,
}

/// Why redo does not mend a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// No version could be made.
    Refused(Refusal),
    /// A sound copy is as new as what redo would make, or newer.
    SoundCopy(Lsn),
    /// Sectors of a torn home, by number, that are of neither version.
    Unexplained(Vec<usize>),
    /// Nothing of the home tells its version, and redo does not make the page from nothing.
    NoProof,
    /// The tablespace is encrypted.
    Encrypted,
    /// What comes out is no sound page of this identity.
    NotSound,
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Guard::Refused(refusal) => write!(f, "redo cannot make it: {refusal}"),
            Guard::SoundCopy(lsn) => {
                write!(f, "redo is not used: a sound copy of LSN {lsn} is as new as what redo would make")
            }
            Guard::Unexplained(sectors) => {
                let list: Vec<String> = sectors.iter().take(8).map(ToString::to_string).collect();
                let more = if sectors.len() > 8 { ", ..." } else { "" };
                write!(
                    f,
                    "redo is not used: sectors {}{more} of the torn page are of neither version that redo yields",
                    list.join(", ")
                )
            }
            Guard::NoProof => f.write_str(
                "redo is not used: nothing at home tells which version belongs there, and redo does not make the page from \
                 nothing",
            ),
            Guard::Encrypted => f.write_str("redo is not used: the tablespace is encrypted"),
            Guard::NotSound => f.write_str("redo is not used: what it makes is no sound page of this number and tablespace"),
        }
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Damaged pages.
    pub damaged: bool,
    /// Sound pages whose write was lost.
    pub lost: bool,
    /// Of these only; empty: all.
    pub only: &'a [PageId],
}

/// Every page that redo names and that needs mending. `None` where redo cannot be read for that.
///
/// # Errors
/// The log or a home cannot be read.
pub fn candidates(survey: &Survey, wanted: Wanted<'_>) -> Result<Option<Vec<Candidate>>> {
    let (Some(census), Some(redo)) = (survey.instance.census(), survey.instance.redo.redo()) else {
        return Ok(None);
    };
    let homes = homes(survey, census, wanted)?;
    if homes.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let Some(mut log) = Log::open(redo)?.filter(|log| !log.hidden()) else { return Ok(None) };
    let pages: BTreeSet<PageId> = homes.iter().map(|(page, ..)| *page).collect();
    let changes = Changes::of_pages(&mut log, &pages)?;
    let copies = copies(survey);
    let mend = |(page, home, lost): (PageId, Home, Option<Lost>)| {
        let Owner::One(space) = survey.instance.spaces.owner(page.0) else { return None };
        let said = census.of_page(page)?;
        let copies = copies.get(&page).map_or(&[][..], Vec::as_slice);
        let stored = survey.instance.areas.iter().all(|area| area.space_id_stored);
        let home_bytes = home.bytes.get();
        let case = Case {
            page,
            home: &home,
            home_bytes: &home_bytes,
            space,
            spaces: &survey.instance.spaces,
            said,
            changes: changes.of_page(page),
            copies,
            oldest: log.oldest,
            stored,
        };
        let made = case.mend(lost);
        drop(home_bytes);
        Some(Candidate { page, home, lost, made })
    };
    Ok(Some(homes.into_iter().filter_map(mend).collect()))
}

type Needy = (PageId, Home, Option<Lost>);

fn homes(survey: &Survey, census: &Census, wanted: Wanted<'_>) -> Result<Vec<Needy>> {
    let instance = &survey.instance;
    let stored = instance.areas.iter().all(|area| area.space_id_stored);
    let mut found = Vec::new();
    for (page, said) in census.pages() {
        let slot = page.0 == SpaceId::SYSTEM && instance.areas.iter().any(|area| area.covers(page.1));
        let asked = wanted.only.is_empty() || wanted.only.contains(&page);
        let Owner::One(space) = instance.spaces.owner(page.0) else { continue };
        if slot || !asked || said.freed_at_last || has_a_restorable_copy(survey, page) {
            continue;
        }
        let home = home::look_in(space, page.1, stored)?;
        let lost = home.lsn.filter(|_| home.state == HomeState::Valid && !home.weak);
        let lost = lost.and_then(|lsn| Lost::of(census, page, lsn));
        // A page that was never written is no damage; one that recovery makes anew needs nothing.
        let damaged = match home.state {
            HomeState::Zero => said.least_at_home().is_some(),
            state => state.is_damaged() && !census.rebuilds(page),
        };
        if (wanted.damaged && damaged) || (wanted.lost && lost.is_some()) {
            found.push((page, home, lost));
        }
    }
    Ok(found)
}

fn has_a_restorable_copy(survey: &Survey, page: PageId) -> bool {
    let of_page =
        |finding: &&crate::verdict::survey::Finding| (finding.space_id(), finding.page_no()) == page;
    survey.findings.iter().filter(of_page).any(|finding| finding.judgement.verdict == Verdict::Restorable)
}

/// The sound copies of every page.
fn copies(survey: &Survey) -> BTreeMap<PageId, Vec<&Copy>> {
    let mut copies: BTreeMap<PageId, Vec<&Copy>> = BTreeMap::new();
    for finding in &survey.findings {
        if let Some(copy) = finding.copy().filter(|copy| copy.state() == CopyState::Valid) {
            copies.entry((finding.space_id(), finding.page_no())).or_default().push(copy);
        }
    }
    copies
}

/// Everything that is known of one page.
struct Case<'a> {
    page: PageId,
    home: &'a Home,
    home_bytes: &'a [u8],
    space: &'a Tablespace,
    spaces: &'a Spaces,
    said: &'a PageSummary,
    changes: &'a [Change],
    copies: &'a [&'a Copy],
    oldest: Lsn,
    stored: bool,
}

/// The versions that a damaged home names.
struct NamedVersions {
    head: Option<Lsn>,
    tail: Option<Lsn>,
}

impl Case<'_> {
    fn mend(&self, lost: Option<Lost>) -> std::result::Result<Made, Guard> {
        if self.space.format.encryption != Encryption::None {
            return Err(Guard::Encrypted);
        }
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
        if let Some(copy) = self.copies.iter().map(|copy| copy.lsn()).filter(|&lsn| lsn >= target).max() {
            return Err(Guard::SoundCopy(copy));
        }
        if lost.is_none() {
            self.check_home(&words, &rebuilt)?;
        }
        let bytes = self.written(&rebuilt).filter(|bytes| self.is_sound(bytes)).ok_or(Guard::NotSound)?;
        Ok(Made { bytes, rebuilt })
    }

    /// A torn home must be made of versions that redo yields; any other damage explains nothing.
    fn check_home(&self, words: &NamedVersions, rebuilt: &Rebuilt) -> std::result::Result<(), Guard> {
        let other_tail = words.tail.is_some_and(|tail| Some(tail) != words.head);
        let torn = words.head.is_some() && (other_tail || self.ends_in_zeros() || self.zip());
        if self.home.state == HomeState::Torn || (torn && self.home.state == HomeState::Corrupt) {
            let left = self.unexplained(words, rebuilt);
            return if left.is_empty() { Ok(()) } else { Err(Guard::Unexplained(left)) };
        }
        if rebuilt.from.is_none() { Ok(()) } else { Err(Guard::NoProof) }
    }

    fn zip(&self) -> bool {
        self.space.format.layout == Layout::Zip
    }

    /// The version of the page at an LSN, from the best start there is.
    fn version(&self, until: Lsn) -> std::result::Result<Rebuilt, Guard> {
        let memory = Memory::of(self.page, &self.space.format);
        let sound_home = (self.home.state == HomeState::Valid).then_some(self.home_bytes);
        let home = sound_home.zip(self.home.lsn).map(|(bytes, lsn)| (bytes.to_vec(), lsn));
        let copies = self.copies.iter().map(|copy| {
            let clear = copy.clear(self.spaces).map(Cow::into_owned);
            let stored = || copy.bytes.get().get(..self.home.length).unwrap_or_default().to_vec();
            (clear.unwrap_or_else(stored), copy.lsn())
        });
        let best =
            home.into_iter().chain(copies).filter(|(bytes, lsn)| *lsn <= until && bytes.len() == memory.size);
        let best = best.max_by_key(|(_, lsn)| *lsn);
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

    /// Sectors of the home that are of none of the two versions.
    fn unexplained(&self, words: &NamedVersions, newest: &Rebuilt) -> Vec<usize> {
        let mut left: Vec<usize> = (0..self.home_bytes.len() / SECTOR).collect();
        self.strike(&mut left, newest);
        for word in [words.head, words.tail].into_iter().flatten().filter(|&word| word != newest.lsn) {
            if let Ok(version) = self.version(word) {
                self.strike(&mut left, &version);
            }
        }
        // A page of which nothing was ever written is zeros.
        if newest.from.is_none() && self.ends_in_zeros() {
            left.retain(|&at| !self.sector(at).is_some_and(is_zero));
        }
        if !left.is_empty() && self.zip() {
            self.try_older(&mut left, newest);
        }
        left
    }

    /// Pages of compressed tables name no version in their tail: some older one must explain the rest as a whole.
    fn try_older(&self, left: &mut Vec<usize>, newest: &Rebuilt) {
        let older = self.changes.iter().rev().filter(|change| change.to < newest.lsn).take(MOST_VERSIONS);
        let zeros = newest.from.is_none() && left.iter().all(|&at| self.sector(at).is_some_and(is_zero));
        let explains = |lsn: Lsn| {
            let mut rest = left.clone();
            if let Ok(version) = self.version(lsn) {
                self.strike(&mut rest, &version);
            }
            rest.is_empty()
        };
        if zeros || older.map(|change| change.to).any(explains) {
            left.clear();
        }
    }

    fn ends_in_zeros(&self) -> bool {
        self.sector((self.home_bytes.len() / SECTOR).saturating_sub(1)).is_some_and(is_zero)
    }

    fn sector(&self, at: usize) -> Option<&[u8]> {
        self.home_bytes.get(at.checked_mul(SECTOR)?..at.checked_add(1)?.checked_mul(SECTOR)?)
    }

    /// Strikes out the sectors that a version has at the same place.
    fn strike(&self, left: &mut Vec<usize>, version: &Rebuilt) {
        let Some(bytes) = self.written(version) else { return };
        let same = |at: usize| {
            self.sector(at).is_some_and(|own| bytes.get(at * SECTOR..(at + 1) * SECTOR) == Some(own))
        };
        left.retain(|&at| !same(at));
    }

    fn written(&self, version: &Rebuilt) -> Option<Vec<u8>> {
        let first = self.page == (SpaceId::SYSTEM, PageNo(0));
        let of_copy = self.copies.first().map(|copy| copy.bytes.get());
        let flush_lsn = of_copy.as_deref().unwrap_or(self.home_bytes);
        let flush_lsn = flush_lsn.get(FIL_PAGE_FILE_FLUSH_LSN..FIL_PAGE_SPACE_ID).filter(|_| first);
        version.written(&self.space.format, self.algorithm(), flush_lsn)
    }

    /// What the other pages of the tablespace verify with.
    fn algorithm(&self) -> Algorithm {
        if self.space.format.layout == Layout::FullCrc32 {
            return Algorithm::FullCrc32;
        }
        let of_copy =
            self.copies.iter().filter(|copy| !copy.has_clear).find_map(|copy| copy.judged.algorithm);
        let of_first = || {
            let home = home::look_in(self.space, PageNo(0), self.stored).ok()?;
            judge_in(&home.bytes.get(), self.space).algorithm
        };
        of_copy.or_else(of_first).unwrap_or(Algorithm::Crc32)
    }

    fn is_sound(&self, bytes: &[u8]) -> bool {
        let judged = judge_in(bytes, self.space);
        let sound = state_at(&judged, bytes, self.space, self.page.1, self.stored).0 == HomeState::Valid;
        let header = || {
            format_of_page0(bytes)
                .is_some_and(|(id, format)| (id, format) == (self.page.0, self.space.format))
        };
        sound && bytes.len() == self.home.length && (self.page.1 != PageNo(0) || header())
    }
}
