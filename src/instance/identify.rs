//! Which tablespace a file is: by its page 0, or where that is damaged by the majority of its other pages.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bytes::is_zero;
use crate::disk::Image;
use crate::error::Result;
use crate::format::crypt_info::mariadb_crypt_data;
use crate::format::fil::{FilHeader, page_type};
use crate::format::fsp::{Codec, Encryption, FspHeader, Layout, PageFormat};
use crate::instance::spaces::{Identification, Page0};
use crate::page::frame;
use crate::page::{Claim, PageState, judge};
use crate::units::{ByteOffset, PageNo, PageSize, SpaceId};

/// How many pages a survey looks at (`Datafile::find_space_id`, MySQL 5.7 to 9.7: up to 64).
pub const SURVEY_PAGES: u32 = 64;

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The space id, where anything tells it.
    pub id: Option<SpaceId>,
    /// How the pages are framed.
    pub format: PageFormat,
    /// Where the id comes from.
    pub evidence: Identification,
    /// What a verified page 0 says of the file.
    pub page0: Option<Page0>,
}

/// Finds out what a file is; `None` where nothing in it looks like an InnoDB page.
///
/// `instance` is the page size of the instance, where it is known: it settles how wide a slot of a compressed
/// tablespace is and is tried first in a survey.
///
/// # Errors
/// The file cannot be read.
pub fn identify(image: &Image, instance: Option<PageSize>) -> Result<Option<Identity>> {
    let mut head = vec![0; 65536];
    let read = read_page0(image, &mut head)?;
    let head = head.get(..read).unwrap_or_default();
    if let Some(identity) = from_header(head, true) {
        return Ok(Some(identity));
    }
    let surveyed = match survey(image, instance)? {
        Some(found) => Some(found),
        None => survey_without_checksums(image, instance)?,
    };
    let header = from_header(head, false);
    Ok(match (surveyed, header) {
        // A survey that found the layout may still lack the id: every page encrypted.
        (Some(found), Some(header)) if found.id.is_none() && agrees(&found.format, &header.format) => {
            Some(header)
        }
        (Some(found), Some(header)) if agrees(&found.format, &header.format) => {
            let encryption = match header.format.encryption {
                Encryption::None => found.format.encryption,
                stated => stated,
            };
            Some(Identity { format: PageFormat { encryption, ..header.format }, ..found })
        }
        (Some(found), _) => Some(found),
        (None, header) => header.filter(|_| names_itself(head)),
    })
}

/// Whether a page 0 that does not verify says more of itself than the zeros of any other file would: redo files have
/// them in the same places.
fn names_itself(head: &[u8]) -> bool {
    let is_header = FilHeader::parse(head).is_some_and(|fil| fil.page_type == page_type::FSP_HDR);
    is_header || FspHeader::parse(head).is_some_and(|fsp| fsp.size != 0 || fsp.space_id != SpaceId::SYSTEM)
}

fn agrees(surveyed: &PageFormat, header: &PageFormat) -> bool {
    surveyed.layout == header.layout && surveyed.physical == header.physical
}

/// Page 0 is 16 KiB or less nearly always: more is read only where the flags say so.
fn read_page0(image: &Image, head: &mut [u8]) -> Result<usize> {
    let (first, rest) = head.split_at_mut(PageSize::DEFAULT.bytes());
    let read = image.read_up_to(ByteOffset(0), first)?;
    let more = FspHeader::parse(first).and_then(|h| PageFormat::from_flags(h.flags));
    if read < first.len() || more.is_none_or(|format| format.physical <= PageSize::DEFAULT) {
        return Ok(read);
    }
    Ok(read + image.read_up_to(ByteOffset(read as u64), rest)?)
}

/// What page 0 says of itself; with `verified` only if its checksum holds.
fn from_header(head: &[u8], verified: bool) -> Option<Identity> {
    let (fil, fsp) = (FilHeader::parse(head)?, FspHeader::parse(head)?);
    let mut format = PageFormat::from_flags(fsp.flags)?;
    let page = head.get(..format.physical.bytes())?;
    if fil.page_no != PageNo(0) || fil.space_id != fsp.space_id || is_zero(page) {
        return None;
    }
    if verified && !judge(page, &format).is_valid() {
        return None;
    }
    if mariadb_crypt_data(page, &format).is_some_and(|crypt| crypt.is_encrypted()) {
        format.encryption = Encryption::MariaDb;
    }
    let evidence = if verified { Identification::Header } else { Identification::DamagedHeader };
    let page0 = verified.then_some(Page0 { size: fsp.size, lsn: fil.lsn });
    Some(Identity { id: Some(fil.space_id), format, evidence, page0 })
}

/// The format that a copy of page 0 states, with its encryption.
pub fn format_of_page0(page0: &[u8]) -> Option<(SpaceId, PageFormat)> {
    from_header(page0, true).and_then(|identity| Some((identity.id?, identity.format)))
}

/// Whether page 0 of a file claims a tablespace other than the system tablespace.
pub fn claims_user_space(path: &Path) -> bool {
    Image::open(path)
        .and_then(|image| identify(&image, None))
        .is_ok_and(|identity| identity.and_then(|i| i.id).is_some_and(|id| id != SpaceId::SYSTEM))
}

/// Formats that a survey tries, the instance's page size first.
fn candidates(instance: Option<PageSize>) -> Vec<PageFormat> {
    let logical = instance.unwrap_or(PageSize::DEFAULT);
    let sizes =
        instance.into_iter().chain(PageSize::LOGICAL.into_iter().filter(|&size| Some(size) != instance));
    let mut formats: Vec<PageFormat> =
        sizes.flat_map(|size| [PageFormat::classic(size), PageFormat::full_crc32(size)]).collect();
    let zip_sizes =
        PageSize::PHYSICAL.into_iter().filter(|&size| size <= PageSize::DEFAULT && size <= logical);
    formats.extend(zip_sizes.map(|size| PageFormat::zip(logical, size)));
    // Pages that MariaDB encrypted have a checksum of their own; where all verify without it, the plain format stands.
    let encrypted = |format: &PageFormat| PageFormat { encryption: Encryption::MariaDb, ..*format };
    let classic: Vec<PageFormat> =
        formats.iter().filter(|f| f.layout != Layout::FullCrc32).map(encrypted).collect();
    formats.extend(classic);
    formats
}

/// The format under which most bytes of the first pages verify in their place, and the id that most of them carry.
fn survey(image: &Image, instance: Option<PageSize>) -> Result<Option<Identity>> {
    let mut best: Option<(u64, Identity)> = None;
    // Pages of a later system file are numbered on from the file before it.
    for from_zero in [true, false] {
        for format in candidates(instance).into_iter().filter(|f| from_zero || f.layout != Layout::Zip) {
            let first = if from_zero { Some(0) } else { first_number(image, &format)? };
            let Some(first) = first else { continue };
            let Ballot { bytes, id, .. } = survey_as(image, &format, first)?;
            if bytes > best.as_ref().map_or(0, |(most, _)| *most) {
                best =
                    Some((bytes, Identity { id, format, evidence: Identification::OtherPages, page0: None }));
            }
        }
        if best.is_some() {
            break;
        }
    }
    if let Some((_, identity)) = &mut best {
        decompress_ids(image, identity)?;
    }
    Ok(best.map(|(_, identity)| Identity {
        evidence: if identity.id.is_some() { identity.evidence } else { Identification::Unknown },
        ..identity
    }))
}

/// Pages without a checksum that looks at their content: `innodb_checksum_algorithm=none`, and servers before 4.0.14.
/// Several of them in their places, with one LSN at head and tail, are a tablespace all the same. So are pages that
/// MySQL encrypted: their checksum is ciphertext, their header is not.
fn survey_without_checksums(image: &Image, instance: Option<PageSize>) -> Result<Option<Identity>> {
    const ENOUGH: u32 = 3;
    let plain = candidates(instance)
        .into_iter()
        .filter(|format| format.layout != Layout::FullCrc32 && format.encryption == Encryption::None);
    let classic = plain.clone().filter(|format| format.layout == Layout::Classic);
    let encrypted = plain.map(|format| PageFormat { encryption: Encryption::MySql, ..format });
    for format in classic.chain(encrypted) {
        let mut votes: BTreeMap<SpaceId, u32> = BTreeMap::new();
        let mut first_is_sound = false;
        for number in (0..SURVEY_PAGES).map(PageNo) {
            let Some(page) = image.read_page(number.offset(format.physical), format.physical)? else { break };
            let header = FilHeader::parse(&page).filter(|h| h.page_no == number && h.lsn.0 != 0);
            let state = header.map(|_| judge(&page, &format).state);
            if let (Some(header), Some(PageState::Valid | PageState::Unverifiable)) = (header, state) {
                *votes.entry(header.space_id).or_default() += 1;
                first_is_sound = first_is_sound || number == PageNo(0);
            }
        }
        let most = votes.into_iter().max_by_key(|&(id, votes)| (votes, std::cmp::Reverse(id)));
        if let Some((id, _)) = most.filter(|&(_, votes)| votes >= ENOUGH) {
            let evidence = if first_is_sound { Identification::Header } else { Identification::OtherPages };
            return Ok(Some(Identity { id: Some(id), format, evidence, page0: None }));
        }
    }
    Ok(None)
}

/// The number that the first page of the file must have for the first page that verifies to be in its place.
fn first_number(image: &Image, format: &PageFormat) -> Result<Option<u32>> {
    const TRIED: u32 = 8;
    for number in 0..TRIED {
        let Some(page) = image.read_page(PageNo(number).offset(format.physical), format.physical)? else {
            break;
        };
        let judged = judge(&page, format);
        if judged.is_valid() && !judged.weak {
            return Ok(FilHeader::parse(&page).and_then(|header| header.page_no.0.checked_sub(number)));
        }
    }
    Ok(None)
}

/// The flags tell how full_crc32 pages are compressed, and with them their ids are lost: the codec under which most pages
/// show one id is the one.
fn decompress_ids(image: &Image, identity: &mut Identity) -> Result<()> {
    if identity.id.is_some() || identity.format.layout != Layout::FullCrc32 {
        return Ok(());
    }
    let mut most = 0;
    for codec in (1..=6).filter_map(Codec::from_mariadb) {
        let format = PageFormat { page_compressed: true, codec: Some(codec), ..identity.format };
        let ballot = survey_as(image, &format, 0)?;
        if ballot.votes > most {
            most = ballot.votes;
            *identity = Identity { id: ballot.id, format, ..*identity };
        }
    }
    Ok(())
}

/// What the first pages of a file say under a format.
struct Ballot {
    /// Bytes of pages that verify in their places.
    bytes: u64,
    /// The id that most of them carry.
    id: Option<SpaceId>,
    /// How many carry it.
    votes: u32,
}

fn survey_as(image: &Image, format: &PageFormat, first: u32) -> Result<Ballot> {
    let mut votes: BTreeMap<SpaceId, u32> = BTreeMap::new();
    let mut bytes = 0;
    for number in 0..SURVEY_PAGES {
        let Some(page) = image.read_page(PageNo(number).offset(format.physical), format.physical)? else {
            break;
        };
        let judged = judge(&page, format);
        let stated = FilHeader::parse(&page).map(|header| header.page_no.0);
        if !judged.is_valid() || judged.weak || stated != first.checked_add(number) {
            continue;
        }
        bytes += format.physical.as_u64();
        match judged.claim {
            Claim::Space(id) if !hides_identity(format, &judged.clear, &page) => {
                *votes.entry(id).or_default() += 1
            }
            _ => {}
        }
    }
    let most = votes.into_iter().max_by_key(|&(id, votes)| (votes, std::cmp::Reverse(id)));
    Ok(Ballot { bytes, id: most.map(|(id, _)| id), votes: most.map_or(0, |(_, votes)| votes) })
}

/// The id that most pages of a file carry, where more than one does: what its page 0 says counts as one of them.
pub(crate) fn id_of_other_pages(image: &Image, format: &PageFormat) -> Option<SpaceId> {
    let ballot = survey_as(image, format, 0).ok()?;
    ballot.id.filter(|_| ballot.votes > 1)
}

/// A full_crc32 page whose type says compressed but which did not decompress shows no id.
fn hides_identity(format: &PageFormat, clear: &Option<Vec<u8>>, page: &[u8]) -> bool {
    clear.is_none() && frame::hides_space_id(page, format)
}
