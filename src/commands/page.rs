//! One page of a named file: which tablespace it belongs to, what lies there, and what the doublewrite buffer around
//! it has for it.
//!
//! A page number counts from the start of its tablespace. For a later file of a system tablespace of several files,
//! that is the number in the whole tablespace, as far as the files before it are found; else it counts from the start
//! of the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::disk::Image;
use crate::error::{Error, Result};
use crate::format::fsp::PageFormat;
use crate::format::index_header::index_header;
use crate::format::key::IndexKey;
use crate::instance::Instance;
use crate::instance::bundle::open;
use crate::instance::bundle::unpack::Bundle;
use crate::instance::discover::stated_first_page;
use crate::instance::foreign::not_innodb;
use crate::instance::identify::{Identity, identify};
use crate::instance::locations::Focus;
use crate::instance::locations::Locations;
use crate::instance::note::InstanceNote;
use crate::instance::request::Request;
use crate::instance::running;
use crate::instance::spaces::judge_in;
use crate::instance::spaces::{Identification, Owner, SpaceFile, Spaces, Tablespace};
use crate::page::Judged;
use crate::page::diagnose::{Diagnosis, classify};
use crate::page::transform;
use crate::page::transform::Revealed;
use crate::units::{PageNo, SpaceId};
use crate::verdict::Verdict;
use crate::verdict::home::{Home, HomeState, look_in};
use crate::verdict::naming::{Naming, PageName};
use crate::verdict::survey::{Finding, Survey};

/// A page that was looked up.
#[derive(Debug)]
pub struct Lookup {
    /// What lies there, and where that is.
    pub home: Home,
    /// Its tablespace, where the file tells it.
    pub space: Tablespace,
    /// Its file: as it was named where it is the file that was named.
    pub shown: PathBuf,
    /// What it is part of.
    pub name: PageName,
    /// The columns that its index is sorted by, where the dictionary describes them.
    pub key: Option<IndexKey>,
    /// The judgement of its bytes.
    pub judged: Judged,
    /// The kind of damage and what was seen, as scan tells it; of a page that is torn or corrupt.
    pub diagnosis: Option<Diagnosis>,
    /// The data directory or file that the doublewrite buffer was looked for in.
    pub context: PathBuf,
    /// The buffers around it; only looked at for pages that are damaged or zero, or where the file alone does not tell
    /// whose it is.
    pub survey: Option<Survey>,
    /// How a server shows that runs on these files now.
    pub running: Option<String>,
    /// What is worth saying besides.
    pub notes: Vec<InstanceNote>,
    /// The bundle that all of this lies in; its files are there as long as this is.
    pub bundle: Option<Arc<Bundle>>,
}

impl Lookup {
    /// Looks up a page of the file that a request names.
    ///
    /// # Errors
    /// The file is not there, cannot be read, is nothing of InnoDB, or ends before the page.
    pub fn run(request: &Request, page_no: PageNo) -> Result<Lookup> {
        let request = &open::open(request)?;
        let image = Image::open(&request.path)?;
        let context = context_of(request)?;
        let mut notes = Vec::new();
        let (alone, mut survey) = match alone(&image, request)? {
            Some(space) if is_settled(&space, request) => (Some(space), None),
            space => (space, look_around(&context, &mut notes)),
        };
        let mut space = known(survey.as_ref(), &image).or(alone).ok_or_else(|| not_innodb(&request.path))?;
        let running = match &survey {
            Some(survey) => survey.instance.running.clone(),
            None => running::server_on(&Locations::resolve(&context)?),
        };
        let mut home = look_while_written(&space, page_no, true, running.is_some())?;
        if survey.is_none() && needs_context(&home) {
            survey = look_around(&context, &mut notes);
            if let Some(better) = known(survey.as_ref(), &image) {
                space = better;
                let stored = stores_space_ids(survey.as_ref());
                home = look_while_written(&space, page_no, stored, running.is_some())?;
            }
        }
        if home.state == HomeState::OutOfBounds {
            return Err(past_the_end(&space, page_no, &request.path));
        }
        refuse_uncaptured(request, &home)?;
        let judged = judge_in(&home.bytes.get(), &space);
        let bundle = request.bundle.clone();
        let is_named = is_same_file(&home.path, &request.path);
        let shown = if is_named { request.path.clone() } else { home.path.clone() };
        if !is_named {
            notes.extend(note_other_file(&space, &request.path, page_no, &home));
        }
        let mut lookup = Lookup {
            home,
            space,
            shown,
            name: PageName::default(),
            key: None,
            judged,
            diagnosis: None,
            context: context.path.clone(),
            survey,
            running,
            notes,
            bundle,
        };
        (lookup.name, lookup.key) = lookup.named(&context, page_no);
        lookup.diagnosis = lookup.diagnose(page_no);
        Ok(lookup)
    }

    /// What the buffer has for this page.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let survey = self.survey.iter();
        survey.flat_map(|survey| survey.findings.iter().map(move |finding| (survey, finding))).filter_map(
            |(survey, finding)| {
                let home = survey.home_of(finding)?;
                let here = home.offset == self.home.offset && is_same_file(&home.path, &self.home.path);
                here.then_some(finding)
            },
        )
    }

    /// Whether a copy can be put here.
    pub fn is_restorable(&self) -> bool {
        self.findings().any(|finding| finding.judgement.verdict == Verdict::Restorable)
    }

    /// Held against the best copy, as scan does it.
    fn diagnose(&self, page_no: PageNo) -> Option<Diagnosis> {
        if !matches!(self.home.state, HomeState::Torn | HomeState::Corrupt) {
            return None;
        }
        let best = self.findings().min_by_key(|finding| finding.judgement.verdict.rank());
        let copy = best.and_then(|finding| finding.copy()).map(|copy| copy.page());
        Some(classify(&self.home.bytes.get(), &self.space.format, page_no, copy.as_deref()))
    }

    /// The names are in the dictionary, which lies around the file; of a file that lies alone they are in itself.
    fn named(&self, context: &Request, page_no: PageNo) -> (PageName, Option<IndexKey>) {
        let Some(id) = self.space.id else { return Default::default() };
        let clear = self.judged.clear.clone().or_else(|| self.clear());
        let header = index_header(clear.as_deref().unwrap_or(&self.home.bytes.get()));
        let named = |spaces: &Spaces| {
            let mut naming = Naming::new(spaces);
            let name = naming.of(id, page_no, header.as_ref());
            let key = header.and_then(|header| naming.key(id, header.index_id));
            (name, key)
        };
        match &self.survey {
            Some(survey) => named(&survey.instance.spaces),
            None => {
                Instance::bare(context).map_or_else(|_| Default::default(), |around| named(&around.spaces))
            }
        }
    }

    /// The page under its compression and encryption, where it can be told.
    pub fn clear(&self) -> Option<Vec<u8>> {
        let key = self.space.key.as_ref();
        match transform::reveal(&self.home.bytes.get(), &self.space.format, self.space.id?, key) {
            Revealed::Page(clear) => Some(clear),
            _ => None,
        }
    }
}

/// The file of a directory that holds a page of this tablespace.
///
/// # Errors
/// No file does, or several claim the space id.
pub fn file_of(request: &Request, space: SpaceId, page_no: PageNo) -> Result<PathBuf> {
    let instance = Instance::bare(request)?;
    match instance.spaces.owner(space) {
        Owner::One(owner) => {
            let place = owner.place(page_no);
            let no_file = || {
                Error::foreign(&request.path, format!("no file of tablespace {space} reaches page {page_no}"))
            };
            place.map(|place| place.file.path.clone()).ok_or_else(no_file)
        }
        Owner::Nobody => Err(Error::foreign(&request.path, format!("no file here holds tablespace {space}"))),
        Owner::Several(several) => {
            let names: Vec<String> = several
                .iter()
                .filter_map(|owner| Some(owner.files.first()?.name.display().to_string()))
                .collect();
            let what =
                format!("several files claim tablespace {space}: {}; name one of them", names.join(", "));
            Err(Error::foreign(&request.path, what))
        }
    }
}

/// What a bundle does not hold reads as zeros and means nothing.
fn refuse_uncaptured(request: &Request, home: &Home) -> Result<()> {
    let offset = home.offset.unwrap_or_default().0;
    let range = offset..offset.saturating_add(home.length as u64);
    match &request.bundle {
        Some(bundle) if !bundle.covers(&home.path, &range) => Err(Error::foreign(
            &home.path,
            format!("the bundle does not hold the page at offset {offset}: it was not captured"),
        )),
        _ => Ok(()),
    }
}

/// A home; beside a running server one that looks damaged is read again, for the server may be in the middle of writing it.
fn look_while_written(space: &Tablespace, page_no: PageNo, stored: bool, running: bool) -> Result<Home> {
    const AGAIN: u32 = 3;
    let mut home = look_in(space, page_no, stored)?;
    for _ in 0..AGAIN {
        if !(running && home.state.is_damaged()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
        home = look_in(space, page_no, stored)?;
    }
    Ok(home)
}

/// Damaged and zero pages may have a copy.
fn needs_context(home: &Home) -> bool {
    home.state.is_damaged()
}

fn stores_space_ids(survey: Option<&Survey>) -> bool {
    survey.is_none_or(|survey| survey.instance.space_id_stored())
}

/// A sound page 0 tells all, unless the tablespace may go on in other files or a key has to be found.
fn is_settled(space: &Tablespace, request: &Request) -> bool {
    let one_file = space.id.is_some_and(|id| id != SpaceId::SYSTEM);
    one_file && space.evidence == Identification::Header && request.keyring.is_none()
}

/// The request for everything around the file: its data directory where it lies in one.
fn context_of(request: &Request) -> Result<Request> {
    let locations = Locations::resolve(request)?;
    let in_directory = locations.explore || locations.root.join("ibdata1").exists();
    let path = match (&request.datadir, in_directory && locations.focus != Focus::Directory) {
        (None, true) => locations.root,
        _ => request.path.clone(),
    };
    Ok(Request { path, ..request.clone() })
}

fn look_around(context: &Request, notes: &mut Vec<InstanceNote>) -> Option<Survey> {
    match Survey::steady(context) {
        Ok(survey) => {
            notes.extend(survey.instance.notes.iter().cloned());
            Some(survey)
        }
        Err(error) => {
            notes.push(InstanceNote::NotLookedAt(error.to_string()));
            None
        }
    }
}

/// The tablespace that a file belongs to among those around it.
fn known(survey: Option<&Survey>, image: &Image) -> Option<Tablespace> {
    let spaces = &survey?.instance.spaces.list;
    let holds = |space: &&Tablespace| space.files.iter().any(|file| file.identity == image.identity());
    spaces.iter().find(holds).cloned()
}

/// The file as a tablespace of its own.
fn alone(image: &Image, request: &Request) -> Result<Option<Tablespace>> {
    // A bad sector elsewhere in the file does not hide the page that was asked for.
    let around = Image::open_past_faults(image.path())?;
    let Some(identity) = identify(&around, request.page_size)? else { return Ok(None) };
    let overruled = request.page_size.filter(|&size| size != identity.format.logical);
    let format = overruled.map_or(identity.format, |size| PageFormat {
        logical: size,
        physical: size,
        ..identity.format
    });
    let file = SpaceFile {
        path: image.path().to_path_buf(),
        name: PathBuf::from(image.path().file_name().unwrap_or(image.path().as_os_str())),
        len: image.len(),
        first_page: first_page_of(image, &identity),
        identity: image.identity(),
    };
    Ok(Some(Tablespace {
        id: identity.id,
        format,
        files: vec![file],
        evidence: identity.evidence,
        key: None,
    }))
}

/// A later file of a system tablespace that lies alone says by its pages where it begins.
fn first_page_of(image: &Image, identity: &Identity) -> u64 {
    let later = identity.id == Some(SpaceId::SYSTEM) && identity.evidence != Identification::Header;
    let stated = Some(image).filter(|_| later).and_then(|image| stated_first_page(image, &identity.format));
    stated.unwrap_or(0)
}

/// Which pages a file holds, where the one that was asked for lies in another file of the same tablespace.
fn note_other_file(space: &Tablespace, named: &Path, page_no: PageNo, home: &Home) -> Option<InstanceNote> {
    let file = space.files.iter().find(|file| is_same_file(&file.path, named))?;
    let end = file.first_page.saturating_add(file.len / space.format.physical.as_u64()).saturating_sub(1);
    Some(InstanceNote::OtherMember {
        named: named.to_path_buf(),
        pages: (file.first_page, end),
        page_no,
        lies_in: home.path.clone(),
    })
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| Image::open(path).map(|image| image.identity());
    one == other || matches!((identity(one), identity(other)), (Ok(a), Ok(b)) if a == b)
}

fn past_the_end(space: &Tablespace, page_no: PageNo, named: &Path) -> Error {
    let size = space.format.physical;
    if let Some(first) = space.files.first().filter(|file| u64::from(page_no.0) < file.first_page) {
        let what = format!(
            "a later file of its tablespace: it begins with page {}; page {page_no} lies in a file before it",
            first.first_page
        );
        return Error::foreign(&first.path, what);
    }
    let (offset, len, first) = match space.place(page_no) {
        Some(place) => (place.offset.0, place.file.len, place.file.first_page),
        None => (page_no.offset(size).0, 0, 0),
    };
    let path = space.place(page_no).map_or(named.to_path_buf(), |place| place.file.path.clone());
    Error::foreign(
        &path,
        format!(
            "page {page_no} would lie at offset {offset} to {}, but the file has {len} bytes: {} pages of {size} bytes \
             from page {first} on",
            offset.saturating_add(size.as_u64()),
            len / size.as_u64()
        ),
    )
}
