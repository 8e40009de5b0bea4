//! Files that claim one space id, told apart: the first page of another file may lie in the place of page 0.

use crate::disk::Image;
use crate::format::fsp::PageFormat;
use crate::instance::identify::id_of_other_pages;
use crate::instance::spaces::{Identification, Owner, Spaces, Tablespace};
use crate::units::SpaceId;

impl Spaces {
    /// Of files that share an id, those whose other pages carry another one get that: their page 0 is not theirs. Files of
    /// which everything carries the same id remain rivals.
    pub(crate) fn tell_rivals_apart(&mut self) {
        let shared =
            |space: &Tablespace| space.id.is_some_and(|id| matches!(self.owner(id), Owner::Several(_)));
        let rivals: Vec<usize> =
            self.list.iter().enumerate().filter(|(_, space)| shared(space)).map(|(at, _)| at).collect();
        if rivals.is_empty() {
            return;
        }
        for at in rivals {
            let Some(space) = self.list.get_mut(at) else { continue };
            if let Some(id) = other_id(space) {
                (space.id, space.evidence) = (Some(id), Identification::OtherPages);
                space.format = PageFormat { encryption: Default::default(), ..space.format };
            }
        }
        self.index();
    }
}

fn other_id(space: &Tablespace) -> Option<SpaceId> {
    let file = space.files.first().filter(|file| file.first_page == 0)?;
    let image = Image::open(&file.path).ok()?;
    id_of_other_pages(&image, &space.format).filter(|&id| Some(id) != space.id && id != SpaceId::SYSTEM)
}
