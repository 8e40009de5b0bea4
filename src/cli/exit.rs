//! Exit codes: the same for every subcommand, so that each is a valid monitoring plugin.

use crate::report::problem::ProblemReport;
use crate::report::scan::ScanSummary;
use crate::report::verify::VerifyReport;
use crate::verdict::problems::Severity;

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

    /// The worse of two, in the order critical, attention, unknown, healthy.
    #[must_use]
    pub fn worse(self, other: Status) -> Status {
        let rank = |status| match status {
            Status::Critical => 0,
            Status::Attention => 1,
            Status::Unknown => 2,
            Status::Healthy => 3,
        };
        if rank(other) < rank(self) { other } else { self }
    }

    /// The status that problems make.
    pub fn of_problems(problems: &[ProblemReport]) -> Status {
        let of = |problem: &ProblemReport| match problem.severity {
            Severity::Critical => Status::Critical,
            Severity::Warning => Status::Attention,
            Severity::Unknown => Status::Unknown,
            Severity::Note => Status::Healthy,
        };
        problems.iter().map(of).fold(Status::Healthy, Status::worse)
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

    /// The status of a verification.
    pub fn of_verify(report: &VerifyReport) -> Status {
        let pages = match (report.critical(), report.restorable()) {
            (1.., _) => Status::Critical,
            (0, 1..) => Status::Attention,
            (0, 0) => Status::Healthy,
        };
        pages.worse(Status::of_problems(&report.problems))
    }
}
