//! What a prediction needs to know, gathered from a survey: nothing here touches a file.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::fil::{FilHeader, page_type};
use crate::format::fsp::{Encryption, Layout};
use crate::instance::dblwr::Magic;
use crate::instance::file_names::is_undo_file;
use crate::instance::generation::Generation;
use crate::instance::locations::Focus;
use crate::instance::redo::window::RedoWindow;
use crate::instance::redo::{ServerVersion, Shutdown};
use crate::instance::spaces::{Identification, Owner, Tablespace};
use crate::page::Claim;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::copy::CopyState;
use crate::verdict::from_redo::{Wanted, candidates};
use crate::verdict::home;
use crate::verdict::home::{Home, HomeState};
use crate::verdict::predict::{PredictedPage, page0};
use crate::verdict::survey::{Finding, Subject, Survey};

/// Everything that the rules look at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Which family of rules.
    pub generation: Generation,
    /// The exact version that made the redo log, where it says.
    pub version: Option<ServerVersion>,
    /// How the server ended: after a clean shutdown no pass runs.
    pub shutdown: Shutdown,
    /// Checkpoint and end of redo.
    pub window: RedoWindow,
    /// The configuration says that doublewrite is off at the next start.
    pub doublewrite_off: bool,
    /// Something could not be read, so there may be more than what is here.
    pub unreadable: bool,
    /// Page 5 says that slots carry space ids (4.1.1 on); else a server sets them all to 0.
    pub space_id_stored: bool,
    /// The magic that servers look for is damaged: to them the built-in buffer was never created.
    pub header_lost: bool,
    /// The built-in buffer lies where servers from 5.6 on do not look: outside the first file of the tablespace.
    pub out_of_reach: bool,
    /// A file whose page 0 is damaged, and of which the buffers hold no copy of that page.
    pub uncopied_header: Option<String>,
    /// A page of a reduced file is damaged.
    pub reduced_damaged: bool,
    /// The redo log was made by a tool whose directories get no pass: MySQL clone or backup.
    pub foreign_log: bool,
    /// Redo logging was off, or the directory was never initialised: a crash in this state is final.
    pub crash_unsafe: bool,
    /// Tablespaces that the redo since the checkpoint resizes; `None` where the log was not taken apart.
    pub resized: Option<BTreeSet<SpaceId>>,
    /// There is redo after the checkpoint, but no copy is newer than it: doublewrite may have been off.
    pub no_recent_copies: bool,
    /// The whole instance was looked at, not one image of it.
    pub whole: bool,
    /// A server runs on these files now: there is no next start to speak of.
    pub running: bool,
    /// Every page that a live area names, in the order of its first slot.
    pub pages: Vec<PageView>,
}

/// One page: its home and every copy of it.
#[derive(Debug, Clone)]
pub struct PageView {
    /// Which page.
    pub id: PredictedPage,
    /// Its home.
    pub home: HomeView,
    /// Its copies in slot order.
    pub copies: Vec<CopyView>,
    /// Greatest LSN of its reduced entries, not counting LSN 0.
    pub reduced: Option<Lsn>,
    /// End of the last redo record for the page; `None` also where [`Facts::resized`] is `None`.
    pub redo_until: Option<Lsn>,
    /// The finding that `restore` would write.
    pub restorable: Option<usize>,
    /// Recovery need not read it: redo makes it anew or frees it after the checkpoint (`recv_sys_t::parse_init`).
    pub redo_skips: bool,
    /// The home is sound, but a write of it was lost: the server takes it as it is.
    pub lost_write: bool,
    /// Its newest good copy is not proved to be the version that belongs there.
    pub stale: bool,
    /// It is damaged, and no copy of it can be used.
    pub unrecoverable: bool,
    /// `restore --from redo` makes it.
    pub redo_mends: bool,
}

impl PageView {
    /// Damaged, and `restore` has nothing for it.
    pub fn is_beyond(&self) -> bool {
        self.restorable.is_none() && !self.redo_skips && (self.stale || self.unrecoverable)
    }
}

/// What kind of tablespace a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceKind {
    /// Space 0.
    System,
    /// An undo tablespace.
    Undo,
    /// Everything else.
    User,
}

/// What a server would find at a home.
#[derive(Debug, Clone)]
pub struct HomeView {
    /// What lies there.
    pub state: HomeState,
    /// LSN in its head.
    pub lsn: Option<Lsn>,
    /// Kind of tablespace.
    pub kind: SpaceKind,
    /// The file as printed.
    pub file: String,
    /// Torn, but only its copy shows it: the server's checksum is `none`, and it takes the page for good.
    pub unnoticed: bool,
    /// Bytes of the page in its file.
    pub length: usize,
    /// A compressed page, which the server cannot unpack where it is damaged.
    pub zip: bool,
    /// The other pages of the file tell its space id.
    pub surveyed: bool,
    /// Of a page 0: both its space ids are those of its tablespace.
    pub states_its_id: bool,
    /// Of a page 0: it states no space id, and pages 1 to 3 of its file do.
    pub neighbours_tell: bool,
    /// Its head says that it is compressed by MariaDB below the page (`page_compressed`).
    pub marked_compressed: bool,
    /// Encrypted by MySQL.
    pub mysql_encrypted: bool,
    /// Encrypted by MariaDB.
    pub mariadb_encrypted: bool,
    /// Several files claim the space id.
    pub rivals: bool,
    /// Past the end as servers round it: down to whole MiB up to MySQL 5.6, to whole extents later.
    pub beyond: bool,
}

impl HomeView {
    /// A server finds no checksum that holds.
    pub fn is_corrupt(&self) -> bool {
        matches!(self.state, HomeState::Torn | HomeState::Corrupt) && !self.unnoticed
    }

    /// Every byte is zero, which servers take for a page that was never written.
    pub fn is_zero(&self) -> bool {
        self.state == HomeState::Zero
    }
}

/// One copy.
#[derive(Debug, Clone, Copy)]
pub struct CopyView {
    /// Index into [`Survey::findings`], which is the order of slots.
    pub finding: usize,
    /// Its LSN.
    pub lsn: Lsn,
    /// What it is worth.
    pub state: CopyState,
    /// Its space id is hidden by compression or encryption (full_crc32).
    pub hidden: bool,
}

impl Facts {
    /// Gathers the facts.
    pub fn of(survey: &Survey) -> Facts {
        let instance = &survey.instance;
        let redo = instance.redo.redo();
        let creator = redo.and_then(|redo| redo.creator.as_deref()).unwrap_or_default();
        let uncopied = uncopied(survey);
        let live = || instance.areas.iter().filter(|area| area.live);
        let no_recent_copies = survey.newest_copy_is_old() && uncopied.is_none();
        let mut pages: Vec<PageView> =
            pages(survey).into_iter().chain(uncopied.into_iter().flatten()).collect();
        ask_redo(survey, &mut pages);
        Facts {
            generation: instance.generation,
            version: ServerVersion::of_creator(creator),
            shutdown: instance.shutdown,
            window: instance.window,
            doublewrite_off: instance.locations.doublewrite_off,
            unreadable: survey.unreadable().next().is_some(),
            space_id_stored: live().all(|area| !area.ids_are_reset()),
            header_lost: live().any(|area| area.magic() == Some(Magic::Damaged)),
            out_of_reach: live().any(|area| !area.lies_in_first_file()),
            uncopied_header: survey.uncopied_headers().next().map(|file| file.name.display().to_string()),
            reduced_damaged: instance.reduced.iter().any(|(_, file)| !file.faults.is_empty()),
            foreign_log: creator.starts_with("MEB") || creator.starts_with("MySQL Clone"),
            crash_unsafe: instance.shutdown == Shutdown::Crash
                && redo.is_some_and(|redo| redo.flags.crash_unsafe || redo.flags.not_initialised),
            resized: redo.and_then(|redo| redo.touched.as_ref()).map(|touched| touched.resized.clone()),
            no_recent_copies,
            whole: instance.locations.explore
                && matches!(instance.locations.focus, Focus::Directory | Focus::System(_)),
            running: instance.running.is_some(),
            pages,
        }
    }

    /// Whether a server of 5.6 or later, or MariaDB, loads the copies of the built-in buffer: not before it has numbered
    /// them anew where they are from before 4.1.1, and only from the first file.
    pub fn loads_built_in(&self) -> bool {
        self.space_id_stored && !self.out_of_reach && !self.header_lost
    }

    /// Whether crash recovery, and with it the pass, will run.
    pub fn recovers(&self) -> bool {
        self.shutdown == Shutdown::Crash
    }

    /// Whether the redo since the checkpoint names a tablespace, as far as LSNs show it; the system tablespace is
    /// always open.
    pub fn is_named(&self, space: SpaceId) -> bool {
        let inside = |lsn: Lsn| self.window.holds(lsn) == Some(true);
        space == SpaceId::SYSTEM
            || self.pages.iter().filter(|page| page.id.space_id == space).any(|page| {
                page.home.lsn.is_some_and(inside)
                    || page.reduced.is_some_and(inside)
                    || page.copies.iter().any(|copy| inside(copy.lsn))
            })
    }

    /// Pages that a server would look at in its pass: inside a file it has open.
    pub fn reachable<'a>(&'a self) -> impl Iterator<Item = (usize, &'a PageView)> + 'a {
        self.pages.iter().enumerate().filter(|(_, page)| !page.home.beyond && !page.home.rivals)
    }
}

fn pages(survey: &Survey) -> Vec<PageView> {
    let mut at: BTreeMap<PredictedPage, usize> = BTreeMap::new();
    let mut pages: Vec<PageView> = Vec::new();
    let reduced = survey.newest_reduced();
    for (index, finding) in survey.findings.iter().enumerate() {
        // A copy whose owner is not known has no home that could be judged.
        let Some(home) = survey.home_of(finding) else { continue };
        let id = PredictedPage { space_id: finding.space_id(), page_no: finding.page_no() };
        let slot = *at.entry(id).or_insert_with(|| {
            let reduced = reduced.get(&(id.space_id, id.page_no)).map(|(_, entry)| entry.lsn);
            let touched = survey.instance.redo.redo().and_then(|redo| redo.touched.as_ref());
            let redo_until =
                touched.and_then(|touched| touched.last.get(&(id.space_id, id.page_no)).copied());
            pages.push(PageView { reduced, redo_until, ..page(survey, id, home) });
            pages.len() - 1
        });
        if let Some(page) = pages.get_mut(slot) {
            add(page, index, finding);
        }
    }
    pages
}

/// More homes than these are not read for a prediction.
const MOST_READ: usize = 20_000;

/// Damaged pages without a copy among those that recovery must read, where redo names them (MariaDB 10.5 on); `None` where
/// they were not looked at. Page 0 is told of by [`Facts::uncopied_header`].
fn uncopied(survey: &Survey) -> Option<Vec<PageView>> {
    let census = survey.instance.census().filter(|_| survey.instance.shutdown == Shutdown::Crash)?;
    let copied: BTreeSet<_> = survey.findings.iter().map(|f| (f.space_id(), f.page_no())).collect();
    let stored = survey.instance.space_id_stored();
    let slot = |page| survey.instance.areas.iter().any(|area| area.covers(page));
    let must_read: Vec<_> = census
        .pages()
        .filter(|(page, said)| {
            said.changes_after > 0 && !said.initialised_after && !said.freed_at_last && !copied.contains(page)
        })
        .filter(|(page, _)| page.1 != PageNo(0) && !(page.0 == SpaceId::SYSTEM && slot(page.1)))
        .collect();
    if must_read.len() > MOST_READ {
        return None;
    }
    let mut damaged = Vec::new();
    for ((space_id, page_no), said) in must_read {
        let Owner::One(space) = survey.instance.spaces.owner(space_id) else { continue };
        let home = home::look_in(space, page_no, stored).ok()?;
        if matches!(home.state, HomeState::Torn | HomeState::Corrupt) {
            let id = PredictedPage { space_id, page_no };
            let found = page(survey, id, &home);
            damaged.push(PageView { redo_until: Some(said.last), unrecoverable: true, ..found });
        }
    }
    Some(damaged)
}

/// Which of the pages that no copy mends `restore --from redo` would make. Where redo cannot be read it makes none.
fn ask_redo(survey: &Survey, pages: &mut [PageView]) {
    let beyond = pages.iter().filter(|page| page.is_beyond());
    let only: Vec<_> = beyond.map(|page| (page.id.space_id, page.id.page_no)).collect();
    if only.is_empty() {
        return;
    }
    let wanted = Wanted { damaged: true, lost: false, only: &only };
    let made = candidates(survey, wanted).ok().flatten().unwrap_or_default();
    let made: BTreeSet<_> = made.iter().filter(|page| page.made.is_ok()).map(|page| page.page).collect();
    for page in pages {
        page.redo_mends = page.is_beyond() && made.contains(&(page.id.space_id, page.id.page_no));
    }
}

fn redo_skips(survey: &Survey, id: PredictedPage) -> bool {
    let page = (id.space_id, id.page_no);
    survey.instance.census().is_some_and(|census| {
        census.rebuilds(page)
            || census.of_page(page).is_some_and(|said| said.changes_after > 0 && said.freed_at_last)
    })
}

fn add(page: &mut PageView, index: usize, finding: &Finding) {
    if finding.judgement.verdict == Verdict::Restorable {
        page.restorable = Some(index);
    }
    page.lost_write |= finding.judgement.verdict == Verdict::LostWrite;
    page.stale |= finding.judgement.verdict == Verdict::Stale;
    page.unrecoverable |= finding.judgement.verdict == Verdict::Unrecoverable;
    if let Subject::Copy(copy) = &finding.subject {
        let hidden =
            copy.format.layout == Layout::FullCrc32 && (copy.judged.claim == Claim::Hidden || copy.has_clear);
        page.copies.push(CopyView { finding: index, lsn: copy.lsn(), state: copy.state(), hidden });
    }
}

fn page(survey: &Survey, id: PredictedPage, home: &Home) -> PageView {
    let space = match survey.instance.spaces.owner(id.space_id) {
        Owner::One(space) => Some(space),
        Owner::Several(spaces) => spaces.first().copied(),
        Owner::Nobody => None,
    };
    PageView {
        id,
        home: home_view(survey, id, home, space),
        copies: Vec::new(),
        reduced: None,
        redo_until: None,
        restorable: None,
        redo_skips: redo_skips(survey, id),
        lost_write: false,
        stale: false,
        unrecoverable: false,
        redo_mends: false,
    }
}

fn home_view(survey: &Survey, id: PredictedPage, home: &Home, space: Option<&Tablespace>) -> HomeView {
    let encryption = home.format.map(|format| format.encryption);
    let file = home.file.as_ref().map_or_else(|| "-".to_owned(), |file| file.display().to_string());
    HomeView {
        state: home.state,
        lsn: home.lsn,
        kind: kind(id.space_id, &file),
        file,
        unnoticed: home.weak && home.state == HomeState::Torn,
        length: home.length,
        zip: home.format.is_some_and(|format| format.layout == Layout::Zip),
        surveyed: space.is_some_and(|space| is_surveyed(survey.instance.generation, id, home, space)),
        states_its_id: space.is_some_and(|space| page0::states_its_id(home, space)),
        neighbours_tell: id.page_no == PageNo(0)
            && space.is_some_and(|space| page0::neighbours_tell(home, space)),
        marked_compressed: FilHeader::parse(&home.bytes.get()).is_some_and(|header| {
            matches!(
                header.page_type,
                page_type::MARIADB_PAGE_COMPRESSED | page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED
            )
        }),
        mysql_encrypted: encryption == Some(Encryption::MySql),
        mariadb_encrypted: encryption == Some(Encryption::MariaDb),
        rivals: !home.rivals.is_empty(),
        beyond: space.is_some_and(|space| is_beyond(survey.instance.generation, space, id.page_no)),
    }
}

fn is_surveyed(generation: Generation, id: PredictedPage, home: &Home, space: &Tablespace) -> bool {
    let has_other_pages = matches!(space.evidence, Identification::OtherPages | Identification::Header);
    if generation.is_mariadb() {
        has_other_pages && page0::mariadb_surveys(home, space)
    } else if id.page_no == PageNo(0) && home.state.is_damaged() {
        page0::mysql_surveys(space, generation)
    } else {
        has_other_pages
    }
}

fn kind(space: SpaceId, file: &str) -> SpaceKind {
    if space == SpaceId::SYSTEM {
        SpaceKind::System
    } else if is_undo_file(file) {
        SpaceKind::Undo
    } else {
        SpaceKind::User
    }
}

/// Servers round the size of a single-file tablespace down: to whole MiB up to 5.6, to whole extents from 5.7 and in
/// MariaDB; smaller files count as they are (`fil_node_open_file`, `fil_node_t::read_page0`).
fn is_beyond(generation: Generation, space: &Tablespace, page_no: PageNo) -> bool {
    let (Some(file), Some(id)) = (space.files.first(), space.id) else { return false };
    let page = space.format.physical.as_u64();
    let unit = match generation {
        Generation::Unknown => return false,
        Generation::MySql41
        | Generation::MySql50
        | Generation::MySql51
        | Generation::MySql55
        | Generation::MySql56 => 1 << 20,
        Generation::MySql57
        | Generation::MySql80
        | Generation::MySql8020
        | Generation::MySql8030
        | Generation::MariaDb101
        | Generation::MariaDb102
        | Generation::MariaDb103
        | Generation::MariaDb104
        | Generation::MariaDb105
        | Generation::MariaDb108 => u64::from(space.format.logical.extent_pages()) * page,
    };
    let rounded = if file.len < unit { file.len } else { file.len / unit * unit };
    id != SpaceId::SYSTEM && u64::from(page_no.0) >= rounded / page
}
