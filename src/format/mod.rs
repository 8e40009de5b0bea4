//! What is written on a page: offsets, headers, records, dictionaries. It parses; it never judges and never opens a file.
//!
//! Names of pages have three sources, by server: SDI records in every tablespace (MySQL 8.0+), SYS_TABLES and
//! SYS_INDEXES in the system tablespace (MySQL up to 5.7, all MariaDB), and the name of the file. [`Names`] gathers
//! whatever there is.
//!
//! Nothing here trusts what it reads: walks are bounded, links that run in circles end, damaged pages hide only what
//! stands on them. Pages come through [`PageSource`], already verified and made readable by whoever provides them.

pub mod btree;
pub mod crypt_info;
pub mod dictionary;
pub mod fields;
pub mod fil;
pub mod flags;
pub mod fsp;
pub mod index_header;
pub mod index_page;
pub mod key;
pub mod record;
pub mod redo_record;
pub mod reduced;
pub mod segment;
#[cfg(test)]
mod tests;
pub mod trx_sys;
pub mod xdes;

pub use crate::format::dictionary::Names;
pub use crate::format::dictionary::index_kind::IndexKind;

use crate::units::PageNo;

/// Readable pages of one tablespace: verified, decompressed and decrypted as far as needed.
pub trait PageSource {
    /// The page, or `None` where it is absent, damaged or not readable without a key.
    fn page(&self, page_no: PageNo) -> Option<Vec<u8>>;
}
