//! Bytes of files: opened read-only, read by position, never mapped unless asked.

mod file;
pub mod lock;
pub mod trace;

pub use file::{FileIdentity, Image};
