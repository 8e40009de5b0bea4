//! The files of the system tablespace: only the first has a header, and nothing but it tells how many there are.

use std::ops::Range;
use std::path::PathBuf;

use crate::disk::Image;
use crate::format::xdes::DescriptorState;
use crate::instance::Instance;
use crate::instance::redo::Shutdown;
use crate::instance::roster::{Named, Role, Witness};
use crate::instance::spaces::{SpaceFile, Tablespace};
use crate::page::{PageState, judge};
use crate::units::{ByteOffset, PageNo, SpaceId};
use crate::verdict::descriptors::Descriptors;
use crate::verdict::problems::named::{gone, kind_of, lies, lying};
use crate::verdict::problems::reason::{Lying, ProblemReason};
use crate::verdict::problems::{Problem, ProblemKind, Severity};

/// One that the configuration, or every server, names.
pub(super) fn named(instance: &Instance, named: &Named) -> Option<Problem> {
    let held =
        instance.spaces.system().is_some_and(|system| system.files.iter().any(|f| f.path == named.path));
    if instance.spaces.unidentified_system.iter().any(|file| file.path == named.path) {
        return Some(lies(named, lying(&named.path)).stops(Some(true)));
    }
    let configured = named.by == Witness::Configuration;
    let needed = !held && (configured || instance.spaces.system().is_none());
    needed.then(|| gone(named, None, true).stops(Some(true)))
}

/// Later files of the system tablespace that are no part of it: they have no header that would say so.
pub(super) fn later(instance: &Instance) -> Vec<Problem> {
    let Some(system) = instance.spaces.system() else { return Vec::new() };
    let clean = instance.shutdown == Shutdown::Clean;
    let problem = |file: &SpaceFile, what| {
        let (kind, zeros) = (kind_of(&what), what == Lying::Zeros);
        let reason = ProblemReason::Lies { what, role: Role::System, anew: false };
        let problem = Problem::new(kind, Severity::Critical, reason).file(&file.name);
        // What a server does with zeros there depends on what it reads of them.
        problem.space(Some(SpaceId::SYSTEM)).stops((!zeros).then_some(true))
    };
    let odd = |file: &SpaceFile| lying_in(system, file, clean).map(|what| problem(file, what));
    system.files.iter().skip(1).filter_map(odd).collect()
}

/// What a later file of the system tablespace is, where its first pages are none: all of them rubbish, or zero although
/// the descriptors say that they are in use.
fn lying_in(system: &Tablespace, file: &SpaceFile, clean: bool) -> Option<Lying> {
    const LOOKED_AT: u64 = 64;
    if file.len == 0 {
        return Some(Lying::Empty);
    }
    let (image, size) = (Image::open(&file.path).ok()?, system.format.physical);
    let mut descriptors = Descriptors::new(system);
    let (mut zeros_in_use, mut rubbish) = (0, 0);
    let pages = file.len / size.as_u64();
    for index in 0..LOOKED_AT.min(pages) {
        let page = image.read_page(ByteOffset(index * size.as_u64()), size).ok()??;
        let number = PageNo(u32::try_from(file.first_page.checked_add(index)?).ok()?);
        match judge(&page, &system.format).state {
            PageState::Valid | PageState::Unverifiable => return None,
            PageState::Zero => {
                zeros_in_use +=
                    u64::from(matches!(descriptors.state(number), Some(DescriptorState::Used { .. })));
            }
            _ => rubbish += 1,
        }
    }
    match (rubbish, zeros_in_use) {
        (1.., _) => Some(Lying::Rubbish),
        // A file that the server has just come to has no page in use; after a crash some may not have been written yet.
        (0, 1..) if clean => Some(Lying::Zeros),
        (0, many) if many > LOOKED_AT / 2 => Some(Lying::Zeros),
        // Extents are given out in order: where a later one is in use, its first pages were.
        (0, _) if is_used_behind(&mut descriptors, file, LOOKED_AT..pages) => Some(Lying::Zeros),
        _ => None,
    }
}

/// Whether the descriptors say that any of these pages of a file is in use.
fn is_used_behind(descriptors: &mut Descriptors<'_>, file: &SpaceFile, pages: Range<u64>) -> bool {
    /// An extent of pages of 16 KiB; of others a part of one, or several.
    const EXTENT: usize = 64;
    /// So far a file is looked at.
    const FAR: usize = 1 << 10;
    let number = |page: u64| u32::try_from(file.first_page.checked_add(page)?).ok().map(PageNo);
    let first_of_each = pages.step_by(EXTENT).take(FAR).filter_map(number);
    first_of_each
        .into_iter()
        .any(|page| matches!(descriptors.state(page), Some(DescriptorState::Used { .. })))
}

/// The files before the first one that was found.
pub(super) fn before(instance: &Instance) -> Option<Problem> {
    let first = instance.spaces.system()?.files.first()?;
    let number = first.name.file_name()?.to_str()?.strip_prefix("ibdata")?.parse::<u32>().ok()?;
    let before = first.name.with_file_name(format!("ibdata{}", number.checked_sub(1)?));
    let reason = ProblemReason::Missing {
        role: Role::System,
        by: Witness::Server,
        table: None,
        lies: None,
        sure: true,
    };
    let problem = Problem::new(ProblemKind::FileMissing, Severity::Critical, reason);
    Some(problem.file(before).space(Some(SpaceId::SYSTEM)).stops(Some(true)))
}

/// A file of several that ends before the next one begins, and the pages that it should have and has.
pub(super) fn gap(space: &Tablespace) -> Option<(&SpaceFile, u64, u64)> {
    let size = space.format.physical.as_u64();
    space.files.iter().zip(space.files.iter().skip(1)).find_map(|(file, next)| {
        let (stated, held) = (next.first_page.checked_sub(file.first_page)?, file.len / size);
        (held < stated).then_some((file, stated, held))
    })
}

/// The name of the file behind this one.
pub(super) fn next(file: &SpaceFile) -> Option<PathBuf> {
    let number = file.name.file_name()?.to_str()?.strip_prefix("ibdata")?.parse::<u32>().ok()?;
    Some(file.name.with_file_name(format!("ibdata{}", number.checked_add(1)?)))
}
