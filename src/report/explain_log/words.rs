//! What each kind of message means, in sentences for a person.

use super::next::too_early;
use crate::commands::explain_log::{Evidence, Finding, Kind};
use crate::report::style;

/// One sentence for a person.
pub(super) const fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Torn => {
            "the page in its file was damaged, and the server turned to the copy in the doublewrite buffer"
        }
        Kind::Recovered => "the server has put the copy from the doublewrite buffer in place",
        Kind::NoCopy => "the page is damaged and the server found no copy of it in the doublewrite buffer",
        Kind::CopyCorrupt => {
            "the page is damaged and so was the copy that the server tried; it stopped there"
        }
        Kind::CopySkipped => {
            "a copy in the doublewrite buffer was damaged or unusable, and the server passed over it"
        }
        Kind::CopyTooNew => {
            "a copy in the doublewrite buffer is newer than the redo log: it is not the right one, or was cut"
        }
        Kind::DetectOnly => {
            "the page is damaged and the doublewrite buffer, written in DETECT_ONLY mode, has only its name"
        }
        Kind::CopyOutside => "a copy in the doublewrite buffer belongs past the end of its file",
        Kind::Orphan => {
            "a copy in the doublewrite buffer belongs to a tablespace that the server could not find"
        }
        Kind::ReadFailed => "the page could not be read from the disk at all",
        Kind::Corrupt => "the page failed its checksum when it was read",
        Kind::Encrypted => "an encrypted or compressed page is damaged, or the key does not fit",
        Kind::RedoNotApplied => "changes from the redo log could not be applied, because the page is damaged",
        Kind::Misdirected => {
            "the page says that it is another page: a write or a read went to the wrong place"
        }
        Kind::FutureLsn => {
            "the page is newer than the redo log: it is not the right one, or the page is damaged"
        }
        Kind::FirstPage => "the first page of the file is damaged, so the server cannot open the file",
        Kind::OutsideFile => {
            "the server was led to a page past the end of the file: a damaged pointer or a cut file"
        }
        Kind::TableLost => "the server has given the table up",
        Kind::Zeroed => {
            "a page of zeros was read; the number in the dump is what stands in the page, not which page it is"
        }
        Kind::ChecksumHolds => {
            "the dump shows a page whose checksum fits: the page is sound, and the server is wrong"
        }
        Kind::IndexDamaged => "an index of the table is damaged",
        Kind::FileCut => "the file is cut: pages at its end are missing",
        Kind::SystemFileSize => {
            "a file of the system tablespace has not the size that the configuration says"
        }
        Kind::FileMissing => "a file that the server knows of is not there",
        Kind::FileNotOpened => "the server could not open the file",
        Kind::SpaceIdTwice => "two files claim one space id: the server does not start with both",
        Kind::FileIgnored => "two files claim one space id: the server ignores one of them",
        Kind::RedoDamaged => "the redo log is damaged or ends too early",
        Kind::RedoMissing => "redo files are missing",
        Kind::RedoSize => "a redo file has the wrong size",
        Kind::RedoForeign => {
            "the redo log is not that of these data files, or of another version of the server"
        }
        Kind::RedoDisabled => "the server died while redo logging was disabled",
        Kind::KeyMissing => "the key of an encrypted file is missing",
        Kind::Locked => "another process holds the file",
        Kind::NoPermission => "the operating system does not let the server at the file",
        Kind::NoSpace => "the disk is full",
        Kind::SystemError => "the operating system reported an error",
        Kind::Configuration => "the configuration does not fit the files or the machine",
        Kind::NotStarted => "the server gave up starting",
        Kind::Died => "the server died",
        Kind::BackupFailed => "the backup is not complete",
        Kind::UnknownError => "an error of InnoDB that dblwr does not know",
    }
}

/// The same in a few words for a headline; none for what is told by pages.
pub(super) const fn in_short(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::FileCut => "a file is cut",
        Kind::SystemFileSize => "a system tablespace file has the wrong size",
        Kind::FileMissing => "a file is missing",
        Kind::FileNotOpened => "a file could not be opened",
        Kind::SpaceIdTwice | Kind::FileIgnored => "two files claim one space id",
        Kind::RedoDamaged => "the redo log is damaged or ends early",
        Kind::RedoMissing => "redo files are missing",
        Kind::RedoSize => "a redo file has the wrong size",
        Kind::RedoForeign => "the redo log does not fit the data",
        Kind::RedoDisabled => "redo logging was disabled",
        Kind::KeyMissing => "a key is missing",
        Kind::Locked => "another process held the files",
        Kind::NoPermission => "access was denied",
        Kind::NoSpace => "the disk was full",
        Kind::SystemError => "the operating system reported an error",
        Kind::Configuration => "the configuration does not fit",
        Kind::Zeroed => "a page of zeros was read",
        Kind::TableLost => "a table was given up",
        Kind::IndexDamaged => "an index is damaged",
        Kind::BackupFailed => "a backup is not complete",
        Kind::CopyTooNew => "a copy is newer than the redo log",
        Kind::NotStarted => "the server did not start",
        Kind::Died => "the server died",
        Kind::Recovered | Kind::CopySkipped | Kind::CopyOutside | Kind::Orphan | Kind::UnknownError => {
            return None;
        }
        _ => "damage without a page number",
    })
}

/// What a message shows beyond its words.
pub(super) fn evidence(finding: &Finding) -> Option<String> {
    if let Some(distance) = too_early(finding) {
        return Some(format!(
            "it was read {distance} pages too early, 4 GiB: a 32-bit offset on the way; the file itself may be sound"
        ));
    }
    Some(match finding.evidence.as_ref()? {
        Evidence::ReadInstead { space_id: Some(space), page_no } => {
            format!("what was read calls itself space {space} page {page_no}: another page, or garbage")
        }
        Evidence::ReadInstead { space_id: None, page_no } => format!("what was read calls itself page {page_no}"),
        Evidence::Zeros => "every field that the dump shows is zero: a page of zeros".to_owned(),
        Evidence::Ones => "every field that was read is 0xFF: the page was never written, or the disk lost it".to_owned(),
        Evidence::WrittenWithoutChecksum => {
            "3735928559 is 0xdeadbeef: the page was written with checksums off, so nothing shows that it is damaged".to_owned()
        }
        Evidence::ChecksumHolds { algorithm, value: 0 } => format!(
            "stored and calculated {algorithm} are both 0: a known fault of servers that take a checksum of 0 for damage"
        ),
        Evidence::ChecksumHolds { algorithm, value } => format!("stored and calculated {algorithm} are both {value}"),
        Evidence::Torn { head, tail } => {
            format!("head and tail carry the LSN words {head} and {tail}: a torn page, or garbage in it")
        }
        Evidence::Length { is, should_be } => length(finding.kind, *is, *should_be),
        Evidence::Pages { is: 0 } => "it has 0 pages: the file is empty".to_owned(),
        Evidence::Pages { is } => format!("it has {is} pages"),
        Evidence::RedoEnds { at, checkpoint, end } => redo_ends(*at, *checkpoint, *end),
        Evidence::Errno { number } => format!("error {number}: {}", std::io::Error::from_raw_os_error(i32::try_from(*number).ok()?)),
        Evidence::OtherFile { file } => format!("the other file is {}", style::printable(file)),
    })
}

fn length(kind: Kind, is: u64, should_be: u64) -> String {
    match (kind, should_be.checked_sub(is)) {
        (Kind::FileCut, Some(missing)) => {
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
