//! Every layout that no server at hand makes, built field by field and proved through the built binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

#[path = "../support/built/mod.rs"]
mod built;
#[path = "../support/mod.rs"]
mod support;

mod carve;
mod many;
mod mariadb;
mod places;
mod real;
mod separate;
mod spaces;
mod system;
