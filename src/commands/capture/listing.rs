//! Listing what lies below the captured directories. No link is ever followed; one that leads to something captured is
//! kept as an alias, one that leads out is kept as text.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::commands::capture::note::CaptureNote;
use crate::disk::small;
use crate::instance::bundle::{DATA_DIR, FileEntry, LinkTarget, OUTSIDE_DIR, StoredRequest, StoredRoot};
use crate::instance::discover::MAX_ISL;
use crate::instance::locations::Focus;
use crate::instance::locations::Locations;
use crate::instance::request::Request;

/// Data directories are two levels deep; a deeper tree is not one.
const MAX_DEPTH: usize = 16;
/// Where a directory that does not exist lies in a bundle.
const NOWHERE: &str = "outside/missing";

/// A directory that is captured, or of which single files are.
struct Root {
    /// Without links.
    dir: PathBuf,
    stored: PathBuf,
    whole: bool,
}

/// Everything that is listed in a bundle, by its path there.
#[derive(Default)]
pub(crate) struct Listing {
    pub directories: Vec<PathBuf>,
    /// With the path to open, which has no link in it.
    pub files: BTreeMap<PathBuf, FileEntry>,
    pub links: Vec<(PathBuf, LinkTarget)>,
    pub notes: Vec<CaptureNote>,
    roots: Vec<Root>,
}

impl Listing {
    /// Lists what a request names.
    pub fn of(request: &Request, locations: &Locations) -> Listing {
        let mut listing = Listing::default();
        listing.add_roots(request, locations);
        for at in 0..listing.roots.len() {
            let Some(root) = listing.roots.get(at) else { continue };
            let (dir, stored, whole) = (root.dir.clone(), root.stored.clone(), root.whole);
            listing.directories.push(stored.clone());
            if whole {
                listing.directory(&dir, &stored, 0);
            }
        }
        listing.single_files(locations);
        listing
    }

    fn add_roots(&mut self, request: &Request, locations: &Locations) {
        let here = canonical(&locations.root);
        let whole = locations.focus == Focus::Directory
            || (locations.explore && canonical(&locations.datadir) == here);
        self.roots.push(Root { dir: here, stored: PathBuf::from(DATA_DIR), whole });
        let named = [
            request.datadir.as_ref().map(|_| &locations.datadir),
            request.data_home_dir.as_ref().map(|_| &locations.data_home),
            request.doublewrite_dir.as_ref().and_then(|_| locations.doublewrite_dirs.first()),
            locations.undo_dir.as_ref(),
            request.redo_dir.as_ref().map(|_| &locations.redo_dir),
        ];
        for dir in named.into_iter().flatten().chain(&locations.directories).filter(|dir| dir.is_dir()) {
            self.add_root(dir, true);
        }
        let single = locations.data_files.iter().flatten().map(|file| locations.data_home.join(&file.path));
        for file in single.chain(locations.parallel_doublewrite.clone()) {
            if let Some(parent) = canonical(&file).parent().filter(|_| self.stored(&file).is_none()) {
                self.add_root(parent, false);
            }
        }
    }

    fn add_root(&mut self, dir: &Path, whole: bool) {
        let dir = canonical(dir);
        if self.roots.iter().any(|root| dir.starts_with(&root.dir) && (root.whole || !whole)) {
            return;
        }
        let stored = PathBuf::from(OUTSIDE_DIR).join(self.roots.len().to_string());
        self.roots.push(Root { dir, stored, whole });
    }

    /// Files of directories that are not captured whole.
    fn single_files(&mut self, locations: &Locations) {
        let focus = match &locations.focus {
            Focus::Directory => None,
            Focus::System(file) | Focus::Tablespace(file) | Focus::Doublewrite(file) => Some(file.clone()),
        };
        // Whether a system tablespace lies beside an image says what the image's directory is.
        let beside = locations.root.join("ibdata1");
        let configured =
            locations.data_files.iter().flatten().map(|file| locations.data_home.join(&file.path));
        for file in
            focus.into_iter().chain([beside]).chain(configured).chain(locations.parallel_doublewrite.clone())
        {
            let Some(stored) = self.stored(&file) else { continue };
            if let Ok(metadata) = std::fs::symlink_metadata(canonical(&file)) {
                self.file(&metadata, &stored);
            }
        }
    }

    /// Where a path of the host lies in the bundle.
    pub fn stored(&self, path: &Path) -> Option<PathBuf> {
        let path = path.canonicalize().ok()?;
        let below = |root: &&Root| path.starts_with(&root.dir);
        let root = self.roots.iter().filter(below).max_by_key(|root| root.dir.components().count())?;
        let rest = path.strip_prefix(&root.dir).ok()?;
        Some(if rest.as_os_str().is_empty() { root.stored.clone() } else { root.stored.join(rest) })
    }

    /// The path to open for a path of the bundle.
    pub fn original(&self, stored: &Path) -> Option<PathBuf> {
        self.roots.iter().find_map(|root| Some(root.dir.join(stored.strip_prefix(&root.stored).ok()?)))
    }

    fn directory(&mut self, dir: &Path, stored: &Path, depth: usize) {
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                let note = CaptureNote::NotListed(stored.to_path_buf(), error.to_string());
                return self.notes.push(note);
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name() else { continue };
            let stored = stored.join(name);
            match std::fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_symlink() => self.link(&path, stored),
                Ok(metadata) if metadata.is_dir() && depth < MAX_DEPTH => {
                    self.directories.push(stored.clone());
                    self.directory(&path, &stored, depth + 1);
                }
                Ok(metadata) if path.extension().is_some_and(|e| e == "isl") && metadata.len() <= MAX_ISL => {
                    self.link_file(&path, stored);
                }
                Ok(metadata) if metadata.is_file() => self.file(&metadata, &stored),
                Ok(_) => {}
                Err(error) => self.notes.push(CaptureNote::NotExamined(stored, error.to_string())),
            }
        }
    }

    fn file(&mut self, metadata: &Metadata, stored: &Path) {
        if metadata.is_file() {
            self.files.insert(stored.to_path_buf(), entry(metadata, stored));
        }
    }

    fn link(&mut self, path: &Path, stored: PathBuf) {
        let text = std::fs::read_link(path).unwrap_or_default();
        self.add_link(path, stored, text);
    }

    /// A link file of the server: the path of a remote tablespace as text.
    fn link_file(&mut self, path: &Path, stored: PathBuf) {
        let text = PathBuf::from(small::read_text(path, MAX_ISL).unwrap_or_default().trim());
        let target = path.parent().unwrap_or(path).join(&text);
        self.add_link(&target, stored, text);
    }

    fn add_link(&mut self, leads_to: &Path, stored: PathBuf, text: PathBuf) {
        let target = match self.stored(leads_to).filter(|target| self.is_whole(target)) {
            Some(target) => LinkTarget::Inside(target),
            None => {
                self.notes.push(CaptureNote::LeadsOut { link: stored.clone(), to: text.clone() });
                LinkTarget::Outside(text)
            }
        };
        self.links.push((stored, target));
    }

    fn is_whole(&self, stored: &Path) -> bool {
        self.roots.iter().any(|root| root.whole && stored.starts_with(&root.stored))
    }

    /// The directories, for the manifest.
    pub fn stored_roots(&self) -> Vec<StoredRoot> {
        let describe = |root: &Root| StoredRoot {
            stored: root.stored.clone(),
            original: root.dir.display().to_string(),
        };
        self.roots.iter().map(describe).collect()
    }

    /// The same request with paths of the bundle. A new field does not compile until it is decided here whether it goes
    /// along.
    pub fn stored_request(&self, request: &Request, locations: &Locations) -> StoredRequest {
        let Request {
            path,
            datadir,
            data_home_dir,
            doublewrite_dir,
            undo_dir: _,
            redo_dir,
            directories: _,
            data_file_path: _,
            parallel_doublewrite_path: _,
            page_size,
            // Keys never go into a bundle, and where they lay says nothing there.
            keyring: _,
            keyring_password_file: _,
            doublewrite_off,
            undo_log_encrypt,
            // Said when the bundle was made.
            remarks: _,
            bundle: _,
        } = request;
        let map = |path: &Path| self.stored(path).unwrap_or_else(|| PathBuf::from(NOWHERE));
        let when = |asked: bool, path: &Path| asked.then(|| map(path));
        let data_home = map(&locations.data_home);
        let doublewrite_dir = doublewrite_dir.as_ref().and_then(|_| locations.doublewrite_dirs.first());
        StoredRequest {
            path: map(path),
            datadir: when(datadir.is_some(), &locations.datadir),
            data_home_dir: when(data_home_dir.is_some(), &locations.data_home),
            doublewrite_dir: doublewrite_dir.map(|dir| map(dir)),
            undo_dir: locations.undo_dir.as_deref().map(map),
            redo_dir: when(redo_dir.is_some(), &locations.redo_dir),
            directories: locations.directories.iter().map(|dir| map(dir)).collect(),
            data_file_path: self.data_file_path(locations, &data_home),
            parallel_doublewrite_path: locations.parallel_doublewrite.as_deref().map(map),
            page_size: page_size.map(|size| size.as_u32()),
            doublewrite_off: *doublewrite_off,
            undo_log_encrypt: *undo_log_encrypt,
        }
    }

    /// The server's syntax once more, with names relative to the data home directory of the bundle.
    fn data_file_path(&self, locations: &Locations, data_home: &Path) -> Option<String> {
        let up: PathBuf = data_home.components().map(|_| "..").collect();
        let one = |file: &crate::instance::locations::DataFile| {
            let stored = self.stored(&locations.data_home.join(&file.path));
            let path = up.join(stored.unwrap_or_else(|| PathBuf::from(NOWHERE)));
            format!("{}:{}", path.display(), file.size)
        };
        Some(locations.data_files.as_ref()?.iter().map(one).collect::<Vec<_>>().join(";"))
    }
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

pub(crate) fn entry(metadata: &Metadata, stored: &Path) -> FileEntry {
    FileEntry {
        path: stored.to_path_buf(),
        size: metadata.len(),
        mtime: metadata.mtime(),
        mtime_nanos: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
        mode: metadata.mode(),
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}
