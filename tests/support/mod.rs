//! Shared by the end-to-end tests: unpacking real images and running the built binary on them.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The folder of one shipped image.
pub fn testdata(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(case)
}

/// Every shipped image with expectations, by name. None at all is a fault of the checkout, not a test that passes.
pub fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(testdata("")).expect("testdata");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    cases.retain(|case| case.join("expected.json").exists());
    cases.sort();
    assert!(cases.len() >= 13, "only {} images with expectations in testdata", cases.len());
    cases
}

/// A copy of an image's data directory.
pub fn unpack(case: &Path) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    copy_tree(&unpacked(case), dir.path());
    dir
}

/// The image as the first test that wants it has unpacked it, below the target directory; another archive has another name.
fn unpacked(case: &Path) -> PathBuf {
    let packed = case.join("crashed.tar.zst");
    let stat = std::fs::metadata(&packed).expect("the packed image");
    let name = case.file_name().expect("a name").to_string_lossy();
    let images = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    let place = images.join(format!("{name}-{}-{}", stat.len(), stat.mtime()));
    if !place.exists() {
        std::fs::create_dir_all(&images).expect("a directory");
        let fresh = tempfile::tempdir_in(&images).expect("a directory");
        unpack_into(&packed, fresh.path());
        // Refused where another test was faster: what that one unpacked is the same.
        let _ = std::fs::rename(fresh.path(), &place);
    }
    place
}

/// Most of a redo log and of an undo tablespace is zeros: they become holes.
fn unpack_into(packed: &Path, dir: &Path) {
    let packed = File::open(packed).expect("the packed image");
    let mut archive = tar::Archive::new(zstd::Decoder::new(packed).expect("zstd"));
    for entry in archive.entries().expect("tar") {
        let mut entry = entry.expect("an entry");
        if entry.header().entry_type().is_file() {
            let path = dir.join(entry.path().expect("a path"));
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            let mode = entry.header().mode().expect("a mode");
            write_sparse(&mut entry, &path);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        } else {
            entry.unpack_in(dir).expect("tar");
        }
    }
}

/// Files, directories and symbolic links with their modes; holes stay holes.
fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a type");
        if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&path).expect("a link"), &copy).expect("a link");
            continue;
        }
        if kind.is_dir() {
            std::fs::create_dir(&copy).expect("a directory");
            copy_tree(&path, &copy);
        } else {
            copy_sparse(&path, &copy);
        }
        let mode = entry.metadata().expect("a mode").permissions();
        std::fs::set_permissions(&copy, mode).expect("a mode");
    }
}

fn copy_sparse(from: &Path, to: &Path) {
    let (mut from, mut to) = (File::open(from).expect("a file"), File::create(to).expect("a file"));
    to.set_len(from.metadata().expect("a length").len()).expect("a length");
    let mut end = 0;
    while let Ok(begin) = rustix::fs::seek(&from, rustix::fs::SeekFrom::Data(end)) {
        end = rustix::fs::seek(&from, rustix::fs::SeekFrom::Hole(begin)).expect("an end");
        from.seek(SeekFrom::Start(begin)).expect("a place");
        to.seek(SeekFrom::Start(begin)).expect("a place");
        std::io::copy(&mut (&from).take(end - begin), &mut to).expect("room");
    }
}

fn write_sparse(from: &mut impl Read, path: &Path) {
    let (mut file, mut length) = (File::create(path).expect("a file"), 0);
    let mut piece = vec![0; 1 << 16];
    loop {
        let mut filled = 0;
        while filled < piece.len() {
            match from.read(&mut piece[filled..]).expect("tar") {
                0 => break,
                read => filled += read,
            }
        }
        if filled == 0 {
            break file.set_len(length).expect("a length");
        }
        length += filled as u64;
        if piece[..filled].iter().all(|&byte| byte == 0) {
            file.seek(SeekFrom::Current(filled as i64)).expect("a hole");
        } else {
            file.write_all(&piece[..filled]).expect("room");
        }
    }
}

/// Unpacks a shipped image by name.
pub fn image(case: &str) -> TempDir {
    unpack(&testdata(case))
}

/// What is expected of an image.
pub fn expected(case: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(case.join("expected.json")).expect("expected.json")).expect("JSON")
}

/// Runs the built binary.
pub fn dblwr<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    program(args).output().expect("the binary runs")
}

/// The built binary. Nobody writes what `check` looks at here: it need not wait between its reads.
pub fn program<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
    let says = |option: &str| args.iter().any(|arg| arg == option);
    if args.first().is_some_and(|first| first == "check") && !says("--over") && !says("--reads") {
        args.splice(1..1, ["--over", "0"].map(OsString::from));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
    command.args(args);
    command
}

/// The exit code of a run.
pub fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

/// Standard output as one JSON document.
pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!("{e}: {} {}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Length and CRC-32 of every file of a directory, by relative path.
pub type Tree = BTreeMap<PathBuf, (usize, u32)>;

/// Length and CRC-32 of every file below a directory, by relative path: enough to see that a byte has changed.
pub fn tree(dir: &Path) -> Tree {
    let mut files = BTreeMap::new();
    collect(dir, dir, &mut files);
    files
}

/// What the file system says of every file below a directory: no write, no rename and no new link leaves it the same.
pub fn marks(dir: &Path) -> BTreeMap<PathBuf, (u64, u64, i64, i64)> {
    let mut marks = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for path in std::fs::read_dir(dir).expect("a directory").flatten().map(|entry| entry.path()) {
            let stat = std::fs::symlink_metadata(&path).expect("it is there");
            let mark = (stat.ino(), stat.len(), stat.ctime(), stat.ctime_nsec());
            if stat.is_dir() {
                dirs.push(path.clone());
            }
            marks.insert(path, mark);
        }
    }
    marks
}

fn collect(root: &Path, dir: &Path, files: &mut Tree) {
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root").to_path_buf();
            let bytes = std::fs::read(&path).expect("readable");
            files.insert(name, (bytes.len(), crc32fast::hash(&bytes)));
        }
    }
}

/// Mounts a small file system for tests of full disks. False where that takes rights that are not there: then the test
/// proves nothing, which counts as a failure where `CI` is set.
pub fn mount_small(place: &Path, size: &str) -> bool {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(place);
    let mounted = mount.output().is_ok_and(|output| output.status.success());
    assert!(
        mounted || std::env::var_os("CI").is_none(),
        "no small file system can be mounted: full disks are untested"
    );
    if !mounted {
        eprintln!("NOT TESTED: a full disk; no small file system can be mounted here (it takes root)");
    }
    mounted
}
