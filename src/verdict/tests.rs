//! The decision, by tables: every order of words, copies, checkpoint and end.

use super::*;
use crate::instance::redo::window::RedoWindow;
use crate::page::contents::Contents;
use crate::units::Lsn;
use crate::verdict::copy::CopyState::{self, Corrupt, Valid};
use crate::verdict::home::HomeState;
use crate::verdict::home_reason::Unmasked;
use crate::verdict::judge::{CopyFacts, HomeFacts, judge, judge_reduced};
use crate::verdict::words::HomeWords;

const WINDOW: RedoWindow = RedoWindow { checkpoint: Some(Lsn(100)), end: Some(Lsn(200)) };
const NO_WINDOW: RedoWindow = RedoWindow { checkpoint: None, end: None };

fn home(state: HomeState, head: u64, tail: u32) -> HomeFacts<'static> {
    let words = HomeWords { head: Some(Lsn(head)).filter(|lsn| lsn.0 != 0), tail: Some(tail) };
    HomeFacts {
        unreadable: None,
        state,
        lsn: Some(Lsn(head)),
        words,
        in_buffer: false,
        no_future: false,
        sectors: 32,
        rivals: &[],
    }
}

fn copy(state: CopyState, lsn: u64) -> CopyFacts {
    CopyFacts {
        state,
        lsn: Lsn(lsn),
        plaintext: false,
        writable: true,
        contradicts: false,
        contest: None,
        contents: Contents::Differ,
        freed: false,
        other_file: false,
        equal_sectors: 0,
        tear: None,
    }
}

fn verdicts_of(
    home: &HomeFacts<'_>,
    copies: &[CopyFacts],
    reduced: Option<u64>,
    window: &RedoWindow,
) -> Vec<Verdict> {
    judge(home, copies, reduced.map(Lsn), window).judgements.into_iter().map(|j| j.verdict).collect()
}

fn verdicts(state: HomeState, lsn: u64, copies: &[(CopyState, u64)], window: RedoWindow) -> Vec<Verdict> {
    let copies: Vec<CopyFacts> = copies.iter().map(|&(state, lsn)| copy(state, lsn)).collect();
    verdicts_of(&home(state, lsn, 7), &copies, None, &window)
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
        assert_eq!(verdicts(HomeState::Torn, 1, &[(Valid, lsn)], WINDOW), [verdict], "{lsn}");
    }
}

#[test]
fn without_redo_only_the_home_itself_proves_a_version() {
    use Verdict::*;
    assert_eq!(verdicts(HomeState::Torn, 150, &[(Valid, 150)], NO_WINDOW), [Restorable]);
    assert_eq!(verdicts(HomeState::Torn, 1, &[(Valid, (5 << 32) + 7)], NO_WINDOW), [Restorable]);
    assert_eq!(verdicts(HomeState::Torn, 1, &[(Valid, 150)], NO_WINDOW), [Stale]);
    assert_eq!(verdicts(HomeState::Zero, 0, &[(Valid, 7)], NO_WINDOW), [Stale]);
    assert_eq!(verdicts(HomeState::Misdirected, 150, &[(Valid, 150)], NO_WINDOW), [Stale]);
    let both = [(Valid, 150), (Valid, 160)];
    assert_eq!(verdicts(HomeState::Torn, 150, &both, NO_WINDOW), [Stale; 2], "a newer good copy bars");
}

/// The rule of the contract once more, in its own words, for one or two good copies in a home with two words.
fn by_the_contract(head: u64, tail: u64, copies: &[u64], window: &RedoWindow) -> Vec<Verdict> {
    let end = window.end.map_or(u64::MAX, |end| end.0);
    let inside = |lsn: u64| window.holds(Lsn(lsn)) == Some(true);
    let redo_goes_on_from = |lsn: u64| window.checkpoint.is_some_and(|checkpoint| lsn >= checkpoint.0);
    let said = [head, tail];
    let said: Vec<u64> = said.into_iter().filter(|&lsn| lsn == head || lsn <= end).collect();
    let ever_newer = |lsn: u64| {
        let others = said.iter().chain(copies).copied();
        others.into_iter().any(|other| other > lsn && other <= end && !redo_goes_on_from(other))
    };
    let proved = |lsn: u64| said.contains(&lsn) && !ever_newer(lsn);
    let candidate = |lsn: u64| inside(lsn) || proved(lsn);
    let best = copies.iter().copied().filter(|&lsn| candidate(lsn)).max();
    let barred = copies.iter().any(|&lsn| best.is_some_and(|best| lsn > best) && lsn <= end);
    let first = copies.iter().position(|&lsn| best == Some(lsn));
    let verdict = |(at, _): (usize, &u64)| match best {
        Some(_) if !barred => [Verdict::Superseded, Verdict::Restorable][usize::from(first == Some(at))],
        _ => Verdict::Stale,
    };
    copies.iter().enumerate().map(verdict).collect()
}

fn every_window() -> Vec<RedoWindow> {
    let ends = (0..=10).step_by(2).map(Lsn);
    let mut windows: Vec<RedoWindow> = ends
        .flat_map(|end| {
            (0..=end.0).step_by(2).map(move |at| RedoWindow { checkpoint: Some(Lsn(at)), end: Some(end) })
        })
        .collect();
    windows.push(NO_WINDOW);
    windows
}

/// Every order, equalities included, of head, tail, two copies, checkpoint and end: 9 places for words and copies, of
/// which the checkpoint and the end take the even ones.
#[test]
fn every_order_of_head_tail_copies_checkpoint_and_end() {
    let mut seen = std::collections::BTreeMap::new();
    for window in every_window() {
        for (head, tail) in (1..10).flat_map(|head| (1..10).map(move |tail| (head, tail))) {
            for (one, two) in (1..10).flat_map(|one| (0..10).map(move |two| (one, two))) {
                let lsns: Vec<u64> = [one, two].into_iter().filter(|&lsn| lsn != 0).collect();
                let copies: Vec<CopyFacts> = lsns.iter().map(|&lsn| copy(Valid, lsn)).collect();
                let home = home(HomeState::Torn, head, tail as u32);
                let found = verdicts_of(&home, &copies, None, &window);
                let expected = by_the_contract(head, tail, &lsns, &window);
                assert_eq!(found, expected, "head {head} tail {tail} copies {lsns:?} {window:?}");
                *seen.entry(found).or_insert(0) += 1;
            }
        }
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

fn boldness(verdict: Verdict) -> u8 {
    u8::from(verdict == Verdict::Restorable)
}

/// Less evidence never makes a page restorable that was not. Copies beyond the end of redo are left out: that a tail does not
/// mean them only the end tells.
#[test]
fn evidence_that_is_taken_away_never_makes_a_verdict_bolder() {
    for window in every_window() {
        for (head, tail) in (1..10).flat_map(|head| (1..10).map(move |tail| (head, tail))) {
            for (one, two) in (1..10).flat_map(|one| (1..10).map(move |two| (one, two))) {
                if window.end.is_some_and(|end| one.max(two) > end.0) {
                    continue;
                }
                let copies = [copy(Valid, one), copy(Valid, two)];
                let full = home(HomeState::Torn, head, tail);
                let with = verdicts_of(&full, &copies, None, &window);
                let restorable = |verdicts: &[Verdict]| verdicts.iter().map(|&v| boldness(v)).sum::<u8>();
                let without_words = HomeFacts { words: HomeWords::default(), ..full.clone() };
                let context = format!("head {head} tail {tail} copies {one} {two} {window:?}");
                for (what, less) in [
                    ("redo", verdicts_of(&full, &copies, None, &NO_WINDOW)),
                    ("words", verdicts_of(&without_words, &copies, None, &window)),
                    ("both", verdicts_of(&without_words, &copies, None, &NO_WINDOW)),
                ] {
                    assert!(restorable(&less) <= restorable(&with), "without {what}: {context}");
                }
            }
        }
    }
}

#[test]
fn a_mixture_of_two_copies_proves_the_newer_and_nothing_else_does() {
    use Verdict::*;
    let (low, high, all) = (0xFFFF_u128, 0xFFFF_0000_u128, 0xFFFF_FFFF_u128);
    let of = |one: u128, two: u128, words: HomeWords, reduced| {
        let home = HomeFacts { words, ..home(HomeState::Torn, 1, 1) };
        let copies = [
            CopyFacts { equal_sectors: one, ..copy(Valid, 50) },
            CopyFacts { equal_sectors: two, ..copy(Valid, 60) },
        ];
        verdicts_of(&home, &copies, reduced, &WINDOW)
    };
    let silent = HomeWords::default();
    assert_eq!(of(low, high, silent, None), [Superseded, Restorable]);
    assert_eq!(of(low, high << 1 & all, silent, None), [Stale; 2], "one sector is neither's");
    assert_eq!(of(all, high, silent, None), [Stale; 2], "all of it is the older's");
    assert_eq!(of(low, high, HomeWords { head: Some(Lsn(70)), tail: None }, None), [Stale; 2]);
    assert_eq!(of(low, high, silent, Some(70)), [Stale; 2], "a reduced entry is newer");
    assert_eq!(of(low, high, HomeWords { head: Some(Lsn(50)), tail: None }, None), [Superseded, Restorable]);
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

/// Contents, descriptor, file: a lost write takes all three, and the window.
#[test]
fn a_lost_write_needs_other_contents_a_page_in_use_and_the_same_file() {
    for contents in [Contents::Equal, Contents::Differ, Contents::Unknown] {
        for (freed, other_file) in [(false, false), (true, false), (false, true), (true, true)] {
            for lsn in [70, 80, 90, 100, 150, 250] {
                let copy = CopyFacts { contents, freed, other_file, ..copy(Valid, lsn) };
                let found = verdicts_of(&home(HomeState::Valid, 80, 80), &[copy], None, &WINDOW);
                let expected = match contents {
                    _ if lsn <= 80 => Verdict::Intact,
                    _ if (100..=200).contains(&lsn) => Verdict::Pending,
                    Contents::Equal => Verdict::Intact,
                    _ if lsn > 200 => Verdict::Pending,
                    _ if freed || other_file => Verdict::Intact,
                    Contents::Differ => Verdict::LostWrite,
                    Contents::Unknown => Verdict::Unverifiable,
                };
                assert_eq!(found, [expected], "{contents:?} {freed} {other_file} {lsn}");
            }
        }
    }
}

#[test]
fn a_newer_reduced_entry_bars_older_copies() {
    use Verdict::*;
    let judge = |reduced| {
        let home = home(HomeState::Torn, 1, 7);
        verdicts_of(&home, &[copy(Valid, 150)], Some(reduced), &WINDOW)
    };
    assert_eq!(judge(151), [Stale]);
    assert_eq!(judge(150), [Restorable]);
    assert_eq!(judge_reduced(HomeState::Torn, false, Lsn(5)).map(|j| j.verdict), Some(Unrecoverable));
    assert_eq!(judge_reduced(HomeState::Valid, false, Lsn(5)), None);
    assert_eq!(judge_reduced(HomeState::Zero, false, Lsn(0)), None);
}

#[test]
fn nothing_is_restorable_into_files_that_share_an_id() {
    let rivals = ["a.ibd".to_owned(), "b.ibd".to_owned()];
    let home = HomeFacts { rivals: &rivals, ..home(HomeState::Torn, 1, 7) };
    assert_eq!(verdicts_of(&home, &[copy(Valid, 150)], None, &WINDOW), [Verdict::Stale]);
}

#[test]
fn damage_without_a_good_copy_is_unrecoverable() {
    use Verdict::*;
    assert_eq!(verdicts(HomeState::Torn, 1, &[(Corrupt, 1), (Corrupt, 2)], WINDOW), [Unrecoverable; 2]);
    assert_eq!(verdicts(HomeState::Torn, 1, &[(Corrupt, 150), (Valid, 9)], WINDOW), [Superseded, Stale]);
    assert_eq!(verdicts(HomeState::Missing, 1, &[(Valid, 150)], WINDOW), [Orphan]);
    assert_eq!(verdicts(HomeState::OutOfBounds, 1, &[(Valid, 150)], WINDOW), [OutOfBounds]);
}

#[test]
fn an_empty_page_that_was_given_back_is_no_damage() {
    let freed = CopyFacts { freed: true, ..copy(Valid, 50) };
    assert_eq!(verdicts_of(&home(HomeState::Zero, 0, 0), &[freed], None, &WINDOW), [Verdict::Intact]);
    assert_eq!(verdicts_of(&home(HomeState::Torn, 1, 1), &[freed], None, &WINDOW), [Verdict::Stale]);
}

#[test]
fn a_page_beyond_the_end_of_redo_is_damaged_where_the_server_says_so_and_a_copy_mends_it() {
    let future = |no_future| HomeFacts { no_future, ..home(HomeState::Valid, 300, 300) };
    let of = |no_future, lsn| judge(&future(no_future), &[copy(Valid, lsn)], None, &WINDOW);
    let mended = of(true, 150);
    assert_eq!(mended.unmasked, Some(Unmasked::Future(Lsn(200))));
    assert_eq!(mended.judgements[0].verdict, Verdict::Restorable);
    for (no_future, lsn) in [(false, 150), (true, 99), (true, 300)] {
        let ruling = of(no_future, lsn);
        assert_eq!(
            (ruling.unmasked, ruling.judgements[0].verdict),
            (None, Verdict::Intact),
            "{no_future} {lsn}"
        );
    }
}
