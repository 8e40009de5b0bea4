//! `--resume FILE`: what a scan has done, one JSON line after the other, so that an interrupted one goes on.
//!
//! | line | says |
//! |---|---|
//! | `directory` | of which PATH, counted from 0, the lines behind it are: its last name, and its `server_uuid` where it has one |
//! | `server` | the `server_uuid` of a PATH: records of 0.1.0, whose files are named as they were given |
//! | `damage` | a finding |
//! | `part` | so many pages of a file are done, and what was counted in them |
//! | `file` | a file is done |
//!
//! Files are named relative to their PATH where they lie below it: a directory that moved is still the one of its record.
//! A line that the end of the file cuts is ignored: a scan may be killed at any moment.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cli::outputs::OWN_RESUME;
use crate::commands::scan::Counts;
use crate::disk::output;
use crate::disk::output::{OutputPlace, Untouchable};
use crate::error::Error;
use crate::report::scan::{DamageReport, FileReport};

/// Longer than any finding.
const LONGEST_LINE: u64 = 1 << 20;

/// A file is noted as partly done this often.
const INTERVAL: Duration = Duration::from_secs(2);

/// What tells whether a file is still the one that was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    len: u64,
    modified: i64,
    modified_ns: i64,
    /// A changed file can be given its old time of modification, but not this one. Records of 0.1.0 lack it.
    #[serde(default)]
    changed: i64,
    #[serde(default)]
    changed_ns: i64,
    /// `st_ino`: another file may have come in its place.
    #[serde(default)]
    inode: u64,
}

impl FileStamp {
    /// Of the file as it is now.
    pub fn of(path: &Path) -> Option<FileStamp> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(FileStamp {
            len: metadata.len(),
            modified: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
            changed: metadata.ctime(),
            changed_ns: metadata.ctime_nsec(),
            inode: metadata.ino(),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResumeLine {
    /// Of which PATH the lines behind it are.
    Directory {
        number: usize,
        name: String,
        #[serde(default)]
        uuid: Option<String>,
    },
    /// Whose files a PATH holds.
    Server {
        path: String,
        uuid: String,
    },
    Damage(DamageReport),
    Part {
        path: String,
        version: FileStamp,
        pages: u64,
        counts: Counts,
    },
    File {
        version: FileStamp,
        report: FileReport,
        /// When it was read to its end: seconds since 1970, UTC.
        #[serde(default)]
        read_at: i64,
    },
}

/// What an earlier scan did of one file.
#[derive(Debug, Default)]
pub struct Earlier {
    /// The whole of it.
    pub finished: Option<FileReport>,
    /// When it was read to its end: seconds since 1970, UTC; 0: not known.
    pub read_at: i64,
    /// Pages that are done, and what was counted in them.
    pub part: (u64, Counts),
    /// Findings in those pages.
    pub damage: Vec<DamageReport>,
    version: Option<FileStamp>,
}

/// The record of a scan.
pub struct Resume {
    file: File,
    path: PathBuf,
    known: KnownLines,
    /// The PATHs of this scan, and whose files they hold.
    paths: Vec<(PathBuf, Option<String>)>,
    /// The PATH that the last line was of.
    current: Option<usize>,
    next: Instant,
}

/// What a record says.
#[derive(Debug, Default)]
struct KnownLines {
    /// By number of the PATH and name in it; without a number by the name that was given.
    earlier: HashMap<(Option<usize>, String), Earlier>,
    /// By number of the PATH.
    directories: HashMap<usize, Option<String>>,
    /// By PATH as it was given.
    servers: HashMap<String, String>,
    /// The PATH that the lines are of.
    current: Option<usize>,
}

impl Resume {
    /// Reads what there is, and goes on writing behind it.
    ///
    /// # Errors
    /// The record may not go there, cannot be opened, or is that of something else.
    pub fn open(path: &Path, evidence: &Untouchable) -> anyhow::Result<Resume> {
        let open =
            |error| anyhow::anyhow!("{}: cannot open it as a record of a scan: {error}", path.display());
        let place = output::decide(path, evidence, OWN_RESUME)?;
        let OutputPlace::File(_) = place else {
            anyhow::bail!("{}: a record of a scan is a file", path.display())
        };
        let file = place.append().map_err(open)?;
        let mut known = KnownLines::default();
        let mut used = false;
        let mut lines = BufReader::new(&file);
        loop {
            let mut line = Vec::new();
            let read = lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(open)?;
            if read == 0 {
                break;
            }
            if read as u64 == LONGEST_LINE {
                anyhow::bail!(
                    "{}: not a record of a scan: a line without end; name another file",
                    path.display()
                );
            }
            match serde_json::from_slice(line.strip_suffix(b"\n").unwrap_or(&line)) {
                Ok(line) => known.note(line),
                Err(error) if !used => {
                    anyhow::bail!("{}: not a record of a scan ({error}); name another file", path.display())
                }
                Err(_) => {}
            }
            used = true;
        }
        let next = Instant::now() + INTERVAL;
        let mut resume =
            Resume { file, path: path.to_path_buf(), known, paths: Vec::new(), current: None, next };
        if used {
            // Behind a line that was cut, the next one must begin anew.
            resume.put(b"\n")?;
        }
        Ok(resume)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::write(&self.path, "write"))
    }

    /// Notes the next PATH of this scan, and whose files it holds.
    ///
    /// # Errors
    /// The record is of another server's files at this PATH.
    pub fn of_server(&mut self, path: &Path, uuid: Option<String>) -> anyhow::Result<()> {
        let number = self.paths.len();
        self.paths.push((path.to_path_buf(), uuid.clone()));
        let shown = path.display().to_string();
        let of_number = self.known.directories.get(&number).cloned().flatten();
        let known = of_number.or_else(|| self.known.servers.get(&shown).cloned());
        match known.zip(uuid) {
            Some((known, uuid)) if known != uuid => anyhow::bail!(
                "{shown}: the record is of another server's files here: auto.cnf said {known} then, and says {uuid} now; name \
                 another record with --resume"
            ),
            _ => Ok(()),
        }
    }

    /// The name in the record of a file that is shown as this.
    fn name(&self, group: usize, shown: &str) -> String {
        let Some((path, _)) = self.paths.get(group) else { return shown.to_owned() };
        let below = Path::new(shown).strip_prefix(path).unwrap_or(Path::new(shown));
        let name = if below.as_os_str().is_empty() { path.file_name().map(Path::new) } else { Some(below) };
        name.unwrap_or(below).display().to_string()
    }

    /// What was done of a file, if it has not changed since.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn take(&mut self, group: usize, shown: &str, path: &Path) -> anyhow::Result<Earlier> {
        let name = self.name(group, shown);
        let named = self.known.earlier.remove(&(Some(group), name.clone()));
        let mut earlier =
            named.or_else(|| self.known.earlier.remove(&(None, shown.to_owned()))).unwrap_or_default();
        let now = FileStamp::of(path);
        if earlier.version.is_some() && earlier.version == now {
            earlier.damage.iter_mut().for_each(|damage| shown.clone_into(&mut damage.path));
            earlier.finished.iter_mut().for_each(|report| shown.clone_into(&mut report.path));
            return Ok(earlier);
        }
        if let (Some(version), true) = (now, earlier.version.is_some() || !earlier.damage.is_empty()) {
            let counts = Counts::default();
            self.write(group, &ResumeLine::Part { path: name, version, pages: 0, counts })?;
        }
        Ok(Earlier::default())
    }

    /// A finding.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn damage(&mut self, group: usize, report: &DamageReport) -> anyhow::Result<()> {
        let path = self.name(group, &report.path);
        self.write(group, &ResumeLine::Damage(DamageReport { path, ..report.clone() }))
    }

    /// Pages of a file that are done.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn part(
        &mut self,
        group: usize,
        shown: &str,
        path: &Path,
        done: (u64, Counts),
    ) -> anyhow::Result<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + INTERVAL;
        let Some(version) = FileStamp::of(path) else { return Ok(()) };
        let (path, (pages, counts)) = (self.name(group, shown), done);
        self.write(group, &ResumeLine::Part { path, version, pages, counts })
    }

    /// A file that is done.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn file(&mut self, group: usize, path: &Path, report: &FileReport) -> anyhow::Result<()> {
        let Some(version) = FileStamp::of(path) else { return Ok(()) };
        let read_at = jiff::Timestamp::now().as_second();
        let report = FileReport { path: self.name(group, &report.path), ..report.clone() };
        self.write(group, &ResumeLine::File { version, report, read_at })
    }

    fn write(&mut self, group: usize, line: &ResumeLine) -> anyhow::Result<()> {
        let mut text = Vec::new();
        if let Some((path, uuid)) = self.paths.get(group).filter(|_| self.current != Some(group)) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let directory = ResumeLine::Directory { number: group, name, uuid: uuid.clone() };
            serde_json::to_writer(&mut text, &directory)?;
            text.push(b'\n');
            self.current = Some(group);
        }
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
        Ok(self.put(&text)?)
    }
}

impl KnownLines {
    fn of(&mut self, path: String) -> &mut Earlier {
        self.earlier.entry((self.current, path)).or_default()
    }

    fn note(&mut self, line: ResumeLine) {
        match line {
            ResumeLine::Directory { number, uuid, .. } => {
                self.current = Some(number);
                self.directories.insert(number, uuid);
            }
            ResumeLine::Server { path, uuid } => _ = self.servers.insert(path, uuid),
            ResumeLine::Damage(report) => self.of(report.path.clone()).damage.push(report),
            ResumeLine::Part { path, version, pages, counts } => {
                let file = self.of(path);
                if pages == 0 {
                    file.damage.clear();
                }
                (file.version, file.part, file.finished) = (Some(version), (pages, counts), None);
            }
            ResumeLine::File { version, report, read_at } => {
                let file = self.of(report.path.clone());
                (file.version, file.finished, file.read_at) = (Some(version), Some(report), read_at);
            }
        }
    }
}
