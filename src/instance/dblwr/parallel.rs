//! Percona Server 5.7.11 to 8.0.19: the parallel doublewrite file, by default `xb_doublewrite` in the data home
//! directory. A raw array of slots; its presence means "not shut down cleanly".
//! Source: `buf_parallel_dblwr_make_path`, `buf_dblwr_init_or_load_pages` (Percona Server 5.7, 8.0.15).

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::instance::dblwr::{Area, Shape, separate};
use crate::instance::note::InstanceNote;
use crate::units::PageSize;

/// Default name of the file.
pub const DEFAULT_NAME: &str = "xb_doublewrite";
/// What Percona Server accepts at most: 127 shards of 128 slots.
const MAX_SLOTS: u64 = 127 * 128;

/// The parallel doublewrite file, if there is one with any slot in it.
///
/// # Errors
/// The file cannot be examined.
pub fn locate_parallel(path: &Path, name: PathBuf, size: PageSize) -> Result<Option<Area>> {
    let len = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(separate::odd(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_symlink() => {
            return Err(separate::odd(path));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(path, "examine")(error)),
    };
    let slots = (len / size.as_u64()).min(MAX_SLOTS);
    if slots == 0 {
        return Ok(None);
    }
    let mut area = Area::of_file(Shape::Parallel, path, name, size, u32::try_from(slots).unwrap_or(u32::MAX));
    area.notes.push(InstanceNote::Parallel);
    if len % size.as_u64() != 0 || len / size.as_u64() > MAX_SLOTS {
        area.notes.push(InstanceNote::ParallelLength(len));
    }
    Ok(Some(area))
}
