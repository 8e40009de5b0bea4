//! How the pages of a tablespace lie in its files, and how they are in memory.
//!
//! Pages of a page_compressed tablespace are made in the form that is not compressed: servers write it themselves where a
//! page does not get smaller, and read it.

use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_SPACE_ID};
use crate::format::fsp::{Encryption, Layout};
use crate::format::redo_record::PageId;
use crate::instance::spaces::{Tablespace, judge_in};
use crate::page::checksum::{Algorithm, Examined, examine};
use crate::page::transform::cipher::AesMode;
use crate::page::transform::{Revealed, SpaceKey, reveal, seal};
use crate::units::{PageNo, SpaceId};
use crate::verdict::copy::Copy;
use crate::verdict::home;
use crate::verdict::home::Home;
use crate::verdict::rebuild::Rebuilt;

/// Pages of a tablespace that are looked at for one that its key opens.
const PROBE: u32 = 512;

/// A tablespace whose pages can be read and made.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    space: &'a Tablespace,
    id: SpaceId,
    cipher: Option<(&'a SpaceKey, AesMode)>,
    /// What its page 0 verifies with.
    algorithm: Option<Algorithm>,
    /// Whether its pages carry their space id.
    pub ids: bool,
}

impl<'a> Stored<'a> {
    /// `None` where it is encrypted and no key opens a page of it.
    pub fn of(space: &'a Tablespace, ids: bool) -> Option<Stored<'a>> {
        let id = space.id?;
        let cipher = match space.format.encryption {
            Encryption::None => None,
            Encryption::MySql => return None,
            Encryption::MariaDb => {
                let key = space.key.as_ref()?;
                Some((key, mode_of(space, id, key)?))
            }
        };
        let algorithm = home::look_in(space, PageNo(0), ids).ok().and_then(|home| home.algorithm);
        Some(Stored { space, id, cipher, algorithm, ids })
    }

    /// Whether no page of this tablespace says in its tail which version it is.
    pub fn hides_tails(&self) -> bool {
        let encrypted = self.cipher.is_some() && self.space.format.layout == Layout::FullCrc32;
        encrypted || self.space.format.layout == Layout::Zip
    }

    /// A page as in memory; `None` where it cannot be decrypted or decompressed.
    pub fn in_memory(&self, page: &[u8]) -> Option<Vec<u8>> {
        match reveal(page, &self.space.format, self.id, self.cipher.map(|(key, _)| key)) {
            Revealed::AsStored => Some(page.to_vec()),
            Revealed::Page(page) => Some(page),
            Revealed::Locked | Revealed::WrongKey | Revealed::Damaged(_) => None,
        }
    }

    /// How a version of a page may lie in the file, the usual way first. `flush_lsn` as in [`Rebuilt::written`].
    pub fn forms(
        &self,
        id: PageId,
        version: &Rebuilt,
        copies: &[&Copy],
        flush_lsn: Option<&[u8]>,
    ) -> Vec<Vec<u8>> {
        let format = &self.space.format;
        let Some(clear) = version.written(format, self.algorithm(copies), flush_lsn) else {
            return Vec::new();
        };
        let Some((key, mode)) = self.cipher.filter(|_| !seal::stays_clear(&clear, format, id)) else {
            return vec![clear];
        };
        let sealed = seal::encrypt(&clear, format, self.id, key, mode);
        sealed.map_or_else(Vec::new, |sealed| vec![sealed, clear])
    }

    /// Of these forms the one that belongs over a home: in clear only where the home itself is.
    pub fn form_for(&self, home: &Home, mut forms: Vec<Vec<u8>>) -> Option<Vec<u8>> {
        let clear =
            home.words.head.is_some() && seal::key_version(&home.bytes, &self.space.format) == Some(0);
        if clear { forms.pop() } else { forms.into_iter().next() }
    }

    /// What a page of this tablespace verifies with before it is encrypted.
    fn algorithm(&self, copies: &[&Copy]) -> Algorithm {
        if self.space.format.layout == Layout::FullCrc32 {
            return Algorithm::FullCrc32;
        }
        let of_copy = copies.iter().find_map(|copy| {
            let clear = self.in_memory(copy.bytes.get(..self.space.format.physical.bytes())?)?;
            match examine(&clear, &self.space.format) {
                Examined::Valid { algorithm, .. } => Some(algorithm),
                _ => None,
            }
        });
        of_copy.or(self.algorithm).unwrap_or(Algorithm::Crc32)
    }
}

/// How the server used the key, shown by the first page that it opens.
fn mode_of(space: &Tablespace, id: SpaceId, key: &SpaceKey) -> Option<AesMode> {
    let pages = u32::try_from(space.pages()).unwrap_or(u32::MAX).min(PROBE);
    (1..pages).find_map(|number| {
        let page = space.read_page(PageNo(number)).ok()??;
        let says_so = seal::key_version(&page, &space.format).is_some_and(|version| version != 0);
        let sound = says_so && judge_in(&page, space).is_valid();
        if sound { seal::mode_of(&page, &space.format, id, key) } else { None }
    })
}

/// Bytes 26..34 of page 0 of the system tablespace, of its newest copy or its home.
pub(super) fn flush_lsn<'b>(id: PageId, copies: &'b [&Copy], home: &'b Home) -> Option<&'b [u8]> {
    let first = id == (SpaceId::SYSTEM, PageNo(0));
    let bytes = copies.first().map_or(&home.bytes[..], |copy| &copy.bytes);
    bytes.get(FIL_PAGE_FILE_FLUSH_LSN..FIL_PAGE_SPACE_ID).filter(|_| first)
}
