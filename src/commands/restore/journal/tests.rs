//! The journal's round trip, and every way of cutting or altering it.

use std::path::{Path, PathBuf};

use crate::commands::restore::journal::read;
use crate::commands::restore::journal::read::OpenedJournal;
use crate::commands::restore::journal::write::{OnDisk, create, encode};
use crate::commands::restore::journal::{Journal, JournalFile, JournalPage, MARK, Mark, PassKind};
use crate::commands::restore::page_image::PageImage;
use crate::commands::restore::plan::tests::page;
use crate::commands::restore::told::Told;
use crate::commands::restore::world::World;
use crate::disk::calls::Access;
use crate::disk::real::{RealDisk, RealFile};
use crate::error::Error;
use crate::units::{ByteOffset, Lsn, SpaceId};

fn journal() -> Journal {
    let file = |name: &str, space_id| JournalFile {
        device: 1,
        inode: 2,
        size: 8192,
        space_id,
        name: name.into(),
        path: Path::new("/d").join(name),
    };
    let files = vec![file("a.ibd", Some(SpaceId(7))), file("b.ibd", None)];
    let pages = [(0, 3, 1, 2), (1, 0, 0, 9), (1, 5, 4, 5)];
    let record = |&(file, number, old, new): &(usize, u32, u8, u8)| {
        let page = page(&files[file].path, number, old, new);
        JournalPage { file, page }
    };
    let pages = pages.iter().map(record).collect();
    Journal {
        kind: PassKind::Restore,
        tool: "0.1.0".into(),
        written_at: 1_700_000_000,
        root: "/d".into(),
        place: "/d/j".into(),
        world: Some(World {
            server_uuid: "u".into(),
            redo_dir: "log".into(),
            checkpoint: Some(Lsn(7)),
            end: None,
            told: Told {
                datadir: Some("/e".into()),
                data_home_dir: Some("home".into()),
                directories: vec!["/x".into(), "y".into()],
                data_file_path: Some("one:12M".into()),
                ..Told::default()
            },
        }),
        files,
        pages,
    }
}

fn created(path: &Path, journal: &Journal) -> Result<OnDisk<RealFile>, Error> {
    let images = |record: &JournalPage| {
        let read = |image: &PageImage| image.read(&RealDisk).unwrap().into_owned();
        Ok((read(&record.page.old), read(&record.page.new)))
    };
    create(&RealDisk, path, journal, &images).map(|(on_disk, _)| on_disk)
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn read(bytes: &[u8]) -> Result<OpenedJournal<RealFile>, Error> {
    let (_dir, path) = written(bytes);
    read::open(&RealDisk, &path, Access::Read)
}

fn offset(result: Result<OpenedJournal<RealFile>, Error>) -> u64 {
    match result {
        Err(Error::Sealed { offset, .. }) => offset.0,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("accepted"),
    }
}

#[test]
fn what_was_written_is_read_and_the_mark_says_how_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let on_disk = created(&path, &journal()).unwrap();
    let opened = read::open(&RealDisk, &path, Access::Read).unwrap();
    assert_eq!((opened.journal, opened.mark), (journal(), Mark::Unfinished));
    for mark in [Mark::Verified, Mark::Closed { moved_on: 2 }, Mark::Verified] {
        on_disk.mark(&RealDisk, mark, 1).unwrap();
        assert_eq!(read::open(&RealDisk, &path, Access::Read).unwrap().mark, mark);
    }
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_journal_is_never_overwritten_and_a_part_file_only_if_it_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let part = dir.path().join("j.dblwr-part");
    std::fs::write(&part, "a letter to my aunt").unwrap();
    assert!(created(&path, &journal()).is_err());
    assert_eq!(std::fs::read(&part).unwrap(), b"a letter to my aunt");
    for leftover in [&b""[..], b"DBLWR", b"DBLWRJNL\0\0\0\x01", &[0; 600]] {
        std::fs::write(&part, leftover).unwrap();
        created(&path, &journal()).unwrap();
        assert!(!part.exists());
        assert!(created(&path, &journal()).is_err(), "overwrote a journal");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn cut_anywhere_it_is_refused_at_the_cut() {
    let whole = encode(&journal()).unwrap();
    for cut in (0..whole.len()).step_by(7).chain(whole.len() - 60..whole.len()) {
        assert!(offset(read(&whole[..cut])) <= cut as u64, "{cut}");
    }
}

#[test]
fn one_bit_flipped_anywhere_is_noticed() {
    let whole = encode(&journal()).unwrap();
    for at in (0..whole.len()).step_by(5).chain(0..200) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        // A wrong length of the header shows where the header would go on.
        assert!(offset(read(&bytes)) <= at.max(48) as u64, "{at}");
    }
}

#[test]
fn a_torn_mark_is_none_and_bytes_behind_it_are_a_fault() {
    let whole = encode(&journal()).unwrap();
    let header = u32::from_be_bytes(whole[12..16].try_into().unwrap()) as usize;
    let header_crc = u32::from_be_bytes(whole[header - 4..header].try_into().unwrap());
    let mark = crate::commands::restore::journal::write::mark_bytes(header_crc, Mark::Verified, 3, 1);
    let with = |tail: &[u8]| [&whole[..], tail].concat();
    for cut in 0..MARK {
        assert_eq!(read(&with(&mark[..cut])).unwrap().mark, Mark::Unfinished);
        let mut zeroed = mark.clone();
        zeroed[cut] ^= 0x10;
        assert_eq!(read(&with(&zeroed)).unwrap().mark, Mark::Unfinished);
    }
    assert_eq!(read(&with(&mark)).unwrap().mark, Mark::Verified);
    assert_eq!(offset(read(&with(&[&mark[..], &[0]].concat()))), whole.len() as u64);
}

#[test]
fn records_of_another_journal_do_not_fit() {
    let one = encode(&journal()).unwrap();
    let later = Journal { written_at: 1_700_000_001, ..journal() };
    let mut two = encode(&later).unwrap();
    let header = u32::from_be_bytes(one[12..16].try_into().unwrap()) as usize;
    two[header..].copy_from_slice(&one[header..]);
    assert_eq!(offset(read(&two)), header as u64);
}

/// Lengths and counts that a seal covers are still not believed before they fit the file.
#[test]
fn sealed_nonsense_is_refused_without_a_large_allocation() {
    let whole = encode(&journal()).unwrap();
    let header = u32::from_be_bytes(whole[12..16].try_into().unwrap()) as usize;
    for (at, value) in [(16, u64::MAX), (16, 10), (24, u64::MAX), (24, 1 << 32)] {
        let mut bytes = whole.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
        let crc = crc32fast::hash(&bytes[..header - 4]);
        bytes[header - 4..header].copy_from_slice(&crc.to_be_bytes());
        offset(read(&bytes));
    }
    let mut bytes = whole.clone();
    bytes[header + 4..header + 8].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(offset(read(&bytes)), header as u64 + 4);
}

#[test]
fn pages_that_overlap_are_refused_although_sealed() {
    let mut journal = journal();
    journal.pages[2].page.offset = ByteOffset(512);
    assert_eq!(offset(read(&encode(&journal).unwrap())), 0);
}

#[test]
fn foreign_files_are_no_journals() {
    for bytes in [&b""[..], b"hello", &[0; 4096], &[0xFF; 4096]] {
        assert_eq!(offset(read(bytes)), 0);
    }
}
