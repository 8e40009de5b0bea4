//! What was named against what the files are: a page size that they contradict, and files of no server at all.

use crate::disk::Image;
use crate::error::{Error, Result};
use crate::format::fil::{FilHeader, page_type};
use crate::format::reduced::parse_reduced;
use crate::instance::dblwr::SeparateFile;
use crate::instance::locations::Focus;
use crate::instance::locations::Locations;
use crate::instance::spaces::Spaces;
use crate::units::{ByteOffset, PageNo, PageSize};
use std::path::{Path, PathBuf};

pub(super) fn page_size(locations: &Locations, spaces: &Spaces, separate: &[SeparateFile]) -> PageSize {
    let of_files =
        || separate.iter().find(|file| !file.reduced).and_then(|file| PageSize::logical(file.page_size));
    locations
        .page_size
        .or_else(|| spaces.system().map(|system| system.format.logical))
        .or_else(of_files)
        .or_else(|| spaces.list.first().map(|space| space.format.logical))
        .unwrap_or(PageSize::DEFAULT)
}

/// `--page-size` is for files that do not say.
pub(super) fn refuse_page_size(locations: &Locations, spaces: &Spaces) -> Result<()> {
    let Some(given) = locations.page_size else { return Ok(()) };
    let named = match &locations.focus {
        Focus::Doublewrite(file) => SeparateFile::parse(file).and_then(|of| PageSize::logical(of.page_size)),
        _ => None,
    };
    let named = named.filter(|&size| size != given).map(|size| (locations.root.clone(), size));
    let Some((path, stated)) = spaces.contradiction.clone().or(named) else { return Ok(()) };
    Err(Error::foreign(
        &path,
        format!(
            "its pages are of {stated} bytes by its own word, and --page-size says {given}; leave the option out"
        ),
    ))
}

pub(super) fn refuse_foreign(
    locations: &Locations,
    spaces: &Spaces,
    separate: &[SeparateFile],
) -> Result<()> {
    let nothing_or = |foreign: Error| match spaces.failures.first() {
        Some(failure) => Err(Error::Refused(failure.to_string())),
        None => Err(foreign),
    };
    let nothing = |path: &PathBuf, what: &str| nothing_or(Error::foreign(path, what));
    match &locations.focus {
        Focus::Directory
            if spaces.list.is_empty() && !separate.iter().any(SeparateFile::any_page_verifies) =>
        {
            nothing(
                &locations.root,
                "no InnoDB file in this directory (expected ibdata1, *.ibd, undo files or #ib_*.dblwr); name the data \
             directory of a server",
            )
        }
        Focus::Tablespace(file) if spaces.unidentified.iter().any(|other| other.path == *file) => Ok(()),
        Focus::System(file) | Focus::Tablespace(file) if spaces.of_file(file).is_none() => {
            nothing_or(not_innodb(file))
        }
        Focus::Doublewrite(file) if !looks_like_slots(file, locations, separate) => nothing(
            file,
            "no InnoDB page in any slot; name a doublewrite file (#ib_<page size>_<n>.dblwr) with something in it",
        ),
        _ => Ok(()),
    }
}

/// A file in which no page is found, in the words that fit it.
pub fn not_innodb(file: &Path) -> Error {
    match stump(file) {
        Some(length) => Error::foreign(
            file,
            format!(
                "it begins as page 0 of a tablespace and ends after {length} bytes, inside that page: the file was cut"
            ),
        ),
        None => Error::foreign(
            file,
            "nothing in it looks like an InnoDB page; name a data directory, ibdata1, an .ibd or undo file",
        ),
    }
}

/// The length of a file that begins as page 0 of a tablespace and ends inside it: page number 0, type FSP_HDR.
pub fn stump(file: &Path) -> Option<u64> {
    const HEAD: usize = 38;
    let image = Image::open(file).ok().filter(|image| image.len() < u64::from(PageSize::DEFAULT.as_u32()))?;
    let mut head = vec![0; HEAD];
    let read = image.read_up_to(ByteOffset(0), &mut head).ok()?;
    let header = FilHeader::parse(head.get(..read)?)?;
    (header.page_no == PageNo(0) && header.page_type == page_type::FSP_HDR).then_some(image.len())
}

/// A doublewrite file that lies alone must hold at least one page that verifies.
pub(super) fn looks_like_slots(file: &Path, locations: &Locations, separate: &[SeparateFile]) -> bool {
    if locations.explore {
        return std::fs::metadata(file).is_ok_and(|m| m.len() > 0);
    }
    match separate.first() {
        Some(found) if found.reduced => {
            std::fs::read(file).is_ok_and(|bytes| !parse_reduced(&bytes).entries.is_empty())
        }
        Some(found) => found.any_page_verifies(),
        None => false,
    }
}
