//! Capture on real images: the bundle is judged as the directory is, cut or altered it is refused, redacted it holds
//! no row, and restoring with its copies mends what lost its own.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{cases, code, dblwr, image, json, stderr, tree, unpack};
use serde_json::Value;

fn run<'a>(args: impl IntoIterator<Item = &'a dyn AsRef<OsStr>>) -> std::process::Output {
    dblwr(args.into_iter().map(|arg| arg.as_ref().to_owned()))
}

fn capture(dir: &Path, out: &Path, more: &[&str]) -> Value {
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"capture", &"--json", &dir, &"--out", &out];
    args.extend(more.iter().map(|arg| arg as &dyn AsRef<OsStr>));
    let output = run(args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    json(&output)
}

fn report(command: &str, path: &Path) -> (i32, Value) {
    let output = run([&command as &dyn AsRef<OsStr>, &"--json", &path]);
    let mut document = json(&output);
    // Names come from dictionary pages, which a bundle does not hold: verdicts must agree, names need not.
    for (list, names) in [("pages", ["table", "index"]), ("slots", ["table", "index_name"])] {
        let entries = document.get_mut(list).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            names.iter().for_each(|name| drop(entry.as_object_mut().unwrap().remove(*name)));
        }
    }
    (code(&output), document)
}

#[test]
fn a_bundle_is_judged_exactly_as_its_directory_redacted_or_not() {
    for case in cases() {
        let (dir, elsewhere) = (unpack(&case), tempfile::tempdir().unwrap());
        let before = tree(dir.path());
        for more in [&[][..], &["--redact"]] {
            let bundle = elsewhere.path().join(format!("bundle{}", more.len()));
            let document = capture(dir.path(), &bundle, more);
            for command in ["verify", "locate"] {
                let context = format!("{} {command} {more:?}", case.display());
                assert_eq!(report(command, &bundle), report(command, dir.path()), "{context}");
            }
            if more.is_empty() {
                assert_eq!(report("dump", &bundle), report("dump", dir.path()), "{}", case.display());
            }
            let bytes = std::fs::read(&bundle).unwrap();
            assert_eq!(document["sha256"], crate::support::sha256(&bytes));
            assert_eq!(document["length"], bytes.len());
            assert_eq!(std::fs::metadata(&bundle).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(tree(dir.path()), before, "{}: a capture changes nothing", case.display());
    }
}

/// Rows of the test tables, as [`letters_and_digits`] finds them in their pages.
fn row_strings(dir: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(dir.join("d/t1.ibd")).unwrap_or_default();
    let mut strings: Vec<Vec<u8>> = bytes
        .split(|byte| !byte.is_ascii_alphanumeric())
        .filter(|text| text.len() >= 10 && text.len() <= 400)
        .map(<[u8]>::to_vec)
        .filter(|text| ![&b"infimum"[..], b"supremum"].iter().any(|word| text.starts_with(word)))
        .collect();
    strings.sort();
    strings.dedup();
    strings
}

#[test]
fn a_redacted_bundle_holds_no_row() {
    let mut tables = 0;
    for case in cases() {
        let (dir, elsewhere) = (unpack(&case), tempfile::tempdir().unwrap());
        let rows = row_strings(dir.path());
        let (plain, redacted) = (elsewhere.path().join("plain"), elsewhere.path().join("redacted"));
        capture(dir.path(), &plain, &[]);
        capture(dir.path(), &redacted, &["--redact"]);
        let (plain, redacted) = (captured_bytes(&plain), captured_bytes(&redacted));
        let rows = aho_corasick::AhoCorasick::new(rows).unwrap();
        tables += usize::from(rows.is_match(&plain));
        let left = rows.find(&redacted).map(|row| String::from_utf8_lossy(&redacted[row.range()]));
        assert_eq!(left, None, "{}", case.display());
    }
    assert!(tables >= 4, "only {tables} tables have rows in clear: the test shows nothing");
}

fn captured_bytes(bundle: &Path) -> Vec<u8> {
    let mut reader = ::dblwr::internals::instance::bundle::read::BundleReader::open(bundle).unwrap();
    let mut all = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        if let ::dblwr::internals::instance::bundle::read::BundleRecord::Data { bytes, .. } = record {
            all.extend(bytes);
        }
    }
    all
}

#[test]
fn a_cut_or_altered_bundle_is_refused_with_the_place() {
    let (dir, elsewhere) = (image("m97-4k"), tempfile::tempdir().unwrap());
    let bundle = elsewhere.path().join("bundle");
    capture(dir.path(), &bundle, &[]);
    let whole = std::fs::read(&bundle).unwrap();
    let altered = elsewhere.path().join("altered");
    for part in 1..8 {
        let at = whole.len() * part / 8;
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        for bytes in [whole[..at].to_vec(), flipped, [&whole[..], b"x"].concat()] {
            std::fs::write(&altered, bytes).unwrap();
            for command in ["verify", "locate", "restore"] {
                let output = run([&command as &dyn AsRef<OsStr>, &altered]);
                assert_eq!(code(&output), 3, "{command} {at}");
                assert!(stderr(&output).contains(": offset "), "{command} {at}: {}", stderr(&output));
            }
        }
    }
}

#[test]
fn links_are_never_followed_out_of_the_directory() {
    let (dir, elsewhere) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let secret = elsewhere.path().join("secret");
    std::fs::create_dir(&secret).unwrap();
    std::fs::rename(dir.path().join("d/t1.ibd"), secret.join("t1.ibd")).unwrap();
    std::os::unix::fs::symlink(secret.join("t1.ibd"), dir.path().join("d/t1.ibd")).unwrap();
    std::os::unix::fs::symlink(&secret, dir.path().join("e")).unwrap();
    std::fs::write(dir.path().join("d/x.isl"), secret.join("t1.ibd").to_str().unwrap()).unwrap();
    let bundle = elsewhere.path().join("bundle");
    let document = capture(dir.path(), &bundle, &[]);
    let names: Vec<&str> =
        document["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains("t1.ibd")), "{names:?}");
    let notes = document["notes"].to_string();
    assert_eq!(notes.matches("was not followed").count(), 3, "{notes}");
    // A directory that was named is no link.
    let named = elsewhere.path().join("named");
    let secret_text = secret.to_str().unwrap();
    let document = capture(dir.path(), &named, &["--directory", secret_text]);
    let files = document["files"].to_string();
    assert!(files.contains("outside/1/t1.ibd"), "{files}");
    assert_eq!(report("verify", &named).1["summary"], report("verify", dir.path()).1["summary"]);
}

#[test]
fn a_bundle_streams_to_standard_output() {
    let (dir, elsewhere) = (image("m97-4k"), tempfile::tempdir().unwrap());
    let output = run([&"capture" as &dyn AsRef<OsStr>, &dir.path(), &"--out", &"-"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let bundle = elsewhere.path().join("bundle");
    std::fs::write(&bundle, &output.stdout).unwrap();
    assert_eq!(report("verify", &bundle), report("verify", dir.path()));
    assert!(stderr(&output).contains(&crate::support::sha256(&output.stdout)));
}

#[test]
fn a_bundle_is_never_overwritten_never_inside_the_evidence_and_never_restored() {
    let (dir, elsewhere) = (image("m97-4k"), tempfile::tempdir().unwrap());
    let bundle = elsewhere.path().join("bundle");
    capture(dir.path(), &bundle, &[]);
    let whole = std::fs::read(&bundle).unwrap();
    let again = run([&"capture" as &dyn AsRef<OsStr>, &dir.path(), &"--out", &bundle]);
    assert_eq!(code(&again), 3);
    let inside = run([&"capture" as &dyn AsRef<OsStr>, &dir.path(), &"--out", &dir.path().join("d/b")]);
    assert_eq!(code(&inside), 3);
    assert!(!dir.path().join("d/b").exists());
    let to = elsewhere.path().join("to");
    for more in [&["--apply"][..], &["--to", to.to_str().unwrap()]] {
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"restore", &bundle];
        args.extend(more.iter().map(|arg| arg as &dyn AsRef<OsStr>));
        let output = run(args);
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        assert!(stderr(&output).contains("--copies-from"), "{}", stderr(&output));
    }
    assert_eq!(std::fs::read(&bundle).unwrap(), whole);
    assert!(!to.exists());
}

#[test]
fn an_image_alone_is_captured_alone() {
    let (dir, elsewhere) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let alone = elsewhere.path().join("alone");
    std::fs::create_dir(&alone).unwrap();
    std::fs::copy(dir.path().join("ibdata1"), alone.join("ibdata1")).unwrap();
    std::fs::write(alone.join("diary.txt"), "private").unwrap();
    let bundle = elsewhere.path().join("bundle");
    let document = capture(&alone.join("ibdata1"), &bundle, &[]);
    assert_eq!(document["listed"], 1, "{document}");
    assert_eq!(report("verify", &bundle), report("verify", &alone.join("ibdata1")));
}

#[test]
fn the_configuration_is_saved_and_its_places_count() {
    let (dir, elsewhere) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let files = elsewhere.path().join("dblwr files");
    std::fs::create_dir(&files).unwrap();
    for name in ["#ib_16384_0.dblwr", "#ib_16384_1.dblwr"] {
        std::fs::copy(dir.path().join(name), files.join(name)).unwrap();
        std::fs::remove_file(dir.path().join(name)).unwrap();
    }
    let config = elsewhere.path().join("my.cnf");
    let places = format!("[mysqld]\ninnodb_doublewrite_dir={}\npassword=hunter2\n", files.display());
    std::fs::write(&config, places).unwrap();
    let bundle = elsewhere.path().join("bundle");
    let with_config = ["--defaults-file", config.to_str().unwrap(), "--redact"];
    capture(dir.path(), &bundle, &with_config);
    let output = run([&"verify" as &dyn AsRef<OsStr>, &"--json", &dir.path(), &"--defaults-file", &config]);
    let (_, of_bundle) = report("verify", &bundle);
    assert_eq!(of_bundle["summary"], json(&output)["summary"]);
    assert_eq!(of_bundle["summary"]["restorable"], 22);
    let saved = captured_bytes(&bundle);
    assert!(saved.windows(24).any(|window| window == b"innodb_doublewrite_dir=/"));
    assert!(!saved.windows(7).any(|window| window == b"hunter2"));
}

/// Zeros over every doublewrite file: what a server start does to the copies, for these purposes.
fn forget_copies(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "dblwr") {
            let length = entry.metadata().unwrap().len();
            let file = std::fs::File::create(entry.path()).unwrap();
            file.set_len(length).unwrap();
        }
    }
}

fn restore_from(dir: &Path, bundle: &Path, journal: &Path) -> std::process::Output {
    run([
        &"restore" as &dyn AsRef<OsStr>,
        &"--json",
        &dir,
        &"--copies-from",
        &bundle,
        &"--apply",
        &"--journal",
        &journal,
    ])
}

#[test]
fn copies_of_a_bundle_mend_a_directory_that_lost_its_own() {
    let (dir, elsewhere) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let (bundle, redacted) = (elsewhere.path().join("bundle"), elsewhere.path().join("redacted"));
    capture(dir.path(), &bundle, &[]);
    capture(dir.path(), &redacted, &["--redact"]);
    let mended = {
        let own = image("m97-16k");
        let args: [&dyn AsRef<OsStr>; 5] =
            [&"restore", &own.path(), &"--apply", &"--journal", &elsewhere.path().join("own")];
        assert_eq!(code(&run(args)), 0);
        tree(own.path())[Path::new("d/t1.ibd")]
    };
    forget_copies(dir.path());
    let without = report("restore", dir.path()).1;
    assert_eq!(without["pages"], serde_json::json!([]), "nothing is left to restore from");

    let journal = elsewhere.path().join("journal");
    let refused = restore_from(dir.path(), &redacted, &journal);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    assert!(stderr(&refused).contains("redacted"), "{}", stderr(&refused));

    let output = restore_from(dir.path(), &bundle, &journal);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(tree(dir.path())[Path::new("d/t1.ibd")], mended);
}

#[test]
fn a_bundle_of_another_server_is_refused() {
    let elsewhere = tempfile::tempdir().unwrap();
    let bundle = elsewhere.path().join("bundle");
    capture(image("m97-clean-kill").path(), &bundle, &[]);
    let dir = image("m97-16k");
    let before = tree(dir.path());
    let output = restore_from(dir.path(), &bundle, &elsewhere.path().join("journal"));
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!(tree(dir.path()), before);
}

#[test]
fn redo_that_is_too_large_leaves_its_window_in_the_bundle() {
    use dblwr::internals::commands::capture::{CaptureOptions, save};
    use dblwr::internals::instance::request::Request;
    use dblwr::internals::verdict::survey::Survey;
    for case in ["m97-16k", "ma1011-full-16k", "m56-innodb-16k"] {
        let (dir, elsewhere) = (image(case), tempfile::tempdir().unwrap());
        let request = Request { path: dir.path().to_path_buf(), ..Request::default() };
        let options = CaptureOptions { redo_limit: 0, ..CaptureOptions::default() };
        let (saved, bytes) = save(&request, &options, Path::new("memory"), Vec::new()).unwrap();
        assert!(saved.manifest.redo.is_some());
        let bundle = elsewhere.path().join("bundle");
        std::fs::write(&bundle, bytes).unwrap();
        assert_eq!(report("verify", &bundle), report("verify", dir.path()), "{case}");
        let unpacked = Survey::run(&Request { path: bundle, ..Request::default() }).unwrap();
        for file in &unpacked.instance.redo.redo().unwrap().files {
            assert!(file.path.exists(), "{}", file.path.display());
        }
    }
}

#[test]
fn a_nearly_full_disk_gets_the_bundle_or_nothing() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mount = elsewhere.path().join("small");
    std::fs::create_dir(&mount).unwrap();
    if !crate::support::mount_small(&mount, "256k") {
        return;
    }
    let dir = image("m97-16k");
    let full = run([&"capture" as &dyn AsRef<OsStr>, &dir.path(), &"--out", &mount.join("bundle")]);
    let left = std::fs::read_dir(&mount).unwrap().count();
    // Redacted it fits; nothing else is needed beside it.
    let fits = run([&"capture" as &dyn AsRef<OsStr>, &dir.path(), &"--redact", &"--out", &mount.join("r")]);
    let judged = report("verify", &mount.join("r"));
    assert!(Command::new("umount").arg(&mount).status().unwrap().success());
    assert_eq!((code(&full), left), (2, 0), "{}", stderr(&full));
    assert_eq!(code(&fits), 0, "{}", stderr(&fits));
    assert_eq!(judged, report("verify", dir.path()));
}

#[test]
fn the_custody_record_tells_what_was_read_and_what_changed() {
    let (dir, elsewhere) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let record = elsewhere.path().join("record");
    let journal = elsewhere.path().join("journal");
    let verify = run([&"verify" as &dyn AsRef<OsStr>, &dir.path(), &"--record", &record]);
    assert_eq!(code(&verify), 1);
    let args: [&dyn AsRef<OsStr>; 7] =
        [&"restore", &dir.path(), &"--apply", &"--journal", &journal, &"--record", &record];
    assert_eq!(code(&run(args)), 0);
    let reverted = run([&"revert" as &dyn AsRef<OsStr>, &journal, &"--apply", &"--record", &record]);
    assert_eq!(code(&reverted), 0, "{}", stderr(&reverted));
    let text = std::fs::read_to_string(&record).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let codes: Vec<_> = lines.iter().map(|line| line["facts"]["exit_code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [1, 0, 0]);
    let table = dir.path().join("d/t1.ibd");
    let changed = |line: usize| lines[line]["interpretation"]["changed"].to_string();
    assert_eq!(changed(0), "[]");
    for line in [1, 2] {
        assert!(changed(line).contains(table.to_str().unwrap()), "{}", changed(line));
    }
    let of_table = |line: usize, when: &str| -> Value {
        let files = lines[line]["facts"]["files"].as_array().unwrap();
        let found = files.iter().find(|file| file["path"] == table.to_str().unwrap()).unwrap();
        found[when]["sha256"].clone()
    };
    assert_eq!(of_table(0, "before"), of_table(1, "before"));
    assert_ne!(of_table(1, "before"), of_table(1, "after"));
    assert!(lines[1]["facts"]["files"].to_string().contains(journal.to_str().unwrap()));
    let inside: PathBuf = dir.path().join("record");
    let refused = run([&"verify" as &dyn AsRef<OsStr>, &dir.path(), &"--record", &inside]);
    assert_eq!((code(&refused), inside.exists()), (3, false));
}

#[test]
fn every_reading_command_takes_a_bundle_and_names_it_never_a_temporary_place() {
    let (dir, elsewhere) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let bundle = elsewhere.path().join("night");
    capture(dir.path(), &bundle, &[]);
    let log = crate::support::testdata("m97-16k").join("oracle.log");
    let inside = |name: &str| bundle.join(name);
    let (table, system, slots) = (inside("d/t1.ibd"), inside("ibdata1"), inside("#ib_16384_0.dblwr"));
    let (missing, whole) = (inside("d/none.ibd"), bundle.clone());
    let commands: [(i32, Vec<&OsStr>); 19] = [
        (0, vec!["locate".as_ref(), whole.as_ref()]),
        (0, vec!["dump".as_ref(), whole.as_ref()]),
        (0, vec!["dump".as_ref(), slots.as_ref(), "--slot".as_ref(), "132".as_ref()]),
        (1, vec!["verify".as_ref(), whole.as_ref()]),
        (1, vec!["verify".as_ref(), table.as_ref()]),
        (1, vec!["restore".as_ref(), whole.as_ref()]),
        (1, vec!["scan".as_ref(), whole.as_ref()]),
        (1, vec!["scan".as_ref(), table.as_ref()]),
        (1, vec!["check".as_ref(), whole.as_ref()]),
        (0, vec!["carve".as_ref(), whole.as_ref()]),
        (0, vec!["carve".as_ref(), table.as_ref()]),
        (1, vec!["explain-log".as_ref(), log.as_ref(), "--against".as_ref(), whole.as_ref()]),
        (1, vec!["page".as_ref(), table.as_ref(), "7".as_ref()]),
        (0, vec!["page".as_ref(), system.as_ref(), "5".as_ref()]),
        (0, vec!["page".as_ref(), slots.as_ref(), "132".as_ref()]),
        (3, vec!["page".as_ref(), whole.as_ref(), "5".as_ref()]),
        (3, vec!["page".as_ref(), table.as_ref(), "99999".as_ref()]),
        (3, vec!["page".as_ref(), missing.as_ref(), "3".as_ref()]),
        (3, vec!["restore".as_ref(), table.as_ref(), "--apply".as_ref()]),
    ];
    for (expected, command) in &commands {
        for more in [&[][..], &["--json"]] {
            let output = dblwr(command.iter().copied().chain(more.iter().map(OsStr::new)));
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
            assert_eq!(code(&output), *expected, "{command:?} {more:?}: {said}");
            assert!(!said.contains("dblwr-bundle-"), "{command:?} {more:?}: {said}");
            assert!(*expected != 3 || said.contains("night"), "{command:?}: {said}");
        }
    }
    let page = json(&dblwr(["page".as_ref(), "--json".as_ref(), table.as_os_str(), "7".as_ref()]));
    let in_directory = dir.path().join("d/t1.ibd");
    let own = json(&dblwr(["page".as_ref(), "--json".as_ref(), in_directory.as_os_str(), "7".as_ref()]));
    assert_eq!((&page["state"], &page["page"]), (&own["state"], &own["page"]));
    assert_eq!(page["copies"], own["copies"]);
    assert_eq!(page["file"], table.to_str().unwrap());
    assert!(page["restore_command"].as_str().unwrap().contains(bundle.to_str().unwrap()), "{page}");

    // No copy, and no neighbour of damage: nobody has looked at it.
    let unseen = dblwr(["page".as_ref(), system.as_os_str(), "700".as_ref()]);
    assert_eq!(code(&unseen), 3);
    assert!(stderr(&unseen).contains("not captured"), "{}", stderr(&unseen));

    let carved = json(&dblwr(["carve".as_ref(), "--json".as_ref(), bundle.as_os_str()]));
    let of_table = carved["pages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|page| page["member"].as_str().is_some_and(|member| member == table.to_str().unwrap()));
    assert!(of_table.count() > 0, "pages of the table are found in the bundle");
}

#[test]
fn every_reading_command_records_what_it_rests_on() {
    let (dir, elsewhere) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let bundle = elsewhere.path().join("bundle");
    capture(dir.path(), &bundle, &[]);
    let log = crate::support::testdata("m97-16k").join("oracle.log");
    let (data, table) = (dir.path(), dir.path().join("d/t1.ibd"));
    let commands: [(&Path, Vec<&OsStr>); 10] = [
        (&table, vec!["verify".as_ref(), data.as_ref()]),
        (&table, vec!["scan".as_ref(), data.as_ref()]),
        (&table, vec!["page".as_ref(), table.as_ref(), "7".as_ref()]),
        (&table, vec!["carve".as_ref(), table.as_ref()]),
        (&table, vec!["check".as_ref(), data.as_ref()]),
        (&table, vec!["restore".as_ref(), data.as_ref()]),
        (&log, vec!["explain-log".as_ref(), log.as_ref(), "--against".as_ref(), data.as_ref()]),
        (&bundle, vec!["verify".as_ref(), bundle.as_ref()]),
        (&bundle, vec!["carve".as_ref(), bundle.as_ref()]),
        (&bundle, vec!["scan".as_ref(), bundle.as_ref()]),
    ];
    let record = elsewhere.path().join("record");
    for (number, (rests_on, command)) in commands.iter().enumerate() {
        let output = dblwr(command.iter().copied().chain(["--record".as_ref(), record.as_os_str()]));
        let text = std::fs::read_to_string(&record).unwrap();
        let line: Value = serde_json::from_str(text.lines().nth(number).unwrap()).unwrap();
        assert_eq!(line["facts"]["exit_code"].as_i64().unwrap(), i64::from(code(&output)));
        let files = line["facts"]["files"].as_array().unwrap();
        let found = files.iter().find(|file| file["path"] == rests_on.to_str().unwrap());
        let found = found.unwrap_or_else(|| panic!("{command:?}: {line}"));
        assert!(found["before"]["sha256"].is_string(), "{command:?}: {found}");
        assert_eq!(found["before"], found["after"], "{command:?}");
        assert!(!text.contains("dblwr-bundle-"), "{command:?}");
    }
}
