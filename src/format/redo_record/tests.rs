use super::*;

fn operations(bytes: &[u8]) -> Vec<Operation<'_>> {
    MtrRecords::new(bytes)
        .map(|record| match record {
            RedoRecord::Page(page) => page.operation,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_examples_of_the_servers_own_comment() {
    assert!(matches!(
        MtrRecords::new(&[0x12, 0x34, 0x56]).next(),
        Some(RedoRecord::Page(PageChange {
            page: (SpaceId(0x34), PageNo(0x56)),
            operation: Operation::Init,
            ..
        }))
    ));
    let write = operations(&[0x36, 0x40, 0x57, 0x60, 0x12, 0x34, 0x56]);
    assert_eq!(write, [Operation::Write { ahead: 0x60, bytes: &[0x12, 0x34, 0x56] }]);
    let both: Vec<_> =
        MtrRecords::new(&[0x36, 0x40, 0x57, 0x60, 1, 2, 3, 0xB5, 0x7F, 0x23, 0x34, 0x56, 0x78]).collect();
    let Some(RedoRecord::Page(second)) = both.get(1) else { panic!("{both:?}") };
    assert!(second.same_page && second.page == (SpaceId(0x40), PageNo(0x57)));
    assert_eq!(second.operation, Operation::Write { ahead: 0x7F, bytes: &[0x23, 0x34, 0x56, 0x78] });
}

#[test]
fn file_records_come_before_pages_only() {
    let mut bytes = vec![0x80 | 13, 5, 0];
    bytes.extend_from_slice(b"./d/t1.ibd\0"[..10].as_ref());
    bytes.push(b'x');
    let Some(RedoRecord::File(file)) = MtrRecords::new(&bytes).next() else { panic!() };
    assert_eq!((file.change, file.space), (FileChange::Create, SpaceId(5)));
    let rename = [&[0xA0 | 9, 5, 0][..], b"a\0b.ibd"].concat();
    let Some(RedoRecord::File(file)) = MtrRecords::new(&rename).next() else { panic!() };
    assert_eq!((file.change, file.name), (FileChange::Rename, &b"b.ibd"[..]));
    let checkpoint = [0xFA, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2];
    assert_eq!(MtrRecords::new(&checkpoint).next(), Some(RedoRecord::Checkpoint(Some(Lsn(0x102)))));
    assert_eq!(MtrRecords::new(&[0xF1, 0]).next(), Some(RedoRecord::Checkpoint(None)), "padding");
}

#[test]
fn cut_and_reserved_records_are_told_apart_from_sound_ones() {
    assert_eq!(MtrRecords::new(&[0x3F, 4]).next(), Some(RedoRecord::Malformed));
    assert_eq!(MtrRecords::new(&[0x30, 0xFF]).next(), Some(RedoRecord::Malformed));
    assert_eq!(operations(&[0x62, 1, 2]), [Operation::Unknown], "reserved");
    assert_eq!(operations(&[0x13, 1, 2, 0]), [Operation::Unknown], "an INIT_PAGE with something behind it");
    assert_eq!(operations(&[0x24, 1, 3, 11, 0]), [Operation::Unknown], "a subtype to come");
}

#[test]
fn distances_carry_their_sign_in_the_lowest_bit() {
    let back = operations(&[0x55, 1, 2, 60, 4, 1]);
    assert_eq!(back, [Operation::Move { ahead: 60, len: 4, distance: -1 }]);
    let ahead = operations(&[0x55, 1, 2, 60, 4, 4]);
    assert_eq!(ahead, [Operation::Move { ahead: 60, len: 4, distance: 3 }]);
}

#[test]
fn varints_of_every_length() {
    let value = |bytes: &[u8]| varint(bytes).map(|(value, _)| value);
    assert_eq!(value(&[0x7F]), Some(127));
    assert_eq!(value(&[0x80, 0]), Some(0x80));
    assert_eq!(value(&[0xC0, 0, 1]), Some(0x4081));
    assert_eq!(value(&[0xE0, 0, 0, 0]), Some(0x20_4080));
    assert_eq!(value(&[0xF0, 0, 0, 0, 0]), Some(0x1020_4080));
    assert_eq!(value(&[0xC0, 0]), None);
    assert_eq!(value(&[0xF8, 0, 0, 0, 0]), None);
}

#[test]
fn hidden_records_still_say_what_frees_and_initialises() {
    let names: Vec<_> = MtrRecords::hidden(&[0x02, 1, 2, 0x12, 1, 3, 0x33, 1, 3, 0xAA, 0x23, 1, 3, 0x77])
        .map(|record| match record {
            RedoRecord::Page(page) => page.operation,
            other => panic!("{other:?}"),
        })
        .collect();
    let hidden = |may_trim| Operation::Hidden { may_trim };
    assert_eq!(names, [Operation::Free, Operation::Init, hidden(false), hidden(true)]);
}
