//! Beside a running server every reader says so first, and speaks of no next start.

use std::fs::File;
use std::process::Output;

use rustix::fs::{FlockOperation, fcntl_lock};
use serde_json::Value;

use crate::support::{code, dblwr, image, json};

/// The process that holds the lock is this one, as a server would be another.
fn locked(name: &str) -> (tempfile::TempDir, File) {
    let dir = image(name);
    let server = File::options().read(true).write(true).open(dir.path().join("ibdata1")).unwrap();
    fcntl_lock(&server, FlockOperation::NonBlockingLockExclusive).unwrap();
    (dir, server)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const READERS: [&[&str]; 5] = [&["verify"], &["locate"], &["scan"], &["dump"], &["page", "0:3"]];

#[test]
fn every_reader_says_first_that_a_server_runs() {
    let (dir, server) = locked("m97-clean-kill");
    let path = dir.path().to_str().unwrap();
    let sign = format!("process {}", std::process::id());
    for words in READERS {
        let all: Vec<&str> = [&words[..1], &[path], &words[1..]].concat();
        let output = dblwr(&all);
        let said = text(&output);
        let first = said.lines().next().unwrap();
        assert!(
            first.starts_with("a server runs on these files: ") && first.contains(&sign),
            "{words:?}: {said}"
        );
        assert!(!said.contains("is started now") && !said.contains("start the server"), "{words:?}: {said}");
        assert_eq!(code(&output), 0, "{words:?}: {said}");
        let document = json(&dblwr([&all[..], &["--json"]].concat()));
        assert!(document["running"].as_str().unwrap().contains(&sign), "{words:?}: {document:#}");
        if let Some(prediction) = document.get("prediction").filter(|prediction| !prediction.is_null()) {
            assert_eq!((&prediction["starts"], &prediction["assumes"]), (&Value::Null, &Value::Null));
        }
    }
    drop(server);
    let document = json(&dblwr(["verify", path, "--json"]));
    assert_eq!((&document["running"], &document["prediction"]["starts"]), (&Value::Null, &true.into()));
}

#[test]
fn what_can_be_mended_beside_a_server_is_saved_first() {
    let (dir, _server) = locked("m97-16k");
    let path = dir.path().to_str().unwrap();
    let output = dblwr(["verify", path]);
    let said = text(&output);
    assert_eq!(code(&output), 1, "{said}");
    assert!(
        said.contains("save the copies first (dblwr capture), then stop it and run dblwr restore"),
        "{said}"
    );
    assert!(said.contains(&format!("next: dblwr capture {path} --out ")), "{said}");
    assert!(!said.contains("--apply"), "{said}");
    let gate = dblwr(["check", "--gate", path]);
    assert_eq!(code(&gate), 3, "{}", text(&gate));
}
