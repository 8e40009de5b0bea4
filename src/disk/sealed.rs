//! Records that we sealed ourselves, journals and bundles: fields taken from hostile bytes one after the other. Past the
//! end there is an error with the offset, never a panic.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::bytes;
use crate::error::{Error, Result};
use crate::units::ByteOffset;

/// A cursor over one record.
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the record begins in its file.
    base: u64,
    path: &'a Path,
}

pub(crate) fn fault(path: &Path, offset: u64, what: impl Into<String>) -> Error {
    Error::Sealed { path: path.to_path_buf(), offset: ByteOffset(offset), what: what.into() }
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8], base: u64, path: &'a Path) -> Fields<'a> {
        Fields { bytes, at: 0, base, path }
    }

    /// An error about the field that comes next.
    pub(crate) fn fault(&self, what: impl Into<String>) -> Error {
        fault(self.path, self.base.saturating_add(self.at as u64), what)
    }

    /// Offset in the file of the field that comes next, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    pub(crate) fn take(&mut self, len: usize, what: &str) -> Result<&'a [u8]> {
        let found = bytes::slice_at(self.bytes, self.at, len)
            .ok_or_else(|| self.fault(format!("expected {len} bytes of {what}, the record ends before")))?;
        self.at = self.at.saturating_add(len);
        Ok(found)
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, what)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self, what: &str) -> Result<u8> {
        self.array(what).map(u8::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32> {
        self.array(what).map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self, what: &str) -> Result<u64> {
        self.array(what).map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self, what: &str) -> Result<i64> {
        self.array(what).map(i64::from_be_bytes)
    }

    /// Bytes behind their length of two bytes.
    pub(crate) fn text(&mut self, what: &str) -> Result<&'a OsStr> {
        let len = self.array(what).map(u16::from_be_bytes)?;
        self.take(usize::from(len), what).map(OsStr::from_bytes)
    }

    pub(crate) fn path(&mut self, what: &str) -> Result<PathBuf> {
        self.text(what).map(PathBuf::from)
    }

    /// A path that leads nowhere else, as `is_safe` says.
    pub(crate) fn safe_path(&mut self, what: &str, is_safe: impl Fn(&Path) -> bool) -> Result<PathBuf> {
        let at = self.base.saturating_add(self.at as u64);
        let path = self.path(what)?;
        if is_safe(&path) {
            return Ok(path);
        }
        let advice = "do not trust this bundle";
        Err(fault(self.path, at, format!("{what} {path:?} is not a plain relative path; {advice}")))
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    pub(crate) fn string(&mut self, what: &str) -> Result<String> {
        let at = self.at;
        let text = self.text(what)?.as_bytes().to_vec();
        String::from_utf8(text).map_err(|_| {
            fault(self.path, self.base.saturating_add(at as u64), format!("{what} is not UTF-8"))
        })
    }

    pub(crate) fn zeros(&mut self, len: usize, what: &str) -> Result<()> {
        let at = self.base.saturating_add(self.at as u64);
        if bytes::is_zero(self.take(len, what)?) {
            Ok(())
        } else {
            Err(fault(self.path, at, format!("expected {len} zero bytes of {what}")))
        }
    }

    pub(crate) fn end(&self) -> Result<()> {
        match self.bytes.len().saturating_sub(self.at) {
            0 => Ok(()),
            left => Err(self.fault(format!("expected the end of the record, found {left} more bytes"))),
        }
    }
}
