//! The judgement of one page: a pure function of its home, its copies and the redo window.
//!
//! | home | copy | verdict |
//! |---|---|---|
//! | valid, at least as new | good | `intact` |
//! | valid, older | good, not before the checkpoint | `pending` |
//! | valid, older | good, before the checkpoint | `lost_write` |
//! | damaged | the newest good one inside the window | `restorable`, all others `superseded` |
//! | damaged | good ones, none of them provably the right version | `stale` |
//! | damaged | none good | `unrecoverable` |
//! | valid | damaged | `corrupt_copy` |
//!
//! Why the window: a page whose newest copy is older than the checkpoint was safely home before the crash, so the
//! damage is another one; a copy from behind the end of the redo log belongs to other files.

use crate::instance::redo::window::RedoWindow;
pub mod copy;
pub mod descriptors;
pub mod donor;
pub mod home;
pub mod home_bytes;
pub mod naming;
pub mod owners;
pub mod predict;
pub mod rebuild;
pub mod survey;

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::units::Lsn;
use crate::verdict::copy::CopyState;
use crate::verdict::home::HomeState;

/// What a copy means.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    schemars::JsonSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// The home is damaged and this is the copy that restore would write.
    Restorable,
    /// The home is damaged and so is every copy of it, or only a reduced entry exists.
    Unrecoverable,
    /// The home is damaged, the copy is good, but nothing shows that it is the version that belongs there.
    Stale,
    /// The home is valid but older than the copy, and the checkpoint has passed the copy.
    LostWrite,
    /// The home is damaged and another copy is the one to write.
    Superseded,
    /// The home is valid but older, and redo still covers the copy: the home write had not happened yet.
    Pending,
    /// The home is valid and at least as new as the copy.
    Intact,
    /// The copy is damaged, the home is not.
    CorruptCopy,
    /// No file holds this space id.
    Orphan,
    /// The page lies past the end of its file.
    OutOfBounds,
    /// Encrypted without a key, or a format that cannot be judged.
    Unverifiable,
}

impl Verdict {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Damage that the buffer cannot mend.
    pub fn is_critical(self) -> bool {
        matches!(self, Verdict::Unrecoverable | Verdict::Stale | Verdict::LostWrite)
    }

    /// Damage, whether the buffer can mend it or not.
    pub fn needs_attention(self) -> bool {
        self == Verdict::Restorable || self.is_critical()
    }
}

/// Reads what a report of this survey would read: the names of damaged pages, and what the prediction looks at. Whoever
/// records reads, as a capture does, calls it once for the files' sake.
pub fn look_ahead(survey: &survey::Survey) {
    let mut names = naming::SurveyNames::new(survey);
    for finding in survey.findings.iter().filter(|finding| finding.judgement.verdict.needs_attention()) {
        names.of(finding);
    }
    predict::Prediction::of(survey);
}

/// What the judgement needs to know of a home.
#[derive(Debug, Clone)]
pub struct HomeFacts<'a> {
    /// What lies there.
    pub state: HomeState,
    /// LSN in the head.
    pub lsn: Option<Lsn>,
    /// Low LSN word in the tail.
    pub tail_lsn: Option<u32>,
    /// Names of the files, where several claim the space id.
    pub rivals: &'a [String],
}

impl HomeFacts<'_> {
    /// Whether head or tail of the home carries the very LSN of a copy.
    fn proves(&self, lsn: Lsn) -> bool {
        // Truncation is meant: the trailer holds the low word only.
        let low = (lsn.0 & 0xFFFF_FFFF) as u32;
        self.state != HomeState::Zero && lsn.0 != 0 && (self.lsn == Some(lsn) || self.tail_lsn == Some(low))
    }
}

/// What the judgement needs to know of a copy.
#[derive(Debug, Clone, Copy)]
pub struct CopyFacts {
    /// What it is worth.
    pub state: CopyState,
    /// Its LSN.
    pub lsn: Lsn,
}

/// The verdict on one copy, with the reason in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

fn judgement(verdict: Verdict, reason: impl Into<String>) -> Judgement {
    Judgement { verdict, reason: reason.into() }
}

/// Judges all copies of one page, in their order. `reduced` is the greatest LSN of its reduced entries.
pub fn judge(
    home: &HomeFacts<'_>,
    copies: &[CopyFacts],
    reduced: Option<Lsn>,
    window: &RedoWindow,
) -> Vec<Judgement> {
    match home.state {
        HomeState::Missing => every(copies, Verdict::Orphan, "no file here holds this space id"),
        HomeState::OutOfBounds => {
            every(copies, Verdict::OutOfBounds, "the page lies past the end of its file")
        }
        HomeState::Unverifiable => every(
            copies,
            Verdict::Unverifiable,
            "the home page is encrypted or in a format that cannot be judged",
        ),
        HomeState::Valid => copies.iter().map(|copy| judge_beside_valid_home(home, copy, window)).collect(),
        HomeState::Torn | HomeState::Corrupt | HomeState::Zero | HomeState::Misdirected => {
            judge_for_damaged_home(home, copies, reduced, window)
        }
    }
}

fn every(copies: &[CopyFacts], verdict: Verdict, reason: &str) -> Vec<Judgement> {
    copies.iter().map(|_| judgement(verdict, reason)).collect()
}

fn judge_beside_valid_home(home: &HomeFacts<'_>, copy: &CopyFacts, window: &RedoWindow) -> Judgement {
    match copy.state {
        CopyState::Corrupt => {
            return judgement(
                Verdict::CorruptCopy,
                "the copy is damaged, the home page is not and needs none",
            );
        }
        CopyState::Unverifiable => {
            return judgement(Verdict::Unverifiable, "the copy cannot be judged without the key");
        }
        CopyState::Valid => {}
    }
    let home_lsn = home.lsn.unwrap_or_default();
    if home_lsn >= copy.lsn {
        return judgement(Verdict::Intact, "the home page is valid and at least as new as the copy");
    }
    match window.checkpoint {
        Some(checkpoint) if copy.lsn < checkpoint => judgement(
            Verdict::LostWrite,
            format!(
                "the home page is valid but of LSN {home_lsn}; the copy of LSN {} should have reached it before the \
                 checkpoint {checkpoint}, and redo no longer covers it",
                copy.lsn
            ),
        ),
        Some(_) => judgement(
            Verdict::Pending,
            "the home page is valid but older; its write had not happened yet and redo brings it forward",
        ),
        None => judgement(
            Verdict::Pending,
            "the home page is valid but older; without readable redo files nothing shows that its write is lost",
        ),
    }
}

fn judge_for_damaged_home(
    home: &HomeFacts<'_>,
    copies: &[CopyFacts],
    reduced: Option<Lsn>,
    window: &RedoWindow,
) -> Vec<Judgement> {
    let best = best_copy(home, copies, reduced, window);
    let any_good = copies.iter().any(|copy| copy.state == CopyState::Valid);
    let of = |(index, copy): (usize, &CopyFacts)| match copy.state {
        CopyState::Unverifiable => {
            judgement(Verdict::Unverifiable, "the copy cannot be judged without the key")
        }
        CopyState::Valid if best == Some(index) => {
            judgement(Verdict::Restorable, why_restorable(home, copy, window))
        }
        CopyState::Valid | CopyState::Corrupt if best.is_some() => {
            judgement(Verdict::Superseded, "the home page is damaged, and another copy is the one to write")
        }
        CopyState::Valid => judgement(Verdict::Stale, why_stale(home, copy, reduced, window)),
        CopyState::Corrupt if any_good => {
            judgement(Verdict::Superseded, "this copy is damaged; another copy is the better one")
        }
        CopyState::Corrupt => {
            judgement(Verdict::Unrecoverable, "the home page is damaged and so is every copy of it")
        }
    };
    copies.iter().enumerate().map(of).collect()
}

/// The newest good copy that is the right version; of equal ones the first.
fn best_copy(
    home: &HomeFacts<'_>,
    copies: &[CopyFacts],
    reduced: Option<Lsn>,
    window: &RedoWindow,
) -> Option<usize> {
    if !home.rivals.is_empty() {
        return None;
    }
    let right = |copy: &&CopyFacts| {
        copy.state == CopyState::Valid
            && reduced.is_none_or(|newer| copy.lsn >= newer)
            && window.holds(copy.lsn).unwrap_or_else(|| home.proves(copy.lsn))
    };
    let newest = copies.iter().filter(right).map(|copy| copy.lsn).max()?;
    copies.iter().position(|copy| right(&copy) && copy.lsn == newest)
}

/// The newest good copy of a page that has only stale ones: what an explicit wish may write.
pub fn newest_stale(judgements: &[Judgement], copies: &[CopyFacts]) -> Option<usize> {
    let stale = |&(index, _): &(usize, &CopyFacts)| {
        judgements.get(index).is_some_and(|judgement| judgement.verdict == Verdict::Stale)
    };
    let newest = copies.iter().enumerate().filter(stale).map(|(_, copy)| copy.lsn).max()?;
    copies.iter().enumerate().find(|pair| stale(pair) && pair.1.lsn == newest).map(|(index, _)| index)
}

fn why_restorable(home: &HomeFacts<'_>, copy: &CopyFacts, window: &RedoWindow) -> String {
    let damage = match home.state {
        HomeState::Zero => "the home page is all zero",
        HomeState::Misdirected => "another page lies in its place",
        HomeState::Torn => "the home page is torn",
        _ => "the home page is damaged",
    };
    if window.holds(copy.lsn) == Some(true) {
        format!("{damage}; this copy verifies and its LSN {} lies inside {}", copy.lsn, window.describe())
    } else {
        format!("{damage} and carries the LSN {} of this copy, which verifies", copy.lsn)
    }
}

fn why_stale(home: &HomeFacts<'_>, copy: &CopyFacts, reduced: Option<Lsn>, window: &RedoWindow) -> String {
    if !home.rivals.is_empty() {
        return format!("several files claim this space id: {}; none is written", home.rivals.join(", "));
    }
    if let Some(newer) = reduced.filter(|&newer| copy.lsn < newer) {
        return format!(
            "a reduced entry proves that a newer version (LSN {newer}) was being written than this copy (LSN {})",
            copy.lsn
        );
    }
    match (window.checkpoint, window.end) {
        (Some(checkpoint), _) if copy.lsn < checkpoint => format!(
            "this copy (LSN {}) is older than the checkpoint {checkpoint}: redo would not bring it up to date",
            copy.lsn
        ),
        (_, Some(end)) if copy.lsn > end => {
            format!(
                "this copy (LSN {}) is newer than the end of redo {end}: it belongs to other redo files",
                copy.lsn
            )
        }
        _ => format!(
            "no readable redo files, and neither head nor tail of the home page carries this copy's LSN {}",
            copy.lsn
        ),
    }
}

/// The verdict on a page that only reduced entries name.
pub fn judge_reduced(home: HomeState, restorable: bool, lsn: Lsn) -> Option<Judgement> {
    if !home.is_damaged() || lsn.0 == 0 {
        return None;
    }
    Some(if restorable {
        judgement(Verdict::Superseded, "the home page is damaged, and a full copy is the one to write")
    } else {
        judgement(
            Verdict::Unrecoverable,
            format!(
                "the home page is damaged and DETECT_ONLY kept only its number and LSN {lsn}, no contents"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use CopyState::{Corrupt, Valid};

    const WINDOW: RedoWindow = RedoWindow { checkpoint: Some(Lsn(100)), end: Some(Lsn(200)) };
    const NO_WINDOW: RedoWindow = RedoWindow { checkpoint: None, end: None };

    fn verdicts(state: HomeState, lsn: u64, copies: &[(CopyState, u64)], window: RedoWindow) -> Vec<Verdict> {
        verdicts_with(state, lsn, copies, window, None, &[])
    }

    fn verdicts_with(
        state: HomeState,
        lsn: u64,
        copies: &[(CopyState, u64)],
        window: RedoWindow,
        reduced: Option<u64>,
        rivals: &[String],
    ) -> Vec<Verdict> {
        let home = HomeFacts { state, lsn: Some(Lsn(lsn)), tail_lsn: Some(7), rivals };
        let copies: Vec<_> = copies.iter().map(|&(state, lsn)| CopyFacts { state, lsn: Lsn(lsn) }).collect();
        judge(&home, &copies, reduced.map(Lsn), &window).into_iter().map(|j| j.verdict).collect()
    }

    #[test]
    fn the_newest_copy_inside_the_window_wins_whatever_its_place() {
        use Verdict::*;
        for damaged in [HomeState::Torn, HomeState::Corrupt, HomeState::Zero, HomeState::Misdirected] {
            let copies = [(Valid, 150), (Valid, 180), (Corrupt, 190), (Valid, 99), (Valid, 201)];
            assert_eq!(
                verdicts(damaged, 1, &copies, WINDOW),
                [Superseded, Restorable, Superseded, Superseded, Superseded]
            );
        }
    }

    #[test]
    fn both_ends_of_the_window_count_and_nothing_beyond() {
        use Verdict::*;
        for (lsn, verdict) in [(99, Stale), (100, Restorable), (200, Restorable), (201, Stale)] {
            assert_eq!(verdicts(HomeState::Torn, lsn, &[(Valid, lsn)], WINDOW), [verdict], "{lsn}");
        }
    }

    #[test]
    fn without_redo_only_the_home_itself_proves_a_version() {
        use Verdict::*;
        assert_eq!(verdicts(HomeState::Torn, 150, &[(Valid, 150)], NO_WINDOW), [Restorable]);
        assert_eq!(verdicts(HomeState::Torn, 1, &[(Valid, (5 << 32) + 7)], NO_WINDOW), [Restorable]);
        assert_eq!(verdicts(HomeState::Torn, 1, &[(Valid, 150)], NO_WINDOW), [Stale]);
        assert_eq!(verdicts(HomeState::Zero, 0, &[(Valid, 7)], NO_WINDOW), [Stale]);
    }

    #[test]
    fn a_valid_home_always_wins() {
        use Verdict::*;
        let copies = [(Valid, 150), (Valid, 160), (Valid, 90), (Corrupt, 170), (CopyState::Unverifiable, 1)];
        assert_eq!(
            verdicts(HomeState::Valid, 150, &copies, WINDOW),
            [Intact, Pending, Intact, CorruptCopy, Verdict::Unverifiable]
        );
        assert_eq!(verdicts(HomeState::Valid, 80, &[(Valid, 90)], WINDOW), [LostWrite]);
        assert_eq!(verdicts(HomeState::Valid, 80, &[(Valid, 90)], NO_WINDOW), [Pending]);
    }

    #[test]
    fn a_newer_reduced_entry_bars_older_copies() {
        use Verdict::*;
        let judge = |reduced| verdicts_with(HomeState::Torn, 1, &[(Valid, 150)], WINDOW, Some(reduced), &[]);
        assert_eq!(judge(151), [Stale]);
        assert_eq!(judge(150), [Restorable]);
        assert_eq!(judge_reduced(HomeState::Torn, false, Lsn(5)).map(|j| j.verdict), Some(Unrecoverable));
        assert_eq!(judge_reduced(HomeState::Valid, false, Lsn(5)), None);
        assert_eq!(judge_reduced(HomeState::Zero, false, Lsn(0)), None);
    }

    #[test]
    fn nothing_is_restorable_into_files_that_share_an_id() {
        let rivals = ["a.ibd".to_owned(), "b.ibd".to_owned()];
        let found = verdicts_with(HomeState::Torn, 1, &[(Valid, 150)], WINDOW, None, &rivals);
        assert_eq!(found, [Verdict::Stale]);
    }

    #[test]
    fn damage_without_a_good_copy_is_unrecoverable() {
        use Verdict::*;
        assert_eq!(verdicts(HomeState::Torn, 1, &[(Corrupt, 1), (Corrupt, 2)], WINDOW), [Unrecoverable; 2]);
        assert_eq!(verdicts(HomeState::Torn, 1, &[(Corrupt, 150), (Valid, 9)], WINDOW), [Superseded, Stale]);
        assert_eq!(verdicts(HomeState::Missing, 1, &[(Valid, 150)], WINDOW), [Orphan]);
        assert_eq!(verdicts(HomeState::OutOfBounds, 1, &[(Valid, 150)], WINDOW), [OutOfBounds]);
    }
}
