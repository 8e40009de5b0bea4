//! Every checksum of one page beside what is stored, for people who look at a page.

use crate::bytes::u32_at;
use crate::format::fil::{FIL_PAGE_DATA_END, FIL_PAGE_SPACE_OR_CHKSUM};
use crate::format::fsp::{Layout, PageFormat};
use crate::page::checksum::encrypted::{KEY_VERSION, POST_ENCRYPTION_CHECKSUM, crc32_of};
use crate::page::checksum::{Algorithm, NO_CHECKSUM_MAGIC, crc32, fold, full_crc32, wrong_length, zip};

/// One checksum field of one algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Computed {
    /// Which algorithm.
    pub algorithm: Algorithm,
    /// Offset of the field in the page, bytes.
    pub at: usize,
    /// What is written there.
    pub stored: u32,
    /// What the algorithm would write there.
    pub computed: u32,
}

impl Computed {
    /// Stored and computed agree.
    pub fn matches(&self) -> bool {
        self.stored == self.computed
    }
}

/// All algorithms of the layout with their fields, stored and computed.
///
/// Empty where the slice is not one page. The post-encryption checksum is listed where the key version at 26 is
/// not 0; a full_crc32 page with an impossible compressed size has none.
pub fn computed(page: &[u8], format: &PageFormat) -> Vec<Computed> {
    if wrong_length(page, format).is_some() {
        return Vec::new();
    }
    let mut fields = match format.layout {
        Layout::Classic => classic_fields(page),
        Layout::Zip => zip_fields(page),
        Layout::FullCrc32 => full_crc32_fields(page),
    };
    if format.layout != Layout::FullCrc32 && u32_at(page, KEY_VERSION).is_some_and(|key| key != 0) {
        let crc32 = crc32_of(page, format.layout);
        fields.push((Algorithm::PostEncryptionCrc32, POST_ENCRYPTION_CHECKSUM, crc32));
    }
    fields
        .into_iter()
        .filter_map(|(algorithm, at, computed)| {
            Some(Computed { algorithm, at, stored: u32_at(page, at)?, computed })
        })
        .collect()
}

/// The algorithms all of whose fields match.
#[cfg(test)]
pub fn matching_algorithms(page: &[u8], format: &PageFormat) -> Vec<Algorithm> {
    let fields = computed(page, format);
    Algorithm::ALL
        .into_iter()
        .filter(|&algorithm| {
            let mut own = fields.iter().filter(|field| field.algorithm == algorithm).peekable();
            own.peek().is_some() && own.all(Computed::matches)
        })
        .collect()
}

type ChecksumField = (Algorithm, usize, u32);

fn classic_fields(page: &[u8]) -> Vec<ChecksumField> {
    let (head, tail) = (FIL_PAGE_SPACE_OR_CHKSUM, page.len().saturating_sub(FIL_PAGE_DATA_END));
    let sums = fold::classic(page);
    let (crc32, legacy) = (crc32::classic(page), crc32::classic_legacy_be(page));
    vec![
        (Algorithm::Crc32, head, crc32),
        (Algorithm::Crc32, tail, crc32),
        (Algorithm::LegacyBigEndianCrc32, head, legacy),
        (Algorithm::LegacyBigEndianCrc32, tail, legacy),
        (Algorithm::Innodb, head, sums.new),
        (Algorithm::Innodb, tail, sums.old),
        (Algorithm::None, head, NO_CHECKSUM_MAGIC),
        (Algorithm::None, tail, NO_CHECKSUM_MAGIC),
    ]
}

fn zip_fields(page: &[u8]) -> Vec<ChecksumField> {
    let head = FIL_PAGE_SPACE_OR_CHKSUM;
    vec![
        (Algorithm::Crc32, head, zip::crc32(page)),
        (Algorithm::LegacyBigEndianCrc32, head, zip::crc32_legacy_be(page)),
        (Algorithm::Innodb, head, zip::innodb(page)),
        (Algorithm::None, head, NO_CHECKSUM_MAGIC),
    ]
}

fn full_crc32_fields(page: &[u8]) -> Vec<ChecksumField> {
    let field = full_crc32::written(page).ok().and_then(|written| full_crc32::crc32(page, &written));
    field.into_iter().map(|(at, crc)| (Algorithm::FullCrc32, at, crc)).collect()
}
