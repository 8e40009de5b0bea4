//! Help that a tired person can follow: it fits a screen, its examples run, and wrong words get the right ones.

use std::path::Path;
use std::process::Command;

use crate::sessions::run;
use crate::support::{code, dblwr, image, stderr, testdata};

fn subcommands() -> Vec<String> {
    let help = String::from_utf8(dblwr(["--help"]).stdout).unwrap();
    let listed = help.split("Commands:\n").nth(1).expect("a list of commands");
    let lines =
        listed.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

fn help(words: &[&str], columns: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
    let output = command.args(words).env("COLUMNS", columns).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The line on which a heading or an option stands.
fn at(help: &str, what: &str) -> usize {
    help.lines()
        .position(|line| line.trim_start().starts_with(what))
        .unwrap_or_else(|| panic!("no {what} in:\n{help}"))
}

#[test]
fn short_help_fits_one_screen() {
    // A terminal of 80 columns and 24 lines, the last of which has the next prompt.
    let of_all = [vec!["-h".to_owned()]];
    for words in subcommands().into_iter().map(|name| vec![name, "-h".to_owned()]).chain(of_all) {
        let text = help(&words.iter().map(String::as_str).collect::<Vec<_>>(), "80");
        assert!(text.lines().count() <= 23, "{words:?} has {} lines\n{text}", text.lines().count());
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.contains("dblwr man runbook") && text.contains(" --help"), "{text}");
    }
}

#[test]
fn own_options_come_before_those_of_all_commands() {
    let text = help(&["restore", "--help"], "100");
    let order = [
        "Options:",
        "--apply",
        "--i-am-sure",
        "Where things lie:",
        "--datadir",
        "Output:",
        "--format",
        "Speed:",
        "--threads",
        "EXAMPLES",
        "EXIT STATUS",
    ];
    let lines: Vec<usize> = order.iter().map(|what| at(&text, what)).collect();
    assert!(lines.is_sorted(), "{order:?} {lines:?}\n{text}");
}

/// The command lines below EXAMPLES.
fn examples(help: &str) -> Vec<String> {
    let below = help.split("EXAMPLES\n").nth(1).unwrap_or_default().split("\nEXIT STATUS").next().unwrap();
    below.lines().map(str::trim).filter(|line| line.starts_with("dblwr ")).map(str::to_owned).collect()
}

#[test]
fn every_example_runs_on_a_shipped_image() {
    let names = subcommands();
    for name in names.iter().map(Some).chain([None]) {
        let words: Vec<&str> = name.map(String::as_str).into_iter().chain(["--help"]).collect();
        let text = help(&words, "100");
        assert!(text.contains("EXIT STATUS"), "{text}");
        let examples = examples(&text);
        assert!(!examples.is_empty(), "{words:?} has no examples");
        let place = scratch(name.is_some_and(|name| name == "revert"));
        for example in examples {
            let (printed, code) = run(&example.replace("/var/lib/mysql", "data"), place.path(), 80);
            assert_ne!(code, 3, "{example}: {printed}");
        }
    }
}

/// What the examples name: a data directory, a log, a configuration, a disk; for `revert` a journal.
fn scratch(restored: bool) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let of = |name: &str| place.path().join(name);
    std::fs::rename(image("m97-ibdata").keep(), of("data")).unwrap();
    std::fs::copy(testdata("logs/m97-ibdata.log"), of("error.log")).unwrap();
    std::fs::write(of("my.cnf"), "[mysqld]\ninnodb_page_size=16384\n").unwrap();
    std::fs::copy(of("data/#ib_16384_0.dblwr"), of("disk.img")).unwrap();
    if restored {
        assert_eq!(run("dblwr restore data --apply --journal restore.journal", place.path(), 80).1, 0);
    }
    place
}

#[test]
fn manual_pages_have_examples_and_exit_status() {
    for name in subcommands() {
        let page = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("man/dblwr-{name}.1")),
        );
        let page = page.unwrap();
        assert!(!page.contains("\\fR\n\n.TP"), "{name}: an option without a word on what it does\n{page}");
        assert!(page.contains("\n.SH EXAMPLES\n.") || page.contains("\n.SH EXAMPLES\n"), "{name}");
        assert!(page.contains("\n.SH \"EXIT STATUS\"\n") && page.contains("dblwr\\-runbook (7)"), "{name}");
    }
}

#[test]
fn wrong_words_get_the_right_ones() {
    let data = image("m97-clean-kill");
    let dir = data.path().to_str().unwrap();
    let text = data.path().join("notes.txt");
    std::fs::write(&text, "call me back\n").unwrap();
    let text = text.to_str().unwrap();
    for (words, wanted) in [
        (vec![dir], format!("did you mean dblwr verify {dir}")),
        (vec!["verfy", dir], "a similar subcommand exists: 'verify'".to_owned()),
        (vec!["/nope"], "/nope: no such file or directory".to_owned()),
        (vec!["verify", "/nope"], "/nope: cannot look at: No such file or directory".to_owned()),
        (vec!["scan", dir, "--rate", "-1"], "a rate is a whole number of MiB a second, 1 or more".to_owned()),
        (vec!["scan", dir, "--threads", "0"], "a number of threads is 1 or more".to_owned()),
        (
            vec!["check", "-H", "db1"],
            "check has no -H: it looks at files of the host that it runs on".to_owned(),
        ),
        (vec!["man", "foo"], "restore".to_owned()),
        (vec!["man", "restor"], "a similar value exists: 'restore'".to_owned()),
        (vec!["schema", "verfy"], "a similar value exists: 'verify'".to_owned()),
        (vec!["revert", text], "this is no journal of dblwr".to_owned()),
        (vec!["verify", text], "nothing in it looks like an InnoDB page".to_owned()),
    ] {
        let output = dblwr(&words);
        assert_eq!(code(&output), 3, "{words:?}");
        assert!(stderr(&output).contains(&wanted), "{words:?}: {} lacks {wanted}", stderr(&output));
    }
}

#[test]
fn completions_know_the_words_of_man_and_schema() {
    let script = String::from_utf8(dblwr(["completions", "bash"]).stdout).unwrap();
    let of = |name: &str| {
        let from = script.split(&format!("dblwr__subcmd__{name})\n")).last().unwrap();
        from.lines().next().unwrap().to_owned()
    };
    assert!(of("man").contains(" restore ") && of("man").contains("runbook"), "{}", of("man"));
    assert!(of("schema").contains(" scan-line "), "{}", of("schema"));
}
