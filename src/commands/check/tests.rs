use crate::commands::check::*;
use crate::commands::scan::reason::DamageReason;
use crate::page::symptom::Symptom;
use crate::verdict::predict::Prediction;

pub(crate) fn problem(page: u32, verdict: Option<Verdict>) -> PageProblem {
    PageProblem {
        space_id: Some(SpaceId(7)),
        page_no: PageNo(page),
        file: Some("d/t1.ibd".into()),
        offset: Some(ByteOffset(u64::from(page) * 16384)),
        verdict,
        state: HomeState::Torn,
        reason: SuspectReason::Seen(DamageReason::Symptom(Symptom::TwoVersions { head: 5, tail: 6 })),
        new: true,
    }
}

/// What a check makes of these problems.
pub(crate) fn checked(problems: Vec<PageProblem>, warning: &str, critical: &str) -> Checked {
    let mut checked = Checked {
        path: "/var/lib/mysql".into(),
        status: CheckStatus::Ok,
        generation: Generation::Unknown,
        server: None,
        running: None,
        page_size: PageSize::DEFAULT,
        shutdown: Shutdown::Unknown,
        window: RedoWindow { checkpoint: None, end: None },
        flushed_lsn: None,
        summary: BTreeMap::from([(Verdict::Intact, 250), (Verdict::Pending, 6)]),
        restorable: 0,
        critical: 0,
        changing: 0,
        sample: None,
        baseline: None,
        problems,
        others: Vec::new(),
        prediction: Prediction::default(),
        before_start: false,
        failures: Vec::new(),
        started: 0.0,
        duration: 0.0,
        warning: warning.parse().unwrap(),
        critical_range: critical.parse().unwrap(),
    };
    let options = CheckOptions::new(Request::default());
    compare(&mut checked, &options, &BaselineOwner::default()).unwrap();
    checked.decide();
    checked
}

pub(crate) const MENDABLE: Option<Verdict> = Some(Verdict::Restorable);
pub(crate) const LOST: Option<Verdict> = Some(Verdict::Unrecoverable);

#[test]
fn the_answer_is_that_of_the_exit_codes() {
    let status = |problems| checked(problems, "0", "0").status;
    assert_eq!(status(vec![]), CheckStatus::Ok);
    assert_eq!(status(vec![problem(1, MENDABLE)]), CheckStatus::Warning);
    assert_eq!(status(vec![problem(1, MENDABLE), problem(2, LOST)]), CheckStatus::Critical);
    assert_eq!(status(vec![problem(1, None)]), CheckStatus::Critical, "a damaged page without a copy");
}

#[test]
fn thresholds_move_the_answer() {
    let two = || vec![problem(1, MENDABLE), problem(2, MENDABLE)];
    assert_eq!(checked(two(), "2", "0").status, CheckStatus::Ok);
    assert_eq!(checked(two(), "1", "0").status, CheckStatus::Warning);
    assert_eq!(checked(vec![], "@0", "0").status, CheckStatus::Warning);
    assert_eq!(checked(vec![problem(1, LOST)], "0", "1").status, CheckStatus::Ok);
}

#[test]
fn what_could_not_be_read_is_unknown_but_hides_no_damage() {
    let mut unreadable = checked(vec![], "0", "0");
    unreadable.failures.push("d/t2.ibd: cannot open: permission denied".into());
    unreadable.decide();
    assert_eq!(unreadable.status, CheckStatus::Unknown);
    let mut both = checked(vec![problem(1, LOST)], "0", "0");
    both.failures.push("d/t2.ibd: cannot open".into());
    both.decide();
    assert_eq!(both.status, CheckStatus::Critical);
}

#[test]
fn a_baseline_silences_what_it_knows_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = CheckOptions::new(Request::default());
    options.baseline = Some(dir.path().join("baseline.json"));
    let owner = BaselineOwner { inode: 1, server_uuid: None };
    let run = |problems: Vec<PageProblem>, options: &CheckOptions| {
        let mut report = checked(vec![], "0", "0");
        report.problems = problems;
        compare(&mut report, options, &owner).map(|()| report)
    };
    assert!(run(vec![], &options).is_err(), "there is no baseline yet");
    options.accept = true;
    let accepted = run(vec![problem(1, LOST), problem(2, MENDABLE)], &options).unwrap();
    assert_eq!((accepted.critical, accepted.restorable), (0, 0));
    options.accept = false;
    let later = run(vec![problem(1, LOST), problem(3, LOST)], &options).unwrap();
    let baseline = later.baseline.unwrap();
    assert_eq!((later.critical, later.restorable), (1, 0));
    assert_eq!((baseline.accepted, baseline.new, baseline.gone), (2, 1, 1));
    assert_eq!(later.problems[0].page_no, PageNo(3), "the new one comes first");
}
