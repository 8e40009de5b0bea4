//! Tablespaces: which file holds which space id, in which page format, and where a page of it lies.

use crate::disk::Image;
use crate::error::Result;
use crate::instance::note::InstanceNote;
use crate::page::reason::PageReason;
use crate::page::transform::{self, Revealed};
use crate::page::{self, Judged, PageState, checksum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::disk::FileIdentity;
use crate::error::Error;
use crate::format::fsp::PageFormat;
use crate::page::transform::SpaceKey;
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};

/// How surely a file's identity is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identification {
    /// Nothing in the file tells its space id.
    Unknown,
    /// Page 0 is damaged but its two space ids agree.
    DamagedHeader,
    /// A copy of page 0 in the doublewrite buffer.
    Copy,
    /// The majority of its other pages.
    OtherPages,
    /// A verified page 0.
    Header,
}

/// What a verified page 0 says of its tablespace besides id and format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page0 {
    /// `FSP_SIZE`: pages in all its files together.
    pub size: u32,
    /// LSN of the page.
    pub lsn: Lsn,
}

/// One file of a tablespace.
#[derive(Debug, Clone)]
pub struct SpaceFile {
    /// The path to open.
    pub path: PathBuf,
    /// The path as printed.
    pub name: PathBuf,
    /// Size in bytes when it was found.
    pub len: u64,
    /// Number of its first page within the tablespace.
    pub first_page: u64,
    /// Device and inode.
    pub identity: FileIdentity,
}

/// A tablespace: one file, or for the system tablespace one or several.
#[derive(Debug, Clone)]
pub struct Tablespace {
    /// Its id, where anything tells it.
    pub id: Option<SpaceId>,
    /// How its pages are framed.
    pub format: PageFormat,
    /// Its files in the order of their pages.
    pub files: Vec<SpaceFile>,
    /// Where the id comes from.
    pub evidence: Identification,
    /// Its key, where it is encrypted and a key file was given that has it.
    pub key: Option<SpaceKey>,
}

/// Where a page lies.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The file.
    pub file: &'a SpaceFile,
    /// First byte of the page in the file.
    pub offset: ByteOffset,
    /// Whether the whole page lies before the end of the file.
    pub in_bounds: bool,
}

impl Tablespace {
    /// Where a page of this tablespace lies, or would lie: past the end it is the last file's.
    pub fn place(&self, page_no: PageNo) -> Option<Place<'_>> {
        let number = u64::from(page_no.0);
        let file = self.files.iter().rev().find(|file| file.first_page <= number)?;
        let size = self.format.physical.as_u64();
        let offset = ByteOffset(number.checked_sub(file.first_page)?.checked_mul(size)?);
        let in_bounds = offset.checked_add(size).is_some_and(|end| end.0 <= file.len);
        Some(Place { file, offset, in_bounds })
    }

    /// One page as it lies in its file; `None` where the files end before it.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn read_page(&self, page_no: PageNo) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.place(page_no).filter(|place| place.in_bounds) else { return Ok(None) };
        Image::open(&place.file.path)?.read_page(place.offset, self.format.physical)
    }

    /// Whole pages in all files together.
    pub fn pages(&self) -> u64 {
        self.files.iter().map(|file| file.len / self.format.physical.as_u64()).sum()
    }
}

/// A `.isl` file of MySQL 5.6, 5.7 or MariaDB: where the tablespace of a table lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The link file.
    pub link: PathBuf,
    /// The path in it, seen from its directory where it is relative.
    pub target: PathBuf,
}

/// A tablespace file that is none of this server's.
#[derive(Debug, Clone)]
pub struct Stray {
    /// What it would be.
    pub space: Tablespace,
    /// The file that the dictionary or the redo log means by its id, as printed; `None` where its id is its own.
    pub instead: Option<PathBuf>,
    /// Whether it lies where this server opens no tablespace that it has no name of.
    pub never_opened: bool,
}

/// Every tablespace that was found.
#[derive(Debug, Default)]
pub struct Spaces {
    /// In the order of discovery; the system tablespace first where there is one.
    pub list: Vec<Tablespace>,
    /// Files named like tablespaces in which nothing looks like an InnoDB page.
    pub unidentified: Vec<SpaceFile>,
    /// Files in the place of the first file of the system tablespace in which nothing looks like an InnoDB page.
    pub unidentified_system: Vec<SpaceFile>,
    /// Tablespaces that this server never opens, or whose id another file has that it opens instead.
    pub strays: Vec<Stray>,
    /// Link files (`.isl`), and where they lead.
    pub links: Vec<Link>,
    /// What verified pages 0 say, by their files.
    pub page0s: BTreeMap<FileIdentity, Page0>,
    /// A file whose verified page 0 says another page size than the one that was given, and that size.
    pub contradiction: Option<(PathBuf, PageSize)>,
    /// Files that could not be looked at.
    pub failures: Vec<Error>,
    /// What is worth saying besides.
    pub notes: Vec<InstanceNote>,
    /// Sorted by id, then by place in the list.
    by_id: Vec<(SpaceId, usize)>,
}

/// Which tablespace owns a space id.
#[derive(Debug, Clone)]
pub enum Owner<'a> {
    /// No file holds it.
    Nobody,
    /// Exactly one.
    One(&'a Tablespace),
    /// Several files claim it: none can be trusted to be the one.
    Several(Vec<&'a Tablespace>),
}

impl Spaces {
    /// Keeps what page 0 says of a tablespace.
    pub(crate) fn with_page0(&mut self, space: Tablespace, page0: Option<Page0>) -> Tablespace {
        if let (Some(page0), Some(file)) = (page0, space.files.first()) {
            self.page0s.insert(file.identity, page0);
        }
        space
    }

    /// What the verified page 0 of a tablespace says.
    pub fn page0_of(&self, space: &Tablespace) -> Option<&Page0> {
        self.page0s.get(&space.files.first()?.identity)
    }

    /// Rebuilds the index after identities have changed.
    pub fn index(&mut self) {
        self.by_id = self.list.iter().enumerate().filter_map(|(at, space)| Some((space.id?, at))).collect();
        self.by_id.sort_unstable();
    }

    /// Which tablespace owns a space id.
    pub fn owner(&self, id: SpaceId) -> Owner<'_> {
        let from = self.by_id.partition_point(|&(other, _)| other < id);
        let same = self.by_id.iter().skip(from).take_while(|&&(other, _)| other == id);
        let spaces: Vec<&Tablespace> = same.filter_map(|&(_, at)| self.list.get(at)).collect();
        match spaces.as_slice() {
            [] => Owner::Nobody,
            [one] => Owner::One(one),
            _ => Owner::Several(spaces),
        }
    }

    /// The key of the one tablespace with this id, where a key file was given that has it.
    pub fn key_of(&self, id: Option<SpaceId>) -> Option<&SpaceKey> {
        match self.owner(id?) {
            Owner::One(space) => space.key.as_ref(),
            _ => None,
        }
    }

    /// The system tablespace, if there is one.
    pub fn system(&self) -> Option<&Tablespace> {
        match self.owner(SpaceId::SYSTEM) {
            Owner::One(space) => Some(space),
            Owner::Several(spaces) => spaces.first().copied(),
            Owner::Nobody => None,
        }
    }

    /// Whether any tablespace has this id.
    pub fn contains(&self, id: SpaceId) -> bool {
        self.by_id.binary_search_by_key(&id, |&(other, _)| other).is_ok()
    }

    /// The tablespace that a file belongs to.
    pub fn of_file(&self, path: &Path) -> Option<&Tablespace> {
        self.list.iter().find(|space| space.files.iter().any(|file| file.path == path))
    }
}

/// Judges a page of a tablespace, by its key where it has one.
pub fn judge_in(page: &[u8], space: &Tablespace) -> Judged {
    let judged = page::judge(page, &space.format);
    match (judged.state, space.id, &space.key) {
        (PageState::Unverifiable, Some(id), Some(key)) => {
            judge_decrypted(page, &space.format, id, key, judged)
        }
        _ => judged,
    }
}

/// MySQL keeps the checksum inside the ciphertext: what comes out is judged as an ordinary page.
pub(crate) fn judge_decrypted(
    page: &[u8],
    format: &PageFormat,
    id: SpaceId,
    key: &SpaceKey,
    locked: Judged,
) -> Judged {
    match transform::reveal(page, format, id, Some(key)) {
        Revealed::Page(clear) => {
            let inside = page::from_examined(checksum::examine(&clear, format), &clear);
            let state = if inside.state == PageState::Valid { PageState::Valid } else { PageState::Corrupt };
            Judged { state, clear: Some(clear), ..inside }
        }
        Revealed::WrongKey => Judged::new(PageState::Corrupt, page, PageReason::WrongKey),
        Revealed::Damaged(why) => Judged::new(PageState::Corrupt, page, PageReason::Encryption(why)),
        Revealed::Locked | Revealed::AsStored => locked,
    }
}

/// Whether the key of a tablespace opens a page whose space id is ciphertext, and shows that it is its own.
pub fn opens(page: &[u8], space: &Tablespace) -> bool {
    let (Some(id), Some(key)) = (space.id, &space.key) else { return false };
    matches!(transform::decrypt(page, &space.format, id, key), transform::Decrypted::Page(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(len: u64, first_page: u64) -> SpaceFile {
        SpaceFile {
            path: PathBuf::new(),
            name: PathBuf::new(),
            len,
            first_page,
            identity: FileIdentity { device: 0, inode: 0 },
        }
    }

    #[test]
    fn pages_of_several_files_continue_from_one_to_the_next() {
        let space = Tablespace {
            id: Some(SpaceId::SYSTEM),
            format: PageFormat::classic(PageSize::DEFAULT),
            files: vec![file(16384 * 768, 0), file(16384 * 2 + 100, 768)],
            evidence: Identification::Header,
            key: None,
        };
        let at = |n| space.place(PageNo(n)).map(|p| (p.file.first_page, p.offset.0, p.in_bounds)).unwrap();
        assert_eq!(at(767), (0, 767 * 16384, true));
        assert_eq!(at(768), (768, 0, true));
        assert_eq!(at(770), (768, 2 * 16384, false));
        assert!(!at(u32::MAX).2);
    }
}
