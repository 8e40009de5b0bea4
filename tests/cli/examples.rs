//! The examples run and print what they should.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::support::{code, dblwr, image};

/// Runs an example: cargo builds them beside the program that the tests run.
fn example<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> String {
    let place = Path::new(env!("CARGO_BIN_EXE_dblwr")).with_file_name("examples");
    let output = Command::new(place.join(name)).args(args).output();
    let output = output.unwrap_or_else(|e| panic!("{name}: {e}; cargo build --examples makes it"));
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{name}: {err}{out}");
    out
}

#[test]
fn a_library_user_verifies_a_directory() {
    let (torn, sound) = (image("m56-innodb-16k"), image("m97-clean-kill"));
    let printed = example("verify_directory", [torn.path()]);
    assert!(printed.starts_with("6:5 restorable: ") && printed.lines().count() == 1, "{printed}");
    assert_eq!(example("verify_directory", [sound.path()]), "");
}

#[test]
fn the_main_job_on_a_real_image() {
    let printed = example("mend_a_torn_page", std::iter::empty::<&str>());
    for line in [
        "$ dblwr verify data",
        "RESTORABLE: 1 damaged page and 22 all-zero pages with a good copy in the doublewrite buffer",
        "RESTORED: 23 pages written, read back and verified",
        "OK: nothing to mend from the doublewrite buffer; pages without a copy were not read: dblwr scan",
    ] {
        assert!(printed.lines().any(|printed| printed.starts_with(line)), "{line} is not in: {printed}");
    }
}

#[test]
fn a_tablespace_made_for_benchmarks_is_sound() {
    let place = tempfile::tempdir().unwrap();
    for format in ["crc32", "innodb", "none", "full_crc32", "page_compressed", "zip8"] {
        let file = place.path().join(format!("{format}.ibd"));
        assert_eq!(example("make_tablespace", [OsStr::new(format), OsStr::new("1"), file.as_os_str()]), "");
        assert_eq!(std::fs::metadata(&file).unwrap().len(), 1 << 20);
        assert_eq!(code(&dblwr([OsStr::new("scan"), file.as_os_str()])), 0, "{format}");
    }
}
