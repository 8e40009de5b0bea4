//! One page decoded: whose it is, its state, every checksum beside what is stored, its fields.

use std::io::{self, Write};

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::format::fields::{FIRST_KEY, LAST_KEY, PageField, page_fields};
use crate::format::fil::{FIL_PAGE_DATA, FIL_PAGE_SPACE_ID, FilHeader, page_type};
use crate::format::fsp::{Layout, PageFormat};
use crate::format::key::IndexKey;
use crate::page::checksum;
use crate::page::checksum::{Algorithm, Computed};
use crate::page::frame;
use crate::page::{Claim, Judged, PageState};
use crate::report::hex;
use crate::report::hex::HexLine;
use crate::report::style;
use crate::units::{Lsn, PageNo, SpaceId};

fn style_of(state: PageState) -> anstyle::Style {
    match state {
        PageState::Valid => style::GOOD,
        PageState::Zero | PageState::Unverifiable => style::WARN,
        PageState::Torn | PageState::Corrupt => style::BAD,
    }
}

/// One checksum field.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ChecksumReport {
    /// The algorithm.
    pub algorithm: &'static str,
    /// Offset of the field in the page.
    pub offset: usize,
    /// What is written there.
    pub stored: u32,
    /// What the algorithm would write there.
    pub computed: u32,
    /// Whether both agree.
    pub matches: bool,
}

impl From<Computed> for ChecksumReport {
    fn from(field: Computed) -> ChecksumReport {
        ChecksumReport {
            algorithm: field.algorithm.name(),
            offset: field.at,
            stored: field.stored,
            computed: field.computed,
            matches: field.matches(),
        }
    }
}

/// How pages are framed, in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LayoutReport {
    /// Checksums in front and behind.
    Classic,
    /// ROW_FORMAT=COMPRESSED: checksum in front only.
    Zip,
    /// MariaDB 10.4.3+: CRC-32C behind.
    FullCrc32,
}

impl From<Layout> for LayoutReport {
    fn from(layout: Layout) -> LayoutReport {
        match layout {
            Layout::Classic => LayoutReport::Classic,
            Layout::Zip => LayoutReport::Zip,
            Layout::FullCrc32 => LayoutReport::FullCrc32,
        }
    }
}

impl LayoutReport {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// One page decoded.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct DecodedPage {
    /// Space id in the page; `null` where it is ciphertext.
    pub space_id: Option<SpaceId>,
    /// Page number in the page.
    pub page_no: PageNo,
    /// LSN in the head of the page.
    pub lsn: Lsn,
    /// Page type.
    pub page_type: u16,
    /// InnoDB's name of it.
    pub page_type_name: &'static str,
    /// Bytes that the page takes in its file.
    pub length: usize,
    /// `innodb_page_size`.
    pub logical_page_size: u32,
    /// How it is framed.
    pub layout: LayoutReport,
    /// What its bytes say.
    pub state: PageState,
    /// Why, where it is neither valid nor zero.
    pub reason: String,
    /// The checksum that holds.
    pub algorithm: Option<&'static str>,
    /// Valid, but by a rule that looks at no content.
    pub weak: bool,
    /// Every checksum of the layout, stored and computed.
    pub checksums: Vec<ChecksumReport>,
    /// Whether the fields are those of the page under its compression or encryption.
    pub revealed: bool,
    /// Every field that can be told.
    pub fields: Vec<PageField>,
    /// The bytes as they lie in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex: Option<Vec<HexLine>>,
}

impl DecodedPage {
    /// Decodes a page; `None` where it is shorter than a FIL header. `clear` is the page under its compression and
    /// encryption, where there is one.
    pub fn of(
        page: &[u8],
        format: &PageFormat,
        judged: &Judged,
        clear: Option<&[u8]>,
        with_hex: bool,
    ) -> Option<DecodedPage> {
        let header = FilHeader::parse(page)?;
        let clear = clear.or(judged.clear.as_deref());
        let stored_fields = readable_fields(page, format, judged);
        Some(DecodedPage {
            space_id: match judged.claim {
                Claim::Space(id) => Some(id),
                Claim::Hidden => None,
            },
            page_no: header.page_no,
            lsn: header.lsn,
            page_type: header.page_type,
            page_type_name: page_type::name(header.page_type),
            length: page.len(),
            logical_page_size: format.logical.as_u32(),
            layout: format.layout.into(),
            state: judged.state,
            reason: judged.why.to_string(),
            algorithm: judged.algorithm.map(Algorithm::name),
            weak: judged.weak,
            checksums: checksum::computed(page, format).into_iter().map(ChecksumReport::from).collect(),
            revealed: clear.is_some(),
            hex: with_hex.then(|| hex::lines(page, &stored_fields)),
            fields: clear.map_or(stored_fields, |clear| page_fields(clear, &inner_format(clear, format))),
        })
    }

    /// Shows the keys by the types of their columns; `clear` is the page that the fields are of.
    pub fn type_keys(&mut self, clear: &[u8], key: &IndexKey) {
        for field in self.fields.iter_mut().filter(|field| field.name == FIRST_KEY || field.name == LAST_KEY)
        {
            if let Some(value) = key.show(clear, field.offset) {
                field.value = value;
            }
        }
    }

    /// Writes it for a person; `place` says where the page lies, `reason` why it is damaged.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(
        &self,
        out: &mut dyn Write,
        place: &str,
        reason: Option<&str>,
        verbose: bool,
    ) -> io::Result<()> {
        writeln!(out, "{}", self.headline())?;
        writeln!(out, "{place}, {} bytes, {} layout", self.length, self.layout.name())?;
        let reason = reason.unwrap_or(&self.reason);
        if !reason.is_empty() {
            writeln!(out, "{}", style::printable(reason))?;
        }
        self.write_checksums(out, verbose)?;
        self.write_fields(out)?;
        match &self.hex {
            Some(lines) => {
                writeln!(out, "\nbytes as they lie in the file")?;
                hex::write(out, lines)
            }
            None => Ok(()),
        }
    }

    fn headline(&self) -> String {
        let state = style::paint(style_of(self.state), &self.state.name().to_uppercase());
        if self.state == PageState::Zero {
            return state;
        }
        let checksum = match (self.algorithm, self.weak) {
            (Some(algorithm), false) => format!(", {algorithm}"),
            (Some(algorithm), true) => format!(", {algorithm} (checks no content)"),
            (None, _) => String::new(),
        };
        let page = match self.space_id {
            Some(id) => format!("page {id}:{}", self.page_no),
            None => format!("page {} of a hidden space", self.page_no),
        };
        let (kind, lsn) = (self.page_type_name, self.lsn);
        format!("{state}: {page}, {kind}, LSN {lsn}{checksum}")
    }

    /// The sums that hold; where none does, those of the rule that servers write today, and every field that fits some
    /// other.
    fn telling(&self) -> Vec<&ChecksumReport> {
        let usual =
            [Algorithm::Crc32, Algorithm::FullCrc32, Algorithm::PostEncryptionCrc32].map(Algorithm::name);
        let tells = |field: &&ChecksumReport| match self.algorithm {
            Some(holds) => field.algorithm == holds,
            None => field.matches || usual.contains(&field.algorithm),
        };
        self.checksums.iter().filter(tells).collect()
    }

    fn write_checksums(&self, out: &mut dyn Write, verbose: bool) -> io::Result<()> {
        if self.checksums.is_empty() || self.state == PageState::Zero {
            return Ok(());
        }
        let telling = self.telling();
        let shown = if verbose || telling.is_empty() { self.checksums.iter().collect() } else { telling };
        let mut table = style::table(&["CHECKSUM", "OFFSET", "STORED", "COMPUTED", ""], &[1]);
        for field in shown {
            table.add_row([
                field.algorithm.to_owned(),
                field.offset.to_string(),
                format!("{:#010x}", field.stored),
                format!("{:#010x}", field.computed),
                if field.matches { "matches" } else { "" }.to_owned(),
            ]);
        }
        write!(out, "\n{}", style::indented(&table))
    }

    fn write_fields(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.fields.is_empty() {
            return Ok(());
        }
        let title = if self.revealed { "FIELD (decompressed or decrypted)" } else { "FIELD" };
        let mut table = style::table(&["OFFSET", "BYTES", title, "VALUE"], &[0, 1]);
        for field in &self.fields {
            table.add_row([
                field.offset.to_string(),
                field.len.to_string(),
                style::printable(&field.name),
                style::printable(&field.value),
            ]);
        }
        write!(out, "\n{}", style::indented(&table))
    }
}

/// What lies under compression has the logical size and an ordinary frame.
fn inner_format(clear: &[u8], format: &PageFormat) -> PageFormat {
    if clear.len() == format.physical.bytes() {
        *format
    } else {
        PageFormat { physical: format.logical, ..*format }
    }
}

/// The fields of a page as it is stored; of ciphertext and compressed bytes only the frame means anything.
fn readable_fields(page: &[u8], format: &PageFormat, judged: &Judged) -> Vec<PageField> {
    let mut fields = page_fields(page, format);
    if !is_opaque(page, format, judged) {
        return fields;
    }
    // MariaDB leaves the classic trailer in clear; whatever else is compressed or encrypted has none.
    let trailer = judged.algorithm == Some(Algorithm::PostEncryptionCrc32);
    let hidden_id = judged.claim == Claim::Hidden;
    fields.retain(|field| match field.offset {
        FIL_PAGE_SPACE_ID => !hidden_id,
        offset => offset < FIL_PAGE_DATA || trailer && field.name.starts_with("FIL_PAGE_END_"),
    });
    if format.layout == Layout::FullCrc32 {
        fields.extend(checksum::computed(page, format).into_iter().map(|crc| PageField {
            name: "FIL_PAGE_FCRC32_CHECKSUM".to_owned(),
            value: format!("0x{:08X}", crc.stored),
            offset: crc.at,
            len: 4,
        }));
    }
    fields
}

fn is_opaque(page: &[u8], format: &PageFormat, judged: &Judged) -> bool {
    frame::is_opaque(page, format)
        || judged.algorithm == Some(Algorithm::PostEncryptionCrc32)
        || judged.state == PageState::Unverifiable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::checksum::stamp;
    use crate::page::judge;
    use crate::units::PageSize;

    fn page(kind: u16) -> Vec<u8> {
        let mut page = vec![0; 16384];
        page[4..8].copy_from_slice(&3u32.to_be_bytes());
        page[16..24].copy_from_slice(&77u64.to_be_bytes());
        page[24..26].copy_from_slice(&kind.to_be_bytes());
        page[34..38].copy_from_slice(&5u32.to_be_bytes());
        page
    }

    #[test]
    fn a_valid_page_shows_which_checksum_fits_and_which_do_not() {
        let format = PageFormat::classic(PageSize::DEFAULT);
        let mut bytes = page(page_type::INDEX);
        stamp(&mut bytes, &format, Algorithm::Innodb).unwrap();
        let decoded = DecodedPage::of(&bytes, &format, &judge(&bytes, &format), None, true).unwrap();
        assert_eq!((decoded.state, decoded.algorithm), (PageState::Valid, Some("innodb")));
        let matching: Vec<_> =
            decoded.checksums.iter().filter(|c| c.matches).map(|c| (c.algorithm, c.offset)).collect();
        assert_eq!(matching, [("innodb", 0), ("innodb", 16376)]);
        assert!(decoded.fields.iter().any(|f| f.name == "FIL_PAGE_LSN" && f.value == "77"));
        let regions: Vec<_> = decoded.hex.unwrap().into_iter().filter_map(|line| line.region).collect();
        assert_eq!(regions.first().map(String::as_str), Some("FIL_PAGE_SPACE_OR_CHKSUM"));
        assert!(regions.iter().any(|r| r == "FIL_PAGE_END_LSN_OLD_CHKSUM"), "{regions:?}");
    }

    #[test]
    fn of_ciphertext_only_the_frame_is_shown() {
        let format = PageFormat::full_crc32(PageSize::DEFAULT);
        let mut bytes = page(page_type::INDEX);
        bytes[3] = 1;
        bytes[38..16000].fill(0xA5);
        stamp(&mut bytes, &format, Algorithm::FullCrc32).unwrap();
        let decoded = DecodedPage::of(&bytes, &format, &judge(&bytes, &format), None, false).unwrap();
        assert_eq!((decoded.state, decoded.space_id), (PageState::Valid, None));
        assert!(decoded.fields.iter().all(|f| f.name.starts_with("FIL_PAGE_") && f.offset != 34));
        assert!(decoded.fields.len() >= 6, "{:?}", decoded.fields);
    }

    #[test]
    fn less_than_a_header_is_no_page() {
        let format = PageFormat::classic(PageSize::DEFAULT);
        let short = [1; 37];
        assert!(DecodedPage::of(&short, &format, &judge(&short, &format), None, true).is_none());
        let zeros = vec![0; 16384];
        let decoded = DecodedPage::of(&zeros, &format, &judge(&zeros, &format), None, true).unwrap();
        assert_eq!(
            (decoded.state, decoded.fields.len(), decoded.hex.unwrap().len()),
            (PageState::Zero, 0, 1)
        );
    }
}
