//! For every checksum algorithm and page size: a page of which any set of 512-byte sectors is of another version is
//! called damaged unless its bytes did not change; restoring mends it, and reverting the restore is the identity. Pages
//! without a checksum (`innodb_checksum_algorithm=none`) are called so only where head, tail or copy give them away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod support;

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use dblwr::internals::commands::restore;
use dblwr::internals::commands::restore::{Here, RestoreSelection, choose, revert};
use dblwr::internals::disk::real::RealDisk;
use dblwr::internals::format::fsp::{Layout, PageFormat};
use dblwr::internals::instance::request::Request;
use dblwr::internals::page::checksum::{Algorithm, stamp};
use dblwr::internals::page::{PageState, judge};
use dblwr::internals::units::{PageNo, PageSize, SpaceId};
use dblwr::internals::verdict::home::HomeState;
use dblwr::internals::verdict::survey::Survey;
use proptest::prelude::*;
use support::tree;

const SPACE: u32 = 5;
const TORN: u32 = 3;
const SECTOR: usize = 512;

/// A tablespace format with one of its algorithms, and the flags that name it.
#[derive(Debug, Clone, Copy)]
struct Kind {
    flags: u32,
    algorithm: Algorithm,
}

impl Kind {
    fn format(self) -> PageFormat {
        PageFormat::from_flags(self.flags).unwrap()
    }

    /// The system tablespace that goes with it.
    fn system(self) -> Kind {
        let code = self.format().logical.as_u32().trailing_zeros() - 9;
        match self.format().layout {
            Layout::FullCrc32 => self,
            // 16 KiB is what no code means.
            _ if code == 5 => Kind { flags: 0, ..self },
            _ => Kind { flags: code << 6, ..self },
        }
    }
}

/// Every layout and page size with every algorithm that servers write there.
fn kinds() -> Vec<Kind> {
    let classic = [Algorithm::Crc32, Algorithm::Innodb, Algorithm::None, Algorithm::LegacyBigEndianCrc32];
    let mut kinds = Vec::new();
    for logical in PageSize::LOGICAL {
        let code = logical.as_u32().trailing_zeros() - 9;
        for algorithm in classic {
            kinds.push(Kind { flags: 0x21 | code << 6, algorithm });
            for physical in
                PageSize::PHYSICAL.into_iter().filter(|&zip| zip <= logical && logical.as_u32() <= 16384)
            {
                let zip = physical.as_u32().trailing_zeros() - 9;
                kinds.push(Kind { flags: 0x21 | code << 6 | zip << 1, algorithm });
            }
        }
        kinds.push(Kind { flags: 0x10 | code, algorithm: Algorithm::FullCrc32 });
    }
    kinds
}

struct Rng(u64);

impl Rng {
    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    page[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A page of random content with a right checksum.
fn page(kind: Kind, space: u32, number: u32, lsn: u64, rng: &mut Rng) -> Vec<u8> {
    let format = kind.format();
    let mut page: Vec<u8> = (0..format.physical.bytes() / 8).flat_map(|_| rng.next().to_le_bytes()).collect();
    header(&mut page, space, number, lsn, 17855);
    stamp(&mut page, &format, kind.algorithm).unwrap();
    page
}

fn header(page: &mut [u8], space: u32, number: u32, lsn: u64, kind: u16) {
    // In the full_crc32 layout the number of the key, elsewhere the checksum that is stamped.
    put(page, 0, &[0; 4]);
    put(page, 4, &number.to_be_bytes());
    put(page, 8, &[0xFF; 8]);
    put(page, 16, &lsn.to_be_bytes());
    put(page, 24, &kind.to_be_bytes());
    put(page, 26, &[0; 8]);
    put(page, 34, &space.to_be_bytes());
}

/// Another version of a page: some of its sectors are the same.
fn later(kind: Kind, old: &[u8], lsn: u64, rng: &mut Rng) -> Vec<u8> {
    let mut new = old.to_vec();
    for sector in new.chunks_mut(SECTOR) {
        if !rng.next().is_multiple_of(3) {
            sector.iter_mut().for_each(|byte| *byte = rng.next() as u8);
        }
    }
    header(&mut new, SPACE, TORN, lsn, 17855);
    stamp(&mut new, &kind.format(), kind.algorithm).unwrap();
    new
}

/// Sectors of `new` where the set says so, of `old` elsewhere.
fn mixed(old: &[u8], new: &[u8], set: u128) -> Vec<u8> {
    let sectors = old.chunks(SECTOR).zip(new.chunks(SECTOR)).enumerate();
    sectors.flat_map(|(at, (old, new))| if set >> at & 1 == 1 { new } else { old }).copied().collect()
}

/// Sets of sectors: any, and those that a write leaves that was cut once.
fn sets() -> impl Strategy<Value = u128> {
    prop_oneof![any::<u128>(), (0u32..129).prop_map(|n| if n == 128 { u128::MAX } else { (1 << n) - 1 })]
}

/// A data directory of a system tablespace with a doublewrite buffer and one table of four pages.
fn directory(root: &Path, kind: Kind, home: &[u8], copy: &[u8], rng: &mut Rng) {
    let (system, logical) = (kind.system(), kind.format().logical);
    let file = std::fs::File::create(root.join("ibdata1")).unwrap();
    let extent = logical.extent_pages();
    let pages = 3 * extent;
    file.set_len(u64::from(pages) * logical.as_u64()).unwrap();
    let write =
        |number: u32, page: &[u8]| file.write_all_at(page, u64::from(number) * logical.as_u64()).unwrap();
    write(0, &page0(system, 0, pages));
    let mut page5 = vec![0; logical.bytes()];
    header(&mut page5, 0, 5, 1000, 7);
    let at = logical.bytes() - 200;
    for repeat in [10, 22] {
        put(&mut page5, at + repeat, &536_853_855u32.to_be_bytes());
        put(&mut page5, at + repeat + 4, &extent.to_be_bytes());
        put(&mut page5, at + repeat + 8, &(2 * extent).to_be_bytes());
    }
    put(&mut page5, at + 34, &1_783_657_386u32.to_be_bytes());
    stamp(&mut page5, &system.format(), system.algorithm).unwrap();
    write(5, &page5);
    let mut slot = copy.to_vec();
    slot.resize(logical.bytes(), 0);
    write(extent, &slot);

    let mut table = page0(kind, SPACE, 4);
    for number in 1..4 {
        table.extend(if number == TORN { home.to_vec() } else { page(kind, SPACE, number, 1500, rng) });
    }
    std::fs::create_dir(root.join("d")).unwrap();
    std::fs::write(root.join("d/t1.ibd"), table).unwrap();
}

fn page0(kind: Kind, space: u32, pages: u32) -> Vec<u8> {
    let mut page = vec![0; kind.format().physical.bytes()];
    header(&mut page, space, 0, 1000, 8);
    put(&mut page, 38, &space.to_be_bytes());
    put(&mut page, 46, &pages.to_be_bytes());
    put(&mut page, 50, &pages.to_be_bytes());
    put(&mut page, 54, &kind.flags.to_be_bytes());
    stamp(&mut page, &kind.format(), kind.algorithm).unwrap();
    page
}

/// What a page alone tells: all algorithms but `none`, which writes a constant.
fn judged_alone(kind: Kind, seed: u64, set: u128) {
    let rng = &mut Rng(seed);
    let old = page(kind, SPACE, TORN, 2000, rng);
    let new = later(kind, &old, 2000 + rng.next() % (1 << 33), rng);
    let home = mixed(&old, &new, set);
    let state = judge(&home, &kind.format()).state;
    let changed = home != old && home != new;
    assert_eq!(state != PageState::Valid, changed, "{kind:?}: {state:?}");
}

fn judged_mended_and_taken_back(kind: Kind, seed: u64, set: u128) {
    let rng = &mut Rng(seed);
    let old = page(kind, SPACE, TORN, 2000, rng);
    let new = later(kind, &old, 2001 + rng.next() % (1 << 33), rng);
    let home = mixed(&old, &new, set);
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    std::fs::create_dir(&root).unwrap();
    directory(&root, kind, &home, &new, rng);
    let before = tree(&root);

    let survey = Survey::run(&Request { path: root.clone(), ..Request::default() }).unwrap();
    let finding =
        survey.findings.iter().find(|f| (f.space_id(), f.page_no()) == (SpaceId(SPACE), PageNo(TORN)));
    let finding = finding.unwrap_or_else(|| panic!("{kind:?}: the copy was not found"));
    let home_now = survey.home_of(finding);
    let state = home_now.unwrap_or_else(|| panic!("{kind:?}: {}", finding.judgement.reason)).state;
    let changed = home != old && home != new;
    let damaged = state != HomeState::Valid;
    let told = format!("{kind:?}: {state:?}, {}", finding.judgement.reason);
    // Where no checksum was written, an older page and a torn one can be the same bytes.
    assert!(damaged == changed || kind.algorithm == Algorithm::None && !damaged, "{told}");

    let plan =
        choose(&survey, &RestoreSelection { include_stale: true, ..RestoreSelection::default() }).unwrap();
    assert_eq!(plan.pages.len(), usize::from(damaged), "{told}");
    drop(survey);
    if damaged {
        let journal = dir.path().join("journal");
        assert!(restore::apply_plan(&RealDisk, plan, &journal).unwrap().all_verified());
        let table = std::fs::read(root.join("d/t1.ibd")).unwrap();
        assert!(table[TORN as usize * new.len()..] == new, "{kind:?}: not what the copy holds");
        let (pass, reverting) = revert::run(&RealDisk, &journal, &Here::default()).unwrap();
        assert!(pass.all_verified() && reverting.moved_on.is_empty());
    }
    assert!(tree(&root) == before, "{kind:?}: not the identity");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_set_of_torn_sectors_shows_in_the_page(seed in any::<u64>(), set in sets()) {
        for kind in kinds().into_iter().filter(|kind| kind.algorithm != Algorithm::None) {
            judged_alone(kind, seed, set);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_set_of_torn_sectors_is_mended_and_taken_back(seed in any::<u64>(), set in sets()) {
        for kind in kinds() {
            judged_mended_and_taken_back(kind, seed, set);
        }
    }
}
