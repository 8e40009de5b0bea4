//! `#innodb_redo`.

use crate::instance::redo::tests::build::{Ring, put, redo_file, seal, write_redo_dir};
use crate::instance::redo::tests::*;

/// Three files of eight blocks; the checkpoint is in the second, the end in the third.
pub(super) fn three(checkpoint: u64, end: u64) -> Vec<(u32, Vec<u8>)> {
    vec![
        (9, redo_file(40960, 8, end, 8, [0, 40960 + 100])),
        (10, redo_file(45056, 8, end, 8, [checkpoint, 0])),
        (11, redo_file(49152, 8, end, 0, [0, 0])),
    ]
}

fn read_files(files: &[(u32, Vec<u8>)]) -> RedoLog {
    let dir = tempfile::tempdir().unwrap();
    write_redo_dir(dir.path(), files);
    read_log(dir.path())
}

#[test]
fn the_window_runs_from_file_to_file() {
    let (checkpoint, end) = (45056 + 1234, 49152 + 2 * 512 + 55);
    let dir = tempfile::tempdir().unwrap();
    write_redo_dir(dir.path(), &three(checkpoint, end));
    let redo = read_log(dir.path());
    assert_eq!(window(&redo), (Some(checkpoint), Some(end), Some(true)));
    assert_eq!((redo.format, redo.creator.as_deref()), (RedoFormat::MySql(6), Some("MySQL 9.7.4")));
    assert_eq!(redo.start_lsn, Some(Lsn(45056)), "of the file that holds the checkpoint");
    assert!(redo.notes.is_empty());
    assert_eq!(redo.flags, Flags::default(), "of the newest file");
    let names: Vec<_> = redo.files.iter().map(|f| f.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["#ib_redo9", "#ib_redo10", "#ib_redo11"], "by number, spares left out");
    assert_eq!(read_log(&dir.path().join("#innodb_redo")), redo, "the directory itself will do");
}

#[test]
fn a_clean_log_ends_at_its_checkpoint() {
    let at = 45056 + 1234;
    let redo = read_files(&three(at, at));
    assert_eq!(window(&redo), (Some(at), Some(at), Some(false)));
    assert_eq!(shutdown(Some(Lsn(at)), &FoundRedo::Read(redo.clone())), Shutdown::Clean);
    assert_eq!(shutdown(Some(Lsn(at - 1)), &FoundRedo::Read(redo)), Shutdown::Crash);
}

#[test]
fn a_checkpoint_counts_only_in_the_file_that_holds_it() {
    let end = 49152 + 600;
    let mut files = three(45056 + 1234, end);
    files[2].1 = redo_file(49152, 8, end, 0, [45056 + 2000, 49152 + 8 * 512]);
    let redo = read_files(&files);
    assert_eq!(redo.checkpoint, Some(Lsn(45056 + 1234)));
    assert_eq!(
        redo.notes.iter().filter(|n| n.to_string().contains("outside the file")).count(),
        2,
        "{:?}",
        redo.notes
    );
}

#[test]
fn a_damaged_checkpoint_gives_way_to_an_older_one() {
    let end = 49152 + 600;
    let mut files = three(45056 + 1234, end);
    files[1].1[512 + 15] ^= 1;
    let redo = read_files(&files);
    assert_eq!(window(&redo), (Some(40960 + 100), Some(end), Some(true)));
    assert!(redo.notes[0].to_string().contains("#ib_redo10"), "{:?}", redo.notes);
}

#[test]
fn a_missing_file_ends_the_log_and_is_told() {
    let mut files = three(45056 + 1234, 49152 + 600);
    files[0].1 = redo_file(40960, 8, u64::MAX, 8, [40960 + 100, 0]);
    files.remove(1);
    let redo = read_files(&files);
    assert_eq!(window(&redo), (Some(40960 + 100), Some(45056), Some(true)));
    assert!(redo.notes[0].to_string().contains("45056"), "{:?}", redo.notes);
}

#[test]
fn a_full_newest_file_means_that_one_is_missing() {
    let mut files = three(45056 + 1234, 49152 + 600);
    files.pop();
    let redo = read_files(&files);
    assert_eq!(redo.end, Some(Lsn(49152)));
    assert!(
        redo.flags.file_full && redo.notes[0].to_string().contains("newer file is missing"),
        "{:?}",
        redo.notes
    );
}

#[test]
fn blocks_of_another_epoch_are_not_followed() {
    // 512 GiB on, the numbers are the same again.
    let far = 512 * 0x4000_0000u64;
    let mut files = vec![(1, redo_file(far + 8192, 8, far + 8192 + 2000, 0, [far + 8192 + 100, 0]))];
    assert_eq!(read_files(&files).end, Some(Lsn(far + 8192 + 2000)));
    let stale = redo_file(8192, 8, 8192 + 4096, 0, [0, 0]);
    put(&mut files[0].1, 2048 + 512, &stale[2048 + 512..2048 + 1024]);
    assert_eq!(read_files(&files).end, Some(Lsn(far + 8192 + 512)));
}

#[test]
fn mixed_uuids_are_told() {
    let mut files = three(45056 + 1234, 49152 + 600);
    put(&mut files[0].1, 4, &78u32.to_be_bytes());
    seal(&mut files[0].1[..512]);
    assert!(read_files(&files).notes[0].to_string().contains("uuid"));
}

#[test]
fn an_old_log_beside_it_is_used_only_if_nothing_here_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut ring = Ring::new(4, "MySQL 8.0.25", 2, 16);
    ring.fill(8704, 8704 + 2000).checkpoint(0, 1, 8704 + 100).write(dir.path());
    write_redo_dir(dir.path(), &three(45056 + 1234, 49152 + 600));
    assert_eq!(read_log(dir.path()).checkpoint, Some(Lsn(45056 + 1234)));
    write_redo_dir(dir.path(), &[(9, vec![0; 8192]), (10, vec![]), (11, vec![7; 600])]);
    assert_eq!(read_log(dir.path()).checkpoint, Some(Lsn(8804)));
    std::fs::remove_file(dir.path().join("ib_logfile0")).unwrap();
    std::fs::remove_file(dir.path().join("ib_logfile1")).unwrap();
    let FoundRedo::Unreadable { why } = read(dir.path()).unwrap() else { panic!() };
    let why = why.to_string();
    assert!(why.contains("#ib_redo9") && why.contains("#ib_redo10") && why.contains("#ib_redo11"), "{why}");
}
