//! `ib_logfileN` in 512-byte blocks.

use crate::instance::redo::tests::build::{PHYS, Ring, Seal, put};
use crate::instance::redo::tests::*;

/// Every block format with a creator of its time.
pub(super) const FORMATS: [(u32, &str); 9] = [
    (0, ""),
    (1, "MySQL 5.7.44"),
    (2, "MySQL 8.0.1"),
    (4, "MySQL 8.0.25"),
    (5, "MySQL 8.0.29"),
    (1, "MariaDB 10.2.44"),
    (103, "MariaDB 10.3.39"),
    (104, "MariaDB 10.4.34"),
    (PHYS, "MariaDB 10.5.23"),
];

pub(super) fn files_of(raw: u32) -> usize {
    if raw & !(1 << 31) == PHYS { 1 } else { 2 }
}

fn read_ring(ring: &Ring) -> RedoLog {
    let dir = tempfile::tempdir().unwrap();
    ring.write(dir.path());
    read_log(dir.path())
}

#[test]
fn an_encrypted_log_ends_where_its_last_block_ends() {
    // The length in a block is ciphertext there, as a real 10.5.23 wrote it: number and check word are all there is.
    let mut ring = Ring::new(PHYS | 1 << 31, "MariaDB 10.6.20", 1, 16);
    let (checkpoint, end) = (8704 + 600, 8704 + 5 * 512 + 77);
    ring.fill(checkpoint, end).checkpoint(1, 3, checkpoint);
    let redo = read_ring(&ring);
    assert_eq!(window(&redo), (Some(checkpoint), Some(8704 + 6 * 512), Some(true)));
    assert!(redo.encrypted && redo.notes.is_empty());
}

#[test]
fn every_block_format_gives_its_window() {
    for (raw, creator) in FORMATS {
        let mut ring = Ring::new(raw, creator, files_of(raw), 16);
        let (checkpoint, end) = (8704 + 600, 8704 + 5 * 512 + 77);
        ring.fill(checkpoint, end).checkpoint(1, 3, checkpoint).checkpoint(0, 2, 8704 + 12);
        let redo = read_ring(&ring);
        assert_eq!(window(&redo), (Some(checkpoint), Some(end), Some(true)), "{raw:#x} {creator}");
        assert!(redo.notes.is_empty(), "{raw:#x} {creator}");
        assert_eq!(redo.creator.as_deref().unwrap_or(""), creator);
        assert_eq!((redo.start_lsn, redo.raw_format), (Some(Lsn(8704)), raw));
        assert_eq!(redo.encrypted, raw & 1 << 31 != 0);
        assert_eq!(redo.files.len(), files_of(raw));
        let headers = 0..2048;
        assert!(redo.files.iter().all(|f| f.header_ranges == std::slice::from_ref(&headers)));
        assert!(redo.files.iter().all(|f| f.size == ring.size as u64));
    }
}

#[test]
fn a_window_may_go_round_the_ring_and_fill_it() {
    for (raw, creator) in FORMATS {
        let mut ring = Ring::new(raw, creator, files_of(raw), 5);
        let capacity = ring.capacity();
        for first in 0..2 * capacity / 512 {
            let checkpoint = 8704 + first * 512 + 12;
            let end = checkpoint - 12 + capacity;
            ring.fill(checkpoint, end).checkpoint(0, first + 1, checkpoint);
            assert_eq!(
                window(&read_ring(&ring)),
                (Some(checkpoint), Some(end), Some(true)),
                "{creator} {first}"
            );
        }
    }
}

#[test]
fn a_clean_log_has_nothing_after_its_checkpoint() {
    for (raw, creator) in FORMATS {
        let mut ring = Ring::new(raw, creator, files_of(raw), 16);
        let lsn = 8704 + 1000;
        // What follows is left over from the lap before.
        ring.fill(8704, 8704 + ring.capacity());
        let old = 8704 + ring.capacity();
        ring.fill(old, old + 1000).checkpoint(0, 9, old + 1000);
        let redo = read_ring(&ring);
        assert_eq!(window(&redo), (Some(old + lsn - 8704), Some(old + lsn - 8704), Some(false)), "{creator}");
        assert_eq!(shutdown(redo.checkpoint, &FoundRedo::Read(redo)), Shutdown::Clean);
    }
}

#[test]
fn of_two_checkpoints_the_greater_number_counts_and_on_a_tie_the_second() {
    for (raw, creator) in FORMATS {
        let (a, b) = (8704 + 100, 8704 + 700);
        for (numbers, expected) in [([5, 4], a), ([4, 5], b), ([5, 5], b)] {
            let mut ring = Ring::new(raw, creator, files_of(raw), 16);
            ring.fill(8704, 8704 + 2000).checkpoint(0, numbers[0], a).checkpoint(1, numbers[1], b);
            assert_eq!(read_ring(&ring).checkpoint, Some(Lsn(expected)), "{creator} {numbers:?}");
        }
    }
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_other() {
    for (raw, creator) in FORMATS {
        let mut ring = Ring::new(raw, creator, files_of(raw), 16);
        ring.fill(8704, 8704 + 2000).checkpoint(0, 1, 8704 + 100).checkpoint(1, 2, 8704 + 700);
        ring.files[0][1536 + 9] ^= 1;
        let redo = read_ring(&ring);
        assert_eq!(window(&redo), (Some(8804), Some(10704), Some(true)), "{creator}");
        assert!(redo.notes[0].to_string().contains("offset 1536 is damaged"), "{:?}", redo.notes);
        ring.files[0][512 + 9] ^= 1;
        let redo = read_ring(&ring);
        assert_eq!(window(&redo), (None, None, None));
        assert!(redo.notes[2].to_string().contains("neither"), "{:?}", redo.notes);
        assert_eq!(shutdown(Some(Lsn(8804)), &FoundRedo::Read(redo)), Shutdown::Unknown);
    }
}

#[test]
fn the_log_ends_before_a_broken_block() {
    for (raw, creator) in FORMATS {
        for (at, bit) in [(0, 1), (20, 1), (510, 4)] {
            let mut ring = Ring::new(raw, creator, files_of(raw), 16);
            ring.fill(8704, 8704 + 4000).checkpoint(0, 1, 8704 + 100);
            ring.files[0][2048 + 3 * 512 + at] ^= bit;
            let redo = read_ring(&ring);
            assert_eq!(window(&redo), (Some(8804), Some(8704 + 3 * 512), Some(true)), "{creator} {at}");
        }
    }
}

#[test]
fn without_the_checkpoints_own_block_there_is_no_end() {
    let mut ring = Ring::new(1, "MySQL 5.7.44", 2, 16);
    ring.fill(8704, 8704 + 4000).checkpoint(0, 1, 8704 + 100);
    ring.files[0][2048 + 50] ^= 1;
    let redo = read_ring(&ring);
    assert_eq!(window(&redo), (Some(8804), None, None));
    assert!(redo.notes[0].to_string().contains("8804"), "{:?}", redo.notes);
    // In use only up to a place before the checkpoint: not the block the checkpoint means.
    let mut ring = Ring::new(1, "MySQL 5.7.44", 2, 16);
    ring.fill(8704, 8704 + 50).checkpoint(0, 1, 8704 + 100);
    assert_eq!(read_ring(&ring).end, None);
}

#[test]
fn each_format_takes_the_check_words_of_its_time() {
    for (raw, seal, counts) in [
        (0, Seal::Additive, true),
        (0, Seal::Crc, true),
        (0, Seal::Off, true),
        (0, Seal::Broken, false),
        (1, Seal::Additive, false),
        (1, Seal::Off, true),
        (1, Seal::Broken, false),
        (PHYS, Seal::Additive, false),
    ] {
        let mut ring = Ring::new(raw, "", files_of(raw), 16);
        ring.seal = seal;
        ring.fill(8704, 8704 + 4000).checkpoint(0, 1, 8704 + 100);
        assert_eq!(read_ring(&ring).end, counts.then_some(Lsn(12704)), "{raw:#x} {seal:?}");
    }
}

#[test]
fn encrypted_mysql_blocks_are_followed_by_number() {
    let mut ring = Ring::new(4, "MySQL 8.0.25", 2, 16);
    ring.seal = Seal::Broken;
    ring.fill(8704, 8704 + 4000).checkpoint(0, 1, 8704 + 100);
    for block in 0..8 {
        ring.files[0][2048 + block * 512 + 4] |= 0x80;
    }
    let redo = read_ring(&ring);
    assert_eq!(window(&redo), (Some(8804), Some(12704), Some(true)));
    assert!(redo.encrypted && redo.notes[0].to_string().contains("encrypted"), "{:?}", redo.notes);
}

#[test]
fn old_servers_left_rubbish_in_the_high_half_of_the_offset() {
    let mut ring = Ring::new(0, "", 2, 16);
    ring.fill(8704, 8704 + 4000).checkpoint(0, 1, 8704 + 100);
    put(&mut ring.files[0], 512 + 304, &[0x58, 0xDB, 0xAD, 0x2D]);
    assert_eq!(window(&read_ring(&ring)), (Some(8804), Some(12704), Some(true)));
}

#[test]
fn an_offset_that_cannot_be_is_told() {
    for offset in [0u64, 2048, 1 << 40, u64::MAX, 100 + 512] {
        let mut ring = Ring::new(1, "MySQL 5.7.44", 2, 16);
        ring.fill(8704, 8704 + 4000).checkpoint(0, 1, 8704 + 100);
        put(&mut ring.files[0], 512 + 16, &offset.to_be_bytes());
        build::seal(&mut ring.files[0][512..1024]);
        let redo = read_ring(&ring);
        assert_eq!(window(&redo), (Some(8804), None, None), "{offset}");
        assert!(redo.notes[0].to_string().contains(&format!("offset {offset}")), "{:?}", redo.notes);
    }
}

#[test]
fn a_log_larger_than_a_window_is_read_to_its_end() {
    let mut ring = Ring::new(1, "MySQL 5.7.44", 2, 4200);
    let end = 8704 + 7000 * 512 + 300;
    ring.fill(8704, end).checkpoint(0, 1, 8704 + 3 * 512 + 100);
    assert_eq!(read_ring(&ring).end, Some(Lsn(end)));
}

#[test]
fn mariadb_tells_where_its_checkpoint_record_is() {
    let mut ring = Ring::new(PHYS, "MariaDB 10.5.23", 1, 16);
    ring.fill(8704, 8704 + 1000).checkpoint(0, 1, 8704 + 100);
    put(&mut ring.files[0], 512 + 496, &20_000u64.to_be_bytes());
    build::seal(&mut ring.files[0][512..1024]);
    let redo = read_ring(&ring);
    assert_eq!(redo.end, Some(Lsn(9704)));
    assert!(redo.notes[0].to_string().contains("20000"), "{:?}", redo.notes);
}

#[test]
fn flags_count_from_8_0_19_on() {
    for (raw, expected) in [(4, true), (2, false)] {
        let mut ring = Ring::new(raw, "MySQL 8.0.25", 2, 16);
        put(&mut ring.files[0], 48, &3u32.to_be_bytes());
        build::seal(&mut ring.files[0][..512]);
        let flags = read_ring(&ring).flags;
        assert_eq!((flags.no_logging, flags.crash_unsafe), (expected, expected), "{raw}");
    }
}
