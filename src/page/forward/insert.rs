//! `INSERT_HEAP_DYNAMIC` and `INSERT_REUSE_DYNAMIC`: `page_apply_insert_dynamic` (`page0cur.cc` MariaDB 11.8).

use crate::bytes::{put, put_u16};
use crate::format::index_header::{PAGE_FREE, PAGE_GARBAGE, PAGE_HEAP_TOP, PAGE_N_HEAP, PAGE_N_RECS};
use crate::format::redo_record::{Insert, RowLayout};
use crate::page::forward::index::{COMPACT, IndexFrame, MAX_OWNED};
use crate::page::forward::{copy, count, word};

/// `REC_STATUS_INSTANT`, as the header of the record carries it.
const INSTANT: u32 = 4;
/// `REC_STATUS_NODE_PTR`.
const NODE_POINTER: u8 = 1;

pub(super) fn dynamic(page: &mut [u8], row: &Insert<'_>) -> Option<()> {
    let mut index = IndexFrame::open(page, RowLayout::Dynamic)?;
    let own = usize::try_from(row.header >> 3).ok()?;
    let (header, data) = row.literal.split_at_checked(own)?;
    let common_header = usize::try_from(row.common_header).ok()?;
    let common_data = usize::try_from(row.common_data).ok()?;
    let sizes = RecordSizes {
        extra: index.fixed.checked_add(common_header)?.checked_add(own)?,
        data: common_data.checked_add(data.len())?,
    };
    if row.header & INSTANT != 0 && !index.is_leaf() {
        return None;
    }
    let prev = prev_record(&index, row)?;
    let next = index.next(prev)?;
    let (owner, owned) = index.owner(next, MAX_OWNED).filter(|&(_, owned)| owned <= MAX_OWNED)?;
    let slot = index.slot_of(owner)?;
    let (begin, heap_number) =
        if row.reuse { from_free_list(&mut index, row, &sizes)? } else { from_heap(&mut index, &sizes)? };

    let at = put(index.page, begin, header)?;
    copy(index.page, prev.checked_sub(index.fixed + common_header)?, at, common_header)?;
    let at = at.checked_add(common_header)?;
    let status = if index.is_leaf() { (row.header & INSTANT) as u8 } else { NODE_POINTER };
    let fixed =
        [((row.header & 3) as u8) << 4, (heap_number >> 5) as u8, ((heap_number & 31) << 3) as u8 | status];
    let record = put(index.page, at, &fixed)?.checked_add(2)?;
    index.set_next(record, next)?;
    index.set_next(prev, record)?;
    copy(index.page, prev, record, common_data)?;
    put(index.page, record.checked_add(common_data)?, data)?;
    index.set_owned(owner, owned + 1)?;
    index.note_insert(record, prev, next)?;
    count(index.page, PAGE_N_RECS, 1)?;
    if owned == MAX_OWNED { index.split_slot(slot) } else { Some(()) }
}

/// Bytes of a record before and behind the place that its pointers name.
pub(super) struct RecordSizes {
    pub extra: usize,
    pub data: usize,
}

impl RecordSizes {
    pub fn total(&self) -> Option<usize> {
        self.extra.checked_add(self.data)
    }
}

/// The record that the new one goes behind.
pub(super) fn prev_record(index: &IndexFrame<'_>, row: &Insert<'_>) -> Option<usize> {
    let prev = index.infimum.checked_add(usize::try_from(row.prev).ok()?)?;
    (row.prev == 0 || index.is_user_record(prev)).then_some(prev)
}

/// Takes room at the top of the heap: where it begins, and the number of the record.
pub(super) fn from_heap(index: &mut IndexFrame<'_>, sizes: &RecordSizes) -> Option<(usize, usize)> {
    let in_heap = word(index.page, PAGE_N_HEAP)?;
    let begin = index.top;
    let top = begin.checked_add(sizes.total()?).filter(|&top| Some(top) <= index.last_slot())?;
    put_u16(index.page, PAGE_N_HEAP, in_heap.checked_add(1)?)?;
    put_u16(index.page, PAGE_HEAP_TOP, top)?;
    index.top = top;
    Some((begin, in_heap & !COMPACT))
}

/// Takes the first hole of the free list.
fn from_free_list(
    index: &mut IndexFrame<'_>,
    row: &Insert<'_>,
    sizes: &RecordSizes,
) -> Option<(usize, usize)> {
    let free = word(index.page, PAGE_FREE).filter(|&free| index.is_user_record(free))?;
    let begin = i64::try_from(free.checked_sub(sizes.extra)?).ok()?.checked_add(row.shift)?;
    let begin = usize::try_from(begin).ok().filter(|&begin| begin >= index.heap)?;
    let total = sizes.total()?;
    if begin.checked_add(total)? > index.top {
        return None;
    }
    let garbage = word(index.page, PAGE_GARBAGE)?.checked_sub(total)?;
    let stored = word(index.page, free.checked_sub(2)?)?;
    let next = if stored == 0 { 0 } else { free.checked_add(stored)? & 0xFFFF };
    if next != 0 && !index.is_user_record(next) {
        return None;
    }
    let heap_number = index.heap_number(free)?;
    put_u16(index.page, PAGE_FREE, next)?;
    put_u16(index.page, PAGE_GARBAGE, garbage)?;
    Some((begin, heap_number))
}
