//! The words of the judgement: algorithms, findings, faults.

use std::fmt;

/// A checksum algorithm, as the settings of the servers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// CRC-32C (MySQL 5.6.3+, MariaDB 10.0+).
    Crc32,
    /// CRC-32C as MySQL 5.6 and MariaDB 10.0/10.1 computed it on big-endian machines without CRC instructions.
    LegacyBigEndianCrc32,
    /// The fold of every version, the only one before 5.6. Adler-32 from 0 in compressed pages.
    Innodb,
    /// The constant 0xDEADBEEF: no checksum at all.
    None,
    /// MariaDB 10.4.3+: CRC-32C of the whole page, behind it.
    FullCrc32,
    /// MariaDB, encrypted page of the classic layout: crc32 of the ciphertext, at 30.
    PostEncryptionCrc32,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 6] = [
        Algorithm::Crc32,
        Algorithm::LegacyBigEndianCrc32,
        Algorithm::Innodb,
        Algorithm::None,
        Algorithm::FullCrc32,
        Algorithm::PostEncryptionCrc32,
    ];

    /// The servers' name where they have one.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "crc32",
            Algorithm::LegacyBigEndianCrc32 => "crc32-be",
            Algorithm::Innodb => "innodb",
            Algorithm::None => "none",
            Algorithm::FullCrc32 => "full_crc32",
            Algorithm::PostEncryptionCrc32 => "crc32-post-encryption",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the bytes of one page say, from the page alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Examined {
    /// Every byte is zero. In the classic and compressed layouts bytes 26..34 are ignored, as MySQL 5.7+ does.
    Zero,
    /// A server accepts the page.
    Valid {
        /// What it verified with.
        algorithm: Algorithm,
        /// Accepted without a look at the content: the constant of `none`, or fields of versions before 4.0.14.
        weak: bool,
    },
    /// Classic layout only: the low LSN words of header and trailer differ, so two writes are mixed.
    /// Told before any checksum is computed, as in every server.
    Torn {
        /// Word at 20.
        head: u32,
        /// Word at `ps-4`.
        tail: u32,
    },
    /// No server accepts the page.
    Corrupt {
        /// What was stored and what would be right.
        detail: Fault,
    },
}

impl Examined {
    /// A server accepts the page and some content was checked.
    pub fn is_verified(&self) -> bool {
        matches!(self, Examined::Valid { weak: false, .. })
    }

    /// A server accepts the page, even without a check of its content. A zero page is not among these.
    pub fn is_valid(&self) -> bool {
        matches!(self, Examined::Valid { .. })
    }

    /// What the page verified with.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Examined::Valid { algorithm, .. } => Some(*algorithm),
            _ => None,
        }
    }

    pub(super) fn verified(algorithm: Algorithm) -> Examined {
        Examined::Valid { algorithm, weak: false }
    }

    pub(super) fn weak(algorithm: Algorithm) -> Examined {
        Examined::Valid { algorithm, weak: true }
    }
}

/// Why a page is corrupt: stored against computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The slice is not one page.
    Length {
        /// Physical page size, bytes.
        expected: usize,
        /// Bytes there.
        found: usize,
    },
    /// Classic layout: no pair of checksums fits.
    Classic {
        /// Words at 0 and at `ps-8`.
        stored: [u32; 2],
        /// What crc32 would have stored in both.
        crc32: u32,
        /// What innodb would have stored, the second one with the stored word at 0 in place.
        innodb: [u32; 2],
    },
    /// Compressed page: the word at 0 fits no algorithm.
    Zip {
        /// Word at 0.
        stored: u32,
        /// What crc32 would have stored.
        crc32: u32,
        /// What innodb (Adler-32 from 0) would have stored.
        innodb: u32,
    },
    /// full_crc32: the CRC does not fit.
    FullCrc32 {
        /// Word at the end of the page, or of its compressed part.
        stored: u32,
        /// CRC-32C of the bytes before it.
        computed: u32,
    },
    /// full_crc32: the CRC fits, but the low LSN words differ.
    LsnWords {
        /// Word at 20.
        head: u32,
        /// Word at `size-8`.
        tail: u32,
    },
    /// full_crc32: the page type states a compressed size that is 0 or not below the page size.
    CompressedSize {
        /// The stated size, bytes.
        bytes: usize,
    },
    /// MariaDB, encrypted: the checksum of the ciphertext does not fit.
    PostEncryption {
        /// Word at 30.
        stored: u32,
        /// What crc32 of the ciphertext would be.
        crc32: u32,
        /// What innodb of the ciphertext would be (10.1.0 to 10.1.24 could store it).
        innodb: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::Length { expected, found } => {
                write!(f, "{found} bytes where a page has {expected}")
            }
            Fault::Classic { stored: [head, tail], crc32, innodb: [new, old] } => write!(
                f,
                "stored checksums {head:#010x} and {tail:#010x} fit no algorithm \
                 (crc32 {crc32:#010x}, innodb {new:#010x} and {old:#010x})"
            ),
            Fault::Zip { stored, crc32, innodb } | Fault::PostEncryption { stored, crc32, innodb } => write!(
                f,
                "stored checksum {stored:#010x} fits no algorithm (crc32 {crc32:#010x}, innodb {innodb:#010x})"
            ),
            Fault::FullCrc32 { stored, computed } => {
                write!(f, "stored full_crc32 {stored:#010x}, computed {computed:#010x}")
            }
            Fault::LsnWords { head, tail } => {
                write!(f, "full_crc32 fits, but low LSN word {head:#010x} ends as {tail:#010x}")
            }
            Fault::CompressedSize { bytes } => {
                write!(f, "compressed size of {bytes} bytes is impossible")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_contract() {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|a| a.name()).collect();
        assert_eq!(names, ["crc32", "crc32-be", "innodb", "none", "full_crc32", "crc32-post-encryption"]);
    }

    #[test]
    fn a_fault_shows_stored_and_computed() {
        let fault = Fault::FullCrc32 { stored: 1, computed: 0xDEAD_BEEF };
        assert_eq!(fault.to_string(), "stored full_crc32 0x00000001, computed 0xdeadbeef");
    }
}
