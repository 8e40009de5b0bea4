//! Wordings that are no findings: starts, versions, the redo window, page dumps.

use super::{Note, Wording, note};

/// The table.
pub const NOTES: &[Wording] = &[
    // The version stands in the brackets before it.
    note(Note::Starting, "MySQL 5.6 on, MariaDB to 10.11", ") starting as process "),
    note(Note::Starting, "MariaDB 11.0 on", "Starting MariaDB {file} source revision"),
    note(Note::Starting, "MariaDB 11.0 on", "Starting MariaDB {file} as process"),
    note(Note::Version, "MySQL and MariaDB, all", "Version: '{file}'"),
    note(Note::Stopped, "MySQL and MariaDB, all", "Shutdown completed; log sequence number "),
    // srv0start.c to 5.5; srv0start.cc 5.6 to 9.7 (seen), MariaDB to 10.4 (seen); 10.5 on (seen).
    note(Note::Started, "MySQL 5.5 on, MariaDB to 10.4", " started; log sequence number "),
    note(Note::Started, "MySQL 5.1 and older", "Started; log sequence number "),
    note(Note::Started, "MariaDB 10.5 on", "log sequence number {lsn}; transaction id "),
    note(Note::Started, "MariaDB 10.5 on", "log sequence number {lsn} {*}; transaction id "),
    note(Note::Started, "MySQL 8.0 on", "InnoDB initialization has ended."),
    // log0recv.c to 5.5 (seen); log0recv.cc of every later server (seen).
    note(Note::Checkpoint, "MariaDB 10.2 on", "checkpoint LSN={lsn}"),
    note(Note::Checkpoint, "MySQL 5.5 to 8.0", "progressed past the checkpoint lsn {lsn}"),
    note(
        Note::Checkpoint,
        "MySQL 5.1 and older",
        "Starting log scan based on checkpoint at log sequence number {lsn}",
    ),
    note(Note::Checkpoint, "MySQL 8.0.30 on", "latest found checkpoint is at lsn = {lsn}"),
    note(Note::End, "MariaDB 10.8 on", "End of log at LSN={lsn}"),
    note(Note::End, "MySQL, MariaDB to 10.5", "Doing recovery: scanned up to log sequence number {lsn}"),
    // buf_page_print: buf0buf.c 4.1 to 5.5, buf0buf.cc 5.6 on.
    note(Note::Dump, "all", "ncompressed page, stored checksum in field1 "),
    note(Note::Dump, "MySQL 5.6 and older", "Page checksum "),
    note(Note::Dump, "MySQL 5.6 and older", "stored checksum "),
    note(Note::Dump, "MySQL 5.6 and older", "Page lsn "),
    note(Note::Dump, "MySQL 5.6 and older", "Page number (if stored to page already) "),
    note(Note::Dump, "MySQL 5.6 and older", "space id (if created with >= MySQL-4.1.1 and stored already) "),
    note(Note::Dump, "all", "ompressed page type ("),
];
