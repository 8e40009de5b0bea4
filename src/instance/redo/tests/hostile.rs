//! Truncation, rubbish, absurd numbers: an answer or an error, never a panic, and never an end beyond the true one.

use proptest::prelude::*;

use crate::instance::redo::tests::build::{
    ENC_11, PHYS, PHYS_108, Phys, Ring, header, put, redo_file, seal, write_redo_dir,
};
use crate::instance::redo::tests::ring::{FORMATS, files_of};
use crate::instance::redo::tests::*;

#[test]
fn truncated_rings() {
    for (raw, creator) in FORMATS {
        let mut ring = Ring::new(raw, creator, files_of(raw), 6);
        let end = 8704 + ring.capacity() - 100;
        ring.fill(8704, end).checkpoint(0, 1, 8704 + 100).checkpoint(1, 2, 8704 + 700);
        for file in 0..ring.files.len() {
            for len in (0..ring.size).step_by(512) {
                let mut cut = ring.clone();
                cut.files[file].truncate(len);
                let dir = tempfile::tempdir().unwrap();
                cut.write(dir.path());
                if let FoundRedo::Read(redo) = read(dir.path()).unwrap() {
                    assert!(redo.end.is_none_or(|e| e < Lsn(end)), "{creator} {file} {len} {redo:?}");
                    assert!(!redo.notes.is_empty(), "{creator} {file} {len}");
                }
            }
        }
    }
}

#[test]
fn truncated_redo_directories() {
    let end = 49152 + 8 * 512 - 100;
    for file in 0..3 {
        for len in (0..2048 + 8 * 512).step_by(512) {
            let mut files = crate::instance::redo::tests::innodb_redo_dir::three(45056 + 1234, end);
            files[file].1.truncate(len);
            let dir = tempfile::tempdir().unwrap();
            write_redo_dir(dir.path(), &files);
            let redo = read_log(dir.path());
            assert!(redo.end.is_none_or(|e| e <= Lsn(end)), "{file} {len}");
            // The first file lies before the checkpoint.
            assert_eq!(redo.end == Some(Lsn(end)), file == 0, "{file} {len}");
        }
    }
}

#[test]
fn truncated_phys_logs() {
    let (log, end) = crate::instance::redo::tests::phys::sample(1024, 12288 + 700, false);
    for len in (0..log.bytes.len()).step_by(512) {
        let mut cut = log.clone();
        cut.bytes.truncate(len);
        let dir = tempfile::tempdir().unwrap();
        cut.write(dir.path());
        if let FoundRedo::Read(redo) = read(dir.path()).unwrap() {
            assert!(redo.end.is_none_or(|e| e <= Lsn(end)), "{len}");
        }
    }
}

#[test]
fn lsns_at_the_edge_of_64_bits() {
    let edges = [0, 1, 511, 512, 12288, 1 << 63, u64::MAX - 512, u64::MAX - 15, u64::MAX];
    for start in edges {
        for lsn in edges {
            let dir = tempfile::tempdir().unwrap();
            let mut log = Phys::new(512, 12288, false);
            put(&mut log.bytes, 0, &header(PHYS_108, start, "MariaDB 11.8.6"));
            log.bytes[12288..].fill(0x3F);
            log.checkpoint(0, lsn, lsn).checkpoint(1, lsn, u64::MAX).write(dir.path());
            assert!(read(dir.path()).is_ok());
            write_redo_dir(dir.path(), &[(1, edge_file(start, lsn)), (u32::MAX, edge_file(lsn, start))]);
            assert!(read(dir.path()).is_ok());
        }
    }
}

fn edge_file(start: u64, checkpoint: u64) -> Vec<u8> {
    let mut file = redo_file(0, 4, 4 * 512, 0xFFFF_FFFF, [checkpoint, 0]);
    put(&mut file, 8, &start.to_be_bytes());
    seal(&mut file[..512]);
    file
}

fn format_words() -> impl Strategy<Value = u32> {
    prop_oneof![
        0u32..8,
        Just(103),
        Just(104),
        Just(PHYS),
        Just(PHYS_108),
        Just(ENC_11),
        Just(PHYS | 1 << 31),
        any::<u32>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rubbish(word in format_words(), mut bytes in proptest::collection::vec(any::<u8>(), 0..20_000)) {
        let dir = tempfile::tempdir().unwrap();
        if bytes.len() >= 4 {
            put(&mut bytes, 0, &word.to_be_bytes());
        }
        std::fs::write(dir.path().join("ib_logfile0"), &bytes).unwrap();
        prop_assert!(read(dir.path()).is_ok());
        write_redo_dir(dir.path(), &[(3, bytes)]);
        prop_assert!(read(dir.path()).is_ok());
    }

    /// Sound check words around random fields.
    #[test]
    fn sealed_rubbish(
        word in format_words(),
        fields in proptest::collection::vec(any::<u64>(), 4),
        small in any::<bool>(),
        tail in proptest::collection::vec(any::<u8>(), 4096),
    ) {
        let field = |i: usize| if small { fields[i] % 20_000 } else { fields[i] };
        let mut bytes = header(word, field(0), "MariaDB 10");
        bytes.resize(12288, 0);
        bytes.extend(tail);
        for (at, len) in [(512, 508), (1536, 508), (4096, 60), (8192, 60)] {
            for i in 0..3 {
                put(&mut bytes, at + 8 * i, &field(i + 1).to_be_bytes());
            }
            let sum = crate::page::checksum::crc32c(&bytes[at..at + len]);
            put(&mut bytes, at + len, &sum.to_be_bytes());
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ib_logfile0"), &bytes).unwrap();
        prop_assert!(read(dir.path()).is_ok());
        write_redo_dir(dir.path(), &[(3, bytes)]);
        prop_assert!(read(dir.path()).is_ok());
    }
}
