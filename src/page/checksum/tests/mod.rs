//! Check vectors, rules, properties and real pages.

mod properties;
mod real_pages;
mod rules;
mod vectors;
