//! The text for people.

use std::io::{self, Write};

use super::story::{PageStory, StoryEnd};
use super::words::{evidence, in_short, meaning};
use super::{ExplainReport, OtherFinding};
use crate::commands::explain_log::{Level, LogFinding, LogKind};
use crate::report::advice::write_prediction;
use crate::report::guard::{write_guard, write_running};
use crate::report::style;
use crate::units::count;

/// Pages, and findings without one, told in full in the text for people; the others are counted.
const MAX_TOLD: usize = 50;

/// Causes named in the headline.
const IN_HEADLINE: usize = 3;

impl ExplainReport {
    /// Writes it for a person; `verbose` also tells what ended well.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        write_running(out, self.running.as_deref())?;
        writeln!(out, "{}", self.headline())?;
        let server = self.version.as_deref().unwrap_or("server version not named");
        let (lines, starts) = (count_u64(self.lines, "line"), count_u64(self.starts, "server start"));
        writeln!(out, "{lines} read, {starts}, {server}")?;
        let told = |page: &&PageStory| verbose || page.outcome > StoryEnd::Whole;
        let pages: Vec<&PageStory> = self.pages.iter().filter(told).take(MAX_TOLD).collect();
        for (at, page) in pages.iter().enumerate() {
            write_page(out, page)?;
            // What to do is said once for pages in a row that want the same.
            if pages.get(at + 1).is_none_or(|following| following.next != page.next) {
                writeln!(out, "  next     {}", page.next)?;
            }
        }
        self.write_counts(out, verbose)?;
        let told = |other: &&OtherFinding| verbose || other.level() > Level::Healthy;
        for other in self.others.iter().filter(told).take(MAX_TOLD) {
            write_other(out, other)?;
        }
        self.write_rest(out, verbose)?;
        if let Some(prediction) = &self.prediction {
            write_prediction(out, prediction)?;
        }
        write_guard(out, self.guard)
    }

    fn number(&self, outcome: StoryEnd) -> usize {
        self.pages.iter().filter(|page| page.outcome == outcome).count()
    }

    fn headline(&self) -> String {
        let level = self.level();
        if level == Level::Healthy {
            let all = if self.pages.is_empty() && self.others.is_empty() {
                "OK: the log names no damaged page"
            } else {
                "OK: no page that the log names is left damaged"
            };
            return style::paint(style::GOOD, all);
        }
        let parts =
            self.pages_in_short().into_iter().chain(self.causes_in_short()).collect::<Vec<_>>().join("; ");
        match level {
            Level::Critical => style::paint(style::BAD, &format!("CRITICAL: {parts}")),
            Level::Attention => style::paint(style::WARN, &format!("ATTENTION: {parts}")),
            _ => style::paint(style::WARN, &format!("UNKNOWN: {parts}")),
        }
    }

    fn pages_in_short(&self) -> Vec<String> {
        let (lost, sound) = (self.number(StoryEnd::Lost), self.number(StoryEnd::Sound));
        let damaged = lost + self.number(StoryEnd::Damaged) + self.number(StoryEnd::Mendable);
        let mut parts = Vec::new();
        match (damaged, lost) {
            (0, _) => {}
            (_, 0) => parts.push(format!("{} named", count(damaged, "damaged page"))),
            (_, _) => parts
                .push(format!("{}, {lost} of them without a usable copy", count(damaged, "damaged page"))),
        }
        if sound > 0 {
            parts.push(format!("{} refused by the server though the checksum fits", count(sound, "page")));
        }
        parts
    }

    /// What does not go by pages, the worst first.
    fn causes_in_short(&self) -> Vec<String> {
        let weighty =
            self.others.iter().filter(|other| other.level() > Level::Healthy).map(|other| &other.said);
        let of_pages =
            self.pages.iter().flat_map(|page| &page.said).filter(|f| f.kind == LogKind::CopyTooNew);
        let mut causes: Vec<&str> = Vec::new();
        for cause in weighty.chain(of_pages).filter_map(|finding| in_short(finding.kind)) {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        let more = causes.len().saturating_sub(IN_HEADLINE);
        let mut parts: Vec<String> = causes.into_iter().take(IN_HEADLINE).map(str::to_owned).collect();
        if more > 0 {
            parts.push(format!("{more} more"));
        }
        let unknown = self.others.iter().filter(|other| other.said.kind == LogKind::UnknownError).count();
        if unknown > 0 {
            parts.push(format!("{} that dblwr does not know", count(unknown, "error message")));
        }
        if self.not_kept > 0 {
            parts.push(format!("{} counted only", count_u64(self.not_kept, "finding")));
        }
        parts
    }

    fn write_counts(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let worse = self.pages.iter().filter(|page| page.outcome > StoryEnd::Whole).count();
        if worse > MAX_TOLD {
            writeln!(out, "\nand {}: --json has them all", count(worse - MAX_TOLD, "more page"))?;
        }
        for (outcome, what) in [
            (
                StoryEnd::Mended,
                "mended by the server itself: ask for rows of the tables, that it started is no proof",
            ),
            (StoryEnd::Whole, "whole now"),
            (StoryEnd::CopyOnly, "of which only a copy was spoken of"),
        ] {
            let number = self.number(outcome);
            if number > 0 && !verbose {
                writeln!(out, "\n{} {what} (-v lists them)", count(number, "page"))?;
            }
        }
        Ok(())
    }

    fn write_rest(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let weighty = self.others.iter().filter(|other| other.level() > Level::Healthy).count();
        if weighty > MAX_TOLD {
            writeln!(out, "\nand {}: --json has them all", count(weighty - MAX_TOLD, "more message"))?;
        }
        let over = self.others.iter().filter(|other| other.over).count();
        if over > 0 && !verbose {
            let line = self.last_started.unwrap_or_default();
            let what = count(over, "earlier cause");
            writeln!(
                out,
                "\n{what} of a stop: InnoDB has started since, last in line {line} (-v lists them)"
            )?;
        }
        if self.not_kept > 0 {
            writeln!(out, "\n{} beyond the limit were counted only", count_u64(self.not_kept, "finding"))?;
        }
        Ok(())
    }
}

fn count_u64(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn write_page(out: &mut dyn Write, page: &PageStory) -> io::Result<()> {
    let file = page.file.as_deref().map(|file| format!(", {}", style::printable(file))).unwrap_or_default();
    let title = match page.space_id {
        Some(space) => format!("page {space}:{}{file}", page.page_no),
        None => format!("page {}, space not named{file}", page.page_no),
    };
    let colour = match page.outcome {
        StoryEnd::Lost => style::BAD,
        StoryEnd::Damaged | StoryEnd::Mendable | StoryEnd::Sound => style::WARN,
        _ => style::GOOD,
    };
    writeln!(out, "\n{}", style::paint(colour, &title))?;
    for finding in &page.said {
        write_finding(out, finding)?;
    }
    if let Some(now) = &page.now {
        let copy = match (now.verdict, now.copy_lsn) {
            (Some(verdict), Some(lsn)) => format!("copy of LSN {lsn}: {}", verdict.name()),
            _ => "no copy in the buffer".to_owned(),
        };
        let home = now.home.name();
        writeln!(out, "  now      page {home}, {copy}; {}", style::printable(&now.reason))?;
    }
    Ok(())
}

fn write_other(out: &mut dyn Write, other: &OtherFinding) -> io::Result<()> {
    let colour = match other.level() {
        Level::Critical => style::BAD,
        Level::Healthy => style::GOOD,
        _ => style::WARN,
    };
    writeln!(out, "\n{}", style::paint(colour, &subject_of(&other.said)))?;
    write_finding(out, &other.said)?;
    if other.over {
        writeln!(out, "           InnoDB has started since")?;
    }
    match &other.next {
        Some(next) => writeln!(out, "  next     {next}"),
        None => Ok(()),
    }
}

fn write_finding(out: &mut dyn Write, finding: &LogFinding) -> io::Result<()> {
    let again = if finding.count > 1 {
        format!(" ({} times, last in line {})", finding.count, finding.last_line)
    } else {
        String::new()
    };
    writeln!(out, "  line {}{again}: {}", finding.line, finding.quoted)?;
    writeln!(out, "           {}", meaning(finding.kind))?;
    match evidence(finding) {
        Some(evidence) => writeln!(out, "           {evidence}"),
        None => Ok(()),
    }
}

fn subject_of(finding: &LogFinding) -> String {
    match (&finding.file, finding.space_id) {
        (Some(file), _) => style::printable(file),
        (None, Some(space)) => format!("space {space}"),
        (None, None) if finding.kind == LogKind::UnknownError => "not understood".to_owned(),
        (None, None) => "no page named".to_owned(),
    }
}
