//! What servers accept, rule by rule, and pages of real servers.

use crate::page::checksum::*;
use crate::units::PageSize;

const SIZE: usize = 16384;

fn classic_format() -> PageFormat {
    PageFormat::classic(PageSize::DEFAULT)
}

/// A page with content and an LSN above 4 GiB, so that no field is 0 by accident.
fn page(len: usize) -> Vec<u8> {
    let mut page: Vec<u8> = (0..len).map(|i| (i ^ (i >> 8)) as u8).collect();
    page[24..26].copy_from_slice(&17855_u16.to_be_bytes());
    page
}

fn put(page: &mut [u8], at: usize, word: u32) {
    page[at..at + 4].copy_from_slice(&word.to_be_bytes());
}

fn stamped(format: &PageFormat, algorithm: Algorithm) -> Vec<u8> {
    let mut page = page(format.physical.bytes());
    if format.layout == Layout::FullCrc32 {
        put(&mut page, 0, 0);
    }
    stamp(&mut page, format, algorithm).unwrap();
    page
}

/// The innodb page with other words at 0 and at `ps-8`, and an LSN of choice; `None` keeps the right word.
fn innodb_with(head: Option<u32>, tail: impl Fn(&[u8]) -> u32, lsn: u64) -> Examined {
    let mut page = page(SIZE);
    page[16..24].copy_from_slice(&lsn.to_be_bytes());
    put(&mut page, SIZE - 4, lsn as u32);
    let new = fold::classic(&page).new;
    put(&mut page, 0, head.unwrap_or(new));
    let tail = tail(&page);
    put(&mut page, SIZE - 8, tail);
    examine(&page, &classic_format())
}

const LSN: u64 = 0x0000_0007_1234_5678;
const HIGH: u32 = 7;
const INNODB: Examined = Examined::Valid { algorithm: Algorithm::Innodb, weak: false };
const WEAK_INNODB: Examined = Examined::Valid { algorithm: Algorithm::Innodb, weak: true };

#[test]
fn a_stamped_page_verifies_with_its_algorithm_in_every_layout_and_size() {
    use Algorithm::*;
    for size in PageSize::PHYSICAL {
        for algorithm in [Crc32, LegacyBigEndianCrc32, Innodb, None] {
            for format in [PageFormat::classic(size), PageFormat::zip(PageSize::DEFAULT, size)] {
                let page = stamped(&format, algorithm);
                let expected = Examined::Valid { algorithm, weak: algorithm == None };
                assert_eq!(examine(&page, &format), expected, "{size} {:?}", format.layout);
                assert_eq!(matching_algorithms(&page, &format), [algorithm]);
            }
        }
        let format = PageFormat::full_crc32(size);
        let page = stamped(&format, FullCrc32);
        assert_eq!(examine(&page, &format), Examined::verified(FullCrc32));
        assert_eq!(matching_algorithms(&page, &format), [FullCrc32]);
    }
}

#[test]
fn a_layout_has_no_other_layouts_checksum() {
    let (classic, full) = (classic_format(), PageFormat::full_crc32(PageSize::DEFAULT));
    let before = page(SIZE);
    let mut page = before.clone();
    assert_eq!(stamp(&mut page, &classic, Algorithm::FullCrc32), None);
    assert_eq!(stamp(&mut page, &full, Algorithm::Crc32), None);
    assert_eq!(stamp(&mut page[1..], &classic, Algorithm::Crc32), None);
    assert_eq!(page, before);
}

#[test]
fn what_may_stand_behind_the_new_innodb_sum() {
    assert_eq!(innodb_with(None, fold::old, LSN), INNODB);
    assert_eq!(innodb_with(None, |_| HIGH, LSN), INNODB);
    assert_eq!(innodb_with(None, |_| NO_CHECKSUM_MAGIC, LSN), INNODB);
    assert_eq!(innodb_with(None, fold::old, 0), INNODB);
    assert!(!innodb_with(None, |_| HIGH + 1, LSN).is_valid());
    assert!(!innodb_with(None, crc32::classic, LSN).is_valid());
}

#[test]
fn what_is_accepted_without_a_look_at_the_content() {
    for head in [0, NO_CHECKSUM_MAGIC] {
        assert_eq!(innodb_with(Some(head), |_| HIGH, LSN), WEAK_INNODB);
        assert_eq!(innodb_with(Some(head), fold::old, LSN), WEAK_INNODB);
        assert!(!innodb_with(Some(head), |_| 1, LSN).is_valid());
    }
    // Both words 0 with an LSN below 4 GiB: every lenient server takes it.
    assert_eq!(innodb_with(Some(0), |_| 0, 0x1234), WEAK_INNODB);
    assert!(!innodb_with(Some(0), |_| NO_CHECKSUM_MAGIC, LSN).is_valid());
}

#[test]
fn zero_words_without_an_lsn_are_corrupt_unless_all_is_zero() {
    assert!(matches!(
        innodb_with(Some(0), |_| 0, 0),
        Examined::Corrupt { detail: Fault::Classic { stored: [0, 0], .. } }
    ));
    assert!(!innodb_with(Some(0), fold::old, 0).is_valid());
}

#[test]
fn a_checksum_that_happens_to_be_zero_is_as_good_as_any() {
    let format = classic_format();
    let mut page = page(SIZE);
    // CRC is affine: some of the 32 bits of one word cancel the sum.
    let base = crc32::classic(&page);
    let mut rows: Vec<(u32, u32)> = Vec::new();
    let original = u32::from_be_bytes([page[100], page[101], page[102], page[103]]);
    for bit in 0..32 {
        let mut other = page.clone();
        put(&mut other, 100, original ^ (1 << bit));
        rows.push((crc32::classic(&other) ^ base, 1 << bit));
    }
    rows.push((base, 0));
    // Gauss: the last row is what is left of the sum, and the bits that cancelled the rest.
    for bit in (0..32).rev() {
        let Some(pivot) = rows[..32].iter().position(|row| row.0 >> bit == 1) else { continue };
        let pivot = rows[pivot];
        for row in rows.iter_mut().filter(|row| **row != pivot && (row.0 >> bit) & 1 == 1) {
            *row = (row.0 ^ pivot.0, row.1 ^ pivot.1);
        }
    }
    assert_eq!(rows[32].0, 0);
    put(&mut page, 100, original ^ rows[32].1);
    stamp(&mut page, &format, Algorithm::Crc32).unwrap();
    assert_eq!((&page[..4], &page[SIZE - 8..SIZE - 4]), (&[0; 4][..], &[0; 4][..]));
    assert_eq!(examine(&page, &format), Examined::verified(Algorithm::Crc32));
}

#[test]
fn differing_lsn_words_come_before_any_checksum() {
    let format = classic_format();
    for algorithm in [Algorithm::Crc32, Algorithm::Innodb, Algorithm::None] {
        let mut page = stamped(&format, algorithm);
        put(&mut page, SIZE - 4, 0x1415_1616);
        assert_eq!(examine(&page, &format), Examined::Torn { head: 0x1415_1617, tail: 0x1415_1616 });
    }
    // Compressed pages have no such word: the same bytes are content.
    let zip = PageFormat::zip(PageSize::DEFAULT, PageSize::DEFAULT);
    let mut page = stamped(&zip, Algorithm::Crc32);
    put(&mut page, SIZE - 4, 0);
    assert!(matches!(examine(&page, &zip), Examined::Corrupt { detail: Fault::Zip { .. } }));
}

#[test]
fn zero_means_all_bytes_but_the_flush_lsn() {
    let zip = PageFormat::zip(PageSize::DEFAULT, PageSize::DEFAULT);
    for format in [classic_format(), zip, PageFormat::full_crc32(PageSize::DEFAULT)] {
        let mut page = vec![0; SIZE];
        assert_eq!(examine(&page, &format), Examined::Zero);
        page[30] = 1;
        let flush_lsn_counts = format.layout == Layout::FullCrc32;
        assert_eq!(examine(&page, &format) == Examined::Zero, !flush_lsn_counts);
        for at in [0, 25, 34, 9000, SIZE - 1] {
            page.fill(0);
            page[at] = 1;
            let examined = examine(&page, &format);
            assert!(
                !examined.is_valid() && examined != Examined::Zero,
                "{at} {:?} {examined:?}",
                format.layout
            );
        }
    }
}

#[test]
fn an_lsn_over_an_empty_compressed_page_is_a_weak_proof() {
    let format = PageFormat::zip(PageSize::DEFAULT, PageSize::new(8192).unwrap());
    let mut page = vec![0; 8192];
    page[20] = 1;
    assert_eq!(examine(&page, &format), WEAK_INNODB);
}

#[test]
fn another_length_is_no_page() {
    for format in [classic_format(), PageFormat::full_crc32(PageSize::DEFAULT)] {
        for len in [0, 1, 37, 38, SIZE - 1, SIZE + 1] {
            let fault = Fault::Length { expected: SIZE, found: len };
            assert_eq!(examine(&vec![0; len], &format), Examined::Corrupt { detail: fault });
            assert_eq!(computed(&vec![0; len], &format), []);
        }
    }
}

#[test]
fn full_crc32_faults() {
    let format = PageFormat::full_crc32(PageSize::DEFAULT);
    let mut page = stamped(&format, Algorithm::FullCrc32);
    put(&mut page, SIZE - 8, 1);
    let crc = crc32c(&page[..SIZE - 4]);
    put(&mut page, SIZE - 4, crc);
    let fault = Fault::LsnWords { head: 0x1415_1617, tail: 1 };
    assert_eq!(examine(&page, &format), Examined::Corrupt { detail: fault });
    // An encrypted page has ciphertext there.
    put(&mut page, 0, 1);
    stamp(&mut page, &format, Algorithm::FullCrc32).unwrap();
    assert_eq!(page[SIZE - 8..SIZE - 4], [0, 0, 0, 1]);
    assert!(examine(&page, &format).is_verified());
    for (kind, bytes) in [(0x8000_u16, 0), (0x8040, 16384), (0xFFFF, 0x7FFF * 256)] {
        page[24..26].copy_from_slice(&kind.to_be_bytes());
        let fault = Fault::CompressedSize { bytes };
        assert_eq!(examine(&page, &format), Examined::Corrupt { detail: fault });
        assert_eq!(stamp(&mut page, &format, Algorithm::FullCrc32), None);
    }
}

#[test]
fn the_checksum_after_encryption() {
    let zip = PageFormat::zip(PageSize::DEFAULT, PageSize::new(8192).unwrap());
    for format in [classic_format(), zip] {
        let mut page = page(format.physical.bytes());
        let crc32 = if format.layout == Layout::Zip { 0xb447_8b4b } else { 0xf981_fc3f };
        page[24..26].copy_from_slice(&0x1819_u16.to_be_bytes());
        put(&mut page, 26, 1);
        stamp(&mut page, &format, Algorithm::PostEncryptionCrc32).unwrap();
        assert_eq!(page[30..34], u32::to_be_bytes(crc32));
        let algorithm = |page: &[u8]| post_encryption(page, &format).unwrap().algorithm();
        assert_eq!(algorithm(&page), Some(Algorithm::PostEncryptionCrc32));
        assert_eq!(matching_algorithms(&page, &format), [Algorithm::PostEncryptionCrc32]);
        let innodb = if format.layout == Layout::Zip { 0x1ed9_ef53 } else { 0x9117_b37c };
        put(&mut page, 30, innodb);
        assert_eq!(algorithm(&page), Some(Algorithm::Innodb));
        put(&mut page, 30, NO_CHECKSUM_MAGIC);
        assert_eq!(post_encryption(&page, &format), Some(Examined::weak(Algorithm::None)));
        put(&mut page, 30, 5);
        let detail = Fault::PostEncryption { stored: 5, crc32, innodb };
        assert_eq!(post_encryption(&page, &format), Some(Examined::Corrupt { detail }));
        put(&mut page, 26, 0);
        assert_eq!(post_encryption(&page, &format), None);
    }
    let full = PageFormat::full_crc32(PageSize::DEFAULT);
    assert_eq!(post_encryption(&page(SIZE), &full), None);
}
