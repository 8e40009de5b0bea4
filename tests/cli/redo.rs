//! Redo as a second doublewrite buffer: pages of real crash images brought forward, byte for byte.

mod images;
mod rebuilt;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{code, dblwr, image, json, stderr, testdata, tree, unpack};
use dblwr::internals::format::redo_record::PageId;
use dblwr::internals::instance::redo::history::Changes;
use dblwr::internals::page::judge;
use dblwr::internals::units::Lsn;
use dblwr::internals::verdict::rebuild::{Memory, rebuild};
use images::*;
use serde_json::Value;

#[test]
fn no_image_has_a_lost_write_and_most_writes_are_proved() {
    let mut proved = 0;
    for case in images().into_iter().chain(imported()) {
        let Some(crashed) = Crashed::open(&case) else { continue };
        for (id, space, page) in crashed.homes() {
            let Some(least) = crashed.census.of_page(id).unwrap().least_at_home() else { continue };
            let lsn = Lsn(u64::from_be_bytes(page[16..24].try_into().unwrap()));
            if judge(&page, &space.format).is_valid() {
                assert!(
                    lsn >= least,
                    "{}: {}:{} has LSN {lsn}, {least} expected",
                    case.display(),
                    id.0,
                    id.1
                );
                proved += 1;
            }
        }
    }
    println!("{proved} writes are proved");
    assert!(proved > 1000, "{proved}");
}

/// An older version of a page, valid to the last byte, as a lost write leaves it.
struct Injected {
    id: PageId,
    lsn: Lsn,
    expected: Lsn,
    newest: Vec<u8>,
    file: PathBuf,
    offset: u64,
}

/// The history of every page of a small log.
fn all_changes(crashed: &mut Crashed) -> Changes {
    let mut left: BTreeSet<PageId> = crashed.census.pages().map(|(id, _)| id).collect();
    let changes = Changes::of_a_lot(&mut crashed.log, &mut left).unwrap();
    assert!(left.is_empty());
    changes
}

/// Sets some pages of an image back to a version that redo makes, each as new as half of its changes.
fn lose_writes(crashed: &mut Crashed, most: usize) -> Vec<Injected> {
    let changes = all_changes(crashed);
    let mut done = Vec::new();
    for (id, space, page) in crashed.homes() {
        let Some(least) = crashed.census.of_page(id).unwrap().least_at_home() else { continue };
        let history = changes.of_page(id);
        let begin = history.iter().rposition(|change| change.initialises() && change.to <= least);
        let (Some(begin), Some(form)) = (begin, Form::of(&page, space)) else { continue };
        let end = history.iter().position(|change| change.to == least).unwrap();
        let until = history[(begin + end) / 2].to;
        // What servers read before anything else is left alone, and what has no bytes of its own.
        if until == least || id.1.0 < 8 || matches!(form.over, Over::Compressor) {
            continue;
        }
        let made = rebuild(Memory::of(id, &space.format), None, history, crashed.log.oldest, until).unwrap();
        let place = space.place(id.1).unwrap();
        let older = form.stored(&made, None).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&place.file.path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &older, place.offset.0).unwrap();
        let (file, offset) = (place.file.path.clone(), place.offset.0);
        done.push(Injected { id, lsn: until, expected: least, newest: page, file, offset });
        if done.len() == most {
            break;
        }
    }
    done
}

#[test]
fn a_page_set_back_to_an_older_version_is_a_lost_write_with_both_its_lsns() {
    let mut total = 0;
    for case in images() {
        let Some(mut crashed) = Crashed::open(&case).filter(|crashed| !crashed.log.hidden()) else {
            continue;
        };
        let lost = lose_writes(&mut crashed, 40);
        if lost.is_empty() {
            continue;
        }
        total += lost.len();
        let root = crashed.root();
        let output = dblwr([&["scan", "--json", root.to_str().unwrap()], &crashed.told()[..]].concat());
        assert_eq!(code(&output), 2, "{}", case.display());
        let report = json(&output);
        let found: BTreeSet<(u64, u64, u64, u64)> = report["damaged"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|page| page["state"] == "lost_write")
            .map(|page| {
                let number = |field: &str| page[field].as_u64().unwrap();
                (number("space_id"), number("page_no"), number("lsn"), number("expected_lsn"))
            })
            .collect();
        let wanted: BTreeSet<_> = lost
            .iter()
            .map(|lost| (u64::from(lost.id.0.0), u64::from(lost.id.1.0), lost.lsn.0, lost.expected.0))
            .collect();
        assert_eq!(found, wanted, "{}", case.display());
        let without = json(&dblwr(["scan", "--json", "--no-audit", root.to_str().unwrap()]));
        assert!(without["damaged"].as_array().unwrap().iter().all(|page| page["state"] != "lost_write"));
        let check =
            json(&dblwr(["check", "--scan", "--reads", "1", "--output", "json", root.to_str().unwrap()]));
        let problems = check["problems"].as_array().unwrap();
        let lost_writes = problems.iter().filter(|problem| problem["verdict"] == "lost_write").count();
        assert!(lost_writes >= lost.len() && check["code"] == 2, "{}: {check}", case.display());
    }
    println!("{total} writes were lost and found");
    assert!(total > 100, "{total}");
}

#[test]
fn no_scan_of_an_image_says_lost_write() {
    for case in images().into_iter().chain(imported()) {
        let dir = unpack(&case);
        let root = root_of(&dir);
        let report = json(&dblwr(["scan", "--json", root.to_str().unwrap()]));
        let damaged = report["damaged"].as_array().unwrap();
        assert!(damaged.iter().all(|page| page["state"] != "lost_write"), "{}: {damaged:#?}", case.display());
    }
}

#[test]
fn damage_that_redo_makes_anew_is_listed_apart() {
    let (mut tried, mut broken) = (0, 0);
    for case in images() {
        let Some(crashed) = Crashed::open(&case) else { continue };
        let root = crashed.root();
        let before = json(&dblwr(["scan", "--json", root.to_str().unwrap()]))["summary"].clone();
        let copied: BTreeSet<PageId> =
            crashed.survey.findings.iter().map(|finding| (finding.space_id(), finding.page_no())).collect();
        let anew: Vec<_> = crashed
            .homes()
            .filter(|(id, space, page)| {
                crashed.census.rebuilds(*id) && !copied.contains(id) && judge(page, &space.format).is_valid()
            })
            .map(|(id, space, _)| {
                (space.place(id.1).unwrap().file.path.clone(), space.place(id.1).unwrap().offset.0)
            })
            .collect();
        for (file, offset) in &anew {
            let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[0xA5; 700], *offset + 300).unwrap();
        }
        let after = json(&dblwr(["scan", "--json", root.to_str().unwrap()]))["summary"].clone();
        let number = |summary: &Value, field: &str| summary[field].as_u64().unwrap();
        // Of pages that the descriptors call free, damage was harmless before.
        let (apart, damaged) =
            (number(&after, "redo_rebuilds") - number(&before, "redo_rebuilds"), number(&after, "damaged"));
        assert_eq!(damaged, number(&before, "damaged"), "{}: {after}", case.display());
        assert!(apart <= anew.len() as u64);
        (tried, broken) = (tried + anew.len(), broken + apart);
    }
    assert!(tried > 5 && broken > 0, "{tried} {broken}");
}

#[test]
fn the_census_and_the_history_of_a_page() {
    let dir = image("ma118-ibd-page0");
    let report = json(&dblwr(["redo", "--json", "--page", "4:3", dir.path().to_str().unwrap()]));
    assert_eq!(report["format"], "phys");
    assert_eq!(report["oldest_lsn"], 12288, "the log never went round");
    assert_eq!(report["bytes_to_recover"], 3_440_341 - 1_101_989);
    assert_eq!(report["pages_to_recover"], 125);
    let space = &report["spaces"].as_array().unwrap()[4];
    assert_eq!((&space["space_id"], &space["file"]), (&4.into(), &"d/t1.ibd".into()));
    let changes = report["page"]["changes"].as_array().unwrap();
    assert_eq!(changes[0]["records"][0], "INIT_PAGE");
    let ends: Vec<u64> = changes.iter().map(|change| change["to_lsn"].as_u64().unwrap()).collect();
    assert!(ends.is_sorted() && changes.iter().all(|c| c["from_lsn"].as_u64() < c["to_lsn"].as_u64()));
    let text = String::from_utf8(dblwr(["redo", dir.path().to_str().unwrap()]).stdout).unwrap();
    assert!(text.contains("2338352 bytes to recover, 125 pages"), "{text}");
}

#[test]
fn logs_of_other_servers_give_their_window_and_one_honest_sentence() {
    for (case, format) in [("m97-16k", "mysql-8.0.30"), ("m56-innodb-16k", "mysql-5.6")] {
        let dir = image(case);
        let output = dblwr(["redo", "--json", dir.path().to_str().unwrap()]);
        let report = json(&output);
        assert_eq!((code(&output), &report["format"]), (0, &format.into()), "{report}");
        assert!(report["spaces"].as_array().unwrap().is_empty() && report["pages_to_recover"].is_null());
        assert!(report["checkpoint_lsn"].is_u64() && report["bytes_to_recover"].as_u64() > Some(0));
        let problems = report["problems"].as_array().unwrap();
        assert!(problems.len() == 1 && problems[0]["severity"] == "note", "{report}");
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(image("m97-16k").path().join("ibdata1"), dir.path().join("ibdata1")).unwrap();
    let output = dblwr(["redo", "--json", dir.path().to_str().unwrap()]);
    assert_eq!((code(&output), &json(&output)["problems"][0]["kind"]), (3, &"redo_missing".into()));
}

/// Restores with `options`, checks that a plan writes nothing and that revert takes all of it back; the report.
fn restored(crashed: &Crashed, options: &[&str], check: impl FnOnce(&Value)) -> Value {
    let root = crashed.root();
    let (before, elsewhere) = (tree(&root), tempfile::tempdir().unwrap());
    let path = root.to_str().unwrap();
    let plan = json(&dblwr([&["restore", "--json"], options, &[path]].concat()));
    assert_eq!(tree(&root), before, "a plan writes nothing");
    let journal = elsewhere.path().join("journal");
    let write = ["restore", "--json", "--apply", "--journal", journal.to_str().unwrap()];
    let output = dblwr([&write, options, &[path]].concat());
    let report = json(&output);
    assert_eq!(report["pages"].as_array().unwrap().len(), plan["pages"].as_array().unwrap().len());
    assert!(report["pages"].as_array().unwrap().iter().all(|page| page["outcome"] == "verified"), "{report}");
    check(&report);
    if journal.exists() {
        let reverted = dblwr(["revert", journal.to_str().unwrap(), "--apply"]);
        assert_eq!(code(&reverted), 0, "{}", stderr(&reverted));
    }
    assert_eq!(tree(&root), before, "revert gives every byte back");
    report
}

#[test]
fn lost_writes_are_brought_forward_to_the_bytes_that_were_lost() {
    let mut equal = 0;
    for case in images() {
        let Some(mut crashed) = Crashed::open(&case).filter(|crashed| !crashed.log.hidden()) else {
            continue;
        };
        let mut lost = lose_writes(&mut crashed, 60);
        // Where a copy is as new, that one is taken.
        let copied = |id: PageId| {
            crashed.survey.findings.iter().any(|found| (found.space_id(), found.page_no()) == id)
        };
        lost.retain(|page| {
            let keep = !copied(page.id);
            if !keep {
                write_at(&page.file, page.offset, &page.newest);
            }
            keep
        });
        let asked = json(&dblwr(["restore", "--json", "--from", "redo", crashed.root().to_str().unwrap()]));
        let of_redo = |report: &Value| {
            let pages = report["pages"].as_array().unwrap().iter();
            pages
                .filter(|page| page["source"]["kind"] == "redo" && page["before"]["state"] == "valid")
                .count()
        };
        assert_eq!(of_redo(&asked), 0, "never over a sound home without its own option: {asked}");
        let words = [&["--from", "redo", "--include-lost-writes"], &crashed.told()[..]].concat();
        restored(&crashed, &words, |report| {
            assert_eq!(of_redo(report), lost.len(), "{}: {report}", case.display());
            for page in &lost {
                let now = read_at(&page.file, page.offset, page.newest.len());
                assert_eq!(lsn_of(&now), page.expected, "{}:{}", page.id.0, page.id.1);
                if lsn_of(&page.newest) == page.expected {
                    assert!(now == page.newest, "{}:{}", page.id.0, page.id.1);
                    equal += 1;
                }
            }
        });
    }
    println!("{equal} lost writes equal byte for byte");
    assert!(equal > 50, "{equal}");
}

/// Tears pages that have no copy: `newest` up to a sector, an older version behind it, or the other way round. What lies
/// there before is in each of the results.
fn tear_pages(crashed: &mut Crashed, most: usize) -> Vec<Injected> {
    let copied: BTreeSet<PageId> =
        crashed.survey.findings.iter().map(|finding| (finding.space_id(), finding.page_no())).collect();
    let older = lose_writes(crashed, usize::MAX);
    let (mut torn, mut sectors) = (Vec::new(), 0);
    for page in older {
        let old = read_at(&page.file, page.offset, page.newest.len());
        if torn.len() == most || copied.contains(&page.id) || crashed.census.rebuilds(page.id) {
            write_at(&page.file, page.offset, &page.newest);
            continue;
        }
        sectors = sectors % (page.newest.len() / 512 - 1) + 1;
        let (head, tail) = if sectors % 3 == 0 { (&old, &page.newest) } else { (&page.newest, &old) };
        let mixed = [&head[..sectors * 512], &tail[sectors * 512..]].concat();
        write_at(&page.file, page.offset, &mixed);
        torn.push(page);
    }
    torn
}

#[test]
fn torn_pages_without_a_copy_become_what_they_were() {
    let mut mended = 0;
    for case in images() {
        let Some(mut crashed) = Crashed::open(&case).filter(|crashed| !crashed.log.hidden()) else {
            continue;
        };
        let torn = tear_pages(&mut crashed, 40);
        restored(&crashed, &[&["--from", "redo"], &crashed.told()[..]].concat(), |report| {
            for page in &torn {
                let entry = report["pages"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|entry| entry["space_id"] == page.id.0.0 && entry["page_no"] == page.id.1.0);
                let now = read_at(&page.file, page.offset, page.newest.len());
                assert!(now == page.newest, "{}: {}:{} {entry:?}", case.display(), page.id.0, page.id.1);
                let source = &entry.unwrap()["source"];
                // Where both parts are alike nothing was torn.
                assert_eq!(
                    (&source["kind"], &source["lsn"]),
                    (&"redo".into(), &lsn_of(&page.newest).0.into())
                );
                assert!(source["mini_transactions"].as_u64() > Some(0) && entry.unwrap()["copy"].is_null());
                mended += 1;
            }
        });
    }
    println!("{mended} torn pages without a copy equal byte for byte");
    assert!(mended > 100, "{mended}");
}

#[test]
fn a_sector_that_redo_does_not_yield_forbids_it_and_is_named() {
    let mut crashed = Crashed::open(&testdata("ma1011-full-16k")).unwrap();
    let torn = tear_pages(&mut crashed, 3);
    for page in &torn {
        let mut bytes = read_at(&page.file, page.offset, page.newest.len());
        bytes[9 * 512..10 * 512].fill(0xA5);
        write_at(&page.file, page.offset, &bytes);
    }
    let report = restored(&crashed, &["--from", "redo"], |_| {});
    assert!(
        report["pages"].as_array().unwrap().iter().all(|page| page["source"]["kind"] == "slot"),
        "{report}"
    );
    for page in torn {
        let remaining = report["remaining"].as_array().unwrap().iter();
        let mut of_page =
            remaining.filter(|left| left["page_no"] == page.id.1.0 && left["space_id"] == page.id.0.0);
        let left = of_page.next().unwrap();
        assert!(left["reason"].as_str().unwrap().contains("sectors 9 of the torn page"), "{left}");
    }
}

#[test]
fn redo_of_mysql_mends_nothing_and_says_so() {
    let dir = image("m97-16k");
    let (path, plain) =
        (dir.path().to_str().unwrap(), json(&dblwr(["restore", "--json", dir.path().to_str().unwrap()])));
    let output = dblwr(["restore", "--json", "--from", "redo", path]);
    assert_eq!(json(&output)["pages"], plain["pages"]);
    assert!(stderr(&output).contains("cannot be read for pages"), "{}", stderr(&output));
}

/// Makes of the one file of a log that never went round the files of `innodb_log_archive`, cut at some LSNs.
fn archive(dir: &Path, cuts: &[u64]) {
    let log = std::fs::read(dir.join("ib_logfile0")).unwrap();
    let word = |at: usize| u64::from_be_bytes(log[at..at + 8].try_into().unwrap());
    let record = [4096, 8192].map(|at| (word(at), word(at + 8))).into_iter().max().unwrap().1;
    let end = json(&dblwr(["redo", "--json", dir.to_str().unwrap()]))["end_lsn"].as_u64().unwrap();
    std::fs::remove_file(dir.join("ib_logfile0")).unwrap();
    let bounds: Vec<u64> = [&[12288], cuts, &[end + 4096]].concat();
    for bound in bounds.windows(2) {
        let mut file = vec![0; 12288];
        if (bound[0]..bound[1]).contains(&record) {
            file[8..16].copy_from_slice(&(12288 + record - bound[0]).to_be_bytes());
        }
        file.extend_from_slice(&log[bound[0] as usize..bound[1] as usize]);
        std::fs::write(dir.join(format!("ib_{:016x}.log", bound[0])), file).unwrap();
    }
}

#[test]
fn a_log_archive_is_judged_like_the_log_that_it_was_made_of() {
    for cuts in [&[][..], &[1_500_000], &[500_001, 1_000_000]] {
        let (ring, files) = (image("ma118-ibd-page0"), image("ma118-ibd-page0"));
        archive(files.path(), cuts);
        for command in ["redo", "verify", "scan"] {
            let both = [ring.path(), files.path()].map(|dir| {
                let output = dblwr([command, "--json", dir.to_str().unwrap()]);
                let text = String::from_utf8(output.stdout.clone()).unwrap();
                let text = text.replace("\"archive\"", "\"phys\"").replace(dir.to_str().unwrap(), "PATH");
                let mut report = serde_json::from_str::<Value>(&text).unwrap();
                // An archive does not name the server that made it.
                report.as_object_mut().unwrap().remove("server");
                (code(&output), report)
            });
            assert_eq!(both[0], both[1], "{command} {cuts:?}");
        }
        let report = json(&dblwr(["redo", "--json", files.path().to_str().unwrap()]));
        assert_eq!(report["format"], "archive");
    }
}

#[test]
fn without_the_key_encrypted_pages_and_logs_stay_as_they_are_and_the_guard_is_named() {
    let mut crashed = Crashed::open(&testdata("redo-ma114-crc32-encrypted-ctr")).unwrap();
    let torn = tear_pages(&mut crashed, 40);
    let of_table = |page: &&Injected| page.id.0.0 >= 5;
    assert!(torn.iter().filter(of_table).count() > 2);
    let report = restored(&crashed, &["--from", "redo"], |_| {});
    for page in torn.iter().filter(of_table) {
        let remaining = report["remaining"].as_array().unwrap().iter();
        let left =
            remaining.clone().find(|left| left["page_no"] == page.id.1.0 && left["space_id"] == page.id.0.0);
        let reason = left.unwrap_or_else(|| panic!("{:?}: {report}", page.id))["reason"].as_str().unwrap();
        assert!(reason.contains("without its key (--keyring)"), "{reason}");
    }
    // The log alone: what it changes is known, so the audit goes on; nothing can be made.
    let case = testdata("redo-ma1011-encrypted-log");
    let dir = unpack(&case);
    let path = dir.path().to_str().unwrap();
    let report = json(&dblwr(["redo", "--json", path]));
    assert!(report["problems"][0]["reason"].as_str().unwrap().contains("encrypted"), "{report}");
    assert!(report["spaces"].as_array().unwrap().len() > 5);
    let keys = case.join("keys.txt");
    let report = json(&dblwr(["redo", "--json", "--keyring", keys.to_str().unwrap(), "--page", "5:3", path]));
    assert!(report["problems"].as_array().unwrap().is_empty(), "{report}");
    let changes = report["page"]["changes"].as_array().unwrap();
    let records: Vec<&str> =
        changes.iter().flat_map(|c| c["records"].as_array().unwrap()).filter_map(Value::as_str).collect();
    assert!(records.contains(&"INIT_PAGE") && !records.contains(&"ENCRYPTED"), "{records:?}");
    // Which files it names stands in clear: a table that is gone stops the start.
    let table = dir.path().join("d/t1.ibd");
    let kept = std::fs::read(&table).unwrap();
    std::fs::remove_file(&table).unwrap();
    let report = json(&dblwr(["verify", "--json", path]));
    let gone = &report["problems"][0];
    assert!(gone["kind"] == "file_missing" && gone["severity"] == "critical", "{report}");
    assert_eq!(report["prediction"]["starts"], false, "{report}");
    std::fs::write(&table, kept).unwrap();
    std::fs::write(dir.path().join("other.txt"), format!("1;{}\n", "00".repeat(16))).unwrap();
    let other = dir.path().join("other.txt");
    let report = json(&dblwr(["redo", "--json", "--keyring", other.to_str().unwrap(), path]));
    assert!(report["problems"].to_string().contains("encrypted"), "another key opens nothing: {report}");
}

#[test]
fn a_torn_page_that_its_server_had_compressed_is_made_anew_from_nothing_only() {
    let mut crashed = Crashed::open(&testdata("redo-ma1011-compressed")).unwrap();
    let copied: BTreeSet<PageId> =
        crashed.survey.findings.iter().map(|finding| (finding.space_id(), finding.page_no())).collect();
    let changes = all_changes(&mut crashed);
    let mut torn = Vec::new();
    for (id, space, page) in crashed.homes() {
        let Some(form) = Form::of(&page, space).filter(|form| matches!(form.over, Over::Compressor)) else {
            continue;
        };
        // Bytes behind what was written do not matter.
        let written = 256 * (usize::from(page[24] & 0x7F) << 8 | usize::from(page[25]));
        if written <= 1024
            || copied.contains(&id)
            || crashed.census.rebuilds(id)
            || changes.of_page(id).iter().all(|c| c.to != lsn_of(&page))
        {
            continue;
        }
        let place = space.place(id.1).unwrap();
        torn.push((id, place.file.path.clone(), place.offset.0, page.clone(), form.clear));
    }
    assert!(torn.len() > 1, "{}", torn.len());
    for (_, file, offset, page, _) in &torn {
        write_at(file, *offset, &[&page[..512], &vec![0xA5; 512][..], &page[1024..]].concat());
    }
    restored(&crashed, &["--from", "redo"], |report| {
        for (id, file, offset, page, clear) in &torn {
            let now = read_at(file, *offset, page.len());
            assert_eq!(now[24..26], clear[24..26], "{id:?} is not compressed: {report}");
            assert!(now[38..now.len() - 8] == clear[38..clear.len() - 8], "{id:?}");
        }
    });
}
