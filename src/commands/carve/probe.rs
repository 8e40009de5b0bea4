//! Whether a page begins at one place: a plausible header first, then a checksum.

use crate::bytes::{is_zero, slice_at, u16_at, u32_at, u32_from_end};
use crate::format::fil::{FIL_PAGE_FILE_FLUSH_LSN, FIL_PAGE_LSN, FilHeader, page_type};
use crate::format::fsp::{Encryption, Layout, PageFormat};
use crate::format::reduced::{ReducedEntry, parse_reduced, reduced_page_size};
use crate::format::trx_sys::TRX_SYS_PAGE;
use crate::page::checksum::{Algorithm, NO_CHECKSUM_MAGIC};
use crate::page::frame;
use crate::page::transform;
use crate::page::transform::Decompressed;
use crate::page::{Claim, Judged, PageState, judge};
use crate::units::{FIL_NULL, Lsn, PageNo, PageSize, SECTOR, SpaceId};

/// LSNs from here on (64 PiB of redo) are taken for noise.
const MAX_LSN: u64 = 1 << 56;

/// Which page sizes are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedSizes {
    logical: Vec<PageSize>,
    zip: Vec<PageSize>,
}

impl ProbedSizes {
    /// Those of one instance, or every legal one.
    pub fn of(page_size: Option<PageSize>) -> ProbedSizes {
        let largest = page_size.unwrap_or(PageSize::DEFAULT).min(PageSize::DEFAULT);
        ProbedSizes {
            logical: page_size.map_or_else(|| PageSize::LOGICAL.to_vec(), |size| vec![size]),
            zip: PageSize::PHYSICAL.into_iter().filter(|&size| size <= largest).collect(),
        }
    }
}

/// A page, as its bytes show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Space id; `None` where it is ciphertext.
    pub space: Option<SpaceId>,
    /// Page number.
    pub page_no: PageNo,
    /// LSN.
    pub lsn: Lsn,
    /// Page type as stored.
    pub page_type: u16,
    /// Physical size.
    pub size: PageSize,
    /// Framing.
    pub layout: Layout,
    /// What its bytes say: valid, unless it was only recognised by the page before it.
    pub state: PageState,
    /// The checksum that holds.
    pub algorithm: Option<Algorithm>,
    /// How many bytes belong to it for sure: a compressed page may end before its size does.
    pub taken: u32,
}

impl Hit {
    fn new(header: &FilHeader, format: &PageFormat, judged: &Judged) -> Hit {
        Hit {
            space: match judged.claim {
                Claim::Space(id) => Some(id),
                Claim::Hidden => None,
            },
            page_no: header.page_no,
            lsn: header.lsn,
            page_type: header.page_type,
            size: format.physical,
            layout: format.layout,
            state: judged.state,
            algorithm: judged.algorithm,
            taken: if judged.clear.is_some() { SECTOR as u32 } else { format.physical.as_u32() },
        }
    }

    /// Page 5 of the system tablespace.
    pub fn is_transaction_system(&self) -> bool {
        self.space == Some(SpaceId::SYSTEM)
            && self.page_no == TRX_SYS_PAGE
            && self.page_type == page_type::TRX_SYS
    }
}

/// The page that begins with the first of these bytes, if one does.
pub fn probe(bytes: &[u8], sizes: &ProbedSizes) -> Option<Hit> {
    let header = FilHeader::parse(bytes)?;
    // Most of any image ends here.
    if header.lsn.0 == 0 || header.lsn.0 >= MAX_LSN || header.page_no.0 == FIL_NULL {
        return None;
    }
    let low = u32_at(bytes, FIL_PAGE_LSN + 4)?;
    let logical = || sizes.logical.iter().filter_map(|&size| Some((size, bytes.get(..size.bytes())?)));
    let framed = logical().find_map(|(size, page)| framed(page, size, low, &header));
    if framed.is_some() || !is_known_type(header.page_type) {
        return framed;
    }
    logical()
        .find_map(|(size, page)| opaque(page, size, &header))
        .or_else(|| sizes.zip.iter().find_map(|&size| zip(bytes.get(..size.bytes())?, size, &header)))
        .map(|hit| if is_of_any_size(&hit) { sized_by_the_next(hit, bytes, sizes) } else { hit })
}

/// Layouts that repeat the low LSN word behind the body: 32 bits that must agree before a checksum is computed. Servers
/// before MySQL 5.1 left garbage in the type, so that is not asked.
fn framed(page: &[u8], size: PageSize, low: u32, header: &FilHeader) -> Option<Hit> {
    if low == 0 {
        return None;
    }
    let classic = || {
        let format = PageFormat::classic(size);
        accept(page, &format, header).or_else(|| post_encryption(page, &format, header))
    };
    let full = || accept(page, &PageFormat::full_crc32(size), header);
    let is_framed = |before_end| u32_from_end(page, before_end) == Some(low);
    is_framed(4).then(classic).flatten().or_else(|| is_framed(8).then(full).flatten())
}

/// Compressed and encrypted pages show no LSN behind the body.
fn opaque(page: &[u8], size: PageSize, header: &FilHeader) -> Option<Hit> {
    let compressed = frame::full_crc32_size(header.page_type).is_some();
    match header.page_type {
        page_type::COMPRESSED | page_type::MARIADB_PAGE_COMPRESSED => {
            return accept(page, &PageFormat::classic(size), header);
        }
        page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED => {
            return post_encryption(page, &PageFormat::classic(size), header);
        }
        _ => {}
    }
    if let Some(hit) = post_encryption(page, &PageFormat::classic(size), header) {
        return Some(hit);
    }
    match (header.checksum, compressed) {
        (1.., _) => accept(page, &PageFormat::full_crc32(size), header),
        (0, true) => compressed_full_crc32(page, size, header),
        (0, false) => None,
    }
}

/// The checksum covers the compressed bytes only: the page size shows when they are expanded, and the space id, too.
fn compressed_full_crc32(page: &[u8], size: PageSize, header: &FilHeader) -> Option<Hit> {
    let format = PageFormat::full_crc32(size);
    let hit = accept(page, &format, header)?;
    let clear = transform::candidates().into_iter().find_map(|codec| {
        match transform::decompress_with(page, size, codec) {
            Decompressed::Page(clear) => FilHeader::parse(&clear),
            _ => None,
        }
    })?;
    Some(Hit { space: Some(clear.space_id), taken: SECTOR as u32, ..hit })
}

fn zip(page: &[u8], size: PageSize, header: &FilHeader) -> Option<Hit> {
    // Without a trailer the type is all that stands before the checksum, and 0 says nothing.
    if header.page_type == page_type::ALLOCATED {
        return None;
    }
    let format = PageFormat::zip(PageSize::DEFAULT, size);
    accept(page, &format, header).or_else(|| post_encryption(page, &format, header))
}

/// The constant of `none` in a compressed page fits every size.
fn is_of_any_size(hit: &Hit) -> bool {
    hit.layout == Layout::Zip && hit.algorithm == Some(Algorithm::None)
}

/// The size is where the next page of the same space begins; without one, the usual `KEY_BLOCK_SIZE=8`.
fn sized_by_the_next(hit: Hit, bytes: &[u8], sizes: &ProbedSizes) -> Hit {
    let next_begins = |size: &PageSize| {
        let next = bytes.get(size.bytes()..).and_then(FilHeader::parse);
        next.is_some_and(|next| {
            next.checksum == NO_CHECKSUM_MAGIC
                && Some(next.space_id) == hit.space
                && next.page_no.0 != FIL_NULL
        })
    };
    let found = sizes.zip.iter().copied().filter(next_begins).min();
    let usual =
        || sizes.zip.iter().copied().find(|&size| size.as_u32() == 8192 && size.bytes() <= bytes.len());
    Hit { size: found.or_else(usual).unwrap_or(hit.size), taken: SECTOR as u32, ..hit }
}

/// MariaDB keeps a checksum of the ciphertext behind the key version.
fn post_encryption(page: &[u8], format: &PageFormat, header: &FilHeader) -> Option<Hit> {
    let key_version = u32_at(page, FIL_PAGE_FILE_FLUSH_LSN)?;
    if key_version == 0 || u32_at(page, FIL_PAGE_FILE_FLUSH_LSN + 4)? == 0 {
        return None;
    }
    accept(page, &PageFormat { encryption: Encryption::MariaDb, ..*format }, header)
}

/// A page whose checksum looks at its content, or that carries the constant of `none` where a checksum belongs.
fn accept(page: &[u8], format: &PageFormat, header: &FilHeader) -> Option<Hit> {
    let judged = judge(page, format);
    let proved = judged.is_valid() && (!judged.weak || judged.algorithm == Some(Algorithm::None));
    proved.then(|| Hit::new(header, format, &judged))
}

/// The page behind one that was found: the next number of the same space is proof enough that it is a damaged page.
pub fn probe_next(bytes: &[u8], before: &Hit) -> Option<Hit> {
    let page = bytes.get(..before.size.bytes())?;
    let header = FilHeader::parse(page)?;
    let follows =
        header.page_no.0.checked_sub(1) == Some(before.page_no.0) && Some(header.space_id) == before.space;
    // Space 0 and a small number are too little evidence over zeros.
    if !follows || header.lsn.0 == 0 || header.lsn.0 >= MAX_LSN || !is_known_type(header.page_type) {
        return None;
    }
    let format = match before.layout {
        Layout::Classic => PageFormat::classic(before.size),
        Layout::Zip => PageFormat::zip(PageSize::DEFAULT, before.size),
        Layout::FullCrc32 => PageFormat::full_crc32(before.size),
    };
    let judged = judge(page, &format);
    Some(Hit { algorithm: None, ..Hit::new(&header, &format, &judged) })
}

/// The entries of a page of a reduced doublewrite file that begins here.
pub fn probe_reduced(bytes: &[u8]) -> Option<Vec<ReducedEntry>> {
    let len = u16_at(bytes, 8)?;
    let kind = slice_at(bytes, 10, 1)?;
    if len == 0 || len % 16 != 0 || kind > [1].as_slice() || u32_at(bytes, 4)? == 0 {
        return None;
    }
    let page = bytes.get(..reduced_page_size().bytes())?;
    let entries = parse_reduced(page).entries;
    let says_something = entries.iter().any(|entry| entry.lsn.0 != 0 && entry.lsn.0 < MAX_LSN);
    (says_something && !is_zero(page)).then_some(entries)
}

/// Types that servers write on pages.
fn is_known_type(kind: u16) -> bool {
    const LAST_SMALL: u16 = 29;
    kind <= LAST_SMALL
        || matches!(
            kind,
            page_type::SDI
                | page_type::RTREE
                | page_type::INDEX
                | page_type::MARIADB_PAGE_COMPRESSED
                | page_type::MARIADB_PAGE_COMPRESSED_ENCRYPTED
        )
        || frame::full_crc32_size(kind).is_some_and(|size| size > 0 && size < 65536)
}
