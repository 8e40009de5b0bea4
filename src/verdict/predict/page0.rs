//! How servers find out whose a damaged page 0 is.

use std::collections::BTreeMap;

use crate::bytes::{is_zero, u32_at};
use crate::disk::Image;
use crate::format::fil::{FIL_PAGE_SPACE_ID, FilHeader};
use crate::format::fsp::{Encryption, FspHeader, Layout, PageFormat};
use crate::instance::generation::Generation;
use crate::instance::identify::SURVEY_PAGES;
use crate::instance::spaces::Tablespace;
use crate::page::frame;
use crate::page::judge;
use crate::units::{PageNo, PageSize, SpaceId};
use crate::verdict::home::Home;

/// How many of them may disagree.
const MISSED: u32 = 3;

/// MySQL tries page sizes from the smallest on and believes the first under which the pages that verify agree on an id
/// (`fil_user_tablespace_find_space_id` 5.6, `Datafile::find_space_id` 5.7 to 9.7). From 5.7 on what carries the type of an
/// encrypted page counts as verified: 9.7.4 took 2048 bytes of a compressed page for one, and lost the table.
pub(super) fn mysql_surveys(space: &Tablespace, generation: Generation) -> bool {
    let Some(image) = space.files.first().and_then(|file| Image::open(&file.path).ok()) else { return false };
    let reads_encrypted = generation != Generation::MySql56;
    let mut sizes = (10..=16).filter_map(|bits| PageSize::new(1 << bits));
    let chosen = sizes.find_map(|size| {
        let formats = survey_formats(space.format.logical, size);
        let mut votes: BTreeMap<SpaceId, u32> = BTreeMap::new();
        for number in (0..SURVEY_PAGES).map(PageNo) {
            let Some(page) = image.read_page(number.offset(size), size).ok().flatten() else { break };
            let Some(header) = FilHeader::parse(&page).filter(|header| header.space_id != SpaceId::SYSTEM)
            else {
                continue;
            };
            // Its checksum is ciphertext: MySQL does not look at it.
            let encrypted = reads_encrypted && frame::is_mysql_ciphertext(header.page_type);
            if encrypted || formats.iter().any(|format| judge(&page, format).is_valid()) {
                *votes.entry(header.space_id).or_default() += 1;
            }
        }
        let all: u32 = votes.values().sum();
        (0..=MISSED)
            .find_map(|missed| votes.iter().find(|&(_, &count)| count + missed == all).map(|(&id, _)| id))
    });
    chosen.is_some() && chosen == space.id
}

fn survey_formats(logical: PageSize, size: PageSize) -> Vec<PageFormat> {
    let classic = (size == logical).then_some(PageFormat::classic(size));
    let zip = (size <= logical && size <= PageSize::DEFAULT).then_some(PageFormat::zip(logical, size));
    classic.into_iter().chain(zip).collect()
}

/// MariaDB judges the other pages by the flags of the damaged page 0 (`Datafile::find_space_id`, up to 10.5.23). Flags
/// that are lost stand for plain pages; encrypted pages fail, but behind the flag for page compression none is looked at.
pub(super) fn mariadb_surveys(home: &Home, space: &Tablespace) -> bool {
    let (format, stated) = (space.format, FspHeader::parse(&home.bytes.get()).map(|header| header.flags));
    let kept = stated.and_then(PageFormat::from_flags).is_some_and(|stated| {
        (stated.layout, stated.physical, stated.page_compressed)
            == (format.layout, format.physical, format.page_compressed)
    });
    let encrypted = format.encryption == Encryption::MariaDb;
    match (kept, format.page_compressed) {
        (true, compressed) => compressed || !encrypted,
        (false, compressed) => format.layout == Layout::Classic && !compressed && !encrypted,
    }
}

/// MariaDB opens undo tablespaces by the id that page 0 states, and looks for a copy only then (`srv0start.cc`).
pub(super) fn states_its_id(home: &Home, space: &Tablespace) -> bool {
    let stated = u32_at(&home.bytes.get(), FIL_PAGE_SPACE_ID).map(SpaceId);
    let again = FspHeader::parse(&home.bytes.get()).map(|header| header.space_id);
    stated == space.id && again == space.id
}

/// From 10.5.24 on a page 0 without a space id takes it from pages 1 to 3, where all of them verify and agree
/// (`recv_dblwr_t::find_first_page`).
pub(super) fn neighbours_tell(home: &Home, space: &Tablespace) -> bool {
    let Some(file) = space.files.first().filter(|_| u32_at(&home.bytes.get(), FIL_PAGE_SPACE_ID) == Some(0))
    else {
        return false;
    };
    let Ok(image) = Image::open(&file.path) else { return false };
    let format = PageFormat { encryption: Encryption::None, ..space.format };
    (1..=3).map(PageNo).all(|number| {
        let page = image.read_page(number.offset(format.physical), format.physical).ok().flatten();
        page.is_some_and(|page| {
            let header = FilHeader::parse(&page).map(|header| (header.page_no, Some(header.space_id)));
            header == Some((number, space.id)) && !is_zero(&page) && judge(&page, &format).is_valid()
        })
    })
}
