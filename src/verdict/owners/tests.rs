#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use super::find_hidden_owners;
use crate::disk::image::OPENED;
use crate::instance::Instance;
use crate::instance::request::Request;
use crate::verdict::copy::{is_hidden, read_copies};

/// A real MariaDB whose tables are all encrypted, without its keys.
fn encrypted() -> (tempfile::TempDir, Instance) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/ma1011-enc-full/crashed.tar.zst");
    let dir = tempfile::tempdir().unwrap();
    let bytes = zstd::decode_all(std::fs::File::open(packed).unwrap()).unwrap();
    tar::Archive::new(&bytes[..]).unpack(dir.path()).unwrap();
    let instance = Instance::open(&Request { path: dir.path().to_path_buf(), ..Request::default() }).unwrap();
    (dir, instance)
}

#[test]
fn every_file_is_opened_once_however_many_copies_are_hidden() {
    let (_dir, instance) = encrypted();
    let mut copies = Vec::new();
    for area in &instance.areas {
        copies.extend(read_copies(area, &instance.spaces).unwrap().0);
    }
    let tables = instance.spaces.list.len();
    let hidden = copies.iter().filter(|copy| is_hidden(copy)).count();
    assert!(tables > 2 && hidden > tables, "{hidden} hidden copies, {tables} tables: this shows nothing");
    // Counted for each thread: other tests open files meanwhile.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let opened = pool.install(|| {
        let before = OPENED.get();
        find_hidden_owners(&mut copies, &instance.spaces);
        OPENED.get() - before
    });
    assert!(opened <= tables, "{opened} files were opened for {tables} tables");
    assert!(copies.iter().filter(|copy| is_hidden(copy)).count() < hidden, "nothing was found");
}
