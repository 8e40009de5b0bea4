//! Wordings about pages, and about the files and tables that they make unusable.

use super::super::LogKind;
use super::{Wording, say};

/// The table.
pub const PAGES: &[Wording] = &[
    // The recovery pass over the doublewrite buffer finds the home page damaged.
    // trx0sys.c 4.0; trx0sys.c 4.1 to 5.5; buf0dblwr.cc 5.6 (seen), 5.7 and 8.0 (seen), 8.0.20 on (seen).
    say(LogKind::Torn, "MySQL 5.0 and older", "database page corruption or a failed file read of page {no}."),
    say(
        LogKind::Torn,
        "MySQL 5.1 to 5.6, MariaDB 5.5 and 10.0",
        "database page corruption or a failed file read of space {space} page {no}.",
    ),
    say(
        LogKind::Torn,
        "MySQL 5.7 on",
        "Database page corruption or a failed file read of page {page}. Trying to recover it from the",
    ),
    say(
        LogKind::Torn,
        "MariaDB 10.1",
        "Database page corruption or a failed file read of space {space} page {no}.",
    ),
    // buf0dblwr.cc 10.1 (late); 10.2 to 11.8 (seen).
    say(LogKind::Torn, "MariaDB 10.1", "Trying to recover page {space}:{no} from the doublewrite buffer."),
    say(LogKind::Torn, "MariaDB 10.2 on", "Trying to recover page {page} from the doublewrite buffer."),
    // The pass has written a copy home. buf0dblwr.cc 10.5 to 11.8 (seen); 5.7 to 9.7 (seen); 10.1; 5.6 and older (seen).
    say(
        LogKind::Recovered,
        "MariaDB 10.5 on",
        "Recovered page {page} to '{file}' from the doublewrite buffer.",
    ),
    say(
        LogKind::Recovered,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Recovered page {page} from the doublewrite buffer.",
    ),
    say(LogKind::Recovered, "MariaDB 10.1", "Recovered page {space}:{no} from the doublewrite buffer."),
    say(LogKind::Recovered, "MySQL 5.6 and older", "Recovered the page from the doublewrite buffer."),
    // Page 0 of a file from its copy. fsp0file.cc 5.7 to 9.7, 10.2 on; 5.7 (labs); fil0fil.cc 5.6.
    say(
        LogKind::Recovered,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Restoring page {page} of datafile '{file}' from the doublewrite",
    ),
    say(
        LogKind::Recovered,
        "MySQL 5.7 (early)",
        "Restoring page {no} of datafile '{file}' in tablespace {space} from",
    ),
    say(
        LogKind::Recovered,
        "MySQL 5.6",
        "Restoring page {no} of tablespace {space} from the doublewrite buffer.",
    ),
    // No copy of page 0. fsp0file.cc 5.7 to 9.7 (seen), 10.2 on (seen).
    say(
        LogKind::NoCopy,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Corrupted page {page} of datafile '{file}' could not be found in the",
    ),
    say(
        LogKind::NoCopy,
        "MySQL 5.7 (early)",
        "Corrupted page {no} of datafile '{file}' in tablespace {space} could not be",
    ),
    say(LogKind::NoCopy, "MySQL 5.6", "Doublewrite does not have page_no={no} of space: {space}"),
    say(
        LogKind::NoCopy,
        "MySQL 8.3 on",
        "Tablespace '{space}' mentioned in the redo log is corrupted in a way it is unrecoverable by double-write",
    ),
    // The copy is damaged too, and the server stops. buf0dblwr.cc: 5.6 and older; 5.7 on.
    say(LogKind::CopyCorrupt, "MySQL 5.6 and older", "Also the page in the doublewrite buffer is corrupt."),
    say(LogKind::CopyCorrupt, "MySQL 5.7 on", "The page in the doublewrite buffer is corrupt."),
    say(LogKind::CopyCorrupt, "MySQL 8.0.20 on", "The page in the doublewrite file is corrupt."),
    say(
        LogKind::CopyCorrupt,
        "MySQL 8.0.30 on",
        "Cannot recover from detect_only doublewrite buffer as page {*} from batch doublewrite file is corrupted.",
    ),
    // The copy is damaged, and the server looks for another one. buf0dblwr.cc 10.1 (late).
    say(LogKind::CopySkipped, "MariaDB 10.1", "A doublewrite copy of page {space}:{no} is corrupted."),
    say(
        LogKind::CopySkipped,
        "MariaDB 10.2 on",
        "Ignoring a doublewrite copy of page {page} due to invalid flags",
    ),
    // A copy newer than the end of the redo log. buf0dblwr.cc 10.2 to 11.8 (seen).
    say(
        LogKind::CopyTooNew,
        "MariaDB 10.2 on",
        "Ignoring a doublewrite copy of page {page} with future log sequence number",
    ),
    // DETECT_ONLY: the buffer names the page but holds no copy. messages_to_error_log.txt 8.0.30 to 9.7 (seen, MY-014048).
    say(
        LogKind::DetectOnly,
        "MySQL 8.0.30 on",
        "Database page corruption of tablespace {file} space_id: {space} page_num: {no}. Cannot recover it from the",
    ),
    say(
        LogKind::DetectOnly,
        "Facebook MySQL 5.6",
        "Cannot recover it from the doublewrite buffer because it was written in",
    ),
    // A copy that lies outside its tablespace. trx0sys.c 3.23 and 4.0; 4.1 to 5.6; buf0dblwr.cc 5.7; 8.0.20 on; 10.2; 10.5 on.
    say(
        LogKind::CopyOutside,
        "MySQL 4.0",
        "inconsistent page in the doublewrite buffer space id {space} page number {no}",
    ),
    say(
        LogKind::CopyOutside,
        "MySQL 4.1 to 5.6",
        "page in the doublewrite buffer is not within space bounds; space id {space} page number {no}",
    ),
    say(
        LogKind::CopyOutside,
        "MySQL 5.7 and 8.0",
        "in the doublewrite buffer is not within space bounds: page {page}",
    ),
    say(
        LogKind::CopyOutside,
        "MySQL 8.0.20 on",
        "stored in the doublewrite file is not within data file space bounds {*} bytes:  page : {page}",
    ),
    say(
        LogKind::CopyOutside,
        "MariaDB 10.2 on",
        "A copy of page {no} in the doublewrite buffer slot {*} is beyond the end of {file} (",
    ),
    // A copy whose file is gone. buf0dblwr.cc 8.0.
    say(LogKind::Orphan, "MySQL 8.0 on", "space: {space}, page_no:{no}} could not be restored."),
    // A home page that could not be read at all. buf0dblwr.cc 5.7 on; 10.2; 10.5 on.
    say(
        LogKind::ReadFailed,
        "MariaDB 10.5 on",
        "Double write buffer recovery: {page} ('{file}') read failed with error:",
    ),
    say(
        LogKind::ReadFailed,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Double write buffer recovery: {page} read failed with error:",
    ),
    say(LogKind::ReadFailed, "MySQL 8.0.20 on", "Double write file recovery: {page} read failed with error:"),
    // A page failed its check when it was read. buf0buf.c to 5.5; buf0buf.cc 5.6; 5.7 to 9.7 (seen); 10.1; 10.2 to 10.4; 10.5 on.
    say(
        LogKind::Corrupt,
        "MariaDB 10.5 on",
        "Database page corruption on disk or a failed read of file '{file}' page {page}",
    ),
    say(
        LogKind::Corrupt,
        "MariaDB 10.1 to 10.4",
        "Database page corruption on disk or a failed file read of tablespace {file} page {page}",
    ),
    say(
        LogKind::Corrupt,
        "MariaDB 10.1 to 10.4",
        "Database page corruption on disk or a failed file read of tablespace {file} page  {page}",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.7 on",
        "Database page corruption on disk or a failed file read of page {page}",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.6",
        "Database page corruption on disk or a failed file read of space {space} page {no}.",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.6 and older",
        "Database page corruption on disk or a failed file read of page {no}.",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.7 on",
        "Corrupt page resides in file: {file}, offset: {offset}, len: {len}",
    ),
    say(LogKind::Corrupt, "MySQL 5.7 on", "Unable to read page {page} into the buffer pool after"),
    say(
        LogKind::Corrupt,
        "MySQL 5.6 and older",
        "Error: Unable to read tablespace {space} page no {no} into the buffer pool after",
    ),
    say(LogKind::Corrupt, "MariaDB 10.6 on", "Failed to read page {no} from file '{file}':"),
    // "offset" is the page number in this one. fil0fil.cc 10.2 to 10.5.
    say(LogKind::Corrupt, "MariaDB 10.2 to 10.5", "Failed to read file '{file}' at offset {no}:"),
    say(
        LogKind::Corrupt,
        "MySQL and MariaDB, all",
        "Apparent corruption in space {space} page {no} of index",
    ),
    // buf0buf.c 5.1 plugin and 5.5; buf0buf.cc 5.6; 5.7 on, MariaDB 10.2 on. buf0buf.cc 10.2 to 10.4 (seen). page0zip.cc.
    say(
        LogKind::Corrupt,
        "MySQL 5.6",
        "ompressed page checksum mismatch (space {space} page {no}): stored: {n}, crc32: {m}",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.5 and older",
        "ompressed page checksum mismatch (space {space} page {no}): {n} != {m}",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "ompressed page checksum mismatch for {page}: stored: {n}, crc32: {m}",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "ompressed page checksum mismatch {page}: stored: {n}, crc32: {m}",
    ),
    say(LogKind::Corrupt, "MySQL 8.0 on", "Page {no} in tablespace {space} zip_decompress failure."),
    say(
        LogKind::Corrupt,
        "MySQL 8.0.30 on",
        "Found page type mismatch. Expected {n}, found {m}, in page: space_id={space} page_no= {no}",
    ),
    say(
        LogKind::Corrupt,
        "MySQL 5.7 on",
        "Corruption of an index tree: table {file} index {other}, father ptr page no",
    ),
    say(LogKind::IndexDamaged, "MySQL 5.6 and older", "Page directory corruption: {*} not pointed to"),
    say(
        LogKind::IndexDamaged,
        "MySQL and MariaDB, all",
        "We detected index corruption in an InnoDB type table.",
    ),
    say(LogKind::IndexDamaged, "MySQL 5.7 on", "Flagged corruption of {*} in table {file} in"),
    say(LogKind::IndexDamaged, "MySQL 8.0 on", "Flagged corruption of {file}"),
    say(
        LogKind::IndexDamaged,
        "MySQL and MariaDB, all",
        "Index for table '{file}' is corrupt; try to repair it",
    ),
    say(
        LogKind::IndexDamaged,
        "MySQL 5.6 and older",
        "Error: corruption in the tablespace. Bitmap shows insert",
    ),
    say(
        LogKind::IndexDamaged,
        "MySQL 5.7 on",
        "Corruption in the tablespace. Bitmap shows insert buffer records to page",
    ),
    say(LogKind::IndexDamaged, "MySQL 5.7 on", "The tablespace free space info is corrupt."),
    // Encrypted or compressed pages. buf0buf.cc 10.2 to 11.8 (seen); fil0pagecompress.cc.
    say(
        LogKind::Encrypted,
        "MariaDB 10.2 on",
        "Encrypted page {page} in file {file} looks corrupted; key_version=",
    ),
    say(LogKind::Encrypted, "MariaDB 10.1 on", "The page {page} in file '{file}' cannot be decrypted"),
    say(
        LogKind::Encrypted,
        "MariaDB 10.1 on",
        "Unable to decompress {file}[page id: space={space}, page number={no}]",
    ),
    // fil0pagecompress.cc 10.1 and 10.2 (seen), with or without what the page says it is.
    say(
        LogKind::Encrypted,
        "MariaDB 10.1 and 10.2",
        "Page is marked as compressed but uncompress failed with error",
    ),
    say(LogKind::Encrypted, "MariaDB 10.1 and 10.2", "but uncompress failed with error"),
    say(LogKind::Encrypted, "MariaDB 10.1 to 10.4", "Encrypted page {page} in file {file} looks corrupted;"),
    say(LogKind::Encrypted, "MariaDB 10.1", "Block in space_id {space} in file {file} encrypted."),
    say(
        LogKind::Encrypted,
        "MariaDB 10.1",
        "Page {no} in space {file} ({space}) maybe corrupted. Post encryption checksum",
    ),
    say(
        LogKind::Encrypted,
        "MariaDB 10.1 on",
        "Page {page} in {file} may be corrupted. Post encryption checksum",
    ),
    // The redo log cannot be applied. log0recv.cc 10.2 to 11.8.
    say(
        LogKind::RedoNotApplied,
        "MariaDB 10.6 on",
        "Unable to apply log to corrupted page {page} in file {file}",
    ),
    say(
        LogKind::RedoNotApplied,
        "MariaDB 10.11 on",
        "Unable to apply log to corrupted page {no} in file {file}",
    ),
    say(LogKind::RedoNotApplied, "MariaDB 10.6 on", "Cannot apply log to {page} of corrupted file '{file}'"),
    say(LogKind::RedoNotApplied, "MariaDB 10.5 on", "Not applying {*} due to corruption on {page}"),
    say(LogKind::RedoNotApplied, "MariaDB 10.8 on", "OPT_PAGE_CHECKSUM mismatch on {page}"),
    // A page says it is another one. buf0buf.c to 5.5; buf0buf.cc 5.6; 5.7 on (seen).
    say(
        LogKind::Misdirected,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "stored in the page, read in are {found}, should be {page}",
    ),
    say(
        LogKind::Misdirected,
        "MySQL 5.6, MariaDB 10.0 and 10.1",
        "page n:o stored in the page read in are {found}, should be {space}:{no}!",
    ),
    say(
        LogKind::Misdirected,
        "MySQL 5.0 and older",
        "page n:o stored in the page read in is {found}, should be {no}!",
    ),
    // A page is newer than the redo log. buf0buf.c to 5.6; buf0buf.cc 5.7 on (seen).
    say(
        LogKind::FutureLsn,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Page {page} log sequence number {lsn} is in the future!",
    ),
    say(
        LogKind::FutureLsn,
        "MySQL 5.6 and older",
        "Error: page {no} log sequence number {lsn} is in the future!",
    ),
    // MariaDB 10.1 on: a page that log records are read for. log0recv.cc; buf0rea.cc.
    say(LogKind::FutureLsn, "MariaDB 10.6 on", "LSN of page {page} is in the future"),
    // Page 0 of a file. fil0fil.cc 10.6 on (seen); fsp0file.cc 5.7 on (seen); srv0start.cc 10.5 on; fil0fil.cc 5.6.
    say(LogKind::FirstPage, "MariaDB 10.6 on", "The first page of file {file} is corrupted"),
    say(
        LogKind::FirstPage,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Checksum mismatch in datafile: {file}, Space ID:{space}, Flags:",
    ),
    say(
        LogKind::FirstPage,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Header page consists of zero bytes in datafile: {file}, Space ID:{space},",
    ),
    say(LogKind::FirstPage, "MariaDB 10.5 on", "Checksum mismatch in the first page of file {file}"),
    say(
        LogKind::FirstPage,
        "MySQL 5.6, MariaDB 10.0 and 10.1",
        "checksum mismatch in tablespace {file} (table",
    ),
    say(
        LogKind::FirstPage,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Datafile '{file}' is corrupted. Cannot determine the space ID",
    ),
    // fsp0file.cc 5.7 on, MariaDB 10.2 on. fil0fil.c 5.5 (seen: the next message follows without a line end).
    say(
        LogKind::FirstPage,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Header page contains inconsistent data in datafile: {file}, Space ID:{space},",
    ),
    say(LogKind::FirstPage, "MySQL 5.5", "checksum mismatch in file {file}"),
    say(LogKind::FirstPage, "MySQL 5.5", "checksum mismatch in data file {file}"),
    say(LogKind::FirstPage, "MariaDB 10.5 on", "Corrupted first page of file {file}"),
    // fil0fil.cc and fsp0file.cc of MariaDB.
    say(LogKind::FirstPage, "MariaDB 10.5 on", "Inconsistent tablespace ID in file {file}"),
    say(LogKind::FirstPage, "MariaDB 10.5 on", "Inconsistent tablespace ID in {file}"),
    // Pages past the end of a file. fil0fil.c to 5.6; fil0fil.cc 5.7 on.
    say(
        LogKind::OutsideFile,
        "MySQL 5.6 and older",
        "trying to access page number {no} in space {space}, space name {file}, which is outside the tablespace bounds.",
    ),
    say(
        LogKind::OutsideFile,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Trying to access page number {no} in space {space}, space name {file}, which is outside the tablespace bounds.",
    ),
    say(
        LogKind::OutsideFile,
        "MySQL 5.7 on, MariaDB 10.2 on",
        "Trying to access page number {no} in space {space} space name {file}, which is outside the tablespace bounds.",
    ),
    // Tables that the server gave up. sql/handler.cc of MariaDB (seen); dict0dict.cc 5.7.
    say(LogKind::TableLost, "MariaDB", "Table {file} is corrupted. Please drop the table and recreate"),
    say(LogKind::TableLost, "MySQL 5.7 on", "Ignoring tablespace `{file}` because it could not be opened."),
    say(
        LogKind::TableLost,
        "MariaDB 10.2 on",
        "Ignoring tablespace for {file} because it could not be opened.",
    ),
    say(LogKind::TableLost, "MySQL 5.6", "Could not find a valid tablespace file for '{file}'."),
    say(LogKind::TableLost, "MySQL 5.7 on", "Could not find a valid tablespace file for {file}"),
    say(
        LogKind::TableLost,
        "MariaDB 10.1",
        "Table {file} in file {other} is encrypted but encryption service",
    ),
    say(
        LogKind::TableLost,
        "MariaDB 10.1 on",
        "Table {file} is corrupted. Please drop the table and recreate",
    ),
    say(
        LogKind::TableLost,
        "MySQL 5.7 on",
        "Cannot open table {file} from the internal data dictionary of InnoDB though",
    ),
    // What clients are told, and some servers log. sql/handler.cc.
    say(LogKind::TableLost, "MySQL and MariaDB, all", "Table '{file}' doesn't exist in engine"),
];
