//! Visiting the leaves of a B-tree whose pages may be damaged, missing or hostile.

use std::collections::HashSet;

use crate::bytes::{u32_at, u64_at};
use crate::format::PageSource;
use crate::format::fil::{FIL_PAGE_NEXT, FilHeader};
use crate::format::index_header::IndexHeader;
use crate::format::index_header::PAGE_INDEX_ID;
use crate::format::index_header::is_index_type;
use crate::format::record::{UserRecord, user_records};
use crate::units::{FIL_NULL, PageNo};

/// Pages of one dictionary tree that a walk visits at most: 16 GiB of 16 KiB pages would be no dictionary any more.
const MAX_PAGES: usize = 1 << 20;

/// Calls `visit` with every leaf page of the tree under `root` that can be read, in no promised order.
///
/// Descends through every node pointer and follows every sibling link, so that one damaged page hides only itself.
/// Each page is visited once, and only if it says that it belongs to the same index as the root.
pub fn each_leaf(source: &dyn PageSource, root: PageNo, visit: impl FnMut(PageNo, &[u8])) {
    /// SDI is the one COMPACT tree that is walked by this: type (4) and id (8) before the child.
    const SDI_KEY: usize = 12;
    each_leaf_of(source, root, SDI_KEY, visit);
}

/// The same for a tree whose COMPACT node pointers have a key of `key` bytes, all of fixed length.
pub fn each_leaf_of(source: &dyn PageSource, root: PageNo, key: usize, mut visit: impl FnMut(PageNo, &[u8])) {
    let Some(index_id) = source.page(root).and_then(|page| u64_at(&page, PAGE_INDEX_ID)) else { return };
    let mut seen = HashSet::from([root]);
    let mut waiting = vec![root];
    while let Some(page_no) = waiting.pop() {
        let Some(page) = source.page(page_no) else { continue };
        let Some(header) = member(&page, index_id) else { continue };
        let mut meet = |next: u32| {
            if next != FIL_NULL && seen.len() < MAX_PAGES && seen.insert(PageNo(next)) {
                waiting.push(PageNo(next));
            }
        };
        if let Some(next) = u32_at(&page, FIL_PAGE_NEXT) {
            meet(next);
        }
        if header.level == 0 {
            visit(page_no, &page);
        } else {
            user_records(&page).list.iter().filter_map(|r| child(r, &header, key)).for_each(&mut meet);
        }
    }
}

fn member(page: &[u8], index_id: u64) -> Option<IndexHeader> {
    let header = IndexHeader::parse(page)?;
    (is_index_type(FilHeader::parse(page)?.page_type) && header.index_id == index_id).then_some(header)
}

/// Child page of a node pointer: its last column. Only REDUNDANT records tell where that is; in COMPACT ones the width of
/// the key must be known.
fn child(record: &UserRecord<'_>, header: &IndexHeader, key: usize) -> Option<u32> {
    if header.compact {
        return u32_at(record.leading_bytes(key.checked_add(4)?), key);
    }
    let last = record.redundant_fields()?.checked_sub(1)?;
    u32_at(record.redundant_field(last)??, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::pages::{Pages, redundant_page, set_next};

    fn leaves(pages: &Pages) -> Vec<u32> {
        let mut found = Vec::new();
        each_leaf(pages, PageNo(8), |page_no, _| found.push(page_no.0));
        found.sort_unstable();
        found
    }

    fn tree() -> Pages {
        let pointer = |key: &'static [u8], child: &'static [u8]| [Some(key), Some(child)];
        let root = redundant_page(
            1,
            1,
            &[&pointer(b"a", &[0, 0, 0, 20]), &pointer(b"b", &[0, 0, 0, 21]), &pointer(b"c", &[0, 0, 0, 22])],
        );
        let mut pages = Pages::default();
        pages.0.insert(8, root);
        for n in 20..23 {
            pages.0.insert(n, redundant_page(1, 0, &[&[Some(b"x")]]));
        }
        pages
    }

    #[test]
    fn all_leaves_under_the_root_are_visited_once() {
        let mut pages = tree();
        set_next(pages.0.get_mut(&20).unwrap(), 21);
        assert_eq!(leaves(&pages), [20, 21, 22]);
    }

    #[test]
    fn a_damaged_leaf_hides_only_itself() {
        let mut pages = tree();
        pages.0.remove(&21);
        assert_eq!(leaves(&pages), [20, 22]);
    }

    #[test]
    fn a_leaf_without_pointer_is_found_by_its_sibling_and_circles_end() {
        let mut pages = tree();
        pages.0.insert(30, redundant_page(1, 0, &[&[Some(b"y")]]));
        set_next(pages.0.get_mut(&22).unwrap(), 30);
        set_next(pages.0.get_mut(&30).unwrap(), 20);
        assert_eq!(leaves(&pages), [20, 21, 22, 30]);
    }

    #[test]
    fn pages_of_another_index_are_not_entered() {
        let mut pages = tree();
        pages.0.insert(21, redundant_page(99, 0, &[&[Some(b"x")]]));
        assert_eq!(leaves(&pages), [20, 22]);
    }
}
