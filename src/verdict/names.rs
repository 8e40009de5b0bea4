//! Names for the pages of a survey: table and index of what is damaged.

use crate::format::index_page::index_header;
use crate::units::{PageNo, SpaceId};
use crate::verdict::naming::{Naming, PageName};
use crate::verdict::survey::{Finding, Survey};

/// Finds the names of a survey's pages; nothing is read before the first question.
#[derive(Debug)]
pub struct SurveyNames<'a> {
    survey: &'a Survey,
    naming: Naming<'a>,
}

impl<'a> SurveyNames<'a> {
    /// Of this survey.
    pub fn new(survey: &'a Survey) -> SurveyNames<'a> {
        SurveyNames { survey, naming: Naming::new(&survey.instance.spaces) }
    }

    /// The page of a finding. The copy knows its index better than a damaged home does.
    pub fn of(&mut self, finding: &Finding) -> PageName {
        let home = self.survey.home_of(finding);
        let copy = finding.copy().map(|copy| copy.judged.clear.as_deref().unwrap_or(copy.page()));
        let header = copy.and_then(index_header).or_else(|| index_header(&home?.bytes));
        self.naming.of(finding.space_id(), finding.page_no(), header.as_ref())
    }

    /// A page of this number, which the survey must have found in a slot.
    pub fn of_page(&mut self, space: SpaceId, page_no: PageNo) -> PageName {
        let survey = self.survey;
        let found = survey.findings.iter().find(|f| f.space_id() == space && f.page_no() == page_no);
        found.map_or_else(PageName::default, |finding| self.of(finding))
    }
}
