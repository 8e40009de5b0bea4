//! Which of the files that were found are this server's: what it names elsewhere is followed, what it never opens is put
//! aside, and of two files with one space id the one that is meant is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::disk::FileIdentity;
use crate::instance::Instance;
use crate::instance::discover::follow;
use crate::instance::file_names::is_undo_file;
use crate::instance::generation::Generation;
use crate::instance::locations::Focus;
use crate::instance::note::InstanceNote;
use crate::instance::roster::{DictionaryState, Role, Roster};
use crate::instance::spaces::{Identification, Stray, Tablespace};
use crate::units::SpaceId;

/// Files that may be none of this server's.
#[derive(Default)]
struct Candidates {
    /// Those that lie where it opens none.
    never_opened: BTreeSet<FileIdentity>,
    /// Space ids of these, and those that several files have.
    ids: BTreeSet<SpaceId>,
}

impl Instance {
    /// Holds the files that were found against those that the data name.
    pub(super) fn settle_files(&mut self) {
        let whole = self.locations.explore && self.locations.bundle.is_none();
        if !whole || matches!(self.locations.focus, Focus::Doublewrite(_)) || !self.is_data_directory() {
            return;
        }
        let roster = Roster::of(self);
        self.follow_named(&roster);
        self.spaces.index();
        let candidates = self.candidates(roster.dictionary);
        let meant = self.meant_files(&roster, &candidates);
        self.put_aside(&meant, &candidates);
        self.spaces.index();
        self.roster = roster;
    }

    /// Whether a server has lived here: a folder of tablespaces alone says nothing of what should be in it.
    pub fn is_data_directory(&self) -> bool {
        let datadir = &self.locations.datadir;
        let server = ["ibdata1", "mysql.ibd", "auto.cnf", "aria_log_control", "ib_logfile0", "#innodb_redo"];
        self.spaces.system().is_some()
            || self.redo.redo().is_some()
            || server.iter().any(|name| datadir.join(name).exists())
    }

    /// Tablespaces that lie outside the data directory, under the name that the dictionary has for them.
    fn follow_named(&mut self, roster: &Roster) {
        for named in roster.files.iter().filter(|named| named.role == Role::Table) {
            let Some(id) = named.space.filter(|&id| !self.spaces.contains(id)) else { continue };
            if !named.path.is_file() || self.spaces.of_file(&named.path).is_some() {
                continue;
            }
            match follow(&self.locations, &mut self.spaces, &named.path, id) {
                Ok(_) => {}
                Err(error) => self.spaces.failures.push(error),
            }
        }
        if let Some(keyring) = &self.keyring {
            self.spaces.unlock(keyring);
        }
    }

    /// Files that may be none of this server's: those that lie where it opens none, and those whose id another has.
    fn candidates(&self, dictionary: DictionaryState) -> Candidates {
        let links: BTreeSet<&Path> = self.spaces.links.iter().map(|link| &*link.target).collect();
        let mut found = Candidates::default();
        let mut seen = BTreeSet::new();
        for space in &self.spaces.list {
            let never = self.is_never_opened(space, dictionary, &links);
            let again = space.id.is_some_and(|id| !seen.insert(id));
            if never {
                found.never_opened.extend(identities(space));
            }
            if never || again {
                found.ids.extend(space.id);
            }
        }
        found
    }

    /// For each space id that several files may have, the one that is meant: by the dictionary, or else by the redo log.
    fn meant_files(&self, roster: &Roster, candidates: &Candidates) -> BTreeMap<SpaceId, FileIdentity> {
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| FileIdentity::of(&found));
        let mut meant = BTreeMap::new();
        let records = self.file_records();
        let names = records.iter().flat_map(|records| &records.names);
        for (&space, name) in names.filter(|(space, _)| candidates.ids.contains(space)) {
            let path = self.locations.datadir.join(name.strip_prefix("./").unwrap_or(name));
            meant.extend(identity(&path).map(|found| (space, found)));
        }
        for named in &roster.files {
            let Some(space) = named.space.filter(|space| candidates.ids.contains(space)) else { continue };
            // A rename after the checkpoint is not in the dictionary on disk yet.
            let renamed = records.is_some_and(|records| records.renamed.contains(&space));
            if !renamed || !meant.contains_key(&space) {
                let found = spellings(&named.path).iter().find_map(|path| identity(path));
                meant.extend(found.map(|found| (space, found)));
            }
        }
        meant
    }

    fn put_aside(&mut self, meant: &BTreeMap<SpaceId, FileIdentity>, candidates: &Candidates) {
        let focus = match &self.locations.focus {
            Focus::Tablespace(file) => Some(file.clone()),
            _ => None,
        };
        let is_meant = |space: &Tablespace, files: &[FileIdentity]| {
            space.id.and_then(|id| meant.get(&id)).is_some_and(|found| files.contains(found))
        };
        let all = std::mem::take(&mut self.spaces.list);
        let holders: BTreeMap<SpaceId, PathBuf> = all
            .iter()
            .filter(|space| is_meant(space, &identities(space)))
            .filter_map(|space| Some((space.id?, space.files.first()?.name.clone())))
            .collect();
        for space in all {
            let mine = is_meant(&space, &identities(&space));
            let asked = space.files.first().is_some_and(|file| Some(&file.path) == focus.as_ref());
            // Later files of the system tablespace have no header of their own.
            let a_part = space.id == Some(SpaceId::SYSTEM) && space.evidence != Identification::Header;
            let instead = space.id.and_then(|id| holders.get(&id)).filter(|_| !a_part).cloned();
            let never_opened =
                space.files.iter().any(|file| candidates.never_opened.contains(&file.identity));
            let aside = never_opened && space.id != Some(SpaceId::SYSTEM);
            if mine || asked || !(aside || instead.is_some()) {
                self.spaces.list.push(space);
            } else {
                self.spaces.strays.push(Stray { space, instead, never_opened });
            }
        }
        let aside = self.spaces.strays.iter().filter(|stray| stray.never_opened);
        let names: Vec<PathBuf> =
            aside.filter_map(|stray| Some(stray.space.files.first()?.name.clone())).collect();
        if let Some(first) = names.first() {
            self.notes.push(InstanceNote::NeverOpened(names.len(), first.clone()));
        }
    }

    /// Servers before MySQL 8.0 open `DATADIR/DB/T.ibd` and what is named, never what lies higher or deeper.
    fn is_never_opened(
        &self,
        space: &Tablespace,
        dictionary: DictionaryState,
        links: &BTreeSet<&Path>,
    ) -> bool {
        if self.generation == Generation::Unknown || self.generation.has_mysql_ibd() {
            return false;
        }
        let Some(file) = space.files.first() else { return false };
        let told = self.locations.undo_dir.iter().chain(&self.locations.directories);
        if links.contains(&*file.path)
            || is_undo_file(&file.path.to_string_lossy())
            || told.into_iter().any(|dir| file.path.starts_with(dir))
        {
            return false;
        }
        let Ok(below) = file.path.strip_prefix(&self.locations.datadir) else { return false };
        let depth = below.components().filter(|part| matches!(part, Component::Normal(_))).count();
        // General tablespaces (MySQL 5.7) lie beside the system tablespace, under the name that the dictionary has.
        depth > 2 || (depth < 2 && dictionary == DictionaryState::Read)
    }
}

fn identities(space: &Tablespace) -> Vec<FileIdentity> {
    space.files.iter().map(|file| file.identity).collect()
}

/// A name as the server may have written it to disk: `lower_case_table_names`, and the marks of partitions, which are
/// upper case up to MySQL 5.7 and lower case since.
pub(crate) fn spellings(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return vec![path.to_path_buf()];
    };
    let marks = |from: [&str; 2], to: [&str; 2]| {
        from.iter().zip(to).fold(name.clone(), |name, (from, to)| name.replace(from, to))
    };
    let (upper, lower) = (["#P#", "#SP#"], ["#p#", "#sp#"]);
    let mut all = vec![path.to_path_buf()];
    for other in [marks(upper, lower), marks(lower, upper), name.to_lowercase()] {
        let other = path.with_file_name(other);
        if !all.contains(&other) {
            all.push(other);
        }
    }
    all
}
