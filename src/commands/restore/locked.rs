//! From a plan to locks and from locks to a journal: the two steps before a byte may change.
//!
//! Every file of the plan is opened once, locked, and stays open until the pass is over: POSIX locks are lost when any
//! descriptor of the file is closed. The caller must have dropped its own descriptors of these files before
//! [`Plan::lock`], or keep them until the pass is over; the pass asks the system before the first write whether the
//! locks are still there.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bytes;
use crate::commands::restore::journal::read::OpenedJournal;
use crate::commands::restore::journal::write;
use crate::commands::restore::journal::write::OnDisk;
use crate::commands::restore::journal::{Journal, JournalFile, JournalPage, PassKind};
use crate::commands::restore::note::PassNote;
use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::commands::restore::world::World;
use crate::disk::calls;
use crate::disk::calls::{Access, Disk, Stat};
use crate::error::{Error, Result};
use crate::format::fsp::FSP_SPACE_ID;
use crate::units::SpaceId;

/// A file that the pass holds.
pub(super) struct Held<F> {
    pub(super) path: PathBuf,
    pub(super) name: PathBuf,
    pub(super) file: F,
    pub(super) stat: Stat,
    /// Which of the pass's pages lie here.
    pub(super) pages: Vec<usize>,
}

/// A plan whose files are locked. Nothing has been written; dropping it lets go.
pub struct Locked<'d, D: Disk> {
    pub(super) disk: &'d D,
    pub(super) root: PathBuf,
    pub(super) world: World,
    pub(super) pages: Vec<PlannedPage>,
    pub(super) files: Vec<Held<D::File>>,
}

/// A locked plan whose journal is safe on disk: the only thing that can be applied.
pub struct Journaled<'d, D: Disk> {
    pub(super) locked: Locked<'d, D>,
    pub(super) journal: OnDisk<D::File>,
    /// Whether an earlier run wrote the journal.
    pub(super) resumed: bool,
    pub(super) notes: Vec<PassNote>,
    /// Kept as long as the locks are: letting go of a copy may close a file that is locked.
    _judged: Vec<PageImage>,
}

/// Whether the files of the plan will be written, or only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Write,
    Copy,
}

impl Plan {
    /// Opens and locks every file concerned, as the servers do. [`Error::Locked`] names who holds one already.
    ///
    /// # Errors
    /// [`Error::Locked`] names who holds a file already; pages overlap or are of impossible size; a file cannot be
    /// opened.
    pub fn lock<D: Disk>(self, disk: &D) -> Result<Locked<'_, D>> {
        self.lock_for(disk, Purpose::Write)
    }

    /// The same for reading: a server cannot start meanwhile, and read-only media will do.
    ///
    /// # Errors
    /// As [`Plan::lock`].
    pub fn lock_to_copy<D: Disk>(self, disk: &D) -> Result<Locked<'_, D>> {
        self.lock_for(disk, Purpose::Copy)
    }

    fn lock_for<D: Disk>(self, disk: &D, purpose: Purpose) -> Result<Locked<'_, D>> {
        self.check()?;
        let mut files: Vec<Held<D::File>> = Vec::new();
        for (index, page) in self.pages.iter().enumerate() {
            if let Some(held) = files.iter_mut().find(|held| held.path == page.path) {
                held.pages.push(index);
            } else {
                let held = hold(disk, &page.path, &page.file, purpose)?;
                files.push(Held { pages: vec![index], ..held });
            }
        }
        let known: BTreeSet<PathBuf> = files.iter().map(|held| held.path.clone()).collect();
        let others: BTreeSet<&PathBuf> =
            self.also_lock.iter().filter(|path| !known.contains(*path)).collect();
        for path in others {
            let name = path.strip_prefix(&self.root).unwrap_or(path);
            files.push(hold_unwritten(disk, path, name)?);
        }
        one_name_each(&files)?;
        Ok(Locked { disk, root: self.root, world: self.world, pages: self.pages, files })
    }
}

fn hold<D: Disk>(disk: &D, path: &Path, name: &Path, purpose: Purpose) -> Result<Held<D::File>> {
    let access = if purpose == Purpose::Write { Access::ReadWrite } else { Access::Read };
    let action = if purpose == Purpose::Write { "open for writing" } else { "open" };
    let file = calls::retry(|| disk.open(path, access)).map_err(Error::io(path, action))?;
    lock(disk, path, name, file)
}

/// For files that are only locked: on read-only media a shared lock has to do, which a server cannot pass either.
fn hold_unwritten<D: Disk>(disk: &D, path: &Path, name: &Path) -> Result<Held<D::File>> {
    let read_only = |e: &io::Error| {
        matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
    };
    match calls::retry(|| disk.open(path, Access::ReadWrite)) {
        Ok(file) => lock(disk, path, name, file),
        Err(e) if read_only(&e) => hold(disk, path, name, Purpose::Copy),
        Err(e) => Err(Error::io(path, "open for locking")(e)),
    }
}

fn lock<D: Disk>(disk: &D, path: &Path, name: &Path, file: D::File) -> Result<Held<D::File>> {
    if let Some(holder) = calls::retry(|| disk.lock(&file)).map_err(Error::io(path, "lock"))? {
        return Err(Error::Locked { path: path.to_path_buf(), holder: holder.to_string() });
    }
    let stat = calls::retry(|| disk.stat(&file)).map_err(Error::io(path, "look at"))?;
    Ok(Held { path: path.to_path_buf(), name: name.to_path_buf(), file, stat, pages: Vec::new() })
}

/// Two names of one file could hide pages that overlap.
fn one_name_each<F>(files: &[Held<F>]) -> Result<()> {
    let written = files.iter().filter(|held| !held.pages.is_empty());
    let mut seen: Vec<&Held<F>> = Vec::new();
    for held in written {
        let same =
            |other: &&&Held<F>| (other.stat.device, other.stat.inode) == (held.stat.device, held.stat.inode);
        if let Some(other) = seen.iter().find(same) {
            return Err(Error::Refused(format!(
                "{} and {} are one file under two names; nothing was written",
                other.path.display(),
                held.path.display()
            )));
        }
        seen.push(held);
    }
    Ok(())
}

impl<'d, D: Disk> Locked<'d, D> {
    /// Checks that every page still holds what the plan says, then writes the journal and makes it durable.
    /// On an error no data file has been touched.
    ///
    /// # Errors
    /// A page no longer holds what the plan says, or the journal cannot be made durable.
    pub fn journal(self, path: &Path, kind: PassKind) -> Result<Journaled<'d, D>> {
        self.check_unchanged()?;
        let disk = self.disk;
        let place = disk.absolute(path).map_err(Error::io(path, "find the absolute path of"))?;
        let files = self.files.iter().map(|held| self.file_record(held)).collect::<Result<_>>()?;
        let journal = Journal {
            kind,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            written_at: disk.now(),
            root: disk.absolute(&self.root).map_err(Error::io(&self.root, "find the absolute path of"))?,
            place,
            world: Some(self.world.clone()),
            files,
            pages: self.page_records(),
        };
        let (on_disk, places) = write::create(disk, path, &journal, &|record| self.images_of(record))?;
        Ok(Journaled::new(self, on_disk, &places))
    }

    fn page_records(&self) -> Vec<JournalPage> {
        let record =
            |(file, index): (usize, usize)| Some(JournalPage { file, page: self.pages.get(index)?.clone() });
        self.in_order().filter_map(record).collect()
    }

    /// The pages as the journal has them: file and number in the plan.
    fn in_order(&self) -> impl Iterator<Item = (usize, usize)> {
        let files = self.files.iter().enumerate();
        files.flat_map(|(file, held)| held.pages.iter().map(move |&index| (file, index)))
    }

    /// What a page holds, and what it shall hold.
    fn images_of(&self, record: &JournalPage) -> Result<(Vec<u8>, Vec<u8>)> {
        let page = &record.page;
        let held = self.files.get(record.file).filter(|held| held.path == page.path);
        let held = held.ok_or_else(|| Error::Refused(format!("{}: not held", page.path.display())))?;
        let old =
            read_page(self.disk, &held.file, page).map_err(Error::io_at(&held.path, "read", page.offset))?;
        let new = page.new.read(self.disk).map_err(Error::io(&page.path, "read again what belongs into"))?;
        Ok((old, new.into_owned()))
    }

    pub(super) fn check_unchanged(&self) -> Result<()> {
        for held in &self.files {
            for page in held.pages.iter().filter_map(|&index| self.pages.get(index)) {
                let current = read_page(self.disk, &held.file, page).map_err(Error::io_at(
                    &held.path,
                    "read",
                    page.offset,
                ))?;
                if !page.old.is(&current) {
                    return Err(Error::Refused(format!(
                        "{}: page {} at offset {} has changed since the plan was made; nothing was written, run again",
                        held.path.display(),
                        page.page_no,
                        page.offset
                    )));
                }
            }
        }
        Ok(())
    }

    fn file_record(&self, held: &Held<D::File>) -> Result<JournalFile> {
        let writes_page0 =
            held.pages.iter().filter_map(|&index| self.pages.get(index)).any(|page| page.offset.0 == 0);
        let space_id = match space_id(self.disk, &held.file, &held.path) {
            _ if writes_page0 => None,
            // Nothing is written to a file that is only locked: a bad sector in it need not stop the pass.
            Err(_) if held.pages.is_empty() => None,
            stated => stated?,
        };
        let absolute =
            |path: &Path| self.disk.absolute(path).map_err(Error::io(path, "find the absolute path of"));
        let (path, root) = (absolute(&held.path)?, absolute(&self.root)?);
        let path = path.strip_prefix(&root).map(Path::to_path_buf).unwrap_or(path);
        Ok(JournalFile {
            device: held.stat.device,
            inode: held.stat.inode,
            size: held.stat.size,
            space_id,
            name: held.name.clone(),
            path,
        })
    }
}

impl<'d, D: Disk> Journaled<'d, D> {
    /// From here on the pages are those of the journal. `places` is where the images of each record begin.
    fn new(mut locked: Locked<'d, D>, journal: OnDisk<D::File>, places: &[u64]) -> Self {
        let path: Arc<Path> = journal.path.as_path().into();
        let order: Vec<usize> = locked.in_order().map(|(_, index)| index).collect();
        let mut judged = Vec::new();
        for (index, &at) in order.into_iter().zip(places) {
            let Some(page) = locked.pages.get_mut(index) else { continue };
            page.old = PageImage::in_journal(&path, at, page.length, page.old.sum);
            let behind = at.saturating_add(page.length as u64);
            let new = PageImage::in_journal(&path, behind, page.length, page.new.sum);
            judged.push(std::mem::replace(&mut page.new, new));
        }
        Journaled { locked, journal, resumed: false, notes: Vec::new(), _judged: judged }
    }

    /// Takes up a journal that an earlier run left unfinished. `plan` has the journal's pages, at the places where
    /// the files are now.
    pub(super) fn resume(
        disk: &'d D,
        opened: OpenedJournal<D::File>,
        plan: Plan,
        notes: Vec<PassNote>,
    ) -> Result<Self> {
        let locked = plan.lock(disk)?;
        opened.on_disk.ensure_durable(disk)?;
        Ok(Journaled { locked, journal: opened.on_disk, resumed: true, notes, _judged: Vec::new() })
    }
}

/// What a page holds now; shorter than the page where the file ends first.
pub(super) fn read_page<D: Disk>(disk: &D, file: &D::File, page: &PlannedPage) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; page.length];
    let read = calls::read_full(disk, file, &mut buffer, page.offset.0)?;
    buffer.truncate(read);
    Ok(buffer)
}

/// The space id that page 0 states, where there is a page 0.
pub(super) fn space_id<D: Disk>(disk: &D, file: &D::File, path: &Path) -> Result<Option<SpaceId>> {
    let mut header = [0; FSP_SPACE_ID + 4];
    let read = calls::read_full(disk, file, &mut header, 0).map_err(Error::io(path, "read page 0 of"))?;
    Ok(header.get(..read).and_then(|header| bytes::u32_at(header, FSP_SPACE_ID)).map(SpaceId))
}
