//! Pages that are not stored as they are in memory: compressed, encrypted, or both.
//!
//! Everything here is a pure function from bytes to bytes. [`decompress`] takes a page off the disk and gives the page
//! that the server has in its buffer pool, with the checksum that the server computed before it compressed; the
//! caller judges that page as any other.

pub mod cipher;
pub mod codec;
pub mod crypt;
pub mod fault;
pub mod mariadb;
pub mod mysql;
pub mod seal;
pub mod space_key;
#[cfg(test)]
mod tests;

use crate::bytes::u16_at;
use crate::format::fil::{FIL_PAGE_TYPE, page_type};
use crate::format::fsp::{Codec, Layout, PageFormat};
use crate::page::frame;
use crate::units::{PageSize, SpaceId};

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
    Damaged(TransformFault),
}

/// Expands a page of a tablespace with this format, whichever server wrote it.
pub fn decompress(page: &[u8], format: &PageFormat) -> Decompressed {
    match (format.layout, format.codec) {
        // A page of a compressed table is never page-compressed as well, whatever its type says.
        (Layout::Zip, _) => Decompressed::NotCompressed,
        (Layout::FullCrc32, Some(codec)) => mariadb::full_crc32(page, format.logical, codec),
        (Layout::FullCrc32, None) => match u16_at(page, FIL_PAGE_TYPE).and_then(frame::full_crc32_size) {
            None => Decompressed::NotCompressed,
            Some(_) => Decompressed::Damaged(TransformFault::NoCompressor),
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

pub use crate::page::transform::crypt::{Decrypted, decrypt, encrypt};
pub use crate::page::transform::fault::TransformFault;
pub use crate::page::transform::space_key::{KeySearch, SpaceKey};

/// What lies under compression and encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revealed {
    /// Neither compressed nor encrypted, as far as the page tells; see [`reveal`] for what it does not tell.
    AsStored,
    /// The page as in the buffer pool.
    Page(Vec<u8>),
    /// Encrypted, and there is no key.
    Locked,
    /// Encrypted, and the key does not open it: another key, or the page is damaged.
    WrongKey,
    /// No page comes out; why, in a few words.
    Damaged(TransformFault),
}

/// Decrypts, then decompresses, as a server does when it reads a page. Without a key an encrypted page of MariaDB's
/// classic layout that is not compressed looks like any other: only page 0 of its tablespace tells
/// ([`crate::format::crypt_info::mariadb_crypt_data`]).
pub fn reveal(page: &[u8], format: &PageFormat, space: SpaceId, key: Option<&SpaceKey>) -> Revealed {
    let clear = match key.map(|key| decrypt(page, format, space, key)) {
        Some(Decrypted::Page(clear)) => Some(clear),
        Some(Decrypted::WrongKey) => return Revealed::WrongKey,
        Some(Decrypted::Damaged(why)) => return Revealed::Damaged(why),
        Some(Decrypted::NotEncrypted) | None => None,
    };
    match decompress(clear.as_deref().unwrap_or(page), format) {
        Decompressed::Page(page) => Revealed::Page(page),
        Decompressed::NotCompressed if clear.is_none() && says_encrypted(page, format) => Revealed::Locked,
        Decompressed::NotCompressed => clear.map_or(Revealed::AsStored, Revealed::Page),
        Decompressed::Encrypted => Revealed::Locked,
        Decompressed::Damaged(why) => Revealed::Damaged(why),
    }
}

/// Whether the page itself says that it is encrypted, without asking page 0.
fn says_encrypted(page: &[u8], format: &PageFormat) -> bool {
    match format.layout {
        Layout::FullCrc32 => frame::is_full_crc32_encrypted(page),
        Layout::Classic | Layout::Zip => u16_at(page, FIL_PAGE_TYPE).is_some_and(frame::is_mysql_ciphertext),
    }
}
