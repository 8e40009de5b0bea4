//! The redo log as a second doublewrite buffer: census and audit of a log of 96 MiB in which 6,000 pages are named.
//!
//! `cargo bench --bench redo`. The log is made here: mini-transactions of one page each, sums right, round and round.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark may fail"
)]

use std::path::PathBuf;

use dblwr::internals::instance::redo;
use dblwr::internals::instance::redo::history::{Census, Log};
use dblwr::internals::page::checksum::crc32c;
use divan::{Bencher, counter::BytesCount};

const SIZE: usize = 96 << 20;
const FIRST: usize = 12288;
const PAGES: u32 = 6000;

fn main() {
    divan::main();
}

/// `WRITE` of 60 bytes at offset 100 of one page after the other.
fn mtr(number: u32, bit: u8) -> Vec<u8> {
    // Page numbers from 200 on: varints of two bytes begin at 0x80.
    let page = number % PAGES + 200 - 0x80;
    let [high, low] = (page as u16).to_be_bytes();
    // 65 bytes follow the first one, 15 of which go without saying.
    let mut records = vec![0x30, 50, 5, 0x80 | high, low, 100];
    records.extend([number as u8; 60]);
    let sum = crc32c(&records);
    records.push(bit);
    records.extend(sum.to_be_bytes());
    records
}

fn log() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (capacity, start) = ((SIZE - FIRST) as u64, FIRST as u64);
    let mut file = vec![0; SIZE];
    let mut lsn = start;
    let (mut number, mut checkpoint) = (0, 0);
    // One lap and a half.
    while lsn < start + capacity * 3 / 2 {
        let len = mtr(number, 0).len() as u64;
        let bit = u8::from(((lsn + len - 5 - start) / capacity).is_multiple_of(2));
        for byte in mtr(number, bit) {
            file[FIRST + ((lsn - start) % capacity) as usize] = byte;
            lsn += 1;
        }
        number += 1;
        if checkpoint == 0 && lsn > start + capacity * 5 / 4 {
            checkpoint = lsn;
        }
    }
    let mut header = [0u8; 512];
    header[..4].copy_from_slice(b"Phys");
    header[8..16].copy_from_slice(&start.to_be_bytes());
    header[16..31].copy_from_slice(b"MariaDB 11.8.6\0");
    let sum = crc32c(&header[..508]);
    header[508..].copy_from_slice(&sum.to_be_bytes());
    file[..512].copy_from_slice(&header);
    let mut block = [0u8; 64];
    block[..8].copy_from_slice(&checkpoint.to_be_bytes());
    block[8..16].copy_from_slice(&checkpoint.to_be_bytes());
    let sum = crc32c(&block[..60]);
    block[60..].copy_from_slice(&sum.to_be_bytes());
    file[4096..4160].copy_from_slice(&block);
    let path = dir.path().to_path_buf();
    std::fs::write(path.join("ib_logfile0"), file).expect("write");
    (dir, path)
}

#[divan::bench]
fn window(bencher: Bencher) {
    let (_dir, path) = log();
    bencher.counter(BytesCount::new(SIZE)).bench_local(|| redo::read(&path).expect("a log"));
}

#[divan::bench]
fn census(bencher: Bencher) {
    let (_dir, path) = log();
    let found = redo::read(&path).expect("a log");
    let redo = found.redo().expect("a log");
    bencher.counter(BytesCount::new(SIZE)).bench_local(|| {
        let mut log = Log::open(redo).expect("readable").expect("of pages");
        let census = Census::take(&mut log).expect("a census");
        assert!(census.oldest < census.checkpoint && census.pages().count() == PAGES as usize);
        census
    });
}
