//! `explain-log`: page by page what a log says, what the files say now, and what to do.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::commands::explain_log::{Finding, Kind, LogSummary};
use crate::report::SCHEMA_VERSION;
use crate::report::guard::{guard, write_guard};
use crate::report::restore::restoring;
use crate::report::style;
use crate::units::count;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home;
use crate::verdict::home::HomeState;
use crate::verdict::survey::Survey;

/// Pages told in full in the text for people; the others are counted.
const MAX_TOLD: usize = 50;

/// How a page's story ends, the harmless first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Only a copy was spoken of; nothing says that the page itself is damaged.
    CopyOnly,
    /// The server put a copy in place.
    Mended,
    /// The page is whole in PATH.
    Whole,
    /// Damaged, and PATH was not looked at, or could not tell.
    Damaged,
    /// Damaged, and PATH holds the copy that mends it.
    Mendable,
    /// Damaged, and no copy can mend it.
    Lost,
}

/// What PATH shows of a page.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PageNow {
    /// The state of the page in its file.
    pub home: HomeState,
    /// The verdict on its best copy; `null` where the buffer holds none.
    pub verdict: Option<Verdict>,
    /// The LSN of that copy.
    pub copy_lsn: Option<Lsn>,
    /// One sentence for a person.
    pub reason: String,
}

/// A page and everything said about it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PageStory {
    /// Tablespace, where the log or PATH tells it.
    pub space_id: Option<SpaceId>,
    /// Page.
    pub page_no: PageNo,
    /// File, where the log or PATH tells it.
    pub file: Option<String>,
    /// What the log says, in its order.
    pub said: Vec<Finding>,
    /// What PATH shows; `null` without `--against`.
    pub now: Option<PageNow>,
    /// How it ends.
    pub outcome: Outcome,
    /// The next step.
    pub next: String,
}

/// The document of `explain-log --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ExplainReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The log as given.
    pub log: String,
    /// PATH as given.
    pub against: Option<String>,
    /// Lines read.
    pub lines: u64,
    /// Starts of a server in the log.
    pub starts: u64,
    /// The last server version named.
    pub version: Option<String>,
    /// The checkpoint from which the last recovery began.
    pub checkpoint_lsn: Option<Lsn>,
    /// The end of the redo log that it found.
    pub end_lsn: Option<Lsn>,
    /// Every page named, the worst first.
    pub pages: Vec<PageStory>,
    /// What names no page.
    pub others: Vec<Finding>,
    /// Findings beyond the limit, counted only.
    pub not_kept: u64,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

impl ExplainReport {
    /// Puts a log, and where given a survey of the directory, together.
    pub fn of(
        log: &Path,
        summary: LogSummary,
        against: Option<&Path>,
        survey: Option<&Survey>,
    ) -> ExplainReport {
        let (named, others): (Vec<Finding>, Vec<Finding>) =
            summary.findings.into_iter().partition(|finding| finding.page_no.is_some());
        let mut groups: BTreeMap<(Option<SpaceId>, Option<String>, PageNo), Vec<Finding>> = BTreeMap::new();
        for finding in named {
            let page_no = finding.page_no.unwrap_or_default();
            let space = finding.space_id.or_else(|| space_of_file(survey?, finding.file.as_deref()?));
            let file = finding.file.clone().filter(|_| space.is_none());
            groups.entry((space, file, page_no)).or_default().push(finding);
        }
        let path = against.map_or_else(|| "PATH".to_owned(), |path| path.display().to_string());
        let stories =
            groups.into_iter().map(|((space, _, page), said)| story(space, page, said, survey, &path));
        let mut pages: Vec<PageStory> = stories.collect();
        pages.sort_by_key(|page| std::cmp::Reverse(page.outcome));
        ExplainReport {
            schema_version: SCHEMA_VERSION,
            log: log.display().to_string(),
            against: against.map(|path| path.display().to_string()),
            lines: summary.lines,
            starts: summary.starts,
            version: summary.version,
            guard: guard(pages.iter().any(|page| page.outcome == Outcome::Mendable)),
            checkpoint_lsn: summary.checkpoint_lsn,
            end_lsn: summary.end_lsn,
            pages,
            others,
            not_kept: summary.not_kept,
        }
    }

    /// The worst ending.
    pub fn worst(&self) -> Option<Outcome> {
        self.pages.iter().map(|page| page.outcome).max()
    }

    /// Writes it for a person; `verbose` also tells what ended well.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        writeln!(out, "{}", self.headline())?;
        let server = self.version.as_deref().unwrap_or("server version not named");
        writeln!(
            out,
            "{} read, {}, {server}",
            count_u64(self.lines, "line"),
            count_u64(self.starts, "server start")
        )?;
        let told = |page: &&PageStory| verbose || page.outcome > Outcome::Whole;
        for page in self.pages.iter().filter(told).take(MAX_TOLD) {
            write_page(out, page)?;
        }
        self.write_counts(out, verbose)?;
        for finding in &self.others {
            writeln!(out, "\n{}", style::paint(style::WARN, &subject_of(finding)))?;
            write_finding(out, finding)?;
        }
        write_guard(out, self.guard)
    }

    fn headline(&self) -> String {
        let number = |outcome| self.pages.iter().filter(|page| page.outcome == outcome).count();
        let damaged = number(Outcome::Damaged) + number(Outcome::Mendable);
        match (number(Outcome::Lost), damaged) {
            (0, 0) if self.pages.is_empty() && self.others.is_empty() => {
                style::paint(style::GOOD, "OK: the log names no damaged page")
            }
            (0, 0) => style::paint(style::GOOD, "OK: no page that the log names is left damaged"),
            (0, n) => style::paint(style::WARN, &format!("ATTENTION: {} named", count(n, "damaged page"))),
            (lost, n) => {
                let all = format!(
                    "CRITICAL: {}, {lost} of them without a usable copy",
                    count(lost + n, "damaged page")
                );
                style::paint(style::BAD, &all)
            }
        }
    }

    fn write_counts(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        let worse = self.pages.iter().filter(|page| page.outcome > Outcome::Whole).count();
        if worse > MAX_TOLD {
            writeln!(out, "\nand {}: --json has them all", count(worse - MAX_TOLD, "more page"))?;
        }
        let number = |outcome| self.pages.iter().filter(|page| page.outcome == outcome).count();
        for (outcome, what) in [
            (
                Outcome::Mended,
                "mended by the server itself: ask for rows of the tables, that it started is no proof",
            ),
            (Outcome::Whole, "whole now"),
            (Outcome::CopyOnly, "of which only a copy was spoken of"),
        ] {
            if number(outcome) > 0 && !verbose {
                writeln!(out, "\n{} {what} (-v lists them)", count(number(outcome), "page"))?;
            }
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

/// The tablespace whose file the log names: `./d/t1.ibd` is `d/t1.ibd` below the data directory.
fn space_of_file(survey: &Survey, named: &str) -> Option<SpaceId> {
    let named = Path::new(named.trim_start_matches("./"));
    let spaces = &survey.instance.spaces.list;
    let found =
        spaces.iter().find(|space| space.files.iter().any(|f| f.name == named || f.path.ends_with(named)));
    found.and_then(|space| space.id)
}

fn story(
    space_id: Option<SpaceId>,
    page_no: PageNo,
    mut said: Vec<Finding>,
    survey: Option<&Survey>,
    path: &str,
) -> PageStory {
    said.sort_by_key(|finding| finding.line);
    let now = survey.and_then(|survey| look(survey, space_id?, page_no));
    let outcome = now.as_ref().map_or_else(|| outcome_of(&said), outcome_now);
    let named = said.iter().find_map(|finding| finding.file.clone());
    let file = named.or_else(|| survey.and_then(|survey| file_of(survey, space_id?, page_no)));
    let next = next_step(outcome, space_id, page_no, now.as_ref(), path);
    PageStory { space_id, page_no, file, said, now, outcome, next }
}

/// What the log alone says: a page that was reported damaged after it was mended is damaged again.
fn outcome_of(said: &[Finding]) -> Outcome {
    let last = |wanted: &dyn Fn(Kind) -> bool| {
        said.iter().filter(|finding| wanted(finding.kind)).map(|finding| finding.last_line).max()
    };
    let lost = last(&|kind| matches!(kind, Kind::NoCopy | Kind::CopyCorrupt | Kind::DetectOnly));
    let damaged = last(&Kind::is_damage);
    match (damaged, last(&|kind| kind == Kind::Recovered)) {
        (Some(damaged), Some(mended)) if mended >= damaged => Outcome::Mended,
        (None, Some(_)) => Outcome::Mended,
        (Some(_), _) if lost.is_some() => Outcome::Lost,
        (Some(_), _) => Outcome::Damaged,
        (None, None) => Outcome::CopyOnly,
    }
}

fn outcome_now(now: &PageNow) -> Outcome {
    match now.verdict {
        Some(Verdict::Restorable) => Outcome::Mendable,
        Some(verdict) if verdict.is_critical() => Outcome::Lost,
        _ => match now.home {
            HomeState::Valid | HomeState::Zero => Outcome::Whole,
            HomeState::Unverifiable => Outcome::Damaged,
            _ => Outcome::Lost,
        },
    }
}

/// The page and its best copy in the directory.
fn look(survey: &Survey, space_id: SpaceId, page_no: PageNo) -> Option<PageNow> {
    let mine = survey.findings.iter().filter(|f| (f.space_id(), f.page_no()) == (space_id, page_no));
    if let Some(best) = mine.min_by_key(|finding| finding.judgement.verdict) {
        return Some(PageNow {
            home: survey.home_of(best).map_or(HomeState::Unverifiable, |home| home.state),
            verdict: Some(best.judgement.verdict),
            copy_lsn: Some(best.lsn()),
            reason: best.judgement.reason.clone(),
        });
    }
    let stored = survey.instance.areas.iter().all(|area| area.space_id_stored);
    let home = home::look(&survey.instance.spaces, space_id, page_no, stored).ok()?;
    let reason = if home.why.is_empty() {
        "no copy is in the buffer, and none is needed".to_owned()
    } else {
        home.why
    };
    Some(PageNow { home: home.state, verdict: None, copy_lsn: None, reason })
}

fn file_of(survey: &Survey, space_id: SpaceId, page_no: PageNo) -> Option<String> {
    let space = survey.instance.spaces.list.iter().find(|space| space.id == Some(space_id))?;
    Some(space.place(page_no)?.file.name.display().to_string())
}

fn next_step(
    outcome: Outcome,
    space_id: Option<SpaceId>,
    page_no: PageNo,
    now: Option<&PageNow>,
    path: &str,
) -> String {
    let page =
        space_id.map_or_else(|| "SPACE".to_owned(), |space| space.to_string()) + ":" + &page_no.to_string();
    match outcome {
        Outcome::CopyOnly => "nothing, unless the page is damaged: dblwr verify tells".to_owned(),
        Outcome::Mended => "ask for rows of the table: that the server started is no proof".to_owned(),
        Outcome::Whole => "nothing: the page is whole in the files now".to_owned(),
        Outcome::Mendable => {
            format!("with the server stopped: {} --page {page}, then again with --apply", restoring(path))
        },
        Outcome::Damaged if now.is_some() => format!("dblwr page FILE {page_no} shows what can be seen of it"),
        Outcome::Damaged => {
            "stop the server before it writes, copy its directory, then name it: explain-log FILE --against DATADIR".to_owned()
        }
        Outcome::Lost => lost(now, path, &page),
    }
}

fn lost(now: Option<&PageNow>, path: &str, page: &str) -> String {
    match now.and_then(|now| now.verdict) {
        Some(Verdict::Stale) => {
            format!("from a backup; or the older copy: {} --page {page} --include-stale", restoring(path))
        },
        Some(_) => "from a backup, or a dump of the table with innodb_force_recovery".to_owned(),
        // MariaDB 10.5 on does not doublewrite pages that were initialised since their last flush.
        None => "let the server recover a copy of the directory first: redo may rebuild the page; else from a backup".to_owned(),
    }
}

fn write_page(out: &mut dyn Write, page: &PageStory) -> io::Result<()> {
    let space = page.space_id.map_or_else(|| "space not named".to_owned(), |space| format!("space {space}"));
    let file = page.file.as_deref().map(|file| format!(", {}", style::printable(file))).unwrap_or_default();
    let title = format!("{space} page {}{file}", page.page_no);
    let colour = match page.outcome {
        Outcome::Lost => style::BAD,
        Outcome::Damaged | Outcome::Mendable => style::WARN,
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
        let home = format!("{:?}", now.home).to_lowercase();
        writeln!(out, "  now      page {home}, {copy}; {}", style::printable(&now.reason))?;
    }
    writeln!(out, "  next     {}", page.next)
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let again = if finding.count > 1 {
        format!(" ({} times, last in line {})", finding.count, finding.last_line)
    } else {
        String::new()
    };
    writeln!(out, "  line {}{again}: {}", finding.line, finding.quoted)?;
    writeln!(out, "           {}", finding.kind.meaning())
}

fn subject_of(finding: &Finding) -> String {
    match (&finding.file, finding.space_id) {
        (Some(file), _) => style::printable(file),
        (None, Some(space)) => format!("space {space}"),
        (None, None) => "no page named".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kinds: &[(Kind, u64)]) -> Vec<Finding> {
        let finding = |&(kind, line)| Finding {
            line: 1,
            last_line: line,
            count: 1,
            kind,
            space_id: None,
            page_no: Some(PageNo(3)),
            file: None,
            quoted: String::new(),
            server: "",
        };
        kinds.iter().map(finding).collect()
    }

    #[test]
    fn a_story_ends_as_its_last_word_says() {
        use Kind::{CopyCorrupt, CopyTooNew, Corrupt, Recovered, Torn};
        for (kinds, outcome) in [
            (&[(Torn, 1), (Recovered, 2)][..], Outcome::Mended),
            (&[(Recovered, 2)], Outcome::Mended),
            (&[(Torn, 1), (Recovered, 2), (Corrupt, 3)], Outcome::Damaged),
            (&[(Torn, 1), (CopyCorrupt, 2)], Outcome::Lost),
            (&[(Torn, 1), (CopyCorrupt, 2), (Recovered, 3)], Outcome::Mended),
            (&[(CopyTooNew, 1)], Outcome::CopyOnly),
        ] {
            assert_eq!(outcome_of(&said(kinds)), outcome, "{kinds:?}");
        }
    }

    #[test]
    fn a_page_without_a_copy_is_whole_only_if_it_is() {
        let now = |home, verdict| PageNow { home, verdict, copy_lsn: None, reason: String::new() };
        assert_eq!(outcome_now(&now(HomeState::Valid, None)), Outcome::Whole);
        assert_eq!(outcome_now(&now(HomeState::Torn, None)), Outcome::Lost);
        assert_eq!(outcome_now(&now(HomeState::Torn, Some(Verdict::Restorable))), Outcome::Mendable);
        assert_eq!(outcome_now(&now(HomeState::Valid, Some(Verdict::LostWrite))), Outcome::Lost);
        assert_eq!(outcome_now(&now(HomeState::Unverifiable, None)), Outcome::Damaged);
    }
}
