//! MariaDB 10.8 and later.

use crate::instance::redo::tests::build::{ENC_11, Phys, put, record, seal};
use crate::instance::redo::tests::*;

fn read_phys(log: &Phys) -> RedoLog {
    let dir = tempfile::tempdir().unwrap();
    log.write(dir.path());
    read_log(dir.path())
}

/// Three mini-transactions and the checkpoint's own record after the first.
pub(super) fn sample(capacity: usize, lsn: u64, encrypted: bool) -> (Phys, u64) {
    let mut log = Phys::new(capacity, lsn, encrypted);
    log.mtr(&[record(3), record(15), record(16), record(142)].concat());
    let marker = log.lsn;
    log.file_checkpoint(lsn);
    log.mtr(&[record(143), record(1)].concat()).checkpoint(0, lsn, marker);
    let end = log.lsn;
    (log, end)
}

#[test]
fn mini_transactions_are_followed_to_the_end() {
    for encrypted in [false, true] {
        let (log, end) = sample(4096, 12288 + 100, encrypted);
        let redo = read_phys(&log);
        assert_eq!(window(&redo), (Some(12388), Some(end), Some(true)));
        assert_eq!((redo.encrypted, redo.notes.len()), (encrypted, 0));
        assert_eq!(redo.files[0].header_ranges, [0..512, 4096..4608, 8192..8704]);
        assert_eq!(shutdown(Some(Lsn(0)), &FoundRedo::Read(redo)), Shutdown::Crash);
    }
}

#[test]
fn the_new_encrypted_format_is_read_alike() {
    let (mut log, end) = sample(4096, 12288, true);
    put(&mut log.bytes, 0, &ENC_11.to_be_bytes());
    put(&mut log.bytes, 48, &[0; 4]);
    seal(&mut log.bytes[..512]);
    let redo = read_phys(&log);
    assert_eq!((redo.format, redo.end, redo.encrypted), (RedoFormat::MariaDbEncrypted, Some(Lsn(end)), true));
}

#[test]
fn a_mini_transaction_may_wrap_at_any_byte() {
    let capacity = 600u64;
    for encrypted in [false, true] {
        for lap in [0, 1, 2] {
            for first in 0..capacity {
                let lsn = 12288 + lap * capacity + first;
                let (log, end) = sample(capacity as usize, lsn, encrypted);
                assert_eq!(read_phys(&log).end, Some(Lsn(end)), "{encrypted} {lap} {first}");
            }
        }
    }
}

#[test]
fn what_the_lap_before_left_does_not_count() {
    let mut log = Phys::new(400, 12288, false);
    for _ in 0..20 {
        log.mtr(&record(14));
    }
    assert_eq!(log.lsn, 12288 + 400, "the file is exactly full");
    let at = log.lsn;
    // 40 bytes, so that the next thing is a mini-transaction of the lap before, sound but for its sequence bit.
    log.file_checkpoint(at).mtr(&record(18)).checkpoint(1, at, at);
    assert_eq!(window(&read_phys(&log)), (Some(at), Some(at + 40), Some(true)));
}

#[test]
fn a_full_log_is_walked_once() {
    let mut log = Phys::new(400, 12288 + 37, false);
    let at = log.lsn;
    for _ in 0..20 {
        log.mtr(&record(14));
    }
    log.checkpoint(0, at, at);
    assert_eq!(read_phys(&log).end, Some(Lsn(at + 400)));
}

#[test]
fn a_clean_shutdown_leaves_one_file_checkpoint() {
    for (encrypted, size) in [(false, 16), (true, 24)] {
        let mut log = Phys::new(4096, 13000, encrypted);
        log.file_checkpoint(13000).checkpoint(1, 13000, 13000);
        let redo = read_phys(&log);
        assert_eq!(window(&redo), (Some(13000), Some(13000 + size), Some(false)));
        assert_eq!(shutdown(None, &FoundRedo::Read(redo)), Shutdown::Clean);
    }
}

#[test]
fn sixteen_bytes_of_something_else_are_not_clean() {
    let mut log = Phys::new(4096, 13000, false);
    log.mtr(&record(10)).checkpoint(1, 13000, 13000);
    assert_eq!(window(&read_phys(&log)), (Some(13000), Some(13016), Some(true)));
}

#[test]
fn a_prepared_backup_has_room_for_one_record() {
    let mut log = Phys::new(16, 12288, false);
    log.file_checkpoint(12288).checkpoint(0, 12288, 12288);
    assert_eq!(window(&read_phys(&log)), (Some(12288), Some(12304), Some(false)));
}

#[test]
fn the_greater_sound_checkpoint_counts() {
    let (mut log, end) = sample(4096, 12288, false);
    let marker = end - 160;
    log.checkpoint(1, 12288 + 50, marker);
    assert_eq!(read_phys(&log).checkpoint, Some(Lsn(12338)));
    log.bytes[8192 + 3] ^= 1;
    let redo = read_phys(&log);
    assert_eq!(redo.checkpoint, Some(Lsn(12288)));
    assert!(redo.notes[0].to_string().contains("8192"), "{:?}", redo.notes);
    for (lsn, record) in [(12287, 12287), (12400, 12399)] {
        log.checkpoint(1, lsn, record);
        assert_eq!(read_phys(&log).checkpoint, Some(Lsn(12288)), "{lsn} {record}");
    }
    log.bytes[4096] ^= 1;
    assert_eq!(window(&read_phys(&log)), (None, None, None));
}

#[test]
fn damage_ends_the_log_at_the_mini_transaction_before() {
    let (log, end) = sample(4096, 12288, false);
    let first = 12288 + 4 + 16 + 17 + 143 + 5;
    for lsn in 12288..end {
        let mut damaged = log.clone();
        let at = damaged.byte_at(lsn);
        damaged.bytes[at] ^= 0x40;
        let redo = read_phys(&damaged);
        let expected = match lsn {
            _ if lsn < first => None,
            _ if lsn < first + 16 => Some(Lsn(first)),
            _ => Some(Lsn(first + 16)),
        };
        assert_eq!(redo.end, expected, "{lsn}");
        assert_eq!(redo.notes.is_empty(), lsn >= first + 16, "{lsn} {:?}", redo.notes);
    }
}

#[test]
fn long_records_and_windows() {
    let mut log = Phys::new(5 << 20, 12288 + (4 << 20) + 500_000, false);
    let at = log.lsn;
    for len in [16_526, 16_527, 900_000, 142, 143, 1_000_000] {
        log.mtr(&[record(7), record(len)].concat());
    }
    log.checkpoint(0, at, at);
    assert_eq!(read_phys(&log).end, Some(Lsn(log.lsn)));
}
