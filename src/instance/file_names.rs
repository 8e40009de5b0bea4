//! File names that servers give: undo tablespaces, files of the system tablespace.

use std::path::Path;

/// Undo tablespaces: `undo001` (MySQL 5.6, 5.7, MariaDB) and `undo_001` (MySQL 8).
pub fn is_undo_name(name: &str) -> bool {
    name.strip_prefix("undo").is_some_and(|rest| {
        let digits = rest.strip_prefix('_').unwrap_or(rest);
        digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The same, and those that `CREATE UNDO TABLESPACE` made (MySQL 8.0.14 on), which end in `.ibu`.
pub fn is_undo_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    is_undo_name(name) || name.ends_with(".ibu")
}

/// Whether two paths may be those of one file in two places: they have one name, and tables one database.
pub fn end_alike(one: &Path, other: &Path) -> bool {
    let database = |path: &Path| path.parent().and_then(Path::file_name).map(ToOwned::to_owned);
    let is_table = one.extension().is_some_and(|extension| extension == "ibd");
    one.file_name() == other.file_name() && (!is_table || database(one) == database(other))
}

/// `ibdata1` and its numbered successors.
pub(crate) fn system_file_number(name: &str) -> Option<u32> {
    name.strip_prefix("ibdata")?.parse().ok()
}
