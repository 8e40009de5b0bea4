//! Each family of rules on small constructed facts. The window is 100 to 200.

use crate::instance::redo::ServerVersion;
use crate::instance::redo::window::RedoWindow;
use crate::units::Lsn;
use crate::verdict::copy::CopyState;
use crate::verdict::copy::CopyState::{Corrupt, Unverifiable, Valid};
use crate::verdict::home::HomeState;
use crate::verdict::home::HomeState::{Torn, Zero};
use crate::verdict::predict::facts::{CopyView, HomeView, PageView, SpaceKind};
use crate::verdict::predict::*;

const EVERY_MYSQL: [Generation; 6] = [
    Generation::MySql50,
    Generation::MySql55,
    Generation::MySql56,
    Generation::MySql57,
    Generation::MySql80,
    Generation::MySql8030,
];
const SINCE_56: [Generation; 4] =
    [Generation::MySql56, Generation::MySql57, Generation::MySql80, Generation::MySql8030];

fn facts(generation: Generation) -> Facts {
    Facts {
        generation,
        version: None,
        shutdown: Shutdown::Crash,
        window: RedoWindow { checkpoint: Some(Lsn(100)), end: Some(Lsn(200)) },
        doublewrite_off: false,
        unreadable: false,
        space_id_stored: true,
        header_lost: false,
        uncopied_header: None,
        out_of_reach: false,
        reduced_damaged: false,
        foreign_log: false,
        crash_unsafe: false,
        resized: None,
        no_recent_copies: false,
        whole: true,
        running: false,
        pages: Vec::new(),
    }
}

fn maria(version: ServerVersion) -> Facts {
    let generation =
        if version < ServerVersion(10, 8, 0) { Generation::MariaDb105 } else { Generation::MariaDb108 };
    Facts { version: Some(version), ..facts(generation) }
}

/// Findings are numbered by their slot: copies of all pages together must be given in slot order.
fn page(space: u32, page_no: u32, state: HomeState, copies: &[(usize, CopyState, u64)]) -> PageView {
    let kind = if space == 0 { SpaceKind::System } else { SpaceKind::User };
    let view = |&(finding, state, lsn)| CopyView { finding, lsn: Lsn(lsn), state, hidden: false };
    let copies: Vec<CopyView> = copies.iter().map(view).collect();
    PageView {
        id: PredictedPage { space_id: SpaceId(space), page_no: PageNo(page_no) },
        home: HomeView {
            state,
            lsn: Some(Lsn(90)),
            kind,
            file: "d/t1.ibd".into(),
            unnoticed: false,
            length: 16384,
            zip: false,
            surveyed: true,
            states_its_id: true,
            neighbours_tell: false,
            marked_compressed: false,
            mysql_encrypted: false,
            mariadb_encrypted: false,
            rivals: false,
            beyond: false,
        },
        reduced: None,
        redo_until: None,
        restorable: copies.iter().filter(|c| c.state == Valid).max_by_key(|c| c.lsn).map(|c| c.finding),
        redo_skips: false,
        lost_write: false,
        stale: false,
        unrecoverable: false,
        redo_mends: false,
        copies,
    }
}

fn with(mut facts: Facts, pages: Vec<PageView>) -> Prediction {
    facts.pages = pages;
    Prediction::from_facts(&facts)
}

fn stops(prediction: &Prediction) -> Vec<(u32, u32)> {
    prediction.stops_at.iter().map(|stop| (stop.space_id.unwrap().0, stop.page_no.unwrap().0)).collect()
}

#[test]
fn mysql_takes_the_lowest_slot_and_compares_no_lsn() {
    for generation in EVERY_MYSQL {
        let p = with(facts(generation), vec![page(5, 9, Torn, &[(3, Valid, 110), (8, Valid, 150)])]);
        assert_eq!((p.writes, p.starts), (vec![3], Some(true)), "{generation}");
        assert!(p.advice.to_string().contains("older copy"), "{generation}: {}", p.advice);
    }
}

#[test]
fn a_damaged_first_copy_ends_mysql_even_if_a_later_one_is_good() {
    for generation in EVERY_MYSQL {
        let torn = page(5, 9, Torn, &[(3, Corrupt, 150), (8, Valid, 150)]);
        let before = page(5, 7, Torn, &[(1, Valid, 120)]);
        let after = page(5, 8, Torn, &[(9, Valid, 120)]);
        let p = with(facts(generation), vec![before, torn, after]);
        assert_eq!(
            (p.writes.clone(), stops(&p), p.starts),
            (vec![1], vec![(5, 9)], Some(false)),
            "{generation}"
        );
        assert!(p.advice.to_string().contains("dblwr restore first"), "{generation}: {}", p.advice);
    }
}

#[test]
fn zero_pages_are_refilled_from_5_6_on() {
    let zero = || vec![page(5, 9, Zero, &[(3, Corrupt, 150), (4, Valid, 150)])];
    for generation in SINCE_56 {
        assert_eq!(with(facts(generation), zero()).writes, [4], "{generation}");
    }
    let old = with(facts(Generation::MySql55), zero());
    assert_eq!((old.writes.len(), old.starts), (0, Some(true)));
    assert!(old.advice.to_string().contains("run dblwr restore first"), "{}", old.advice);
}

/// Seen with 5.7.22: of the zero pages of compressed tables only those are refilled that follow a zero page.
#[test]
fn a_zero_compressed_page_shows_what_was_read_before_it() {
    let zip = |page_no, state, at| {
        let mut page = page(5, page_no, state, &[(at, Valid, 150)]);
        (page.home.zip, page.home.length) = (true, 1024);
        page
    };
    let whole = |page_no, state, at| page(6, page_no, state, &[(at, Valid, 150)]);
    let five_seven = |pages| with(facts(Generation::MySql57), pages).writes;
    assert_eq!(five_seven(vec![whole(9, HomeState::Valid, 1), zip(8, Zero, 2)]), [0; 0]);
    assert_eq!(five_seven(vec![zip(7, HomeState::Valid, 1), zip(8, Zero, 2)]), [0; 0]);
    assert_eq!(five_seven(vec![whole(9, Zero, 1), zip(8, Zero, 2)]), [1, 2], "zeros are left behind");
    let between = vec![whole(9, Zero, 1), zip(7, HomeState::Valid, 2), zip(8, Zero, 3)];
    assert_eq!(five_seven(between), [1, 3], "as small as the zero page");
    for generation in [Generation::MySql56, Generation::MySql80, Generation::MySql8030] {
        let p = with(facts(generation), vec![whole(9, HomeState::Valid, 1), zip(8, Zero, 2)]);
        assert_eq!(p.writes, [2], "{generation}");
    }
}

#[test]
fn after_a_clean_shutdown_no_pass_runs() {
    for generation in EVERY_MYSQL.into_iter().chain([Generation::MariaDb103, Generation::MariaDb108]) {
        let clean = Facts { shutdown: Shutdown::Clean, ..facts(generation) };
        let p = with(clean, vec![page(5, 9, Torn, &[(3, Valid, 150)])]);
        assert_eq!((p.writes.len(), p.starts), (0, Some(true)), "{generation}");
        assert!(p.advice.to_string().contains("run dblwr restore first"), "{generation}: {}", p.advice);
    }
}

/// Seen with 5.5.9, 5.5.34, 5.6.24, 5.7.22, 8.0.33, 9.7.4, 10.1.23 and 10.2.11, and with 8.0.12, 8.0.15, 10.5.23, 10.11.5 and
/// 11.4.5, which mend it.
#[test]
fn page_5_is_read_before_the_pass_by_some() {
    use Generation::*;
    let stops_there = [MySql55, MySql56, MySql57, MySql8020, MySql8030, MariaDb101, MariaDb102];
    let open = [MySql51, MariaDb103, MariaDb104];
    let mend = [MySql41, MySql50, MySql80, MariaDb105, MariaDb108];
    for state in [Torn, HomeState::Corrupt] {
        let damaged = |generation| with(facts(generation), vec![page(0, 5, state, &[(3, Valid, 150)])]);
        for generation in stops_there {
            let p = damaged(generation);
            assert_eq!((p.starts, stops(&p), p.writes.len()), (Some(false), vec![(0, 5)], 0), "{generation}");
            assert!(p.advice.to_string().contains("restore first"), "{generation}: {}", p.advice);
        }
        for generation in open {
            let p = damaged(generation);
            assert_eq!((p.starts, stops(&p)), (None, vec![]), "{generation}");
            assert!(p.advice.to_string().contains("dblwr restore"), "{generation}: {}", p.advice);
        }
        for generation in mend {
            let p = damaged(generation);
            assert_eq!((p.starts, p.writes), (Some(true), vec![3]), "{generation}");
        }
    }
}

/// 5.5.34 loses the table, 5.5.9 mends the page; the files are alike.
#[test]
fn page_0_of_a_table_stays_open_in_5_5() {
    let starts = |generation, space, state| {
        with(facts(generation), vec![page(space, 0, state, &[(3, Valid, 150)])]).starts
    };
    assert_eq!(starts(Generation::MySql55, 5, Torn), None);
    assert_eq!(starts(Generation::MySql55, 5, Zero), None, "never refilled; 5.5.34 loses the table");
    assert_eq!(starts(Generation::MySql55, 5, HomeState::Valid), Some(true));
    assert_eq!(starts(Generation::MySql55, 0, Torn), Some(true), "the system tablespace is no table");
    assert_eq!(starts(Generation::MySql51, 5, Torn), Some(true));
}

#[test]
fn page_0_takes_the_greatest_lsn_unverified_from_5_6_on() {
    for generation in SINCE_56 {
        let p = with(facts(generation), vec![page(5, 0, Torn, &[(3, Valid, 110), (8, Valid, 150)])]);
        assert_eq!((p.writes, p.starts), (vec![8], Some(true)), "{generation}");
        let p = with(facts(generation), vec![page(5, 0, Torn, &[(3, Valid, 110), (8, Corrupt, 150)])]);
        assert_eq!((p.writes.len(), stops(&p)), (0, vec![(5, 0)]), "{generation}");
        let mut alone = page(5, 0, Torn, &[(3, Valid, 110)]);
        alone.home.surveyed = false;
        assert_eq!(stops(&with(facts(generation), vec![alone])), [(5, 0)], "{generation}: no space id");
    }
    let p = with(facts(Generation::MySql55), vec![page(5, 0, Torn, &[(3, Valid, 110), (8, Valid, 150)])]);
    assert_eq!(p.writes, [3], "a page like any other");
    let clean = Facts { shutdown: Shutdown::Clean, ..facts(Generation::MySql56) };
    assert_eq!(with(clean, vec![page(0, 0, Torn, &[(3, Valid, 110)])]).writes, [3], "at every start");
}

#[test]
fn from_5_7_on_only_tablespaces_that_redo_names_are_mended() {
    let old = || vec![page(5, 9, Torn, &[(3, Valid, 99)])];
    assert_eq!(with(facts(Generation::MySql56), old()).writes, [3]);
    for generation in [Generation::MySql57, Generation::MySql80, Generation::MySql8030] {
        let p = with(facts(generation), old());
        assert_eq!((p.writes.len(), p.starts), (0, None), "{generation}");
        let named = page(5, 10, HomeState::Valid, &[(4, Valid, 150)]);
        let p = with(facts(generation), [old(), vec![named]].concat());
        assert_eq!(p.writes, [3], "{generation}");
    }
}

#[test]
fn doublewrite_off_stops_only_8_0_20_and_later() {
    let off = |generation| Facts { doublewrite_off: true, ..facts(generation) };
    let torn = || vec![page(5, 9, Torn, &[(3, Valid, 150)])];
    for generation in [Generation::MySql56, Generation::MySql57, Generation::MySql80, Generation::MariaDb108]
    {
        assert_eq!(with(off(generation), torn()).writes, [3], "{generation}");
    }
    let p = with(off(Generation::MySql8030), torn());
    assert_eq!((p.writes.len(), stops(&p)), (0, vec![(5, 9)]), "redo cannot be applied to the torn page");
    assert!(p.advice.to_string().contains("dblwr restore first"), "{}", p.advice);
}

#[test]
fn reduced_entries_end_the_start() {
    let mut named = page(5, 9, Torn, &[]);
    named.reduced = Some(Lsn(150));
    let mut zero = page(5, 10, Zero, &[]);
    zero.reduced = Some(Lsn(150));
    let p = with(facts(Generation::MySql8030), vec![named, zero]);
    assert_eq!((stops(&p), p.starts), (vec![(5, 9), (5, 10)], Some(false)));
    assert!(p.advice.to_string().contains("backup"), "{}", p.advice);
    let mut older = page(5, 9, Torn, &[(3, Valid, 110)]);
    (older.reduced, older.restorable) = (Some(Lsn(150)), None);
    let p = with(facts(Generation::MySql8030), vec![older.clone()]);
    assert_eq!((stops(&p), p.writes.len()), (vec![(5, 9)], 0));
    older.reduced = Some(Lsn(110));
    assert_eq!(with(facts(Generation::MySql8030), vec![older]).writes, [3]);
}

#[test]
fn mariadb_takes_the_greatest_lsn_and_later_the_highest_slot() {
    let torn =
        || vec![page(5, 9, Torn, &[(3, Valid, 150), (8, Valid, 110), (9, Valid, 250), (10, Corrupt, 160)])];
    let two = || vec![page(5, 9, Torn, &[(3, Valid, 150), (8, Valid, 110)])];
    for version in [
        ServerVersion(10, 5, 23),
        ServerVersion(10, 6, 22),
        ServerVersion(10, 11, 9),
        ServerVersion(11, 3, 2),
    ] {
        assert_eq!(with(maria(version), two()).writes, [3], "{version:?}");
        assert_eq!(
            with(maria(version), torn()).writes,
            [9],
            "{version:?}: the window starts the search only"
        );
    }
    for version in [
        ServerVersion(10, 11, 10),
        ServerVersion(10, 11, 18),
        ServerVersion(11, 4, 4),
        ServerVersion(11, 8, 6),
    ] {
        assert_eq!(with(maria(version), two()).writes, [8], "{version:?}");
        assert_eq!(with(maria(version), torn()).writes, [8], "{version:?}: inside the window");
    }
    assert_eq!(with(facts(Generation::MariaDb101), torn()).writes, [3]);
    let old = |generation, version| Facts { version: Some(version), ..facts(generation) };
    let lower_is_older = || vec![page(5, 9, Torn, &[(2, Corrupt, 160), (3, Valid, 90), (8, Valid, 150)])];
    for (generation, before, since) in [
        (Generation::MariaDb102, ServerVersion(10, 2, 11), ServerVersion(10, 2, 33)),
        (Generation::MariaDb103, ServerVersion(10, 3, 23), ServerVersion(10, 3, 24)),
        (Generation::MariaDb104, ServerVersion(10, 4, 13), ServerVersion(10, 4, 14)),
        (Generation::MariaDb105, ServerVersion(10, 5, 4), ServerVersion(10, 5, 5)),
    ] {
        assert_eq!(
            with(old(generation, before), lower_is_older()).writes,
            [3],
            "{before:?}: the first good one"
        );
        assert_eq!(with(old(generation, since), lower_is_older()).writes, [8], "{since:?}");
    }
}

#[test]
fn the_window_of_mariadb_includes_both_ends() {
    for (lsn, mended) in [(99, false), (100, true), (200, true), (201, false)] {
        for version in [ServerVersion(10, 5, 23), ServerVersion(10, 11, 18)] {
            let p = with(maria(version), vec![page(5, 9, Zero, &[(3, Valid, lsn)])]);
            assert_eq!(p.writes.len(), usize::from(mended), "{version:?} {lsn}");
        }
    }
}

#[test]
fn a_damaged_copy_never_ends_mariadb() {
    let p =
        with(maria(ServerVersion(10, 11, 18)), vec![page(5, 9, Torn, &[(3, Valid, 150), (8, Corrupt, 150)])]);
    assert_eq!((p.writes, p.starts), (vec![3], Some(true)));
    let p = with(maria(ServerVersion(10, 5, 23)), vec![page(5, 9, Torn, &[(8, Corrupt, 150)])]);
    assert_eq!((p.writes.len(), p.starts), (0, None));
}

fn hidden(encrypted: bool, state: HomeState) -> PageView {
    let mut page = page(5, 9, state, &[(3, Valid, 150)]);
    page.home.mariadb_encrypted = encrypted;
    page.copies[0].hidden = true;
    page
}

#[test]
fn copies_that_hide_their_space_id_help_only_newer_servers() {
    for (version, encrypted, compressed) in [
        (ServerVersion(10, 5, 23), false, false),
        (ServerVersion(10, 6, 21), true, false),
        (ServerVersion(10, 11, 18), true, true),
        (ServerVersion(11, 8, 6), true, false),
    ] {
        for (kind, mended) in [(true, encrypted), (false, compressed)] {
            let p = with(maria(version), vec![hidden(kind, Torn)]);
            assert_eq!(p.writes.len(), usize::from(mended), "{version:?} {kind}");
            assert_eq!(p.starts, Some(mended), "{version:?} {kind}");
            assert_eq!(with(maria(version), vec![hidden(kind, Zero)]).writes.len(), 0, "zero pages never");
        }
    }
}

#[test]
fn a_hidden_copy_reaches_the_file_only_with_newer_redo() {
    let known = || Facts { resized: Some([].into()), ..maria(ServerVersion(11, 8, 6)) };
    for until in [151, 150] {
        let page = PageView { redo_until: Some(Lsn(until)), ..hidden(true, Torn) };
        let p = with(known(), vec![page]);
        assert_eq!((p.writes.len(), p.starts), (1, Some(true)), "{until}");
        assert_eq!(p.advice.to_string().contains("in memory only"), until == 150, "{}", p.advice);
    }
    let mut large = PageView { redo_until: Some(Lsn(150)), ..hidden(true, Torn) };
    large.home.length = 65536;
    let p = with(known(), vec![large]);
    assert_eq!((p.writes.len(), p.starts), (1, None), "read again from the file");
    assert!(p.advice.to_string().contains("in memory only"), "{}", p.advice);
}

/// Seen with 10.1.23, twice: "uncompress failed", and recovery ends itself at the page.
#[test]
fn old_mariadb_cannot_read_a_torn_page_compressed_home() {
    let torn = |marked, state| {
        let mut page = page(5, 9, state, &[(3, Valid, 150)]);
        page.home.marked_compressed = marked;
        vec![page]
    };
    let p = with(facts(Generation::MariaDb101), torn(true, Torn));
    assert_eq!((p.writes.len(), p.starts, stops(&p)), (0, Some(false), vec![(5, 9)]));
    assert!(p.advice.to_string().contains("dblwr restore first"), "{}", p.advice);
    for generation in [Generation::MariaDb102, Generation::MariaDb103, Generation::MariaDb104] {
        let p = with(facts(generation), torn(true, Torn));
        assert_eq!((p.writes.len(), p.starts), (0, None), "{generation}");
    }
    for generation in [Generation::MariaDb101, Generation::MariaDb102] {
        for (marked, state) in [(false, Torn), (true, Zero)] {
            let p = with(facts(generation), torn(marked, state));
            assert_eq!((p.writes, p.starts), (vec![3], Some(true)), "{generation} {state:?}");
        }
    }
}

#[test]
fn mariadb_loses_a_table_whose_first_page_nothing_replaces() {
    let torn = || vec![page(5, 0, Torn, &[(3, Valid, 150)]), page(5, 9, Torn, &[(4, Valid, 150)])];
    let at = |version, resized: &[u32]| {
        let resized = resized.iter().map(|&id| SpaceId(id)).collect();
        with(Facts { resized: Some(resized), ..maria(version) }, torn())
    };
    let lost = at(ServerVersion(11, 8, 6), &[]);
    assert_eq!((lost.writes.len(), lost.starts, lost.stops_at.len()), (0, Some(true), 0));
    assert!(lost.advice.to_string().contains("without the table in d/t1.ibd"), "{}", lost.advice);
    assert_eq!(at(ServerVersion(11, 8, 6), &[5]).writes, [3, 4]);
    let mut undo = torn();
    (undo[0].home.kind, undo[0].home.states_its_id) = (SpaceKind::Undo, false);
    assert_eq!(
        with(maria(ServerVersion(11, 8, 6)), undo).starts,
        Some(false),
        "undo tablespaces are opened by their id"
    );
    let mut headless = torn();
    headless[0].home.neighbours_tell = true;
    let kept = with(Facts { resized: Some([].into()), ..maria(ServerVersion(11, 8, 6)) }, headless);
    assert_eq!(kept.writes, [3, 4], "pages 1 to 3 say whose it is");
    assert_eq!(
        at(ServerVersion(10, 5, 23), &[]).writes,
        [3, 4],
        "older servers write it when they open the file"
    );
    assert_eq!(with(maria(ServerVersion(11, 8, 6)), torn()).starts, None, "redo that was not taken apart");
}

#[test]
fn what_the_files_do_not_show_stays_open() {
    let open = |facts: Facts, page: PageView| with(facts, vec![page]).starts;
    let torn = || page(5, 9, Torn, &[(3, Valid, 150)]);
    assert_eq!(open(facts(Generation::Unknown), torn()), None);
    assert_eq!(open(Facts { shutdown: Shutdown::Unknown, ..facts(Generation::MySql56) }, torn()), None);
    assert_eq!(open(Facts { whole: false, ..facts(Generation::MySql56) }, torn()), None);
    assert_eq!(open(Facts { no_recent_copies: true, ..facts(Generation::MySql56) }, torn()), None);
    assert_eq!(
        open(facts(Generation::MySql56), page(5, 9, HomeState::Misdirected, &[(3, Valid, 150)])),
        None
    );
    assert_eq!(open(facts(Generation::MySql8030), page(5, 9, Torn, &[(3, Unverifiable, 150)])), None);
    let mut rivals = torn();
    rivals.home.rivals = true;
    assert_eq!(open(facts(Generation::MySql56), rivals), None);
}

#[test]
fn a_copy_that_only_its_key_can_prove_is_foreseen_but_never_planned() {
    for (page_no, state) in [(9, Torn), (9, Zero), (0, Torn)] {
        let p = with(facts(Generation::MySql8030), vec![page(5, page_no, state, &[(3, Unverifiable, 150)])]);
        assert_eq!((p.restores.len(), p.writes.len(), p.starts), (1, 0, None), "{page_no}");
    }
}

/// Seen with MySQL 5.6.24, row_format=compressed and innodb_checksum_algorithm=none: it stopped at that page.
#[test]
fn a_torn_page_without_a_checksum_is_not_noticed() {
    for generation in SINCE_56.into_iter().chain([Generation::MariaDb105]) {
        for zip in [true, false] {
            let mut torn = page(5, 9, Torn, &[(3, Valid, 150)]);
            (torn.home.unnoticed, torn.home.zip) = (true, zip);
            let p = with(facts(generation), vec![torn]);
            let (starts, stop) = if zip { (Some(false), vec![(5, 9)]) } else { (None, vec![]) };
            assert_eq!((p.writes.len(), p.starts, stops(&p)), (0, starts, stop), "{generation}");
            assert!(p.advice.to_string().contains("run dblwr restore first"), "{}", p.advice);
        }
    }
}

#[test]
fn nothing_is_restored_past_the_end_or_in_a_log_of_another_tool() {
    let mut beyond = page(5, 9, Torn, &[(3, Valid, 150)]);
    beyond.home.beyond = true;
    assert_eq!(with(facts(Generation::MySql57), vec![beyond]).writes.len(), 0);
    let torn = || vec![page(5, 9, Torn, &[(3, Valid, 150)])];
    for generation in [Generation::MySql80, Generation::MySql8030] {
        let cloned = Facts { foreign_log: true, ..facts(generation) };
        assert_eq!(with(cloned, torn()).writes.len(), 0, "{generation}");
    }
    let before_411 = Facts { space_id_stored: false, ..facts(Generation::MySql57) };
    assert_eq!(with(before_411, torn()).writes.len(), 0);
    let unsafe_crash = Facts { crash_unsafe: true, ..facts(Generation::MySql8030) };
    assert_eq!(with(unsafe_crash, torn()).starts, Some(false));
}

#[test]
fn no_advice_costs_data() {
    for generation in
        EVERY_MYSQL.into_iter().chain([Generation::MariaDb101, Generation::MariaDb108, Generation::Unknown])
    {
        for state in [Torn, Zero, HomeState::Corrupt, HomeState::Misdirected, HomeState::Valid] {
            for copies in [&[(1, Valid, 150)][..], &[(1, Corrupt, 150)], &[(1, Valid, 50)], &[]] {
                for page_no in [0, 5, 9] {
                    let p = with(facts(generation), vec![page(0, page_no, state, copies)]);
                    let said = p.advice.to_string().to_lowercase();
                    assert!(!said.contains("force") && !said.contains("checksum"), "{said}");
                    assert!(!said.is_empty() && !said.contains("  "), "{said}");
                }
            }
        }
    }
}
