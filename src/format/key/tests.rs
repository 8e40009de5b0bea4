use crate::format::fil::page_type;
use crate::format::key::values::{show, width};
use crate::format::key::*;
use crate::format::record::user_records;
use crate::format::tests::pages::{compact_page_with_lengths, redundant_page};

fn column(name: &str, kind: ColumnKind, nullable: bool) -> KeyColumn {
    KeyColumn { name: name.into(), kind, nullable }
}

#[test]
fn every_type_reads_as_servers_store_it() {
    let int = |bytes, signed| ColumnKind::Int { bytes, signed };
    let (text, long) = (ColumnKind::Text(Width::Fixed(6)), ColumnKind::Text(Width::variable(1000)));
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    for (kind, stored, said) in [
        (int(4, true), "80000007", "7"),
        (int(4, true), "7fffffff", "-1"),
        (int(1, true), "00", "-128"),
        (int(8, true), "0000000000000000", "-9223372036854775808"),
        (int(8, false), "ffffffffffffffff", "18446744073709551615"),
        (int(3, false), "000100", "256"),
        (ColumnKind::Year, "7e", "2026"),
        (ColumnKind::Year, "00", "0"),
        (ColumnKind::Date, "8fd581", "2026-12-01"),
        (ColumnKind::DateTime { decimals: 0 }, "99bb82345b", "2026-12-01 03:17:27"),
        (ColumnKind::DateTime { decimals: 3 }, "99bb82345b04d2", "2026-12-01 03:17:27.123"),
        (ColumnKind::Timestamp { decimals: 0 }, "00000000", "1970-01-01 00:00:00 UTC"),
        (ColumnKind::Timestamp { decimals: 2 }, "386cd30063", "1999-12-31 16:00:00.99 UTC"),
        (ColumnKind::Time { decimals: 0 }, "80c103", "12:04:03"),
        (ColumnKind::Time { decimals: 0 }, "7f3efd", "-12:04:03"),
        (ColumnKind::Time { decimals: 1 }, "80c1030a", "12:04:03.1"),
        // The example of the server's manual: DECIMAL(14,4) of 1234567890.1234.
        (ColumnKind::Decimal { precision: 14, scale: 4 }, "810dfb38d204d2", "1234567890.1234"),
        (ColumnKind::Decimal { precision: 14, scale: 4 }, "7ef204c72dfb2d", "-1234567890.1234"),
        (ColumnKind::Decimal { precision: 3, scale: 0 }, "8000", "0"),
        (ColumnKind::Float, "0000c03f", "1.5"),
        (ColumnKind::Double, "000000000000f8bf", "-1.5"),
        (text, "616263202020", "\"abc\""),
        (long, "c3a4", "\"ä\""),
        (long, "00ff", "0x00ff"),
    ] {
        assert_eq!(show(kind, &hex(stored)).as_deref(), Some(said), "{kind:?} {stored}");
    }
    assert_eq!(width(ColumnKind::Decimal { precision: 14, scale: 4 }), Some(Width::Fixed(7)));
    assert_eq!(Width::fixed(769), Width::Variable { long: true });
}

#[test]
fn compact_keys_are_found_behind_null_bits_and_lengths() {
    let key = IndexKey {
        columns: vec![
            column("k", ColumnKind::Int { bytes: 4, signed: true }, true),
            column("name", ColumnKind::Text(Width::variable(640)), true),
            column("id", ColumnKind::Int { bytes: 4, signed: false }, false),
        ],
        nullable: Some(2),
    };
    let long = [b"x".repeat(200), 9_u32.to_be_bytes().to_vec()].concat();
    let long = [0x8000_0005_u32.to_be_bytes().to_vec(), long].concat();
    // Lengths and NULL bits lie backwards before the header: 200 takes two bytes in a column of 640.
    let records: [(&[u8], &[u8]); 3] = [
        (&[2, 0b00], &[0x80, 0, 0, 4, b'a', b'b', 0, 0, 0, 7]),
        (&[200, 0x80, 0b00], &long),
        (&[0b11], &[0, 0, 0, 8]),
    ];
    let page = compact_page_with_lengths(page_type::INDEX, 7, 0, &records);
    let shown: Vec<_> =
        user_records(&page).list.iter().map(|r| key.show(&page, r.origin()).unwrap()).collect();
    assert_eq!(shown[0], "k = 4, name = \"ab\", id = 7");
    assert_eq!(
        shown[1],
        format!("k = 5, name = \"{}\", id = 9", "x".repeat(40)).replace("\", id", "\"..., id")
    );
    assert_eq!(shown[2], "k = NULL, name = NULL, id = 8");
    // Of a table that was changed in place only fixed columns in front are sure.
    let careful = IndexKey { nullable: None, ..key.clone() };
    assert_eq!(careful.show(&page, user_records(&page).list[0].origin()), None);
    let fixed = IndexKey { columns: vec![key.columns[2].clone(), key.columns[1].clone()], nullable: None };
    let page = compact_page_with_lengths(page_type::INDEX, 7, 0, &[(&[], &[0, 0, 0, 7, b'a'])]);
    assert_eq!(fixed.show(&page, user_records(&page).list[0].origin()).as_deref(), Some("id = 7"));
}

#[test]
fn redundant_keys_say_where_they_are_and_nothing_hostile_leaves_the_page() {
    let key = IndexKey {
        columns: vec![
            column("id", ColumnKind::Int { bytes: 4, signed: true }, false),
            column("n", ColumnKind::Text(Width::variable(10)), true),
        ],
        nullable: Some(1),
    };
    let page =
        redundant_page(1, 0, &[&[Some(&[0x80, 0, 0, 3]), None], &[Some(&[0x80, 0, 0, 4]), Some(b"z")]]);
    let shown: Vec<_> =
        user_records(&page).list.iter().map(|r| key.show(&page, r.origin()).unwrap()).collect();
    assert_eq!(shown, ["id = 3, n = NULL", "id = 4, n = \"z\""]);
    let page = compact_page_with_lengths(page_type::INDEX, 7, 0, &[(&[], b"x")]);
    for origin in [0, 5, 6, page.len() - 1, page.len(), usize::MAX] {
        let _ = key.show(&page, origin);
    }
    assert_eq!(key.show(&page[..30], 10), None);
}
