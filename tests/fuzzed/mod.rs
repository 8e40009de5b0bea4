//! What is fuzzed: one body for each parser, called by the fuzz targets in `fuzz/` and by the ordinary tests.
//!
//! A body takes any bytes. It may find nothing, but it must come back without a panic, and where it says something of
//! the bytes that can be checked, it checks it.
#![allow(dead_code, reason = "the fuzz targets and the tests each use their own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may stop"
)]

pub mod directory;
pub mod files;
pub mod pages;
pub mod pieces;
pub mod planted;
pub mod seals;

/// A body.
pub type Body = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Body); 22] = [
    ("page", pages::page),
    ("page0", pages::page0),
    ("flags", pages::flags),
    ("trx_sys", pages::trx_sys),
    ("decompress", pages::decompress),
    ("dictionary", pages::dictionary),
    ("carve", pages::carve),
    ("reduced", pages::reduced),
    ("keyring", pages::keyring),
    ("error_log", pages::error_log),
    ("slots", files::slots),
    ("redo", files::redo),
    ("forward", pages::forward),
    ("journal", files::journal),
    ("bundle", files::bundle),
    ("plan", files::plan),
    ("config", files::config),
    ("baseline", files::baseline),
    ("resume", planted::resume),
    ("link", planted::link),
    ("uuid", planted::uuid),
    ("directory", directory::directory),
];

/// Targets of files that anybody could plant, and how many of a thousand inputs of a long run each gets: the slow ones fewer.
pub const PLANTED: [(&str, u64); 9] = [
    ("journal", 60),
    ("bundle", 10),
    ("plan", 200),
    ("resume", 100),
    ("baseline", 130),
    ("keyring", 200),
    ("config", 60),
    ("link", 40),
    ("uuid", 200),
];

/// Takes one byte, or 0 at the end.
pub fn byte(bytes: &mut &[u8]) -> u8 {
    take(bytes, 1).first().copied().unwrap_or_default()
}

/// Takes a big-endian number; missing bytes are zero.
pub fn number(bytes: &mut &[u8]) -> u32 {
    take(bytes, 4).iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

/// Takes up to so many bytes.
pub fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(len.min(bytes.len()));
    *bytes = rest;
    taken
}
