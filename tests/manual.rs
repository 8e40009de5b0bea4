//! The manual pages that are checked in are those that the program prints.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::path::Path;

use support::dblwr;

/// Pages generated from the same definitions as `--help`; `dblwr man NAME` prints each.
const PAGES: [&str; 13] = [
    "locate",
    "dump",
    "verify",
    "restore",
    "revert",
    "scan",
    "page",
    "carve",
    "capture",
    "check",
    "explain-log",
    "completions",
    "man",
];

#[test]
fn pages_are_current() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let main = ("dblwr.1".to_owned(), dblwr(["man"]).stdout);
    let others = PAGES.iter().map(|name| (format!("dblwr-{name}.1"), dblwr(["man", name]).stdout));
    for (file, printed) in std::iter::once(main).chain(others) {
        let stored = std::fs::read(man.join(&file)).unwrap_or_default();
        assert!(!printed.is_empty(), "{file}: nothing is printed");
        assert!(stored == printed, "man/{file} is not what dblwr man prints; write it anew with man/update");
    }
}
