//! Encrypted pages of servers that are not at hand, built as their sources build them.

use ::aes::Aes256;
use ::aes::cipher::{BlockEncryptMut, KeyInit, KeyIvInit, block_padding::NoPadding};

use crate::page::checksum::{Algorithm, crc32c, stamp};
use crate::page::keyring::Keyring;
use crate::page::transform::*;

const MASTER: [u8; 32] = [0x5A; 32];
const KEY: [u8; 32] = [0x11; 32];
const IV: [u8; 32] = [0x22; 32];
const SPACE: SpaceId = SpaceId(7);

fn format() -> PageFormat {
    PageFormat::classic(PageSize::DEFAULT)
}

/// `Encryption::fill_encryption_info`, without the magic and the master key's number.
fn key_info(master: &[u8]) -> Vec<u8> {
    let mut info = [KEY, IV].concat();
    let checksum = crc32c(&info);
    ecb::Encryptor::<Aes256>::new_from_slice(master)
        .unwrap()
        .encrypt_padded_mut::<NoPadding>(&mut info, 64)
        .unwrap();
    info.extend_from_slice(&checksum.to_be_bytes());
    info
}

fn page0(parts: &[&[u8]]) -> Vec<u8> {
    let mut page = vec![0; 16384];
    let record = parts.concat();
    page[10390..10390 + record.len()].copy_from_slice(&record);
    page
}

fn keyring(name: &str) -> Keyring {
    let hex: String = MASTER.iter().map(|b| format!("{b:02X}")).collect();
    let json = format!(r#"{{"version":"1.0","elements":[{{"data_id":"{name}","data":"{hex}"}}]}}"#);
    Keyring::parse(json.as_bytes(), None).unwrap()
}

/// `Encryption::encrypt_low` on bytes 38 to `end`.
fn encrypt(page: &mut [u8], end: usize) {
    let cbc = |data: &mut [u8]| {
        let len = data.len();
        let cipher = cbc::Encryptor::<Aes256>::new_from_slices(&KEY, &IV[..16]).unwrap();
        cipher.encrypt_padded_mut::<NoPadding>(data, len).unwrap();
    };
    let data = &mut page[38..end];
    let (whole, len) = (data.len() / 16 * 16, data.len());
    cbc(&mut data[..whole]);
    if whole != len {
        cbc(&mut data[len - 32..]);
    }
}

fn plain() -> Vec<u8> {
    let mut page: Vec<u8> = (0..16384u32).map(|i| if i % 3 == 0 { (i / 200) as u8 } else { 1 }).collect();
    page[..38].fill(0);
    page[24..26].copy_from_slice(&page_type::BLOB.to_be_bytes());
    page[34..38].copy_from_slice(&SPACE.0.to_be_bytes());
    let lsn_low = page[20..24].to_vec();
    page[16380..].copy_from_slice(&lsn_low);
    stamp(&mut page, &format(), Algorithm::Crc32).unwrap();
    page
}

fn encrypted() -> Vec<u8> {
    let mut page = plain();
    encrypt(&mut page, 16384);
    page[24..26].copy_from_slice(&page_type::ENCRYPTED.to_be_bytes());
    page[28..30].copy_from_slice(&page_type::BLOB.to_be_bytes());
    page
}

fn opens(page0: &[u8], keyring: &Keyring) -> bool {
    let search = SpaceKey::for_tablespace(page0, &format(), keyring);
    let Some(key) = search.found() else { return false };
    decrypt(&encrypted(), &format(), SPACE, &key) == Decrypted::Page(plain())
}

#[test]
fn records_of_all_versions_open_the_page() {
    let uuid = b"12345678-1234-1234-1234-123456789abc";
    let named = keyring("INNODBKey-12345678-1234-1234-1234-123456789abc-3");
    let (id, info) = ([0, 0, 0, 3], key_info(&MASTER));
    assert!(opens(&page0(&[b"lCC", &id, uuid, &info]), &named));
    assert!(opens(&page0(&[b"lCB", &id, uuid, &info]), &named));
    assert!(opens(&page0(&[b"lCB", &id, &[0; 4], uuid, &info]), &named));
    // 5.7.11: named after server_id, which page 0 does not tell.
    assert!(opens(&page0(&[b"lCA", &id, &info]), &keyring("INNODBKey-77-3")));
    assert!(!opens(&page0(&[b"lCA", &id, &info]), &keyring("INNODBKey-77-13")));
    assert!(!opens(&page0(&[b"lCC", &[0, 0, 0, 4], uuid, &info]), &named));
}

#[test]
fn the_key_of_an_installation_without_a_master_key() {
    let mut default = *b"DefaultMasterKey................";
    default[16..].fill(0);
    let uuid = [0; 36];
    let empty = Keyring::parse(br#"{"version":"1.0","elements":[]}"#, None).unwrap();
    assert!(opens(&page0(&[b"lCC", &[0; 4], &uuid, &key_info(&default)]), &empty));
}

fn compressed_and_encrypted(version: u8, end: impl Fn(usize) -> usize) -> Vec<u8> {
    let (plain, mut page) = (plain(), vec![0; 16384]);
    let payload = crate::page::transform::codec::tests::compress(Codec::Zlib, &plain[38..]);
    page[..38].copy_from_slice(&plain[..38]);
    page[24..26].copy_from_slice(&page_type::COMPRESSED_AND_ENCRYPTED.to_be_bytes());
    page[26..28].copy_from_slice(&[version, 1]);
    page[28..30].copy_from_slice(&page_type::BLOB.to_be_bytes());
    page[30..32].copy_from_slice(&(16384u16 - 38).to_be_bytes());
    page[32..34].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    page[38..38 + payload.len()].copy_from_slice(&payload);
    encrypt(&mut page, end(38 + payload.len()));
    page
}

#[test]
fn compressed_pages_of_both_control_versions() {
    let record = page0(&[b"lCC", &[0, 0, 0, 3], b"12345678-1234-1234-1234-123456789abc", &key_info(&MASTER)]);
    let keyring = keyring("INNODBKey-12345678-1234-1234-1234-123456789abc-3");
    let key = SpaceKey::for_tablespace(&record, &format(), &keyring).found().unwrap();
    for block in [512, 1024, 2048, 4096, 8192] {
        let page = compressed_and_encrypted(1, |end| end.next_multiple_of(block));
        assert_eq!(reveal(&page, &format(), SPACE, Some(&key)), Revealed::Page(plain()), "{block}");
    }
    let page = compressed_and_encrypted(2, |end| end);
    assert_eq!(reveal(&page, &format(), SPACE, Some(&key)), Revealed::Page(plain()));
}
