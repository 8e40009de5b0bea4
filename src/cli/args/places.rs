//! What to look at, and where its parts lie.
#![allow(rustdoc::broken_intra_doc_links, reason = "help is printed as it stands, brackets included")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::Error;
use crate::instance::bundle::read::bundle_of;
use crate::instance::config::Config;
use crate::instance::request::Request;
use crate::units::PageSize;

/// Stands for a PATH that was left out; nobody can type it.
const OF_CONFIGURATION: &str = "\0datadir";

/// What to look at.
#[derive(Debug, Args)]
pub struct PathArgs {
    /// A data directory, one file of it, or a bundle of dblwr capture.
    ///
    /// One file: ibdata1, an .ibd, an undo tablespace, a doublewrite file; or a file in a bundle (BUNDLE/d/t1.ibd).
    /// With --defaults-file it may be left out: then the datadir of that file is looked at.
    #[arg(value_name = "PATH", required_unless_present = "defaults_file", default_value = OF_CONFIGURATION, hide_default_value = true)]
    pub path: PathBuf,
    /// Where everything lies that does not lie where a server's defaults put it.
    #[command(flatten)]
    pub places: PlacesArgs,
}

/// Where things lie.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where things lie")]
pub struct PlacesArgs {
    /// The server's configuration file, for all of these places.
    ///
    /// Read are its [mysqld], [server], [mariadb] and [mariadbd] groups; options given here win.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub defaults_file: Option<PathBuf>,
    /// The data directory (datadir).
    #[arg(long, hide_short_help = true, value_name = "DIR")]
    pub datadir: Option<PathBuf>,
    /// Directory of the system tablespace (innodb_data_home_dir).
    #[arg(long, hide_short_help = true, value_name = "DIR")]
    pub data_home_dir: Option<PathBuf>,
    /// Directory of the separate doublewrite files (innodb_doublewrite_dir).
    #[arg(long, hide_short_help = true, value_name = "DIR")]
    pub doublewrite_dir: Option<PathBuf>,
    /// Directory of the undo tablespaces (innodb_undo_directory).
    #[arg(long, hide_short_help = true, value_name = "DIR")]
    pub undo_dir: Option<PathBuf>,
    /// Directory of the redo files (innodb_log_group_home_dir).
    #[arg(long, hide_short_help = true, value_name = "DIR")]
    pub redo_dir: Option<PathBuf>,
    /// A further directory of tablespaces (innodb_directories); repeatable.
    #[arg(long = "directory", hide_short_help = true, value_name = "DIR")]
    pub directories: Vec<PathBuf>,
    /// Files of the system tablespace (innodb_data_file_path), e.g. ibdata1:12M;ibdata2:12M:autoextend.
    #[arg(long, hide_short_help = true, value_name = "SPEC")]
    pub data_file_path: Option<String>,
    /// The server's key file, for encrypted tablespaces: MySQL's component_keyring_file or keyring_file, MariaDB's
    /// file_key_management. Keys stay in memory and are never printed.
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// File with the pass phrase of an encrypted key file.
    #[arg(long, hide_short_help = true, value_name = "FILE", requires = "keyring")]
    pub keyring_password_file: Option<PathBuf>,
    /// Page size in bytes, overruling what the files say.
    #[arg(long, hide_short_help = true, value_name = "BYTES", value_parser = parse_page_size)]
    pub page_size: Option<PageSize>,
}

pub(super) fn parse_page_size(text: &str) -> Result<PageSize, String> {
    text.parse::<u32>()
        .ok()
        .and_then(PageSize::logical)
        .ok_or_else(|| "a page size is 4096, 8192, 16384, 32768 or 65536 bytes".to_owned())
}

impl PathArgs {
    /// A PATH that was left out is the data directory of the configuration.
    ///
    /// # Errors
    /// The configuration cannot be read or names none.
    pub fn fill_in(&mut self) -> anyhow::Result<()> {
        if self.path.as_os_str() != OF_CONFIGURATION {
            return Ok(());
        }
        let Some(file) = &self.places.defaults_file else { return Ok(()) };
        let named = self
            .places
            .datadir
            .clone()
            .map_or_else(|| Config::read(file).map(|config| config.datadir()), |dir| Ok(Some(dir)))?;
        self.path = named.ok_or_else(|| {
            Error::Refused(format!("{}: names no datadir; say which directory to look at", file.display()))
        })?;
        Ok(())
    }

    /// What is meant.
    ///
    /// # Errors
    /// The server's configuration cannot be read.
    pub fn request(&self) -> anyhow::Result<Request> {
        self.places.request(&self.path)
    }
}

impl PlacesArgs {
    /// Whether no option was given.
    pub fn are_default(&self) -> bool {
        let dirs =
            [&self.defaults_file, &self.datadir, &self.data_home_dir, &self.doublewrite_dir, &self.undo_dir];
        let others = [&self.redo_dir, &self.keyring, &self.keyring_password_file];
        dirs.iter().chain(&others).all(|dir| dir.is_none())
            && self.directories.is_empty()
            && self.data_file_path.is_none()
            && self.page_size.is_none()
    }

    /// The options as they were given.
    pub fn words(&self) -> Vec<OsString> {
        let paths = [
            ("--defaults-file", &self.defaults_file),
            ("--datadir", &self.datadir),
            ("--data-home-dir", &self.data_home_dir),
            ("--doublewrite-dir", &self.doublewrite_dir),
            ("--undo-dir", &self.undo_dir),
            ("--redo-dir", &self.redo_dir),
            ("--keyring", &self.keyring),
            ("--keyring-password-file", &self.keyring_password_file),
        ];
        let named = paths.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?)));
        let named = named.chain(self.directories.iter().map(|dir| ("--directory", dir.as_path())));
        let mut words: Vec<OsString> =
            named.flat_map(|(option, path)| [option.into(), path.as_os_str().to_owned()]).collect();
        for (option, value) in [
            ("--data-file-path", self.data_file_path.clone()),
            ("--page-size", self.page_size.map(|size| size.to_string())),
        ] {
            words.extend(value.into_iter().flat_map(|value| [option.into(), value.into()]));
        }
        words
    }

    /// What is meant by a path in these places.
    ///
    /// # Errors
    /// The server's configuration cannot be read.
    pub fn request(&self, path: &Path) -> anyhow::Result<Request> {
        self.refuse_missing(path)?;
        let mut request = Request {
            path: path.to_path_buf(),
            datadir: self.datadir.clone(),
            data_home_dir: self.data_home_dir.clone(),
            doublewrite_dir: self.doublewrite_dir.clone(),
            undo_dir: self.undo_dir.clone(),
            redo_dir: self.redo_dir.clone(),
            directories: self.directories.clone(),
            data_file_path: self.data_file_path.clone(),
            page_size: self.page_size,
            keyring: self.keyring.clone(),
            keyring_password_file: self.keyring_password_file.clone(),
            ..Request::default()
        };
        if let Some(file) = &self.defaults_file {
            Config::read(file)?.complete(&mut request);
        }
        Ok(request)
    }

    /// A directory that is named but not there would be an empty one: nothing found, and all well.
    fn refuse_missing(&self, path: &Path) -> crate::error::Result<()> {
        if bundle_of(path).is_some() {
            return Ok(());
        }
        let named = [
            ("--datadir", &self.datadir),
            ("--data-home-dir", &self.data_home_dir),
            ("--doublewrite-dir", &self.doublewrite_dir),
            ("--undo-dir", &self.undo_dir),
            ("--redo-dir", &self.redo_dir),
        ];
        let named = named.into_iter().filter_map(|(option, dir)| dir.as_deref().map(|dir| (option, dir)));
        for (option, dir) in named.chain(self.directories.iter().map(|dir| ("--directory", dir.as_path()))) {
            // Seen from here, or from the data directory as servers do; `#` is what MySQL puts before a doublewrite one.
            let above = self.datadir.as_deref().into_iter().chain(path.ancestors().take(3));
            let hashed = PathBuf::from(format!("#{}", dir.display()));
            let mut seen = above.flat_map(|above| [above.join(dir), above.join(&hashed)]);
            if !dir.is_dir() && !seen.any(|dir| dir.is_dir()) {
                let dir = dir.display();
                return Err(Error::Refused(format!(
                    "{dir}: {option} names no directory, neither from here nor from the data directory; name the one that is \
                     there, or leave the option out"
                )));
            }
        }
        Ok(())
    }
}
