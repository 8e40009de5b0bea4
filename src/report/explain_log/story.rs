//! What a log and a directory say of one page, put together.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::commands::explain_log::{LogFinding, LogKind};
use crate::page::reason::PageReason;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home;
use crate::verdict::home::HomeState;
use crate::verdict::home_reason::HomeReason;
use crate::verdict::survey::Survey;

/// How a page's story ends, the harmless first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoryEnd {
    /// Only a copy was spoken of; nothing says that the page itself is damaged.
    CopyOnly,
    /// The server put a copy in place.
    Mended,
    /// The page is whole in PATH.
    Whole,
    /// The server refused the page, and the dump in the log shows that its checksum fits.
    Sound,
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
    pub said: Vec<LogFinding>,
    /// What PATH shows; `null` without `--against`.
    pub now: Option<PageNow>,
    /// How it ends.
    pub outcome: StoryEnd,
    /// The next step.
    pub next: String,
}

/// Findings by page: its tablespace, else the name of its file, and its number.
type PageGroups = BTreeMap<(Option<SpaceId>, Option<String>, PageNo), Vec<LogFinding>>;

/// The stories of all pages that are named, the worst first, and the findings that name none. What to do next is not in them.
pub(super) fn stories(
    findings: Vec<LogFinding>,
    survey: Option<&Survey>,
) -> (Vec<PageStory>, Vec<LogFinding>) {
    let (named, others): (Vec<LogFinding>, Vec<LogFinding>) =
        findings.into_iter().partition(|f| f.page_no.is_some());
    let spaces = spaces_of_names(&named);
    let mut groups = PageGroups::new();
    for finding in named {
        let page_no = finding.page_no.unwrap_or_default();
        let name = finding.file.as_deref().map(plain_name);
        let space = finding.space_id.or_else(|| spaces.get(name.as_deref()?).copied());
        let space = space.or_else(|| space_of_file(survey?, finding.file.as_deref()?));
        let name = name.filter(|_| space.is_none());
        groups.entry((space, name, page_no)).or_default().push(finding);
    }
    let others = attach(&mut groups, &spaces, others);
    let told = groups.into_iter().map(|((space, _, page), said)| story(space, page, said, survey));
    let mut pages: Vec<PageStory> = told.collect();
    pages.sort_by_key(|page| std::cmp::Reverse(page.outcome));
    (pages, others)
}

/// The space ids that the log itself gives for names; a name with two of them has none.
fn spaces_of_names(findings: &[LogFinding]) -> BTreeMap<String, SpaceId> {
    let mut found: BTreeMap<String, Option<SpaceId>> = BTreeMap::new();
    for finding in findings {
        let (Some(space), Some(file)) = (finding.space_id, finding.file.as_deref()) else { continue };
        let known = found.entry(plain_name(file)).or_insert(Some(space));
        *known = known.filter(|known| *known == space);
    }
    found.into_iter().filter_map(|(name, space)| Some((name, space?))).collect()
}

/// Tables given up and files called corrupted belong to the page that is the reason, where one of that file is named.
fn attach(
    groups: &mut PageGroups,
    spaces: &BTreeMap<String, SpaceId>,
    others: Vec<LogFinding>,
) -> Vec<LogFinding> {
    let mut left = Vec::new();
    for finding in others {
        let belongs = matches!(
            finding.kind,
            LogKind::TableLost | LogKind::Corrupt | LogKind::IndexDamaged | LogKind::Encrypted
        );
        let name = finding.file.as_deref().filter(|_| belongs).map(plain_name);
        let mine = groups.iter_mut().find(|((space, file, _), said)| {
            let Some(name) = name.as_deref() else { return false };
            file.as_deref() == Some(name)
                || space.is_some() && *space == spaces.get(name).copied()
                || said.iter().any(|other| other.file.as_deref().map(plain_name).as_deref() == Some(name))
        });
        match mine {
            Some((_, said)) => said.push(finding),
            None => left.push(finding),
        }
    }
    left
}

/// `./d/t1.ibd`, `.\\d\\t1.ibd`, `/var/lib/mysql/d/t1.ibd`, `d/t1` and `` `d`.`t1` `` are one table.
fn plain_name(name: &str) -> String {
    let mut name = name.replace('\\', "/").replace("`.`", "/").replace(['`', '"'], "");
    if let Some(table) = name.strip_suffix(".ibd") {
        name = table.to_owned();
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    parts.get(parts.len().saturating_sub(2)..).unwrap_or_default().join("/")
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
    mut said: Vec<LogFinding>,
    survey: Option<&Survey>,
) -> PageStory {
    said.sort_by_key(|finding| finding.line);
    let now = survey.and_then(|survey| look(survey, space_id?, page_no));
    let outcome = now.as_ref().map_or_else(|| outcome_of(&said), outcome_now);
    let named = said.iter().find_map(|finding| finding.file.clone());
    let file = named.or_else(|| survey.and_then(|survey| file_of(survey, space_id?, page_no)));
    PageStory { space_id, page_no, file, said, now, outcome, next: String::new() }
}

/// What the log alone says: a page that was reported damaged after it was mended is damaged again.
fn outcome_of(said: &[LogFinding]) -> StoryEnd {
    let last = |wanted: &dyn Fn(LogKind) -> bool| {
        said.iter().filter(|finding| wanted(finding.kind)).map(|finding| finding.last_line).max()
    };
    let lost = last(&|kind| matches!(kind, LogKind::NoCopy | LogKind::CopyCorrupt | LogKind::DetectOnly));
    let damaged = last(&LogKind::is_damage);
    let holds = said.iter().any(|finding| finding.kind == LogKind::ChecksumHolds);
    let refused = |kind| {
        matches!(kind, LogKind::Corrupt | LogKind::ChecksumHolds | LogKind::TableLost | LogKind::IndexDamaged)
    };
    if holds && said.iter().all(|finding| refused(finding.kind)) {
        return StoryEnd::Sound;
    }
    match (damaged, last(&|kind| kind == LogKind::Recovered)) {
        (Some(damaged), Some(mended)) if mended >= damaged => StoryEnd::Mended,
        (None, Some(_)) => StoryEnd::Mended,
        (Some(_), _) if lost.is_some() => StoryEnd::Lost,
        (Some(_), _) => StoryEnd::Damaged,
        (None, None) => StoryEnd::CopyOnly,
    }
}

fn outcome_now(now: &PageNow) -> StoryEnd {
    match now.verdict {
        Some(Verdict::Restorable) => StoryEnd::Mendable,
        Some(verdict) if verdict.is_critical() => StoryEnd::Lost,
        _ => match now.home {
            HomeState::Valid | HomeState::Zero => StoryEnd::Whole,
            HomeState::Unverifiable => StoryEnd::Damaged,
            _ => StoryEnd::Lost,
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
            reason: best.judgement.reason.to_string(),
        });
    }
    let stored = survey.instance.space_id_stored();
    let home = home::look(&survey.instance.spaces, space_id, page_no, stored).ok()?;
    let reason = match home.why {
        HomeReason::Page(PageReason::Verifies) => "no copy is in the buffer, and none is needed".to_owned(),
        why => why.to_string(),
    };
    Some(PageNow { home: home.state, verdict: None, copy_lsn: None, reason })
}

fn file_of(survey: &Survey, space_id: SpaceId, page_no: PageNo) -> Option<String> {
    let space = survey.instance.spaces.list.iter().find(|space| space.id == Some(space_id))?;
    Some(space.place(page_no)?.file.name.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kinds: &[(LogKind, u64)]) -> Vec<LogFinding> {
        let finding = |&(kind, line)| LogFinding {
            line: 1,
            last_line: line,
            count: 1,
            kind,
            space_id: None,
            page_no: Some(PageNo(3)),
            file: None,
            quoted: String::new(),
            server: "",
            evidence: None,
        };
        kinds.iter().map(finding).collect()
    }

    #[test]
    fn a_story_ends_as_its_last_word_says() {
        use LogKind::{ChecksumHolds, CopyCorrupt, CopyTooNew, Corrupt, Recovered, Torn};
        for (kinds, outcome) in [
            (&[(Torn, 1), (Recovered, 2)][..], StoryEnd::Mended),
            (&[(Recovered, 2)], StoryEnd::Mended),
            (&[(Torn, 1), (Recovered, 2), (Corrupt, 3)], StoryEnd::Damaged),
            (&[(Torn, 1), (CopyCorrupt, 2)], StoryEnd::Lost),
            (&[(Torn, 1), (CopyCorrupt, 2), (Recovered, 3)], StoryEnd::Mended),
            (&[(CopyTooNew, 1)], StoryEnd::CopyOnly),
            (&[(Corrupt, 1), (ChecksumHolds, 2), (Corrupt, 3)], StoryEnd::Sound),
            (&[(Corrupt, 1), (ChecksumHolds, 2), (Torn, 3)], StoryEnd::Damaged),
        ] {
            assert_eq!(outcome_of(&said(kinds)), outcome, "{kinds:?}");
        }
    }

    #[test]
    fn a_page_without_a_copy_is_whole_only_if_it_is() {
        let now = |home, verdict| PageNow { home, verdict, copy_lsn: None, reason: String::new() };
        assert_eq!(outcome_now(&now(HomeState::Valid, None)), StoryEnd::Whole);
        assert_eq!(outcome_now(&now(HomeState::Torn, None)), StoryEnd::Lost);
        assert_eq!(outcome_now(&now(HomeState::Torn, Some(Verdict::Restorable))), StoryEnd::Mendable);
        assert_eq!(outcome_now(&now(HomeState::Valid, Some(Verdict::LostWrite))), StoryEnd::Lost);
        assert_eq!(outcome_now(&now(HomeState::Unverifiable, None)), StoryEnd::Damaged);
    }

    #[test]
    fn every_way_to_write_a_table_is_one_name() {
        for name in [
            "./d/t1.ibd",
            ".\\d\\t1.ibd",
            "/var/lib/mysql/d/t1.ibd",
            "d/t1",
            "`d`.`t1`",
            "\"d\".\"t1\"".replace("\".\"", "`.`").as_str(),
        ] {
            assert_eq!(plain_name(name), "d/t1", "{name}");
        }
        assert_eq!(plain_name("./ibdata1"), "ibdata1");
    }
}
