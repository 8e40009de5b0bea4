//! An instance as its files show it: tablespaces, redo window, generation, doublewrite areas. No page is judged yet.

pub mod bundle;
pub mod config;
pub mod dblwr;
pub mod discover;
pub mod file_names;
pub mod foreign;
pub mod generation;
pub mod identify;
pub mod identity;
pub mod learn;
pub mod locations;
pub mod note;
pub mod pages;
pub mod redo;
pub mod request;
mod rivals;
pub mod roster;
pub mod running;
pub mod server;
pub mod settle;
pub mod spaces;
pub mod unlock;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bytes::u64_at;
use crate::disk::{FileIdentity, Image};
use crate::error::{Error, Result};
use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FilHeader};
use crate::format::reduced::{ReducedFault, ReducedFile, parse_reduced, reduced_page_size};
use crate::instance::bundle::unpack::Bundle;
use crate::instance::dblwr::separate::odd_files;
use crate::instance::dblwr::{
    Area, AreaKind, SeparateFile, Shape, find_separate, locate_parallel, locate_system,
};
use crate::instance::discover::discover;
use crate::instance::foreign::{not_innodb, page_size, refuse_foreign, refuse_page_size};
use crate::instance::generation::Generation;
use crate::instance::locations::Focus;
use crate::instance::locations::Locations;
use crate::instance::note::InstanceNote;
use crate::instance::redo::Shutdown;
use crate::instance::redo::window::RedoWindow;
use crate::instance::request::Request;
use crate::instance::roster::Roster;
use crate::instance::spaces::{Identification, Spaces, Tablespace};
use crate::page::checksum::Algorithm;
use crate::page::judge;
use crate::page::keyring::Keyring;
use crate::units::{ByteOffset, Lsn, PageNo, PageSize};

/// How much of a reduced file is read: a server makes one page per doublewrite instance, a few dozen at most.
const MAX_REDUCED: u64 = 16 << 20;

/// What was found before any page is judged.
#[derive(Debug)]
pub struct Instance {
    /// Where things lie.
    pub locations: Locations,
    /// The tablespaces.
    pub spaces: Spaces,
    /// `innodb_page_size`.
    pub page_size: PageSize,
    /// Which server ran it, with its version, as page 0 (MySQL 8.0 on) or the creator of the redo log say.
    pub server: Option<String>,
    /// Which server ran it.
    pub generation: Generation,
    /// Slots hold the pages of encrypted tablespaces in plaintext, as MySQL does up to 8.0.22; also where nothing tells.
    pub plaintext_copies: bool,
    /// The redo files.
    pub redo: redo::FoundRedo,
    /// Checkpoint and end.
    pub window: RedoWindow,
    /// Flush LSN of page 0 of the system tablespace.
    pub flushed_lsn: Option<Lsn>,
    /// How the server ended.
    pub shutdown: Shutdown,
    /// Every doublewrite area, live or not.
    pub areas: Vec<Area>,
    /// Decoded reduced files, each with the index of its area.
    pub reduced: Vec<(usize, ReducedFile)>,
    /// The server's keys, where a key file was given.
    pub keyring: Option<Keyring>,
    /// The bundle whose copies are taken instead of the directory's; its files are there as long as this is.
    pub copies_from: Option<Arc<Bundle>>,
    /// Which files the data name; empty where there is no whole directory to hold against it.
    pub roster: Roster,
    /// How a server shows that runs on these files at this moment; `None` where none does, or nothing shows it.
    pub running: Option<String>,
    /// What is worth saying besides.
    pub notes: Vec<InstanceNote>,
}

impl Instance {
    /// Looks at everything that a request names.
    ///
    /// # Errors
    /// The path is not there, holds nothing of InnoDB, or its system tablespace is cut before what it points to.
    pub fn open(request: &Request) -> Result<Instance> {
        let locations = Locations::resolve(request)?;
        let mut spaces = discover(&locations);
        spaces.tell_rivals_apart();
        refuse_page_size(&locations, &spaces)?;
        let keyring = request.keyring.as_deref();
        let keyring =
            keyring.map(|path| Keyring::open(path, request.keyring_password_file.as_deref())).transpose()?;
        if let Some(keyring) = &keyring {
            spaces.unlock(keyring);
        }
        let separate = find_files(&locations)?;
        if locations.explore {
            let below = hash_directories(&locations.datadir);
            let dirs: BTreeSet<&PathBuf> = locations.doublewrite_dirs.iter().chain(&below).collect();
            spaces.failures.extend(dirs.into_iter().flat_map(|dir| odd_files(dir)));
        }
        refuse_foreign(&locations, &spaces, &separate)?;
        let page_size = page_size(&locations, &spaces, &separate);
        let mut redo = read_redo(&locations, &mut spaces.failures)?;
        if let Some(keyring) = &keyring {
            redo.unlock(keyring)?;
        }
        let page0 = spaces.system().and_then(SystemPage0::read);
        let flushed_lsn = page0.as_ref().and_then(|page| page.flushed_lsn);
        let mut instance = Instance {
            shutdown: redo::shutdown(flushed_lsn, &redo),
            window: window(&redo),
            server: None,
            generation: Generation::Unknown,
            plaintext_copies: true,
            page_size,
            redo,
            flushed_lsn,
            areas: Vec::new(),
            reduced: Vec::new(),
            copies_from: None,
            roster: Roster::default(),
            running: running::server_on(&locations),
            notes: request.remarks.iter().chain(&spaces.notes).cloned().collect(),
            spaces,
            keyring,
            locations,
        };
        instance.locate(&separate)?;
        instance.generation = instance.find_generation(page0.as_ref());
        instance.server = instance.name_of_server(page0.as_ref());
        instance.note_newer_server(page0.as_ref());
        instance.plaintext_copies = instance.keeps_plaintext(page0.as_ref());
        instance.mark_live();
        instance.settle_files();
        instance.refuse_unknown_file()?;
        instance.note_missing_files();
        instance.note_other_places(&separate);
        Ok(instance)
    }

    /// The tablespaces alone: no redo window, no doublewrite area. For directories whose other parts cannot be read.
    ///
    /// # Errors
    /// The path is not there.
    pub fn bare(request: &Request) -> Result<Instance> {
        let locations = Locations::resolve(request)?;
        let mut spaces = discover(&locations);
        spaces.tell_rivals_apart();
        refuse_page_size(&locations, &spaces)?;
        let mut instance = Instance {
            page_size: page_size(&locations, &spaces, &[]),
            server: None,
            generation: Generation::Unknown,
            plaintext_copies: true,
            redo: redo::FoundRedo::Absent,
            window: RedoWindow::default(),
            flushed_lsn: None,
            shutdown: Shutdown::Unknown,
            areas: Vec::new(),
            reduced: Vec::new(),
            keyring: None,
            copies_from: None,
            roster: Roster::default(),
            running: running::server_on(&locations),
            notes: Vec::new(),
            spaces,
            locations,
        };
        // Where the built-in buffer lies is known from page 5 alone; what that page does not tell is left out.
        let _ = instance.locate(&[]);
        Ok(instance)
    }

    /// Whether pages and slots carry space ids: not before MySQL 4.1.1.
    pub fn space_id_stored(&self) -> bool {
        self.areas.iter().all(Area::space_id_stored)
    }

    /// What the redo log says of pages, once it was read for that.
    pub fn census(&self) -> Option<&redo::history::Census> {
        self.redo.redo()?.census.as_ref()
    }

    /// Beside a running server the log goes on while other things are read: where one of them is newer than its end, the
    /// end is looked for once more. False where that was done and the log stands still.
    pub fn catch_up(&mut self, newest: Option<Lsn>) -> bool {
        let behind = self.window.end.filter(|&end| newest > Some(end) && self.locations.bundle.is_none());
        let Some(end) = behind else { return true };
        let now = redo::window::end_now(&self.locations.redo_dir, end);
        self.window.end = Some(now);
        now > end
    }

    fn locate(&mut self, separate: &[SeparateFile]) -> Result<()> {
        let mut cut = Vec::new();
        if let Some(system) =
            self.spaces.system().filter(|_| !matches!(self.locations.focus, Focus::Doublewrite(_)))
        {
            let whole = self.locations.explore && self.locations.focus == Focus::Directory;
            let found = match locate_system(system, &mut cut) {
                // A file of the system tablespace is missing or cut: what else there is can be judged all the same.
                Err(error) if whole => {
                    cut.push(error);
                    None
                }
                found => Some(found?),
            };
            if let Some(area) = found.map(|area| believed(area, system, self.spaces.list.len() > 1, &mut cut))
            {
                self.areas.push(area);
            }
        }
        self.spaces.failures.append(&mut cut);
        let default = self.locations.data_home.join(crate::instance::dblwr::PARALLEL_DEFAULT_NAME);
        let parallel = self.locations.parallel_doublewrite.clone().unwrap_or(default);
        if self.focus_allows(&parallel) {
            let name = self.locations.relative(&parallel);
            match locate_parallel(&parallel, name, self.page_size) {
                Ok(area) => self.areas.extend(area),
                Err(error) => self.spaces.failures.push(error),
            }
        }
        for file in separate {
            self.add_separate(file)?;
        }
        Ok(())
    }

    /// A file whose page 0 tells nothing may be known by a copy of it.
    fn refuse_unknown_file(&mut self) -> Result<()> {
        match &self.locations.focus {
            Focus::Tablespace(file) if self.spaces.of_file(file).is_none() => {
                let file = file.clone();
                self.learn_from_copies()?;
                if self.spaces.of_file(&file).is_none() { Err(not_innodb(&file)) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn focus_allows(&self, file: &Path) -> bool {
        match &self.locations.focus {
            Focus::Doublewrite(only) => only == file,
            _ => self.locations.explore,
        }
    }

    fn add_separate(&mut self, file: &SeparateFile) -> Result<()> {
        let name = self.locations.relative(&file.path);
        if !file.reduced {
            self.areas.extend(file.area(name)?);
            return Ok(());
        }
        let image = Image::open(&file.path)?;
        let mut bytes = vec![0; usize::try_from(image.len().min(MAX_REDUCED)).unwrap_or_default()];
        let read = image.read_up_to(ByteOffset(0), &mut bytes)?;
        bytes.truncate(read);
        let decoded = parse_reduced(&bytes);
        let mut area = Area::of_file(Shape::Reduced, &file.path, name, reduced_page_size(), decoded.pages);
        let note = |fault: &ReducedFault| InstanceNote::Reduced { file: area.file.clone(), fault: *fault };
        area.notes = decoded.faults.iter().map(note).collect();
        self.reduced.push((self.areas.len(), decoded));
        self.areas.push(area);
        Ok(())
    }

    /// A server reads either the built-in buffer or the files, by its generation; where that is not known, whichever
    /// exists.
    fn mark_live(&mut self) {
        let any_separate = self
            .areas
            .iter()
            .any(|area| area.kind() == AreaKind::Separate && area.slot_size == self.page_size);
        let reads_files = self.generation.reads_separate_files().unwrap_or(any_separate);
        let page_size = self.page_size;
        for area in &mut self.areas {
            area.live = match area.kind() {
                AreaKind::System => !reads_files && area.built_in().is_some(),
                AreaKind::Parallel => !reads_files && !self.generation.is_mariadb(),
                AreaKind::Separate => reads_files && area.slot_size == page_size,
                AreaKind::Reduced => reads_files,
            };
        }
    }
}

impl Instance {
    /// Files of one page size in several places: a server reads one of them, and which one its configuration says.
    fn note_other_places(&mut self, used: &[SeparateFile]) {
        let Some(dir) = used.first().and_then(|file| file.path.parent()) else { return };
        if !self.locations.explore {
            return;
        }
        let identity = |dir: &Path| std::fs::metadata(dir).map(|m| FileIdentity::of(&m)).ok();
        let mut seen = vec![identity(dir)];
        let below = hash_directories(&self.locations.datadir);
        for other in self.locations.doublewrite_dirs.iter().chain(&below) {
            let files = find_separate(other).unwrap_or_default();
            let same = |file: &SeparateFile| file.page_size == self.page_size.as_u32();
            if seen.contains(&identity(other)) || !files.iter().any(same) {
                continue;
            }
            seen.push(identity(other));
            self.notes.push(InstanceNote::OtherPlace { other: other.clone(), used: dir.to_path_buf() });
        }
    }

    fn note_missing_files(&mut self) {
        let has_files =
            self.areas.iter().any(|area| matches!(area.kind(), AreaKind::Separate | AreaKind::Reduced));
        let whole = self.locations.explore && !matches!(self.locations.focus, Focus::Doublewrite(_));
        if whole && self.generation.reads_separate_files() == Some(true) && !has_files {
            self.notes.push(InstanceNote::NoDoublewriteFiles);
        }
    }
}

/// The built-in buffer, with what is odd about it.
fn believed(mut area: Area, system: &Tablespace, other_spaces: bool, cut: &mut Vec<Error>) -> Area {
    if other_spaces
        && !area.space_id_stored()
        && let Shape::System(Some(built_in)) = &mut area.shape
    {
        built_in.space_id_stored = true;
        area.notes.push(InstanceNote::SpaceIdsBelieved);
    }
    let inside: u32 = area.runs.iter().map(|run| run.slots).sum();
    if inside < area.slots {
        let path = system.files.first().map_or(PathBuf::new(), |file| file.path.clone());
        let what = format!(
            "only {inside} of {} doublewrite slots lie inside the file: the image is cut, and what is missing cannot be \
             judged",
            area.slots
        );
        cut.push(Error::foreign(&path, what));
    }
    area
}

/// A bundle without the redo itself knows what it said.
fn read_redo(locations: &Locations, failures: &mut Vec<Error>) -> Result<redo::FoundRedo> {
    match locations.bundle.as_ref().and_then(|bundle| bundle.redo()) {
        Some(found) => Ok(found),
        None if locations.explore => match redo::read(&locations.redo_dir) {
            Err(error @ Error::IoAt { .. }) => {
                let why = redo::RedoNote::Failed(error.to_string());
                failures.push(error);
                Ok(redo::FoundRedo::Unreadable { why })
            }
            found => found,
        },
        None => Ok(redo::FoundRedo::Absent),
    }
}

fn window(found: &redo::FoundRedo) -> RedoWindow {
    match found {
        redo::FoundRedo::Read(redo) => RedoWindow { checkpoint: redo.checkpoint, end: redo.end },
        _ => RedoWindow::default(),
    }
}

struct SystemPage0 {
    header: FilHeader,
    flushed_lsn: Option<Lsn>,
    algorithm: Option<Algorithm>,
}

impl SystemPage0 {
    /// Page 0 of the system tablespace, where it verifies: nothing of a damaged one is believed.
    fn read(system: &Tablespace) -> Option<SystemPage0> {
        if system.evidence != Identification::Header {
            return None;
        }
        let page = system.read_page(PageNo(0)).ok()??;
        Some(SystemPage0 {
            header: FilHeader::parse(&page)?,
            flushed_lsn: u64_at(&page, FIL_PAGE_FILE_FLUSH_LSN).map(Lsn),
            algorithm: judge(&page, &system.format).algorithm,
        })
    }
}

/// The doublewrite files: those of the first directory that has any, or the one that was named.
fn find_files(locations: &Locations) -> Result<Vec<SeparateFile>> {
    if let Focus::Doublewrite(file) = &locations.focus {
        return Ok(SeparateFile::parse(file)
            .or_else(|| SeparateFile::guess(file, locations.page_size))
            .into_iter()
            .collect());
    }
    if !locations.explore && locations.doublewrite_dirs.len() < 2 {
        return Ok(Vec::new());
    }
    let below = hash_directories(&locations.datadir);
    for dir in locations.doublewrite_dirs.iter().chain(&below) {
        let files = find_separate(dir)?;
        if !files.is_empty() {
            return Ok(files);
        }
    }
    Ok(Vec::new())
}

/// Directories below datadir whose name begins with `#`: a relative `innodb_doublewrite_dir` is one of them.
fn hash_directories(datadir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(datadir).into_iter().flatten().flatten();
    let mut dirs: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with('#'))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    dirs.sort();
    dirs
}
