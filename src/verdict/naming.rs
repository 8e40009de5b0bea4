//! Names for the pages of an instance: which table and index a page belongs to, asked for damaged pages only.
//!
//! The dictionary is read when the first name is asked for: SDI of the tablespace concerned (MySQL 8.0+), SYS_TABLES and
//! SYS_INDEXES once for all (MySQL up to 5.7, MariaDB); else the file name speaks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use crate::format::dictionary::file_name::FileName;
use crate::format::dictionary::{sdi, sys_columns};
use crate::format::fil::FilHeader;
use crate::format::fsp::Layout;
use crate::format::index_header::IndexHeader;
use crate::format::index_header::PAGE_BTR_SEG_LEAF;
use crate::format::index_header::PAGE_BTR_SEG_TOP;
use crate::format::index_header::index_header;
use crate::format::index_page::RecordKey;
use crate::format::index_page::key_range;
use crate::format::index_page::{SDI_INDEX_ID, show_key};
use crate::format::key::IndexKey;
use crate::format::segment::{Segment, segment};
use crate::format::xdes::DescriptorState;
use crate::format::{IndexKind, Names, PageSource};
use crate::instance::file_names::is_undo_name;
use crate::instance::pages::VerifiedPages;
use crate::instance::spaces::{Owner, SpaceFile, Spaces, Tablespace};
use crate::units::{FIL_NULL, PageNo, SpaceId};
use crate::verdict::copy::Copy;
use crate::verdict::descriptors::Descriptors;
use crate::verdict::survey::{Finding, Survey};

/// What a page is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageName {
    /// `db/table`, or what the file is called.
    pub table: Option<String>,
    /// Index name.
    pub index: Option<String>,
    /// Its id, also where no dictionary names it.
    pub index_id: Option<u64>,
    /// What the index is for.
    pub kind: Option<IndexKind>,
    /// Whether it is a leaf, where the page's owner is known from its file segment.
    pub leaf: Option<bool>,
}

impl PageName {
    /// Whether the page can be made anew from the table: it belongs to a secondary index. `None` where the index is not
    /// known.
    pub fn is_rebuildable(&self) -> Option<bool> {
        self.kind.map(IndexKind::is_rebuildable)
    }
}

/// Where the rows of a damaged leaf lie, as its neighbours show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Greatest key of the page before, as text or hexadecimal.
    pub after: Option<String>,
    /// Smallest key of the page behind.
    pub before: Option<String>,
    /// Records of the page before and of the one behind, on average.
    pub records: Option<u64>,
}

/// Finds names, keeping what was read.
#[derive(Debug)]
pub struct Naming<'a> {
    spaces: &'a Spaces,
    names: Names,
    system_read: bool,
    read: BTreeSet<SpaceId>,
    /// Of each tablespace that was asked for: the segments of its indexes, the index, and whether it is the leaves'.
    segments: BTreeMap<SpaceId, Vec<(Segment, u64, bool)>>,
    /// The keys of indexes that were asked for.
    keys: BTreeMap<(SpaceId, u64), Option<IndexKey>>,
}

impl<'a> Naming<'a> {
    /// Nothing is read before the first question.
    pub fn new(spaces: &'a Spaces) -> Naming<'a> {
        Naming {
            spaces,
            names: Names::empty(),
            system_read: false,
            read: BTreeSet::new(),
            segments: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// The name of a page of this space: by the index id in its header where that is to be believed, else by the file
    /// segment that owns its place.
    pub fn of(&mut self, space: SpaceId, page_no: PageNo, header: Option<&IndexHeader>) -> PageName {
        self.learn(space);
        let stated = header.filter(|header| self.names.lookup(space, header.index_id).is_some());
        let (index_id, leaf) = match stated {
            Some(header) => (Some(header.index_id), Some(header.level == 0)),
            None => self.owner(space, page_no).map_or((None, None), |(id, leaf)| (Some(id), Some(leaf))),
        };
        let index_id = index_id.or_else(|| Some(header?.index_id).filter(|_| self.is_nameless(space)));
        if let Some(found) = index_id.and_then(|id| self.names.lookup(space, id)) {
            return PageName {
                table: Some(found.table.to_owned()),
                index: Some(found.index.to_owned()),
                index_id,
                kind: Some(found.kind),
                leaf,
            };
        }
        PageName { table: self.names.table_of(space).map(str::to_owned), index_id, ..PageName::default() }
    }

    /// Whether no dictionary names any index of a tablespace.
    fn is_nameless(&self, space: SpaceId) -> bool {
        self.names.indexes_of(space).next().is_none()
    }

    /// The columns that an index is sorted by, where a dictionary describes them.
    pub fn key(&mut self, space: SpaceId, index_id: u64) -> Option<IndexKey> {
        if index_id == SDI_INDEX_ID {
            return Some(sdi::own_key());
        }
        self.learn(space);
        if let Some(key) = self.names.key(space, index_id) {
            return Some(key.clone());
        }
        let spaces = self.spaces;
        let of_system = || sys_columns::key(&VerifiedPages::of(spaces.system()?), space, index_id);
        self.keys.entry((space, index_id)).or_insert_with(of_system).clone()
    }

    /// The name of a page of a file whose tablespace is not known.
    pub fn of_file(&self, file: &SpaceFile) -> PageName {
        let name = FileName::from_path(&file.name).filter(|name| name.database.is_some());
        PageName { table: name.map(|name| name.to_string()), ..PageName::default() }
    }

    /// What the neighbours on the level of an index page say of its rows.
    pub fn surroundings(
        &mut self,
        space: &Tablespace,
        header: &FilHeader,
        index: &IndexHeader,
    ) -> Surroundings {
        let typed = space.id.and_then(|id| self.key(id, index.index_id));
        let pages = VerifiedPages::of(space);
        let neighbour = |number: u32| {
            let page = Some(number).filter(|&n| n != FIL_NULL).and_then(|n| pages.page(PageNo(n)))?;
            let same = index_header(&page)
                .is_some_and(|other| (other.index_id, other.level) == (index.index_id, index.level));
            let keys = key_range(&page).filter(|_| same && space.format.layout != Layout::Zip)?;
            let show = |key: &RecordKey| {
                let typed = typed.as_ref().and_then(|columns| columns.show(&page, key.offset));
                typed.unwrap_or_else(|| show_key(&key.bytes))
            };
            Some((keys.records as u64, keys.first.as_ref().map(show), keys.last.as_ref().map(show)))
        };
        let (previous, next) = (neighbour(header.prev), neighbour(header.next));
        let counts: Vec<u64> = [&previous, &next].into_iter().flatten().map(|(count, ..)| *count).collect();
        Surroundings {
            after: previous.and_then(|(_, _, last)| last),
            before: next.and_then(|(_, first, _)| first),
            records: counts.iter().sum::<u64>().checked_div(counts.len() as u64),
        }
    }

    /// The index whose file segment owns a page, and whether that is the segment of its leaves.
    fn owner(&mut self, space: SpaceId, page_no: PageNo) -> Option<(u64, bool)> {
        let Owner::One(owner) = self.spaces.owner(space) else { return None };
        let extent = match Descriptors::new(owner).state(page_no)? {
            DescriptorState::Free => return None,
            DescriptorState::Used { segment } => segment,
        };
        let (names, is_table) = (&self.names, self.table_path(owner).is_some());
        let segments = self.segments.entry(space).or_insert_with(|| segments_of(names, owner, is_table));
        let owns = |segment: &Segment| match extent {
            Some(id) => segment.id == id,
            None => segment.single_pages.contains(&page_no),
        };
        segments.iter().find(|(segment, ..)| owns(segment)).map(|&(_, index, leaf)| (index, leaf))
    }

    /// The path whose last two parts name database and table. Files beside the system tablespace are nobody's own:
    /// general tablespaces, the dictionary, undo tablespaces.
    fn table_path(&self, owner: &Tablespace) -> Option<PathBuf> {
        let file = owner.files.first().filter(|_| owner.id != Some(SpaceId::SYSTEM))?;
        let stem = file.name.file_name()?.to_string_lossy();
        let nested = file.name.parent().is_some_and(|parent| !parent.as_os_str().is_empty());
        match (is_undo_name(&stem), nested, self.spaces.system().is_some()) {
            (true, ..) | (false, false, true) => None,
            (false, true, _) => Some(file.name.clone()),
            (false, false, false) => std::path::absolute(&file.path).ok(),
        }
    }

    /// A partitioned table is described in the file of its first partition only.
    fn learn_from_partitions(&mut self, of: &Tablespace) {
        let Some(table) = before_partition(of) else { return };
        let mut sisters: Vec<&Tablespace> = self
            .spaces
            .list
            .iter()
            .filter(|space| before_partition(space).as_ref() == Some(&table))
            .collect();
        sisters.sort_by_key(|space| space.id);
        for sister in sisters {
            let Some(id) = sister.id else { continue };
            let names = Names::from_sdi(id, &VerifiedPages::of(sister));
            if names.indexes().next().is_some() {
                return self.names.merge(names);
            }
        }
    }

    fn learn(&mut self, space: SpaceId) {
        if !self.system_read {
            self.system_read = true;
            if let Some(system) = self.spaces.system() {
                self.names.merge(Names::from_system(&VerifiedPages::of(system)));
            }
        }
        if !self.read.insert(space) {
            return;
        }
        if let Owner::One(owner) = self.spaces.owner(space) {
            self.names.merge(Names::from_sdi(space, &VerifiedPages::of(owner)));
            if self.is_nameless(space) {
                self.learn_from_partitions(owner);
            }
            if let Some(path) = self.table_path(owner) {
                self.names.add_file(space, &path);
            }
        }
    }
}

/// What the files of one partitioned table have in common: folder and name up to `#p#`, in any case of the letters.
fn before_partition(space: &Tablespace) -> Option<String> {
    let name = space.files.first()?.name.to_string_lossy().to_lowercase();
    name.split_once("#p#").map(|(table, _)| table.to_owned())
}

/// Pages in which the root of an index may lie when no dictionary says where.
const ROOTS: Range<u32> = 3..64;

/// Root pages as they show themselves: no neighbours, and the headers of two segments with an inode each.
fn roots_of(space: &Tablespace, pages: &VerifiedPages<'_>) -> Vec<(u64, Vec<u8>)> {
    let root = |number| {
        let page = pages.page(PageNo(number))?;
        let (header, fil) = (index_header(&page)?, FilHeader::parse(&page)?);
        let alone = (fil.prev, fil.next) == (FIL_NULL, FIL_NULL) && header.index_id != SDI_INDEX_ID;
        let has = |at| segment(pages, &page, at, &space.format).is_some();
        (alone && has(PAGE_BTR_SEG_LEAF) && has(PAGE_BTR_SEG_TOP)).then_some((header.index_id, page))
    };
    ROOTS.filter_map(root).collect()
}

/// `is_table`: the file is a table's own; the roots of its indexes are looked for where no dictionary knows them.
fn segments_of(names: &Names, space: &Tablespace, is_table: bool) -> Vec<(Segment, u64, bool)> {
    let pages = VerifiedPages::of(space);
    let mut found = Vec::new();
    let named = space.id.into_iter().flat_map(|id| names.indexes_of(id));
    let mut roots: Vec<(u64, Vec<u8>)> =
        named.filter_map(|(id, index)| Some((id, pages.page(index.root?)?))).collect();
    if roots.is_empty() && is_table {
        roots = roots_of(space, &pages);
    }
    for (id, root) in roots {
        for (at, leaf) in [(PAGE_BTR_SEG_LEAF, true), (PAGE_BTR_SEG_TOP, false)] {
            found.extend(segment(&pages, &root, at, &space.format).map(|segment| (segment, id, leaf)));
        }
    }
    found
}

/// Finds the names of a survey's pages; nothing is read before the first question.
#[derive(Debug)]
pub struct SurveyNames<'a> {
    survey: &'a Survey,
    naming: Naming<'a>,
}

impl<'a> SurveyNames<'a> {
    /// Of this survey.
    pub fn new(survey: &'a Survey) -> SurveyNames<'a> {
        SurveyNames { survey, naming: Naming::new(&survey.instance.spaces) }
    }

    /// The page of a finding. The copy knows its index better than a damaged home does.
    pub fn of(&mut self, finding: &Finding) -> PageName {
        let home = self.survey.home_of(finding);
        let spaces = &self.survey.instance.spaces;
        let of_copy = |copy: &Copy| index_header(&copy.clear(spaces).unwrap_or_else(|| copy.page()));
        let header = finding.copy().and_then(of_copy).or_else(|| index_header(&home?.bytes.get()));
        self.naming.of(finding.space_id(), finding.page_no(), header.as_ref())
    }

    /// A page of this number, which the survey must have found in a slot.
    pub fn of_page(&mut self, space: SpaceId, page_no: PageNo) -> PageName {
        let survey = self.survey;
        let found = survey.findings.iter().find(|f| f.space_id() == space && f.page_no() == page_no);
        found.map_or_else(PageName::default, |finding| self.of(finding))
    }
}
