//! Pages that the doublewrite buffer's file segment owns but nobody writes.
//!
//! When a server makes the built-in buffer, the first pages its segment gets are single ones; only then come whole
//! extents, which become the blocks. MariaDB never initialises the single pages (`buf_dblwr_t::create`, 10.5 to 11.8).

use std::collections::BTreeSet;

use crate::format::segment::segment;
use crate::format::trx_sys::{TRX_SYS_DOUBLEWRITE_FROM_END, TRX_SYS_PAGE};
use crate::instance::Instance;
use crate::instance::pages::VerifiedPages;
use crate::instance::spaces::Tablespace;
use crate::units::PageNo;

/// The pages of the system tablespace that are reserved so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reserved {
    pages: BTreeSet<PageNo>,
    /// Where the segment cannot be read, everything in front of the buffer may belong to it.
    below: PageNo,
}

impl Reserved {
    /// What the segment of an instance's doublewrite buffer says.
    pub fn of(instance: &Instance) -> Reserved {
        let Some(system) = instance.spaces.system() else { return Reserved::default() };
        if let Some(pages) = single_pages(system) {
            return Reserved { pages, below: PageNo(0) };
        }
        let first = instance.areas.iter().filter_map(|area| Some(area.built_in()?.blocks.0)).min();
        Reserved { pages: BTreeSet::new(), below: first.unwrap_or_default() }
    }

    /// Whether the page may be all zero although it is in use.
    pub fn contains(&self, page_no: PageNo) -> bool {
        page_no < self.below || self.pages.contains(&page_no)
    }
}

/// Page 5 is read as it lies: a torn one mostly still tells, and the inode's magic is proof enough.
fn single_pages(system: &Tablespace) -> Option<BTreeSet<PageNo>> {
    let page5 = system.read_page(TRX_SYS_PAGE).ok()??;
    // TRX_SYS_DOUBLEWRITE_FSEG is the first field of the doublewrite header.
    let header = page5.len().checked_sub(TRX_SYS_DOUBLEWRITE_FROM_END)?;
    Some(segment(&VerifiedPages::of(system), &page5, header, &system.format)?.single_pages)
}
