//! `dblwr restore`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::args::{Restore, SourceArgs};
use crate::cli::outputs::OWN_PLAN;
use crate::cli::verify::{has_failures, warn_of_failures};
use crate::cli::{Context, ExitStatus};
use crate::commands::restore;
use crate::commands::restore::from_redo::consult;
use crate::commands::restore::{
    Here, JournalName, Pass, Plan, RestoreSelection, automatic, choose, live, plan_file,
};
use crate::disk::output;
use crate::disk::output::Untouchable;
use crate::disk::real::RealDisk;
use crate::disk::small;
use crate::error::Error;
use crate::instance::Instance;
use crate::instance::bundle::read::bundle_of;
use crate::instance::identity;
use crate::instance::running::lock_files;
use crate::report::restore::RestoreReport;
use crate::verdict::donor;
use crate::verdict::problems::unseen_copies;
use crate::verdict::survey::Survey;

/// A plan has about 700 bytes for each page: this is for 190,000 of them.
const MOST_PLAN: u64 = 128 << 20;

pub(super) fn run(args: &Restore, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    refuse_a_bundle(args)?;
    if args.apply {
        return apply(args, context);
    }
    let (survey, plan) = survey_and_plan(args, context)?;
    warn_of_unseen(&survey, context)?;
    let mut report = RestoreReport::planned(&survey, &plan);
    report.hear_redo(&consult(&survey, &args.selection(), &report.written())?, &survey);
    let status = match (&report.remaining[..], plan.is_empty()) {
        ([_, ..], _) => ExitStatus::Critical,
        ([], false) => ExitStatus::Attention,
        ([], true) if !saw_all(&survey) => ExitStatus::Unknown,
        ([], true) => ExitStatus::Healthy,
    };
    if let Some(file) = &args.plan_out {
        write_plan(file, &plan, context)?;
        context.wrote(status, format!("the plan is written to {}", file.display()));
    }
    if let Some(dir) = args.to.as_ref().filter(|_| !plan.is_empty()) {
        return write_copies(dir, &survey, plan, args, context);
    }
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, &args.target.path, verbose))?;
    Ok(status)
}

/// Whether everything that could be restored, or restored from, was there and was read.
fn saw_all(survey: &Survey) -> bool {
    let datadir = &survey.instance.locations.datadir;
    !has_failures(survey) && unseen_copies(survey).is_empty() && identity::unreadable(datadir).is_none()
}

fn warn_of_unseen(survey: &Survey, context: &mut Context<'_>) -> anyhow::Result<()> {
    warn_of_failures(survey, context)?;
    if let Some(error) = identity::unreadable(&survey.instance.locations.datadir) {
        context.warn(error)?;
    }
    for problem in unseen_copies(survey) {
        let file = problem.file.map(|file| format!("{}: ", file.display())).unwrap_or_default();
        context.warn(format!("{file}{}; copies there were not looked at", problem.reason))?;
    }
    Ok(())
}

fn has_readable_redo(survey: &Survey) -> bool {
    survey.instance.census().is_some() && survey.instance.redo.redo().is_some_and(|redo| !redo.encrypted)
}

fn survey_and_plan(args: &Restore, context: &mut Context<'_>) -> anyhow::Result<(Survey, Plan)> {
    let survey = args.survey()?;
    if args.from.contains(&SourceArgs::Redo) && !has_readable_redo(&survey) {
        context
            .warn("--from redo: the records of this log cannot be read for pages (dblwr redo says why)")?;
    }
    let plan = choose(&survey, &args.selection())?;
    Ok((survey, plan))
}

/// What was not captured reads as zeros: a bundle gives a plan, but neither mended files nor anything to sign.
fn refuse_a_bundle(args: &Restore) -> anyhow::Result<()> {
    let writes = args.apply || args.to.is_some() || args.plan_out.is_some();
    if !writes || bundle_of(&args.target.path).is_none() {
        return Ok(());
    }
    let path = args.target.path.display();
    Err(Error::Refused(format!(
        "{path}: a bundle cannot be restored; name the data directory, and the bundle with --copies-from"
    ))
    .into())
}

impl Restore {
    fn survey(&self) -> crate::error::Result<Survey> {
        let request = self.target.request().map_err(|e| Error::Refused(e.to_string()))?;
        match &self.copies_from {
            Some(bundle) => donor::survey(&request, bundle),
            None => Survey::run(&request),
        }
    }

    fn selection(&self) -> RestoreSelection {
        RestoreSelection {
            pages: self.pages.clone(),
            include_stale: self.include_stale,
            include_lost_writes: self.include_lost_writes,
            rules: self.rules.into(),
            from_redo: self.from.contains(&SourceArgs::Redo),
        }
    }
}

fn apply(args: &Restore, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    // An unfinished journal is finished before anything is planned: the damage it left is not the damage of the crash.
    let first = args.survey()?;
    refuse_a_live_directory(args, &first)?;
    let name = journal_name(args, &first.instance.locations.root, &context.evidence)?;
    let here = Here { told: args.target.request()?, ..Here::at(&first.instance.locations.root) };
    let reviewed = args.plan.as_deref().map(read_plan).transpose()?;
    let mut planned = None;
    let again = || {
        let survey = args.survey()?;
        let plan = choose(&survey, &args.selection())?;
        planned = Some(survey);
        Ok(plan)
    };
    let pass = match &reviewed {
        Some(reviewed) => restore::run_reviewed(&RealDisk, &name, &here, reviewed, again)?,
        None => restore::run(&RealDisk, &name, &here, again)?,
    };
    let survey = planned.unwrap_or(first);
    let mut report = RestoreReport::applied(&survey, &pass);
    report.hear_redo(&consult(&survey, &args.selection(), &report.written())?, &survey);
    let status = match (pass.all_verified(), &report.remaining[..]) {
        (true, []) if !saw_all(&survey) => ExitStatus::Unknown,
        (true, []) => ExitStatus::Healthy,
        _ => ExitStatus::Critical,
    };
    tell_journal(&pass, status, context);
    warn_of_unseen(&survey, context)?;
    warn_of_pass(&pass, context)?;
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, &args.target.path, verbose))?;
    Ok(status)
}

/// Where nothing else can be told any more, the way back must be.
pub(super) fn tell_journal(pass: &Pass, status: ExitStatus, context: &mut Context<'_>) {
    if let Some(applied) = pass.applied.last() {
        let pages = if pass.all_verified() {
            "the pages are written and verified"
        } else {
            "not every page is verified"
        };
        context.wrote(status, format!("{pages}; journal: {}", applied.journal.display()));
    }
}

/// What a person should know of a pass besides its outcomes.
pub(super) fn warn_of_pass(pass: &Pass, context: &mut Context<'_>) -> anyhow::Result<()> {
    for note in pass.notes.iter().chain(pass.applied.iter().flat_map(|applied| &applied.notes)) {
        context.warn(note)?;
    }
    for applied in pass.applied.iter().filter(|applied| applied.resumed) {
        context.warn(format!("{}: an interrupted pass was finished first", applied.journal.display()))?;
    }
    Ok(())
}

fn refuse_a_live_directory(args: &Restore, survey: &Survey) -> anyhow::Result<()> {
    let places = &survey.instance.locations;
    let locks = lock_files([places.root.as_path(), &places.datadir, &places.data_home]);
    live::refuse_locked(files_of_a_server(&survey.instance).chain(locks.iter().map(PathBuf::as_path)))?;
    Ok(live::refuse_living(&places.datadir, args.i_am_sure_no_server_runs)?)
}

/// Whatever a server of this directory would hold: any one of them that is locked means that it runs.
pub(super) fn files_of_a_server(instance: &Instance) -> impl Iterator<Item = &Path> {
    let spaces = instance.spaces.list.iter().flat_map(|space| &space.files).map(|file| file.path.as_path());
    let redo = instance.redo.redo().into_iter().flat_map(|redo| &redo.files).map(|file| file.path.as_path());
    let areas = instance.areas.iter().flat_map(|area| &area.runs).map(|run| run.path.as_path());
    spaces.chain(redo).chain(areas)
}

/// In the current directory, else beside the data directory, but never among evidence.
fn journal_name(args: &Restore, root: &Path, evidence: &Untouchable) -> anyhow::Result<JournalName> {
    if let Some(path) = &args.journal {
        return Ok(JournalName::Exactly(path.clone()));
    }
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let places = [Some(Path::new(".")), root.parent()].into_iter().flatten();
    let dir = places.into_iter().find(|dir| output::decide_dir(dir, evidence).is_ok());
    let dir = dir.context(
        "the journal would lie among the files of this instance, here and beside its directory; name one elsewhere with \
         --journal",
    )?;
    Ok(JournalName::Numbered(automatic::name(dir, &root).map_err(Error::io(dir, "list"))?))
}

fn write_plan(file: &Path, plan: &Plan, context: &mut Context<'_>) -> anyhow::Result<()> {
    let exported = plan_file::export(&RealDisk, plan)?;
    let mut text = serde_json::to_vec_pretty(&exported)?;
    text.push(b'\n');
    Ok(output::decide(file, &context.evidence, OWN_PLAN)?.write(&text, 0o600, context.out)?)
}

fn read_plan(file: &Path) -> Result<plan_file::PlanFile, Error> {
    let text = small::bounded(file, MOST_PLAN).map_err(Error::io(file, "read the plan"))?;
    // Piece by piece: what is none is not read to its end.
    serde_json::from_reader(std::io::BufReader::new(text))
        .map_err(|e| Error::foreign(file, format!("this is no plan of dblwr restore --plan-out: {e}")))
}

fn write_copies(
    dir: &Path,
    survey: &Survey,
    plan: Plan,
    args: &Restore,
    context: &mut Context<'_>,
) -> anyhow::Result<ExitStatus> {
    let copied = restore::mended_copies::run(&RealDisk, plan.clone(), dir)?;
    let mut report = RestoreReport::copied(survey, &plan, &copied);
    report.hear_redo(&consult(survey, &args.selection(), &report.written())?, survey);
    let status = match &report.remaining[..] {
        [_, ..] => ExitStatus::Critical,
        [] if !saw_all(survey) => ExitStatus::Unknown,
        [] => ExitStatus::Healthy,
    };
    context.wrote(status, format!("the mended copies are in {}", dir.display()));
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, &args.target.path, verbose))?;
    Ok(status)
}
