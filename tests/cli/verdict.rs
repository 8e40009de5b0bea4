//! What proves a version and what does not, on real images: words of the home, contents, taken away step by step.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{cases, code, dblwr, image, json, stderr, testdata, unpack};
use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, stamp};
use dblwr::internals::units::PageSize;
use serde_json::Value;

fn run(command: &str, dir: &Path, options: &[&str]) -> Output {
    let path = dir.to_str().unwrap();
    dblwr([command, path].into_iter().chain(options.iter().copied()))
}

fn verify(dir: &Path) -> (i32, Value) {
    let output = run("verify", dir, &["--json"]);
    (code(&output), json(&output))
}

fn count(report: &Value, verdict: &str) -> u64 {
    report["summary"][verdict].as_u64().unwrap_or_default()
}

fn of_verdict<'a>(report: &'a Value, verdict: &str) -> Vec<&'a Value> {
    report["pages"].as_array().unwrap().iter().filter(|page| page["verdict"] == verdict).collect()
}

/// Removes every redo file.
fn without_redo(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match &name[..] {
            "#innodb_redo" => fs::remove_dir_all(entry.path()).unwrap(),
            _ if name.starts_with("ib_logfile") => fs::remove_file(entry.path()).unwrap(),
            _ => {}
        }
    }
}

/// Writes over a file at an offset.
fn write_at(file: &Path, offset: u64, bytes: &[u8]) {
    let mut whole = fs::read(file).unwrap();
    let at = usize::try_from(offset).unwrap();
    whole[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(file, whole).unwrap();
}

/// Takes the LSNs out of the homes of these pages: head and both kinds of tail.
fn without_words(dir: &Path, pages: &[&Value]) {
    for home in pages.iter().map(|page| &page["home"]) {
        let file = dir.join(home["file"].as_str().unwrap());
        let (offset, length) = (home["offset"].as_u64().unwrap(), home["length"].as_u64().unwrap());
        write_at(&file, offset + 16, &[0xEE; 8]);
        write_at(&file, offset + length - 8, &[0xEE; 8]);
    }
}

/// A configuration that names everything where it lies; its path.
fn configuration(dir: &Path) -> String {
    let place = dir.display();
    let two = if dir.join("ibdata2").exists() {
        "innodb_data_file_path=ibdata1:12M;ibdata2:12M:autoextend\n"
    } else {
        ""
    };
    let text = format!(
        "[mysqld]\ndatadir={place}\ninnodb_data_home_dir={place}\ninnodb_log_group_home_dir={place}\n{two}"
    );
    let file = dir.join("my.cnf");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_page_that_carries_the_lsn_of_its_copy_is_restorable_whatever_the_checkpoint() {
    let dir = image("stale-though-proved");
    for redo in [true, false] {
        if !redo {
            without_redo(dir.path());
        }
        let (status, report) = verify(dir.path());
        assert_eq!(
            (status, count(&report, "restorable"), count(&report, "stale")),
            (1, 1, 0),
            "redo: {redo}"
        );
        let page = of_verdict(&report, "restorable")[0];
        assert!(page["reason"].as_str().unwrap().contains("carries the LSN 1738021 of this copy"), "{page}");
        assert_eq!(page["home"]["sectors"], "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB.");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let journal = elsewhere.path().join("journal");
    let applied = run("restore", dir.path(), &["--apply", "--journal", journal.to_str().unwrap()]);
    assert_eq!(code(&applied), 0, "{}", stderr(&applied));
    assert_eq!(count(&verify(dir.path()).1, "restorable"), 0);
}

/// Redo, home words, keys, configuration: whatever is taken away, no page becomes restorable that was not, nor by another copy.
#[test]
fn evidence_that_is_taken_away_never_makes_a_verdict_bolder() {
    let mut images = cases();
    images.push(testdata("stale-though-proved"));
    let mut proved_by_words = 0;
    for case in images {
        let chosen = |report: &Value| -> BTreeMap<(u64, u64), (String, u64)> {
            let of = |page: &&Value| {
                let slot = &page["slot"];
                let slot = (slot["file"].as_str().unwrap().to_owned(), slot["index"].as_u64().unwrap());
                ((page["space_id"].as_u64().unwrap(), page["page_no"].as_u64().unwrap()), slot)
            };
            of_verdict(report, "restorable").iter().map(of).collect()
        };
        let whole = unpack(&case);
        let report = verify(whole.path()).1;
        let bold = chosen(&report);
        let keys = case.join("keys.txt");
        if keys.exists() {
            let with = run("verify", whole.path(), &["--json", "--keyring", keys.to_str().unwrap()]);
            let with = chosen(&json(&with));
            assert!(
                !with.is_empty() && bold.iter().all(|(page, slot)| with.get(page) == Some(slot)),
                "{with:?}"
            );
        }
        let configured =
            run("verify", whole.path(), &["--json", "--defaults-file", &configuration(whole.path())]);
        let configured = chosen(&json(&configured));
        assert!(bold.iter().all(|(page, slot)| configured.get(page) == Some(slot)), "{configured:?}");
        for (redo, words) in [(false, true), (true, false), (false, false)] {
            let dir = unpack(&case);
            if !redo {
                without_redo(dir.path());
            }
            if !words {
                without_words(dir.path(), &of_verdict(&report, "restorable"));
            }
            let less = chosen(&verify(dir.path()).1);
            for (page, slot) in &less {
                assert_eq!(bold.get(page), Some(slot), "{}: redo {redo} words {words}", case.display());
            }
            assert!(redo || words || less.is_empty(), "{}: nothing proves {less:?}", case.display());
            proved_by_words += usize::from(!redo && words) * less.len();
        }
    }
    assert!(proved_by_words > 5, "only {proved_by_words} pages are proved by their words");
}

#[test]
fn after_recovery_and_after_an_import_there_is_no_lost_write() {
    for case in ["recovered-m56", "imported-ma1011"] {
        let dir = image(case);
        let (status, report) = verify(&dir.path().join("data"));
        assert_eq!(status, 0, "{case}");
        let slots = report["pages"].as_array().unwrap().len() as u64;
        assert_eq!(count(&report, "intact"), slots, "{case}: {}", report["summary"]);
    }
}

/// A sound page whose contents are older than those of a copy that the checkpoint has passed.
fn lose_a_write(data: &Path) -> PathBuf {
    let report = verify(data).1;
    let same_write =
        |page: &&Value| page["home"]["lsn"] == page["copy"]["lsn"] && page["copy"]["page_type"] == 17855;
    let pages = report["pages"].as_array().unwrap();
    let home = &pages.iter().find(same_write).unwrap()["home"];
    let file = data.join(home["file"].as_str().unwrap());
    let at = home["offset"].as_u64().unwrap() as usize;
    let mut bytes = fs::read(&file).unwrap();
    let page = &mut bytes[at..at + 16384];
    page[9000] ^= 1;
    let older = home["lsn"].as_u64().unwrap() - 1;
    page[16..24].copy_from_slice(&older.to_be_bytes());
    let format = PageFormat::classic(PageSize::new(16384).unwrap());
    stamp(page, &format, Algorithm::Crc32).unwrap();
    fs::write(&file, bytes).unwrap();
    file
}

#[test]
fn a_lost_write_is_put_back_by_its_own_option_only_and_can_be_taken_back() {
    let dir = image("recovered-m56");
    let data = dir.path().join("data");
    let file = lose_a_write(&data);
    let lost = fs::read(&file).unwrap();
    let (status, report) = verify(&data);
    assert_eq!((status, count(&report, "lost_write")), (2, 1), "{}", report["summary"]);
    let text = String::from_utf8(run("verify", &data, &[]).stdout).unwrap();
    assert!(text.contains("--include-lost-writes"), "{text}");
    assert!(!text.contains("start it") && !text.contains("advice: start the server"), "{text}");

    let plan = run("restore", &data, &["--json"]);
    assert_eq!((code(&plan), json(&plan)["pages"].as_array().unwrap().len()), (2, 0));
    let plan = run("restore", &data, &["--json", "--include-lost-writes"]);
    assert_eq!(code(&plan), 1);
    let page = &json(&plan)["pages"][0];
    assert!(page["warning"].as_str().unwrap().contains("may be missing"), "{page}");
    assert_eq!(page["before"]["state"], "valid");

    let elsewhere = tempfile::tempdir().unwrap();
    let journal = elsewhere.path().join("journal");
    let options = ["--include-lost-writes", "--apply", "--journal", journal.to_str().unwrap()];
    let applied = run("restore", &data, &options);
    assert_eq!(code(&applied), 0, "{}", stderr(&applied));
    assert_eq!(verify(&data).0, 0);
    let reverted = dblwr(["revert", journal.to_str().unwrap(), "--apply"]);
    assert_eq!(code(&reverted), 0, "{}", stderr(&reverted));
    assert_eq!(fs::read(&file).unwrap(), lost);
}

/// Page 0 says nothing of encryption until the last page is done.
#[test]
fn pages_under_a_first_encryption_are_sound() {
    let dir = image("first-encryption-zip-ma118");
    let data = dir.path().join("data");
    let (_, report) = verify(&data);
    assert_eq!(count(&report, "unrecoverable") + count(&report, "stale"), 0, "{}", report["summary"]);
    let scan = json(&run("scan", &data, &["--json"]));
    assert_eq!(scan["summary"]["damaged"], 0);
    let table = data.join("d/z0.ibd");
    let alone = run("scan", &table, &["--json"]);
    assert_eq!((code(&alone), &json(&alone)["summary"]["damaged"]), (0, &Value::from(0)));
    // One byte of one encrypted page: exactly that sum counts.
    let mut bytes = fs::read(&table).unwrap();
    let pages = bytes.len() / 8192;
    let at = (1..pages).map(|page| page * 8192).find(|at| bytes[at + 26..at + 30] != [0; 4]).unwrap();
    bytes[at + 5000] ^= 1;
    fs::write(&table, bytes).unwrap();
    assert_eq!(json(&run("scan", &data, &["--json"]))["summary"]["damaged"], 1);
}

#[test]
fn another_page_in_the_place_of_page_0_is_damage_however_young_the_file_is() {
    let dir = image("page0-misplaced");
    let file = dir.path().join("d/t1.ibd");
    let now = fs::File::options().append(true).open(&file).unwrap();
    now.set_modified(std::time::SystemTime::now()).unwrap();
    let scan = run("scan", dir.path(), &["--json"]);
    let report = json(&scan);
    assert_eq!(code(&scan), 2, "{}", stderr(&scan));
    assert_eq!(report["damaged"][0]["page_no"], 0);
    assert_eq!(report["damaged"][0]["state"], "misdirected");
}

/// The first page of a table over that of another: not two files of one id, but one wrong page 0.
#[test]
fn the_first_page_of_another_file_in_the_place_of_page_0_is_damage() {
    let dir = image("m56-innodb-16k");
    let (one, other) = (dir.path().join("d/t1.ibd"), dir.path().join("d/t2.ibd"));
    let page0 = fs::read(&other).unwrap()[..16384].to_vec();
    write_at(&one, 0, &page0);
    let report = json(&run("scan", dir.path(), &["--json"]));
    let damaged = report["damaged"].as_array().unwrap();
    let of_one: Vec<&Value> = damaged.iter().filter(|damage| damage["page_no"] == 0).collect();
    assert_eq!(of_one.len(), 1, "{damaged:?}");
    assert_eq!(
        (&of_one[0]["path"].as_str().unwrap().ends_with("d/t1.ibd"), &of_one[0]["state"]),
        (&true, &"misdirected".into())
    );
    assert!(damaged.len() <= 2, "the torn page and page 0: {damaged:?}");
}

/// A table file by itself, and the offset of a page in it that has neighbours on both sides.
fn lone_table() -> (tempfile::TempDir, PathBuf, usize) {
    let (dir, lone) = (image("recovered-m56"), tempfile::tempdir().unwrap());
    let file = lone.path().join("t1.ibd");
    fs::copy(dir.path().join("data/d/t1.ibd"), &file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let has_neighbours = |page: &&[u8]| {
        page[24..26] == 17855u16.to_be_bytes() && page[8..12] != [0xFF; 4] && page[12..16] != [0xFF; 4]
    };
    let number = bytes.chunks(16384).position(|page| has_neighbours(&page)).unwrap();
    assert_eq!(json(&run("scan", &file, &["--json"]))["summary"]["damaged"], 0);
    (lone, file, number * 16384)
}

#[test]
fn a_lone_file_shows_a_lost_page_and_takes_random_bytes_for_no_tear() {
    let (_lone, file, at) = lone_table();
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let garbage: Vec<u8> = (0..16384).map(|_| random()).collect();
    for (bytes, found) in [(vec![0; 16384], "zero"), (garbage, "corrupt")] {
        write_at(&file, at as u64, &bytes);
        let scan = run("scan", &file, &["--json"]);
        let report = json(&scan);
        assert_eq!((code(&scan), report["damaged"].as_array().unwrap().len()), (2, 1), "{found}");
        assert_eq!(report["damaged"][0]["state"], found);
        assert_ne!(report["damaged"][0]["class"], "torn");
    }
}

#[test]
fn a_later_file_of_the_system_tablespace_is_judged_by_itself() {
    let (dir, elsewhere) = (image("m56-two-ibdata"), tempfile::tempdir().unwrap());
    let to = elsewhere.path().join("mended");
    let copied = run("restore", dir.path(), &["--to", to.to_str().unwrap()]);
    assert_eq!(code(&copied), 0, "{}", stderr(&copied));
    let alone = run("scan", &to.join("ibdata2"), &["--json"]);
    assert_eq!((code(&alone), stderr(&alone)), (0, String::new()));
    assert_eq!(json(&alone)["summary"]["damaged"], 0);
    let torn = run("scan", &dir.path().join("ibdata2"), &["--json"]);
    assert_eq!(json(&torn)["damaged"][0]["page_no"], 768);
}
