//! The manual pages that are checked in are those that the program prints, and what the runbook shows is what it prints.

use std::path::Path;
use std::process::Command;

use crate::support::{dblwr, image, testdata};

/// Every subcommand that `--help` lists has a page, and `dblwr man NAME` prints it.
fn subcommands() -> Vec<String> {
    let help = String::from_utf8(dblwr(["--help"]).stdout).unwrap();
    let listed = help.split("Commands:\n").nth(1).expect("a list of commands");
    let lines = listed.lines().take_while(|line| line.starts_with("  "));
    // What is folded stands further in.
    let named = lines.filter(|line| !line.starts_with("   "));
    let names = named.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn pages_are_current() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let main = ("dblwr.1".to_owned(), dblwr(["man"]).stdout);
    let commands = subcommands();
    assert!(commands.len() >= 14, "{commands:?}");
    let others = commands.iter().map(|name| (format!("dblwr-{name}.1"), dblwr(["man", name]).stdout));
    for (file, printed) in std::iter::once(main).chain(others) {
        let stored = std::fs::read(man.join(&file)).unwrap_or_default();
        assert!(!printed.is_empty(), "{file}: nothing is printed");
        assert!(stored == printed, "man/{file} is not what dblwr man prints; write it anew with man/update");
    }
}

/// Text between `.EX` and `.EE`, as a reader sees it.
fn shown(page: &str) -> Vec<String> {
    let plain =
        |text: &str| text.replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "").replace("\\e", "\\");
    let blocks = page.split("\n.EX\n").skip(1);
    blocks.map(|block| plain(block.split("\n.EE\n").next().unwrap())).collect()
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

#[test]
fn the_runbook_shows_what_the_program_prints() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("man/dblwr-runbook.7")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let data = image("m97-ibdata");
    std::fs::rename(data.path(), place.path().join("data")).unwrap();
    std::fs::rename(image("m97-detect-only").keep(), place.path().join("other")).unwrap();
    std::fs::copy(testdata("logs/m97-ibdata.log"), place.path().join("mysqld.log")).unwrap();
    let mut played = 0;
    for block in shown(&page) {
        let Some(session) = block.strip_prefix("$ dblwr ") else { continue };
        let (words, wanted) = session.split_once('\n').unwrap_or((session, ""));
        let output = Command::new(env!("CARGO_BIN_EXE_dblwr"))
            .args(words.split_whitespace())
            .current_dir(place.path())
            .output()
            .unwrap();
        let mut printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        printed.push_str(&format!("(exit status {})", output.status.code().unwrap()));
        let same = wanted.lines().count() == printed.lines().count()
            && wanted.lines().zip(printed.lines()).all(|(shown, printed)| alike(shown, printed));
        assert!(same, "dblwr {words}\n--- the runbook shows\n{wanted}\n--- it prints\n{printed}");
        played += 1;
    }
    assert!(played >= 10, "only {played} commands were found in the runbook");
}
