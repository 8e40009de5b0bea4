//! Bytes of files: opened read-only and read by position; mapped only by scans, window by window.

mod file;
pub mod lock;
pub mod map;
pub mod trace;

pub use file::{FileIdentity, Image};
