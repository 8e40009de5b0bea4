//! Whose files these are.

use std::io;
use std::path::Path;

use crate::disk::small;
use crate::error::Error;

/// Longest `auto.cnf` that is read; a server's has 56 bytes.
const LONGEST: u64 = 64 << 10;

/// `server_uuid` in `auto.cnf` of a data directory (MySQL 5.6 on, `mysqld.cc`): 36 characters.
pub fn server_uuid(datadir: &Path) -> Option<String> {
    let text = small::read_text(&datadir.join("auto.cnf"), LONGEST).ok()?;
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let name = name.trim().replace('_', "-");
        (name == "server-uuid").then(|| value.trim().to_ascii_lowercase())
    })?;
    let plain = value.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    (plain && value.len() == 36).then_some(value)
}

/// Why `auto.cnf` does not tell, where it is there: then whose files these are is not known.
pub fn unreadable(datadir: &Path) -> Option<Error> {
    let path = datadir.join("auto.cnf");
    let error = small::read(&path, LONGEST).err()?;
    let absent = error.kind() == io::ErrorKind::NotFound && !path.is_symlink();
    (!absent).then(|| Error::io(&path, "read")(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let uuid = "8a94f357-aab4-11df-86ab-c80aa9429562";
        for (text, found) in [
            (format!("[auto]\nserver-uuid={uuid}\n"), Some(uuid)),
            (format!("[auto]\nserver_uuid = {}\n", uuid.to_uppercase()), Some(uuid)),
            ("[auto]\nserver-uuid=../../etc\n".to_owned(), None),
            (String::new(), None),
        ] {
            std::fs::write(dir.path().join("auto.cnf"), text).unwrap();
            assert_eq!(server_uuid(dir.path()).as_deref(), found);
        }
    }
}
