//! Bundles that somebody cut, altered, continued or made up.

use crate::instance::bundle::open::request_of;
use crate::instance::request::Request;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::error::Error;
use crate::instance::bundle::read::{BundleReader, BundleRecord};
use crate::instance::bundle::unpack::Bundle;
use crate::instance::bundle::write::Writer;
use crate::instance::bundle::{FileEntry, LinkTarget, Manifest, StoredRequest, seal};

fn entry(path: &str, size: u64) -> FileEntry {
    FileEntry { path: path.into(), size, mtime: 5, mtime_nanos: 6, mode: 0o600, device: 7, inode: 8 }
}

fn manifest() -> Manifest {
    Manifest {
        schema_version: 1,
        request: StoredRequest { path: "data".into(), ..StoredRequest::default() },
        ..Manifest::default()
    }
}

/// A bundle with a little of everything.
fn small() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), [3; 16], &manifest()).unwrap();
    writer.directory(Path::new("data/d")).unwrap();
    writer.begin(&entry("data/d/t1.ibd", 100_000)).unwrap();
    writer.data(16384, &[7; 4096]).unwrap();
    writer.data(65536, b"end").unwrap();
    writer.lost(80_000, 512, "bad sector").unwrap();
    writer.end().unwrap();
    writer.link(Path::new("data/e"), &LinkTarget::Inside("data/d".into())).unwrap();
    writer.link(Path::new("data/f"), &LinkTarget::Outside("/etc".into())).unwrap();
    writer.finish().unwrap().1
}

fn read(bytes: &[u8]) -> crate::error::Result<Vec<BundleRecord>> {
    let mut reader = BundleReader::new(Cursor::new(bytes), Path::new("b"))?;
    let mut records = Vec::new();
    while let Some(record) = reader.next()? {
        records.push(record);
    }
    Ok(records)
}

#[test]
fn what_was_written_is_read() {
    let records = read(&small()).unwrap();
    assert_eq!(records.len(), 8);
    assert_eq!(records[1], BundleRecord::File(entry("data/d/t1.ibd", 100_000)));
    assert_eq!(records[3], BundleRecord::Data { offset: 65536, bytes: b"end".to_vec() });
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused_with_its_place() {
    let whole = small();
    for cut in 0..whole.len() {
        let error = read(&whole[..cut]).unwrap_err();
        assert!(matches!(&error, Error::Sealed { offset, .. } if offset.0 <= cut as u64), "{cut}: {error}");
    }
    for bit in 0..whole.len() * 8 {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let error = read(&altered).unwrap_err();
        assert!(
            matches!(&error, Error::Sealed { offset, .. } if offset.0 <= (bit / 8) as u64 + 4),
            "bit {bit}: {error}"
        );
    }
    assert!(matches!(read(&[whole, vec![0]].concat()), Err(Error::Sealed { .. })));
}

#[test]
fn records_cannot_be_cut_out_or_exchanged() {
    let whole = small();
    let mut starts = vec![36];
    while let Some(length) = whole.get(starts[starts.len() - 1] + 4..starts[starts.len() - 1] + 8) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        starts.push(starts[starts.len() - 1] + length);
    }
    let records: Vec<&[u8]> = starts.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect();
    assert_eq!(starts.last(), Some(&whole.len()));
    for gone in 0..records.len() {
        let rest: Vec<&[u8]> =
            records.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, r)| *r).collect();
        assert!(read(&[&whole[..36], &rest.concat()].concat()).is_err(), "{gone}");
    }
    for at in 1..records.len() {
        let mut swapped = records.clone();
        swapped.swap(at - 1, at);
        assert!(read(&[&whole[..36], &swapped.concat()].concat()).is_err(), "{at}");
    }
}

fn unpack(write: impl FnOnce(&mut Writer<Vec<u8>>)) -> crate::error::Result<Bundle> {
    let mut writer = Writer::new(Vec::new(), [3; 16], &manifest()).unwrap();
    write(&mut writer);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bundle");
    std::fs::write(&path, writer.finish().unwrap().1).unwrap();
    Bundle::open(&path)
}

#[test]
fn a_sound_bundle_that_leads_out_of_its_directory_is_refused() {
    for path in ["../x", "/tmp/x", "data/../../x", "data/./x", ""] {
        let file = unpack(|writer| {
            writer.begin(&entry(path, 1)).unwrap();
            writer.end().unwrap();
        });
        assert!(matches!(file, Err(Error::Sealed { .. })), "file {path}");
        let dir = unpack(|writer| writer.directory(Path::new(path)).unwrap());
        assert!(matches!(dir, Err(Error::Sealed { .. })), "directory {path}");
        let link = unpack(|writer| {
            writer.link(Path::new("data/l"), &LinkTarget::Inside(PathBuf::from(path))).unwrap();
        });
        assert!(matches!(link, Err(Error::Sealed { .. })), "link {path}");
    }
    let twice = unpack(|writer| {
        for _ in 0..2 {
            writer.begin(&entry("data/x", 1)).unwrap();
            writer.end().unwrap();
        }
    });
    assert!(twice.is_err(), "one file twice");
}

#[test]
fn a_manifest_that_leads_out_is_refused() {
    let bundle = unpack(|_| ()).unwrap();
    for path in ["/etc", "../..", "data/../.."] {
        let mut bundle = Bundle::open(&{
            let kept = bundle.dir().join(format!("again{}", path.len()));
            let writer = Writer::new(Vec::new(), [3; 16], &manifest()).unwrap();
            std::fs::write(&kept, writer.finish().unwrap().1).unwrap();
            kept
        })
        .unwrap();
        bundle.manifest.request.redo_dir = Some(path.into());
        assert!(request_of(&bundle, &Request::default()).is_err(), "{path}");
        bundle.manifest.request.redo_dir = None;
        bundle.manifest.request.data_file_path = Some(format!("{path}/x:12M"));
        assert!(request_of(&bundle, &Request::default()).is_err(), "{path}");
    }
}

#[test]
fn links_out_are_not_made_and_links_inside_lead_inside() {
    let bundle = unpack(|writer| {
        writer.directory(Path::new("data/d")).unwrap();
        writer.link(Path::new("data/e"), &LinkTarget::Inside("data/d".into())).unwrap();
        writer.link(Path::new("data/f"), &LinkTarget::Outside("/etc".into())).unwrap();
    })
    .unwrap();
    let root = bundle.dir().canonicalize().unwrap();
    assert!(root.join("data/e").canonicalize().unwrap().starts_with(&root));
    assert!(root.join("data/f").symlink_metadata().is_err());
}

#[test]
fn the_temporary_directory_goes_with_the_bundle() {
    let bundle = unpack(|_| ()).unwrap();
    let dir = bundle.dir().to_path_buf();
    assert!(dir.join("data").is_dir());
    drop(bundle);
    assert!(!dir.exists());
}

/// Records with sound seals around any bodies: what a reader sees that trusts the seal.
fn sealed_records(parts: &[(usize, Vec<u8>)]) -> Vec<u8> {
    const TAGS: [&[u8; 4]; 8] = [b"DATA", b"FILE", b"DIR ", b"LINK", b"LOST", b"FEND", b"DONE", b"MANI"];
    let writer = Writer::new(Vec::new(), [3; 16], &manifest()).unwrap();
    let mut bytes = writer.finish().unwrap().1;
    bytes.truncate(bytes.len() - 64);
    let mut crc = u32::from_be_bytes(bytes[bytes.len() - 4..].try_into().unwrap());
    for (number, (tag, body)) in parts.iter().enumerate() {
        let mut record = TAGS[tag % TAGS.len()].to_vec();
        record.extend((body.len() as u32 + 16).to_be_bytes());
        record.extend((number as u32 + 1).to_be_bytes());
        record.extend(body);
        crc = seal(crc, &[&record]);
        record.extend(crc.to_be_bytes());
        bytes.extend(record);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes).is_err());
        prop_assert!(read(&[&small()[..36], &bytes].concat()).is_err());
    }

    #[test]
    fn sound_seals_around_random_bodies_never_panic(
        parts in prop::collection::vec((0usize..8, prop::collection::vec(any::<u8>(), 0..80)), 0..6)
    ) {
        prop_assert!(read(&sealed_records(&parts)).is_err());
    }
}
