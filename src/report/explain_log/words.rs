//! What each kind of message means, in sentences for a person.

use super::next::too_early;
use crate::commands::explain_log::{LogEvidence, LogFinding, LogKind};
use crate::report::style;

/// One sentence for a person.
pub(super) const fn meaning(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Torn => {
            "the page in its file was damaged, and the server turned to the copy in the doublewrite buffer"
        }
        LogKind::Recovered => "the server has put the copy from the doublewrite buffer in place",
        LogKind::NoCopy => "the page is damaged and the server found no copy of it in the doublewrite buffer",
        LogKind::CopyCorrupt => {
            "the page is damaged and so was the copy that the server tried; it stopped there"
        }
        LogKind::CopySkipped => {
            "a copy in the doublewrite buffer was damaged or unusable, and the server passed over it"
        }
        LogKind::CopyTooNew => {
            "a copy in the doublewrite buffer is newer than the redo log: it is not the right one, or was cut"
        }
        LogKind::DetectOnly => {
            "the page is damaged and the doublewrite buffer, written in DETECT_ONLY mode, has only its name"
        }
        LogKind::CopyOutside => "a copy in the doublewrite buffer belongs past the end of its file",
        LogKind::Orphan => {
            "a copy in the doublewrite buffer belongs to a tablespace that the server could not find"
        }
        LogKind::ReadFailed => "the page could not be read from the disk at all",
        LogKind::Corrupt => "the page failed its checksum when it was read",
        LogKind::Encrypted => "an encrypted or compressed page is damaged, or the key does not fit",
        LogKind::RedoNotApplied => {
            "changes from the redo log could not be applied, because the page is damaged"
        }
        LogKind::Misdirected => {
            "the page says that it is another page: a write or a read went to the wrong place"
        }
        LogKind::FutureLsn => {
            "the page is newer than the redo log: it is not the right one, or the page is damaged"
        }
        LogKind::FirstPage => "the first page of the file is damaged, so the server cannot open the file",
        LogKind::OutsideFile => {
            "the server was led to a page past the end of the file: a damaged pointer or a cut file"
        }
        LogKind::TableLost => "the server has given the table up",
        LogKind::Zeroed => {
            "a page of zeros was read; the number in the dump is what stands in the page, not which page it is"
        }
        LogKind::ChecksumHolds => {
            "the dump shows a page whose checksum fits: the page is sound, and the server is wrong"
        }
        LogKind::IndexDamaged => "an index of the table is damaged",
        LogKind::FileCut => "the file is cut: pages at its end are missing",
        LogKind::SystemFileSize => {
            "a file of the system tablespace has not the size that the configuration says"
        }
        LogKind::FileMissing => "a file that the server knows of is not there",
        LogKind::FileNotOpened => "the server could not open the file",
        LogKind::SpaceIdTwice => "two files claim one space id: the server does not start with both",
        LogKind::FileIgnored => "two files claim one space id: the server ignores one of them",
        LogKind::RedoDamaged => "the redo log is damaged or ends too early",
        LogKind::RedoMissing => "redo files are missing",
        LogKind::RedoSize => "a redo file has the wrong size",
        LogKind::RedoForeign => {
            "the redo log is not that of these data files, or of another version of the server"
        }
        LogKind::RedoDisabled => "the server died while redo logging was disabled",
        LogKind::KeyMissing => "the key of an encrypted file is missing",
        LogKind::Locked => "another process holds the file",
        LogKind::NoPermission => "the operating system does not let the server at the file",
        LogKind::NoSpace => "the disk is full",
        LogKind::SystemError => "the operating system reported an error",
        LogKind::Configuration => "the configuration does not fit the files or the machine",
        LogKind::NotStarted => "the server gave up starting",
        LogKind::Died => "the server died",
        LogKind::BackupFailed => "the backup is not complete",
        LogKind::UnknownError => "an error of InnoDB that dblwr does not know",
    }
}

/// The same in a few words for a headline; none for what is told by pages.
pub(super) const fn in_short(kind: LogKind) -> Option<&'static str> {
    Some(match kind {
        LogKind::FileCut => "a file is cut",
        LogKind::SystemFileSize => "a system tablespace file has the wrong size",
        LogKind::FileMissing => "a file is missing",
        LogKind::FileNotOpened => "a file could not be opened",
        LogKind::SpaceIdTwice | LogKind::FileIgnored => "two files claim one space id",
        LogKind::RedoDamaged => "the redo log is damaged or ends early",
        LogKind::RedoMissing => "redo files are missing",
        LogKind::RedoSize => "a redo file has the wrong size",
        LogKind::RedoForeign => "the redo log does not fit the data",
        LogKind::RedoDisabled => "redo logging was disabled",
        LogKind::KeyMissing => "a key is missing",
        LogKind::Locked => "another process held the files",
        LogKind::NoPermission => "access was denied",
        LogKind::NoSpace => "the disk was full",
        LogKind::SystemError => "the operating system reported an error",
        LogKind::Configuration => "the configuration does not fit",
        LogKind::Zeroed => "a page of zeros was read",
        LogKind::TableLost => "a table was given up",
        LogKind::IndexDamaged => "an index is damaged",
        LogKind::BackupFailed => "a backup is not complete",
        LogKind::CopyTooNew => "a copy is newer than the redo log",
        LogKind::NotStarted => "the server did not start",
        LogKind::Died => "the server died",
        LogKind::Recovered
        | LogKind::CopySkipped
        | LogKind::CopyOutside
        | LogKind::Orphan
        | LogKind::UnknownError => {
            return None;
        }
        _ => "damage without a page number",
    })
}

/// What a message shows beyond its words.
pub(super) fn evidence(finding: &LogFinding) -> Option<String> {
    if let Some(distance) = too_early(finding) {
        return Some(format!(
            "it was read {distance} pages too early, 4 GiB: a 32-bit offset on the way; the file itself may be sound"
        ));
    }
    Some(match finding.evidence.as_ref()? {
        LogEvidence::ReadInstead { space_id: Some(space), page_no } => {
            format!("what was read calls itself page {space}:{page_no}: another page, or garbage")
        }
        LogEvidence::ReadInstead { space_id: None, page_no } => format!("what was read calls itself page {page_no}"),
        LogEvidence::Zeros => "every field that the dump shows is zero: a page of zeros".to_owned(),
        LogEvidence::Ones => "every field that was read is 0xFF: the page was never written, or the disk lost it".to_owned(),
        LogEvidence::WrittenWithoutChecksum => {
            "3735928559 is 0xdeadbeef: the page was written with checksums off, so nothing shows that it is damaged".to_owned()
        }
        LogEvidence::ChecksumHolds { algorithm, value: 0 } => format!(
            "stored and calculated {algorithm} are both 0: a known fault of servers that take a checksum of 0 for damage"
        ),
        LogEvidence::ChecksumHolds { algorithm, value } => format!("stored and calculated {algorithm} are both {value}"),
        LogEvidence::Torn { head, tail } => {
            format!("head and tail carry the LSN words {head} and {tail}: a torn page, or garbage in it")
        }
        LogEvidence::Length { is, should_be } => length(finding.kind, *is, *should_be),
        LogEvidence::Pages { is: 0 } => "it has 0 pages: the file is empty".to_owned(),
        LogEvidence::Pages { is } => format!("it has {is} pages"),
        LogEvidence::RedoEnds { at, checkpoint, end } => redo_ends(*at, *checkpoint, *end),
        LogEvidence::Errno { number } => format!("error {number}: {}", std::io::Error::from_raw_os_error(i32::try_from(*number).ok()?)),
        LogEvidence::OtherFile { file } => format!("the other file is {}", style::printable(file)),
    })
}

fn length(kind: LogKind, is: u64, should_be: u64) -> String {
    match (kind, should_be.checked_sub(is)) {
        (LogKind::FileCut, Some(missing)) => {
            format!("it has {is} of at least {should_be}: {missing} are missing")
        }
        _ => format!("it has {is}, the others {should_be} bytes"),
    }
}

fn redo_ends(at: Option<u64>, checkpoint: Option<u64>, end: Option<u64>) -> String {
    let told = |what: &str, lsn: Option<u64>| lsn.map(|lsn| format!("{what} {lsn}"));
    let parts = [told("missing at LSN", at), told("checkpoint", checkpoint), told("end", end)];
    let all: Vec<String> = parts.into_iter().flatten().collect();
    format!("the redo log ends early: {}", all.join(", "))
}
