//! Every combination of what pages, problems and settings can say: the paragraph, the guard and the gate are one thing.

use crate::units::{PageNo, SpaceId};
use crate::verdict::predict::advice::*;
use crate::verdict::predict::reason::{StartDoubt, StopReason};
use crate::verdict::problems::reason::ProblemReason;

fn page() -> PredictedPage {
    PredictedPage { space_id: SpaceId(5), page_no: PageNo(9) }
}

fn table() -> ToBringBack {
    ToBringBack::Table("d/t1".into())
}

/// What can be wrong with pages, each with what settles it.
fn points_of_pages() -> Vec<Option<Point>> {
    let point = |weight, why, remedy| Some(Point { weight, why, remedy });
    vec![
        None,
        point(Weight::Forbids, Why::LostWrite(page(), table()), Remedy::LostWrites),
        point(
            Weight::Forbids,
            Why::StopsAt(page(), table(), StopReason::OnlyDetected),
            Remedy::Backup(table()),
        ),
        point(Weight::Forbids, Why::StopsAt(page(), table(), StopReason::NoGoodCopy), Remedy::FromRedo),
        point(Weight::Forbids, Why::Loses(table()), Remedy::Backup(table())),
        point(Weight::Forbids, Why::LoggingOff, Remedy::Backup(ToBringBack::Everything)),
        point(Weight::Forbids, Why::OtherLife, Remedy::MoveCopiesAway),
        point(Weight::Leaves, Why::Damaged(page(), table()), Remedy::Stale(table())),
        point(Weight::Leaves, Why::Damaged(page(), table()), Remedy::Backup(table())),
        point(Weight::Leaves, Why::Found(3), Remedy::Backup(ToBringBack::Listed)),
        point(Weight::Leaves, Why::Unread, Remedy::LookAgain),
    ]
}

/// What can be wrong with files, as weights: the remedies of all kinds are held against their words in `problems`.
fn points_of_files() -> Vec<Option<Point>> {
    let point = |weight, remedy| {
        Some(Point { weight, why: Why::Problem(Some("d/t1.ibd".into()), ProblemReason::NoCopies), remedy })
    };
    vec![
        None,
        point(Weight::Forbids, Remedy::PutBack(table())),
        point(Weight::Leaves, Remedy::Name("--doublewrite-dir")),
        point(Weight::Aside, Remedy::AsSaid),
    ]
}

fn firsts() -> Vec<Option<RestoreFirst>> {
    vec![
        None,
        Some(RestoreFirst::Stops(1)),
        Some(RestoreFirst::Loses("d/t1.ibd".into())),
        Some(RestoreFirst::InMemory(page())),
        Some(RestoreFirst::Leaves(2)),
        Some(RestoreFirst::Older(page())),
    ]
}

/// Every ground there can be; the number of them is asserted, so that none is left out unseen.
fn grounds() -> Vec<AdviceGround> {
    let mut grounds = Vec::new();
    for starts in [None, Some(true), Some(false)] {
        for clean in [false, true] {
            for first in firsts() {
                for (restorable, mended_by_server) in [(0, 0), (2, 0), (2, 2)] {
                    // What must come first needs pages to restore, and these are mended by the server or come first.
                    if first.is_some() != (restorable > mended_by_server) && restorable != mended_by_server
                        || first.is_some() && restorable == 0
                    {
                        continue;
                    }
                    for of_pages in points_of_pages() {
                        for of_files in points_of_files() {
                            let doubts = [None, Some(StartDoubt::NoShutdown)];
                            for (doubt, running) in doubts.iter().flat_map(|d| [(d, false), (d, true)]) {
                                grounds.push(AdviceGround {
                                    starts,
                                    clean,
                                    restorable,
                                    mended_by_server,
                                    first: first.clone(),
                                    points: of_pages.iter().chain(&of_files).cloned().collect(),
                                    doubts: doubt.iter().cloned().collect(),
                                    assumes: Some(Assumption::PagesWithoutCopiesAreWhole),
                                    running,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    grounds
}

#[test]
fn no_combination_contradicts_itself() {
    let grounds = grounds();
    assert_eq!(grounds.len(), 3 * 2 * (2 + 5 * 2) * 11 * 4 * 2 * 2);
    for ground in grounds.iter().filter(|ground| !ground.running) {
        let (advice, said) = (ground.advice(), ground.advice().to_string());
        let (may, must_not) = (said.starts_with("start the server"), said.contains("do not start"));
        assert!(!(may && must_not), "{said}");
        assert_eq!(may, advice.start == MayStart::Safe, "{said}");
        assert_eq!(may, advice.gate() == Gate::Starts, "{said}");
        if may {
            let sound = ground.starts == Some(true) && ground.first.is_none();
            let aside = ground.points.iter().all(|point| point.weight == Weight::Aside);
            assert!(sound && aside, "{ground:?}: {said}");
        }
        if ground.starts == Some(false) {
            assert!(
                must_not || advice.start == MayStart::AfterRestore || said.contains("dblwr restore"),
                "{said}"
            );
        }
        if ground.points.iter().any(|point| point.weight == Weight::Forbids) {
            assert!(must_not, "{said}");
            assert!(matches!(advice.gate(), Gate::Blocks), "{said}");
        }
    }
}

#[test]
fn beside_a_running_server_nothing_is_said_of_a_start() {
    for ground in grounds().iter().filter(|ground| ground.running) {
        let (advice, said) = (ground.advice(), ground.advice().to_string());
        assert!(said.starts_with("a server runs on these files"), "{said}");
        assert!(!said.contains("start the server"), "{said}");
        assert_eq!((advice.start, advice.gate()), (MayStart::Running, Gate::Unknown), "{said}");
        assert_eq!(said.contains("dblwr capture"), ground.restorable > 0, "{said}");
        let settled = ground.points.iter().all(|point| said.contains(&point.remedy.to_string()));
        assert!(settled, "{said}");
    }
}

#[test]
fn every_paragraph_ends_at_something_that_works() {
    let works = [
        "dblwr restore",
        "backup",
        "--",
        "move ",
        "look again",
        "start the server: ",
        "nothing has to be done",
        "keep a copy of all files",
    ];
    for ground in grounds() {
        let said = ground.advice().to_string();
        assert!(works.iter().any(|word| said.contains(word)), "{said}");
        for point in ground.points.iter().take(3) {
            assert!(said.contains(&point.remedy.to_string()), "{:?} in {said}", point.remedy);
        }
        if ground.restorable > 0 {
            assert!(said.contains("restore"), "{said}");
        }
        let broken = ["  ", ": ;", "; ;", ": .", ".."].iter().any(|wrong| said.contains(wrong));
        assert!(!broken && !said.ends_with([':', ' ', '.']), "{said}");
    }
}

#[test]
fn each_loss_has_its_own_way_out() {
    let only = |point: Option<Point>| {
        let ground = AdviceGround {
            starts: Some(true),
            points: point.into_iter().collect(),
            ..AdviceGround::default()
        };
        ground.advice().to_string()
    };
    let expected = [
        "start the server: it recovers from its redo log and needs no page from the buffer",
        "dblwr restore --include-lost-writes puts the newer version back",
        "nothing here can mend it; the table is d/t1: restore it from a backup",
        "dblwr restore --from redo makes it from the redo log",
        "nothing here can mend it; the table is d/t1: restore it from a backup",
        "all tables need it: restore the whole server from a backup",
        "move the doublewrite files out of the data directory",
        "dblwr restore --include-stale",
        "nothing here can mend it; the table is d/t1: restore it from a backup",
        "restore the tables that are listed above from a backup",
        "look again when everything can be read",
    ];
    for (point, words) in points_of_pages().into_iter().zip(expected) {
        let said = only(point);
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

/// Sixteen pages that one thing settles are one sentence.
#[test]
fn what_one_remedy_settles_is_said_once() {
    let stop = |number, subject: &ToBringBack| Point {
        weight: Weight::Forbids,
        why: Why::StopsAt(
            PredictedPage { space_id: SpaceId(5), page_no: PageNo(number) },
            subject.clone(),
            StopReason::NoGoodCopy,
        ),
        remedy: Remedy::Backup(subject.clone()),
    };
    let said = |subjects: &[ToBringBack]| {
        let points = subjects.iter().zip(1..).map(|(subject, number)| stop(number, subject)).collect();
        AdviceGround { starts: Some(false), points, ..AdviceGround::default() }.advice().to_string()
    };
    let (one, other) = (table(), ToBringBack::Table("d/t2".into()));
    let text = said(&[one.clone(), one.clone(), other.clone()]);
    assert!(
        text.contains(
            "and 2 more pages like it; nothing here can mend it; the tables are d/t1, d/t2: restore them"
        ),
        "{text}"
    );
    assert_eq!(text.matches("backup").count(), 1, "{text}");
    assert!(said(&[one, other, ToBringBack::Everything]).contains("restore the whole server"));
}

/// What was taken to be so is said wherever a start is foretold.
#[test]
fn an_assumption_is_said_and_names_scan() {
    for ground in grounds().into_iter().filter(|ground| ground.advice().start == MayStart::Safe) {
        assert!(ground.advice().to_string().contains("dblwr scan reads them"));
        let read = AdviceGround { assumes: None, ..ground };
        assert!(!read.advice().to_string().contains("dblwr scan"));
    }
}
