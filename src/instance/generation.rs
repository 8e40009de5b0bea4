//! Which generation of server last ran a data directory: it decides which doublewrite area is live.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A generation of servers with one set of doublewrite rules. Ordered by age within a vendor.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::VariantArray,
)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Generation {
    #[serde(rename = "unknown")]
    Unknown,
    #[serde(rename = "mysql-4.1")]
    MySql41,
    #[serde(rename = "mysql-5.0")]
    MySql50,
    #[serde(rename = "mysql-5.1")]
    MySql51,
    #[serde(rename = "mysql-5.5")]
    MySql55,
    #[serde(rename = "mysql-5.6")]
    MySql56,
    #[serde(rename = "mysql-5.7")]
    MySql57,
    #[serde(rename = "mysql-8.0")]
    MySql80,
    #[serde(rename = "mysql-8.0.20")]
    MySql8020,
    #[serde(rename = "mysql-8.0.30")]
    MySql8030,
    #[serde(rename = "mariadb-10.1")]
    MariaDb101,
    #[serde(rename = "mariadb-10.2")]
    MariaDb102,
    #[serde(rename = "mariadb-10.3")]
    MariaDb103,
    #[serde(rename = "mariadb-10.4")]
    MariaDb104,
    #[serde(rename = "mariadb-10.5")]
    MariaDb105,
    #[serde(rename = "mariadb-10.8")]
    MariaDb108,
}

/// The greatest number that can be a server's version: a major version of four digits, as calendar versions might get.
/// `FIL_NULL`, which servers before 8.0 leave in that field, lies far beyond.
pub const NEWEST_PLAUSIBLE: u32 = 99_999_999;

const NAMES: [(Generation, &str); 16] = [
    (Generation::Unknown, "unknown"),
    (Generation::MySql41, "mysql-4.1"),
    (Generation::MySql50, "mysql-5.0"),
    (Generation::MySql51, "mysql-5.1"),
    (Generation::MySql55, "mysql-5.5"),
    (Generation::MySql56, "mysql-5.6"),
    (Generation::MySql57, "mysql-5.7"),
    (Generation::MySql80, "mysql-8.0"),
    (Generation::MySql8020, "mysql-8.0.20"),
    (Generation::MySql8030, "mysql-8.0.30"),
    (Generation::MariaDb101, "mariadb-10.1"),
    (Generation::MariaDb102, "mariadb-10.2"),
    (Generation::MariaDb103, "mariadb-10.3"),
    (Generation::MariaDb104, "mariadb-10.4"),
    (Generation::MariaDb105, "mariadb-10.5"),
    (Generation::MariaDb108, "mariadb-10.8"),
];

impl Generation {
    /// Whether a MariaDB wrote it.
    pub fn is_mariadb(self) -> bool {
        match self {
            Generation::Unknown
            | Generation::MySql41
            | Generation::MySql50
            | Generation::MySql51
            | Generation::MySql55
            | Generation::MySql56
            | Generation::MySql57
            | Generation::MySql80
            | Generation::MySql8020
            | Generation::MySql8030 => false,
            Generation::MariaDb101
            | Generation::MariaDb102
            | Generation::MariaDb103
            | Generation::MariaDb104
            | Generation::MariaDb105
            | Generation::MariaDb108 => true,
        }
    }

    /// Whether a server of this generation reads separate doublewrite files and ignores the built-in area (8.0.20 on);
    /// `None` where the generation is unknown.
    pub fn reads_separate_files(self) -> Option<bool> {
        match self {
            Generation::Unknown => None,
            Generation::MySql8020 | Generation::MySql8030 => Some(true),
            Generation::MySql41
            | Generation::MySql50
            | Generation::MySql51
            | Generation::MySql55
            | Generation::MySql56
            | Generation::MySql57
            | Generation::MySql80
            | Generation::MariaDb101
            | Generation::MariaDb102
            | Generation::MariaDb103
            | Generation::MariaDb104
            | Generation::MariaDb105
            | Generation::MariaDb108 => Some(false),
        }
    }

    /// The generation of a MySQL version number as page 0 carries it since 8.0 (`FIL_PAGE_SRV_VERSION`: 80030, 90704,
    /// 260700). A version to come is of the newest generation, never of an older layout.
    pub fn from_server_version(version: u32) -> Option<Generation> {
        match version {
            80_000..=80_019 => Some(Generation::MySql80),
            80_020..=80_029 => Some(Generation::MySql8020),
            80_030..=NEWEST_PLAUSIBLE => Some(Generation::MySql8030),
            _ => None,
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(g, _)| g == self).map_or("unknown", |(_, name)| name))
    }
}

impl FromStr for Generation {
    type Err = ();

    fn from_str(name: &str) -> Result<Generation, ()> {
        NAMES.iter().find(|(_, n)| *n == name).map(|(g, _)| *g).ok_or(())
    }
}

/// What the files of an instance say of the server that ran them, besides its redo files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traces {
    /// `FIL_PAGE_SRV_VERSION` of page 0 of the system tablespace.
    pub server_version: Option<u32>,
    /// The system tablespace is full_crc32.
    pub full_crc32: bool,
    /// The system tablespace is there at all.
    pub system: bool,
    /// Slots carry space ids.
    pub space_id_stored: bool,
    /// The blocks of the built-in buffer lie elsewhere than 5.5 and later put them.
    pub blocks_elsewhere: bool,
    /// A page size other than 16 KiB, crc32 checksums, or tables that only 5.6 and later create.
    pub since_56: bool,
    /// `.dblwr` files of the instance's page size.
    pub separate_files: bool,
    /// `.bdblwr` files.
    pub reduced_files: bool,
    /// Files that only MariaDB makes.
    pub mariadb_files: bool,
}

impl Traces {
    /// The nearest generation that the traces prove.
    pub fn generation(&self) -> Generation {
        if self.full_crc32 {
            return Generation::MariaDb105;
        }
        if let Some(generation) = self.server_version.and_then(Generation::from_server_version) {
            return generation;
        }
        if self.reduced_files {
            return Generation::MySql8030;
        }
        if self.separate_files {
            return Generation::MySql8020;
        }
        if !self.system {
            return Generation::Unknown;
        }
        match (self.mariadb_files, self.since_56, self.space_id_stored) {
            (true, ..) => Generation::MariaDb101,
            (_, true, _) => Generation::MySql56,
            (_, _, true) if self.blocks_elsewhere => Generation::MySql51,
            (_, _, true) => Generation::MySql55,
            _ => Generation::MySql41,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_to_come_is_of_the_newest_generation() {
        for version in [80_030, 90_704, 100_000, 260_700, 261_000, 280_400, 20_280_401] {
            assert_eq!(Generation::from_server_version(version), Some(Generation::MySql8030), "{version}");
        }
        for none in [0, 50_744, 79_999, 0x7FFF_FFFF, u32::MAX] {
            assert_eq!(Generation::from_server_version(none), None, "{none}");
        }
    }

    #[test]
    fn names_are_those_of_the_contract_in_text_and_json() {
        for (generation, name) in NAMES {
            assert_eq!(generation.to_string(), name);
            assert_eq!(name.parse(), Ok(generation));
            assert_eq!(serde_json::to_value(generation).unwrap(), name);
        }
    }
}
