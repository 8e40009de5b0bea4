//! Bodies that need no file.

use std::io::Cursor;
use std::path::Path;

use dblwr::internals::commands::carve::{ProbedSizes, probe, probe_next, probe_reduced};
use dblwr::internals::commands::explain_log;
use dblwr::internals::commands::scan::RowState;
use dblwr::internals::commands::scan::finding::PageRow;
use dblwr::internals::format::crypt_info;
use dblwr::internals::format::dictionary::{sdi, sys_columns, sys_tables};
use dblwr::internals::format::fields::page_fields;
use dblwr::internals::format::fil::FilHeader;
use dblwr::internals::format::fsp::{FspHeader, PageFormat, xdes_array_end};
use dblwr::internals::format::index_header::index_header;
use dblwr::internals::format::index_page::key_range;
use dblwr::internals::format::key::{ColumnKind, IndexKey, KeyColumn, Width};
use dblwr::internals::format::record::user_records;
use dblwr::internals::format::redo_record::{MtrRecords, RedoRecord, each_payload};
use dblwr::internals::format::reduced::parse_reduced;
use dblwr::internals::format::trx_sys::DoublewriteHeader;
use dblwr::internals::format::{Names, PageSource, segment, xdes};
use dblwr::internals::instance::identify::format_of_page0;
use dblwr::internals::page::checksum;
use dblwr::internals::page::checksum::{Algorithm, stamp};
use dblwr::internals::page::diagnose;
use dblwr::internals::page::forward::Frame;
use dblwr::internals::page::keyring::Keyring;
use dblwr::internals::page::transform;
use dblwr::internals::page::transform::{SpaceKey, codec};
use dblwr::internals::page::{PageState, judge};
use dblwr::internals::report::decoded::DecodedPage;
use dblwr::internals::units::{Lsn, PageNo, PageSize, SpaceId};

use super::{byte, number, take};

const KEYS: [&[u8]; 2] = [
    include_bytes!("../../testdata/keyring/mysql-9.7-component.json"),
    include_bytes!("../../testdata/keyring/mariadb-keys.txt"),
];

/// Tablespace flags (4 bytes), what to stamp (1), the page.
fn page_of(bytes: &mut &[u8]) -> (PageFormat, Vec<u8>) {
    let flags = number(bytes);
    let format = PageFormat::from_flags(flags).unwrap_or(PageFormat::classic(PageSize::DEFAULT));
    let how = byte(bytes);
    let mut page = take(bytes, format.physical.bytes()).to_vec();
    page.resize(format.physical.bytes(), 0);
    let algorithm = match how % 6 {
        1 => Algorithm::Crc32,
        2 => Algorithm::Innodb,
        3 => Algorithm::FullCrc32,
        4 => Algorithm::None,
        5 => Algorithm::LegacyBigEndianCrc32,
        _ => return (format, page),
    };
    let stamped = stamp(&mut page, &format, algorithm).is_some();
    // Zeros may have the checksum zero, and then nothing is left to verify.
    if stamped && page.iter().any(|&byte| byte != 0) {
        assert!(checksum::examine(&page, &format).is_valid(), "a stamped page does not verify");
    }
    (format, page)
}

/// A key with a column of every kind, those of fixed width first.
fn every_kind_of_key() -> IndexKey {
    let (fixed, long) = (Width::Fixed(3), Width::Variable { long: true });
    let kinds = [
        ColumnKind::Int { bytes: 4, signed: true },
        ColumnKind::Year,
        ColumnKind::Date,
        ColumnKind::Time { decimals: 2 },
        ColumnKind::DateTime { decimals: 6 },
        ColumnKind::Timestamp { decimals: 3 },
        ColumnKind::Decimal { precision: 31, scale: 11 },
        ColumnKind::Float,
        ColumnKind::Double,
        ColumnKind::Text(fixed),
        ColumnKind::Text(long),
        ColumnKind::Bytes(long),
        ColumnKind::Unknown,
    ];
    let column = |(at, kind)| KeyColumn { name: format!("c{at}"), kind, nullable: at % 2 == 1 };
    IndexKey { columns: kinds.into_iter().enumerate().map(column).collect(), nullable: Some(9) }
}

/// Everything that looks at one page, stamped or not.
pub fn page(bytes: &[u8]) {
    let (format, page) = page_of(&mut &bytes[..]);
    let judged = judge(&page, &format);
    let decoded = DecodedPage::of(&page, &format, &judged, judged.clear.as_deref(), true).expect("a header");
    let mut decoded = decoded;
    decoded.type_keys(judged.clear.as_deref().unwrap_or(&page), &every_kind_of_key());
    decoded.write_text(&mut std::io::sink(), "here", None, true).unwrap();
    serde_json::to_vec(&decoded).unwrap();
    if !matches!(judged.state, PageState::Valid | PageState::Zero) {
        let mut copy = page.clone();
        copy[..512].fill(7);
        let _ = diagnose::classify(&page, &format, PageNo(3), Some(&copy));
        let _ = diagnose::classify(&page, &format, PageNo(3), None);
    }
    let _ = PageRow::of(&page, PageNo(3), RowState::Valid, &format);
    contents(&page, &format);
    for keys in KEYS {
        let keyring = Keyring::parse(keys, None).expect("a key file");
        if let Some(key) = SpaceKey::for_tablespace(&page, &format, &keyring).found() {
            let _ = transform::reveal(&page, &format, SpaceId(5), Some(&key));
        }
    }
    let _ = transform::reveal(&page, &format, SpaceId(5), None);
}

fn contents(page: &[u8], format: &PageFormat) {
    let _ = (FilHeader::parse(page), index_header(page), key_range(page), page_fields(page, format));
    for record in user_records(page).list {
        let fields = record.redundant_fields().unwrap_or_default();
        for n in 0..fields.min(2000) {
            let _ = record.redundant_field(n);
        }
        let _ = (record.origin(), record.is_deleted(), record.is_minimum(), record.leading_bytes(100));
    }
    for number in [0, 1, 255, 16384, u32::MAX] {
        let _ = xdes::page_state(page, format, PageNo(number));
        if let Some(extent) = xdes::extent_of(page, format, PageNo(number)) {
            assert!(extent.free_pages() <= format.logical.extent_pages());
        }
    }
}

/// The first page of a tablespace: header, encryption records, SDI root, key.
pub fn page0(bytes: &[u8]) {
    let (format, page) = page_of(&mut &bytes[..]);
    let _ = FspHeader::parse(&page);
    for format in [Some(format), format_of_page0(&page).map(|(_, format)| format)].into_iter().flatten() {
        let _ = (
            crypt_info::mariadb_crypt_data(&page, &format),
            crypt_info::mysql_encryption_info(&page, &format),
        );
        for keys in KEYS {
            let keyring = Keyring::parse(keys, None).expect("a key file");
            if let Some(key) = SpaceKey::for_tablespace(&page, &format, &keyring).found() {
                let _ = transform::decrypt(&page, &format, SpaceId(5), &key);
            }
        }
    }
    let _ = sdi::root(&page);
}

/// Tablespace flags: the format that they name must hold together.
pub fn flags(bytes: &[u8]) {
    for word in bytes.chunks(4) {
        let Some(format) = PageFormat::from_flags(number(&mut &word[..])) else { continue };
        assert!(format.physical <= format.logical);
        assert!(xdes_array_end(&format) <= format.logical.bytes());
        let page = vec![word[0]; format.physical.bytes()];
        let _ = judge(&page, &format);
        assert!(xdes::descriptor_page(&format, PageNo(u32::MAX)) <= PageNo(u32::MAX));
    }
}

/// The doublewrite header on the transaction system page.
pub fn trx_sys(bytes: &[u8]) {
    if let Some(header) = DoublewriteHeader::parse(bytes) {
        let _ = format!("{header:?}");
        for triple in [header.first, header.repeat] {
            let _ = triple.has_magic();
        }
    }
}

/// Codec (1), wanted length (4), compressed bytes; and whole pages under every codec.
pub fn decompress(bytes: &[u8]) {
    let mut rest = bytes;
    let which = byte(&mut rest);
    let len = (number(&mut rest) % 65537) as usize;
    let codec = transform::candidates()[which as usize % transform::candidates().len()];
    if let Ok(page) = codec::expand(codec, rest, len) {
        assert!(page.len() <= len, "more bytes than were asked for");
    }
    let logical = PageSize::LOGICAL[which as usize % PageSize::LOGICAL.len()];
    let _ = transform::decompress_with(rest, logical, codec);
    let _ = transform::mysql::transparent(rest, logical);
    let _ = transform::mariadb::classic(rest, logical);
}

/// Pages of 16 KiB, the number of each being its place.
struct Pages<'a>(&'a [u8]);

impl PageSource for Pages<'_> {
    fn page(&self, page_no: PageNo) -> Option<Vec<u8>> {
        let start = (page_no.0 as usize).checked_mul(16384)?;
        let found = self.0.get(start..)?.get(..16384.min(self.0.len() - start))?;
        if found.is_empty() {
            return None;
        }
        let mut page = found.to_vec();
        page.resize(16384, 0);
        Some(page)
    }
}

/// Dictionary trees and SDI in pages that lead anywhere.
pub fn dictionary(bytes: &[u8]) {
    let source = Pages(bytes);
    let names = Names::from_sdi(SpaceId(5), &source);
    let _ = names.indexes().count();
    let _ = Names::from_system(&source).indexes().count();
    let _ = sys_tables::read(&source);
    let _ = sys_columns::key(&source, SpaceId::SYSTEM, 3);
    sdi::each_json(&source, |_, _| {});
    sdi::each_table(&source, drop);
    let format = PageFormat::classic(PageSize::DEFAULT);
    for offset in [38, 50, 74, 84] {
        let _ = segment::segment(&source, bytes, offset, &format);
    }
}

/// Pages and reduced entries at any place of an image.
pub fn carve(bytes: &[u8]) {
    for sizes in
        [ProbedSizes::of(None), ProbedSizes::of(PageSize::new(16384)), ProbedSizes::of(PageSize::new(4096))]
    {
        if let Some(hit) = probe(bytes, &sizes) {
            let _ = hit.is_transaction_system();
            let _ = probe_next(bytes, &hit);
        }
    }
    let _ = probe_reduced(bytes);
}

/// A reduced doublewrite file.
pub fn reduced(bytes: &[u8]) {
    for entry in parse_reduced(bytes).entries {
        let _ = entry.offset();
    }
}

/// A key file, with and without a pass phrase. What it tells must not show a key.
pub fn keyring(bytes: &[u8]) {
    for password in [None, Some(&b"open sesame"[..])] {
        if let Ok(keyring) = Keyring::parse(bytes, password) {
            let _ = (keyring.numbered(1), keyring.named("INNODBKey-x-1"), keyring.names().count());
            let shown = format!("{keyring:?}");
            for (_, key) in keyring.names().filter(|(name, key)| key.expose().len() >= 8 && name.len() < 8) {
                let hex: String = key.expose().iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(!shown.contains(&hex), "a key is shown");
            }
        }
    }
}

/// A server's error log.
pub fn error_log(bytes: &[u8]) {
    let summary = explain_log::read(Cursor::new(bytes)).expect("memory can be read");
    let report =
        dblwr::internals::report::explain_log::ExplainReport::of(Path::new("error.log"), summary, None, None);
    report.write_text(&mut std::io::sink(), true).unwrap();
    serde_json::to_vec(&report).unwrap();
}

/// Records of redo on a page: two bytes say how many of the following are records, the rest is the page.
pub fn forward(bytes: &[u8]) {
    let mut rest = bytes;
    let (zip, high, low) = (byte(&mut rest) & 1 == 1, byte(&mut rest), byte(&mut rest));
    let records = take(&mut rest, usize::from(high & 0x3F) << 8 | usize::from(low));
    let mut page = rest.to_vec();
    page.resize(4096, 0);
    for record in MtrRecords::new(records) {
        if let RedoRecord::Page(record) = record {
            let _ = Frame::new(&mut page, record.page, zip).apply_one(&record);
            assert_eq!(page.len(), 4096);
        }
    }
    // An encrypted log: the same length and records afterwards, whatever the cipher makes of what they say.
    let mut revealed = records.to_vec();
    each_payload(&mut revealed, |_, payload| payload.iter_mut().for_each(|byte| *byte ^= low));
    assert_eq!(MtrRecords::new(&revealed).count(), MtrRecords::new(records).count());
    let id = (SpaceId(u32::from(high)), PageNo(u32::from(low)));
    let _ = Frame::new(&mut page, id, zip).apply(MtrRecords::new(records), Lsn(1));
    assert_eq!(page.len(), 4096);
}
