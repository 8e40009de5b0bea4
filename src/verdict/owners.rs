//! Whose the copies are that hide their space id.

use crate::disk::Image;
use crate::format::fsp::{Encryption, Layout};
use crate::instance::spaces::opens;
use crate::instance::spaces::{Evidence, Spaces, Tablespace};
use crate::page::sectors::shares_a_sector;
use crate::verdict::copy::Copy;
use crate::verdict::copy::is_hidden;

/// An encrypted full_crc32 copy belongs to the one file whose page of that number has a sector of ciphertext in common:
/// one that says that it is encrypted, or else one whose first encryption may be under way, which page 0 does not say yet.
pub(crate) fn find_hidden_owners(copies: &mut [Copy], spaces: &Spaces) {
    let full = spaces.list.iter().filter(|space| space.format.layout == Layout::FullCrc32);
    let (stated, others): (Vec<&Tablespace>, Vec<&Tablespace>) =
        full.partition(|space| may_be_encrypted(space));
    for copy in copies.iter_mut().filter(|copy| is_hidden(copy)) {
        let owner = match owner_among(&stated, copy) {
            Owners::None => owner_among(&others, copy),
            found => found,
        };
        if let Owners::One(owner) = owner {
            copy.space = owner.id;
            copy.format = owner.format;
        }
    }
}

/// How many files show that a copy is theirs.
enum Owners<'a> {
    None,
    One(&'a Tablespace),
    Several,
}

fn owner_among<'a>(spaces: &[&'a Tablespace], copy: &Copy) -> Owners<'a> {
    let mut owners = spaces.iter().filter(|space| shows(space, copy));
    match (owners.next(), owners.next()) {
        (None, _) => Owners::None,
        (Some(owner), None) => Owners::One(owner),
        (Some(_), Some(_)) => Owners::Several,
    }
}

fn shows(space: &Tablespace, copy: &Copy) -> bool {
    if opens(copy.page(), space) {
        return true;
    }
    let place = space.place(copy.page_no()).filter(|place| place.in_bounds);
    place.is_some_and(|place| {
        let page = Image::open(&place.file.path)
            .and_then(|image| image.read_page(place.offset, space.format.physical));
        page.is_ok_and(|page| page.is_some_and(|page| shares_a_sector(&page, copy.page())))
    })
}

fn may_be_encrypted(space: &Tablespace) -> bool {
    space.format.encryption == Encryption::MariaDb || space.evidence != Evidence::Header
}
