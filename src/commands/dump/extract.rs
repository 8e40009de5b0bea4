//! Names of the files that pages are extracted to.

use std::path::Path;

/// The last part of a path, fit for a file name.
pub fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| "image".to_owned(), |name| name.to_string_lossy().replace('/', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_have_no_directories() {
        assert_eq!(name_of(Path::new("#innodb/#ib_16384_0.dblwr")), "#ib_16384_0.dblwr");
        assert_eq!(name_of(Path::new("..")), "image");
    }
}
