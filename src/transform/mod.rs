//! Pages that are not stored as they are in memory: compressed, encrypted, or both.
//!
//! Everything here is a pure function from bytes to bytes. [`decompress`] takes a page off the disk and gives the page
//! that the server has in its buffer pool, with the checksum that the server computed before it compressed; the
//! caller judges that page as any other.

pub mod codec;
pub mod crypt_info;
pub mod mariadb;
pub mod mysql;

use crate::bytes::u16_at;
use crate::fil::{FIL_PAGE_TYPE, page_type};
use crate::fsp::{Codec, Layout, PageFormat};
use crate::units::PageSize;

/// What decompression found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decompressed {
    /// The page as in the buffer pool, of the logical page size.
    Page(Vec<u8>),
    /// The page is stored as it is.
    NotCompressed,
    /// Compressed, then encrypted: decrypt first.
    Encrypted,
    /// It says compressed, but no page comes out; why, in a few words.
    Damaged(String),
}

/// Expands a page of a tablespace with this format, whichever server wrote it.
pub fn decompress(page: &[u8], format: &PageFormat) -> Decompressed {
    match (format.layout, format.codec) {
        // A page of a compressed table is never page-compressed as well, whatever its type says.
        (Layout::Zip, _) => Decompressed::NotCompressed,
        (Layout::FullCrc32, Some(codec)) => mariadb::full_crc32(page, format.logical, codec),
        (Layout::FullCrc32, None) => match mariadb::full_crc32_size(page) {
            None => Decompressed::NotCompressed,
            Some(_) => {
                Decompressed::Damaged("compressed, but the tablespace flags name no compressor".to_owned())
            }
        },
        (Layout::Classic, _) => match u16_at(page, FIL_PAGE_TYPE) {
            Some(page_type::COMPRESSED | page_type::COMPRESSED_AND_ENCRYPTED) => {
                mysql::transparent(page, format.logical)
            }
            _ => mariadb::classic(page, format.logical),
        },
    }
}

/// Expands a full_crc32 page whose tablespace is not known, as in a doublewrite slot: the compressor stands in the
/// tablespace flags only. Try each of [`candidates`]; the space id at 34 of what comes out names the owner.
pub fn decompress_with(page: &[u8], logical: PageSize, codec: Codec) -> Decompressed {
    mariadb::full_crc32(page, logical, codec)
}

/// Every compressor, the likeliest first; at most one of them fits, since the result must fill the page exactly and
/// repeat page number and LSN of the header.
pub fn candidates() -> [Codec; 6] {
    [Codec::Zlib, Codec::Lz4, Codec::Snappy, Codec::Lzo, Codec::Lzma, Codec::Bzip2]
}

pub use crypt_info::{CryptData, EncryptionInfo, mariadb_crypt_data, mysql_encryption_info};

#[cfg(test)]
mod tests;
