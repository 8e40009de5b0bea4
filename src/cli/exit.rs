//! Exit codes: the same for every subcommand, so that each is a valid monitoring plugin.

use crate::report::problem::ProblemReport;
use crate::report::scan::ScanSummary;
use crate::report::verify::VerifyReport;
use crate::verdict::problems::Severity;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// 0: healthy, or all that was asked was done and verified.
    Healthy,
    /// 1: damage that the doublewrite buffer can mend, or a plan that has not been applied.
    Attention,
    /// 2: damage that it cannot mend, or a write that failed.
    Critical,
    /// 3: wrong usage, unreadable or foreign input, files held by a running server.
    Unknown,
}

impl ExitStatus {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            ExitStatus::Healthy => 0,
            ExitStatus::Attention => 1,
            ExitStatus::Critical => 2,
            ExitStatus::Unknown => 3,
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
    pub fn worse(self, other: ExitStatus) -> ExitStatus {
        let rank = |status| match status {
            ExitStatus::Critical => 0,
            ExitStatus::Attention => 1,
            ExitStatus::Unknown => 2,
            ExitStatus::Healthy => 3,
        };
        if rank(other) < rank(self) { other } else { self }
    }

    /// The status that problems make.
    pub fn of_problems(problems: &[ProblemReport]) -> ExitStatus {
        let of = |problem: &ProblemReport| match problem.severity {
            Severity::Critical => ExitStatus::Critical,
            Severity::Warning => ExitStatus::Attention,
            Severity::Unknown => ExitStatus::Unknown,
            Severity::Note => ExitStatus::Healthy,
        };
        problems.iter().map(of).fold(ExitStatus::Healthy, ExitStatus::worse)
    }

    /// The status of a scan; `unknown`: something could not be looked at.
    pub fn of_scan(summary: &ScanSummary, unknown: bool) -> ExitStatus {
        match (summary.damaged, summary.damaged.saturating_sub(summary.restorable)) {
            (0, _) if unknown => ExitStatus::Unknown,
            (0, _) => ExitStatus::Healthy,
            (_, 0) => ExitStatus::Attention,
            (_, 1..) => ExitStatus::Critical,
        }
    }

    /// The status of a verification.
    pub fn of_verify(report: &VerifyReport) -> ExitStatus {
        let pages = match (report.critical().pages(), report.restorable().pages()) {
            (1.., _) => ExitStatus::Critical,
            (0, 1..) => ExitStatus::Attention,
            (0, 0) => ExitStatus::Healthy,
        };
        pages.worse(ExitStatus::of_problems(&report.problems))
    }
}
