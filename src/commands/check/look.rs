//! Looking at a directory, and looking again.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use crate::commands::check::sample;
use crate::commands::check::sample::{Sample, Share};
use crate::commands::check::suspect::SuspectReason;
use crate::commands::check::{CheckOptions, CheckStatus, Checked, CheckedPlace, OtherProblem, Suspect};
use crate::commands::scan::Ground;
use crate::error::Result;
use crate::instance::Instance;
use crate::verdict::home::HomeState;
use crate::verdict::predict::Prediction;
use crate::verdict::problems;
use crate::verdict::problems::ProblemKey;
use crate::verdict::settle::{Settled, settle};
use crate::verdict::survey::{Finding, Survey};

/// One survey after another.
pub(super) struct CheckLook {
    survey: Survey,
    failures: Vec<String>,
    others: Vec<OtherProblem>,
}

impl CheckLook {
    /// The first survey. A server that switches its redo files can make one look fail: it is tried as often as others.
    pub(super) fn first(options: &CheckOptions, pause: &mut impl FnMut(Duration)) -> Result<CheckLook> {
        let mut result = Survey::run(&options.request);
        for _ in 1..options.patience.reads {
            if result.is_ok() || !options.request.path.exists() {
                break;
            }
            pause(Duration::from_millis(500));
            result = Survey::run(&options.request);
        }
        let survey = result?;
        Ok(CheckLook { failures: failures(&survey), others: Vec::new(), survey })
    }

    /// Looks again until what is damaged, and what cannot be read, is certain.
    pub(super) fn settle(
        &mut self,
        options: &CheckOptions,
        pause: &mut impl FnMut(Duration),
    ) -> Result<Settled<CheckedPlace, Suspect>> {
        /// Damaged pages and unreadable files settle together: each look sees both.
        #[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
        enum UnsettledKey {
            Page(CheckedPlace),
            File(String),
            Other(ProblemKey),
        }
        let both = |survey: &Survey| -> BTreeMap<UnsettledKey, Option<Suspect>> {
            let pages = suspects(survey)
                .into_iter()
                .map(|(place, suspect)| (UnsettledKey::Page(place), Some(suspect)));
            let failures = failures(survey).into_iter().map(|failure| (UnsettledKey::File(failure), None));
            let others =
                problems::of_survey(survey).into_iter().map(|other| (UnsettledKey::Other(other.key()), None));
            pages.chain(failures).chain(others).collect()
        };
        let first = both(&self.survey);
        let survey = &mut self.survey;
        let settled = settle(first, options.patience, pause, |_| -> std::result::Result<_, Infallible> {
            // A look that fails altogether tells nothing new about what earlier ones saw.
            if let Ok(again) = Survey::run(&options.request) {
                *survey = again;
            }
            Ok(both(survey))
        });
        let Ok(settled) = settled;
        let (mut agreed, mut others) = (BTreeMap::new(), BTreeSet::new());
        self.failures.clear();
        for (key, suspect) in settled.agreed {
            match (key, suspect) {
                (UnsettledKey::Page(place), Some(suspect)) => drop(agreed.insert(place, suspect)),
                (UnsettledKey::File(failure), _) => self.failures.push(failure),
                (UnsettledKey::Other(key), _) => drop(others.insert(key)),
                (UnsettledKey::Page(_), None) => {}
            }
        }
        let last =
            problems::of_survey(&self.survey).into_iter().filter(|other| others.contains(&other.key()));
        self.others = last.map(|problem| OtherProblem { problem, new: true }).collect();
        Ok(Settled { agreed, changing: settled.changing })
    }

    /// Reads data files, and what looks damaged in them again.
    pub(super) fn sample(
        &self,
        options: &CheckOptions,
        share: Share,
        pause: &mut impl FnMut(Duration),
    ) -> Result<(Sample, Settled<CheckedPlace, Suspect>)> {
        // A look of its own, younger than the files that a running server has made meanwhile.
        let mut ground = Ground::survey(&options.request)?;
        if options.audit && share == Share::All {
            ground.audit();
        }
        let mut sample = sample::sample(&ground, share, &options.dice)?;
        let first = std::mem::take(&mut sample.suspects);
        let settled =
            settle(first, options.patience, pause, |suspects| sample::read_again(&ground, suspects))?;
        Ok((sample, settled))
    }

    /// What the server does at its next start, by what every look saw.
    fn prediction(&self) -> Prediction {
        let mut prediction = Prediction::of(&self.survey);
        let problems: Vec<_> = self.others.iter().map(|other| other.problem.clone()).collect();
        problems::temper(&mut prediction, &problems);
        prediction
    }

    /// The instance as the last look found it.
    pub(super) fn instance(&self) -> &Instance {
        &self.survey.instance
    }

    /// What the last look found. Damage that only one look saw is not in the counts, either.
    pub(super) fn checked(
        &self,
        options: &CheckOptions,
        agreed: &BTreeMap<CheckedPlace, Suspect>,
    ) -> Checked {
        let instance = &self.survey.instance;
        let mut summary = BTreeMap::new();
        for finding in &self.survey.findings {
            let verdict = finding.judgement.verdict;
            if !verdict.needs_attention() || agreed.contains_key(&place_of(&self.survey, finding)) {
                *summary.entry(verdict).or_insert(0) += 1;
            }
        }
        Checked {
            path: options.request.path.clone(),
            status: CheckStatus::Ok,
            generation: instance.generation,
            page_size: instance.page_size,
            server: instance.server.clone(),
            running: instance.running.clone(),
            shutdown: instance.shutdown,
            window: instance.window,
            flushed_lsn: instance.flushed_lsn,
            summary,
            restorable: 0,
            critical: 0,
            changing: 0,
            sample: None,
            baseline: None,
            problems: Vec::new(),
            others: self.others.clone(),
            prediction: self.prediction(),
            before_start: options.before_start,
            failures: self.failures.clone(),
            started: 0.0,
            duration: 0.0,
            warning: options.warning,
            critical_range: options.critical,
        }
    }
}

fn failures(survey: &Survey) -> Vec<String> {
    survey.instance.spaces.failures.iter().chain(&survey.failures).map(ToString::to_string).collect()
}

/// The damaged pages of a survey: of several findings on one page the one that restore would act on.
fn suspects(survey: &Survey) -> BTreeMap<CheckedPlace, Suspect> {
    let mut suspects: BTreeMap<CheckedPlace, Suspect> = BTreeMap::new();
    for finding in &survey.findings {
        if !finding.judgement.verdict.needs_attention() {
            continue;
        }
        let (place, suspect) = (place_of(survey, finding), suspect(survey, finding));
        let worse = suspects.get(&place).is_none_or(|known| known.verdict > suspect.verdict);
        if worse {
            suspects.insert(place, suspect);
        }
    }
    suspects
}

fn place_of(survey: &Survey, finding: &Finding) -> CheckedPlace {
    CheckedPlace {
        space_id: Some(finding.space_id()),
        page_no: finding.page_no(),
        file: survey.home_of(finding).and_then(|home| home.file.clone()).unwrap_or_default(),
    }
}

fn suspect(survey: &Survey, finding: &Finding) -> Suspect {
    let home = survey.home_of(finding);
    Suspect {
        verdict: Some(finding.judgement.verdict),
        state: home.map_or(HomeState::Unverifiable, |home| home.state),
        offset: home.and_then(|home| home.offset),
        fingerprint: home.map_or(0, |home| crc32fast::hash(&home.bytes.get())),
        reason: SuspectReason::Judged(finding.judgement.reason.clone()),
    }
}
