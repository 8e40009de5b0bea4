//! What verify predicts is what the real server said it did: `oracle.log` of every shipped image.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::support::{cases, dblwr, json, unpack};
use serde_json::Value;

type Page = (u64, u64);

/// The number behind a marker.
fn after(text: &str, marker: &str) -> Option<u64> {
    let rest = text.get(text.find(marker)? + marker.len()..)?;
    rest.get(..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))?.parse().ok()
}

/// The pages that a server says it wrote back. MySQL 5.6 breaks its message over three lines.
fn recovered(log: &str) -> BTreeSet<Page> {
    let lines: Vec<&str> = log.lines().collect();
    let mut pages = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        if line.contains("Recovered page [") || line.contains("Restoring page [") {
            pages.insert((after(line, "space=").unwrap(), after(line, "page number=").unwrap()));
        }
        let next = lines.get(at + 1).copied().unwrap_or_default();
        if line.contains("file read of space ") && next.contains("Trying to recover it") {
            pages.insert((after(line, "space ").unwrap(), after(line, " page ").unwrap()));
        }
    }
    pages
}

fn pages(list: &Value) -> BTreeSet<Page> {
    let number = |page: &Value, key: &str| page[key].as_u64().unwrap();
    list.as_array().unwrap().iter().map(|page| (number(page, "space_id"), number(page, "page_no"))).collect()
}

#[test]
fn predictions_are_what_the_real_servers_did() {
    for case in cases() {
        let context = case.display();
        let facts: Value = serde_json::from_slice(&std::fs::read(case.join("case.json")).unwrap()).unwrap();
        let log = String::from_utf8_lossy(&std::fs::read(case.join("oracle.log")).unwrap()).into_owned();
        let dir = unpack(&case);
        let report = json(&dblwr([OsStr::new("verify"), OsStr::new("--json"), dir.path().as_os_str()]));
        let prediction = &report["prediction"];
        // Where a server takes a copy older than the checkpoint nobody knows: this one went well, another died of it.
        let older = prediction["advice"].as_str().unwrap().contains("take an older copy");
        assert_eq!(older, case.ends_with("m97-4k"), "{context}: {prediction}");
        let expected = if older { &Value::Null } else { &facts["oracle_started"] };
        assert_eq!(&prediction["starts"], expected, "{context}: {prediction}");
        let mut predicted = pages(&prediction["restores"]);
        if report["generation"] == "mysql-5.6" {
            let zero = |page: &&Value| page["home"]["state"] == "zero";
            let silent: Vec<Value> =
                report["pages"].as_array().unwrap().iter().filter(zero).cloned().collect();
            let silent = pages(&Value::from(silent));
            predicted.retain(|page| !silent.contains(page));
        }
        assert_eq!(predicted, recovered(&log), "{context}");
        check_stop(&case.join("oracle.log").display().to_string(), prediction, &log);
        check_plan(dir.path(), prediction, &context.to_string());
    }
}

/// A server that does not start names the page that was foreseen.
fn check_stop(context: &str, prediction: &Value, log: &str) {
    let stops = prediction["stops_at"].as_array().unwrap();
    assert_eq!(stops.is_empty(), prediction["starts"].as_bool() != Some(false), "{context}");
    let Some(first) = stops.first() else { return };
    let (space, page) = (first["space_id"].as_u64().unwrap(), first["page_no"].as_u64().unwrap());
    let named = [
        format!("[page id: space={space}, page number={page}]"),
        format!("space_id: {space} page_num: {page}"),
        format!("Failed to read page {page} from file"),
    ];
    assert!(named.iter().any(|name| log.contains(name)), "{context}: {space}:{page}");
}

/// `restore --rules server` plans what was predicted, and nothing else.
fn check_plan(dir: &std::path::Path, prediction: &Value, context: &str) {
    let arguments = ["restore", "--rules", "server", "--json"].map(OsStr::new);
    let plan = json(&dblwr(arguments.into_iter().chain([dir.as_os_str()])));
    assert_eq!(pages(&plan["pages"]), pages(&prediction["restores"]), "{context}");
}

#[test]
fn server_rules_take_the_copy_that_the_server_takes() {
    let dir = crate::support::image("m97-4k");
    let lsn = |rules: &str| {
        let plan = json(&dblwr([
            OsStr::new("restore"),
            OsStr::new("--json"),
            OsStr::new("--rules"),
            OsStr::new(rules),
            OsStr::new("--page"),
            OsStr::new("2:79"),
            dir.path().as_os_str(),
        ]));
        plan["pages"][0]["copy"]["lsn"].as_u64().unwrap()
    };
    assert!(lsn("server") < lsn("newest"), "the first good copy in file order is an older one");
}

#[test]
fn doublewrite_off_in_the_configuration_changes_the_prediction() {
    let dir = crate::support::image("m97-16k");
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("my.cnf");
    let text = format!(
        "[client]\nport=1\n[mysqld]\ndatadir={}\nskip-innodb-doublewrite # for speed\n",
        dir.path().display()
    );
    std::fs::write(&file, text).unwrap();
    let arguments = ["verify", "--json", "--defaults-file"].map(OsStr::new);
    let report = json(&dblwr(arguments.into_iter().chain([file.as_os_str(), dir.path().as_os_str()])));
    let prediction = &report["prediction"];
    assert_eq!(prediction["starts"], false);
    assert_eq!(pages(&prediction["restores"]), BTreeSet::new());
    assert_eq!(pages(&prediction["stops_at"]), [(2, 7)].into(), "redo cannot be applied to the torn page");
    assert!(prediction["advice"].as_str().unwrap().contains("dblwr restore first"));
}
