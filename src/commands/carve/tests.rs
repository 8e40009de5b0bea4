use std::io::Write;

use crate::commands::carve::*;
use crate::format::fil::page_type;
use crate::format::fsp::{Encryption, PageFormat};
use crate::page::checksum::{Algorithm, stamp};
use crate::page::judge;
use crate::units::SpaceId;

/// Noise that is the same every time.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn page(format: &PageFormat, space: u32, number: u32, lsn: u64, algorithm: Algorithm) -> Vec<u8> {
    let mut page = noise(format.physical.bytes(), u64::from(number) + lsn);
    page[..4].fill(0);
    page[4..8].copy_from_slice(&number.to_be_bytes());
    page[16..24].copy_from_slice(&lsn.to_be_bytes());
    page[24..26].copy_from_slice(&page_type::INDEX.to_be_bytes());
    page[26..34].fill(0);
    page[34..38].copy_from_slice(&space.to_be_bytes());
    if algorithm == Algorithm::PostEncryptionCrc32 {
        page[29] = 1;
    }
    stamp(&mut page, format, algorithm).unwrap();
    page
}

fn classic(space: u32, number: u32) -> Vec<u8> {
    let size = PageSize::new(4096).unwrap();
    page(&PageFormat::classic(size), space, number, 1_000_000 + u64::from(number), Algorithm::Crc32)
}

fn carved(bytes: &[u8], page_size: Option<PageSize>) -> Carved {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    carve(&Image::open(file.path()).unwrap(), &ProbedSizes::of(page_size)).unwrap()
}

fn every_format() -> Vec<(PageFormat, Algorithm)> {
    use Algorithm::*;
    let mut formats = Vec::new();
    for size in PageSize::LOGICAL {
        let classic = PageFormat::classic(size);
        formats.extend([Crc32, LegacyBigEndianCrc32, Innodb, None].map(|algorithm| (classic, algorithm)));
        formats.push((PageFormat::full_crc32(size), FullCrc32));
        formats.push((PageFormat { encryption: Encryption::MariaDb, ..classic }, PostEncryptionCrc32));
    }
    for bytes in [1024, 2048, 4096, 8192, 16384] {
        let zip = PageFormat::zip(PageSize::DEFAULT, PageSize::new(bytes).unwrap());
        formats.extend([Crc32, LegacyBigEndianCrc32, Innodb].map(|algorithm| (zip, algorithm)));
        formats.push((PageFormat { encryption: Encryption::MariaDb, ..zip }, PostEncryptionCrc32));
    }
    formats
}

#[test]
fn every_format_is_found_at_any_sector_and_nothing_else() {
    let mut image = noise(SECTOR * 3, 1);
    let mut expected = Vec::new();
    let formats = every_format();
    for (at, (format, algorithm)) in formats.iter().copied().cycle().take(formats.len() * 3).enumerate() {
        let number = at as u32 * 7 + 3;
        expected.push((image.len() as u64, number, format.physical, format.layout, Some(algorithm)));
        image.extend(page(&format, 9, number, 0x1234_5678_9ABC, algorithm));
        image.extend(noise(SECTOR * (at % 5), at as u64));
    }
    let carved = carved(&image, None);
    let found: Vec<_> = carved
        .pages
        .iter()
        .map(|p| (p.offset.0, p.hit.page_no.0, p.hit.size, p.hit.layout, p.hit.algorithm))
        .collect();
    assert_eq!(found, expected);
    assert!(carved.pages.iter().all(|page| page.hit.space == Some(SpaceId(9))));
    let ends = |at: u64| at / WINDOW as u64;
    let across =
        expected.iter().filter(|(at, _, size, ..)| ends(*at) != ends(at + size.as_u64() - 1)).count();
    assert!(across > 0, "no page lies across the end of a window");
}

#[test]
fn compressed_pages_without_a_checksum_are_sized_by_the_page_behind() {
    for bytes in [1024, 2048, 4096, 8192, 16384] {
        let format = PageFormat::zip(PageSize::DEFAULT, PageSize::new(bytes).unwrap());
        let mut image = noise(SECTOR * 3, 2);
        image.extend((3..9).flat_map(|number| page(&format, 6, number, 4711, Algorithm::None)));
        image.extend(vec![0; 65536]);
        let mut sizes: Vec<_> =
            carved(&image, None).pages.iter().map(|p| (p.hit.page_no.0, p.hit.size)).collect();
        assert_eq!(
            sizes.pop(),
            Some((8, PageSize::new(8192).unwrap())),
            "nothing tells the size of the last one"
        );
        assert_eq!(sizes, (3..8).map(|number| (number, format.physical)).collect::<Vec<_>>());
    }
}

#[test]
fn only_the_named_size_is_found() {
    let mut image = classic(1, 1);
    image.extend(page(&PageFormat::classic(PageSize::DEFAULT), 1, 2, 77, Algorithm::Crc32));
    let sizes = |page_size| carved(&image, page_size).pages.iter().map(|p| p.hit.size).collect::<Vec<_>>();
    assert_eq!(sizes(None), [PageSize::new(4096).unwrap(), PageSize::DEFAULT]);
    assert_eq!(sizes(Some(PageSize::DEFAULT)), [PageSize::DEFAULT]);
}

#[test]
fn noise_yields_nothing() {
    let numbers: Vec<u8> = (0u64..60_000).flat_map(|n| (n % 4096).to_be_bytes()).collect();
    let small: Vec<u8> = (0u32..100_000).flat_map(|n| (n % 30).to_be_bytes()).collect();
    let text = b"select * from t where a = 1 and b = 'x';\n".repeat(10_000);
    let magic = 0xDEAD_BEEF_u32.to_be_bytes().repeat(100_000);
    for (name, image) in [
        ("zeros", vec![0; 400_000]),
        ("ones", vec![0xFF; 400_000]),
        ("bytes 01", vec![1; 400_000]),
        ("random", noise(3_000_000, 5)),
        ("numbers", numbers),
        ("small numbers", small),
        ("text", text),
        ("the constant of none", magic),
        ("nothing", Vec::new()),
        ("less than a header", vec![1; 37]),
    ] {
        let carved = carved(&image, None);
        assert!(carved.is_empty(), "{name}: {:?} {:?}", carved.pages.first(), carved.reduced.first());
    }
}

#[test]
fn the_quick_look_at_headers_hides_nothing() {
    // The slow twin judges every sector in every format.
    let mut image = Vec::new();
    for (at, (format, algorithm)) in
        every_format().into_iter().filter(|(f, _)| f.physical.bytes() <= 8192).enumerate()
    {
        image.extend(noise(SECTOR * (1 + at % 3), at as u64));
        image.extend(page(&format, 4, at as u32 * 5, 5_000_000_000 + at as u64, algorithm));
        if at % 4 == 0 {
            image.extend(vec![0; SECTOR * 9]);
        }
    }
    let formats: Vec<PageFormat> = every_format().into_iter().map(|(format, _)| format).collect();
    let mut slow = Vec::new();
    let mut at = 0;
    while at < image.len() {
        let hit = formats.iter().find_map(|format| {
            let page = image.get(at..at + format.physical.bytes())?;
            let judged = judge(page, format);
            (judged.is_valid() && (!judged.weak || judged.algorithm == Some(Algorithm::None)))
                .then_some(format)
        });
        slow.extend(hit.map(|format| (at as u64, format.physical)));
        at += hit.map_or(SECTOR, |format| format.physical.bytes());
    }
    let quick: Vec<_> = carved(&image, None).pages.iter().map(|p| (p.offset.0, p.hit.size)).collect();
    assert_eq!(quick, slow);
    assert!(slow.len() > 20);
}

#[test]
fn a_damaged_page_shows_by_the_page_before_it() {
    let mut image: Vec<u8> = (10..20).flat_map(|number| classic(3, number)).collect();
    image[4096 * 4 + 2000] ^= 1;
    image[4096 * 5 + 4095] ^= 1;
    image[4096 * 8..4096 * 9].fill(0);
    let carved = carved(&image, None);
    let states: Vec<_> = carved.pages.iter().map(|p| (p.hit.page_no.0, p.hit.state)).collect();
    use PageState::*;
    let expected = [Valid, Valid, Valid, Valid, Corrupt, Torn, Valid, Valid];
    let mut expected: Vec<_> = (10..18).zip(expected).collect();
    expected.push((19, Valid));
    assert_eq!(states, expected);
}

#[test]
fn a_page_that_the_end_cuts_is_none() {
    let page = classic(3, 10);
    assert_eq!(carved(&page, None).pages.len(), 1);
    assert!(carved(&page[..4095], None).is_empty());
}

#[test]
fn compressed_pages_show_their_space() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/pages");
    for codec in ["zlib", "lz4", "lzma", "bzip2", "snappy", "lzo"] {
        let mut image = vec![0; SECTOR];
        image.extend(std::fs::read(dir.join(format!("mariadb-10.11-full-crc32-{codec}.bin"))).unwrap());
        image.resize(SECTOR + 16384, 0);
        let pages = carved(&image, None).pages;
        assert_eq!(pages.len(), 1, "{codec}");
        assert_eq!((pages[0].offset.0, pages[0].hit.size), (512, PageSize::DEFAULT), "{codec}");
        assert!(pages[0].hit.space.is_some_and(|id| id.0 < 100), "{codec}: {:?}", pages[0].hit.space);
    }
}

/// Runs as kind, first and last page, pages.
fn runs_of(image: &[u8]) -> Vec<(RunKind, u32, u32, usize)> {
    let mut carved = carved(image, None);
    let runs = group(&mut carved.pages, &carved.headers);
    let counted: usize = runs.iter().map(|run| run.pages).sum();
    assert_eq!(counted, carved.pages.len());
    for page in &carved.pages {
        let run = &runs[page.run as usize];
        assert_eq!(run.kind == RunKind::Doublewrite, page.doublewrite);
        assert!(run.offset <= page.offset && page.offset < run.end);
    }
    runs.iter().map(|run| (run.kind, run.first_page.0, run.last_page.0, run.pages)).collect()
}

fn system_tablespace(pages: u32) -> Vec<u8> {
    let mut image = noise(SECTOR * 5, 8);
    let slots = |number: u32| (256..256 + 512).contains(&number).then(|| number - 256);
    for number in 0..pages {
        match slots(number) {
            // Copies of one table, in the order of its pages: their numbers still do not follow this place.
            Some(slot @ 0..=29) => image.extend(classic(7, slot + 3)),
            Some(_) => image.extend(vec![0; 4096]),
            None => image.extend(classic(0, number)),
        }
    }
    image
}

#[test]
fn slots_inside_a_system_tablespace_are_told_even_without_page_5() {
    use RunKind::*;
    let expected = [(Tablespace, 0, 255, 256), (Doublewrite, 3, 32, 30), (Tablespace, 768, 799, 32)];
    assert_eq!(runs_of(&system_tablespace(800)), expected);
}

#[test]
fn slots_of_a_file_of_their_own_change_from_space_to_space() {
    let image: Vec<u8> = (0..60u32).flat_map(|at| classic(at % 3 + 1, at / 3 * 2 + 5)).collect();
    assert_eq!(runs_of(&image), [(RunKind::Doublewrite, 5, 43, 60)]);
}

#[test]
fn small_tables_side_by_side_and_fragments_are_no_slots() {
    let tables: Vec<u8> =
        (1..40u32).flat_map(|space| (0..4).flat_map(move |number| classic(space, number))).collect();
    assert!(runs_of(&tables).iter().all(|run| *run == (RunKind::Tablespace, 0, 3, 4)));
    let fragments: Vec<u8> = (0..12u32)
        .flat_map(|at| (0..30).flat_map(move |number| classic(5, (at * 7 % 12) * 100 + number)))
        .collect();
    assert!(runs_of(&fragments).iter().all(|run| run.0 == RunKind::Tablespace && run.3 == 30));
}

#[test]
fn a_long_piece_of_a_tablespace_stands_beside_slots_unmarked() {
    let mut image: Vec<u8> = (100..200).flat_map(|number| classic(2, number)).collect();
    image.extend((0..40u32).flat_map(|at| classic(at % 2 + 1, at * 3 + 5)));
    assert_eq!(runs_of(&image), [(RunKind::Tablespace, 100, 199, 100), (RunKind::Doublewrite, 5, 122, 40)]);
}

#[test]
fn pages_of_reduced_files_are_found() {
    let mut data = Vec::new();
    for (space, number, lsn) in [(2u32, 7u32, 20_563_026u64), (3, 9, 4)] {
        data.extend(space.to_be_bytes());
        data.extend(number.to_be_bytes());
        data.extend(lsn.to_be_bytes());
    }
    let mut image = noise(SECTOR * 3, 4);
    image.resize(SECTOR * 3 + 8192, 0);
    let page = &mut image[SECTOR * 3..];
    page[4..8].copy_from_slice(&crate::page::checksum::crc32c(&data).to_be_bytes());
    page[8..10].copy_from_slice(&(data.len() as u16).to_be_bytes());
    page[20..20 + data.len()].copy_from_slice(&data);
    let carved = carved(&image, None);
    assert_eq!((carved.pages.len(), carved.reduced.len()), (0, 1));
    assert_eq!(carved.reduced[0].offset.0, 1536);
    assert_eq!(carved.reduced[0].entries[0].lsn.0, 20_563_026);
}
