//! What page 0 says of a tablespace's encryption. Both records are in the clear; the keys in them are not.
//!
//! MariaDB, 38 bytes behind the end of the extent descriptors: 10428 in a 16 KiB page. The server adds the size of the
//! FIL header twice (`fil_space_crypt_t::write_page0`, `fsp_header_get_encryption_offset`, MariaDB 10.5 and 11.8):
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 6 | `CRYPT_MAGIC` | 73 0E 0C 52 45 74 |
//! | 6 | 1 | `MAGIC_SZ + 0` | scheme: 0 not encrypted, 1 encrypted |
//! | 7 | 1 | `MAGIC_SZ + 1` | length of the IV, 16 |
//! | 8 | 16 | `iv` | from which the tablespace key is made |
//! | 24 | 4 | `min_key_version` | lowest key version among the pages |
//! | 28 | 4 | `key_id` | `ENCRYPTION_KEY_ID` of the table |
//! | 32 | 1 | `encryption` | 0 default, 1 `ENCRYPTED=YES`, 2 `ENCRYPTED=NO` |
//!
//! MySQL, at the end of the extent descriptors: 10390 in a 16 KiB page (`Encryption::fill_encryption_info`, MySQL 9.7):
//!
//! | offset | size | InnoDB's name | meaning |
//! |---:|---:|---|---|
//! | 0 | 3 | `KEY_MAGIC_V1`, `V2`, `V3` | `lCA` 5.7.11, `lCB` 5.7.12, `lCC` 8.0.5 and later |
//! | 3 | 4 | `master_key_id` | number of the master key; before `lCC` four zero bytes may follow |
//! | 7 | 36 | `s_uuid` | server UUID in ASCII, not with `lCA` |
//! | 43 | 64 | `key_info` | key 32, IV 32, both encrypted with the master key |
//! | 107 | 4 | | CRC-32C of the 64 bytes before encryption |

use crate::bytes::{slice_at, u8_at, u32_at};
use crate::format::fil::FIL_PAGE_DATA;
use crate::format::fsp::{PageFormat, xdes_array_end};

/// First bytes of MariaDB's record (`CRYPT_MAGIC`, `fil0crypt.cc`).
const CRYPT_MAGIC: [u8; 6] = [0x73, 0x0E, 0x0C, 0x52, 0x45, 0x74];
const SCHEME: usize = 6;
const IV_LENGTH: usize = 7;
const IV: usize = 8;
const MIN_KEY_VERSION: usize = 24;
const KEY_ID: usize = 28;
const MODE: usize = 32;
/// Size of MariaDB's record.
pub const CRYPT_DATA_SIZE: usize = 33;

const _: () = assert!(IV + 16 == MIN_KEY_VERSION && KEY_ID + 4 == MODE && MODE + 1 == CRYPT_DATA_SIZE);

/// MySQL's master key id.
const MASTER_KEY_ID: usize = 3;
/// Length of a server UUID in ASCII.
const SERVER_UUID_LEN: usize = 36;
/// Key and IV.
const KEY_INFO_LEN: usize = 64;

/// MariaDB's encryption metadata, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CryptData {
    /// 0 where metadata is there but no page is encrypted, 1 for the only scheme that exists.
    pub scheme: u8,
    /// Encrypted with the server's key it gives the tablespace key. Not a secret.
    pub iv: [u8; 16],
    /// Lowest key version among the pages.
    pub min_key_version: u32,
    /// Which of the server's keys.
    pub key_id: u32,
    /// 0 as `innodb_encrypt_tables` says, 1 always, 2 never.
    pub mode: u8,
}

impl CryptData {
    /// Whether pages may be encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.scheme == 1 && self.mode != 2
    }
}

/// MariaDB's record on page 0; `None` where there is none or no server would take it for one.
pub fn mariadb_crypt_data(page0: &[u8], format: &PageFormat) -> Option<CryptData> {
    let record = slice_at(page0, xdes_array_end(format).checked_add(FIL_PAGE_DATA)?, CRYPT_DATA_SIZE)?;
    let scheme = u8_at(record, SCHEME)?;
    let well_formed = record.starts_with(&CRYPT_MAGIC) && scheme <= 1 && u8_at(record, IV_LENGTH)? == 16;
    well_formed.then_some(CryptData {
        scheme,
        iv: slice_at(record, IV, 16)?.try_into().ok()?,
        min_key_version: u32_at(record, MIN_KEY_VERSION)?,
        key_id: u32_at(record, KEY_ID)?,
        mode: u8_at(record, MODE)?,
    })
}

/// MySQL's encryption record, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionInfo {
    /// 1, 2 or 3, from the last letter of the magic.
    pub version: u8,
    /// Number of the master key; 0 for the fixed key of an installation that was never rotated away from it.
    pub master_key_id: u32,
    /// UUID of the server that wrapped the key; `None` in version 1.
    pub server_uuid: Option<String>,
    /// Key and IV as encrypted with the master key.
    pub key_info: [u8; KEY_INFO_LEN],
    /// CRC-32C of key and IV before encryption.
    pub checksum: u32,
}

/// MySQL's record on page 0; `None` where there is none.
pub fn mysql_encryption_info(page0: &[u8], format: &PageFormat) -> Option<EncryptionInfo> {
    let record = page0.get(xdes_array_end(format)..)?;
    let version = match record.get(..MASTER_KEY_ID)? {
        b"lCA" => 1,
        b"lCB" => 2,
        b"lCC" => 3,
        _ => return None,
    };
    let mut at = MASTER_KEY_ID + 4;
    // 5.7 on some platforms wrote the number as eight bytes, little end in front.
    if version < 3 && u32_at(record, at)? == 0 {
        at += 4;
    }
    let server_uuid = match version {
        1 => None,
        _ => {
            let uuid = std::str::from_utf8(slice_at(record, at, SERVER_UUID_LEN)?).ok()?;
            at += SERVER_UUID_LEN;
            Some(uuid.to_owned())
        }
    };
    Some(EncryptionInfo {
        version,
        master_key_id: u32_at(record, MASTER_KEY_ID)?,
        server_uuid,
        key_info: slice_at(record, at, KEY_INFO_LEN)?.try_into().ok()?,
        checksum: u32_at(record, at + KEY_INFO_LEN)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PageSize;

    fn size(bytes: u32) -> PageSize {
        PageSize::new(bytes).unwrap()
    }

    /// The 33 bytes of `d/t1.ibd` of a real 10.11.18 with `innodb_encrypt_tables=ON`.
    const REAL: [u8; 33] = [
        0x73, 0x0e, 0x0c, 0x52, 0x45, 0x74, 0x01, 0x10, 0x3d, 0x9d, 0xc1, 0xac, 0x5c, 0x62, 0x31, 0xf9, 0x70,
        0x8a, 0xdd, 0x0f, 0x2f, 0xcd, 0x72, 0x57, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00,
    ];

    fn page0(at: usize) -> Vec<u8> {
        let mut page = vec![0; 65536];
        page[at..at + REAL.len()].copy_from_slice(&REAL);
        page
    }

    #[test]
    fn mariadb_record_where_real_files_have_it() {
        let formats = [
            (PageFormat::classic(size(4096)), 1596),
            (PageFormat::classic(size(8192)), 3772),
            (PageFormat::full_crc32(size(16384)), 10428),
            (PageFormat::classic(size(32768)), 20668),
            (PageFormat::full_crc32(size(65536)), 41148),
            (PageFormat::zip(size(16384), size(8192)), 5308),
        ];
        for (format, at) in formats {
            let data = mariadb_crypt_data(&page0(at), &format).unwrap();
            assert!(data.is_encrypted());
            assert_eq!((data.scheme, data.min_key_version, data.key_id, data.mode), (1, 1, 1, 0));
            assert_eq!(data.iv[..3], [0x3d, 0x9d, 0xc1]);
            assert_eq!(mariadb_crypt_data(&page0(at - 38), &format), None, "MySQL's place");
            assert_eq!(mariadb_crypt_data(&page0(at)[..at + 32], &format), None, "cut");
        }
    }

    #[test]
    fn metadata_without_encryption_and_metadata_of_nobody() {
        let format = PageFormat::full_crc32(size(16384));
        let changed = |at: usize, byte: u8| {
            let mut page = page0(10428);
            page[10428 + at] = byte;
            mariadb_crypt_data(&page, &format)
        };
        assert!(!changed(SCHEME, 0).unwrap().is_encrypted());
        assert!(!changed(MODE, 2).unwrap().is_encrypted());
        assert!(changed(MODE, 1).unwrap().is_encrypted());
        for (at, byte) in [(0, 0x72), (SCHEME, 2), (IV_LENGTH, 15)] {
            assert_eq!(changed(at, byte), None, "{at}");
        }
    }

    fn mysql_page(record: &[u8]) -> Vec<u8> {
        let mut page = vec![0; 16384];
        page[10390..10390 + record.len()].copy_from_slice(record);
        page
    }

    #[test]
    fn mysql_records_of_all_three_versions() {
        let uuid = "555a4c95-e58c-11f1-b26d-02fc00000001";
        let tail = [&[7u8; 64][..], &[1, 2, 3, 4]].concat();
        let id = [0, 0, 0, 9];
        let records: [(Vec<u8>, u8, bool); 5] = [
            ([b"lCC", &id[..], uuid.as_bytes(), &tail].concat(), 3, true),
            ([b"lCB", &id[..], uuid.as_bytes(), &tail].concat(), 2, true),
            ([b"lCB", &id[..], &[0; 4], uuid.as_bytes(), &tail].concat(), 2, true),
            ([b"lCA", &id[..], &tail].concat(), 1, false),
            ([b"lCA", &id[..], &[0; 4], &tail].concat(), 1, false),
        ];
        for (record, version, with_uuid) in records {
            let format = PageFormat::classic(PageSize::DEFAULT);
            let info = mysql_encryption_info(&mysql_page(&record), &format).unwrap();
            assert_eq!((info.version, info.master_key_id, info.checksum), (version, 9, 0x0102_0304));
            assert_eq!(info.server_uuid.as_deref(), with_uuid.then_some(uuid));
            assert_eq!(info.key_info, [7; 64]);
        }
        assert_eq!(mysql_encryption_info(&mysql_page(b"lCD"), &PageFormat::classic(PageSize::DEFAULT)), None);
        assert_eq!(mysql_encryption_info(&[0; 100], &PageFormat::classic(PageSize::DEFAULT)), None);
    }
}
