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
        }
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
            Some(format!("{} of its {} sectors are those of the copy", self.equal, self.sectors))
        }
    }
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
}
