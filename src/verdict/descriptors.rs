//! What the extent descriptors of a tablespace say of a page, as far as a descriptor page verifies.

use crate::format::fil::FilHeader;
use crate::format::fsp::FspHeader;
use crate::format::xdes::{DescriptorState, descriptor_page, page_state};
use crate::instance::spaces::Tablespace;
use crate::instance::spaces::judge_in;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::home::{HomeState, look_in, state_at};

/// Whether a page is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Free, or never initialised: the server would not read it.
    Free,
    /// Handed out, according to a descriptor page whose newest change has this LSN.
    Taken(Lsn),
    /// No descriptor that verifies tells.
    Unknown,
}

/// The descriptor pages of one tablespace, the last one kept.
#[derive(Debug)]
pub struct Descriptors<'a> {
    space: &'a Tablespace,
    free_limit: Option<Option<u32>>,
    last: Option<(PageNo, Option<Descriptor>)>,
}

/// A descriptor page that verifies, and its LSN.
type Descriptor = (Vec<u8>, Lsn);

impl<'a> Descriptors<'a> {
    /// Nothing is read yet.
    pub fn new(space: &'a Tablespace) -> Descriptors<'a> {
        Descriptors { space, free_limit: None, last: None }
    }

    /// Whether a page is in use.
    pub fn usage(&mut self, page_no: PageNo) -> Use {
        match self.look(page_no) {
            Some((DescriptorState::Free, _)) => Use::Free,
            Some((DescriptorState::Used { .. }, lsn)) => Use::Taken(lsn),
            None => Use::Unknown,
        }
    }

    /// What a descriptor that verifies says of a page.
    pub fn state(&mut self, page_no: PageNo) -> Option<DescriptorState> {
        self.look(page_no).map(|(state, _)| state)
    }

    fn look(&mut self, page_no: PageNo) -> Option<(DescriptorState, Lsn)> {
        if self.free_limit().is_some_and(|limit| page_no.0 >= limit) {
            return Some((DescriptorState::Free, Lsn(0)));
        }
        let format = self.space.format;
        let (page, lsn) = self.descriptor(descriptor_page(&format, page_no))?;
        Some((page_state(page, &format, page_no)?, *lsn))
    }

    /// `FSP_FREE_LIMIT`, where page 0 verifies.
    fn free_limit(&mut self) -> Option<u32> {
        if let Some(known) = self.free_limit {
            return known;
        }
        let limit = self.descriptor(PageNo(0)).and_then(|(page0, _)| FspHeader::parse(page0));
        let limit = limit.map(|header| header.free_limit);
        self.free_limit = Some(limit);
        limit
    }

    fn descriptor(&mut self, number: PageNo) -> Option<&Descriptor> {
        if self.last.as_ref().is_none_or(|(kept, _)| *kept != number) {
            self.last = Some((number, read(self.space, number)));
        }
        self.last.as_ref().and_then(|(_, descriptor)| descriptor.as_ref())
    }
}

fn read(space: &Tablespace, number: PageNo) -> Option<Descriptor> {
    let page = space.read_page(number).ok().flatten()?;
    let judged = judge_in(&page, space);
    // A descriptor page of another file says nothing of this one.
    let stored = space.id != Some(SpaceId::SYSTEM);
    if state_at(&judged, &page, space, number, stored).0 != HomeState::Valid {
        return None;
    }
    let page = judged.clear.unwrap_or(page);
    let header = FilHeader::parse(&page)?;
    Some((page, header.lsn))
}

/// Whether the tablespace's own descriptors, not older than `than`, say that a page is free or was never initialised.
/// `false` where they are damaged, older, or cannot be read: then nothing is known.
pub fn is_free_since(space: &Tablespace, page_no: PageNo, than: Lsn) -> bool {
    beyond_free_limit(space, page_no, than) || marked_free(space, page_no, than)
}

/// A page of the tablespace that is sound and not older than `than`: a mini-transaction that changes a page and frees it
/// gives both pages one LSN.
pub(crate) fn newer_page(space: &Tablespace, page_no: PageNo, than: Lsn) -> Option<Vec<u8>> {
    let home = look_in(space, page_no, true).ok().filter(|home| home.state == HomeState::Valid)?;
    let page = home.bytes.get();
    FilHeader::parse(&page).filter(|header| header.lsn >= than)?;
    Some(page.into_owned())
}

pub(crate) fn beyond_free_limit(space: &Tablespace, page_no: PageNo, than: Lsn) -> bool {
    newer_page(space, PageNo(0), than)
        .and_then(|page0| FspHeader::parse(&page0))
        .is_some_and(|header| page_no.0 >= header.free_limit)
}

pub(crate) fn marked_free(space: &Tablespace, page_no: PageNo, than: Lsn) -> bool {
    newer_page(space, descriptor_page(&space.format, page_no), than)
        .is_some_and(|page| page_state(&page, &space.format, page_no) == Some(DescriptorState::Free))
}
