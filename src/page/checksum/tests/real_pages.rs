//! Pages that real servers wrote, whole, torn and damaged by crashes in the middle of a write.

use crate::page::checksum::*;
use crate::units::PageSize;

macro_rules! page {
    ($name:literal) => {
        zstd::decode_all(&include_bytes!(concat!("../../../../testdata/pages/", $name, ".zst"))[..]).unwrap()
    };
}

fn size(bytes: u32) -> PageSize {
    PageSize::new(bytes).unwrap()
}

#[test]
fn mysql_56_innodb() {
    let format = PageFormat::classic(PageSize::DEFAULT);
    let page0 = page!("mysql-5.6-innodb-16k-page0");
    assert_eq!(fold::classic(&page0), fold::Sums { new: 0x2509_e7cf, old: 0xe394_3bff });
    for page in [page0, page!("mysql-5.6-innodb-16k-leaf")] {
        assert_eq!(examine(&page, &format), Examined::verified(Algorithm::Innodb));
        assert_eq!(matching_algorithms(&page, &format), [Algorithm::Innodb]);
    }
    let torn = page!("mysql-5.6-innodb-16k-torn");
    assert_eq!(examine(&torn, &format), Examined::Torn { head: 0x0091_0c50, tail: 0x001a_1307 });
}

#[test]
fn mysql_56_compressed() {
    let format = PageFormat::zip(PageSize::DEFAULT, size(8192));
    let root = page!("mysql-5.6-zip-8k-root");
    assert_eq!(zip::innodb(&root), 0x7c9c_2ab1);
    assert_eq!(examine(&root, &format), Examined::verified(Algorithm::Innodb));
    let damaged = examine(&page!("mysql-5.6-zip-8k-damaged"), &format);
    assert!(matches!(damaged, Examined::Corrupt { detail: Fault::Zip { stored: 0xdac3_834d, .. } }));
}

#[test]
fn mysql_97_crc32() {
    let (k16, k4) = (PageFormat::classic(PageSize::DEFAULT), PageFormat::classic(size(4096)));
    let pages = [
        (page!("mysql-9.7-crc32-16k-page0"), k16, 0x54f1_c641),
        (page!("mysql-9.7-crc32-4k-page0"), k4, 0x7898_3f71),
        (page!("mysql-9.7-crc32-4k-trxsys"), k4, 0xeeee_6cd6),
    ];
    for (page, format, crc) in pages {
        assert_eq!(crc32::classic(&page), crc);
        assert_eq!(examine(&page, &format), Examined::verified(Algorithm::Crc32));
    }
    let torn = examine(&page!("mysql-9.7-crc32-16k-torn"), &k16);
    assert_eq!(torn, Examined::Torn { head: 0x013e_8d93, tail: 0x0129_fd3c });
}

#[test]
fn mariadb_full_crc32_clear_encrypted_and_compressed() {
    let format = PageFormat::full_crc32(PageSize::DEFAULT);
    for page in [
        page!("mariadb-10.11-full_crc32-16k-page0"),
        page!("mariadb-10.11-full_crc32-16k-encrypted-root"),
        page!("mariadb-10.5-full_crc32-16k-page_compressed"),
    ] {
        assert_eq!(examine(&page, &format), Examined::verified(Algorithm::FullCrc32));
    }
    let damaged = examine(&page!("mariadb-10.11-full_crc32-16k-damaged"), &format);
    assert!(matches!(damaged, Examined::Corrupt { detail: Fault::FullCrc32 { stored: 0xd2c1_16ca, .. } }));
}

#[test]
fn mariadb_compressed_and_encrypted_over_a_longer_older_version() {
    let format = PageFormat::classic(PageSize::DEFAULT);
    let page = page!("mariadb-11.8-classic-16k-37401-leftover");
    assert_eq!(&page[0x2170..0x2174], &[0x4b, 0x15, 0x5c, 0x7d], "its payload ends at 0x1ded");
    let valid = Some(Examined::verified(Algorithm::PostEncryptionCrc32));
    assert_eq!(post_encryption(&page, &format), valid);
    for at in [4, 16, 42, 0x1dec] {
        let mut damaged = page.clone();
        damaged[at] ^= 1;
        assert_ne!(post_encryption(&damaged, &format), valid, "{at}");
    }
}

#[test]
fn stamping_a_real_page_changes_nothing() {
    let mut pages = [
        (page!("mysql-5.6-innodb-16k-page0"), PageFormat::classic(PageSize::DEFAULT), Algorithm::Innodb),
        (page!("mysql-5.6-zip-8k-root"), PageFormat::zip(PageSize::DEFAULT, size(8192)), Algorithm::Innodb),
        (page!("mysql-9.7-crc32-16k-page0"), PageFormat::classic(PageSize::DEFAULT), Algorithm::Crc32),
        (
            page!("mariadb-10.11-full_crc32-16k-page0"),
            PageFormat::full_crc32(PageSize::DEFAULT),
            Algorithm::FullCrc32,
        ),
        (
            page!("mariadb-10.5-full_crc32-16k-page_compressed"),
            PageFormat::full_crc32(PageSize::DEFAULT),
            Algorithm::FullCrc32,
        ),
    ];
    for (page, format, algorithm) in &mut pages {
        let before = page.clone();
        stamp(page, format, *algorithm).unwrap();
        assert!(*page == before, "{algorithm} {:?}", format.layout);
    }
}
