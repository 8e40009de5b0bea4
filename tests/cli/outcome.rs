//! What a command says of what it did, and that it says so whatever stands in its way: a format that it does not have, a
//! full disk behind standard output, a reader that went away, a page cache that answers instead of the device.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::support::{code, image, json, program, stderr, testdata, tree};
use serde_json::Value;

/// A crashed directory `data`, one that was `mended` under `journal`, and the folder `out` to write to.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        static FIRST: OnceLock<Place> = OnceLock::new();
        let first = FIRST.get_or_init(Place::make);
        Place::copy(first, tempfile::tempdir().unwrap())
    }

    /// The same on another file system.
    fn in_dir(dir: tempfile::TempDir) -> Place {
        Place::copy(&Place::new(), dir)
    }

    fn copy(from: &Place, to: tempfile::TempDir) -> Place {
        let copied = Command::new("cp").arg("-a").arg(from.0.path().join(".")).arg(to.path()).status();
        assert!(copied.unwrap().success());
        Place(to)
    }

    fn make() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let path = place.0.path();
        for name in ["data", "mended"] {
            std::fs::rename(image("ma1011-full-16k").keep(), path.join(name)).unwrap();
        }
        std::fs::create_dir(path.join("out")).unwrap();
        std::fs::copy(testdata("logs/m56-innodb-16k.log"), path.join("log")).unwrap();
        assert_eq!(code(&place.run("restore mended --apply --journal journal")), 0);
        place
    }

    fn command(&self, words: &str) -> Command {
        let mut command = program(words.split(' '));
        command.current_dir(self.0.path());
        command
    }

    fn run(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// Everything that there is, and when it was written.
    fn state(&self) -> BTreeMap<PathBuf, (u64, SystemTime)> {
        let mut state = BTreeMap::new();
        note(self.0.path(), &mut state);
        state
    }
}

fn note(dir: &Path, into: &mut BTreeMap<PathBuf, (u64, SystemTime)>) {
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let metadata = path.metadata().unwrap();
        if metadata.is_dir() {
            note(&path, into);
        }
        into.insert(path, (metadata.len(), metadata.modified().unwrap()));
    }
}

/// Every subcommand, and every option of one that makes it write a file.
const COMMANDS: [&str; 26] = [
    "locate data",
    "redo data",
    "dump data",
    "dump data --out out/pages",
    "verify data",
    "restore data",
    "restore data --plan-out out/plan",
    "restore data --to out/copies",
    "restore data --apply --journal out/journal",
    "revert journal --datadir mended",
    "revert journal --datadir mended --apply",
    "scan data",
    "scan data --resume out/state",
    "page data/d/t1.ibd 3",
    "check data --reads 1",
    "check data --reads 1 --out out/answer",
    "check data --reads 1 --baseline out/baseline --accept",
    "explain-log log",
    "carve data/ibdata1",
    "carve data/ibdata1 --out out/pages",
    "capture data --out out/bundle",
    "verify data --record out/record",
    "schema",
    "schema verify",
    "completions bash",
    "man",
];

fn formats() -> Vec<String> {
    let refused =
        Command::new(env!("CARGO_BIN_EXE_dblwr")).args(["verify", "x", "--format", "?"]).output().unwrap();
    let said = stderr(&refused);
    let list = said.split("[possible values: ").nth(1).unwrap().split(']').next().unwrap();
    list.split(", ").map(str::to_owned).collect()
}

fn writes(words: &str, format: &str) -> bool {
    match words.split(' ').next().unwrap() {
        "scan" => true,
        "man" | "completions" => format == "table",
        "schema" if words == "schema" => format == "table",
        _ => format != "csv",
    }
}

#[test]
fn a_format_that_a_command_cannot_write_is_refused_before_any_work() {
    let help = String::from_utf8(Place::new().run("--help").stdout).unwrap();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().lines();
    let listed: BTreeSet<&str> = listed
        .filter(|line| !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let tried: BTreeSet<&str> =
        COMMANDS.iter().map(|words| words.split(' ').next().unwrap()).chain(["help"]).collect();
    assert_eq!(listed, tried, "a subcommand is not tried");
    let formats = formats();
    assert_eq!(formats, ["table", "json", "jsonl", "csv"]);
    let mut place = Place::new();
    for words in COMMANDS {
        for format in &formats {
            let before = place.state();
            let output = place.run(&format!("{words} --format {format}"));
            let said = String::from_utf8(output.stdout.clone()).unwrap();
            if writes(words, format) {
                assert_ne!(code(&output), 3, "{words} {format}: {}", stderr(&output));
                // With --out the answer is in the file, and one line of it here.
                assert!(!said.is_empty() || words.contains("--out out/answer"), "{words} {format}");
                if (format == "json" || format == "jsonl") && !words.contains("--out out/answer") {
                    documents(&said).unwrap_or_else(|e| panic!("{words} {format}: {e}"));
                }
                let lines = said.lines().count();
                assert!(
                    format != "jsonl" || words.starts_with("scan") || lines <= 1,
                    "{words}: {lines} lines"
                );
                if place.state() != before {
                    place = Place::new();
                }
                continue;
            }
            assert_eq!(code(&output), 3, "{words} {format}: {said}");
            assert_eq!(place.state(), before, "{words} {format}");
            assert!(stderr(&output).contains(&format!("--format {format}")), "{words}: {}", stderr(&output));
            let scheduler = words.starts_with("check");
            assert_eq!(said.starts_with("DBLWR UNKNOWN - "), scheduler, "{words}: {said}");
            assert!(scheduler || said.is_empty(), "{words}: {said}");
        }
    }
}

fn documents(text: &str) -> serde_json::Result<Vec<Value>> {
    serde_json::Deserializer::from_str(text).into_iter().collect()
}

/// Commands that write, and what has to be named when nothing can be said on standard output.
const WRITERS: [(&str, &str); 8] = [
    ("restore data --apply --journal out/journal", "out/journal"),
    ("revert journal --datadir mended --apply", "journal.revert"),
    ("capture data --out out/bundle", "out/bundle"),
    ("restore data --plan-out out/plan", "out/plan"),
    ("restore data --to out/copies", "out/copies"),
    ("dump data --out out/pages", "out/pages"),
    ("carve data/ibdata1 --out out/pages", "out/pages"),
    ("check data --reads 1 --baseline out/baseline --accept", "out/baseline"),
];

#[test]
fn a_write_counts_although_standard_output_fails() {
    for (words, named) in WRITERS {
        for format in ["table", "json"] {
            let words = format!("{words} --format {format}");
            let heard = Place::new();
            let ended = code(&heard.run(&words));
            let after = written(&heard, named);
            for stream in ["/dev/full", "a closed pipe"] {
                let place = Place::new();
                let output = place.command(&words).stdout(unheard(stream)).output().unwrap();
                assert_eq!(code(&output), ended, "{words} > {stream}: {}", stderr(&output));
                assert!(stderr(&output).contains(named), "{words} > {stream}: {}", stderr(&output));
                assert_eq!(written(&place, named), after, "{words} > {stream}");
            }
        }
    }
    // Without a write it stays an answer that nobody got.
    let place = Place::new();
    for words in ["verify data", "restore data", "revert journal --datadir mended", "scan data"] {
        let output = place.command(words).stdout(unheard("/dev/full")).output().unwrap();
        assert_eq!(code(&output), 3, "{words}: {}", stderr(&output));
    }
}

#[test]
fn a_pass_that_was_finished_first_counts_although_what_came_next_is_refused() {
    // A journal is finished where it was made only.
    let place = Place::make();
    let journal = place.0.path().join("journal");
    let bytes = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &bytes[..bytes.len() - 32]).unwrap();
    let elsewhere = "restore mended --apply --journal journal --page 5:400";
    let output = place.run(elsewhere);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("the interrupted pass of journal was finished first"),
        "{}",
        stderr(&output)
    );
    // The pass is over now, and nothing was written by the same command.
    assert_eq!(code(&place.run(elsewhere)), 3);
}

#[test]
fn a_custody_record_that_cannot_be_written_does_not_hide_the_write() {
    let place = Place::new();
    let output = place.run("restore data --apply --journal out/journal --record /dev/full");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("journal: out/journal"), "{}", stderr(&output));
}

fn unheard(stream: &str) -> Stdio {
    if stream == "/dev/full" {
        return File::options().write(true).open(stream).unwrap().into();
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// The data and the names of what was made: bundles and journals bear times and ids.
fn written(place: &Place, named: &str) -> (crate::support::Tree, BTreeSet<PathBuf>) {
    let all = tree(place.0.path());
    assert!(all.keys().any(|path| path.starts_with(named)), "{named} is not there: {:?}", all.keys());
    let is_data = |path: &Path| path.starts_with("data") || path.starts_with("mended");
    (all.clone().into_iter().filter(|(path, _)| is_data(path)).collect(), all.into_keys().collect())
}

/// A file system that takes `O_DIRECT` and has no device behind it.
fn in_memory() -> Option<tempfile::TempDir> {
    let shm = Path::new("/dev/shm");
    let is_tmpfs = rustix::fs::statfs(shm).is_ok_and(|found| found.f_type == 0x0102_1994);
    is_tmpfs.then(|| tempfile::tempdir_in(shm).ok()).flatten()
}

#[test]
fn how_sure_the_read_back_was_stands_in_the_document_and_in_the_sentence() {
    let places = [Some(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()), in_memory()];
    for (dir, must_be) in places.into_iter().zip([None, Some("cache")]) {
        let Some(dir) = dir else { continue };
        let place = Place::in_dir(dir);
        let ways = |words: &str| {
            let output = place.run(&format!("{words} --json"));
            assert!(code(&output) < 3, "{words}: {}", stderr(&output));
            let pages = json(&output)["pages"].as_array().unwrap().clone();
            assert!(!pages.is_empty(), "{words}");
            pages.iter().map(|page| page["read_back"].clone()).collect::<Vec<Value>>()
        };
        for words in ["restore data", "revert journal --datadir mended"] {
            assert!(ways(words).iter().all(Value::is_null), "{words}: nothing was read back");
        }
        let found = ways("restore data --apply --journal out/journal")[0].as_str().unwrap().to_owned();
        assert!(must_be.is_none_or(|way| way == found), "{found}");
        assert_eq!(ways("revert out/journal --apply"), [found.as_str()]);
        assert_eq!(ways("restore data --to out/copies"), [found.as_str()]);
        let sentence = match found.as_str() {
            "device" => "read back and verified past the page cache",
            "cache" => "read back and verified, but the page cache may have answered",
            other => panic!("{other}"),
        };
        for words in [
            "restore data --to out/again",
            "restore data --apply --journal out/next",
            "revert out/next --apply",
        ] {
            let said = String::from_utf8(place.run(words).stdout).unwrap();
            assert!(said.lines().next().unwrap().contains(sentence), "{words}: {said}");
        }
    }
}

#[test]
fn a_revert_says_that_the_pass_never_came_to_its_end() {
    // A journal is finished where it was made only.
    let place = Place::make();
    let cut = |by: u64| {
        let file = File::options().write(true).open(place.0.path().join("journal")).unwrap();
        file.set_len(file.metadata().unwrap().len() - by).unwrap();
    };
    let told = |words: &str| {
        let text = String::from_utf8(place.run(words).stdout).unwrap();
        let complete = json(&place.run(&format!("{words} --json")))["journal_complete"].clone();
        (complete, text.contains("no mark at its end"))
    };
    assert_eq!(told("revert journal --datadir mended"), (Value::Bool(true), false));
    // A torn mark is none.
    for by in [1, 31] {
        cut(by);
        assert_eq!(told("revert journal --datadir mended"), (Value::Bool(false), true), "{by}");
    }
    assert_eq!(told("revert journal --datadir mended --apply"), (Value::Bool(false), true));
    // The mark is put back by those who finish the pass.
    assert_eq!(code(&place.run("restore mended --apply --journal journal")), 0);
    assert_eq!(told("revert journal --datadir mended"), (Value::Bool(true), false));
}

#[test]
fn a_state_has_the_name_of_the_contract_in_text_too() {
    let place = Place::new();
    let table = File::options().write(true).open(place.0.path().join("data/d/t1.ibd")).unwrap();
    table.set_len(9 * 16384).unwrap();
    let text = String::from_utf8(place.run("verify data -v").stdout).unwrap();
    assert!(text.contains("out_of_bounds") && !text.contains("outofbounds"), "{text}");
    let states = json(&place.run("verify data --json"));
    let mut pages = states["pages"].as_array().unwrap().iter();
    assert!(pages.any(|page| page["home"]["state"] == "out_of_bounds"), "{states}");
}
