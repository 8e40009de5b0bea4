//! `DELETE_ROW_FORMAT_REDUNDANT` and `_DYNAMIC`: `page_apply_delete_redundant`, `page_apply_delete_dynamic` and
//! `page_mem_free` (`page0cur.cc` MariaDB 11.8).

use crate::bytes::put_u16;
use crate::format::index_header::{
    PAGE_FREE, PAGE_GARBAGE, PAGE_HEAP_TOP, PAGE_LAST_INSERT, PAGE_N_HEAP, PAGE_N_RECS,
};
use crate::format::redo_record::RowLayout;
use crate::page::forward::index::{COMPACT, IndexFrame, MIN_OWNED};
use crate::page::forward::insert::RecordSizes;
use crate::page::forward::insert_redundant::{data_size, extra_size};
use crate::page::forward::{count, word, zero};

pub(super) fn redundant(page: &mut [u8], prev: u32) -> Option<()> {
    let index = IndexFrame::open(page, RowLayout::Redundant)?;
    let (prev, record) = deleted(&index, prev)?;
    let sizes = RecordSizes { extra: extra_size(index.page, record)?, data: data_size(index.page, record)? };
    delete(index, prev, record, &sizes)
}

pub(super) fn dynamic(page: &mut [u8], prev: u32, header: u32, data: u32) -> Option<()> {
    let index = IndexFrame::open(page, RowLayout::Dynamic)?;
    let (prev, record) = deleted(&index, prev)?;
    let extra = index.fixed.checked_add(usize::try_from(header).ok()?)?;
    delete(index, prev, record, &RecordSizes { extra, data: usize::try_from(data).ok()? })
}

/// The record before, and the one to delete.
fn deleted(index: &IndexFrame<'_>, prev: u32) -> Option<(usize, usize)> {
    let prev = index.infimum.checked_add(usize::try_from(prev).ok()?)?;
    let prev = Some(prev).filter(|&prev| index.is_record(prev))?;
    let record = index.next(prev).filter(|&record| index.is_user_record(record))?;
    Some((prev, record))
}

fn delete(mut index: IndexFrame<'_>, prev: usize, record: usize, sizes: &RecordSizes) -> Option<()> {
    let end = record.checked_add(sizes.data).filter(|&end| end <= index.top)?;
    let begin = record.checked_sub(sizes.extra).filter(|&begin| begin >= index.heap)?;
    let next = index.next(record)?;
    let (owner, owned) = index.owner(record, index.records()?)?;
    let slot = index.slot_of(owner)?;
    let owned = owned.checked_sub(1)?;
    let owner = if owner == record {
        put_u16(index.page, index.slot(slot)?, prev)?;
        prev
    } else {
        owner
    };
    index.set_next(prev, next)?;
    index.set_owned(owner, owned)?;
    free(&mut index, begin, record, end)?;
    if owned < MIN_OWNED { index.balance_slot(slot) } else { Some(()) }
}

/// The room of a record goes to the free list, or back to the heap where it was the newest. Its fields become zero.
fn free(index: &mut IndexFrame<'_>, begin: usize, record: usize, end: usize) -> Option<()> {
    let in_heap = word(index.page, PAGE_N_HEAP)?;
    let newest = (in_heap & !COMPACT).checked_sub(1)? == index.heap_number(record)?;
    let first_free = word(index.page, PAGE_FREE)?;
    if newest {
        // A record may leave bytes of a larger one behind it, whose room it took.
        let behind = index.top.checked_sub(end)?;
        put_u16(index.page, PAGE_HEAP_TOP, begin)?;
        put_u16(index.page, PAGE_N_HEAP, in_heap - 1)?;
        let garbage = word(index.page, PAGE_GARBAGE)?;
        put_u16(index.page, PAGE_GARBAGE, garbage.checked_sub(behind)?)?;
    } else {
        put_u16(index.page, PAGE_FREE, record)?;
        count(index.page, PAGE_GARBAGE, isize::try_from(end - begin).ok()?)?;
    }
    put_u16(index.page, PAGE_LAST_INSERT, 0)?;
    count(index.page, PAGE_N_RECS, -1)?;
    if newest {
        return zero(index.page, begin, end);
    }
    match first_free {
        0 => put_u16(index.page, record.checked_sub(2)?, 0)?,
        free => index.set_next(record, free)?,
    }
    zero(index.page, record, end)
}
