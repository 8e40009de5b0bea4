//! The two check words of log and checkpoint blocks: CRC-32C since MySQL 5.7.9 and MariaDB 10.2, a fold before.

pub(super) use crate::checksum::crc32c;

/// `UT_HASH_RANDOM_MASK` (`ut0rnd.h`, MySQL 5.6).
const HASH_RANDOM_MASK: u32 = 1_463_735_687;
/// `UT_HASH_RANDOM_MASK2` (`ut0rnd.h`, MySQL 5.6).
const HASH_RANDOM_MASK2: u32 = 1_653_893_711;

/// `ut_fold_binary`, low 32 bits: the sum of checkpoint blocks before MySQL 5.7.9 and MariaDB 10.2.
pub(super) fn fold(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |f, &b| {
        let b = u32::from(b);
        let mixed = (f ^ b ^ HASH_RANDOM_MASK2).wrapping_shl(8).wrapping_add(f);
        (mixed ^ HASH_RANDOM_MASK).wrapping_add(b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(fold(&[0]), 0xC354_9A87);
        assert_eq!(fold(b"abc"), 0x7666_C7B9);
        assert_eq!(fold(b"123456789"), 0xBFC5_157C);
        assert_eq!(fold(b""), 0);
    }
}
