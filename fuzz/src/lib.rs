//! The bodies of the fuzz targets, shared with `tests/fuzz_subset.rs`.
#![allow(missing_docs, reason = "documented in tests/fuzzed")]

#[path = "../../tests/fuzzed/mod.rs"]
pub mod fuzzed;
