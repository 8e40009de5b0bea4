//! This machine and who runs on it: names for a custody record, and whether a process is there.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Pid, geteuid, test_kill_process};

/// The name of this host, where the system tells.
pub fn host() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}

/// The number of the effective user.
pub fn effective_uid() -> u32 {
    geteuid().as_raw()
}

/// The name of the effective user: what the environment says of it could be anything.
pub fn user() -> Option<String> {
    let uid = effective_uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut entries = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    entries
        .find(|fields| fields.get(2) == Some(&uid.as_str()))
        .and_then(|fields| fields.first().map(|&n| n.into()))
}

/// Whether nobody but the effective user, and the administrator, can make files in a directory.
///
/// # Errors
/// It cannot be looked at.
pub fn only_owner_writes(dir: &Path) -> io::Result<bool> {
    let metadata = std::fs::metadata(dir)?;
    Ok(metadata.mode() & 0o022 == 0 && [effective_uid(), 0].contains(&metadata.uid()))
}

/// Whether a path is a regular file of the effective user that nobody else may write. Links are not followed.
pub fn is_own_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path)
        .is_ok_and(|m| m.is_file() && m.uid() == effective_uid() && m.mode() & 0o022 == 0)
}

/// Whether a process of this number runs. Zero and negative numbers name groups, not processes: never.
pub fn runs(pid: i32) -> bool {
    // A negative number would be a panic in rustix, in debug builds.
    let pid = Some(pid).filter(|&pid| pid > 0).and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// Lets a write beyond `ulimit -f` fail, as on a full disk: by default its signal ends the program in the middle of a pass.
pub fn outlive_the_size_limit() {
    // Where that is refused, the signal does what it always did.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
