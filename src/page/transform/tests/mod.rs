//! Real pages, and pages built as the servers build them.

#[cfg(test)]
mod built;
#[cfg(test)]
mod real_pages;

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::page::transform::codec::tests::{ALL, compress};
use crate::page::transform::*;

/// Page 5 of a page_compressed table, MariaDB 10.5.23, as far as its compressed size goes.
const REAL_ZLIB: &[u8] =
    include_bytes!("../../../../testdata/pages/mariadb-10.5.23-full-crc32-zlib-space5-page5.bin");

const SIZE: PageSize = PageSize::DEFAULT;

/// A page of 16 KiB that compresses, with page number 7, LSN 0x123456, type INDEX and space 42.
fn plain() -> Vec<u8> {
    let mut page: Vec<u8> = (0..16384u32).map(|i| if i % 5 == 0 { (i / 300) as u8 } else { 3 }).collect();
    page[0..4].copy_from_slice(&0xCAFE_F00Du32.to_be_bytes());
    page[4..8].copy_from_slice(&7u32.to_be_bytes());
    page[16..24].copy_from_slice(&0x12_3456u64.to_be_bytes());
    page[24..26].copy_from_slice(&page_type::INDEX.to_be_bytes());
    page[26..34].fill(0);
    page[34..38].copy_from_slice(&42u32.to_be_bytes());
    page
}

/// `fil_page_compress_for_non_full_crc32`.
fn classic_page(codec_number: u16, codec: Codec) -> Vec<u8> {
    let (plain, mut page) = (plain(), vec![0; 16384]);
    let payload = compress(codec, &plain);
    page[..38].copy_from_slice(&plain[..38]);
    page[..4].copy_from_slice(&0xDEAD_BEEFu32.to_be_bytes());
    page[24..26].copy_from_slice(&page_type::MARIADB_PAGE_COMPRESSED.to_be_bytes());
    page[26..34].copy_from_slice(&u64::from(codec_number).to_be_bytes());
    page[38..40].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    page[40..40 + payload.len()].copy_from_slice(&payload);
    page
}

/// `fil_page_compress_for_full_crc32`, without the checksum: decompression does not look at it.
fn full_page(codec: Codec) -> Vec<u8> {
    let (mut inner, mut page) = (plain(), vec![0; 16384]);
    inner[..4].fill(0);
    let payload = compress(codec, &inner);
    let exact = codec::needs_exact_length(codec);
    let actual = 26 + payload.len();
    let size = (actual + usize::from(exact) + 4 + 255) & !255;
    page[..24].copy_from_slice(&inner[..24]);
    page[24] = 0x80;
    page[25] = (size >> 8) as u8;
    page[26..actual].copy_from_slice(&payload);
    if exact {
        page[size - 5] = (actual + 5) as u8;
    }
    page
}

fn full_format(codec: Codec) -> PageFormat {
    PageFormat { page_compressed: true, codec: Some(codec), ..PageFormat::full_crc32(SIZE) }
}

#[test]
fn a_real_full_crc32_page_comes_out_with_its_own_header() {
    let mut slot = REAL_ZLIB.to_vec();
    slot.resize(16384, 0);
    for page in [REAL_ZLIB, &slot] {
        let Decompressed::Page(inner) = decompress(page, &full_format(Codec::Zlib)) else { panic!() };
        assert_eq!(inner.len(), 16384);
        assert_eq!(u32_at(&inner, 0), Some(0), "key version");
        assert_eq!(u32_at(&inner, 4), Some(5), "page number");
        assert_eq!(u32_at(&inner, 34), Some(5), "space id");
        assert_eq!(u16_at(&inner, 24), Some(page_type::INDEX));
        assert_eq!(u64_at(&inner, 16), u64_at(page, 16), "LSN");
        assert_eq!(u32_at(&inner, 16384 - 8), u32_at(&inner, 20), "low LSN word");
        assert_eq!(&inner[99..107], b"infimum\0");
        assert_eq!(&inner[112..120], b"supremum");
    }
}

#[test]
fn the_owner_of_a_real_slot_is_found_by_trying_compressors() {
    let fitting: Vec<Codec> = candidates()
        .into_iter()
        .filter(|&c| matches!(decompress_with(REAL_ZLIB, SIZE, c), Decompressed::Page(_)))
        .collect();
    assert_eq!(fitting, [Codec::Zlib]);
}

#[test]
fn a_real_page_with_one_bit_flipped_is_damaged_or_equal() {
    let Decompressed::Page(good) = decompress(REAL_ZLIB, &full_format(Codec::Zlib)) else { panic!() };
    for at in (26..REAL_ZLIB.len() - 4).step_by(41) {
        let mut bad = REAL_ZLIB.to_vec();
        bad[at] ^= 4;
        match decompress(&bad, &full_format(Codec::Zlib)) {
            Decompressed::Damaged(_) => {}
            // Padding between the end of the stream and the checksum.
            Decompressed::Page(page) => assert_eq!(page, good, "byte {at}"),
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn every_compressor_in_both_layouts() {
    let mut zeroed = plain();
    zeroed[..4].fill(0);
    for (number, codec) in (1..).zip(ALL) {
        assert_eq!(
            decompress(&classic_page(number, codec), &PageFormat::classic(SIZE)),
            Decompressed::Page(plain()),
            "{codec:?}"
        );
        assert_eq!(
            decompress(&full_page(codec), &full_format(codec)),
            Decompressed::Page(zeroed.clone()),
            "{codec:?}"
        );
    }
}

#[test]
fn the_length_byte_is_right_for_every_rounding() {
    // Streams of 500 lengths in a row: every distance to the next multiple of 256 occurs, 0 too.
    for extra in 0..500u32 {
        let mut inner = plain();
        inner[..4].fill(0);
        for (i, byte) in inner[5000..5000 + extra as usize].iter_mut().enumerate() {
            *byte = (i as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0];
        }
        let payload = compress(Codec::Lz4, &inner);
        let actual = 26 + payload.len();
        let size = (actual + 1 + 4 + 255) & !255;
        let mut page = vec![0; size];
        page[..24].copy_from_slice(&inner[..24]);
        page[24] = 0x80;
        page[25] = (size >> 8) as u8;
        page[26..actual].copy_from_slice(&payload);
        page[size - 5] = (actual + 5) as u8;
        assert_eq!(decompress(&page, &full_format(Codec::Lz4)), Decompressed::Page(inner), "{extra}");
    }
}

#[test]
fn impossible_lengths_are_damage() {
    let mut page = classic_page(1, Codec::Zlib);
    for len in [0u16, 16384 - 40 + 1, 0xFFFF] {
        page[38..40].copy_from_slice(&len.to_be_bytes());
        assert!(matches!(decompress(&page, &PageFormat::classic(SIZE)), Decompressed::Damaged(_)), "{len}");
    }
    let mut page = full_page(Codec::Lz4);
    for size in [0x8000u16, 0x8040, 0xFFFF] {
        page[24..26].copy_from_slice(&size.to_be_bytes());
        assert!(matches!(decompress(&page, &full_format(Codec::Lz4)), Decompressed::Damaged(_)), "{size:#x}");
    }
    for cut in 0..60 {
        let page = &classic_page(1, Codec::Zlib)[..cut];
        assert!(!matches!(decompress(page, &PageFormat::classic(SIZE)), Decompressed::Page(_)));
    }
}

#[test]
fn a_header_that_differs_from_the_page_inside_is_damage() {
    let mut page = classic_page(1, Codec::Zlib);
    page[7] ^= 1;
    assert!(matches!(decompress(&page, &PageFormat::classic(SIZE)), Decompressed::Damaged(_)));
}

#[test]
fn algorithms_that_do_not_exist_are_damage() {
    for number in [0, 7, 0xFFFF] {
        let page = classic_page(number, Codec::Zlib);
        assert!(matches!(decompress(&page, &PageFormat::classic(SIZE)), Decompressed::Damaged(_)));
    }
}

/// `os_file_compress_page`.
fn transparent_page(algorithm: u8, codec: Codec) -> Vec<u8> {
    let (plain, mut page) = (plain(), vec![0; 16384]);
    let payload = compress(codec, &plain[38..]);
    page[..38].copy_from_slice(&plain[..38]);
    page[24..26].copy_from_slice(&page_type::COMPRESSED.to_be_bytes());
    page[26] = 2;
    page[27] = algorithm;
    page[28..30].copy_from_slice(&page_type::INDEX.to_be_bytes());
    page[30..32].copy_from_slice(&(16384u16 - 38).to_be_bytes());
    page[32..34].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    page[38..38 + payload.len()].copy_from_slice(&payload);
    page
}

#[test]
fn transparent_compression_of_mysql() {
    let format = PageFormat::classic(SIZE);
    assert_eq!(decompress(&transparent_page(1, Codec::Zlib), &format), Decompressed::Page(plain()));
    assert_eq!(decompress(&transparent_page(2, Codec::Lz4), &format), Decompressed::Page(plain()));
    let mut page = transparent_page(1, Codec::Zlib);
    page[27] = 3;
    assert!(matches!(decompress(&page, &format), Decompressed::Damaged(_)));
    page[27] = 1;
    page[26] = 0;
    assert!(matches!(decompress(&page, &format), Decompressed::Damaged(_)));
    page[24..26].copy_from_slice(&page_type::COMPRESSED_AND_ENCRYPTED.to_be_bytes());
    assert_eq!(decompress(&page, &format), Decompressed::Encrypted);
}

#[test]
fn pages_as_they_are() {
    for format in [PageFormat::classic(SIZE), full_format(Codec::Zlib), PageFormat::full_crc32(SIZE)] {
        assert_eq!(decompress(&plain(), &format), Decompressed::NotCompressed);
        assert_eq!(decompress(&[], &format), Decompressed::NotCompressed);
    }
    let zip = PageFormat::zip(SIZE, PageSize::new(8192).unwrap());
    assert_eq!(decompress(&classic_page(1, Codec::Zlib), &zip), Decompressed::NotCompressed);
}

#[test]
fn encrypted_pages_are_not_taken_for_damage() {
    let mut page = full_page(Codec::Zlib);
    page[3] = 1;
    assert_eq!(decompress(&page, &full_format(Codec::Zlib)), Decompressed::Encrypted);
    let mut page = classic_page(1, Codec::Zlib);
    page[24..26].copy_from_slice(&page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED.to_be_bytes());
    page[29] = 1;
    assert_eq!(decompress(&page, &PageFormat::classic(SIZE)), Decompressed::Encrypted);
}
