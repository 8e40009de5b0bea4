//! Slots: where one lies, what it is used for, in which formats its page may verify.

use crate::format::fsp::{Encryption, PageFormat};
use crate::page::judge;
use crate::units::{ByteOffset, PageSize};
use std::path::PathBuf;

/// Which slot of which file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SlotRef {
    /// The file as printed.
    pub file: PathBuf,
    /// Index within the area.
    pub index: u32,
    /// The file to open.
    pub path: PathBuf,
    /// Where in the file.
    pub offset: ByteOffset,
}

/// What a slot is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Usage {
    /// It holds a page of some tablespace.
    Copy,
    /// Every byte is zero.
    Zero,
    /// It describes itself: space 0 and its own page number.
    Placeholder,
}

pub(crate) fn physical<'a>(bytes: &'a [u8], format: &PageFormat) -> &'a [u8] {
    bytes.get(..format.physical.bytes()).unwrap_or(bytes)
}

/// Whether a slot verifies in any format, by a rule that looks at its contents.
pub(crate) fn verifies_somehow(slot: &[u8], slot_size: PageSize) -> bool {
    formats_of_a_slot(slot_size).iter().any(|format| {
        let judged = judge(physical(slot, format), format);
        judged.is_valid() && !judged.weak
    })
}

/// Formats in which a slot of unknown ownership may verify.
pub(crate) fn formats_of_a_slot(slot_size: PageSize) -> Vec<PageFormat> {
    let zips = PageSize::PHYSICAL.into_iter().filter(|&size| size <= PageSize::DEFAULT && size <= slot_size);
    [PageFormat::classic(slot_size), PageFormat::full_crc32(slot_size)]
        .into_iter()
        .chain(zips.map(|size| PageFormat::zip(slot_size, size)))
        .flat_map(|format| [format, PageFormat { encryption: Encryption::MariaDb, ..format }])
        .collect()
}
