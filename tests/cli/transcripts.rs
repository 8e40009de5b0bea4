//! Every command over four real images in terminals of 60, 80 and 120 columns: what is printed lies in `transcripts/`,
//! and no line of it is wider than the terminal. Written anew by `DBLWR_BLESS=1 cargo test --test cli`.

use std::path::Path;

use crate::sessions::{hold, run};
use crate::support::{image, testdata};

/// More lines than this of one command say nothing new.
const MAX_LINES: usize = 40;

fn commands(page: &str, file: &str) -> Vec<String> {
    let plain = ["locate", "dump", "verify", "scan", "check", "restore"];
    let mut commands: Vec<String> = plain.iter().map(|name| format!("dblwr {name} data")).collect();
    commands.extend([
        "dblwr verify data -v".to_owned(),
        format!("dblwr page data/{file} {page}"),
        "dblwr carve slots.img".to_owned(),
        "dblwr explain-log mysqld.log --against data".to_owned(),
        "dblwr capture data --out crash.bundle".to_owned(),
        "dblwr restore data --apply --journal restore.journal".to_owned(),
        "dblwr revert restore.journal --apply".to_owned(),
    ]);
    commands
}

/// What differs from run to run.
fn settled(text: &str) -> String {
    let mut out = String::new();
    let mut headline = false;
    for line in text.lines() {
        // Whether the page cache can be passed by is up to the file system of the test.
        headline =
            line.starts_with("RESTORED: ") || line.starts_with("REVERTED: ") || headline && !line.is_empty();
        if headline {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// A command line is never folded, a word never torn; hexadecimal sums and file names are words.
fn is_one_piece(line: &str, columns: usize) -> bool {
    let words = line.split_whitespace().map(|word| word.chars().count());
    line.contains("dblwr ") || words.max().unwrap_or_default() + 8 > columns
}

fn play(case: &str, page: &str, file: &str, slots: &str, log: &str) {
    for columns in [60, 80, 120] {
        let place = tempfile::tempdir().unwrap();
        std::fs::rename(image(case).keep(), place.path().join("data")).unwrap();
        std::fs::copy(testdata("logs").join(log), place.path().join("mysqld.log")).unwrap();
        std::fs::copy(place.path().join("data").join(slots), place.path().join("slots.img")).unwrap();
        let mut out = String::new();
        for command in commands(page, file) {
            let (text, code) = run(&command, place.path(), columns);
            // The monitoring system's one line, and what goes to standard error, are as long as they are.
            let free = |line: &str| {
                command.starts_with("dblwr check")
                    || line.starts_with("dblwr: ")
                    || line.contains(" read back and verified")
            };
            for line in text.lines().filter(|line| !free(line) && line.chars().count() > columns) {
                assert!(is_one_piece(line, columns), "{case}, {columns} columns, {command}:\n{line}");
            }
            let text = settled(&text);
            let shown: Vec<&str> = text.lines().take(MAX_LINES).collect();
            out.push_str(&format!("$ {command}\n{}\n", shown.join("\n")));
            if text.lines().count() > MAX_LINES {
                out.push_str(&format!("[and {} more lines]\n", text.lines().count() - MAX_LINES));
            }
            out.push_str(&format!("(exit status {code})\n\n"));
        }
        let stored =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/transcripts/{case}-{columns}.txt"));
        hold(&stored, &out);
    }
}

#[test]
fn mysql_with_a_torn_page_5() {
    play("m97-ibdata", "0:5", "ibdata1", "#ib_16384_0.dblwr", "m97-ibdata.log");
}

#[test]
fn mysql_that_keeps_no_contents() {
    play("m97-detect-only", "2:7", "d/t1.ibd", "#ib_16384_0.bdblwr", "m97-detect-only.log");
}

#[test]
fn an_old_mysql_with_two_system_files() {
    play("m56-two-ibdata", "0:768", "ibdata2", "ibdata1", "m56-two-ibdata.log");
}

#[test]
fn mariadb_with_a_torn_page_0() {
    play("ma118-ibd-page0", "4:0", "d/t1.ibd", "ibdata1", "ma118-ibd-page0.log");
}
