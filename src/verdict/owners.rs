//! Whose the copies are that hide their space id.
//!
//! Tablespaces outside, copies inside: with ten thousand tables every file is opened once, and not once for each copy; what
//! has found its owner is looked for no further, and a page that redo rules out is not read.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::disk::Image;
use crate::format::fsp::{Encryption, Layout};
use crate::instance::Instance;
use crate::instance::redo::history::Census;
use crate::instance::spaces::{Identification, Tablespace, opens};
use crate::page::sectors::shares_a_sector;
use crate::units::PageNo;
use crate::verdict::copy::{Copy, is_hidden};

/// Copies of one page number, as indices.
type ByPage = BTreeMap<PageNo, Vec<usize>>;

/// How many tablespaces are asked at a time: what they claim is not sought in the others.
const AT_ONCE: usize = 256;

/// A copy whose owner is not known, with its page: MariaDB's buffer has 128 slots.
struct Sought<'a> {
    copy: &'a mut Copy,
    page: Vec<u8>,
}

/// An encrypted full_crc32 copy belongs to the one file whose page of that number has a sector of ciphertext in common:
/// one that says that it is encrypted, or else one whose first encryption may be under way, which page 0 does not say yet.
pub(crate) fn find_hidden_owners(copies: &mut [Copy], instance: &Instance) {
    let (spaces, census) = (&instance.spaces, instance.census());
    let hidden = copies.iter_mut().filter(|copy| is_hidden(copy));
    let hidden: Vec<Sought<'_>> =
        hidden.map(|copy| Sought { page: copy.page().into_owned(), copy }).collect();
    let full = spaces.list.iter().filter(|space| space.format.layout == Layout::FullCrc32);
    let (stated, others): (Vec<&Tablespace>, Vec<&Tablespace>) =
        full.partition(|space| may_be_encrypted(space));
    let left = give_to_owners(hidden, stated, census);
    give_to_owners(left, others, census);
}

fn may_be_encrypted(space: &Tablespace) -> bool {
    space.format.encryption == Encryption::MariaDb || space.evidence != Identification::Header
}

/// The buffer holds what was written last: most copies find their owner among the first files.
fn last_written_first(mut spaces: Vec<&Tablespace>) -> Vec<&Tablespace> {
    let written = |space: &&Tablespace| {
        let times =
            space.files.iter().map(|file| std::fs::metadata(&file.path).and_then(|stat| stat.modified()));
        std::cmp::Reverse(times.filter_map(std::result::Result::ok).max())
    };
    spaces.sort_by_cached_key(written);
    spaces
}

/// Gives each copy to the one tablespace that claims it; back come those that none does. One that several claim of those
/// asked together stays without an owner.
fn give_to_owners<'a>(
    mut hidden: Vec<Sought<'a>>,
    spaces: Vec<&Tablespace>,
    census: Option<&Census>,
) -> Vec<Sought<'a>> {
    if hidden.is_empty() {
        return hidden;
    }
    for spaces in last_written_first(spaces).chunks(AT_ONCE) {
        if hidden.is_empty() {
            break;
        }
        hidden = give_to_some(hidden, spaces, census);
    }
    hidden
}

fn give_to_some<'a>(
    mut hidden: Vec<Sought<'a>>,
    spaces: &[&Tablespace],
    census: Option<&Census>,
) -> Vec<Sought<'a>> {
    let mut by_page = ByPage::new();
    for (index, sought) in hidden.iter().enumerate() {
        by_page.entry(sought.copy.page_no()).or_default().push(index);
    }
    let claims: Vec<Vec<usize>> =
        spaces.par_iter().map(|space| claims_of(space, &hidden, &by_page, census)).collect();
    let mut owners: BTreeMap<usize, Option<&Tablespace>> = BTreeMap::new();
    for (space, claims) in spaces.iter().zip(claims) {
        for index in claims {
            owners.entry(index).and_modify(|owner| *owner = None).or_insert(Some(space));
        }
    }
    for (&index, owner) in &owners {
        if let (Some(sought), Some(owner)) = (hidden.get_mut(index), owner) {
            sought.copy.space = owner.id;
            sought.copy.format = owner.format;
        }
    }
    hidden
        .into_iter()
        .enumerate()
        .filter(|(index, _)| !owners.contains_key(index))
        .map(|(_, sought)| sought)
        .collect()
}

/// The copies that a tablespace lays claim to.
fn claims_of(
    space: &Tablespace,
    hidden: &[Sought<'_>],
    by_page: &ByPage,
    census: Option<&Census>,
) -> Vec<usize> {
    let ruled_out = |copy: &Copy| {
        space.id.zip(census).is_some_and(|(id, census)| census.rules_out((id, copy.page_no()), copy.lsn()))
    };
    let mut claims = Vec::new();
    let mut image: Option<Image> = None;
    let mut page = vec![0; space.format.physical.bytes()];
    for (&page_no, indices) in by_page {
        let found = indices.iter().filter_map(|&index| Some((index, hidden.get(index)?)));
        let possible: Vec<_> = found.filter(|(_, sought)| !ruled_out(sought.copy)).collect();
        if possible.is_empty() {
            continue;
        }
        let home = read_home(space, page_no, &mut image, &mut page);
        let fits = |copy: &[u8]| home && shares_a_sector(&page, copy) || opens(copy, space);
        claims.extend(possible.iter().filter(|(_, sought)| fits(&sought.page)).map(|(index, _)| index));
    }
    claims
}

/// Reads a page of a tablespace; false where it has none, or it cannot be read. `image` is the file that is
/// open.
fn read_home(space: &Tablespace, page_no: PageNo, image: &mut Option<Image>, page: &mut [u8]) -> bool {
    let Some(place) = space.place(page_no).filter(|place| place.in_bounds) else { return false };
    if image.as_ref().is_none_or(|open| open.path() != place.file.path) {
        *image = Image::open(&place.file.path).ok();
    }
    image
        .as_ref()
        .is_some_and(|image| image.read_up_to(place.offset, page).is_ok_and(|read| read == page.len()))
}

#[cfg(test)]
mod tests;
