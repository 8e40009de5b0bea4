//! What a message says, and how much it weighs.

use serde::Serialize;

/// What a message says of a page, a copy, a file or the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogKind {
    /// The recovery pass found the home page damaged and turns to the copy.
    Torn,
    /// The recovery pass has written the copy home.
    Recovered,
    /// The home page is damaged and the buffer holds no copy of it.
    NoCopy,
    /// The home page is damaged and so is the copy: the server stops.
    CopyCorrupt,
    /// The copy cannot be used; the server looks for another one.
    CopySkipped,
    /// The copy is newer than the end of the redo log and was not used.
    CopyTooNew,
    /// The buffer names the page but was written in DETECT_ONLY mode: there is no copy.
    DetectOnly,
    /// The copy belongs past the end of its tablespace.
    CopyOutside,
    /// The copy belongs to a tablespace whose file is not known.
    Orphan,
    /// The home page could not be read from the disk.
    ReadFailed,
    /// The page failed its check when it was read.
    Corrupt,
    /// An encrypted or compressed page failed its check, or could not be decoded.
    Encrypted,
    /// The redo log could not be applied to the page.
    RedoNotApplied,
    /// The page says that it is another one.
    Misdirected,
    /// The page is newer than the redo log.
    FutureLsn,
    /// The first page of a file is damaged, so that the file cannot be opened.
    FirstPage,
    /// A page past the end of its file was asked for.
    OutsideFile,
    /// A table was given up.
    TableLost,
    /// A page of zeros was read, and the log does not say which.
    Zeroed,
    /// The dump in the log shows a page whose checksum fits.
    ChecksumHolds,
    /// An index, or the list of records in one of its pages, is damaged.
    IndexDamaged,
    /// A file is shorter than it must be.
    FileCut,
    /// A file of the system tablespace has another size than the configuration says.
    SystemFileSize,
    /// A file that the server knows of is not there.
    FileMissing,
    /// A file could not be opened; the messages beside it say why.
    FileNotOpened,
    /// Two files claim one space id, and the server stops.
    SpaceIdTwice,
    /// Two files claim one space id, and the server ignores one of them.
    FileIgnored,
    /// The redo log fails its own check, or ends too early.
    RedoDamaged,
    /// Redo files are not there.
    RedoMissing,
    /// Redo files have the wrong size.
    RedoSize,
    /// The redo log is of another directory or another server version.
    RedoForeign,
    /// The server died while redo logging was disabled.
    RedoDisabled,
    /// A key for encrypted files is missing.
    KeyMissing,
    /// Another process holds the files.
    Locked,
    /// The operating system denied access.
    NoPermission,
    /// The disk is full.
    NoSpace,
    /// The operating system reported another error.
    SystemError,
    /// The configuration does not fit the files, or the machine.
    Configuration,
    /// The server, or InnoDB in it, gave up starting.
    NotStarted,
    /// The server died.
    Died,
    /// A backup tool gave up.
    BackupFailed,
    /// An error of InnoDB that is not known here.
    UnknownError,
}

/// How much a message weighs, in the order of exit codes: the worst is 2, then 1, then 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do.
    Healthy,
    /// It could not be judged.
    Unknown,
    /// Damage that may be mended, or a server that did not start for another reason.
    Attention,
    /// Damage that the buffer cannot mend.
    Critical,
}

impl LogKind {
    /// Whether the message says that a page in its file was bad at that time and not what became of it.
    pub const fn is_damage(self) -> bool {
        matches!(
            self,
            LogKind::Torn
                | LogKind::NoCopy
                | LogKind::CopyCorrupt
                | LogKind::DetectOnly
                | LogKind::ReadFailed
                | LogKind::Corrupt
                | LogKind::Encrypted
                | LogKind::RedoNotApplied
                | LogKind::Misdirected
                | LogKind::FutureLsn
                | LogKind::FirstPage
                | LogKind::OutsideFile
                | LogKind::Zeroed
                | LogKind::IndexDamaged
        )
    }

    /// Whether InnoDB cannot run with it: where it has started later on, the cause is gone.
    pub const fn ends_with_a_start(self) -> bool {
        matches!(
            self,
            LogKind::SystemFileSize
                | LogKind::RedoSize
                | LogKind::RedoForeign
                | LogKind::Locked
                | LogKind::NoPermission
                | LogKind::NoSpace
                | LogKind::SystemError
                | LogKind::Configuration
                | LogKind::NotStarted
                | LogKind::Died
        )
    }

    /// What it weighs where no page is named, or beside what becomes of its page.
    pub const fn level(self) -> Level {
        match self {
            LogKind::NoCopy
            | LogKind::CopyCorrupt
            | LogKind::DetectOnly
            | LogKind::FileCut
            | LogKind::SystemFileSize
            | LogKind::FileMissing
            | LogKind::FileNotOpened
            | LogKind::SpaceIdTwice
            | LogKind::RedoDamaged
            | LogKind::RedoMissing
            | LogKind::RedoSize
            | LogKind::RedoForeign
            | LogKind::RedoDisabled => Level::Critical,
            LogKind::UnknownError => Level::Unknown,
            LogKind::Recovered | LogKind::CopySkipped | LogKind::CopyOutside | LogKind::Orphan => {
                Level::Healthy
            }
            _ => Level::Attention,
        }
    }
}
