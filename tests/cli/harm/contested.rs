//! Checksum `none` proves nothing: a damaged copy does not replace a sound home because their LSNs are equal.

use std::path::Path;

use crate::support::{code, dblwr, image, json, stderr};

const PAGE: usize = 16384;
/// The torn page of this image is page 5 of `d/t1.ibd`; its copy lies in slot 2, page 66 of `ibdata1`.
const HOME: usize = 5 * PAGE;
const SLOT: usize = 66 * PAGE;

/// `BUF_NO_CHECKSUM_MAGIC` in both places.
fn without_checksum(page: &mut [u8]) {
    page[..4].copy_from_slice(&0xDEAD_BEEF_u32.to_be_bytes());
    page[PAGE - 8..PAGE - 4].copy_from_slice(&0xDEAD_BEEF_u32.to_be_bytes());
}

/// A directory whose page and copy are made from the good page.
fn directory(change: impl Fn(&mut [u8], &mut [u8])) -> tempfile::TempDir {
    let dir = image("m56-innodb-16k");
    let (table, system) = (dir.path().join("d/t1.ibd"), dir.path().join("ibdata1"));
    let (mut file, mut space) = (std::fs::read(&table).unwrap(), std::fs::read(&system).unwrap());
    let mut good = space[SLOT..SLOT + PAGE].to_vec();
    assert_eq!(good[24..26], [0x45, 0xBF], "an index page");
    without_checksum(&mut good);
    let (mut home, mut copy) = (good.clone(), good);
    change(&mut home, &mut copy);
    file[HOME..HOME + PAGE].copy_from_slice(&home);
    space[SLOT..SLOT + PAGE].copy_from_slice(&copy);
    std::fs::write(table, file).unwrap();
    std::fs::write(system, space).unwrap();
    dir
}

fn planned(dir: &Path, more: &[&str]) -> usize {
    let args = ["restore", "--json", dir.to_str().unwrap()];
    let output = dblwr(args.into_iter().chain(more.iter().copied()));
    assert!(code(&output) < 3, "{}", stderr(&output));
    let plan = json(&output);
    plan["pages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|page| page["space_id"] == 6 && page["page_no"] == 5)
        .count()
}

#[test]
fn structure_decides_where_no_checksum_does_and_nobody_where_it_does_not() {
    // The chain of the copy's records leaves the page.
    let damaged_copy = directory(|_, copy| copy[97..99].copy_from_slice(&[0x3F, 0xFF]));
    assert_eq!(planned(damaged_copy.path(), &[]), 0, "a sound home");
    // A genuine tear: the tail of the home is older.
    let torn_home = directory(|home, _| home[PAGE / 2..].fill(0));
    assert_eq!(planned(torn_home.path(), &[]), 1, "a torn home");
    // A byte of a row differs: nothing tells which.
    let differ = directory(|_, copy| {
        let top = usize::from(u16::from_be_bytes([copy[40], copy[41]]));
        copy[top - 1] ^= 0x55;
    });
    assert_eq!(planned(differ.path(), &[]), 0, "neither");
    assert_eq!(planned(differ.path(), &["--page", "6:5"]), 1, "picked by a person");
    let report = json(&dblwr(["verify", "--json", differ.path().to_str().unwrap()]));
    let page = report["pages"].as_array().unwrap().iter().find(|page| page["slot"]["index"] == 2).unwrap();
    assert!(page["reason"].as_str().unwrap().contains("--page"), "{page}");
}
