//! Files that a running server dropped, or made anew under the same name, between the listing and the read.

use std::io::ErrorKind;

use crate::commands::scan::ScanTarget;
use crate::disk::Image;
use crate::format::fil::FilHeader;
use crate::instance::spaces::Identification;
use crate::page::{Claim, judge};
use crate::units::{ByteOffset, PageNo};

/// Whether the file that was listed is no more.
///
/// The inode alone does not tell: a file system may give the one of a dropped file to the next. Then the first page
/// does: it verifies and carries the space id of another table.
pub(super) fn is_gone(target: &ScanTarget<'_>) -> bool {
    let path = &target.file.path;
    match std::fs::symlink_metadata(path) {
        Err(error) => error.kind() == ErrorKind::NotFound,
        Ok(_) if target.file.first_page != 0 => false,
        Ok(_) => names_another_space(target).unwrap_or(false),
    }
}

/// What was listed under an id had it on its first page: now another table's first page lies there. Any other page in that
/// place is damage.
fn names_another_space(target: &ScanTarget<'_>) -> Option<bool> {
    let format = &target.space.format;
    let image = Image::open(&target.file.path).ok()?;
    let page = image.read_page(ByteOffset(0), format.physical).ok()??;
    let judged = judge(&page, format);
    let first = FilHeader::parse(&page).is_some_and(|header| header.page_no == PageNo(0));
    let listed = target.space.id.filter(|_| target.space.evidence == Identification::Header)?;
    Some(first && judged.is_valid() && judged.claim != Claim::Hidden && judged.claim != Claim::Space(listed))
}
