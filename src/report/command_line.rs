//! Command lines that are printed: one function renders them, with every option that was given, quoted for a shell.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What was typed, as far as it matters to commands that are printed.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Where things lie, and what every command takes: `--datadir`, `--keyring`, `--threads`, ...
    pub places: Vec<OsString>,
    /// What only restores take: `--rules`, `--include-stale`, `--page`, `--copies-from`.
    pub restore: Vec<OsString>,
    /// The paths, for names that are not UTF-8.
    pub paths: Vec<OsString>,
}

/// One run is one command line.
static GIVEN: Mutex<Option<Given>> = Mutex::new(None);

/// Remembers what was given, for the rest of the run.
pub fn remember(given: Given) {
    *GIVEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
}

fn given() -> Given {
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

/// A command of this program on a path, in the places that were given.
pub fn on(word: &str, path: &str) -> String {
    let given = given();
    line(word, Some(&typed(&given, path)), &given.places)
}

/// The same as the restore that is running was told: with what it selects.
pub fn again(word: &str, path: &str) -> String {
    let given = given();
    let all: Vec<OsString> = given.places.iter().chain(&given.restore).cloned().collect();
    line(word, Some(&typed(&given, path)), &all)
}

/// A command on the bundle that was made: it knows where its parts lie, but not the keys.
pub fn on_bundle(word: &str, bundle: &str) -> String {
    let given = given();
    let mut options = Vec::new();
    let mut words = given.places.iter();
    while let Some(word) = words.next() {
        if word == "--keyring" || word == "--keyring-password-file" {
            options.extend([Some(word), words.next()].into_iter().flatten().cloned());
        }
    }
    line(word, Some(&typed(&given, bundle)), &options)
}

/// The restore of what was captured, with the copies in the bundle.
pub fn copies_from(bundle: &str) -> String {
    let given = given();
    let path =
        given.paths.first().map_or_else(|| "DATADIR".to_owned(), |path| path.to_string_lossy().into_owned());
    let bundle = typed(&given, bundle);
    format!("{} --copies-from {}", on("restore", &path), quoted(&bundle))
}

/// A revert of a journal, for the directory that it was written for.
pub fn revert(journal: &str, root: &Path) -> String {
    let mut places = given().places;
    let named = |option: &str| places.iter().any(|word| word == option);
    // A journal alone is believed only where it was made, and says nothing of files elsewhere.
    let elsewhere = ["--data-home-dir", "--undo-dir", "--redo-dir", "--directory", "--defaults-file"];
    if elsewhere.into_iter().any(named) && !named("--datadir") {
        places.extend(["--datadir".into(), root.as_os_str().to_owned()]);
    }
    line("revert", Some(OsStr::new(journal)), &places)
}

/// The path as it was typed, where a report has only what can be shown of it.
fn typed(given: &Given, shown: &str) -> OsString {
    let same = |path: &&OsString| path.to_string_lossy() == shown;
    given.paths.iter().find(same).cloned().unwrap_or_else(|| shown.into())
}

fn line(word: &str, path: Option<&OsStr>, options: &[OsString]) -> String {
    let mut line = format!("dblwr {word}");
    for word in path.into_iter().chain(options.iter().map(OsString::as_os_str)) {
        let _ = write!(line, " {}", if Some(word) == path { operand(word) } else { quoted(word) });
    }
    line
}

/// A path that no option can be mistaken for.
fn operand(path: &OsStr) -> String {
    if path.as_bytes().first() == Some(&b'-') && path != "-" {
        let mut here = OsString::from("./");
        here.push(path);
        return quoted(&here);
    }
    quoted(path)
}

/// A word as a shell takes it: as it is, in single quotes, or where it cannot be shown so, in `$'...'` (POSIX 2024).
pub fn quoted(word: &OsStr) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(b);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.bytes().all(|b| plain(&b)) => text.to_owned(),
        Some(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', "'\\''")),
        _ => {
            let mut out = String::from("$'");
            for &byte in word.as_bytes() {
                match byte {
                    b'\'' | b'\\' => out.extend(['\\', char::from(byte)]),
                    b' '..=b'~' => out.push(char::from(byte)),
                    // Octal, for a digit may follow.
                    _ => {
                        let _ = write!(out, "\\{byte:03o}");
                    }
                }
            }
            out + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gives_back_every_word() {
        let words: [&[u8]; 9] = [
            b"/var/lib/mysql",
            b"a b",
            b"it's",
            b"$(x) `y` \"z\" \\",
            b"",
            b"-x",
            b"a\nb\t7",
            b"\xFF\xFE7",
            "\u{e4}".as_bytes(),
        ];
        for word in words {
            let script = format!("printf %s {}", quoted(OsStr::from_bytes(word)));
            let said = std::process::Command::new("bash").args(["-c", &script]).output().unwrap().stdout;
            assert_eq!(said, word, "{script}");
        }
        assert_eq!(operand(OsStr::new("-x")), "./-x");
    }
}
