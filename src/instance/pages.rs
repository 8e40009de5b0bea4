//! The pages of a tablespace as its dictionary is read: verified, decompressed, decrypted where a key is known.

use std::cell::RefCell;

use crate::disk::Image;
use crate::format::PageSource;
use crate::instance::spaces::{Tablespace, judge_in};
use crate::units::PageNo;

/// The verified pages of a tablespace, decompressed.
#[derive(Debug)]
pub struct VerifiedPages<'a> {
    space: &'a Tablespace,
    last: RefCell<Option<Image>>,
}

impl<'a> VerifiedPages<'a> {
    /// Files are opened when they are needed.
    pub fn of(space: &'a Tablespace) -> VerifiedPages<'a> {
        VerifiedPages { space, last: RefCell::new(None) }
    }
}

impl PageSource for VerifiedPages<'_> {
    fn page(&self, page_no: PageNo) -> Option<Vec<u8>> {
        let place = self.space.place(page_no).filter(|place| place.in_bounds)?;
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|image| image.path() != place.file.path) {
            *last = Some(Image::open(&place.file.path).ok()?);
        }
        let page = last.as_ref()?.read_page(place.offset, self.space.format.physical).ok()??;
        let judged = judge_in(&page, self.space);
        judged.is_valid().then(|| judged.clear.unwrap_or(page))
    }
}
