use std::io::Write;

use crate::format::Names;
use crate::format::dictionary::sdi::*;
use crate::format::fil::page_type;
use crate::format::fsp::FSP_SPACE_FLAGS;
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
