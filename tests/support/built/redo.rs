//! Redo logs: the builder of the redo reader's own tests, with the two check words it needs.

#[path = "../../../src/instance/redo/tests/build.rs"]
#[allow(dead_code, reason = "the redo reader's tests use all of it")]
mod build;

pub use build::*;
use dblwr::internals::page::checksum::crc32c;

/// `ut_fold_binary`: the check word of checkpoint blocks before MySQL 5.7.9.
fn fold(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |f, &b| {
        let b = u32::from(b);
        ((((f ^ b ^ 1_653_893_711) << 8).wrapping_add(f)) ^ 1_463_735_687).wrapping_add(b)
    })
}
