//! The answer of a monitoring plugin, by the Monitoring Plugins guidelines: one line of status, text and performance
//! data, then a few lines of detail, everything in less than 4 KiB.

use std::fmt::Write;

use crate::commands::check::{CheckStatus, PageProblem};
use crate::commands::explain_log::line::{beginning, printable};
use crate::report::PageTally;
use crate::report::advice;
use crate::report::check::CheckReport;
use crate::report::command_line;
use crate::report::guard::beside;
use crate::report::problem::phrase;
use crate::report::server_line;
use crate::units::count;
use crate::verdict::home::HomeState;
use crate::verdict::problems::Severity;

/// Schedulers cut at 4 KiB (NRPE 3) or at 8 KiB.
pub const MAX_OUTPUT: usize = 4096;
/// Of which the text before the performance data may take this much.
const MAX_TEXT: usize = 1024;
/// Lines of detail.
const MAX_LINES: usize = 20;

/// The whole output.
pub fn render(report: &CheckReport) -> String {
    let status = report.status.name();
    let mut out = format!("DBLWR {status} - {}", plain(&report.text, MAX_TEXT));
    // A check that could not look has measured nothing.
    if report.page_size != 0 {
        let _ = write!(out, " | {}", performance(report));
    }
    out.push('\n');
    for line in details(report) {
        if out.len() + line.len() + 1 >= MAX_OUTPUT {
            break;
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// The answer in words, without status and performance data.
pub fn text(report: &CheckReport) -> String {
    if let Some(prediction) = report.prediction.as_ref().filter(|_| report.before_start) {
        return prediction.advice.to_string();
    }
    let mut text = match report.status {
        CheckStatus::Unknown => {
            report.failures.first().cloned().or_else(|| other_problems(report)).unwrap_or_default()
        }
        CheckStatus::Ok if report.restorable + report.critical > 0 => {
            format!("{} damaged, within the thresholds", count(report.restorable + report.critical, "page"))
        }
        CheckStatus::Ok => match &report.baseline {
            Some(baseline) if baseline.recorded => "the present state was recorded as accepted".to_owned(),
            Some(baseline) if baseline.accepted > 0 => "nothing new since the accepted state".to_owned(),
            _ if report.sample.is_some() => "nothing to mend from the doublewrite buffer".to_owned(),
            _ => "nothing to mend from the doublewrite buffer; pages without a copy were not read (--scan)"
                .to_owned(),
        },
        CheckStatus::Warning | CheckStatus::Critical => damage(report),
    };
    if let Some(sample) = &report.sample {
        let percent = sample.share * 100.0;
        let _ = write!(
            text,
            "; {} of {} pages read ({percent:.1}%), {} damaged",
            sample.read, sample.pages, sample.damaged
        );
    }
    if report.changing > 0 {
        let _ = write!(text, "; {} being written, not counted", count(report.changing, "page"));
    }
    text
}

fn damage(report: &CheckReport) -> String {
    let mut parts = Vec::new();
    let tally = |mended: bool| {
        let new = report.pages.iter().filter(|page| page.new && page.can_be_mended() == mended);
        PageTally::of(new.map(|page| ((&page.file, page.page_no), page.state == HomeState::Zero)))
    };
    if report.critical > 0 {
        parts.push(format!("{} that the doublewrite buffer cannot mend", tally(false)));
    }
    if report.restorable > 0 {
        parts.push(format!("{} with a good copy", tally(true)));
    }
    if parts.is_empty()
        && let Some(others) = other_problems(report)
    {
        return others;
    }
    if parts.is_empty() {
        // A range such as @0 alerts on the absence of damage.
        return "the number of damaged pages is outside the thresholds".to_owned();
    }
    let first = report.pages.first().map(|problem| format!(" (first: {})", name(problem)));
    let others = other_problems(report).map(|others| format!("; {others}"));
    format!("{}{}{}", parts.join(", "), first.unwrap_or_default(), others.unwrap_or_default())
}

/// What is wrong besides pages with copies and is not accepted.
fn other_problems(report: &CheckReport) -> Option<String> {
    let new: Vec<_> =
        report.others.iter().filter(|other| other.new).map(|other| other.problem.clone()).collect();
    phrase(&new)
}

fn name(problem: &PageProblem) -> String {
    let file = problem.file.as_deref().unwrap_or("no file");
    let space = problem.space_id.map(|id| format!("{id}:")).unwrap_or_default();
    format!("{file} page {space}{}, {}", problem.page_no, problem.what())
}

/// `'label'=value[unit];warn;crit;min`.
fn performance(report: &CheckReport) -> String {
    let (warning, critical) = report.thresholds;
    let copies: usize = report.summary.values().sum();
    let mut data = format!(
        "restorable={};{warning};;0 critical={};;{critical};0 copies={copies};;;0 changing={};;;0 time={:.3}s;;;0",
        report.restorable, report.critical, report.changing, report.duration
    );
    if let Some(sample) = &report.sample {
        let _ = write!(data, " read={};;;0;{}", sample.read, sample.pages);
    }
    if let Some(baseline) = &report.baseline {
        let _ = write!(data, " new={};;;0", baseline.new);
    }
    data
}

fn details(report: &CheckReport) -> Vec<String> {
    let running = report.running.iter().map(|sign| plain(&beside(sign), 300));
    let server = server_line(report.server.as_deref(), report.generation);
    let running = running.chain(server.map(|server| plain(&server, 300)));
    let mut lines: Vec<String> = running.chain(report.guard.iter().map(|guard| plain(guard, 300))).collect();
    for problem in report.pages.iter().take(MAX_LINES) {
        let known = if problem.new { "" } else { " (accepted)" };
        lines.push(plain(&format!("{}{known}: {}", name(problem), problem.reason), 300));
    }
    let more = (report.restorable + report.critical).saturating_sub(MAX_LINES);
    if more > 0 {
        lines.push(plain(&format!("and {more} more: {}", command_line::on("verify", &report.path)), 600));
    }
    for other in report.others.iter().filter(|other| other.problem.severity != Severity::Note).take(MAX_LINES)
    {
        let known = if other.new { "" } else { " (accepted)" };
        lines.push(plain(&format!("{}{known}", other.problem.line()), 300));
    }
    if let Some(prediction) = report.prediction.as_ref().filter(|_| !report.before_start) {
        lines.extend(advice::lines(prediction).iter().map(|line| plain(line, 600)));
    }
    let failures = report.failures.iter().take(MAX_LINES);
    lines.extend(failures.map(|failure| plain(&format!("could not be read: {failure}"), 300)));
    lines
}

/// The bar begins performance data: it must not come from a file's name.
fn plain(text: &str, bytes: usize) -> String {
    beginning(&printable(text), bytes).replace('|', "/")
}
