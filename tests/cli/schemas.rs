//! What the program writes as JSON is what its schemas say: real outputs of every subcommand on real images, by an
//! existing validator. The schemas are closed for this, so that a field without a description fails, too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{cases, code, dblwr, image, json, stderr, unpack};
use serde_json::Value;

/// A schema that allows no field that it does not describe.
struct Closed(jsonschema::Validator);

impl Closed {
    fn of(name: &str) -> Closed {
        let mut schema = json(&dblwr(["schema", name]));
        let mut extended = BTreeSet::new();
        collect_extended(&schema, &mut extended);
        close(&mut schema, &extended, "");
        Closed(jsonschema::validator_for(&schema).unwrap())
    }

    #[track_caller]
    fn holds(&self, document: &Value, context: impl std::fmt::Display) {
        let faults: Vec<String> = self
            .0
            .iter_errors(document)
            .take(3)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{context}: {faults:#?}");
    }

    #[track_caller]
    fn holds_lines(&self, output: &[u8], least: usize, context: &str) {
        let text = std::str::from_utf8(output).unwrap();
        assert!(text.lines().count() >= least, "{context}: {text}");
        for line in text.lines() {
            self.holds(&serde_json::from_str(line).unwrap(), context);
        }
    }
}

/// Definitions that another schema adds fields to.
fn collect_extended(schema: &Value, extended: &mut BTreeSet<String>) {
    if let (Some(Value::String(name)), Some(_)) = (schema.get("$ref"), schema.get("properties")) {
        extended.insert(name.trim_start_matches("#/$defs/").to_owned());
    }
    for inner in children(schema) {
        collect_extended(inner, extended);
    }
}

fn children(schema: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match schema {
        Value::Object(fields) => Box::new(fields.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => Box::new(std::iter::empty()),
    }
}

fn close(schema: &mut Value, extended: &BTreeSet<String>, name: &str) {
    match schema {
        Value::Object(fields) => {
            let open = !fields.contains_key("additionalProperties") && !extended.contains(name);
            if fields.get("properties").is_some_and(Value::is_object) && open {
                fields.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            }
            fields.iter_mut().for_each(|(name, inner)| close(inner, extended, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| close(inner, extended, "")),
        _ => {}
    }
}

/// Runs on a directory, with the data directory last.
fn run(options: &[&str], dir: &Path) -> Output {
    dblwr(options.iter().map(std::ffi::OsStr::new).chain([dir.as_os_str()]))
}

#[test]
fn schemas_are_current() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/schemas");
    let list = String::from_utf8(dblwr(["schema"]).stdout).unwrap();
    let names: BTreeSet<String> =
        list.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert!(names.len() > 15, "{list}");
    for name in &names {
        let file = std::fs::read(stored.join(format!("{name}.json"))).unwrap_or_default();
        assert!(
            file == dblwr(["schema", name]).stdout,
            "packaging/schemas/{name}.json is old; man/update writes it"
        );
        jsonschema::meta::validate(&serde_json::from_slice(&file).unwrap()).unwrap();
    }
    assert_eq!(
        std::fs::read_dir(stored).unwrap().count(),
        names.len(),
        "packaging/schemas has files of no schema"
    );
}

#[test]
fn a_field_too_few_and_a_field_too_many_are_faults() {
    let (dir, verify) = (image("m56-innodb-16k"), Closed::of("verify"));
    let good = json(&run(&["verify", "--json"], dir.path()));
    verify.holds(&good, "verify");
    let faults: [fn(&mut Value); 4] = [
        |page| drop(page.as_object_mut().unwrap().remove("verdict")),
        |page| page["new"] = Value::Null,
        |page| page["home"]["state"] = "bent".into(),
        |page| page["copy"]["lsn"] = (-1).into(),
    ];
    for break_it in faults {
        let mut bad = good.clone();
        break_it(&mut bad["pages"][0]);
        assert!(!verify.0.is_valid(&bad), "{}", bad["pages"][0]);
    }
}

#[test]
fn reading_commands_on_every_image() {
    let commands: [(&str, &[&str]); 10] = [
        ("locate", &["locate", "--json"]),
        ("dump", &["dump", "--json"]),
        ("verify", &["verify", "--json"]),
        ("restore", &["restore", "--json"]),
        ("redo", &["redo", "--json"]),
        ("redo", &["redo", "--json", "--page", "0:5"]),
        ("scan", &["scan", "--json"]),
        ("check", &["check", "--reads", "1", "--output", "json"]),
        ("check", &["check", "--reads", "1", "--output", "json", "--scan"]),
        ("restore", &["restore", "--json", "--rules", "server", "--include-stale"]),
    ];
    let closed = commands.map(|(name, options)| (Closed::of(name), options));
    for case in cases() {
        let dir = unpack(&case);
        for (schema, options) in &closed {
            schema.holds(&json(&run(options, dir.path())), format!("{}: {options:?}", case.display()));
        }
    }
}

#[test]
fn pages_slots_and_carved_pages() {
    let page = Closed::of("page");
    for (case, file, pages) in [
        ("m97-ibdata", "ibdata1", 0..8),
        ("m56-zip8", "d/t1.ibd", 0..6),
        ("ma1011-enc-full", "ibdata1", 0..8),
    ] {
        let dir = image(case);
        for number in pages {
            let (file, number) = (dir.path().join(file), number.to_string());
            for hex in [&[][..], &["--hex"]] {
                let output = dblwr([&["page", "--json", file.to_str().unwrap(), &number], hex].concat());
                page.holds(&json(&output), format!("{case} {number}: {}", stderr(&output)));
            }
        }
    }
    let (dir, dump, carve) = (image("m97-16k"), Closed::of("dump"), Closed::of("carve"));
    dump.holds(&json(&run(&["dump", "--json", "--slot", "3", "--hex"], dir.path())), "dump --slot");
    let slots = dir.path().join("#ib_16384_0.dblwr");
    dump.holds(&json(&dblwr(["page", "--json", slots.to_str().unwrap(), "3"])), "page of a doublewrite file");
    carve.holds(&json(&run(&["carve", "--json"], &slots)), "carve");
    carve.holds(&json(&run(&["carve", "--json"], &dir.path().join("ibdata1"))), "carve");
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let options = ["carve", "--json", "--out", out.to_str().unwrap()];
    carve.holds(&json(&run(&options, &dir.path().join("d/t1.ibd"))), "carve --out");
}

#[test]
fn writing_commands_and_their_files() {
    let (dir, place) = (image("m97-ibdata"), tempfile::tempdir().unwrap());
    let file = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (restore, revert) = (Closed::of("restore"), Closed::of("revert"));
    let (plan, journal, record) = (file("plan.json"), file("journal"), file("record"));
    restore.holds(&json(&run(&["restore", "--json", "--plan-out", &plan], dir.path())), "restore --plan-out");
    Closed::of("plan").holds(&serde_json::from_slice(&std::fs::read(&plan).unwrap()).unwrap(), "plan");
    restore.holds(&json(&run(&["restore", "--json", "--to", &file("to")], dir.path())), "restore --to");
    Closed::of("capture")
        .holds(&json(&run(&["capture", "--json", "--out", &file("bundle")], dir.path())), "capture");
    let applied =
        ["restore", "--json", "--apply", "--plan", &plan, "--journal", &journal, "--record", &record];
    restore.holds(&json(&run(&applied, dir.path())), "restore --apply");
    revert.holds(&json(&dblwr(["revert", "--json", &journal])), "revert");
    revert.holds(
        &json(&dblwr(["revert", "--json", &journal, "--apply", "--record", &record])),
        "revert --apply",
    );
    let refused = run(&["verify", "-q", "--record", &record], Path::new("/nonexistent"));
    assert_eq!(code(&refused), 3);
    Closed::of("record").holds_lines(&std::fs::read(&record).unwrap(), 3, "record");
}

#[test]
fn lines_of_a_scan() {
    let dir = image("m97-detect-only");
    let scan = |options: &[&str]| run(&[&["scan", "--format", "jsonl"], options].concat(), dir.path()).stdout;
    Closed::of("scan-line").holds_lines(&scan(&[]), 8, "scan --format jsonl");
    Closed::of("scan-row").holds_lines(&scan(&["--pages"]), 1000, "scan --pages");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dblwr"));
    command.args(["scan", "--progress-fd", "1", "--format", "csv"]).arg(dir.path());
    let both = command.stderr(Stdio::null()).output().unwrap().stdout;
    let lines: Vec<&str> =
        std::str::from_utf8(&both).unwrap().lines().filter(|line| line.starts_with('{')).collect();
    Closed::of("progress").holds_lines(lines.join("\n").as_bytes(), 1, "--progress-fd");
}

#[test]
fn a_baseline_and_an_explained_log() {
    let (dir, place) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let file = place.path().join("baseline.json");
    let accept =
        ["check", "--reads", "1", "--accept", "--output", "json", "--baseline", file.to_str().unwrap()];
    Closed::of("check").holds(&json(&run(&accept, dir.path())), "check --accept");
    Closed::of("baseline")
        .holds(&serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap(), "baseline");
    let explain = Closed::of("explain-log");
    for entry in std::fs::read_dir(crate::support::testdata("logs")).unwrap() {
        let log = entry.unwrap().path();
        explain.holds(&json(&run(&["explain-log", "--json"], &log)), log.display());
    }
    let log = crate::support::testdata("logs/m56-innodb-16k.log");
    let against = ["explain-log", "--json", log.to_str().unwrap(), "--against"];
    explain.holds(&json(&run(&against, dir.path())), "explain-log --against");
}
