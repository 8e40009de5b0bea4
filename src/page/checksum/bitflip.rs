//! The single bit that would mend a CRC-32C, found by its linearity.
//!
//! CRC is affine: flipping one bit changes the sum by a word that depends on the distance of the bit from the end of
//! the summed range, and on nothing else. The word of the last bit is the polynomial; each bit before it is one more
//! step of the register. So walking the register back from the end meets the difference of stored and computed sum
//! exactly where the flipped bit lies: one step a bit, whatever the content, no sum computed again.

use std::ops::Range;
use std::sync::OnceLock;

/// Castagnoli, reflected.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// Bits of the largest page.
const MAX_BITS: usize = 65536 * 8;

/// The effect on the sum of each bit, counted from the end of the range, sorted by effect. Made once.
fn syndromes() -> &'static [(u32, u32)] {
    static TABLE: OnceLock<Vec<(u32, u32)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let step = |word: &u32| Some((word >> 1) ^ (POLYNOMIAL & (word & 1).wrapping_neg()));
        let words = std::iter::successors(Some(POLYNOMIAL), step);
        let mut table: Vec<(u32, u32)> = words.take(MAX_BITS).zip(0..).collect();
        table.sort_unstable();
        table
    })
}

/// One bit of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bit {
    /// Byte offset in the page.
    pub byte: usize,
    /// 0 is the lowest bit of the byte.
    pub bit: u8,
}

impl Bit {
    /// Turns the bit over; a bit beyond the page changes nothing.
    pub fn flip(self, page: &mut [u8]) {
        if let Some(byte) = page.get_mut(self.byte) {
            *byte ^= 1 << self.bit;
        }
    }
}

/// The bits of a page of which each, flipped alone, would make the sum fit. `ranges` are summed each by itself and
/// xored, as in every InnoDB formula; `difference` is stored sum xor computed sum.
///
/// At most one for each range: the generator has a period far beyond the longest page.
pub fn candidates(difference: u32, ranges: &[Range<usize>]) -> Vec<Bit> {
    let table = syndromes();
    let Ok(found) = table.binary_search_by_key(&difference, |&(word, _)| word) else { return Vec::new() };
    let Some(&(_, from_end)) = table.get(found) else { return Vec::new() };
    let bytes_from_end = from_end as usize / 8;
    // The last bit fed is the highest of the last byte.
    let bit = 7 - (from_end % 8) as u8;
    let of = |range: &Range<usize>| {
        let byte = range.end.checked_sub(1)?.checked_sub(bytes_from_end)?;
        (byte >= range.start).then_some(Bit { byte, bit })
    };
    ranges.iter().filter_map(of).collect()
}

/// The one bit in which two words differ, counted from 0 for the lowest.
pub fn single_bit(a: u32, b: u32) -> Option<u32> {
    let difference = a ^ b;
    difference.is_power_of_two().then(|| difference.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::checksum::crc32c;

    /// Every bit of a small page, against the sum computed anew: the slow twin.
    #[test]
    fn every_bit_is_found_where_it_was_flipped() {
        let page: Vec<u8> = (0..1024_usize).map(|i| ((i * 7) >> 2) as u8).collect();
        let ranges = [4..26, 38..1016];
        let sum = |page: &[u8]| crc32c(&page[4..26]) ^ crc32c(&page[38..1016]);
        let stored = sum(&page);
        for byte in (4..26).chain(38..1016) {
            for bit in 0..8 {
                let mut damaged = page.clone();
                Bit { byte, bit }.flip(&mut damaged);
                let found = candidates(stored ^ sum(&damaged), &ranges);
                assert!(found.contains(&Bit { byte, bit }), "{byte}.{bit}: {found:?}");
                assert!(found.len() <= 2);
                for candidate in found {
                    let mut mended = damaged.clone();
                    candidate.flip(&mut mended);
                    assert_eq!(sum(&mended), stored);
                }
            }
        }
    }

    #[test]
    fn two_flipped_bits_are_not_one() {
        let page = vec![0x5A; 16384];
        let mut damaged = page.clone();
        damaged[100] ^= 1;
        damaged[9000] ^= 0x80;
        let difference = crc32c(&page) ^ crc32c(&damaged);
        assert_eq!(candidates(difference, std::slice::from_ref(&(0..16384))), []);
        assert_eq!(candidates(0, std::slice::from_ref(&(0..16384))), []);
    }

    #[test]
    fn the_largest_page_has_as_many_effects_as_bits() {
        let table = syndromes();
        assert_eq!(table.len(), MAX_BITS);
        assert!(table.windows(2).all(|pair| pair[0].0 != pair[1].0), "no two bits look alike");
    }

    #[test]
    fn words_that_differ_in_one_bit() {
        assert_eq!(single_bit(0b100, 0), Some(2));
        assert_eq!(single_bit(0b110, 0), None);
        assert_eq!(single_bit(5, 5), None);
    }
}
