//! The tablespace header on page 0 and its flags: which page size and layout a file has.
//!
//! | offset in page 0 | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 38 | 4 | `FSP_SPACE_ID` | space id again |
//! | 46 | 4 | `FSP_SIZE` | size in pages |
//! | 50 | 4 | `FSP_FREE_LIMIT` | pages from here on were never initialised |
//! | 54 | 4 | `FSP_SPACE_FLAGS` | page size, compression, layout |
//! | 150 | | `XDES_ARR_OFFSET` | extent descriptors |
//!
//! Sources: `fsp0fsp.h` (MySQL 5.6), `fsp0types.h` (MySQL 5.7, 9.7; MariaDB 10.3 to 11.8).

use crate::bytes::u32_at;
use crate::units::{PageSize, SpaceId};

/// Space id in the tablespace header.
pub const FSP_SPACE_ID: usize = 38;
/// Size of the tablespace in pages.
pub const FSP_SIZE: usize = 46;
/// First page that was never initialised.
pub const FSP_FREE_LIMIT: usize = 50;
/// Flags.
pub const FSP_SPACE_FLAGS: usize = 54;
/// Extent descriptors on page 0 and on every page whose number is a multiple of the physical page size.
pub const XDES_ARR_OFFSET: usize = 150;

/// MariaDB's full_crc32 marker in the flags; MySQL never sets it (`ZIP_SSIZE` is at most 5).
pub const FSP_FLAGS_FCRC32_MARKER: u32 = 0x10;

/// The tablespace header as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FspHeader {
    /// Space id at 38; must equal the one in the FIL header.
    pub space_id: SpaceId,
    /// Size in pages.
    pub size: u32,
    /// First page never initialised.
    pub free_limit: u32,
    /// Flags.
    pub flags: u32,
}

impl FspHeader {
    /// Reads the header from page 0; `None` where the page is cut before offset 58.
    pub fn parse(page0: &[u8]) -> Option<FspHeader> {
        Some(FspHeader {
            space_id: SpaceId(u32_at(page0, FSP_SPACE_ID)?),
            size: u32_at(page0, FSP_SIZE)?,
            free_limit: u32_at(page0, FSP_FREE_LIMIT)?,
            flags: u32_at(page0, FSP_SPACE_FLAGS)?,
        })
    }
}

/// How the bytes of a tablespace's pages are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Checksum in front, checksum and low LSN word behind. MySQL, and MariaDB unless full_crc32.
    Classic,
    /// `ROW_FORMAT=COMPRESSED`: checksum in front only, no trailer. Every page of the tablespace.
    Zip,
    /// MariaDB 10.4.3+: CRC-32C of the whole page at its end.
    FullCrc32,
}

/// What page 0 says of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encryption {
    /// Not encrypted as far as page 0 tells.
    #[default]
    None,
    /// MySQL: flag bit 13.
    MySql,
    /// MariaDB: crypt metadata with a type other than 0 behind the extent descriptors.
    MariaDb,
}

/// MariaDB full_crc32 compression algorithm (flag bits 5..7), and the numbers in classic page_compressed pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// zlib (raw zlib stream).
    Zlib,
    /// LZ4 block.
    Lz4,
    /// LZO1X.
    Lzo,
    /// LZMA/xz stream.
    Lzma,
    /// bzip2.
    Bzip2,
    /// Snappy raw.
    Snappy,
}

impl Codec {
    /// The codec by MariaDB's number: 1 zlib, 2 lz4, 3 lzo, 4 lzma, 5 bzip2, 6 snappy (`fil0pagecompress.h`).
    pub fn from_mariadb(number: u32) -> Option<Codec> {
        [Codec::Zlib, Codec::Lz4, Codec::Lzo, Codec::Lzma, Codec::Bzip2, Codec::Snappy]
            .get(usize::try_from(number).ok()?.checked_sub(1)?)
            .copied()
    }

    /// The word of `innodb_compression_algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Zlib => "zlib",
            Codec::Lz4 => "lz4",
            Codec::Lzo => "lzo",
            Codec::Lzma => "lzma",
            Codec::Bzip2 => "bzip2",
            Codec::Snappy => "snappy",
        }
    }
}

/// Everything about a tablespace that the judgement of one page needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageFormat {
    /// `innodb_page_size`: width of a doublewrite slot.
    pub logical: PageSize,
    /// Bytes that a page takes in its file: the zip size for compressed tables, else `logical`.
    pub physical: PageSize,
    /// Framing.
    pub layout: Layout,
    /// MariaDB page_compressed: classic flag bit 16, or a full_crc32 codec other than 0.
    pub page_compressed: bool,
    /// full_crc32 only: the codec in the flags.
    pub codec: Option<Codec>,
    /// Encryption according to page 0.
    pub encryption: Encryption,
}

impl PageFormat {
    /// Plain pages of this size in the classic layout: the format of every system tablespace before full_crc32.
    pub fn classic(size: PageSize) -> PageFormat {
        PageFormat {
            logical: size,
            physical: size,
            layout: Layout::Classic,
            page_compressed: false,
            codec: None,
            encryption: Encryption::None,
        }
    }

    /// Plain pages of this size in MariaDB's full_crc32 layout.
    pub fn full_crc32(size: PageSize) -> PageFormat {
        PageFormat { layout: Layout::FullCrc32, ..PageFormat::classic(size) }
    }

    /// `ROW_FORMAT=COMPRESSED` pages of `physical` bytes in an instance of `logical` bytes.
    pub fn zip(logical: PageSize, physical: PageSize) -> PageFormat {
        PageFormat { physical, layout: Layout::Zip, ..PageFormat::classic(logical) }
    }

    /// The format that tablespace flags state, or `None` where no server would accept them.
    /// Sources: `fsp_flags_is_valid` (MySQL 9.7), `fil_space_t::is_valid_flags` (MariaDB 10.11).
    pub fn from_flags(flags: u32) -> Option<PageFormat> {
        if flags & FSP_FLAGS_FCRC32_MARKER != 0 {
            Self::from_full_crc32(flags)
        } else {
            Self::from_classic(flags)
        }
    }

    fn from_full_crc32(flags: u32) -> Option<PageFormat> {
        let size = page_size_code(flags & 0xF)?;
        let codec = flags >> 5;
        if codec > 6 {
            return None;
        }
        Some(PageFormat {
            page_compressed: codec != 0,
            codec: Codec::from_mariadb(codec),
            ..PageFormat::full_crc32(size)
        })
    }

    fn from_classic(flags: u32) -> Option<PageFormat> {
        const PAGE_COMPRESSION: u32 = 1 << 16;
        const ENCRYPTION: u32 = 1 << 13;
        // 0..14 are MySQL's, 16 is MariaDB's; nobody uses 15 or 17 and up on disk.
        if flags & !(0x7FFF | PAGE_COMPRESSION) != 0 {
            return convert_from_101(flags);
        }
        let (post_antelope, zip_code) = (flags & 1, (flags >> 1) & 0xF);
        let atomic_blobs = (flags >> 5) & 1;
        if atomic_blobs > post_antelope || (zip_code != 0 && (atomic_blobs == 0 || zip_code > 5)) {
            return convert_from_101(flags);
        }
        let logical = match (flags >> 6) & 0xF {
            0 => PageSize::DEFAULT,
            code => page_size_code(code)?,
        };
        let mut format = match zip_code {
            0 => PageFormat::classic(logical),
            code => {
                let physical = PageSize::new(512 << code)?;
                if physical > logical {
                    return None;
                }
                PageFormat::zip(logical, physical)
            }
        };
        format.page_compressed = flags & PAGE_COMPRESSION != 0;
        if flags & ENCRYPTION != 0 && !format.page_compressed {
            format.encryption = Encryption::MySql;
        }
        Some(format)
    }
}

/// 3 = 4K ... 7 = 64K: `512 << code`.
fn page_size_code(code: u32) -> Option<PageSize> {
    if (3..=7).contains(&code) { PageSize::logical(512 << code) } else { None }
}

/// The flags that MariaDB 10.1.0 to 10.1.20 wrote (`fsp_flags_convert_from_101`): bit 6 page_compressed, 7..10 its
/// level, 11..12 atomic writes, 13..16 page size code, 17 DATA_DIR.
fn convert_from_101(flags: u32) -> Option<PageFormat> {
    let (compressed, level) = ((flags >> 6) & 1, (flags >> 7) & 0xF);
    let atomic_blobs_alone = flags & 0x21 == 0x20;
    if flags >= 1 << 18
        || atomic_blobs_alone
        || (compressed == 0) != (level == 0)
        || level > 9
        || (flags >> 11) & 3 == 3
    {
        return None;
    }
    let size = match (flags >> 13) & 0xF {
        0 => PageSize::DEFAULT,
        code => page_size_code(code)?,
    };
    let zip_code = (flags >> 1) & 0xF;
    let format = match zip_code {
        0 => PageFormat::classic(size),
        1..=5 if flags & 0x21 == 0x21 => PageFormat::zip(size, PageSize::new(512 << zip_code)?),
        _ => return None,
    };
    (format.physical <= size).then_some(PageFormat { page_compressed: compressed != 0, ..format })
}

/// Size of one extent descriptor: 24 bytes and two bits a page (`fsp0fsp.h`).
pub fn xdes_size(logical: PageSize) -> usize {
    24 + logical.extent_pages() as usize / 4
}

/// First byte behind the extent descriptors of page 0: MySQL keeps its encryption record here, SDI's root follows.
pub fn xdes_array_end(format: &PageFormat) -> usize {
    XDES_ARR_OFFSET
        + xdes_size(format.logical) * (format.physical.bytes() / format.logical.extent_pages() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(flags: u32) -> Option<(Layout, u32, u32)> {
        PageFormat::from_flags(flags).map(|f| (f.layout, f.logical.as_u32(), f.physical.as_u32()))
    }

    #[test]
    fn flags_met_on_real_files() {
        use Layout::*;
        assert_eq!(format(0), Some((Classic, 16384, 16384)));
        assert_eq!(format(0x21), Some((Classic, 16384, 16384)));
        assert_eq!(format(0x4021), Some((Classic, 16384, 16384)));
        assert_eq!(format(0x4800), Some((Classic, 16384, 16384)));
        assert_eq!(format(0x48c0), Some((Classic, 4096, 4096)));
        assert_eq!(format(0x4900), Some((Classic, 8192, 8192)));
        assert_eq!(format(0x49c0), Some((Classic, 65536, 65536)));
        assert_eq!(format(0x29), Some((Zip, 16384, 8192)));
        assert_eq!(format(0x25), Some((Zip, 16384, 2048)));
        assert_eq!(format(0xE1), Some((Classic, 4096, 4096)));
        assert_eq!(format(0x15), Some((FullCrc32, 16384, 16384)));
        assert_eq!(format(0x17), Some((FullCrc32, 65536, 65536)));
        assert!(PageFormat::from_flags(0x10021).unwrap().page_compressed);
        assert_eq!(PageFormat::from_flags(0x35).unwrap().codec, Some(Codec::Zlib));
    }

    #[test]
    fn impossible_flags_are_refused() {
        for flags in [0xFFFF_FFFF, 0x8000_0000, 0x2, 0x20, 0x10, 0x1F, 0x715 | 0x400] {
            assert_eq!(PageFormat::from_flags(flags), None, "{flags:#x}");
        }
    }

    #[test]
    fn the_record_behind_the_descriptors_of_16k_is_at_10390() {
        assert_eq!(xdes_array_end(&PageFormat::classic(PageSize::DEFAULT)), 10390);
    }
}
