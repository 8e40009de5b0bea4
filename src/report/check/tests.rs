use std::collections::BTreeSet;

use crate::commands::check::tests::{LOST, MENDABLE, checked, problem};
use crate::report::check::metrics::Dialect;
use crate::report::check::*;

fn report(problems: Vec<PageProblem>, warning: &str, critical: &str) -> CheckReport {
    CheckReport::of(checked(problems, warning, critical))
}

#[test]
fn what_could_not_be_read_is_named() {
    let mut unreadable = checked(vec![], "0", "0");
    unreadable.status = CheckStatus::Unknown;
    unreadable.failures.push("d/t2.ibd: cannot open: permission denied".into());
    assert!(CheckReport::of(unreadable).text.contains("permission denied"));
}

#[test]
fn the_plugin_s_first_line() {
    let line = |report: &CheckReport| nagios::render(report).lines().next().unwrap().to_owned();
    assert_eq!(
        line(&report(vec![], "0", "~:0")),
        "DBLWR OK - nothing to mend from the doublewrite buffer; pages without a copy were not read (--scan) | \
         restorable=0;0;;0 critical=0;;~:0;0 copies=256;;;0 changing=0;;;0 time=0.000s;;;0"
    );
    assert!(line(&report(vec![problem(3, MENDABLE), problem(9, LOST)], "0", "0")).starts_with(
        "DBLWR CRITICAL - 1 damaged page that the doublewrite buffer cannot mend, 1 damaged page with a good copy \
         (first: d/t1.ibd page 7:9, unrecoverable) | restorable=1;0;;0 critical=1;;0;0 "
    ));
    let unknown = CheckReport::unknown(Path::new("/x"), "/x: cannot look at: no such file");
    assert_eq!(nagios::render(&unknown), "DBLWR UNKNOWN - /x: cannot look at: no such file\n");
}

#[test]
fn the_plugin_s_output_stays_small_and_plain() {
    let mut many: Vec<PageProblem> = (0..5000).map(|page| problem(page, LOST)).collect();
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
    assert_eq!(text.matches("dblwr_pages{").count(), 12);
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
