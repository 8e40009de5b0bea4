//! A table whose file is there, but not where the dictionary has it, while another's lies in its place.

use std::path::PathBuf;

use crate::instance::Instance;
use crate::instance::generation::Generation;
use crate::instance::redo::Shutdown;
use crate::instance::roster::{Named, Role};
use crate::instance::spaces::Owner;
use crate::units::SpaceId;
use crate::verdict::problems::Problem;
use crate::verdict::problems::named::gone;
use crate::verdict::problems::reason::Lying;

/// Whether the file of another table lies where the dictionary has this one. `paths` are the spellings of its place.
///
/// A rename after the checkpoint, which the dictionary on disk does not know yet, explains it where redo tells of renames;
/// where it does not, nothing is sure after a crash.
pub(super) fn table(instance: &Instance, named: &Named, id: SpaceId, paths: &[PathBuf]) -> Option<Problem> {
    let there = paths.iter().find_map(|path| instance.spaces.of_file(path))?;
    let other = there.id.filter(|&other| other != id)?;
    let Owner::One(own) = instance.spaces.owner(id) else { return None };
    let records = instance.file_records();
    let renamed = |id| records.is_some_and(|records| records.renamed.contains(&id));
    if named.role != Role::Table || own.files.is_empty() || renamed(id) || renamed(other) {
        return None;
    }
    let sure =
        instance.shutdown == Shutdown::Clean || (records.is_some() && instance.generation.tells_renames());
    Some(gone(named, Some(Lying::OfSpace(other)), sure).stops(stops(instance, id, sure)))
}

impl Generation {
    /// Whether redo after the checkpoint names every tablespace that it changes, by the name that its file has (MySQL 5.7,
    /// MariaDB 10.2 on). MySQL 8.0 on finds files by their ids.
    fn tells_renames(self) -> bool {
        self >= Generation::MariaDb102 || (self >= Generation::MySql57 && !self.is_mariadb())
    }
}

/// Two tables whose files were swapped, as eleven servers from 5.5.9 to 11.4.5 were seen: all start and have lost both, but
/// for 5.7.22 and MariaDB from 10.2.11 on after a crash, where redo names them, and 10.1.23 after a clean stop.
fn stops(instance: &Instance, id: SpaceId, sure: bool) -> Option<bool> {
    let generation = instance.generation;
    match (generation, instance.shutdown) {
        _ if !sure || generation == Generation::Unknown => None,
        (Generation::MariaDb101, Shutdown::Clean) => None,
        (_, Shutdown::Clean) => Some(false),
        _ if generation.has_mysql_ibd() => Some(false),
        _ if generation.tells_renames() => instance.redo_names(id).filter(|names| *names),
        _ => None,
    }
}
