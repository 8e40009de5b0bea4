//! Copies: used slots, judged and attributed to the page they are a copy of.

use crate::instance::dblwr::slot::{SlotRef, Usage, formats_of_a_slot, physical};
use crate::page::frame;
use std::borrow::Cow;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{PageBytes, ReadAgain};
use crate::error::{Error, Result};
use crate::format::fil::FilHeader;
use crate::format::fsp::{Codec, Encryption, Layout, PageFormat};
use crate::instance::dblwr::{Area, Shape, Slot};
use crate::instance::identify::format_of_page0;
use crate::instance::spaces::judge_in;
use crate::instance::spaces::{Owner, Spaces};
use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::page::Claim;
use crate::page::Judged;
use crate::page::PageState;
use crate::page::is_used;
use crate::page::judge;
use crate::page::transform;
use crate::page::transform::Decompressed;
use crate::units::{Lsn, PageNo, PageSize, SpaceId};

/// What a copy is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CopyState {
    /// It verifies.
    Valid,
    /// It does not.
    Corrupt,
    /// It cannot be judged; also a reduced entry, which has no contents.
    Unverifiable,
}

impl CopyState {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl From<PageState> for CopyState {
    fn from(state: PageState) -> CopyState {
        match state {
            PageState::Valid => CopyState::Valid,
            PageState::Unverifiable => CopyState::Unverifiable,
            PageState::Zero | PageState::Torn | PageState::Corrupt => CopyState::Corrupt,
        }
    }
}

/// A used slot.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Where it lies.
    pub slot: SlotRef,
    /// Its FIL header as written.
    pub header: FilHeader,
    /// The tablespace it belongs to; `None` where its id is ciphertext and no home proves it.
    pub space: Option<SpaceId>,
    /// In which format it was judged.
    pub format: PageFormat,
    /// The judgement. What lies under compression or encryption is in it only as long as the slot is in memory.
    pub judged: Judged,
    /// Whether something lies under compression or encryption, and could be told.
    pub has_clear: bool,
    /// The whole slot.
    pub bytes: PageBytes,
}

impl Copy {
    /// The page number it claims.
    pub fn page_no(&self) -> PageNo {
        self.header.page_no
    }

    /// Its LSN.
    pub fn lsn(&self) -> Lsn {
        self.header.lsn
    }

    /// What it is worth.
    pub fn state(&self) -> CopyState {
        self.judged.state.into()
    }

    /// The bytes that belong home: the physical page, without what a slot carries behind it.
    pub fn page(&self) -> Cow<'_, [u8]> {
        let length = self.format.physical.bytes();
        match self.bytes.get() {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..length).unwrap_or(bytes)),
            Cow::Owned(mut bytes) => {
                bytes.truncate(length);
                Cow::Owned(bytes)
            }
        }
    }

    /// The page under its compression and encryption, where it has one and that could be told.
    pub fn clear(&self, spaces: &Spaces) -> Option<Cow<'_, [u8]>> {
        if let Some(clear) = &self.judged.clear {
            return Some(Cow::Borrowed(clear));
        }
        let page = Some(self.page()).filter(|_| self.has_clear)?;
        let judged = match self.space.map(|id| spaces.owner(id)) {
            Some(Owner::One(space)) if space.format == self.format => judge_in(&page, space),
            _ => judge(&page, &self.format),
        };
        judged.clear.map(Cow::Owned)
    }

    /// The same with its slot in memory.
    #[must_use]
    pub fn loaded(&self) -> Copy {
        Copy { bytes: self.bytes.loaded(), ..self.clone() }
    }
}

/// Every used slot of an area, in slot order. Used means: neither all zero nor a placeholder that describes itself
/// (space 0 and its own page number). Behind them what could not be read.
///
/// # Errors
/// A file of the area cannot be opened.
pub fn read_copies(area: &Area, spaces: &Spaces) -> Result<(Vec<Copy>, Vec<Error>)> {
    let mut copies = Vec::new();
    let unreadable = for_each_usage(area, spaces, |_, _, copy| copies.extend(copy))?;
    Ok((copies, unreadable))
}

/// Hands every slot of an area to `visit`, in slot order, with what it is used for and the copy in it; gives back what
/// could not be read.
///
/// # Errors
/// A file of the area cannot be opened.
pub fn for_each_usage(
    area: &Area,
    spaces: &Spaces,
    mut visit: impl FnMut(&Slot<'_>, Usage, Option<Copy>),
) -> Result<Vec<Error>> {
    let codecs = codecs_in_use(spaces);
    area.for_each_slot(|slot| {
        let usage = area.usage_of(&slot);
        let copy = if usage == Usage::Copy { copy_of(area, spaces, &codecs, &slot) } else { None };
        visit(&slot, usage, copy);
    })
}

fn copy_of(area: &Area, spaces: &Spaces, codecs: &[Codec], slot: &Slot<'_>) -> Option<Copy> {
    let header = FilHeader::parse(slot.bytes)?;
    let space_id = area.claimed_space(&header);
    let mut attribution = attribute(slot.bytes, &header, space_id, spaces, codecs, area.slot_size);
    let source = || ReadAgain::Open(Arc::clone(slot.image));
    let bytes = PageBytes::read_from(slot.bytes.to_vec(), slot.offset, source);
    let has_clear = attribution.judged.clear.is_some();
    attribution.judged.clear = attribution.judged.clear.filter(|_| bytes.is_here());
    Some(Copy {
        slot: SlotRef {
            file: area.file_of(slot),
            index: slot.index,
            path: slot.path.to_path_buf(),
            offset: slot.offset,
        },
        header,
        space: attribution.space,
        format: attribution.format,
        judged: attribution.judged,
        has_clear,
        bytes,
    })
}

impl Area {
    /// The space id that a slot claims: before 4.1.1 the field means something else and all belong to space 0.
    fn claimed_space(&self, header: &FilHeader) -> SpaceId {
        if self.space_id_stored() { header.space_id } else { SpaceId::SYSTEM }
    }

    /// What a slot of this area is used for.
    pub fn usage_of(&self, slot: &Slot<'_>) -> Usage {
        match FilHeader::parse(slot.bytes).filter(|_| is_used(slot.bytes)) {
            None => Usage::Zero,
            Some(header)
                if self.claimed_space(&header) == SpaceId::SYSTEM
                    && slot.own_page == Some(header.page_no) =>
            {
                Usage::Placeholder
            }
            Some(_) => Usage::Copy,
        }
    }

    /// The file that a slot lies in, as printed.
    pub fn file_of(&self, slot: &Slot<'_>) -> PathBuf {
        match self.runs.first() {
            // Blocks in several files of the system tablespace: only the first has the area's name.
            Some(first) if matches!(self.shape, Shape::System(_)) && first.path != slot.path => {
                self.file.with_file_name(slot.path.file_name().map_or_else(PathBuf::new, PathBuf::from))
            }
            _ => self.file.clone(),
        }
    }
}

struct Attribution {
    space: Option<SpaceId>,
    format: PageFormat,
    judged: Judged,
}

/// The owner first whose id the slot carries in clear; full_crc32 pages that are compressed or encrypted hide it.
fn attribute(
    bytes: &[u8],
    header: &FilHeader,
    claimed: SpaceId,
    spaces: &Spaces,
    codecs: &[Codec],
    slot_size: PageSize,
) -> Attribution {
    let owner_format = owner_format(bytes, header, claimed, spaces);
    let by_claim = owner_format.map(|format| {
        let page = physical(bytes, &format);
        let judged = match spaces.owner(claimed) {
            Owner::One(space) if space.format == format => judge_in(page, space),
            _ => judge(page, &format),
        };
        Attribution { space: Some(claimed), format, judged }
    });
    if let Some(found) = by_claim.as_ref().filter(|found| is_settled(&found.judged, claimed)) {
        return Attribution { judged: found.judged.clone(), ..*found };
    }
    if let Some(found) = hidden(bytes, header, spaces, codecs, slot_size) {
        return found;
    }
    by_claim.unwrap_or_else(|| orphan(bytes, claimed, slot_size))
}

/// Whether the claimed owner is the owner: undamaged, and what lies under any compression carries the same id.
fn is_settled(judged: &Judged, claimed: SpaceId) -> bool {
    !matches!(judged.state, PageState::Corrupt | PageState::Torn) && judged.claim == Claim::Space(claimed)
}

/// A copy of page 0 states its own format; otherwise the file's counts.
fn owner_format(bytes: &[u8], header: &FilHeader, claimed: SpaceId, spaces: &Spaces) -> Option<PageFormat> {
    let own = (header.page_no == PageNo(0)).then(|| format_of_page0(bytes)).flatten();
    match spaces.owner(claimed) {
        Owner::Nobody => None,
        Owner::One(space) => Some(own.map_or(space.format, |(_, format)| format)),
        Owner::Several(several) => {
            several.first().map(|space| own.map_or(space.format, |(_, format)| format))
        }
    }
}

/// A full_crc32 image that is compressed or encrypted: its checksum shows that it is one, decompressing whose it is.
fn hidden(
    bytes: &[u8],
    header: &FilHeader,
    spaces: &Spaces,
    codecs: &[Codec],
    slot_size: PageSize,
) -> Option<Attribution> {
    let format = PageFormat::full_crc32(slot_size);
    if !frame::is_full_crc32_opaque(bytes) {
        return None;
    }
    let judged = judge(bytes, &format);
    if !judged.is_valid() {
        return None;
    }
    if frame::is_full_crc32_encrypted(bytes) {
        let format = PageFormat { encryption: Encryption::MariaDb, ..format };
        return Some(Attribution { space: None, format, judged: Judged { claim: Claim::Hidden, ..judged } });
    }
    codecs.iter().find_map(|&codec| {
        let format = PageFormat { page_compressed: true, codec: Some(codec), ..format };
        let Decompressed::Page(clear) = transform::decompress(bytes, &format) else { return None };
        let inside = FilHeader::parse(&clear).filter(|inside| inside.page_no == header.page_no)?;
        let judged = Judged { claim: Claim::Space(inside.space_id), clear: Some(clear), ..judged.clone() };
        spaces.contains(inside.space_id).then_some(Attribution {
            space: Some(inside.space_id),
            format,
            judged,
        })
    })
}

fn codecs_in_use(spaces: &Spaces) -> Vec<Codec> {
    let mut seen = HashSet::new();
    let codecs = spaces.list.iter().filter_map(|space| space.format.codec);
    codecs.filter(|codec| seen.insert(*codec)).collect()
}

fn orphan(bytes: &[u8], claimed: SpaceId, slot_size: PageSize) -> Attribution {
    let judged_as = |format: PageFormat| {
        let judged = judge(physical(bytes, &format), &format);
        judged.is_valid().then_some(Attribution { space: Some(claimed), format, judged })
    };
    formats_of_a_slot(slot_size).into_iter().find_map(judged_as).unwrap_or_else(|| {
        let format = PageFormat::classic(slot_size);
        let encrypted = PageFormat { encryption: Encryption::MySql, ..format };
        Attribution { space: Some(claimed), format, judged: judge(bytes, &encrypted) }
    })
}

/// Whether a copy's owner can only be found by comparing it with homes.
pub(crate) fn is_hidden(copy: &Copy) -> bool {
    copy.space.is_none() && copy.format.layout == Layout::FullCrc32
}
