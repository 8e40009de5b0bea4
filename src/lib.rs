//! Offline forensics for the InnoDB doublewrite buffer.
//!
//! Eight storeys, each importing only from those below it (`tests/architecture.rs` holds it):
//!
//! 1. `disk`: the only contact with the operating system.
//! 2. `format`: what is written on a page; it parses and never judges.
//! 3. `page`: what state one page is in, whatever lies over it.
//! 4. `instance`: what lies where, from a directory or from a bundle.
//! 5. `verdict`: each copy held against its home; what the server would do; what a page is called.
//! 6. `commands`: what each subcommand does, under the word that is typed. Only `commands::restore` writes to data files.
//! 7. `report`: the JSON contract and the texts.
//! 8. `cli`: words typed become a request, what came of it an exit status.
//!
//! `units`, `bytes` and `error` are the ground: numbers that wear their type, bytes that may be missing, errors that
//! name the file, the action and the offset.
//!
//! Verifying a directory:
//!
//! ```
//! use dblwr::{Request, Survey, Verdict};
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
//! Versions follow Semantic Versioning: before 1.0 a change of the second number may change what is named here.
//! `internals` is no part of that. Subcommands,
//! options, exit codes and JSON fields of the program are never renamed or dropped.
#![forbid(unsafe_op_in_unsafe_fn)]
// Most links lead from inside to inside: `cargo doc --document-private-items` is where they are read.
#![allow(rustdoc::private_intra_doc_links)]

mod bytes;
mod cli;
mod commands;
mod disk;
mod error;
mod format;
mod instance;
mod page;
mod report;
mod units;
mod verdict;

#[doc(hidden)]
pub mod internals;

pub use cli::run;
pub use error::{Error, Result};
pub use format::fil::{FIL_PAGE_LSN, FIL_PAGE_OFFSET, FIL_PAGE_SPACE_ID, FIL_PAGE_TYPE, page_type};
pub use format::fsp::{
    FSP_FREE_LIMIT, FSP_SIZE, FSP_SPACE_FLAGS, FSP_SPACE_ID, Layout, PageFormat, XDES_ARR_OFFSET, xdes_size,
};
pub use instance::generation::Generation;
pub use instance::request::Request;
pub use page::checksum::{Algorithm, stamp};
pub use units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};
pub use verdict::Verdict;
pub use verdict::judge::Judgement;
pub use verdict::survey::{Finding, Survey};
