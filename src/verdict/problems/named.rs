//! What is said of a file that is named: gone, or something else in its place.

use std::path::Path;

use crate::bytes::is_zero;
use crate::disk::Image;
use crate::format::dictionary::file_name::FileName;
use crate::instance::foreign::stump;
use crate::instance::roster::{Named, Role};
use crate::units::ByteOffset;
use crate::verdict::problems::reason::{Lying, ProblemReason};
use crate::verdict::problems::{Problem, ProblemKind, Severity};

pub(super) fn kind_of(what: &Lying) -> ProblemKind {
    match what {
        Lying::Empty => ProblemKind::FileEmpty,
        Lying::Zeros | Lying::Rubbish | Lying::Stump(_) => ProblemKind::FileForeign,
        Lying::OfSpace(_) => ProblemKind::FileMissing,
    }
}

/// What a file is in which no page was recognised, by its first bytes.
pub(super) fn lying(path: &Path) -> Lying {
    const LOOKED_AT: usize = 1 << 16;
    let head = Image::open(path).ok().and_then(|image| {
        let mut head = vec![0; LOOKED_AT];
        let read = image.read_up_to(ByteOffset(0), &mut head).ok()?;
        head.truncate(read);
        Some(head)
    });
    match head {
        Some(head) if head.is_empty() => Lying::Empty,
        Some(head) if is_zero(&head) => Lying::Zeros,
        _ => stump(path).map_or(Lying::Rubbish, Lying::Stump),
    }
}

pub(super) fn gone(named: &Named, lies: Option<Lying>, sure: bool) -> Problem {
    let table = (named.role == Role::Table)
        .then(|| FileName::from_path(&named.name))
        .flatten()
        .filter(|name| name.database.as_ref().is_some_and(|database| !database.is_empty()))
        .map(|name| name.to_string());
    let reason = ProblemReason::Missing { role: named.role, by: named.by, table, lies, sure };
    let severity = if sure { Severity::Critical } else { Severity::Warning };
    Problem::new(ProblemKind::FileMissing, severity, reason).file(&named.name).space(named.space)
}

pub(super) fn lies(named: &Named, what: Lying) -> Problem {
    let kind = kind_of(&what);
    let reason = ProblemReason::Lies { what, role: named.role, anew: false };
    Problem::new(kind, Severity::Critical, reason).file(&named.name).space(named.space)
}
