//! Finding every tablespace file of an instance, by name and place, and identifying each.

use crate::instance::file_names::{is_undo_name, system_file_number};
use crate::instance::note::InstanceNote;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::bytes::u32_at;
use crate::disk::small;
use crate::disk::{FileIdentity, Image};
use crate::error::{Error, Result};
use crate::format::fil::FIL_PAGE_OFFSET;
use crate::format::fsp::PageFormat;
use crate::instance::identify::{Identity, identify};
use crate::instance::locations::{Focus, Locations};
use crate::instance::spaces::{Identification, Link, Page0, SpaceFile, Spaces, Tablespace};
use crate::units::{ByteOffset, PageSize, SpaceId};

/// Data directories are two levels deep, `innodb_directories` little more; a deeper tree is not one.
const MAX_DEPTH: usize = 8;
/// Files identified before what was found is put away, so that little memory is needed for many.
const AT_ONCE: usize = 1024;
/// A `.isl` file holds one path.
pub const MAX_ISL: u64 = 4096;

/// Finds and identifies every tablespace of an instance.
///
/// Files that cannot be read are remembered in [`Spaces::failures`]; the others are still found.
pub fn discover(locations: &Locations) -> Spaces {
    let mut spaces = Spaces::default();
    let mut walk = FileWalk::default();
    let system_paths = walk.collect(locations);
    spaces.failures.append(&mut walk.failures);
    spaces.links.append(&mut walk.links);
    let system = system_space(locations, &system_paths, &mut spaces);
    let instance = locations.page_size.or(system.as_ref().map(|space| space.format.logical));
    spaces.list.extend(system);
    let mut seen: BTreeSet<FileIdentity> =
        spaces.list.iter().flat_map(|s| s.files.iter().map(|f| f.identity)).collect();
    let mut files = walk.files.into_iter();
    loop {
        let part: Vec<PathBuf> = files.by_ref().take(AT_ONCE).collect();
        if part.is_empty() {
            break;
        }
        let found: Vec<_> = part.par_iter().map(|path| user_space(locations, path, instance)).collect();
        for (path, result) in part.iter().zip(found) {
            let result = result.map(|(found, unreadable)| {
                spaces.failures.extend(unreadable);
                found.map(|(space, page0)| spaces.with_page0(space, page0))
            });
            add(&mut spaces, &mut seen, locations, path, result);
        }
    }
    spaces.index();
    spaces
}

/// A page size that was given is for files that do not say theirs.
fn note_contradiction(spaces: &mut Spaces, locations: &Locations, path: &Path, identity: PageSize) {
    if spaces.contradiction.is_none() && locations.page_size.is_some_and(|given| given != identity) {
        spaces.contradiction = Some((path.to_path_buf(), identity));
    }
}

fn add(
    spaces: &mut Spaces,
    seen: &mut BTreeSet<FileIdentity>,
    locations: &Locations,
    path: &Path,
    result: Result<Option<Tablespace>>,
) {
    match result {
        Ok(Some(space)) => {
            if space.evidence == Identification::Header {
                note_contradiction(spaces, locations, path, space.format.logical);
            }
            if space.files.iter().all(|file| seen.insert(file.identity)) {
                spaces.list.push(space);
            }
        }
        Ok(None) => {
            spaces.notes.push(InstanceNote::LeftOut(locations.relative(path)));
            let image = Image::open(path).ok();
            spaces.unidentified.extend(image.map(|image| space_file(locations, &image, 0)));
        }
        Err(error) => spaces.failures.push(error),
    }
}

#[derive(Default)]
struct FileWalk {
    files: Vec<PathBuf>,
    system: Vec<PathBuf>,
    visited: BTreeSet<FileIdentity>,
    links: Vec<Link>,
    failures: Vec<Error>,
    /// The directory that a bundle was unpacked to: nothing in it leads out of it.
    within: Option<PathBuf>,
}

impl FileWalk {
    /// Walks all places; the paths of the system tablespace's files in their order.
    fn collect(&mut self, locations: &Locations) -> Vec<PathBuf> {
        self.within = locations.bundle.as_ref().and_then(|bundle| bundle.dir().canonicalize().ok());
        if let Focus::Tablespace(file) = &locations.focus {
            self.files.push(file.clone());
        }
        let searched = locations.explore.then_some([&locations.datadir, &locations.data_home]);
        let named = locations.undo_dir.iter().chain(&locations.directories);
        for dir in searched.into_iter().flatten().chain(named) {
            self.directory(dir, 0);
        }
        self.files.sort();
        self.files.dedup();
        if let Focus::System(file) = &locations.focus
            && !(locations.explore && self.system.contains(file))
        {
            return vec![file.clone()];
        }
        if let Some(configured) = &locations.data_files {
            return configured.iter().map(|file| locations.data_home.join(&file.path)).collect();
        }
        let number = |path: &PathBuf| path.file_name().and_then(|n| system_file_number(&n.to_string_lossy()));
        self.system.sort_by_key(|path| (number(path).unwrap_or(0), path.clone()));
        self.system.dedup();
        std::mem::take(&mut self.system)
    }

    fn directory(&mut self, dir: &Path, depth: usize) {
        let unseen = std::fs::metadata(dir).is_ok_and(|m| self.visited.insert(FileIdentity::of(&m)));
        if depth > MAX_DEPTH || !unseen {
            return;
        }
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => return self.failures.push(Error::io(dir, "list")(error)),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, depth),
                Err(error) => self.failures.push(Error::io(dir, "list")(error)),
            }
        }
    }

    fn leads_out(&self, target: &Path) -> bool {
        let Some(within) = &self.within else { return false };
        !target.canonicalize().is_ok_and(|target| target.starts_with(within))
    }

    fn entry(&mut self, entry: &DirEntry, depth: usize) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // The entry's own type first: a directory of 100,000 tables must not cost a stat each.
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir() || (t.is_symlink() && path.is_dir()));
        if is_dir {
            if !matches!(name.as_str(), "#innodb_temp" | "#innodb_redo") {
                self.directory(&path, depth + 1);
            }
        } else if name.ends_with(".isl") {
            match read_isl(&path) {
                Ok(target) if self.leads_out(&target) => {
                    let what =
                        format!("leads out of the bundle, to {}; it was not followed", target.display());
                    self.failures.push(Error::foreign(&path, what));
                }
                Ok(target) => {
                    // One that leads nowhere is no failure to read: what its table is missing is said elsewhere.
                    if target.try_exists().unwrap_or(true) {
                        self.files.push(target.clone());
                    }
                    self.links.push(Link { link: path, target });
                }
                Err(error) => self.failures.push(error),
            }
        } else if name.ends_with(".ibd") || name.ends_with(".ibu") || is_undo_name(&name) {
            self.files.push(path);
        } else if depth == 0 && system_file_number(&name).is_some() {
            self.system.push(path);
        }
    }
}

/// A link file of MySQL 5.6/5.7 and MariaDB: the path of a remote tablespace as text.
///
/// # Errors
/// It cannot be read, is no regular file, or is longer than any path.
pub fn read_isl(path: &Path) -> Result<PathBuf> {
    let text = small::read(path, MAX_ISL).map_err(Error::io(path, "read the path in this link file"))?;
    let target = PathBuf::from(OsStr::from_bytes(text.trim_ascii()));
    Ok(if target.is_relative() { path.parent().unwrap_or(path).join(target) } else { target })
}

/// Identifies a file that lies elsewhere and adds it, where it holds the tablespace that was looked for.
pub(crate) fn follow(locations: &Locations, spaces: &mut Spaces, path: &Path, id: SpaceId) -> Result<bool> {
    let instance = locations.page_size.or(spaces.system().map(|space| space.format.logical));
    let (found, unreadable) = user_space(locations, path, instance)?;
    spaces.failures.extend(unreadable);
    let Some((space, page0)) = found.filter(|(space, _)| space.id == Some(id)) else { return Ok(false) };
    let space = spaces.with_page0(space, page0);
    spaces.list.push(space);
    Ok(true)
}

/// A tablespace, and what its page 0 says.
type FoundSpace = (Tablespace, Option<Page0>);

/// The tablespace, and what of the pages that tell could not be read.
fn user_space(
    locations: &Locations,
    path: &Path,
    instance: Option<PageSize>,
) -> Result<(Option<FoundSpace>, Vec<Error>)> {
    let image = Image::open_past_faults(path)?;
    let identity = identify(&image, instance)?;
    let space = identity
        .map(|identity| (tablespace(identity, vec![space_file(locations, &image, 0)]), identity.page0));
    Ok((space, image.into_faults()))
}

fn tablespace(identity: Identity, files: Vec<SpaceFile>) -> Tablespace {
    Tablespace { id: identity.id, format: identity.format, files, evidence: identity.evidence, key: None }
}

fn space_file(locations: &Locations, image: &Image, first_page: u64) -> SpaceFile {
    SpaceFile {
        path: image.path().to_path_buf(),
        name: locations.relative(image.path()),
        len: image.len(),
        first_page,
        identity: image.identity(),
    }
}

/// Puts the files of the system tablespace one behind the other.
fn system_space(locations: &Locations, paths: &[PathBuf], spaces: &mut Spaces) -> Option<Tablespace> {
    let mut result: Option<Tablespace> = None;
    let mut next_page = 0;
    for path in paths {
        let image = match Image::open_past_faults(path) {
            Ok(image) => image,
            Err(error) => {
                spaces.failures.push(error);
                continue;
            }
        };
        match &mut result {
            None => match identify_first(locations, &image) {
                Ok(Some((identity, stated))) => {
                    if let Some(stated) = stated {
                        note_contradiction(spaces, locations, path, stated);
                    }
                    // A later file that was named alone, or whose predecessor is missing.
                    let header = identity.evidence == Identification::Header;
                    let first_page =
                        if header { None } else { stated_first_page(&image, &identity.format) }.unwrap_or(0);
                    let space = tablespace(identity, vec![space_file(locations, &image, first_page)]);
                    result = Some(spaces.with_page0(space, identity.page0));
                    next_page = first_page;
                }
                Ok(None) => {
                    spaces.notes.push(InstanceNote::LeftOut(locations.relative(path)));
                    spaces.unidentified_system.push(space_file(locations, &image, 0));
                }
                Err(error) => spaces.failures.push(error),
            },
            Some(space) => {
                let first_page = stated_first_page(&image, &space.format).unwrap_or(next_page);
                if first_page != next_page {
                    let file = locations.relative(path);
                    spaces.notes.push(InstanceNote::BeginsElsewhere {
                        file,
                        stated: first_page,
                        counted: next_page,
                    });
                }
                next_page = first_page;
                space.files.push(space_file(locations, &image, first_page));
            }
        }
        if let Some(space) = &result {
            next_page += image.len() / space.format.physical.as_u64();
        }
        spaces.failures.extend(image.into_faults());
    }
    result
}

/// The first system file is space 0 by its place, whatever its page 0 has become; and the page size that a verified
/// page 0 states.
fn identify_first(locations: &Locations, image: &Image) -> Result<Option<(Identity, Option<PageSize>)>> {
    let identity = identify(image, locations.page_size)?;
    let verified = identity.filter(|identity| identity.evidence == Identification::Header);
    let stated = verified.map(|identity| identity.format.logical);
    let overruled = |format: PageFormat| match locations.page_size {
        Some(size) => PageFormat { logical: size, physical: size, ..format },
        None => format,
    };
    let identity = identity.map(|identity| Identity {
        id: Some(SpaceId::SYSTEM),
        format: overruled(identity.format),
        evidence: if identity.id == Some(SpaceId::SYSTEM) {
            identity.evidence
        } else {
            Identification::OtherPages
        },
        page0: identity.page0.filter(|_| identity.id == Some(SpaceId::SYSTEM)),
    });
    Ok(identity.map(|identity| (identity, stated)))
}

/// Pages of later system files carry their number in the whole tablespace: the first few vote on where theirs begins.
pub fn stated_first_page(image: &Image, format: &PageFormat) -> Option<u64> {
    let mut votes: Vec<u64> = (0u64..16)
        .filter_map(|index| {
            let at = ByteOffset(index * format.physical.as_u64());
            let page = image.read_page(at, format.physical).ok().flatten()?;
            crate::page::judge(&page, format).is_valid().then_some(())?;
            u64::from(u32_at(&page, FIL_PAGE_OFFSET)?).checked_sub(index)
        })
        .collect();
    votes.sort_unstable();
    let middle = votes.len() / 2;
    let majority = *votes.get(middle)?;
    (votes.iter().filter(|&&vote| vote == majority).count() > middle).then_some(majority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_undo_tablespaces_of_all_generations() {
        for name in ["undo001", "undo_001", "undo127"] {
            assert!(is_undo_name(name), "{name}");
        }
        for name in ["undo", "undo1", "undo_0001", "undoabc", "xundo001"] {
            assert!(!is_undo_name(name), "{name}");
        }
    }
}
