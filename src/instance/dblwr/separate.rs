//! Separate doublewrite files of MySQL 8.0.20 and later: `#ib_<page size>_<id>.dblwr`, an array of slots without any
//! header, and `.bdblwr` for DETECT_ONLY. Source: `buf0dblwr.cc` 8.0.20 to 9.7.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::instance::dblwr::slot::verifies_somehow;
use crate::instance::dblwr::{Area, Shape};
use crate::instance::note::InstanceNote;
use crate::page::is_used;
use crate::units::PageSize;

/// More slots than a server writes: 64 writing threads with 512 pages each (`innodb_doublewrite_pages`), twice.
const MOST_SLOTS: u64 = 1 << 17;

/// A doublewrite file by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeparateFile {
    /// The id in the name: servers read the files in this order.
    pub id: u32,
    /// The page size in the name.
    pub page_size: u32,
    /// `.bdblwr`.
    pub reduced: bool,
    /// The file.
    pub path: PathBuf,
}

impl SeparateFile {
    /// Takes a file name apart as servers match it: `#ib_([0-9]+)_([0-9]+)` and the suffix, nothing more.
    pub fn parse(path: &Path) -> Option<SeparateFile> {
        let name = path.file_name()?.to_str()?;
        let (stem, reduced) = match name.strip_suffix(".bdblwr") {
            Some(stem) => (stem, true),
            None => (name.strip_suffix(".dblwr")?, false),
        };
        let (size, id) = stem.strip_prefix("#ib_")?.split_once('_')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(size) || !digits(id) {
            return None;
        }
        Some(SeparateFile {
            id: id.parse().ok()?,
            page_size: size.parse().ok()?,
            reduced,
            path: path.to_path_buf(),
        })
    }

    /// A doublewrite file under another name: of the page size that makes most slots verify.
    pub fn guess(path: &Path, page_size: Option<PageSize>) -> Option<SeparateFile> {
        let reduced = path.extension().is_some_and(|extension| extension == "bdblwr");
        let of = |size: PageSize| SeparateFile {
            id: 0,
            page_size: size.as_u32(),
            reduced,
            path: path.to_path_buf(),
        };
        match page_size {
            Some(size) => Some(of(size)),
            None if reduced => Some(of(PageSize::DEFAULT)),
            None => PageSize::LOGICAL.into_iter().map(of).find(SeparateFile::any_page_verifies),
        }
    }

    /// Whether any slot holds a page whose checksum holds.
    pub fn any_page_verifies(&self) -> bool {
        let Ok(Some(area)) = self.area(self.path.clone()) else { return false };
        let mut verified = false;
        let read = area.for_each_slot(|slot| {
            verified = verified || is_used(slot.bytes) && verifies_somehow(slot.bytes, area.slot_size);
        });
        read.is_ok() && verified
    }

    /// The area of a regular file; `None` where the name's page size is none.
    ///
    /// # Errors
    /// The file cannot be examined.
    pub fn area(&self, name: PathBuf) -> Result<Option<Area>> {
        let Some(size) = PageSize::logical(self.page_size) else { return Ok(None) };
        let len = std::fs::metadata(&self.path).map_err(Error::io(&self.path, "examine"))?.len();
        let all = len / size.as_u64();
        let slots = u32::try_from(all.min(MOST_SLOTS)).unwrap_or(u32::MAX);
        let mut area = Area::of_file(Shape::Separate, &self.path, name, size, slots);
        if all > MOST_SLOTS {
            area.notes.push(InstanceNote::TooManySlots { file: area.file.clone(), len, read: MOST_SLOTS });
        }
        let cut = len % size.as_u64();
        if cut != 0 {
            area.notes.push(InstanceNote::PartSlot { file: area.file.clone(), bytes: cut });
        }
        Ok(Some(area))
    }
}

/// The doublewrite files of a directory, in the order in which servers read them.
///
/// # Errors
/// The directory cannot be listed.
pub fn find_separate(dir: &Path) -> Result<Vec<SeparateFile>> {
    let entries = std::fs::read_dir(dir).map_err(Error::io(dir, "list"))?;
    let mut files: Vec<SeparateFile> = entries
        .filter_map(|entry| SeparateFile::parse(&entry.ok()?.path()))
        .filter(|f| f.path.is_file())
        .collect();
    files.sort_by_key(|file| (file.reduced, file.page_size, file.id));
    Ok(files)
}

/// What has the name of a doublewrite file in a directory, and is none that could be read: a directory, a pipe, a device, a
/// link that leads nowhere. A server would stumble over it, and what it should hold was not looked at.
pub fn odd_files(dir: &Path) -> Vec<Error> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut named: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| SeparateFile::parse(path).is_some() && !path.is_file())
        .collect();
    named.sort();
    named.iter().map(|path| odd(path)).collect()
}

pub(super) fn odd(path: &Path) -> Error {
    let what = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => "a directory".to_owned(),
        Ok(_) => "neither a file nor a directory".to_owned(),
        Err(_) if path.is_symlink() => "a link that leads nowhere".to_owned(),
        Err(error) => error.to_string(),
    };
    Error::foreign(
        path,
        format!("has the name of a doublewrite file and is {what}: no copies were read from it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_match() {
        let parsed = SeparateFile::parse(Path::new("/d/#ib_16384_12.dblwr")).unwrap();
        assert_eq!((parsed.page_size, parsed.id, parsed.reduced), (16384, 12, false));
        assert!(SeparateFile::parse(Path::new("#ib_4096_0.bdblwr")).unwrap().reduced);
        for no in [
            "ib_16384_0.dblwr",
            "#ib_16384.dblwr",
            "#ib_16384_0.dblwr.old",
            "#ib_x_0.dblwr",
            "#ib_1_+1.dblwr",
        ] {
            assert_eq!(SeparateFile::parse(Path::new(no)), None, "{no}");
        }
    }
}
