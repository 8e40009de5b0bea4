//! Why a page is in the state it is in, by its own bytes.

use std::fmt;

use crate::page::checksum::Fault;
use crate::page::transform::TransformFault;

/// The reason of a [`PageState`](crate::page::PageState).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageReason {
    /// A checksum holds: nothing to say.
    Verifies,
    /// Every byte is zero.
    Zero,
    /// Two versions are mixed.
    Torn {
        /// Low LSN word of the header.
        head: u32,
        /// That of the trailer.
        tail: u32,
    },
    /// No checksum holds.
    Sum(Fault),
    /// MySQL's ciphertext, whose checksum lies inside.
    Ciphertext,
    /// Compressed first and then encrypted: it opens with its key only.
    Locked,
    /// The compressed image gives no page.
    Compression(TransformFault),
    /// The ciphertext gives no page.
    Encryption(TransformFault),
    /// The key of its tablespace does not open it.
    WrongKey,
}

impl fmt::Display for PageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PageReason::Verifies => Ok(()),
            PageReason::Zero => f.write_str("every byte is zero"),
            PageReason::Torn { head, tail } => {
                write!(f, "its head carries the low LSN word {head}, its tail {tail}")
            }
            PageReason::Sum(fault) => fault.fmt(f),
            PageReason::Ciphertext => {
                f.write_str("encrypted by MySQL: its checksum lies inside the ciphertext")
            }
            PageReason::Locked => f.write_str("encrypted: it can be decompressed with its key only"),
            PageReason::Compression(why) => write!(f, "does not decompress: {why}"),
            PageReason::Encryption(why) => write!(f, "does not decrypt: {why}"),
            PageReason::WrongKey => f.write_str("the key of its tablespace does not open it"),
        }
    }
}
