//! `restore` and `revert`: plans, outcomes, and what remains.

pub mod pages;
pub mod read_back;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use crate::report::restore::pages::{LeftAlone, MendedCopy, OutcomeReport, RemainingPage, RestoredPage};
pub use crate::report::restore::read_back::{ReadBackReport, verified};

use crate::commands::restore::from_redo::Consulted;
use crate::commands::restore::mended_copies::Copied;
use crate::commands::restore::{Applied, PageOutcome, Pass, Plan, PlannedPage};
use crate::format::redo_record::PageId;
use crate::instance::bundle::Manifest;
use crate::instance::bundle::read::{BundleReader, bundle_of};
use crate::instance::identity;
use crate::report::SCHEMA_VERSION;
use crate::report::command_line;
use crate::report::guard::{guard, guard_of, write_guard};
use crate::report::style;
use crate::report::{fold_empty, in_row_order};
use crate::units::count;
use crate::verdict::Verdict;
use crate::verdict::home::HomeState;
use crate::verdict::naming::SurveyNames;
use crate::verdict::problems::{self, Severity, unseen_copies};
use crate::verdict::survey::{Finding, Survey};

/// The command that restores, without `--apply`: a bundle is a source of copies, not a place to write to, and a redacted
/// one not even that.
pub fn restoring(path: &str) -> String {
    let Some((bundle, _)) = bundle_of(Path::new(path)) else { return command_line::on("restore", path) };
    let manifest = BundleReader::open(&bundle).ok().map(|reader| reader.manifest);
    let directory = manifest.as_ref().and_then(captured_from).unwrap_or_else(|| "DATADIR".to_owned());
    if manifest.is_some_and(|manifest| manifest.redacted) {
        return format!("dblwr restore {directory}");
    }
    format!("dblwr restore {directory} --copies-from {}", command_line::quoted(bundle.as_os_str()))
}

/// The directory that a bundle was captured from, for a shell, where it is here and no other server's.
fn captured_from(manifest: &Manifest) -> Option<String> {
    let root = manifest.roots.iter().find(|root| root.stored == manifest.request.path)?;
    let directory = Path::new(&root.original);
    let uuid = identity::server_uuid(directory).unwrap_or_default();
    let fits = uuid.is_empty() || manifest.server_uuid.is_empty() || uuid == manifest.server_uuid;
    (directory.is_absolute() && directory.is_dir() && fits)
        .then(|| command_line::quoted(directory.as_os_str()))
}

/// The document of `restore --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RestoreReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether anything was written.
    pub applied: bool,
    /// The journal, when anything was written.
    pub journal: Option<String>,
    /// The pages of the plan.
    pub pages: Vec<RestoredPage>,
    /// Critical damage that the plan does not mend.
    pub remaining: Vec<RemainingPage>,
    /// Pages of an interrupted pass that hold neither its old nor its new bytes any more: they were left alone when it
    /// was finished, and the plan that followed has judged them.
    pub left_alone: Vec<LeftAlone>,
    /// Of `--to`: the mended copies. The files themselves were only read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<MendedCopy>,
    /// Whether something could not be read, or copies were not there to be looked at.
    #[serde(skip)]
    pub unseen: bool,
    /// Where no page is to be written: whether files are wrong in a way that no page mends, cut, empty, gone.
    #[serde(skip)]
    pub unwhole: bool,
    /// The directory that a revert of the journal is for.
    #[serde(skip)]
    pub revert: Option<PathBuf>,
    /// What must not be done while a page of this report can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

fn unseen(survey: &Survey) -> bool {
    survey.unreadable().next().is_some() || !unseen_copies(survey).is_empty()
}

fn unwhole(survey: &Survey) -> bool {
    problems::of_survey(survey).iter().any(|problem| problem.severity == Severity::Critical)
}

impl RestoreReport {
    /// The report on a plan that was not applied.
    pub fn planned(survey: &Survey, plan: &Plan) -> RestoreReport {
        let names = &mut SurveyNames::new(survey);
        RestoreReport {
            schema_version: SCHEMA_VERSION,
            applied: false,
            journal: None,
            pages: plan
                .pages
                .iter()
                .map(|page| RestoredPage::of(page, &PageOutcome::Planned, None, names))
                .collect(),
            remaining: remaining(survey, plan.pages.iter()),
            left_alone: Vec::new(),
            copies: Vec::new(),
            unseen: unseen(survey),
            unwhole: plan.is_empty() && unwhole(survey),
            revert: None,
            guard: guard_of(survey).or(guard(true)).filter(|_| !plan.is_empty()),
        }
    }

    /// The report on everything that an applying call did; what an earlier run had left unfinished comes first.
    pub fn applied(survey: &Survey, pass: &Pass) -> RestoreReport {
        let names = &mut SurveyNames::new(survey);
        let pages = || pass.applied.iter().flat_map(|applied| &applied.pages);
        let told = pass.applied.iter().flat_map(Applied::told);
        RestoreReport {
            schema_version: SCHEMA_VERSION,
            applied: true,
            journal: pass.applied.last().map(|applied| applied.journal.display().to_string()),
            pages: told.map(|(page, outcome, way)| RestoredPage::of(page, outcome, way, names)).collect(),
            remaining: remaining(survey, pages().map(|(page, _)| page)),
            left_alone: pass
                .applied
                .iter()
                .flat_map(|applied| &applied.left_alone)
                .map(LeftAlone::of)
                .collect(),
            copies: Vec::new(),
            unseen: unseen(survey),
            unwhole: pages().next().is_none() && unwhole(survey),
            revert: Some(survey.instance.locations.datadir.clone()),
            guard: guard(!pass.all_verified() || is_more_restorable(survey, pages().map(|(page, _)| page))),
        }
    }

    /// The report on mended copies elsewhere: the files themselves were not written.
    pub fn copied(survey: &Survey, plan: &Plan, copies: &[Copied]) -> RestoreReport {
        let names = &mut SurveyNames::new(survey);
        let way =
            |page: &PlannedPage| copies.iter().find(|copy| copy.from == page.path).map(|copy| copy.read_back);
        RestoreReport {
            copies: copies.iter().map(MendedCopy::of).collect(),
            pages: plan
                .pages
                .iter()
                .map(|page| RestoredPage::of(page, &PageOutcome::Verified, way(page), names))
                .collect(),
            ..RestoreReport::planned(survey, plan)
        }
    }

    /// The pages of the report.
    pub fn written(&self) -> BTreeSet<PageId> {
        self.pages.iter().map(|page| (page.space_id, page.page_no)).collect()
    }

    /// Adds what redo said: pages that it does not mend remain, and others could be mended by it.
    pub fn hear_redo(&mut self, redo: &Consulted, survey: &Survey) {
        let names = &mut SurveyNames::new(survey);
        for page in &redo.refused {
            let id = (page.space_id, page.page_no);
            let known = self.remaining.iter_mut().find(|other| (other.space_id, other.page_no) == id);
            if let Some(known) = known {
                known.reason = format!("{}; {}", known.reason, page.guard);
                continue;
            }
            let name = names.of_page(page.space_id, page.page_no);
            self.remaining.push(RemainingPage {
                space_id: page.space_id,
                page_no: page.page_no,
                file: page.file.display().to_string(),
                offset: page.offset,
                table: name.table,
                index: name.index,
                verdict: if page.lost { Verdict::LostWrite } else { Verdict::Unrecoverable },
                reason: page.guard.to_string(),
                could_be: Vec::new(),
                zero: false,
            });
        }
        for page in self.remaining.iter_mut().filter(|p| redo.could_be.contains(&(p.space_id, p.page_no))) {
            page.could_be.push("redo");
        }
    }

    /// Pages whose write failed.
    pub fn failed(&self) -> usize {
        self.pages.iter().filter(|page| page.outcome == OutcomeReport::Failed).count()
    }

    /// Writes it for a person; `verbose` lists every page.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, path: &Path, verbose: bool) -> io::Result<()> {
        writeln!(out, "{}", self.headline())?;
        if !self.pages.is_empty() {
            let header = ["FILE", "OFFSET", "BYTES", "PAGE", "HOME IS", "COPY", "TABLE", "INDEX", "OUTCOME"];
            let name = |name: &Option<String>| name.as_deref().map_or("-".to_owned(), style::printable);
            let mut table = style::table(&header, &[1, 2]);
            let mut listed: Vec<&RestoredPage> = self.pages.iter().collect();
            in_row_order(&mut listed, |page| (&page.file, Some(page.offset)));
            let unharmed =
                |page: &RestoredPage| page.before.state == "zero" && page.outcome != OutcomeReport::Failed;
            let empty = fold_empty(&mut listed, verbose, unharmed, |page| style::printable(&page.file));
            for page in &listed {
                table.add_row([
                    style::printable(&page.file),
                    page.offset.to_string(),
                    page.length.to_string(),
                    format!("{}:{}", page.space_id, page.page_no),
                    page.before.state.clone(),
                    style::printable(&page.source.describe(page.copy.as_ref())),
                    name(&page.table),
                    name(&page.index),
                    page.outcome.name().to_owned(),
                ]);
            }
            writeln!(out)?;
            if !listed.is_empty() {
                write!(out, "{}", style::indented(&table))?;
            }
            if let Some(empty) = empty {
                writeln!(out, "  {empty}")?;
            }
        }
        for page in self.pages.iter().filter(|page| page.reason.is_some()) {
            let why = page.reason.as_deref().unwrap_or_default();
            writeln!(out, "  {}:{} failed: {}", page.space_id, page.page_no, style::printable(why))?;
        }
        for page in self.pages.iter().filter(|page| page.warning.is_some()) {
            let warning = page.warning.as_deref().unwrap_or_default();
            writeln!(out, "  {}:{}: {warning}", page.space_id, page.page_no)?;
        }
        for page in &self.left_alone {
            let (file, reason) = (style::printable(&page.file), &page.reason);
            writeln!(out, "  {file} offset {} ({}:{}): {reason}", page.offset, page.space_id, page.page_no)?;
        }
        self.write_remaining(out, verbose)?;
        write_guard(out, self.guard)?;
        self.write_next(out, path)
    }

    fn headline(&self) -> String {
        let pages = count(self.pages.len(), "page");
        match (self.applied, self.pages.len(), self.failed()) {
            (_, 0, _) if self.remaining.is_empty() && self.unseen => style::paint(
                style::WARN,
                "UNKNOWN: nothing to restore in what could be looked at, nothing was written",
            ),
            (_, 0, _) if self.remaining.is_empty() && self.unwhole => style::paint(
                style::WARN,
                "NOTHING TO RESTORE from the buffer, nothing was written; but files are not whole: dblwr verify says which",
            ),
            (_, 0, _) if self.remaining.is_empty() => {
                style::paint(style::GOOD, "OK: nothing to restore, nothing was written")
            }
            (_, 0, _) => style::paint(style::BAD, "CRITICAL: damage, and nothing that can be restored"),
            (false, ..) if !self.copies.is_empty() => {
                let files = count(self.copies.len(), "file");
                let verified = verified(self.pages.iter().map(|page| page.read_back));
                style::paint(
                    style::GOOD,
                    &format!(
                        "COPIED: {pages} mended in copies of {files}, {verified}; the files themselves were only read"
                    ),
                )
            }
            (false, ..) => {
                style::paint(style::WARN, &format!("PLAN: {pages} would be restored; nothing was written"))
            }
            (true, _, 0) => {
                let verified = verified(self.pages.iter().map(|page| page.read_back));
                style::paint(style::GOOD, &format!("RESTORED: {pages} written, {verified}"))
            }
            (true, _, failed) => {
                style::paint(style::BAD, &format!("FAILED: {} of {pages} could not be restored", failed))
            }
        }
    }

    fn write_remaining(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        if self.remaining.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", style::paint(style::BAD, "What the doublewrite buffer cannot mend:"))?;
        let mut listed: Vec<&RemainingPage> = self.remaining.iter().collect();
        in_row_order(&mut listed, |page| (&page.file, Some(page.offset)));
        let is_empty = |page: &RemainingPage| page.zero && page.could_be.is_empty();
        let empty = fold_empty(&mut listed, verbose, is_empty, |page| style::printable(&page.file));
        for page in listed {
            let (file, reason) = (style::printable(&page.file), style::printable(&page.reason));
            let could = if page.could_be.is_empty() { "" } else { " (--from redo would mend it)" };
            writeln!(
                out,
                "  {file} offset {} ({}:{}) {}: {reason}{could}",
                page.offset,
                page.space_id,
                page.page_no,
                page.verdict.name()
            )?;
        }
        empty.map_or(Ok(()), |empty| writeln!(out, "  {empty}"))
    }

    fn write_next(&self, out: &mut dyn Write, path: &Path) -> io::Result<()> {
        let path = path.display();
        match (&self.journal, self.applied) {
            (Some(journal), _) => {
                writeln!(out, "\njournal: {journal}")?;
                let revert = self.revert.as_deref().map_or_else(
                    || command_line::on("revert", journal),
                    |root| command_line::revert(journal, root),
                );
                writeln!(out, "to take it back: {revert} --apply")
            }
            (None, false) if !self.copies.is_empty() => {
                writeln!(out)?;
                for copy in &self.copies {
                    let (from, to) = (style::printable(&copy.from), style::printable(&copy.to));
                    writeln!(out, "{to}: mended copy of {from}")?;
                    for what in &copy.not_kept {
                        writeln!(out, "  not kept: {}", style::printable(what))?;
                    }
                }
                Ok(())
            }
            (None, false) if !self.pages.is_empty() => {
                let path = path.to_string();
                let again = match bundle_of(Path::new(&path)) {
                    Some(_) => restoring(&path),
                    None => command_line::again("restore", &path),
                };
                writeln!(out, "next: {again} --apply")
            }
            _ => Ok(()),
        }
    }
}

/// Whether the selection left pages that can be restored as well.
fn is_more_restorable<'a>(survey: &Survey, written: impl Iterator<Item = &'a PlannedPage>) -> bool {
    let written: BTreeSet<_> = written.map(|page| (page.space_id, page.page_no)).collect();
    let mut restorable = survey.findings.iter().filter(|f| f.judgement.verdict == Verdict::Restorable);
    restorable.any(|finding| !written.contains(&(finding.space_id(), finding.page_no())))
}

/// One entry for each page with critical damage that the plan leaves.
fn remaining<'a>(survey: &Survey, written: impl Iterator<Item = &'a PlannedPage>) -> Vec<RemainingPage> {
    let written: BTreeSet<_> = written.map(|page| (page.space_id, page.page_no)).collect();
    let mended = |finding: &Finding| written.contains(&(finding.space_id(), finding.page_no()));
    let (mut seen, mut names) = (BTreeSet::new(), SurveyNames::new(survey));
    let critical = survey.findings.iter().filter(|f| f.judgement.verdict.is_critical() && !mended(f));
    critical
        .filter(|finding| seen.insert((finding.space_id(), finding.page_no())))
        .filter_map(|finding| {
            let home = survey.home_of(finding)?;
            let name = names.of(finding);
            Some(RemainingPage {
                space_id: finding.space_id(),
                page_no: finding.page_no(),
                file: home.file.as_ref()?.display().to_string(),
                offset: home.offset?,
                table: name.table,
                index: name.index,
                verdict: finding.judgement.verdict,
                reason: finding.judgement.reason.to_string(),
                could_be: Vec::new(),
                zero: home.state == HomeState::Zero,
            })
        })
        .collect()
}
