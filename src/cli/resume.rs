//! `--resume FILE`: what a scan has done, one JSON line after the other, so that an interrupted one goes on.
//!
//! | line | says |
//! |---|---|
//! | `server` | the `server_uuid` of a PATH, where it has one |
//! | `damage` | a finding |
//! | `part` | so many pages of a file are done, and what was counted in them |
//! | `file` | a file is done |
//!
//! A line that the end of the file cuts is ignored: a scan may be killed at any moment.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cli::outputs::OWN_RESUME;
use crate::commands::scan::Counts;
use crate::disk::output;
use crate::disk::output::{OutputPlace, Untouchable};
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
    /// Whose files a PATH holds; records of 0.1.0 do not tell.
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
    earlier: HashMap<String, Earlier>,
    servers: HashMap<String, String>,
    next: Instant,
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
        let (mut earlier, mut servers) = (HashMap::new(), HashMap::new());
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
                Ok(line) => note(&mut earlier, &mut servers, line),
                Err(error) if !used => {
                    anyhow::bail!("{}: not a record of a scan ({error}); name another file", path.display())
                }
                Err(_) => {}
            }
            used = true;
        }
        let mut resume = Resume { file, earlier, servers, next: Instant::now() + INTERVAL };
        if used {
            // Behind a line that was cut, the next one must begin anew.
            resume.file.write_all(b"\n")?;
        }
        Ok(resume)
    }

    /// Notes whose files a PATH holds.
    ///
    /// # Errors
    /// The record is of another server's files at this PATH, or cannot be written.
    pub fn of_server(&mut self, path: &Path, uuid: Option<String>) -> anyhow::Result<()> {
        let Some(uuid) = uuid else { return Ok(()) };
        let path = path.display().to_string();
        match self.servers.get(&path) {
            Some(known) if *known == uuid => Ok(()),
            Some(known) => anyhow::bail!(
                "{path}: the record is of another server's files here: auto.cnf said {known} then, and says {uuid} now; name \
                 another record with --resume"
            ),
            None => self.write(&ResumeLine::Server { path, uuid }),
        }
    }

    /// What was done of a file, if it has not changed since.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn take(&mut self, shown: &str, path: &Path) -> anyhow::Result<Earlier> {
        let earlier = self.earlier.remove(shown).unwrap_or_default();
        let now = FileStamp::of(path);
        if earlier.version.is_some() && earlier.version == now {
            return Ok(earlier);
        }
        if let (Some(version), true) = (now, earlier.version.is_some() || !earlier.damage.is_empty()) {
            let (path, counts) = (shown.to_owned(), Counts::default());
            self.write(&ResumeLine::Part { path, version, pages: 0, counts })?;
        }
        Ok(Earlier::default())
    }

    /// A finding.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn damage(&mut self, report: &DamageReport) -> anyhow::Result<()> {
        self.write(&ResumeLine::Damage(report.clone()))
    }

    /// Pages of a file that are done.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn part(&mut self, shown: &str, path: &Path, pages: u64, counts: Counts) -> anyhow::Result<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + INTERVAL;
        let Some(version) = FileStamp::of(path) else { return Ok(()) };
        self.write(&ResumeLine::Part { path: shown.to_owned(), version, pages, counts })
    }

    /// A file that is done.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn file(&mut self, path: &Path, report: &FileReport) -> anyhow::Result<()> {
        let Some(version) = FileStamp::of(path) else { return Ok(()) };
        let read_at = jiff::Timestamp::now().as_second();
        self.write(&ResumeLine::File { version, report: report.clone(), read_at })
    }

    fn write(&mut self, line: &ResumeLine) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        Ok(self.file.write_all(&text)?)
    }
}

fn note(earlier: &mut HashMap<String, Earlier>, servers: &mut HashMap<String, String>, line: ResumeLine) {
    match line {
        ResumeLine::Server { path, uuid } => _ = servers.insert(path, uuid),
        ResumeLine::Damage(report) => earlier.entry(report.path.clone()).or_default().damage.push(report),
        ResumeLine::Part { path, version, pages, counts } => {
            let file = earlier.entry(path).or_default();
            if pages == 0 {
                file.damage.clear();
            }
            (file.version, file.part, file.finished) = (Some(version), (pages, counts), None);
        }
        ResumeLine::File { version, report, read_at } => {
            let file = earlier.entry(report.path.clone()).or_default();
            (file.version, file.finished, file.read_at) = (Some(version), Some(report), read_at);
        }
    }
}
