//! Where an instance keeps its files: what was asked for, completed by the servers' defaults.

use crate::instance::bundle::open;
use crate::instance::request::Request;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::instance::bundle::unpack::Bundle;
use crate::units::PageSize;

/// What `path` turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Focus {
    /// A data directory.
    Directory,
    /// The first file of the system tablespace.
    System(PathBuf),
    /// Another tablespace: only its pages are of interest.
    Tablespace(PathBuf),
    /// A doublewrite file: only its slots are of interest.
    Doublewrite(PathBuf),
}

impl Focus {
    /// The same file as a walk of `datadir` names it: `d/t1.ibd`, typed inside the directory, is found as
    /// `d/../d/t1.ibd`, and files are told apart by their paths.
    fn spelled_from(self, datadir: &Path) -> Focus {
        let spelled = |file: PathBuf| found_below(datadir, &file).unwrap_or(file);
        match self {
            Focus::Directory => Focus::Directory,
            Focus::System(file) => Focus::System(spelled(file)),
            Focus::Tablespace(file) => Focus::Tablespace(spelled(file)),
            Focus::Doublewrite(file) => Focus::Doublewrite(spelled(file)),
        }
    }
}

/// One entry of `innodb_data_file_path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// As written; relative names belong to the data home directory.
    pub path: PathBuf,
    /// Configured size in bytes; the last file may be larger by autoextend.
    pub size: u64,
}

/// The resolved places.
#[derive(Debug, Clone)]
pub struct Locations {
    /// What paths in the output are relative to.
    pub root: PathBuf,
    /// What was named.
    pub focus: Focus,
    /// `datadir`.
    pub datadir: PathBuf,
    /// Where the system tablespace lies.
    pub data_home: PathBuf,
    /// Where doublewrite files may lie, the likeliest first.
    pub doublewrite_dirs: Vec<PathBuf>,
    /// Where undo tablespaces may lie besides `datadir`.
    pub undo_dir: Option<PathBuf>,
    /// Where the redo files lie.
    pub redo_dir: PathBuf,
    /// Whether the caller said where that is; else it is the servers' default.
    pub redo_told: bool,
    /// Further places of tablespaces.
    pub directories: Vec<PathBuf>,
    /// The system tablespace as configured; `None`: by name.
    pub data_files: Option<Vec<DataFile>>,
    /// Percona's parallel doublewrite file, if named.
    pub parallel_doublewrite: Option<PathBuf>,
    /// Overrules what the files say.
    pub page_size: Option<PageSize>,
    /// Whether the server's configuration switches doublewrite off for the next start.
    pub doublewrite_off: bool,
    /// Whether the server's configuration has undo tablespaces encrypted at the next start.
    pub undo_log_encrypt: bool,
    /// Whether `datadir` is searched for tablespaces: an image that lies alone is judged alone.
    pub explore: bool,
    /// The bundle that was named, unpacked: its files are there as long as this is.
    pub bundle: Option<Arc<Bundle>>,
}

impl Locations {
    /// Completes a request by the servers' defaults.
    ///
    /// # Errors
    /// The path does not exist or cannot be examined, `data_file_path` is not in the server's syntax, or the path is a
    /// bundle that is cut or altered.
    pub fn resolve(request: &Request) -> Result<Locations> {
        Locations::of_files(&open::open(request)?)
    }

    fn of_files(request: &Request) -> Result<Locations> {
        let path = &request.path;
        let metadata = std::fs::metadata(path).map_err(Error::io(path, "look at"))?;
        let path = &linked_from_nowhere(path).unwrap_or_else(|| path.clone());
        let focus = if metadata.is_dir() { Focus::Directory } else { focus_of_file(path) };
        let root = match &focus {
            Focus::Directory => path.clone(),
            Focus::Tablespace(file) => tablespace_context(file),
            Focus::System(file) | Focus::Doublewrite(file) => parent_of(file),
        };
        let datadir = request.datadir.clone().unwrap_or_else(|| root.clone());
        let focus = focus.spelled_from(&datadir);
        let explore = focus == Focus::Directory || request.datadir.is_some() || has_redo_files(&datadir);
        // Servers see relative directories from datadir; somebody at a prompt may have seen them from where he stands.
        let within = |dir: &Path| match datadir.join(dir) {
            seen if !seen.exists() && dir.exists() => dir.to_path_buf(),
            seen => seen,
        };
        let data_home = request.data_home_dir.as_deref().map_or_else(|| datadir.clone(), within);
        let mut doublewrite_dirs: Vec<PathBuf> = request
            .doublewrite_dir
            .iter()
            .flat_map(|dir| doublewrite_dir_candidates(&datadir, dir))
            .collect();
        doublewrite_dirs.extend([datadir.clone(), data_home.clone()]);
        if let Focus::Doublewrite(file) = &focus {
            doublewrite_dirs.push(parent_of(file));
        }
        doublewrite_dirs.dedup();
        Ok(Locations {
            root,
            data_home: data_home.clone(),
            doublewrite_dirs,
            undo_dir: request.undo_dir.as_deref().map(within),
            redo_told: request.redo_dir.is_some(),
            redo_dir: request.redo_dir.as_deref().map_or_else(|| datadir.clone(), |dir| hashed(within(dir))),
            directories: request.directories.iter().map(|dir| within(dir)).collect(),
            data_files: request.data_file_path.as_deref().map(parse_data_file_path).transpose()?,
            parallel_doublewrite: request.parallel_doublewrite_path.as_deref().map(|p| data_home.join(p)),
            page_size: request.page_size,
            doublewrite_off: request.doublewrite_off,
            undo_log_encrypt: request.undo_log_encrypt,
            explore,
            bundle: request.bundle.clone(),
            datadir,
            focus,
        })
    }

    /// A path as it is printed: relative to the root where it lies below it.
    pub fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_path_buf()
    }
}

/// `#innodb_redo` is often typed without the `#` that MySQL puts before the name.
fn hashed(dir: PathBuf) -> PathBuf {
    let name = dir.file_name().map(|name| format!("#{}", name.to_string_lossy()));
    let other = name.map(|name| dir.with_file_name(name)).filter(|other| !dir.exists() && other.is_dir());
    other.unwrap_or(dir)
}

/// An image beside redo files lies in its data directory; one without is a copy that somebody put somewhere.
fn has_redo_files(dir: &Path) -> bool {
    dir.join("ib_logfile0").exists() || dir.join("#innodb_redo").is_dir()
}

fn found_below(datadir: &Path, file: &Path) -> Option<PathBuf> {
    if file.starts_with(datadir) {
        return None;
    }
    let (dir, above) = (parent_of(file).canonicalize().ok()?, datadir.canonicalize().ok()?);
    Some(datadir.join(dir.strip_prefix(above).ok()?).join(file.file_name()?))
}

/// A link to one file, kept outside of any data directory, stands for the file where it lies; one in a data directory,
/// as tables on other disks have them, belongs there.
fn linked_from_nowhere(path: &Path) -> Option<PathBuf> {
    let in_a_directory =
        |file: &Path| [parent_of(file), tablespace_context(file)].iter().any(|dir| has_redo_files(dir));
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink()) && path.is_file();
    let target = if is_link { path.canonicalize().ok()? } else { return None };
    (!in_a_directory(path) && in_a_directory(&target)).then_some(target)
}

fn parent_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The data directory above an `.ibd` is its grandparent where a system tablespace lies there, else its parent.
fn tablespace_context(file: &Path) -> PathBuf {
    let parent = parent_of(file);
    let above = parent.join("..");
    let grandparent = match parent.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_path_buf(),
        _ => above,
    };
    if !parent.join("ibdata1").exists() && grandparent.join("ibdata1").exists() {
        grandparent
    } else {
        parent
    }
}

fn focus_of_file(path: &Path) -> Focus {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "dblwr" | "bdblwr" => return Focus::Doublewrite(path.to_path_buf()),
        "ibd" | "ibu" => return Focus::Tablespace(path.to_path_buf()),
        _ => {}
    }
    if name == "xb_doublewrite" {
        Focus::Doublewrite(path.to_path_buf())
    } else if crate::instance::file_names::is_undo_name(&name)
        || crate::instance::identify::claims_user_space(path)
    {
        Focus::Tablespace(path.to_path_buf())
    } else {
        Focus::System(path.to_path_buf())
    }
}

/// MySQL takes the option as it is when it begins with `#`, `.` or is absolute, and else puts `#` in front
/// (`ha_innodb.cc` 8.0.20 to 9.7); somebody at a prompt may have typed the real name.
fn doublewrite_dir_candidates(datadir: &Path, dir: &Path) -> Vec<PathBuf> {
    let text = dir.to_string_lossy();
    let mut candidates = vec![dir.to_path_buf(), datadir.join(dir)];
    if !text.starts_with(['#', '.', '/']) {
        candidates.push(datadir.join(format!("#{text}")));
    }
    candidates.retain(|candidate| candidate.is_dir());
    candidates.dedup();
    candidates.truncate(1);
    candidates
}

/// Parses `innodb_data_file_path`: `name:size[K|M|G][:autoextend[:max:size]];...`, with `newraw` or `raw` behind a
/// size (`SysTablespace::parse_params`, `fsp0sysspace.cc` 5.7).
///
/// # Errors
/// An entry without a name or with a size that is no number.
pub fn parse_data_file_path(spec: &str) -> Result<Vec<DataFile>> {
    spec.split(';').map(str::trim).filter(|entry| !entry.is_empty()).map(parse_data_file).collect()
}

fn parse_data_file(entry: &str) -> Result<DataFile> {
    let refuse = || {
        Error::Refused(format!(
            "innodb_data_file_path: {entry:?} is not NAME:SIZE[K|M|G][:autoextend[:max:SIZE]]; give it as the server's \
             configuration has it"
        ))
    };
    let (name, rest) = entry.split_once(':').ok_or_else(refuse)?;
    let size = rest.split(':').next().unwrap_or_default();
    let size = size.strip_suffix("newraw").or_else(|| size.strip_suffix("raw")).unwrap_or(size);
    if name.is_empty() {
        return Err(refuse());
    }
    Ok(DataFile { path: PathBuf::from(name), size: parse_size(size).ok_or_else(refuse)? })
}

fn parse_size(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        'k' | 'K' => 1 << 10,
        'm' | 'M' => 1 << 20,
        'g' | 'G' => 1 << 30,
        _ => 1,
    };
    text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']).parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_file_path_is_read_as_the_server_reads_it() {
        let files =
            parse_data_file_path("ibdata1:12M;/raw/sdb1:3Gnewraw;ibdata3:10M:autoextend:max:1G").unwrap();
        let sizes: Vec<_> = files.iter().map(|f| (f.path.to_str().unwrap(), f.size)).collect();
        assert_eq!(sizes, [("ibdata1", 12 << 20), ("/raw/sdb1", 3 << 30), ("ibdata3", 10 << 20)]);
        for bad in ["ibdata1", ":12M", "a:x", "a:99999999999999999999G"] {
            assert!(parse_data_file_path(bad).is_err(), "{bad}");
        }
    }
}
