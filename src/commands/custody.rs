//! The custody record: for every action one line of JSON, appended and brought to disk: who did what to which bytes.
//!
//! The facts are measured: for every file that the action rests on its size, time, inode and device, and the SHA-256 of
//! exactly those bytes that a judgement reads, or with [`Scope::Whole`] of the whole file, before and after the action.
//! Hashing a whole data directory would take hours at night; the ranges are in the line, so that anybody can repeat the
//! sum. What is concluded from the facts stands apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::disk::Image;
use crate::disk::host;
use crate::disk::output::OutputPlace;
use crate::disk::reads::{Ranges, Reads};
use crate::error::{Error, Result};
use crate::units::ByteOffset;

/// How much is hashed at once.
const CHUNK: usize = 1 << 20;

/// Which bytes of a file are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that a judgement reads.
    Read,
    /// All of them.
    Whole,
}

/// What a file was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FileFacts {
    /// Bytes.
    pub size: u64,
    /// Modification time, UTC, RFC 3339.
    pub mtime: Option<String>,
    /// `st_ino`.
    pub inode: u64,
    /// `st_dev`.
    pub device: u64,
    /// SHA-256 of the ranges in order, lower-case hexadecimal; `null` where they could not be read.
    pub sha256: Option<String>,
}

/// A file with its ranges before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct CustodyFile {
    /// As it was opened.
    pub path: String,
    /// Offset and length of what is hashed, in bytes.
    pub ranges: Vec<(u64, u64)>,
    /// `null` where there was no such file, or where nobody knew beforehand that these ranges would be read.
    pub before: Option<FileFacts>,
    /// `null` where there is no such file now.
    pub after: Option<FileFacts>,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct CustodyFacts {
    /// Every file that the action rests on.
    pub files: Vec<CustodyFile>,
    /// The exit code.
    pub exit_code: u8,
}

/// What is concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Interpretation {
    /// What the exit code means.
    pub status: &'static str,
    /// Files whose size, time, identity or hash differ between before and after.
    pub changed: Vec<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct CustodyLine {
    /// Always 1.
    pub schema_version: u32,
    /// UTC, RFC 3339.
    pub began: String,
    /// UTC, RFC 3339.
    pub ended: String,
    /// Name of the host.
    pub host: Option<String>,
    /// Name of the effective user.
    pub user: Option<String>,
    /// Its number.
    pub uid: u32,
    /// Tool and version.
    pub tool: String,
    /// What was typed.
    pub arguments: Vec<String>,
    /// The working directory.
    pub directory: Option<String>,
    /// What was measured.
    pub facts: CustodyFacts,
    /// What is concluded.
    pub interpretation: Interpretation,
}

/// An action that is being recorded.
pub struct Custody {
    file: File,
    path: PathBuf,
    began: String,
    arguments: Vec<String>,
    scope: Scope,
    before: BTreeMap<PathBuf, (Ranges, Option<FileFacts>)>,
}

impl Custody {
    /// Opens the record, before anything is done: an action that cannot be recorded is not begun.
    ///
    /// # Errors
    /// The file cannot be opened for appending.
    pub fn begin(path: &Path, place: &OutputPlace, arguments: Vec<String>, scope: Scope) -> Result<Custody> {
        Ok(Custody {
            file: place.append().map_err(Error::io(path, "open the custody record"))?,
            path: path.to_path_buf(),
            began: jiff::Timestamp::now().to_string(),
            arguments,
            scope,
            before: BTreeMap::new(),
        })
    }

    /// Measures the files that the action will rest on.
    pub fn measure_before(&mut self, reads: Reads) {
        for (path, ranges) in reads.into_iter().filter(|(_, ranges)| ranges.bytes() > 0) {
            let ranges = self.scoped(&path, ranges);
            let facts = measure(&path, &ranges);
            self.before.insert(path, (ranges, facts));
        }
    }

    /// Measures again, with what the action read or wrote besides, and appends the line.
    ///
    /// # Errors
    /// The record cannot be written or brought to disk.
    pub fn finish(
        mut self,
        reads: &Reads,
        outputs: &[PathBuf],
        exit_code: u8,
        status: &'static str,
    ) -> Result<()> {
        let files = self.measure_after(reads, outputs);
        let changed = files.iter().filter(|file| file.before.is_some() && file.before != file.after);
        let changed = changed.map(|file| file.path.clone()).collect();
        let line = CustodyLine {
            schema_version: 1,
            began: self.began.clone(),
            ended: jiff::Timestamp::now().to_string(),
            host: host::host(),
            user: host::user(),
            uid: host::effective_uid(),
            tool: format!("dblwr {}", env!("CARGO_PKG_VERSION")),
            arguments: std::mem::take(&mut self.arguments),
            directory: std::env::current_dir().ok().map(|dir| dir.display().to_string()),
            facts: CustodyFacts { files, exit_code },
            interpretation: Interpretation { status, changed },
        };
        self.append(&line).map_err(Error::io(&self.path, "append to the custody record"))
    }

    fn measure_after(&self, reads: &Reads, outputs: &[PathBuf]) -> Vec<CustodyFile> {
        let mut files: Vec<CustodyFile> =
            self.before.iter().map(|(path, (ranges, before))| record(path, ranges, before.clone())).collect();
        let besides: BTreeSet<&PathBuf> =
            reads.iter().filter(|(_, ranges)| ranges.bytes() > 0).map(|(path, _)| path).collect();
        for path in besides {
            let ranges = reads.get(path).cloned().unwrap_or_default();
            match self.before.get(path) {
                None => files.push(record(path, &self.scoped(path, ranges), None)),
                // What nobody knew would be read, too, stands apart: it has no before.
                Some((known, _)) => {
                    let more = ranges.without(known);
                    if more.bytes() > 0 {
                        files.push(record(path, &more, None));
                    }
                }
            }
        }
        for path in outputs.iter().filter(|path| !self.before.contains_key(*path) && path.is_file()) {
            files.push(record(path, &whole(path), None));
        }
        files
    }

    fn scoped(&self, path: &Path, ranges: Ranges) -> Ranges {
        match self.scope {
            Scope::Read => ranges,
            Scope::Whole => whole(path),
        }
    }

    /// One write, so that lines of two processes never mix.
    fn append(&mut self, line: &CustodyLine) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_all()
    }
}

fn whole(path: &Path) -> Ranges {
    std::fs::metadata(path).map(|metadata| 0..metadata.len()).into_iter().collect()
}

fn record(path: &Path, ranges: &Ranges, before: Option<FileFacts>) -> CustodyFile {
    CustodyFile {
        path: path.display().to_string(),
        ranges: ranges.iter().map(|range| (range.start, range.end - range.start)).collect(),
        before,
        after: measure(path, ranges),
    }
}

/// The facts of a file; `None` where there is none that can be opened.
fn measure(path: &Path, ranges: &Ranges) -> Option<FileFacts> {
    let image = Image::open(path).ok()?;
    let metadata = image.file().metadata().ok()?;
    let mtime =
        jiff::Timestamp::new(metadata.mtime(), i32::try_from(metadata.mtime_nsec()).unwrap_or_default());
    Some(FileFacts {
        size: metadata.len(),
        mtime: mtime.ok().map(|time| time.to_string()),
        inode: metadata.ino(),
        device: metadata.dev(),
        sha256: hash(&image, ranges).ok(),
    })
}

fn hash(image: &Image, ranges: &Ranges) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    for range in ranges.iter() {
        let mut at = range.start;
        while at < range.end {
            let length = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
            let Some(part) = buffer.get_mut(..length) else { break };
            let read = image.read_up_to(ByteOffset(at), part)?;
            hasher.update(part.get(..read).unwrap_or_default());
            if read < length {
                break;
            }
            at = at.saturating_add(length as u64);
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn facts_are_those_of_the_bytes_read_and_a_change_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (data, record) = (dir.path().join("data"), dir.path().join("record"));
        std::fs::write(&data, b"0123456789").unwrap();
        let reads = || Reads::from([(data.clone(), Ranges::from_iter([2..4, 7..9]))]);
        for change in [false, true] {
            let mut custody = Custody::begin(
                &record,
                &OutputPlace::File(record.clone()),
                vec!["verify".into()],
                Scope::Read,
            )
            .unwrap();
            custody.measure_before(reads());
            if change {
                std::fs::write(&data, b"01234567X9").unwrap();
            }
            custody.finish(&reads(), &[], 0, "healthy").unwrap();
        }
        let lines = lines(&record);
        let file = |line: usize| &lines[line]["facts"]["files"][0];
        // SHA-256 of "2378".
        let expected: String = Sha256::digest(b"2378").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file(0)["before"]["sha256"], expected);
        assert_eq!(file(0)["before"], file(0)["after"]);
        assert_eq!(file(0)["ranges"], serde_json::json!([[2, 2], [7, 2]]));
        assert_eq!(lines[0]["interpretation"]["changed"], serde_json::json!([]));
        assert_ne!(file(1)["before"]["sha256"], file(1)["after"]["sha256"]);
        assert_eq!(lines[1]["interpretation"]["changed"], serde_json::json!([data.display().to_string()]));
    }

    #[test]
    fn whole_files_are_hashed_on_demand_and_files_made_meanwhile_have_no_before() {
        let dir = tempfile::tempdir().unwrap();
        let (data, made) = (dir.path().join("data"), dir.path().join("made"));
        std::fs::write(&data, b"0123456789").unwrap();
        let record = dir.path().join("record");
        let mut custody =
            Custody::begin(&record, &OutputPlace::File(record.clone()), vec![], Scope::Whole).unwrap();
        custody.measure_before(Reads::from([(data, Ranges::from(2..4))]));
        std::fs::write(&made, b"new").unwrap();
        custody.finish(&Reads::new(), &[made], 0, "healthy").unwrap();
        let line = &lines(&record)[0];
        assert_eq!(line["facts"]["files"][0]["ranges"], serde_json::json!([[0, 10]]));
        assert_eq!(line["facts"]["files"][1]["before"], serde_json::Value::Null);
        assert_eq!(line["facts"]["files"][1]["after"]["size"], 3);
    }
}
