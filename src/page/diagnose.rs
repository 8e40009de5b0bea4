//! What kind of damage a page has: a finer name than its state, and a sentence.
//!
//! Everything here is asked of damaged pages only, so it may cost something.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use crate::bytes::{is_zero, put_u32, u16_at, u32_at, u32_from_end};
use crate::format::fil::{
    FIL_PAGE_DATA, FIL_PAGE_DATA_END, FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_LSN, FIL_PAGE_OFFSET,
    FIL_PAGE_SPACE_ID, FIL_PAGE_TYPE,
};
use crate::format::fsp::{Layout, PageFormat};
use crate::page::checksum;
use crate::page::checksum::Computed;
use crate::page::checksum::bitflip::{Bit, candidates, single_bit};
use crate::page::checksum::{Algorithm, Examined};
use crate::page::frame;
use crate::page::judge;
use crate::page::sectors::{Tear, shares_a_sector};
use crate::page::symptom::Symptom;
use crate::units::{PageNo, SECTOR};

/// The kind of damage.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// Two versions, or a version and nothing, are mixed.
    Torn,
    /// Every byte is zero where a page should be.
    Zero,
    /// Every byte is 0xFF: erased flash, or never written blocks of some devices.
    Ff,
    /// A valid page of another place.
    Misdirected,
    /// The content of this place lies some bytes or pages away, as do its neighbours'.
    Shifted,
    /// One bit is wrong, and which one is known.
    BitFlip,
    /// The content verifies; a word of the trailer is wrong.
    Trailer,
    /// The content verifies; the checksum in front is wrong.
    Checksum,
    /// A checksum that is right by a rule that no server uses here: another tool stamped it.
    WrongAlgorithm,
    /// The system could not read it.
    Unreadable,
    /// A whole page, but an older version than was written.
    LostWrite,
    /// None of these.
    Garbage,
}

impl Class {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The kind of damage with a clause on what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The kind.
    pub class: Class,
    /// What was seen.
    pub symptom: Symptom,
    /// The content is whole, or one way to make it whole is known.
    pub mendable: bool,
}

fn diagnosis(class: Class, symptom: Symptom) -> Diagnosis {
    Diagnosis { class, symptom, mendable: false }
}

fn mendable(class: Class, symptom: Symptom) -> Diagnosis {
    Diagnosis { class, symptom, mendable: true }
}

/// Names the damage of a page that does not verify. `copy` is the best copy of it, if there is one.
pub fn classify(page: &[u8], format: &PageFormat, page_no: PageNo, copy: Option<&[u8]>) -> Diagnosis {
    if page.iter().all(|&byte| byte == 0xFF) {
        return diagnosis(Class::Ff, Symptom::Ones);
    }
    let plain = !u16_at(page, FIL_PAGE_TYPE).is_some_and(frame::is_transformed);
    checksum_words(page, format)
        .or_else(|| bit_flip(page, format, page_no))
        .or_else(|| wrong_algorithm(page, format))
        .or_else(|| if plain { cut_short(page, page_no) } else { None })
        .or_else(|| torn_against(page, copy))
        .or_else(|| if plain { lsn_words(page, format, page_no) } else { None })
        .unwrap_or_else(|| diagnosis(Class::Garbage, why(page, format)))
}

fn why(page: &[u8], format: &PageFormat) -> Symptom {
    match checksum::examine(page, format) {
        Examined::Corrupt { detail } => Symptom::Sum(detail),
        Examined::Torn { head, tail } => Symptom::SumAndLsn { head, tail },
        Examined::Zero | Examined::Valid { .. } => Symptom::Content,
    }
}

fn is_verified(page: &[u8], format: &PageFormat) -> bool {
    checksum::examine(page, format).is_verified()
}

/// The content is whole; one of the words that guard it is not.
fn checksum_words(page: &[u8], format: &PageFormat) -> Option<Diagnosis> {
    let mut mended = page.to_vec();
    if format.layout == Layout::Classic {
        let (lsn_low, lsn_tail) = (u32_at(page, FIL_PAGE_LSN + 4)?, u32_from_end(page, 4)?);
        put_u32(&mut mended, page.len().checked_sub(4)?, lsn_low)?;
        if lsn_low != lsn_tail && is_verified(&mended, format) {
            let what = Symptom::TrailerLsn { stored: lsn_tail, right: lsn_low };
            return Some(mendable(Class::Trailer, what));
        }
    }
    let fields = checksum::computed(&mended, format);
    for wrong in fields.iter().filter(|field| !field.matches()) {
        // A formula whose other word fits is proof enough; a lone word must be one bit away.
        let proven = fields.iter().any(|right| {
            right.algorithm == wrong.algorithm && right.at != wrong.at && right.matches() && sums_all(right)
        });
        let lone = format.layout != Layout::Classic && single_bit(wrong.stored, wrong.computed).is_some();
        let mut fitted = mended.clone();
        put_u32(&mut fitted, wrong.at, wrong.computed)?;
        if (proven || lone) && is_verified(&fitted, format) {
            let in_front = wrong.at == 0;
            let class = if in_front { Class::Checksum } else { Class::Trailer };
            if mended != page {
                return Some(mendable(Class::Trailer, Symptom::OtherTrailer));
            }
            let &Computed { algorithm, stored, computed, .. } = wrong;
            let what = Symptom::Word { in_front, stored, computed, algorithm };
            return Some(mendable(class, what));
        }
    }
    None
}

/// The word in front sums the whole page; the word in the trailer does so for crc32 only.
fn sums_all(field: &checksum::Computed) -> bool {
    field.at == 0 || field.algorithm == Algorithm::Crc32
}

/// The ranges that a stored crc32 word covers.
fn ranges(layout: Layout, page_len: usize, word_at: usize) -> Vec<Range<usize>> {
    match layout {
        Layout::Classic => vec![
            FIL_PAGE_OFFSET..FIL_PAGE_FILE_FLUSH_LSN,
            FIL_PAGE_DATA..page_len.saturating_sub(FIL_PAGE_DATA_END),
        ],
        Layout::Zip => {
            vec![FIL_PAGE_OFFSET..FIL_PAGE_LSN, FIL_PAGE_TYPE..FIL_PAGE_TYPE + 2, FIL_PAGE_SPACE_ID..page_len]
        }
        Layout::FullCrc32 => std::iter::once(0..word_at).collect(),
    }
}

/// One bit that makes a CRC fit, and with it everything else that the page states.
fn bit_flip(page: &[u8], format: &PageFormat, page_no: PageNo) -> Option<Diagnosis> {
    let crc = |algorithm| {
        matches!(algorithm, Algorithm::Crc32 | Algorithm::FullCrc32 | Algorithm::PostEncryptionCrc32)
    };
    let mut found: Vec<Bit> = Vec::new();
    for field in checksum::computed(page, format).iter().filter(|field| crc(field.algorithm)) {
        let ranges = ranges(format.layout, page.len(), field.at);
        found.extend(candidates(field.stored ^ field.computed, &ranges));
    }
    found.sort_unstable();
    found.dedup();
    found.retain(|bit| {
        let mut mended = page.to_vec();
        bit.flip(&mut mended);
        let judged = judge(&mended, format);
        judged.is_valid() && !judged.weak && u32_at(&mended, FIL_PAGE_OFFSET) == Some(page_no.0)
    });
    match found.len() {
        0 => None,
        1 => Some(mendable(Class::BitFlip, Symptom::Bits(found))),
        _ => Some(diagnosis(Class::BitFlip, Symptom::Bits(found))),
    }
}

/// Stamped by a rule of another layout, or with the CRC-32 of zip and Ethernet.
fn wrong_algorithm(page: &[u8], format: &PageFormat) -> Option<Diagnosis> {
    let size = format.physical;
    let others = [
        ("full_crc32", PageFormat::full_crc32(size)),
        ("the classic layout", PageFormat::classic(size)),
        ("compressed pages", PageFormat::zip(format.logical, size)),
    ];
    for (name, other) in others.iter().filter(|(_, other)| other.layout != format.layout) {
        if is_verified(page, other) && !is_zero(page.get(FIL_PAGE_DATA..)?) {
            return Some(mendable(Class::WrongAlgorithm, Symptom::OtherRule(name)));
        }
    }
    let at = match format.layout {
        Layout::FullCrc32 => page.len().checked_sub(4)?,
        Layout::Classic | Layout::Zip => 0,
    };
    let ieee = ranges(format.layout, page.len(), at)
        .into_iter()
        .try_fold(0, |sum, range| Some(sum ^ crc32fast::hash(page.get(range)?)))?;
    (u32_at(page, at) == Some(ieee)).then(|| mendable(Class::WrongAlgorithm, Symptom::Ieee))
}

/// Some sectors are those of the copy, others are not.
fn torn_against(page: &[u8], copy: Option<&[u8]>) -> Option<Diagnosis> {
    let copy = copy.filter(|copy| copy.len() == page.len() && shares_a_sector(page, copy))?;
    Some(diagnosis(Class::Torn, Symptom::Sectors(Tear::between(page, copy))))
}

/// The low LSN words of head and tail differ: the classic trailer, and the clear pages of full_crc32.
fn lsn_words(page: &[u8], format: &PageFormat, page_no: PageNo) -> Option<Diagnosis> {
    if u32_at(page, FIL_PAGE_OFFSET) != Some(page_no.0) {
        return None;
    }
    let from_end = match (format.layout, u32_at(page, 0)?) {
        (Layout::Classic, _) => 4,
        (Layout::FullCrc32, 0) if page.get(FIL_PAGE_TYPE)? & 0x80 == 0 => 8,
        _ => return None,
    };
    let (head, tail) = (u32_at(page, FIL_PAGE_LSN + 4)?, u32_from_end(page, from_end)?);
    // Random words differ too: of two versions of one page the LSNs lie near each other.
    let near = head.abs_diff(tail) < 1 << 30 || tail == 0;
    (head != tail && near).then(|| diagnosis(Class::Torn, Symptom::TwoVersions { head, tail }))
}

/// Written up to a sector, zero from there on; or zero up to a sector, and written from there on.
fn cut_short(page: &[u8], page_no: PageNo) -> Option<Diagnosis> {
    let written: Vec<bool> = page.chunks(SECTOR).map(|sector| !is_zero(sector)).collect();
    let (first, last) = (written.iter().position(|&w| w)?, written.iter().rposition(|&w| w)?);
    let (begin, end) = (first * SECTOR, (last + 1) * SECTOR);
    if begin > 0 {
        Some(diagnosis(Class::Torn, Symptom::ZeroBefore(begin)))
    } else if end < page.len() && u32_at(page, FIL_PAGE_OFFSET) == Some(page_no.0) {
        Some(diagnosis(Class::Torn, Symptom::ZeroFrom(end)))
    } else {
        None
    }
}
