//! Pages that a tablespace has given back: nothing that lies there is missed.

use crate::format::fil::FilHeader;
use crate::format::fsp::FspHeader;
use crate::format::xdes::{PageState, descriptor_page, page_state};
use crate::instance::spaces::Tablespace;
use crate::units::{Lsn, PageNo};
use crate::verdict::home::{HomeState, look_in};

/// Whether the tablespace's own descriptors, newer than `than`, say that a page is free or was never initialised.
/// `false` where they are damaged, older, or cannot be read: then nothing is known.
pub fn is_free_since(space: &Tablespace, page_no: PageNo, than: Lsn) -> bool {
    beyond_free_limit(space, page_no, than) || marked_free(space, page_no, than)
}

/// A page of the tablespace that is sound and was changed after `than`.
fn newer_page(space: &Tablespace, page_no: PageNo, than: Lsn) -> Option<Vec<u8>> {
    let home = look_in(space, page_no, true).ok().filter(|home| home.state == HomeState::Valid)?;
    FilHeader::parse(&home.bytes).filter(|header| header.lsn > than)?;
    Some(home.bytes)
}

fn beyond_free_limit(space: &Tablespace, page_no: PageNo, than: Lsn) -> bool {
    newer_page(space, PageNo(0), than)
        .and_then(|page0| FspHeader::parse(&page0))
        .is_some_and(|header| page_no.0 >= header.free_limit)
}

fn marked_free(space: &Tablespace, page_no: PageNo, than: Lsn) -> bool {
    newer_page(space, descriptor_page(&space.format, page_no), than)
        .is_some_and(|page| page_state(&page, &space.format, page_no) == Some(PageState::Free))
}
