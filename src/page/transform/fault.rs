//! Why a page does not come out of its compression or encryption.

use std::fmt::{self, Display, Formatter};

use crate::format::fsp::Codec;
use crate::units::PageSize;

/// What is impossible in a compressed or encrypted page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransformFault {
    /// The compressor's own words.
    Stream(Codec, String),
    /// The stream has no end.
    NoEnd(Codec),
    /// The stream holds so many bytes, and should hold so many.
    Holds(Codec, usize, usize),
    /// A compressor that MariaDB does not have.
    NoSuchAlgorithm(u64),
    /// The first word of a page_compressed page is another.
    NotDeadBeef,
    /// A payload of so many bytes does not fit into the page.
    PayloadLength(usize, PageSize),
    /// The page ends inside of its payload of so many bytes.
    CutInPayload(usize),
    /// A compressed size that no page of this size has.
    CompressedSize(usize, PageSize),
    /// A compressed size that is all header.
    NoRoom(usize),
    /// The header is not that of the page inside.
    OtherHeader,
    /// The flags of the tablespace name no compressor.
    NoCompressor,
    /// MySQL: a version of the control block that does not exist.
    ControlVersion(u8),
    /// MySQL: a compressor that does not exist.
    NoSuchMySqlAlgorithm(u8),
    /// MySQL: the original size, that of a page, and the page size.
    OriginalSize(usize, usize, PageSize),
    /// The page ends inside of its header.
    CutInHeader,
    /// The range of the ciphertext lies outside of the page.
    CipherRange(usize, usize),
    /// The length of the ciphertext is none.
    CipherLength,
}

impl Display for TransformFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TransformFault::Stream(codec, why) => write!(f, "{}: {why}", codec.name()),
            TransformFault::NoEnd(codec) => write!(f, "{}: the stream does not end", codec.name()),
            TransformFault::Holds(codec, written, len) => {
                write!(f, "{}: the stream holds {written} bytes, the page {len}", codec.name())
            }
            TransformFault::NoSuchAlgorithm(number) => {
                write!(f, "page_compressed algorithm {number} does not exist")
            }
            TransformFault::NotDeadBeef => f.write_str("a page_compressed page must begin with 0xDEADBEEF"),
            TransformFault::PayloadLength(len, logical) => {
                write!(f, "page_compressed payload length {len} is impossible in a page of {logical} bytes")
            }
            TransformFault::CutInPayload(len) => {
                write!(f, "the page is cut inside its payload of {len} bytes")
            }
            TransformFault::CompressedSize(size, logical) => {
                write!(f, "compressed size {size} is impossible in a page of {logical} bytes")
            }
            TransformFault::NoRoom(size) => write!(f, "compressed size {size} leaves no room for a payload"),
            TransformFault::OtherHeader => {
                f.write_str("page number or LSN in the header differ from those inside")
            }
            TransformFault::NoCompressor => {
                f.write_str("compressed, but the tablespace flags name no compressor")
            }
            TransformFault::ControlVersion(version) => {
                write!(f, "compression control version {version} does not exist")
            }
            TransformFault::NoSuchMySqlAlgorithm(number) => {
                write!(f, "compression algorithm {number} does not exist")
            }
            TransformFault::OriginalSize(stated, whole, logical) => {
                write!(f, "original size is {stated}, a page of {logical} bytes has {whole}")
            }
            TransformFault::CutInHeader => f.write_str("the page is cut inside its header"),
            TransformFault::CipherRange(from, to) => {
                write!(f, "encrypted bytes {from} to {to} are impossible in this page")
            }
            TransformFault::CipherLength => f.write_str("the encrypted length is impossible"),
        }
    }
}
