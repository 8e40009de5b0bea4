//! Files whose page 0 is damaged: what copies of page 0 in the doublewrite buffer tell of them.

use crate::bytes::is_zero;
use crate::disk::Image;
use crate::error::Result;
use crate::format::crypt_info::{mariadb_crypt_data, mysql_encryption_info};
use crate::format::fil::FilHeader;
use crate::format::fsp::{Layout, PageFormat};
use crate::instance::Instance;
use crate::instance::dblwr::AreaKind;
use crate::instance::identify::format_of_page0;
use crate::instance::note::InstanceNote;
use crate::instance::spaces::{Identification, SpaceFile, Spaces, Tablespace};
use crate::page::keyring::Keyring;
use crate::page::sectors::shares_a_sector;
use crate::units::{ByteOffset, Lsn, PageNo, SECTOR, SpaceId};

/// A verified copy of a page 0.
struct Page0Copy {
    id: SpaceId,
    format: PageFormat,
    lsn: Lsn,
    bytes: Vec<u8>,
}

impl Page0Copy {
    fn inform(&self, space: &mut Tablespace, keyring: Option<&Keyring>, notes: &mut Vec<InstanceNote>) {
        space.format = self.format;
        if space.id.is_none() {
            (space.id, space.evidence) = (Some(self.id), Identification::Copy);
        }
        let note = keyring.and_then(|keyring| space.unlock_by(&self.bytes, keyring));
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
}

impl Instance {
    /// Gives files whose page 0 is damaged their format, and if need be their id, from a verified copy of page 0.
    ///
    /// # Errors
    /// A live area cannot be read.
    pub(crate) fn learn_from_copies(&mut self) -> Result<()> {
        let all_known = self.spaces.list.iter().all(|space| space.evidence == Identification::Header);
        if all_known && self.spaces.unidentified.is_empty() {
            return Ok(());
        }
        let page0s = self.page0s()?;
        for at in 0..self.spaces.list.len() {
            let Some(space) =
                self.spaces.list.get(at).filter(|space| space.evidence != Identification::Header)
            else {
                continue;
            };
            let told = match space.id {
                Some(id) => page0s.iter().find(|page0| page0.id == id),
                None => space.files.first().and_then(|file| only_match(file, &page0s, &self.spaces)),
            };
            if let (Some(page0), Some(space)) = (told, self.spaces.list.get_mut(at)) {
                page0.inform(space, self.keyring.as_ref(), &mut self.notes);
            }
        }
        self.use_learned(&page0s);
        self.spaces.index();
        Ok(())
    }

    /// Files in which nothing is known for a page, but whose page 0 shows one of the copies in part. Two such files of
    /// one id become rivals: ids are looked up before they are given.
    fn use_learned(&mut self, page0s: &[Page0Copy]) {
        for file in std::mem::take(&mut self.spaces.unidentified) {
            let Some(page0) = only_match(&file, page0s, &self.spaces) else {
                self.spaces.unidentified.push(file);
                continue;
            };
            self.notes.retain(|note| *note != InstanceNote::LeftOut(file.name.clone()));
            let (format, files) = (page0.format, vec![file]);
            let mut space =
                Tablespace { id: None, format, files, evidence: Identification::Unknown, key: None };
            page0.inform(&mut space, self.keyring.as_ref(), &mut self.notes);
            self.spaces.list.push(space);
        }
    }

    /// The newest first.
    fn page0s(&self) -> Result<Vec<Page0Copy>> {
        let mut page0s: Vec<Page0Copy> = Vec::new();
        for area in self.areas.iter().filter(|area| area.live && area.kind() != AreaKind::Reduced) {
            area.for_each_slot(|slot| {
                let header = FilHeader::parse(slot.bytes).filter(|header| header.page_no == PageNo(0));
                if let (Some(header), Some((id, format))) = (header, format_of_page0(slot.bytes)) {
                    page0s.push(Page0Copy { id, format, lsn: header.lsn, bytes: slot.bytes.to_vec() });
                }
            })?;
        }
        page0s.sort_by_key(|page0| std::cmp::Reverse(page0.lsn));
        Ok(page0s)
    }
}

/// The newest copy that the page 0 of a file belongs with, where all such copies are of one tablespace that no file
/// holds.
fn only_match<'a>(file: &SpaceFile, page0s: &'a [Page0Copy], spaces: &Spaces) -> Option<&'a Page0Copy> {
    let mut alike = page0s.iter().filter(|page0| !spaces.contains(page0.id) && belongs(file, page0));
    let newest = alike.next()?;
    alike.all(|other| other.id == newest.id).then_some(newest)
}

fn belongs(file: &SpaceFile, page0: &Page0Copy) -> bool {
    let (copy, format) = (&page0.bytes, &page0.format);
    let page = Image::open(&file.path).and_then(|image| image.read_page(ByteOffset(0), format.physical));
    page.ok()
        .flatten()
        .is_some_and(|page| is_one_write(&page, copy, format) || has_its_key(&page, copy, format))
}

/// Whether two images of page 0 have their first or their last sector in common. Space id and LSN stand in the one, a
/// checksum and the end of the LSN in the other; what lies between, and the end of a page of a compressed tablespace, may
/// be the same in many tablespaces.
fn is_one_write(page: &[u8], copy: &[u8], format: &PageFormat) -> bool {
    let last = page.len().checked_sub(SECTOR).filter(|_| format.layout != Layout::Zip);
    let first = page.get(..SECTOR).zip(copy.get(..SECTOR));
    let last = last.and_then(|at| page.get(at..).zip(copy.get(at..)));
    first.into_iter().chain(last).any(|(a, b)| shares_a_sector(a, b))
}

/// No two tablespaces have the same random bytes in their encryption records.
fn has_its_key(page: &[u8], copy: &[u8], format: &PageFormat) -> bool {
    let iv = |page: &[u8]| mariadb_crypt_data(page, format).map(|data| data.iv).filter(|iv| !is_zero(iv));
    let key = |page: &[u8]| mysql_encryption_info(page, format).map(|info| (info.key_info, info.checksum));
    let same_iv = iv(page).is_some_and(|own| iv(copy) == Some(own));
    same_iv || key(page).is_some_and(|own| key(copy) == Some(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PageSize;

    fn page(fill: &[(usize, &[u8])]) -> Vec<u8> {
        let mut page = vec![0; 16384];
        for (at, bytes) in fill {
            page[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        page
    }

    #[test]
    fn head_and_trailer_are_of_one_write_and_what_lies_between_is_not() {
        let classic = PageFormat::classic(PageSize::DEFAULT);
        let zip = PageFormat::zip(PageSize::DEFAULT, PageSize::DEFAULT);
        let copy = page(&[(34, b"head"), (600, b"descriptors"), (16376, b"trailer")]);
        assert!(is_one_write(&page(&[(34, b"head")]), &copy, &classic));
        assert!(is_one_write(&page(&[(34, b"HEAD"), (16376, b"trailer")]), &copy, &classic));
        assert!(!is_one_write(&page(&[(34, b"HEAD"), (16376, b"trailer")]), &copy, &zip));
        let stranger = page(&[(34, b"HEAD"), (600, b"descriptors"), (16376, b"TRAILER")]);
        assert!(!is_one_write(&stranger, &copy, &classic));
        assert!(!is_one_write(&page(&[]), &page(&[]), &classic), "zeros prove nothing");
    }

    #[test]
    fn a_key_of_its_own_tells_a_tablespace_where_the_write_was_another() {
        let format = PageFormat::classic(PageSize::DEFAULT);
        let at = crate::format::fsp::xdes_array_end(&format);
        let record = |version: &[u8], secret: u8| {
            let uuid = [b'u'; 36];
            page(&[(at, version), (at + 6, &[1]), (at + 7, &uuid), (at + 43, &[secret; 64])])
        };
        assert!(has_its_key(&record(b"lCC", 7), &record(b"lCC", 7), &format));
        assert!(!has_its_key(&record(b"lCC", 7), &record(b"lCC", 8), &format));
        assert!(!has_its_key(&page(&[]), &page(&[]), &format));
    }
}
