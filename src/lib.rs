//! Offline forensics for the InnoDB doublewrite buffer.
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod bytes;
pub mod capture;
pub mod carve;
pub mod check;
pub mod checksum;
pub mod cli;
pub mod config;
pub mod custody;
pub mod dblwr;
pub mod descriptors;
pub mod dict;
pub mod error;
pub mod examine;
pub mod extract;
pub mod fil;
pub mod fsp;
pub mod generation;
pub mod home;
pub mod image;
pub mod instance;
pub mod inventory;
pub mod keyring;
pub mod log_reader;
pub mod lookup;
pub mod naming;
pub mod predict;
pub mod redo;
pub mod report;
pub mod restore;
pub mod scan;
pub mod space;
pub mod survey;
pub mod tear;
pub mod transform;
pub mod trx_sys;
pub mod units;
pub mod verdict;

pub use error::{Error, Result};
