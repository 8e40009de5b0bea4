//! The main job on a real image: MySQL 9.7.4 was killed while it wrote page 5 of the system tablespace and refuses to
//! start. This unpacks the shipped data directory into a temporary place and mends it there with the program's own
//! commands.
//!
//! Run with `cargo run --release --example mend_a_torn_page`.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, ensure};

fn main() -> Result<()> {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/m97-ibdata/crashed.tar.zst");
    let place = tempfile::tempdir()?;
    let data = place.path().join("data");
    let file = File::open(&packed).with_context(|| packed.display().to_string())?;
    tar::Archive::new(zstd::Decoder::new(file)?).unpack(&data)?;
    std::env::set_current_dir(place.path())?;

    let torn = dblwr(&["verify", "data"]);
    let mended = dblwr(&["restore", "data", "--apply", "--journal", "restore.journal"]);
    let after = dblwr(&["verify", "data"]);
    ensure!((torn, mended, after) == (1, 0, 0), "exit codes {torn}, {mended}, {after}; expected 1, 0, 0");
    Ok(())
}

/// Runs one command line in this process and shows it as a shell would.
fn dblwr(args: &[&str]) -> u8 {
    println!("$ dblwr {}", args.join(" "));
    let code = dblwr::run(["dblwr"].iter().chain(args).map(OsString::from));
    println!("(exit status {code})\n");
    code
}
