//! Bodies whose parsers read files.

use std::cell::RefCell;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use dblwr::internals::commands::check::baseline::{Baseline, BaselineOwner};
use dblwr::internals::commands::restore::journal::read;
use dblwr::internals::commands::restore::plan_file;
use dblwr::internals::commands::restore::plan_file::PlanFile;
use dblwr::internals::commands::restore::{Here, Plan, revert};
use dblwr::internals::disk::calls::Access;
use dblwr::internals::disk::real::RealDisk;
use dblwr::internals::instance::bundle::open;
use dblwr::internals::instance::bundle::read::{BundleReader, BundleRecord};
use dblwr::internals::instance::bundle::unpack::Bundle;
use dblwr::internals::instance::config::Config;
use dblwr::internals::instance::dblwr::{SeparateFile, locate_parallel};
use dblwr::internals::instance::locations::Locations;
use dblwr::internals::instance::request::Request;
use dblwr::internals::units::PageSize;
use dblwr::internals::verdict::survey::Survey;
use tempfile::TempDir;

use super::{byte, seals};

/// A new directory, in memory where the machine has a place for that.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
}

thread_local! {
    /// Where this thread writes its file again and again, instead of making a directory for each.
    static PLACE: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Lets this thread write all its files in one directory.
pub fn write_into(place: &Path) {
    PLACE.with_borrow_mut(|known| *known = Some(place.to_path_buf()));
}

/// The directory that one file was written into.
pub enum Scratch {
    New(TempDir),
    Kept(PathBuf),
}

impl Scratch {
    pub fn path(&self) -> &Path {
        match self {
            Scratch::New(dir) => dir.path(),
            Scratch::Kept(path) => path,
        }
    }
}

/// A directory with one file in it.
pub fn file(name: &str, bytes: &[u8]) -> (Scratch, PathBuf) {
    let kept = PLACE.with_borrow(Clone::clone);
    let dir = kept.map_or_else(|| Scratch::New(scratch()), Scratch::Kept);
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("write");
    (dir, path)
}

/// Page size (1), a doublewrite file.
pub fn slots(bytes: &[u8]) {
    let mut rest = bytes;
    let which = byte(&mut rest);
    let size = PageSize::LOGICAL[which as usize % PageSize::LOGICAL.len()];
    let name = match which / 64 {
        0 => "other.dblwr".to_owned(),
        1 => "xb_doublewrite".to_owned(),
        _ => format!("#ib_{}_0.dblwr", size.as_u32()),
    };
    let (_dir, path) = file(&name, rest);
    let separate = SeparateFile::parse(&path).or_else(|| SeparateFile::guess(&path, None));
    if let Some(area) = separate.and_then(|file| file.area(name.into()).ok().flatten()) {
        let mut seen = 0;
        area.for_each_slot(|slot| seen += slot.bytes.len()).expect("readable");
        assert!(seen <= rest.len(), "more bytes than the file has");
    }
    let _ = locate_parallel(&path, "parallel".into(), size);
    if let Ok(survey) = Survey::run(&Request { path, ..Request::default() }) {
        super::directory::report(&survey);
    }
}

/// What to seal and how many files (1), the redo files of one kind one behind the other.
pub fn redo(bytes: &[u8]) {
    let mut rest = bytes;
    let how = byte(&mut rest);
    let mut content = rest.to_vec();
    match how & 3 {
        1 => seals::redo(&mut content, false),
        2 => seals::redo(&mut content, true),
        _ => {}
    }
    let dir = scratch();
    let count = 1 + usize::from(how >> 2 & 3);
    let each = content.len().div_ceil(count).max(1);
    let ring = how & 0x40 == 0;
    if !ring {
        std::fs::create_dir(dir.path().join("#innodb_redo")).expect("a directory");
    }
    for (number, part) in content.chunks(each).enumerate() {
        let name = match ring {
            true => format!("ib_logfile{number}"),
            false => format!("#innodb_redo/#ib_redo{number}"),
        };
        std::fs::write(dir.path().join(name), part).expect("write");
    }
    for dir in [dir.path().to_path_buf(), dir.path().join("#innodb_redo")] {
        if let Ok(mut found) = dblwr::internals::instance::redo::read(&dir) {
            if let dblwr::internals::instance::redo::FoundRedo::Read(redo) = &mut found {
                let _ = dblwr::internals::instance::redo::history::Log::learn(redo);
            }
            let _ = dblwr::internals::instance::redo::shutdown(None, &found);
            serde_json::to_vec(&found).expect("JSON");
        }
    }
}

/// A journal, as it is and with sound seals.
pub fn journal(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), seals::journal(bytes)] {
        let (dir, path) = file("journal", &bytes);
        if read::open(&RealDisk, &path, Access::Read).is_ok() {
            let _ = revert::plan(&RealDisk, &path, &Here::at(dir.path()));
            let _ = revert::plan(&RealDisk, &path, &Here::default());
        }
    }
}

/// A bundle, as it is and with sound seals.
pub fn bundle(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), seals::bundle(bytes)] {
        let Some(sizes) = sizes(&bytes) else { continue };
        let (_dir, path) = file("bundle", &bytes);
        let Ok(bundle) = Bundle::open(&path) else { continue };
        let root = bundle.dir().canonicalize().expect("unpacked");
        assert!(root.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dblwr-bundle-")));
        let _ = open::open(&Request { path: path.clone(), ..Request::default() });
        let survey = (sizes < 64 << 20).then(|| Survey::run(&Request { path, ..Request::default() }));
        if let Some(Ok(survey)) = survey {
            super::directory::report(&survey);
        }
    }
}

/// Reads to the end; the sizes of all files together, if it is whole.
fn sizes(bytes: &[u8]) -> Option<u64> {
    let mut reader = BundleReader::new(Cursor::new(bytes), Path::new("b")).ok()?;
    let mut sizes = 0u64;
    while let Some(record) = reader.next().ok()? {
        if let BundleRecord::File(entry) = record {
            sizes = sizes.saturating_add(entry.size);
        }
    }
    Some(sizes)
}

/// A reviewed plan.
pub fn plan(bytes: &[u8]) {
    let Ok(reviewed) = serde_json::from_slice::<PlanFile>(bytes) else { return };
    let again = serde_json::to_vec(&reviewed).expect("JSON");
    assert_eq!(serde_json::from_slice::<PlanFile>(&again).expect("what was written"), reviewed);
    let nothing = Plan { root: std::env::temp_dir(), ..Plan::default() };
    let fits = plan_file::matches(&RealDisk, &reviewed, &[], &nothing).is_ok();
    assert!(!fits || reviewed.pages.is_empty(), "a plan with pages fits an empty one");
}

/// The server's configuration, and the places that it names.
pub fn config(bytes: &[u8]) {
    // What it includes would be read, whatever it is.
    if bytes.windows(8).any(|window| window.eq_ignore_ascii_case(b"!include")) {
        return;
    }
    let (dir, path) = file("my.cnf", bytes);
    if let Ok(config) = Config::read(&path) {
        let mut request = Request { path: dir.path().to_path_buf(), ..Request::default() };
        config.complete(&mut request);
        let _ = Locations::resolve(&request);
    }
    let spec = String::from_utf8_lossy(bytes).into_owned();
    let request =
        Request { path: dir.path().to_path_buf(), data_file_path: Some(spec), ..Request::default() };
    let _ = Locations::resolve(&request);
}

/// The accepted state of `check`.
pub fn baseline(bytes: &[u8]) {
    let (_dir, path) = file("baseline", bytes);
    let _ = Baseline::read(&path, &BaselineOwner::default());
}
