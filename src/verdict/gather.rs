//! From a home and its copies to the facts that the judgement looks at. Nothing is decided here.

use std::borrow::Cow;

use crate::format::fil::FilHeader;
use crate::format::fsp::{Encryption, Layout, PageFormat};
use crate::format::index_header::index_header;
use crate::instance::Instance;
use crate::instance::spaces::{Owner, Tablespace, judge_in};
use crate::page::checksum::Algorithm;
use crate::page::contents::{Contents, same_contents};
use crate::page::frame::may_carry_post_encryption_sum;
use crate::page::sectors::{Tear, equal_sectors, sector_map};
use crate::page::transform::{Revealed, SpaceKey, reveal};
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::contested::contest;
use crate::verdict::copy::{Copy, CopyState};
use crate::verdict::descriptors::is_free_since;
use crate::verdict::home::{Home, HomeState};
use crate::verdict::home_bytes::{self, is_plaintext_of};
use crate::verdict::judge::{CopyFacts, HomeFacts};

/// Pages behind page 0 in which roots of indexes are looked for.
const ROOTS: std::ops::Range<u32> = 3..64;

/// The facts of one page.
#[derive(Debug)]
pub struct Gathered {
    /// One for every copy, in their order.
    pub copies: Vec<CopyFacts>,
    images: Vec<Option<Vec<u8>>>,
    rivals: Vec<String>,
    in_buffer: bool,
    no_future: bool,
    sectors: u32,
}

impl Gathered {
    /// Looks at a page, its home and its copies.
    pub fn of(instance: &Instance, home: &Home, page_no: PageNo, copies: &[&Copy]) -> Gathered {
        let space = copies.first().and_then(|copy| copy.space);
        let no_future = instance.refuses_future_pages();
        let beyond = instance.window.end.is_some_and(|end| home.lsn.is_some_and(|lsn| lsn > end));
        let compared = home.state.is_damaged() || home.weak || (no_future && beyond);
        let image = |copy: &&Copy| home_bytes::image(instance, home, copy).filter(|_| compared);
        let images: Vec<Option<Vec<u8>>> = copies.iter().map(image).collect();
        let facts = copies.iter().zip(&images);
        let in_buffer =
            space == Some(SpaceId::SYSTEM) && instance.areas.iter().any(|area| area.covers(page_no));
        Gathered {
            copies: facts.map(|(copy, image)| facts_of(instance, home, copy, image.as_deref())).collect(),
            rivals: home.rivals.iter().map(|path| path.display().to_string()).collect(),
            in_buffer,
            no_future,
            sectors: if compared { sector_map(&home.bytes.get(), &[], &[]).len() as u32 } else { 0 },
            images,
        }
    }

    /// The facts of the home.
    pub fn home<'a>(&'a self, home: &'a Home) -> HomeFacts<'a> {
        HomeFacts {
            state: home.state,
            lsn: home.lsn,
            words: home.words,
            unreadable: home.unreadable_because(),
            in_buffer: self.in_buffer,
            no_future: self.no_future,
            sectors: self.sectors,
            rivals: &self.rivals,
        }
    }

    /// Of every copy, whose the sectors of a damaged home are: its own, or those of the other copies.
    pub fn sector_maps(&self, home: &Home) -> Vec<Option<String>> {
        let map = |(at, image): (usize, &Option<Vec<u8>>)| {
            let others: Vec<&[u8]> = (self.images.iter().enumerate())
                .filter(|&(other, _)| other != at)
                .filter_map(|(_, image)| image.as_deref())
                .collect();
            Some(sector_map(&home.bytes.get(), image.as_deref()?, &others))
        };
        self.images.iter().enumerate().map(map).collect()
    }
}

fn facts_of(instance: &Instance, home: &Home, copy: &Copy, image: Option<&[u8]>) -> CopyFacts {
    let plaintext = is_plaintext_of(instance, home, copy);
    let owner = copy.space.map(|id| instance.spaces.owner(id));
    let space = match owner {
        Some(Owner::One(space)) => Some(space),
        _ => None,
    };
    let older = home.state == HomeState::Valid && home.lsn < Some(copy.lsn());
    let uncovered = older && instance.window.holds(copy.lsn()) != Some(true);
    let passed = instance.window.checkpoint.is_some_and(|checkpoint| copy.lsn() < checkpoint);
    let asks_whether_free = home.state == HomeState::Zero || (older && passed);
    CopyFacts {
        state: copy.state(),
        lsn: copy.lsn(),
        plaintext,
        writable: !plaintext || instance.spaces.key_of(copy.space).is_some(),
        contradicts: home.is_contradicted_by(&copy.page(), copy.lsn()),
        contest: contest(home, copy),
        contents: if uncovered { contents_of(home, copy, space) } else { Contents::Unknown },
        freed: asks_whether_free
            && space.is_some_and(|space| is_free_since(space, copy.page_no(), copy.lsn())),
        other_file: older && passed && space.is_some_and(|space| is_other_file(space, home, copy)),
        equal_sectors: image.map_or(0, |image| equal_sectors(&home.bytes.get(), image)),
        tear: image.map(|image| Tear::between(&home.bytes.get(), image)),
    }
}

fn contents_of(home: &Home, copy: &Copy, space: Option<&Tablespace>) -> Contents {
    let Some(format) = home.format.filter(|_| copy.state() == CopyState::Valid) else {
        return Contents::Unknown;
    };
    let flush_lsn = copy.space == Some(SpaceId::SYSTEM) && home.offset == Some(ByteOffset(0));
    let same = |one: &[u8], other: &[u8]| same_contents(one, other, format.layout, flush_lsn);
    let (home_page, copy_page) = (home.bytes.get(), copy.page());
    if same(&home_page, &copy_page) {
        return Contents::Equal;
    }
    let key = space.and_then(|space| space.key.as_ref());
    let id = copy.space.unwrap_or(copy.header.space_id);
    let at_home = in_memory(&home_page, &format, home.algorithm, id, key);
    let in_slot = in_memory(&copy_page, &format, copy.judged.algorithm, id, key);
    match at_home.zip(in_slot) {
        Some((one, other)) if same(&one, &other) => Contents::Equal,
        Some(_) => Contents::Differ,
        None => Contents::Unknown,
    }
}

/// A page as the server has it in memory; `None` where that takes a key which is not there.
fn in_memory<'a>(
    page: &'a [u8],
    format: &PageFormat,
    algorithm: Option<Algorithm>,
    space: SpaceId,
    key: Option<&SpaceKey>,
) -> Option<Cow<'a, [u8]>> {
    match reveal(page, format, space, key) {
        Revealed::Page(clear) => Some(Cow::Owned(clear)),
        Revealed::AsStored if is_ciphertext(page, format, algorithm) => None,
        Revealed::AsStored => Some(Cow::Borrowed(page)),
        Revealed::Locked | Revealed::WrongKey | Revealed::Damaged(_) => None,
    }
}

/// A page that MariaDB encrypted in the classic layout looks like any other but for its key version.
fn is_ciphertext(page: &[u8], format: &PageFormat, algorithm: Option<Algorithm>) -> bool {
    let stated = format.encryption == Encryption::MariaDb && format.layout != Layout::FullCrc32;
    algorithm == Some(Algorithm::PostEncryptionCrc32) || (stated && may_carry_post_encryption_sum(page))
}

/// Whether the file at home is another than the one that the copy was made of: `IMPORT TABLESPACE` of MariaDB writes pages
/// with LSN 0 (seen with 10.11), and a file that was put there by hand has other indexes.
fn is_other_file(space: &Tablespace, home: &Home, copy: &Copy) -> bool {
    if home.lsn == Some(Lsn(0)) {
        return true;
    }
    let key = space.key.as_ref();
    let index_of = |page: &[u8], algorithm| {
        let page = in_memory(page, &space.format, algorithm, space.id?, key)?;
        index_header(&page).map(|header| header.index_id)
    };
    let at_home = index_of(&home.bytes.get(), home.algorithm);
    let in_slot = index_of(&copy.page(), copy.judged.algorithm);
    match at_home.zip(in_slot) {
        Some((one, other)) if one != other && space.id != Some(SpaceId::SYSTEM) => {
            !has_root(space, |page, algorithm| index_of(page, algorithm) == Some(other))
        }
        _ => false,
    }
}

/// Whether one of the first pages is wanted. A page may well pass from one index of a file to another.
fn has_root(space: &Tablespace, wanted: impl Fn(&[u8], Option<Algorithm>) -> bool) -> bool {
    ROOTS.map(PageNo).any(|number| {
        space.read_page(number).ok().flatten().is_some_and(|page| {
            let judged = judge_in(&page, space);
            let in_place = FilHeader::parse(&page).is_some_and(|header| header.page_no == number);
            judged.is_valid() && in_place && wanted(&page, judged.algorithm)
        })
    })
}
