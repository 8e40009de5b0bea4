//! The next step for a page or a finding, with commands that can be pasted.

use std::path::Path;

use super::story::{PageStory, StoryEnd};
use crate::commands::explain_log::{LogEvidence, LogFinding, LogKind};
use crate::report::restore::restoring;
use crate::verdict::Verdict;

/// What commands name: the log, and the directory if one was given.
pub(super) struct Commands {
    log: Option<String>,
    path: Option<String>,
}

impl Commands {
    pub(super) fn of(log: &Path, against: Option<&Path>) -> Commands {
        let log =
            Some(log).filter(|log| log.as_os_str() != "-").map(|log| for_a_shell(&log.display().to_string()));
        Commands { log, path: against.map(|path| path.display().to_string()) }
    }

    /// This command again, with the directory.
    fn against(&self) -> String {
        let log = self.log.as_deref().unwrap_or("LOG");
        format!("dblwr explain-log {log} --against DATADIR")
    }

    fn directory(&self) -> String {
        self.path.as_deref().map_or_else(|| "DATADIR".to_owned(), for_a_shell)
    }

    fn restoring(&self) -> String {
        restoring(self.path.as_deref().unwrap_or("DATADIR"))
    }

    /// A file below the directory, as a command takes it.
    fn file(&self, name: Option<&str>) -> String {
        match (self.path.as_deref(), name) {
            (Some(path), Some(name)) => {
                for_a_shell(&Path::new(path).join(name.trim_start_matches("./")).display().to_string())
            }
            _ => "FILE".to_owned(),
        }
    }
}

/// A word as a shell takes it.
pub fn for_a_shell(word: &str) -> String {
    let plain = |ch: char| {
        ch.is_ascii_alphanumeric() || matches!(ch, '/' | '.' | '_' | '-' | '+' | ':' | ',' | '@' | '%' | '=')
    };
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The next step for a page.
pub(super) fn next_step(story: &PageStory, commands: &Commands) -> String {
    let space = story.space_id.map_or_else(|| "SPACE".to_owned(), |space| space.to_string());
    let page = format!("{space}:{}", story.page_no);
    match story.outcome {
        StoryEnd::CopyOnly => {
            format!("nothing, unless the page is damaged: dblwr verify {} tells", commands.directory())
        }
        StoryEnd::Mended => "ask for rows of the table: that the server started is no proof".to_owned(),
        StoryEnd::Whole => "nothing: the page is whole in the files now".to_owned(),
        StoryEnd::Mendable => {
            format!(
                "with the server stopped: {} --page {page}, then again with --apply",
                commands.restoring()
            )
        }
        StoryEnd::Sound => format!(
            "do not restore or drop anything for this page: a newer server of the same series reads it; dblwr scan {} says whether it is whole",
            commands.directory()
        ),
        StoryEnd::Damaged if story.now.is_some() => {
            format!(
                "dblwr page {} {} shows what can be seen of it",
                commands.file(story.file.as_deref()),
                story.page_no
            )
        }
        StoryEnd::Damaged if read_too_early(&story.said).is_some() => {
            format!("read the file itself before anything is restored: dblwr scan {}", commands.directory())
        }
        StoryEnd::Damaged if story.said.iter().all(|finding| finding.kind == LogKind::Torn) => format!(
            "the server does not say that it put a copy in place; whether the page is whole says: dblwr scan {}",
            commands.directory()
        ),
        StoryEnd::Damaged => format!(
            "stop the server before it writes, copy its directory, then see whether the copy holds what mends it: {}",
            commands.against()
        ),
        StoryEnd::Lost => lost(story, commands, &page),
    }
}

fn lost(story: &PageStory, commands: &Commands, page: &str) -> String {
    match story.now.as_ref().map(|now| now.verdict) {
        Some(Some(Verdict::Stale)) => {
            format!("from a backup; or the older copy: {} --page {page} --include-stale", commands.restoring())
        }
        Some(Some(Verdict::LostWrite)) => {
            format!("from a backup; or the newer copy: {} --page {page} --include-lost-writes", commands.restoring())
        }
        Some(Some(_)) => "from a backup, or a dump of the table with innodb_force_recovery".to_owned(),
        // MariaDB 10.5 on does not doublewrite pages that were initialised since their last flush.
        Some(None) => {
            "let the server recover a copy of the directory first: redo may rebuild the page; else from a backup".to_owned()
        }
        None => format!(
            "the server found no copy that mends it; see what the files hold before a backup is restored: {}",
            commands.against()
        ),
    }
}

/// Pages by which a read went wrong, if that is a multiple of 4 GiB: a byte offset that was kept in 32 bits.
pub(super) fn read_too_early(said: &[LogFinding]) -> Option<u32> {
    said.iter().find_map(too_early)
}

/// The same for one message.
pub(super) fn too_early(finding: &LogFinding) -> Option<u32> {
    /// Pages of 64 KiB, 32 KiB, 16 KiB, 8 KiB, 4 KiB in 4 GiB.
    const IN_4_GIB: [u32; 5] = [1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 20];
    let Some(LogEvidence::ReadInstead { space_id, page_no }) = &finding.evidence else { return None };
    let same_space = space_id.is_none() || *space_id == finding.space_id.map(|space| space.0);
    let distance = finding.page_no?.0.checked_sub(*page_no)?;
    (same_space && IN_4_GIB.contains(&distance)).then_some(distance)
}

/// The next step for a finding that names no page.
pub(super) fn next_for(finding: &LogFinding, commands: &Commands) -> Option<String> {
    let directory = commands.directory();
    Some(match finding.kind {
        LogKind::FileCut => format!("nothing here can bring the missing pages back: restore the table from a backup, or look what is left: dblwr scan {directory}"),
        LogKind::SystemFileSize => "compare innodb_data_file_path with the files; a file of 0 pages is empty: restore it, do not let the server make a new one".to_owned(),
        LogKind::FileMissing => format!("put the file back where the server looks for it, or restore it: dblwr verify {directory} names what is missing"),
        LogKind::FileNotOpened => format!("the messages beside it say why; what the files show: dblwr verify {directory}"),
        LogKind::SpaceIdTwice | LogKind::FileIgnored => format!("move the file that does not belong there out of the directory; which one that is: dblwr verify {directory}"),
        LogKind::RedoDamaged | LogKind::RedoMissing | LogKind::RedoForeign | LogKind::RedoDisabled => {
            format!("do not delete redo files; copy the directory, put the redo files of these data back, then: dblwr verify {directory}")
        }
        LogKind::RedoSize => "do not delete redo files: put back the ones that belong to these data, or the size that the configuration had".to_owned(),
        LogKind::KeyMissing => "make the key file or keyring that these files were encrypted with available to the server".to_owned(),
        LogKind::Locked => "another server runs on these files: stop it, or do not start this one".to_owned(),
        LogKind::NoPermission => "give the files back to the user that the server runs as; nothing is damaged by this".to_owned(),
        LogKind::NoSpace => "make room on the disk before the next start; nothing is damaged by this alone".to_owned(),
        LogKind::SystemError => "look into the kernel's log: the disk or the file system may be failing".to_owned(),
        LogKind::Configuration => "mend the configuration; the files are as they were".to_owned(),
        LogKind::Zeroed | LogKind::IndexDamaged => format!("which page it is, the log does not say: dblwr scan {directory}"),
        LogKind::Corrupt | LogKind::FirstPage | LogKind::Encrypted | LogKind::BackupFailed => format!("find the pages: dblwr scan {directory}"),
        LogKind::Died | LogKind::NotStarted => format!("the messages before it say why; what the files show: dblwr verify {directory}"),
        LogKind::UnknownError => "dblwr does not know this message: ask the server's documentation, and do not take this log for a healthy one".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_a_shell_can_be_pasted() {
        for (word, quoted) in [
            ("/var/log/mysql/error.log", "/var/log/mysql/error.log"),
            ("my log", "'my log'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
            ("a$b", "'a$b'"),
        ] {
            assert_eq!(for_a_shell(word), quoted);
        }
    }
}
