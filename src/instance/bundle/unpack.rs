//! A bundle as a directory to look at: unpacked below a private temporary directory, sparse, with the old sizes.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::bytes::is_zero;
use crate::disk::leftovers;
use crate::disk::reads::Reads;
use crate::error::{Error, Result};
use crate::instance::bundle::read::{BundleReader, BundleRecord, check};
use crate::instance::bundle::{DATA_DIR, LinkTarget, Manifest};
use crate::instance::redo;

/// Runs of zeros of this length are not written: they read as zeros anyway.
const BLOCK: usize = 4096;

/// Where bundles were unpacked to, and their files: what a person reads must name these.
static UNPACKED: Mutex<Vec<(PathBuf, PathBuf)>> = Mutex::new(Vec::new());

fn unpacked() -> Vec<(PathBuf, PathBuf)> {
    UNPACKED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Whether any bundle was unpacked: only then a text may name a place that nobody knows.
pub fn any_unpacked() -> bool {
    !unpacked().is_empty()
}

/// Whether a path lies in an unpacked bundle.
pub fn is_unpacked(path: &Path) -> bool {
    unpacked().iter().any(|(dir, _)| path.starts_with(dir))
}

/// A text in which every unpacked file has the name of its bundle, and its own name in that.
pub fn in_words(text: &str) -> Cow<'_, str> {
    in_words_as(text, str::to_owned)
}

/// The same of a text that has gone through `escape` already, so that the name of a bundle goes through it as well.
pub fn in_words_as(text: &str, escape: impl Fn(&str) -> String) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for (dir, bundle) in unpacked() {
        let (dir, bundle) = (dir.display().to_string(), escape(&bundle.display().to_string()));
        if text.contains(&dir) {
            let data = format!("{dir}/{DATA_DIR}");
            text = Cow::Owned(text.replace(&data, &bundle).replace(&dir, &bundle));
        }
    }
    text
}

/// An unpacked bundle; its directory goes when this goes.
#[derive(Debug)]
pub struct Bundle {
    /// The bundle file.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Which bytes of which unpacked file were captured; everything else reads as zeros and means nothing.
    pub captured: Reads,
    dir: TempDir,
}

impl Bundle {
    /// Checks every seal, then unpacks.
    ///
    /// # Errors
    /// [`Error::Sealed`] where the bundle is cut, altered or none; the temporary directory cannot be written.
    pub fn open(path: &Path) -> Result<Bundle> {
        let manifest = check(path)?;
        leftovers::watch_for_signals();
        let dir = tempfile::Builder::new()
            .prefix("dblwr-bundle-")
            .tempdir()
            .map_err(Error::io(&std::env::temp_dir(), "make a temporary directory in"))?;
        let root = dir.path().to_path_buf();
        leftovers::remove_on_signal(&root);
        UNPACKED.lock().unwrap_or_else(PoisonError::into_inner).push((root.clone(), path.to_path_buf()));
        let mut bundle = Bundle { path: path.to_path_buf(), manifest, captured: Reads::new(), dir };
        bundle.make_dir(&root.join(DATA_DIR))?;
        bundle.unpack()?;
        Ok(bundle)
    }

    /// The unpacked file that is called so in the bundle, with or without the directory of what was captured.
    ///
    /// # Errors
    /// The bundle has no such file.
    pub fn member(&self, name: &Path) -> Result<PathBuf> {
        let places = [self.dir().join(DATA_DIR).join(name), self.dir().join(name)];
        let found = places.into_iter().find(|place| crate::instance::bundle::is_safe(name) && place.exists());
        found.ok_or_else(|| {
            Error::foreign(
                &self.path,
                format!("the bundle holds no file {}; dblwr scan lists them", name.display()),
            )
        })
    }

    /// The directory that stands for the root of the bundle.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Whether a range of an unpacked file was captured.
    pub fn covers(&self, path: &Path, range: &std::ops::Range<u64>) -> bool {
        range.is_empty() || self.captured.get(path).is_some_and(|ranges| ranges.covers(range))
    }

    /// What the redo files said when the bundle was made, where they are not in it up to their end.
    pub fn redo(&self) -> Option<redo::FoundRedo> {
        let mut found = self.manifest.redo.clone()?;
        if let redo::FoundRedo::Read(redo) = &mut found {
            for file in &mut redo.files {
                file.path = self.dir().join(&file.path);
            }
        }
        Some(found)
    }

    fn unpack(&mut self) -> Result<()> {
        let path = self.path.clone();
        let mut reader = BundleReader::open(&path)?;
        let mut current: Option<(File, PathBuf)> = None;
        let mut links = Vec::new();
        while let Some(record) = reader.next()? {
            match (record, &current) {
                (BundleRecord::Directory(path), _) => self.make_dir(&self.dir().join(path))?,
                (BundleRecord::File(entry), _) => {
                    let path = self.dir().join(&entry.path);
                    current = Some((self.make_file(&path, entry.size)?, path));
                }
                (BundleRecord::Data { offset, bytes }, Some((file, path))) => {
                    write_sparse(file, offset, &bytes).map_err(Error::io(path, "unpack into"))?;
                    let end = offset.saturating_add(bytes.len() as u64);
                    self.captured.entry(path.clone()).or_default().insert(offset..end);
                }
                (BundleRecord::FileEnd { .. }, _) => current = None,
                (BundleRecord::Link(path, target), _) => links.push((path, target)),
                (BundleRecord::Data { .. } | BundleRecord::Lost { .. }, _) => {}
            }
        }
        // Last of all, so that nothing is ever written through one.
        links.into_iter().try_for_each(|(path, target)| self.make_link(&path, &target))
    }

    fn make_dir(&self, path: &Path) -> Result<()> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(Error::io(path, "make the directory"))
    }

    fn make_file(&self, path: &Path, size: u64) -> Result<File> {
        if let Some(parent) = path.parent() {
            self.make_dir(parent)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(Error::io(path, "unpack"))?;
        file.set_len(size).map_err(Error::io(path, "set the size of"))?;
        Ok(file)
    }

    fn make_link(&self, path: &Path, target: &LinkTarget) -> Result<()> {
        let LinkTarget::Inside(target) = target else { return Ok(()) };
        let (path, target) = (self.dir().join(path), self.dir().join(target));
        if let Some(parent) = path.parent() {
            self.make_dir(parent)?;
        }
        let made = if path.extension().is_some_and(|extension| extension == "isl") {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            file.and_then(|file| file.write_all_at(target.as_os_str().as_encoded_bytes(), 0))
        } else {
            std::os::unix::fs::symlink(&target, &path)
        };
        made.map_err(Error::io(&path, "make the link"))
    }
}

fn write_sparse(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut at = offset;
    for block in bytes.chunks(BLOCK) {
        if !is_zero(block) {
            file.write_all_at(block, at)?;
        }
        at = at.saturating_add(block.len() as u64);
    }
    Ok(())
}
