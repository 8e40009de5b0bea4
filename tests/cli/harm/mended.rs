//! `restore --to`: the copies are what their files are, as far as that may be.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::support::{code, dblwr, image, json, stderr};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_mended_copy_keeps_owner_group_mode_attributes_and_times_or_says_that_it_does_not() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (data, to) = (dir.path(), away.path().join("mended"));
    let table = data.join("d/t1.ibd");
    let administrator = chown(&table, Some(1234), Some(2345)).is_ok();
    std::fs::set_permissions(&table, std::fs::Permissions::from_mode(0o640)).unwrap();
    let named = Command::new("setfattr").args(["-n", "user.dblwr", "-v", "kept", text(&table)]).status();
    let attribute = named.is_ok_and(|status| status.success());
    let file = std::fs::File::options().write(true).open(&table).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_500_000_000);
    file.set_times(std::fs::FileTimes::new().set_modified(time)).unwrap();
    let copied = dblwr(["restore", text(data), "--json", "--to", text(&to)]);
    assert_eq!(code(&copied), 0, "{}", stderr(&copied));
    let found = std::fs::metadata(to.join("d/t1.ibd")).unwrap();
    assert_eq!((found.mode() & 0o7777, found.mtime()), (0o640, 1_500_000_000));
    if administrator {
        assert_eq!((found.uid(), found.gid()), (1234, 2345));
    }
    assert_eq!(json(&copied)["copies"][0]["not_kept"], serde_json::json!([]));
    if attribute {
        let shown = Command::new("getfattr").args(["-n", "user.dblwr", text(&to.join("d/t1.ibd"))]).output();
        assert!(String::from_utf8_lossy(&shown.unwrap().stdout).contains("kept"));
    }
}

/// A user who may read the files but give nothing away.
#[test]
fn what_a_copy_does_not_keep_is_said() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let to = away.path().join("mended");
    std::fs::set_permissions(away.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let readable = Command::new("chmod").args(["-R", "a+rX", text(dir.path())]).status().unwrap();
    assert!(readable.success());
    let copied = || {
        let setpriv = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let mut command = Command::new("setpriv");
        command.args(setpriv).arg(env!("CARGO_BIN_EXE_dblwr"));
        let output = command.args(["restore", text(dir.path()), "--to", text(&to)]).output();
        let output = output.ok().filter(|output| output.status.code() == Some(0))?;
        std::fs::remove_dir_all(&to).unwrap();
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(said) = copied() else {
        eprintln!("skipped: another user cannot be had here");
        return;
    };
    assert!(said.contains("not kept: owner") && said.contains("not kept: group"), "{said}");
    // The owner is that user, the group is none of its own.
    chown(dir.path().join("d/t1.ibd"), Some(65534), Some(1234)).unwrap();
    let said = copied().unwrap();
    assert!(!said.contains("not kept: owner") && said.contains("not kept: group"), "{said}");
}
