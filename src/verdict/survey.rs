//! The one loop that puts copies and homes together.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::format::redo_record::PageId;
use crate::format::reduced::ReducedEntry;
use crate::instance::Instance;
use crate::instance::dblwr::{Area, AreaKind};
use crate::instance::locations::Focus;
use crate::instance::note::InstanceNote;
use crate::instance::redo;
use crate::instance::redo::Shutdown;
use crate::instance::redo::history::Log;
use crate::instance::request::Request;
use crate::instance::spaces::{Identification, Owner, SpaceFile};
use crate::units::{Lsn, PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::audit::Lost;
use crate::verdict::copy::Copy;
use crate::verdict::copy::CopyState;
use crate::verdict::copy::read_copies;
use crate::verdict::gather::Gathered;
use crate::verdict::home;
use crate::verdict::home::{Home, HomeState};
use crate::verdict::judge::{Judgement, RedoProof, heed_redo, judge, judge_hidden, judge_reduced};
use crate::verdict::owners::find_hidden_owners;
use crate::verdict::problems::kind::ProblemKey;

/// Copies of one page, each with its place in the order of slots; no space id where the owner is hidden.
type CopyGroups = BTreeMap<(Option<SpaceId>, PageNo), Vec<(usize, Copy)>>;

/// What a finding is about: a full copy, or an entry of a reduced file.
#[derive(Debug)]
pub enum Subject {
    /// A page in the buffer.
    Copy(Copy),
    /// A page number and an LSN, and the file they stand in.
    Reduced(PathBuf, ReducedEntry),
}

/// One used slot with its verdict.
#[derive(Debug)]
pub struct Finding {
    /// Copy or reduced entry.
    pub subject: Subject,
    /// Index into [`Survey::homes`]; `None` where nobody knows whose page it is.
    pub home: Option<usize>,
    /// The verdict and its reason.
    pub judgement: Judgement,
    /// Of a damaged home, for each sector whose it is: see [`crate::page::sectors::sector_map`].
    pub sectors: Option<String>,
}

impl Finding {
    /// The space id, as far as it is known: ciphertext otherwise.
    pub fn space_id(&self) -> SpaceId {
        match &self.subject {
            Subject::Copy(copy) => copy.space.unwrap_or(copy.header.space_id),
            Subject::Reduced(_, entry) => entry.space_id,
        }
    }

    /// The page number.
    pub fn page_no(&self) -> PageNo {
        match &self.subject {
            Subject::Copy(copy) => copy.page_no(),
            Subject::Reduced(_, entry) => entry.page_no,
        }
    }

    /// The LSN of the copy or entry.
    pub fn lsn(&self) -> Lsn {
        match &self.subject {
            Subject::Copy(copy) => copy.lsn(),
            Subject::Reduced(_, entry) => entry.lsn,
        }
    }

    /// The copy, unless it is a reduced entry.
    pub fn copy(&self) -> Option<&Copy> {
        match &self.subject {
            Subject::Copy(copy) => Some(copy),
            Subject::Reduced(..) => None,
        }
    }
}

/// Everything that was found.
#[derive(Debug)]
pub struct Survey {
    /// The instance.
    pub instance: Instance,
    /// The homes that copies belong to.
    pub homes: Vec<Home>,
    /// One for every used slot of the live areas, in slot order.
    pub findings: Vec<Finding>,
    /// Slots and homes that could not be read.
    pub failures: Vec<Error>,
    /// Nothing has shown yet that no server writes to the log.
    log_moves: bool,
    /// Beside a running server: the problems that every look has found. Else all of them count.
    pub steady: Option<BTreeSet<ProblemKey>>,
}

impl Survey {
    /// Looks at an instance and judges every copy.
    ///
    /// # Errors
    /// As [`Instance::open`]; a live area cannot be read.
    pub fn run(request: &Request) -> Result<Survey> {
        Survey::of(Instance::open(request)?)
    }

    /// Judges every copy of an instance that was looked at.
    ///
    /// # Errors
    /// A live area cannot be read.
    pub fn of(mut instance: Instance) -> Result<Survey> {
        instance.learn_from_copies()?;
        let (mut copies, mut failures) = (Vec::new(), Vec::new());
        // Before the homes: beside a running server they may only get newer than what is expected of them.
        if let redo::FoundRedo::Read(redo) = &mut instance.redo {
            failures.extend(Log::learn(redo).err());
        }
        for area in instance.areas.iter().filter(|area| area.live && area.kind() != AreaKind::Reduced) {
            let (found, unreadable) = read_copies(area, &instance.spaces)?;
            copies.extend(found);
            failures.extend(unreadable);
        }
        let sound = copies.iter().filter(|copy| copy.state() == CopyState::Valid);
        let log_moves = instance.catch_up(sound.map(Copy::lsn).max());
        find_hidden_owners(&mut copies, &instance);
        if let Focus::Tablespace(file) = &instance.locations.focus {
            let only = instance.spaces.of_file(file).and_then(|space| space.id);
            copies.retain(|copy| copy.space.is_some() && copy.space == only);
        }
        let (homes, findings) = (Vec::new(), Vec::new());
        let mut survey = Survey { instance, homes, findings, failures, log_moves, steady: None };
        survey.judge_all(copies);
        survey.note_old_copies();
        survey.note_uncopied_headers();
        Ok(survey)
    }

    /// Everything that could not be read: what is said here is said of the rest.
    pub fn unreadable(&self) -> impl Iterator<Item = &Error> {
        self.instance.spaces.failures.iter().chain(&self.failures)
    }

    /// Files of tablespaces, besides the system's, whose page 0 is damaged while no slot names it.
    pub fn uncopied_headers(&self) -> impl Iterator<Item = &SpaceFile> {
        let has_copy = |id: Option<SpaceId>| {
            self.findings.iter().any(|f| f.page_no() == PageNo(0) && Some(f.space_id()) == id)
        };
        let spaces = self.instance.spaces.list.iter();
        let users = spaces.filter(|space| space.id != Some(SpaceId::SYSTEM));
        let headless = users.filter(move |s| s.evidence != Identification::Header && !has_copy(s.id));
        let damaged = headless
            .filter(|space| home::look_in(space, PageNo(0), true).is_ok_and(|home| home.state.is_damaged()));
        damaged.filter_map(|space| space.files.first()).filter(|file| file.first_page == 0)
    }

    /// Whether an area has used slots and none of them holds a page that verifies or may be encrypted.
    pub fn has_only_rubbish(&self, area: &Area) -> bool {
        let copies: Vec<&Copy> =
            self.findings.iter().filter_map(Finding::copy).filter(|c| c.slot.file == area.file).collect();
        !copies.is_empty() && copies.iter().all(|copy| copy.state() == CopyState::Corrupt)
    }

    /// The home of a finding.
    pub fn home_of(&self, finding: &Finding) -> Option<&Home> {
        self.homes.get(finding.home?)
    }

    /// How many findings carry a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.judgement.verdict == verdict).count()
    }

    /// Newest LSN of all copies that verify or cannot be judged, and of all reduced entries.
    pub fn newest_copy(&self) -> Option<Lsn> {
        let sound = |finding: &&Finding| finding.copy().is_none_or(|copy| copy.state() != CopyState::Corrupt);
        self.findings.iter().filter(sound).map(Finding::lsn).max()
    }

    /// Whether pages were changed after the checkpoint while no copy is newer than it: doublewrite may have been off,
    /// the storage may write atomically, or nothing was flushed since. A sign, no proof.
    pub fn newest_copy_is_old(&self) -> bool {
        let window = self.instance.window;
        let changed = window.checkpoint.zip(window.end).is_some_and(|(checkpoint, end)| end > checkpoint);
        let old = self.newest_copy().is_none_or(|newest| Some(newest) <= window.checkpoint);
        changed && old && self.instance.shutdown == Shutdown::Crash
    }

    fn note_uncopied_headers(&mut self) {
        let notes: Vec<InstanceNote> =
            self.uncopied_headers().map(|file| InstanceNote::HeaderWithoutCopy(file.name.clone())).collect();
        self.instance.notes.extend(notes);
    }

    fn note_old_copies(&mut self) {
        let whole = matches!(self.instance.locations.focus, Focus::Directory | Focus::System(_));
        let Some(checkpoint) = self.instance.window.checkpoint.filter(|_| whole && self.newest_copy_is_old())
        else {
            return;
        };
        self.instance.notes.push(InstanceNote::NoRecentCopies(self.newest_copy(), checkpoint));
    }

    fn judge_all(&mut self, copies: Vec<Copy>) {
        let reduced = self.newest_reduced();
        let mut groups: CopyGroups = BTreeMap::new();
        for (order, copy) in copies.into_iter().enumerate() {
            groups.entry((copy.space, copy.page_no())).or_default().push((order, copy));
        }
        let mut ordered: BTreeMap<usize, Finding> = BTreeMap::new();
        let mut restorable: Vec<(SpaceId, PageNo)> = Vec::new();
        for ((space, page_no), group) in groups {
            let newest = space.and_then(|id| reduced.get(&(id, page_no))).map(|(_, entry)| entry.lsn);
            for (order, finding) in self.judge_group(space, page_no, group, newest) {
                if finding.judgement.verdict == Verdict::Restorable {
                    restorable.extend(space.map(|id| (id, page_no)));
                }
                ordered.insert(order, finding);
            }
        }
        self.findings.extend(ordered.into_values());
        self.judge_reduced_entries(&reduced, &restorable);
    }

    /// All copies of one page.
    fn judge_group(
        &mut self,
        space: Option<SpaceId>,
        page_no: PageNo,
        group: Vec<(usize, Copy)>,
        reduced: Option<Lsn>,
    ) -> Vec<(usize, Finding)> {
        let (mut judgements, mut at) = (judge_hidden(group.len()), None);
        let mut maps = vec![None; group.len()];
        if let Some(mut home) = self.look(space, page_no) {
            let looked_at = home.loaded();
            let loaded: Vec<Copy> = group.iter().map(|(_, copy)| copy.loaded()).collect();
            let copies: Vec<&Copy> = loaded.iter().collect();
            let gathered = Gathered::of(&self.instance, &looked_at, page_no, &copies);
            let ruling = judge(&gathered.home(&looked_at), &gathered.copies, reduced, &self.instance.window);
            judgements = ruling.judgements;
            ruling.unmasked.into_iter().for_each(|why| home.unmask(why));
            if let Some(proof) = space.and_then(|id| self.proof_by_redo((id, page_no), &home)) {
                let lsns: Vec<Lsn> = group.iter().map(|(_, copy)| copy.lsn()).collect();
                heed_redo(proof, &lsns, &mut judgements);
            }
            if home.state.is_damaged() {
                maps = gathered.sector_maps(&looked_at);
            }
            self.homes.push(home);
            at = Some(self.homes.len() - 1);
        }
        let pairs = group.into_iter().zip(judgements).zip(maps);
        pairs
            .map(|(((order, copy), judgement), sectors)| {
                (order, Finding { subject: Subject::Copy(copy), home: at, judgement, sectors })
            })
            .collect()
    }

    /// What redo proves of a home.
    fn proof_by_redo(&self, page: PageId, home: &Home) -> Option<RedoProof> {
        let census = self.instance.census()?;
        if home.state == HomeState::Valid && home.rivals.is_empty() {
            let space = match self.instance.spaces.owner(page.0) {
                Owner::One(space) => Some(space),
                Owner::Several(_) | Owner::Nobody => None,
            };
            return Lost::of(census, page, home.lsn?, space).map(RedoProof::LostWrite);
        }
        (home.state.is_damaged() && census.rebuilds(page)).then_some(RedoProof::MadeAnew)
    }

    /// A running server drops tables after they were listed.
    fn is_dropped(&self, space: SpaceId) -> bool {
        let Owner::One(space) = self.instance.spaces.owner(space) else { return false };
        let gone = |path: &Path| {
            std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
        };
        space.files.iter().any(|file| gone(&file.path))
    }

    /// The home of a page; a home that cannot be read is remembered and counts as one that cannot be judged.
    fn look(&mut self, space: Option<SpaceId>, page_no: PageNo) -> Option<Home> {
        let stored = self.instance.space_id_stored();
        match home::look(&self.instance.spaces, space?, page_no, stored) {
            Ok(home) => {
                let newest = home.lsn.filter(|_| home.state == HomeState::Valid);
                self.log_moves = self.log_moves && self.instance.catch_up(newest);
                Some(home)
            }
            Err(_) if self.is_dropped(space?) => Some(Home::dropped(space?)),
            Err(error) => {
                let home = Home::unreadable(&error);
                self.failures.push(error);
                Some(home)
            }
        }
    }

    /// For every page the newest reduced entry that counts.
    pub(crate) fn newest_reduced(&self) -> BTreeMap<(SpaceId, PageNo), (PathBuf, ReducedEntry)> {
        let mut newest: BTreeMap<(SpaceId, PageNo), (PathBuf, ReducedEntry)> = BTreeMap::new();
        for (area, file) in &self.instance.reduced {
            let Some(area) = self.instance.areas.get(*area).filter(|area| area.live) else { continue };
            for entry in file.entries.iter().filter(|entry| entry.lsn.0 != 0) {
                let kept =
                    newest.entry((entry.space_id, entry.page_no)).or_insert((area.file.clone(), *entry));
                if kept.1.lsn < entry.lsn {
                    *kept = (area.file.clone(), *entry);
                }
            }
        }
        newest
    }

    fn judge_reduced_entries(
        &mut self,
        reduced: &BTreeMap<(SpaceId, PageNo), (PathBuf, ReducedEntry)>,
        restorable: &[(SpaceId, PageNo)],
    ) {
        for (key, (file, entry)) in reduced {
            let Some(home) = self.look(Some(key.0), key.1) else { continue };
            let Some(judgement) = judge_reduced(home.state, restorable.contains(key), entry.lsn) else {
                continue;
            };
            self.homes.push(home);
            let subject = Subject::Reduced(file.clone(), *entry);
            self.findings.push(Finding {
                subject,
                home: Some(self.homes.len() - 1),
                judgement,
                sectors: None,
            });
        }
    }
}
