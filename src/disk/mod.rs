//! Bytes of files: opened read-only and read by position; mapped only by scans, window by window.

pub mod calls;
pub mod image;
pub mod lock;
pub mod map;
pub mod reads;
pub mod real;
pub mod replace;
pub mod run;
pub mod sealed;
pub mod throttle;

pub use crate::disk::image::{FileIdentity, Image};
