use std::io::Write;

use crate::format::Names;
use crate::format::dictionary::sdi::*;
use crate::format::fil::page_type;
use crate::format::fsp::FSP_SPACE_FLAGS;
use crate::format::key::{ColumnKind, Width};
use crate::format::tests::pages::{Pages, SIZE, compact_page_with_lengths, put};

const JSON: &str = r#"{"mysqld_version_id": 90704, "dd_object_type": "Table", "dd_object": {
    "name": "t1", "schema_ref": "d", "columns": [], "indexes": [
        {"name": "PRIMARY", "type": 1, "se_private_data": "id=154;root=4;space_id=2;table_id=1065;trx_id=1;"},
        {"name": "by_v", "type": 3, "se_private_data": "id=155;root=5;space_id=2;table_id=1065;trx_id=1;"}],
    "partitions": []}}"#;

const PARTITIONED: &str = r#"{"dd_object": {"name": "p", "schema_ref": "d",
    "indexes": [{"name": "PRIMARY", "type": 1, "se_private_data": ""}],
    "partitions": [
        {"name": "p0", "indexes": [{"index_opx": 0, "se_private_data": "id=160;root=4;space_id=2;"}]},
        {"name": "p1", "indexes": [], "subpartitions": [
            {"name": "p1s0", "indexes": [{"index_opx": 0, "se_private_data": "id=161;root=4;space_id=3;"}]}]}]}}"#;

fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn page0(flags: u32) -> Vec<u8> {
    let mut page = vec![0; SIZE];
    put(&mut page, FSP_SPACE_FLAGS, &flags.to_be_bytes());
    put(&mut page, 10505, &[0, 0, 0, 1, 0, 0, 0, 3]);
    page
}

fn record(json_len: usize, stream_len: usize, stored: &[u8]) -> Vec<u8> {
    let mut record = vec![0; REC_DATA];
    put(&mut record, REC_TYPE, &SDI_TYPE_TABLE.to_be_bytes());
    put(&mut record, REC_UNCOMPRESSED_LEN, &(json_len as u32).to_be_bytes());
    put(&mut record, REC_COMPRESSED_LEN, &(stream_len as u32).to_be_bytes());
    record.extend_from_slice(stored);
    record
}

fn leaf(lengths: &[u8], data: &[u8]) -> Vec<u8> {
    compact_page_with_lengths(page_type::SDI, SDI_INDEX_ID, 0, &[(lengths, data)])
}

/// A tablespace whose one record is stored whole, or with all but its reference on BLOB pages of 100 bytes.
fn space(json: &str, elsewhere: bool) -> Pages {
    let stream = deflate(json);
    let mut pages = Pages([(0, page0(0x4021))].into());
    if !elsewhere {
        let lengths = [stream.len() as u8, 0x80 | (stream.len() >> 8) as u8];
        pages.0.insert(3, leaf(&lengths, &record(json.len(), stream.len(), &stream)));
        return pages;
    }
    let mut reference = vec![0; BLOB_REFERENCE];
    put(&mut reference, 4, &50u32.to_be_bytes());
    pages.0.insert(3, leaf(&[20, 0xC0], &record(json.len(), stream.len(), &reference)));
    for (n, part) in stream.chunks(100).enumerate() {
        let mut blob = vec![0; SIZE];
        put(&mut blob, BLOB_PART_LEN, &(part.len() as u32).to_be_bytes());
        put(&mut blob, BLOB_NEXT_PAGE, &(51 + n as u32).to_be_bytes());
        put(&mut blob, BLOB_DATA, part);
        pages.0.insert(50 + n as u32, blob);
    }
    pages
}

fn names(pages: &Pages) -> Vec<(u32, u64, String, String, bool)> {
    let names = Names::from_sdi(SpaceId(2), pages);
    names.indexes().map(|(s, id, n)| (s.0, id, n.table.to_owned(), n.index.to_owned(), n.clustered)).collect()
}

#[test]
fn a_table_is_named_from_its_record() {
    for elsewhere in [false, true] {
        let found = names(&space(JSON, elsewhere));
        let expected = [(2, 154, "d/t1", "PRIMARY", true), (2, 155, "d/t1", "by_v", false)];
        assert_eq!(found, expected.map(|(s, i, t, x, c)| (s, i, t.to_owned(), x.to_owned(), c)));
    }
}

#[test]
fn partitions_have_trees_of_their_own() {
    let found = names(&space(PARTITIONED, false));
    let tables: Vec<_> = found.iter().map(|n| (n.0, n.1, &n.2[..])).collect();
    assert_eq!(tables, [(2, 160, "d/p partition p0"), (3, 161, "d/p partition p1 subpartition p1s0")]);
    let here = Names::from_sdi(SpaceId(2), &space(PARTITIONED, false));
    assert_eq!(
        here.table_of(SpaceId(2)),
        Some("d/p partition p0"),
        "only the partition that lies in the file"
    );
}

#[test]
fn a_blob_page_that_is_missing_or_runs_in_circles_gives_no_name() {
    let mut pages = space(JSON, true);
    let whole = names(&pages).len();
    pages.0.remove(&51);
    assert_eq!((whole, names(&pages).len()), (2, 0));
    let mut pages = space(JSON, true);
    put(pages.0.get_mut(&50).unwrap(), BLOB_NEXT_PAGE, &50u32.to_be_bytes());
    assert!(names(&pages).is_empty());
    put(pages.0.get_mut(&50).unwrap(), BLOB_PART_LEN, &[0; 4]);
    assert!(names(&pages).is_empty());
}

#[test]
fn lengths_that_lie_give_no_name() {
    let stream = deflate(JSON);
    let lengths = [stream.len() as u8, 0x80 | (stream.len() >> 8) as u8];
    for (json_len, stream_len) in
        [(JSON.len() + 1, stream.len()), (JSON.len(), stream.len() + 1), (1 << 31, stream.len())]
    {
        let mut pages = space(JSON, false);
        pages.0.insert(3, leaf(&lengths, &record(json_len, stream_len, &stream)));
        assert!(names(&pages).is_empty(), "{json_len} {stream_len}");
    }
}

#[test]
fn tablespaces_without_sdi_have_no_root() {
    assert_eq!(root(&page0(0x4021)), Some(PageNo(3)));
    assert_eq!(root(&page0(0x21)), None, "no SDI flag");
    assert_eq!(root(&page0(0x15)), None, "MariaDB");
    assert_eq!(root(&page0(0x4029)), None, "compressed pages");
    assert_eq!(root(&page0(0x4021)[..10505]), None);
}

/// As MySQL 9.7.4 writes them, shortened: a table without a key of its own, and one with types of every width.
const KEYS: &str = r#"{"dd_object": {"name": "nokey", "schema_ref": "d", "hidden": 1, "columns": [
        {"name": "b", "type": 16, "is_nullable": true, "char_length": 80, "column_type_utf8": "varchar(20)", "collation_id": 255},
        {"name": "c", "type": 29, "is_nullable": true, "char_length": 10, "column_type_utf8": "char(10)", "collation_id": 8},
        {"name": "de", "type": 21, "is_nullable": true, "numeric_precision": 14, "numeric_scale": 4},
        {"name": "DB_ROW_ID", "type": 10, "char_length": 6},
        {"name": "DB_TRX_ID", "type": 10, "char_length": 6}],
    "indexes": [
        {"name": "PRIMARY", "hidden": true, "type": 2, "se_private_data": "id=154;root=4;space_id=2;", "elements": [
            {"length": 4294967295, "column_opx": 3}, {"length": 4294967295, "column_opx": 4},
            {"length": 4294967295, "column_opx": 0}, {"length": 4294967295, "column_opx": 1}, {"length": 4294967295, "column_opx": 2}]},
        {"name": "kc", "type": 3, "se_private_data": "id=155;root=5;space_id=2;", "elements": [
            {"length": 4, "column_opx": 1}, {"length": 7, "column_opx": 2}, {"length": 80, "column_opx": 0}, {"length": 4294967295, "column_opx": 3}]}]}}"#;

#[test]
fn keys_come_with_their_types_and_the_hidden_index_has_its_true_name() {
    let found = Names::from_sdi(SpaceId(2), &space(KEYS, false));
    assert_eq!(found.lookup(SpaceId(2), 154).unwrap().index, "GEN_CLUST_INDEX");
    let key = found.key(SpaceId(2), 154).unwrap();
    assert_eq!(key.columns.iter().map(|column| &column.name[..]).collect::<Vec<_>>(), ["DB_ROW_ID"]);
    assert_eq!(key.nullable, Some(3), "of the whole record");
    let key = found.key(SpaceId(2), 155).unwrap();
    let kinds: Vec<_> = key.columns.iter().map(|column| column.kind).collect();
    let row_id = ColumnKind::Int { bytes: 6, signed: false };
    let (cut, text) = (Width::Fixed(4), Width::Variable { long: false });
    let decimal = ColumnKind::Decimal { precision: 14, scale: 4 };
    assert_eq!(kinds, [ColumnKind::Text(cut), decimal, ColumnKind::Text(text), row_id]);
    // After ADD COLUMN in place, and in tables of the server's own, NULL bits are not what is described.
    let instant =
        KEYS.replace(r#""char_length": 80,"#, r#""char_length": 80, "se_private_data": "version_added=1;","#);
    for changed in [instant, KEYS.replace(r#""hidden": 1"#, r#""hidden": 2"#)] {
        let found = Names::from_sdi(SpaceId(2), &space(&changed, false));
        assert_eq!(found.key(SpaceId(2), 155).unwrap().nullable, None);
    }
    let broken = KEYS.replace(r#""column_opx": 1}"#, r#""column_opx": 99}"#);
    assert_eq!(Names::from_sdi(SpaceId(2), &space(&broken, false)).key(SpaceId(2), 155), None);
}
