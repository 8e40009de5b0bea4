//! `cargo test --test servers` hands the program just built to the real servers.
//!
//! Not part of a plain `cargo test`: it downloads database servers and takes minutes. Words after
//! `--` go to the script beside this file; without any it plays the bounded part that CI plays.

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> std::io::Result<ExitCode> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/run");
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        words.push("ci".to_owned());
    }
    let status = Command::new("python3")
        .arg(script)
        .args(words)
        .args(["--dblwr", env!("CARGO_BIN_EXE_dblwr")])
        .status()?;
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
