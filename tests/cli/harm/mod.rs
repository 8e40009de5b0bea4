//! No write, and no output, that can hurt: each kind with what a user sees of it.

mod contested;
mod foreign;
mod full;
mod journals;
mod leaks;
mod locks;
mod mended;
mod moved;
mod names;
mod outputs;
mod printed;
mod resumed;
mod unread;
