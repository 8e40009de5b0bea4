//! Vectors computed by an independent program whose formulas were checked on pages of real servers.

use crate::page::checksum::*;
use crate::units::PageSize;

fn v1(len: usize) -> Vec<u8> {
    (0..len).map(|i| (7 * i) as u8).collect()
}

fn v2(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i ^ (i >> 8)) as u8).collect()
}

/// crc32, crc32-be, new, old, zip crc32, zip crc32-be, zip adler, CRC-32C of all but the last four bytes.
type Row = [u32; 8];

#[rustfmt::skip]
const V1: [(usize, Row); 7] = [
    (1024, [0x49e5d988, 0x83be38c2, 0x66ed568c, 0x9f08b8cb, 0xfa12ab29, 0xb5e520d9, 0x9e3cf32d, 0xd99b576c]),
    (2048, [0x02f720ed, 0xad7840c4, 0x8e84048c, 0x9f08b8cb, 0x7de4536c, 0xf76236f3, 0xdc5ef14b, 0x575d1c93]),
    (4096, [0xb713f701, 0x3178a90f, 0xba99c88c, 0x9f08b8cb, 0xa2a24a58, 0x86654bfe, 0xbf58ed87, 0x3e669006]),
    (8192, [0xe2a99ea3, 0x1952cefa, 0x4656408c, 0x9f08b8cb, 0x9d8c0fe2, 0x84434b9b, 0x2006e5ff, 0xc2aec36b]),
    (16384, [0x5e4e6af9, 0x11d21af5, 0xfe91508c, 0x9f08b8cb, 0x83525743, 0x4645a3e8, 0x4c1dd6ef, 0x38205945]),
    (32768, [0x0f33ee37, 0x176f2416, 0x0ee5308c, 0x9f08b8cb, 0x59bf6db8, 0x73fe3d32, 0x4f91b8cf, 0x0662d668]),
    (65536, [0xfa20586e, 0xcb55bb28, 0xcb0f708c, 0x9f08b8cb, 0x3982f41f, 0x09f3e9fd, 0x03827c8f, 0xf509f7a6]),
];

#[rustfmt::skip]
const V2: [(usize, Row); 5] = [
    (1024, [0xb33055c4, 0x79aa9e1e, 0x8982b6bc, 0x0ac0e55d, 0x9655654e, 0x718990c8, 0xcc3dfc81, 0x1ac20237]),
    (4096, [0xdfb632ba, 0x319d9009, 0x5198c9fc, 0x0ac0e55d, 0x9dd0f61e, 0x4ae47009, 0xe214f6db, 0x8b6eabdb]),
    (8192, [0xa5b1cc66, 0xa941622a, 0xadfb697c, 0x0ac0e55d, 0xb4478b4b, 0x2368df40, 0x1ed9ef53, 0x1ba50aa9]),
    (16384, [0xf981fc3f, 0x5c6298e1, 0x9117b37c, 0x0ac0e55d, 0xeec43a2c, 0x36da5926, 0x0666e043, 0xffceba50]),
    (65536, [0x72e5698a, 0x295127b4, 0x83c04a7c, 0x0ac0e55d, 0xe9606f0e, 0x613785c2, 0x434085e3, 0x93e52449]),
];

#[rustfmt::skip]
const ZEROS: Row = [0x1ffdd4d2, 0x1ffdd4d2, 0x5defcc00, 0x51b9ab00, 0x3abf39f2, 0x3abf39f2, 0x00000000, 0xdd9e4f5a];
#[rustfmt::skip]
const ONES: Row = [0xa68f5086, 0xa68f5086, 0x49e32800, 0x175b6200, 0xb34927aa, 0xb34927aa, 0xe366afc5, 0x08182ceb];

fn row(page: &[u8]) -> Row {
    let sums = fold::classic(page);
    [
        crc32::classic(page),
        crc32::classic_legacy_be(page),
        sums.new,
        sums.old,
        zip::crc32(page),
        zip::crc32_legacy_be(page),
        zip::innodb(page),
        crc32c(&page[..page.len() - 4]),
    ]
}

#[test]
fn every_formula_on_every_vector() {
    for (len, expected) in V1 {
        assert_eq!(row(&v1(len)), expected, "V1({len})");
    }
    for (len, expected) in V2 {
        assert_eq!(row(&v2(len)), expected, "V2({len})");
    }
    assert_eq!(row(&[0; 16384]), ZEROS);
    assert_eq!(row(&[0xFF; 16384]), ONES);
}

#[test]
fn the_old_sum_sees_the_new_one() {
    for (mut page, new, old) in [(v1(16384), 0xfe91508c_u32, 0xe4f2421c), (v2(16384), 0x9117b37c, 0x793ac01a)]
    {
        page[..4].copy_from_slice(&new.to_be_bytes());
        assert_eq!(fold::classic(&page), fold::Sums { new, old });
        stamp(&mut page, &PageFormat::classic(PageSize::DEFAULT), Algorithm::Innodb).unwrap();
        assert_eq!(page[16376..16380], old.to_be_bytes());
    }
}

#[test]
fn full_crc32_ends_where_the_type_says() {
    for (kind, size, crc) in [(0x8012_u16, 4608, 0x8b89d72b_u32), (0x8003, 768, 0x4a0162e4)] {
        let mut page = v1(16384);
        page[24..26].copy_from_slice(&kind.to_be_bytes());
        let written = full_crc32::written(&page).unwrap();
        assert_eq!((written.size, written.compressed), (size, true));
        assert_eq!(full_crc32::crc32(&page, &written), Some((size - 4, crc)));
        page[size - 4..size].copy_from_slice(&crc.to_be_bytes());
        let format = PageFormat::full_crc32(PageSize::DEFAULT);
        assert_eq!(examine(&page, &format), Examined::verified(Algorithm::FullCrc32));
        page[size] ^= 1;
        assert!(examine(&page, &format).is_verified(), "bytes behind the image are not covered");
    }
}
