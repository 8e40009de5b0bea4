//! What each subcommand does, under the word that is typed. A command returns facts; `report` makes documents of them.

pub mod capture;
pub mod carve;
pub mod check;
pub mod custody;
pub mod dump;
pub mod explain_log;
pub mod page;
pub mod redo;
pub mod restore;
pub mod scan;
