//! check

pub mod metrics;
pub mod nagios;
