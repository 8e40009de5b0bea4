//! How MariaDB finds out whose a damaged page 0 is.

use crate::bytes::{is_zero, u32_at};
use crate::examine::judge;
use crate::fil::{FIL_PAGE_SPACE_ID, FilHeader};
use crate::fsp::{Encryption, FspHeader, Layout, PageFormat};
use crate::home::Home;
use crate::image::Image;
use crate::space::Tablespace;
use crate::units::PageNo;

/// MariaDB judges the other pages by the flags of the damaged page 0 (`Datafile::find_space_id`, up to 10.5.23). Flags
/// that are lost stand for plain pages; encrypted pages fail, but behind the flag for page compression none is looked at.
pub(super) fn mariadb_surveys(home: &Home, space: &Tablespace) -> bool {
    let (format, stated) = (space.format, FspHeader::parse(&home.bytes).map(|header| header.flags));
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

/// From 10.5.24 on a page 0 without a space id takes it from pages 1 to 3, where all of them verify and agree
/// (`recv_dblwr_t::find_first_page`).
pub(super) fn neighbours_tell(home: &Home, space: &Tablespace) -> bool {
    let Some(file) = space.files.first().filter(|_| u32_at(&home.bytes, FIL_PAGE_SPACE_ID) == Some(0)) else {
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
