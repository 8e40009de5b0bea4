//! What a page's own structure proves where its checksum proves nothing (`innodb_checksum_algorithm=none`): the LSN words at
//! both ends, and of an index page the header, the page directory and the chain of records. Classic layout.
//!
//! Source: `page_simple_validate_old`, `page_simple_validate_new` (`page0page.cc`, MySQL 5.6 to 8.0, MariaDB 10.x).

use crate::bytes::{slice_at, u16_at, u32_at};
use crate::format::fil::FIL_PAGE_LSN;
use crate::format::fsp::{Layout, PageFormat};
use crate::format::index_header::{IndexHeader, PAGE_DATA, index_header};

/// Bytes of the trailer: the old checksum, and the low half of the LSN.
const TRAILER: usize = 8;
/// Offset of the infimum record, which begins the chain, and of the supremum, which ends it.
const COMPACT: (usize, usize) = (99, 112);
const REDUNDANT: (usize, usize) = (101, 116);

/// Whether nothing in the structure of a page contradicts itself. Of a page that lies compressed nothing can be seen.
pub fn is_sound(page: &[u8], format: &PageFormat) -> bool {
    if format.layout != Layout::Classic || format.physical != format.logical || format.page_compressed {
        return true;
    }
    lsn_words_agree(page) && index_header(page).is_none_or(|header| records_agree(page, &header))
}

fn lsn_words_agree(page: &[u8]) -> bool {
    let tail = page.len().checked_sub(4).and_then(|at| u32_at(page, at));
    tail.is_some() && tail == u32_at(page, FIL_PAGE_LSN + 4)
}

fn records_agree(page: &[u8], header: &IndexHeader) -> bool {
    let (infimum, supremum) = if header.compact { COMPACT } else { REDUNDANT };
    header.is_plausible(page.len())
        && slice_at(page, infimum, 7) == Some(b"infimum")
        && slice_at(page, supremum, 8) == Some(b"supremum")
        && chain(page, header, infimum, supremum)
            .is_some_and(|records| directory_agrees(page, header, &records))
}

/// The records from the infimum to the supremum; `None` where the chain leaves the heap, is too long or too short.
fn chain(page: &[u8], header: &IndexHeader, infimum: usize, supremum: usize) -> Option<Vec<usize>> {
    let mut records = vec![infimum];
    let mut at = infimum;
    while at != supremum {
        let next = usize::from(u16_at(page, at.checked_sub(2)?)?);
        // Relative in the compact layout, and wrapping at 64 KiB.
        at = if header.compact { (at + next) & 0xFFFF } else { next };
        let in_heap = (PAGE_DATA..usize::from(header.heap_top)).contains(&at);
        if !in_heap || records.len() > usize::from(header.heap_records) {
            return None;
        }
        records.push(at);
    }
    (records.len() == usize::from(header.records) + 2).then_some(records)
}

/// The directory names records of the chain in its order, the first and the last one included.
fn directory_agrees(page: &[u8], header: &IndexHeader, records: &[usize]) -> bool {
    let slot = |index: usize| {
        let at = page.len().checked_sub(TRAILER)?.checked_sub(index.checked_add(1)?.checked_mul(2)?)?;
        u16_at(page, at).map(usize::from)
    };
    let slots: Vec<Option<usize>> = (0..usize::from(header.dir_slots)).map(slot).collect();
    let mut chain = records.iter();
    slots.iter().all(|slot| slot.is_some_and(|slot| chain.any(|&record| record == slot)))
        && slots.first() == Some(&records.first().copied())
        && slots.last() == Some(&records.last().copied())
}
