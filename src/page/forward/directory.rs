//! The page directory: a slot splits when its record owns nine, and is balanced when it owns three.
//! (`page_dir_split_slot`, `page_dir_balance_slot`, `page0cur.cc` MariaDB 11.8.)

use crate::bytes::put_u16;
use crate::format::index_header::PAGE_N_DIR_SLOTS;
use crate::page::forward::index::{IndexFrame, MAX_OWNED, MIN_OWNED};
use crate::page::forward::{copy, word};

impl IndexFrame<'_> {
    /// A new slot below slot `n`, whose record owns one more than it may.
    pub fn split_slot(&mut self, n: usize) -> Option<()> {
        let owned = MAX_OWNED + 1;
        let slot = self.slot(n)?;
        let mut middle = word(self.page, self.slot(n.checked_sub(1)?)?)?;
        for _ in 0..owned / 2 {
            middle = self.next(middle)?;
        }
        let owner = word(self.page, slot)?;
        let new_last = self.slot(self.slots)?;
        if new_last < self.top || !self.is_record(owner) {
            return None;
        }
        copy(self.page, new_last + 2, new_last, slot.checked_sub(new_last)?)?;
        self.slots += 1;
        put_u16(self.page, PAGE_N_DIR_SLOTS, self.slots)?;
        put_u16(self.page, slot, middle)?;
        self.set_owned(middle, owned / 2)?;
        self.set_owned(owner, owned - owned / 2)
    }

    /// Slot `n`, whose record owns too few, merges with the next one or takes a record from it.
    pub fn balance_slot(&mut self, n: usize) -> Option<()> {
        if n + 1 >= self.slots {
            // The last one cannot be balanced.
            return Some(());
        }
        let slot = self.slot(n)?;
        let (up, own) = (word(self.page, self.slot(n + 1)?)?, word(self.page, slot)?);
        if !self.is_record(up) || !self.is_record(own) {
            return None;
        }
        let up_owned = self.owned(up)?;
        if up_owned <= MIN_OWNED {
            return self.merge_slot(slot, own, up, up_owned);
        }
        let new = self.next(own)?;
        self.set_owned(own, 0)?;
        self.set_owned(new, MIN_OWNED)?;
        self.set_owned(up, up_owned - 1)?;
        put_u16(self.page, slot, new)
    }

    fn merge_slot(&mut self, slot: usize, own: usize, up: usize, up_owned: usize) -> Option<()> {
        self.set_owned(own, 0)?;
        self.set_owned(up, up_owned + MIN_OWNED - 1)?;
        let last = self.last_slot()?;
        copy(self.page, last, last + 2, slot.checked_sub(last)?)?;
        put_u16(self.page, last, 0)?;
        self.slots = self.slots.checked_sub(1)?;
        put_u16(self.page, PAGE_N_DIR_SLOTS, self.slots)
    }
}
