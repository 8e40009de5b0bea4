//! Errors of InnoDB that are known and say nothing of pages and files, or only what the messages beside them say. They
//! count only at the beginning of a message, so that nothing unknown hides before one of them.

use super::{Wording, quiet};

/// The table.
pub const QUIET: &[Wording] = &[
    // What goes before or follows a message of the other tables.
    quiet("MySQL and MariaDB, all", "End of page dump"),
    quiet("MySQL and MariaDB, all", "Page dump in ascii and hex"),
    quiet("MySQL 5.7 on, MariaDB", "Dump of the page:"),
    quiet("MySQL and MariaDB, all", "Dump of corresponding page in doublewrite buffer"),
    quiet("MySQL and MariaDB, all", "You may have to recover from a backup"),
    quiet("MySQL and MariaDB, all", "You can try to recover the database with"),
    quiet("MySQL and MariaDB, all", "It is also possible that your operating"),
    quiet("MySQL and MariaDB, all", "Set innodb_force_recovery"),
    quiet("MariaDB 10.2 on", "Set innodb_ignore_missing_tablespaces"),
    quiet("MySQL 5.7, MariaDB 10.2 on", "Ignoring the redo log due to missing MLOG_CHECKPOINT"),
    quiet("MySQL and MariaDB, all", "The error means the system cannot find the path specified"),
    quiet("MySQL and MariaDB, all", "If you are installing InnoDB, remember that you must create"),
    quiet("MySQL and MariaDB, all", "Some operating system error numbers are described"),
    quiet("MySQL and MariaDB, all", "Cannot continue operation."),
    quiet("MySQL 5.7 on, MariaDB", "Retry attempts for reading partial data failed"),
    // It follows every page that is newer than the redo log, garbage among them: the page is the finding.
    quiet("MySQL and MariaDB, all", "Your database may be corrupt or you may have copied the InnoDB"),
    // Harmless. buf0dump.cc (seen): the list of pages to warm up with is not there, as after a crash.
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Cannot open '{*}ib_buffer_pool' for reading"),
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Error parsing '{*}ib_buffer_pool'"),
    // Statistics that are not there. dict0stats.cc, dict0dict.cc.
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Table \"mysql\".\"innodb_table_stats\" not found"),
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Error: Table \"mysql\".\"innodb_table_stats\" not found"),
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Table `mysql`.`innodb_table_stats` not found"),
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Table mysql.innodb_table_stats not found"),
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Error: Fetch of persistent statistics requested"),
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Fetch of persistent statistics requested"),
    quiet("MySQL 5.6 on, MariaDB 10.0 on", "Recalculation of persistent statistics requested"),
    // Of configuration and load, said while the server runs. log0log.cc, row0ins.cc.
    quiet("MySQL 5.6, MariaDB 10.0 and 10.1", "The total blob data length"),
    quiet("MySQL 5.7, MariaDB 10.2", "The age of the last checkpoint is"),
    quiet("MySQL 5.6 and older", "ERROR: the age of the last checkpoint is"),
];
