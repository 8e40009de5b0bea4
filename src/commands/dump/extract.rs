//! Writing pages out as files of their own: new files only, never in a data directory.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::instance::Instance;

/// A directory for extracted pages.
#[derive(Debug)]
pub struct OutDir {
    dir: PathBuf,
}

impl OutDir {
    /// Creates the directory if it is not there.
    ///
    /// # Errors
    /// It lies in one of the `forbidden` directories or in any data directory, or cannot be created.
    pub fn prepare(dir: &Path, forbidden: &[PathBuf]) -> Result<OutDir> {
        let real = resolve(dir)?;
        let holder = real.ancestors().find(|above| is_data_directory(above) || is_one_of(above, forbidden));
        if let Some(holder) = holder {
            return Err(Error::Refused(format!(
                "{}: lies in the data directory {}; nothing is ever written there: name a directory elsewhere",
                dir.display(),
                holder.display()
            )));
        }
        std::fs::create_dir_all(dir).map_err(Error::io(dir, "create"))?;
        Ok(OutDir { dir: dir.to_path_buf() })
    }

    /// Writes one new file; a file that exists already is never touched.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.dir.join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(Error::io(&path, "create"))?;
        file.write_all(bytes).map_err(Error::io(&path, "write"))?;
        Ok(path)
    }
}

/// Every directory that files of an instance lie in. Of an image that lies alone none counts: it may lie anywhere.
pub fn directories_of(instance: &Instance) -> Vec<PathBuf> {
    let places = &instance.locations;
    if !places.explore {
        return Vec::new();
    }
    let spaces = instance.spaces.list.iter().flat_map(|space| &space.files);
    [&places.root, &places.datadir, &places.data_home, &places.redo_dir]
        .into_iter()
        .chain(&places.doublewrite_dirs)
        .chain(&places.undo_dir)
        .chain(&places.directories)
        .cloned()
        .chain(spaces.filter_map(|file| file.path.parent().map(Path::to_path_buf)))
        .collect()
}

/// The last part of a path, fit for a file name.
pub fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| "image".to_owned(), |name| name.to_string_lossy().replace('/', "_"))
}

/// The path without links, as far as it exists already.
fn resolve(dir: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(dir).map_err(Error::io(dir, "look at"))?;
    let missing = |path: &Path| std::fs::symlink_metadata(path).is_err();
    let existing = absolute.ancestors().find(|path| !missing(path)).unwrap_or(Path::new("/"));
    let rest = absolute.strip_prefix(existing).unwrap_or(Path::new(""));
    if rest.components().any(|part| part == Component::ParentDir) {
        return Err(Error::Refused(format!("{}: name the directory without \"..\"", dir.display())));
    }
    Ok(existing.canonicalize().map_err(Error::io(dir, "look at"))?.join(rest))
}

fn is_one_of(dir: &Path, forbidden: &[PathBuf]) -> bool {
    forbidden.iter().any(|other| other.canonicalize().is_ok_and(|other| other == dir))
}

/// Redo files prove a data directory; a system tablespace does so beside other traces of a server.
fn is_data_directory(dir: &Path) -> bool {
    let has = |name: &str| dir.join(name).exists();
    has("ib_logfile0")
        || has("#innodb_redo")
        || has("ibdata1") && ["auto.cnf", "aria_log_control", "mysql", "mysql.ibd"].into_iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_new_and_never_in_a_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir_all(data.join("d")).unwrap();
        std::fs::write(data.join("ib_logfile0"), "").unwrap();
        std::os::unix::fs::symlink(data.join("d"), dir.path().join("link")).unwrap();
        for inside in [data.clone(), data.join("d"), data.join("new/deep"), dir.path().join("link/x")] {
            let error = OutDir::prepare(&inside, &[]).unwrap_err().to_string();
            assert!(error.contains("lies in the data directory"), "{error}");
            assert!(inside == data || inside == data.join("d") || !inside.exists());
        }
        let other = dir.path().join("other");
        std::fs::create_dir(&other).unwrap();
        assert!(OutDir::prepare(&other.join("x"), std::slice::from_ref(&other)).is_err());
        assert!(OutDir::prepare(&dir.path().join("new/../data/x"), &[]).is_err());

        let out = OutDir::prepare(&dir.path().join("new/deep"), &[other]).unwrap();
        let path = out.write("a.page", b"page").unwrap();
        let error = out.write("a.page", b"other").unwrap_err().to_string();
        assert!(error.contains("a.page: cannot create"), "{error}");
        assert_eq!(std::fs::read(path).unwrap(), b"page");
    }

    #[test]
    fn file_names_have_no_directories() {
        assert_eq!(name_of(Path::new("#innodb/#ib_16384_0.dblwr")), "#ib_16384_0.dblwr");
        assert_eq!(name_of(Path::new("..")), "image");
    }
}
