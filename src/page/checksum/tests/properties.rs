//! Whatever the content: stamped pages verify, damaged ones do not, and no bytes make the code panic.

use proptest::prelude::*;

use crate::page::checksum::*;
use crate::units::PageSize;

/// Random bytes, with the fields in which content would change the meaning made plain.
fn page(len: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), len).prop_map(|mut page| {
        page[..4].fill(0);
        page[16] = 1;
        page[24..26].copy_from_slice(&17855_u16.to_be_bytes());
        page
    })
}

/// Formats with an algorithm of each, small pages so that many cases fit in a second.
fn cases() -> Vec<(PageFormat, Algorithm)> {
    use Algorithm::*;
    let size = PageSize::new(1024).unwrap();
    let mut cases = vec![(PageFormat::full_crc32(size), FullCrc32)];
    for algorithm in [Crc32, LegacyBigEndianCrc32, Innodb] {
        cases.push((PageFormat::classic(size), algorithm));
        cases.push((PageFormat::zip(PageSize::DEFAULT, size), algorithm));
    }
    cases
}

/// Whether a change of this byte must be noticed.
fn covered(format: &PageFormat, at: usize) -> bool {
    match format.layout {
        Layout::Classic => !(26..38).contains(&at),
        Layout::Zip => !(16..24).contains(&at) && !(26..34).contains(&at),
        Layout::FullCrc32 => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_bit_is_noticed_where_it_is_covered(
        page in page(1024), which in 0..7_usize, at in 0..1024_usize, bit in 0..8_u8,
    ) {
        let (format, algorithm) = cases()[which];
        let mut page = page;
        stamp(&mut page, &format, algorithm).unwrap();
        prop_assert_eq!(examine(&page, &format), Examined::Valid { algorithm, weak: false });
        page[at] ^= 1 << bit;
        prop_assert_eq!(examine(&page, &format).is_valid(), !covered(&format, at), "{:?} at {}", format.layout, at);
    }

    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..5000), size in 0..7_usize) {
        let size = PageSize::PHYSICAL[size];
        for format in
            [PageFormat::classic(size), PageFormat::zip(PageSize::DEFAULT, size), PageFormat::full_crc32(size)]
        {
            for len in [bytes.len(), size.bytes()] {
                let mut page = bytes.clone();
                page.resize(len, 0x55);
                let examined = examine(&page, &format);
                prop_assert_eq!(examined.is_valid(), examined.algorithm().is_some());
                computed(&page, &format);
                post_encryption(&page, &format);
                for algorithm in Algorithm::ALL {
                    let _ = stamp(&mut page, &format, algorithm);
                }
            }
        }
    }
}

/// Every single bit of a page, for every algorithm: enumerated, not sampled.
#[test]
fn every_bit_of_a_small_page() {
    for (format, algorithm) in cases() {
        let mut page: Vec<u8> = (0..1024_usize).map(|i| ((i * 31) >> 3) as u8).collect();
        page[..4].fill(0);
        page[24..26].copy_from_slice(&17855_u16.to_be_bytes());
        stamp(&mut page, &format, algorithm).unwrap();
        for bit in 0..8192 {
            page[bit / 8] ^= 1 << (bit % 8);
            let noticed = !examine(&page, &format).is_valid();
            assert_eq!(noticed, covered(&format, bit / 8), "{algorithm} {:?} bit {bit}", format.layout);
            page[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
