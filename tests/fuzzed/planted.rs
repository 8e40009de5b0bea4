//! Bodies of small files that anybody could plant, besides those in `files` and `pages`.

use std::path::Path;

use dblwr::internals::cli::resume::Resume;
use dblwr::internals::disk::output::Untouchable;
use dblwr::internals::instance::discover::{discover, read_isl};
use dblwr::internals::instance::identity::server_uuid;
use dblwr::internals::instance::locations::Locations;
use dblwr::internals::instance::request::Request;

use super::files::file;

/// The record of a scan, and what it says of two files.
pub fn resume(bytes: &[u8]) {
    let (_dir, path) = file("resume", bytes);
    let Ok(mut resume) = Resume::open(&path, &Untouchable::default()) else { return };
    let _ = resume.of_server(Path::new("data"), Some("8a94f357-aab4-11df-86ab-c80aa9429562".to_owned()));
    for shown in ["data/d/t1.ibd", "ibdata1"] {
        let _ = resume.take(0, shown, &path);
    }
}

/// A link file, and what it leads to.
pub fn link(bytes: &[u8]) {
    let (dir, path) = file("t.isl", bytes);
    if read_isl(&path).is_ok() {
        let request = Request { path: dir.path().to_path_buf(), ..Request::default() };
        let _ = Locations::resolve(&request).map(|places| discover(&places));
    }
    std::fs::remove_file(path).expect("removed");
}

/// A server's `auto.cnf`.
pub fn uuid(bytes: &[u8]) {
    let (dir, _path) = file("auto.cnf", bytes);
    if let Some(uuid) = server_uuid(dir.path()) {
        assert!(uuid.len() == 36 && uuid.chars().all(|c| c.is_ascii_hexdigit() || c == '-'), "{uuid}");
    }
}
