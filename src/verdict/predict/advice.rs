//! One sentence on what to do. It never names a rewritten checksum or innodb_force_recovery: both cost data that the
//! doublewrite buffer may still hold.

use crate::instance::redo::Shutdown;
use crate::units::count;
use crate::verdict::predict::Stop;
use crate::verdict::predict::facts::{Facts, PageView};
use crate::verdict::predict::pass::PassOutcome;

pub(super) fn advise(facts: &Facts, outcome: &PassOutcome, starts: Option<bool>) -> String {
    let better = facts.pages.iter().filter(|page| page.restorable.is_some()).count();
    if facts.crash_unsafe {
        return "redo logging was off when the server ended: bring the data back from a backup".into();
    }
    if !outcome.stops.is_empty() {
        return at_a_stop(facts, outcome);
    }
    if let Some(page) = outcome.lost.iter().find_map(|&at| facts.pages.get(at)) {
        return lost(page);
    }
    if let Some(page) = outcome.in_memory.iter().find_map(|&at| facts.pages.get(at)) {
        return format!(
            "run dblwr restore first: the server mends page {}:{} in memory only, and its file stays damaged",
            page.id.space_id, page.id.page_no
        );
    }
    let left = facts
        .pages
        .iter()
        .enumerate()
        .filter(|(at, page)| page.restorable.is_some() && !outcome.mends(*at))
        .count();
    if left > 0 {
        return format!(
            "run dblwr restore first: it can mend {} that the server would leave damaged",
            count(left, "page")
        );
    }
    if let Some(page) = older_copy(facts, outcome) {
        return format!(
            "run dblwr restore first: of page {}:{} the server would take an older copy",
            page.id.space_id, page.id.page_no
        );
    }
    if starts.is_none() {
        let doubt = outcome.doubts.first().map_or("the files leave it open", String::as_str);
        let first = if better > 0 {
            "run dblwr restore before the server starts"
        } else {
            "keep a copy of all files before the server starts"
        };
        return format!("{first}: {doubt}");
    }
    if unmended(facts, outcome) {
        return "keep a copy of all files before the server starts: damaged pages stay, and their copies are no proof of the \
                version that belongs there"
            .into();
    }
    if let Some(page) = facts.pages.iter().find(|page| page.lost_write) {
        return format!(
            "keep a copy of all files before the server starts: a write of page {}:{} was lost, and the server would read \
             the older page without a word",
            page.id.space_id, page.id.page_no
        );
    }
    sound(facts, outcome)
}

fn sound(facts: &Facts, outcome: &PassOutcome) -> String {
    match (outcome.writes.len(), facts.shutdown) {
        (0, Shutdown::Clean) => {
            "the server was shut down cleanly and will not look at the buffer: start it".into()
        }
        (0, _) => "start the server: it recovers from its redo log and needs no page from the buffer".into(),
        (written, _) => format!(
            "the server mends {} by itself; dblwr restore writes the same, and keeps a journal to take it back",
            count(written, "page")
        ),
    }
}

fn at_a_stop(facts: &Facts, outcome: &PassOutcome) -> String {
    let can = |stop: &&Stop| {
        let page = facts.pages.iter().find(|page| Some(page.id) == stop.page());
        page.is_some_and(|page| page.restorable.is_some())
    };
    match outcome.stops.iter().find(|stop| !can(stop)) {
        None => format!(
            "run dblwr restore first: it mends {} that the server stops at",
            count(outcome.stops.len(), "page")
        ),
        Some(Stop { space_id: Some(space_id), page_no: Some(page_no), .. }) => format!(
            "keep a copy of all files and bring page {space_id}:{page_no} back from a backup: the buffer holds no copy that \
             belongs there"
        ),
        Some(stop) => format!("keep a copy of all files before the server starts: it stops at {stop}"),
    }
}

fn lost(page: &PageView) -> String {
    if page.restorable.is_some() {
        format!(
            "run dblwr restore first: the server would start without the table in {}, whose first page it leaves \
                 damaged",
            page.home.file
        )
    } else {
        format!(
            "keep a copy of all files: the server would start without the table in {}, whose first page is damaged",
            page.home.file
        )
    }
}

fn older_copy<'a>(facts: &'a Facts, outcome: &PassOutcome) -> Option<&'a PageView> {
    outcome.writes.iter().find_map(|write| {
        let page = facts.pages.get(write.page)?;
        let lsn = |finding| page.copies.iter().find(|copy| copy.finding == finding).map(|copy| copy.lsn);
        let (ours, theirs) = (lsn(page.restorable?)?, lsn(write.finding)?);
        (theirs < ours).then_some(page)
    })
}

fn unmended(facts: &Facts, outcome: &PassOutcome) -> bool {
    facts.pages.iter().enumerate().any(|(at, page)| page.home.is_corrupt() && !outcome.mends(at))
}
