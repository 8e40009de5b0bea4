//! What was seen of a damaged page, beside the kind of its damage.

use std::fmt;

use crate::page::checksum::bitflip::Bit;
use crate::page::checksum::{Algorithm, Fault};
use crate::page::sectors::Tear;

/// The evidence of a [`Diagnosis`](crate::page::diagnose::Diagnosis); offsets and lengths in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symptom {
    /// Every byte is 0xFF.
    Ones,
    /// No checksum fits.
    Sum(Fault),
    /// No checksum fits, and the LSN words differ by more than two versions of one page do.
    SumAndLsn {
        /// Low LSN word of the header.
        head: u32,
        /// That of the trailer.
        tail: u32,
    },
    /// What is under its compression or encryption does not verify.
    Content,
    /// The low LSN words of head and tail differ as those of two versions do.
    TwoVersions {
        /// Low LSN word of the header.
        head: u32,
        /// That of the trailer.
        tail: u32,
    },
    /// Only the LSN word of the trailer is wrong.
    TrailerLsn {
        /// As stored.
        stored: u32,
        /// As the header has it.
        right: u32,
    },
    /// The content verifies; the trailer is that of another version.
    OtherTrailer,
    /// The content is whole; one stored checksum is not.
    Word {
        /// Whether it is the one at offset 0.
        in_front: bool,
        /// As stored.
        stored: u32,
        /// As computed.
        computed: u32,
        /// By which rule.
        algorithm: Algorithm,
    },
    /// Bits of which one is wrong, at least one.
    Bits(Vec<Bit>),
    /// Its checksum is right by a rule of another layout, named.
    OtherRule(&'static str),
    /// Its checksum is the CRC-32 of zip and Ethernet.
    Ieee,
    /// Some sectors are those of its copy.
    Sectors(Tear),
    /// Zero up to here, written from here on.
    ZeroBefore(usize),
    /// Written up to here, zero from here on.
    ZeroFrom(usize),
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Symptom::Ones => f.write_str("every byte is 0xFF"),
            Symptom::Sum(fault) => fault.fmt(f),
            Symptom::SumAndLsn { head, tail } => write!(
                f,
                "no checksum fits, and head and tail name different LSNs: low words {head} and {tail}"
            ),
            Symptom::Content => f.write_str("its compressed or encrypted content is damaged"),
            Symptom::TwoVersions { head, tail } => write!(
                f,
                "its head carries the low LSN word {head}, its tail {tail}: two versions are mixed"
            ),
            Symptom::TrailerLsn { stored, right } => {
                write!(f, "only the LSN word in its trailer is wrong: {stored}, not {right}")
            }
            Symptom::OtherTrailer => {
                f.write_str("its content verifies, but its trailer is that of another version")
            }
            Symptom::Word { in_front, stored, computed, algorithm } => {
                let place = if *in_front { "in front" } else { "in its trailer" };
                write!(
                    f,
                    "only the checksum {place} is wrong: {stored:#010x}, not {computed:#010x} ({algorithm})"
                )
            }
            Symptom::Bits(bits) => write_bits(f, bits),
            Symptom::OtherRule(rule) => write!(
                f,
                "its checksum is right by the rule of {rule}, which does not apply to this file"
            ),
            Symptom::Ieee => f.write_str(
                "its checksum is the CRC-32 (IEEE) of its content where CRC-32C belongs: another tool stamped it",
            ),
            Symptom::Sectors(tear) => write_tear(f, tear),
            Symptom::ZeroBefore(begin) => {
                write!(f, "its first {begin} bytes are zero, the rest is written")
            }
            Symptom::ZeroFrom(end) => {
                write!(f, "its bytes from {end} on are zero, those before are written")
            }
        }
    }
}

/// Where the tear is; where it is no clean one, how much is the copy's. Then whose each sector is.
fn write_tear(f: &mut fmt::Formatter<'_>, tear: &Tear) -> fmt::Result {
    match (tear.describe(), tear.line()) {
        (Some(edge), Some(line)) => write!(f, "{edge}: {line}"),
        (None, Some(line)) => write!(f, "its sectors of 512 bytes, B as in the copy: {line}"),
        (Some(edge), None) => f.write_str(&edge),
        (None, None) => write!(f, "{} of its {} sectors are those of the copy", tear.equal, tear.sectors),
    }
}

fn write_bits(f: &mut fmt::Formatter<'_>, bits: &[Bit]) -> fmt::Result {
    let names: Vec<String> = bits.iter().map(|bit| format!("bit {} of byte {}", bit.bit, bit.byte)).collect();
    match names.as_slice() {
        [name] => write!(f, "{name} is wrong: turned over, the checksum fits"),
        several => {
            write!(f, "one bit is wrong: {}; the checksum cannot tell which", several.join(" or "))
        }
    }
}
