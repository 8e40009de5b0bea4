//! `INSERT_HEAP_REDUNDANT` and `INSERT_REUSE_REDUNDANT`: `page_apply_insert_redundant` (`page0cur.cc` MariaDB 11.8).
//!
//! The fixed six bytes of a header: info bits and the number owned (1 byte), heap number (13 bits), number of fields (10
//! bits), whether field ends are one byte (1 bit), next record (2 bytes, from the page's beginning). Before them the end
//! of each field, the last one's first.

use crate::bytes::{put, put_u16, u8_at, u16_at};
use crate::format::index_header::{PAGE_FREE, PAGE_GARBAGE, PAGE_N_RECS};
use crate::format::redo_record::{Insert, RowLayout};
use crate::page::forward::index::{IndexFrame, MAX_OWNED};
use crate::page::forward::insert::{RecordSizes, from_heap, prev_record};
use crate::page::forward::{copy, count, word};

/// `REC_MAX_N_FIELDS`.
const MAX_FIELDS: usize = 1023;

pub(super) fn insert(page: &mut [u8], row: &Insert<'_>) -> Option<()> {
    let mut index = IndexFrame::open(page, RowLayout::Redundant)?;
    let prev = prev_record(&index, row)?;
    let next = index.next(prev)?;
    let (owner, owned) = index.owner(next, MAX_OWNED).filter(|&(_, owned)| owned <= MAX_OWNED)?;
    let slot = index.slot_of(owner)?;
    let common_data = usize::try_from(row.common_data).ok()?;
    let (mut header, literal) = new_header(&index, prev, row)?;
    let data = data_size(&header, header.len())?;
    let sizes = RecordSizes { extra: header.len(), data };
    if common_data.checked_add(literal.len())? != data {
        return None;
    }
    let (begin, heap_number) =
        if row.reuse { from_free_list(&mut index, &sizes)? } else { from_heap(&mut index, &sizes)? };
    let numbered = header.len().checked_sub(5)?;
    let low_bits = word(&header, numbered)? & 7;
    put_u16(&mut header, numbered, (heap_number & 0x1FFF) << 3 | low_bits)?;

    let record = put(index.page, begin, &header)?;
    index.set_next(prev, record)?;
    copy(index.page, prev, record, common_data)?;
    put(index.page, record.checked_add(common_data)?, literal)?;
    index.set_owned(owner, owned + 1)?;
    index.note_insert(record, prev, next)?;
    count(index.page, PAGE_N_RECS, 1)?;
    if owned == MAX_OWNED { index.split_slot(slot) } else { Some(()) }
}

/// The header of the new record, and what is left of the literal bytes. Its next pointer is that of the record before.
fn new_header<'b>(index: &IndexFrame<'_>, prev: usize, row: &Insert<'b>) -> Option<(Vec<u8>, &'b [u8])> {
    let short = row.header >> 2 & 1;
    let fields = usize::try_from(row.header >> 3).ok()?.checked_add(1).filter(|&n| n <= MAX_FIELDS)?;
    let extra = index.fixed + if short == 1 { fields } else { fields * 2 };
    let common = usize::try_from(row.common_header).ok()?.checked_add(index.fixed)?;
    let (own, literal) = row.literal.split_at_checked(extra.checked_sub(common)?)?;
    let shared = index.page.get(prev.checked_sub(common)?..prev)?;
    let mut header = [own, shared].concat();
    let last_byte = header.len().checked_sub(3)?;
    *header.get_mut(extra - 6)? = ((row.header & 3) as u8) << 4;
    let counted = word(&header, last_byte - 1)? & !0x7FF | fields << 1 | short as usize;
    put_u16(&mut header, last_byte - 1, counted)?;
    Some((header, literal))
}

/// `rec_get_n_fields_old` and `rec_get_1byte_offs_flag` as the bytes of the header: with all field ends.
pub(super) fn extra_size(page: &[u8], at: usize) -> Option<usize> {
    let fields = usize::from(u16_at(page, at.checked_sub(4)?)? >> 1 & 0x3FF);
    let short = u8_at(page, at.checked_sub(3)?)? & 1 == 1;
    Some(6 + if short { fields } else { fields * 2 })
}

/// `rec_get_data_size_old`: the end of the last field.
pub(super) fn data_size(page: &[u8], at: usize) -> Option<usize> {
    let ends = at.checked_sub(extra_size(page, at)?)?;
    match u8_at(page, at.checked_sub(3)?)? & 1 {
        1 => u8_at(page, ends).map(|end| usize::from(end & 0x7F)),
        _ => word(page, ends).map(|end| end & 0x3FFF),
    }
}

fn from_free_list(index: &mut IndexFrame<'_>, sizes: &RecordSizes) -> Option<(usize, usize)> {
    let free = word(index.page, PAGE_FREE).filter(|&free| index.is_user_record(free))?;
    let hole = RecordSizes { extra: extra_size(index.page, free)?, data: data_size(index.page, free)? };
    let begin = free.checked_sub(hole.extra).filter(|&begin| begin >= index.heap)?;
    let fits = free.checked_add(hole.data)? <= index.top && sizes.total()? <= hole.total()?;
    let garbage = word(index.page, PAGE_GARBAGE)?;
    let next = word(index.page, free.checked_sub(2)?)?;
    if !fits || garbage < hole.total()? || !(next == 0 || index.is_user_record(next)) {
        return None;
    }
    let heap_number = index.heap_number(free)?;
    put_u16(index.page, PAGE_GARBAGE, garbage.checked_sub(sizes.total()?)?)?;
    put_u16(index.page, PAGE_FREE, next)?;
    Some((begin, heap_number))
}
