//! Preloaded into the program under test: reads of the file whose path ends with `BAD_FILE` fail with EIO where they
//! touch bytes `BAD_FROM..BAD_TO`, as over a bad sector. Compiled by `bad_sectors.rs`; no part of any crate.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
const EIO: c_int = 5;
#[cfg(target_arch = "x86_64")]
const PREAD64: c_long = 17;
#[cfg(not(target_arch = "x86_64"))]
const PREAD64: c_long = 67;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
    fn __errno_location() -> *mut c_int;
    fn readlink(path: *const c_char, to: *mut u8, len: usize) -> isize;
}
fn number(name: &CStr) -> Option<i64> {
    let text = unsafe { getenv(name.as_ptr()) };
    if text.is_null() {
        return None;
    }
    unsafe { CStr::from_ptr(text) }.to_str().ok()?.parse().ok()
}
fn hit(fd: c_int, len: usize, offset: i64) -> bool {
    let (Some(from), Some(to)) = (number(c"BAD_FROM"), number(c"BAD_TO")) else { return false };
    if offset >= to || offset + len as i64 <= from {
        return false;
    }
    let mut link = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0";
    let digits = fd.to_string();
    link[14..14 + digits.len()].copy_from_slice(digits.as_bytes());
    let mut path = [0u8; 4096];
    let got = unsafe { readlink(link.as_ptr().cast(), path.as_mut_ptr(), path.len()) };
    let file = unsafe { getenv(c"BAD_FILE".as_ptr()) };
    if got <= 0 || file.is_null() {
        return false;
    }
    let file = unsafe { CStr::from_ptr(file) }.to_bytes();
    path[..got as usize].ends_with(file)
}
#[unsafe(no_mangle)]
pub extern "C" fn pread64(fd: c_int, to: *mut c_void, len: usize, offset: i64) -> isize {
    if hit(fd, len, offset) {
        unsafe { *__errno_location() = EIO };
        return -1;
    }
    unsafe { syscall(PREAD64, fd, to, len, offset) as isize }
}
#[unsafe(no_mangle)]
pub extern "C" fn pread(fd: c_int, to: *mut c_void, len: usize, offset: i64) -> isize {
    pread64(fd, to, len, offset)
}
