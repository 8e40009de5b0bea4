//! Pages of real servers: compressed, encrypted, both. How they were made stands in `testdata/pages/README.md`.

use crate::bytes::{slice_at, u16_at, u32_at};
use crate::format::fsp::xdes_array_end;
use crate::page::checksum::examine;
use crate::page::keyring::Keyring;
use crate::page::transform::cipher::AesMode;
use crate::page::transform::*;

struct Case {
    name: &'static str,
    bytes: &'static [u8],
    flags: u32,
    space: u32,
    /// The encryption record of page 0 in hexadecimal; empty where the table is not encrypted.
    record: &'static str,
}

macro_rules! case {
    ($name:literal, $flags:literal, $space:literal, $record:literal) => {
        Case {
            name: $name,
            bytes: include_bytes!(concat!("../../../../testdata/pages/", $name, ".bin")),
            flags: $flags,
            space: $space,
            record: $record,
        }
    };
}

#[rustfmt::skip]
const COMPRESSED: [Case; 14] = [
    case!("mariadb-10.11-classic-zlib", 0x10021, 10, ""),
    case!("mariadb-10.11-classic-lz4", 0x10021, 12, ""),
    case!("mariadb-10.11-classic-lzo", 0x10021, 14, ""),
    case!("mariadb-10.11-classic-lzma", 0x10021, 16, ""),
    case!("mariadb-10.11-classic-bzip2", 0x10021, 18, ""),
    case!("mariadb-10.11-classic-snappy", 0x10021, 20, ""),
    case!("mariadb-10.11-full-crc32-zlib", 0x35, 11, ""),
    case!("mariadb-10.11-full-crc32-lz4", 0x55, 13, ""),
    case!("mariadb-10.11-full-crc32-lzo", 0x75, 15, ""),
    case!("mariadb-10.11-full-crc32-lzma", 0x95, 17, ""),
    case!("mariadb-10.11-full-crc32-bzip2", 0xb5, 19, ""),
    case!("mariadb-10.11-full-crc32-snappy", 0xd5, 21, ""),
    case!("mysql-9.7-zlib", 0x4021, 4, ""),
    case!("mysql-9.7-lz4", 0x4021, 6, ""),
];

#[rustfmt::skip]
const ENCRYPTED: [Case; 12] = [
    case!("mariadb-10.11-full-crc32-lz4-encrypted-cbc", 0x55, 14, "730e0c5245740110c406fb0f48510dce363dc8e85379f0b4000000010000000201"),
    case!("mariadb-10.11-full-crc32-zlib-encrypted-ctr", 0x35, 12, "730e0c52457401107a17cb1fade107266a22957e119f2cb2000000010000000201"),
    case!("mariadb-10.11-classic-snappy-encrypted-cbc", 0x10021, 21, "730e0c524574011043a3e5a1d793adba2a4beca9569f128d000000010000000201"),
    case!("mariadb-10.11-classic-lzma-encrypted-ctr", 0x10021, 17, "730e0c5245740110628097c0f972d149b3d877aa8851daab000000010000000201"),
    case!("mariadb-10.11-full-crc32-encrypted-cbc", 0x15, 8, "730e0c5245740110abf72cac29484c42d5f3445b86ddeeb2000000010000000501"),
    case!("mariadb-10.11-classic-encrypted-ctr", 0x21, 6, "730e0c52457401104ae0bec8606f583c5782265b9aa2d53c000000010000000101"),
    case!("mariadb-10.11-zip-8k-encrypted-cbc", 0x29, 9, "730e0c5245740110026d45f732bd4f7ca8f504560550e484000000010000000101"),
    case!("mysql-9.7-zlib-encrypted", 0x6021, 5, "6c43430000000235353561346339352d653538632d313166312d623236642d303266633030303030303031894061b6197001599ba1cc4a62d036351314bd7a479e85d1902ad6108ad92b67f8f312c4a579555280725cd38acce74f33bac283bc629e2185c6c845f5f2e14d1ea64fce"),
    case!("mysql-9.7-lz4-encrypted", 0x6021, 7, "6c43430000000235353561346339352d653538632d313166312d623236642d303266633030303030303031948a64562e9f3ea570edee9a790512d147af55113a04b137dadcfe266fab3e6f0a824bf48238307c5145a7ec990cfe03cc415659d02d182746f391c52fe2ebf0d63b257c"),
    case!("mysql-9.7-encrypted", 0x6021, 3, "6c43430000000235353561346339352d653538632d313166312d623236642d3032666330303030303030313fab34045c34314c2b311aeff69817282533617f27266bbf3cf77db6e1524d23012cd27d277110beec47d8d042a2ea4238d1748ef6b88e8f68546fb2a59518f9a5a99bf5"),
    case!("mysql-9.7-encrypted-rtree", 0x6021, 9, "6c43430000000235353561346339352d653538632d313166312d623236642d303266633030303030303031d665d324e423c29ae2afb1d0455e5d7be279d6a80143943d67979a03a93a917188d0813d5431454ac3dc8fa958b8f7e9d833e8b56f2304b77a0b1bbcec7f1c5b689470cb"),
    case!("mysql-9.7-zip-8k-encrypted", 0x6029, 8, "6c43430000000235353561346339352d653538632d313166312d623236642d30326663303030303030303142f807277101d2d9993dc9b5474b979b410c3522b065ceb190d1a82a8d09e4a8d60ca5bc9886a6d413133b57d16aca8dd1704acd7b53e7a929c0ca72a4328e0915584e27"),
];

impl Case {
    fn format(&self) -> PageFormat {
        PageFormat::from_flags(self.flags).unwrap()
    }

    fn page(&self) -> Vec<u8> {
        let mut page = self.bytes.to_vec();
        page.resize(self.format().physical.bytes(), 0);
        page
    }

    fn is_mysql(&self) -> bool {
        self.name.starts_with("mysql")
    }

    fn keyring(&self) -> Keyring {
        let content = match self.is_mysql() {
            true => &include_bytes!("../../../../testdata/keyring/mysql-9.7-component.json")[..],
            false => include_bytes!("../../../../testdata/keyring/mariadb-keys.txt"),
        };
        Keyring::parse(content, None).unwrap()
    }

    fn page0(&self) -> Vec<u8> {
        let record: Vec<u8> = (0..self.record.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&self.record[i..i + 2], 16).unwrap())
            .collect();
        let at = xdes_array_end(&self.format()) + if self.is_mysql() { 0 } else { 38 };
        let mut page = vec![0; self.format().physical.bytes()];
        page[at..at + record.len()].copy_from_slice(&record);
        page
    }

    fn key(&self) -> SpaceKey {
        SpaceKey::for_tablespace(&self.page0(), &self.format(), &self.keyring()).found().unwrap()
    }

    /// The page after all: identity, type, checksum where one is left, and the first records.
    fn assert_is_the_page(&self, page: &[u8]) {
        let (name, format) = (self.name, self.format());
        let rtree = name.ends_with("rtree");
        assert_eq!(u32_at(page, 34), Some(self.space), "{name}");
        let expected = if rtree { page_type::RTREE } else { page_type::INDEX };
        assert_eq!(u16_at(page, 24), Some(expected), "{name}");
        assert!(rtree || u32_at(page, 4) == Some(9), "{name}");
        if format.layout == Layout::FullCrc32 {
            assert_eq!(u32_at(page, 16384 - 8), u32_at(page, 20), "{name}: low LSN word");
        } else {
            assert!(examine(page, &format).is_verified(), "{name}");
        }
        if format.layout != Layout::Zip {
            assert_eq!(slice_at(page, 99, 8), Some(&b"infimum\0"[..]), "{name}");
            assert_eq!(slice_at(page, 112, 8), Some(&b"supremum"[..]), "{name}");
        }
    }
}

#[test]
fn compressed_pages_of_every_codec_and_layout() {
    for case in &COMPRESSED {
        let Decompressed::Page(page) = decompress(&case.page(), &case.format()) else {
            panic!("{}", case.name)
        };
        case.assert_is_the_page(&page);
    }
}

#[test]
fn only_the_codec_of_the_tablespace_fits_a_page_of_an_unknown_owner() {
    for case in COMPRESSED.iter().filter(|c| c.format().layout == Layout::FullCrc32) {
        let page = case.page();
        let fitting: Vec<Codec> = candidates()
            .into_iter()
            .filter(|&codec| {
                matches!(decompress_with(&page, PageSize::DEFAULT, codec), Decompressed::Page(_))
            })
            .collect();
        assert_eq!(fitting, [case.format().codec.unwrap()], "{}", case.name);
    }
}

#[test]
fn encrypted_pages_of_every_kind() {
    for case in &ENCRYPTED {
        let (page, key) = (case.page(), case.key());
        let Decrypted::Page(clear) = decrypt(&page, &case.format(), SpaceId(case.space), &key) else {
            panic!("{}", case.name)
        };
        let whole = match decompress(&clear, &case.format()) {
            Decompressed::Page(whole) => whole,
            Decompressed::NotCompressed => clear,
            other => panic!("{}: {other:?}", case.name),
        };
        case.assert_is_the_page(&whole);
        assert_eq!(reveal(&page, &case.format(), SpaceId(case.space), Some(&key)), Revealed::Page(whole));
        assert_eq!(
            reveal(&page, &case.format(), SpaceId(case.space), None),
            without_key(case),
            "{}",
            case.name
        );
    }
}

#[test]
fn pages_of_mysql_are_encrypted_as_the_server_did() {
    for case in ENCRYPTED.iter().filter(|case| case.is_mysql()) {
        let (page, format, key) = (case.page(), case.format(), case.key());
        let Decrypted::Page(clear) = decrypt(&page, &format, SpaceId(case.space), &key) else {
            panic!("{}", case.name)
        };
        match decompress(&clear, &format) {
            // Uncompressed it is another image of the same page.
            Decompressed::Page(whole) => {
                let again = encrypt(&whole, &format, &key).unwrap();
                assert_ne!(again, page);
                assert_eq!(reveal(&again, &format, SpaceId(case.space), Some(&key)), Revealed::Page(whole));
            }
            _ => assert_eq!(encrypt(&clear, &format, &key).unwrap(), page, "{}", case.name),
        }
    }
    for case in ENCRYPTED.iter().filter(|case| !case.is_mysql()) {
        assert_eq!(encrypt(&case.page(), &case.format(), &case.key()), None);
    }
}

#[test]
fn pages_of_mariadb_are_encrypted_as_the_server_did() {
    let mut modes = Vec::new();
    for case in ENCRYPTED.iter().filter(|case| !case.is_mysql()) {
        let (page, format, key, space) = (case.page(), case.format(), case.key(), SpaceId(case.space));
        let mode = seal::mode_of(&page, &format, space, &key);
        let told = if case.name.ends_with("ctr") { AesMode::Ctr } else { AesMode::Cbc };
        assert_eq!(mode, Some(told), "{}", case.name);
        modes.push(told);
    }
    assert!(modes.contains(&AesMode::Cbc) && modes.contains(&AesMode::Ctr), "{modes:?}");
}

/// In the classic layout only some page types say that they are encrypted.
fn without_key(case: &Case) -> Revealed {
    let tells_nothing = case.name.contains("classic-encrypted") || case.name.starts_with("mariadb-10.11-zip");
    if tells_nothing { Revealed::AsStored } else { Revealed::Locked }
}

#[test]
fn the_key_of_another_table_opens_nothing() {
    for case in &ENCRYPTED {
        for other in ENCRYPTED.iter().filter(|o| o.record != case.record && o.is_mysql() == case.is_mysql()) {
            let found = decrypt(&case.page(), &case.format(), SpaceId(case.space), &other.key());
            assert_eq!(found, Decrypted::WrongKey, "{} with the key of {}", case.name, other.name);
        }
    }
}

#[test]
fn the_owner_of_an_encrypted_slot_is_proven_by_its_space_id() {
    for case in ENCRYPTED.iter().filter(|c| !c.is_mysql() && c.format().layout == Layout::FullCrc32) {
        let found = decrypt(&case.page(), &case.format(), SpaceId(case.space + 1), &case.key());
        assert_eq!(found, Decrypted::WrongKey, "{}", case.name);
    }
}

#[test]
fn keys_that_are_missing_or_wrong_are_named() {
    let mysql = &ENCRYPTED[9];
    let search = |content: &[u8]| {
        let keyring = Keyring::parse(content, None).unwrap();
        SpaceKey::for_tablespace(&mysql.page0(), &mysql.format(), &keyring)
    };
    let name = "INNODBKey-555a4c95-e58c-11f1-b26d-02fc00000001-2";
    let KeySearch::Missing(missing) = search(br#"{"version":"1.0","elements":[]}"#) else { panic!() };
    assert_eq!(missing, name);
    let other =
        format!(r#"{{"version":"1.0","elements":[{{"data_id":"{name}","data":"{}"}}]}}"#, "00".repeat(32));
    let KeySearch::Wrong(wrong) = search(other.as_bytes()) else { panic!() };
    assert_eq!(wrong, name);

    let mariadb = &ENCRYPTED[4];
    let keyring = Keyring::parse(b"1;00112233445566778899aabbccddeeff", None).unwrap();
    let found = SpaceKey::for_tablespace(&mariadb.page0(), &mariadb.format(), &keyring);
    let KeySearch::Missing(missing) = found else { panic!() };
    assert_eq!(missing, "MariaDB key id 5");
    let found = SpaceKey::for_tablespace(&[0; 16384], &mariadb.format(), &keyring);
    assert!(matches!(found, KeySearch::NotEncrypted));
}

#[test]
fn the_clear_pages_of_an_encrypted_table_say_so() {
    for case in &ENCRYPTED {
        let found = decrypt(&case.page0(), &case.format(), SpaceId(case.space), &case.key());
        assert_eq!(found, Decrypted::NotEncrypted, "{}", case.name);
        assert_eq!(decrypt(&[], &case.format(), SpaceId(case.space), &case.key()), Decrypted::NotEncrypted);
    }
}

#[test]
fn impossible_lengths_in_encrypted_pages() {
    for case in &ENCRYPTED {
        for cut in (0..case.bytes.len()).step_by(301) {
            let page = &case.bytes[..cut];
            let found = decrypt(page, &case.format(), SpaceId(case.space), &case.key());
            assert!(!matches!(found, Decrypted::Page(_)), "{} cut to {cut}", case.name);
        }
        let mut page = case.page();
        for field in [24, 32, 38] {
            for value in [0u16, 1, 0x7FFF, 0x8000, 0x803F, 0xFFFF] {
                page[field..field + 2].copy_from_slice(&value.to_be_bytes());
                let _ = decrypt(&page, &case.format(), SpaceId(case.space), &case.key());
            }
        }
    }
}

#[test]
fn a_key_shows_nothing_of_itself() {
    for case in &ENCRYPTED {
        let shown = format!("{:?}", case.key());
        assert!(shown.contains("Secret(") && !shown.contains('['), "{shown}");
    }
}
