//! Copies of another server, or of another life of this one, are never written.

use std::path::Path;

use crate::support::{code, dblwr, image, stderr, tree};

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
