//! Whole logs, built in temporary directories.

pub mod build;
pub mod hostile;
pub mod innodb_redo_dir;
pub mod phys;
pub mod ring;

use crate::instance::redo::*;
use crate::page::checksum::{crc32c, fold_binary as fold};

fn read_log(dir: &Path) -> RedoLog {
    match read(dir).unwrap() {
        FoundRedo::Read(redo) => redo,
        other => panic!("expected a log, found {other:?}"),
    }
}

fn window(redo: &RedoLog) -> (Option<u64>, Option<u64>, Option<bool>) {
    (redo.checkpoint.map(|l| l.0), redo.end.map(|l| l.0), redo.records_after_checkpoint)
}

#[test]
fn an_empty_directory_has_no_log() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path()).unwrap(), FoundRedo::Absent);
    assert_eq!(shutdown(Some(Lsn(1)), &FoundRedo::Absent), Shutdown::Unknown);
}

#[test]
fn an_empty_file_refers_to_the_flush_lsn_and_proves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ib_logfile0"), b"").unwrap();
    let redo = read_log(dir.path());
    assert_eq!((redo.format, window(&redo)), (RedoFormat::FlushLsnOnly, (None, None, None)));
    assert_eq!(shutdown(Some(Lsn(12345)), &FoundRedo::Read(redo)), Shutdown::Unknown);
}

#[test]
fn what_is_no_log_is_called_unreadable() {
    for (bytes, expected) in [
        (vec![0; 100], "too short"),
        (vec![0xEE; 4096], "format 0xEEEEEEEE is not known"),
        (build::header(6, 0, "MySQL 9.7.4"), "#ib_redoN"),
        (build::header(build::PHYS_108, 12288, "MariaDB 11.8.6"), "12304"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ib_logfile0"), bytes).unwrap();
        let FoundRedo::Unreadable { why } = read(dir.path()).unwrap() else { panic!("{expected}") };
        let why = why.to_string();
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn a_lost_first_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ib_logfile1"), vec![0; 4096]).unwrap();
    assert!(
        matches!(read(dir.path()).unwrap(), FoundRedo::Unreadable { why } if why.to_string().contains("missing"))
    );
}

#[test]
fn a_directory_in_place_of_a_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("ib_logfile0")).unwrap();
    let error = read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("ib_logfile0") && error.contains("regular file"), "{error}");
}

#[test]
fn format_words() {
    use RedoFormat::*;
    for (raw, creator, expected) in [
        (0, None, Some(BeforeMySql579)),
        (1, Some("MySQL 5.7.44"), Some(MySql(1))),
        (1, Some("MariaDB 10.2.10"), Some(MariaDb102)),
        (0x8000_0001, None, Some(MariaDb102)),
        (6, None, Some(MySql(6))),
        (7, None, None),
        (0x8000_0002, None, None),
        (103, None, Some(MariaDb103)),
        (0x8000_0068, None, Some(MariaDb104)),
        (build::PHYS | 1 << 31, None, Some(MariaDb105)),
        (build::PHYS_108, None, Some(MariaDb108)),
        (build::PHYS_108 | 1 << 31, None, None),
        (build::ENC_11, None, Some(MariaDbEncrypted)),
    ] {
        assert_eq!(RedoFormat::from_raw(raw, creator), expected, "{raw:#x}");
    }
}

#[test]
fn the_shutdown_table() {
    let log = |format, records, checkpoint| {
        let mut redo = RedoLog::empty(format, 0);
        redo.checkpoint = checkpoint;
        redo.records_after_checkpoint = records;
        FoundRedo::Read(redo)
    };
    let (old, new) = (RedoFormat::MySql(1), RedoFormat::MariaDb108);
    let at = Some(Lsn(9000));
    for (found, flushed, expected) in [
        (log(old, Some(false), at), at, Shutdown::Clean),
        (log(old, Some(false), at), Some(Lsn(8000)), Shutdown::Crash),
        (log(old, Some(false), at), Some(Lsn(9999)), Shutdown::Crash),
        (log(old, Some(false), at), None, Shutdown::Unknown),
        (log(old, Some(true), at), at, Shutdown::Crash),
        (log(old, Some(true), at), None, Shutdown::Crash),
        (log(old, None, at), at, Shutdown::Unknown),
        (log(old, None, at), Some(Lsn(1)), Shutdown::Crash),
        (log(old, None, None), at, Shutdown::Unknown),
        (log(new, Some(false), at), Some(Lsn(0)), Shutdown::Clean),
        (log(new, Some(false), at), None, Shutdown::Clean),
        (log(new, Some(true), at), at, Shutdown::Crash),
        (log(new, None, at), at, Shutdown::Unknown),
    ] {
        assert_eq!(shutdown(flushed, &found), expected, "{found:?} {flushed:?}");
    }
}
