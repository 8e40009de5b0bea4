//! Names for pages, offline: which table and index a page belongs to, and what is written on it.
//!
//! Three sources, by server: SDI records in every tablespace (MySQL 8.0+), SYS_TABLES and SYS_INDEXES in the system
//! tablespace (MySQL up to 5.7, all MariaDB), and the name of the file. [`Names`] gathers whatever there is.
//!
//! Nothing here trusts what it reads: walks are bounded, links that run in circles end, damaged pages hide only what
//! stands on them. Pages come through [`PageSource`], already verified and made readable by whoever provides them.

pub mod btree;
pub mod crypt_info;
pub mod dictionary;
pub mod fields;
pub mod fil;
pub mod fsp;
pub mod index_page;
pub mod record;
pub mod redo_record;
pub mod reduced;
pub mod segment;
#[cfg(test)]
mod tests;
pub mod trx_sys;
pub mod xdes;

pub use crate::format::dictionary::{IndexKind, NameOf, Names};

use crate::units::PageNo;

/// Readable pages of one tablespace: verified, decompressed and decrypted as far as needed.
pub trait PageSource {
    /// The page, or `None` where it is absent, damaged or not readable without a key.
    fn page(&self, page_no: PageNo) -> Option<Vec<u8>>;
}
