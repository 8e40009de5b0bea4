//! Exit codes: the same for every subcommand, so that each is a valid monitoring plugin.

use crate::report::scan::ScanSummary;
use crate::report::verify::VerifyReport;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// 0: healthy, or all that was asked was done and verified.
    Healthy,
    /// 1: damage that the doublewrite buffer can mend, or a plan that has not been applied.
    Attention,
    /// 2: damage that it cannot mend, or a write that failed.
    Critical,
    /// 3: wrong usage, unreadable or foreign input, files held by a running server.
    Unknown,
}

impl Status {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Status::Healthy => 0,
            Status::Attention => 1,
            Status::Critical => 2,
            Status::Unknown => 3,
        }
    }

    /// What an exit code means.
    pub fn meaning(code: u8) -> &'static str {
        match code {
            0 => "healthy, or all that was asked was done and verified",
            1 => {
                "attention: damage that the doublewrite buffer can mend, or a plan that has not been applied"
            }
            2 => "critical: damage that it cannot mend, or a write that failed",
            _ => "unknown: wrong usage, unreadable or foreign input, files held by a running server",
        }
    }

    /// The status of a scan; `unknown`: something could not be looked at.
    pub fn of_scan(summary: &ScanSummary, unknown: bool) -> Status {
        match (summary.damaged, summary.damaged.saturating_sub(summary.restorable)) {
            (0, _) if unknown => Status::Unknown,
            (0, _) => Status::Healthy,
            (_, 0) => Status::Attention,
            (_, 1..) => Status::Critical,
        }
    }

    /// The status of a verification. Files that could not be read make "healthy" unknown, but hide no damage.
    pub fn of_verify(report: &VerifyReport, unreadable: bool) -> Status {
        match (report.critical(), report.restorable()) {
            (1.., _) => Status::Critical,
            (0, 1..) => Status::Attention,
            (0, 0) if unreadable => Status::Unknown,
            (0, 0) => Status::Healthy,
        }
    }
}
