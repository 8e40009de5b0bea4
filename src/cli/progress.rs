//! Progress: a bar on a terminal, lines of JSON on a descriptor.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::commands::scan;

/// Lines on the descriptor come this often.
const INTERVAL: Duration = Duration::from_millis(500);

/// Shows how far a scan is.
pub(super) struct ScanProgress {
    bar: Option<ProgressBar>,
    lines: Option<File>,
    begin: Instant,
    next: Instant,
}

/// One line of `scan --progress-fd`.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct ProgressLine {
    /// Files that are finished.
    files: u64,
    /// All files.
    files_total: u64,
    /// Bytes that were judged.
    bytes: u64,
    /// All bytes.
    bytes_total: u64,
    /// Damaged pages so far.
    damaged: u64,
    /// Since the beginning, on average.
    bytes_per_second: u64,
    /// Since the beginning.
    seconds: f64,
    /// At that speed; `null` where nothing can be said yet.
    seconds_left: Option<f64>,
    /// Whether this is the last line.
    done: bool,
}

impl ScanProgress {
    /// A bar where standard error is a terminal and may be used, lines where a descriptor was named.
    ///
    /// # Errors
    /// The descriptor is not open for writing.
    pub fn new(quiet: bool, descriptor: Option<u32>) -> anyhow::Result<ScanProgress> {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(bar);
        let lines = descriptor.map(open).transpose()?;
        let begin = Instant::now();
        Ok(ScanProgress { bar, lines, begin, next: begin })
    }

    /// So far.
    ///
    /// # Errors
    /// Whatever hears the lines is gone, or cannot take them.
    pub fn show(&mut self, progress: &scan::Scanned) -> anyhow::Result<()> {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.bytes_total);
            bar.set_position(progress.bytes);
            bar.set_message(format!(
                "{}/{} files, {} damaged",
                progress.files, progress.files_total, progress.damaged
            ));
        }
        if Instant::now() >= self.next {
            self.next = Instant::now() + INTERVAL;
            self.line(progress, false)?;
        }
        Ok(())
    }

    /// The end.
    ///
    /// # Errors
    /// As [`ScanProgress::show`].
    pub fn finish(&mut self, progress: &scan::Scanned) -> anyhow::Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.line(progress, true)
    }

    fn line(&mut self, progress: &scan::Scanned, done: bool) -> anyhow::Result<()> {
        let Some(lines) = &mut self.lines else { return Ok(()) };
        let seconds = self.begin.elapsed().as_secs_f64();
        let rate = progress.bytes as f64 / seconds.max(0.001);
        let left = progress.bytes_total.saturating_sub(progress.bytes) as f64 / rate;
        let line = ProgressLine {
            files: progress.files,
            files_total: progress.files_total,
            bytes: progress.bytes,
            bytes_total: progress.bytes_total,
            damaged: progress.damaged,
            bytes_per_second: rate as u64,
            seconds,
            seconds_left: Some(left).filter(|left| left.is_finite()),
            done,
        };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        // A reader of progress that went away does not end the scan.
        if lines.write_all(&text).is_err() {
            self.lines = None;
        }
        Ok(())
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left, {msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// A descriptor that the caller opened, by its name in the file system.
fn open(descriptor: u32) -> anyhow::Result<File> {
    let path = format!("/dev/fd/{descriptor}");
    File::options()
        .append(true)
        .open(&path)
        .map_err(|error| anyhow::anyhow!("--progress-fd {descriptor}: cannot write to it: {error}"))
}
