//! Copies of indexes that their tablespace never had.
//!
//! The index of a table that is made first is the clustered one (`create_table_info_t::create_table`,
//! `row_merge_create_index`; MySQL 5.5 to 9.7, MariaDB), and index ids only grow (`dict_hdr_get_new_id`): in a tablespace
//! of one table none is below that of the clustered root. A rebuilt table has another space id. So a copy that is newer
//! than this root and of a lower index id was written by another server.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::bytes::{u32_at, u64_at};
use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_NEXT, FIL_PAGE_PREV, FilHeader, page_type};
use crate::format::fsp::FspHeader;
use crate::format::index_header::PAGE_INDEX_ID;
use crate::format::index_page::SDI_INDEX_ID;
use crate::instance::Instance;
use crate::instance::spaces::{Owner, Tablespace};
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::copy::{Copy, CopyState};
use crate::verdict::home::{Home, HomeState, look_in};
use crate::verdict::problems::copies::plain;
use crate::verdict::problems::reason::ProblemReason;
use crate::verdict::problems::{Problem, ProblemKind, Severity};
use crate::verdict::survey::Survey;

/// `FSP_FLAGS_POS_SHARED` (MySQL 5.7 on): a general tablespace, of several tables.
const SHARED: u32 = 1 << 11;
/// `FSP_FLAGS_POS_SDI` (MySQL 8.0 on): page 3 is the root of the dictionary information.
const SDI: u32 = 1 << 14;

/// What the root of a clustered index says.
#[derive(Clone, Copy)]
struct Clustered {
    index: u64,
    lsn: Lsn,
}

/// For each doublewrite file one problem that names the first such page.
pub(super) fn foreign_indexes(survey: &Survey, problems: &mut Vec<Problem>) {
    let mut roots: BTreeMap<SpaceId, Option<Clustered>> = BTreeMap::new();
    let mut found: BTreeMap<PathBuf, Vec<(SpaceId, PageNo, u64)>> = BTreeMap::new();
    for finding in &survey.findings {
        let format = survey.home_of(finding).and_then(|home| home.format.as_ref());
        let Some(copy) = finding.copy().filter(|_| format.is_some_and(plain)) else { continue };
        let Some(index) = index_of_copy(copy) else { continue };
        let space = finding.space_id();
        let root = roots.entry(space).or_insert_with(|| clustered(&survey.instance, space));
        if root.is_some_and(|root| index < root.index && copy.lsn() > root.lsn) {
            found.entry(copy.slot.file.clone()).or_default().push((space, finding.page_no(), index));
        }
    }
    for (file, pages) in found {
        let Some(&(space, page, index)) = pages.first() else { continue };
        let reason = ProblemReason::CopiesOfOtherIndex { page, index };
        let problem = Problem::new(ProblemKind::CopiesForeign, Severity::Warning, reason);
        let problem = Problem { pages: Some(pages.len() as u64), ..problem };
        problems.push(problem.file(file).space(Some(space)).page(page));
    }
}

fn index_of_copy(copy: &Copy) -> Option<u64> {
    let sound = copy.state() == CopyState::Valid && !copy.judged.weak;
    if sound { index_id(&copy.page()) } else { None }
}

fn index_id(page: &[u8]) -> Option<u64> {
    // A key version there says that the rest is ciphertext, whatever page 0 says (first encryption under way).
    let clear = u32_at(page, FIL_PAGE_FILE_FLUSH_LSN) == Some(0);
    let is_index = clear && FilHeader::parse(page)?.page_type == page_type::INDEX;
    u64_at(page, PAGE_INDEX_ID).filter(|&index| is_index && index != 0 && index != SDI_INDEX_ID)
}

/// The clustered root of a tablespace of one table, where it is sound.
fn clustered(instance: &Instance, space_id: SpaceId) -> Option<Clustered> {
    let Owner::One(space) = instance.spaces.owner(space_id) else { return None };
    let flags = FspHeader::parse(&sound(space, PageNo(0))?.bytes.get())?.flags;
    let mysql = !instance.generation.is_mariadb();
    if space_id == SpaceId::SYSTEM || (mysql && flags & SHARED != 0) {
        return None;
    }
    let root = sound(space, PageNo(if mysql && flags & SDI != 0 { 4 } else { 3 }))?;
    let root_bytes = root.bytes.get();
    let alone = [FIL_PAGE_PREV, FIL_PAGE_NEXT].iter().all(|&at| u32_at(&root_bytes, at) == Some(u32::MAX));
    Some(Clustered { index: index_id(&root_bytes).filter(|_| alone)?, lsn: root.lsn? })
}

fn sound(space: &Tablespace, page: PageNo) -> Option<Home> {
    look_in(space, page, true).ok().filter(|home| home.state == HomeState::Valid && !home.weak)
}
