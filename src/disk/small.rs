//! Small files that anybody could plant or replace: opened without waiting, regular only, never more than a bound.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file for reading. A FIFO does not block, a device is not touched further than its opening.
///
/// # Errors
/// Those of the system; `InvalidInput` where it is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

/// A regular file, to be read piece by piece: one byte more than `most` at most, as it may grow meanwhile.
///
/// # Errors
/// Those of the system; `FileTooLarge` where it has more than `most` bytes.
pub fn bounded(path: &Path, most: u64) -> io::Result<io::Take<File>> {
    let file = open(path)?;
    if file.metadata()?.len() > most {
        return Err(too_large(most));
    }
    Ok(file.take(most.saturating_add(1)))
}

fn too_large(most: u64) -> io::Error {
    let what = format!("more than {most} bytes, which no file of this kind has");
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

/// All bytes of a regular file.
///
/// # Errors
/// Those of [`bounded`].
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bounded(path, most)?.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// The same as text; what is not UTF-8 is replaced.
///
/// # Errors
/// Those of [`read`].
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    read(path, most).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_a_device_and_an_endless_file_neither_block_nor_fill_memory() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, long) = (dir.path().join("pipe"), dir.path().join("long"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        File::create(&long).unwrap().set_len(1 << 40).unwrap();
        for (path, kind) in [
            (pipe.as_path(), io::ErrorKind::InvalidInput),
            (Path::new("/dev/zero"), io::ErrorKind::InvalidInput),
            (&long, io::ErrorKind::FileTooLarge),
        ] {
            assert_eq!(read(path, 1 << 16).unwrap_err().kind(), kind, "{}", path.display());
        }
        std::fs::write(&long, "12").unwrap();
        assert_eq!(read(&long, 2).unwrap(), b"12");
    }
}
