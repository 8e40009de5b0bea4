//! Homes: the place in a data file that a copy belongs to, and what lies there now.

use std::path::PathBuf;

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::bytes::u64_at;
use crate::disk::{Image, PageBytes, ReadAgain};
use crate::error::{Error, Result};
use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_LSN, FIL_PAGE_SPACE_ID, FilHeader};
use crate::format::fsp::PageFormat;
use crate::instance::spaces::judge_in;
use crate::instance::spaces::{Owner, Place, Spaces, Tablespace};
use crate::page::Claim;
use crate::page::Judged;
use crate::page::PageState;
use crate::page::checksum::Algorithm;
use crate::page::reason::PageReason;
use crate::units::{ByteOffset, Lsn, PageNo, SpaceId};
use crate::verdict::home_reason::{HomeReason, Unmasked};
use crate::verdict::words::HomeWords;

/// What lies at a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HomeState {
    /// The page verifies and is the one that belongs there.
    Valid,
    /// Head and tail carry different LSNs.
    Torn,
    /// No checksum holds.
    Corrupt,
    /// Every byte is zero.
    Zero,
    /// A valid page, but of another number or tablespace.
    Misdirected,
    /// No file holds the space id.
    Missing,
    /// The page lies past the end of its file, or the end cuts it.
    OutOfBounds,
    /// Encrypted without a key, or in a format that cannot be judged.
    Unverifiable,
}

impl HomeState {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether a good copy would be worth writing here.
    pub fn is_damaged(self) -> bool {
        matches!(self, HomeState::Torn | HomeState::Corrupt | HomeState::Zero | HomeState::Misdirected)
    }
}

impl From<PageState> for HomeState {
    fn from(state: PageState) -> HomeState {
        match state {
            PageState::Valid => HomeState::Valid,
            PageState::Zero => HomeState::Zero,
            PageState::Torn => HomeState::Torn,
            PageState::Corrupt => HomeState::Corrupt,
            PageState::Unverifiable => HomeState::Unverifiable,
        }
    }
}

/// A home that was looked at.
#[derive(Debug, Clone)]
pub struct Home {
    /// What lies there.
    pub state: HomeState,
    /// The file as printed; `None` where there is none.
    pub file: Option<PathBuf>,
    /// The file to open.
    pub path: PathBuf,
    /// Where in the file.
    pub offset: Option<ByteOffset>,
    /// Physical size in bytes.
    pub length: usize,
    /// The tablespace's format.
    pub format: Option<PageFormat>,
    /// The LSN in the head of the page.
    pub lsn: Option<Lsn>,
    /// The LSNs that it carries of itself.
    pub words: HomeWords,
    /// The checksum that holds, for valid pages.
    pub algorithm: Option<Algorithm>,
    /// Valid only by a rule that looks at no content (checksum `none`).
    pub weak: bool,
    /// Why.
    pub why: HomeReason,
    /// The page as it lies in the file.
    pub bytes: PageBytes,
    /// Every file that claims the space id, where there are several.
    pub rivals: Vec<PathBuf>,
}

impl Home {
    fn nowhere(state: HomeState, why: HomeReason) -> Home {
        Home {
            state,
            file: None,
            path: PathBuf::new(),
            offset: None,
            length: 0,
            format: None,
            lsn: None,
            words: HomeWords::default(),
            algorithm: None,
            weak: false,
            why,
            bytes: PageBytes::default(),
            rivals: Vec::new(),
        }
    }
}

impl Home {
    /// Whether a copy shows that this home is torn although no checksum tells: both carry one LSN, so both are the
    /// same write of the page, yet their bytes differ. Bytes 26..34 are stamped apart from it and do not count.
    pub fn is_contradicted_by(&self, copy: &[u8], copy_lsn: Lsn) -> bool {
        let stamped = FIL_PAGE_FILE_FLUSH_LSN..FIL_PAGE_SPACE_ID;
        let differs = |(at, (mine, theirs)): (usize, (&u8, &u8))| mine != theirs && !stamped.contains(&at);
        self.weak
            && self.state == HomeState::Valid
            && self.lsn == Some(copy_lsn)
            && self.bytes.len() == copy.len()
            && self.bytes.get().iter().zip(copy).enumerate().any(differs)
    }

    /// The same with its page in memory.
    #[must_use]
    pub fn loaded(&self) -> Home {
        Home { bytes: self.bytes.loaded(), ..self.clone() }
    }

    /// Takes a home that verifies for what copies and redo show of it.
    pub fn unmask(&mut self, unmasked: Unmasked) {
        self.state = match unmasked {
            Unmasked::Contradicted => HomeState::Torn,
            Unmasked::Future(_) => HomeState::Corrupt,
        };
        self.why = HomeReason::Unmasked(unmasked);
    }

    /// The home of a page whose file was dropped since it was listed.
    pub fn dropped(space: SpaceId) -> Home {
        Home::nowhere(HomeState::Missing, HomeReason::NoFile(space))
    }

    /// A home that the system would not let us read.
    pub fn unreadable(error: &Error) -> Home {
        Home::nowhere(HomeState::Unverifiable, HomeReason::Unreadable(error.to_string()))
    }

    /// What the system said where it could not read the home: nothing else is known of it then.
    pub fn unreadable_because(&self) -> Option<&str> {
        match &self.why {
            HomeReason::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// Looks at the home of a page.
///
/// # Errors
/// The file cannot be read at that place.
pub fn look(spaces: &Spaces, space_id: SpaceId, page_no: PageNo, space_id_stored: bool) -> Result<Home> {
    match spaces.owner(space_id) {
        Owner::Nobody => Ok(Home::nowhere(HomeState::Missing, HomeReason::NoFile(space_id))),
        Owner::One(space) => look_in(space, page_no, space_id_stored),
        Owner::Several(several) => look_in_rivals(&several, page_no, space_id_stored),
    }
}

/// Of several files that claim one id the first damaged home is shown: it is the one that needs a person.
fn look_in_rivals(several: &[&Tablespace], page_no: PageNo, space_id_stored: bool) -> Result<Home> {
    let homes: Vec<Home> =
        several.iter().map(|space| look_in(space, page_no, space_id_stored)).collect::<Result<_>>()?;
    let rivals = several.iter().flat_map(|space| space.files.iter().map(|file| file.name.clone())).collect();
    let shown = homes.iter().find(|home| home.state.is_damaged()).or(homes.first()).cloned();
    let mut home = shown.unwrap_or_else(|| Home::nowhere(HomeState::Missing, HomeReason::NoneOfSeveral));
    home.rivals = rivals;
    Ok(home)
}

/// Looks at a page of one tablespace.
///
/// # Errors
/// The file cannot be read at that place.
pub fn look_in(space: &Tablespace, page_no: PageNo, space_id_stored: bool) -> Result<Home> {
    let Some(place) = space.place(page_no) else {
        return Ok(Home::nowhere(HomeState::OutOfBounds, HomeReason::Beyond));
    };
    let mut home = at(space, &place);
    let page = match place.in_bounds {
        true => Image::open(&place.file.path)?.read_page(place.offset, space.format.physical)?,
        false => None,
    };
    let Some(page) = page else {
        home.state = HomeState::OutOfBounds;
        home.why = HomeReason::Cut(place.file.len);
        return Ok(home);
    };
    let judged = judge_in(&page, space);
    (home.state, home.why) = state_at(&judged, &page, space, page_no, space_id_stored);
    home.lsn = u64_at(&page, FIL_PAGE_LSN).map(Lsn);
    home.words = HomeWords::of(&page, &space.format, page_no, space.id.filter(|_| space_id_stored));
    home.algorithm = judged.algorithm;
    home.weak = judged.weak;
    home.bytes = PageBytes::read_from(page, place.offset, || ReadAgain::Path(place.file.path.clone()));
    Ok(home)
}

fn at(space: &Tablespace, place: &Place<'_>) -> Home {
    Home {
        file: Some(place.file.name.clone()),
        path: place.file.path.clone(),
        offset: Some(place.offset),
        length: space.format.physical.bytes(),
        format: Some(space.format),
        ..Home::nowhere(HomeState::Valid, HomeReason::Page(PageReason::Verifies))
    }
}

/// The judgement of the bytes, and for valid ones whether they belong here.
pub fn state_at(
    judged: &Judged,
    page: &[u8],
    space: &Tablespace,
    page_no: PageNo,
    space_id_stored: bool,
) -> (HomeState, HomeReason) {
    match judged.state {
        // Words that differ are two versions only in a page that is this one: random bytes have them, too.
        PageState::Torn if !is_this_page(page, space, page_no, space_id_stored) => {
            return (HomeState::Corrupt, HomeReason::Foreign(judged.why.clone()));
        }
        PageState::Torn | PageState::Zero | PageState::Corrupt | PageState::Unverifiable => {
            return (judged.state.into(), HomeReason::Page(judged.why.clone()));
        }
        PageState::Valid => {}
    }
    let number = FilHeader::parse(page).map(|header| header.page_no);
    if let Some(other) = number.filter(|&number| number != page_no) {
        return (HomeState::Misdirected, HomeReason::OtherPage(other));
    }
    match (judged.claim, space.id) {
        (Claim::Space(claimed), Some(id)) if space_id_stored && claimed != id => {
            (HomeState::Misdirected, HomeReason::OtherSpace(claimed))
        }
        _ => (HomeState::Valid, HomeReason::Page(judged.why.clone())),
    }
}

fn is_this_page(page: &[u8], space: &Tablespace, page_no: PageNo, space_id_stored: bool) -> bool {
    let id = space.id.filter(|_| space_id_stored);
    FilHeader::parse(page)
        .is_some_and(|head| head.page_no == page_no && id.is_none_or(|id| head.space_id == id))
}
