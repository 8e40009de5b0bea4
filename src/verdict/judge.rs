//! The decision on one page: a pure function of its home, its copies and the redo window.

use crate::instance::redo::window::RedoWindow;
use crate::page::contents::Contents;
use crate::page::sectors::Tear;
use crate::units::Lsn;
use crate::verdict::Verdict;
use crate::verdict::audit::Lost;
use crate::verdict::contested::Contest;
use crate::verdict::copy::CopyState;
use crate::verdict::home::HomeState;
use crate::verdict::home_reason::Unmasked;
use crate::verdict::reason::{Doubt, Proof, Reason};
use crate::verdict::words::HomeWords;

/// What the judgement needs to know of a home.
#[derive(Debug, Clone)]
pub struct HomeFacts<'a> {
    /// What lies there, by its own bytes.
    pub state: HomeState,
    /// LSN in the head, whatever stands beside it.
    pub lsn: Option<Lsn>,
    /// The LSNs that it carries of itself.
    pub words: HomeWords,
    /// What the system said, where it could not be read.
    pub unreadable: Option<&'a str>,
    /// A page inside the doublewrite buffer.
    pub in_buffer: bool,
    /// The server of these files takes a page beyond the end of redo for corrupt.
    pub no_future: bool,
    /// Sectors of a damaged home; 0 where they were not compared.
    pub sectors: u32,
    /// Names of the files, where several claim the space id.
    pub rivals: &'a [String],
}

/// What the judgement needs to know of a copy.
#[derive(Debug, Clone, Copy)]
pub struct CopyFacts {
    /// What it is worth by its own bytes.
    pub state: CopyState,
    /// Its LSN.
    pub lsn: Lsn,
    /// It is the page before its encryption.
    pub plaintext: bool,
    /// It can be made the page that belongs home: no key is missing.
    pub writable: bool,
    /// The home has no checksum that looks at its contents, and this copy of the same LSN differs from it.
    pub contradicts: bool,
    /// No checksum speaks for this copy, either: whom the structure of both shows to be right.
    pub contest: Option<Contest>,
    /// Its contents against those of the home.
    pub contents: Contents,
    /// The tablespace has called the page free since this copy was made.
    pub freed: bool,
    /// The file at home is another than this copy was made of.
    pub other_file: bool,
    /// The sectors of the home that are this copy's, the first one in the lowest bit.
    pub equal_sectors: u128,
    /// How the home lies over it.
    pub tear: Option<Tear>,
}

/// The verdict on one copy, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
}

/// The decision on one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Why a home that verifies is damaged all the same.
    pub unmasked: Option<Unmasked>,
    /// One for every copy, in their order.
    pub judgements: Vec<Judgement>,
}

/// What redo proves of a page, whatever its copies suggest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedoProof {
    /// The sound home is older than the page was.
    LostWrite(Lost),
    /// Recovery makes the damaged page anew.
    MadeAnew,
}

/// Overrules the judgements of one page, whose copies have these LSNs, by what redo proves.
pub fn heed_redo(proof: RedoProof, lsns: &[Lsn], judgements: &mut [Judgement]) {
    match proof {
        // One finding for the page: its newest copy.
        RedoProof::LostWrite(lost) => {
            let newest = judgements.iter_mut().zip(lsns).max_by_key(|(_, lsn)| **lsn);
            let harmless = [Verdict::Intact, Verdict::Pending];
            let wanted =
                |found: &Judgement| harmless.contains(&found.verdict) && found.reason != Reason::SameContents;
            if let Some((found, _)) = newest.filter(|(found, _)| wanted(found)) {
                *found = judgement(Verdict::LostWrite, Reason::LostByRedo(lost));
            }
        }
        RedoProof::MadeAnew => {
            if judgements.iter().any(|found| found.verdict == Verdict::Restorable) {
                return;
            }
            for found in judgements.iter_mut().filter(|found| found.verdict.is_critical()) {
                *found = judgement(Verdict::RedoRebuilds, Reason::RedoRebuilds);
            }
        }
    }
}

fn judgement(verdict: Verdict, reason: Reason) -> Judgement {
    Judgement { verdict, reason }
}

/// Judges all copies of one page. `reduced` is the greatest LSN of its reduced entries.
pub fn judge(
    home: &HomeFacts<'_>,
    copies: &[CopyFacts],
    reduced: Option<Lsn>,
    window: &RedoWindow,
) -> Ruling {
    let copies: Vec<CopyFacts> = copies.iter().map(|copy| as_usable(home.state, *copy)).collect();
    let unmasked = unmask(home, &copies, window);
    let home = &match unmasked {
        Some(Unmasked::Contradicted) => HomeFacts { state: HomeState::Torn, ..home.clone() },
        // Its words are those of a page that the log does not know: they prove nothing.
        Some(Unmasked::Future(_)) => {
            HomeFacts { state: HomeState::Corrupt, words: HomeWords::default(), ..home.clone() }
        }
        None => home.clone(),
    };
    let every = |verdict, reason: Reason| vec![judgement(verdict, reason); copies.len()];
    let judgements = match home.state {
        _ if home.in_buffer => every(Verdict::Unverifiable, Reason::BufferPage),
        HomeState::Missing => every(Verdict::Orphan, Reason::NoFile),
        HomeState::OutOfBounds => every(Verdict::OutOfBounds, Reason::PastEnd),
        HomeState::Unverifiable => copies.iter().map(|copy| locked(copy, why_locked(home, copy))).collect(),
        HomeState::Valid => copies.iter().map(|copy| beside_valid_home(home, copy, window)).collect(),
        HomeState::Torn | HomeState::Corrupt | HomeState::Zero | HomeState::Misdirected => {
            Damaged { home, unmasked, copies: &copies, reduced, window }.judge()
        }
    };
    Ruling { unmasked, judgements }
}

/// Copies whose owner is not known.
pub fn judge_hidden(copies: usize) -> Vec<Judgement> {
    vec![judgement(Verdict::Unverifiable, Reason::HiddenOwner); copies]
}

/// The verdict on a page that only reduced entries name.
pub fn judge_reduced(home: HomeState, restorable: bool, lsn: Lsn) -> Option<Judgement> {
    if !home.is_damaged() || lsn.0 == 0 {
        return None;
    }
    Some(if restorable {
        judgement(Verdict::Superseded, Reason::ReducedBesideCopy)
    } else {
        judgement(Verdict::Unrecoverable, Reason::ReducedAlone(lsn))
    })
}

/// A copy that lacks a key to become the page at home is worth nothing to a damaged one.
fn as_usable(home: HomeState, copy: CopyFacts) -> CopyFacts {
    let state = match copy.contest {
        Some(Contest::Home) => CopyState::Corrupt,
        Some(Contest::Nobody) => CopyState::Unverifiable,
        Some(Contest::Copy) | None if home.is_damaged() && !copy.writable => CopyState::Unverifiable,
        Some(Contest::Copy) | None => copy.state,
    };
    CopyFacts { state, plaintext: copy.plaintext && copy.state == CopyState::Valid, ..copy }
}

fn locked(copy: &CopyFacts, reason: Reason) -> Judgement {
    let reason = match copy.contest {
        Some(Contest::Nobody) => Reason::Contested,
        _ if copy.plaintext => Reason::Plaintext,
        _ => reason,
    };
    judgement(Verdict::Unverifiable, reason)
}

fn why_locked(home: &HomeFacts<'_>, copy: &CopyFacts) -> Reason {
    match home.unreadable {
        Some(why) if copy.state == CopyState::Valid => {
            Reason::UnreadableHome { why: why.to_owned(), lsn: copy.lsn }
        }
        _ => Reason::HomeLocked,
    }
}

fn unmask(home: &HomeFacts<'_>, copies: &[CopyFacts], window: &RedoWindow) -> Option<Unmasked> {
    let good = || copies.iter().filter(|copy| copy.state == CopyState::Valid);
    if home.state != HomeState::Valid {
        return None;
    }
    if good().any(|copy| copy.contradicts) {
        return Some(Unmasked::Contradicted);
    }
    let end = window.end.filter(|&end| home.no_future && home.lsn.is_some_and(|lsn| lsn > end))?;
    // Without a copy to write nothing is gained: then it is the file or the log that does not belong here.
    good().any(|copy| window.holds(copy.lsn) == Some(true)).then_some(Unmasked::Future(end))
}

fn beside_valid_home(home: &HomeFacts<'_>, copy: &CopyFacts, window: &RedoWindow) -> Judgement {
    match copy.state {
        CopyState::Corrupt => return judgement(Verdict::CorruptCopy, Reason::BadCopy),
        CopyState::Unverifiable => return locked(copy, Reason::CopyLocked),
        CopyState::Valid => {}
    }
    let lsn = home.lsn.unwrap_or_default();
    if lsn >= copy.lsn {
        return judgement(Verdict::Intact, Reason::HomeIsNewer);
    }
    match window.checkpoint {
        // Whatever the contents: redo will make the page at least as new.
        Some(_) if window.holds(copy.lsn) == Some(true) => judgement(Verdict::Pending, Reason::Covered),
        _ if copy.contents == Contents::Equal => judgement(Verdict::Intact, Reason::SameContents),
        None => judgement(Verdict::Pending, Reason::NoRedo),
        Some(checkpoint) if copy.lsn >= checkpoint => judgement(Verdict::Pending, Reason::OtherRedo),
        Some(_) if copy.freed => judgement(Verdict::Intact, Reason::FreePage),
        Some(_) if copy.other_file => judgement(Verdict::Intact, Reason::OtherFile),
        Some(_) if copy.contents == Contents::Unknown => {
            judgement(Verdict::Unverifiable, Reason::ContentsLocked)
        }
        Some(checkpoint) => {
            judgement(Verdict::LostWrite, Reason::Lost { home: lsn, copy: copy.lsn, checkpoint })
        }
    }
}

/// A damaged home, and everything that may say which version belongs there.
struct Damaged<'a> {
    home: &'a HomeFacts<'a>,
    unmasked: Option<Unmasked>,
    copies: &'a [CopyFacts],
    reduced: Option<Lsn>,
    window: &'a RedoWindow,
}

impl Damaged<'_> {
    fn judge(&self) -> Vec<Judgement> {
        let best = self.best();
        let any_good = self.good().next().is_some();
        let of = |(index, copy): (usize, &CopyFacts)| match (copy.state, best) {
            (CopyState::Unverifiable, _) => locked(copy, Reason::CopyLocked),
            (CopyState::Valid, Some((at, proof))) if at == index => judgement(
                Verdict::Restorable,
                Reason::Right {
                    home: self.home.state,
                    lsn: copy.lsn,
                    unmasked: self.unmasked,
                    proof,
                    tear: copy.tear,
                },
            ),
            (CopyState::Valid | CopyState::Corrupt, Some(_)) => {
                judgement(Verdict::Superseded, Reason::BetterCopy)
            }
            (CopyState::Valid, None) if copy.freed && self.home.state == HomeState::Zero => {
                judgement(Verdict::Intact, Reason::GivenBack)
            }
            (CopyState::Valid, None) => judgement(Verdict::Stale, self.why_stale(copy)),
            (CopyState::Corrupt, None) if any_good => {
                judgement(Verdict::Superseded, Reason::BadCopyBesideGood)
            }
            (CopyState::Corrupt, None) => judgement(Verdict::Unrecoverable, Reason::NoGoodCopy),
        };
        self.copies.iter().enumerate().map(of).collect()
    }

    fn good(&self) -> impl Iterator<Item = &CopyFacts> {
        self.copies.iter().filter(|copy| copy.state == CopyState::Valid)
    }

    /// The newest candidate, of equal ones the first, unless a newer good copy that is none bars it.
    fn best(&self) -> Option<(usize, Proof)> {
        if !self.home.rivals.is_empty() {
            return None;
        }
        let candidates: Vec<(usize, Lsn, Proof)> = (self.copies.iter().enumerate())
            .filter(|(_, copy)| copy.state == CopyState::Valid)
            .filter_map(|(index, copy)| Some((index, copy.lsn, self.proof(copy)?)))
            .collect();
        let newest = candidates.iter().map(|(_, lsn, _)| *lsn).max()?;
        let barred = self.good().any(|copy| copy.lsn > newest && !self.is_beyond(copy.lsn));
        let &(index, _, proof) = candidates.iter().find(|(_, lsn, _)| *lsn == newest)?;
        (!barred).then_some((index, proof))
    }

    fn proof(&self, copy: &CopyFacts) -> Option<Proof> {
        let inside = self.window.holds(copy.lsn) == Some(true);
        if inside && self.reduced.is_none_or(|newer| copy.lsn >= newer) {
            return Some(Proof::Window(*self.window));
        }
        if copy.lsn.0 == 0 || self.was_newer_than(copy.lsn) {
            return None;
        }
        match self.words().any(|word| word == copy.lsn) {
            true => Some(Proof::Word),
            false => self.is_newer_of_two(copy).then_some(Proof::Sectors),
        }
    }

    /// The home's words, if what lies there is the page at all.
    fn words(&self) -> impl Iterator<Item = Lsn> {
        let known = matches!(self.home.state, HomeState::Torn | HomeState::Corrupt);
        let words = if known { self.home.words } else { HomeWords::default() };
        let newest = self.good().map(|copy| copy.lsn).chain(self.reduced).max();
        words.lsns(self.window.end, newest)
    }

    fn is_beyond(&self, lsn: Lsn) -> bool {
        self.window.end.is_some_and(|end| lsn > end)
    }

    /// Whether a word, another good copy or a reduced entry shows a version that is newer, not beyond the end of redo, and
    /// older than the checkpoint. From a version behind the checkpoint redo goes on as it does from the one before it.
    fn was_newer_than(&self, lsn: Lsn) -> bool {
        let covered = |newer: Lsn| self.window.checkpoint.is_some_and(|checkpoint| newer >= checkpoint);
        let copies = self.good().map(|copy| copy.lsn);
        let mut known = self.words().chain(copies).chain(self.reduced);
        known.any(|newer| newer > lsn && !self.is_beyond(newer) && !covered(newer))
    }

    /// Whether every sector of the home is this copy's or that of one older copy, and neither has them all.
    fn is_newer_of_two(&self, copy: &CopyFacts) -> bool {
        let all = match self.home.sectors {
            0 | 129.. => return false,
            sectors => u128::MAX >> (128 - sectors),
        };
        let has_all = |sectors: u128| sectors & all == all;
        let two = |older: &CopyFacts| {
            older.lsn < copy.lsn
                && !has_all(older.equal_sectors)
                && has_all(older.equal_sectors | copy.equal_sectors)
        };
        !has_all(copy.equal_sectors) && self.good().any(two)
    }

    fn why_stale(&self, copy: &CopyFacts) -> Reason {
        if !self.home.rivals.is_empty() {
            return Reason::Rivals(self.home.rivals.to_vec());
        }
        let lsn = copy.lsn;
        let newer_copy = || {
            let newer = self.good().map(|other| other.lsn).filter(|&other| other > lsn);
            newer.filter(|&other| !self.is_beyond(other)).max()
        };
        let doubt = match (self.window.checkpoint, self.window.end) {
            _ if self.reduced.is_some_and(|newer| lsn < newer) => {
                Doubt::Reduced(self.reduced.unwrap_or_default())
            }
            (Some(checkpoint), _) if lsn < checkpoint => {
                newer_copy().map_or(Doubt::BeforeCheckpoint(checkpoint), Doubt::NewerCopy)
            }
            (_, Some(end)) if lsn > end => Doubt::BeyondEnd(end),
            _ => newer_copy().map_or(Doubt::Unproved, Doubt::NewerCopy),
        };
        Reason::Doubtful { lsn, doubt }
    }
}
