//! Which files a server will look for, as its own data say: by generation from `mysql.ibd` (MySQL 8.0 on), SYS_TABLES
//! and SYS_DATAFILES, link files, the transaction system page and the redo log.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::bytes::u32_at;
use crate::format::PageSource;
use crate::format::dictionary::file_name::FileName;
use crate::format::dictionary::sys_tables;
use crate::format::dictionary::tablespaces::{self, DictionarySpace};
use crate::format::trx_sys::TRX_SYS_PAGE;
use crate::instance::Instance;
use crate::instance::file_names::is_undo_name;
use crate::instance::generation::Generation;
use crate::instance::pages::VerifiedPages;
use crate::instance::redo::FileRecords;
use crate::instance::spaces::Owner;
use crate::units::SpaceId;

/// `SPACE_UNKNOWN`s of MySQL 8.0 on: `mysql.ibd`, the temporary tablespace (`dict_sys_t::s_dict_space_id`,
/// `s_temp_space_id`).
pub const DICTIONARY_SPACE: SpaceId = SpaceId(0xFFFF_FFFE);
const TEMPORARY_SPACE: SpaceId = SpaceId(0xFFFF_FFFD);
/// Greatest and least space id of undo tablespaces of MySQL 8.0 (`s_max_undo_space_id`, `s_min_undo_space_id`).
const UNDO_SPACES: std::ops::RangeInclusive<u32> = 0xFFFF_FFF0 - 127 * 400_000..=0xFFFF_FFEF;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A file of the system tablespace.
    System,
    /// `mysql.ibd`.
    Dictionary,
    /// An undo tablespace.
    Undo,
    /// A table, a partition, or a general tablespace.
    Table,
}

/// Who names a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// Every server of this generation has it.
    Server,
    /// `innodb_data_file_path`.
    Configuration,
    /// `mysql.ibd`, or SYS_TABLES.
    Dictionary,
    /// The slots of the transaction system page.
    TransactionSystem,
    /// A link file (`.isl`).
    Link,
}

/// Why a file that is named need not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excuse {
    /// `DISCARD TABLESPACE`.
    Discarded,
    /// Temporary, or a table that the server makes for itself.
    OfTheServer,
    /// A record after the checkpoint deletes it.
    Deleted,
    /// Its truncation was under way (`undo_N_trunc.log`).
    Truncated,
}

/// One file that the data name.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its space id, where the name says it.
    pub space: Option<SpaceId>,
    /// Where it must lie.
    pub path: PathBuf,
    /// The same as printed.
    pub name: PathBuf,
    /// What it is for.
    pub role: Role,
    /// Who names it.
    pub by: Witness,
    /// Why it need not be there.
    pub excuse: Option<Excuse>,
}

/// Whether the dictionary could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DictionaryState {
    /// Yes, as far as its pages are sound.
    Read,
    /// Its pages are there and cannot be read: damaged, or encrypted without a key.
    Unreadable,
    /// There is none to read, or none was looked for.
    #[default]
    Absent,
}

/// Every file that the data name.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    /// In no order.
    pub files: Vec<Named>,
    /// Whether the dictionary could be read.
    pub dictionary: DictionaryState,
}

impl Roster {
    /// Reads what names files.
    pub fn of(instance: &Instance) -> Roster {
        let mut roster = Roster::default();
        let mut reader = RosterReader { instance, records: instance.file_records(), roster: &mut roster };
        reader.system();
        if instance.generation.has_mysql_ibd() {
            reader.mysql_ibd();
        } else {
            reader.sys_tables();
            reader.rollback_segments();
        }
        roster
    }

    /// The file that is meant by a space id.
    pub fn by_space(&self, space: SpaceId) -> Option<&Named> {
        self.files.iter().find(|named| named.space == Some(space))
    }
}

impl Instance {
    /// What the records after the checkpoint say of files, where they can be read.
    pub fn file_records(&self) -> Option<&FileRecords> {
        self.redo.redo().and_then(|redo| redo.file_records.as_ref())
    }
}

impl Generation {
    /// MySQL 8.0 and later keep their dictionary in `mysql.ibd`.
    pub fn has_mysql_ibd(self) -> bool {
        !self.is_mariadb() && self >= Generation::MySql80
    }
}

struct RosterReader<'a> {
    instance: &'a Instance,
    records: Option<&'a FileRecords>,
    roster: &'a mut Roster,
}

impl RosterReader<'_> {
    fn add(&mut self, space: Option<SpaceId>, path: PathBuf, role: Role, by: Witness) {
        let deleted = space.is_some_and(|space| self.records.is_some_and(|records| records.drops(space)));
        let excuse = if deleted { Some(Excuse::Deleted) } else { None };
        let name = self.instance.locations.relative(&path);
        self.roster.files.push(Named { space, path, name, role, by, excuse });
    }

    fn excuse(&mut self, excuse: Excuse) {
        if let Some(last) = self.roster.files.last_mut() {
            last.excuse = Some(excuse);
        }
    }

    /// The files of the system tablespace: as configured, else the first one.
    fn system(&mut self) {
        let locations = &self.instance.locations;
        let (paths, by): (Vec<PathBuf>, _) = match &locations.data_files {
            Some(files) => (
                files.iter().map(|file| locations.data_home.join(&file.path)).collect(),
                Witness::Configuration,
            ),
            None => (vec![locations.data_home.join("ibdata1")], Witness::Server),
        };
        for path in paths {
            self.add(Some(SpaceId::SYSTEM), path, Role::System, by);
        }
    }

    fn mysql_ibd(&mut self) {
        let datadir = &self.instance.locations.datadir;
        self.add(Some(DICTIONARY_SPACE), datadir.join("mysql.ibd"), Role::Dictionary, Witness::Server);
        let Owner::One(dictionary) = self.instance.spaces.owner(DICTIONARY_SPACE) else {
            self.two_undo_tablespaces();
            return;
        };
        match tablespaces::read(&VerifiedPages::of(dictionary)) {
            Some(spaces) => {
                self.roster.dictionary = DictionaryState::Read;
                spaces.into_iter().for_each(|space| self.of_dictionary(space));
            }
            None => {
                self.roster.dictionary = DictionaryState::Unreadable;
                self.two_undo_tablespaces();
            }
        }
    }

    /// The two that every server of MySQL 8.0 and later has, whatever its settings.
    fn two_undo_tablespaces(&mut self) {
        for name in ["undo_001", "undo_002"] {
            let path = self.undo_directory().join(name);
            self.add(None, path, Role::Undo, Witness::Server);
            self.excuse_truncation();
        }
    }

    fn undo_directory(&self) -> &Path {
        let locations = &self.instance.locations;
        locations.undo_dir.as_deref().unwrap_or(&locations.datadir)
    }

    fn of_dictionary(&mut self, space: DictionarySpace) {
        let known = [SpaceId::SYSTEM, DICTIONARY_SPACE, TEMPORARY_SPACE];
        let is_known = space.space.is_some_and(|id| known.contains(&id)) || space.name == "innodb_system";
        if is_known || space.name == "innodb_temporary" {
            return;
        }
        let undo = space.space.is_some_and(|id| UNDO_SPACES.contains(&id.0));
        for file in &space.files {
            let file = portable(file);
            let path = self.instance.locations.datadir.join(strip_dot(&file));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if undo || is_undo_name(&name) || name.ends_with(".ibu") {
                // innodb_undo_directory moves them, and truncation gives them other ids.
                let moved = self.undo_directory().join(&name);
                let path = if path.exists() { path } else { moved };
                self.add(space.space, path, Role::Undo, Witness::Dictionary);
                self.excuse_truncation();
            } else {
                self.add(space.space, path, Role::Table, Witness::Dictionary);
                let own = FileName::from_internal(&space.name).temporary;
                match () {
                    () if space.is_discarded() => self.excuse(Excuse::Discarded),
                    () if own => self.excuse(Excuse::OfTheServer),
                    () => {}
                }
            }
        }
    }

    /// `undo_001_trunc.log` or `undo_N_trunc.log` stands while a truncation is under way (MySQL 5.7 to 8.0.20).
    fn excuse_truncation(&mut self) {
        let Some(last) = self.roster.files.last() else { return };
        let number = last.name.to_string_lossy();
        let number = number.trim_end_matches(".ibu").rsplit(['_', 'o']).next().unwrap_or_default().to_owned();
        let (Ok(number), Some(dir)) = (number.parse::<u32>(), last.path.parent()) else { return };
        let logs = [format!("undo_{number}_trunc.log"), format!("undo_{number:03}_trunc.log")];
        if logs.iter().any(|log| dir.join(log).exists()) {
            self.excuse(Excuse::Truncated);
        }
    }

    /// SYS_TABLES: `db/table` lies in `DATADIR/db/table.ibd`, where SYS_DATAFILES or a link file says otherwise there.
    fn sys_tables(&mut self) {
        let Some(system) = self.instance.spaces.system() else { return };
        let dictionary = sys_tables::read(&VerifiedPages::of(system));
        self.roster.dictionary = match dictionary.tables.is_empty() {
            true => DictionaryState::Unreadable,
            false => DictionaryState::Read,
        };
        let datadir = &self.instance.locations.datadir;
        let links: HashMap<&Path, &Path> =
            self.instance.spaces.links.iter().map(|link| (&*link.link, &*link.target)).collect();
        let mut seen = BTreeSet::from([SpaceId::SYSTEM]);
        for table in dictionary.tables.values() {
            let general = dictionary.data_files.get(&table.space);
            if !seen.insert(table.space) {
                continue;
            }
            let own = datadir.join(format!("{}.ibd", table.name));
            let path = match (links.get(&*own.with_extension("isl")), general) {
                (Some(target), _) => target.to_path_buf(),
                (None, Some(path)) => datadir.join(strip_dot(&portable(path))),
                (None, None) => own,
            };
            self.add(Some(table.space), path, Role::Table, Witness::Dictionary);
            if table.discarded {
                self.excuse(Excuse::Discarded);
            } else if table.temporary || FileName::from_internal(&table.name).temporary {
                self.excuse(Excuse::OfTheServer);
            }
        }
        // General tablespaces without a table (MySQL 5.7).
        for (&space, path) in &dictionary.data_files {
            if seen.insert(space) {
                self.add(
                    Some(space),
                    datadir.join(strip_dot(&portable(path))),
                    Role::Table,
                    Witness::Dictionary,
                );
            }
        }
    }

    /// The slots of rollback segments name the undo tablespaces of MySQL 5.6, 5.7 and MariaDB: space id (4) and page (4)
    /// each, 128 of them from 56 on (`TRX_SYS_RSEGS`, `trx0sys.h`).
    fn rollback_segments(&mut self) {
        const TRX_SYS_RSEGS: usize = 56;
        const SLOTS: usize = 128;
        const NONE: u32 = u32::MAX;
        let page =
            self.instance.spaces.system().and_then(|system| VerifiedPages::of(system).page(TRX_SYS_PAGE));
        let Some(page) = page else { return };
        let slot = |n: usize| {
            let (space, root) =
                (u32_at(&page, TRX_SYS_RSEGS + 8 * n)?, u32_at(&page, TRX_SYS_RSEGS + 8 * n + 4)?);
            (root != NONE && space != 0 && space != NONE).then_some(SpaceId(space))
        };
        let spaces: BTreeSet<SpaceId> = (0..SLOTS).filter_map(slot).collect();
        for (number, &space) in (1u32..).zip(&spaces) {
            let path = self.undo_directory().join(format!("undo{number:03}"));
            self.add(Some(space), path, Role::Undo, Witness::TransactionSystem);
            self.excuse_truncation();
        }
    }
}

/// Windows writes backslashes.
fn portable(path: &str) -> String {
    path.replace('\\', "/")
}

fn strip_dot(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}
