//! Discovery, `verify` and `scan` of whole data directories, by the real images in `testdata/`.
//!
//! `cargo bench --bench directory`. Thousands of tables and gigabytes: `benches/directories`, `benches/compare`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench without its directory has nothing to measure"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use dblwr::Error;
use dblwr::internals::commands::scan::{
    Counts, Damage, FileFinding, Ground, Observer, PageRow, ScanOptions, ScanTarget, Scanned, Shown, scan,
};
use dblwr::internals::disk::run::Cache;
use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::instance::discover::discover;
use dblwr::internals::instance::locations::Locations;
use dblwr::internals::instance::request::Request;
use dblwr::internals::page::checksum::{Algorithm, stamp};
use dblwr::internals::units::PageSize;
use dblwr::internals::verdict::survey::Survey;
use divan::{Bencher, counter::BytesCount};

const IMAGES: [&str; 3] = ["m56-innodb-16k", "m97-16k", "ma1011-full-16k"];

fn main() {
    divan::main();
}

/// The directory of an image, and what keeps it there.
fn unpacked(name: &str) -> (tempfile::TempDir, Request) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name).join("crashed.tar.zst");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bytes = zstd::decode_all(std::fs::File::open(packed).expect("the image")).expect("zstd");
    tar::Archive::new(&bytes[..]).unpack(dir.path()).expect("tar");
    let path = data(dir.path()).expect("a data directory");
    (dir, Request { path, ..Request::default() })
}

fn data(dir: &Path) -> Option<PathBuf> {
    if dir.join("ibdata1").exists() {
        return Some(dir.to_path_buf());
    }
    std::fs::read_dir(dir).ok()?.flatten().find_map(|entry| data(&entry.path()))
}

#[divan::bench(args = IMAGES)]
fn discovery(bencher: Bencher, image: &str) {
    let (_dir, request) = unpacked(image);
    let locations = Locations::resolve(&request).expect("locations");
    bencher.bench_local(|| discover(&locations));
}

#[divan::bench(args = IMAGES)]
fn verify(bencher: Bencher, image: &str) {
    let (_dir, request) = unpacked(image);
    bencher.bench_local(|| Survey::run(&request));
}

/// A table of a crashed server a thousand times, in clear and encrypted without a key: hidden copies must be held against
/// every table, and that may cost at most as much again.
#[divan::bench(args = ["ma1011-full-16k", "ma1011-enc-full"], sample_count = 10)]
fn verify_of_many_tables(bencher: Bencher, image: &str) {
    let (_dir, request) = unpacked(image);
    let table = std::fs::read(request.path.join("d/t1.ibd")).expect("a table");
    for id in 100_000_u32..101_000 {
        std::fs::write(request.path.join(format!("d/many{id}.ibd")), renumbered(&table, id)).expect("room");
    }
    bencher.bench_local(|| Survey::run(&request));
}

/// The same table under another space id: `FIL_PAGE_SPACE_ID` and `FSP_SPACE_ID` of page 0; the others are not read for it.
fn renumbered(table: &[u8], id: u32) -> Vec<u8> {
    let mut table = table.to_vec();
    let (page0, _) = table.split_at_mut(PageSize::DEFAULT.bytes());
    page0[34..38].copy_from_slice(&id.to_be_bytes());
    page0[38..42].copy_from_slice(&id.to_be_bytes());
    stamp(page0, &PageFormat::full_crc32(PageSize::DEFAULT), Algorithm::FullCrc32).expect("a page");
    table
}

#[divan::bench(args = IMAGES)]
fn scan_on_one_thread(bencher: Bencher, image: &str) {
    let (_dir, request) = unpacked(image);
    let ground = Ground::survey(&request).expect("a survey");
    let stop = AtomicBool::new(false);
    let options =
        ScanOptions { threads: 1, rate: None, cache: Cache::Use, rows: false, sample: None, stop: &stop };
    let spaces = ground.instance.spaces.list.iter();
    let files = spaces.flat_map(|space| space.files.iter().map(move |file| (space, file)));
    let shown = Shown::Under(&request.path);
    let targets: Vec<ScanTarget<'_>> = files
        .map(|(space, file)| ScanTarget { group: 0, ground: &ground, space, file, shown, done: None })
        .collect();
    let bytes: u64 = targets.iter().map(|target| target.file.len).sum();
    bencher
        .counter(BytesCount::new(bytes))
        .bench_local(|| scan(&targets, &options, &mut Deaf).expect("a deaf observer does not fail"));
}

/// Hears nothing.
struct Deaf;

impl Observer for Deaf {
    fn rows(&mut self, _: &ScanTarget<'_>, _: &[PageRow]) -> anyhow::Result<()> {
        Ok(())
    }
    fn damage(&mut self, _: &ScanTarget<'_>, _: Damage) -> anyhow::Result<()> {
        Ok(())
    }
    fn file(&mut self, _: &ScanTarget<'_>, _: FileFinding) -> anyhow::Result<()> {
        Ok(())
    }
    fn gone(&mut self, _: &ScanTarget<'_>) -> anyhow::Result<()> {
        Ok(())
    }

    fn failure(&mut self, _: &ScanTarget<'_>, _: &Error) -> anyhow::Result<()> {
        Ok(())
    }
    fn progress(&mut self, _: &ScanTarget<'_>, _: (u64, Counts), _: &Scanned) -> anyhow::Result<()> {
        Ok(())
    }
}
