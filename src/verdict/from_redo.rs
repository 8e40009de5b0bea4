//! Which damaged pages redo can make whole again, under guards.
//!
//! | guard | |
//! |---|---|
//! | where to | the newest version that the home itself names (LSN in its head, low LSN word in its tail), and never less than redo proves to have been written before the checkpoint; never past the end of redo |
//! | where from | the newest sound version at hand that is not older than the oldest readable record, or an `INIT_PAGE` of the present life of the space |
//! | a torn home | each of its sectors is one of two versions that redo yields, as it lies in a file: encrypted where pages of the tablespace are |
//! | any other damage, and what was compressed by the server | nothing of the home explains itself: only from an `INIT_PAGE`, or a version of the index to which its neighbours belong |
//! | the result | a sound page of this identity |
//! | never | where a sound copy is at least as new, beside rivals for the space id, in encrypted tablespaces without a key that opens them, over a sound home but for a lost write |

mod case;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::disk::{PageBytes, Spill};
use crate::error::Result;
use crate::format::redo_record::PageId;
use crate::instance::redo::history::{Census, Changes, Log};
use crate::instance::spaces::Owner;
use crate::units::{Lsn, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::audit::Lost;
use crate::verdict::copy::{Copy, CopyState};
use crate::verdict::from_redo::case::Case;
use crate::verdict::from_redo::stored::Stored;
use crate::verdict::home;
use crate::verdict::home::{Home, HomeState};
use crate::verdict::rebuild::Refusal;
use crate::verdict::survey::Survey;

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
    pub bytes: PageBytes,
    /// Which version this is.
    pub lsn: Lsn,
    /// LSN of the version that it began with; `None` where an `INIT_PAGE` made it from nothing.
    pub from: Option<Lsn>,
    /// How many mini-transactions were done.
    pub mini_transactions: u64,
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
    /// The tablespace is encrypted, and no key that was given opens its pages.
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
            Guard::Encrypted => f.write_str(
                "redo is not used: the tablespace is encrypted, and without its key (--keyring) no page of it can be made",
            ),
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
    let mut left: BTreeSet<PageId> = homes.iter().map(|(page, ..)| *page).collect();
    let mut homes: BTreeMap<PageId, Needy> = homes.into_iter().map(|needy| (needy.0, needy)).collect();
    let copies = copies(survey);
    let spill = Spill::default();
    let ids_stored = survey.instance.space_id_stored();
    let mut forms: BTreeMap<SpaceId, Option<Stored<'_>>> = BTreeMap::new();
    let mut mend = |changes: &Changes, oldest, (page, home, lost): Needy| {
        let Owner::One(space) = survey.instance.spaces.owner(page.0) else { return None };
        let copies = copies.get(&page).map_or(&[][..], Vec::as_slice);
        let stored = forms.entry(page.0).or_insert_with(|| Stored::of(space, ids_stored));
        let changes = changes.of_page(page);
        let said = census.of_page(page)?;
        let (loaded, held) = (home.loaded(), copies.iter().map(|copy| copy.loaded()).collect::<Vec<_>>());
        let (home_now, copies): (_, Vec<&Copy>) = (&loaded, held.iter().collect());
        let case =
            |stored| Case { page, home: home_now, space, said, changes, copies: &copies, oldest, stored };
        let made = stored.as_ref().ok_or(Guard::Encrypted).and_then(|stored| case(stored).mend(lost));
        let made = made.map(|(bytes, rebuilt)| Made {
            bytes: PageBytes::spilled(bytes, &spill),
            lsn: rebuilt.lsn,
            from: rebuilt.from,
            mini_transactions: rebuilt.mini_transactions,
        });
        Some(Candidate { page, home, lost, made })
    };
    let mut found = Vec::new();
    while !left.is_empty() {
        let changes = Changes::of_a_lot(&mut log, &mut left)?;
        let lot = changes.pages().iter().filter_map(|page| homes.remove(page));
        found.extend(lot.filter_map(|needy| mend(&changes, log.oldest, needy)));
    }
    Ok(Some(found))
}

type Needy = (PageId, Home, Option<Lost>);

fn homes(survey: &Survey, census: &Census, wanted: Wanted<'_>) -> Result<Vec<Needy>> {
    let instance = &survey.instance;
    let stored = instance.space_id_stored();
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
        let lost = lost.and_then(|lsn| Lost::of(census, page, lsn, Some(space)));
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
