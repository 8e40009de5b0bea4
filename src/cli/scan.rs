//! `dblwr scan`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::args::{Format, Scan};
use crate::cli::progress::ScanProgress;
use crate::cli::resume::Resume;
use crate::cli::{Context, ExitStatus};
use crate::commands::scan;
use crate::commands::scan::{
    Counts, Damage, DamageState, FileFinding, Flushed, Ground, Observer, PageRow, ScanOptions, ScanTarget,
    Shown,
};
use crate::disk::FileIdentity;
use crate::disk::leftovers;
use crate::disk::run::Cache;
use crate::error::{Error, Result};
use crate::instance::bundle::open;
use crate::instance::bundle::unpack::in_words;
use crate::instance::foreign::not_innodb;
use crate::instance::identity;
use crate::instance::locations::Focus;
use crate::instance::locations::Locations;
use crate::instance::request::Request;
use crate::report::guard::beside;
use crate::report::problem::ProblemReport;
use crate::report::scan::stream::{Stream, StreamShape};
use crate::report::scan::{DamageOwner, DamageReport, FileReport, RowReport};
use crate::report::style::printable;
use crate::verdict::naming::Naming;
use crate::verdict::predict::Prediction;
use crate::verdict::problems::{self, FutureFile, Problem, ProblemReason, Severity, Unjudged};

pub(super) fn run(args: &Scan, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    if args.idle {
        be_idle(context)?;
    }
    let stop = Arc::new(AtomicBool::new(false));
    watch_signals(&stop)?;
    let mut opened = OpenedPaths::default();
    for path in &args.paths {
        if let Err(error) = opened.open(args, path) {
            opened.failures += 1;
            // Errors are said even to the quiet: the exit code alone does not name the file.
            context.complain(error)?;
        }
    }
    for failure in opened
        .grounds
        .iter()
        .flat_map(|(_, ground)| ground.failures.iter().chain(&ground.instance.spaces.failures))
    {
        opened.failures += u64::from(!failure.is_of_a_dropped_file());
        context.warn(failure)?;
    }
    if opened.is_empty() && opened.failures > 0 {
        return Ok(ExitStatus::Unknown);
    }
    perform(args, context, &opened, &stop)
}

fn perform(
    args: &Scan,
    context: &mut Context<'_>,
    opened: &OpenedPaths<'_>,
    stop: &AtomicBool,
) -> anyhow::Result<ExitStatus> {
    let mut resume = args.resume.as_deref().map(|path| Resume::open(path, &context.evidence)).transpose()?;
    if let Some(resume) = &mut resume {
        for (path, ground) in &opened.grounds {
            resume.of_server(path, identity::server_uuid(&ground.instance.locations.datadir))?;
        }
    }
    let shape = shape(args, context.format);
    let options = ScanOptions {
        threads: context.threads,
        rate: args.rate.map(|mib| mib.saturating_mul(1 << 20)),
        cache: if args.direct { Cache::Spare } else { Cache::Use },
        rows: args.pages,
        sample: None,
        stop,
    };
    let progress = ScanProgress::new(context.quiet, args.progress_fd)?;
    let stream = Stream::begin(context.out, shape, context.verbose)?;
    let mut reporter = Reporter {
        opened,
        namings: opened.grounds.iter().map(|(_, ground)| Naming::new(&ground.instance.spaces)).collect(),
        stream,
        err: context.err,
        progress,
        resume: None,
        failed: String::new(),
        future: BTreeMap::new(),
    };
    if let [(_, ground)] = &opened.grounds[..] {
        reporter.stream.of_server(&ground.instance);
    }
    let running = opened.grounds.iter().find_map(|(_, ground)| ground.instance.running.as_deref());
    if let Some(sign) = running {
        reporter.stream.runs(sign);
        // Lines have no place for it.
        if !matches!(shape, StreamShape::Table | StreamShape::Json) {
            writeln!(reporter.err, "dblwr: {}", printable(&beside(sign)))?;
        }
    }
    let bundles = opened.grounds.iter().filter_map(|(_, ground)| ground.instance.locations.bundle.as_ref());
    reporter.stream.summary().of_bundles = bundles.count() > 0;
    reporter.stream.summary().failures = opened.failures;
    let targets = reporter.targets(resume.as_mut())?;
    reporter.resume = resume;
    let done = scan::scan(&targets, &options, &mut reporter)?;
    reporter.progress.finish(&done)?;
    let interrupted = stop.load(Relaxed);
    reporter.stream.summary().complete &= !interrupted && done.files == targets.len() as u64;
    let (problems, prediction) = reporter.problems();
    reporter.stream.foretell(prediction);
    let of_problems = ExitStatus::of_problems(&problems);
    reporter.stream.problems(problems)?;
    let headline = reporter.stream.headline();
    let guard = reporter.stream.guard();
    let summary = reporter.stream.end()?;
    if interrupted {
        context.warn("interrupted: this is what was found so far")?;
    }
    if args.pages {
        context.warn(headline)?;
    }
    // Lines of CSV and of pages have no place for it.
    if let Some(guard) = guard.filter(|_| args.pages || shape == StreamShape::Csv) {
        context.warn(guard)?;
    }
    Ok(ExitStatus::of_scan(&summary, interrupted || summary.failures > 0).worse(of_problems))
}

fn shape(args: &Scan, format: Format) -> StreamShape {
    match (args.pages, format) {
        (false, Format::Table) => StreamShape::Table,
        (false, Format::Json) => StreamShape::Json,
        (false, Format::Jsonl) => StreamShape::Jsonl,
        (false, Format::Csv) => StreamShape::Csv,
        (true, Format::Table | Format::Csv) => StreamShape::RowsCsv,
        (true, Format::Json | Format::Jsonl) => StreamShape::RowsJsonl,
    }
}

/// The first signal asks for an end, the second one brings it.
fn watch_signals(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    leftovers::ends_by_itself();
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, i32::from(ExitStatus::Unknown.code()), Arc::clone(stop))?;
        flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

/// Threads inherit the I/O priority of the one that starts them, so this comes before all of them.
fn be_idle(context: &mut Context<'_>) -> anyhow::Result<()> {
    let own = std::process::id().to_string();
    let done = std::process::Command::new("ionice").args(["-c", "3", "-p", &own]).status();
    if !done.is_ok_and(|status| status.success()) {
        context.warn("--idle: ionice is not there or refused; the scan runs at its usual priority")?;
    }
    Ok(())
}

/// The instances of all PATHs, and which of their files are to be scanned.
#[derive(Default)]
struct OpenedPaths<'a> {
    /// What is put before names, and the instance.
    grounds: Vec<(PathBuf, Ground)>,
    /// Data directories that are open already, so that a hundred files of one do not open it a hundred times.
    by_datadir: HashMap<PathBuf, usize>,
    chosen: Vec<Chosen<'a>>,
    failures: u64,
}

/// What one PATH chose of an instance: all its files, or one.
struct Chosen<'a> {
    group: usize,
    path: &'a Path,
    only: Option<FileIdentity>,
}

impl<'a> OpenedPaths<'a> {
    fn open(&mut self, args: &Scan, path: &'a Path) -> anyhow::Result<()> {
        let request = open::open(&args.places.request(path)?)?;
        let locations = Locations::resolve(&request)?;
        let group = match &locations.focus {
            Focus::System(_) | Focus::Tablespace(_) if locations.explore => {
                let directory = Request { path: locations.datadir.clone(), ..request.clone() };
                let found = self.by_datadir.get(&locations.datadir).copied();
                match found
                    .map_or_else(|| self.add(args, locations.datadir.clone(), Ground::survey(&directory)), Ok)
                {
                    Ok(group) => {
                        self.by_datadir.insert(locations.datadir.clone(), group);
                        group
                    }
                    // A directory in disorder does not keep its files from being read.
                    Err(_) => self.add(args, path.to_path_buf(), Ground::survey(&request))?,
                }
            }
            _ => self.add(args, path.to_path_buf(), Ground::survey_or_bare(&request))?,
        };
        let only = match &locations.focus {
            Focus::Directory => None,
            Focus::System(file) | Focus::Tablespace(file) | Focus::Doublewrite(file) => {
                Some(FileIdentity::of(&std::fs::metadata(file).map_err(Error::io(file, "look at"))?))
            }
        };
        let chosen = Chosen { group, path, only };
        if only.is_some() && self.targets(&chosen).next().is_none() {
            if matches!(locations.focus, Focus::Doublewrite(_)) {
                anyhow::bail!(
                    "{0}: a doublewrite file, which holds copies of pages and is no tablespace; dblwr dump lists it, dblwr \
                     verify holds it against the tablespaces",
                    path.display()
                );
            }
            return Err(not_innodb(path).into());
        }
        self.chosen.push(chosen);
        Ok(())
    }

    fn add(&mut self, args: &Scan, root: PathBuf, ground: Result<Ground>) -> Result<usize> {
        let mut ground = ground?;
        if !args.no_audit {
            ground.audit();
        }
        self.grounds.push((root, ground));
        Ok(self.grounds.len() - 1)
    }

    /// Whether there is nothing to scan.
    fn is_empty(&self) -> bool {
        self.chosen.iter().all(|chosen| self.targets(chosen).next().is_none())
    }

    /// The files that were chosen, one after the other: a list of a hundred thousand would take space.
    fn targets(&self, chosen: &Chosen<'a>) -> impl Iterator<Item = ScanTarget<'_>> {
        let Chosen { group, path, only } = *chosen;
        let ground = self.grounds.get(group).map(|(_, ground)| ground);
        ground.into_iter().flat_map(move |ground| {
            // A file that was named and is none of ours is foreign, not damaged.
            let unidentified = ground.unidentified.iter().filter(move |_| only.is_none());
            // One that the server passes by is looked at where somebody names it.
            let strays = ground.instance.spaces.strays.iter().map(|stray| &stray.space);
            let strays = strays.filter(move |_| only.is_some());
            let spaces = ground.instance.spaces.list.iter().chain(unidentified).chain(strays);
            let files = spaces.flat_map(|space| space.files.iter().map(move |file| (space, file)));
            let wanted = files.filter(move |(_, file)| only.is_none_or(|only| only == file.identity));
            let shown = if only.is_some() { Shown::As(path) } else { Shown::Under(path) };
            wanted.map(move |(space, file)| ScanTarget { group, ground, space, file, shown, done: None })
        })
    }
}

/// Puts what is found into words, and passes it on.
struct Reporter<'a> {
    opened: &'a OpenedPaths<'a>,
    namings: Vec<Naming<'a>>,
    stream: Stream<'a>,
    err: &'a mut dyn std::io::Write,
    progress: ScanProgress,
    resume: Option<Resume>,
    /// The last failure: several parts of one file meet the same end of it.
    failed: String,
    /// Files with pages that are newer than the end of their redo log, by PATH and name.
    future: BTreeMap<usize, BTreeMap<PathBuf, FutureFile>>,
}

impl<'a> Reporter<'a> {
    /// All files, but those that an earlier scan has finished: what it found is passed on.
    fn targets(&mut self, mut resume: Option<&mut Resume>) -> anyhow::Result<Vec<ScanTarget<'a>>> {
        let mut targets = Vec::new();
        for mut target in self.opened.chosen.iter().flat_map(|chosen| self.opened.targets(chosen)) {
            if let Some(resume) = resume.as_deref_mut() {
                let mut earlier =
                    resume.take(target.group, &target.path().display().to_string(), &target.file.path)?;
                let size = target.space.format.physical.as_u64();
                let end = earlier.part.0.saturating_mul(size);
                earlier.damage.retain(|damage| earlier.finished.is_some() || damage.offset.0 < end);
                for damage in earlier.damage {
                    self.stream.damage(damage)?;
                }
                if let Some(report) = earlier.finished {
                    let summary = self.stream.summary();
                    summary.since = if summary.read_before == 0 {
                        earlier.read_at
                    } else {
                        summary.since.min(earlier.read_at)
                    };
                    summary.read_before += 1;
                    self.stream.file(report)?;
                    continue;
                }
                target.done = (earlier.part.0 > 0).then(|| Box::new(earlier.part));
            }
            targets.push(target);
        }
        Ok(targets)
    }

    /// What is wrong besides single pages, of everything that was chosen.
    fn problems(&mut self) -> (Vec<ProblemReport>, Option<Prediction>) {
        let mut found = Vec::new();
        for (group, (root, ground)) in self.opened.grounds.iter().enumerate() {
            let chosen: Vec<&Chosen<'_>> =
                self.opened.chosen.iter().filter(|chosen| chosen.group == group).collect();
            let future = self.future.remove(&group).unwrap_or_default();
            let files = chosen.iter().map(|chosen| chosen.only.map(|_| self.opened.targets(chosen).next()));
            for file in files.collect::<Vec<_>>() {
                let only =
                    file.map(|target| target.map(|target| target.file.name.clone()).unwrap_or_default());
                let mut problems =
                    problems::of_scan(&ground.instance, &ground.problems, only.as_deref(), future.clone());
                if self.opened.grounds.len() > 1 {
                    problems.iter_mut().for_each(|p| p.file = p.file.take().map(|file| root.join(file)));
                }
                found.extend(problems);
            }
        }
        let unverifiable = self.stream.summary().unverifiable;
        if unverifiable > 0 {
            let reason = ProblemReason::NotJudged(Unjudged::Pages(unverifiable));
            let problem = Problem::new(problems::ProblemKind::NotJudged, Severity::Unknown, reason);
            found.push(Problem { pages: Some(unverifiable), ..problem });
        }
        problems::sort(&mut found);
        found.dedup();
        (ProblemReport::all(&found), self.foretell(&found))
    }

    /// The prediction of the survey, with what reading every page has added.
    fn foretell(&mut self, problems: &[Problem]) -> Option<Prediction> {
        let [(_, ground)] = &self.opened.grounds[..] else { return None };
        let mut prediction = ground.prediction.clone()?;
        let summary = self.stream.summary();
        let beyond = summary.damaged.saturating_sub(summary.restorable);
        let unread = summary.failures > 0 || !summary.complete || summary.unverifiable > 0;
        prediction.with_every_page_read(beyond, ground.from_redo, unread);
        problems::temper(&mut prediction, problems);
        Some(prediction)
    }

    fn owner(&mut self, target: &ScanTarget<'_>, damage: &Damage) -> DamageOwner {
        let root = self
            .opened
            .grounds
            .get(target.group)
            .map(|(root, _)| in_words(&root.display().to_string()).into_owned());
        let mut owner = DamageOwner {
            root: root.unwrap_or_default(),
            without_copy: without_copy(target, damage),
            ..DamageOwner::default()
        };
        let Some(naming) = self.namings.get_mut(target.group) else { return owner };
        owner.name = match target.space.id {
            // What lies in the wrong place says nothing of whose place it is.
            Some(id) if damage.state == DamageState::Misdirected => naming.of(id, damage.page_no, None),
            Some(id) => naming.of(id, damage.page_no, damage.index.as_ref()),
            None => naming.of_file(target.file),
        };
        if let (Some(header), Some(index), Some(_)) = (&damage.header, &damage.index, &owner.name.index) {
            owner.around = naming.surroundings(target.space, header, index);
        }
        owner
    }
}

/// What may be said of a damaged page that the doublewrite buffer has nothing for. Never that data are lost: redo makes
/// anew every page that was initialised after the checkpoint, and its first change cannot be seen here.
fn without_copy(target: &ScanTarget<'_>, damage: &Damage) -> &'static str {
    let lsn = damage.header.as_ref().map(|header| header.lsn);
    match target.ground.flushed {
        Flushed::UpTo(checkpoint) if lsn.is_none_or(|lsn| lsn.0 == 0 || lsn >= checkpoint) => {
            "the doublewrite buffer has no copy of it; if it was new since the last checkpoint, the server makes it anew \
             from redo when it starts"
        }
        _ => "the doublewrite buffer has no copy of it",
    }
}

impl Observer for Reporter<'_> {
    fn rows(&mut self, target: &ScanTarget<'_>, rows: &[PageRow]) -> anyhow::Result<()> {
        let path = target.path().display().to_string();
        let path = if self.stream.is_csv() { printable(&path) } else { path };
        self.stream.rows(rows.iter().map(|row| RowReport::of(&path, target.space.id, row)))
    }

    fn damage(&mut self, target: &ScanTarget<'_>, damage: Damage) -> anyhow::Result<()> {
        let owner = self.owner(target, &damage);
        let report = DamageReport::of(
            target.path().display().to_string(),
            target.file.name.display().to_string(),
            target.space.id,
            target.space.format.physical,
            &damage,
            owner,
        );
        if let Some(resume) = &mut self.resume {
            resume.damage(target.group, &report)?;
        }
        self.stream.damage(report)
    }

    fn file(&mut self, target: &ScanTarget<'_>, file: FileFinding) -> anyhow::Result<()> {
        if let Some(newest) = file.future.newest {
            let pages = Some(file.future.pages).filter(|_| file.complete && target.done.is_none());
            let of_group = self.future.entry(target.group).or_default();
            of_group.insert(file.name.clone(), FutureFile { space: file.space_id, newest, pages });
        }
        let report = FileReport::of(&file);
        if let Some(resume) = self.resume.as_mut().filter(|_| report.complete) {
            resume.file(target.group, &target.file.path, &report)?;
        }
        self.stream.file(report)
    }

    fn failure(&mut self, _: &ScanTarget<'_>, error: &Error) -> anyhow::Result<()> {
        let words = in_words(&error.to_string()).into_owned();
        if words != self.failed {
            self.stream.summary().failures += 1;
            writeln!(self.err, "dblwr: {}", printable(&words))?;
            self.failed = words;
        }
        Ok(())
    }

    fn gone(&mut self, target: &ScanTarget<'_>) -> anyhow::Result<()> {
        let path = printable(&target.file.path.display().to_string());
        Ok(writeln!(
            self.err,
            "dblwr: {path}: left out: dropped or made anew since it was listed; a server runs"
        )?)
    }

    fn progress(
        &mut self,
        target: &ScanTarget<'_>,
        done: (u64, Counts),
        progress: &scan::Scanned,
    ) -> anyhow::Result<()> {
        if let Some(resume) = self.resume.as_mut().filter(|_| done.0 > 0) {
            resume.part(target.group, &target.path().display().to_string(), &target.file.path, done)?;
        }
        self.progress.show(progress)
    }
}
