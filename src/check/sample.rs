//! Reading the data files themselves: every page, or a random part of them.
//!
//! This sees damage that has no copy in the doublewrite buffer. It judges pages by their own bytes and place only; what
//! a page means for a table is the scan's subject.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use rayon::prelude::*;

use crate::check::{Place, Suspect};
use crate::dblwr::Area;
use crate::error::Result;
use crate::examine::judge;
use crate::home::{HomeState, state_at};
use crate::image::Image;
use crate::instance::Instance;
use crate::space::{Evidence, SpaceFile, Tablespace};
use crate::units::{ByteOffset, PageNo, SpaceId};

/// Bytes read at a time when every page is read.
const RUN: usize = 1 << 20;

/// Which pages are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// Every one.
    All,
    /// Each with this chance in percent, above 0 and up to 100.
    Percent(f64),
}

/// What was read and what looked damaged.
#[derive(Debug, Default)]
pub struct Sample {
    /// Pages there are.
    pub pages: u64,
    /// Pages read.
    pub read: u64,
    /// Of these: encrypted or in an unknown format.
    pub unverifiable: u64,
    /// Damaged at this look.
    pub suspects: BTreeMap<Place, Suspect>,
}

impl Sample {
    fn add(mut self, other: Sample) -> Sample {
        self.pages += other.pages;
        self.read += other.read;
        self.unverifiable += other.unverifiable;
        self.suspects.extend(other.suspects);
        self
    }
}

/// Reads the chosen pages of every tablespace whose format is known.
///
/// A file that is gone by the time it is opened was dropped by a running server: it is left out.
///
/// # Errors
/// A file cannot be read.
pub fn sample(instance: &Instance, share: Share) -> Result<Sample> {
    let dice = RandomState::new();
    let known = instance.spaces.list.par_iter().filter(|space| space.evidence != Evidence::Unknown);
    let files = known.flat_map_iter(|space| space.files.iter().map(move |file| (space, file)));
    let samples = files.map(|(space, file)| sample_file(instance, space, file, share, &dice));
    samples.try_reduce(Sample::default, |left, right| Ok(left.add(right)))
}

/// Reads pages again that were suspect; what is still damaged.
///
/// # Errors
/// A file cannot be read.
pub fn read_again(
    instance: &Instance,
    suspects: &BTreeMap<Place, Suspect>,
) -> Result<BTreeMap<Place, Suspect>> {
    let mut still = BTreeMap::new();
    for place in suspects.keys() {
        let found = instance.spaces.list.iter().filter(|space| space.id == place.space_id);
        let files = found.flat_map(|space| space.files.iter().map(move |file| (space, file)));
        let Some((space, file)) = files.into_iter().find(|(_, file)| file.name == place.file) else {
            continue;
        };
        let Some(image) = open(file)? else { continue };
        let index = u64::from(place.page_no.0).saturating_sub(file.first_page);
        let offset = ByteOffset(index.saturating_mul(space.format.physical.as_u64()));
        if let Some(page) = image.read_page(offset, space.format.physical)? {
            let judged = examine(instance, space, file, index, &page);
            still.extend(judged.suspect);
        }
    }
    Ok(still)
}

fn sample_file(
    instance: &Instance,
    space: &Tablespace,
    file: &SpaceFile,
    share: Share,
    dice: &RandomState,
) -> Result<Sample> {
    let Some(image) = open(file)? else { return Ok(Sample::default()) };
    let size = space.format.physical.bytes();
    let pages = image.len() / space.format.physical.as_u64();
    let mut sample = Sample { pages, ..Sample::default() };
    let per_run = match share {
        Share::All => (RUN / size).max(1),
        Share::Percent(_) => 1,
    };
    let mut buffer = vec![0; per_run * size];
    let mut index = 0;
    while index < pages {
        if !chosen(share, dice, file, index) {
            index += 1;
            continue;
        }
        let offset = ByteOffset(index.saturating_mul(space.format.physical.as_u64()));
        let read = image.read_up_to(offset, &mut buffer)?;
        for page in buffer.get(..read).unwrap_or_default().chunks_exact(size) {
            let judged = examine(instance, space, file, index, page);
            sample.read += 1;
            sample.unverifiable += u64::from(judged.unverifiable);
            sample.suspects.extend(judged.suspect);
            index += 1;
        }
        if read < size {
            break;
        }
    }
    Ok(sample)
}

/// `None` where the file is gone.
fn open(file: &SpaceFile) -> Result<Option<Image>> {
    match Image::open(&file.path) {
        Err(_) if !file.path.exists() => Ok(None),
        opened => opened.map(Some),
    }
}

fn chosen(share: Share, dice: &RandomState, file: &SpaceFile, index: u64) -> bool {
    let Share::Percent(percent) = share else { return true };
    let mut hasher = dice.build_hasher();
    hasher.write_u64(file.identity.device);
    hasher.write_u64(file.identity.inode);
    hasher.write_u64(index);
    // The upper 53 bits are a fraction that a double holds exactly.
    let fraction = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
    fraction * 100.0 < percent
}

struct Examined {
    unverifiable: bool,
    suspect: Option<(Place, Suspect)>,
}

/// One page, `index` pages into its file.
fn examine(instance: &Instance, space: &Tablespace, file: &SpaceFile, index: u64, page: &[u8]) -> Examined {
    let fine = Examined { unverifiable: false, suspect: None };
    let Ok(number) = u32::try_from(file.first_page.saturating_add(index)) else { return fine };
    let page_no = PageNo(number);
    // The slots of the built-in buffer hold pages that belong elsewhere.
    let slot = |area: &Area| area.covers(page_no);
    if space.id == Some(SpaceId::SYSTEM) && instance.areas.iter().any(slot) {
        return fine;
    }
    let stored = instance.areas.iter().all(|area| area.space_id_stored);
    let (state, why) = state_at(&judge(page, &space.format), page, space, page_no, stored);
    let damaged = match state {
        // Pages that were never written are zero; the first one of a tablespace always was written.
        HomeState::Zero => page_no == PageNo(0),
        HomeState::Torn | HomeState::Corrupt | HomeState::Misdirected => true,
        _ => false,
    };
    let place = Place { space_id: space.id, page_no, file: file.name.clone() };
    let offset = ByteOffset(index.saturating_mul(space.format.physical.as_u64()));
    let suspect = Suspect {
        verdict: None,
        state,
        offset: Some(offset),
        fingerprint: crc32fast::hash(page),
        reason: why,
    };
    Examined { unverifiable: state == HomeState::Unverifiable, suspect: damaged.then_some((place, suspect)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::FileIdentity;

    #[test]
    fn a_share_is_a_share() {
        let identity = FileIdentity { device: 1, inode: 2 };
        let (path, name) = Default::default();
        let file = SpaceFile { path, name, len: 0, first_page: 0, identity };
        let dice = RandomState::new();
        let count = |share| (0..20_000).filter(|&index| chosen(share, &dice, &file, index)).count();
        assert_eq!(count(Share::All), 20_000);
        assert_eq!(count(Share::Percent(100.0)), 20_000);
        // Ten standard deviations around one in ten.
        assert!((1_575..2_425).contains(&count(Share::Percent(10.0))));
        assert_eq!(count(Share::Percent(0.0)), 0);
    }
}
