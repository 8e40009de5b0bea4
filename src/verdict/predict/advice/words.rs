//! Advice in one paragraph that a tired person can follow: what first, why, and what settles it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::units::count;
use crate::verdict::predict::PredictedPage;
use crate::verdict::predict::advice::{Advice, MayStart, Point, Remedy, RestoreFirst, ToBringBack, Why};

/// More points than these are counted: they stand in the list above.
const SPELLED_OUT: usize = 3;

impl Serialize for Advice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ground = &self.ground;
        match (self.start, &ground.first) {
            (MayStart::Safe, _) => {
                f.write_str("start the server: ")?;
                self.safe(f)?;
            }
            (MayStart::AfterRestore, Some(first)) => {
                write!(f, "run dblwr restore first: {first}")?;
                f.write_str("; then dblwr verify again")?;
            }
            (MayStart::No, _) => f.write_str("do not start the server: ")?,
            (MayStart::Running, _) => self.beside(f)?,
            (MayStart::Open, Some(first)) => {
                write!(
                    f,
                    "run dblwr restore first: {first}; keep a copy of all files before a server starts"
                )?;
            }
            (MayStart::Open, None) if ground.restorable > 0 => {
                f.write_str("run dblwr restore first, and keep a copy of all files before a server starts")?;
            }
            (MayStart::Open | MayStart::AfterRestore, None) => {
                f.write_str("keep a copy of all files before a server starts")?;
            }
        }
        self.points(f)?;
        self.afterthought(f)
    }
}

impl Advice {
    fn safe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ground.mended_by_server, self.ground.clean) {
            (0, true) => f.write_str("it was stopped cleanly and needs nothing from the buffer")?,
            (0, false) => f.write_str("it recovers from its redo log and needs no page from the buffer")?,
            (pages, _) => write!(
                f,
                "it mends {} by itself; dblwr restore writes the same, and keeps a journal to take it back",
                count(pages, "page")
            )?,
        }
        match self.ground.assumes {
            Some(_) => f.write_str(". Pages without copies are taken to be whole: dblwr scan reads them"),
            None => Ok(()),
        }
    }

    /// Beside a server that runs.
    fn beside(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a server runs on these files")?;
        match (self.ground.restorable, self.ground.points.is_empty()) {
            (0, true) => f.write_str(
                ": nothing has to be done. Pages without copies are read by dblwr scan, which may run beside it",
            ),
            (0, false) => f.write_str("; stop it before anything of this is mended: "),
            (pages, _) => write!(
                f,
                "; it reuses the slots, so save the copies first (dblwr capture), then stop it and run dblwr restore, which \
                 mends {}",
                count(pages, "page")
            ),
        }
    }

    /// Points that one kind of remedy settles are said once, with the number of the others and everything that it is about.
    fn points(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<Vec<&Point>> = Vec::new();
        for point in &self.ground.points {
            let known =
                groups.iter_mut().find(|group| group.first().is_some_and(|first| first.is_like(point)));
            match known {
                Some(group) => group.push(point),
                None => groups.push(vec![point]),
            }
        }
        for (at, group) in groups.iter().take(SPELLED_OUT).enumerate() {
            f.write_str(match (at, self.start) {
                (0, MayStart::No) => "",
                (0, MayStart::Running) if self.ground.restorable == 0 => "",
                (0, MayStart::Open) => ": ",
                _ => ". Besides: ",
            })?;
            write_group(f, group)?;
        }
        match groups.len().saturating_sub(SPELLED_OUT) {
            0 => Ok(()),
            more => write!(f, ". And {}, listed above", count(more, "more finding")),
        }
    }

    /// What is open, and what `restore` does besides.
    fn afterthought(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ground = &self.ground;
        match (self.start, ground.doubts.first()) {
            (MayStart::Open, Some(doubt)) if ground.points.is_empty() => write!(f, ": {doubt}")?,
            (MayStart::No, Some(doubt)) if ground.points.is_empty() => write!(f, "{doubt}")?,
            (MayStart::No, None) if ground.points.is_empty() => {
                f.write_str("bring the data back from a backup")?
            }
            _ => {}
        }
        match self.start {
            MayStart::No if ground.restorable > 0 => {
                write!(f, ". dblwr restore mends {} besides", count(ground.restorable, "page"))
            }
            _ => Ok(()),
        }
    }
}

fn write_group(f: &mut fmt::Formatter<'_>, group: &[&Point]) -> fmt::Result {
    let Some(first) = group.first() else { return Ok(()) };
    write!(f, "{}", first.why)?;
    match (group.len().saturating_sub(1), &first.why) {
        (0, _) => {}
        (more, Why::Problem(..)) => write!(f, ", and {} like it", count(more, "more finding"))?,
        (more, _) => write!(f, ", and {} like it", count(more, "more page"))?,
    }
    match first.remedy.of_all(group.iter().map(|point| &point.remedy)) {
        Remedy::AsSaid => Ok(()),
        remedy => write!(f, "; {remedy}"),
    }
}

impl fmt::Display for RestoreFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreFirst::Stops(pages) => {
                write!(f, "it mends {} that the server stops at", count(*pages, "page"))
            }
            RestoreFirst::Loses(file) => write!(
                f,
                "the server would start without the table in {file}, whose first page it leaves damaged"
            ),
            RestoreFirst::InMemory(page) => write!(
                f,
                "the server mends page {} in memory only, and its file stays damaged",
                numbers(page)
            ),
            RestoreFirst::Leaves(pages) => {
                write!(f, "it mends {} that the server may leave damaged", count(*pages, "page"))
            }
            RestoreFirst::Older(page) => {
                write!(f, "of page {} the server would take an older copy", numbers(page))
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::LoggingOff => f.write_str("redo logging was off when it ended, and it refuses to start again"),
            Why::StopsAt(page, subject, reason) => {
                write!(f, "it stops at page {}{} ({reason})", numbers(page), of(subject))
            }
            Why::Loses(subject) => write!(f, "it would start without the table{}, whose first page is damaged", of(subject)),
            Why::Damaged(page, subject) => {
                write!(f, "page {}{} is damaged, and no copy of it can be used", numbers(page), of(subject))
            }
            Why::Found(pages) => {
                write!(f, "{} beyond the doublewrite buffer, and the server may stop there", count(*pages as usize, "damaged page"))
            }
            Why::Unread => f.write_str("not every page could be judged"),
            Why::LostWrite(page, subject) => write!(
                f,
                "a write of page {}{} was lost, and the server would read the older page without a word",
                numbers(page),
                of(subject)
            ),
            Why::OtherLife => f.write_str(
                "copies are newer than the end of redo, so they are of another life of these files, and the server may write them",
            ),
            Why::Problem(Some(file), reason) => write!(f, "{file}: {reason}"),
            Why::Problem(None, reason) => write!(f, "{reason}"),
        }
    }
}

fn numbers(page: &PredictedPage) -> String {
    format!("{}:{}", page.space_id, page.page_no)
}

fn of(subject: &ToBringBack) -> String {
    match subject {
        ToBringBack::Table(table) => format!(" of {table}"),
        ToBringBack::File(file) => format!(" of {file}"),
        ToBringBack::Tables(_) | ToBringBack::Everything | ToBringBack::Listed => String::new(),
    }
}
