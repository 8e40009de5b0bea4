//! A plan as a file to review and sign: `restore --plan-out plan.json`, `restore --apply --plan plan.json`.
//!
//! It has no page bytes, only their SHA-256: applying means planning again and finding exactly the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::commands::restore::apply::Applied;
use crate::commands::restore::journal::Journal;
use crate::commands::restore::locked;
use crate::commands::restore::plan::{Plan, PlannedPage};
use crate::commands::restore::relocate::{is_same, originals, refuse_the_originals};
use crate::disk::calls;
use crate::disk::calls::{Access, Disk};
use crate::error::{Error, Result};
use crate::instance::file_names::end_alike;
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};

/// Version of the file's schema.
pub const SCHEMA_VERSION: u32 = 1;

/// A plan without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanFile {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the tool that made it.
    pub tool: String,
    /// Where the data directory lay: a hint only, it may move or be copied.
    pub root: PathBuf,
    /// `server_uuid` of its `auto.cnf`; empty where there is none.
    #[serde(default)]
    pub server_uuid: String,
    /// The files that would be written.
    pub files: Vec<PlanFileEntry>,
    /// The pages that would be written, by file and offset.
    pub pages: Vec<PlanPageEntry>,
}

/// What a file was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanFileEntry {
    /// Name relative to the root; absolute where it lies outside.
    pub file: PathBuf,
    /// `st_dev`: a hint only, a copy or a reboot changes it.
    pub device: u64,
    /// `st_ino`: a hint only.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Space id on page 0, damaged or not.
    pub space_id: Option<SpaceId>,
}

/// One page that would be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanPageEntry {
    /// Name relative to the root; absolute where it lies outside.
    pub file: PathBuf,
    /// In bytes.
    pub offset: ByteOffset,
    /// Physical size in bytes.
    pub length: u64,
    /// Tablespace.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// Where the new bytes come from.
    pub copy: PlanCopy,
    /// What the page holds.
    pub before: PlanBefore,
    /// What it would hold.
    pub after: PlanAfter,
}

/// The copy that would be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanCopy {
    /// Doublewrite file.
    pub file: PathBuf,
    /// Slot.
    pub index: u64,
    /// Its LSN.
    pub lsn: Lsn,
}

/// A page before the write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanBefore {
    /// What was found, in the words of the reports.
    pub state: String,
    /// SHA-256 of its bytes in lower-case hexadecimal.
    pub sha256: String,
}

/// A page after the write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanAfter {
    /// SHA-256 of its bytes in lower-case hexadecimal.
    pub sha256: String,
}

/// SHA-256 in lower-case hexadecimal, as in every report.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Describes a plan, with the identity of each file at this moment.
///
/// # Errors
/// A file of the plan cannot be looked at.
pub fn export<D: Disk>(disk: &D, plan: &Plan) -> Result<PlanFile> {
    plan.check()?;
    let root = absolute(disk, &plan.root)?;
    let mut files = BTreeMap::new();
    for page in &plan.pages {
        if !files.contains_key(&page.path) {
            files.insert(page.path.clone(), file_entry(disk, &root, page)?);
        }
    }
    let mut files: Vec<_> = files.into_values().collect();
    files.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(PlanFile {
        schema_version: SCHEMA_VERSION,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        server_uuid: plan.world.server_uuid.clone(),
        files,
        pages: entries(disk, &root, plan.pages.iter())?,
        root,
    })
}

fn absolute<D: Disk>(disk: &D, path: &Path) -> Result<PathBuf> {
    disk.absolute(path).map_err(Error::io(path, "find the absolute path of"))
}

/// Reports name a file outside as it was given, which may be relative to anything.
fn name<D: Disk>(disk: &D, root: &Path, path: &Path) -> Result<PathBuf> {
    let path = absolute(disk, path)?;
    Ok(path.strip_prefix(root).map(Path::to_path_buf).unwrap_or(path))
}

fn file_entry<D: Disk>(disk: &D, root: &Path, page: &PlannedPage) -> Result<PlanFileEntry> {
    let path = &page.path;
    let file = calls::retry(|| disk.open(path, Access::Read)).map_err(Error::io(path, "open"))?;
    let stat = calls::retry(|| disk.stat(&file)).map_err(Error::io(path, "look at"))?;
    Ok(PlanFileEntry {
        file: name(disk, root, path)?,
        device: stat.device,
        inode: stat.inode,
        size: stat.size,
        space_id: locked::space_id(disk, &file, path)?,
    })
}

fn entries<'a, D: Disk>(
    disk: &D,
    root: &Path,
    pages: impl Iterator<Item = &'a PlannedPage>,
) -> Result<Vec<PlanPageEntry>> {
    let named = pages.map(|page| Ok(entry(page, name(disk, root, &page.path)?)));
    let mut entries = named.collect::<Result<Vec<_>>>()?;
    entries.sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
    Ok(entries)
}

fn entry(page: &PlannedPage, file: PathBuf) -> PlanPageEntry {
    PlanPageEntry {
        file,
        offset: page.offset,
        length: page.length as u64,
        space_id: page.space_id,
        page_no: page.page_no,
        copy: PlanCopy { file: page.copy.file.clone(), index: page.copy.index, lsn: page.copy.lsn },
        before: PlanBefore { state: page.before_state.clone(), sha256: page.old.sum.to_string() },
        after: PlanAfter { sha256: page.new.sum.to_string() },
    }
}

/// Whether planning again gave exactly what was reviewed: the same files, the same old and new bytes. Where an
/// interrupted pass of this plan was `finished` first, what it wrote, what is planned now and what holds the reviewed
/// bytes already are together what was reviewed.
///
/// # Errors
/// The first difference; a file that cannot be read.
pub fn matches<D: Disk>(disk: &D, reviewed: &PlanFile, finished: &[Applied], plan: &Plan) -> Result<()> {
    check_version(reviewed)?;
    let now = export(disk, plan)?;
    let moved = !is_same(disk, &reviewed.root, &now.root);
    if moved {
        let names = reviewed.files.iter().map(|file| &*file.file);
        let originals = originals(disk, &reviewed.root, names);
        let paths: BTreeSet<&Path> = plan.pages.iter().map(|page| &*page.path).collect();
        paths
            .into_iter()
            .try_for_each(|path| refuse_the_originals(disk, &originals, &reviewed.root, path))?;
    }
    let reviewed = &if moved { renamed(reviewed, &now) } else { reviewed.clone() };
    for file in &now.files {
        let at_review = reviewed.files.iter().find(|reviewed| reviewed.file == file.file);
        let is_same =
            |at_review: &PlanFileEntry| (at_review.size, at_review.space_id) == (file.size, file.space_id);
        if at_review.is_some_and(|at_review| !is_same(at_review)) {
            return Err(differs(&format!("{} is another file or has another size now", file.file.display())));
        }
    }
    let known = !reviewed.server_uuid.is_empty() && !now.server_uuid.is_empty();
    if known && reviewed.server_uuid != now.server_uuid {
        return Err(differs("it is another server's, by its auto.cnf"));
    }
    let done =
        entries(disk, &now.root, finished.iter().flat_map(|applied| &applied.pages).map(|(page, _)| page))?;
    let planned = |entry: &PlanPageEntry| now.pages.iter().any(|now| same_place(entry, now));
    let left = |entry: &&PlanPageEntry| {
        planned(entry)
            || !done.iter().any(|done| same_target(entry, done)) && !is_done(disk, &now.root, entry)
    };
    let rest: Vec<_> = reviewed.pages.iter().filter(left).cloned().collect();
    same_pages(&rest, &now.pages)
}

/// A plan of a directory that was moved: what lies outside of it has the name that it has now.
fn renamed(reviewed: &PlanFile, now: &PlanFile) -> PlanFile {
    let mut renamed = reviewed.clone();
    let outside = |path: &Path| path.is_absolute() && !now.files.iter().any(|file| file.file == path);
    let name = |then: &Path| {
        let mut alike =
            now.files.iter().filter(|file| file.file.is_absolute() && end_alike(&file.file, then));
        alike.next().filter(|_| alike.next().is_none()).map(|file| file.file.clone())
    };
    let names = renamed.files.iter_mut().map(|file| &mut file.file);
    for then in names.chain(renamed.pages.iter_mut().map(|page| &mut page.file)) {
        if let Some(name) = Some(&*then).filter(|then| outside(then)).and_then(|then| name(then)) {
            *then = name;
        }
    }
    renamed.pages.sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
    renamed
}

/// Whether a page that need not be planned holds the reviewed bytes: an earlier run has written it. One that cannot be
/// read does not.
fn is_done<D: Disk>(disk: &D, root: &Path, entry: &PlanPageEntry) -> bool {
    let Some(size) = u32::try_from(entry.length).ok().and_then(PageSize::new) else { return false };
    let Ok(file) = calls::retry(|| disk.open(&root.join(&entry.file), Access::Read)) else { return false };
    let mut page = vec![0; size.bytes()];
    let read = calls::read_full(disk, &file, &mut page, entry.offset.0);
    read.is_ok_and(|read| read == page.len()) && sha256_hex(&page) == entry.after.sha256
}

/// Whether every page of an unfinished journal was reviewed, so that finishing it is what was signed.
///
/// # Errors
/// The first page that was not reviewed; a plan of another version.
pub fn matches_journal<D: Disk>(disk: &D, reviewed: &PlanFile, journal: &Journal) -> Result<()> {
    check_version(reviewed)?;
    let pages: Vec<_> = (journal.pages.iter())
        .map(|record| PlannedPage { path: journal.root.join(&record.page.path), ..record.page.clone() })
        .collect();
    for page in entries(disk, &journal.root, pages.iter())? {
        if !reviewed.pages.iter().any(|entry| same_target(entry, &page)) {
            let (file, offset) = (page.file.display(), page.offset);
            return Err(differs(&format!("the interrupted pass also writes {file} at offset {offset}")));
        }
    }
    Ok(())
}

fn same_place(one: &PlanPageEntry, other: &PlanPageEntry) -> bool {
    (&one.file, one.offset) == (&other.file, other.offset)
}

/// The same new bytes at the same place, whatever is there now.
fn same_target(one: &PlanPageEntry, other: &PlanPageEntry) -> bool {
    (&one.file, one.offset, one.length, &one.after) == (&other.file, other.offset, other.length, &other.after)
}

fn check_version(reviewed: &PlanFile) -> Result<()> {
    match reviewed.schema_version {
        SCHEMA_VERSION => Ok(()),
        other => Err(differs(&format!("it has schema version {other}, this dblwr reads {SCHEMA_VERSION}"))),
    }
}

/// The same page in every respect, of the same copy: its file may have been named otherwise.
fn is_same_write(was: &PlanPageEntry, is: &PlanPageEntry) -> bool {
    let alike = was.copy.file.file_name() == is.copy.file.file_name();
    let copy = if alike { &is.copy.file } else { &was.copy.file };
    PlanPageEntry { copy: PlanCopy { file: copy.clone(), ..was.copy.clone() }, ..was.clone() } == *is
}

fn same_pages(reviewed: &[PlanPageEntry], now: &[PlanPageEntry]) -> Result<()> {
    if let Some((was, is)) = reviewed.iter().zip(now).find(|(was, is)| !is_same_write(was, is)) {
        let why = if (&was.file, was.offset) == (&is.file, is.offset) {
            format!(
                "{} at offset {} holds other bytes now, or has another copy",
                was.file.display(),
                was.offset
            )
        } else {
            format!(
                "it has {} at offset {} where there is {} at offset {} now",
                was.file.display(),
                was.offset,
                is.file.display(),
                is.offset
            )
        };
        return Err(differs(&why));
    }
    if reviewed.len() != now.len() {
        return Err(differs(&format!("it has {} pages, there are {} now", reviewed.len(), now.len())));
    }
    Ok(())
}

fn differs(why: &str) -> Error {
    Error::Refused(format!(
        "the reviewed plan no longer fits: {why}; nothing was written, make and review a new plan"
    ))
}
