//! Redo as a second doublewrite buffer: pages of real crash images brought forward, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::{code, dblwr, image, json, stderr, testdata, tree, unpack};
use dblwr::internals::format::fsp::{Encryption, Layout, PageFormat};
use dblwr::internals::format::redo_record::PageId;
use dblwr::internals::instance::redo::history::{Census, Change, Changes, Log};
use dblwr::internals::instance::request::Request;
use dblwr::internals::instance::spaces::{Owner, Tablespace};
use dblwr::internals::page::checksum::Algorithm;
use dblwr::internals::page::judge;
use dblwr::internals::units::{Lsn, PageNo, SpaceId};
use dblwr::internals::verdict::Verdict;
use dblwr::internals::verdict::home::HomeState;
use dblwr::internals::verdict::rebuild::{Memory, Rebuilt, Refusal, Start, rebuild};
use dblwr::internals::verdict::survey::Survey;
use serde_json::Value;
use tempfile::TempDir;

/// Every image of a MariaDB whose redo describes pages as bytes: the shipped ones, and those beside the checkout.
fn images() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in [root.join("testdata"), root.join("../shared/images"), root.join("../shared/older-servers")] {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("ma1") && entry.path().join("crashed.tar.zst").exists() {
                found.entry(name).or_insert(entry.path());
            }
        }
    }
    found.into_values().collect()
}

/// What was made of one image.
#[derive(Default)]
struct Score {
    equal: BTreeMap<&'static str, u32>,
    wrong: Vec<String>,
}

impl Score {
    fn note(&mut self, way: &'static str, id: PageId, made: Result<Rebuilt, Refusal>, wanted: &Wanted<'_>) {
        let fault = match made {
            Err(why) => why.to_string(),
            Ok(made) if made.lsn != wanted.lsn => format!("LSN {} instead of {}", made.lsn, wanted.lsn),
            Ok(made) => {
                let flush_lsn = (id == (SpaceId(0), PageNo(0))).then(|| &wanted.page[26..34]);
                match made.written(&wanted.format, wanted.algorithm, flush_lsn) {
                    Some(page) if page == wanted.page => {
                        *self.equal.entry(way).or_default() += 1;
                        return;
                    }
                    Some(page) => {
                        let differs = |&at: &usize| page.get(at) != wanted.page.get(at);
                        let at: Vec<usize> = (0..page.len()).filter(differs).take(8).collect();
                        format!("other bytes at {at:?}")
                    }
                    None => "no page to write".to_owned(),
                }
            }
        };
        self.wrong.push(format!("{way}, {}:{}: {fault}", id.0, id.1));
    }
}

/// The page that the server made.
struct Wanted<'a> {
    page: &'a [u8],
    lsn: Lsn,
    format: PageFormat,
    algorithm: Algorithm,
}

/// Some images keep the directory in a folder of its own.
fn root_of(dir: &TempDir) -> PathBuf {
    let data = Some(dir.path().join("data")).filter(|data| data.exists());
    data.unwrap_or_else(|| dir.path().to_path_buf())
}

/// An image with what its redo says.
struct Crashed {
    dir: TempDir,
    survey: Survey,
    log: Log,
    census: Census,
}

impl Crashed {
    fn open(case: &Path) -> Option<Crashed> {
        let dir = unpack(case);
        let request = Request { path: root_of(&dir), ..Request::default() };
        let survey = Survey::run(&request).unwrap();
        let mut log = Log::open(survey.instance.redo.redo()?).unwrap()?;
        let census = Census::take(&mut log).unwrap();
        assert_eq!(census.malformed, 0, "{}", case.display());
        Some(Crashed { dir, survey, log, census })
    }

    fn root(&self) -> PathBuf {
        root_of(&self.dir)
    }

    /// Pages of the doublewrite buffer itself hold other pages.
    fn is_a_slot(&self, (space, page): PageId) -> bool {
        space == SpaceId::SYSTEM && self.survey.instance.areas.iter().any(|area| area.covers(page))
    }

    /// The homes of all pages that redo names, but for slots.
    fn homes(&self) -> impl Iterator<Item = (PageId, &Tablespace, Vec<u8>)> {
        let spaces = &self.survey.instance.spaces;
        self.census.pages().filter(|(id, _)| !self.is_a_slot(*id)).filter_map(|(id, _)| {
            let Owner::One(space) = spaces.owner(id.0) else { return None };
            let place = space.place(id.1).filter(|place| place.in_bounds)?;
            let size = space.format.physical.bytes();
            let mut page = vec![0; size];
            let file = std::fs::File::open(&place.file.path).unwrap();
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut page, place.offset.0).unwrap();
            Some((id, space, page))
        })
    }
}

fn score(case: &Path) -> Option<Score> {
    let mut crashed = Crashed::open(case).filter(|crashed| !crashed.log.hidden())?;
    let wanted: BTreeSet<PageId> = crashed.census.pages().map(|(id, _)| id).collect();
    let changes = Changes::of_pages(&mut crashed.log, &wanted).unwrap();
    let mut score = Score::default();
    copies(&crashed, &changes, &mut score);
    for (id, space, page) in crashed.homes() {
        let judged = judge(&page, &space.format);
        let lsn = Lsn(u64::from_be_bytes(page[16..24].try_into().unwrap()));
        let history = changes.of_page(id);
        let (Some(algorithm), None) = (judged.algorithm, &judged.clear) else { continue };
        if judged.is_valid() && is_in_clear(&page, space) && begins_anew(history, lsn) {
            let made = rebuild(Memory::of(id, &space.format), None, history, crashed.log.oldest, lsn);
            score.note(
                "nothing to home",
                id,
                made,
                &Wanted { page: &page, lsn, format: space.format, algorithm },
            );
        }
    }
    Some(score)
}

fn copies(crashed: &Crashed, changes: &Changes, score: &mut Score) {
    for finding in &crashed.survey.findings {
        let (Some(copy), Some(home)) = (finding.copy(), crashed.survey.home_of(finding)) else { continue };
        let Owner::One(space) = crashed.survey.instance.spaces.owner(finding.space_id()) else { continue };
        let (id, lsn, history) = (
            (space.id.unwrap(), finding.page_no()),
            copy.lsn(),
            changes.of_page((finding.space_id(), finding.page_no())),
        );
        let (Some(algorithm), None, true) =
            (copy.judged.algorithm, &copy.judged.clear, copy.judged.is_valid())
        else {
            continue;
        };
        let page = &copy.bytes.get()[..space.format.physical.bytes()];
        if !is_in_clear(page, space) {
            continue;
        }
        let (memory, wanted) =
            (Memory::of(id, &space.format), Wanted { page, lsn, format: space.format, algorithm });
        let oldest = crashed.log.oldest;
        if finding.judgement.verdict == Verdict::Pending && is_in_clear(&home.bytes.get(), space) {
            let start = Start { bytes: &home.bytes.get(), lsn: home.lsn.unwrap() };
            score.note("home to copy", id, rebuild(memory, Some(start), history, oldest, lsn), &wanted);
        }
        let newer = home.lsn.filter(|&home_lsn| home.state == HomeState::Valid && home_lsn > lsn);
        if let Some(newer) = newer.filter(|_| is_in_clear(&home.bytes.get(), space)) {
            let start = Start { bytes: page, lsn };
            let wanted = Wanted { page: &home.bytes.get(), lsn: newer, ..wanted };
            // An old copy lies before what is left of the log.
            if lsn >= oldest {
                score.note("copy to home", id, rebuild(memory, Some(start), history, oldest, newer), &wanted);
            }
        }
        if begins_anew(history, lsn) {
            score.note("nothing to copy", id, rebuild(memory, None, history, oldest, lsn), &wanted);
        }
    }
}

fn begins_anew(history: &[Change], lsn: Lsn) -> bool {
    history.iter().any(|change| change.initialises() && change.to <= lsn)
}

/// Neither encrypted nor compressed.
fn is_in_clear(page: &[u8], space: &Tablespace) -> bool {
    let format = &space.format;
    match format.layout {
        Layout::FullCrc32 => page[..4] == [0; 4] && page[24] & 0x80 == 0,
        _ => page[24..26] != 34354u16.to_be_bytes() && page[24..26] != 37401u16.to_be_bytes(),
    }
}

/// Prints the figures of redo-pages: `cargo test --test redo -- --nocapture`.
#[test]
fn every_version_that_redo_can_make_is_the_one_that_the_server_made() {
    let mut total: BTreeMap<&str, u32> = BTreeMap::new();
    let mut images_read = 0;
    for case in images() {
        let Some(score) = score(&case) else { continue };
        let name = case.file_name().unwrap().to_string_lossy();
        println!("{name}: {:?}", score.equal);
        assert!(score.wrong.is_empty(), "{name}: {:#?}", score.wrong);
        for (way, equal) in score.equal {
            *total.entry(way).or_default() += equal;
        }
        images_read += 1;
    }
    println!("all {images_read} images: {total:?}");
    assert!(images_read >= 4 && total["home to copy"] > 100 && total["nothing to home"] > 500, "{total:?}");
}

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

/// A healthy directory with a tablespace that was imported: its pages have LSN 0.
fn imported() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Some(root.join("../shared/cases/servers/imported-tablespace-ma1011")).filter(|case| case.exists())
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

/// Sets some pages of an image back to a version that redo makes, each as new as half of its changes.
fn lose_writes(crashed: &mut Crashed, most: usize) -> Vec<Injected> {
    let wanted: BTreeSet<PageId> = crashed.census.pages().map(|(id, _)| id).collect();
    let changes = Changes::of_pages(&mut crashed.log, &wanted).unwrap();
    let mut done = Vec::new();
    for (id, space, page) in crashed.homes() {
        let Some(least) = crashed.census.of_page(id).unwrap().least_at_home() else { continue };
        let history = changes.of_page(id);
        let begin = history.iter().rposition(|change| change.initialises() && change.to <= least);
        let Some(begin) = begin.filter(|_| judge(&page, &space.format).is_valid()) else { continue };
        let end = history.iter().position(|change| change.to == least).unwrap();
        let until = history[(begin + end) / 2].to;
        // What servers read before anything else is left alone.
        if until == least || id.1.0 < 8 || !is_in_clear(&page, space) {
            continue;
        }
        let made = rebuild(Memory::of(id, &space.format), None, history, crashed.log.oldest, until).unwrap();
        let algorithm = judge(&page, &space.format).algorithm.unwrap();
        let place = space.place(id.1).unwrap();
        let older = made.written(&space.format, algorithm, None).unwrap();
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
        let output = dblwr(["scan", "--json", root.to_str().unwrap()]);
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

fn read_at(file: &Path, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let file = std::fs::File::open(file).unwrap();
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, offset).unwrap();
    bytes
}

fn write_at(file: &Path, offset: u64, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, offset).unwrap();
}

fn lsn_of(page: &[u8]) -> Lsn {
    Lsn(u64::from_be_bytes(page[16..24].try_into().unwrap()))
}

#[test]
fn lost_writes_are_brought_forward_to_the_bytes_that_were_lost() {
    let mut equal = 0;
    for case in images() {
        let Some(mut crashed) = Crashed::open(&case).filter(|crashed| !crashed.log.hidden()) else {
            continue;
        };
        let encrypted = |space: &Tablespace| space.format.encryption != Encryption::None;
        if crashed.survey.instance.spaces.list.iter().any(encrypted) {
            continue;
        }
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
        restored(&crashed, &["--from", "redo", "--include-lost-writes"], |report| {
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
        let encrypted = |page: &&Injected| match crashed.survey.instance.spaces.owner(page.id.0) {
            Owner::One(space) => space.format.encryption != Encryption::None,
            _ => true,
        };
        let torn: Vec<&Injected> = torn.iter().filter(|page| !encrypted(page)).collect();
        restored(&crashed, &["--from", "redo"], |report| {
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
