//! A bundle in the place of a directory: unpacked, and the request turned to its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::instance::bundle::read::bundle_of;
use crate::instance::bundle::unpack::Bundle;
use crate::instance::bundle::{DATA_DIR, StoredRequest};
use crate::instance::request::Request;
use crate::units::PageSize;

/// The same request where a bundle, or a file in one (`BUNDLE/d/t1.ibd`), is named: unpacked, with paths that can be
/// opened as long as this lives. Any other request as it is.
///
/// # Errors
/// The bundle is cut or altered, or has no such file.
pub fn open(request: &Request) -> Result<Request> {
    let Some((path, member)) = bundle_of(&request.path).filter(|_| request.bundle.is_none()) else {
        return Ok(request.clone());
    };
    let bundle = Arc::new(Bundle::open(&path)?);
    let mut request = request_of(&bundle, request)?;
    if let Some(member) = member {
        request.path = bundle.member(&member)?;
    }
    Ok(Request { bundle: Some(bundle), ..request })
}

/// The request that looks at the unpacked files. Page size and keys that were asked for now count.
///
/// # Errors
/// The manifest names a path that leads out of the bundle.
pub(super) fn request_of(bundle: &Bundle, asked: &Request) -> Result<Request> {
    let stored = &bundle.manifest.request;
    let place = |path: &Path| match crate::instance::bundle::is_safe(path) {
        true => Ok(bundle.dir().join(path)),
        false => Err(Error::foreign(
            &bundle.path,
            format!("its manifest names the path {path:?}, which leads out of it; do not trust this bundle"),
        )),
    };
    let option = |path: &Option<PathBuf>| path.as_deref().map(place).transpose();
    let StoredRequest {
        path,
        datadir,
        data_home_dir,
        doublewrite_dir,
        undo_dir,
        redo_dir,
        directories,
        data_file_path: _,
        parallel_doublewrite_path,
        page_size,
        doublewrite_off,
        undo_log_encrypt,
    } = stored;
    Ok(Request {
        path: place(path)?,
        datadir: option(datadir)?,
        data_home_dir: option(data_home_dir)?,
        doublewrite_dir: option(doublewrite_dir)?,
        undo_dir: option(undo_dir)?,
        redo_dir: option(redo_dir)?,
        directories: directories.iter().map(|dir| place(dir)).collect::<Result<_>>()?,
        data_file_path: data_file_path(bundle, stored)?,
        parallel_doublewrite_path: option(parallel_doublewrite_path)?,
        bundle: None,
        page_size: asked.page_size.or(page_size.and_then(PageSize::logical)),
        // Of the server's configuration: either may have it.
        doublewrite_off: *doublewrite_off || asked.doublewrite_off,
        undo_log_encrypt: *undo_log_encrypt || asked.undo_log_encrypt,
        remarks: asked.remarks.clone(),
        keyring: asked.keyring.clone(),
        keyring_password_file: asked.keyring_password_file.clone(),
    })
}

/// Names relative to the data home directory, `..` in front: as many as lead to the root of the bundle.
fn data_file_path(bundle: &Bundle, stored: &StoredRequest) -> Result<Option<String>> {
    let Some(spec) = &stored.data_file_path else { return Ok(None) };
    let depth = stored.data_home_dir.as_deref().or(stored.datadir.as_deref()).unwrap_or(DATA_DIR.as_ref());
    let up: PathBuf = depth.components().map(|_| "..").collect();
    for entry in spec.split(';') {
        let name = Path::new(entry.split(':').next().unwrap_or_default());
        if !name.strip_prefix(&up).is_ok_and(crate::instance::bundle::is_safe) {
            return Err(Error::foreign(
                &bundle.path,
                format!("its manifest names the data file {name:?}, which leads out of it"),
            ));
        }
    }
    Ok(Some(spec.clone()))
}
