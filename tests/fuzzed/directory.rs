//! A whole data directory made of pieces: judged, reported, planned, mended, taken back.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use dblwr::internals::commands::capture::{CaptureOptions, save};
use dblwr::internals::commands::dump::{DumpSelection as Slots, Inventory};
use dblwr::internals::commands::page::Lookup;
use dblwr::internals::commands::restore;
use dblwr::internals::commands::restore::{Here, RestoreRules, RestoreSelection, choose, plan_file, revert};
use dblwr::internals::disk::real::RealDisk;
use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::instance::bundle::read::check;
use dblwr::internals::instance::request::Request;
use dblwr::internals::page::checksum::{Algorithm, stamp};
use dblwr::internals::report::dump::DumpReport;
use dblwr::internals::report::locate::LocateReport;
use dblwr::internals::report::restore::RestoreReport;
use dblwr::internals::report::verify::VerifyReport;
use dblwr::internals::units::{PageNo, PageSize};
use dblwr::internals::verdict::predict::Prediction;
use dblwr::internals::verdict::survey::Survey;

use super::files::scratch;
use super::{byte, number, take};

/// Files that a piece may lie in.
pub const NAMES: [&str; 16] = [
    "ibdata1",
    "ib_logfile0",
    "ib_logfile1",
    "#innodb_redo/#ib_redo0",
    "#innodb_redo/#ib_redo1",
    "#ib_4096_0.dblwr",
    "#ib_16384_0.dblwr",
    "#ib_16384_1.dblwr",
    "#ib_16384_0.bdblwr",
    "d/t1.ibd",
    "d/t2.ibd",
    "undo_001",
    "mysql.ibd",
    "xb_doublewrite",
    "auto.cnf",
    "d/t1.isl",
];

/// No file grows beyond this.
const MOST: u64 = 8 << 20;

/// One piece: file (1), unit and stamp (1), which unit (2), length (2), bytes.
pub fn piece(name: &str, unit: usize, stamp: u8, number: u16, bytes: &[u8]) -> Vec<u8> {
    let name = NAMES.iter().position(|known| *known == name).expect("a known name") as u8;
    let unit = PageSize::PHYSICAL.iter().position(|size| size.bytes() == unit).expect("a page size") as u8;
    let bytes = &bytes[..bytes.len().min(65535)];
    let mut piece = vec![name, unit << 3 | stamp];
    piece.extend(number.to_be_bytes());
    piece.extend((bytes.len() as u16).to_be_bytes());
    piece.extend(bytes);
    piece
}

/// Pieces of files; nothing is made of an input that holds none.
fn make(root: &Path, bytes: &[u8]) -> Option<()> {
    let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut rest = bytes;
    while rest.len() > 6 {
        let (name, how) = (NAMES[byte(&mut rest) as usize % NAMES.len()], byte(&mut rest));
        let place = number(&mut rest);
        let (unit, len) =
            (PageSize::PHYSICAL[(how >> 3) as usize % PageSize::PHYSICAL.len()], place & 0xFFFF);
        let mut page = take(&mut rest, len as usize).to_vec();
        let start = u64::from(place >> 16) * unit.as_u64();
        page.resize(page.len().next_multiple_of(unit.bytes()), 0);
        if start + page.len() as u64 > MOST {
            continue;
        }
        stamp_all(&mut page, unit, how & 7);
        let file = files.entry(name).or_default();
        let end = start as usize + page.len();
        file.resize(file.len().max(end), 0);
        file[start as usize..end].copy_from_slice(&page);
    }
    if files.is_empty() {
        return None;
    }
    for dir in ["d", "#innodb_redo"] {
        if files.keys().any(|name| name.starts_with(dir)) {
            std::fs::create_dir_all(root.join(dir)).ok()?;
        }
    }
    for (name, content) in files {
        let mut file = std::fs::File::create(root.join(name)).ok()?;
        file.write_all(&content).ok()?;
    }
    Some(())
}

fn stamp_all(pages: &mut [u8], unit: PageSize, how: u8) {
    let (algorithm, format) = match how {
        1 => (Algorithm::Crc32, PageFormat::classic(unit)),
        2 => (Algorithm::Innodb, PageFormat::classic(unit)),
        3 => (Algorithm::FullCrc32, PageFormat::full_crc32(unit)),
        4 => return super::seals::redo(pages, false),
        5 => return super::seals::redo(pages, true),
        _ => return,
    };
    for page in pages.chunks_exact_mut(unit.bytes()) {
        let _ = stamp(page, &format, algorithm);
    }
}

/// Everything that is said of a survey.
pub fn report(survey: &Survey) {
    let sink = &mut std::io::sink();
    let verified = VerifyReport::of(survey);
    verified.write_text(sink, "data", true).unwrap();
    serde_json::to_vec(&verified).unwrap();
    let located = LocateReport::of(&survey.instance);
    located.write_text(sink).unwrap();
    serde_json::to_vec(&located).unwrap();
    let _ = Prediction::of(survey).line();
    for selection in selections() {
        if let Ok(plan) = choose(survey, &selection) {
            let report = RestoreReport::planned(survey, &plan);
            report.write_text(sink, Path::new("data"), true).unwrap();
            serde_json::to_vec(&report).unwrap();
        }
    }
}

fn selections() -> [RestoreSelection; 2] {
    [
        RestoreSelection { include_stale: true, ..RestoreSelection::default() },
        RestoreSelection { rules: RestoreRules::Server, ..RestoreSelection::default() },
    ]
}

fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = NAMES.iter().map(|name| root.join(name));
    files.filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?))).collect()
}

/// A directory of pieces.
pub fn directory(bytes: &[u8]) {
    let scratch = scratch();
    let root = scratch.path().join("data");
    std::fs::create_dir(&root).unwrap();
    if make(&root, bytes).is_none() {
        return;
    }
    let request = Request { path: root.clone(), ..Request::default() };
    // Finding out the page size of a file without a page 0 takes most of the time, and every survey does it: each input
    // pays for one page looked up and one kind of capture, and its length says which.
    let (page, redact) = ([0, 3, 5][bytes.len() % 3], bytes.len().is_multiple_of(2));
    let named = ["ibdata1", "d/t1.ibd", "undo_001"].map(|name| root.join(name)).into_iter();
    if let Some(path) = named.filter(|path| path.exists()).nth(bytes.len() / 3 % 2) {
        let _ = Lookup::run(&Request { path, ..Request::default() }, PageNo(page));
    }
    let before = contents(&root);
    let Ok(survey) = Survey::run(&request) else { return };
    report(&survey);
    let none = Slots { slots: Vec::new(), pages: Vec::new() };
    captured(&request, scratch.path(), redact);
    let plans: Vec<_> = selections().iter().filter_map(|selection| choose(&survey, selection).ok()).collect();
    if let Ok(inventory) = Inventory::of(survey.instance, |item, instance| none.names(item, instance)) {
        let dumped = DumpReport::of(&inventory, &none, None);
        dumped.write_text(&mut std::io::sink(), true).unwrap();
    }
    assert_eq!(contents(&root), before, "reading changed something");
    for (number, plan) in plans.into_iter().enumerate().filter(|(_, plan)| !plan.is_empty()) {
        plan_file::export(&RealDisk, &plan).expect("a plan that was just made");
        let journal = scratch.path().join(format!("journal{number}"));
        let applied = restore::apply_plan(&RealDisk, plan, &journal).expect("a plan that was just made");
        assert!(applied.all_verified() && applied.finished);
        let _ = Survey::run(&request);
        let (pass, reverting) =
            revert::run(&RealDisk, &journal, &Here::default()).expect("a journal that was just written");
        assert!(pass.all_verified() && reverting.moved_on.is_empty());
        assert_eq!(contents(&root), before, "the revert did not bring everything back");
    }
}

/// A capture of anything is a whole bundle.
fn captured(request: &Request, scratch: &Path, redact: bool) {
    let options = CaptureOptions { redact, ..CaptureOptions::default() };
    if let Ok((_, bytes)) = save(request, &options, Path::new("memory"), Vec::new()) {
        let path = scratch.join("bundle");
        std::fs::write(&path, bytes).unwrap();
        check(&path).expect("a bundle that was just written");
        let _ = Survey::run(&Request { path, ..Request::default() });
    }
}
