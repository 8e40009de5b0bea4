//! What settles a thing: always something that works, or the word that nothing here does.

use std::fmt;

use crate::format::dictionary::file_name::FileName;
use crate::verdict::predict::facts::{HomeView, SpaceKind};

/// More tables than these are counted.
const NAMED: usize = 5;

/// What is to be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToBringBack {
    /// A table, `d/t1`, in a file.
    Table(String),
    /// Several tables.
    Tables(Vec<String>),
    /// A tablespace of several tables, by its file.
    File(String),
    /// Those that stand in a list above.
    Listed,
    /// The system tablespace, an undo tablespace, the log: nothing less than the whole server.
    Everything,
}

impl ToBringBack {
    /// Whose page it is.
    pub(super) fn of(home: &HomeView) -> ToBringBack {
        match home.kind {
            SpaceKind::System | SpaceKind::Undo => ToBringBack::Everything,
            SpaceKind::User => ToBringBack::of_file(&home.file),
        }
    }

    /// Everything that they are: the whole server where it is more than tables.
    fn of_all<'a>(subjects: impl Iterator<Item = &'a ToBringBack>) -> ToBringBack {
        let mut all: Vec<&ToBringBack> = Vec::new();
        subjects.for_each(|subject| {
            if !all.contains(&subject) {
                all.push(subject)
            }
        });
        match all[..] {
            [only] => only.clone(),
            _ => {
                let table = |subject: &ToBringBack| match subject {
                    ToBringBack::Table(table) => Some(table.clone()),
                    _ => None,
                };
                let tables: Option<Vec<String>> = all.into_iter().map(table).collect();
                tables.map_or(ToBringBack::Everything, ToBringBack::Tables)
            }
        }
    }

    /// What lies in a file of tables.
    pub fn of_file(file: &str) -> ToBringBack {
        let name = FileName::from_path(std::path::Path::new(file));
        let table = name.filter(|name| name.database.as_ref().is_some_and(|database| !database.is_empty()));
        table.map_or_else(|| ToBringBack::File(file.to_owned()), |name| ToBringBack::Table(name.to_string()))
    }
}

/// What settles a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// `restore --include-lost-writes`.
    LostWrites,
    /// `restore --from redo`.
    FromRedo,
    /// The same for several pages.
    AllFromRedo,
    /// The same, lost writes among them.
    AllAndLostFromRedo,
    /// Nothing here mends it: a backup, or another copy of the files.
    Backup(ToBringBack),
    /// The same, and a copy that nothing proves lies in the buffer.
    Stale(ToBringBack),
    /// A file that is gone, empty, cut or foreign comes back from a backup.
    PutBack(ToBringBack),
    /// A file comes back, or the option is given that tells where it lies.
    PutBackOrName(&'static str),
    /// The option is given that tells where it lies.
    Name(&'static str),
    /// A second file of an id goes away.
    MoveAway(Option<String>),
    /// Doublewrite files of another life go away.
    MoveCopiesAway,
    /// Data files and redo log of one time come back.
    OneTime,
    /// The redo log comes back.
    RedoLog,
    /// What the reason itself says.
    AsSaid,
    /// The device is copied first.
    CopyDevice,
    /// Copies that are gone may lie in another copy of these files.
    LookAtOther,
    /// Once more, when it can be read.
    LookAgain,
    /// The definition of a table comes back.
    Definition,
}

impl Remedy {
    /// The same but for what it is about. What a reason says itself is like nothing else.
    pub(super) fn is_like(&self, other: &Remedy) -> bool {
        match (self, other) {
            (Remedy::AsSaid, _) => false,
            (Remedy::Backup(_), Remedy::Backup(_)) | (Remedy::Stale(_), Remedy::Stale(_)) => true,
            _ => self == other,
        }
    }

    /// One for all of them.
    pub(super) fn of_all<'a>(&'a self, all: impl Iterator<Item = &'a Remedy>) -> Remedy {
        let subjects = all.filter_map(|remedy| match remedy {
            Remedy::Backup(subject) | Remedy::Stale(subject) => Some(subject),
            _ => None,
        });
        match self {
            Remedy::Backup(_) => Remedy::Backup(ToBringBack::of_all(subjects)),
            Remedy::Stale(_) => Remedy::Stale(ToBringBack::of_all(subjects)),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::LostWrites => f.write_str("dblwr restore --include-lost-writes puts the newer version back"),
            Remedy::FromRedo => f.write_str("dblwr restore --from redo makes it from the redo log"),
            Remedy::AllFromRedo => f.write_str("dblwr restore --from redo makes them from the redo log"),
            Remedy::AllAndLostFromRedo => {
                f.write_str("dblwr restore --from redo --include-lost-writes makes them from the redo log")
            }
            Remedy::Backup(subject) => {
                write!(f, "nothing here can mend it; {subject} from a backup")?;
                f.write_str(", or take the page from another copy of these files (dblwr restore --copies-from)")
            }
            Remedy::Stale(subject) => {
                write!(f, "no copy here is proved to belong there; {subject} from a backup")?;
                f.write_str(", or without one take the newest copy all the same (dblwr restore --include-stale)")
            }
            Remedy::PutBack(ToBringBack::Table(table)) => {
                write!(f, "nothing here can make it; the table is {table}: restore it from a backup")
            }
            Remedy::PutBack(_) => f.write_str("put the file back from a backup"),
            Remedy::PutBackOrName(option) => {
                write!(f, "put the file back from a backup, or name where it lies with {option}")
            }
            Remedy::Name(option) => write!(f, "name where it lies with {option}, and look again"),
            Remedy::MoveAway(Some(file)) => write!(f, "move {file} out of the data directory"),
            Remedy::MoveAway(None) => f.write_str("move the one that does not belong there out of the data directory"),
            Remedy::MoveCopiesAway => f.write_str("move the doublewrite files out of the data directory, and look again"),
            Remedy::OneTime => {
                f.write_str("bring data files and redo log of one time back from a backup, or find the log that belongs to them (--redo-dir)")
            }
            Remedy::RedoLog => f.write_str("bring the redo log back from another copy of these files, or all of them from a backup"),
            Remedy::CopyDevice => f.write_str("copy the device first, and work on the copy"),
            Remedy::AsSaid => Ok(()),
            Remedy::LookAtOther => f.write_str(
                "dblwr scan shows whether pages are damaged; copies of them may lie in an earlier copy of these files \
                 (dblwr restore --copies-from)",
            ),
            Remedy::LookAgain => f.write_str("look again when everything can be read"),
            Remedy::Definition => f.write_str("put the .frm file back from a backup"),
        }
    }
}

impl fmt::Display for ToBringBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToBringBack::Table(table) => write!(f, "the table is {table}: restore it"),
            ToBringBack::Tables(tables) if tables.len() > NAMED => {
                let named = tables.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                write!(f, "the tables are {named} and {} more: restore them", tables.len() - NAMED)
            }
            ToBringBack::Tables(tables) => write!(f, "the tables are {}: restore them", tables.join(", ")),
            ToBringBack::File(file) => write!(f, "the file is {file}: restore it"),
            ToBringBack::Listed => f.write_str("restore the tables that are listed above"),
            ToBringBack::Everything => f.write_str("all tables need it: restore the whole server"),
        }
    }
}
