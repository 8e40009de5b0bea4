//! `.frm` files: up to MySQL 5.7, and in MariaDB, a table is what its schema file says, and InnoDB's own dictionary does not
//! bring one back without it. Eight servers from 5.5.9 to 11.4.5 start without the file, and do not know the table.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::instance::generation::Generation;
use crate::instance::roster::{Role, Witness};
use crate::verdict::problems::reason::ProblemReason;
use crate::verdict::problems::{Problem, ProblemKind, Severity};
use crate::verdict::survey::Survey;

/// Tables of InnoDB's dictionary without a schema file, in folders that hold those of others: a folder without any was
/// not copied whole.
pub(super) fn missing(survey: &Survey, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    if instance.generation.has_mysql_ibd() || instance.generation == Generation::Unknown {
        return;
    }
    let mut folders: BTreeMap<PathBuf, bool> = BTreeMap::new();
    let tables = instance.roster.files.iter().filter(|named| {
        named.role == Role::Table && named.by == Witness::Dictionary && named.excuse.is_none()
    });
    for named in tables {
        let Some(schema) = schema_file(&named.path) else { continue };
        let Some(folder) = schema.parent() else { continue };
        let others = *folders.entry(folder.to_path_buf()).or_insert_with(|| holds_schema_files(folder));
        if !others || schema.exists() || !named.path.exists() {
            continue;
        }
        let file = instance.locations.relative(&schema);
        let reason =
            ProblemReason::NoSchemaFile { table: named.name.with_extension("").display().to_string() };
        let problem = Problem::new(ProblemKind::FileMissing, Severity::Warning, reason);
        problems.push(problem.file(file).space(named.space).stops(Some(false)));
    }
}

/// `d/t1.frm` of `d/t1.ibd`, `d/t1#P#p0.ibd` and `d/t1#p#p0#sp#s0.ibd`; none for tables that only InnoDB knows.
fn schema_file(tablespace: &Path) -> Option<PathBuf> {
    let name = tablespace.file_stem()?.to_str()?;
    let own = name.starts_with("#sql") || name.starts_with("FTS_");
    let at = name.find("#P#").or_else(|| name.find("#p#")).unwrap_or(name.len());
    let table = name.get(..at).filter(|table| !table.is_empty() && !own)?;
    Some(tablespace.with_file_name(format!("{table}.frm")))
}

fn holds_schema_files(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.extension() == Some(OsStr::new("frm")))
}
