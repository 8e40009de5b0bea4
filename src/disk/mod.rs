//! The only contact with the operating system: open, map, lock, read, write, rename, throttle, record what was read.
//!
//! Files are opened read-only and read by position, and mapped only by scans, window by window. What writes to data files
//! is [`real`], behind the calls of [`calls`]; only `commands::restore` may have one.

pub mod attributes;
pub mod calls;
pub mod host;
pub mod image;
pub mod kept;
pub mod leftovers;
pub mod lock;
pub mod map;
pub mod output;
pub mod reads;
pub mod real;
pub mod run;
pub mod sealed;
pub mod small;
pub mod threads;
pub mod throttle;

pub use crate::disk::image::{FileIdentity, Image};
pub use crate::disk::kept::{PageBytes, PageSum, ReadAgain, Spill};
