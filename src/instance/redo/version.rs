//! From a log's creator and format to the server generation that wrote it.

use crate::instance::generation::{Generation, NEWEST_PLAUSIBLE};
use crate::instance::redo::{RedoFormat, RedoLog};

/// Version of a server: major, minor, patch level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion(pub u32, pub u32, pub u32);

impl ServerVersion {
    /// The version in a creator string such as "MariaDB 10.11.18".
    pub fn of_creator(creator: &str) -> Option<ServerVersion> {
        let text = creator.strip_prefix("MySQL ").or_else(|| creator.strip_prefix("MariaDB "))?;
        version_of(text).map(|(major, minor, patch)| ServerVersion(major, minor, patch))
    }

    /// The version that a number stands for, as in `FIL_PAGE_SRV_VERSION` of MySQL 8.0 on: 80030 is 8.0.30.
    pub fn of_number(number: u32) -> Option<ServerVersion> {
        let plausible = (80_000..=NEWEST_PLAUSIBLE).contains(&number);
        plausible.then_some(ServerVersion(number / 10_000, number / 100 % 100, number % 100))
    }

    /// Whether it is beyond every version whose formats are known: MySQL 26.10 and MariaDB 13.0 (changelogs of 2026).
    pub fn is_newer_than_known(self, creator: &str) -> bool {
        let newest = if creator.starts_with("MariaDB ") { (13, 0) } else { (26, u32::MAX) };
        (self.0, self.1) > newest
    }

    /// Whether it has a change that came with these patch levels, one for every series that got it, the oldest first.
    /// Series newer than all of them have it, series between them have not.
    pub fn has(self, since: &[ServerVersion]) -> bool {
        let series = |version: &ServerVersion| (version.0, version.1);
        match since.iter().find(|first| series(first) == series(&self)) {
            Some(first) => self >= *first,
            None => since.last().is_some_and(|last| series(&self) > series(last)),
        }
    }
}

/// The nearest generation that the log proves.
///
/// The creator string goes first, then the format number. `None` for format 0, which twenty years of servers wrote
/// alike, and for an empty log.
pub fn generation_hint(redo: &RedoLog) -> Option<Generation> {
    if matches!(redo.format, RedoFormat::BeforeMySql579 | RedoFormat::FlushLsnOnly) {
        return None;
    }
    redo.creator.as_deref().and_then(of_creator).or_else(|| of_format(redo.format))
}

fn of_creator(creator: &str) -> Option<Generation> {
    if let Some(version) = creator.strip_prefix("MySQL ") {
        return Some(mysql(version_of(version)?));
    }
    mariadb(version_of(creator.strip_prefix("MariaDB ")?)?)
}

fn mysql(version: (u32, u32, u32)) -> Generation {
    let (major, minor, patch) = version;
    if major < 8 {
        return Generation::MySql57;
    }
    let number = major.saturating_mul(10_000).saturating_add(minor.min(99) * 100 + patch.min(99));
    Generation::from_server_version(number).unwrap_or(Generation::MySql8030)
}

fn mariadb(version: (u32, u32, u32)) -> Option<Generation> {
    match version {
        (10, 2, _) => Some(Generation::MariaDb102),
        (10, 3, _) => Some(Generation::MariaDb103),
        (10, 4, _) => Some(Generation::MariaDb104),
        (10, 5..=7, _) => Some(Generation::MariaDb105),
        (10, 8.., _) | (11.., _, _) => Some(Generation::MariaDb108),
        _ => None,
    }
}

fn of_format(format: RedoFormat) -> Option<Generation> {
    match format {
        RedoFormat::BeforeMySql579 | RedoFormat::FlushLsnOnly => None,
        RedoFormat::MySql(1) => Some(Generation::MySql57),
        RedoFormat::MySql(2 | 3) => Some(Generation::MySql80),
        RedoFormat::MySql(4 | 5) => Some(Generation::MySql8020),
        RedoFormat::MySql(_) => Some(Generation::MySql8030),
        RedoFormat::MariaDb102 => Some(Generation::MariaDb102),
        RedoFormat::MariaDb103 => Some(Generation::MariaDb103),
        RedoFormat::MariaDb104 => Some(Generation::MariaDb104),
        RedoFormat::MariaDb105 => Some(Generation::MariaDb105),
        RedoFormat::MariaDb108 | RedoFormat::MariaDbEncrypted | RedoFormat::MariaDbArchive => {
            Some(Generation::MariaDb108)
        }
    }
}

/// `8.0.25-debug` as (8, 0, 25); absent parts are 0, a first part that is no number is no version.
fn version_of(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.splitn(3, '.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..digits).and_then(|d| d.parse().ok())
    });
    let major = parts.next()??;
    let mut next = || parts.next().flatten().unwrap_or(0);
    Some((major, next(), next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(creator: &str, raw_format: u32) -> Option<String> {
        let creator = (!creator.is_empty()).then_some(creator);
        let mut redo = RedoLog::empty(RedoFormat::from_raw(raw_format, creator)?, raw_format);
        redo.creator = creator.map(str::to_owned);
        generation_hint(&redo).map(|generation| generation.to_string())
    }

    #[test]
    fn every_creator_has_its_generation() {
        for (creator, raw, expected) in [
            ("MySQL 5.7.44", 1, "mysql-5.7"),
            ("MySQL 8.0.11", 3, "mysql-8.0"),
            ("MySQL 8.0.19", 4, "mysql-8.0"),
            ("MySQL 8.0.20", 4, "mysql-8.0.20"),
            ("MySQL 8.0.25", 4, "mysql-8.0.20"),
            ("MySQL 8.0.28", 5, "mysql-8.0.20"),
            ("MySQL 8.0.30", 6, "mysql-8.0.30"),
            ("MySQL 8.4.3", 6, "mysql-8.0.30"),
            ("MySQL 9.7.4", 6, "mysql-8.0.30"),
            ("MySQL 26.10.0", 6, "mysql-8.0.30"),
            ("MySQL 28.4.1", 6, "mysql-8.0.30"),
            ("MariaDB 13.0.1", 0x5068_7973, "mariadb-10.8"),
            ("MariaDB 26.1.0", 0x5068_7973, "mariadb-10.8"),
            ("MySQL Clone", 6, "mysql-8.0.30"),
            ("MEB 8.0.30", 5, "mysql-8.0.20"),
            ("MariaDB 10.2.44", 1, "mariadb-10.2"),
            ("MariaDB 10.2.44", 103, "mariadb-10.2"),
            ("MariaDB 10.3.39", 103, "mariadb-10.3"),
            ("MariaDB 10.4.34", 0x8000_0068, "mariadb-10.4"),
            ("MariaDB 10.5.23", 0x5048_5953, "mariadb-10.5"),
            ("MariaDB 10.6.1", 0x5048_5953, "mariadb-10.5"),
            ("MariaDB 10.7.8", 0x5048_5953, "mariadb-10.5"),
            ("MariaDB 10.11.18", 0x5068_7973, "mariadb-10.8"),
            ("MariaDB 11.8.6", 0xF09F_979D, "mariadb-10.8"),
            ("", 0x5068_7973, "mariadb-10.8"),
            ("", 2, "mysql-8.0"),
        ] {
            assert_eq!(hint(creator, raw).as_deref(), Some(expected), "{creator} {raw:#x}");
        }
    }

    #[test]
    fn a_change_is_in_its_series_and_in_all_newer_ones() {
        let since = [ServerVersion(10, 6, 17), ServerVersion(10, 11, 7), ServerVersion(11, 2, 3)];
        for with in [ServerVersion(10, 6, 17), ServerVersion(10, 11, 18), ServerVersion(11, 8, 0)] {
            assert!(with.has(&since), "{with:?}");
        }
        for without in [
            ServerVersion(10, 5, 30),
            ServerVersion(10, 6, 16),
            ServerVersion(10, 7, 99),
            ServerVersion(11, 1, 9),
        ] {
            assert!(!without.has(&since), "{without:?}");
        }
        assert_eq!(ServerVersion::of_creator("MariaDB 10.11.18"), Some(ServerVersion(10, 11, 18)));
        assert_eq!(ServerVersion::of_creator("MEB 8.0.30"), None);
        assert_eq!(ServerVersion::of_number(80_030), Some(ServerVersion(8, 0, 30)));
        assert_eq!(ServerVersion::of_number(90_704), Some(ServerVersion(9, 7, 4)));
        assert_eq!(ServerVersion::of_number(261_000), Some(ServerVersion(26, 10, 0)));
        assert_eq!(ServerVersion::of_number(u32::MAX), None);
    }

    #[test]
    fn format_0_proves_nothing() {
        assert_eq!(hint("", 0), None);
        assert_eq!(hint("MySQL 8.0.25", 0), None);
    }

    #[test]
    fn odd_versions_do_not_confuse() {
        assert_eq!(version_of("8.0.25-debug"), Some((8, 0, 25)));
        assert_eq!(version_of("99999999999999.1"), None);
        assert_eq!(version_of(""), None);
        assert_eq!(version_of("8"), Some((8, 0, 0)));
    }
}
