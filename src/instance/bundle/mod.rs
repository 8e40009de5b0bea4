//! Capture: the evidence of a crash in one small sealed file, a **bundle**, before anything is started.
//!
//! What goes in is found by watching: a verification runs, and every byte that it reads is saved, so that judging the
//! bundle is judging the directory. On top of that come the whole doublewrite files, every slot of every area, the
//! neighbours of damaged pages and the headers of the redo files. Every file of the directory is listed with its size
//! and times, whether or not bytes of it are saved. What was not saved reads as zeros.
//!
//! # Format
//!
//! All integers are big-endian. `text` is a length of two bytes and that many bytes. A bundle is a header, records one
//! behind the other, and nothing behind the last one; it is written front to back without seeking.
//!
//! | header | size | meaning |
//! |---:|---:|---|
//! | 0 | 8 | magic `DBLWRBND` |
//! | 8 | 4 | format version, 1 |
//! | 12 | 4 | flags: bit 0 redacted |
//! | 16 | 16 | random id of the bundle |
//! | 32 | 4 | CRC-32 (IEEE) of it |
//!
//! | record | size | meaning |
//! |---:|---:|---|
//! | 0 | 4 | tag |
//! | 4 | 4 | length of the record with its CRC, at most 2 MiB |
//! | 8 | 4 | number of the record, from 0 |
//! | 12 | | body |
//! | end - 4 | 4 | CRC-32 that begins with the CRC before it: records cannot be cut out, exchanged or mixed |
//!
//! | tag | body |
//! |---|---|
//! | `MANI` | length before compression 4, JSON of [`Manifest`] as one zstd frame; the first record, and only that |
//! | `DIR ` | path text |
//! | `FILE` | path text, size 8, mtime seconds 8 (signed), mtime nanoseconds 4, mode 4, device 8, inode 8 |
//! | `DATA` | offset in the last `FILE` 8, length before compression 4 (at most 1 MiB), bytes as one zstd frame |
//! | `LOST` | offset 8, length 8, why text: bytes that were wanted but could not be read |
//! | `FEND` | captured bytes 8, SHA-256 of them in order 32; ends a `FILE` |
//! | `LINK` | 1 inside or 2 outside 1, path text, target text: a link; inside, another path of the bundle; outside, as written, and it was not followed |
//! | `DONE` | records 4, files 4, total length 8, SHA-256 of everything before this record 32; the last record |
//!
//! Paths begin with `data` (what was captured), `outside/N` (directories that were named besides) or `config`; they
//! are relative, without `.` and `..`. `DATA` of one file ascend and never overlap.
//!
//! A bundle that is cut, altered or continued is refused with the offset of the fault ([`crate::error::Error::Sealed`]) before
//! anything of it is used. The seal shows damage and tampering by hand; it is no signature.

pub mod open;
pub mod read;
#[cfg(test)]
mod tests;
pub mod unpack;
pub mod write;

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::instance::redo;
use crate::units::{Lsn, PageNo, SpaceId};

/// First eight bytes.
pub const MAGIC: [u8; 8] = *b"DBLWRBND";
/// Version of the format.
pub const VERSION: u32 = 1;
/// Flag of bundles whose payloads were blanked.
pub const FLAG_REDACTED: u32 = 1;

const HEADER: usize = 36;
const RECORD_FIXED: usize = 12;
const CRC: usize = 4;
/// Longest record: a chunk that does not compress, and a path.
const RECORD_MAX: usize = 2 << 20;
/// Most bytes in one `DATA` record, before compression.
pub(crate) const CHUNK: usize = 1 << 20;
/// Longest manifest before compression.
const MANIFEST_MAX: usize = 16 << 20;
/// `PATH_MAX` of Linux.
const PATH_MAX: usize = 4096;

const TAG_MANIFEST: [u8; 4] = *b"MANI";
const TAG_DIR: [u8; 4] = *b"DIR ";
const TAG_FILE: [u8; 4] = *b"FILE";
const TAG_DATA: [u8; 4] = *b"DATA";
const TAG_LOST: [u8; 4] = *b"LOST";
const TAG_FILE_END: [u8; 4] = *b"FEND";
const TAG_LINK: [u8; 4] = *b"LINK";
const TAG_DONE: [u8; 4] = *b"DONE";

/// Where the captured directory lies inside a bundle.
pub const DATA_DIR: &str = "data";
/// Where directories that were named besides lie inside a bundle.
pub const OUTSIDE_DIR: &str = "outside";
/// Where the server's configuration lies inside a bundle.
pub const CONFIG_DIR: &str = "config";

/// What a bundle says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always 1.
    pub schema_version: u32,
    /// Version of the tool that made it.
    pub tool: String,
    /// When, UTC, RFC 3339.
    pub captured_at: String,
    /// On which host, where the system tells.
    pub host: Option<String>,
    /// What was captured, as it was named.
    pub source: String,
    /// Whether payloads were blanked and checksums stamped anew: never a source of pages to write.
    pub redacted: bool,
    /// How to look at it.
    pub request: StoredRequest,
    /// The directories that `data` and `outside/N` stand for.
    pub roots: Vec<StoredRoot>,
    /// What the redo files said, where they are not captured up to their end.
    pub redo: Option<redo::FoundRedo>,
    /// Plain sentences on what is missing.
    pub notes: Vec<String>,
    /// `server_uuid` of its `auto.cnf`; empty where there is none, and in bundles of 0.1.0.
    #[serde(default)]
    pub server_uuid: String,
    /// Where recovery would have begun.
    #[serde(default)]
    pub checkpoint_lsn: Option<Lsn>,
    /// Sound pages that lay at home: a directory that has one of them at the same LSN has the same bytes there.
    #[serde(default)]
    pub cold: Vec<ColdPage>,
}

/// A page that tells one instance from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdPage {
    /// Tablespace.
    pub space_id: SpaceId,
    /// Page number.
    pub page_no: PageNo,
    /// `FIL_PAGE_LSN`.
    pub lsn: Lsn,
    /// SHA-256 of the body, between FIL header and trailer, in lower-case hexadecimal.
    pub sha256: String,
}

/// A directory that was captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRoot {
    /// Its path in the bundle.
    pub stored: PathBuf,
    /// Its path on the host.
    pub original: String,
}

/// The request of the capture with paths of the bundle: see [`crate::instance::request::Request`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of Request")]
pub struct StoredRequest {
    pub path: PathBuf,
    pub datadir: Option<PathBuf>,
    pub data_home_dir: Option<PathBuf>,
    pub doublewrite_dir: Option<PathBuf>,
    pub undo_dir: Option<PathBuf>,
    pub redo_dir: Option<PathBuf>,
    pub directories: Vec<PathBuf>,
    pub data_file_path: Option<String>,
    pub parallel_doublewrite_path: Option<PathBuf>,
    pub page_size: Option<u32>,
    pub doublewrite_off: bool,
    /// Not in bundles of earlier versions.
    #[serde(default)]
    pub undo_log_encrypt: bool,
}

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Path in the bundle.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// Modification time: seconds since 1970.
    pub mtime: i64,
    /// Modification time: nanoseconds of the second.
    pub mtime_nanos: u32,
    /// `st_mode`.
    pub mode: u32,
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

/// Where a symbolic link, or a link file of the server (`.isl`), leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTarget {
    /// To another path of the bundle.
    Inside(PathBuf),
    /// Out of everything that was captured; the target as written. It was not followed.
    Outside(PathBuf),
}

/// Whether a path stays inside the directory that it is relative to, whatever it is joined to.
pub fn is_safe(path: &Path) -> bool {
    let named = |part: Component<'_>| matches!(part, Component::Normal(_));
    let bytes = path.as_os_str().as_encoded_bytes();
    // Components drop "." and doubled slashes without a word: the bytes must be what they stand for.
    let exact = path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
    !bytes.is_empty()
        && bytes.len() < PATH_MAX
        && !bytes.contains(&0)
        && exact
        && path.components().all(named)
}

/// `hasher` continued from the seal before it.
fn seal(previous: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(previous);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}
