use proptest::prelude::*;

use super::*;
use crate::units::{PageNo, SpaceId};

const ID: PageId = (SpaceId(7), PageNo(5));

fn first(record: &[u8]) -> PageChange<'_> {
    match MtrRecords::new(record).next() {
        Some(RedoRecord::Page(record)) => record,
        other => panic!("{other:?}"),
    }
}

fn contradicts(page: &mut [u8], record: &[u8]) -> bool {
    let before = page.len();
    let done = Frame::new(page, ID, false).apply_one(&first(record));
    assert_eq!(page.len(), before);
    done.is_err_and(|refused| refused.why == Contradiction::Page)
}

#[test]
fn no_offset_leaves_the_page() {
    let mut page = vec![7; 4096];
    // Offset 4096, then 4095 with two bytes, then 7: the page number.
    assert!(contradicts(&mut page, &[0x35, 7, 5, 0x8F, 0x80, 1]));
    assert!(contradicts(&mut page, &[0x36, 7, 5, 0x8F, 0x7F, 1, 1]));
    assert!(contradicts(&mut page, &[0x34, 7, 5, 7, 1]));
    // MEMSET of 4000 bytes from 200 on, MEMMOVE from before byte 8 and from behind the end.
    assert!(contradicts(&mut page, &[0x47, 7, 5, 0x80, 72, 0x8F, 0x20, 1]));
    assert!(contradicts(&mut page, &[0x55, 7, 5, 10, 4, 5]));
    assert!(contradicts(&mut page, &[0x56, 7, 5, 10, 4, 0xA0, 0]));
    assert!(page.iter().all(|&byte| byte == 7), "nothing was written");
}

#[test]
fn same_page_offsets_count_from_the_end_of_the_record_before() {
    let mut page = vec![0; 4096];
    let mut frame = Frame::new(&mut page, ID, false);
    // INIT_PAGE, then 22 behind byte 24, then 2 behind that.
    frame.apply(MtrRecords::new(&[0x12, 7, 5, 0xB2, 22, 0xAA, 0xB2, 2, 0xBB]), Lsn(99)).unwrap();
    assert_eq!((page[46], page[49]), (0xAA, 0xBB));
    assert_eq!(page[4..16], [0, 0, 0, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!((page[23], page[37]), (99, 7), "LSN and space id");
}

#[test]
fn what_is_not_known_or_leaves_no_page_is_refused() {
    for (record, why) in [
        (&[0x62, 7, 5][..], Contradiction::Unknown),
        (&[0x23, 7, 5, 11], Contradiction::Unknown),
        (&[0x02, 7, 5], Contradiction::Gone),
        (&[0x23, 7, 5, 10], Contradiction::Gone),
        (&[0x77, 7, 5, 0, 1, 2, 3, 4], Contradiction::Checksum),
    ] {
        let mut page = vec![0; 4096];
        let refused = Frame::new(&mut page, ID, false).apply_one(&first(record)).unwrap_err();
        assert_eq!(refused.why, why, "{record:?}");
    }
}

#[test]
fn rows_never_come_to_pages_of_compressed_tables_or_to_the_first_pages() {
    let init = [0x23, 7, 5, 1];
    let mut page = vec![0; 4096];
    assert!(Frame::new(&mut page, ID, true).apply_one(&first(&init)).is_err());
    let mut page = vec![0; 4096];
    let early = (SpaceId(7), PageNo(2));
    assert!(Frame::new(&mut page, early, false).apply_one(&first(&[0x23, 7, 2, 1])).is_err());
}

/// Bytes that make sense as an index page often enough to get past the first checks.
fn index_page() -> impl Strategy<Value = Vec<u8>> {
    (proptest::collection::vec(any::<u8>(), 4096), any::<bool>(), 2u16..40, 120u16..4000).prop_map(
        |(mut page, dynamic, slots, top)| {
            let row = if dynamic { RowLayout::Dynamic } else { RowLayout::Redundant };
            let noise = page.clone();
            index::create(&mut page, row).unwrap();
            let top = usize::from(top);
            page[125..top.max(125)].copy_from_slice(&noise[125..top.max(125)]);
            page[4000..4084].copy_from_slice(&noise[4000..4084]);
            put_u16(&mut page, 38, usize::from(slots)).unwrap();
            put_u16(&mut page, 40, top).unwrap();
            put_u16(&mut page, 42, (usize::from(slots) + 3) | if dynamic { 0x8000 } else { 0 }).unwrap();
            put_u16(&mut page, 44, top / 2).unwrap();
            put_u16(&mut page, 4088 - 2 * usize::from(slots), if dynamic { 112 } else { 116 }).unwrap();
            page
        },
    )
}

fn records() -> impl Strategy<Value = Vec<u8>> {
    let record = (0u8..8, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..14), 0u8..11).prop_map(
        |(kind, same, mut body, subtype)| {
            if kind == 2 {
                body.insert(0, subtype);
            }
            if !same {
                body.splice(0..0, [7, 5]);
            }
            body.truncate(15);
            body.resize(body.len().max(1), 0);
            let mut record = vec![kind << 4 | u8::from(same) << 7 | body.len() as u8];
            record.append(&mut body);
            record
        },
    );
    proptest::collection::vec(record, 1..12).prop_map(|records| records.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn hostile_records_never_panic_and_never_change_the_size(mut page in index_page(), records in records()) {
        let number = page[4..8].to_vec();
        let _ = Frame::new(&mut page, ID, false).apply(MtrRecords::new(&records), Lsn(1));
        prop_assert_eq!(page.len(), 4096);
        let inits = MtrRecords::new(&records).any(|r| matches!(r, RedoRecord::Page(p) if p.operation == Operation::Init));
        prop_assert!(inits || page[4..8] == number[..], "no record but INIT_PAGE writes the page number");
    }
}
