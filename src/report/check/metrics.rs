//! The answer as metrics: the Prometheus text format for a textfile collector, and OpenMetrics.
//!
//! | metric | what |
//! |---|---|
//! | `dblwr_check_status` | 0 healthy, 1 mendable, 2 not mendable, 3 could not be judged |
//! | `dblwr_pages` | used slots by `verdict` |
//! | `dblwr_changing_pages` | looked damaged once and otherwise later: being written |
//! | `dblwr_new_findings` | problems that are not in the accepted baseline (only with one) |
//! | `dblwr_scan_pages`, `dblwr_scan_read_pages`, `dblwr_scan_damaged_pages` | data files (only with a scan or sample) |
//! | `dblwr_shutdown_clean` | 1 after a clean shutdown, 0 after a crash or while running |
//! | `dblwr_redo_checkpoint_lsn`, `dblwr_redo_end_lsn` | the redo window |
//! | `dblwr_check_duration_seconds` | how long the check took |
//! | `dblwr_last_run_timestamp_seconds` | when a check last ended |
//! | `dblwr_last_success_timestamp_seconds` | when one last could judge |
//! | `dblwr_build_info` | version of the program |
//!
//! Every series carries `datadir`, so that files of several directories can lie side by side; nothing carries a page or
//! a table. What was not measured is left out, never written as zero.

use std::fmt::Write;

use strum::VariantArray;

use crate::commands::check::CheckStatus;
use crate::report::ShutdownReport;
use crate::report::check::CheckReport;
use crate::report::style::printable;
use crate::verdict::Verdict;

/// The two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Prometheus text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0: it ends with `# EOF`.
    OpenMetrics,
}

const LAST_SUCCESS: &str = "dblwr_last_success_timestamp_seconds";

/// All metrics of one check. `previous` is what the file held before: the time of the last success comes from there if
/// this check was none.
pub fn render(report: &CheckReport, dialect: Dialect, previous: Option<&str>) -> String {
    let mut page = PageMetric { out: String::new(), datadir: escape(&report.path) };
    page.gauge(
        "dblwr_check_status",
        "Exit status: 0 healthy, 1 mendable (do not start the server, do not rewrite checksums), 2 not mendable, 3 unknown.",
        report.code,
    );
    if report.page_size != 0 {
        measured(&mut page, report);
    }
    page.gauge("dblwr_check_duration_seconds", "Duration of the check.", report.duration);
    let ended = report.started + report.duration;
    page.gauge("dblwr_last_run_timestamp_seconds", "When a check last ended, since 1970.", ended);
    let success = match report.status {
        CheckStatus::Unknown => previous.and_then(|text| page.value_in(text, LAST_SUCCESS)),
        _ => Some(ended),
    };
    if let Some(success) = success {
        page.gauge(LAST_SUCCESS, "When a check last could judge, since 1970.", success);
    }
    page.head("dblwr_build_info", "Version of the program.");
    page.series("dblwr_build_info", &format!(",version=\"{}\"", env!("CARGO_PKG_VERSION")), 1);
    if dialect == Dialect::OpenMetrics {
        page.out.push_str("# EOF\n");
    }
    page.out
}

fn measured(page: &mut PageMetric, report: &CheckReport) {
    page.head("dblwr_pages", "Used slots of the doublewrite buffer by verdict.");
    for verdict in Verdict::VARIANTS {
        let number = report.summary.get(verdict.name()).copied().unwrap_or_default();
        page.series("dblwr_pages", &format!(",verdict=\"{}\"", verdict.name()), number);
    }
    page.gauge("dblwr_changing_pages", "Pages that a server was writing during the check.", report.changing);
    if let Some(baseline) = &report.baseline {
        page.gauge("dblwr_new_findings", "Problems that are not in the accepted baseline.", baseline.new);
    }
    if let Some(sample) = &report.sample {
        page.gauge("dblwr_scan_pages", "Pages of all data files.", sample.pages);
        page.gauge("dblwr_scan_read_pages", "Pages of data files that were read.", sample.read);
        page.gauge("dblwr_scan_damaged_pages", "Damaged pages among those read.", sample.damaged);
    }
    let clean = match report.shutdown {
        ShutdownReport::Clean => Some(1),
        ShutdownReport::Crash => Some(0),
        ShutdownReport::Unknown => None,
    };
    if let Some(clean) = clean {
        page.gauge(
            "dblwr_shutdown_clean",
            "1 after a clean shutdown, 0 after a crash or while running.",
            clean,
        );
    }
    if let Some(lsn) = report.redo.checkpoint_lsn {
        page.gauge("dblwr_redo_checkpoint_lsn", "Checkpoint LSN, a byte position in the redo stream.", lsn);
    }
    if let Some(lsn) = report.redo.end_lsn {
        page.gauge("dblwr_redo_end_lsn", "LSN after the last redo record.", lsn);
    }
}

struct PageMetric {
    out: String,
    /// Escaped.
    datadir: String,
}

impl PageMetric {
    /// `HELP` and `TYPE`, once for every metric, before its series.
    fn head(&mut self, name: &str, help: &str) {
        let _ = write!(self.out, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    }

    /// One value; `labels` begins with a comma.
    fn series(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.out, "{name}{{datadir=\"{}\"{labels}}} {value}", self.datadir);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, help);
        self.series(name, "", value);
    }

    /// The value of a metric of this directory in an earlier file.
    fn value_in(&self, text: &str, name: &str) -> Option<f64> {
        let label = format!("{name}{{datadir=\"{}\"}} ", self.datadir);
        text.lines().find_map(|line| line.strip_prefix(&label)?.trim().parse().ok())
    }
}

/// A label value: backslash, quote and line feed are escaped, and every other control character as in texts.
pub fn escape(value: &str) -> String {
    let lines: Vec<String> = value.split('\n').map(printable).collect();
    lines.join("\n").replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
