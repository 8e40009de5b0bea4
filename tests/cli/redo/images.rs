//! Images of MariaDB with what their redo says, and their pages as in memory and as in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::unpack;
use dblwr::internals::format::fsp::{Encryption, Layout, PageFormat};
use dblwr::internals::format::redo_record::PageId;
use dblwr::internals::instance::redo::history::{Census, Log};
use dblwr::internals::instance::request::Request;
use dblwr::internals::instance::spaces::{Owner, Tablespace};
use dblwr::internals::page::checksum::{Algorithm, Examined, examine};
use dblwr::internals::page::judge;
use dblwr::internals::page::transform::cipher::AesMode;
use dblwr::internals::page::transform::seal::{encrypt, key_version, mode_of};
use dblwr::internals::page::transform::{Revealed, reveal};
use dblwr::internals::units::{Lsn, PageSize, SpaceId};
use dblwr::internals::verdict::rebuild::Rebuilt;
use dblwr::internals::verdict::survey::Survey;
use tempfile::TempDir;

/// Every image of a MariaDB whose redo describes pages as bytes: the shipped ones, and those beside the checkout.
pub fn images() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in [root.join("testdata"), root.join("../shared/images"), root.join("../shared/older-servers")] {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let mariadb = ["ma1", "redo-ma1"].iter().any(|start| name.starts_with(start));
            if mariadb && entry.path().join("crashed.tar.zst").exists() {
                found.entry(name).or_insert(entry.path());
            }
        }
    }
    found.into_values().collect()
}

/// A healthy directory with a tablespace that was imported: its pages have LSN 0.
pub fn imported() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Some(root.join("../shared/cases/servers/imported-tablespace-ma1011")).filter(|case| case.exists())
}

/// What lies over a page in its file.
pub enum Over {
    Nothing,
    Cipher(AesMode),
    /// No two compressors make the same bytes: only what is inside can be compared.
    Compressor,
}

/// A page as in memory, and how it lies in its file.
pub struct Form<'a> {
    pub space: &'a Tablespace,
    pub clear: Vec<u8>,
    pub algorithm: Algorithm,
    pub over: Over,
}

impl<'a> Form<'a> {
    pub fn of(page: &[u8], space: &'a Tablespace) -> Option<Form<'a>> {
        let (format, id) = (&space.format, space.id.unwrap());
        let encrypted = format.encryption != Encryption::None && key_version(page, format) != Some(0);
        if !judge(page, format).is_valid() || (encrypted && space.key.is_none()) {
            return None;
        }
        let (clear, over) = match reveal(page, format, id, space.key.as_ref()) {
            Revealed::AsStored => (page.to_vec(), Over::Nothing),
            Revealed::Page(clear) => {
                let mode = space.key.as_ref().and_then(|key| mode_of(page, format, id, key));
                (clear, mode.map_or(Over::Compressor, Over::Cipher))
            }
            _ => return None,
        };
        let inside = PageFormat { physical: PageSize::new(clear.len() as u32)?, ..*format };
        let algorithm = match examine(&clear, &inside) {
            _ if format.layout == Layout::FullCrc32 => Algorithm::FullCrc32,
            Examined::Valid { algorithm, .. } => algorithm,
            _ => return None,
        };
        Some(Form { space, clear, algorithm, over })
    }

    /// The kind of page, for the figures.
    pub fn name(&self) -> &'static str {
        match (&self.over, self.space.format.layout) {
            (Over::Cipher(_), _) => "encrypted",
            (Over::Compressor, _) => "compressed by its server",
            (Over::Nothing, Layout::Zip) => "KEY_BLOCK_SIZE",
            (Over::Nothing, _) => "plain",
        }
    }

    /// A version as this page lies there.
    pub fn stored(&self, version: &Rebuilt, flush_lsn: Option<&[u8]>) -> Option<Vec<u8>> {
        let (format, id) = (&self.space.format, self.space.id.unwrap());
        let clear = version.written(format, self.algorithm, flush_lsn)?;
        match self.over {
            Over::Cipher(mode) => encrypt(&clear, format, id, self.space.key.as_ref()?, mode),
            Over::Nothing | Over::Compressor => Some(clear),
        }
    }

    pub fn is_the_page(&self, made: &[u8], page: &[u8]) -> bool {
        let inside = |page: &[u8]| [&page[4..26], &page[38..page.len() - 8]].concat();
        match self.over {
            Over::Compressor => inside(made) == inside(&self.clear),
            Over::Nothing | Over::Cipher(_) => made == page,
        }
    }
}

/// Some images keep the directory in a folder of its own.
pub fn root_of(dir: &TempDir) -> PathBuf {
    let data = Some(dir.path().join("data")).filter(|data| data.exists());
    data.unwrap_or_else(|| dir.path().to_path_buf())
}

/// An image with what its redo says.
pub struct Crashed {
    pub dir: TempDir,
    pub survey: Survey,
    pub log: Log,
    pub census: Census,
    pub keys: Option<PathBuf>,
}

impl Crashed {
    pub fn open(case: &Path) -> Option<Crashed> {
        let dir = unpack(case);
        let keys = Some(case.join("keys.txt")).filter(|keys| keys.exists());
        let request = Request { path: root_of(&dir), keyring: keys.clone(), ..Request::default() };
        let survey = Survey::run(&request).unwrap();
        let mut log = Log::open(survey.instance.redo.redo()?).unwrap()?;
        let census = Census::take(&mut log).unwrap();
        assert_eq!(census.malformed, 0, "{}", case.display());
        Some(Crashed { dir, survey, log, census, keys })
    }

    /// What the program has to be told to open encrypted pages.
    pub fn told(&self) -> Vec<&str> {
        self.keys.iter().flat_map(|keys| ["--keyring", keys.to_str().unwrap()]).collect()
    }

    pub fn root(&self) -> PathBuf {
        root_of(&self.dir)
    }

    /// Pages of the doublewrite buffer itself hold other pages.
    pub fn is_a_slot(&self, (space, page): PageId) -> bool {
        space == SpaceId::SYSTEM && self.survey.instance.areas.iter().any(|area| area.covers(page))
    }

    /// The homes of all pages that redo names, but for slots.
    pub fn homes(&self) -> impl Iterator<Item = (PageId, &Tablespace, Vec<u8>)> {
        let spaces = &self.survey.instance.spaces;
        self.census.pages().filter(|(id, _)| !self.is_a_slot(*id)).filter_map(|(id, _)| {
            let Owner::One(space) = spaces.owner(id.0) else { return None };
            let place = space.place(id.1).filter(|place| place.in_bounds)?;
            let size = space.format.physical.bytes();
            let mut page = vec![0; size];
            let file = std::fs::File::open(&place.file.path).unwrap();
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut page, place.offset.0).unwrap();
            Some((id, space, page))
        })
    }
}

pub fn read_at(file: &Path, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let file = std::fs::File::open(file).unwrap();
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, offset).unwrap();
    bytes
}

pub fn write_at(file: &Path, offset: u64, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, offset).unwrap();
}

pub fn lsn_of(page: &[u8]) -> Lsn {
    Lsn(u64::from_be_bytes(page[16..24].try_into().unwrap()))
}
