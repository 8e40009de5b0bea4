//! Reading the data files themselves: every page, or a random part of them.
//!
//! This sees damage that has no copy in the doublewrite buffer. Pages are judged as a scan judges them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use rayon::prelude::*;

use crate::bytes::is_zero;
use crate::commands::check::suspect::SuspectReason;
use crate::commands::check::{CheckedPlace, Suspect};
use crate::commands::scan::judge::{Judge, Peek};
use crate::commands::scan::reason::{DamageReason, WrittenBecause};
use crate::commands::scan::{Damage, DamageState, Flushed, Ground};
use crate::disk::Image;
use crate::error::Result;
use crate::instance::spaces::{Identification, SpaceFile, Tablespace};
use crate::units::{ByteOffset, Lsn, PageNo};
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;

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
    pub suspects: BTreeMap<CheckedPlace, Suspect>,
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

/// Reads the chosen pages of every tablespace whose format is known. The same dice choose the same pages again.
///
/// A file that is gone by the time it is opened was dropped by a running server: it is left out.
///
/// # Errors
/// A file cannot be read.
pub fn sample(ground: &Ground, share: Share, dice: &RandomState) -> Result<Sample> {
    let known =
        ground.instance.spaces.list.par_iter().filter(|space| space.evidence != Identification::Unknown);
    let files = known.flat_map_iter(|space| space.files.iter().map(move |file| (space, file)));
    let samples = files.map(|(space, file)| sample_file(ground, space, file, share, dice));
    samples.try_reduce(Sample::default, |left, right| Ok(left.add(right)))
}

/// Reads pages again that were suspect; what is still damaged.
///
/// # Errors
/// A file cannot be read.
pub fn read_again(
    ground: &Ground,
    suspects: &BTreeMap<CheckedPlace, Suspect>,
) -> Result<BTreeMap<CheckedPlace, Suspect>> {
    let mut still = BTreeMap::new();
    for (place, suspect) in suspects {
        let found = ground.instance.spaces.list.iter().filter(|space| space.id == place.space_id);
        let files = found.flat_map(|space| space.files.iter().map(move |file| (space, file)));
        let Some((space, file)) = files.into_iter().find(|(_, file)| file.name == place.file) else {
            continue;
        };
        let Some(image) = open(file)? else { continue };
        let index = u64::from(place.page_no.0).saturating_sub(file.first_page);
        let offset = ByteOffset(index.saturating_mul(space.format.physical.as_u64()));
        if let Some(page) = image.read_page(offset, space.format.physical)? {
            // What the rest of the file says of an empty page was found out by the first look.
            if suspect.state == HomeState::Zero && is_zero(&page) {
                still.insert(place.clone(), suspect.clone());
                continue;
            }
            let mut reader = SampleReader::new(ground, space, file);
            reader.judge(&page, index);
            still.extend(reader.finish().suspects);
        }
    }
    Ok(still)
}

fn sample_file(
    ground: &Ground,
    space: &Tablespace,
    file: &SpaceFile,
    share: Share,
    dice: &RandomState,
) -> Result<Sample> {
    let Some(image) = open(file)? else { return Ok(Sample::default()) };
    let size = space.format.physical.bytes();
    let pages = image.len() / space.format.physical.as_u64();
    let mut reader = SampleReader::new(ground, space, file);
    reader.sample.pages = pages;
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
        let hole = image.hole_end(offset).map_or(0, |end| end.0.saturating_sub(offset.0)) / size as u64;
        if hole > 0 {
            let pages = if share == Share::All { hole.min(pages - index) } else { 1 };
            reader.hole(index, pages);
            index += pages;
            continue;
        }
        let read = image.read_up_to(offset, &mut buffer)?;
        reader.judge(buffer.get(..read).unwrap_or_default(), index);
        if read < size {
            break;
        }
        index += (read / size) as u64;
    }
    Ok(reader.finish())
}

/// Pages are looked at again later, all together.
struct NoPeek;

impl Peek for NoPeek {
    fn now(&self, _: u64, _: usize) -> Option<Vec<u8>> {
        None
    }

    fn bytes(&self, _: u64, _: usize) -> Option<Vec<u8>> {
        None
    }
}

/// The scan's judge of one file, and what it found.
struct SampleReader<'a> {
    flushed: Flushed,
    space: &'a Tablespace,
    file: &'a SpaceFile,
    judge: Judge<'a>,
    first_is_zero: bool,
    sample: Sample,
}

impl<'a> SampleReader<'a> {
    fn new(ground: &'a Ground, space: &'a Tablespace, file: &'a SpaceFile) -> SampleReader<'a> {
        SampleReader {
            flushed: ground.flushed,
            space,
            file,
            judge: Judge::new(ground, space, file, None, false),
            first_is_zero: false,
            sample: Sample::default(),
        }
    }

    /// Pages that lie one behind the other, the first `index` pages into the file.
    fn judge(&mut self, bytes: &[u8], index: u64) {
        let Ok(first) = u32::try_from(self.file.first_page.saturating_add(index)) else { return };
        self.judge.run(bytes, PageNo(first), &NoPeek);
        let size = self.space.format.physical.bytes();
        self.collect(|page_no| {
            let at = page_no.0.saturating_sub(first) as usize * size;
            crc32fast::hash(bytes.get(at..at.saturating_add(size)).unwrap_or_default())
        });
    }

    /// Pages that the file has no bytes for.
    fn hole(&mut self, index: u64, pages: u64) {
        let Ok(first) = u32::try_from(self.file.first_page.saturating_add(index)) else { return };
        self.judge.hole(PageNo(first), pages);
        let size = self.space.format.physical.bytes();
        self.collect(|_| crc32fast::hash(&vec![0; size]));
    }

    fn collect(&mut self, fingerprint: impl Fn(PageNo) -> u32) {
        for damage in std::mem::take(&mut self.judge.found.damage) {
            let fingerprint = fingerprint(damage.page_no);
            self.suspect(damage, fingerprint);
        }
        let undecided = std::mem::take(&mut self.judge.found.undecided);
        self.first_is_zero |= undecided.first().is_some_and(|run| run.first == PageNo(0));
    }

    fn suspect(&mut self, damage: Damage, fingerprint: u32) {
        let place =
            CheckedPlace { space_id: self.space.id, page_no: damage.page_no, file: self.file.name.clone() };
        let state = damage.state.into();
        let offset = Some(damage.offset);
        let verdict = (damage.state == DamageState::LostWrite).then_some(Verdict::LostWrite);
        let suspect =
            Suspect { verdict, state, offset, fingerprint, reason: SuspectReason::Seen(damage.detail) };
        self.sample.suspects.insert(place, suspect);
    }

    fn finish(mut self) -> Sample {
        let found = &self.judge.found;
        self.sample.read = found.counts.pages();
        self.sample.unverifiable = found.counts.unverifiable;
        // The first page of a tablespace is made before every other: where one that must be home is there, so is it.
        let must_be = |lsn: Lsn| self.flushed.holds(lsn) || self.flushed == Flushed::Unknown;
        if self.first_is_zero && found.lowest_lsn.is_some_and(must_be) {
            let place =
                CheckedPlace { space_id: self.space.id, page_no: PageNo(0), file: self.file.name.clone() };
            let suspect = Suspect {
                verdict: None,
                state: HomeState::Zero,
                offset: Some(ByteOffset(0)),
                fingerprint: 0,
                reason: SuspectReason::Seen(DamageReason::Zero(WrittenBecause::LaterPages)),
            };
            self.sample.suspects.insert(place, suspect);
        }
        self.sample
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileIdentity;

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
