//! A deterministic part of the fuzzing: every real piece as it is, cut, and altered from a fixed seed; and every input
//! that fuzzing has once found to break something, kept in `tests/fuzzed/found/TARGET/`.
//!
//! `DBLWR_FUZZ_ROUNDS` sets how many altered inputs each target gets, `DBLWR_FUZZ_SEED` where they begin. A failure
//! prints both. `DBLWR_FUZZ_TARGET` names one target.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fuzzed;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fuzzed::{Body, PLANTED, TARGETS, files, pieces};
use rayon::prelude::*;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// One to eight alterations: bits, edge values, runs, cuts, moved parts.
fn altered(rng: &mut Rng, piece: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = piece.to_vec();
    for _ in 0..1 + rng.below(8) {
        let at = rng.below(bytes.len());
        match rng.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
            1 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][rng.below(5)],
            2 | 3 => {
                let edges: [u32; 8] = [0, 1, 0x7FFF_FFFF, 0x8000_0000, u32::MAX, u32::MAX - 1, 512, 65535];
                let word = edges[rng.below(edges.len())].to_be_bytes();
                let word = &word[rng.below(4)..];
                let end = (at + word.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&word[..end - at]);
            }
            4 => bytes.truncate(at),
            5 => {
                let end = (at + rng.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            6 if !other.is_empty() => {
                let from = rng.below(other.len());
                let part = &other[from..(from + rng.below(600)).min(other.len())];
                let end = (at + part.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&part[..end - at]);
            }
            _ => {
                let part: Vec<u8> = (0..rng.below(16)).map(|_| rng.next() as u8).collect();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

fn survives(name: &str, body: Body, bytes: &[u8], how: &str) {
    if catch_unwind(AssertUnwindSafe(|| body(bytes))).is_err() {
        let path = std::env::temp_dir().join(format!("dblwr-{name}-breaks"));
        std::fs::write(&path, bytes).expect("write the input");
        panic!("{name}: {how} breaks it; the input is in {}", path.display());
    }
}

#[test]
fn every_piece_and_every_altered_piece_comes_back() {
    let (rounds, seed) = (setting("DBLWR_FUZZ_ROUNDS", 60), setting("DBLWR_FUZZ_SEED", 1));
    let corpus = pieces::corpus();
    let inputs = AtomicUsize::new(0);
    let only = std::env::var("DBLWR_FUZZ_TARGET").ok();
    for (name, body) in
        TARGETS.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name))
    {
        let pieces = &corpus[name];
        assert!(!pieces.is_empty(), "{name} has no corpus");
        pieces.par_iter().enumerate().for_each(|(number, piece)| {
            survives(name, body, piece, &format!("piece {number}"));
        });
        (0..rounds).into_par_iter().for_each(|round| {
            let mut rng = Rng(seed.wrapping_mul(1 << 32).wrapping_add(round));
            let (piece, other) = (&pieces[rng.below(pieces.len())], &pieces[rng.below(pieces.len())]);
            let how = format!("DBLWR_FUZZ_SEED={seed}, round {round}");
            survives(name, body, &altered(&mut rng, piece, other), &how);
        });
        inputs.fetch_add(pieces.len() + rounds as usize, Ordering::Relaxed);
    }
    println!("{} inputs for {} targets, seed {seed}", inputs.into_inner(), TARGETS.len());
}

/// The most memory that this process has had since it was last asked, in KiB (`VmHWM`; `clear_refs` 5 sets it back).
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// One thread, so that what it takes of memory is what one input takes. `DBLWR_FUZZ_PLANTED` sets how many inputs all
/// these targets get together.
#[test]
fn planted_files_neither_break_nor_fill_memory() {
    let (all, seed) = (setting("DBLWR_FUZZ_PLANTED", 2000), setting("DBLWR_FUZZ_SEED", 1));
    let corpus = pieces::planted();
    let place = files::scratch();
    files::write_into(place.path());
    let only = std::env::var("DBLWR_FUZZ_TARGET").ok();
    let mut inputs = 0;
    for (name, share) in
        PLANTED.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name))
    {
        let body = TARGETS.into_iter().find(|(target, _)| *target == name).expect("a target").1;
        let pieces = &corpus[name];
        let (rounds, began, mut slowest) = (all * share / 1000, Instant::now(), Duration::ZERO);
        peak_memory();
        for round in 0..rounds {
            let mut rng = Rng(seed.wrapping_mul(1 << 32).wrapping_add(round));
            let (piece, other) = (&pieces[rng.below(pieces.len())], &pieces[rng.below(pieces.len())]);
            let input = altered(&mut rng, piece, other);
            let began = Instant::now();
            survives(name, body, &input, &format!("DBLWR_FUZZ_SEED={seed}, round {round}"));
            slowest = slowest.max(began.elapsed());
        }
        let (took, memory) = (began.elapsed().as_secs(), peak_memory() / 1024);
        println!("{name}: {rounds} inputs in {took} s, slowest {slowest:?}, most memory {memory} MiB");
        assert!(memory < 256, "{name} took {memory} MiB");
        inputs += rounds;
    }
    println!("{inputs} inputs for planted files, seed {seed}");
}

#[test]
fn what_broke_something_once_does_no_more() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzzed/found");
    for (name, body) in TARGETS {
        for entry in std::fs::read_dir(found.join(name)).into_iter().flatten().flatten() {
            let bytes = std::fs::read(entry.path()).expect("readable");
            survives(name, body, &bytes, &entry.path().display().to_string());
        }
    }
}
