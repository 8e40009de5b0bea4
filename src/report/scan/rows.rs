//! One row for each page.

use serde::Serialize;

use crate::commands::scan::{PageRow, RowState};
use crate::format::fil::page_type;
use crate::units::{Lsn, PageNo, SpaceId};

/// One row of `scan --pages`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RowReport<'a> {
    /// PATH as given, joined with the path inside it.
    pub path: &'a str,
    /// Space id of the file.
    pub space_id: Option<SpaceId>,
    /// Page number.
    pub page_no: PageNo,
    /// Page type, InnoDB's number.
    pub page_type: u16,
    /// Page type, InnoDB's name.
    pub type_name: &'static str,
    /// LSN in the header.
    pub lsn: Lsn,
    /// Index id, of index pages that verify.
    pub index_id: Option<u64>,
    /// Level in the tree.
    pub level: Option<u16>,
    /// User records.
    pub records: Option<u16>,
    /// State: `valid`, `zero`, `doublewrite`, `freed`, `unverifiable`, or one of the states of damage.
    pub state: &'static str,
    /// Whether that is damage: an all-zero page may be or not.
    pub damaged: bool,
}

impl<'a> RowReport<'a> {
    /// The row of a page.
    pub fn of(path: &'a str, space_id: Option<SpaceId>, row: &PageRow) -> RowReport<'a> {
        RowReport {
            path,
            space_id,
            page_no: row.page_no,
            page_type: row.page_type,
            type_name: page_type::name(row.page_type),
            lsn: row.lsn,
            index_id: row.index.map(|(id, ..)| id),
            level: row.index.map(|(_, level, _)| level),
            records: row.index.map(|(.., records)| records),
            state: row.state.name(),
            damaged: matches!(row.state, RowState::Damaged(_)),
        }
    }
}
