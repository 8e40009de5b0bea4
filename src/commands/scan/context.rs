//! What is known of an instance before its pages are read: tablespaces, redo window, copies of damaged pages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::commands::scan::reserved::Reserved;
use crate::error::{Error, Result};
use crate::format::fsp::PageFormat;
use crate::format::redo_record::PageId;
use crate::instance::Instance;
use crate::instance::locations::Focus;
use crate::instance::redo::Shutdown;
use crate::instance::redo::history::Census;
use crate::instance::request::Request;
use crate::instance::spaces::{Identification, SpaceFile, Tablespace};
use crate::page::keyring::Keyring;
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::audit::{Lost, audit};
use crate::verdict::home::HomeState;
use crate::verdict::predict::{FromRedo, Prediction};
use crate::verdict::problems::{self, Problem};
use crate::verdict::reason::Reason;
use crate::verdict::survey::{Finding, Survey};

/// Which pages must have reached their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// All: the server ended cleanly.
    All,
    /// Those whose newest change is not behind this checkpoint.
    UpTo(Lsn),
    /// Nothing tells: a file without its redo logs.
    Unknown,
}

impl Flushed {
    /// Whether a page with this newest change must lie in its file.
    pub fn holds(self, lsn: Lsn) -> bool {
        match self {
            Flushed::All => true,
            Flushed::UpTo(checkpoint) => lsn <= checkpoint,
            Flushed::Unknown => false,
        }
    }
}

/// The best the doublewrite buffer has for a damaged page.
#[derive(Debug, Clone)]
pub struct CopySituation {
    /// What the survey thinks of it.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The file of the slot, relative to the instance.
    pub file: String,
    /// Index of the slot.
    pub index: u32,
    /// LSN of the copy.
    pub lsn: Lsn,
    /// The copy itself, physical page size; empty for reduced entries.
    pub page: Vec<u8>,
}

/// An instance, with what its doublewrite buffer holds for damaged pages.
#[derive(Debug)]
pub struct Ground {
    /// The instance.
    pub instance: Instance,
    /// Homes that the survey could not read.
    pub failures: Vec<Error>,
    /// Which pages must be home.
    pub flushed: Flushed,
    /// Files named like tablespaces in which nothing looks like a page, taken for what the instance would have put there.
    pub unidentified: Vec<Tablespace>,
    /// Whether an all-zero page in use may be one that was freed after the checkpoint: MariaDB punches and scrubs freed
    /// pages before the descriptor that says so is home (`buf_flush_freed_pages`, 10.5 to 11.8).
    pub zero_may_be_freed: bool,
    /// What redo proves to be lost, where that was asked for.
    lost: HashMap<PageId, Lost>,
    /// What is wrong besides single pages, as the survey found it.
    pub problems: Vec<Problem>,
    /// What the server would do, by what the survey saw; of a whole data directory only.
    pub prediction: Option<Prediction>,
    /// What redo makes of what the buffer cannot mend.
    pub from_redo: FromRedo,
    copies: BTreeMap<(SpaceId, PageNo), Arc<CopySituation>>,
    reserved: Reserved,
    audited: bool,
}

impl Ground {
    /// Looks at an instance and its doublewrite buffer.
    ///
    /// # Errors
    /// As [`Survey::run`].
    pub fn survey(request: &Request) -> Result<Ground> {
        Ok(Ground::of(Survey::steady(request)?))
    }

    /// Keeps of a survey what a scan needs.
    pub fn of(survey: Survey) -> Ground {
        let mut copies: BTreeMap<(SpaceId, PageNo), CopySituation> = BTreeMap::new();
        for finding in &survey.findings {
            if let Some(situation) = situation(&survey, finding) {
                let key = (finding.space_id(), finding.page_no());
                let kept = copies.entry(key).or_insert_with(|| situation.clone());
                if kept.verdict.rank() > situation.verdict.rank() {
                    *kept = situation;
                }
            }
        }
        let copies = copies.into_iter().map(|(key, copy)| (key, Arc::new(copy))).collect();
        let problems = problems::of_survey(&survey);
        let whole = survey.instance.locations.focus == Focus::Directory;
        let prediction = whole.then(|| Prediction::of(&survey));
        let from_redo = prediction.as_ref().map(|_| FromRedo::of(&survey)).unwrap_or_default();
        let flushed = flushed(&survey.instance);
        let unidentified = unidentified(&survey.instance);
        let reserved = Reserved::of(&survey.instance);
        let zero_may_be_freed = flushed != Flushed::All && survey.instance.generation.is_mariadb();
        let (instance, failures) = (survey.instance, survey.failures);
        let (lost, audited) = (HashMap::new(), false);
        Ground {
            instance,
            failures,
            flushed,
            unidentified,
            zero_may_be_freed,
            lost,
            problems,
            prediction,
            from_redo,
            copies,
            reserved,
            audited,
        }
    }

    /// As [`Ground::survey`]; where an instance is in such disorder that it has no survey, its files alone.
    ///
    /// # Errors
    /// The survey's, where no tablespace is found at all.
    pub fn survey_or_bare(request: &Request) -> Result<Ground> {
        Ground::survey(request).or_else(|error| {
            // A key file that cannot be read is an error, and no reason to judge pages without it.
            if let Some(keyring) = &request.keyring {
                Keyring::open(keyring, request.keyring_password_file.as_deref())?;
            }
            let instance = Instance::bare(request).ok().filter(|instance| !instance.spaces.list.is_empty());
            let Some(instance) = instance else { return Err(error) };
            let unidentified = unidentified(&instance);
            // A later file of a system tablespace has no transaction system page to fail at.
            let later = |space: &Tablespace| space.files.first().is_some_and(|file| file.first_page != 0);
            let failures = if instance.spaces.list.iter().all(later) { Vec::new() } else { vec![error] };
            Ok(Ground {
                instance,
                failures,
                flushed: Flushed::Unknown,
                unidentified,
                zero_may_be_freed: true,
                lost: HashMap::new(),
                problems: Vec::new(),
                prediction: None,
                from_redo: FromRedo::default(),
                copies: BTreeMap::new(),
                reserved: Reserved::default(),
                audited: false,
            })
        })
    }

    /// Holds every page that redo names against it: what is lost is damage from here on, what redo makes anew is none.
    pub fn audit(&mut self) {
        self.audited = true;
        match audit(&mut self.instance) {
            Ok(lost) => self.lost = lost,
            Err(error) => self.failures.push(error),
        }
    }

    /// The write that a sound page of this LSN misses.
    pub fn lost_write(&self, space: &Tablespace, page_no: PageNo, lsn: Lsn) -> Option<&Lost> {
        if self.lost.is_empty() {
            return None;
        }
        self.lost.get(&(space.id?, page_no)).filter(|lost| lsn < lost.expected)
    }

    /// The LSN that redo proves a page to have had in its file before the checkpoint.
    pub fn was_home(&self, space: &Tablespace, page_no: PageNo) -> Option<Lsn> {
        let page = (space.id?, page_no);
        self.census()?.of_page(page)?.least_at_home()
    }

    /// Whether recovery makes a page anew whatever lies in its file, and nothing better is there.
    pub fn redo_rebuilds(&self, space: &Tablespace, page_no: PageNo) -> bool {
        let restorable = self.copy_of(space, page_no).is_some_and(|copy| copy.verdict == Verdict::Restorable);
        let census = self.census().zip(space.id).filter(|_| !restorable);
        census.is_some_and(|(census, id)| census.rebuilds((id, page_no)))
    }

    fn census(&self) -> Option<&Census> {
        self.instance.census().filter(|_| self.audited)
    }

    /// The best copy of a page whose home the survey found damaged.
    pub fn copy_of(&self, space: &Tablespace, page_no: PageNo) -> Option<&Arc<CopySituation>> {
        self.copies.get(&(space.id?, page_no))
    }

    /// Whether the buffer has a copy that restore would write.
    pub fn has_good_copy(&self, space: &Tablespace, page_no: PageNo) -> bool {
        self.copy_of(space, page_no).is_some_and(|copy| copy.verdict == Verdict::Restorable)
    }

    /// Whether a page of the system tablespace lies inside a doublewrite area.
    pub fn in_doublewrite(&self, page_no: PageNo) -> bool {
        self.instance.areas.iter().any(|area| area.covers(page_no))
    }

    /// Whether a page of the system tablespace was handed out to the doublewrite buffer and never written.
    pub fn is_reserved(&self, page_no: PageNo) -> bool {
        self.reserved.contains(page_no)
    }

    /// Whether pages carry space ids: not before MySQL 4.1.1.
    pub fn space_id_stored(&self) -> bool {
        self.instance.space_id_stored()
    }
}

fn unidentified(instance: &Instance) -> Vec<Tablespace> {
    let default = PageFormat::classic(instance.page_size);
    let format = instance.spaces.system().map_or(default, |system| system.format);
    let tablespace = |file: &SpaceFile| Tablespace {
        id: None,
        format,
        files: vec![file.clone()],
        evidence: Identification::Unknown,
        key: None,
    };
    instance.spaces.unidentified.iter().map(tablespace).collect()
}

fn flushed(instance: &Instance) -> Flushed {
    match (instance.shutdown, instance.window.checkpoint) {
        (Shutdown::Clean, _) => Flushed::All,
        (_, Some(checkpoint)) => Flushed::UpTo(checkpoint),
        (_, None) => Flushed::Unknown,
    }
}

fn situation(survey: &Survey, finding: &Finding) -> Option<CopySituation> {
    let home = survey.home_of(finding).filter(|home| home.state.is_damaged())?;
    let verdict = finding.judgement.verdict;
    if !matches!(verdict, Verdict::Restorable | Verdict::Stale | Verdict::Unrecoverable) {
        return None;
    }
    let (file, index, page) = match &finding.subject {
        crate::verdict::survey::Subject::Copy(copy) => {
            // Zero homes come by the hundred, and nothing is compared with their copies.
            let page = if home.state == HomeState::Zero { Vec::new() } else { copy.page().into_owned() };
            (&copy.slot.file, copy.slot.index, page)
        }
        crate::verdict::survey::Subject::Reduced(file, entry) => (file, entry.index, Vec::new()),
    };
    Some(CopySituation {
        verdict,
        reason: finding.judgement.reason.clone(),
        file: file.display().to_string(),
        index,
        lsn: finding.lsn(),
        page,
    })
}
