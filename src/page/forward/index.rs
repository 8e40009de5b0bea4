//! An index page as records change it: header, record list, record headers. Every place is checked before it is used.
//!
//! Records end a page's heap at `PAGE_HEAP_TOP`; the directory grows towards it from the end. A place in a page is a
//! byte offset. What is behind a place lies at negative offsets of it: the five (`DYNAMIC`) or six (`REDUNDANT`) fixed
//! bytes of a record's header, and before those its lengths or field ends. (`page0page.h`, `rem0rec.h` MariaDB 11.8.)

use crate::bytes::{put, put_u16, u8_at, u16_at};
use crate::format::fil::{FIL_PAGE_DATA_END, FIL_PAGE_TYPE, page_type};
use crate::format::index_header::{
    PAGE_DATA, PAGE_DIRECTION, PAGE_HEAP_TOP, PAGE_LAST_INSERT, PAGE_LEVEL, PAGE_N_DIR_SLOTS,
    PAGE_N_DIRECTION, PAGE_N_HEAP, PAGE_N_RECS,
};
use crate::format::redo_record::RowLayout;
use crate::page::forward::{word, zero};

/// `PAGE_DIR_SLOT_MAX_N_OWNED`.
pub(super) const MAX_OWNED: usize = 8;
/// `PAGE_DIR_SLOT_MIN_N_OWNED`.
pub(super) const MIN_OWNED: usize = 4;
/// `PAGE_NEW_INFIMUM` and `PAGE_OLD_INFIMUM`.
const INFIMUM: [usize; 2] = [99, 101];
/// `PAGE_NEW_SUPREMUM` and `PAGE_OLD_SUPREMUM`.
const SUPREMUM: [usize; 2] = [112, 116];
/// `PAGE_NEW_SUPREMUM_END` and `PAGE_OLD_SUPREMUM_END`: the first byte of the heap.
const HEAP: [usize; 2] = [120, 125];
/// `REC_N_NEW_EXTRA_BYTES` and `REC_N_OLD_EXTRA_BYTES`.
const FIXED: [usize; 2] = [5, 6];
/// `PAGE_HEAP_NO_USER_LOW`.
const FIRST_USER: usize = 2;
/// `page_is_comp`, the top bit of `PAGE_N_HEAP`.
pub(super) const COMPACT: usize = 0x8000;
/// `PAGE_DIRECTION_B`: direction in the low three bits, `PAGE_INSTANT` above.
const DIRECTION: usize = PAGE_DIRECTION + 1;
const DIRECTION_MASK: u8 = 7;
const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const NONE: u8 = 5;

const PSEUDO_COMPACT: &[u8] = b"\x01\0\x02\0\x0dinfimum\0\x01\0\x0b\0\0supremum";
const PSEUDO_REDUNDANT: &[u8] = b"\x08\x01\0\0\x03\0\x74infimum\0\x09\x01\0\x08\x03\0\0supremum\0";
const _: () =
    assert!(PAGE_DATA + PSEUDO_COMPACT.len() == HEAP[0] && PAGE_DATA + PSEUDO_REDUNDANT.len() == HEAP[1]);
/// `PAGE_HEADER_PRIV_END`: level and the fields behind it stay.
const PRIVATE: usize = 26;

/// `page_create_low`.
pub(super) fn create(page: &mut [u8], row: RowLayout) -> Option<()> {
    let end = page.len().checked_sub(FIL_PAGE_DATA_END)?;
    let pseudo = if row == RowLayout::Dynamic { PSEUDO_COMPACT } else { PSEUDO_REDUNDANT };
    put_u16(page, FIL_PAGE_TYPE, usize::from(page_type::INDEX))?;
    zero(page, PAGE_N_DIR_SLOTS, PAGE_N_DIR_SLOTS + PRIVATE)?;
    put_u16(page, PAGE_N_DIR_SLOTS, 2)?;
    put(page, DIRECTION, &[NONE])?;
    let compact = if row == RowLayout::Dynamic { COMPACT } else { 0 };
    put_u16(page, PAGE_N_HEAP, FIRST_USER | compact)?;
    let heap = put(page, PAGE_DATA, pseudo)?;
    put_u16(page, PAGE_HEAP_TOP, heap)?;
    zero(page, heap, end)?;
    let [infimum, supremum] = [INFIMUM, SUPREMUM].map(|places| of(row, places));
    put_u16(page, end.checked_sub(4)?, supremum)?;
    put_u16(page, end.checked_sub(2)?, infimum)
}

fn of(row: RowLayout, [dynamic, redundant]: [usize; 2]) -> usize {
    if row == RowLayout::Dynamic { dynamic } else { redundant }
}

/// An index page whose header and directory ends are in order.
pub(super) struct IndexFrame<'a> {
    pub page: &'a mut [u8],
    pub row: RowLayout,
    /// First byte of the heap.
    pub heap: usize,
    pub infimum: usize,
    pub supremum: usize,
    /// Fixed bytes of a record's header.
    pub fixed: usize,
    pub slots: usize,
    /// `PAGE_HEAP_TOP`.
    pub top: usize,
}

impl<'a> IndexFrame<'a> {
    /// `None` where the page is not an index page of this layout, or its header makes no sense.
    pub fn open(page: &'a mut [u8], row: RowLayout) -> Option<IndexFrame<'a>> {
        let index_page = [page_type::INDEX, page_type::RTREE, page_type::SDI_BLOB];
        let slots = word(page, PAGE_N_DIR_SLOTS).filter(|&slots| slots >= 2)?;
        let in_heap = word(page, PAGE_N_HEAP)?;
        let top = word(page, PAGE_HEAP_TOP)?;
        let [heap, infimum, supremum, fixed] = [HEAP, INFIMUM, SUPREMUM, FIXED].map(|places| of(row, places));
        let index = IndexFrame { page, row, heap, infimum, supremum, fixed, slots, top };
        let last = index.slot(slots - 1)?;
        let count = in_heap & !COMPACT;
        let sound = u16_at(index.page, FIL_PAGE_TYPE).is_some_and(|t| index_page.contains(&t))
            && (in_heap & COMPACT != 0) == (row == RowLayout::Dynamic)
            && (slots.max(FIRST_USER)..index.page.len() / fixed).contains(&count)
            && (heap..=last).contains(&top)
            && word(index.page, supremum - 2)? == 0
            && word(index.page, last)? == supremum
            && word(index.page, index.slot(0)?)? == infimum;
        sound.then_some(index)
    }

    /// `page_dir_get_nth_slot`.
    pub fn slot(&self, n: usize) -> Option<usize> {
        let behind = n.checked_add(1)?.checked_mul(2)?;
        self.page.len().checked_sub(FIL_PAGE_DATA_END)?.checked_sub(behind)
    }

    pub fn last_slot(&self) -> Option<usize> {
        self.slot(self.slots.checked_sub(1)?)
    }

    /// A place where a record may begin: infimum, supremum or inside the heap.
    pub fn is_record(&self, at: usize) -> bool {
        at == self.infimum || at == self.supremum || self.is_user_record(at)
    }

    pub fn is_user_record(&self, at: usize) -> bool {
        (self.heap + self.fixed..=self.top).contains(&at)
    }

    /// The record that a record names as its next; `None` where that is no place of one.
    pub fn next(&self, at: usize) -> Option<usize> {
        let stored = word(self.page, at.checked_sub(2)?)?;
        let next = if self.row == RowLayout::Dynamic { at.checked_add(stored)? & 0xFFFF } else { stored };
        self.is_record(next).then_some(next)
    }

    pub fn set_next(&mut self, at: usize, next: usize) -> Option<()> {
        let stored = if self.row == RowLayout::Dynamic { next.wrapping_sub(at) & 0xFFFF } else { next };
        put_u16(self.page, at.checked_sub(2)?, stored)
    }

    fn owned_at(&self, at: usize) -> Option<usize> {
        at.checked_sub(self.fixed)
    }

    pub fn owned(&self, at: usize) -> Option<usize> {
        u8_at(self.page, self.owned_at(at)?).map(|byte| usize::from(byte & 0xF))
    }

    pub fn set_owned(&mut self, at: usize, owned: usize) -> Option<()> {
        let at = self.owned_at(at)?;
        let byte = self.page.get_mut(at)?;
        *byte = *byte & 0xF0 | u8::try_from(owned).ok()? & 0xF;
        Some(())
    }

    /// The record of the directory that owns `at`, with the number it owns: at most `steps` records further on.
    pub fn owner(&self, mut at: usize, steps: usize) -> Option<(usize, usize)> {
        for _ in 0..=steps {
            match self.owned(at)? {
                0 => at = self.next(at)?,
                owned => return Some((at, owned)),
            }
        }
        None
    }

    /// The slot of the directory that names a record, but the first, which is infimum's.
    pub fn slot_of(&self, record: usize) -> Option<usize> {
        (1..self.slots).rev().find(|&n| self.slot(n).and_then(|at| word(self.page, at)) == Some(record))
    }

    /// `rec_get_heap_no_new`, `rec_get_heap_no_old`.
    pub fn heap_number(&self, at: usize) -> Option<usize> {
        Some(word(self.page, at.checked_sub(self.fixed - 1)?)? >> 3)
    }

    pub fn is_leaf(&self) -> bool {
        u16_at(self.page, PAGE_LEVEL) == Some(0)
    }

    /// `PAGE_LAST_INSERT` becomes `at`; `PAGE_DIRECTION` and its counter say whether rows came in a sorted run.
    pub fn note_insert(&mut self, at: usize, prev: usize, next: usize) -> Option<()> {
        let last = word(self.page, PAGE_LAST_INSERT)?;
        put_u16(self.page, PAGE_LAST_INSERT, at)?;
        // The server compares the low byte alone.
        if u8_at(self.page, FIL_PAGE_TYPE + 1) == Some(page_type::RTREE.to_be_bytes()[1]) {
            return Some(());
        }
        let byte = u8_at(self.page, DIRECTION)?;
        let direction = match byte & DIRECTION_MASK {
            old if last != 0 && last == prev && old != LEFT => RIGHT,
            old if last != 0 && last == next && old != RIGHT => LEFT,
            _ => NONE,
        };
        put(self.page, DIRECTION, &[byte & !DIRECTION_MASK | direction])?;
        let run = word(self.page, PAGE_N_DIRECTION)?;
        let run = if direction == NONE { 0 } else { (run + 1) & 0xFFFF };
        put_u16(self.page, PAGE_N_DIRECTION, run)
    }

    pub fn records(&self) -> Option<usize> {
        word(self.page, PAGE_N_RECS)
    }
}
