//! What README and runbook show is what the program prints. With `DBLWR_BLESS=1` in the environment the texts are
//! written anew instead.

use std::path::{Path, PathBuf};

use crate::support::{image, program, testdata};

/// Whether texts that differ are to be written anew.
pub fn blessing() -> bool {
    std::env::var_os("DBLWR_BLESS").is_some()
}

/// Compares a stored text with a fresh one, or stores the fresh one.
pub fn hold(file: &Path, fresh: &str) {
    let stored = std::fs::read_to_string(file).unwrap_or_default();
    if stored == fresh {
        return;
    }
    if blessing() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        return std::fs::write(file, fresh).unwrap();
    }
    let differs = |(stored, fresh): &(&str, &str)| stored != fresh;
    let first = stored.lines().zip(fresh.lines()).enumerate().find(|(_, pair)| differs(pair));
    let (number, (was, is)) = first.unwrap_or((0, ("(one is longer)", "(than the other)")));
    panic!(
        "{} is not what the program prints, first in line {}:\n- {was}\n+ {is}\nwritten anew by DBLWR_BLESS=1 cargo test \
         --test cli",
        file.display(),
        number + 1
    );
}

/// Runs a command line of `dblwr` in a terminal so wide; everything it prints, and how it ended.
pub fn run(line: &str, place: &Path, columns: usize) -> (String, i32) {
    let mut command = program(line.split_whitespace().skip(1));
    let output = command.current_dir(place).env("COLUMNS", columns.to_string()).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let text: Vec<&str> = text.split_inclusive('\n').collect();
    let text: String = text.into_iter().map(settled).collect();
    (without_size_of_bundle(&text), output.status.code().unwrap())
}

/// What differs from run to run: sums of bundles, times; and whether the page cache can be passed by, which is up
/// to the file system of the test.
fn settled(line: &str) -> String {
    if let Some((before, _)) = line.split_once(" read back and verified") {
        return format!("{before} read back and verified past the page cache\n");
    }
    let masked = line.trim_end_matches('\n').split(' ').map(|word| match word {
        _ if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => "[..]",
        _ if word.starts_with("time=") => "time=[..]",
        _ => word,
    });
    masked.collect::<Vec<_>>().join(" ") + "\n"
}

/// A bundle holds times and the paths of its files: its size is another one every time, wherever the line is folded.
fn without_size_of_bundle(text: &str) -> String {
    let Some((before, after)) = text.split_once(" in a bundle of") else { return text.to_owned() };
    let size = after.trim_start();
    let gap = &after[..after.len() - size.len()];
    format!("{before} in a bundle of{gap}[..]{}", size.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Whether a line is as shown: `[..]` stands for what differs from run to run.
fn alike(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let mut last = first;
    for part in parts {
        let Some(at) = rest.rfind(part) else { return false };
        (rest, last) = (&rest[at + part.len()..], part);
    }
    rest.is_empty() || last.is_empty() && shown.contains("[..]")
}

/// The documents' own directory: a torn page 5, a DETECT_ONLY one, a log.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::rename(image("m97-ibdata").keep(), place.path().join("data")).unwrap();
    std::fs::rename(image("m97-detect-only").keep(), place.path().join("other")).unwrap();
    std::fs::copy(testdata("logs/m97-ibdata.log"), place.path().join("mysqld.log")).unwrap();
    place
}

/// The document with every session played: each `$ dblwr` in a console block, and what it printed below it. A command
/// below which nothing is shown only has to be one that dblwr understands.
fn played(document: &str, place: &Path) -> (String, usize) {
    let (mut out, mut commands, mut fenced) = (String::new(), 0, false);
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line.starts_with("```") {
            fenced = line == "```console";
        }
        let Some(command) = line.strip_prefix("$ ").filter(|text| fenced && text.starts_with("dblwr "))
        else {
            continue;
        };
        let mut shown: Vec<&str> = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ") && !line.starts_with("```")) {
            shown.push(line);
        }
        let gap = shown.iter().rev().take_while(|line| line.is_empty()).count();
        shown.truncate(shown.len() - gap);
        let (text, code) = run(command.split("   ").next().unwrap(), place, 100);
        commands += 1;
        if shown.is_empty() {
            assert_ne!(code, 3, "{command}: {text}");
        } else {
            let printed = format!("{text}(exit status {code})");
            let same = shown.len() == printed.lines().count();
            for (at, line) in printed.lines().enumerate() {
                let kept = shown.get(at).filter(|shown| alike(shown, line) && same);
                out.push_str(kept.copied().unwrap_or(line));
                out.push('\n');
            }
        }
        out.push_str(&"\n".repeat(gap));
    }
    (out, commands)
}

fn hold_sessions(document: &str, least: usize) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(&file).unwrap();
    let (fresh, commands) = played(&text, place().path());
    assert!(commands >= least, "only {commands} commands were found in {document}");
    hold(&file, &fresh);
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    hold_sessions("README.md", 7);
}

#[test]
fn the_runbook_shows_what_the_program_prints() {
    hold_sessions("man/dblwr-runbook.md", 10);
}

#[test]
fn the_readme_is_short_and_says_do_not_second() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(text.lines().count() <= 220, "{} lines", text.lines().count());
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings.first(), Some(&"Do not"), "{headings:?}");
    // Links to files of this checkout go somewhere.
    for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        let file = link.split('#').next().unwrap();
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists();
        assert!(there, "README.md links to {link}, which is not there");
    }
}
