//! Whether a page that was being written holds the old bytes, the new ones, or sectors of both.

use crate::units::SECTOR;

/// What a page holds, compared with the two versions that a pass knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The bytes from before the write.
    Old,
    /// The bytes that were to be written.
    New,
    /// Each sector of 512 bytes is the old or the new one: the write was cut.
    Tear,
    /// Something else: somebody has written the page since.
    Neither,
}

/// Compares a page sector by sector. Where old and new are the same, that counts as new.
pub fn holds(current: &[u8], old: &[u8], new: &[u8]) -> Holds {
    if current == new {
        return Holds::New;
    }
    if current == old {
        return Holds::Old;
    }
    let mixed = current.len() == old.len()
        && current.len() == new.len()
        && current
            .chunks(SECTOR)
            .zip(old.chunks(SECTOR).zip(new.chunks(SECTOR)))
            .all(|(sector, (old, new))| sector == old || sector == new);
    if mixed { Holds::Tear } else { Holds::Neither }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole page of 8 sectors has 256 mixtures; two are no tears.
    #[test]
    fn every_mixture_of_sectors_is_a_tear_and_nothing_else_is() {
        let (old, new) = (vec![1; 4096], vec![2; 4096]);
        for mask in 0..=255u32 {
            let mut page = old.clone();
            for sector in (0..8).filter(|bit| mask >> bit & 1 == 1) {
                page[sector * 512..][..512].copy_from_slice(&new[..512]);
            }
            let expected = match mask {
                0 => Holds::Old,
                255 => Holds::New,
                _ => Holds::Tear,
            };
            assert_eq!(holds(&page, &old, &new), expected, "{mask:08b}");
            page[700] ^= 0x80;
            assert_eq!(holds(&page, &old, &new), Holds::Neither, "{mask:08b}");
        }
        assert_eq!(holds(&old[..512], &old, &new), Holds::Neither);
    }
}
