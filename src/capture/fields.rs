//! Taking fields from a hostile record one after the other: past its end there is an error with the offset.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::bytes::slice_at;
use crate::error::{Error, Result};
use crate::units::ByteOffset;

pub(super) fn fault(path: &Path, offset: u64, what: impl Into<String>) -> Error {
    Error::Sealed { path: path.to_path_buf(), offset: ByteOffset(offset), what: what.into() }
}

/// A cursor over the body of one record.
pub(super) struct Fields<'a> {
    body: &'a [u8],
    at: usize,
    /// Where the body begins in its file.
    base: u64,
    path: &'a Path,
}

impl<'a> Fields<'a> {
    pub(super) fn new(body: &'a [u8], base: u64, path: &'a Path) -> Fields<'a> {
        Fields { body, at: 0, base, path }
    }

    pub(super) fn fault(&self, what: impl Into<String>) -> Error {
        fault(self.path, self.base.saturating_add(self.at as u64), what)
    }

    fn take(&mut self, len: usize, what: &str) -> Result<&'a [u8]> {
        let found = slice_at(self.body, self.at, len)
            .ok_or_else(|| self.fault(format!("expected {len} bytes of {what}, the record ends before")))?;
        self.at = self.at.saturating_add(len);
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

    pub(super) fn text(&mut self, what: &str) -> Result<&'a OsStr> {
        let len = self.array(what).map(u16::from_be_bytes)?;
        self.take(usize::from(len), what).map(OsStr::from_bytes)
    }

    /// A path that leads nowhere else.
    pub(super) fn safe_path(&mut self, what: &str) -> Result<PathBuf> {
        let at = self.at;
        let path = PathBuf::from(self.text(what)?);
        if super::is_safe(&path) {
            return Ok(path);
        }
        let at = self.base.saturating_add(at as u64);
        Err(fault(
            self.path,
            at,
            format!("{what} {path:?} is not a plain relative path; do not trust this bundle"),
        ))
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = self.body.get(self.at..).unwrap_or_default();
        self.at = self.body.len();
        rest
    }

    pub(super) fn end(&self) -> Result<()> {
        match self.body.len().saturating_sub(self.at) {
            0 => Ok(()),
            left => Err(self.fault(format!("expected the end of the record, found {left} more bytes"))),
        }
    }
}
