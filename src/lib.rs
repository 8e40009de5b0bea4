//! Offline forensics for the InnoDB doublewrite buffer.
//!
//! Eight storeys, each importing only from those below it (`tests/architecture.rs` holds it):
//!
//! 1. [`disk`]: the only contact with the operating system.
//! 2. [`mod@format`]: what is written on a page; it parses and never judges.
//! 3. [`page`]: what state one page is in, whatever lies over it.
//! 4. [`instance`]: what lies where, from a directory or from a bundle.
//! 5. [`verdict`]: each copy held against its home; what the server would do; what a page is called.
//! 6. [`commands`]: what each subcommand does, under the word that is typed. Only `commands::restore` writes to data files.
//! 7. [`report`]: the JSON contract and the texts.
//! 8. [`cli`]: words typed become a request, what came of it an exit status.
//!
//! [`units`], [`bytes`] and [`error`] are the ground: numbers that wear their type, bytes that may be missing, errors that
//! name the file, the action and the offset.
//!
//! Verifying a directory:
//!
//! ```
//! use dblwr::instance::request::Request;
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
