//! The pass on real files.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::commands::restore::journal::{Mark, read};
use crate::commands::restore::plan::tests::page;
use crate::commands::restore::plan_file::{export, matches};
use crate::commands::restore::*;
use crate::disk::calls::{self, Access};
use crate::disk::real::RealDisk;
use crate::units::{ByteOffset, PageNo, SpaceId};

/// Two tablespaces of eight pages of 1 KiB, page `n` full of `n`; space ids 7.
fn directory() -> (tempfile::TempDir, Plan) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    std::fs::create_dir_all(root.join("db")).unwrap();
    let (one, two) = (root.join("ibdata1"), root.join("db/t.ibd"));
    for path in [&one, &two] {
        let mut bytes: Vec<u8> = (0..8u8).flat_map(|n| [n; 1024]).collect();
        bytes[38..42].copy_from_slice(&7u32.to_be_bytes());
        std::fs::write(path, bytes).unwrap();
    }
    let under = |path: &Path, number: u32, new| {
        let file = path.strip_prefix(&root).unwrap().to_path_buf();
        PlannedPage { file, ..page(path, number, number as u8, new) }
    };
    let pages = vec![under(&one, 5, 0xA5), under(&two, 3, 0xA3), under(&two, 7, 0xA7)];
    let also_lock = vec![one.clone(), two.clone()];
    (dir, Plan { root, pages, also_lock, ..Plan::default() })
}

fn bytes(plan: &Plan) -> Vec<Vec<u8>> {
    plan.also_lock.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn expected(plan: &Plan, before: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut files = before.to_vec();
    for page in &plan.pages {
        let index = plan.also_lock.iter().position(|path| *path == page.path).unwrap();
        files[index][page.offset.0 as usize..][..page.length]
            .copy_from_slice(&page.new.read(&RealDisk).unwrap());
    }
    files
}

fn journal_in(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("j")
}

fn refusal<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Refused(why)) => why,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn a_restore_writes_the_pages_and_nothing_else_and_a_revert_takes_them_back() {
    let (dir, plan) = directory();
    let (before, journal) = (bytes(&plan), journal_in(&dir));
    let applied = apply_plan(&RealDisk, plan.clone(), &journal).unwrap();
    assert!(applied.all_verified() && applied.finished && !applied.resumed);
    assert_eq!(bytes(&plan), expected(&plan, &before));
    assert_eq!(read::open(&RealDisk, &journal, Access::Read).unwrap().mark, Mark::Verified);

    let reverting = revert::plan(&RealDisk, &journal, &Here::default()).unwrap();
    assert_eq!((reverting.plan.pages.len(), reverting.notes.len()), (3, 0));
    let (pass, _) = revert::run(&RealDisk, &journal, &Here::default()).unwrap();
    assert!(pass.all_verified());
    assert_eq!(bytes(&plan), before);

    // The revert is a pass like any other: taken back, the pages are new again.
    let (pass, _) = revert::run(&RealDisk, &pass.applied[0].journal, &Here::default()).unwrap();
    assert!(pass.all_verified());
    assert_eq!(bytes(&plan), expected(&plan, &before));
}

#[test]
fn a_changed_page_refuses_the_whole_plan_before_anything_is_written() {
    let (dir, plan) = directory();
    let mut files = bytes(&plan);
    files[1][7 * 1024 + 9] ^= 1;
    std::fs::write(&plan.also_lock[1], &files[1]).unwrap();
    let why = refusal(apply_plan(&RealDisk, plan.clone(), &journal_in(&dir)));
    assert!(why.contains("page 7 at offset 7168 has changed"), "{why}");
    assert_eq!(bytes(&plan), files);
    assert!(!journal_in(&dir).exists());
}

#[test]
fn where_a_page_has_moved_on_nothing_is_written_unless_the_others_are_picked() {
    let (dir, plan) = directory();
    let (before, journal) = (bytes(&plan), journal_in(&dir));
    apply_plan(&RealDisk, plan.clone(), &journal).unwrap();
    let mut moved = bytes(&plan);
    moved[1][3 * 1024] = 0x77;
    // A tear of what the pass wrote: its first sector is old again.
    moved[1][7 * 1024..][..512].fill(7);
    std::fs::write(&plan.also_lock[1], &moved[1]).unwrap();
    let now = bytes(&plan);
    let (pass, reverting) = revert::run(&RealDisk, &journal, &Here::default()).unwrap();
    assert!(pass.applied.is_empty() && reverting.is_refused());
    let left: Vec<u32> = reverting.moved_on.iter().map(|moved| moved.page.page_no.0).collect();
    assert_eq!(left, [3, 7], "a finished pass left neither a tear nor anything else");
    assert_eq!(bytes(&plan), now);

    let pick = |page_no| Here { pages: vec![(SpaceId(7), PageNo(page_no))], ..Here::default() };
    let (pass, reverting) = revert::run(&RealDisk, &journal, &pick(3)).unwrap();
    assert!(pass.applied.is_empty() && reverting.is_refused(), "a page that was picked must fit as well");
    let (pass, _) = revert::run(&RealDisk, &journal, &pick(5)).unwrap();
    assert!(pass.all_verified());
    assert_eq!(bytes(&plan), [before[0].clone(), now[1].clone()]);
    assert!(refusal(revert::run(&RealDisk, &journal, &pick(4))).contains("7:4 is not in this journal"));
}

#[test]
fn a_directory_that_moved_or_was_copied_is_found_and_told() {
    let (dir, plan) = directory();
    let (before, journal) = (bytes(&plan), plan.root.join("j"));
    apply_plan(&RealDisk, plan.clone(), &journal).unwrap();
    let moved = dir.path().join("elsewhere");
    std::fs::rename(&plan.root, &moved).unwrap();
    // A journal that lies elsewhere than where it was made is not believed by itself.
    let why = refusal(revert::plan(&RealDisk, &moved.join("j"), &Here::default()));
    assert!(why.contains("--datadir"), "{why}");
    let reverting = revert::plan(&RealDisk, &moved.join("j"), &Here::at(&moved)).unwrap();
    assert_eq!(reverting.plan.pages.len(), 3);
    assert!(reverting.notes[0].to_string().contains("elsewhere"), "{:?}", reverting.notes);

    // A copy has other inodes: accepted with a note, by size, space id and pages.
    let copy = dir.path().join("copy");
    std::fs::create_dir_all(copy.join("db")).unwrap();
    for name in ["ibdata1", "db/t.ibd"] {
        std::fs::copy(moved.join(name), copy.join(name)).unwrap();
    }
    let (pass, reverting) = revert::run(&RealDisk, &moved.join("j"), &Here::at(&copy)).unwrap();
    assert!(pass.all_verified());
    assert!(
        reverting.notes.iter().any(|note| note.to_string().contains("not the same file")),
        "{:?}",
        reverting.notes
    );
    assert_eq!(std::fs::read(copy.join("ibdata1")).unwrap(), before[0]);
    assert_ne!(std::fs::read(moved.join("ibdata1")).unwrap(), before[0]);

    // Another file of that name is refused.
    std::fs::write(copy.join("ibdata1"), vec![0; 9000]).unwrap();
    let why = refusal(revert::plan(&RealDisk, &moved.join("j"), &Here::at(&copy)));
    assert!(why.contains("not the file that the journal was written for"), "{why}");
}

#[test]
fn an_unfinished_journal_is_finished_first_and_only_for_its_own_directory() {
    let (dir, plan) = directory();
    let (before, journal) = (bytes(&plan), journal_in(&dir));
    // Stopped after the journal, and in the middle of a page.
    drop(plan.clone().lock(&RealDisk).unwrap().journal(&journal, journal::PassKind::Restore).unwrap());
    let mut torn = before[0].clone();
    torn[5 * 1024..][..512].fill(0xA5);
    std::fs::write(&plan.also_lock[0], &torn).unwrap();

    let name = JournalName::Exactly(journal.clone());
    let (other_dir, other) = directory();
    let why = refusal(run(&RealDisk, &name, &Here::at(&other.root), || Ok(Plan::default())));
    assert!(why.contains("is the unfinished journal of"), "{why}");
    assert_eq!(bytes(&other), before);
    drop(other_dir);

    let pass = run(&RealDisk, &name, &Here::at(&plan.root), || Ok(Plan::default())).unwrap();
    assert!(pass.all_verified() && pass.applied.len() == 1 && pass.applied[0].resumed);
    assert_eq!(bytes(&plan), expected(&plan, &before));
    // Finished, the name is taken.
    let more = Plan { pages: vec![page(&plan.also_lock[0], 6, 6, 9)], ..plan.clone() };
    assert!(
        refusal(run(&RealDisk, &name, &Here::at(&plan.root), || Ok(more.clone())))
            .contains("never overwritten")
    );
    let numbered = JournalName::Numbered(journal.clone());
    let pass = run(&RealDisk, &numbered, &Here::at(&plan.root), || Ok(more)).unwrap();
    assert_eq!(pass.applied[0].journal, dir.path().join("j.2"));
}

#[test]
fn a_reviewed_plan_is_applied_exactly_or_not_at_all() {
    let (dir, plan) = directory();
    let before = bytes(&plan);
    let text = serde_json::to_string(&export(&RealDisk, &plan).unwrap()).unwrap();
    let reviewed: PlanFile = serde_json::from_str(&text).unwrap();
    let mut backwards = plan.clone();
    backwards.pages.reverse();
    matches(&RealDisk, &reviewed, &[], &backwards).unwrap();

    let mut fewer = plan.clone();
    fewer.pages.pop();
    let mut other_copy = plan.clone();
    other_copy.pages[0].new = vec![9; 1024].into();
    let mut other_home = plan.clone();
    other_home.pages[0].old = vec![9; 1024].into();
    for changed in [fewer, other_copy, other_home] {
        assert!(refusal(matches(&RealDisk, &reviewed, &[], &changed)).contains("no longer fits"));
    }
    std::fs::File::options().append(true).open(&plan.also_lock[0]).unwrap().set_len(9000).unwrap();
    assert!(refusal(matches(&RealDisk, &reviewed, &[], &plan)).contains("another size"));
    std::fs::write(&plan.also_lock[0], &before[0]).unwrap();

    // Stopped after the journal: the rest of the reviewed plan is empty, and that fits.
    let journal = journal_in(&dir);
    drop(plan.clone().lock(&RealDisk).unwrap().journal(&journal, journal::PassKind::Restore).unwrap());
    let name = JournalName::Exactly(journal);
    let nothing = || Ok(Plan { root: plan.root.clone(), ..Plan::default() });
    let mut unsigned = reviewed.clone();
    unsigned.pages.remove(1);
    let why = refusal(run_reviewed(&RealDisk, &name, &Here::at(&plan.root), &unsigned, nothing));
    assert!(why.contains("also writes"), "{why}");
    assert_eq!(bytes(&plan), before);
    run_reviewed(&RealDisk, &name, &Here::at(&plan.root), &reviewed, nothing).unwrap();
    assert_eq!(bytes(&plan), expected(&plan, &before));
}

#[test]
fn mended_copies_go_elsewhere_and_the_files_stay_as_they_are() {
    let (dir, mut plan) = directory();
    // A hole stays a hole in the copy.
    let sparse = std::fs::File::options().write(true).open(&plan.also_lock[1]).unwrap();
    sparse.set_len(64 << 20).unwrap();
    std::fs::set_permissions(&plan.also_lock[1], std::fs::Permissions::from_mode(0o640)).unwrap();
    plan.pages[0].file = "../../outside/ibdata1".into();
    let (before, to) = (bytes(&plan), dir.path().join("new/mended"));
    let copies = mended_copies::run(&RealDisk, plan.clone(), &to).unwrap();
    let made: Vec<_> = copies.iter().map(|copy| copy.to.strip_prefix(&to).unwrap().to_path_buf()).collect();
    assert_eq!(made, [Path::new("outside/outside/ibdata1"), Path::new("db/t.ibd")]);
    assert_eq!(bytes(&plan), before);
    let mended = expected(&plan, &before);
    assert_eq!(std::fs::read(&copies[0].to).unwrap(), mended[0]);
    assert_eq!(std::fs::read(&copies[1].to).unwrap(), mended[1]);
    let metadata = std::fs::metadata(&copies[1].to).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    use std::os::unix::fs::MetadataExt;
    assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
    assert!(refusal(mended_copies::run(&RealDisk, plan, &to)).contains("exists already"));
}

#[test]
fn mended_copies_that_were_interrupted_are_finished_and_nothing_else_is_touched() {
    let (dir, plan) = directory();
    let to = dir.path().join("mended");
    let copies = mended_copies::run(&RealDisk, plan.clone(), &to).unwrap();
    let [first, second] = [&copies[0].to, &copies[1].to];
    let whole = [std::fs::read(first).unwrap(), std::fs::read(second).unwrap()];
    let part = calls::with_suffix(second, ".dblwr-part");
    // As kill -9 leaves it: the first file whole, of the second one the length and some of the bytes.
    let kill = |left: &[u8]| {
        let _ = std::fs::remove_file(second);
        std::fs::write(&part, left).unwrap();
    };
    let mut half = whole[1].clone();
    half[5000..].fill(0);
    for left in [&half[..], &[], &whole[1], &half[..4096]] {
        kill(left);
        mended_copies::run(&RealDisk, plan.clone(), &to).unwrap();
        assert!([first, second].map(|path| std::fs::read(path).unwrap()) == whole && !part.exists());
    }
    // Bytes of somebody else, a file too long, another run at work.
    half[100] ^= 0xFF;
    for left in [&half[..], &[&whole[1][..], b"x"].concat()] {
        kill(left);
        let why = refusal(mended_copies::run(&RealDisk, plan.clone(), &to));
        assert!(why.contains("remove it") && why.contains(part.to_str().unwrap()), "{why}");
        assert_eq!(std::fs::read(&part).unwrap(), left);
    }
    kill(&[]);
    std::fs::write(first, &whole[0][1..]).unwrap();
    let why = refusal(mended_copies::run(&RealDisk, plan, &to));
    assert!(why.contains("exists already") && part.exists(), "{why}");
}

#[test]
fn one_file_under_two_names_is_refused() {
    let (dir, mut plan) = directory();
    let link = plan.root.join("ibdata2");
    std::fs::hard_link(&plan.also_lock[0], &link).unwrap();
    plan.pages.push(page(&link, 5, 5, 1));
    assert!(refusal(apply_plan(&RealDisk, plan, &journal_in(&dir))).contains("under two names"));
}

/// Pages of 1 and 2 KiB begin anywhere in the blocks that reading past the cache needs.
#[test]
fn reading_back_gives_the_bytes_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let content: Vec<u8> = (0..20_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&path, &content).unwrap();
    let file = RealDisk.open(&path, Access::ReadWrite).unwrap();
    RealDisk.fsync(&file).unwrap();
    for offset in (0..20_000).step_by(512) {
        let mut buffer = vec![0; 2048];
        let (read, _) = calls::read_back_full(&RealDisk, &file, &mut buffer, offset as u64).unwrap();
        let rest = &content[offset..(offset + 2048).min(content.len())];
        assert_eq!(&buffer[..read], rest, "{offset}");
    }
}

#[test]
fn a_page_behind_the_end_of_its_file_is_refused() {
    let (dir, mut plan) = directory();
    plan.pages[0].offset = ByteOffset(7 * 1024 + 512);
    plan.pages[0].old = vec![7; 1024].into();
    assert!(refusal(apply_plan(&RealDisk, plan.clone(), &journal_in(&dir))).contains("has changed"));
    assert_eq!(bytes(&plan)[0].len(), 8192);
}
