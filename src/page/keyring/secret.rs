//! Key material: wiped when dropped, never printed.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes that no message, log or report may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; they are wiped when the secret is dropped.
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(Zeroizing::new(bytes))
    }

    /// From pairs of hexadecimal digits; `None` where anything else is in the text.
    pub fn from_hex(text: &[u8]) -> Option<Secret> {
        if !text.len().is_multiple_of(2) {
            return None;
        }
        // Reserved in full, so that no half-filled buffer is left behind by growing.
        let mut bytes = Vec::with_capacity(text.len() / 2);
        for pair in text.chunks_exact(2) {
            let digits = std::str::from_utf8(pair).ok().filter(|_| pair.iter().all(u8::is_ascii_hexdigit))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        }
        Some(Secret::new(bytes))
    }

    /// The bytes, for a cipher.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_in_both_cases_and_nothing_else() {
        assert_eq!(Secret::from_hex(b"00fFa5").unwrap().expose(), [0, 0xFF, 0xA5]);
        for bad in [&b"0"[..], b"0g", b"+1", b" 1", b"\xC3\xA4"] {
            assert!(Secret::from_hex(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn printing_shows_the_length_only() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(7 bytes)");
    }
}
