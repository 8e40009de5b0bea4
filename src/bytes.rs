//! Big-endian integers at an offset of a hostile byte slice, read and written: `None` where the slice ends first.

use byteorder::{BigEndian, ByteOrder};

/// `len` bytes at `at`, if they are all there.
pub fn slice_at(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(len)?)
}

/// One byte, `mach_read_from_1`.
pub fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// Two bytes, `mach_read_from_2`.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    slice_at(bytes, at, 2).map(BigEndian::read_u16)
}

/// Four bytes, `mach_read_from_4`.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    slice_at(bytes, at, 4).map(BigEndian::read_u32)
}

/// Six bytes, `mach_read_from_6` (transaction ids).
pub fn u48_at(bytes: &[u8], at: usize) -> Option<u64> {
    slice_at(bytes, at, 6).map(BigEndian::read_u48)
}

/// Eight bytes, `mach_read_from_8`.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    slice_at(bytes, at, 8).map(BigEndian::read_u64)
}

/// Writes bytes; where they end, or `None` with nothing written where they do not fit.
pub fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<usize> {
    let end = at.checked_add(value.len())?;
    bytes.get_mut(at..end)?.copy_from_slice(value);
    Some(end)
}

/// Two bytes, `mach_write_to_2`; `None` also where the number takes more.
pub fn put_u16(bytes: &mut [u8], at: usize, value: impl TryInto<u16>) -> Option<()> {
    BigEndian::write_u16(bytes.get_mut(at..at.checked_add(2)?)?, value.try_into().ok()?);
    Some(())
}

/// Four bytes, `mach_write_to_4`.
pub fn put_u32(bytes: &mut [u8], at: usize, value: u32) -> Option<()> {
    BigEndian::write_u32(bytes.get_mut(at..at.checked_add(4)?)?, value);
    Some(())
}

/// Eight bytes, `mach_write_to_8`.
pub fn put_u64(bytes: &mut [u8], at: usize, value: u64) -> Option<()> {
    BigEndian::write_u64(bytes.get_mut(at..at.checked_add(8)?)?, value);
    Some(())
}

/// The four bytes that end `before_end` bytes before the end of the slice minus four: a trailer field.
/// `u32_from_end(page, 8)` reads `page[len-8..len-4]`.
pub fn u32_from_end(bytes: &[u8], before_end: usize) -> Option<u32> {
    u32_at(bytes, bytes.len().checked_sub(before_end)?)
}

/// Whether every byte is zero, eight at a time.
pub fn is_zero(bytes: &[u8]) -> bool {
    let mut words = bytes.chunks_exact(8);
    words.by_ref().all(|w| w == [0; 8]) && words.remainder().iter().all(|&b| b == 0)
}

/// CRC-32C (Castagnoli, reflected, all ones before and after), at memory speed.
///
/// The one place that knows which crate computes it. Also seals redo headers and reduced doublewrite pages.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_slices_give_none_and_never_panic() {
        let bytes = [1, 2, 3];
        assert_eq!(u16_at(&bytes, 1), Some(0x0203));
        assert_eq!(u16_at(&bytes, 2), None);
        assert_eq!(u32_at(&bytes, usize::MAX), None);
        assert_eq!(u32_from_end(&bytes, 4), None);
        assert_eq!(slice_at(&bytes, 3, 0), Some(&[][..]));
    }

    #[test]
    fn zero_is_judged_to_the_last_byte() {
        let mut bytes = vec![0u8; 21];
        assert!(is_zero(&bytes));
        bytes[20] = 1;
        assert!(!is_zero(&bytes));
    }
}
