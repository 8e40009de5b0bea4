//! Taking fields from hostile bytes one after the other: past the end there is an error with the offset, never a panic.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::bytes;
use crate::error::{Error, Result};
use crate::units::ByteOffset;

/// A cursor over one record.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the record begins in its file.
    base: u64,
    path: &'a Path,
}

pub(super) fn fault(path: &Path, offset: u64, what: impl Into<String>) -> Error {
    Error::Sealed { path: path.to_path_buf(), offset: ByteOffset(offset), what: what.into() }
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8], base: u64, path: &'a Path) -> Fields<'a> {
        Fields { bytes, at: 0, base, path }
    }

    /// An error about the field that comes next.
    pub(super) fn fault(&self, what: impl Into<String>) -> Error {
        fault(self.path, self.base.saturating_add(self.at as u64), what)
    }

    pub(super) fn take(&mut self, len: usize, what: &str) -> Result<&'a [u8]> {
        let found = bytes::slice_at(self.bytes, self.at, len)
            .ok_or_else(|| self.fault(format!("expected {len} bytes of {what}, the record ends before")))?;
        self.at += len;
        Ok(found)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, what)?);
        Ok(out)
    }

    pub(super) fn u8(&mut self, what: &str) -> Result<u8> {
        self.array(what).map(u8::from_be_bytes)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32> {
        self.array(what).map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64> {
        self.array(what).map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self, what: &str) -> Result<i64> {
        self.array(what).map(i64::from_be_bytes)
    }

    fn text(&mut self, what: &str) -> Result<&'a [u8]> {
        let len = self.array(what).map(u16::from_be_bytes)?;
        self.take(usize::from(len), what)
    }

    pub(super) fn path(&mut self, what: &str) -> Result<PathBuf> {
        Ok(PathBuf::from(OsStr::from_bytes(self.text(what)?)))
    }

    pub(super) fn string(&mut self, what: &str) -> Result<String> {
        let at = self.at;
        let text = self.text(what)?.to_vec();
        String::from_utf8(text).map_err(|_| {
            fault(self.path, self.base.saturating_add(at as u64), format!("{what} is not UTF-8"))
        })
    }

    pub(super) fn zeros(&mut self, len: usize, what: &str) -> Result<()> {
        let at = self.base.saturating_add(self.at as u64);
        if bytes::is_zero(self.take(len, what)?) {
            Ok(())
        } else {
            Err(fault(self.path, at, format!("expected {len} zero bytes of {what}")))
        }
    }

    pub(super) fn end(&self) -> Result<()> {
        match self.bytes.len().saturating_sub(self.at) {
            0 => Ok(()),
            left => Err(self.fault(format!("expected the end of the record, found {left} more bytes"))),
        }
    }
}
