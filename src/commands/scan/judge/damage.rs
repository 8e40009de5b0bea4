//! What is called damage, and how it is described.

use super::{Judge, Peek};
use crate::bytes::u32_at;
use crate::commands::scan::finding::{Damage, DamageState, RunKey};
use crate::commands::scan::reason::DamageReason;
use crate::format::fil::{FIL_PAGE_OFFSET, FilHeader};
use crate::format::index_header::index_header;
use crate::page::checksum::examine;
use crate::page::diagnose::{Class, classify};
use crate::page::frame;
use crate::units::{ByteOffset, PageNo, SECTOR};
use crate::verdict::home::HomeState;
use crate::verdict::home_reason::HomeReason;

impl Judge<'_> {
    pub(super) fn diagnose(
        &self,
        page: &[u8],
        page_no: PageNo,
        state: HomeState,
        why: HomeReason,
        peek: Option<&dyn Peek>,
    ) -> Damage {
        let state = DamageState::from(state);
        if state == DamageState::Misdirected {
            return self.misdirected(page, page_no, why);
        }
        let copy = self.ground.copy_of(self.space, page_no).map(|copy| &copy.page[..]);
        let diagnosis = classify(page, &self.space.format, page_no, copy);
        let why = DamageReason::Symptom(diagnosis.symptom);
        let mut damage = self.damage(page, page_no, (state, diagnosis.class), why);
        damage.mendable = diagnosis.mendable;
        damage.run = (diagnosis.class == Class::Ff).then_some(RunKey::Class(Class::Ff));
        // A page that a tear or a flipped bit hit still says which it is.
        if diagnosis.class != Class::Ff
            && u32_at(page, FIL_PAGE_OFFSET) != Some(page_no.0)
            && let Some(shift) = peek.and_then(|peek| self.moved_by(page_no, peek))
        {
            damage.class = Class::Shifted;
            damage.run = Some(RunKey::Bytes(shift));
            damage.detail = DamageReason::BytesAway(shift);
        }
        damage
    }

    /// By how many bytes the content of a page lies beside its place, as after bytes were inserted or lost in a copy.
    fn moved_by(&self, page_no: PageNo, peek: &dyn Peek) -> Option<i64> {
        let size = self.space.format.physical.bytes();
        let here = self.offset(page_no);
        let begin = here.saturating_sub(size as u64);
        let around = peek.bytes(begin, size * 3)?;
        let starts = (0..around.len().saturating_sub(size)).step_by(SECTOR);
        let found = starts.filter(|&at| {
            let page = around.get(at..at + size).unwrap_or_default();
            begin + at as u64 != here
                && self.is_in_place(page, page_no)
                && examine(page, &self.space.format).is_verified()
        });
        let at = i64::try_from(found.take(1).next()?).ok()?;
        Some(i64::try_from(begin).ok()? + at - i64::try_from(here).ok()?)
    }

    fn misdirected(&self, page: &[u8], page_no: PageNo, why: HomeReason) -> Damage {
        let what = (DamageState::Misdirected, Class::Misdirected);
        let mut damage = self.damage(page, page_no, what, DamageReason::Home(why));
        if let Some(header) = FilHeader::parse(page) {
            let same_space = !frame::hides_space_id(page, &self.space.format);
            let claimed = if same_space { Some(header.space_id) } else { self.space.id };
            damage.belongs_to = claimed.map(|space| (space, header.page_no));
            let shift = i64::from(page_no.0) - i64::from(header.page_no.0);
            damage.run = Some(RunKey::Pages(claimed, shift));
        }
        damage
    }

    pub(super) fn damage(
        &self,
        page: &[u8],
        page_no: PageNo,
        (state, class): (DamageState, Class),
        detail: DamageReason,
    ) -> Damage {
        let run = matches!(class, Class::Zero | Class::Unreadable).then_some(RunKey::Class(class));
        Damage {
            page_no,
            pages: 1,
            offset: ByteOffset(self.offset(page_no)),
            state,
            class,
            detail,
            mendable: false,
            header: FilHeader::parse(page),
            index: index_header(page),
            belongs_to: None,
            expected_lsn: None,
            copy: self.ground.copy_of(self.space, page_no).cloned(),
            run,
        }
    }
}
