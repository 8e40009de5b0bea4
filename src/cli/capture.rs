//! `dblwr capture`.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cli::args::Capture;
use crate::cli::{Context, ExitStatus};
use crate::commands::capture::{CaptureOptions, Saved, save};
use crate::disk::output::{self, NEVER, OutputPlace, Pending};
use crate::error::Error;
use crate::report::capture::CaptureReport;

pub(super) fn run(args: &Capture, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let request = args.target.request()?;
    let options = CaptureOptions {
        redact: args.redact,
        config: args.target.places.defaults_file.clone(),
        ..CaptureOptions::default()
    };
    let place = output::decide(&args.out, &context.evidence, NEVER)?;
    let to_stdout = place == OutputPlace::Stdout;
    let (saved, sha256) = if to_stdout {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            anyhow::bail!(
                "a bundle is not for a terminal; redirect standard output, or name a file with --out"
            );
        }
        let out = Hashing::new(BufWriter::new(stdout.lock()));
        let (saved, out) = save(&request, &options, Path::new("standard output"), out)?;
        (saved, out.finish())
    } else {
        to_file(&args.out, &place, |out| save(&request, &options, &args.out, out))?
    };
    let report = CaptureReport::of(&args.out, &saved, sha256);
    let all_read = saved.lost.is_empty() && saved.unread.is_empty();
    let status = if all_read { ExitStatus::Healthy } else { ExitStatus::Unknown };
    let place = if to_stdout { "standard output".into() } else { args.out.to_string_lossy() };
    context.wrote(status, format!("the bundle is written to {place}, SHA-256 {}", report.sha256));
    for note in report.notes.iter().chain(&report.lost).chain(&saved.unread) {
        context.warn(note)?;
    }
    if to_stdout {
        context.warn(report.headline())?;
        if let Some(guard) = report.guard {
            context.warn(guard)?;
        }
    } else {
        context.emit(&report, |out| report.write_text(out))?;
    }
    Ok(status)
}

type Out = Hashing<BufWriter<File>>;

/// A file has its name when it is whole: a full disk must not stay full of half a bundle.
fn to_file(
    path: &Path,
    place: &OutputPlace,
    work: impl FnOnce(Out) -> crate::error::Result<(Saved, Out)>,
) -> anyhow::Result<(Saved, String)> {
    let OutputPlace::File(real) = place else {
        let stream = place.append().map_err(Error::io(path, "open"))?;
        let (saved, out) = work(Hashing::new(BufWriter::new(stream)))?;
        return Ok((saved, out.finish()));
    };
    let pending = Pending::create(real, 0o600)?;
    let file = pending.file.try_clone().map_err(Error::io(path, "create the bundle"))?;
    let (saved, out) = work(Hashing::new(BufWriter::new(file)))?;
    let sha256 = out.finish();
    pending.finish()?;
    Ok((saved, sha256))
}

/// Hashes what passes through.
struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W> Hashing<W> {
    fn new(out: W) -> Hashing<W> {
        Hashing { out, hash: Sha256::new() }
    }

    fn finish(self) -> String {
        self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
