//! Files whose page 0 no longer says which tablespace they are: by their other pages, or by a copy of page 0.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{code, dblwr, image};

/// Images of a table whose page 0 has a copy in the doublewrite buffer, and what their pages are like.
const CASES: [(&str, &str); 4] = [
    ("cut-maria118-classic-encrypted-pagecompressed", "MariaDB's page compression inside its encryption"),
    ("cut-maria118-classic-encrypted", "the checksum behind MariaDB's encryption"),
    ("cut-mysql97-encrypted-page0", "a checksum inside MySQL's encryption"),
    ("cut-mysql97-encrypted-zip8", "ROW_FORMAT=COMPRESSED inside MySQL's encryption"),
];

fn overwrite(file: &Path, offset: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, offset).unwrap();
}

/// A file alone, as a scan names it.
fn space_id_alone(table: &Path) -> Value {
    let alone = tempfile::tempdir().unwrap();
    let file = alone.path().join("t1.ibd");
    fs::copy(table, &file).unwrap();
    crate::support::json(&dblwr(["scan".as_ref(), "--json".as_ref(), file.as_os_str()]))["files"][0]["space_id"]
        .take()
}

fn stated_id(table: &Path) -> u32 {
    u32::from_be_bytes(fs::read(table).unwrap()[34..38].try_into().unwrap())
}

#[test]
fn a_file_without_the_head_of_its_page_0_is_known_by_its_other_pages() {
    for (case, what) in CASES {
        let dir = image(case);
        let table = dir.path().join("data/d/t1.ibd");
        let id = stated_id(&table);
        for lost in [512, 4096] {
            overwrite(&table, 0, &vec![0; lost]);
            assert_eq!(space_id_alone(&table), id, "{case} ({what}) {lost}");
        }
    }
}

/// A table that was just created: nothing but its page 0 has been written.
fn keep_page_0_only(table: &Path, page: u64) {
    let rest = fs::metadata(table).unwrap().len() - page;
    overwrite(table, page, &vec![0; usize::try_from(rest).unwrap()]);
}

#[test]
fn a_page_0_that_lost_its_type_and_size_still_names_its_tablespace() {
    let dir = image("cut-mysql97-encrypted-zip8");
    let table = dir.path().join("data/d/t1.ibd");
    let id = stated_id(&table);
    keep_page_0_only(&table, 8192);
    overwrite(&table, 24, &[0; 2]);
    overwrite(&table, 46, &[0; 4]);
    assert_eq!(space_id_alone(&table), id);
}

#[test]
fn a_page_0_alone_that_lost_its_head_is_known_by_its_copy() {
    for (case, _) in CASES {
        let dir = image(case);
        let data = dir.path().join("data");
        let table = data.join("d/t1.ibd");
        let id = stated_id(&table);
        keep_page_0_only(&table, if case.ends_with("zip8") { 8192 } else { 16384 });
        overwrite(&table, 0, &[0; 4096]);
        for path in [&data, &table] {
            let args = ["verify", "--json", "--datadir", data.to_str().unwrap(), path.to_str().unwrap()];
            let output = dblwr(args);
            let report = crate::support::json(&output);
            let page0 = report["pages"].as_array().unwrap().iter().find(|page| {
                page["page_no"] == 0
                    && page["home"]["file"].as_str().is_some_and(|file| file.ends_with("t1.ibd"))
            });
            assert!(
                page0.is_some_and(|page| page["space_id"] == id),
                "{case} {}: {report:#}",
                path.display()
            );
            assert!(matches!(code(&output), 1 | 2), "{case}: {}", code(&output));
        }
    }
}

#[test]
fn a_header_that_is_restored_is_the_one_that_was_lost() {
    let dir = image("cut-maria118-classic-encrypted-pagecompressed");
    let table = dir.path().join("data/d/t1.ibd");
    let whole = fs::read(&table).unwrap();
    overwrite(&table, 0, &[0; 8192]);
    let (journal, data) = (dir.path().join("journal"), dir.path().join("data"));
    let output = dblwr([
        Path::new("restore"),
        "--apply".as_ref(),
        "--page".as_ref(),
        "8:0".as_ref(),
        "--journal".as_ref(),
        &journal,
        &data,
    ]);
    assert_eq!(fs::read(&table).unwrap(), whole, "{}", crate::support::stderr(&output));
}

#[test]
fn a_header_without_a_copy_is_told_and_hides_no_other_page() {
    let dir = image("ma105-pagecompressed");
    let verify =
        || crate::support::json(&dblwr(["verify".as_ref(), "--json".as_ref(), dir.path().as_os_str()]));
    let whole = verify();
    overwrite(&dir.path().join("d/t1.ibd"), 0, &[0; 512]);
    let report = verify();
    let homes = |report: &Value| -> Vec<Value> {
        report["pages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|page| json!([page["verdict"], page["home"]]))
            .collect()
    };
    assert_eq!(homes(&report), homes(&whole), "the ids of compressed pages lie inside them");
    let output = dblwr(["verify".as_ref(), dir.path().as_os_str()]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("d/t1.ibd: page 0 is damaged, and the buffer holds no copy of it"), "{text}");
}

#[test]
fn a_header_without_a_copy_leaves_open_whether_the_server_starts() {
    let dir = image("ma1011-ibdata");
    let verify =
        || crate::support::json(&dblwr(["verify".as_ref(), "--json".as_ref(), dir.path().as_os_str()]));
    assert_eq!(verify()["prediction"]["starts"], true);
    overwrite(&dir.path().join("d/t1.ibd"), 0, &[0; 512]);
    let prediction = &verify()["prediction"];
    assert!(prediction["starts"].is_null(), "{prediction:#}");
}
