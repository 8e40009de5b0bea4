#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use super::find_hidden_owners;
use crate::disk::image::OPENED;
use crate::instance::Instance;
use crate::instance::redo::FoundRedo;
use crate::instance::redo::history::Log;
use crate::instance::request::Request;
use crate::page::checksum::{Algorithm, stamp};
use crate::units::{PageNo, SpaceId};
use crate::verdict::copy::{Copy, is_hidden, read_copies};

/// A real MariaDB whose tables are all encrypted, without its keys.
fn encrypted() -> (tempfile::TempDir, Instance) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/ma1011-enc-full/crashed.tar.zst");
    let dir = tempfile::tempdir().unwrap();
    let bytes = zstd::decode_all(std::fs::File::open(packed).unwrap()).unwrap();
    tar::Archive::new(&bytes[..]).unpack(dir.path()).unwrap();
    let instance = open(dir.path());
    (dir, instance)
}

fn open(dir: &Path) -> Instance {
    Instance::open(&Request { path: dir.to_path_buf(), ..Request::default() }).unwrap()
}

fn copies_of(instance: &Instance) -> Vec<Copy> {
    instance.areas.iter().flat_map(|area| read_copies(area, &instance.spaces).unwrap().0).collect()
}

#[test]
fn every_file_is_opened_once_however_many_copies_are_hidden() {
    let (_dir, instance) = encrypted();
    let mut copies = copies_of(&instance);
    let tables = instance.spaces.list.len();
    let hidden = copies.iter().filter(|copy| is_hidden(copy)).count();
    assert!(tables > 2 && hidden > tables, "{hidden} hidden copies, {tables} tables: this shows nothing");
    // Counted for each thread: other tests open files meanwhile.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let opened = pool.install(|| {
        let before = OPENED.get();
        find_hidden_owners(&mut copies, &instance);
        OPENED.get() - before
    });
    assert!(opened <= tables, "{opened} files were opened for {tables} tables");
    assert!(copies.iter().filter(|copy| is_hidden(copy)).count() < hidden, "nothing was found");
}

/// The torn page 4 of `d/t1` lies in two files of one contents: only redo tells that no page of the second was written.
#[test]
fn a_page_that_redo_rules_out_claims_no_copy() {
    let (dir, instance) = encrypted();
    let t1 = instance.spaces.list.iter().find(|space| space.id == Some(SpaceId(5))).unwrap();
    let mut file = std::fs::read(&t1.files[0].path).unwrap();
    for at in [34, 38] {
        file[at..at + 4].copy_from_slice(&77_u32.to_be_bytes());
    }
    stamp(&mut file[..t1.format.physical.bytes()], &t1.format, Algorithm::FullCrc32).unwrap();
    std::fs::write(t1.files[0].path.with_file_name("twin.ibd"), file).unwrap();

    let mut instance = open(dir.path());
    assert!(instance.spaces.list.iter().any(|space| space.id == Some(SpaceId(77))));
    let owners = |instance: &Instance| {
        let mut copies = copies_of(instance);
        find_hidden_owners(&mut copies, instance);
        let of_page = copies.iter().filter(|copy| copy.page_no() == PageNo(4) && copy.lsn().0 == 1_637_758);
        of_page.map(|copy| copy.space).collect::<Vec<_>>()
    };
    assert_eq!(owners(&instance), [None], "without the log both claim it");
    let FoundRedo::Read(redo) = &mut instance.redo else { panic!("no log") };
    Log::learn(redo).unwrap();
    assert_eq!(owners(&instance), [Some(SpaceId(5))]);
}
