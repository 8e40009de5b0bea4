//! Every wording in which a server reports a damaged page, with where it was found.
//!
//! A line of the table is one wording; a line end inside a message (servers before MySQL 5.7) is written as one
//! space. More special wordings stand before more general ones: the first that matches counts. Sources are named by
//! file and version; "seen" means it was read in a real server's log.

use crate::commands::explain_log::Kind;

/// One way of saying it.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// What is being said.
    pub kind: Kind,
    /// Who says it so.
    pub said_by: &'static str,
    /// The text, with holes as in [`crate::commands::explain_log::pattern`].
    pub text: &'static str,
}

const fn say(kind: Kind, said_by: &'static str, text: &'static str) -> Wording {
    Wording { kind, said_by, text }
}

/// The table.
pub const WORDINGS: &[Wording] = &[
    // The recovery pass over the doublewrite buffer finds the home page damaged.
    // trx0sys.c 4.0; trx0sys.c 4.1 to 5.5; buf0dblwr.cc 5.6 (seen), 5.7 and 8.0 (seen), 8.0.20 on (seen).
    say(Kind::Torn, "MySQL 5.0 and older", "database page corruption or a failed file read of page {no}."),
    say(
        Kind::Torn,
        "MySQL 5.1 to 5.6, MariaDB 5.5 and 10.0",
        "database page corruption or a failed file read of space {space} page {no}.",
    ),
    say(
        Kind::Torn,
        "MySQL 5.7 on",
        "Database page corruption or a failed file read of page {page}. Trying to recover it from the",
    ),
    say(
        Kind::Torn,
        "MariaDB 10.1",
        "Database page corruption or a failed file read of space {space} page {no}.",
    ),
    // buf0dblwr.cc 10.1 (late); 10.2 to 11.8 (seen).
    say(Kind::Torn, "MariaDB 10.1", "Trying to recover page {space}:{no} from the doublewrite buffer."),
    say(Kind::Torn, "MariaDB 10.2 on", "Trying to recover page {page} from the doublewrite buffer."),
    // The pass has written a copy home. buf0dblwr.cc 10.5 to 11.8 (seen); 5.7 to 9.7 (seen); 10.1; 5.6 and older (seen).
    say(Kind::Recovered, "MariaDB 10.5 on", "Recovered page {page} to '{file}' from the doublewrite buffer."),
    say(
        Kind::Recovered,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Recovered page {page} from the doublewrite buffer.",
    ),
    say(Kind::Recovered, "MariaDB 10.1", "Recovered page {space}:{no} from the doublewrite buffer."),
    say(Kind::Recovered, "MySQL 5.6 and older", "Recovered the page from the doublewrite buffer."),
    // Page 0 of a file from its copy. fsp0file.cc 5.7 to 9.7, 10.2 on; 5.7 (labs); fil0fil.cc 5.6.
    say(
        Kind::Recovered,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Restoring page {page} of datafile '{file}' from the doublewrite",
    ),
    say(
        Kind::Recovered,
        "MySQL 5.7 (early)",
        "Restoring page {no} of datafile '{file}' in tablespace {space} from",
    ),
    say(
        Kind::Recovered,
        "MySQL 5.6",
        "Restoring page {no} of tablespace {space} from the doublewrite buffer.",
    ),
    // No copy of page 0. fsp0file.cc 5.7 to 9.7 (seen), 10.2 on (seen).
    say(
        Kind::NoCopy,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Corrupted page {page} of datafile '{file}' could not be found in the",
    ),
    say(
        Kind::NoCopy,
        "MySQL 5.7 (early)",
        "Corrupted page {no} of datafile '{file}' in tablespace {space} could not be",
    ),
    say(Kind::NoCopy, "MySQL 5.6", "Doublewrite does not have page_no={no} of space: {space}"),
    say(
        Kind::NoCopy,
        "MySQL 8.3 on",
        "Tablespace '{space}' mentioned in the redo log is corrupted in a way it is unrecoverable by double-write",
    ),
    // The copy is damaged too, and the server stops. buf0dblwr.cc: 5.6 and older; 5.7 on.
    say(Kind::CopyCorrupt, "MySQL 5.6 and older", "Also the page in the doublewrite buffer is corrupt."),
    say(Kind::CopyCorrupt, "MySQL 5.7 on", "The page in the doublewrite buffer is corrupt."),
    // The copy is damaged, and the server looks for another one. buf0dblwr.cc 10.1 (late).
    say(Kind::CopySkipped, "MariaDB 10.1", "A doublewrite copy of page {space}:{no} is corrupted."),
    say(
        Kind::CopySkipped,
        "MariaDB 10.2 on",
        "Ignoring a doublewrite copy of page {page} due to invalid flags",
    ),
    // A copy newer than the end of the redo log. buf0dblwr.cc 10.2 to 11.8 (seen).
    say(
        Kind::CopyTooNew,
        "MariaDB 10.2 on",
        "Ignoring a doublewrite copy of page {page} with future log sequence number",
    ),
    // DETECT_ONLY: the buffer names the page but holds no copy. messages_to_error_log.txt 8.0.30 to 9.7 (seen, MY-014048).
    say(
        Kind::DetectOnly,
        "MySQL 8.0.30 on",
        "Database page corruption of tablespace {file} space_id: {space} page_num: {no}. Cannot recover it from the",
    ),
    say(
        Kind::DetectOnly,
        "Facebook MySQL 5.6",
        "Cannot recover it from the doublewrite buffer because it was written in",
    ),
    // A copy that lies outside its tablespace. trx0sys.c 3.23 and 4.0; 4.1 to 5.6; buf0dblwr.cc 5.7; 8.0.20 on; 10.2; 10.5 on.
    say(
        Kind::CopyOutside,
        "MySQL 4.0",
        "inconsistent page in the doublewrite buffer space id {space} page number {no}",
    ),
    say(
        Kind::CopyOutside,
        "MySQL 4.1 to 5.6",
        "page in the doublewrite buffer is not within space bounds; space id {space} page number {no}",
    ),
    say(
        Kind::CopyOutside,
        "MySQL 5.7 and 8.0",
        "in the doublewrite buffer is not within space bounds: page {page}",
    ),
    say(
        Kind::CopyOutside,
        "MySQL 8.0.20 on",
        "stored in the doublewrite file is not within data file space bounds {*} bytes:  page : {page}",
    ),
    say(
        Kind::CopyOutside,
        "MariaDB 10.2 on",
        "A copy of page {no} in the doublewrite buffer slot {*} is beyond the end of {file} (",
    ),
    // A copy whose file is gone. buf0dblwr.cc 8.0.
    say(Kind::Orphan, "MySQL 8.0 on", "space: {space}, page_no:{no}} could not be restored."),
    // A home page that could not be read at all. buf0dblwr.cc 5.7 on; 10.2; 10.5 on.
    say(
        Kind::ReadFailed,
        "MariaDB 10.5 on",
        "Double write buffer recovery: {page} ('{file}') read failed with error:",
    ),
    say(
        Kind::ReadFailed,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Double write buffer recovery: {page} read failed with error:",
    ),
    say(Kind::ReadFailed, "MySQL 8.0.20 on", "Double write file recovery: {page} read failed with error:"),
    // A page failed its check when it was read. buf0buf.c to 5.5; buf0buf.cc 5.6; 5.7 to 9.7 (seen); 10.1; 10.2 to 10.4; 10.5 on.
    say(
        Kind::Corrupt,
        "MariaDB 10.5 on",
        "Database page corruption on disk or a failed read of file '{file}' page {page}",
    ),
    say(
        Kind::Corrupt,
        "MariaDB 10.1 to 10.4",
        "Database page corruption on disk or a failed file read of tablespace {file} page {page}",
    ),
    say(
        Kind::Corrupt,
        "MariaDB 10.1 to 10.4",
        "Database page corruption on disk or a failed file read of tablespace {file} page  {page}",
    ),
    say(
        Kind::Corrupt,
        "MySQL 5.7 on",
        "Database page corruption on disk or a failed file read of page {page}",
    ),
    say(
        Kind::Corrupt,
        "MySQL 5.6",
        "Database page corruption on disk or a failed file read of space {space} page {no}.",
    ),
    say(
        Kind::Corrupt,
        "MySQL 5.6 and older",
        "Database page corruption on disk or a failed file read of page {no}.",
    ),
    say(Kind::Corrupt, "MySQL 5.7 on", "Corrupt page resides in file: {file}, offset: {offset}, len: {len}"),
    say(Kind::Corrupt, "MySQL 5.7 on", "Unable to read page {page} into the buffer pool after"),
    say(
        Kind::Corrupt,
        "MySQL 5.6 and older",
        "Error: Unable to read tablespace {space} page no {no} into the buffer pool after",
    ),
    say(Kind::Corrupt, "MariaDB 10.6 on", "Failed to read page {no} from file '{file}':"),
    // "offset" is the page number in this one. fil0fil.cc 10.2 to 10.5.
    say(Kind::Corrupt, "MariaDB 10.2 to 10.5", "Failed to read file '{file}' at offset {no}:"),
    say(Kind::Corrupt, "MySQL and MariaDB, all", "Apparent corruption in space {space} page {no} of index"),
    // Encrypted or compressed pages. buf0buf.cc 10.2 to 11.8 (seen); fil0pagecompress.cc.
    say(
        Kind::Encrypted,
        "MariaDB 10.2 on",
        "Encrypted page {page} in file {file} looks corrupted; key_version=",
    ),
    say(Kind::Encrypted, "MariaDB 10.1 on", "The page {page} in file '{file}' cannot be decrypted"),
    say(
        Kind::Encrypted,
        "MariaDB 10.1 on",
        "Unable to decompress {file}[page id: space={space}, page number={no}]",
    ),
    // The redo log cannot be applied. log0recv.cc 10.2 to 11.8.
    say(
        Kind::RedoNotApplied,
        "MariaDB 10.6 on",
        "Unable to apply log to corrupted page {page} in file {file}",
    ),
    say(
        Kind::RedoNotApplied,
        "MariaDB 10.11 on",
        "Unable to apply log to corrupted page {no} in file {file}",
    ),
    say(Kind::RedoNotApplied, "MariaDB 10.6 on", "Cannot apply log to {page} of corrupted file '{file}'"),
    say(Kind::RedoNotApplied, "MariaDB 10.5 on", "Not applying {*} due to corruption on {page}"),
    say(Kind::RedoNotApplied, "MariaDB 10.8 on", "OPT_PAGE_CHECKSUM mismatch on {page}"),
    // A page says it is another one. buf0buf.c to 5.5; buf0buf.cc 5.6; 5.7 on (seen).
    say(
        Kind::Misdirected,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "stored in the page, read in are {*}, should be {page}",
    ),
    say(
        Kind::Misdirected,
        "MySQL 5.6, MariaDB 10.0 and 10.1",
        "page n:o stored in the page read in are {*}, should be {space}:{no}!",
    ),
    say(
        Kind::Misdirected,
        "MySQL 5.0 and older",
        "page n:o stored in the page read in is {*}, should be {no}!",
    ),
    // A page is newer than the redo log. buf0buf.c to 5.6; buf0buf.cc 5.7 on (seen).
    say(
        Kind::FutureLsn,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Page {page} log sequence number {*} is in the future!",
    ),
    say(Kind::FutureLsn, "MySQL 5.6 and older", "Error: page {no} log sequence number {*} is in the future!"),
    // Page 0 of a file. fil0fil.cc 10.6 on (seen); fsp0file.cc 5.7 on (seen); srv0start.cc 10.5 on; fil0fil.cc 5.6.
    say(Kind::FirstPage, "MariaDB 10.6 on", "The first page of file {file} is corrupted"),
    say(
        Kind::FirstPage,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Checksum mismatch in datafile: {file}, Space ID:{space}, Flags:",
    ),
    say(
        Kind::FirstPage,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Header page consists of zero bytes in datafile: {file}, Space ID:{space},",
    ),
    say(Kind::FirstPage, "MariaDB 10.5 on", "Checksum mismatch in the first page of file {file}"),
    say(Kind::FirstPage, "MySQL 5.6, MariaDB 10.0 and 10.1", "checksum mismatch in tablespace {file} (table"),
    say(
        Kind::FirstPage,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Datafile '{file}' is corrupted. Cannot determine the space ID",
    ),
    // fil0fil.cc and fsp0file.cc of MariaDB.
    say(Kind::FirstPage, "MariaDB 10.5 on", "Inconsistent tablespace ID in file {file}"),
    say(Kind::FirstPage, "MariaDB 10.5 on", "Inconsistent tablespace ID in {file}"),
    // Pages past the end of a file. fil0fil.c to 5.6; fil0fil.cc 5.7 on.
    say(
        Kind::OutsideFile,
        "MySQL 5.6 and older",
        "trying to access page number {no} in space {space}, space name {file}, which is outside the tablespace bounds.",
    ),
    say(
        Kind::OutsideFile,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Trying to access page number {no} in space {space}, space name {file}, which is outside the tablespace bounds.",
    ),
    // Tables that the server gave up. sql/handler.cc of MariaDB (seen); dict0dict.cc 5.7.
    say(Kind::TableLost, "MariaDB", "Table {file} is corrupted. Please drop the table and recreate"),
];

/// What a dump prints of the page's own header: the page number and, from 4.1 on, the space id stored in it.
/// `buf_page_print` (`buf0buf.c` 4.1 to 5.6, `buf0buf.cc` 5.7 on).
pub const DUMPED_IDENTITY: &[&str] = &[
    "Page number (if stored to page already) {no}, space id (if created with >= MySQL-4.1.1 and stored already) {space}",
    "page number (if stored to page already) {no}, space id (if created with >= MySQL-4.1.1 and stored already) {space}",
    "page number (if stored to page already) {no}; space id (if stored to page already) {space}",
];

/// Words without which no wording matches: most lines of a log are sorted out by them.
pub const KEYWORDS: &[&str] = &[
    "page",
    "Page",
    "corrupt",
    "future",
    "Tablespace",
    "tablespace",
    "mismatch",
    "bounds",
    "space id",
    "doublewrite",
    "Failed to read",
];
