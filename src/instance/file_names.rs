//! File names that servers give: undo tablespaces, files of the system tablespace.

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

/// `ibdata1` and its numbered successors.
pub(crate) fn system_file_number(name: &str) -> Option<u32> {
    name.strip_prefix("ibdata")?.parse().ok()
}
