//! What the caller wants looked at, before the servers' defaults complete it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::instance::bundle::unpack::Bundle;
use crate::instance::note::InstanceNote;
use crate::units::PageSize;

/// What the caller wants looked at. Directories that are `None` take the server's default.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// A data directory or one tablespace image or doublewrite file.
    pub path: PathBuf,
    /// `datadir`.
    pub datadir: Option<PathBuf>,
    /// `innodb_data_home_dir`.
    pub data_home_dir: Option<PathBuf>,
    /// `innodb_doublewrite_dir`.
    pub doublewrite_dir: Option<PathBuf>,
    /// `innodb_undo_directory`.
    pub undo_dir: Option<PathBuf>,
    /// `innodb_log_group_home_dir`, or the `#innodb_redo` directory itself.
    pub redo_dir: Option<PathBuf>,
    /// `innodb_directories`: further places of tablespaces.
    pub directories: Vec<PathBuf>,
    /// `innodb_data_file_path`.
    pub data_file_path: Option<String>,
    /// Percona's `innodb_parallel_doublewrite_path`.
    pub parallel_doublewrite_path: Option<PathBuf>,
    /// Overrules what the files say.
    pub page_size: Option<PageSize>,
    /// Key file of the server, for encrypted tablespaces.
    pub keyring: Option<PathBuf>,
    /// File with the pass phrase of an encrypted key file.
    pub keyring_password_file: Option<PathBuf>,
    /// Whether the server's configuration says that doublewrite is off at the next start.
    pub doublewrite_off: bool,
    /// Whether the server's configuration has undo tablespaces encrypted at the next start.
    pub undo_log_encrypt: bool,
    /// What the configuration could not say.
    pub remarks: Vec<InstanceNote>,
    /// The bundle that the other paths lead into, unpacked; [`crate::instance::bundle::open::open`] sets it.
    pub bundle: Option<Arc<Bundle>>,
}
