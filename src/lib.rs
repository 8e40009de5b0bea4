//! Offline forensics for the InnoDB doublewrite buffer.
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod bytes;
pub mod dict;
pub mod error;
pub mod fil;
pub mod fsp;
pub mod units;

pub use error::{Error, Result};
