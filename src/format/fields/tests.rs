use crate::format::fields::*;
use crate::format::tests::pages::{SIZE, compact_page, put};
use crate::units::PageSize;

fn value<'a>(fields: &'a [PageField], name: &str) -> Option<&'a str> {
    fields.iter().find(|f| f.name == name).map(|f| &f.value[..])
}

fn page(kind: u16, page_no: u32) -> Vec<u8> {
    let mut page = vec![0; SIZE];
    put(&mut page, 4, &page_no.to_be_bytes());
    put(&mut page, 24, &kind.to_be_bytes());
    page
}

fn classic(page: &[u8]) -> Vec<PageField> {
    page_fields(page, &PageFormat::classic(PageSize::DEFAULT))
}

#[test]
fn an_index_page_shows_header_keys_and_trailer() {
    let mut page = compact_page(77, 0, &[b"alpha-alpha-alpha-", b"omega-omega-omega-"]);
    put(&mut page, 4, &9u32.to_be_bytes());
    let fields = classic(&page);
    assert_eq!(value(&fields, "PAGE_INDEX_ID"), Some("77"));
    assert_eq!(value(&fields, "PAGE_N_HEAP"), Some("4, COMPACT records"));
    assert_eq!(value(&fields, "first key"), Some("\"alpha-alpha-alph\""));
    assert_eq!(value(&fields, "FIL_PAGE_PREV"), Some("none"));
    assert_eq!(value(&fields, "FIL_PAGE_END_LSN_LOW"), Some("0"));
    let fields = page_fields(&page, &PageFormat::full_crc32(PageSize::DEFAULT));
    assert_eq!(value(&fields, "FIL_PAGE_FCRC32_CHECKSUM"), Some("0x00000000"));
}

#[test]
fn page_0_is_a_header_whatever_its_type_says() {
    let mut page = page(0, 0);
    put(&mut page, 46, &768u32.to_be_bytes());
    put(&mut page, 150 + 20, &[0, 0, 0, 2]);
    put(&mut page, 150 + 24, &[0xAA, 0xAA, 0xAF]);
    let fields = classic(&page);
    assert_eq!(value(&fields, "FSP_SIZE"), Some("768"));
    assert_eq!(value(&fields, "pages 0..63"), Some("FREE_FRAG, 2 free"));
    assert_eq!(value(&fields, "pages 64..127"), None);
}

#[test]
fn segments_are_counted() {
    let mut page = page(page_type::INODE, 2);
    put(&mut page, 50 + 7, &[5]);
    put(&mut page, 50 + 60, &97_937_874u32.to_be_bytes());
    put(&mut page, 50 + 64, &[0xFF; 128]);
    put(&mut page, 50 + 64, &[0, 0, 0, 3]);
    let fields = classic(&page);
    let expected = "1 single pages, extents: 0 full, 0 not full (0 pages used), 0 free";
    assert_eq!(value(&fields, "segment 5"), Some(expected));
}

#[test]
fn undo_headers_stand_only_on_the_first_page_of_a_segment() {
    let mut page = page(page_type::UNDO_LOG, 300);
    put(&mut page, 38, &[0, 2]);
    assert_eq!(value(&classic(&page), "TRX_UNDO_STATE"), None);
    put(&mut page, 74, &300u32.to_be_bytes());
    put(&mut page, 56, &[0, 1, 0, 100]);
    put(&mut page, 100, &4711u64.to_be_bytes());
    let fields = classic(&page);
    assert_eq!(value(&fields, "TRX_UNDO_STATE"), Some("1 (active)"));
    assert_eq!(value(&fields, "TRX_UNDO_TRX_ID"), Some("4711"));
}

#[test]
fn the_binary_log_position_is_read() {
    let mut page = page(page_type::TRX_SYS, 5);
    put(&mut page, 56, &[0xFF; 1024]);
    put(&mut page, 56, &[0, 0, 0, 0, 0, 0, 0, 6]);
    put(&mut page, SIZE - 1000, &873_422_344u32.to_be_bytes());
    put(&mut page, SIZE - 1000 + 4, &154u64.to_be_bytes());
    put(&mut page, SIZE - 1000 + 12, b"bin.000001");
    put(&mut page, SIZE - 190, &536_853_855u32.to_be_bytes());
    let fields = classic(&page);
    assert_eq!(value(&fields, "TRX_SYS_RSEGS"), Some("1 of 128 slots used, in spaces 0"));
    assert_eq!(value(&fields, "TRX_SYS_MYSQL_LOG_NAME"), Some("bin.000001"));
    assert_eq!(value(&fields, "TRX_SYS_MYSQL_LOG_OFFSET"), Some("154"));
    assert_eq!(value(&fields, "TRX_SYS_DOUBLEWRITE_MAGIC"), Some("536853855"));
}

#[test]
fn every_type_in_every_format_of_every_length_is_survived() {
    let noise: Vec<u8> = (0..65536u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let types = (0..32).chain([17853, 17854, 17855, 34354, 37401, 0x8005]);
    for kind in types {
        for (page_no, length) in
            [(0u32, 16384), (1, 16384), (2, 16384), (7, 16384), (9, 40), (9, 100), (9, 1024)]
        {
            let mut page = noise[..length].to_vec();
            put(&mut page, 4, &page_no.to_be_bytes());
            put(&mut page, 24, &u16::to_be_bytes(kind));
            for format in [
                PageFormat::classic(PageSize::DEFAULT),
                PageFormat::full_crc32(PageSize::logical(65536).unwrap()),
                PageFormat::zip(PageSize::DEFAULT, PageSize::new(1024).unwrap()),
            ] {
                for field in page_fields(&page, &format) {
                    assert!(field.offset + field.len <= length, "{kind} {field:?}");
                }
            }
        }
    }
}

#[test]
fn zero_pages_and_crumbs_have_no_fields() {
    assert!(classic(&vec![0; SIZE]).is_empty());
    assert!(classic(&[1; 20]).is_empty());
}
