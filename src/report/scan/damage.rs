//! One damaged page, or a run of them.

use serde::{Deserialize, Serialize};

use crate::commands::scan::{Damage, DamageState};
use crate::page::diagnose::Class;
use crate::report::restore::restoring;
use crate::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::naming::{PageName, Surroundings};

/// One damaged page, or a run of them.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DamageReport {
    /// PATH as given, joined with the path inside it.
    pub path: String,
    /// The file, relative to PATH.
    pub file: String,
    /// Space id of the file, where anything tells it.
    pub space_id: Option<SpaceId>,
    /// The first page.
    pub page_no: PageNo,
    /// How many pages, one behind the other.
    pub pages: u32,
    /// Offset of the first in the file, bytes.
    pub offset: ByteOffset,
    /// Physical page size in bytes.
    pub length: u32,
    /// State.
    pub state: DamageState,
    /// Kind of damage, finer than the state.
    pub class: Class,
    /// `db/table`.
    pub table: Option<String>,
    /// Index name.
    pub index: Option<String>,
    /// Whether it is part of a secondary index, which can be made anew from the table; `null` where the index is not
    /// known.
    pub rebuildable: Option<bool>,
    /// Index id in its header.
    pub index_id: Option<u64>,
    /// Level in the tree, 0 for a leaf.
    pub level: Option<u16>,
    /// Whether it is a leaf, which holds rows.
    pub leaf: Option<bool>,
    /// Greatest key of the page before it on its level.
    pub key_after: Option<String>,
    /// Smallest key of the page behind it on its level.
    pub key_before: Option<String>,
    /// Rows or entries on it: what its header says, or as many as its neighbours have on average.
    pub records: Option<u64>,
    /// Page type in its header.
    pub page_type: Option<u16>,
    /// LSN in its header.
    pub lsn: Option<Lsn>,
    /// Of a lost write: the LSN that redo proves to have been written.
    #[serde(default)]
    pub expected_lsn: Option<Lsn>,
    /// Of a misdirected page: the space id it carries.
    pub belongs_to_space: Option<SpaceId>,
    /// Of a misdirected page: the page number it carries.
    pub belongs_to_page: Option<PageNo>,
    /// The content is whole, or one way to make it whole is known.
    pub mendable: bool,
    /// The best copy in the doublewrite buffer.
    pub copy: Option<BestCopyReport>,
    /// One sentence for a person.
    pub reason: String,
}

/// The best copy of a damaged page.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BestCopyReport {
    /// The file of the slot.
    pub file: String,
    /// Index of the slot.
    pub index: u32,
    /// LSN of the copy.
    pub lsn: Lsn,
    /// What it is worth: `restorable`, `stale` or `unrecoverable`.
    pub verdict: String,
    /// The command that puts it back, if it is to be put back.
    pub command: Option<String>,
}

/// Whose damage it is.
#[derive(Debug, Default)]
pub struct DamageOwner {
    /// Table and index.
    pub name: PageName,
    /// What its neighbours show.
    pub around: Surroundings,
    /// PATH, for the command.
    pub root: String,
    /// A sentence on pages without a copy.
    pub without_copy: &'static str,
}

impl DamageReport {
    /// The report on damage in a file.
    pub fn of(
        path: String,
        file: String,
        space_id: Option<SpaceId>,
        length: PageSize,
        damage: &Damage,
        owner: DamageOwner,
    ) -> DamageReport {
        let header = damage.header.as_ref();
        // Only a header that names an index of this tablespace is believed.
        let index =
            damage.index.as_ref().filter(|_| owner.name.index.is_some() && damage.belongs_to.is_none());
        let own =
            index.filter(|index| index.is_plausible(length.bytes())).map(|index| u64::from(index.records));
        let copy = damage.copy.as_ref().map(|copy| BestCopyReport {
            file: copy.file.clone(),
            index: copy.index,
            lsn: copy.lsn,
            verdict: copy.verdict.name().to_owned(),
            command: (copy.verdict == Verdict::Restorable).then(|| {
                let space = space_id.unwrap_or_default();
                format!("{} --page {space}:{}", restoring(&owner.root), damage.page_no)
            }),
        });
        DamageReport {
            path,
            file,
            space_id,
            page_no: damage.page_no,
            pages: damage.pages,
            offset: damage.offset,
            length: length.as_u32(),
            state: damage.state,
            class: damage.class,
            rebuildable: owner.name.is_rebuildable(),
            index_id: index.map(|index| index.index_id),
            level: index.map(|index| index.level),
            leaf: owner.name.leaf,
            key_after: owner.around.after,
            key_before: owner.around.before,
            records: own.or(owner.around.records),
            page_type: header.map(|header| header.page_type),
            lsn: header.map(|header| header.lsn),
            expected_lsn: damage.expected_lsn,
            belongs_to_space: damage.belongs_to.map(|(space, _)| space),
            belongs_to_page: damage.belongs_to.map(|(_, page)| page),
            mendable: damage.mendable,
            reason: reason(damage, copy.as_ref(), owner.without_copy),
            copy,
            table: owner.name.table,
            index: owner.name.index,
        }
    }

    /// Whether the doublewrite buffer can mend it.
    pub fn is_restorable(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.verdict == Verdict::Restorable.name())
    }
}

fn reason(damage: &Damage, copy: Option<&BestCopyReport>, without_copy: &str) -> String {
    let what = &damage.detail;
    if damage.state == DamageState::LostWrite {
        return what.to_string();
    }
    match (&damage.copy, copy) {
        (Some(situation), Some(copy)) if situation.verdict == Verdict::Restorable => {
            let command = copy.command.as_deref().unwrap_or("dblwr restore");
            format!("{what}; {} slot {} holds a good copy: {command}", copy.file, copy.index)
        }
        (Some(situation), Some(copy)) => {
            format!(
                "{what}; {} slot {} has a copy that is not to be used: {}",
                copy.file, copy.index, situation.reason
            )
        }
        _ if damage.mendable => format!("{what}; the doublewrite buffer has no copy of it"),
        _ => format!("{what}; {without_copy}"),
    }
}

impl DamageReport {
    pub(super) fn numbers(&self) -> String {
        let last = u64::from(self.page_no.0) + u64::from(self.pages.saturating_sub(1));
        let space = self.space_id.map_or_else(String::new, |space| format!("{space}:"));
        if self.pages > 1 {
            format!("{space}{}..{last}", self.page_no)
        } else {
            format!("{space}{}", self.page_no)
        }
    }
}
