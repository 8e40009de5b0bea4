//! What the program says: serialisable reports (the JSON contract) and their texts for people.

pub mod advice;
pub mod capture;
pub mod carve;
pub mod check;
pub mod command_line;
pub mod decoded;
pub mod dump;
pub mod explain_log;
pub mod guard;
pub mod hex;
pub mod locate;
pub mod page;
pub mod problem;
pub mod redo;
pub mod restore;
pub mod revert;
pub mod scan;
pub mod style;
pub mod verify;
pub mod width;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::instance::Instance;
use crate::instance::generation::Generation;
use crate::instance::redo::Shutdown;
use crate::units::{ByteOffset, Lsn, count};

/// Version of every JSON document; grows when a field is added, never shrinks.
pub const SCHEMA_VERSION: u32 = 1;

/// The redo window in JSON.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct RedoReport {
    /// Checkpoint LSN.
    pub checkpoint_lsn: Option<Lsn>,
    /// First byte after the last redo record.
    pub end_lsn: Option<Lsn>,
    /// Flush LSN in page 0 of the system tablespace.
    pub flushed_lsn: Option<Lsn>,
}

impl RedoReport {
    /// The window of an instance.
    pub fn of(instance: &Instance) -> RedoReport {
        RedoReport {
            checkpoint_lsn: instance.window.checkpoint,
            end_lsn: instance.window.end,
            flushed_lsn: instance.flushed_lsn,
        }
    }
}

/// How the server ended, in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ShutdownReport {
    /// It did not end cleanly.
    Crash,
    /// It ended cleanly.
    Clean,
    /// The files do not tell.
    Unknown,
}

impl From<Shutdown> for ShutdownReport {
    fn from(shutdown: Shutdown) -> ShutdownReport {
        match shutdown {
            Shutdown::Crash => ShutdownReport::Crash,
            Shutdown::Clean => ShutdownReport::Clean,
            Shutdown::Unknown => ShutdownReport::Unknown,
        }
    }
}

impl ShutdownReport {
    /// For people.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// One line on the instance: server, page size, how it ended, redo window.
pub fn instance_line(
    server: Option<&str>,
    generation: Generation,
    page_size: u32,
    shutdown: ShutdownReport,
    redo: &RedoReport,
) -> String {
    let window = match (redo.checkpoint_lsn, redo.end_lsn) {
        (Some(checkpoint), Some(end)) => format!("redo {checkpoint} to {end}"),
        _ => "redo window unknown".to_owned(),
    };
    let server = server_line(server, generation).unwrap_or_else(|| generation.to_string());
    format!("{server}, {page_size}-byte pages, shutdown: {}, {window}", shutdown.name())
}

/// Which server ran these files: the version that they carry beside its generation; `None` where nothing is known of either.
pub fn server_line(server: Option<&str>, generation: Generation) -> Option<String> {
    match server {
        Some(server) => Some(format!("{} ({generation})", style::printable(server))),
        None => (generation != Generation::Unknown).then(|| generation.to_string()),
    }
}

/// The one order of rows for people, in `verify`, `restore` and `scan`: by file, then by offset; what has no place comes last.
/// JSON keeps the order in which things were found.
pub fn in_row_order<T>(rows: &mut [&T], place: impl Fn(&T) -> (&str, Option<ByteOffset>)) {
    rows.sort_by(|one, other| {
        let ((file, at), (other_file, other_at)) = (place(one), place(other));
        let files = Path::new(file).cmp(Path::new(other_file));
        files.then_with(|| (at.is_none(), at).cmp(&(other_at.is_none(), other_at)))
    });
}

/// How many pages are damaged, each counted once however many copies it has. Those that are all zero stand apart: after a
/// crash they come by the dozen, and `scan` counts them only where they must have been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageTally {
    damaged: usize,
    zero: usize,
}

impl PageTally {
    /// Of pages by their identity, and whether what lies there is all zero.
    pub fn of<K: Ord>(pages: impl IntoIterator<Item = (K, bool)>) -> PageTally {
        let pages: BTreeMap<K, bool> = pages.into_iter().collect();
        let zero = pages.values().filter(|&&zero| zero).count();
        PageTally { damaged: pages.len() - zero, zero }
    }

    /// How many pages.
    pub fn pages(self) -> usize {
        self.damaged + self.zero
    }
}

impl fmt::Display for PageTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (count(self.damaged, "damaged page"), count(self.zero, "all-zero page")) {
            (damaged, _) if self.zero == 0 => f.write_str(&damaged),
            (_, zero) if self.damaged == 0 => f.write_str(&zero),
            (damaged, zero) => write!(f, "{damaged} and {zero}"),
        }
    }
}

/// More empty pages than this are counted instead of listed: after a crash they come by the dozen, and redo would
/// rebuild most of them anyway.
const EMPTY_LISTED: usize = 3;

/// Takes empty pages out of a listing where they would bury the others; the line that stands for them.
pub fn fold_empty<T>(
    listed: &mut Vec<&T>,
    verbose: bool,
    is_empty: impl Fn(&T) -> bool,
    file: impl Fn(&T) -> String,
) -> Option<String> {
    let empty: Vec<&T> = listed.iter().copied().filter(|page| is_empty(page)).collect();
    if verbose || empty.len() <= EMPTY_LISTED {
        return None;
    }
    let files: std::collections::BTreeSet<String> = empty.into_iter().map(file).collect();
    let before = listed.len();
    listed.retain(|page| !is_empty(page));
    let files = files.into_iter().collect::<Vec<_>>().join(", ");
    Some(format!(
        "and {} that are all zero, in {files} (-v lists them)",
        count(before - listed.len(), "page")
    ))
}

#[cfg(test)]
mod tests;
