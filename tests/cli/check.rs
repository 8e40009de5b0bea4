//! `check` and `explain-log` through the binary, on real images.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{code, dblwr, image, json, tree};
use serde_json::Value;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// `dblwr check DIR` with options; the images have no server that could be writing.
fn check(dir: &Path, options: &[&str]) -> Output {
    let options = options.iter().map(OsStr::new).chain([OsStr::new("--reads"), OsStr::new("1")]);
    dblwr([OsStr::new("check"), dir.as_os_str()].into_iter().chain(options))
}

#[test]
fn each_answer_has_its_exit_code_and_its_line() {
    for (case, expected, line) in [
        (
            "m97-clean-kill",
            0,
            "DBLWR OK - nothing to mend from the doublewrite buffer; pages without a copy were not read (--scan) |",
        ),
        (
            "m56-innodb-16k",
            1,
            "DBLWR WARNING - 1 damaged page with a good copy (first: d/t1.ibd page 6:5, restorable) |",
        ),
        (
            "m97-detect-only",
            2,
            "DBLWR CRITICAL - 1 damaged page and 15 all-zero pages that the doublewrite buffer cannot mend",
        ),
    ] {
        let dir = image(case);
        let before = tree(dir.path());
        let output = check(dir.path(), &[]);
        assert_eq!(code(&output), expected, "{case}");
        let out = stdout(&output);
        assert!(out.starts_with(line), "{case}: {out}");
        assert!(out.len() < 4096 && output.stderr.is_empty(), "{case}");
        assert_eq!(tree(dir.path()), before, "{case}: a check writes nothing");
    }
}

#[test]
fn what_cannot_be_judged_is_unknown_on_standard_output() {
    let empty = tempfile::tempdir().unwrap();
    for path in [empty.path(), Path::new("/nonexistent")] {
        let output = check(path, &[]);
        assert_eq!(code(&output), 3);
        assert!(stdout(&output).starts_with("DBLWR UNKNOWN - /"), "{}", stdout(&output));
    }
    assert_eq!(json(&check(empty.path(), &["--output", "json"]))["status"], "UNKNOWN");
}

#[test]
fn thresholds_decide() {
    let dir = image("m97-16k");
    for (options, expected) in
        [(["-w", "22"], 0), (["-w", "21"], 1), (["-w", "@22"], 1), (["-w", "23:"], 1), (["-c", "@0"], 2)]
    {
        assert_eq!(code(&check(dir.path(), &options)), expected, "{options:?}");
    }
    let refused = check(dir.path(), &["-w", "5:1"]);
    assert_eq!((code(&refused), stdout(&refused).lines().count()), (3, 1));
    assert!(stdout(&refused).starts_with("DBLWR UNKNOWN - invalid value '5:1'"), "{}", stdout(&refused));
}

#[test]
fn a_time_limit_shortens_the_wait_instead_of_the_answer() {
    let dir = image("m56-innodb-16k");
    let wait = ["check", "--reads", "2", "--over", "60", "-t", "8"].map(OsStr::new);
    let begin = std::time::Instant::now();
    let output = dblwr(wait.into_iter().chain([dir.path().as_os_str()]));
    assert!(begin.elapsed().as_secs() < 20);
    assert_eq!(code(&output), 1, "{}", stdout(&output));
}

#[test]
fn metrics_replace_their_file_and_keep_the_last_success() {
    let dir = image("m97-16k");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("dblwr.prom");
    let options = ["--output", "prometheus", "--out", file.to_str().unwrap()];
    let output = check(dir.path(), &options);
    assert_eq!((code(&output), stdout(&output).lines().count()), (1, 1));
    assert!(stdout(&output).starts_with("DBLWR WARNING - "), "{}", stdout(&output));
    let success = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("dblwr_last_success_timestamp_seconds{"));
        line.unwrap().to_owned()
    };
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(before.contains("verdict=\"restorable\"} 22\n"));
    std::fs::rename(dir.path().join("ibdata1"), place.path().join("ibdata1")).unwrap();
    for entry in tree(dir.path()).keys() {
        let _ = std::fs::remove_file(dir.path().join(entry));
    }
    assert_eq!(code(&check(dir.path(), &options)), 3);
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains("dblwr_check_status{") && !after.contains("dblwr_pages{"));
    assert_eq!(success(&after), success(&before));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
}

#[test]
fn an_accepted_state_is_quiet_until_something_new_breaks() {
    let dir = image("m56-innodb-16k");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("baseline.json");
    let baseline = ["--baseline", file.to_str().unwrap()];
    assert_eq!(code(&check(dir.path(), &baseline)), 3, "there is none yet");
    assert_eq!(code(&check(dir.path(), &[&baseline[..], &["--accept"]].concat())), 0);
    assert_eq!(code(&check(dir.path(), &baseline)), 0);
    // Another page of the same table.
    damage(&dir.path().join("d/t1.ibd"), 3 * 16384 + 1000);
    let output = check(dir.path(), &[&baseline[..], &["--scan", "--output", "json"]].concat());
    let report = json(&output);
    assert_eq!((code(&output), &report["baseline"]["new"]), (1, &Value::from(1)), "{report:#}");
    assert_eq!(report["problems"][0]["page_no"], 3);
    let other = image("m56-innodb-16k");
    let refused = check(other.path(), &baseline);
    assert_eq!(code(&refused), 3);
    assert!(stdout(&refused).contains("belongs to another directory"), "{}", stdout(&refused));
}

fn damage(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0xFF;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_scan_reads_every_page_and_a_sample_its_share() {
    let dir = image("m97-clean-kill");
    let sample = |options: &[&str]| {
        json(&check(dir.path(), &[options, &["--output", "json"]].concat()))["sample"].clone()
    };
    let all = sample(&["--scan"]);
    assert_eq!((all["read"].as_u64(), &all["share"]), (all["pages"].as_u64(), &Value::from(1.0)));
    let part = sample(&["--sample", "20"]);
    let share = part["share"].as_f64().unwrap();
    assert!((0.1..0.3).contains(&share), "{share}");
    assert_eq!(all["damaged"], 0);
    assert!(sample(&[]).is_null());
}

fn explain(options: &[&OsStr]) -> Output {
    dblwr([OsStr::new("explain-log"), OsStr::new("--json")].into_iter().chain(options.iter().copied()))
}

#[test]
fn a_log_is_explained_against_the_directory_it_came_from() {
    let dir = image("ma118-ibd-page0");
    let log = crate::support::testdata("logs/ma118-ibd-page0.log");
    let alone = explain(&[log.as_os_str()]);
    assert_eq!((code(&alone), &json(&alone)["pages"][0]["outcome"]), (1, &Value::from("damaged")));
    let against = explain(&[log.as_os_str(), OsStr::new("--against"), dir.path().as_os_str()]);
    let page = &json(&against)["pages"][0];
    assert_eq!(
        (code(&against), &page["outcome"], &page["space_id"]),
        (1, &Value::from("mendable"), &Value::from(4))
    );
    assert_eq!(
        (&page["now"]["verdict"], &page["said"][0]["count"]),
        (&Value::from("restorable"), &Value::from(23))
    );
    assert!(page["next"].as_str().unwrap().contains("--page 4:0"));
    // The directory may be named by the server's configuration alone, and lie in parts.
    let configuration = dir.path().join("my.cnf");
    std::fs::write(&configuration, format!("[mariadbd]\ndatadir={}\n", dir.path().display())).unwrap();
    let configured = explain(&[log.as_os_str(), OsStr::new("--defaults-file"), configuration.as_os_str()]);
    let (mut told, mut same) = (json(&configured)["pages"].clone(), json(&against)["pages"].clone());
    let next = told[0]["next"].take();
    assert!(
        next.as_str().unwrap().contains(&format!("--defaults-file {}", configuration.display())),
        "{next}"
    );
    same[0]["next"].take();
    assert_eq!(told, same);
    let nowhere = explain(&[log.as_os_str(), OsStr::new("--undo-dir"), dir.path().as_os_str()]);
    assert_eq!(code(&nowhere), 3, "an option about a directory that is not named");
}

#[test]
fn a_page_that_the_server_mended_is_no_alarm_and_one_without_a_copy_is() {
    for (log, expected, outcome) in [("m56-innodb-16k", 0, "mended"), ("m97-detect-only", 2, "lost")] {
        let file = crate::support::testdata(&format!("logs/{log}.log"));
        let output = explain(&[file.as_os_str()]);
        assert_eq!(code(&output), expected, "{log}");
        assert_eq!(json(&output)["pages"][0]["outcome"], outcome, "{log}");
    }
}

#[test]
fn the_gate_blocks_saves_or_warns_on_a_real_directory() {
    let (torn, sound, copies) = (image("m97-ibdata"), image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let gate = |mode: &str, dir: &Path| {
        let mut command = std::process::Command::new("sh");
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd/gate"))
            .arg(dir)
            .env("DBLWR_GATE", mode);
        command.env("DBLWR_BINARY", env!("CARGO_BIN_EXE_dblwr")).env("DBLWR_GATE_COPIES", copies.path());
        code(&command.output().unwrap())
    };
    assert_eq!((gate("block", torn.path()), gate("block", sound.path())), (1, 0));
    assert_eq!(std::fs::read_dir(copies.path()).unwrap().count(), 0);
    assert_eq!((gate("warn", torn.path()), gate("save", torn.path())), (0, 0));
    let saved = std::fs::read_dir(copies.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_dir(saved).unwrap().count(), 256, "every used slot");
}

/// The last line of a record, by file: the bytes in its ranges.
fn recorded(record: &Path) -> (Value, BTreeMap<PathBuf, u64>) {
    let text = std::fs::read_to_string(record).unwrap();
    let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let files = line["facts"]["files"].as_array().unwrap();
    let bytes = |file: &Value| {
        file["ranges"].as_array().unwrap().iter().map(|range| range[1].as_u64().unwrap()).sum()
    };
    let found = files.iter().map(|file| (PathBuf::from(file["path"].as_str().unwrap()), bytes(file)));
    let found = found.collect();
    (line, found)
}

#[test]
fn a_check_that_reads_data_files_records_them_before_and_after() {
    let (dir, elsewhere) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let file = |name: &str| elsewhere.path().join(name);
    let (record, baseline, out) = (file("record"), file("baseline"), file("out"));
    let check = |more: &[&str]| {
        let output = check(dir.path(), &[more, &["--record", record.to_str().unwrap()]].concat());
        assert!(code(&output) < 3, "{more:?}: {}", stdout(&output));
    };
    let spaces: Vec<PathBuf> =
        ["ibdata1", "mysql.ibd", "undo_001"].iter().map(|name| dir.path().join(name)).collect();
    check(&[]);
    let (_, plain) = recorded(&record);
    for (more, exactly) in [(&["--scan"][..], true), (&["--sample", "50"], false)] {
        check(more);
        let (line, read) = recorded(&record);
        for file in line["facts"]["files"].as_array().unwrap() {
            assert!(file["before"]["sha256"].is_string(), "{more:?}: {file}");
            assert_eq!(file["before"], file["after"], "{more:?}");
        }
        for path in &spaces {
            let (size, bytes) = (std::fs::metadata(path).unwrap().len(), read[path]);
            assert!(
                bytes > plain[path] && (bytes == size) == exactly,
                "{more:?}: {bytes} of {}",
                path.display()
            );
        }
    }
    check(&["--accept", "--baseline", baseline.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let (_, made) = recorded(&record);
    assert_eq!(made[&baseline], std::fs::metadata(&baseline).unwrap().len());
    assert_eq!(made[&out], std::fs::metadata(&out).unwrap().len());
}
