//! The sector map of a damaged home against a copy: which sectors are the copy's, which are not.

use crate::units::SECTOR;

/// How a damaged page lies over its copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tear {
    /// Sectors that equal the copy's.
    pub equal: usize,
    /// All sectors.
    pub sectors: usize,
    /// Byte offset up to which the head of the page equals the copy.
    pub head: usize,
    /// Byte offset from which on the tail of the page equals the copy.
    pub tail: usize,
    /// The sectors that equal the copy's, the first one in the lowest bit.
    map: u128,
}

impl Tear {
    /// Compares two images of one page, sector by sector.
    pub fn between(home: &[u8], copy: &[u8]) -> Tear {
        let same: Vec<bool> = home.chunks(SECTOR).zip(copy.chunks(SECTOR)).map(|(a, b)| a == b).collect();
        let head = same.iter().take_while(|&&s| s).count();
        let tail = same.iter().rev().take_while(|&&s| s).count();
        Tear {
            equal: same.iter().filter(|&&s| s).count(),
            sectors: same.len(),
            head: head * SECTOR,
            tail: (same.len() - tail) * SECTOR,
            map: equal_sectors(home, copy),
        }
    }

    /// One letter for each sector, `B` where it is the copy's; `None` where a line does not hold them.
    pub fn line(&self) -> Option<String> {
        const LINE: usize = 64;
        let letter = |at: usize| if self.map >> at & 1 != 0 { 'B' } else { '.' };
        (self.sectors <= LINE).then(|| (0..self.sectors).map(letter).collect())
    }

    /// A clause for a person: where the copy's bytes end and others begin.
    pub fn describe(&self) -> Option<String> {
        let length = self.sectors * SECTOR;
        if self.equal == 0 || self.equal == self.sectors {
            None
        } else if self.head > 0 && self.equal * SECTOR == self.head {
            Some(format!(
                "its first {} of {length} bytes are those of the copy, the rest is older",
                self.head
            ))
        } else if self.tail < length && self.equal * SECTOR == length - self.tail {
            Some(format!("its bytes from {} on are those of the copy, those before are not", self.tail))
        } else {
            None
        }
    }
}

/// The sectors of two images of a page that are alike, the first one in the lowest bit; a page has at most 128.
pub fn equal_sectors(home: &[u8], copy: &[u8]) -> u128 {
    let alike = home.chunks(SECTOR).zip(copy.chunks(SECTOR)).map(|(a, b)| a == b);
    alike.take(128).enumerate().fold(0, |sectors, (at, alike)| sectors | u128::from(alike) << at)
}

/// One letter for each sector of a damaged home: `B` that of this copy, `A` that of another copy of the page, `=` both
/// alike, `.` neither: another version, or rubbish.
pub fn sector_map(home: &[u8], copy: &[u8], others: &[&[u8]]) -> String {
    let sector = |page: &[u8], at: usize| page.chunks(SECTOR).nth(at).map(<[u8]>::to_vec);
    let letter = |(at, mine): (usize, &[u8])| {
        let is_mine = |page: &[u8]| sector(page, at).as_deref() == Some(mine);
        match (is_mine(copy), others.iter().any(|page| is_mine(page))) {
            (true, true) => '=',
            (true, false) => 'B',
            (false, true) => 'A',
            (false, false) => '.',
        }
    };
    home.chunks(SECTOR).enumerate().map(letter).collect()
}

/// Whether two images of a page have a sector in common that is not one byte repeated. Ciphertext depends on space,
/// page and LSN, so one such sector proves that both are the same write of the same page.
pub fn shares_a_sector(one: &[u8], other: &[u8]) -> bool {
    one.chunks_exact(SECTOR)
        .zip(other.chunks_exact(SECTOR))
        .any(|(a, b)| a == b && a.first().is_some_and(|first| a.iter().any(|byte| byte != first)))
}

/// What a page holds, compared with the two versions that a pass knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectorMatch {
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
pub fn sector_match(current: &[u8], old: &[u8], new: &[u8]) -> SectorMatch {
    if current == new {
        return SectorMatch::New;
    }
    if current == old {
        return SectorMatch::Old;
    }
    let mixed = current.len() == old.len()
        && current.len() == new.len()
        && current
            .chunks(SECTOR)
            .zip(old.chunks(SECTOR).zip(new.chunks(SECTOR)))
            .all(|(sector, (old, new))| sector == old || sector == new);
    if mixed { SectorMatch::Tear } else { SectorMatch::Neither }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_tear_of_a_page_is_described_by_its_boundary() {
        let (old, new) = (vec![1u8; 4096], vec![2u8; 4096]);
        for sectors in 1..8 {
            let mut home = new.clone();
            home[sectors * SECTOR..].copy_from_slice(&old[sectors * SECTOR..]);
            let tear = Tear::between(&home, &new);
            assert_eq!((tear.equal, tear.head, tear.tail), (sectors, sectors * SECTOR, 4096));
            let text = tear.describe().unwrap();
            assert!(text.starts_with(&format!("its first {} of 4096", sectors * SECTOR)), "{text}");
        }
        assert_eq!(Tear::between(&old, &new).describe(), None);
        assert_eq!(Tear::between(&new, &new).describe(), None);
    }

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
                0 => SectorMatch::Old,
                255 => SectorMatch::New,
                _ => SectorMatch::Tear,
            };
            assert_eq!(sector_match(&page, &old, &new), expected, "{mask:08b}");
            page[700] ^= 0x80;
            assert_eq!(sector_match(&page, &old, &new), SectorMatch::Neither, "{mask:08b}");
        }
        assert_eq!(sector_match(&old[..512], &old, &new), SectorMatch::Neither);
    }
}
