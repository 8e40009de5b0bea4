//! Names from built dictionaries, and from real ones.

mod real;

use super::*;
use crate::format::dictionary::sys_tables::tests::system;

#[test]
fn the_system_dictionary_names_tables_and_tells_what_can_be_rebuilt() {
    let names = Names::from_system(&system());
    let primary = names.lookup(SpaceId(5), 40).unwrap();
    assert_eq!((primary.table, primary.index, primary.clustered), ("d/t#", "PRIMARY", true));
    assert!(!primary.kind.is_rebuildable());
    let secondary = names.lookup(SpaceId(5), 41).unwrap();
    assert_eq!((secondary.index, secondary.kind.is_rebuildable()), ("by_name", true));
    assert_eq!(names.lookup(SpaceId(6), 40), None, "an index id of another space");
    assert_eq!(names.lookup(SpaceId::SYSTEM, 1).unwrap().table, "SYS_TABLES");
    assert_eq!(names.table_of(SpaceId(5)), Some("d/t#"));
}

#[test]
fn an_index_whose_table_is_hidden_keeps_its_table_id() {
    let mut pages = system();
    pages.0.remove(&8);
    let names = Names::from_system(&pages);
    assert_eq!(names.lookup(SpaceId(5), 40).unwrap().table, "table id 20");
    assert_eq!(names.table_of(SpaceId(5)), None);
}

#[test]
fn the_file_name_is_the_last_resort() {
    let mut names = Names::empty();
    assert_eq!(names, Names::default());
    names.add_file(SpaceId(9), Path::new("/data/d/t@0023#P#p0.ibd"));
    assert_eq!(names.table_of(SpaceId(9)), Some("d/t# partition p0"));
    assert_eq!(names.lookup(SpaceId(9), 1), None);
    assert_eq!(names.lookup(SpaceId(9), SDI_INDEX_ID).unwrap().index, "SDI");
    names.merge(Names::from_system(&system()));
    assert_eq!(names.table_of(SpaceId(5)), Some("d/t#"));
    assert_eq!(names.indexes().filter(|(space, ..)| *space == SpaceId(5)).count(), 2);
}
