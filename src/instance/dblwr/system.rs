//! The built-in buffer: two blocks of one extent each inside the system tablespace, up to MySQL 8.0.19 and in
//! every MariaDB.
//!
//! Slot `i` is page `block1 + i`, from one extent on page `block2 + i - extent`. A slot has no header: it is the page.
//! Sources: `trx_sys_create_doublewrite_buf` (3.23 to 5.5), `buf_dblwr_init_or_load_pages` (5.6 to 8.0.19),
//! `buf_dblwr_t::init_or_load_pages` (MariaDB 10.5 to 11.8).

use std::path::PathBuf;

use crate::disk::Image;
use crate::error::{Error, Result};
use crate::format::fil::FilHeader;
use crate::format::trx_sys::{DoublewriteHeader, TRX_SYS_DOUBLEWRITE_MAGIC_N, TRX_SYS_PAGE, Triple};
use crate::instance::dblwr::slot::verifies_somehow;
use crate::instance::dblwr::{Area, BuiltIn, HeaderCopy, Shape, SlotRun};
use crate::instance::note::InstanceNote;
use crate::instance::spaces::Tablespace;
use crate::page::{is_used, judge};
use crate::units::{PageNo, PageSize};

/// Finds the built-in buffer of a system tablespace. A buffer that was never created is an area without slots. What of
/// page 5 cannot be read goes to `unreadable`: the rest of it, or the slots themselves, may still tell.
///
/// # Errors
/// Page 5 lies past the end, or its verified header points past the end.
pub fn locate_system(system: &Tablespace, unreadable: &mut Vec<Error>) -> Result<Area> {
    let (page5, faults) = read_page5(system)?;
    let sound = faults.is_empty() && judge(&page5, &system.format).is_valid();
    unreadable.extend(faults);
    let header = DoublewriteHeader::parse(&page5);
    let found = header.and_then(|header| choose(system, &header, sound));
    // A damaged page 5 may have lost the marker: only a sound one proves slots from before 4.1.1.
    let stored = !sound || header.is_some_and(|header| header.space_id_stored);
    if let Some((triple, copy)) = found {
        return Ok(area(system, &triple, copy, stored));
    }
    let stated = header.filter(|h| h.first.has_magic() || h.repeat.has_magic());
    if let Some(header) = stated.filter(|_| sound) {
        return Err(blocks_past_the_end(system, &header));
    }
    if !sound && holds_copies(system)? {
        return Ok(area(system, &default_triple(system.format.logical), HeaderCopy::Inferred, true));
    }
    Ok(absent(system))
}

/// The default position, which 5.5 and later assert when they create the buffer.
fn default_triple(size: PageSize) -> Triple {
    let extent = size.extent_pages();
    Triple { magic: TRX_SYS_DOUBLEWRITE_MAGIC_N, block1: PageNo(extent), block2: PageNo(extent * 2) }
}

/// The first triple as servers do, its repeat where the first cannot be meant. Where both could be and page 5 does not
/// verify, the one at the default position counts.
fn choose(
    system: &Tablespace,
    header: &DoublewriteHeader,
    page5_is_valid: bool,
) -> Option<(Triple, HeaderCopy)> {
    let (first, repeat) = (header.first, header.repeat);
    let default = default_triple(system.format.logical);
    // A cut image leaves a block out: that is still the right header, but one that fits wholly is the better one.
    [fits_wholly, fits_partly].into_iter().find_map(|fits: fn(&Tablespace, &Triple) -> bool| {
        let usable = |triple: &Triple| triple.has_magic() && fits(system, triple);
        match (usable(&first), usable(&repeat)) {
            (true, true) if !page5_is_valid && first != default && repeat == default => {
                Some((repeat, HeaderCopy::Repeat))
            }
            (true, _) => Some((first, HeaderCopy::First)),
            (false, true) => Some((repeat, HeaderCopy::Repeat)),
            (false, false) => None,
        }
    })
}

fn begins_inside(system: &Tablespace, page: PageNo) -> bool {
    page > TRX_SYS_PAGE && system.place(page).is_some_and(|place| place.in_bounds)
}

fn fits_wholly(system: &Tablespace, triple: &Triple) -> bool {
    let extent = system.format.logical.extent_pages();
    begins_inside(system, triple.block1)
        && begins_inside(system, triple.block2)
        && triple.block1.0.abs_diff(triple.block2.0) >= extent
}

fn fits_partly(system: &Tablespace, triple: &Triple) -> bool {
    let default = default_triple(system.format.logical);
    *triple == default && (begins_inside(system, triple.block1) || begins_inside(system, triple.block2))
}

fn read_page5(system: &Tablespace) -> Result<(Vec<u8>, Vec<Error>)> {
    let place = system.place(TRX_SYS_PAGE).ok_or_else(|| page5_is_cut(system))?;
    let image = Image::open_past_faults(&place.file.path)?;
    let page = image.read_page(place.offset, system.format.physical)?.ok_or_else(|| page5_is_cut(system))?;
    Ok((page, image.into_faults()))
}

fn page5_is_cut(system: &Tablespace) -> Error {
    let (path, len) = system.files.first().map_or((PathBuf::new(), 0), |file| (file.path.clone(), file.len));
    let size = system.format.physical;
    let begin = TRX_SYS_PAGE.offset(size);
    if let Some(file) = system.files.first().filter(|file| file.first_page != 0) {
        let first = file.first_page;
        return Error::foreign(
            &path,
            format!(
                "this is a later file of a system tablespace, it begins with page {first}: the transaction system page lies in \
                 the first file; name that one, or the directory"
            ),
        );
    }
    Error::foreign(
        &path,
        format!(
            "the file has {len} bytes, but the transaction system page (page {TRX_SYS_PAGE}) should lie at offset \
             {begin} to {}; the image is cut: get a complete copy of the file",
            begin.0 + size.as_u64()
        ),
    )
}

fn blocks_past_the_end(system: &Tablespace, header: &DoublewriteHeader) -> Error {
    let path = system.files.first().map_or(PathBuf::new(), |file| file.path.clone());
    Error::foreign(
        &path,
        format!(
            "offset {}: the doublewrite header says blocks {} and {}, repeated {} and {}, but the tablespace has {} \
             pages of {} bytes; the image is cut or has files missing: name them all with --data-file-path",
            DoublewriteHeader::magic_offset(system.format.logical),
            header.first.block1,
            header.first.block2,
            header.repeat.block1,
            header.repeat.block2,
            system.pages(),
            system.format.physical,
        ),
    )
}

fn area(system: &Tablespace, triple: &Triple, header_copy: HeaderCopy, space_id_stored: bool) -> Area {
    let size = system.format.logical;
    let extent = size.extent_pages();
    let mut runs = runs_of_block(system, triple.block1, 0);
    runs.extend(runs_of_block(system, triple.block2, extent));
    let built_in = BuiltIn {
        blocks: (triple.block1, triple.block2),
        header_copy,
        space_id_stored,
        ids_are_reset: !space_id_stored,
    };
    let mut area = Area { shape: Shape::System(Some(built_in)), ..absent(system) };
    area.slots = extent * 2;
    area.notes = notes(system, triple, header_copy, &runs, space_id_stored);
    area.file = runs.first().map_or(area.file, |run| file_name(system, &run.path));
    area.runs = runs;
    area
}

/// The slots of one block, cut where one file of the tablespace ends and the next begins.
fn runs_of_block(system: &Tablespace, block: PageNo, first_slot: u32) -> Vec<SlotRun> {
    let mut runs: Vec<SlotRun> = Vec::new();
    for index in 0..system.format.logical.extent_pages() {
        let Some(page) = block.0.checked_add(index).map(PageNo) else { break };
        let Some(place) = system.place(page).filter(|place| place.in_bounds) else { continue };
        match runs.last_mut().filter(|run| run.path == place.file.path) {
            Some(run) => run.slots += 1,
            None => runs.push(SlotRun {
                path: place.file.path.clone(),
                offset: place.offset,
                first: first_slot + index,
                slots: 1,
                own_page: Some(page),
            }),
        }
    }
    runs
}

fn notes(
    system: &Tablespace,
    triple: &Triple,
    header_copy: HeaderCopy,
    runs: &[SlotRun],
    space_id_stored: bool,
) -> Vec<InstanceNote> {
    let mut notes = Vec::new();
    match header_copy {
        HeaderCopy::First => {}
        HeaderCopy::Repeat => notes.push(InstanceNote::HeaderRepeat),
        HeaderCopy::Inferred => notes.push(InstanceNote::HeaderInferred),
    }
    if !space_id_stored {
        notes.push(InstanceNote::NoSpaceIds);
    }
    let first = system.files.first().map(|file| &file.path);
    if runs.iter().any(|run| Some(&run.path) != first) {
        notes.push(InstanceNote::BlocksInLaterFile);
    }
    let expected = system.format.logical.extent_pages() * 2;
    let found: u32 = runs.iter().map(|run| run.slots).sum();
    if found < expected {
        let blocks = (triple.block1, triple.block2);
        notes.push(InstanceNote::SlotsAreCut { found, expected, blocks });
    }
    notes
}

fn file_name(system: &Tablespace, path: &PathBuf) -> PathBuf {
    system.files.iter().find(|file| &file.path == path).map_or_else(|| path.clone(), |file| file.name.clone())
}

fn absent(system: &Tablespace) -> Area {
    Area {
        shape: Shape::System(None),
        file: system.files.first().map_or(PathBuf::new(), |file| file.name.clone()),
        slot_size: system.format.logical,
        slots: 0,
        live: false,
        runs: Vec::new(),
        notes: vec![InstanceNote::NoBuffer],
    }
}

/// Whether the default position holds what only a doublewrite buffer holds: pages whose own number is not their place,
/// or placeholders that describe themselves.
fn holds_copies(system: &Tablespace) -> Result<bool> {
    let triple = default_triple(system.format.logical);
    let candidate = area(system, &triple, HeaderCopy::Inferred, true);
    let mut verified = 0u32;
    candidate.for_each_slot(|slot| {
        let (Some(header), Some(own)) = (FilHeader::parse(slot.bytes), slot.own_page) else { return };
        let foreign = is_used(slot.bytes) && (header.page_no != own || header.space_id.0 != 0);
        if foreign && verifies_somehow(slot.bytes, system.format.logical) {
            verified += 1;
        }
    })?;
    Ok(verified > 0)
}
