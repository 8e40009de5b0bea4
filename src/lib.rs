//! Offline forensics for the InnoDB doublewrite buffer.
//!
//! One way through the house, each module importing only from those before it:
//!
//! - [`units`], [`bytes`], [`error`]: numbers that wear their type, bytes that may be missing, errors that name the file.
//! - [`fil`], [`fsp`], [`trx_sys`]: what is written on a page; parsing does not judge.
//! - [`checksum`], [`transform`], [`examine`]: what state a page is in, whatever lies over it.
//! - [`space`], [`redo`], [`dblwr`], [`instance`]: which file holds which tablespace, what redo still covers, where the
//!   doublewrite buffer is.
//! - [`home`], [`verdict`], [`survey`]: each copy held against its home; the one loop that puts them together.
//! - [`predict`]: what the server would do at its next start.
//! - [`restore`]: plan, journal, apply, verify, revert. The only module that writes to data files.
//! - [`scan`], [`carve`], [`check`], [`capture`], [`log_reader`], [`dict`]: every page, raw images, monitoring, evidence,
//!   error logs, names.
//! - [`report`], [`cli`]: the JSON contract and the texts; the command line.
//!
//! Verifying a directory:
//!
//! ```
//! use dblwr::instance::locations::Request;
//! use dblwr::verdict::survey::Survey;
//! use dblwr::verdict::Verdict;
//!
//! # let place = tempfile::tempdir()?;
//! # let packed = std::fs::File::open("testdata/m56-innodb-16k/crashed.tar.zst")?;
//! # tar::Archive::new(zstd::Decoder::new(packed)?).unpack(place.path())?;
//! # let datadir = place.path();
//! # let mut pages = Vec::new();
//! let survey = Survey::run(&Request { path: datadir.into(), ..Request::default() })?;
//! for finding in &survey.findings {
//!     if finding.judgement.verdict == Verdict::Restorable {
//!         println!("{}:{} {}", finding.space_id(), finding.page_no(), finding.judgement.reason);
//! #       pages.push(format!("{}:{}", finding.space_id(), finding.page_no()));
//!     }
//! }
//! # assert_eq!(pages, ["6:5"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Versions follow Semantic Versioning: before 1.0 a change of the second number may change what is `pub`. Subcommands,
//! options, exit codes and JSON fields of the program are never renamed or dropped.
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod bytes;
pub mod cli;
pub mod commands;
pub mod disk;
pub mod error;
pub mod format;
pub mod instance;
pub mod page;
pub mod report;
pub mod units;
pub mod verdict;

pub use error::{Error, Result};
