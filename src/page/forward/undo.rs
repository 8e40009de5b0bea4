//! Undo pages: `trx_undo_page_init` and `log_phys_t::undo_append`.
//!
//! | offset | size | InnoDB's name |
//! |---:|---:|---|
//! | 38 | 2 | `TRX_UNDO_PAGE_TYPE` |
//! | 40 | 2 | `TRX_UNDO_PAGE_START` |
//! | 42 | 2 | `TRX_UNDO_PAGE_FREE` |
//! | 44 | 12 | `TRX_UNDO_PAGE_NODE` |
//! | 56 | 30 | `TRX_UNDO_SEG_HDR` |
//!
//! (`trx0undo.h`, `trx0undo.cc`, `log0recv.cc` MariaDB 11.8.)

use crate::bytes::{put, put_u16, put_u32};
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_DATA_END, FIL_PAGE_TYPE, page_type};
use crate::page::forward::{word, zero};
use crate::units::FIL_NULL;

const START: usize = 40;
const FREE: usize = 42;
const NODE: usize = 44;
const HEADER_END: usize = 56;
const SEGMENT_END: usize = HEADER_END + 30;

/// `UNDO_INIT`: what stands in the segment header stays.
pub(super) fn create(page: &mut [u8]) -> Option<()> {
    put_u16(page, FIL_PAGE_TYPE, usize::from(page_type::UNDO_LOG))?;
    put_u16(page, FIL_PAGE_DATA, 0)?;
    put_u16(page, START, HEADER_END)?;
    put_u16(page, FREE, HEADER_END)?;
    for neighbour in [NODE, NODE + 6] {
        put_u32(page, neighbour, FIL_NULL)?;
        put_u16(page, neighbour + 4, 0)?;
    }
    let end = page.len().checked_sub(FIL_PAGE_DATA_END)?;
    zero(page, SEGMENT_END, end)
}

/// `UNDO_APPEND`: the record between a pointer to its end and one to its beginning.
pub(super) fn append(page: &mut [u8], record: &[u8]) -> Option<()> {
    let free = word(page, FREE).filter(|&free| free >= HEADER_END)?;
    let end = free.checked_add(record.len())?.checked_add(4)?;
    if end + 2 >= page.len().checked_sub(FIL_PAGE_DATA_END)? {
        return None;
    }
    put_u16(page, FREE, end)?;
    put_u16(page, free, end)?;
    let at = put(page, free + 2, record)?;
    put_u16(page, at, free)
}
