//! The manual pages that are checked in are those that the program prints.

use std::path::Path;

use crate::support::dblwr;

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

/// The runbook that people read and the manual page are one text.
#[test]
fn the_runbook_is_made_from_its_markdown() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let printed = String::from_utf8(dblwr(["man", "runbook"]).stdout).unwrap();
    let stored = std::fs::read_to_string(man.join("dblwr-runbook.7")).unwrap();
    assert!(
        stored == printed,
        "man/dblwr-runbook.7 is not what dblwr man runbook prints; write it anew with man/update"
    );
    let markdown = std::fs::read_to_string(man.join("dblwr-runbook.md")).unwrap();
    let blocks = markdown.lines().filter(|line| line.starts_with("```")).count() / 2;
    assert_eq!((printed.matches("\n.EX\n").count(), printed.matches("\n.EE\n").count()), (blocks, blocks));
    for heading in markdown.lines().filter_map(|line| line.strip_prefix("## ")) {
        assert!(printed.contains(&format!(".SH {}\n", heading.to_uppercase())), "{heading}");
    }
    for text in ["\\fB\\-\\-apply\\fR", "$ dblwr verify data\n", ".IP \\(bu 2\n", ".IP 1. 4\n"] {
        assert!(printed.contains(text), "no {text} in the manual page");
    }
}
