//! What a file has besides its bytes, given to a copy of it as far as the system allows.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::fs::XattrFlags;

/// Names and values of extended attributes are at most this long (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX` of Linux).
const LONGEST: usize = 1 << 16;

/// Gives owner, group, mode, extended attributes and times; what could not be given, in words.
///
/// # Errors
/// The file cannot be looked at.
pub fn keep(from: &File, to: &File) -> io::Result<Vec<String>> {
    let (of, is) = (from.metadata()?, to.metadata()?);
    let mut lost = Vec::new();
    // One by one: the group may be one of ours where the owner is not, and the owner ourselves.
    if of.gid() != is.gid()
        && let Err(error) = std::os::unix::fs::fchown(to, None, Some(of.gid()))
    {
        lost.push(format!("group {} ({error})", of.gid()));
    }
    if of.uid() != is.uid()
        && let Err(error) = std::os::unix::fs::fchown(to, Some(of.uid()), None)
    {
        lost.push(format!("owner {} ({error})", of.uid()));
    }
    // After the owner, whose change takes bits away; where the owner is another, others must not gain by it.
    let mode = if lost.is_empty() { of.mode() & 0o7777 } else { of.mode() & 0o700 };
    if let Err(error) = to.set_permissions(std::fs::Permissions::from_mode(mode)) {
        lost.push(format!("mode {:04o} ({error})", of.mode() & 0o7777));
    } else if mode != of.mode() & 0o7777 {
        lost.push(format!(
            "mode {:04o} (it is {mode:04o}, for owner or group are others)",
            of.mode() & 0o7777
        ));
    }
    attributes(from, to, &mut lost);
    let times = std::fs::FileTimes::new();
    let times = of.modified().map_or(times, |time| times.set_modified(time));
    let times = of.accessed().map_or(times, |time| times.set_accessed(time));
    lost.extend(to.set_times(times).err().map(|error| format!("times ({error})")));
    Ok(lost)
}

fn attributes(from: &File, to: &File, lost: &mut Vec<String>) {
    let mut names = vec![0_u8; LONGEST];
    let Ok(length) = rustix::fs::flistxattr(from, &mut names[..]) else { return };
    let mut value = vec![0_u8; LONGEST];
    let named = names.get(..length).unwrap_or_default().split(|&b| b == 0).filter(|name| !name.is_empty());
    for name in named {
        let given = rustix::fs::fgetxattr(from, name, &mut value[..]).and_then(|length| {
            let value = value.get(..length).unwrap_or_default();
            rustix::fs::fsetxattr(to, name, value, XattrFlags::empty())
        });
        if let Err(error) = given {
            lost.push(format!("extended attribute {} ({error})", String::from_utf8_lossy(name)));
        }
    }
}
