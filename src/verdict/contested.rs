//! Of a home and a copy with one LSN and different bytes one is not what was written. Where the checksum proves nothing of
//! either, their structure has to say which; where it does not, neither is written unless somebody picks the page.

use crate::page::structure;
use crate::verdict::copy::{Copy, CopyState};
use crate::verdict::home::Home;

/// Who is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contest {
    /// The home contradicts itself, the copy does not.
    Copy,
    /// The copy contradicts itself, the home does not.
    Home,
    /// Nothing tells.
    Nobody,
}

/// Whether a copy contests its home, and what the structure of both says. `None` where they do not differ, or a real
/// checksum speaks for the copy.
pub fn contest(home: &Home, copy: &Copy) -> Option<Contest> {
    let contested = copy.judged.weak
        && copy.state() == CopyState::Valid
        && home.is_contradicted_by(&copy.page(), copy.lsn());
    if !contested {
        return None;
    }
    let sound = |page: &[u8]| structure::is_sound(page, &copy.format);
    Some(match (sound(&home.bytes.get()), sound(&copy.page())) {
        (true, false) => Contest::Home,
        (false, true) => Contest::Copy,
        (true, true) | (false, false) => Contest::Nobody,
    })
}
