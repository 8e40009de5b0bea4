//! No write, and no output, that can hurt: each kind with what a user sees of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod harm {
    pub mod journals;
    pub mod outputs;
}
mod support;
