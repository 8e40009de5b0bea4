//! End to end through the built binary, on real images: one module for each command or theme, one program to link.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod bad_sectors;
mod beside;
mod capture;
mod carve;
mod cases;
mod check;
mod contract;
mod dump;
mod examples;
mod explain_log;
mod harm;
mod help;
mod images;
mod lost_header;
mod manual;
mod neighbours;
mod outcome;
mod page;
mod prediction;
mod problems;
mod redo;
mod restore;
mod scan;
mod schemas;
mod sessions;
mod transcripts;
mod verdict;
mod versions;
