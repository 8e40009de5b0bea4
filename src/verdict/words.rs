//! The LSNs that a damaged home still carries: which versions it is made of.

use crate::bytes::{u32_at, u32_from_end, u64_at};
use crate::format::fil::{FIL_PAGE_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID};
use crate::format::fsp::{Encryption, Layout, PageFormat};
use crate::page::frame::{hides_space_id, is_opaque};
use crate::units::{Lsn, PageNo, SpaceId};

/// The words of a home, as they stand there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HomeWords {
    /// `FIL_PAGE_LSN`, where the page number beside it, and the space id if it can be read, are those of the home.
    pub head: Option<Lsn>,
    /// The low LSN word of the trailer, in forms that have one in clear. 0 is taken for no word.
    pub tail: Option<u32>,
}

impl HomeWords {
    /// The words of the page `page_no` of `space`, as it lies in the file. `space` is `None` where ids are not stored.
    pub fn of(page: &[u8], format: &PageFormat, page_no: PageNo, space: Option<SpaceId>) -> HomeWords {
        let fits = u32_at(page, FIL_PAGE_OFFSET) == Some(page_no.0)
            && (hides_space_id(page, format)
                || space.is_none_or(|id| u32_at(page, FIL_PAGE_SPACE_ID) == Some(id.0)));
        let head = u64_at(page, FIL_PAGE_LSN).map(Lsn).filter(|lsn| fits && lsn.0 != 0);
        let tail = match format.layout {
            Layout::Zip => None,
            Layout::Classic => u32_from_end(page, 4),
            Layout::FullCrc32 => u32_from_end(page, 8),
        };
        let tail = tail.filter(|&word| word != 0 && has_trailer(page, format, page_no, fits));
        HomeWords { head, tail }
    }

    /// The LSNs that the words stand for. The tail's low word is widened to the greatest LSN that is not beyond `end`; where
    /// that is not known, to those nearest to the head and to the newest LSN at hand.
    pub fn lsns(&self, end: Option<Lsn>, newest: Option<Lsn>) -> impl Iterator<Item = Lsn> + use<> {
        let near = |lsn: Option<Lsn>| nearest(self.tail?, lsn?);
        let tail = match end {
            Some(end) => [self.tail.and_then(|low| widen(low, end)), None],
            None => [near(self.head), near(newest)],
        };
        self.head.into_iter().chain(tail.into_iter().flatten())
    }
}

/// The greatest LSN with this low word that is not beyond `bound`.
fn widen(low: u32, bound: Lsn) -> Option<Lsn> {
    let nearest = bound.0 & !u64::from(u32::MAX) | u64::from(low);
    if nearest <= bound.0 { Some(Lsn(nearest)) } else { nearest.checked_sub(1 << 32).map(Lsn) }
}

/// The LSN with this low word that is nearest to another one.
fn nearest(low: u32, to: Lsn) -> Option<Lsn> {
    widen(low, Lsn(to.0.saturating_add(1 << 31))).or_else(|| widen(low, Lsn(u64::MAX >> 32)))
}

/// Whether the trailer of a page lies there in clear. Where its head is not of this page, the tablespace tells.
fn has_trailer(page: &[u8], format: &PageFormat, page_no: PageNo, head_fits: bool) -> bool {
    if !head_fits {
        let as_in_memory = format.encryption == Encryption::None && !format.page_compressed;
        return as_in_memory || page_no == PageNo(0);
    }
    format.layout != Layout::Zip && !is_opaque(page, format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PageSize;

    #[test]
    fn a_low_word_stands_for_the_greatest_lsn_that_is_not_beyond_the_end() {
        let at = |low, bound| widen(low, Lsn(bound)).map(|lsn| lsn.0);
        assert_eq!(at(7, 7), Some(7));
        assert_eq!(at(8, 7), None);
        assert_eq!(at(8, (3 << 32) + 7), Some((2 << 32) + 8));
        assert_eq!(at(7, (3 << 32) + 7), Some((3 << 32) + 7));
        assert_eq!(at(u32::MAX, u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn without_an_end_a_low_word_stands_for_the_lsn_nearest_to_what_is_known() {
        let at = |low, to| nearest(low, Lsn(to)).map(|lsn| lsn.0);
        assert_eq!(at(8, 7), Some(8));
        assert_eq!(at(6, (3 << 32) + 7), Some((3 << 32) + 6));
        assert_eq!(at(u32::MAX, 3 << 32), Some((3 << 32) - 1));
        assert_eq!(at(u32::MAX, 7), Some(u64::from(u32::MAX)));
        assert!(nearest(5, Lsn(u64::MAX)).is_some());
    }

    #[test]
    fn a_head_counts_only_beside_its_own_number_and_space() {
        let format = PageFormat::classic(PageSize::DEFAULT);
        let mut page = vec![0; 16384];
        page[4..8].copy_from_slice(&3u32.to_be_bytes());
        page[16..24].copy_from_slice(&77u64.to_be_bytes());
        page[34..38].copy_from_slice(&9u32.to_be_bytes());
        page[16380..].copy_from_slice(&5u32.to_be_bytes());
        let words = |number, space| HomeWords::of(&page, &format, PageNo(number), space);
        let all = HomeWords { head: Some(Lsn(77)), tail: Some(5) };
        assert_eq!(words(3, Some(SpaceId(9))), all);
        assert_eq!(words(3, None), all);
        assert_eq!(words(3, Some(SpaceId(8))).head, None);
        assert_eq!(words(4, Some(SpaceId(9))).head, None);
        assert_eq!(words(4, Some(SpaceId(9))).tail, Some(5), "the tail names no page");
        let mut encrypted = page.clone();
        encrypted[24..26].copy_from_slice(&15u16.to_be_bytes());
        assert_eq!(HomeWords::of(&encrypted, &format, PageNo(3), None).tail, None, "ciphertext");
        assert_eq!(HomeWords::of(&[], &format, PageNo(3), None), HomeWords::default());
    }

    #[test]
    fn a_hidden_space_id_is_not_asked_for() {
        let format = PageFormat::full_crc32(PageSize::DEFAULT);
        let mut page = vec![0; 16384];
        page[7] = 3;
        page[23] = 77;
        page[16379] = 77;
        let of = |page: &[u8]| HomeWords::of(page, &format, PageNo(3), Some(SpaceId(9)));
        assert_eq!(of(&page), HomeWords { head: None, tail: Some(77) });
        page[3] = 1;
        assert_eq!(of(&page), HomeWords { head: Some(Lsn(77)), tail: None });
    }
}
