//! Which server ran an instance, and what follows from that for its slots.

use crate::format::fsp::{Encryption, Layout};
use crate::instance::dblwr::{Area, AreaKind};
use crate::instance::generation::{Generation, Traces};
use crate::instance::note::InstanceNote;
use crate::instance::redo;
use crate::instance::redo::ServerVersion;
use crate::instance::spaces::Tablespace;
use crate::instance::{Instance, SystemPage0};
use crate::page::checksum::Algorithm;
use crate::units::PageSize;

impl Instance {
    pub(super) fn find_generation(&self, page0: Option<&SystemPage0>) -> Generation {
        let hint = match &self.redo {
            redo::FoundRedo::Read(redo) => redo::generation_hint(redo),
            _ => None,
        };
        let traces = self.traces(page0);
        hint.map_or_else(|| traces.generation(), |hint| taken_over(hint, self.has_files_of_mariadb()))
    }

    fn has_files_of_mariadb(&self) -> bool {
        self.locations.datadir.join("aria_log_control").exists() || self.spaces.list.iter().any(is_of_mariadb)
    }

    /// The last server by name and version: page 0 of MySQL 8.0 on carries its number, the redo log names who made it.
    pub(super) fn name_of_server(&self, page0: Option<&SystemPage0>) -> Option<String> {
        let of_page0 = page0.filter(|_| self.generation.has_mysql_ibd());
        if let Some(ServerVersion(major, minor, patch)) =
            of_page0.and_then(|page| ServerVersion::of_number(page.header.prev))
        {
            return Some(format!("MySQL {major}.{minor}.{patch}"));
        }
        let creator = self.redo.redo().and_then(|redo| redo.creator.clone())?;
        let of_family = creator.starts_with("MariaDB ") == self.generation.is_mariadb();
        ServerVersion::of_creator(&creator).filter(|_| of_family).map(|_| creator)
    }

    /// Says so where the server is newer than all that are known.
    pub(super) fn note_newer_server(&mut self, page0: Option<&SystemPage0>) {
        let creator = self.redo.redo().and_then(|redo| redo.creator.clone()).unwrap_or_default();
        let of_log =
            ServerVersion::of_creator(&creator).filter(|version| version.is_newer_than_known(&creator));
        let of_page0 = page0.and_then(|page| ServerVersion::of_number(page.header.prev));
        let of_page0 = of_page0.filter(|version| version.is_newer_than_known("MySQL "));
        let name = match (of_log, of_page0) {
            (Some(_), _) => creator,
            (None, Some(ServerVersion(major, minor, patch))) => format!("MySQL {major}.{minor}.{patch}"),
            (None, None) => return,
        };
        self.notes.push(InstanceNote::NewerServer { name, generation: self.generation });
    }

    /// Whether this server takes a page whose LSN is beyond the end of the log for damage, and stops there (MDEV-34830:
    /// MariaDB 10.6.20, 10.11.10 and later series). Which server it was, only the redo log says.
    pub fn refuses_future_pages(&self) -> bool {
        const SINCE: [ServerVersion; 5] = [
            ServerVersion(10, 6, 20),
            ServerVersion(10, 11, 10),
            ServerVersion(11, 2, 6),
            ServerVersion(11, 4, 4),
            ServerVersion(11, 6, 2),
        ];
        let creator = self.redo.redo().and_then(|redo| redo.creator.as_deref()).unwrap_or_default();
        self.generation.is_mariadb()
            && ServerVersion::of_creator(creator).is_some_and(|version| version.has(&SINCE))
    }

    /// WL#13775 came with 8.0.23. Page 0 knows the last server, the redo log the one that made it: the younger counts.
    pub(super) fn keeps_plaintext(&self, page0: Option<&SystemPage0>) -> bool {
        const CIPHERTEXT_SINCE: ServerVersion = ServerVersion(8, 0, 23);
        let creator = self.redo.redo().and_then(|redo| redo.creator.as_deref()).unwrap_or_default();
        let of_page0 = page0.and_then(|page| ServerVersion::of_number(page.header.prev));
        let version = ServerVersion::of_creator(creator).max(of_page0);
        match self.generation {
            Generation::MySql8020 => version.is_none_or(|version| version < CIPHERTEXT_SINCE),
            Generation::Unknown
            | Generation::MySql41
            | Generation::MySql50
            | Generation::MySql51
            | Generation::MySql55
            | Generation::MySql56
            | Generation::MySql57
            | Generation::MySql80 => true,
            Generation::MySql8030
            | Generation::MariaDb101
            | Generation::MariaDb102
            | Generation::MariaDb103
            | Generation::MariaDb104
            | Generation::MariaDb105
            | Generation::MariaDb108 => false,
        }
    }

    fn traces(&self, page0: Option<&SystemPage0>) -> Traces {
        let of_kind = |kind| self.areas.iter().any(|area| area.kind() == kind);
        // auto.cnf holds the server's UUID, which came with 5.6; its statistics tables may lie in ibdata1.
        let has = |name: &str| self.locations.datadir.join(name).exists();
        // A MariaDB 10.2 that refuses the log of a MySQL 5.6 leaves its Aria log there, and none of its tables.
        let visited = has("auto.cnf") && !has("mysql/roles_mapping.frm");
        Traces {
            server_version: page0.map(|page| page.header.prev),
            full_crc32: self.spaces.list.iter().any(|space| space.format.layout == Layout::FullCrc32),
            system: self.spaces.system().is_some(),
            space_id_stored: self.space_id_stored(),
            blocks_elsewhere: self.areas.iter().any(Area::lies_elsewhere),
            since_56: has("auto.cnf")
                || has("mysql/innodb_table_stats.frm")
                || self.page_size != PageSize::DEFAULT
                || page0.is_some_and(|page| page.algorithm == Some(Algorithm::Crc32)),
            separate_files: of_kind(AreaKind::Separate),
            reduced_files: of_kind(AreaKind::Reduced),
            mariadb_files: (has("aria_log_control") && !visited)
                || self.spaces.list.iter().any(is_of_mariadb),
        }
    }
}

/// MariaDB 10.2 goes on in the log of a MySQL 5.7 as it is, that server's name in its header (seen with 10.2.11 after
/// 5.7.22); later ones make it anew. Its own files tell.
fn taken_over(hint: Generation, mariadb_files: bool) -> Generation {
    if hint == Generation::MySql57 && mariadb_files { Generation::MariaDb102 } else { hint }
}

/// In the classic layout only MariaDB's flags know page_compressed, and only its page 0 this record of keys.
fn is_of_mariadb(space: &Tablespace) -> bool {
    space.format.page_compressed || space.format.encryption == Encryption::MariaDb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_mysql_5_7_beside_files_of_mariadb_was_taken_over() {
        use Generation::*;
        assert_eq!(taken_over(MySql57, true), MariaDb102);
        for (hint, files) in [(MySql57, false), (MySql80, true), (MariaDb103, true), (MySql56, true)] {
            assert_eq!(taken_over(hint, files), hint);
        }
    }
}
