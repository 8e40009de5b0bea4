//! `--record FILE`: the custody record of one run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::capture::read::is_bundle;
use crate::cli::Status;
use crate::cli::args::{Cli, Command, Target};
use crate::custody::{Custody, Scope};
use crate::error::Error;
use crate::image::trace::{self, Ranges, Reads};
use crate::restore::{RealDisk, revert};
use crate::survey::Survey;

/// Records a run, or does nothing where no record was asked for.
pub(super) struct Recorder {
    custody: Option<Custody>,
    reads: Reads,
    outputs: Vec<PathBuf>,
}

impl Recorder {
    /// Opens the record and measures what the command will rest on.
    pub fn begin(cli: &Cli, args: &[OsString]) -> anyhow::Result<Recorder> {
        let mut recorder = Recorder { custody: None, reads: Reads::new(), outputs: outputs(&cli.command) };
        if let Some(path) = &cli.common.record {
            refuse_inside(path, target(&cli.command))?;
            let scope = if cli.common.record_full { Scope::Whole } else { Scope::Read };
            let args = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            let mut custody = Custody::begin(path, args, scope)?;
            custody.measure_before(inputs(&cli.command));
            recorder.custody = Some(custody);
        }
        Ok(recorder)
    }

    /// Carries out the command, noting what it reads.
    pub fn watch<T>(&mut self, work: impl FnOnce() -> T) -> T {
        if self.custody.is_none() {
            return work();
        }
        let (result, reads) = trace::during(work);
        self.reads = reads;
        result
    }

    /// Measures again and appends the line.
    pub fn finish(self, code: u8) -> anyhow::Result<()> {
        match self.custody {
            Some(custody) => Ok(custody.finish(&self.reads, &self.outputs, code, Status::meaning(code))?),
            None => Ok(()),
        }
    }
}

fn target(command: &Command) -> Option<&Target> {
    match command {
        Command::Locate(target) | Command::Verify(target) => Some(target),
        Command::Restore(restore) => Some(&restore.target),
        Command::Capture(capture) => Some(&capture.target),
        Command::Dump(dump) => Some(&dump.target),
        Command::Check(check) => Some(&check.target),
        _ => None,
    }
}

/// The bytes that the command will read, found by reading them once: judging twice gives the same ranges.
fn inputs(command: &Command) -> Reads {
    let mut reads = match target(command) {
        Some(target) if is_bundle(&target.path) => whole(&target.path),
        Some(target) => trace::during(|| target.request().ok().map(|request| Survey::run(&request))).1,
        None => Reads::new(),
    };
    match command {
        Command::Restore(restore) => {
            for file in restore.copies_from.iter().chain(&restore.plan) {
                reads.append(&mut whole(file));
            }
        }
        Command::Revert(args) => {
            reads.append(&mut whole(&args.journal));
            let planned = revert::plan(&RealDisk, &args.journal, args.datadir.as_deref());
            for page in planned.iter().flat_map(|reverting| &reverting.plan.pages) {
                let end = page.offset.0.saturating_add(page.length as u64);
                reads.entry(page.path.clone()).or_default().insert(page.offset.0..end);
            }
        }
        _ => {}
    }
    reads
}

fn whole(path: &Path) -> Reads {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Reads::from([(path.to_path_buf(), Ranges::from(0..length))])
}

/// Files that the command makes where it was told to.
fn outputs(command: &Command) -> Vec<PathBuf> {
    match command {
        Command::Restore(restore) => restore.journal.iter().chain(&restore.plan_out).cloned().collect(),
        Command::Capture(capture) => vec![capture.out.clone()],
        _ => Vec::new(),
    }
}

/// A record inside the evidence would change it.
fn refuse_inside(path: &Path, target: Option<&Target>) -> anyhow::Result<()> {
    match target.filter(|target| target.path.is_dir() && lies_below(path, &target.path)) {
        None => Ok(()),
        Some(target) => Err(Error::Refused(format!(
            "{}: lies inside {}, which is evidence; write it somewhere else",
            path.display(),
            target.path.display()
        ))
        .into()),
    }
}

/// Whether a file that may not exist yet would lie below a directory.
pub(super) fn lies_below(path: &Path, dir: &Path) -> bool {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (parent.canonicalize(), dir.canonicalize()) {
        (Ok(parent), Ok(dir)) => parent.starts_with(dir),
        _ => false,
    }
}
