//! The pass: writing planned pages so that nothing can break it, and taking them back.

pub mod choose;
pub mod disk;
pub mod plan;

pub use choose::{Selection, choose};
pub use plan::{CopyRef, Outcome, Plan, PlannedPage};
