//! The judgement of a run of pages: everything that is plainly valid at the speed of its checksum, the rest slowly.

mod damage;

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::commands::scan::context::{Flushed, Ground};
use crate::commands::scan::finding::{Counts, Damage, DamageState, Future, PageRow, RowState};
use crate::commands::scan::neighbours::Links;
use crate::commands::scan::reason::{DamageReason, WrittenBecause};
use crate::format::fil::{
    FIL_PAGE_LSN, FIL_PAGE_NEXT, FIL_PAGE_OFFSET, FIL_PAGE_PREV, FIL_PAGE_SPACE_ID, FIL_PAGE_TYPE, page_type,
};
use crate::format::fsp::{Encryption, Layout, PageFormat};
use crate::instance::spaces::judge_in;
use crate::instance::spaces::{SpaceFile, Tablespace};
use crate::page::Judged;
use crate::page::checksum::{Algorithm, Examined, examine_run, post_encryption};
use crate::page::diagnose::Class;
use crate::page::frame;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::descriptors::{Descriptors, Use};
use crate::verdict::home::{HomeState, state_at};
use crate::verdict::home_reason::HomeReason;

/// A second look at the file, for damaged pages only.
pub trait Peek {
    /// The bytes at an offset as they are now, a moment after they were read; `None` where nobody writes the file.
    fn now(&self, offset: u64, len: usize) -> Option<Vec<u8>>;

    /// The bytes at an offset, as far as the file has them.
    fn bytes(&self, offset: u64, len: usize) -> Option<Vec<u8>>;
}

/// The judge of one file's pages.
pub struct Judge<'a> {
    ground: &'a Ground,
    space: &'a Tablespace,
    file: &'a SpaceFile,
    descriptors: Descriptors<'a>,
    space_id_stored: bool,
    links: Option<&'a Links>,
    examined: Vec<Examined>,
    /// What was found so far.
    pub found: JudgedPages,
    rows: bool,
}

/// What was found in some pages of a file.
#[derive(Debug, Default)]
pub struct JudgedPages {
    /// How many pages are in which state.
    pub counts: Counts,
    /// Damaged pages, in order.
    pub damage: Vec<Damage>,
    /// One for every page, where they were asked for.
    pub rows: Vec<PageRow>,
    /// All-zero pages that only the rest of the file can judge.
    pub undecided: Vec<ZeroRun>,
    /// The smallest LSN of a valid page.
    pub lowest_lsn: Option<Lsn>,
    /// Valid pages that are newer than the end of the redo log.
    pub future: Future,
}

/// All-zero pages one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroRun {
    /// The first of them.
    pub first: PageNo,
    /// How many.
    pub pages: u32,
    /// An extent descriptor of the file says that they are in use; else none tells.
    pub in_use: bool,
}

impl<'a> Judge<'a> {
    /// A judge of one file.
    pub fn new(
        ground: &'a Ground,
        space: &'a Tablespace,
        file: &'a SpaceFile,
        links: Option<&'a Links>,
        rows: bool,
    ) -> Judge<'a> {
        Judge {
            ground,
            space,
            file,
            descriptors: Descriptors::new(space),
            space_id_stored: ground.space_id_stored(),
            links,
            examined: Vec::new(),
            found: JudgedPages::default(),
            rows,
        }
    }

    /// Whether a page of an unpacked bundle was never captured: it reads as zeros and means nothing.
    fn is_hole(&self, page_no: PageNo) -> bool {
        let Some(bundle) = &self.ground.instance.locations.bundle else { return false };
        let size = self.space.format.physical.as_u64();
        let at = u64::from(page_no.0).saturating_sub(self.file.first_page).saturating_mul(size);
        !bundle.covers(&self.file.path, &(at..at.saturating_add(size)))
    }

    /// Physical page size of the file, in bytes.
    pub fn page_size(&self) -> usize {
        self.space.format.physical.bytes()
    }

    /// Whether the last pages were verified by the legacy fold, which likes many pages at once.
    pub fn folds(&self) -> bool {
        let folded = Examined::Valid { algorithm: Algorithm::Innodb, weak: false };
        self.space.format.layout == Layout::Classic && self.examined.last() == Some(&folded)
    }

    /// Judges whole pages that lie one behind the other from page `first` on.
    pub fn run(&mut self, bytes: &[u8], first: PageNo, peek: &dyn Peek) {
        let mut examined = std::mem::take(&mut self.examined);
        examined.clear();
        examine_pages(bytes, &self.space.format, &mut examined);
        let size = self.space.format.physical.bytes();
        for ((page, examined), number) in bytes.chunks_exact(size).zip(&examined).zip(first.0..) {
            self.page(page, *examined, PageNo(number), peek);
        }
        self.examined = examined;
    }

    fn page(&mut self, page: &[u8], examined: Examined, page_no: PageNo, peek: &dyn Peek) {
        let apart = self.is_system() && self.ground.in_doublewrite(page_no);
        let state = match examined {
            _ if apart => RowState::Doublewrite,
            Examined::Valid { weak, .. }
                if self.is_in_place(page, page_no) && !self.is_unmasked(page, page_no) =>
            {
                self.valid(page, page_no, weak)
            }
            Examined::Zero if self.is_hole(page_no) => RowState::Unverifiable,
            Examined::Zero => self.zero(page_no),
            // A copy: what lies in the page cache may change under a closer look.
            _ => {
                let copy = page.to_vec();
                self.slow(&copy, page_no, Some(peek))
            }
        };
        self.found.counts.add(state);
        if self.rows {
            self.found.rows.push(PageRow::of(page, page_no, state, &self.space.format));
        }
    }

    /// Judges pages that the file has no bytes for.
    pub fn hole(&mut self, first: PageNo, pages: u64) {
        for page_no in (first.0..).map(PageNo).take(usize::try_from(pages).unwrap_or(usize::MAX)) {
            let state = if self.is_system() && self.ground.in_doublewrite(page_no) {
                RowState::Doublewrite
            } else if self.is_hole(page_no) {
                RowState::Unverifiable
            } else {
                self.zero(page_no)
            };
            self.found.counts.add(state);
            if self.rows {
                let zeros = vec![0; self.page_size()];
                self.found.rows.push(PageRow::of(&zeros, page_no, state, &self.space.format));
            }
        }
    }

    fn is_system(&self) -> bool {
        self.space.id == Some(SpaceId::SYSTEM)
    }

    /// Whether a page that verifies says that it belongs here, as far as it says so in clear.
    fn is_in_place(&self, page: &[u8], page_no: PageNo) -> bool {
        if u32_at(page, FIL_PAGE_OFFSET) != Some(page_no.0) {
            return false;
        }
        if !self.space_id_stored || frame::hides_space_id(page, &self.space.format) {
            return true;
        }
        self.space.id.is_none_or(|id| u32_at(page, FIL_PAGE_SPACE_ID) == Some(id.0))
    }

    /// A page that verifies and says that it belongs here may still be an older one than was written.
    fn valid(&mut self, page: &[u8], page_no: PageNo, weak: bool) -> RowState {
        let lsn = u64_at(page, FIL_PAGE_LSN).map(Lsn).unwrap_or_default();
        if let Some(lost) = self.ground.lost_write(self.space, page_no, lsn) {
            let why = DamageReason::Lost(*lost);
            let mut damage = self.damage(page, page_no, (DamageState::LostWrite, Class::LostWrite), why);
            damage.expected_lsn = Some(lost.expected);
            self.found.damage.push(damage);
            return RowState::Damaged(DamageState::LostWrite);
        }
        self.note_valid(page, weak);
        RowState::Valid
    }

    /// Whether the survey found that a page which verifies is damaged: the server takes its LSN, beyond the end of redo, for
    /// damage, and there is a copy.
    fn is_unmasked(&self, page: &[u8], page_no: PageNo) -> bool {
        let end = self.ground.instance.window.end.map_or(u64::MAX, |end| end.0);
        u64_at(page, FIL_PAGE_LSN).is_some_and(|lsn| lsn > end)
            && self.ground.copy_of(self.space, page_no).is_some()
    }

    fn future(&self, page: &[u8], page_no: PageNo) -> Damage {
        self.damage(page, page_no, (DamageState::Corrupt, Class::Garbage), DamageReason::Future)
    }

    fn note_valid(&mut self, page: &[u8], weak: bool) {
        self.found.counts.weak += u64::from(weak);
        let Some(lsn) = u64_at(page, FIL_PAGE_LSN).filter(|&lsn| lsn != 0).map(Lsn) else { return };
        if !weak && self.ground.instance.window.end.is_some_and(|end| lsn > end) {
            self.found.future.add(lsn);
        }
        if self.found.lowest_lsn.is_none_or(|lowest| lsn < lowest) {
            self.found.lowest_lsn = Some(lsn);
        }
        let counts = self.ground.flushed == Flushed::Unknown || self.ground.flushed.holds(lsn);
        let Some(links) = self.links.filter(|_| counts) else { return };
        if matches!(u16_at(page, FIL_PAGE_TYPE), Some(page_type::INDEX | page_type::RTREE)) {
            for at in [FIL_PAGE_PREV, FIL_PAGE_NEXT] {
                u32_at(page, at).into_iter().for_each(|number| links.set(number));
            }
        }
    }

    /// An all-zero page: never written, or lost?
    fn zero(&mut self, page_no: PageNo) -> RowState {
        let certain = |lsn| self.ground.flushed.holds(lsn) && !self.ground.zero_may_be_freed;
        let usage = self.descriptors.usage(page_no);
        let decided = match usage {
            Use::Free => Some(false),
            Use::Taken(_) if self.is_system() && self.ground.is_reserved(page_no) => Some(false),
            Use::Taken(lsn) if certain(lsn) => Some(true),
            Use::Taken(_) | Use::Unknown => None,
        };
        if decided != Some(false)
            && let Some(lsn) = self.ground.was_home(self.space, page_no)
        {
            self.lost_zero(page_no, WrittenBecause::Redo(lsn));
            return RowState::Damaged(DamageState::Zero);
        }
        match decided {
            Some(false) => {
                self.found.counts.zero_copied += u64::from(self.ground.has_good_copy(self.space, page_no));
                RowState::Zero
            }
            Some(true) => {
                let why = match self.ground.flushed {
                    Flushed::All => WrittenBecause::InUse,
                    Flushed::UpTo(_) | Flushed::Unknown => WrittenBecause::WasInUse,
                };
                self.lost_zero(page_no, why);
                RowState::Damaged(DamageState::Zero)
            }
            None => {
                self.undecided(page_no, usage != Use::Unknown);
                RowState::Zero
            }
        }
    }

    fn undecided(&mut self, page_no: PageNo, in_use: bool) {
        match self.found.undecided.last_mut() {
            Some(run) if run.in_use == in_use && run.first.0.checked_add(run.pages) == Some(page_no.0) => {
                run.pages += 1;
            }
            _ => self.found.undecided.push(ZeroRun { first: page_no, pages: 1, in_use }),
        }
    }

    fn lost_zero(&mut self, page_no: PageNo, why: WrittenBecause) {
        let damage = self.damage(&[], page_no, (DamageState::Zero, Class::Zero), DamageReason::Zero(why));
        self.found.damage.push(damage);
    }

    /// A page that the system could not read.
    pub fn unreadable(&mut self, page_no: PageNo, error: &str) {
        let why = DamageReason::Unreadable(error.to_owned());
        let damage = self.damage(&[], page_no, (DamageState::Unreadable, Class::Unreadable), why);
        self.found.damage.push(damage);
        let state = RowState::Damaged(DamageState::Unreadable);
        self.found.counts.add(state);
        if self.rows {
            self.found.rows.push(PageRow::of(&[], page_no, state, &self.space.format));
        }
    }

    /// Everything that is not plainly valid.
    fn slow(&mut self, page: &[u8], page_no: PageNo, peek: Option<&dyn Peek>) -> RowState {
        let (judged, state, why) = self.judge(page, page_no);
        match state {
            HomeState::Valid if self.is_unmasked(page, page_no) => {
                self.found.damage.push(self.future(page, page_no));
                return RowState::Damaged(DamageState::Corrupt);
            }
            HomeState::Valid => {
                return self.valid(judged.clear.as_deref().unwrap_or(page), page_no, judged.weak);
            }
            HomeState::Unverifiable => return RowState::Unverifiable,
            HomeState::Zero => return self.zero(page_no),
            HomeState::Torn
            | HomeState::Corrupt
            | HomeState::Misdirected
            | HomeState::Missing
            | HomeState::OutOfBounds => {}
        }
        // A page that changed since it was read was being written meanwhile: it is judged as it is now.
        if let Some(now) =
            peek.and_then(|peek| peek.now(self.offset(page_no), page.len())).filter(|now| now != page)
        {
            return self.slow(&now, page_no, None);
        }
        if self.is_harmless(page, page_no, state) {
            return RowState::Freed;
        }
        if self.ground.redo_rebuilds(self.space, page_no) {
            return RowState::RedoRebuilds;
        }
        let damage = self.diagnose(page, page_no, state, why, peek);
        let state = damage.state;
        self.found.damage.push(damage);
        RowState::Damaged(state)
    }

    fn judge(&self, page: &[u8], page_no: PageNo) -> (Judged, HomeState, HomeReason) {
        let judged = judge_in(page, self.space);
        let (state, why) = state_at(&judged, page, self.space, page_no, self.space_id_stored);
        (judged, state, why)
    }

    /// Free pages are never read. After a crash the descriptors may be older than the page: one whose write falls into
    /// the redo window was in use again.
    fn is_harmless(&mut self, page: &[u8], page_no: PageNo, state: HomeState) -> bool {
        if self.ground.copy_of(self.space, page_no).is_some() || self.descriptors.usage(page_no) != Use::Free
        {
            return false;
        }
        let lsn = Lsn(u64_at(page, FIL_PAGE_LSN).unwrap_or_default());
        match self.ground.flushed {
            Flushed::All | Flushed::Unknown => true,
            Flushed::UpTo(_) if state == HomeState::Misdirected => true,
            Flushed::UpTo(checkpoint) => {
                lsn.0 != 0
                    && (lsn < checkpoint || self.ground.instance.window.end.is_some_and(|end| end < lsn))
            }
        }
    }

    fn offset(&self, page_no: PageNo) -> u64 {
        u64::from(page_no.0)
            .saturating_sub(self.file.first_page)
            .saturating_mul(self.space.format.physical.as_u64())
    }
}

/// The findings of [`examine_run`], but of pages that MariaDB encrypted in the classic and compressed layouts by the
/// checksum that is theirs, before the others are tried.
fn examine_pages(bytes: &[u8], format: &PageFormat, out: &mut Vec<Examined>) {
    if format.encryption != Encryption::MariaDb || format.layout == Layout::FullCrc32 {
        return examine_run(bytes, format, out);
    }
    let size = format.physical.bytes();
    let mut plain = 0;
    for (index, page) in bytes.chunks_exact(size).enumerate() {
        if let Some(examined) = encrypted(page, format) {
            let at = index * size;
            examine_run(bytes.get(plain..at).unwrap_or_default(), format, out);
            out.push(examined);
            plain = at + size;
        }
    }
    examine_run(bytes.get(plain..).unwrap_or_default(), format, out);
}

fn encrypted(page: &[u8], format: &PageFormat) -> Option<Examined> {
    let kind = u16_at(page, FIL_PAGE_TYPE)?;
    // A type that page_compressed tables have only before encryption keeps its compressor in these bytes.
    if !frame::may_carry_post_encryption_sum(page) || kind == page_type::MARIADB_PAGE_COMPRESSED {
        return None;
    }
    post_encryption(page, format)
        .filter(|examined| examined.algorithm() == Some(Algorithm::PostEncryptionCrc32))
}
