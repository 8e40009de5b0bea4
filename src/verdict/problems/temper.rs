//! What problems of files do to a prediction that looked at pages alone, and what settles each.

use std::path::Path;

use crate::instance::roster::Role;
use crate::units::PageNo;
use crate::verdict::predict::reason::StopReason;
use crate::verdict::predict::{Prediction, Remedy, Stop, ToBringBack, Weight, Why, table_of};
use crate::verdict::problems::reason::{Lying, ProblemReason};
use crate::verdict::problems::{Problem, ProblemKind, Severity};

/// Makes a prediction as careful as problems demand: what stops this generation is no start, what takes a table is named, and
/// what may cost one or was not looked at leaves it open. Where a server was seen to start in spite of a problem, it stays.
pub fn temper(prediction: &mut Prediction, problems: &[Problem]) {
    let mut open = false;
    for problem in problems.iter().filter(|problem| problem.severity != Severity::Note) {
        let file = problem.file.as_ref().map(|file| file.display().to_string());
        let lost = lost_table(problem);
        if problem.stops_start == Some(true) {
            prediction.stops_at.push(Stop {
                space_id: problem.space_id,
                page_no: problem.page_no,
                file: file.clone(),
                reason: StopReason::Problem(problem.reason.clone()),
            });
        }
        let weight = weight(problem, lost.is_some());
        open |= weight != Weight::Aside && problem.stops_start.is_none();
        prediction.loses.extend(lost);
        if !prediction.ground.tells_of(problem.space_id.zip(problem.page_no), weight) {
            let why = Why::Problem(file, problem.reason.clone());
            prediction.ground.point(weight, why, remedy(problem));
        }
    }
    prediction.loses.sort_unstable();
    prediction.loses.dedup();
    let stopped = problems.iter().any(|problem| problem.stops_start == Some(true));
    prediction.starts = match prediction.starts {
        _ if stopped => Some(false),
        Some(true) if open => None,
        starts => starts,
    };
    prediction.settle();
}

/// The table that is lost though the server starts: what it cannot open it has lost.
fn lost_table(problem: &Problem) -> Option<String> {
    let takes = match problem.kind {
        ProblemKind::FileMissing
        | ProblemKind::FileEmpty
        | ProblemKind::FileForeign
        | ProblemKind::FileCut => true,
        ProblemKind::PageDamaged => problem.page_no == Some(PageNo(0)),
        _ => false,
    };
    let file = problem.file.as_ref().filter(|_| takes && problem.stops_start == Some(false))?;
    table_of(&file.display().to_string())
}

fn weight(problem: &Problem, loses: bool) -> Weight {
    match (problem.severity, problem.stops_start) {
        (_, Some(true)) => Weight::Forbids,
        _ if loses => Weight::Forbids,
        (Severity::Critical, None) if blocks(problem.kind) => Weight::Forbids,
        (Severity::Critical, _) | (Severity::Warning, None) => Weight::Leaves,
        (Severity::Unknown, Some(false)) => Weight::Aside,
        (Severity::Unknown, _) if problem.kind != ProblemKind::NotJudged => Weight::Leaves,
        _ => Weight::Aside,
    }
}

/// Whether a gate before a server's start is closed by problems of a kind: by all of them where a server stops at them or
/// loses a table, by none of them where it only was not looked, or goes on.
fn blocks(kind: ProblemKind) -> bool {
    !matches!(
        kind,
        ProblemKind::NotJudged
            | ProblemKind::Unreadable
            | ProblemKind::FileElsewhere
            | ProblemKind::CopiesElsewhere
            | ProblemKind::Backup
    )
}

/// What settles a problem.
fn remedy(problem: &Problem) -> Remedy {
    let file = problem.file.as_deref();
    let subject = || ToBringBack::of_file(&file.unwrap_or(Path::new("")).display().to_string());
    match problem.kind {
        ProblemKind::FileMissing | ProblemKind::FileEmpty | ProblemKind::FileForeign => match &problem.reason
        {
            ProblemReason::NoSchemaFile { .. } => Remedy::Definition,
            reason => put_back(reason, subject()),
        },
        ProblemKind::FileCut => Remedy::PutBack(subject()),
        ProblemKind::FileElsewhere => Remedy::Name("--directory"),
        ProblemKind::SpaceIdTwice => Remedy::MoveAway(second(&problem.reason)),
        ProblemKind::PageDamaged => Remedy::Backup(match problem.space_id {
            Some(space) if space.0 != 0 => subject(),
            _ => ToBringBack::Everything,
        }),
        ProblemKind::LsnInFuture | ProblemKind::RedoForeign => Remedy::OneTime,
        ProblemKind::RedoMissing => Remedy::PutBackOrName("--redo-dir"),
        ProblemKind::RedoDamaged => Remedy::RedoLog,
        // Their reasons say what to do.
        ProblemKind::RedoDisabled | ProblemKind::HalfMade | ProblemKind::NotJudged | ProblemKind::Backup => {
            Remedy::AsSaid
        }
        ProblemKind::CopiesElsewhere => match problem.reason {
            // What they held is nowhere.
            ProblemReason::CopiesAllZero | ProblemReason::CopiesOddSize { .. } => Remedy::LookAtOther,
            _ => Remedy::Name("--doublewrite-dir"),
        },
        ProblemKind::CopiesForeign => Remedy::MoveCopiesAway,
        ProblemKind::Unreadable => Remedy::CopyDevice,
    }
}

fn put_back(reason: &ProblemReason, subject: ToBringBack) -> Remedy {
    match reason {
        ProblemReason::Missing { lies: Some(Lying::OfSpace(_)), role: Role::Table, .. } => {
            Remedy::PutBack(subject)
        }
        ProblemReason::Missing { role: Role::System, .. } | ProblemReason::NextSystemFile { .. } => {
            Remedy::PutBackOrName("--data-home-dir or --data-file-path")
        }
        ProblemReason::Missing { role: Role::Undo, .. } => Remedy::PutBackOrName("--undo-dir"),
        ProblemReason::Missing { role: Role::Table, .. } | ProblemReason::Lies { role: Role::Table, .. } => {
            Remedy::PutBack(subject)
        }
        _ => Remedy::PutBack(ToBringBack::File(String::new())),
    }
}

/// The file of two that is not meant.
fn second(reason: &ProblemReason) -> Option<String> {
    match reason {
        ProblemReason::Twice { other, meant: Some(_), .. } => Some(other.display().to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SpaceId;

    use strum::VariantArray as _;

    /// Every kind, each with a reason as it is found.
    fn every_kind() -> Vec<Problem> {
        let severity = |kind| if blocks(kind) { Severity::Critical } else { Severity::Unknown };
        let problem = |kind| Problem::new(kind, severity(kind), ProblemReason::RedoOff).file("d/t1.ibd");
        ProblemKind::VARIANTS.iter().copied().map(problem).collect()
    }

    /// A directory that starts, as far as pages show.
    fn sound() -> Prediction {
        let mut prediction = Prediction { starts: Some(true), ..Prediction::default() };
        prediction.settle();
        prediction
    }

    #[test]
    fn every_kind_is_in_the_table_of_the_gate_as_it_is_decided() {
        let readme = include_str!("../../../packaging/README.md");
        for problem in every_kind() {
            let name = format!("`{}`", problem.kind.name());
            let row = readme.lines().find(|line| line.starts_with("| `") && line.contains(&name)).unwrap();
            let word = row.split('|').nth(2).unwrap().trim();
            assert_eq!(word, if blocks(problem.kind) { "yes" } else { "no" }, "{row}");
        }
    }

    #[test]
    fn a_problem_closes_the_gate_unless_a_server_was_seen_to_start() {
        use crate::verdict::predict::Gate;
        for problem in every_kind() {
            for stops in [None, Some(true), Some(false)] {
                let problem = problem.clone().stops(stops);
                let mut prediction = sound();
                temper(&mut prediction, std::slice::from_ref(&problem));
                let (said, gate) = (prediction.advice.to_string(), prediction.advice.gate());
                let closed = stops == Some(true) || (blocks(problem.kind) && stops.is_none());
                let lost = !prediction.loses.is_empty();
                assert_eq!(gate == Gate::Blocks, closed || lost, "{:?} {stops:?}: {said}", problem.kind);
                assert!(said.contains(&remedy(&problem).to_string()), "{:?}: {said}", problem.kind);
                assert_eq!(prediction.starts == Some(false), stops == Some(true), "{:?}", problem.kind);
                assert!(!(lost && said.starts_with("start the server")), "{said}");
            }
        }
    }

    #[test]
    fn a_table_that_is_lost_is_named_and_the_start_stays_foretold() {
        let gone =
            Problem::new(ProblemKind::FileEmpty, Severity::Critical, ProblemReason::RedoOff).file("d/t1.ibd");
        let mut prediction = sound();
        temper(&mut prediction, &[gone.space(Some(SpaceId(5))).stops(Some(false))]);
        assert_eq!((prediction.starts, &prediction.loses[..]), (Some(true), &["d/t1".to_owned()][..]));
        assert!(prediction.advice.to_string().starts_with("do not start the server: d/t1.ibd: "));
    }
}
