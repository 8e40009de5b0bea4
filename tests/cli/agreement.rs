//! verify, restore and scan say the same of the same pages: in one order, with one count.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{cases, image, json, program, testdata, unpack};
use serde_json::Value;

/// What a command prints for a person, in a terminal wide enough for every row.
fn text(words: &[&str]) -> String {
    let output = program(words.iter().copied()).env("COLUMNS", "250").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// `1 damaged page and 21 all-zero pages`: the sum of the numbers before a word in the first line.
fn counted(text: &str, what: &str) -> u64 {
    let words: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
    let before =
        words.windows(2).filter(|pair| pair[1] == what).map(|pair| pair[0].parse::<u64>().unwrap_or(0));
    before.sum()
}

/// The pages of an array of a document as `2:7`, those that are all zero or the others.
fn pages(list: &Value, zero: bool, state: impl Fn(&Value) -> String) -> BTreeSet<String> {
    let list = list.as_array().unwrap().iter();
    let wanted = list.filter(|page| (state(page) == "zero") == zero);
    wanted.map(|page| format!("{}:{}", page["space_id"], page["page_no"])).collect()
}

fn of(words: &[&str], dir: &Path) -> Value {
    json(&program([words, &["--json", dir.to_str().unwrap()]].concat()).output().unwrap())
}

#[test]
fn verify_and_scan_count_the_same_pages() {
    let mut with_zeros = 0;
    for case in cases() {
        let dir = unpack(&case);
        let path = dir.path().to_str().unwrap();
        let (verify, scan) = (of(&["verify"], dir.path()), of(&["scan"], dir.path()));
        let named = case.file_name().unwrap().to_string_lossy();
        let attention = |page: &&Value| {
            ["restorable", "unrecoverable", "stale", "lost_write"]
                .contains(&page["verdict"].as_str().unwrap())
        };
        let worth = verify["pages"].as_array().unwrap().iter().filter(attention).cloned().collect();
        let home = |page: &Value| page["home"]["state"].as_str().unwrap().to_owned();
        let (damaged, zero) = (pages(&worth, false, home), pages(&worth, true, home));
        let said = text(&["verify", path]);
        assert_eq!(counted(&said, "damaged"), damaged.len() as u64, "{named}: {said}");
        assert_eq!(counted(&said, "all-zero"), zero.len() as u64, "{named}: {said}");
        let state = |page: &Value| page["state"].as_str().unwrap().to_owned();
        let scanned = pages(&scan["damaged"], false, state);
        let with_copy = |page: &&Value| page["copy"].is_object() && page["state"] != "zero";
        let copied = scan["damaged"].as_array().unwrap().iter().filter(with_copy).cloned().collect();
        assert_eq!(pages(&copied, false, state), damaged, "{named}");
        assert_eq!(counted(&text(&["scan", path]), "damaged"), scanned.len() as u64, "{named}");
        // The zero pages that verify would restore and scan does not count are named by it, and as many.
        let files = scan["files"].as_array().unwrap().iter();
        let noted: u64 = files.map(|file| file["zero_copied"].as_u64().unwrap()).sum();
        let in_scan = pages(&scan["damaged"], true, state).len() as u64;
        if verify["summary"].get("unrecoverable").is_none() {
            assert_eq!(noted + in_scan, zero.len() as u64, "{named}");
        }
        with_zeros += noted;
    }
    assert!(with_zeros > 20, "the images have no such page: {with_zeros}");
}

/// `d/t1.ibd 114688` of each row, by the columns FILE and OFFSET.
fn rows(text: &str, below: &str) -> Vec<(String, u64)> {
    let Some(header) = text.lines().find(|line| line.contains("FILE") && line.contains("OFFSET")) else {
        return Vec::new();
    };
    let columns: Vec<&str> =
        header.replace("PAGE SIZE", "PAGE_SIZE").split_whitespace().map(|_| "").collect();
    let at =
        |name: &str| header.split("  ").filter(|cell| !cell.is_empty()).position(|cell| cell.trim() == name);
    let (file, offset) = (at("FILE").unwrap(), at("OFFSET").unwrap());
    let behind = text.lines().skip_while(|line| *line != header).skip(1);
    let rows = behind.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    rows.filter_map(|line| {
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert!(columns.len() >= cells.len(), "{line}");
        let number = cells.get(offset)?.parse().ok()?;
        Some((cells[file].trim_start_matches(below).trim_start_matches('/').to_owned(), number))
    })
    .collect()
}

#[test]
fn rows_come_in_one_order_in_verify_restore_and_scan() {
    let mut compared = 0;
    let mut look = |dir: &Path| {
        let path = dir.to_str().unwrap();
        let verify = rows(&text(&["verify", "-v", path]), path);
        let plan = rows(&text(&["restore", "-v", path]), path);
        let scan = rows(&text(&["scan", path]), path);
        let wanted = rows(&text(&["verify", path]), path);
        for list in [&plan, &scan, &wanted] {
            assert!(list.is_sorted(), "{path}: {list:?}");
        }
        assert!(verify.len() >= wanted.len(), "{path}");
        let first: Vec<_> = verify.iter().filter(|row| plan.contains(row)).cloned().collect();
        let mut once = first.clone();
        once.dedup();
        once.truncate(plan.len());
        assert_eq!(once, plan, "{path}");
        compared += plan.len() + scan.len();
    };
    for case in cases() {
        look(unpack(&case).path());
    }
    // Several files, zero pages spread over them: slots come in another order.
    assert!(testdata("m97-ibdata").exists());
    look(image("m97-4k").path());
    assert!(compared > 60, "{compared}");
}
