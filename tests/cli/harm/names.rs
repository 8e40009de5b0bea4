//! A name may hold anything but a slash: what a terminal obeys is shown escaped, in every format and on both streams.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::support::{dblwr, image};

/// ESC, line feed, BEL, a control character beyond ASCII, one that turns the line round, and a quotation mark.
const BAD: &str = "e\u{1b}[31m\nn\u{7}\u{9b}\u{202e}\"";

/// Whether a terminal would obey something in it. Line feeds are looked for by what stands behind them.
fn is_plain(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    !text.contains(obeyed)
        && !text.contains('\u{202e}')
        && !text.lines().any(|line| line.starts_with("n\\u{7}"))
}

#[test]
fn what_a_terminal_obeys_is_escaped_in_every_format_and_on_both_streams() {
    let (dir, place) = (image("m97-clean-kill"), tempfile::tempdir().unwrap());
    let data = place.path().join(format!("data{BAD}"));
    std::fs::rename(dir.path(), &data).unwrap();
    let table = data.join(format!("d/t{BAD}.ibd"));
    std::fs::write(&table, [b'x'; 20_000]).unwrap();
    std::fs::create_dir(data.join("#ib_16384_7.dblwr")).unwrap();
    let bundle = place.path().join(format!("bundle{BAD}"));
    let all = |arguments: &[&dyn AsRef<OsStr>]| {
        let output = dblwr(arguments.iter().map(|argument| argument.as_ref()));
        let shown: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
        assert!(is_plain(&output.stdout), "{shown:?}: {:?}", String::from_utf8_lossy(&output.stdout));
        assert!(is_plain(&output.stderr), "{shown:?}: {:?}", String::from_utf8_lossy(&output.stderr));
        let json = arguments.iter().any(|argument| argument.as_ref() == "--json");
        if json && !output.stdout.is_empty() {
            serde_json::from_slice::<serde_json::Value>(&output.stdout)
                .unwrap_or_else(|e| panic!("{shown:?}: {e}"));
        }
    };
    all(&[&"capture", &data, &"--out", &bundle]);
    for path in [&data, &bundle, &table, &place.path().join(OsStr::from_bytes(b"\x9bnone"))] {
        let path: &Path = path;
        for command in ["locate", "verify", "dump", "restore", "scan", "redo"] {
            all(&[&command, &path]);
            all(&[&command, &path, &"--json"]);
        }
        for options in [["--format", "csv"], ["--format", "jsonl"], ["--pages", "--format=csv"]] {
            all(&[&"scan", &path, &options[0], &options[1]]);
        }
        for output in ["nagios", "prometheus", "json"] {
            all(&[&"check", &path, &"--timeout", &"0", &"--output", &output]);
        }
        all(&[&"page", &path, &"3"]);
        all(&[&"carve", &path]);
        all(&[&"revert", &path]);
        all(&[&"explain-log", &path]);
        all(&[&"restore", &data, &"--plan-out", &path]);
    }
}
