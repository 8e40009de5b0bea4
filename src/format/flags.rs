//! The names of tablespace flags, for a person.
//!
//! Sources: `FSP_FLAGS_*` of `fsp0types.h` (MySQL 8.0 to 9.7; MariaDB 10.11, where full_crc32 flags are another set).

use crate::format::fsp::{FSP_FLAGS_FCRC32_MARKER, PageFormat};

/// Bits of one flag each in the flags that are not full_crc32's. 10 to 14 are MySQL's, 16 is MariaDB's.
const NAMES: [(u32, &str); 8] = [
    (1, "POST_ANTELOPE"),
    (1 << 5, "ATOMIC_BLOBS"),
    (1 << 10, "DATA_DIR"),
    (1 << 11, "SHARED"),
    (1 << 12, "TEMPORARY"),
    (1 << 13, "ENCRYPTION"),
    (1 << 14, "SDI"),
    (1 << 16, "PAGE_COMPRESSION"),
];

/// Flags in words: the bits that are set, and the sizes of pages in bytes. `None` where no server would accept them.
pub fn describe(flags: u32) -> Option<String> {
    let format = PageFormat::from_flags(flags)?;
    let mut words: Vec<String> = Vec::new();
    if flags & FSP_FLAGS_FCRC32_MARKER != 0 {
        words.push("full_crc32".to_owned());
        words.extend(format.codec.map(|codec| format!("compressed by {}", codec.name())));
    } else {
        words.extend(NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| (*name).to_owned()));
        if format.physical != format.logical {
            words.push(format!("compressed to {} bytes", format.physical));
        }
    }
    words.push(format!("{}-byte pages", format.logical));
    Some(words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_real_files_in_words() {
        for (flags, words) in [
            (0x4021, "POST_ANTELOPE, ATOMIC_BLOBS, SDI, 16384-byte pages"),
            (0x29, "POST_ANTELOPE, ATOMIC_BLOBS, compressed to 8192 bytes, 16384-byte pages"),
            (0x6021, "POST_ANTELOPE, ATOMIC_BLOBS, ENCRYPTION, SDI, 16384-byte pages"),
            (0x15, "full_crc32, 16384-byte pages"),
            (0x35, "full_crc32, compressed by zlib, 16384-byte pages"),
            (0, "16384-byte pages"),
        ] {
            assert_eq!(describe(flags).as_deref(), Some(words), "{flags:#x}");
        }
        assert_eq!(describe(0xFFFF_FFFF), None);
    }
}
