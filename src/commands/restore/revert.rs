//! Taking a pass back, byte for byte, where the pages still hold what it left there.

use std::path::{Path, PathBuf};

use crate::bytes::u64_at;
use crate::commands::restore::failure::PageFailure;
use crate::commands::restore::journal::write::OnDisk;
use crate::commands::restore::journal::{Journal, Mark, PassKind, read};
use crate::commands::restore::journal_names;
use crate::commands::restore::journal_names::JournalName;
use crate::commands::restore::locked::read_page;
use crate::commands::restore::note::PassNote;
use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::commands::restore::relocate;
use crate::commands::restore::relocate::FoundFiles;
use crate::commands::restore::world::{Here, World};
use crate::commands::restore::{Applied, Pass};
use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::error::{Error, Result};
use crate::format::fil::FIL_PAGE_LSN;
use crate::instance::request::Request;
use crate::page::sectors::SectorMatch;
use crate::page::sectors::sector_match;
use crate::units::Lsn;

/// What a revert of a journal would do.
#[derive(Debug)]
pub struct Reverting {
    /// The journal that would be taken back.
    pub journal: Journal,
    /// Whether its pass had ended.
    pub mark: Mark,
    /// The pages to write: `old` is what they hold now, `new` what they held before the pass.
    pub plan: Plan,
    /// Pages that hold the bytes from before the pass already.
    pub already: Vec<PlannedPage>,
    /// Pages that do not hold what the pass left there, or that a server has been at since: they are left alone, and as
    /// long as no pages are picked, so are the others.
    pub moved_on: Vec<MovedOn>,
    /// What a person should know: a moved directory, another inode.
    pub notes: Vec<PassNote>,
    /// What leads to all files of the instance.
    pub request: Request,
}

/// A page that the world has left behind.
#[derive(Debug)]
pub struct MovedOn {
    /// As in the journal.
    pub page: PlannedPage,
    /// The LSN that the pass wrote.
    pub lsn_then: Lsn,
    /// The LSN that is there now; `None` where the file ends before it.
    pub lsn_now: Option<Lsn>,
    /// Why it is left alone.
    pub why: PageFailure,
}

impl Reverting {
    /// Whether nothing may be written: some page has moved on, and nobody has picked the others.
    pub fn is_refused(&self) -> bool {
        !self.moved_on.is_empty()
    }
}

/// The name that a revert's own journals begin with.
pub fn journal_base(journal: &Path) -> PathBuf {
    calls::with_suffix(journal, ".revert")
}

/// Reads a journal, identifies its files and looks at every page. Writes nothing, takes no lock.
///
/// A page counts as moved on where it does not hold exactly what the pass left there, and all do where redo shows that a
/// server has run since, whatever they hold: what a server believes is sound must not be torn again. Pages that are
/// picked one by one need only hold their bytes; the others are then passed over.
///
/// # Errors
/// The journal cannot be read or believed, or a file of it is not there as it was.
pub fn plan<D: Disk>(disk: &D, path: &Path, here: &Here) -> Result<Reverting> {
    let opened = open_whole(disk, path)?;
    let mut found = relocate::find(disk, &opened.journal, path, here)?;
    let mut forward = relocate::plan(&opened.journal, &found);
    let notes = std::mem::take(&mut found.notes);
    pick(&mut forward, here)?;
    let is_half_done = opened.mark == Mark::Unfinished || is_half_reverted(disk, path)?;
    let world = opened.journal.world.as_ref();
    let run_since = world
        .and_then(|world| world.moved_on(&found.now))
        .map(PageFailure::ServerRan)
        .filter(|_| here.pages.is_empty());
    let is_old = world.is_none() && here.pages.is_empty();
    let mut reverting = Reverting {
        plan: Plan {
            root: found.root.clone(),
            world: found.now.clone(),
            pages: Vec::new(),
            also_lock: also_lock(&found),
        },
        journal: opened.journal,
        mark: opened.mark,
        already: Vec::new(),
        moved_on: Vec::new(),
        notes,
        request: found.request,
    };
    for page in forward.pages {
        let passed = if is_old { passed_by_checkpoint(&page, &found.now) } else { None };
        let run_since = run_since.clone().or(passed);
        look_at(disk, &opened.on_disk, page, run_since, is_half_done, &mut reverting)?;
    }
    Ok(reverting)
}

/// Leaves of the journal's pages those that were picked.
fn pick(forward: &mut Plan, here: &Here) -> Result<()> {
    if here.pages.is_empty() {
        return Ok(());
    }
    let key = |page: &PlannedPage| (page.space_id, page.page_no);
    let missing = here.pages.iter().find(|&wanted| !forward.pages.iter().any(|page| key(page) == *wanted));
    if let Some((space_id, page_no)) = missing {
        return Err(Error::Refused(format!("page {space_id}:{page_no} is not in this journal")));
    }
    forward.pages.retain(|page| here.pages.contains(&key(page)));
    Ok(())
}

/// Whether a revert of this journal was interrupted: pages may then hold anything between the two.
fn is_half_reverted<D: Disk>(disk: &D, path: &Path) -> Result<bool> {
    let journals = journal_names::existing(disk, &journal_base(path))?;
    let unfinished = |path: &std::path::PathBuf| {
        read::open(disk, path, Access::Read).is_ok_and(|opened| opened.mark == Mark::Unfinished)
    };
    Ok(journals.iter().any(unfinished))
}

fn also_lock(found: &FoundFiles) -> Vec<PathBuf> {
    found.paths.iter().flatten().cloned().collect()
}

/// A name that is taken by a part file only: the pass stopped before it wrote anything.
fn open_whole<D: Disk>(disk: &D, path: &Path) -> Result<read::OpenedJournal<D::File>> {
    let part = calls::with_suffix(path, calls::PART_SUFFIX);
    let gone = |name: &Path| calls::retry(|| disk.exists(name)).map(|there| !there);
    if gone(path).map_err(Error::io(path, "look for"))?
        && !gone(&part).map_err(Error::io(&part, "look for"))?
    {
        return Err(Error::Refused(format!(
            "{}: was never completed, so nothing has been written and there is nothing to take back",
            path.display()
        )));
    }
    read::open(disk, path, Access::Read)
}

fn look_at<D: Disk>(
    disk: &D,
    journal: &OnDisk<D::File>,
    page: PlannedPage,
    run_since: Option<PageFailure>,
    is_half_done: bool,
    into: &mut Reverting,
) -> Result<()> {
    let file = calls::retry(|| disk.open(&page.path, Access::Read)).map_err(Error::io(&page.path, "open"))?;
    let current = read_page(disk, &file, &page).map_err(Error::io_at(&page.path, "read", page.offset))?;
    let (old, new) = journal.images(disk, &page).map_err(Error::io(&journal.path, "read the journal"))?;
    let holds = sector_match(&current, &old, &new);
    let why = match holds {
        SectorMatch::Old => {
            into.already.push(page);
            return Ok(());
        }
        SectorMatch::Tear if !is_half_done => Some(PageFailure::Rewritten),
        SectorMatch::Neither => Some(PageFailure::Rewritten),
        SectorMatch::New | SectorMatch::Tear => run_since,
    };
    if let Some(why) = why {
        let lsn = |bytes: &[u8]| u64_at(bytes, FIL_PAGE_LSN).map(Lsn);
        let (lsn_then, lsn_now) = (lsn(&new).unwrap_or_default(), lsn(&current));
        into.moved_on.push(MovedOn { page, lsn_then, lsn_now, why });
        return Ok(());
    }
    let state = match (holds, into.journal.kind) {
        (SectorMatch::Tear, _) => "torn",
        (_, PassKind::Revert) => "reverted",
        (_, PassKind::Restore) => "restored",
    };
    let (old, new) = (PageImage::now_at_home(&current), page.old.clone());
    into.plan.pages.push(PlannedPage { before_state: state.into(), old, new, ..page });
    Ok(())
}

/// Takes a pass back: first finishes a revert of it that was interrupted, then writes what is left to write, under
/// a journal of its own. Where pages have moved on and nobody has picked the others, nothing is written.
///
/// # Errors
/// As [`plan`]; locking and the journal of the revert, all before the first write.
pub fn run<D: Disk>(disk: &D, path: &Path, here: &Here) -> Result<(Pass, Reverting)> {
    let base = JournalName::Numbered(journal_base(path));
    let mut pass = journal_names::finish(disk, &base, PassKind::Revert, here, |_| Ok(()))?;
    let reverting = plan(disk, path, here).map_err(|error| pass.ended_by(error))?;
    if pass.all_finished() && !reverting.is_refused() && !reverting.plan.is_empty() {
        let applied = apply(disk, base.base(), &reverting).map_err(|error| pass.ended_by(error))?;
        pass.applied.push(applied);
    }
    Ok((pass, reverting))
}

fn apply<D: Disk>(disk: &D, base: &Path, reverting: &Reverting) -> Result<Applied> {
    let name = journal_names::free(disk, base)?;
    let locked = reverting.plan.clone().lock(disk)?;
    refuse_a_server_meanwhile(&reverting.plan)?;
    let mut applied = locked.journal(&name, PassKind::Revert)?.apply()?;
    applied.notes.extend(reverting.notes.iter().cloned());
    Ok(applied)
}

/// Between the look and the locks a server may have come and gone.
fn refuse_a_server_meanwhile(plan: &Plan) -> Result<()> {
    match plan.world.moved_on(&World::look(&plan.root, &plan.world.redo_dir)) {
        None => Ok(()),
        Some(why) => Err(Error::Refused(format!("{}: {why}; nothing was written", plan.root.display()))),
    }
}

/// What shows of one page that a server has run since a journal of the first format was written, which says nothing of
/// redo: copies were then taken from the redo window, and the checkpoint has passed this one.
fn passed_by_checkpoint(page: &PlannedPage, now: &World) -> Option<PageFailure> {
    let checkpoint = now.checkpoint.filter(|&checkpoint| page.copy.lsn < checkpoint)?;
    Some(PageFailure::PassedBy { checkpoint, copy: page.copy.lsn })
}
