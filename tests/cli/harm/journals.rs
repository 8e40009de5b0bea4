//! Journals: taken back only where the world has not moved on, believed only where nobody else could have written them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use dblwr::internals::commands::restore::journal::{read, write};
use dblwr::internals::disk::calls::Access;
use dblwr::internals::disk::real::RealDisk;
use tempfile::TempDir;

use crate::support::{code, dblwr, image, json, program, stderr, testdata, tree};

fn run(dir: &Path, args: &[&str]) -> Output {
    program(args).current_dir(dir).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A directory that dblwr restored and a server then used, with the journal of that restore.
fn after_a_server() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let packed = std::fs::File::open(testdata("revert-after-server").join("case.tar.zst")).unwrap();
    tar::Archive::new(zstd::Decoder::new(packed).unwrap()).unpack(dir.path()).unwrap();
    dir
}

#[test]
fn a_page_that_a_server_has_been_at_is_not_torn_again() {
    let dir = after_a_server();
    let before = tree(dir.path());
    for more in [&[][..], &["--apply"]] {
        let refused = run(dir.path(), &[&["revert", "journal", "--datadir", "data"], more].concat());
        let said = stdout(&refused);
        assert_eq!(code(&refused), 2, "{said}{}", stderr(&refused));
        assert!(said.starts_with("REFUSED: 1 page has moved on"), "{said}");
        assert!(said.contains("d/t1.ibd offset 0 (5:0): LSN 1932321 then, 1932321 now"), "{said}");
        assert!(said.contains("the checkpoint 2044021 has passed the copy"), "{said}");
        assert_eq!(tree(dir.path()), before);
    }
    // Who knows better picks the page; it still has to hold exactly what was written.
    let picked = ["revert", "journal", "--datadir", "data", "--apply", "--page", "5:0"];
    let done = run(dir.path(), &picked);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
}

/// Restored, then a server ran: here, the redo log of the same image went on.
#[test]
fn redo_that_went_on_since_the_restore_refuses_every_page() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (data, journal) = (dir.path(), away.path().join("j"));
    let done = dblwr(["restore", text(data), "--apply", "--journal", text(&journal), "--json"]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let written = json(&done)["pages"].as_array().unwrap().len();
    let redo = data.join("ib_logfile0");
    let log = std::fs::read(&redo).unwrap();
    // Its two checkpoint blocks are gone: another log than the one of then.
    let mut other = log.clone();
    other[512..1024].fill(0);
    other[1536..2048].fill(0);
    std::fs::write(&redo, other).unwrap();
    let mended = tree(data);
    let refused = dblwr(["revert", text(&journal), "--apply", "--json"]);
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
    let moved = json(&refused)["moved_on"].as_array().unwrap().clone();
    assert_eq!(moved.len(), written);
    assert!(moved[0]["reason"].as_str().unwrap().contains("a server has run since"), "{moved:?}");
    assert!(moved[0]["lsn_then"].is_u64() && moved[0]["lsn_now"].is_u64());
    assert_eq!(tree(data), mended);
    std::fs::write(&redo, log).unwrap();
    assert_eq!(code(&dblwr(["revert", text(&journal), "--apply"])), 0);
}

#[test]
fn one_page_that_was_written_since_keeps_all_from_being_taken_back() {
    let (dir, away) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let (data, journal) = (dir.path(), away.path().join("j"));
    let done = dblwr(["restore", text(data), "--apply", "--journal", text(&journal), "--json"]);
    let pages = json(&done)["pages"].as_array().unwrap().clone();
    assert!(pages.len() > 1, "{pages:?}");
    let page = |index: usize| format!("{}:{}", pages[index]["space_id"], pages[index]["page_no"]);
    let file = data.join(pages[0]["file"].as_str().unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[pages[0]["offset"].as_u64().unwrap() as usize + 23] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let changed = tree(data);
    let refused = dblwr(["revert", text(&journal), "--apply", "--json"]);
    assert_eq!(code(&refused), 2);
    assert_eq!(json(&refused)["moved_on"].as_array().unwrap().len(), 1);
    assert_eq!(json(&refused)["pages"].as_array().unwrap().len(), 0);
    assert_eq!(tree(data), changed);
    let picked = dblwr(["revert", text(&journal), "--apply", "--json", "--page", &page(1)]);
    assert_eq!(code(&picked), 0, "{}", stderr(&picked));
    let wrong = dblwr(["revert", text(&journal), "--apply", "--page", &page(0)]);
    assert_eq!(code(&wrong), 2, "{}", stderr(&wrong));
}

/// A restore, its journal, and what it mended.
fn restored(place: &Path) -> (PathBuf, PathBuf) {
    let (data, journal) = (place.join("data"), place.join("journal"));
    std::fs::rename(image("m56-innodb-16k").keep(), &data).unwrap();
    let done = dblwr(["restore", text(&data), "--apply", "--journal", text(&journal)]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    (data, journal)
}

#[test]
fn a_journal_that_lies_elsewhere_than_where_it_was_made_names_no_directory() {
    let place = tempfile::tempdir().unwrap();
    let (data, journal) = restored(place.path());
    let copied = place.path().join("copied");
    std::fs::copy(&journal, &copied).unwrap();
    let mended = tree(&data);
    let refused = dblwr(["revert", text(&copied), "--apply"]);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("--datadir"), "{}", stderr(&refused));
    assert_eq!(tree(&data), mended);
    assert_eq!(code(&dblwr(["revert", text(&copied), "--apply", "--datadir", text(&data)])), 0);
}

#[test]
fn a_journal_that_others_could_have_written_is_refused_by_revert_and_by_restore() {
    let place = tempfile::tempdir().unwrap();
    let (data, journal) = restored(place.path());
    let mended = tree(&data);
    for mode in [0o620, 0o602] {
        std::fs::set_permissions(&journal, std::fs::Permissions::from_mode(mode)).unwrap();
        for command in [["revert", text(&journal)], ["restore", text(&data)]] {
            let mut args = vec![command[0], command[1], "--apply"];
            if command[0] == "restore" {
                args.extend(["--journal", text(&journal)]);
            }
            let refused = dblwr(args);
            assert_eq!(code(&refused), 3, "{command:?}");
            assert!(stderr(&refused).contains("others may write it"), "{}", stderr(&refused));
        }
    }
    std::fs::set_permissions(&journal, std::fs::Permissions::from_mode(0o600)).unwrap();
    // Only the administrator may give files away.
    if std::os::unix::fs::chown(&journal, Some(65534), None).is_ok() {
        let refused = dblwr(["revert", text(&journal), "--apply"]);
        assert_eq!(code(&refused), 3);
        assert!(stderr(&refused).contains("belongs to user 65534"), "{}", stderr(&refused));
    }
    assert_eq!(tree(&data), mended);
}

#[test]
fn a_journal_of_another_server_does_not_fit() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    std::fs::rename(image("m56-innodb-16k").keep(), &data).unwrap();
    let uuid = |last: char| format!("[auto]\nserver-uuid=8a94f357-aab4-11df-86ab-c80aa942956{last}\n");
    std::fs::write(data.join("auto.cnf"), uuid('1')).unwrap();
    let journal = place.path().join("journal");
    assert_eq!(code(&dblwr(["restore", text(&data), "--apply", "--journal", text(&journal)])), 0);
    std::fs::write(data.join("auto.cnf"), uuid('2')).unwrap();
    let mended = tree(&data);
    let refused = dblwr(["revert", text(&journal), "--apply"]);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("another server's"), "{}", stderr(&refused));
    assert_eq!(tree(&data), mended);
}

/// A directory that anybody can write is no place for a name that anybody can guess.
#[test]
fn where_others_may_write_the_name_of_the_journal_cannot_be_guessed_and_is_found_again() {
    let (dir, here) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    std::fs::set_permissions(here.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let restore = || json(&run(here.path(), &["restore", text(dir.path()), "--apply", "--json"]));
    let name = restore()["journal"].as_str().unwrap().to_owned();
    let other = tempfile::tempdir().unwrap();
    let calm = json(&run(other.path(), &["revert", text(&here.path().join(&name)), "--apply", "--json"]));
    assert_eq!(calm["applied"], true);
    let calm = run(other.path(), &["restore", text(dir.path()), "--apply", "--json"]);
    let guessed = json(&calm)["journal"].as_str().unwrap().to_owned();
    assert_ne!(guessed.trim_start_matches("./"), name.trim_start_matches("./"));
    // Interrupted behind its last page, it is found again.
    let journal = here.path().join(&name);
    let file = std::fs::File::options().write(true).open(&journal).unwrap();
    file.set_len(file.metadata().unwrap().len() - 32).unwrap();
    let again = run(here.path(), &["restore", text(dir.path()), "--apply"]);
    assert!(stderr(&again).contains("an interrupted pass was finished first"), "{}", stderr(&again));
}

/// A directory whose system tablespace lies elsewhere, with a torn page there, and what was before.
struct Apart {
    place: TempDir,
    data: PathBuf,
    home: PathBuf,
    journal: PathBuf,
}

fn apart() -> Apart {
    let place = tempfile::tempdir().unwrap();
    let (data, home) = (place.path().join("data"), place.path().join("a home"));
    std::fs::rename(image("m97-ibdata").keep(), &data).unwrap();
    std::fs::create_dir(&home).unwrap();
    std::fs::rename(data.join("ibdata1"), home.join("ibdata1")).unwrap();
    let journal = place.path().join("journal");
    Apart { place, data, home, journal }
}

impl Apart {
    fn restore(&self) {
        let home = ["--data-home-dir", text(&self.home)];
        let args = ["restore", text(&self.data), "--apply", "--journal", text(&self.journal), "--json"];
        let done = dblwr(args.into_iter().chain(home));
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        let pages = json(&done)["pages"].as_array().unwrap().clone();
        assert!(
            pages.iter().any(|page| page["file"].as_str().unwrap().ends_with("a home/ibdata1")),
            "{pages:?}"
        );
    }

    /// What lies in both directories, by the names of the files alone.
    fn trees(&self) -> Vec<String> {
        let both = [tree(&self.data), tree(&self.home)];
        both.into_iter().flatten().map(|(name, sum)| format!("{} {sum:?}", name.display())).collect()
    }
}

#[test]
fn what_lies_outside_of_the_directory_is_taken_back_where_the_instance_names_it() {
    for way in ["nothing said", "the directory", "the home", "the configuration", "all of it moved"] {
        let mut apart = apart();
        let before = apart.trees();
        apart.restore();
        assert_ne!(apart.trees(), before);
        let cnf = apart.place.path().join("my.cnf");
        std::fs::write(&cnf, format!("[mysqld]\ninnodb_data_home_dir={}\n", apart.home.display())).unwrap();
        if way == "all of it moved" {
            let (data, home) = (apart.place.path().join("data2"), apart.place.path().join("home2"));
            std::fs::rename(&apart.data, &data).unwrap();
            std::fs::rename(&apart.home, &home).unwrap();
            (apart.data, apart.home) = (data, home);
        }
        let (data, home) = (text(&apart.data), text(&apart.home));
        let options = match way {
            "the directory" => vec!["--datadir", data],
            "the home" => vec!["--data-home-dir", home],
            "the configuration" => vec!["--defaults-file", text(&cnf)],
            "all of it moved" => vec!["--datadir", data, "--data-home-dir", home],
            _ => vec![],
        };
        let args = [&["revert", text(&apart.journal), "--apply", "--json"][..], &options].concat();
        let done = dblwr(args);
        assert_eq!(code(&done), 0, "{way}: {}", stderr(&done));
        assert_eq!(apart.trees(), before, "{way}");
        // The journal of the revert remembers the places as well.
        let again = json(&done)["journal"].as_str().unwrap().to_owned();
        let forth = dblwr(["revert", &again, "--apply"]);
        assert_eq!(code(&forth), 0, "{way}: {}", stderr(&forth));
        assert_ne!(apart.trees(), before, "{way}");
    }
}

/// Somebody who has our rights for a moment, and not for long, plants a journal: whole, sealed, where it says that it was
/// made, and its pages hold just what it says.
#[test]
fn a_planted_journal_that_names_files_of_another_instance_is_refused() {
    let apart = apart();
    apart.restore();
    let victim = apart.place.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::copy(apart.home.join("ibdata1"), victim.join("ibdata1")).unwrap();
    let real = read::open(&RealDisk, &apart.journal, Access::Read).unwrap().journal;
    let before = tree(apart.place.path());
    for path in [victim.join("ibdata1"), "../victim/ibdata1".into(), apart.data.join("../victim/ibdata1")] {
        let planted = apart.place.path().join("planted");
        let mut journal = real.clone();
        journal.place.clone_from(&planted);
        let written = journal.pages[0].file;
        journal.files[written].path.clone_from(&path);
        std::fs::write(&planted, write::encode(&journal).unwrap().bytes()).unwrap();
        std::fs::set_permissions(&planted, std::fs::Permissions::from_mode(0o600)).unwrap();
        for more in [&[][..], &["--datadir", text(&apart.data)]] {
            let refused = dblwr([&["revert", text(&planted), "--apply"][..], more].concat());
            assert_eq!(code(&refused), 3, "{path:?}: {}", stderr(&refused));
            assert!(stderr(&refused).contains("lies outside of"), "{}", stderr(&refused));
        }
        std::fs::remove_file(&planted).unwrap();
        assert!(tree(apart.place.path()) == before, "{path:?}");
    }
}
