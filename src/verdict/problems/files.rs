//! Files: missing, empty, foreign, cut; and the pages that a server reads before it mends anything.

use std::path::Component;

use crate::bytes::u32_at;
use crate::format::PageSource;
use crate::format::fsp::FSP_SIZE;
use crate::format::trx_sys::TRX_SYS_PAGE;
use crate::instance::Instance;
use crate::instance::file_names::is_undo_file;
use crate::instance::generation::Generation;
use crate::instance::pages::VerifiedPages;
use crate::instance::redo::Shutdown;
use crate::instance::roster::{DICTIONARY_SPACE, DictionaryState, Named, Role, Witness};
use crate::instance::settle::spellings;
use crate::instance::spaces::{Identification, Owner, SpaceFile, Tablespace};
use crate::units::{PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home::{HomeState, look_in};
use crate::verdict::problems::named::{gone, kind_of, lies, lying};
use crate::verdict::problems::reason::{CutRedo, Lying, ProblemReason, Unjudged};
use crate::verdict::problems::{Problem, ProblemKind, Severity, misplaced, system_files};
use crate::verdict::survey::Survey;

/// Files that the data name and that are not there, or are none.
pub(super) fn missing(survey: &Survey, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    for named in instance.roster.files.iter().filter(|named| named.excuse.is_none()) {
        match named.role {
            Role::System => problems.extend(system_files::named(instance, named)),
            Role::Dictionary | Role::Undo | Role::Table => problems.extend(other_file(instance, named)),
        }
    }
    dangling(instance, problems);
    let first = instance.spaces.system().and_then(|space| space.files.first());
    let whole = first.is_none_or(|file| file.first_page == 0);
    if !whole && instance.locations.data_files.is_none() {
        let told = |problem: &Problem| problems.iter().any(|known| known.file == problem.file);
        let before = system_files::before(instance).filter(|problem| !told(problem));
        problems.extend(before);
    }
    problems.extend(system_files::later(instance));
    let hidden = instance.generation.has_mysql_ibd() && instance.spaces.contains(DICTIONARY_SPACE);
    if hidden && instance.roster.dictionary == DictionaryState::Unreadable {
        let reason = ProblemReason::NotJudged(Unjudged::Dictionary);
        problems.push(Problem::new(ProblemKind::NotJudged, Severity::Unknown, reason).file("mysql.ibd"));
    }
}

/// Link files that lead to nothing. Where the dictionary was read, it names the table, or has forgotten it.
fn dangling(instance: &Instance, problems: &mut Vec<Problem>) {
    if instance.roster.dictionary == DictionaryState::Read {
        return;
    }
    for link in instance.spaces.links.iter().filter(|link| link.target.try_exists().is_ok_and(|there| !there))
    {
        let reason = ProblemReason::Elsewhere { by: Witness::Link };
        problems.push(Problem::new(ProblemKind::FileElsewhere, Severity::Unknown, reason).file(&link.target));
    }
}

/// Files that nothing names and that are no tablespaces: a killed CREATE or ALTER leaves such.
pub(super) fn unnamed(survey: &Survey, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    let told = |file: &SpaceFile| problems.iter().any(|problem| problem.file.as_ref() == Some(&file.name));
    let left: Vec<&SpaceFile> = instance.spaces.unidentified.iter().filter(|file| !told(file)).collect();
    for file in left {
        let what = lying(&file.path);
        let (severity, reason) = match named_by_redo(instance, file) {
            Some(true) => {
                (Severity::Note, ProblemReason::Lies { what: what.clone(), role: Role::Table, anew: true })
            }
            Some(false) => (
                Severity::Critical,
                ProblemReason::Lies { what: what.clone(), role: Role::Table, anew: false },
            ),
            None => (Severity::Note, ProblemReason::Unnamed { what: what.clone() }),
        };
        problems.push(Problem::new(kind_of(&what), severity, reason).file(&file.name));
    }
}

/// Whether redo after the checkpoint names a file, and makes it anew.
fn named_by_redo(instance: &Instance, file: &SpaceFile) -> Option<bool> {
    let records = instance.file_records()?;
    let at =
        |name: &String| instance.locations.datadir.join(name.strip_prefix("./").unwrap_or(name)) == file.path;
    let (space, _) = records.names.iter().find(|(space, name)| at(name) && !records.drops(**space))?;
    Some(records.created.contains(space))
}

fn other_file(instance: &Instance, named: &Named) -> Option<Problem> {
    let spaces = &instance.spaces;
    let id = named.space;
    let paths = spellings(&named.path);
    let there = paths.iter().find_map(|path| spaces.of_file(path));
    let anything = there.is_some_and(|space| space.id.is_none() || id.is_none() || named.role == Role::Undo);
    if let Some(id) = id.filter(|&id| spaces.contains(id)) {
        return misplaced::table(instance, named, id, &paths);
    }
    if anything && named.by != Witness::TransactionSystem {
        return None;
    }
    let unidentified = spaces.unidentified.iter().find(|file| paths.contains(&file.path));
    let stops = match named.role {
        Role::Table => stops_without(instance, named, there.is_some()),
        // MySQL 8.0.12 and 8.0.33 make a missing one anew, MariaDB 11.4.5 stops; nobody starts with an empty one.
        Role::Undo if instance.generation.has_mysql_ibd() => None,
        _ => Some(true),
    };
    let records = instance.file_records();
    if let Some(file) = unidentified {
        let what = lying(&file.path);
        let anew = id.zip(records).is_some_and(|(id, records)| records.created.contains(&id));
        let stops = if named.role == Role::Table { stops_at_foreign(instance) } else { Some(true) };
        let mut problem = lies(named, what).stops(stops);
        if anew {
            problem.severity = Severity::Note;
            problem.stops_start = Some(false);
        }
        return Some(problem);
    }
    let inside = named.path.strip_prefix(&instance.locations.datadir);
    let outside = inside.map_or(true, |path| path.components().any(|part| part == Component::ParentDir));
    if outside && named.role == Role::Table {
        let problem = Problem::new(
            ProblemKind::FileElsewhere,
            Severity::Unknown,
            ProblemReason::Elsewhere { by: named.by },
        );
        return Some(problem.file(&named.path).space(id));
    }
    let other = there.and_then(|space| space.id).map(Lying::OfSpace);
    let sure = named.role != Role::Table || tells_of_drops(instance);
    Some(gone(named, other, sure).stops(stops))
}

/// Whether a table that was dropped after the checkpoint would be known as such: the log is read for file records, and the
/// server writes them out before it deletes the file (MySQL 5.7 on, MariaDB 10.2 on).
fn tells_of_drops(instance: &Instance) -> bool {
    let generation = instance.generation;
    let writes = generation >= Generation::MariaDb102
        || (generation >= Generation::MySql57 && !generation.is_mariadb());
    instance.shutdown == Shutdown::Clean || (writes && instance.file_records().is_some())
}

/// A table without its file, as eleven servers from 5.5.9 to 11.4.5 were seen: after a clean stop each of them starts and has
/// lost it. After a crash those that open what redo names stop where it names this one (5.7.22, 8.0.33, 9.7.4, MariaDB 10.2.11
/// to 11.4.5), 8.0.12 does not; older ones lose it. Where another table's file lies in its place 10.1.23 stops.
fn stops_without(instance: &Instance, named: &Named, of_another: bool) -> Option<bool> {
    let generation = instance.generation;
    match (generation, instance.shutdown) {
        (Generation::Unknown, _) | (_, Shutdown::Unknown) => None,
        (Generation::MariaDb101, _) if of_another => None,
        (_, Shutdown::Clean) => Some(false),
        (Generation::MySql80, _) => None,
        (Generation::MariaDb101, _) => Some(false),
        (older, _) if older <= Generation::MySql56 => Some(false),
        _ => instance.redo_names(named.space?).filter(|names| *names),
    }
}

/// Empty, zero and foreign files in the place of a table. After a clean stop every server but 10.1.23 starts and has lost it.
/// After a crash 8.0.33 and 9.7 do not start, 8.0.12 loses it, MariaDB 10.2.11 and 10.11.5 stop at some, and 11.4.5 makes it
/// anew from redo.
fn stops_at_foreign(instance: &Instance) -> Option<bool> {
    match (instance.generation, instance.shutdown) {
        (Generation::Unknown | Generation::MariaDb101, _) => None,
        (_, Shutdown::Clean) => Some(false),
        (Generation::MySql8020 | Generation::MySql8030, Shutdown::Crash) => Some(true),
        _ => None,
    }
}

impl Instance {
    /// Whether redo after the checkpoint names a tablespace, where it can be read for that.
    pub(super) fn redo_names(&self, space: SpaceId) -> Option<bool> {
        let redo = self.redo.redo()?;
        let records = redo.file_records.as_ref()?;
        let touched =
            redo.touched.as_ref().is_some_and(|touched| touched.last.keys().any(|page| page.0 == space));
        Some(records.names.contains_key(&space) || touched)
    }
}

/// Files that are shorter than page 0, or its proved copy, says.
pub(super) fn cut(survey: &Survey, problems: &mut Vec<Problem>) {
    for space in &survey.instance.spaces.list {
        if let Some((file, stated, held)) = system_files::gap(space) {
            let reason = ProblemReason::Cut { stated, held, redo: CutRedo::Silent };
            let problem = Problem::new(ProblemKind::FileCut, Severity::Critical, reason).space(space.id);
            problems.push(problem.file(&file.name).stops(Some(true)));
            continue;
        }
        let Some(file) = space.files.last() else { continue };
        let Some(stated) = stated_size(survey, space) else { continue };
        let first = space.files.first().map_or(0, |file| file.first_page);
        let held = space.pages().saturating_add(first);
        if held < stated {
            problems.extend(too_short(survey, space, file, stated, held));
        } else if file.len % space.format.physical.as_u64() != 0 {
            let reason = ProblemReason::PartPage { rest: file.len % space.format.physical.as_u64() };
            problems.push(
                Problem::new(ProblemKind::FileCut, Severity::Note, reason).file(&file.name).space(space.id),
            );
        }
    }
}

fn stated_size(survey: &Survey, space: &Tablespace) -> Option<u64> {
    let own = survey.instance.spaces.page0_of(space).map(|page0| page0.size);
    let of_copy = || {
        let proved = survey.findings.iter().filter(|f| f.judgement.verdict == Verdict::Restorable);
        let mut of_page0 = proved.filter(|f| f.page_no() == PageNo(0) && Some(f.space_id()) == space.id);
        u32_at(&of_page0.find_map(|f| f.copy())?.page(), FSP_SIZE)
    };
    own.or_else(of_copy).map(u64::from)
}

fn too_short(survey: &Survey, space: &Tablespace, file: &SpaceFile, stated: u64, held: u64) -> Vec<Problem> {
    let instance = &survey.instance;
    let is_undo = is_undo_file(&file.path.to_string_lossy());
    let redo = match size_in_redo(instance, space, held, is_undo) {
        Some(true) => return Vec::new(),
        Some(false) => CutRedo::Open,
        None => CutRedo::Silent,
    };
    let severity = if redo == CutRedo::Open { Severity::Warning } else { Severity::Critical };
    let system = space.id == Some(SpaceId::SYSTEM);
    let stops = match instance.generation {
        _ if system => Some(true),
        _ if is_undo => None,
        // 8.0.12, 8.0.33 and 9.7.4, killed and stopped cleanly.
        _ if space.id == Some(DICTIONARY_SPACE) && severity == Severity::Critical => Some(true),
        // After a crash it depends on how far redo extends the file.
        Generation::MariaDb105 | Generation::MariaDb108 if instance.shutdown == Shutdown::Clean => {
            Some(false)
        }
        // 5.6 and 9.7 were seen to stop at one, 5.6 and 8.0.33 to start with another: it depends on where redo leads.
        _ => None,
    };
    let problem = |kind, reason| Problem::new(kind, severity, reason).space(space.id).stops(stops);
    let mut found =
        vec![problem(ProblemKind::FileCut, ProblemReason::Cut { stated, held, redo }).file(&file.name)];
    // Files of the system tablespace are configured in MiB: one that ends so may be whole, and the next one gone.
    // One of less than 10 MiB was hardly configured so.
    let whole =
        file.len.is_multiple_of(1 << 20) && file.len >= 10 << 20 && instance.locations.data_files.is_none();
    if let Some(next) = (system && whole).then(|| system_files::next(file)).flatten() {
        found.push(
            problem(ProblemKind::FileMissing, ProblemReason::NextSystemFile { stated, held }).file(next),
        );
    }
    found
}

/// Whether redo after the checkpoint explains a size: `Some(true)` for sure, `Some(false)` perhaps.
fn size_in_redo(instance: &Instance, of: &Tablespace, held: u64, is_undo: bool) -> Option<bool> {
    /// Servers extend by four extents at most, and by single pages below one extent.
    const GROWTH: u64 = 256;
    let (redo, space) = (instance.redo.redo()?, of.id?);
    let records = redo.file_records.as_ref()?;
    let truncated = instance.roster.by_space(space).is_some_and(|named| named.excuse.is_some());
    if truncated || records.drops(space) || (is_undo && records.created.contains(&space)) {
        return Some(true);
    }
    let exact = redo.touched.is_some();
    let Some(least) = records.resized.get(&space).map(|&pages| u64::from(pages)) else {
        // What an encrypted log writes to page 0 may be the size.
        let page0 = redo.census.as_ref().filter(|census| census.hidden)?.of_page((space, PageNo(0)))?;
        return (page0.changes_after > 0).then_some(false);
    };
    // TRUNCATE of MySQL 5.7 and MariaDB 10.2 cuts the file before the new page 0 is written: the old one lies there, older than
    // the checkpoint, while redo behind it begins anew with a size that the file has.
    let page0_is_old = instance
        .spaces
        .page0_of(of)
        .zip(instance.window.checkpoint)
        .is_some_and(|(page0, checkpoint)| page0.lsn <= checkpoint);
    if page0_is_old && least <= held {
        return Some(true);
    }
    let before = least.saturating_sub(if least <= 64 { 1 } else { GROWTH });
    (held >= before).then_some(exact)
}

/// Pages that servers read before or without the doublewrite pass: page 0 of any tablespace, the first pages of the
/// system tablespace, the roots of its dictionary, the headers of rollback segments.
pub(super) fn damaged_pages(survey: &Survey, problems: &mut Vec<Problem>) {
    for file in survey.uncopied_headers() {
        let Some(space) = survey.instance.spaces.of_file(&file.path) else { continue };
        damaged_page(survey, space, PageNo(0), "page 0", problems);
    }
    let headless =
        |space: &&Tablespace| space.evidence != Identification::Header && space.id != Some(SpaceId::SYSTEM);
    let named = survey.instance.spaces.list.iter().filter(headless);
    let with_copies: Vec<&Tablespace> = named
        .filter(|s| survey.findings.iter().any(|f| f.page_no() == PageNo(0) && Some(f.space_id()) == s.id))
        .collect();
    for space in with_copies {
        damaged_page(survey, space, PageNo(0), "page 0", problems);
    }
    let Some(system) = survey.instance.spaces.system() else { return };
    for number in 0..=7 {
        damaged_page(survey, system, PageNo(number), "a page of the system tablespace's beginning", problems);
    }
    if survey.instance.generation.has_mysql_ibd() {
        // It names the roots of all other tables of the dictionary.
        if let Owner::One(dictionary) = survey.instance.spaces.owner(DICTIONARY_SPACE) {
            damaged_page(
                survey,
                dictionary,
                DD_PROPERTIES,
                "the root of the dictionary's properties",
                problems,
            );
        }
        return;
    }
    for number in 8..=12 {
        damaged_page(survey, system, PageNo(number), "a root of the dictionary", problems);
    }
    for (space, page) in rollback_segments(system) {
        if let Owner::One(space) = survey.instance.spaces.owner(space) {
            damaged_page(survey, space, page, "a rollback segment header", problems);
        }
    }
}

/// The root page of `mysql.dd_properties` in `mysql.ibd`, the same in every server of MySQL 8.0 on (`root=4` in its own entry).
const DD_PROPERTIES: PageNo = PageNo(4);

fn rollback_segments(system: &Tablespace) -> Vec<(SpaceId, PageNo)> {
    const TRX_SYS_RSEGS: usize = 56;
    let Some(page) = VerifiedPages::of(system).page(TRX_SYS_PAGE) else { return Vec::new() };
    let slot = |n: usize| {
        let (space, root) =
            (u32_at(&page, TRX_SYS_RSEGS + 8 * n)?, u32_at(&page, TRX_SYS_RSEGS + 8 * n + 4)?);
        (root != u32::MAX && (space, root) != (0, 0)).then_some((SpaceId(space), PageNo(root)))
    };
    (0..128).filter_map(slot).collect()
}

fn damaged_page(
    survey: &Survey,
    space: &Tablespace,
    page_no: PageNo,
    what: &'static str,
    problems: &mut Vec<Problem>,
) {
    let system = space.id == Some(SpaceId::SYSTEM);
    // A lone later file of the system tablespace does not hold these pages, and slots are no pages.
    let Ok(home) = look_in(space, page_no, survey.instance.space_id_stored()) else { return };
    let of_page =
        || survey.findings.iter().filter(|f| Some(f.space_id()) == space.id && f.page_no() == page_no);
    let mended = of_page().any(|finding| finding.judgement.verdict == Verdict::Restorable);
    // Change buffer pages of servers without one, and pages that redo makes, may be empty.
    let dictionary = space.id == Some(DICTIONARY_SPACE);
    let may_be_empty = !dictionary && (!system || matches!(page_no.0, 1 | 3 | 4) || page_no.0 > 7);
    let made_by_redo = space.id.is_some_and(|id| {
        survey.instance.file_records().is_some_and(|records| records.created.contains(&id))
    });
    let rebuilt =
        space.id.zip(survey.instance.census()).is_some_and(|(id, census)| census.rebuilds((id, page_no)));
    let excused =
        (home.state == HomeState::Zero && may_be_empty && page_no.0 != 0) || made_by_redo || rebuilt;
    let again = problems
        .iter()
        .any(|p| p.kind == ProblemKind::PageDamaged && p.file == home.file && p.page_no == Some(page_no));
    if !home.state.is_damaged() || mended || excused || again {
        return;
    }
    let (generation, shutdown) = (survey.instance.generation, survey.instance.shutdown);
    let stops = match page_no {
        _ if system => stops_at_page(generation, shutdown, page_no),
        // 8.0.12, 8.0.33 and 9.7.4, killed and stopped cleanly.
        DD_PROPERTIES if dictionary => Some(true),
        PageNo(0) if shutdown == Shutdown::Clean => stops_at_first_page(space, generation, home.state),
        _ => None,
    };
    let reason = ProblemReason::Damaged { what, has_copy: of_page().next().is_some() };
    let problem =
        Problem::new(ProblemKind::PageDamaged, Severity::Critical, reason).space(space.id).page(page_no);
    problems.push(Problem { file: home.file, ..problem }.stops(stops));
}

/// Damaged pages of the system tablespace without a copy, eleven servers from 5.5.9 to 11.4.5: none starts without page 5 or
/// 6; without 2 or 3 no MySQL and no MariaDB 10.1 does; without 0 or 7 none does after a clean stop, and some do after a crash.
fn stops_at_page(generation: Generation, shutdown: Shutdown, page_no: PageNo) -> Option<bool> {
    let old = !generation.is_mariadb() || generation == Generation::MariaDb101;
    match page_no.0 {
        5 | 6 => Some(true),
        2 | 3 if old => Some(true),
        0 | 7 if shutdown == Shutdown::Clean => Some(true),
        _ => None,
    }
}

/// A first page without a copy, after a clean stop. MySQL 8.0 on stops at the one of an undo tablespace or the dictionary
/// (8.0.12, 8.0.33, 9.7.4). A table is lost: by MySQL from 5.6 on whatever lies there; by MariaDB from 10.2 on where it is zero,
/// while of damaged ones 10.11.5 took what was left.
fn stops_at_first_page(space: &Tablespace, generation: Generation, state: HomeState) -> Option<bool> {
    let undo = space.files.first().is_some_and(|file| is_undo_file(&file.path.to_string_lossy()));
    match generation {
        Generation::Unknown => None,
        _ if undo || space.id == Some(DICTIONARY_SPACE) => generation.has_mysql_ibd().then_some(true),
        Generation::MySql56 | Generation::MySql57 | Generation::MySql80 => Some(false),
        Generation::MySql8020 | Generation::MySql8030 => Some(false),
        _ if generation >= Generation::MariaDb102 && state == HomeState::Zero => Some(false),
        _ => None,
    }
}
