use std::collections::BTreeSet;

use crate::commands::check::*;
use crate::report::check::metrics::Dialect;

fn problem(page: u32, verdict: Option<Verdict>) -> Problem {
    Problem {
        space_id: Some(SpaceId(7)),
        page_no: PageNo(page),
        file: Some("d/t1.ibd".into()),
        offset: Some(ByteOffset(u64::from(page) * 16384)),
        verdict,
        state: HomeState::Torn,
        reason: "its head carries the low LSN word 5, its tail 6".into(),
        new: true,
    }
}

/// A report as `check` makes it from these problems.
fn report(problems: Vec<Problem>, warning: &str, critical: &str) -> CheckReport {
    let mut report = CheckReport::unknown(Path::new("/var/lib/mysql"), "");
    report.page_size = 16384;
    report.summary = BTreeMap::from([("intact", 250), ("pending", 6)]);
    report.problems = problems;
    let options = Options::new(Request::default());
    compare(&mut report, &options, &Owner::default()).unwrap();
    report.decide(warning.parse().unwrap(), critical.parse().unwrap());
    report.text = nagios::text(&report);
    report
}

const MENDABLE: Option<Verdict> = Some(Verdict::Restorable);
const LOST: Option<Verdict> = Some(Verdict::Unrecoverable);

#[test]
fn the_answer_is_that_of_the_exit_codes() {
    let status = |problems| report(problems, "0", "0").status;
    assert_eq!(status(vec![]), Status::Ok);
    assert_eq!(status(vec![problem(1, MENDABLE)]), Status::Warning);
    assert_eq!(status(vec![problem(1, MENDABLE), problem(2, LOST)]), Status::Critical);
    assert_eq!(status(vec![problem(1, None)]), Status::Critical, "a damaged page without a copy");
}

#[test]
fn thresholds_move_the_answer() {
    let two = || vec![problem(1, MENDABLE), problem(2, MENDABLE)];
    assert_eq!(report(two(), "2", "0").status, Status::Ok);
    assert_eq!(report(two(), "1", "0").status, Status::Warning);
    assert_eq!(report(vec![], "@0", "0").status, Status::Warning);
    assert_eq!(report(vec![problem(1, LOST)], "0", "1").status, Status::Ok);
}

#[test]
fn what_could_not_be_read_is_unknown_but_hides_no_damage() {
    let mut unreadable = report(vec![], "0", "0");
    unreadable.failures.push("d/t2.ibd: cannot open: permission denied".into());
    unreadable.decide(Range::ZERO, Range::ZERO);
    assert_eq!(unreadable.status, Status::Unknown);
    assert!(nagios::text(&unreadable).contains("permission denied"));
    let mut both = report(vec![problem(1, LOST)], "0", "0");
    both.failures.push("d/t2.ibd: cannot open".into());
    both.decide(Range::ZERO, Range::ZERO);
    assert_eq!(both.status, Status::Critical);
}

#[test]
fn the_plugin_s_first_line() {
    let line = |report: &CheckReport| nagios::render(report).lines().next().unwrap().to_owned();
    assert_eq!(
        line(&report(vec![], "0", "~:0")),
        "DBLWR OK - no damaged page has a copy in the doublewrite buffer | \
         restorable=0;0;;0 critical=0;;~:0;0 copies=256;;;0 changing=0;;;0 time=0.000s;;;0"
    );
    assert!(line(&report(vec![problem(3, MENDABLE), problem(9, LOST)], "0", "0")).starts_with(
        "DBLWR CRITICAL - 1 damaged page that the doublewrite buffer cannot mend, 1 damaged page with a good copy \
         (first: d/t1.ibd page 9, unrecoverable) | restorable=1;0;;0 critical=1;;0;0 "
    ));
    let unknown = CheckReport::unknown(Path::new("/x"), "/x: cannot look at: no such file");
    assert_eq!(nagios::render(&unknown), "DBLWR UNKNOWN - /x: cannot look at: no such file\n");
}

#[test]
fn the_plugin_s_output_stays_small_and_plain() {
    let mut many: Vec<Problem> = (0..5000).map(|page| problem(page, LOST)).collect();
    for problem in &mut many {
        problem.file = Some(format!("d/{}|\n\x1b[31m.ibd", "é".repeat(300)));
    }
    let out = nagios::render(&report(many, "0", "0"));
    assert!(out.len() < nagios::MAX_OUTPUT, "{} bytes", out.len());
    assert_eq!(out.matches('|').count(), 1);
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(out.lines().count() > 3);
}

fn metrics(report: &CheckReport, previous: Option<&str>) -> String {
    crate::report::check::metrics::render(report, Dialect::Prometheus, previous)
}

#[test]
fn metrics_say_help_and_type_once_and_before_the_series() {
    let mut full = report(vec![problem(1, MENDABLE)], "0", "0");
    full.path = "/srv/a\"b\\c".into();
    full.sample = Some(SampleReport { pages: 10, read: 5, share: 0.5, unverifiable: 0, damaged: 0 });
    let text = crate::report::check::metrics::render(&full, Dialect::OpenMetrics, None);
    assert!(text.ends_with("# EOF\n"));
    let (mut helped, mut typed) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let mut words = line.split([' ', '{']);
        match (words.next().unwrap(), words.next().unwrap()) {
            ("#", "HELP") => assert!(helped.insert(words.next().unwrap().to_owned()), "{line}"),
            ("#", "TYPE") => assert!(typed.insert(words.next().unwrap().to_owned()), "{line}"),
            ("#", _) => {}
            (name, _) => assert!(helped.contains(name) && typed.contains(name), "{line}"),
        }
    }
    assert_eq!(helped, typed);
    assert!(text.contains("dblwr_check_status{datadir=\"/srv/a\\\"b\\\\c\"} 1\n"), "{text}");
    assert_eq!(text.matches("dblwr_pages{").count(), 11);
    assert!(text.contains("verdict=\"intact\"} 250\n"));
}

#[test]
fn a_check_that_failed_keeps_the_time_of_the_last_success() {
    let mut good = report(vec![], "0", "0");
    good.started = 1000.5;
    let before = metrics(&good, None);
    let mut failed = CheckReport::unknown(Path::new("/var/lib/mysql"), "timeout");
    failed.started = 2000.0;
    let after = metrics(&failed, Some(&before));
    assert!(
        after.contains("dblwr_last_success_timestamp_seconds{datadir=\"/var/lib/mysql\"} 1000.5\n"),
        "{after}"
    );
    assert!(after.contains("dblwr_last_run_timestamp_seconds{datadir=\"/var/lib/mysql\"} 2000\n"));
    assert!(!after.contains("dblwr_pages{"), "nothing was measured");
    assert!(!metrics(&failed, None).contains("last_success"));
}

#[test]
fn a_baseline_silences_what_it_knows_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(Request::default());
    options.baseline = Some(dir.path().join("baseline.json"));
    let owner = Owner { inode: 1, server_uuid: None };
    let run = |problems: Vec<Problem>, options: &Options| {
        let mut report = report(vec![], "0", "0");
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
