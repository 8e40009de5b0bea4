//! Pages built for the tests of this storey.

pub mod pages;
