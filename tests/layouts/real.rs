//! Layouts of real servers, cut down to what one torn page needs (`testdata/cut-*`, made by `testdata/cut.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::page::checksum::{Algorithm, stamp};
use dblwr::internals::page::keyring::Keyring;
use dblwr::internals::page::transform::{Revealed, SpaceKey, encrypt, reveal};
use dblwr::internals::units::{PageSize, SpaceId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::built::page::put;
use crate::built::prove::code;
use crate::built::prove::{Proof, prove_with, run};
use crate::built::{Torn, World};
use crate::support::{dblwr, json, sha256, stderr, testdata, tree, unpack};

struct Cut {
    world: World,
    torn: Torn,
    facts: Value,
}

fn read(dir: &Path, below: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(below).unwrap().flatten() {
        if entry.path().is_dir() {
            read(dir, &entry.path(), files);
        } else {
            let name = entry.path().strip_prefix(dir).unwrap().display().to_string();
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

fn cut(name: &str) -> Cut {
    let case: PathBuf = testdata(&format!("cut-{name}"));
    let facts: Value = serde_json::from_slice(&std::fs::read(case.join("torn.json")).unwrap()).unwrap();
    let dir = unpack(&case);
    let mut world = World::new(16384, Algorithm::Crc32);
    read(dir.path(), dir.path(), &mut world.files);
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let slot = &facts["slot"];
    let file = slot["file"].as_str().unwrap().to_owned();
    let first = if file.ends_with("ibdata1") { 64 } else { 0 };
    let start = (first + number(&slot["index"])) * 16384;
    let after = world.files[&file][start..start + number(&facts["length"])].to_vec();
    assert_eq!(sha256(&after), facts["after_sha256"], "{name}");
    let torn = Torn {
        file: facts["file"].as_str().unwrap().into(),
        offset: number(&facts["offset"]),
        space: number(&facts["space_id"]) as u32,
        page: number(&facts["page_no"]) as u32,
        slot: (file, number(&slot["index"]) as u32),
        after,
    };
    Cut { world, torn, facts }
}

fn options(cut: &Cut) -> Vec<String> {
    let mut options: Vec<String> =
        cut.facts["path_options"].as_array().unwrap().iter().map(|o| o.as_str().unwrap().into()).collect();
    // PATH is `data` below the directory, which an option makes known.
    options.push("--datadir=@/data".into());
    options.extend(cut.facts["keyring"].as_str().map(|key| format!("--keyring=@/data/{key}")));
    options
}

fn proved(name: &str) -> (Cut, Proof) {
    let cut = cut(name);
    let proof = prove_cut(name, &cut);
    (cut, proof)
}

fn prove_cut(name: &str, cut: &Cut) -> Proof {
    let options = options(cut);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let proof = prove_with(&cut.world, std::slice::from_ref(&cut.torn), &options);
    let unverifiable = proof.verify["summary"].get("unverifiable");
    assert_eq!(unverifiable, None, "{name}: nothing stays unjudged: {:#}", proof.verify["summary"]);
    proof
}

#[test]
fn tablespaces_of_mysql_9_7() {
    for name in [
        "mysql97-general-tablespace",
        "mysql97-data-directory",
        "mysql97-partitions",
        "mysql97-tpc-zlib",
        "mysql97-tpc-lz4",
    ] {
        let (cut, proof) = proved(name);
        assert_eq!(proof.verify["generation"], "mysql-8.0.30", "{name}");
        if cut.facts["redo"] == true {
            let page = (u64::from(cut.torn.space), u64::from(cut.torn.page));
            proof.server_does("mysql-8.0.30", json!(true), &[page], &[]);
        }
    }
}

#[test]
fn an_undo_tablespace_of_mysql_9_7() {
    let (cut, _) = proved("mysql97-undo");
    assert_eq!((cut.torn.space, cut.torn.file.as_str()), (0xFFFF_FFEF, "data/undo_001"));
}

/// Its id went down by 127 of the 512000 that an undo tablespace may have; copies of its former self belong to nobody.
#[test]
fn an_undo_tablespace_of_mysql_9_7_after_its_truncation() {
    let (cut, proof) = proved("mysql97-undo-truncated");
    assert_eq!((cut.torn.space, cut.torn.file.as_str()), (0xFFFF_FFEF - 127, "data/undo_001"));
    let former = |page: &&Value| page["space_id"] == 0xFFFF_FFEFu32;
    let pages = proof.verify["pages"].as_array().unwrap();
    assert!(pages.iter().any(|page| former(&page)), "{:#}", proof.verify["summary"]);
    assert!(pages.iter().filter(former).all(|page| page["verdict"] == "orphan"));
}

#[test]
fn page_compressed_tables_of_mariadb_in_the_classic_layout() {
    for codec in ["lz4", "lzma", "lzo", "snappy", "bzip2"] {
        let (_, proof) = proved(&format!("maria118-classic-pagecompressed-{codec}"));
        let torn =
            proof.verify["pages"].as_array().unwrap().iter().find(|page| page["verdict"] == "restorable");
        assert_eq!(torn.unwrap()["copy"]["page_type"], 34354, "{codec}");
    }
}

const MYSQL_ENCRYPTED: [&str; 4] =
    ["mysql97-encrypted", "mysql97-encrypted-page0", "mysql97-encrypted-tpc", "mysql97-encrypted-zip8"];
const MARIADB_ENCRYPTED: [&str; 4] = [
    "maria118-encrypted",
    "maria118-classic-encrypted",
    "maria105-encrypted-pagecompressed",
    "maria118-classic-encrypted-pagecompressed",
];

#[test]
fn with_the_key_encrypted_tables_are_judged_and_their_ciphertext_restored() {
    for name in MYSQL_ENCRYPTED.into_iter().chain(MARIADB_ENCRYPTED) {
        let (cut, _) = proved(name);
        assert_eq!(cut.facts["is_what_the_server_was_writing"], true, "{name}");
    }
}

/// A directory without its key file.
fn locked(cut: &Cut) -> tempfile::TempDir {
    let mut world = cut.world.clone();
    world.files.remove(&format!("data/{}", cut.facts["keyring"].as_str().unwrap()));
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    dir
}

#[test]
fn without_the_key_mysql_s_pages_are_unverifiable_and_nothing_of_them_is_written() {
    for name in ["mysql97-encrypted", "mysql97-encrypted-tpc", "mysql97-encrypted-zip8"] {
        let cut = cut(name);
        let dir = locked(&cut);
        let data = dir.path().join("data");
        let output = run(&data, "verify", &[]);
        let report = json(&output);
        let page =
            report["pages"].as_array().unwrap().iter().find(|page| page["page_no"] == cut.torn.page).unwrap();
        assert_eq!((code(&output), &page["verdict"]), (3, &json!("unverifiable")), "{name}: {report:#}");
        assert!(page["reason"].as_str().unwrap().contains("encrypted"), "{name}: {}", page["reason"]);
        assert_eq!(page["space_id"], cut.torn.space, "the header is in clear");
        assert!(crate::built::prove::starts_as(&report, &json!(null)), "{name}");
        let before = tree(dir.path());
        run(&data, "restore", &["--apply", "--include-stale"]);
        assert_eq!(tree(dir.path()), before, "{name}");
    }
}

#[test]
fn without_the_key_mariadb_s_ciphertext_still_has_its_checksum() {
    for name in MARIADB_ENCRYPTED {
        let cut = cut(name);
        let dir = locked(&cut);
        let data = dir.path().join("data");
        let output = run(&data, "verify", &[]);
        let report = json(&output);
        assert_eq!((code(&output), &report["summary"]["restorable"]), (1, &json!(1)), "{name}: {report:#}");
        let applied = run(&data, "restore", &["--apply"]);
        assert_eq!(code(&applied), 0, "{name}: {}", stderr(&applied));
        let home = std::fs::read(dir.path().join(&cut.torn.file)).unwrap();
        assert_eq!(home[cut.torn.offset..cut.torn.offset + cut.torn.after.len()], cut.torn.after, "{name}");
    }
}

/// Every way in which a key might show: as it stands in its file, in both cases of hexadecimal, raw, as a list of
/// numbers.
fn forms(key: &str) -> Vec<Vec<u8>> {
    let raw: Vec<u8> =
        (0..key.len() / 2).map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap()).collect();
    let numbers: Vec<String> = raw.iter().take(8).map(u8::to_string).collect();
    vec![
        key.as_bytes().to_vec(),
        key.to_lowercase().into_bytes(),
        key.to_uppercase().into_bytes(),
        raw.clone(),
        numbers.join(", ").into_bytes(),
        numbers.join(",").into_bytes(),
    ]
}

/// Hexadecimal of 128 bits or more in a key file.
fn keys(file: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(file)
        .split(|c: char| !c.is_ascii_hexdigit())
        .filter(|word| word.len() >= 32)
        .map(str::to_owned)
        .collect()
}

#[test]
fn keys_reach_neither_output_nor_journal_nor_plan_nor_bundle() {
    for name in ["mysql97-encrypted", "maria118-encrypted", "maria118-classic-encrypted-pagecompressed"] {
        let cut = cut(name);
        let dir = tempfile::tempdir().unwrap();
        cut.world.write(dir.path());
        let elsewhere = tempfile::tempdir().unwrap();
        let out = |file: &str| elsewhere.path().join(file).display().to_string();
        let data = dir.path().join("data").display().to_string();
        let key_file = format!("{data}/{}", cut.facts["keyring"].as_str().unwrap());
        let page = format!("{}:{}", cut.torn.space, cut.torn.page);
        let (plan, journal, dumped, record, bundle) =
            (out("plan"), out("journal"), out("dumped"), out("record"), out("bundle"));
        let commands: [&[&str]; 9] = [
            &["locate", &data, "-v"],
            &["verify", &data, "-v"],
            &["verify", &data, "--json"],
            &["dump", &data, "--page", &page, "--hex"],
            &["dump", &data, "--out", &dumped],
            &["scan", &data],
            &["restore", &data, "--plan-out", &plan, "--record", &record],
            &["capture", &data, "--out", &bundle],
            &["restore", &data, "--apply", "--json", "--journal", &journal, "--record", &record],
        ];
        let mut said = Vec::new();
        for command in commands {
            let output = dblwr(command.iter().chain(&["--keyring", &key_file]));
            assert_ne!(code(&output), 101, "{command:?}: {}", stderr(&output));
            said.extend([output.stdout, output.stderr]);
        }
        assert!(String::from_utf8_lossy(&said[16]).contains("\"verified\""), "{name}");
        said.push(dblwr(["revert", &journal, "-v"]).stdout);
        let mut files = BTreeMap::new();
        read(elsewhere.path(), elsewhere.path(), &mut files);
        assert!(files.contains_key("journal") && files.contains_key("plan"), "{:?}", files.keys());
        said.extend(files.into_values());
        let keys = keys(&cut.world.files[&format!("data/{}", cut.facts["keyring"].as_str().unwrap())]);
        assert!(!keys.is_empty());
        for form in keys.iter().flat_map(|key| forms(key)) {
            for text in &said {
                assert!(!text.windows(form.len()).any(|window| window == form), "{name}: a key was written");
            }
        }
    }
}

#[test]
fn a_key_file_without_the_key_or_that_is_none_says_so() {
    let cut = cut("mysql97-encrypted");
    let dir = tempfile::tempdir().unwrap();
    cut.world.write(dir.path());
    let data = dir.path().join("data");
    let other = dir.path().join("other.json");
    std::fs::write(&other, r#"{"version":"1.0","elements":[{"user":"","data_id":"INNODBKey-0-1","data_type":"AES","data":"00","extension":[]}]}"#).unwrap();
    let output = run(&data, "verify", &["--keyring", other.to_str().unwrap()]);
    assert!(
        json(&output)["notes"].to_string().contains("the key file has no key named"),
        "{}",
        stderr(&output)
    );
    assert_eq!(json(&output)["summary"].get("restorable"), None);
    std::fs::write(&other, b"no keys here").unwrap();
    assert_eq!(code(&run(&data, "verify", &["--keyring", other.to_str().unwrap()])), 3);
    assert_eq!(code(&run(&data, "verify", &["--keyring", "/no/such/file"])), 3);
}

/// The same files as another server would have left them: a crash with the copy inside the redo window.
fn crashed_as(cut: &mut Cut, server: u32, raw: u32, creator: &str) {
    let lsn = u64::from_be_bytes(cut.torn.after[16..24].try_into().unwrap());
    let mut redo = World::new(16384, Algorithm::Crc32);
    redo.ring(raw, creator, 2, lsn - 1000, lsn + 1000);
    cut.world.files.extend(redo.files.into_iter().map(|(name, bytes)| (format!("data/{name}"), bytes)));
    let system = cut.world.files.get_mut("data/ibdata1").unwrap();
    put(system, 8, &server.to_be_bytes());
    let format = PageFormat::classic(PageSize::DEFAULT);
    stamp(&mut system[..16384], &format, Algorithm::Crc32).unwrap();
}

/// SHA-256 of the one page that `--rules server` plans, and of the page that the plain rules plan.
fn planned_by_both(cut: &Cut) -> (Value, Value) {
    let dir = tempfile::tempdir().unwrap();
    cut.world.write(dir.path());
    let root = dir.path().to_str().unwrap();
    let options: Vec<String> = options(cut).iter().map(|option| option.replace('@', root)).collect();
    let plan = |more: &[&str]| {
        let options: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let plan = json(&run(&dir.path().join("data"), "restore", &options));
        assert!(plan["pages"].as_array().unwrap().len() <= 1, "{plan:#}");
        plan["pages"][0]["after"]["sha256"].clone()
    };
    (plan(&["--rules", "server"]), plan(&[]))
}

/// MySQL 8.0.25 and MariaDB 10.1 write a page home uncompressed whose copy is compressed.
#[test]
fn server_rules_plan_the_bytes_that_the_server_writes() {
    let mut encrypted = cut("mysql97-encrypted-tpc");
    crashed_as(&mut encrypted, 80025, 4, "MySQL 8.0.25");
    let (server, ours) = planned_by_both(&encrypted);
    assert_eq!(ours, sha256(&encrypted.torn.after));
    let space_file = &encrypted.world.files[&encrypted.torn.file];
    let format = PageFormat::from_flags(0x6021).unwrap();
    let keyring = Keyring::parse(&encrypted.world.files["data/keyring.json"], None).unwrap();
    let key = SpaceKey::for_tablespace(&space_file[..16384], &format, &keyring).found().unwrap();
    let space = SpaceId(encrypted.torn.space);
    let Revealed::Page(page) = reveal(&encrypted.torn.after, &format, space, Some(&key)) else { panic!() };
    assert_eq!(server, sha256(&encrypt(&page, &format, &key).unwrap()));

    let mut compressed = cut("maria118-classic-pagecompressed-lz4");
    crashed_as(&mut compressed, u32::MAX, 0, "");
    let (server, ours) = planned_by_both(&compressed);
    assert_eq!(ours, sha256(&compressed.torn.after));
    // 10.1.23 does not mend a torn page of a compressed table ("uncompress failed").
    assert_eq!(server, Value::Null);
}

/// The same keys in the file of MySQL's older plugin (`Key::store_in_buffer`, `Key::xor_data`, `buffered_file_io.cc`).
fn keyring_file(component: &[u8]) -> Vec<u8> {
    let component: Value = serde_json::from_slice(component).unwrap();
    let mut records = Vec::new();
    for element in component["elements"].as_array().unwrap() {
        let (name, hex) = (element["data_id"].as_str().unwrap(), element["data"].as_str().unwrap());
        let key = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        let secret = b"*305=Ljt0*!@$Hnm(*-9-w;:".iter().cycle();
        let key: Vec<u8> = key.zip(secret).map(|(key, xor)| key ^ xor).collect();
        let length = (40 + name.len() + 3 + key.len()).next_multiple_of(8);
        let start = records.len();
        for number in [length, name.len(), 3, 0, key.len()] {
            records.extend_from_slice(&(number as u64).to_le_bytes());
        }
        records.extend([name.as_bytes(), b"AES", &key].concat());
        records.resize(start + length, 0);
    }
    let digest = Sha256::digest(&records);
    [&b"Keyring file version:2.0"[..], &records, b"EOF", &digest].concat()
}

#[test]
fn the_older_key_file_of_mysql_opens_the_same_tables() {
    for name in MYSQL_ENCRYPTED {
        let mut cut = cut(name);
        let old = keyring_file(&cut.world.files["data/keyring.json"]);
        cut.world.files.remove("data/keyring.json");
        cut.world.files.insert("data/keyring".into(), old);
        cut.facts["keyring"] = json!("keyring");
        prove_cut(name, &cut);
    }
}
