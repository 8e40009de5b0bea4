//! The dictionary as real servers wrote it; pages from `testdata/pages`.

use std::path::Path;

use crate::format::dictionary::sdi;
use crate::format::fields::page_fields;
use crate::format::fsp::PageFormat;
use crate::format::tests::pages::Pages;
use crate::format::{IndexKind, Names, xdes};
use crate::units::{PageNo, PageSize, SpaceId};

fn pages(name: &str, numbers: &[u32]) -> Pages {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/pages");
    let read = |n: &u32| {
        let packed = std::fs::read(directory.join(format!("{name}-page-{n}.zstd"))).unwrap();
        (*n, zstd::decode_all(&packed[..]).unwrap())
    };
    Pages(numbers.iter().map(read).collect())
}

#[test]
fn mysql_9_7_names_its_table_in_sdi() {
    let source = pages("mysql-9.7-t1", &[0, 3]);
    let names = Names::from_sdi(SpaceId(2), &source);
    let found: Vec<_> =
        names.indexes().map(|(s, id, n)| (s.0, id, n.table, n.index, n.kind, n.root)).collect();
    let expected = [
        (2, 154, "d/t1", "PRIMARY", IndexKind::Clustered, Some(PageNo(4))),
        (2, 155, "d/t1", "kb", IndexKind::Secondary, Some(PageNo(5))),
    ];
    assert_eq!(found, expected);
    assert_eq!(names.table_of(SpaceId(2)), Some("d/t1"));
    let mut kinds = Vec::new();
    sdi::each_json(&source, |kind, json| {
        kinds.push(kind);
        assert!(serde_json::from_slice::<serde_json::Value>(json).is_ok());
    });
    assert_eq!(kinds, [1, 2], "the table, then its tablespace");
}

#[test]
fn mysql_5_6_names_all_tables_in_the_system_tablespace() {
    let names = Names::from_system(&pages("mysql-5.6-ibdata1", &[7, 8, 11]));
    let spaces: Vec<_> = (1..8).map(|n| names.table_of(SpaceId(n)).unwrap()).collect();
    let expected = [
        "mysql/innodb_table_stats",
        "mysql/innodb_index_stats",
        "mysql/slave_relay_log_info",
        "mysql/slave_master_info",
        "mysql/slave_worker_info",
        "d/t1",
        "d/t2",
    ];
    assert_eq!(spaces, expected);
    let secondary = names.lookup(SpaceId(6), 23).unwrap();
    assert_eq!((secondary.table, secondary.index, secondary.root), ("d/t1", "kb", Some(PageNo(4))));
    assert!(secondary.kind.is_rebuildable() && !secondary.clustered);
    let system: Vec<_> = names.tables_in(SpaceId::SYSTEM).collect();
    assert_eq!(system, ["SYS_DATAFILES", "SYS_FOREIGN", "SYS_FOREIGN_COLS", "SYS_TABLESPACES"]);
}

#[test]
fn descriptors_tell_used_pages_from_free_ones() {
    let source = pages("mysql-9.7-t1", &[0]);
    let format = PageFormat::classic(PageSize::DEFAULT);
    let free = (0..64).filter(|&n| {
        xdes::page_state(&source.0[&0], &format, PageNo(n)) == Some(xdes::DescriptorState::Free)
    });
    assert_eq!(free.count(), 39, "FSP_FRAG_N_USED is 25");
    let fields = page_fields(&source.0[&0], &format);
    let field = |name: &str| fields.iter().find(|f| f.name == name).map(|f| &f.value[..]);
    assert_eq!(field("FSP_FRAG_N_USED"), Some("25"));
    assert_eq!(field("FIL_PAGE_SRV_VERSION"), Some("90704"));
    assert_eq!(field("SDI root page"), Some("3"));
}

/// Every byte of the pages that names come from, turned over in turn: never a panic, never a walk without end.
#[test]
fn no_flipped_byte_stops_the_reader() {
    let system = pages("mysql-5.6-ibdata1", &[7, 8, 11]);
    let sdi = pages("mysql-9.7-t1", &[0, 3]);
    for at in (0..16384).filter(|at| *at < 1600 || at % 97 == 0) {
        for (source, read) in [(&system, true), (&sdi, false)] {
            let mut broken = Pages(source.0.clone());
            broken.0.values_mut().for_each(|page| page[at] ^= 0xFF);
            let _ = if read { Names::from_system(&broken) } else { Names::from_sdi(SpaceId(2), &broken) };
        }
    }
}
