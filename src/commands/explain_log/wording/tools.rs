//! Wordings of the tools that read a server's files: xtrabackup, mariadb-backup, innochecksum.

use super::super::LogKind;
use super::{Note, Wording, note, quiet, say};

/// The table.
pub const TOOLS: &[Wording] = &[
    // fil_cur.cc of xtrabackup 2.1 to 8.0 and of mariadb-backup 10.1 to 11.8. Which file it is, the copying thread said before.
    say(
        LogKind::Corrupt,
        "xtrabackup, mariadb-backup",
        "Database page corruption detected at page {no}, retrying",
    ),
    say(
        LogKind::Corrupt,
        "xtrabackup 1.6 to 2.0",
        "Database page corruption detected at page {no}. retrying",
    ),
    say(LogKind::Corrupt, "mariadb-backup", "Database page corruption detected at page {no}, file {file}"),
    say(
        LogKind::Corrupt,
        "xtrabackup, mariadb-backup",
        "failed to read page after 10 retries. File {file} seems to be corrupted.",
    ),
    say(
        LogKind::Corrupt,
        "xtrabackup 1.6 to 2.0",
        "10 retries resulted in fail. This file seems to be corrupted.",
    ),
    say(
        LogKind::Corrupt,
        "mariadb-backup 10.5 on",
        "Error: corrupted page {no} of tablespace {file} can not be fixed",
    ),
    say(
        LogKind::Corrupt,
        "mariadb-backup 10.5 on",
        "Can't zero out corrupted page {no} of tablespace {file}",
    ),
    say(
        LogKind::BackupFailed,
        "mariadb-backup 10.5 on",
        "corrupted innodb pages are found and logged to innodb_corrupted_pages file",
    ),
    say(LogKind::BackupFailed, "mariadb-backup", "WARNING!!! The corruption is ignored due to"),
    say(LogKind::BackupFailed, "xtrabackup", "xtrabackup_copy_datafile() failed"),
    say(LogKind::BackupFailed, "xtrabackup, mariadb-backup", "failed to copy datafile"),
    note(Note::Copying, "xtrabackup, mariadb-backup", "Copying {file} to "),
    note(Note::Copying, "xtrabackup, mariadb-backup", "Compressing {file} to "),
    note(Note::Copying, "xtrabackup, mariadb-backup", "Streaming {file}"),
    // innochecksum.cc 5.7 on and MariaDB 10.1 on; innochecksum.c to 5.6.
    say(LogKind::Corrupt, "innochecksum", "Fail: page::{no} invalid"),
    say(LogKind::Corrupt, "innochecksum", "Fail: page {no} invalid"),
    say(LogKind::Corrupt, "innochecksum", "Fail; page {no} invalid"),
    say(LogKind::Corrupt, "innochecksum 5.6 and older", "page {no} invalid (fails"),
    quiet("innochecksum", "Exceeded the maximum allowed checksum mismatch count"),
    say(LogKind::FirstPage, "innochecksum of MariaDB", "Error: Page 0 checksum mismatch, can't continue."),
];
