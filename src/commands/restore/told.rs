//! Where parts of an instance lie that its own files do not name: what a restore was told, and its journal remembers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::instance::Instance;
use crate::instance::locations::{DataFile, Locations};
use crate::instance::request::Request;

/// What was said of the places when a plan was made. Directories below the root are relative to it, all others absolute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// `datadir`, where that is not the root.
    pub datadir: Option<PathBuf>,
    /// `innodb_data_home_dir`, where that is not `datadir`.
    pub data_home_dir: Option<PathBuf>,
    /// `innodb_undo_directory`.
    pub undo_dir: Option<PathBuf>,
    /// `innodb_doublewrite_dir`, where that is neither `datadir` nor the data home.
    pub doublewrite_dir: Option<PathBuf>,
    /// `innodb_directories`.
    pub directories: Vec<PathBuf>,
    /// `innodb_data_file_path`, in the server's syntax.
    pub data_file_path: Option<String>,
}

impl Told {
    /// What these places say beyond the servers' defaults.
    pub fn of(places: &Locations) -> Told {
        let root = absolute(&places.root);
        let kept = |dir: &Path| {
            let dir = absolute(dir);
            dir.strip_prefix(&root).map(Path::to_path_buf).unwrap_or(dir)
        };
        let other = |dir: &Path, defaults: &[&Path]| (!defaults.contains(&dir)).then(|| kept(dir));
        let (datadir, home) = (places.datadir.as_path(), places.data_home.as_path());
        Told {
            datadir: other(datadir, &[&places.root]),
            data_home_dir: other(home, &[datadir]),
            undo_dir: places.undo_dir.as_deref().map(kept),
            doublewrite_dir: places.doublewrite_dirs.first().and_then(|dir| other(dir, &[datadir, home])),
            directories: places.directories.iter().map(|dir| kept(dir)).collect(),
            data_file_path: places.data_files.as_deref().map(spec),
        }
    }

    /// Fills in what a request leaves open.
    pub fn complete(&self, root: &Path, request: &mut Request) {
        let fill = |place: &mut Option<PathBuf>, told: &Option<PathBuf>| {
            if place.is_none() {
                *place = told.as_deref().map(|dir| root.join(dir));
            }
        };
        fill(&mut request.datadir, &self.datadir);
        fill(&mut request.data_home_dir, &self.data_home_dir);
        fill(&mut request.undo_dir, &self.undo_dir);
        fill(&mut request.doublewrite_dir, &self.doublewrite_dir);
        if request.directories.is_empty() {
            request.directories = self.directories.iter().map(|dir| root.join(dir)).collect();
        }
        if request.data_file_path.is_none() {
            request.data_file_path.clone_from(&self.data_file_path);
        }
    }
}

/// Every data file of the instance that a request means, wherever it lies, also those of which nothing is known.
pub fn files_of(request: &Request) -> BTreeSet<PathBuf> {
    let Ok(instance) = Instance::open(request).or_else(|_| Instance::bare(request)) else {
        return BTreeSet::new();
    };
    let spaces = instance.spaces.list.iter().flat_map(|space| &space.files).map(|file| &file.path);
    let others = instance.spaces.unidentified.iter().map(|file| &file.path);
    let areas = instance.areas.iter().flat_map(|area| &area.runs).map(|run| &run.path);
    spaces.chain(others).chain(areas).map(|path| absolute(path)).collect()
}

fn spec(files: &[DataFile]) -> String {
    let entries = files.iter().map(|file| format!("{}:{}", file.path.display(), file.size));
    entries.collect::<Vec<_>>().join(";")
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_leads_to_the_same_places() {
        let root = tempfile::tempdir().unwrap();
        let away = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("undo")).unwrap();
        let request = Request {
            path: root.path().to_path_buf(),
            data_home_dir: Some(away.path().to_path_buf()),
            undo_dir: Some("undo".into()),
            directories: vec![away.path().join("more")],
            data_file_path: Some("one:12M;/raw/two:1G".into()),
            ..Request::default()
        };
        let before = Locations::resolve(&request).unwrap();
        let told = Told::of(&before);
        assert_eq!(told.undo_dir.as_deref(), Some(Path::new("undo")));
        let mut again = Request { path: root.path().to_path_buf(), ..Request::default() };
        told.complete(root.path(), &mut again);
        let after = Locations::resolve(&again).unwrap();
        assert_eq!((&after.data_home, &after.undo_dir), (&before.data_home, &before.undo_dir));
        assert_eq!((&after.directories, &after.data_files), (&before.directories, &before.data_files));
        // What is said now counts.
        let mut now = Request { data_home_dir: Some("/now".into()), ..Request::default() };
        told.complete(root.path(), &mut now);
        assert_eq!(now.data_home_dir.as_deref(), Some(Path::new("/now")));
    }
}
