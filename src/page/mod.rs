//! What state one page is in, whatever lies over it: compression and encryption first, then its checksum.
//!
//! Nothing here knows where a page belongs; [`crate::verdict`] decides what a state means.

pub mod checksum;
pub mod contents;
pub mod diagnose;
pub mod forward;
pub mod frame;
pub mod keyring;
pub mod reason;
pub mod sectors;
pub mod structure;
pub mod symptom;
pub mod transform;

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::bytes::{is_zero, u16_at, u32_at};
use crate::format::fil::{FIL_PAGE_SPACE_ID, FIL_PAGE_TYPE, page_type};
use crate::format::fsp::{Encryption, Layout, PageFormat};
use crate::page::checksum::{Algorithm, Examined};
use crate::page::reason::PageReason;
use crate::page::transform::Decompressed;
use crate::units::SpaceId;

/// The state of one page, from its own bytes. What is known beside them (where it lies, what the copies and redo say)
/// adds states of its own to it: `HomeState`, `CopyState`, `DamageState`, each made of this one by a `From`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum PageState {
    /// A checksum of this page holds.
    Valid,
    /// Every byte is zero.
    Zero,
    /// Head and tail carry different LSNs: two versions are mixed.
    Torn,
    /// No checksum holds.
    Corrupt,
    /// Encrypted without a key, or compressed by a codec that is not built in.
    Unverifiable,
}

impl PageState {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Whose page it is, as far as the page itself can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The space id in the page.
    Space(SpaceId),
    /// The space id is ciphertext.
    Hidden,
}

/// A judged page.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What was found.
    pub state: PageState,
    /// The checksum that holds, for valid pages.
    pub algorithm: Option<Algorithm>,
    /// Valid, but by a rule that looks at no content (checksum `none` or empty fields).
    pub weak: bool,
    /// Whose page it is.
    pub claim: Claim,
    /// Why.
    pub why: PageReason,
    /// The page as the server sees it in memory, where the bytes on disk are compressed.
    pub clear: Option<Vec<u8>>,
}

impl Judged {
    pub(crate) fn new(state: PageState, page: &[u8], why: PageReason) -> Judged {
        let claim = u32_at(page, FIL_PAGE_SPACE_ID).map_or(Claim::Hidden, |id| Claim::Space(SpaceId(id)));
        Judged { state, algorithm: None, weak: false, claim, why, clear: None }
    }

    fn hidden(self) -> Judged {
        Judged { claim: Claim::Hidden, ..self }
    }

    /// Whether the page verifies.
    pub fn is_valid(&self) -> bool {
        self.state == PageState::Valid
    }
}

/// Judges one page as it lies in a file or slot; `page` is exactly one physical page.
pub fn judge(page: &[u8], format: &PageFormat) -> Judged {
    match format.layout {
        Layout::FullCrc32 => judge_full_crc32(page, format),
        Layout::Zip | Layout::Classic => judge_classic(page, format),
    }
}

fn judge_full_crc32(page: &[u8], format: &PageFormat) -> Judged {
    let raw = from_examined(checksum::examine(page, format), page);
    if raw.state == PageState::Zero {
        return raw;
    }
    if frame::is_full_crc32_encrypted(page) {
        return raw.hidden();
    }
    if !frame::is_full_crc32_opaque(page) {
        return raw;
    }
    // The checksum covers the compressed image; the space id only shows when it is decompressed.
    match transform::decompress(page, format) {
        Decompressed::Page(clear) => Judged { claim: claim_of(&clear), clear: Some(clear), ..raw },
        _ => raw.hidden(),
    }
}

fn judge_classic(page: &[u8], format: &PageFormat) -> Judged {
    let plain = from_examined(checksum::examine(page, format), page);
    if matches!(plain.state, PageState::Valid | PageState::Zero) {
        return plain;
    }
    match u16_at(page, FIL_PAGE_TYPE).unwrap_or_default() {
        page_type::COMPRESSED => judge_decompressed(page, format, plain),
        kind if frame::is_mysql_ciphertext(kind) && format.encryption == Encryption::MySql => {
            Judged::new(PageState::Unverifiable, page, PageReason::Ciphertext)
        }
        page_type::MARIADB_PAGE_COMPRESSED => judge_decompressed(page, format, plain),
        _ if frame::may_carry_post_encryption_sum(page) => judge_encrypted(page, format).unwrap_or(plain),
        _ => plain,
    }
}

/// MariaDB's first encryption of a tablespace leaves page 0 as it was until the last page is done (`fil_crypt_rotate_page`,
/// 10.5 to 11.8; seen with 11.8.9): a file whose page 0 does not say so may have encrypted pages, and there nothing but the
/// exact sum counts.
fn judge_encrypted(page: &[u8], format: &PageFormat) -> Option<Judged> {
    let examined = match format.encryption {
        Encryption::MySql => None,
        Encryption::MariaDb => checksum::post_encryption(page, format),
        Encryption::None => checksum::is_encrypted_for_sure(page, format)
            .then_some(Examined::Valid { algorithm: Algorithm::PostEncryptionCrc32, weak: false }),
    }?;
    Some(from_examined(examined, page))
}

/// The image of a compressed page has no checksum of its own: the page inside it has.
fn judge_decompressed(page: &[u8], format: &PageFormat, plain: Judged) -> Judged {
    match transform::decompress(page, format) {
        Decompressed::Page(clear) => {
            let inner = PageFormat { physical: format.logical, layout: Layout::Classic, ..*format };
            let inside = from_examined(checksum::examine(&clear, &inner), &clear);
            let state = if inside.state == PageState::Valid { PageState::Valid } else { PageState::Corrupt };
            Judged { state, clear: Some(clear), ..inside }
        }
        Decompressed::NotCompressed => plain,
        Decompressed::Encrypted => Judged::new(PageState::Unverifiable, page, PageReason::Locked),
        Decompressed::Damaged(why) => Judged::new(PageState::Corrupt, page, PageReason::Compression(why)),
    }
}

fn claim_of(page: &[u8]) -> Claim {
    u32_at(page, FIL_PAGE_SPACE_ID).map_or(Claim::Hidden, |id| Claim::Space(SpaceId(id)))
}

pub(crate) fn from_examined(examined: Examined, page: &[u8]) -> Judged {
    match examined {
        Examined::Zero => Judged::new(PageState::Zero, page, PageReason::Zero),
        Examined::Valid { algorithm, weak } => Judged {
            algorithm: Some(algorithm),
            weak,
            ..Judged::new(PageState::Valid, page, PageReason::Verifies)
        },
        Examined::Torn { head, tail } => Judged::new(PageState::Torn, page, PageReason::Torn { head, tail }),
        Examined::Corrupt { detail } => Judged::new(PageState::Corrupt, page, PageReason::Sum(detail)),
    }
}

/// Whether a page is a page at all: neither zero nor shorter than a header.
pub fn is_used(page: &[u8]) -> bool {
    page.len() > FIL_PAGE_SPACE_ID + 4 && !is_zero(page)
}
