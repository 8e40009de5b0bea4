//! Files in places that are not theirs, as eleven real servers were seen to take them (tests/servers/DAMAGE.md).

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{code, dblwr, image, json};

fn verify(root: &Path) -> (i32, Value) {
    let output = dblwr(["verify", "--json", root.to_str().unwrap()]);
    (code(&output), json(&output))
}

fn kinds(report: &Value) -> Vec<(&str, &str, &str)> {
    let list = report["problems"].as_array().unwrap().iter();
    list.map(|p| {
        (p["kind"].as_str().unwrap(), p["severity"].as_str().unwrap(), p["file"].as_str().unwrap_or(""))
    })
    .collect()
}

/// 5.7 and MariaDB from 10.2 on stop after a crash where redo names them; all others start and have lost both.
#[test]
fn tables_whose_files_were_swapped_are_lost() {
    for (name, starts, severity) in [
        ("m56-innodb-16k", Value::Null, "warning"),
        ("m97-16k", Value::Bool(true), "critical"),
        ("ma1011-full-16k", Value::Bool(false), "critical"),
        ("recovered-m56", Value::Bool(true), "critical"),
        ("imported-ma1011", Value::Bool(true), "critical"),
    ] {
        let dir = image(name);
        let root = if dir.path().join("data").is_dir() { dir.path().join("data") } else { dir.path().into() };
        let (one, other, aside) = (root.join("d/t1.ibd"), root.join("d/t2.ibd"), root.join("aside"));
        assert!(one.exists() && other.exists(), "{name}");
        for (from, to) in [(&one, &aside), (&other, &one), (&aside, &other)] {
            fs::rename(from, to).unwrap();
        }
        let (code, report) = verify(&root);
        let found = kinds(&report);
        for file in ["d/t1.ibd", "d/t2.ibd"] {
            assert!(found.contains(&("file_missing", severity, file)), "{name}: {found:?}");
        }
        let prediction = &report["prediction"];
        assert_eq!(prediction["starts"], starts, "{name}: {prediction:#}");
        if starts == true {
            let lost: Vec<&str> =
                prediction["loses"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
            assert_eq!(lost, ["d/t1", "d/t2"], "{name}");
        }
        assert_eq!(code, if severity == "critical" { 2 } else { 1 }, "{name}");
    }
}

/// No server but 5.6 and MariaDB 10.1 after a crash opens a second file that says it is the system tablespace.
#[test]
fn a_copy_of_the_system_tablespace_among_the_tables_is_named() {
    for (name, severity, stops) in [
        ("m56-innodb-16k", "critical", Value::Bool(true)),
        ("recovered-m56", "warning", Value::Null),
        ("m97-clean-kill", "note", Value::Bool(false)),
        ("ma1011-full-16k", "note", Value::Bool(false)),
        ("ma118-ibd-page0", "note", Value::Bool(false)),
    ] {
        let dir = image(name);
        let root = if dir.path().join("data").is_dir() { dir.path().join("data") } else { dir.path().into() };
        let before = verify(&root).1;
        fs::copy(root.join("ibdata1"), root.join("d/copy.ibd")).unwrap();
        let (_, report) = verify(&root);
        assert!(
            kinds(&report).contains(&("space_id_twice", severity, "d/copy.ibd")),
            "{name}: {:?}",
            kinds(&report)
        );
        assert_eq!(report["problems"][0]["stops_start"], stops, "{name}");
        // What is judged is the true one.
        assert_eq!(report["summary"], before["summary"], "{name}");
        if severity == "note" {
            assert_eq!(report["prediction"]["starts"], before["prediction"]["starts"], "{name}");
        }
    }
}
