//! Where an output may go: one answer for every file that any command makes.
//!
//! Never over or into evidence, by whatever name; never over a file that is not this program's own earlier output of the
//! same kind, known by what is in it. A file is made anew under no name, or one that ends with the process, and named when
//! it is whole. `-`, pipes and `/dev/stdout` are streams and stay possible.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use crate::disk::image::FileIdentity;
use crate::disk::small;
use crate::error::{Error, Result};

/// Bytes from which an earlier output is known.
const HEAD: u64 = 4096;
/// Directories below one that is evidence are looked at so deep: a data directory has two levels.
const DEEPEST: usize = 8;

/// What must not be touched: what a command was given, and what belongs to it.
#[derive(Debug, Clone, Default)]
pub struct Untouchable {
    files: BTreeSet<FileIdentity>,
    dirs: BTreeSet<PathBuf>,
}

impl Untouchable {
    /// A file, by its device and inode: every other name of it counts as well.
    pub fn file(&mut self, path: &Path) {
        self.files.extend(std::fs::metadata(path).ok().map(|found| FileIdentity::of(&found)));
    }

    /// A directory with all that lies in it.
    pub fn dir(&mut self, path: &Path) {
        self.dirs.extend(path.canonicalize().ok().filter(|path| path.is_dir()));
    }

    /// A file or a directory.
    pub fn add(&mut self, path: &Path) {
        if path.is_dir() { self.dir(path) } else { self.file(path) }
    }

    /// The directory above a path (which has no links in it) that nothing may be made in.
    fn above<'a>(&self, real: &'a Path) -> Option<&'a Path> {
        real.ancestors().find(|above| self.dirs.contains(*above) || is_data_directory(above))
    }

    /// Whether a file is evidence under any name. Directories are listed only when somebody asks.
    fn holds(&self, identity: FileIdentity) -> bool {
        self.files.contains(&identity) || self.dirs.iter().any(|dir| lists(dir, identity, DEEPEST))
    }
}

fn lists(dir: &Path, identity: FileIdentity, deeper: usize) -> bool {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let path = entry.path();
        // Links are followed for files, as servers do, and not for directories: they could go round.
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir {
            return deeper > 0 && lists(&path, identity, deeper - 1);
        }
        std::fs::metadata(&path).is_ok_and(|found| FileIdentity::of(&found) == identity)
    })
}

/// Redo files prove a data directory; a system tablespace does so beside other traces of a server.
fn is_data_directory(dir: &Path) -> bool {
    let has = |name: &str| dir.join(name).exists();
    has("ib_logfile0")
        || has("#innodb_redo")
        || has("ibdata1") && ["auto.cnf", "aria_log_control", "mysql", "mysql.ibd"].into_iter().any(has)
}

/// Whether the beginning of a file shows an earlier output of one kind.
pub type Own = fn(&[u8]) -> bool;

/// For outputs that are never written over anything.
pub const NEVER: Own = |_| false;

/// Where an output goes, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputPlace {
    /// Standard output.
    Stdout,
    /// A pipe or a terminal, by name.
    Stream(PathBuf),
    /// A file, without links in its name: a new one, or an own earlier one.
    File(PathBuf),
}

/// Decides where an output may go.
///
/// # Errors
/// [`Error::Refused`] where it is or lies in evidence, or would replace what is not ours.
pub fn decide(path: &Path, evidence: &Untouchable, own: Own) -> Result<OutputPlace> {
    if let Some(place) = stdout(path, evidence)? {
        return Ok(place);
    }
    let Ok(found) = std::fs::metadata(path) else { return new(path, evidence) };
    let kind = found.file_type();
    if kind.is_fifo() || kind.is_char_device() {
        return Ok(OutputPlace::Stream(path.to_path_buf()));
    }
    if !kind.is_file() {
        return Err(refused(path, "neither a file nor a pipe; name a new file"));
    }
    if evidence.holds(FileIdentity::of(&found)) {
        return Err(refused(path, "is evidence, by this or another name; name a new file elsewhere"));
    }
    let real = path.canonicalize().map_err(Error::io(path, "look at"))?;
    refuse_inside(path, &real, evidence)?;
    if found.len() > 0 && !is_own(path, own)? {
        return Err(refused(path, "exists already, and is no earlier output of this kind; name a new file"));
    }
    if found.len() == 0 && found.nlink() > 1 {
        return Err(refused(path, "is an empty file that has other names, too; name a new file"));
    }
    Ok(OutputPlace::File(real))
}

/// Whether a descriptor is a file with something in it: a shell opens such for `>>` and `<>`.
pub fn is_full_file(number: u32) -> bool {
    open_file(number).is_some_and(|found| found.is_file() && found.len() > 0)
}

fn open_file(number: u32) -> Option<std::fs::Metadata> {
    std::fs::metadata(format!("/proc/self/fd/{number}")).ok()
}

/// Decides whether a descriptor may be written to.
///
/// # Errors
/// [`Error::Refused`] where it is a file that was given to be looked at, or belongs to that.
pub fn decide_open(number: u32, evidence: &Untouchable) -> Result<()> {
    let Some(identity) = open_file(number).map(|found| FileIdentity::of(&found)) else { return Ok(()) };
    // What a shell was told to put into a data directory is no data file by that.
    let is_evidence = if number <= 2 { evidence.files.contains(&identity) } else { evidence.holds(identity) };
    if !is_evidence {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "descriptor {number} leads into a file that is evidence; nothing was written"
    )))
}

/// A name that is not taken.
fn new(path: &Path, evidence: &Untouchable) -> Result<OutputPlace> {
    if std::fs::symlink_metadata(path).is_ok() {
        return Err(refused(path, "is a link that leads nowhere; name a new file"));
    }
    let name = path.file_name().ok_or_else(|| refused(path, "names no file"))?;
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().map_err(Error::io(parent, "look at"))?;
    let real = parent.join(name);
    refuse_inside(path, &real, evidence)?;
    Ok(OutputPlace::File(real))
}

fn stdout(path: &Path, evidence: &Untouchable) -> Result<Option<OutputPlace>> {
    if !["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name)) {
        return Ok(None);
    }
    let found = std::fs::metadata("/dev/stdout").ok().filter(std::fs::Metadata::is_file);
    if found.is_some_and(|found| evidence.holds(FileIdentity::of(&found))) {
        return Err(refused(path, "standard output is a file that is evidence"));
    }
    Ok(Some(OutputPlace::Stdout))
}

fn is_own(path: &Path, own: Own) -> Result<bool> {
    let mut head = Vec::new();
    let file = small::open(path).map_err(Error::io(path, "open"))?;
    file.take(HEAD).read_to_end(&mut head).map_err(Error::io(path, "read"))?;
    Ok(own(&head))
}

fn refuse_inside(path: &Path, real: &Path, evidence: &Untouchable) -> Result<()> {
    match evidence.above(real) {
        None => Ok(()),
        Some(above) => Err(refused(
            path,
            &format!(
                "lies in the data directory {}, which is evidence; name a place somewhere else",
                above.display()
            ),
        )),
    }
}

fn refused(path: &Path, why: &str) -> Error {
    Error::Refused(format!("{}: {why}; nothing was written", path.display()))
}

impl OutputPlace {
    /// Writes the whole output: a reader sees the old contents or the new, never half of either.
    ///
    /// # Errors
    /// It cannot be written; what lay there is then unchanged.
    pub fn write(&self, contents: &[u8], mode: u32, out: &mut dyn Write) -> Result<()> {
        let stream = Path::new("standard output");
        match self {
            OutputPlace::Stdout => {
                out.write_all(contents).and_then(|()| out.flush()).map_err(Error::io(stream, "write"))
            }
            OutputPlace::Stream(path) => open_stream(path)
                .and_then(|mut file| file.write_all(contents))
                .map_err(Error::io(path, "write")),
            OutputPlace::File(path) => {
                let mut pending = Pending::create(path, mode)?;
                pending.file.write_all(contents).map_err(Error::write(path, "write"))?;
                pending.replace()
            }
        }
    }

    /// Opens it for lines behind what is there.
    ///
    /// # Errors
    /// Those of the system.
    pub fn append(&self) -> io::Result<File> {
        match self {
            OutputPlace::Stdout => OpenOptions::new().write(true).open("/dev/stdout"),
            OutputPlace::Stream(path) => open_stream(path),
            OutputPlace::File(path) => {
                OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
            }
        }
    }
}

/// A pipe that nobody reads is an error, not a wait.
fn open_stream(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags.difference(rustix::fs::OFlags::NONBLOCK))?;
    Ok(file)
}

/// A file that is being made: it has no name, or where the file system needs one, one that goes with an error.
#[derive(Debug)]
pub struct Pending {
    /// To write into.
    pub file: File,
    named: Option<tempfile::TempPath>,
    path: PathBuf,
}

impl Pending {
    /// Begins a file in the directory of `path`.
    ///
    /// # Errors
    /// Those of the system.
    pub fn create(path: &Path, mode: u32) -> Result<Pending> {
        let dir = directory(path);
        let flags = libc::O_TMPFILE;
        let unnamed = OpenOptions::new().read(true).write(true).mode(mode).custom_flags(flags).open(dir);
        let (file, named) = match unnamed {
            Ok(file) => (file, None),
            Err(_) => {
                // A leading dot and no suffix: collectors that look meanwhile pass over it.
                let named = tempfile::Builder::new().prefix(".dblwr-").tempfile_in(dir);
                let (file, path) = named.map_err(Error::io(dir, "make a file in"))?.into_parts();
                (file, Some(path))
            }
        };
        // The mode at creation is cut by the umask.
        let permissions = std::fs::Permissions::from_mode(mode);
        file.set_permissions(permissions).map_err(Error::io(path, "set the mode of"))?;
        Ok(Pending { file, named, path: path.to_path_buf() })
    }

    /// Brings it to disk and names it, where nothing has that name.
    ///
    /// # Errors
    /// Those of the system; `AlreadyExists` where somebody has made a file of that name meanwhile.
    pub fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(Error::write(&self.path, "bring to disk"))?;
        let named = match self.named {
            None => link(&self.file, &self.path),
            Some(path) => path.persist_noclobber(&self.path).map_err(|error| error.error),
        };
        named.map_err(Error::io(&self.path, "create"))?;
        sync_dir(&self.path)
    }

    /// Brings it to disk and gives it the name, whatever has that name now.
    ///
    /// # Errors
    /// Those of the system.
    pub fn replace(self) -> Result<()> {
        self.file.sync_all().map_err(Error::write(&self.path, "bring to disk"))?;
        let replaced = match self.named {
            Some(path) => path.persist(&self.path).map_err(|error| error.error),
            None => match link(&self.file, &self.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    link_over(&self.file, &self.path)
                }
                done => done,
            },
        };
        replaced.map_err(Error::io(&self.path, "replace"))?;
        sync_dir(&self.path)
    }
}

/// Gives an unnamed file a name that is not taken.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let cwd = rustix::fs::CWD;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(cwd, open, cwd, path, rustix::fs::AtFlags::SYMLINK_FOLLOW)?)
}

/// A file can be linked only where there is none: so under another name first, for two system calls.
fn link_over(file: &File, path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory(path).join(format!(".{name}.dblwr-{}", std::process::id()));
    link(file, &beside)?;
    std::fs::rename(&beside, path).inspect_err(|_| {
        // The error that counts is the one above.
        let _ = std::fs::remove_file(&beside);
    })
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_dir(path: &Path) -> Result<()> {
    let dir = directory(path);
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir, "sync"))
}

/// A directory for new files that only their owner reads.
#[derive(Debug)]
pub struct OutDir {
    dir: PathBuf,
}

impl OutDir {
    /// Creates the directory if it is not there (mode 0700).
    ///
    /// # Errors
    /// It lies in evidence or in any data directory, or cannot be created.
    pub fn prepare(dir: &Path, evidence: &Untouchable) -> Result<OutDir> {
        decide_dir(dir, evidence)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(Error::io(dir, "create"))?;
        Ok(OutDir { dir: dir.to_path_buf() })
    }

    /// Writes one new file (mode 0600); a file that exists already is never touched.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.dir.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.map_err(Error::io(&path, "create"))?;
        file.write_all(bytes).map_err(|error| {
            // Half a page is no page. The error that counts is the one above.
            let _ = std::fs::remove_file(&path);
            Error::write(&path, "write")(error)
        })?;
        Ok(path)
    }
}

/// Whether files may be made in a directory, there already or not.
///
/// # Errors
/// [`Error::Refused`] where it is or lies in evidence.
pub fn decide_dir(dir: &Path, evidence: &Untouchable) -> Result<()> {
    if dir.exists() && !dir.is_dir() {
        return Err(refused(dir, "is no directory"));
    }
    refuse_inside(dir, &resolve(dir)?, evidence)
}

/// The path without links, as far as it exists already.
fn resolve(dir: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(dir).map_err(Error::io(dir, "look at"))?;
    let missing = |path: &Path| std::fs::symlink_metadata(path).is_err();
    let existing = absolute.ancestors().find(|path| !missing(path)).unwrap_or(Path::new("/"));
    let rest = absolute.strip_prefix(existing).unwrap_or(Path::new(""));
    if rest.components().any(|part| part == Component::ParentDir) {
        return Err(refused(dir, "name the directory without \"..\""));
    }
    let real = existing.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => refused(dir, "is a link that leads nowhere; name a directory"),
        _ => Error::io(dir, "look at")(error),
    })?;
    Ok(real.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_new_private_and_never_in_a_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir_all(data.join("d")).unwrap();
        std::fs::write(data.join("ib_logfile0"), "").unwrap();
        std::os::unix::fs::symlink(data.join("d"), dir.path().join("link")).unwrap();
        for inside in [data.clone(), data.join("d"), data.join("new/deep"), dir.path().join("link/x")] {
            let error = OutDir::prepare(&inside, &Untouchable::default()).unwrap_err().to_string();
            assert!(error.contains("lies in the data directory"), "{error}");
            assert!(inside == data || inside == data.join("d") || !inside.exists());
        }
        let other = dir.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let mut evidence = Untouchable::default();
        evidence.dir(&other);
        assert!(OutDir::prepare(&other.join("x"), &evidence).is_err());
        assert!(OutDir::prepare(&dir.path().join("new/../data/x"), &evidence).is_err());

        let out = OutDir::prepare(&dir.path().join("new/deep"), &evidence).unwrap();
        let path = out.write("a.page", b"page").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let error = out.write("a.page", b"other").unwrap_err().to_string();
        assert!(error.contains("a.page: cannot create"), "{error}");
        assert_eq!(std::fs::read(path).unwrap(), b"page");
    }

    #[test]
    fn what_is_replaced_is_whole_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dblwr.prom");
        let own: Own = |head| head.starts_with(b"old");
        for contents in ["old one, and longer", "old two"] {
            let place = decide(&path, &Untouchable::default(), own).unwrap();
            place.write(contents.as_bytes(), 0o644, &mut io::sink()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), contents);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let error = Pending::create(&path, 0o600).unwrap().finish().unwrap_err().to_string();
        assert!(error.contains("File exists"), "{error}");
        assert!(decide(&path, &Untouchable::default(), NEVER).is_err());
        assert!(decide(Path::new("/nonexistent-dblwr/x.prom"), &Untouchable::default(), own).is_err());
    }
}
