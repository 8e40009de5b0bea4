//! `dblwr carve` on real files put behind each other as on a disk.

use std::path::Path;

use crate::support::{code, dblwr, image, json, sha256, stderr};
use serde_json::Value;

fn carve(file: &Path, more: &[&str]) -> std::process::Output {
    dblwr(["carve", file.to_str().unwrap()].iter().chain(more))
}

/// Real files at odd sectors, with foreign bytes between them; where each begins.
fn disk() -> (tempfile::TempDir, Vec<(u64, Vec<u8>)>) {
    let (m56, m97) = (image("m56-two-ibdata"), image("m97-16k"));
    let files = [
        m97.path().join("d/t1.ibd"),
        m97.path().join("#ib_16384_0.dblwr"),
        m56.path().join("ibdata1"),
        m97.path().join("d/t2.ibd"),
    ];
    let mut disk = b"boot sector ".repeat(1000);
    disk.resize(512 * 77, 0);
    let mut parts = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        parts.push((disk.len() as u64, bytes.clone()));
        disk.extend(bytes);
        disk.extend(vec![0x5A; 512 * 13]);
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("disk.img"), disk).unwrap();
    (dir, parts)
}

#[test]
fn pages_and_slots_of_a_disk_are_found_and_extracted() {
    let (dir, parts) = disk();
    let (file, out) = (dir.path().join("disk.img"), dir.path().join("out"));
    let output = carve(&file, &["--json", "--out", out.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    let disk = std::fs::read(&file).unwrap();
    let pages = report["pages"].as_array().unwrap();
    for page in pages {
        let at = page["offset"].as_u64().unwrap() as usize;
        let extracted = std::fs::read(out.join(page["extracted"].as_str().unwrap())).unwrap();
        assert_eq!(sha256(&extracted), sha256(&disk[at..at + 16384]));
        let number = u64::from(u32::from_be_bytes(disk[at + 4..at + 8].try_into().unwrap()));
        assert_eq!(page["page_no"], number);
    }
    let number = |page: &Value, key: &str| page[key].as_u64().unwrap();
    let inside = |part: &(u64, Vec<u8>)| {
        let end = part.0 + part.1.len() as u64;
        pages.iter().filter(move |page| (part.0..end).contains(&number(page, "offset"))).collect::<Vec<_>>()
    };
    // Every page of the tables that is not zero is found, at its place, the torn one as damaged.
    for part in [&parts[0], &parts[3]] {
        let used = part.1.chunks(16384).filter(|page| page.iter().any(|&byte| byte != 0)).count();
        let found = inside(part);
        assert_eq!(found.len(), used);
        assert!(found.iter().all(|page| number(page, "offset") == part.0 + number(page, "page_no") * 16384));
        assert!(found.iter().all(|page| page["doublewrite"] == false));
    }
    let states: Vec<_> =
        inside(&parts[0]).iter().filter(|p| p["state"] != "valid").map(|p| p["page_no"].clone()).collect();
    assert_eq!(states, [7]);
    assert!(inside(&parts[1]).iter().all(|page| page["doublewrite"] == true));
    assert_eq!(inside(&parts[1]).len(), 256);
    let slots: Vec<_> = inside(&parts[2]).into_iter().filter(|page| page["doublewrite"] == true).collect();
    assert_eq!(slots.len(), 120);
    let first = parts[2].0 + 64 * 16384;
    assert!(slots.iter().all(|page| (first..first + 128 * 16384).contains(&number(page, "offset"))));
    assert_eq!(
        inside(&parts[2]).len() + inside(&parts[1]).len() + inside(&parts[0]).len() + inside(&parts[3]).len(),
        pages.len()
    );

    let again = carve(&file, &["--out", out.to_str().unwrap()]);
    assert_eq!(code(&again), 3, "nothing is overwritten");
}

#[test]
fn the_table_begins_with_what_was_found() {
    let (dir, _) = disk();
    let output = carve(&dir.path().join("disk.img"), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let first = text.lines().next().unwrap();
    assert!(first.ends_with("InnoDB pages in 6 runs, 376 of them likely in a doublewrite buffer"), "{first}");
    assert_eq!(text.matches("  doublewrite  ").count(), 2, "{text}");
}

#[test]
fn foreign_input_ends_with_3_and_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("foreign");
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let random: Vec<u8> = (0..2_000_000).map(|_| random()).collect();
    for bytes in [&b""[..], b"text", &[0; 300_000], &[0xFF; 300_000], &random] {
        std::fs::write(&file, bytes).unwrap();
        let output = carve(&file, &[]);
        assert_eq!((code(&output), output.stdout.len()), (3, 0), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
    assert_eq!(code(&carve(dir.path(), &[])), 3);
    assert_eq!(code(&carve(&dir.path().join("none"), &[])), 3);
    assert_eq!(code(&carve(&file, &["--page-size", "1000"])), 3);
}

#[test]
fn nothing_is_extracted_into_a_data_directory() {
    let dir = image("m97-16k");
    let (file, inside) = (dir.path().join("d/t1.ibd"), dir.path().join("new"));
    let output = carve(&file, &["--out", inside.to_str().unwrap()]);
    assert_eq!(code(&output), 3);
    assert!(!inside.exists());
}
