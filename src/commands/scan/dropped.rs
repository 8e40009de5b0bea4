//! Files that a running server dropped, or made anew under the same name, between the listing and the read.

use std::io::ErrorKind;

use crate::commands::scan::Target;
use crate::disk::Image;
use crate::page::judge;
use crate::units::{ByteOffset, PageNo};
use crate::verdict::home::{HomeState, state_at};

/// Whether the file that was listed is no more.
///
/// The inode alone does not tell: a file system may give the one of a dropped file to the next. Then the first page
/// does: it verifies and carries the space id of another table.
pub(super) fn is_gone(target: &Target<'_>) -> bool {
    let path = &target.file.path;
    match std::fs::symlink_metadata(path) {
        Err(error) => error.kind() == ErrorKind::NotFound,
        Ok(_) if target.file.first_page != 0 => false,
        Ok(_) => names_another_space(target).unwrap_or(false),
    }
}

fn names_another_space(target: &Target<'_>) -> Option<bool> {
    let format = &target.space.format;
    let image = Image::open(&target.file.path).ok()?;
    let page = image.read_page(ByteOffset(0), format.physical).ok()??;
    let (state, _) = state_at(&judge(&page, format), &page, target.space, PageNo(0), true);
    // What was listed under this id had it on its first page.
    Some(state == HomeState::Misdirected)
}
