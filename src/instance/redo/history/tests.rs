//! What the walk over all that is left of a log meets.

use std::collections::BTreeSet;

use crate::format::redo_record::PageId;
use crate::instance::redo::history::{Changes, Log};
use crate::instance::redo::tests::build::{PHYS, Phys, Ring, put, seal};
use crate::instance::redo::{FoundRedo, read};
use crate::units::{PageNo, SpaceId};

/// 10.5.23 wrote a lone zero between two mini-transactions: behind it the log goes on.
#[test]
fn a_mini_transaction_without_records_is_not_the_end_in_a_log_of_blocks() {
    const START: u64 = 8704;
    let init = |page: u8| [0x12, 5, page, 0];
    let payload = [&init(3)[..], &[0, 0], &init(4)].concat();
    let end = START + 12 + payload.len() as u64;
    let mut ring = Ring::new(PHYS, "MariaDB 10.5.23", 1, 16);
    ring.fill(START, end).checkpoint(0, 1, START + 12);
    let block = &mut ring.files[0][2048..2560];
    put(block, 6, &12u16.to_be_bytes());
    put(block, 12, &payload);
    seal(block);
    let dir = tempfile::tempdir().unwrap();
    ring.write(dir.path());
    let FoundRedo::Read(mut redo) = read(dir.path()).unwrap() else { panic!("no log") };
    Log::learn(&mut redo).unwrap();
    let mut pages: Vec<PageId> = redo.census.unwrap().pages().map(|(page, _)| page).collect();
    pages.sort_unstable();
    assert_eq!(pages, [(SpaceId(5), PageNo(3)), (SpaceId(5), PageNo(4))]);
}

#[test]
fn the_history_of_many_pages_comes_in_lots_and_none_is_lost() {
    let (checkpoint, pages) = (12288, 90u8);
    let mut log = Phys::new(1 << 18, checkpoint, false);
    log.file_checkpoint(checkpoint).checkpoint(0, checkpoint, checkpoint);
    for _ in 0..3 {
        for page in 1..=pages {
            log.mtr(&[0x12, 5, page]);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    log.write(dir.path());
    let FoundRedo::Read(redo) = read(dir.path()).unwrap() else { panic!("no log") };
    let mut log = Log::open(&redo).unwrap().unwrap();
    let all: BTreeSet<PageId> = (1..=pages).map(|page| (SpaceId(5), PageNo(page.into()))).collect();
    let (mut left, mut seen, mut lots) = (all.clone(), Vec::new(), 0);
    while !left.is_empty() {
        let changes = Changes::of_a_lot(&mut log, &mut left).unwrap();
        assert!(changes.pages().iter().all(|&page| changes.of_page(page).len() == 3));
        seen.extend(changes.pages().iter().copied());
        lots += 1;
    }
    assert_eq!(seen, all.into_iter().collect::<Vec<_>>());
    assert!(lots > 2, "{lots}");
}

/// By documentation: no real log of 12.3 with its binlog inside has been read.
#[test]
fn pages_under_reserved_space_ids_are_skipped() {
    let checkpoint = 12288;
    let mut log = Phys::new(1 << 18, checkpoint, false);
    log.file_checkpoint(checkpoint).checkpoint(0, checkpoint, checkpoint);
    log.mtr(&[0x16, 0xF0, 0xEF, 0xDF, 0xBF, 0x71, 3]).mtr(&[0x12, 5, 4]);
    let dir = tempfile::tempdir().unwrap();
    log.write(dir.path());
    let FoundRedo::Read(mut redo) = read(dir.path()).unwrap() else { panic!("no log") };
    Log::learn(&mut redo).unwrap();
    let census = redo.census.unwrap();
    assert_eq!((census.spaces.len(), census.malformed), (1, 0));
    assert!(census.of_page((SpaceId(5), PageNo(4))).is_some());
}
