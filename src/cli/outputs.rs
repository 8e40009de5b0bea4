//! Which files a command makes, and what they must not touch.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::cli::args::{Cli, Command, PlacesArgs};
use crate::commands::restore::journal;
use crate::commands::restore::journal::read;
use crate::commands::restore::revert::journal_base;
use crate::disk::calls::Access;
use crate::disk::output;
use crate::disk::output::{NEVER, Own, Untouchable};
use crate::disk::real::RealDisk;
use crate::error::Error;
use crate::instance::Instance;
use crate::instance::bundle::read::bundle_of;
use crate::instance::request::Request;

/// One output, as it was named.
pub(super) struct NamedOutput<'a> {
    path: Cow<'a, Path>,
    kind: OutputKind,
}

#[derive(Clone, Copy)]
enum OutputKind {
    /// A file that may replace, or go on, an earlier one of its kind.
    File(Own),
    /// A directory of new files.
    Directory,
}

/// An earlier answer of `check --out`, in any of its forms.
pub(super) const OWN_ANSWER: Own = |head| {
    [&b"DBLWR "[..], b"# HELP dblwr_", b"# TYPE dblwr_", b"{\n  \"schema_version\": 1,\n  \"status\": "]
        .iter()
        .any(|begin| head.starts_with(begin))
};
/// An earlier `--plan-out`.
pub(super) const OWN_PLAN: Own = |head| head.starts_with(b"{\n  \"schema_version\": 1,\n  \"tool\": ");
/// An earlier `--record`.
pub(super) const OWN_RECORD: Own = |head| head.starts_with(b"{\"schema_version\":1,\"began\":");
/// An earlier `--resume`.
pub(super) const OWN_RESUME: Own = |head| {
    [&b"{\"directory\":"[..], b"{\"server\":", b"{\"damage\":", b"{\"part\":", b"{\"file\":", b"{\"scan\":"]
        .iter()
        .any(|begin| head.starts_with(begin))
};
/// An earlier `--baseline`.
pub(super) const OWN_BASELINE: Own = |head| head.starts_with(b"{\n  \"kind\": \"dblwr baseline\"");
/// A journal is never replaced, but finished.
pub(super) const OWN_JOURNAL: Own = |head| head.starts_with(&journal::MAGIC);

/// Every output that was named.
fn outputs(cli: &Cli) -> Vec<NamedOutput<'_>> {
    let file = |own| move |path| NamedOutput { path: Cow::Borrowed(path), kind: OutputKind::File(own) };
    let directory = |path| NamedOutput { path: Cow::Borrowed(path), kind: OutputKind::Directory };
    let mut all: Vec<NamedOutput<'_>> =
        cli.common.record.as_deref().map(file(OWN_RECORD)).into_iter().collect();
    match &cli.command {
        Command::Restore(args) => {
            all.extend(args.plan_out.as_deref().map(file(OWN_PLAN)));
            all.extend(args.journal.as_deref().filter(|_| args.apply).map(file(OWN_JOURNAL)));
            all.extend(args.to.as_deref().map(directory));
        }
        Command::Revert(args) if args.apply => {
            let path = Cow::Owned(journal_base(&args.journal));
            all.push(NamedOutput { path, kind: OutputKind::File(OWN_JOURNAL) });
        }
        Command::Check(args) => {
            all.extend(args.out.as_deref().map(file(OWN_ANSWER)));
            all.extend(args.baseline.as_deref().filter(|_| args.accept).map(file(OWN_BASELINE)));
        }
        Command::Capture(args) => all.push(file(NEVER)(&args.out)),
        Command::Scan(args) => all.extend(args.resume.as_deref().map(file(OWN_RESUME))),
        Command::Dump(args) => all.extend(args.out.as_deref().map(directory)),
        Command::Carve(args) => all.extend(args.out.as_deref().map(directory)),
        _ => {}
    }
    all
}

/// Refuses what may not be made, before anything is read; what else the command may make must keep clear of the same.
pub(super) fn check(cli: &Cli) -> crate::error::Result<Untouchable> {
    let (outputs, open) = (outputs(cli), open_files(cli));
    if outputs.is_empty() && open.is_empty() && !names_its_journal(&cli.command) {
        return Ok(Untouchable::default());
    }
    let evidence = evidence(&cli.command);
    open.iter().try_for_each(|&number| output::decide_open(number, &evidence))?;
    for output in outputs {
        let decided = match output.kind {
            OutputKind::File(own) => output::decide(&output.path, &evidence, own).map(drop),
            OutputKind::Directory => output::decide_dir(&output.path, &evidence),
        };
        decided.map_err(|error| explained(&cli.command, &output.path, error))?;
    }
    Ok(evidence)
}

/// Descriptors that the command was started with and writes to.
fn open_files(cli: &Cli) -> Vec<u32> {
    let progress = match &cli.command {
        Command::Scan(args) => args.progress_fd,
        _ => None,
    };
    [1, 2].into_iter().chain(progress).filter(|&number| output::is_full_file(number)).collect()
}

/// Whether a descriptor leads into what the command looks at.
pub(super) fn is_evidence(cli: &Cli, number: u32) -> bool {
    output::is_full_file(number) && output::decide_open(number, &evidence(&cli.command)).is_err()
}

/// Whether the command looks for a place of its journal by itself.
fn names_its_journal(command: &Command) -> bool {
    matches!(command, Command::Restore(args) if args.apply && args.journal.is_none())
}

/// The journal of a revert lies beside the one that is taken back, and has no option of its own.
fn explained(command: &Command, path: &Path, error: Error) -> Error {
    match command {
        Command::Revert(args) if *path == journal_base(&args.journal) => Error::Refused(format!(
            "{error}: the journal of a revert lies beside the one that it takes back; move that one elsewhere, and name the \
             directory with --datadir"
        )),
        _ => error,
    }
}

/// What the command is given to look at, and everything that belongs to it.
fn evidence(command: &Command) -> Untouchable {
    let mut evidence = Untouchable::default();
    let (paths, places) = inputs(command);
    for path in paths.iter().chain(&named_places(places)) {
        evidence.add(path);
    }
    if let Command::Revert(args) = command {
        let opened = read::open(&RealDisk, &args.journal, Access::Read);
        opened.iter().for_each(|opened| evidence.dir(&opened.journal.root));
        return evidence;
    }
    for path in paths.iter().filter(|path| bundle_of(path).is_none()) {
        let request = match places {
            Some(places) => places.request(path).ok(),
            None => Some(Request { path: path.clone(), ..Request::default() }),
        };
        if let Some(instance) = request.and_then(|request| Instance::bare(&request).ok()) {
            add_instance(&mut evidence, &instance);
        }
    }
    evidence
}

/// What was named to be looked at, and where its parts lie.
pub(super) fn inputs(command: &Command) -> (Vec<PathBuf>, Option<&PlacesArgs>) {
    let one = |path: &PathBuf| vec![path.clone()];
    match command {
        Command::Locate(target) | Command::Verify(target) => (one(&target.path), Some(&target.places)),
        Command::Dump(args) => (one(&args.target.path), Some(&args.target.places)),
        Command::Redo(args) => (one(&args.target.path), Some(&args.target.places)),
        Command::Check(args) => (one(&args.target.path), Some(&args.target.places)),
        Command::Capture(args) => (one(&args.target.path), Some(&args.target.places)),
        Command::Restore(args) => {
            let more = args.copies_from.iter().chain(&args.plan).cloned();
            (one(&args.target.path).into_iter().chain(more).collect(), Some(&args.target.places))
        }
        Command::Revert(args) => (one(&args.journal), Some(&args.places)),
        Command::ExplainLog(args) => {
            let paths = [&args.file].into_iter().chain(&args.against).cloned();
            (paths.collect(), Some(&args.places))
        }
        Command::Page(args) => (one(&args.path), Some(&args.places)),
        Command::Carve(args) => (one(&args.path), None),
        Command::Scan(args) => (args.paths.clone(), Some(&args.places)),
        Command::Schema { .. } | Command::Completions { .. } | Command::Man { .. } => (Vec::new(), None),
    }
}

fn named_places(places: Option<&PlacesArgs>) -> Vec<PathBuf> {
    let Some(places) = places else { return Vec::new() };
    let named = [
        &places.defaults_file,
        &places.datadir,
        &places.data_home_dir,
        &places.doublewrite_dir,
        &places.undo_dir,
        &places.redo_dir,
        &places.keyring,
        &places.keyring_password_file,
    ];
    named.into_iter().flatten().chain(&places.directories).cloned().collect()
}

/// Every file, and of a directory that was searched every place that files of it lie in. An image that lies alone may lie
/// anywhere; one in the directory of a database has the data directory above it.
fn add_instance(evidence: &mut Untouchable, instance: &Instance) {
    let places = &instance.locations;
    let files =
        instance.spaces.list.iter().flat_map(|space| &space.files).chain(&instance.spaces.unidentified);
    let mut dirs = Vec::new();
    for file in files {
        evidence.file(&file.path);
        dirs.extend(file.path.parent().map(Path::to_path_buf));
    }
    if places.explore {
        dirs.extend([&places.root, &places.datadir, &places.data_home, &places.redo_dir].map(Clone::clone));
        dirs.extend(
            places.doublewrite_dirs.iter().chain(&places.undo_dir).chain(&places.directories).cloned(),
        );
    } else if dirs.contains(&places.root) {
        dirs.clear();
    } else if !dirs.is_empty() && places.root.join("ibdata1").exists() {
        dirs.push(places.root.clone());
    }
    dirs.iter().for_each(|dir| evidence.dir(dir));
}
