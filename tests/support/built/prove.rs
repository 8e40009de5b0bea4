//! The proof of a layout, through the built binary: `verify` names exactly the torn pages and their copies, `restore`
//! changes exactly those bytes, `revert` gives back the original.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{Torn, World};
use crate::support::{dblwr, json, stderr, tree};

const DAMAGED: [&str; 4] = ["restorable", "unrecoverable", "stale", "lost_write"];

/// What the binary said of a directory before anything was mended.
pub struct Proof {
    pub dir: TempDir,
    pub locate: Value,
    pub verify: Value,
    pub server: Value,
}

/// File, offset, length, space, page, slot, verdict.
type Named = (String, u64, u64, u64, u64, (String, u64), String);

/// Runs a subcommand on a directory; a journal that is not named goes to a directory that falls away.
pub fn run(dir: &Path, command: &str, options: &[&str]) -> std::process::Output {
    let here = tempfile::tempdir().unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_dblwr"));
    program.args([command, "--json", dir.to_str().unwrap()]).args(options).current_dir(here.path());
    program.output().expect("the binary runs")
}

/// Proves a layout; PATH is the directory.
pub fn prove(world: &World, torn: &[Torn]) -> Proof {
    prove_with(world, torn, &[])
}

/// The same with options; `@` in them stands for the directory above PATH, which is `data` below it.
pub fn prove_with(world: &World, torn: &[Torn], options: &[&str]) -> Proof {
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let root = dir.path().to_str().unwrap();
    let options: Vec<String> = options.iter().map(|option| option.replace('@', root)).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let path = if options.is_empty() { dir.path().to_path_buf() } else { dir.path().join("data") };
    let shown = |name: &String| match name.strip_prefix("data/") {
        _ if options.is_empty() => name.clone(),
        Some(below) => below.to_owned(),
        None => format!("{root}/{name}"),
    };
    let expected: Vec<Torn> = torn
        .iter()
        .map(|torn| Torn {
            file: shown(&torn.file),
            slot: (shown(&torn.slot.0), torn.slot.1),
            ..torn.clone()
        })
        .collect();
    let before = tree(dir.path());

    let verified = run(&path, "verify", &options);
    let verify = json(&verified);
    assert_eq!(damaged(&verify), as_named(&expected, "restorable"), "{verify:#}");
    let problems = &verify["problems"];
    assert_eq!(code(&verified), i32::from(!torn.is_empty()), "{problems:#}{}", stderr(&verified));
    let locate = json(&run(&path, "locate", &options));
    let server = json(&run(&path, "restore", &[&options[..], &["--rules", "server"]].concat()));
    let plan = run(&path, "restore", &options);
    assert_eq!(code(&plan), i32::from(!torn.is_empty()), "{}", stderr(&plan));
    assert_eq!(tree(dir.path()), before, "a plan writes nothing");

    let elsewhere = tempfile::tempdir().unwrap();
    let journal = elsewhere.path().join("journal");
    let journal = journal.to_str().unwrap();
    let applied = run(&path, "restore", &[&options[..], &["--apply", "--journal", journal]].concat());
    // Copies that are not there were not looked at.
    let unseen = verify["problems"].to_string().contains("copies_elsewhere");
    let status = if unseen { 3 } else { 0 };
    assert_eq!(code(&applied), status, "{}{}", stderr(&applied), String::from_utf8_lossy(&applied.stdout));
    for (name, bytes) in world.mended(torn) {
        let found = std::fs::read(dir.path().join(&name)).unwrap();
        assert!(found == bytes, "{name}: other bytes than those of the torn pages, or other contents");
    }
    assert_eq!(tree(dir.path()).len(), before.len(), "no new files");
    let again = json(&run(&path, "verify", &options));
    assert_eq!(damaged(&again), BTreeSet::new(), "{again:#}");
    if !torn.is_empty() {
        let reverted = dblwr(["revert", journal, "--apply"]);
        assert_eq!(code(&reverted), 0, "{}", stderr(&reverted));
    }
    assert_eq!(tree(dir.path()), before, "revert gives back the original");
    Proof { dir, locate, verify, server }
}

/// Every page whose home is damaged, by verdict.
pub fn damaged(report: &Value) -> BTreeSet<Named> {
    let pages = report["pages"].as_array().unwrap();
    pages.iter().filter(|page| DAMAGED.contains(&page["verdict"].as_str().unwrap())).map(named).collect()
}

fn named(page: &Value) -> Named {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let number = |value: &Value| value.as_u64().unwrap();
    let (home, slot) = (&page["home"], &page["slot"]);
    (
        text(&home["file"]),
        number(&home["offset"]),
        number(&home["length"]),
        number(&page["space_id"]),
        number(&page["page_no"]),
        (text(&slot["file"]), number(&slot["index"])),
        text(&page["verdict"]),
    )
}

/// The torn pages as `verify` should name them.
fn as_named(torn: &[Torn], verdict: &str) -> BTreeSet<Named> {
    torn.iter()
        .map(|torn| {
            (
                torn.file.clone(),
                torn.offset as u64,
                torn.after.len() as u64,
                u64::from(torn.space),
                u64::from(torn.page),
                (torn.slot.0.clone(), u64::from(torn.slot.1)),
                verdict.to_owned(),
            )
        })
        .collect()
}

/// The pages of a list, by space id and page number.
pub fn pages(list: &Value) -> Vec<(u64, u64)> {
    let number = |page: &Value, key: &str| page[key].as_u64().unwrap();
    let list = list.as_array().unwrap().iter();
    let mut pages: Vec<_> = list.map(|page| (number(page, "space_id"), number(page, "page_no"))).collect();
    pages.sort_unstable();
    pages
}

impl Proof {
    pub fn area(&self, kind: &str) -> &Value {
        let areas = self.locate["areas"].as_array().unwrap();
        areas.iter().find(|area| area["kind"] == kind).unwrap_or_else(|| panic!("{:#}", self.locate))
    }

    pub fn prediction(&self) -> &Value {
        &self.verify["prediction"]
    }

    /// Generation, and what the server would do: whether it starts, what it restores, where it stops.
    pub fn server_does(
        &self,
        generation: &str,
        starts: Value,
        restores: &[(u64, u64)],
        stops: &[(u64, u64)],
    ) {
        assert_eq!(self.verify["generation"], generation);
        let prediction = self.prediction();
        assert!(starts_as(&self.verify, &starts), "{prediction:#}");
        assert_eq!(pages(&prediction["restores"]), restores, "{prediction:#}");
        assert_eq!(stops_of(&self.verify), stops, "{prediction:#}");
        assert_eq!(pages(&self.server["pages"]), restores, "restore --rules server: {:#}", self.server);
    }

    /// Whether some note holds this text.
    pub fn notes(&self, text: &str) {
        let notes = self.locate["notes"].as_array().unwrap();
        assert!(notes.iter().any(|note| note.as_str().unwrap().contains(text)), "{notes:#?}");
    }
}

/// What a server needs and a directory that was built, or cut from a real one, does not have: nobody builds `mysql.ibd` or
/// undo tablespaces field by field.
const LACKS: [&str; 4] = ["file_missing", "file_cut", "redo_missing", "half_made"];

fn is_lack(problem: &Value) -> bool {
    LACKS.iter().any(|kind| problem["kind"] == *kind)
}

fn lacking(report: &Value) -> Vec<&Value> {
    let problems = report["problems"].as_array().into_iter().flatten();
    problems.filter(|problem| is_lack(problem)).map(|problem| &problem["file"]).collect()
}

/// The exit status, but for the files that a built directory lacks.
pub fn code(output: &std::process::Output) -> i32 {
    let status = crate::support::code(output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if lacking(&report).is_empty() {
        return status;
    }
    let has = |verdicts: &[&str]| verdicts.iter().any(|verdict| !report["summary"][*verdict].is_null());
    let problems = report["problems"].as_array().unwrap().iter();
    let others: Vec<&Value> = problems.filter(|problem| !is_lack(problem)).collect();
    let is = |severity: &str| others.iter().any(|problem| problem["severity"] == severity);
    match () {
        () if is("critical") || has(&["unrecoverable", "stale", "lost_write"]) => 2,
        () if is("warning") || has(&["restorable"]) => 1,
        () if is("unknown") => 3,
        () => 0,
    }
}

/// Whether a report foretells this start. What a built directory lacks makes the prediction more careful, never bolder.
pub fn starts_as(report: &Value, starts: &Value) -> bool {
    let found = &report["prediction"]["starts"];
    found == starts || (!lacking(report).is_empty() && *found != Value::Bool(true))
}

/// The pages at which the server stops, and the files but for those that a built directory lacks.
pub fn stops_of(report: &Value) -> Vec<(u64, u64)> {
    let lacking = lacking(report);
    let stops = report["prediction"]["stops_at"].as_array().unwrap().iter();
    let stops: Vec<Value> = stops.filter(|stop| !lacking.contains(&&stop["file"])).cloned().collect();
    assert!(stops.iter().all(|stop| !stop["page_no"].is_null()), "{stops:?}");
    pages(&Value::Array(stops))
}

/// Whether a report advises this, or speaks first of what the built directory lacks.
pub fn advises(report: &Value, text: &str) -> bool {
    !lacking(report).is_empty() || report["prediction"]["advice"].as_str().unwrap().contains(text)
}
