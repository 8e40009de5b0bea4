//! Copies of another server, or of another life of this one, are never written.

use std::path::Path;

use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, stamp};

use crate::support::{code, dblwr, image, json, stderr, tree};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The same image, whose tables have gone another way since: what it had in common at one LSN it no longer has.
#[test]
fn a_bundle_of_another_life_is_refused_by_what_it_remembers() {
    let (ours, theirs) = (image("m56-innodb-16k"), image("m56-innodb-16k"));
    let away = tempfile::tempdir().unwrap();
    let (bundle, uuid) = (away.path().join("bundle"), "8a94f357-aab4-11df-86ab-c80aa942956");
    let restore =
        |bundle: &Path| dblwr(["restore", text(ours.path()), "--copies-from", text(bundle), "--json"]);
    assert_ne!(code(&dblwr(["capture", text(theirs.path()), "--out", text(&bundle)])), 3);
    assert_eq!(code(&restore(&bundle)), 1, "its own");
    let before = tree(ours.path());

    // A page of ours that has a copy was written otherwise, with a checksum that fits: crc32 tells no history.
    std::fs::write(ours.path().join("auto.cnf"), format!("[auto]\nserver-uuid={uuid}1\n")).unwrap();
    std::fs::write(theirs.path().join("auto.cnf"), format!("[auto]\nserver-uuid={uuid}2\n")).unwrap();
    let other = away.path().join("other");
    assert_ne!(code(&dblwr(["capture", text(theirs.path()), "--out", text(&other)])), 3);
    let refused = restore(&other);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("another server"), "{}", stderr(&refused));
    std::fs::remove_file(ours.path().join("auto.cnf")).unwrap();
    let mut without = before;
    without.remove(Path::new("auto.cnf"));
    let mut now = tree(ours.path());
    now.remove(Path::new("auto.cnf"));
    assert_eq!(now, without);
}

/// Index ids only grow, and the clustered index of a table has the lowest of its tablespace.
#[test]
fn a_copy_of_an_index_that_the_tablespace_never_had_is_of_another_server() {
    let dir = image("m56-innodb-16k");
    let verify = json(&dblwr(["verify", text(dir.path()), "--json"]));
    assert!(!verify["problems"].to_string().contains("copies_foreign"), "{:#}", verify["problems"]);
    // The copy that would be restored, of page 5 of d/t1.ibd: slot 2 of the block that begins with page 64.
    let (system, at) = (dir.path().join("ibdata1"), 66 * 16384);
    let mut bytes = std::fs::read(&system).unwrap();
    let page = &mut bytes[at..at + 16384];
    page[66..74].copy_from_slice(&3u64.to_be_bytes());
    stamp(page, &PageFormat::from_flags(0).unwrap(), Algorithm::Innodb).unwrap();
    std::fs::write(&system, bytes).unwrap();
    let before = tree(dir.path());
    let verify = json(&dblwr(["verify", text(dir.path()), "--json"]));
    let problems = verify["problems"].as_array().unwrap();
    let foreign = problems.iter().find(|problem| problem["kind"] == "copies_foreign");
    assert!(foreign.is_some_and(|it| it["reason"].as_str().unwrap().contains("index 3")), "{problems:#?}");
    let refused = dblwr(["restore", text(dir.path()), "--apply"]);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    assert!(tree(dir.path()) == before, "{}", stderr(&refused));
}
