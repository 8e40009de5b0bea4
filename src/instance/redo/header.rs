//! Block 0 of every redo log file: format, start LSN, creator, flags.
//!
//! | offset | size | name | meaning |
//! |---|---|---|---|
//! | 0 | 4 | `LOG_HEADER_FORMAT` | format number; before MySQL 5.7.9 the log group id, always 0 |
//! | 4 | 4 | `LOG_HEADER_LOG_UUID` | MySQL 8.0.30 on: same in every file; MariaDB: subformat; format 0: `LOG_FILE_START_LSN` (8) begins here |
//! | 8 | 8 | `LOG_HEADER_START_LSN` | LSN of the first byte after the file's header blocks |
//! | 16 | 32 | `LOG_HEADER_CREATOR` | program and version, NUL padded |
//! | 48 | 4 | `LOG_HEADER_FLAGS` | MySQL 8.0.19 on: see [`Flags`]; MariaDB 10.8 on: not 0 where the log is encrypted |
//! | 508 | 4 | `LOG_BLOCK_CHECKSUM` | CRC-32C of bytes 0..508; none in format 0 |
//!
//! Big-endian. (`log0log.h` MySQL 5.6 to 8.0.29, `log0constants.h` 8.0.30 on, `log0log.h` MariaDB 10.2 to 11.8.)

use crate::bytes::{slice_at, u32_at, u64_at};
use crate::units::Lsn;

use crate::instance::redo::block::{BLOCK, crc_holds};
use crate::instance::redo::{Flags, RedoFormat};

const FORMAT: usize = 0;
const START_LSN_FORMAT_0: usize = 4;
const UUID: usize = 4;
const START_LSN: usize = 8;
const CREATOR: usize = 16;
const CREATOR_LEN: usize = 32;
const FLAGS: usize = 48;
const _: () = assert!(CREATOR + CREATOR_LEN == FLAGS);

/// What block 0 of one file says, believed or not.
#[derive(Debug, Clone)]
pub(super) struct FileHeader {
    pub raw_format: u32,
    /// Log uuid (MySQL 8.0.30 on) or subformat (MariaDB).
    pub uuid: u32,
    pub start_lsn: Lsn,
    pub creator: Option<String>,
    /// The word at 48: flags (MySQL) or encryption key version (MariaDB).
    pub flags: u32,
    /// Whether the check word holds; format 0 has none and counts as sound.
    pub sound: bool,
}

impl FileHeader {
    /// Reads block 0; `None` if it is shorter than a block.
    pub fn parse(block: &[u8]) -> Option<FileHeader> {
        let block = slice_at(block, 0, BLOCK)?;
        let raw_format = u32_at(block, FORMAT)?;
        let start = if raw_format == 0 { START_LSN_FORMAT_0 } else { START_LSN };
        Some(FileHeader {
            raw_format,
            uuid: u32_at(block, UUID)?,
            start_lsn: Lsn(u64_at(block, start)?),
            creator: creator(slice_at(block, CREATOR, CREATOR_LEN)?),
            flags: u32_at(block, FLAGS)?,
            sound: raw_format == 0 || crc_holds(block),
        })
    }

    /// The format, if the number is a known one.
    pub fn format(&self) -> Option<RedoFormat> {
        RedoFormat::from_raw(self.raw_format, self.creator.as_deref())
    }

    /// The flags of MySQL 8.0.19 and later; none in any other format.
    pub fn mysql_flags(&self) -> Flags {
        match self.raw_format {
            4..=6 => Flags::from_raw(self.flags),
            _ => Flags::default(),
        }
    }
}

/// The creator string up to its first NUL. Control bytes become U+FFFD: the text ends up on terminals.
fn creator(field: &[u8]) -> Option<String> {
    let text = field.split(|&b| b == 0).next().unwrap_or_default();
    let text: String = text
        .iter()
        .map(|&b| if b == b' ' || b.is_ascii_graphic() { char::from(b) } else { char::REPLACEMENT_CHARACTER })
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creators_are_cut_at_nul_and_made_printable() {
        assert_eq!(creator(b"MySQL 9.7.4\0\0\0garbage").as_deref(), Some("MySQL 9.7.4"));
        assert_eq!(creator(b"    \0\0"), None, "MySQL 5.6 writes four blanks");
        assert_eq!(creator(b"\x1b[31mred").as_deref(), Some("\u{fffd}[31mred"));
    }

    #[test]
    fn format_0_keeps_its_start_lsn_at_4() {
        let mut block = [0u8; BLOCK];
        block[10..12].copy_from_slice(&[0x22, 0x00]);
        assert_eq!(FileHeader::parse(&block).map(|h| h.start_lsn), Some(Lsn(0x2200)));
        assert!(FileHeader::parse(&block[..511]).is_none());
    }
}
