//! `--record FILE`: the custody record of one run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::ExitStatus;
use crate::cli::args::check::Check;
use crate::cli::args::{Cli, Command, PathArgs, Revert, Scan};
use crate::cli::check;
use crate::cli::explain_log;
use crate::cli::outputs::OWN_RECORD;
use crate::cli::revert::where_of;
use crate::commands::check::sample::{Share, sample};
use crate::commands::custody::{Custody, Scope};
use crate::commands::dump::Inventory;
use crate::commands::page::Lookup;
use crate::commands::redo::RedoLook;
use crate::commands::restore::revert;
use crate::commands::scan::Ground;
use crate::disk::output;
use crate::disk::output::Untouchable;
use crate::disk::reads;
use crate::disk::reads::{Ranges, Reads};
use crate::disk::real::RealDisk;
use crate::instance::Instance;
use crate::instance::bundle::read::bundle_of;
use crate::instance::bundle::unpack::is_unpacked;
use crate::instance::request::Request;
use crate::instance::spaces::{SpaceFile, Spaces};
use crate::verdict::survey::Survey;

/// Records a run, or does nothing where no record was asked for.
pub(super) struct Recorder {
    custody: Option<Custody>,
    reads: Reads,
    outputs: Vec<PathBuf>,
}

impl Recorder {
    /// Opens the record and measures what the command will rest on.
    ///
    /// # Errors
    /// The record may not go there, or its file cannot be opened.
    pub fn begin(cli: &Cli, args: &[OsString], evidence: &Untouchable) -> anyhow::Result<Recorder> {
        let mut recorder = Recorder { custody: None, reads: Reads::new(), outputs: outputs(&cli.command) };
        if let Some(path) = &cli.common.record {
            let place = output::decide(path, evidence, OWN_RECORD)?;
            let scope = if cli.common.record_full { Scope::Whole } else { Scope::Read };
            let args = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            let mut custody = Custody::begin(path, &place, args, scope)?;
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
        let (result, mut reads) = reads::during(work);
        // The bundle itself is the evidence, not what it is unpacked to.
        reads.retain(|path, _| !is_unpacked(path));
        self.reads = reads;
        result
    }

    /// Measures again and appends the line.
    ///
    /// # Errors
    /// The line cannot be written or brought to disk.
    pub fn finish(self, code: u8) -> anyhow::Result<()> {
        match self.custody {
            Some(custody) => {
                Ok(custody.finish(&self.reads, &self.outputs, code, ExitStatus::meaning(code))?)
            }
            None => Ok(()),
        }
    }
}

fn target(command: &Command) -> Option<&PathArgs> {
    match command {
        Command::Locate(target) | Command::Verify(target) => Some(target),
        Command::Restore(restore) => Some(&restore.target),
        Command::Capture(capture) => Some(&capture.target),
        Command::Dump(dump) => Some(&dump.target),
        Command::Redo(redo) => Some(&redo.target),
        Command::Check(check) => Some(&check.target),
        _ => None,
    }
}

/// The bytes that the command will read, found by reading them once: judging twice gives the same ranges. A command
/// that reads whole files rests on all of them.
fn inputs(command: &Command) -> Reads {
    match command {
        Command::Page(args) => match bundle_of(&args.path) {
            Some((bundle, _)) => whole(&bundle),
            None => {
                reads::during(|| {
                    let request = args.places.request(&args.path).ok()?;
                    let lookup = Lookup::run(&request, args.page.1);
                    // A doublewrite file is looked at whole.
                    if lookup.is_err() {
                        Inventory::of(Instance::open(&request).ok()?, |_, _| false).ok()
                    } else {
                        None
                    }
                })
                .1
            }
        },
        Command::Scan(args) => args.paths.iter().flat_map(|path| scanned(args, path)).collect(),
        Command::Carve(args) => match bundle_of(&args.path) {
            Some((bundle, _)) => whole(&bundle),
            None => whole(&args.path),
        },
        Command::ExplainLog(args) => {
            let mut reads = whole(&args.file);
            if let Ok(Some(request)) = explain_log::against(args) {
                let path = request.path.clone();
                add(&mut reads, surveyed(&path, || Some(request)));
            }
            reads
        }
        Command::Restore(restore) => {
            let mut reads = surveyed(&restore.target.path, || restore.target.request().ok());
            for file in restore.copies_from.iter().chain(&restore.plan) {
                add(&mut reads, whole(file));
            }
            reads
        }
        Command::Redo(args) => {
            let path = &args.target.path;
            let look = || RedoLook::run(&args.target.request().ok()?, args.page).ok();
            bundle_of(path).map_or_else(|| reads::during(look).1, |(bundle, _)| whole(&bundle))
        }
        Command::Revert(args) => reverted(args),
        Command::Check(args) => checked(args),
        _ => {
            target(command).map_or_else(Reads::new, |target| surveyed(&target.path, || target.request().ok()))
        }
    }
}

/// What a judgement of a directory, an image or a bundle reads.
fn surveyed(path: &Path, request: impl FnOnce() -> Option<Request>) -> Reads {
    match bundle_of(path) {
        Some((bundle, _)) => whole(&bundle),
        None => reads::during(|| request().map(|request| Survey::run(&request))).1,
    }
}

fn scanned(args: &Scan, path: &Path) -> Reads {
    let request = || args.places.request(path).ok();
    let mut reads = surveyed(path, request);
    if bundle_of(path).is_none() {
        let instance = request().and_then(|request| Instance::open(&request).ok());
        for file in instance.iter().flat_map(|instance| files_of(&instance.spaces)) {
            if path.is_dir() || is_same_file(path, &file.path) {
                add(&mut reads, whole(&file.path));
            }
        }
    }
    reads
}

/// What `verify` reads, and of the data files what `--scan` or the dice of `--sample` choose.
fn checked(args: &Check) -> Reads {
    let (path, request) = (&args.target.path, || args.target.request().ok());
    let mut reads = surveyed(path, request);
    if let (Some(share), None) = (args.share(), bundle_of(path)) {
        let (ground, around) = reads::during(|| Ground::survey(&request()?).ok());
        add(&mut reads, around);
        match (share, &ground) {
            (Share::All, Some(ground)) => {
                files_of(&ground.instance.spaces).for_each(|file| add(&mut reads, whole(&file.path)));
            }
            (Share::Percent(_), Some(ground)) => {
                add(&mut reads, reads::during(|| sample(ground, share, check::dice())).1);
            }
            (_, None) => {}
        }
    }
    if let Some(baseline) = &args.baseline {
        add(&mut reads, whole(baseline));
    }
    reads
}

fn files_of(spaces: &Spaces) -> impl Iterator<Item = &SpaceFile> {
    spaces.list.iter().flat_map(|space| &space.files).chain(&spaces.unidentified)
}

/// Ranges of one file come from more than one reading of it.
fn add(reads: &mut Reads, more: Reads) {
    for (path, ranges) in more {
        reads.entry(path).or_default().extend(&ranges);
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn reverted(args: &Revert) -> Reads {
    let mut reads = whole(&args.journal);
    let here = where_of(args).unwrap_or_default();
    let planned = revert::plan(&RealDisk, &args.journal, &here);
    for page in planned.iter().flat_map(|reverting| &reverting.plan.pages) {
        let end = page.offset.0.saturating_add(page.length as u64);
        reads.entry(page.path.clone()).or_default().insert(page.offset.0..end);
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
        Command::Check(check) => {
            check.out.iter().chain(check.baseline.as_ref().filter(|_| check.accept)).cloned().collect()
        }
        _ => Vec::new(),
    }
}
