//! Writes the corpus of every target below a directory: real pieces out of `testdata/`, and what broke something once.

use std::path::PathBuf;

use dblwr_fuzz::fuzzed::pieces;

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "corpus".to_owned()));
    for (target, pieces) in pieces::corpus() {
        let dir = dir.join(target);
        std::fs::create_dir_all(&dir)?;
        for (number, piece) in pieces.iter().enumerate() {
            std::fs::write(dir.join(format!("piece-{number}")), piece)?;
        }
    }
    Ok(())
}
