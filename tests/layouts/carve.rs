//! Raw disk images: directories of every generation in pieces at odd sectors, and images made to mislead.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::built::page::put;
use crate::built::prove::code;
use crate::built::{At, NEW, World};
use crate::mariadb::mariadb;
use crate::separate::{since_8_0_20, slot};
use crate::support::{dblwr, json, stderr};
use crate::system::{legacy, since_5_6};

struct Disk {
    bytes: Vec<u8>,
    /// Where each piece begins.
    pieces: BTreeMap<String, usize>,
}

impl Disk {
    fn new() -> Disk {
        Disk { bytes: vec![0x11; 512 * 63], pieces: BTreeMap::new() }
    }

    /// Puts a piece behind the last one, at the next sector but a few, with foreign bytes between.
    fn add(&mut self, name: &str, piece: &[u8]) {
        let gap = 512 * (1 + self.pieces.len() % 7);
        self.bytes.extend((0..gap).map(|at| (at * 31 % 251) as u8));
        self.pieces.insert(name.into(), self.bytes.len());
        self.bytes.extend(piece);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0xA7);
    }

    fn carve(&self, more: &[&str]) -> (tempfile::TempDir, std::process::Output) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("disk.img");
        std::fs::write(&file, &self.bytes).unwrap();
        let output = carve(&file, more);
        (dir, output)
    }
}

fn carve(file: &Path, more: &[&str]) -> std::process::Output {
    dblwr(["carve", "--json", file.to_str().unwrap()].iter().chain(more))
}

fn found(report: &Value) -> Vec<(usize, u64, u64, u64, String, bool)> {
    let number = |value: &Value| value.as_u64().unwrap();
    let pages = report["pages"].as_array().unwrap().iter();
    pages
        .map(|page| {
            let offset = usize::try_from(number(&page["offset"])).unwrap();
            let state = page["state"].as_str().unwrap().to_owned();
            let slot = page["doublewrite"].as_bool().unwrap();
            (
                offset,
                number(&page["space_id"]),
                number(&page["page_no"]),
                number(&page["page_size"]),
                state,
                slot,
            )
        })
        .collect()
}

/// A world with copies of a table's pages in its slots, the first one for a torn page.
fn with_slots(mut world: World, file: &str, at: impl Fn(u32) -> At) -> (World, Vec<u8>) {
    let torn = world.tear(file, 4, at(0), 512);
    let space = world.space(file);
    for (index, number) in (1..).zip([9, 3, 7, 5, 10, 6, 8, 2, 11, 1]) {
        let copy = world.page(&space, number, NEW + u64::from(index));
        world.copy(&at(index), &copy);
    }
    (world, torn.after)
}

#[test]
fn pieces_of_every_generation_are_found_and_extracted() {
    let mut old = legacy(&[("ibdata1", 640)], (64, 250));
    old.table("d/t1.ibd", 7, 0, 12);
    let mut zip = since_5_6(16384, 1, "MySQL 5.7.44");
    zip.table("d/t1.ibd", 17, 0x29, 64);
    let mut small = since_8_0_20(4096, "MySQL 8.0.36");
    small.table("d/s.ibd", 27, 0x40E1, 64);
    let worlds = [
        ("5.1", with_slots(old, "d/t1.ibd", At::System)),
        ("zip", with_slots(zip, "d/t1.ibd", At::System)),
        ("8.0", with_slots(since_8_0_20(16384, "MySQL 8.0.36"), "d/t1.ibd", |n| slot(0, n))),
        ("4k", with_slots(small, "d/s.ibd", |n| At::File("#ib_4096_0.dblwr".into(), n))),
        ("maria", with_slots(mariadb("11.8.6"), "d/t1.ibd", At::System)),
    ];
    let mut disk = Disk::new();
    for (name, (world, _)) in &worlds {
        let table = world.spaces.last().unwrap();
        let table = if *name == "maria" { &world.space("d/t1.ibd") } else { table };
        let physical = table.format.physical.bytes();
        // The table without its first page, in two pieces, the second one first; the system tablespace up to the slots.
        let bytes = &world.files[&table.file];
        disk.add(&format!("{name} b"), &bytes[6 * physical..12 * physical]);
        disk.add(&format!("{name} a"), &bytes[physical..6 * physical]);
        match world.files.keys().find(|file| file.ends_with("_0.dblwr")) {
            Some(file) => disk.add(&format!("{name} slots"), &world.files[file]),
            None => disk.add(&format!("{name} slots"), &world.files["ibdata1"][..320 * world.size]),
        }
    }
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("pages");
    let (_dir, output) = disk.carve(&["--out", out.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    let pages = found(&report);
    for (name, (world, after)) in &worlds {
        let table =
            if *name == "maria" { world.space("d/t1.ibd") } else { world.spaces.last().unwrap().clone() };
        let physical = table.format.physical.bytes();
        for (piece, numbers) in [("a", 1..6u32), ("b", 6..12)] {
            let start = disk.pieces[&format!("{name} {piece}")];
            for (index, number) in numbers.enumerate() {
                let at = start + index * physical;
                let page = pages.iter().find(|page| page.0 == at);
                let page = page.unwrap_or_else(|| panic!("{name}: page {number} at {at} was not found"));
                assert_eq!(
                    (page.1, page.2, page.3),
                    (u64::from(table.id), u64::from(number), physical as u64),
                    "{name}"
                );
                assert_eq!(page.4 == "valid", number != 4, "{name} {number}: {}", page.4);
                assert!(!page.5, "{name} {number} is no slot");
            }
        }
        let slots = disk.pieces[&format!("{name} slots")];
        let first = slots + if name.starts_with(['8', '4']) { 0 } else { 64 * world.size };
        let copy =
            pages.iter().find(|page| page.0 == first).unwrap_or_else(|| panic!("{name}: no slot at {first}"));
        assert_eq!((copy.2, copy.4.as_str(), copy.5), (4, "valid", true), "{name}: {copy:?}");
        let extracted =
            report["pages"].as_array().unwrap().iter().find(|page| page["offset"] == first).unwrap();
        let extracted = std::fs::read(out.join(extracted["extracted"].as_str().unwrap())).unwrap();
        assert!(extracted == *after, "{name}: the copy of the torn page is what belongs home");
    }
    // Nothing was found that is not there.
    let inside =
        |at: usize| disk.pieces.values().any(|start| at >= *start && (at - start).is_multiple_of(1024));
    assert!(pages.iter().all(|page| inside(page.0)), "{pages:?}");
}

#[test]
fn numbers_kept_by_detect_only_are_found() {
    let mut entry = vec![0; 8192];
    let data: Vec<u8> = [&7u32.to_be_bytes()[..], &4u32.to_be_bytes(), &NEW.to_be_bytes()].concat();
    put(&mut entry, 4, &dblwr::internals::page::checksum::crc32c(&data).to_be_bytes());
    put(&mut entry, 8, &16u16.to_be_bytes());
    put(&mut entry, 20, &data);
    let mut disk = Disk::new();
    disk.add("reduced", &entry);
    let (_dir, output) = disk.carve(&[]);
    let report = json(&output);
    assert!(report.to_string().contains(&format!("{NEW}")), "{report:#}");
    assert_eq!(code(&output), 0);
}

/// A header that passes every quick look at each sector, and no page behind any.
#[test]
fn an_image_full_of_headers_ends_soon_and_yields_nothing() {
    let mut bytes = vec![0u8; 1 << 17];
    for (number, sector) in bytes.chunks_exact_mut(512).enumerate() {
        put(sector, 0, &1u32.to_be_bytes());
        put(sector, 4, &(number as u32).to_be_bytes());
        put(sector, 16, &NEW.to_be_bytes());
        put(sector, 24, &17855u16.to_be_bytes());
        put(sector, 26, &[0, 0, 0, 1, 0, 0, 0, 1]);
        put(sector, 34, &7u32.to_be_bytes());
        put(sector, 504, &(NEW as u32).to_be_bytes());
        put(sector, 508, &(NEW as u32).to_be_bytes());
    }
    let disk = Disk { bytes, pieces: BTreeMap::new() };
    let begin = Instant::now();
    let (_dir, output) = disk.carve(&[]);
    assert_eq!((code(&output), output.stdout.len()), (3, 0));
    assert!(begin.elapsed().as_secs() < 120, "{:?}", begin.elapsed());
}

#[test]
fn broken_images_never_end_in_a_panic() {
    let mut world = since_5_6(16384, 1, "MySQL 5.7.44");
    world.table("d/t1.ibd", 7, 0x21, 12);
    let table = &world.files["d/t1.ibd"];
    let mut random = 7u64;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for round in 0..24 {
        let mut bytes = table.clone();
        for _ in 0..200 {
            let at = next(bytes.len());
            bytes[at] = next(256) as u8;
        }
        let end = next(bytes.len());
        bytes.drain(..next(600));
        bytes.truncate(end);
        let (_dir, output) = Disk { bytes, pieces: BTreeMap::new() }.carve(&[]);
        assert!([0, 3].contains(&code(&output)), "{round}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    }
}

#[test]
fn what_is_no_image_and_what_would_be_overwritten_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = since_5_6(16384, 1, "MySQL 5.7.44");
    world.table("d/t1.ibd", 7, 0x21, 12);
    world.write(dir.path());
    let table = dir.path().join("d/t1.ibd");
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("a-file");
    std::fs::write(&file, b"mine").unwrap();
    assert_eq!(code(&carve(&table, &["--out", file.to_str().unwrap()])), 3);
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    assert_eq!(code(&carve(&table, &["--out", dir.path().join("new").to_str().unwrap()])), 3);
    let pages = out.path().join("pages");
    assert_eq!(code(&carve(&table, &["--out", pages.to_str().unwrap()])), 0);
    assert_eq!(std::fs::read_dir(&pages).unwrap().count(), 12);
    assert_eq!(code(&carve(&table, &["--out", pages.to_str().unwrap()])), 3, "nothing is overwritten");
    for none in ["/dev/null", "/proc/self", "/no/such/file"] {
        assert_eq!(code(&carve(Path::new(none), &[])), 3, "{none}");
    }
    let only = json(&carve(&table, &["--page-size", "16384"]));
    assert_eq!(only["pages"].as_array().unwrap().len(), 12);
    assert_eq!(code(&carve(&table, &["--page-size", "4096"])), 3);
    assert_eq!(json!(null), only["no such field"]);
}
