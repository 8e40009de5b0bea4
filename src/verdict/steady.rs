//! Looking again beside a running server: what it was writing, dropping or extending at one look is otherwise at the next.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use crate::error::Result;
use crate::instance::request::Request;
use crate::units::{PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::judge::Judgement;
use crate::verdict::problems::{self, ProblemKey};
use crate::verdict::reason::Reason;
use crate::verdict::settle::{Patience, settle};
use crate::verdict::survey::Survey;

/// Two looks after the first, half a second apart.
const PATIENCE: Patience = Patience { reads: 3, over: Duration::from_secs(1) };

/// What must be the same at every look.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SteadyKey {
    Page(SpaceId, PageNo),
    Problem(ProblemKey),
}

impl Survey {
    /// As [`Survey::run`]. Beside a running server damage counts only if several looks show the same bytes, and a problem
    /// only if all have it; what changed meanwhile is `unverifiable`.
    ///
    /// # Errors
    /// As [`Survey::run`]: those of the first look.
    pub fn steady(request: &Request) -> Result<Survey> {
        let mut survey = Survey::run(request)?;
        if survey.instance.running.is_none() {
            return Ok(survey);
        }
        let first = suspects(&survey);
        let Ok(settled) = settle(first, PATIENCE, std::thread::sleep, |agreed| {
            let Ok(again) = Survey::run(request) else {
                // A look that fails altogether tells nothing new.
                return Ok::<_, Infallible>(agreed.clone());
            };
            let now = suspects(&again);
            survey = again;
            Ok(now)
        });
        survey.keep(&settled.agreed);
        Ok(survey)
    }

    fn keep(&mut self, agreed: &BTreeMap<SteadyKey, u32>) {
        for finding in self.findings.iter_mut().filter(|found| found.judgement.verdict.needs_attention()) {
            if !agreed.contains_key(&SteadyKey::Page(finding.space_id(), finding.page_no())) {
                finding.judgement = Judgement { verdict: Verdict::Unverifiable, reason: Reason::Changing };
            }
        }
        let problems = agreed.keys().filter_map(|suspect| match suspect {
            SteadyKey::Problem(key) => Some(key.clone()),
            SteadyKey::Page(..) => None,
        });
        self.steady = Some(problems.collect());
    }
}

/// Damaged pages with the sum of what lies at their homes, and problems.
fn suspects(survey: &Survey) -> BTreeMap<SteadyKey, u32> {
    let damaged = survey.findings.iter().filter(|finding| finding.judgement.verdict.needs_attention());
    let pages = damaged.map(|finding| {
        let sum = survey.home_of(finding).map_or(0, |home| crc32fast::hash(&home.bytes.get()));
        (SteadyKey::Page(finding.space_id(), finding.page_no()), sum)
    });
    let problems = problems::of_survey(survey);
    let problems = problems.iter().map(|problem| (SteadyKey::Problem(problem.key()), 0));
    pages.chain(problems).collect()
}
