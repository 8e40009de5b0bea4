//! Names in file names: the server's `filename` character set, partitions and temporary tables.
//!
//! | in the file name | means |
//! |---|---|
//! | `@0023` | the UTF-16 code unit with that hexadecimal number |
//! | `@` and two more characters | a letter with upper and lower case, see [`crate::format::dictionary::filename_charset`] |
//! | `#P#p0`, `#p#p0` | partition (upper case up to MySQL 5.7 and in MariaDB, lower case in MySQL 8) |
//! | `#SP#s0`, `#sp#s0` | subpartition |
//! | `#TMP#`, `#tmp#`, `#REN#`, `#ren#` at the end | a partition in the middle of a change |
//! | `#sql...` | a table that the server made for itself |
//! | `@@@` at the end | a name that Windows reserves for a device |
//!
//! A `#` of the user's own is always `@0023`, so that these marks cannot be mistaken. The part before a mark and the
//! part behind it are decoded separately. Sources: manual page "Mapping of Identifiers to File Names" (MySQL 8.4),
//! `sql_partition.cc` (MariaDB 10.11).

use std::fmt;
use std::path::Path;

use crate::format::dictionary::filename_charset;

/// What the name of a tablespace file says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FileName {
    /// Database, from the directory.
    pub database: Option<String>,
    /// Table, decoded; or the bare name of a tablespace that is no table's own.
    pub table: String,
    /// Partition, decoded.
    pub partition: Option<String>,
    /// Subpartition, decoded.
    pub subpartition: Option<String>,
    /// Made by the server for itself (`#sql...`), or a partition in the middle of a change.
    pub temporary: bool,
}

impl FileName {
    /// Reads `db/table.ibd`, or any path that ends so. The last directory is the database.
    pub fn from_path(path: &Path) -> Option<FileName> {
        let stem = path.file_stem()?.to_string_lossy();
        let database = path.parent().and_then(Path::file_name).map(|name| decode(&name.to_string_lossy()));
        Some(FileName { database, ..FileName::from_stem(&stem) })
    }

    /// Reads the name of a table as the dictionary of MySQL up to 5.7 and MariaDB keeps it: `db/table#P#p0`.
    pub fn from_internal(name: &str) -> FileName {
        match name.split_once('/') {
            Some((database, stem)) => {
                FileName { database: Some(decode(database)), ..FileName::from_stem(stem) }
            }
            None => FileName { table: name.to_owned(), ..FileName::default() },
        }
    }

    fn from_stem(stem: &str) -> FileName {
        let (rest, changing) =
            match ["#TMP#", "#tmp#", "#REN#", "#ren#"].iter().find_map(|m| stem.strip_suffix(m)) {
                Some(rest) => (rest, true),
                None => (stem, false),
            };
        let (rest, subpartition) = split_mark(rest, ["#SP#", "#sp#"]);
        let (table, partition) = split_mark(rest, ["#P#", "#p#"]);
        FileName {
            database: None,
            table: decode(table),
            partition: partition.map(decode),
            subpartition: subpartition.map(decode),
            temporary: changing || stem.starts_with("#sql"),
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(database) = &self.database {
            write!(f, "{database}/")?;
        }
        f.write_str(&self.table)?;
        if let Some(partition) = &self.partition {
            write!(f, " partition {partition}")?;
        }
        if let Some(subpartition) = &self.subpartition {
            write!(f, " subpartition {subpartition}")?;
        }
        Ok(())
    }
}

/// Cuts at the first of either mark.
fn split_mark<'a>(name: &'a str, marks: [&str; 2]) -> (&'a str, Option<&'a str>) {
    match marks.iter().find_map(|mark| name.split_once(mark)) {
        Some((before, behind)) => (before, Some(behind)),
        None => (name, None),
    }
}

/// Decodes one name from the `filename` character set. What does not decode (files older than MySQL 5.1.6) stays as it
/// is, as does the name of a table that the server made for itself.
pub fn decode(name: &str) -> String {
    // Device names of Windows get this tail, which decodes to nothing.
    let mut rest = name.strip_suffix("@@@").unwrap_or(name);
    let mut decoded = String::with_capacity(rest.len());
    while let Some((plain, coded)) = rest.split_once('@') {
        decoded.push_str(plain);
        let (letter, used) = letter(coded).unwrap_or(('@', 0));
        decoded.push(letter);
        rest = coded.get(used..).unwrap_or("");
    }
    decoded.push_str(rest);
    decoded
}

/// The character behind an `@`, and how many bytes its code took.
fn letter(coded: &str) -> Option<(char, usize)> {
    let bytes = coded.as_bytes();
    if let Some(found) =
        bytes.get(..2).and_then(|pair| filename_charset::decode(<[u8; 2]>::try_from(pair).ok()?))
    {
        return Some((found, 2));
    }
    let digits = coded.get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?).filter(|&c| c != '\0').map(|c| (c, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str) -> String {
        FileName::from_path(Path::new(path)).unwrap().to_string()
    }

    #[test]
    fn ordinary_names_stay() {
        assert_eq!(shown("d/t1.ibd"), "d/t1");
        assert_eq!(shown("/var/lib/mysql/mysql/innodb_table_stats.ibd"), "mysql/innodb_table_stats");
        assert_eq!(shown("mysql.ibd"), "mysql");
    }

    #[test]
    fn hexadecimal_codes_are_decoded() {
        assert_eq!(decode("a@0023b"), "a#b");
        assert_eq!(decode("my@002dtable@0020x"), "my-table x");
        assert_eq!(decode("@65e5@672c"), "日本");
        assert_eq!(decode("con@@@"), "con");
    }

    #[test]
    fn what_is_no_code_stays() {
        for name in ["a@", "a@b", "@00", "@zzzz", "me@example", "@d800", "@0000", "@@", "é@"] {
            assert_eq!(decode(name), name);
        }
    }

    #[test]
    fn partitions_are_shown() {
        assert_eq!(shown("d/t#P#p0.ibd"), "d/t partition p0");
        assert_eq!(shown("d/t#p#p0#sp#p0sp1.ibd"), "d/t partition p0 subpartition p0sp1");
        assert_eq!(FileName::from_internal("d/t@002d1#P#x@0020y").to_string(), "d/t-1 partition x y");
    }

    #[test]
    fn tables_of_the_server_itself_are_told() {
        assert!(FileName::from_path(Path::new("d/#sql-ib1060-2046455513.ibd")).unwrap().temporary);
        let moving = FileName::from_path(Path::new("d/t#P#p1#TMP#.ibd")).unwrap();
        assert_eq!((moving.to_string().as_str(), moving.temporary), ("d/t partition p1", true));
        assert!(!FileName::from_path(Path::new("d/t1.ibd")).unwrap().temporary);
    }

    #[test]
    fn system_names_without_a_database_stay() {
        assert_eq!(FileName::from_internal("SYS_FOREIGN").to_string(), "SYS_FOREIGN");
    }
}
