//! Gigabytes a second of page judgement, by algorithm and page size, on 1 MiB runs.
//!
//! `cargo bench --bench checksum`. Compare with `cat FILE >/dev/null` on the same machine.

use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, Examined, crc32c, examine, examine_run, stamp};
use dblwr::internals::units::PageSize;
use divan::{Bencher, counter::BytesCount};

const RUN: usize = 1 << 20;
const SIZES: [u32; 4] = [4096, 8192, 16384, 65536];

fn main() {
    divan::main();
}

fn run(format: &PageFormat, algorithm: Algorithm) -> Vec<u8> {
    let size = format.physical.bytes();
    let mut state = 1_u32;
    let mut run: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(RUN)
    .collect();
    for page in run.chunks_mut(size) {
        if let Some(kind) = page.get_mut(24) {
            *kind = 0;
        }
        assert!(stamp(page, format, algorithm).is_some(), "the bench stamps what it measures");
    }
    run
}

fn bench_run(bencher: Bencher, format: PageFormat, algorithm: Algorithm) {
    let run = run(&format, algorithm);
    let mut found = Vec::with_capacity(RUN / 1024);
    bencher.counter(BytesCount::new(RUN)).bench_local(|| {
        found.clear();
        examine_run(divan::black_box(&run), &format, &mut found);
        assert!(found.iter().all(Examined::is_valid), "a valid run was refused");
    });
}

fn size(bytes: u32) -> PageSize {
    PageSize::new(bytes).unwrap_or(PageSize::DEFAULT)
}

#[divan::bench(args = SIZES)]
fn crc32(bencher: Bencher, bytes: u32) {
    bench_run(bencher, PageFormat::classic(size(bytes)), Algorithm::Crc32);
}

#[divan::bench(args = SIZES)]
fn full_crc32(bencher: Bencher, bytes: u32) {
    bench_run(bencher, PageFormat::full_crc32(size(bytes)), Algorithm::FullCrc32);
}

#[divan::bench(args = SIZES)]
fn innodb(bencher: Bencher, bytes: u32) {
    bench_run(bencher, PageFormat::classic(size(bytes)), Algorithm::Innodb);
}

#[divan::bench(args = SIZES)]
fn innodb_page_by_page(bencher: Bencher, bytes: u32) {
    let format = PageFormat::classic(size(bytes));
    let run = run(&format, Algorithm::Innodb);
    bencher.counter(BytesCount::new(RUN)).bench_local(|| {
        divan::black_box(&run).chunks(format.physical.bytes()).all(|page| examine(page, &format).is_valid())
    });
}

#[divan::bench(args = SIZES)]
fn legacy_big_endian_crc32(bencher: Bencher, bytes: u32) {
    bench_run(bencher, PageFormat::classic(size(bytes)), Algorithm::LegacyBigEndianCrc32);
}

#[divan::bench(args = [1024, 8192])]
fn zip_crc32(bencher: Bencher, bytes: u32) {
    bench_run(bencher, PageFormat::zip(PageSize::DEFAULT, size(bytes)), Algorithm::Crc32);
}

#[divan::bench(args = [1024, 8192])]
fn zip_innodb(bencher: Bencher, bytes: u32) {
    bench_run(bencher, PageFormat::zip(PageSize::DEFAULT, size(bytes)), Algorithm::Innodb);
}

#[divan::bench]
fn never_written(bencher: Bencher) {
    let (run, format) = (vec![0; RUN], PageFormat::classic(PageSize::DEFAULT));
    let mut found: Vec<Examined> = Vec::with_capacity(64);
    bencher.counter(BytesCount::new(RUN)).bench_local(|| {
        found.clear();
        examine_run(divan::black_box(&run), &format, &mut found);
    });
}

#[divan::bench]
fn bare_crc32c_of_the_run(bencher: Bencher) {
    let run = run(&PageFormat::classic(PageSize::DEFAULT), Algorithm::Crc32);
    bencher.counter(BytesCount::new(RUN)).bench_local(|| crc32c(divan::black_box(&run)));
}
