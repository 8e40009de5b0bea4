//! Copies out of a bundle for a directory: for when a server start has overwritten the directory's own.
//!
//! The directory says everything else: its homes, its tablespaces, its redo window. So a copy of the bundle is written
//! only where it would be written if it still lay in the directory: the home is damaged, and redo still covers the copy
//! or the home itself carries its LSN. Before that, bundle and directory must be of one instance: the same page size,
//! and for every tablespace that both have, where both page 0s verify, the same name and flags, and a page 0 in the
//! directory that is not older than the one in the bundle: files only grow newer. Where both have an `auto.cnf`, the
//! server's UUID in it as well.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::bytes::{is_zero, u64_at};
use crate::disk::small;
use crate::error::{Error, Result};
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_LSN};
use crate::format::fsp::{FspHeader, PageFormat};
use crate::instance::bundle::{ColdPage, Manifest};
use crate::instance::dblwr::AreaKind;
use crate::instance::file_names::end_alike;
use crate::instance::note::InstanceNote;
use crate::instance::request::Request;
use crate::instance::spaces::{Identification, Owner, Tablespace};
use crate::instance::{Instance, identity};
use crate::units::{Lsn, PageNo};
use crate::verdict::home;
use crate::verdict::home::HomeState;
use crate::verdict::survey::{Finding, Survey};

/// Judges a directory with the copies of a bundle.
///
/// # Errors
/// As [`Survey::run`] of either; the bundle is redacted, or of another instance.
pub fn survey(request: &Request, bundle: &Path) -> Result<Survey> {
    let mut instance = Instance::open(request)?;
    if instance.locations.bundle.is_some() {
        return Err(refuse(&request.path, "a bundle cannot be restored; name the data directory"));
    }
    let donor = Instance::open(&Request {
        path: bundle.to_path_buf(),
        keyring: request.keyring.clone(),
        keyring_password_file: request.keyring_password_file.clone(),
        ..Request::default()
    })?;
    let held = donor.locations.bundle.clone().ok_or_else(|| refuse(bundle, "no bundle of dblwr capture"))?;
    if held.manifest.redacted {
        return Err(refuse(bundle, "it is redacted: what it holds are not the pages of the server"));
    }
    same_instance(&instance, &donor, bundle)?;
    same_life(&instance, &held.manifest, bundle)?;
    take_areas(&mut instance, donor);
    instance.notes.push(InstanceNote::CopiesFrom {
        bundle: bundle.to_path_buf(),
        captured_at: held.manifest.captured_at.clone(),
    });
    instance.copies_from = Some(Arc::clone(&held));
    Survey::of(instance)
}

fn refuse(path: &Path, why: impl Into<String>) -> Error {
    Error::foreign(path, format!("{}; nothing was written", why.into()))
}

/// The bundle's areas count; the directory's stay listed, so that none of their pages is ever written, and its reduced
/// entries still bar older copies.
fn take_areas(instance: &mut Instance, donor: Instance) {
    for area in &mut instance.areas {
        area.live &= area.kind() == AreaKind::Reduced;
    }
    let before = instance.areas.len();
    instance.areas.extend(donor.areas);
    instance.reduced.extend(donor.reduced.into_iter().map(|(at, file)| (at.saturating_add(before), file)));
}

fn same_instance(instance: &Instance, donor: &Instance, bundle: &Path) -> Result<()> {
    if instance.page_size != donor.page_size {
        return Err(refuse(
            bundle,
            format!(
                "its pages have {} bytes, those of the directory {}",
                donor.page_size, instance.page_size
            ),
        ));
    }
    if let (Some(ours), Some(theirs)) = (server_uuid(instance), server_uuid(donor))
        && ours != theirs
    {
        return Err(refuse(
            bundle,
            "it is of another server: auto.cnf holds another UUID than the directory's",
        ));
    }
    let mut common = 0;
    for theirs in &donor.spaces.list {
        let Some(id) = theirs.id else { continue };
        if let Owner::One(ours) = instance.spaces.owner(id) {
            same_tablespace(ours, theirs, bundle)?;
            common += 1;
        }
    }
    match common {
        0 => Err(refuse(bundle, "it has no tablespace in common with the directory")),
        _ => Ok(()),
    }
}

/// Most pages that a bundle remembers.
const MOST_COLD: usize = 256;

/// Sound homes of a directory that is captured.
pub fn cold_pages(survey: &Survey) -> Vec<ColdPage> {
    let sound = |finding: &Finding| {
        let home = survey.home_of(finding).filter(|home| home.state == HomeState::Valid && !home.weak)?;
        let (space_id, page_no, lsn) = (finding.space_id(), finding.page_no(), home.lsn?);
        Some(ColdPage { space_id, page_no, lsn, sha256: body_sha256(&home.bytes.get()) })
    };
    survey.findings.iter().filter_map(sound).take(MOST_COLD).collect()
}

/// Header and trailer change with a new checksum; the body does not without a new LSN.
fn body_sha256(page: &[u8]) -> String {
    let body = page.get(FIL_PAGE_DATA..page.len().saturating_sub(8)).unwrap_or_default();
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the bundle itself remembers of its instance. Bundles of 0.1.0 remember nothing, which is no objection.
fn same_life(instance: &Instance, manifest: &Manifest, bundle: &Path) -> Result<()> {
    if let Some(error) = identity::unreadable(&instance.locations.datadir) {
        return Err(refuse(bundle, format!("whether it is of this server is not known: {error}")));
    }
    let ours = identity::server_uuid(&instance.locations.datadir).unwrap_or_default();
    if !ours.is_empty() && !manifest.server_uuid.is_empty() && ours != manifest.server_uuid {
        return Err(refuse(bundle, "it is of another server, by its UUID"));
    }
    if let (Some(theirs), Some(end)) = (manifest.checkpoint_lsn, instance.window.end)
        && theirs > end
    {
        let what = format!("its checkpoint {theirs} lies beyond the end {end} of the directory's redo");
        return Err(refuse(bundle, what));
    }
    for cold in &manifest.cold {
        let Ok(home) = home::look(&instance.spaces, cold.space_id, cold.page_no, true) else { continue };
        let same_lsn = home.state == HomeState::Valid && !home.weak && home.lsn == Some(cold.lsn);
        if same_lsn && body_sha256(&home.bytes.get()) != cold.sha256 {
            let (space, page) = (cold.space_id, cold.page_no);
            let what = format!("page {space}:{page} has other contents there at the same LSN {}", cold.lsn);
            return Err(refuse(bundle, what));
        }
    }
    Ok(())
}

/// What `auto.cnf` holds; `None` where there is none, or it was not captured and reads as zeros.
fn server_uuid(instance: &Instance) -> Option<Vec<u8>> {
    let text = small::read(&instance.locations.datadir.join("auto.cnf"), 64 << 10).ok()?;
    (!is_zero(&text)).then_some(text)
}

fn same_tablespace(ours: &Tablespace, theirs: &Tablespace, bundle: &Path) -> Result<()> {
    let (Some(us), Some(them)) = (DonorPage0::of(ours), DonorPage0::of(theirs)) else { return Ok(()) };
    // Seen from the directory that was captured, a file outside has another path than seen from this one.
    let what = if !end_alike(&us.name, &them.name) {
        "has another name"
    } else if us.flags != them.flags || us.format != them.format {
        "has other flags on page 0"
    } else if us.lsn < them.lsn {
        "is older there than in the bundle, by the LSN of page 0"
    } else {
        return Ok(());
    };
    Err(refuse(
        bundle,
        format!(
            "it is not of this directory: tablespace {} ({} in the bundle) {what}",
            us.name.display(),
            them.name.display()
        ),
    ))
}

/// What identifies a tablespace; only of a page 0 that verifies.
struct DonorPage0 {
    name: PathBuf,
    flags: u32,
    format: PageFormat,
    lsn: Lsn,
}

impl DonorPage0 {
    fn of(space: &Tablespace) -> Option<DonorPage0> {
        let file = space.files.first().filter(|_| space.evidence == Identification::Header)?;
        let page = space.read_page(PageNo(0)).ok()??;
        Some(DonorPage0 {
            name: file.name.clone(),
            flags: FspHeader::parse(&page)?.flags,
            format: space.format,
            lsn: Lsn(u64_at(&page, FIL_PAGE_LSN)?),
        })
    }
}
