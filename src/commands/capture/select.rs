//! What is saved of each file: what a verification read, and what a person will want to see besides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::commands::capture::listing::Listing;
use crate::disk::reads::{Ranges, Reads};
use crate::instance::Instance;
use crate::instance::dblwr::AreaKind;
use crate::instance::redo;
use crate::verdict::survey::Survey;

/// Files that say which server this was; each of them is a few lines or blocks.
const TRACES_OF_SERVERS: [&str; 6] = [
    "auto.cnf",
    "aria_log_control",
    "mysql_upgrade_history",
    "mysql_upgrade_info",
    "mariadb_upgrade_info",
    "ib_redo_log_encryption_info",
];
/// Such a file is not larger.
const MAX_TRACE: u64 = 64 << 10;

/// Byte ranges by path of the bundle.
pub(crate) struct CaptureSelection {
    pub ranges: BTreeMap<PathBuf, Ranges>,
    /// Whether the log is saved up to its end.
    pub redo_is_whole: bool,
}

/// How much of the redo is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedoLimit {
    /// Headers and checkpoints only.
    Headers,
    /// From the checkpoint to the end if that is not more than so many bytes.
    Bytes(u64),
}

impl CaptureSelection {
    /// From the reads of a verification alone: its survey failed.
    pub fn of_reads(listing: &Listing, reads: &Reads) -> CaptureSelection {
        let mut selection = CaptureSelection { ranges: BTreeMap::new(), redo_is_whole: true };
        for (path, ranges) in reads {
            selection.add(listing, path, ranges);
        }
        selection.add_traces(listing);
        selection
    }

    /// Everything that a survey read, and the rest.
    pub fn of_survey(
        listing: &Listing,
        reads: &Reads,
        survey: &Survey,
        limit: RedoLimit,
    ) -> CaptureSelection {
        let mut selection = CaptureSelection::of_reads(listing, reads);
        selection.add_areas(listing, &survey.instance);
        for home in survey.homes.iter().filter(|home| home.state.is_damaged()) {
            if let Some(offset) = home.offset {
                let length = home.length as u64;
                let around = offset.0.saturating_sub(length)..offset.0.saturating_add(2 * length);
                selection.add(listing, &home.path, &Ranges::from(around));
            }
        }
        if let redo::FoundRedo::Read(redo) = &survey.instance.redo {
            selection.limit_redo(listing, redo, limit);
        }
        selection
    }

    fn add(&mut self, listing: &Listing, path: &Path, ranges: &Ranges) {
        if let Some(stored) = listing.stored(path).filter(|stored| listing.files.contains_key(stored)) {
            self.ranges.entry(stored).or_default().extend(ranges);
        }
    }

    fn add_traces(&mut self, listing: &Listing) {
        for (path, entry) in &listing.files {
            let named =
                path.file_name().is_some_and(|name| TRACES_OF_SERVERS.iter().any(|trace| name == *trace));
            if named && entry.size <= MAX_TRACE {
                self.ranges.entry(path.clone()).or_default().insert(0..entry.size);
            }
        }
    }

    /// Every slot of every area, live or not; files of their own from end to end.
    fn add_areas(&mut self, listing: &Listing, instance: &Instance) {
        for area in &instance.areas {
            for run in &area.runs {
                let length = u64::from(run.slots).saturating_mul(area.slot_size.as_u64());
                let slots = match area.kind() {
                    AreaKind::System => run.offset.0..run.offset.0.saturating_add(length),
                    AreaKind::Separate | AreaKind::Reduced | AreaKind::Parallel => 0..u64::MAX,
                };
                self.add(listing, &run.path, &Ranges::from(slots));
            }
        }
    }

    fn limit_redo(&mut self, listing: &Listing, redo: &redo::RedoLog, limit: RedoLimit) {
        let headers: Vec<(PathBuf, Ranges)> = redo
            .files
            .iter()
            .filter_map(|file| {
                Some((listing.stored(&file.path)?, file.header_ranges.iter().cloned().collect()))
            })
            .collect();
        let read = headers.iter().filter_map(|(path, _)| self.ranges.get(path)).map(Ranges::bytes);
        let total = read.fold(0, u64::saturating_add);
        self.redo_is_whole = matches!(limit, RedoLimit::Bytes(most) if total <= most);
        for (path, headers) in headers {
            let ranges = self.ranges.entry(path).or_default();
            if !self.redo_is_whole {
                *ranges = Ranges::default();
            }
            ranges.extend(&headers);
        }
    }
}
