//! The classic layout: checksum in front, checksum and low LSN word behind.
//!
//! What the stored words allow is settled before anything is computed: `crc32` needs two equal words, `innodb`
//! one of three words behind. So a file costs one algorithm, and no vote on it is needed.

use crate::bytes::{u32_at, u32_from_end};
use crate::format::fil::{FIL_PAGE_LSN, FIL_PAGE_SPACE_OR_CHKSUM};
use crate::page::checksum::fold;
use crate::page::checksum::fold::Sums;
use crate::page::checksum::{Algorithm, Examined, Fault, NO_CHECKSUM_MAGIC, crc32, is_zero_but_flush_lsn};

/// The stored words that a judgement compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StoredWords {
    /// At 0.
    head: u32,
    /// At `ps-8`.
    tail: u32,
    lsn_high: u32,
    lsn_low: u32,
    /// At `ps-4`.
    lsn_tail: u32,
}

impl StoredWords {
    pub(super) fn read(page: &[u8]) -> Option<StoredWords> {
        Some(StoredWords {
            head: u32_at(page, FIL_PAGE_SPACE_OR_CHKSUM)?,
            tail: u32_from_end(page, 8)?,
            lsn_high: u32_at(page, FIL_PAGE_LSN)?,
            lsn_low: u32_at(page, FIL_PAGE_LSN + 4)?,
            lsn_tail: u32_from_end(page, 4)?,
        })
    }

    fn are_zero(&self) -> bool {
        [self.head, self.tail, self.lsn_high, self.lsn_low, self.lsn_tail] == [0; 5]
    }

    fn lsn_is_zero(&self) -> bool {
        self.lsn_high == 0 && self.lsn_low == 0
    }
}

/// What is known of a page before the slow fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Triage {
    /// No fold can change it.
    Settled(Examined),
    /// Only [`settle`] with the page's fold can tell.
    NeedsFold(StoredWords),
}

pub(super) fn examine(page: &[u8]) -> Examined {
    // A page without these words is shorter than any page size, and fails as the checksum that it lacks.
    match triage(page, StoredWords::read(page).unwrap_or_default()) {
        Triage::Settled(examined) => examined,
        Triage::NeedsFold(words) => settle(page, words, fold::classic(page)),
    }
}

/// Everything but the innodb algorithm, in the order of the servers: emptiness, LSN words, checksums.
pub(super) fn triage(page: &[u8], words: StoredWords) -> Triage {
    if words.are_zero() && is_zero_but_flush_lsn(page) {
        return Triage::Settled(Examined::Zero);
    }
    if words.lsn_low != words.lsn_tail {
        return Triage::Settled(Examined::Torn { head: words.lsn_low, tail: words.lsn_tail });
    }
    if words.head != words.tail {
        return Triage::NeedsFold(words);
    }
    if words.head == crc32::classic(page) {
        return Triage::Settled(Examined::verified(Algorithm::Crc32));
    }
    if words.head == NO_CHECKSUM_MAGIC {
        return Triage::Settled(Examined::weak(Algorithm::None));
    }
    if words.head == crc32::classic_legacy_be(page) {
        return Triage::Settled(Examined::verified(Algorithm::LegacyBigEndianCrc32));
    }
    Triage::NeedsFold(words)
}

/// The innodb algorithm, and the end of the line.
///
/// The tail may hold the old sum, or the high LSN word (before 4.0.14). 5.5 and MariaDB take the mixtures with
/// 0xDEADBEEF in either word; MySQL 5.6+ does not. 0 in front stands for "written before 4.0.14" to every server;
/// we believe it only of a page that has an LSN, as MySQL 5.6+ does of two zero words.
pub(super) fn settle(page: &[u8], words: StoredWords, sums: Sums) -> Examined {
    let legacy_tail = words.tail == sums.old || words.tail == words.lsn_high;
    if words.head == sums.new && (legacy_tail || words.tail == NO_CHECKSUM_MAGIC) {
        return Examined::verified(Algorithm::Innodb);
    }
    let unchecked = words.head == NO_CHECKSUM_MAGIC || (words.head == 0 && !words.lsn_is_zero());
    if unchecked && legacy_tail {
        return Examined::weak(Algorithm::Innodb);
    }
    Examined::Corrupt {
        detail: Fault::Classic {
            stored: [words.head, words.tail],
            crc32: crc32::classic(page),
            innodb: [sums.new, sums.old],
        },
    }
}
