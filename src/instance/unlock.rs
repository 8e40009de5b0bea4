//! Keys for encrypted tablespaces: found through the record on page 0, kept beside the tablespace.

use crate::format::fsp::Encryption;
use crate::instance::note::InstanceNote;
use crate::instance::spaces::{Spaces, Tablespace};
use crate::page::keyring::Keyring;
use crate::page::transform::{KeySearch, SpaceKey};
use crate::units::PageNo;

impl Spaces {
    /// Gives every encrypted tablespace its key, as far as the key file has it. Notes say which keys are missing;
    /// no note ever holds a key.
    pub fn unlock(&mut self, keyring: &Keyring) {
        let mut notes = Vec::new();
        for space in self.list.iter_mut().filter(|space| space.format.encryption != Encryption::None) {
            if let Some(page0) = page0(space) {
                notes.extend(space.unlock_by(&page0, keyring));
            }
        }
        self.notes.append(&mut notes);
    }
}

impl Tablespace {
    /// Takes the key that a page 0 of this tablespace names; a note where the key file does not have it.
    pub fn unlock_by(&mut self, page0: &[u8], keyring: &Keyring) -> Option<InstanceNote> {
        let file = self.files.first().map(|file| file.name.clone()).unwrap_or_default();
        match SpaceKey::for_tablespace(page0, &self.format, keyring) {
            KeySearch::Found(key) => {
                self.key = Some(key);
                None
            }
            KeySearch::NotEncrypted => None,
            KeySearch::Missing(key) => Some(InstanceNote::KeyMissing { file, key }),
            KeySearch::Wrong(key) => Some(InstanceNote::KeyWrong { file, key }),
        }
    }
}

fn page0(space: &Tablespace) -> Option<Vec<u8>> {
    space.read_page(PageNo(0)).ok()?
}
