//! What was named, and what could be looked at of it.

use std::path::{Path, PathBuf};

use crate::instance::Instance;
use crate::instance::locations::Focus;
use crate::instance::roster::DICTIONARY_SPACE;
use crate::instance::spaces::Owner;
use crate::units::SpaceId;
use crate::verdict::Verdict;
use crate::verdict::copy::CopyState;
use crate::verdict::problems::reason::{ProblemReason, Unjudged};
use crate::verdict::problems::{Problem, ProblemKind, Severity};
use crate::verdict::survey::{Finding, Survey};

impl Instance {
    /// Whether a whole data directory lies there, of which one can say what is missing.
    pub fn is_whole(&self) -> bool {
        let locations = &self.locations;
        let directory = !matches!(locations.focus, Focus::Doublewrite(_));
        directory && locations.explore && locations.bundle.is_none() && self.is_data_directory()
    }

    /// The file that was named, as printed, where it was one.
    pub fn only_file(&self) -> Option<PathBuf> {
        match &self.locations.focus {
            Focus::Directory => None,
            Focus::System(file) | Focus::Tablespace(file) | Focus::Doublewrite(file) => {
                Some(self.locations.relative(file))
            }
        }
    }
}

pub(super) fn unreadable(survey: &Survey, problems: &mut Vec<Problem>) {
    for failure in survey.unreadable() {
        let problem =
            Problem::new(ProblemKind::Unreadable, Severity::Unknown, unread(survey, failure.to_string()));
        let file = failure.path().map(|path| survey.instance.locations.relative(path));
        problems.push(Problem { file, ..problem });
    }
}

/// What could not be read, and where it is the home of a page the newest good copy of it.
fn unread(survey: &Survey, what: String) -> ProblemReason {
    let is_home =
        |f: &&Finding| survey.home_of(f).is_some_and(|home| home.unreadable_because() == Some(&*what));
    let of_home = survey.findings.iter().filter(is_home);
    let good = of_home.filter(|f| f.copy().is_some_and(|copy| copy.state() == CopyState::Valid));
    let newest = good.max_by_key(|finding| finding.lsn());
    match newest.and_then(|finding| Some((finding, &finding.copy()?.slot))) {
        Some((finding, slot)) => ProblemReason::UnreadHome {
            what,
            page: (finding.space_id(), finding.page_no()),
            slot: (slot.file.clone(), slot.index),
        },
        None => ProblemReason::Unread(what),
    }
}

pub(super) fn not_judged(survey: &Survey, problems: &mut Vec<Problem>) {
    let instance = &survey.instance;
    let mut push = |what| {
        problems.push(Problem::new(ProblemKind::NotJudged, Severity::Unknown, ProblemReason::NotJudged(what)))
    };
    let hidden = survey.findings.iter().filter(|finding| {
        finding.judgement.verdict == Verdict::Unverifiable
            && finding
                .copy()
                .is_some_and(|copy| copy.state() == CopyState::Unverifiable || copy.space.is_none())
    });
    match hidden.count() as u64 {
        0 => {}
        copies => push(Unjudged::Encrypted(copies)),
    }
    if instance.locations.bundle.is_some() {
        return;
    }
    let lone = !instance.locations.explore && !instance.areas.iter().any(|area| area.live);
    match &instance.locations.focus {
        Focus::Tablespace(_) | Focus::System(_) if lone => push(Unjudged::LoneFile),
        Focus::Directory if !instance.is_data_directory() => push(where_it_is(&instance.locations.datadir)),
        _ => {}
    }
}

/// The data directory that a folder belongs to, or that lies in it.
fn where_it_is(folder: &Path) -> Unjudged {
    let is_one = |dir: &Path| dir.join("ibdata1").is_file() || dir.join("mysql.ibd").is_file();
    let above = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => folder.join(".."),
    };
    if is_one(&above) {
        return Unjudged::FolderOf(above);
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut below: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir() && is_one(path)).collect();
    below.sort();
    match below.into_iter().next() {
        Some(datadir) => Unjudged::Above(datadir),
        None => Unjudged::NoDataDirectory,
    }
}

/// An initialisation that never ended: the log says so (MySQL 8.0.30 on), or there is no dictionary and nothing else that
/// a server makes after it. Whether it is one.
pub(super) fn half_made(survey: &Survey, problems: &mut Vec<Problem>) -> bool {
    let instance = &survey.instance;
    let flagged = instance.redo.redo().is_some_and(|redo| redo.flags.not_initialised);
    let bare = instance.generation.has_mysql_ibd()
        && matches!(instance.spaces.owner(DICTIONARY_SPACE), Owner::Nobody)
        && !["mysql.ibd", "mysql", "auto.cnf"]
            .iter()
            .any(|name| instance.locations.datadir.join(name).exists())
        && instance
            .spaces
            .list
            .iter()
            .all(|space| space.id.is_none_or(|id| id == SpaceId::SYSTEM || id.0 > 1 << 31));
    if flagged || bare {
        let problem = Problem::new(ProblemKind::HalfMade, Severity::Critical, ProblemReason::NotInitialised);
        problems.push(problem.stops(Some(true)));
    }
    flagged || bare
}

/// A backup that was not prepared, by the files that its tool leaves in it.
pub(super) fn backup(survey: &Survey, problems: &mut Vec<Problem>) {
    let datadir = &survey.instance.locations.datadir;
    let read = |name: &str| std::fs::read_to_string(datadir.join(name)).unwrap_or_default();
    let unprepared = |name: &str| {
        let text = read(name);
        let kind =
            text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == "backup_type"));
        kind.is_some_and(|(_, kind)| matches!(kind.trim(), "full-backuped" | "incremental"))
    };
    let tool = match () {
        () if unprepared("mariadb_backup_checkpoints") => "mariadb-backup",
        () if unprepared("xtrabackup_checkpoints") => "xtrabackup or mariadb-backup",
        () if datadir.join("backup.cnf").is_file()
            && read("backup.cnf").contains("innodb_log_recovery_start") =>
        {
            "BACKUP SERVER"
        }
        () if datadir.join("ibbackup_logfile").is_file()
            || datadir.join("meta/backup_variables.txt").is_file() =>
        {
            "mysqlbackup"
        }
        () if datadir.join("#clone/#view_status").is_file()
            || datadir.join("#clone/#status_fix").is_file() =>
        {
            "CLONE"
        }
        () => return,
    };
    problems.push(Problem::new(ProblemKind::Backup, Severity::Note, ProblemReason::Unprepared { tool }));
}
