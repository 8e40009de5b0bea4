//! What must not be done while a page can be restored: said in every output, in one wording.

use std::io::{self, Write};

use crate::report::style;
use crate::verdict::Verdict;
use crate::verdict::predict::{Advice, MayStart};
use crate::verdict::problems;
use crate::verdict::survey::Survey;

/// Said in every output while a page can be restored.
pub const GUARD: &str = "Do not start the server before this is settled: its start overwrites the copies. Do not rewrite \
                         checksums: that makes a torn page look sound and loses it for good.";

/// Said where the server mends every one of these pages by itself, provably: its start destroys nothing that is needed.
pub const MENDED_BY_SERVER: &str = "The server mends every one of these pages by itself, and its start overwrites the copies. \
                                    Do not rewrite checksums: that makes a torn page look sound and loses it for good.";

/// Said beside a running server.
pub const RUNNING: &str = "The running server reuses the slots that hold these copies: save them first (dblwr capture). Do not \
                           rewrite checksums: that makes a torn page look sound and loses it for good.";

/// Said of copies in a raw image, where nobody can tell whether their homes are damaged.
pub const CARVED: &str = "These may be the only good copies of damaged pages: do not start a server on these files before \
                          their homes are looked at, its start overwrites the copies. Do not rewrite checksums: that \
                          makes a torn page look sound and loses it for good.";

/// For listings that judge no home: why the guard follows.
const FOUND: &str = "A damaged page has a good copy in this buffer: dblwr verify names every one.";

/// The guard as a field of documents: there only while it holds.
pub fn guard(can_be_restored: bool) -> Option<&'static str> {
    can_be_restored.then_some(GUARD)
}

/// The guard beside advice: whether the server may be started is said in one way only.
pub fn guard_beside(advice: &Advice, can_be_restored: bool) -> Option<&'static str> {
    let said = match advice.start {
        MayStart::Safe => MENDED_BY_SERVER,
        MayStart::Running => RUNNING,
        MayStart::AfterRestore | MayStart::Open | MayStart::No => GUARD,
    };
    can_be_restored.then_some(said)
}

/// The guard of a survey, by what its server would do.
pub fn guard_of(survey: &Survey) -> Option<&'static str> {
    let can_be_restored = survey.count(Verdict::Restorable) > 0;
    let advice = can_be_restored.then(|| problems::foretell(survey).1.advice);
    advice.and_then(|advice| guard_beside(&advice, can_be_restored))
}

/// What stands first where a server runs: everything else is to be read by it.
pub fn beside(sign: &str) -> String {
    format!("a server runs on these files: {sign}; what changes while it is read is not judged")
}

/// The same as a line of its own.
///
/// # Errors
/// Those of the writer.
pub fn write_running(out: &mut dyn Write, running: Option<&str>) -> io::Result<()> {
    match running {
        Some(sign) => writeln!(out, "{}", style::paint(style::WARN, &style::printable(&beside(sign)))),
        None => Ok(()),
    }
}

/// The guard as a paragraph of its own.
///
/// # Errors
/// Those of the writer.
pub fn write_guard(out: &mut dyn Write, guard: Option<&str>) -> io::Result<()> {
    match guard {
        Some(guard) => writeln!(out, "\n{}", style::paint(style::WARN, guard)),
        None => Ok(()),
    }
}

/// The same below a listing that says nothing of homes.
///
/// # Errors
/// Those of the writer.
pub fn write_found(out: &mut dyn Write, guard: Option<&str>) -> io::Result<()> {
    match guard {
        Some(guard) => writeln!(out, "\n{FOUND}\n{}", style::paint(style::WARN, guard)),
        None => Ok(()),
    }
}
