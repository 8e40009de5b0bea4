//! What must not get out: bytes to other users, secrets of a configuration, control characters to a terminal.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{code, dblwr, image, stderr};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn extracted_pages_and_bundles_are_their_owners_alone() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (out, bundle) = (away.path().join("deep/out"), away.path().join("bundle"));
    assert_eq!(code(&dblwr(["dump", text(dir.path()), "--out", text(&out)])), 0);
    assert_eq!(code(&dblwr(["capture", text(dir.path()), "--out", text(&bundle)])), 0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&out), mode(&bundle)), (0o700, 0o600));
    let pages: Vec<_> = std::fs::read_dir(&out).unwrap().flatten().collect();
    assert!(!pages.is_empty() && pages.iter().all(|page| mode(&page.path()) == 0o600));
}

#[test]
fn a_redacted_bundle_has_no_secret_of_the_configuration() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (config, bundle) = (away.path().join("my.cnf"), away.path().join("bundle"));
    let secrets = "wsrep_sst_auth=sst:hunter2\nreport-url=mysql://u:hunter2@h/\n# hunter2\npassword=hunter2\n\
                   wsrep_provider_options='socket.ssl_password=hunter2'\nmaster_info=hunter2\n";
    std::fs::write(&config, format!("[mysqld]\ninnodb_page_size=16384\n{secrets}")).unwrap();
    let args =
        ["capture", text(dir.path()), "--redact", "--defaults-file", text(&config), "--out", text(&bundle)];
    let made = dblwr(args);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    // Records are single zstd frames: unpacked, nothing of it may be found.
    let bytes = std::fs::read(&bundle).unwrap();
    let magic = [0x28, 0xB5, 0x2F, 0xFD];
    let mut frames = 0;
    for at in (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&magic)) {
        let mut decoder = zstd::Decoder::new(&bytes[at..]).unwrap().single_frame();
        let mut plain = Vec::new();
        if std::io::Read::read_to_end(&mut decoder, &mut plain).is_ok() {
            frames += 1;
            assert!(!plain.windows(7).any(|w| w == b"hunter2"), "in the frame at {at}");
        }
    }
    assert!(frames > 1, "{frames}");
}

#[test]
fn control_characters_of_names_reach_neither_output_nor_error() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let evil = "a\x1b[31mb\x07c\rd.ibd";
    let data = away.path().join("e\x1b[2Jf");
    std::fs::rename(dir.keep(), &data).unwrap();
    std::fs::copy(data.join("d/t1.ibd"), data.join("d").join(evil)).unwrap();
    std::os::unix::fs::symlink("nowhere", data.join("d").join(format!("x{evil}"))).unwrap();
    let table = data.join("d").join(evil);
    for args in [
        &["verify", text(&data)][..],
        &["scan", text(&data)],
        &["locate", text(&data)],
        &["dump", text(&data)],
        &["restore", text(&data)],
        &["check", text(&data)],
        &["page", text(&table), "5"],
        &["carve", text(&table)],
        &["verify", "no\x1bsuch"],
        &["restore", text(&data), "--plan-out", text(&table)],
    ] {
        let output = dblwr(args);
        for said in [&output.stdout, &output.stderr] {
            let bad = said.iter().find(|&&b| b < 0x20 && b != b'\n' || b == 0x7F);
            assert_eq!(bad, None, "{args:?}: {}", String::from_utf8_lossy(said).escape_debug());
        }
    }
}

/// What a bundle was unpacked to is gone when a signal ends the command.
#[test]
fn a_signal_leaves_nothing_in_the_temporary_directory() {
    let (dir, away) = (image("m97-16k"), tempfile::tempdir().unwrap());
    let (bundle, temporary) = (away.path().join("bundle"), away.path().join("tmp"));
    std::fs::create_dir(&temporary).unwrap();
    assert_ne!(code(&dblwr(["capture", text(dir.path()), "--out", text(&bundle)])), 3);
    for command in ["verify", "scan"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dblwr"))
            .args([command, text(&bundle)])
            .env("TMPDIR", &temporary)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let count = || std::fs::read_dir(&temporary).unwrap().count();
        while count() == 0 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap();
        assert_eq!(count(), 0, "{command}");
    }
}
