//! Tablespaces of every kind: which file a copy belongs to, and how much of a slot is the page.

use dblwr::internals::format::fsp::xdes_array_end;
use dblwr::internals::page::keyring::Keyring;
use dblwr::internals::page::transform::{SpaceKey, encrypt};
use serde_json::{Value, json};

use crate::built::page::put;
use crate::built::prove::code;
use crate::built::prove::{prove, prove_with, run};
use crate::built::{At, NEW, OLD, Space, Torn, World};
use crate::mariadb::mariadb;
use crate::separate::{since_8_0_20, slot};
use crate::support::{json, sha256, tree};
use crate::system::since_5_6;

/// Tablespace flags of `KEY_BLOCK_SIZE`, in an instance of 16 KiB pages.
fn zip_flags(kib: u32) -> u32 {
    0x21 | match kib {
        1 => 1,
        2 => 2,
        4 => 3,
        8 => 4,
        _ => 5,
    } << 1
}

#[test]
fn compressed_pages_are_judged_and_written_without_what_a_slot_carries_behind_them() {
    for kib in [1, 2, 4, 8, 16] {
        // Up to 8.0.19 the rest of a slot is zero, from 8.0.20 on it is what lay there before.
        let mut zero = since_5_6(16384, 1, "MySQL 5.7.44");
        zero.table("d/zip.ibd", 7, zip_flags(kib), 1024);
        zero.copy(&At::System(3), &[0; 16384]);
        let torn = [zero.tear("d/zip.ibd", 4, At::System(3), 512)];
        assert_eq!(torn[0].after.len(), kib as usize * 1024);
        prove(&zero, &torn).server_does("mysql-5.7", json!(true), &[(7, 4)], &[]);

        let mut leftover = since_8_0_20(16384, "MySQL 8.0.36");
        leftover.table("d/zip.ibd", 8, zip_flags(kib) | 0x4000, 1024);
        let other = leftover.page(&leftover.space("d/t1.ibd"), 9, OLD);
        leftover.copy(&slot(0, 3), &other);
        let torn = [leftover.tear("d/zip.ibd", 4, slot(0, 3), 512)];
        prove(&leftover, &torn).server_does("mysql-8.0.30", json!(true), &[(8, 4)], &[]);
    }
}

/// One tablespace of every kind with its page 0 torn, and all of them zero but the system tablespace's.
#[test]
fn page_0_of_every_kind_of_tablespace() {
    const KINDS: [(&str, u32, u32); 8] = [
        ("ibdata1", 0, 0x4800),
        ("mysql.ibd", 0xFFFF_FFFE, 0x4800),
        ("undo_001", 0xFFFF_FFEF, 0x4000),
        ("more.ibu", 0xFFFF_FF6C, 0x4000),
        ("general.ibd", 21, 0x4800 | 0x21),
        ("d/t1.ibd", 7, 0x4021),
        ("d/t2#p#p0.ibd", 22, 0x4021),
        ("d/zip.ibd", 23, 0x4000 | 0x29),
    ];
    for written in [512, 0] {
        let mut world = since_8_0_20(16384, "MySQL 8.0.36");
        let mut torn = Vec::new();
        for (index, (file, id, flags)) in (0..).zip(KINDS) {
            if world.spaces.iter().all(|space| space.file != file) {
                world.table(file, id, flags, 16);
            }
            torn.push(world.tear(file, 0, slot(index % 2, index), written));
            let space = world.space(file);
            if written == 0 {
                world.write_home(&space, 0, &vec![0; space.format.physical.bytes()]);
            }
        }
        let proof = prove(&world, &torn);
        let states: Vec<&Value> =
            proof.verify["pages"].as_array().unwrap().iter().map(|page| &page["home"]["state"]).collect();
        let expected = if written == 0 { "zero" } else { "torn" };
        // Compressed pages have no LSN at their end.
        assert_eq!(
            states.iter().filter(|state| **state == expected).count(),
            if written == 0 { 8 } else { 7 }
        );
    }
}

#[test]
fn an_undo_tablespace_has_another_id_after_its_truncation() {
    let (old, new) = (0xFFFF_FFEF, 0xFFFF_FFEF - 127);
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    world.table("undo_001", new, 0x4000, 64);
    let torn = [world.tear("undo_001", 10, slot(0, 1), 4096)];
    // Pages of the same file when it had its old id, newer than what lies there now.
    let before = Space { id: old, ..world.space("undo_001") };
    for (index, number) in [(2, 11), (3, 0), (4, 10)] {
        let page = world.fields(&before, number, NEW + 10, 64).bytes();
        world.copy(&slot(0, index), &page);
    }
    let proof = prove(&world, &torn);
    assert_eq!(proof.verify["summary"], json!({"orphan": 3, "restorable": 1}), "normal, and no loss");
    proof.server_does("mysql-8.0.30", json!(true), &[(u64::from(new), 10)], &[]);
}

#[test]
fn an_undo_page_that_the_truncation_gave_back_is_not_missed() {
    let mut world = mariadb("10.5.23");
    world.table("undo001", 1, 0x15, 64);
    let space = world.space("undo001");
    // The copy is from before; the tablespace's newer header says that nothing lies behind page 16.
    let copy = world.page(&space, 20, 20_000);
    world.copy(&At::System(3), &copy);
    world.write_home(&space, 20, &[0; 16384]);
    let mut header = world.home(&space, 0).to_vec();
    put(&mut header, 50, &16u32.to_be_bytes());
    world.fields(&space, 0, OLD, 64).seal(&mut header);
    world.write_home(&space, 0, &header);
    let proof = prove(&world, &[]);
    assert_eq!(proof.verify["summary"], json!({"intact": 1}));
    assert!(proof.verify["pages"][0]["reason"].as_str().unwrap().contains("given it back"));
}

/// A tablespace whose file lies outside the data directory.
fn remote(world: &mut World, from: &str, to: &str, at: At) -> Torn {
    let torn = world.tear(from, 4, at, 4096);
    let bytes = world.files.remove(from).unwrap();
    world.files.insert(to.into(), bytes);
    Torn { file: to.into(), ..torn }
}

/// Everything but what is already there goes below `data`, as with `--directory` and the like.
fn below_data(world: World, kept: &[&str]) -> World {
    let files = world.files.iter().map(|(name, bytes)| {
        let name = if kept.contains(&name.as_str()) { name.clone() } else { format!("data/{name}") };
        (name, bytes.clone())
    });
    World { files: files.collect(), ..world.clone() }
}

#[test]
fn link_files_lead_to_remote_tablespaces() {
    for relative in [true, false] {
        let mut world = since_5_6(16384, 0, "");
        world.table("d/t1.ibd", 7, 0x21 | 1 << 10, 64);
        let torn = world.tear("d/t1.ibd", 4, At::System(3), 4096);
        let bytes = world.files.remove("d/t1.ibd").unwrap();
        world.files.insert("elsewhere/d/t1.ibd".into(), bytes);
        let torn = Torn { file: "elsewhere/d/t1.ibd".into(), slot: ("data/ibdata1".into(), 3), ..torn };
        let outside = tempfile::tempdir().unwrap();
        let link = if relative {
            "../../elsewhere/d/t1.ibd\n".to_owned()
        } else {
            format!("{}/d/t1.ibd", outside.path().display())
        };
        world.files.insert("d/t1.isl".into(), link.into_bytes());
        let world = below_data(world, &["elsewhere/d/t1.ibd"]);
        if relative {
            let dir = tempfile::tempdir().unwrap();
            world.write(dir.path());
            let output = run(&dir.path().join("data"), "verify", &[]);
            let report = json(&output);
            assert_eq!((code(&output), &report["summary"]), (1, &json!({"restorable": 1})), "{report:#}");
            assert!(report["pages"][0]["home"]["file"].as_str().unwrap().ends_with("elsewhere/d/t1.ibd"));
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        std::fs::create_dir_all(outside.path().join("d")).unwrap();
        std::fs::rename(dir.path().join("elsewhere/d/t1.ibd"), outside.path().join("d/t1.ibd")).unwrap();
        let data = dir.path().join("data");
        let before = (tree(&data), tree(outside.path()));
        let journal = dir.path().join("journal");
        let journal = journal.to_str().unwrap();
        let applied = run(&data, "restore", &["--apply", "--journal", journal]);
        assert_eq!(code(&applied), 0, "{}", crate::support::stderr(&applied));
        let now = std::fs::read(outside.path().join("d/t1.ibd")).unwrap();
        assert_eq!(now[torn.offset..torn.offset + 16384], torn.after);
        assert_eq!(tree(&data), before.0);
        let reverted = crate::support::dblwr(["revert", journal, "--apply"]);
        assert_eq!(code(&reverted), 0, "{}", crate::support::stderr(&reverted));
        assert_eq!((tree(&data), tree(outside.path())), before);
    }
}

#[test]
fn a_link_file_that_leads_nowhere_or_is_none_is_an_error_that_names_it() {
    for text in [&b"/no/such/file.ibd\n"[..], &[0xFF; 5000], b""] {
        let mut world = since_5_6(16384, 0, "");
        world.files.insert("d/t1.isl".into(), text.to_vec());
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        let output = run(dir.path(), "verify", &[]);
        assert_eq!(crate::support::code(&output), 3, "{text:?} {}", json(&output));
        assert!(!crate::support::stderr(&output).contains("panicked"));
    }
}

#[test]
fn data_directory_and_general_tablespaces_by_innodb_directories() {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    world.table("d/t2.ibd", 8, 0x4421, 64).table("ts1.ibd", 9, 0x4821, 64).table(
        "d/t3#p#p1.ibd",
        10,
        0x4021,
        64,
    );
    let torn = [
        remote(&mut world, "d/t2.ibd", "far/d/t2.ibd", slot(0, 1)),
        remote(&mut world, "ts1.ibd", "far/deep/ts1.ibd", slot(0, 2)),
        world.tear("d/t3#p#p1.ibd", 4, slot(0, 3), 4096),
    ]
    .map(|torn| {
        let file =
            if torn.file.starts_with("far") { torn.file.clone() } else { format!("data/{}", torn.file) };
        Torn { file, slot: (format!("data/{}", torn.slot.0), torn.slot.1), ..torn }
    });
    let mut world = below_data(world, &["far/d/t2.ibd", "far/deep/ts1.ibd"]);
    let proof = prove_with(&world, &torn, &["--directory=@/far"]);
    proof.server_does("mysql-8.0.30", json!(true), &[(8, 4), (9, 4), (10, 4)], &[]);
    world.files.insert("my.cnf".into(), b"[mysqld]\ninnodb_directories = '@/nothing;@/far'\n".to_vec());
    let without = json(&run(&proof.dir.path().join("data"), "verify", &[]));
    assert_eq!(without["summary"]["orphan"], 2, "nothing else leads there");
}

#[test]
fn two_files_of_one_space_id_are_both_left_alone() {
    let mut world = since_5_6(16384, 1, "MySQL 5.7.44");
    world.table("d/t1.ibd", 7, 0x21, 64);
    let other = world.tear("d/t1.ibd", 4, At::System(3), 4096);
    world.files.insert("d/copy.ibd".into(), world.files["d/t1.ibd"].clone());
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let before = tree(dir.path());
    let report = json(&run(dir.path(), "verify", &[]));
    assert_eq!(report["summary"], json!({"stale": 1}));
    let reason = report["pages"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("d/copy.ibd") && reason.contains("d/t1.ibd"), "{reason}");
    for options in [&["--apply"][..], &["--apply", "--include-stale"], &["--apply", "--rules", "server"]] {
        assert_eq!(code(&run(dir.path(), "restore", options)), 2);
        assert_eq!(tree(dir.path()), before);
    }
    assert_eq!(other.page, 4);
}

#[test]
fn a_page_that_the_end_of_its_file_cuts_is_never_written() {
    let mut world = since_5_6(16384, 1, "MySQL 5.7.44");
    world.table("d/t1.ibd", 7, 0x21, 64);
    world.tear("d/t1.ibd", 63, At::System(3), 4096);
    let space = world.space("d/t1.ibd");
    let behind = world.fields(&space, 90, NEW, 64).bytes();
    world.copy(&At::System(4), &behind);
    let file = world.files.get_mut("d/t1.ibd").unwrap();
    file.truncate(63 * 16384 + 5000);
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let before = tree(dir.path());
    let report = json(&run(dir.path(), "verify", &[]));
    assert_eq!(report["summary"], json!({"out_of_bounds": 2}));
    run(dir.path(), "restore", &["--apply", "--include-stale"]);
    assert_eq!(tree(dir.path()), before);
}

#[test]
fn plaintext_of_an_encrypted_table_is_never_written_into_it() {
    for (creator, raw) in [("MySQL 5.7.44", 1), ("MySQL 8.0.19", 4)] {
        let mut world = since_5_6(16384, raw, creator);
        world.table("d/t1.ibd", 7, 0x21 | 1 << 13, 64).table("d/t2.ibd", 8, 0x21, 64);
        let torn = [world.tear("d/t2.ibd", 4, At::System(0), 512)];
        world.tear("d/t1.ibd", 4, At::System(3), 4096);
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        let report = json(&run(dir.path(), "verify", &[]));
        assert_eq!(report["summary"], json!({"restorable": 1, "unverifiable": 1}), "{creator}: {report:#}");
        let page = report["pages"].as_array().unwrap().iter().find(|page| page["space_id"] == 7).unwrap();
        assert!(page["reason"].as_str().unwrap().contains("before its encryption"), "{}", page["reason"]);
        run(dir.path(), "restore", &["--apply", "--include-stale"]);
        let now = std::fs::read(dir.path().join("d/t1.ibd")).unwrap();
        assert!(now == world.files["d/t1.ibd"], "{creator}");
        assert_eq!(torn[0].page, 4);
    }
}

/// Page 0's record of an encrypted table of MySQL 9.7, whose master key lies in testdata/keyring.
const ENCRYPTION_RECORD: &str = "6c43430000000235353561346339352d653538632d313166312d623236642d3032666330303030303030313fab34045c34314c2b311aeff69817282533617f27266bbf3cf77db6e1524d23012cd27d277110beec47d8d042a2ea4238d1748ef6b88e8f68546fb2a59518f9a5a99bf5";
const KEYRING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/keyring/mysql-9.7-component.json");

/// Makes every page of a table but page 0 what an encrypting server writes; the key.
fn encrypt_table(world: &mut World, file: &str) -> SpaceKey {
    let space = world.space(file);
    let mut page0 = world.home(&space, 0).to_vec();
    let record: Vec<u8> = (0..ENCRYPTION_RECORD.len() / 2)
        .map(|at| u8::from_str_radix(&ENCRYPTION_RECORD[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    put(&mut page0, xdes_array_end(&space.format), &record);
    world.fields(&space, 0, OLD, world.pages(&space)).seal(&mut page0);
    world.write_home(&space, 0, &page0);
    let keyring = Keyring::parse(&std::fs::read(KEYRING).unwrap(), None).unwrap();
    let key = SpaceKey::for_tablespace(&page0, &space.format, &keyring).found().unwrap();
    for number in 1..world.pages(&space) {
        let page = encrypt(world.home(&space, number), &space.format, &key).unwrap();
        world.write_home(&space, number, &page);
    }
    key
}

/// With the key the plaintext in the slot becomes the ciphertext that the server was writing.
#[test]
fn plaintext_of_an_encrypted_table_is_written_home_encrypted() {
    for (creator, raw) in [("MySQL 5.7.44", 1), ("MySQL 8.0.19", 4)] {
        for (written, flags) in [(4096, 0x21), (0, 0x21), (512, zip_flags(8))] {
            let mut world = since_5_6(16384, raw, creator);
            world.table("d/t1.ibd", 7, flags | 1 << 13, 1024);
            let key = encrypt_table(&mut world, "d/t1.ibd");
            let space = world.space("d/t1.ibd");
            if written == 0 {
                world.write_home(&space, 4, &vec![0; space.format.physical.bytes()]);
            }
            let plain = world.page(&space, 4, NEW);
            let cipher = encrypt(&plain, &space.format, &key).unwrap();
            let torn = world.tear_with(&space, 4, At::System(3), written, cipher);
            world.copy(&At::System(3), &plain);
            let world = below_data(world, &[]);
            let torn = below(torn);
            prove_with(&world, &[torn], &["--keyring", KEYRING]).server_does(
                if raw == 1 { "mysql-5.7" } else { "mysql-8.0" },
                json!(true),
                &[(7, 4)],
                &[],
            );
        }
    }
}

/// From 8.0.23 on a slot holds what goes home: plaintext there is a page that is not encrypted yet, or not any more.
#[test]
fn plaintext_of_8_0_23_and_later_goes_home_as_it_is() {
    for (creator, server, encrypts) in
        [("MySQL 8.0.22", 80022, true), ("MySQL 8.0.25", 80025, false), ("MySQL 8.0.36", 80036, false)]
    {
        let mut world = since_8_0_20(16384, creator);
        world.siblings.0 = server;
        let system = world.space("ibdata1");
        let page0 = world.page(&system, 0, OLD);
        world.write_home(&system, 0, &page0);
        world.table("d/e.ibd", 8, 0x4021 | 1 << 13, 64);
        let key = encrypt_table(&mut world, "d/e.ibd");
        let space = world.space("d/e.ibd");
        let plain = world.page(&space, 4, NEW);
        let cipher = encrypt(&plain, &space.format, &key).unwrap();
        let after = if encrypts { cipher } else { plain.clone() };
        let torn = world.tear_with(&space, 4, slot(0, 3), 4096, after);
        world.copy(&slot(0, 3), &plain);
        let world = below_data(world, &[]);
        let generation = if server < 80030 { "mysql-8.0.20" } else { "mysql-8.0.30" };
        prove_with(&world, &[below(torn)], &["--keyring", KEYRING]).server_does(
            generation,
            json!(true),
            &[(8, 4)],
            &[],
        );
    }
}

/// MySQL 9.7.4 writes undo pages home in plaintext while `innodb_undo_log_encrypt` is off; the copy itself is as good.
#[test]
fn server_rules_leave_undo_pages_encrypted_only_where_the_server_does() {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    world.table("undo_001", 0xFFFF_FFEF, 0x4000 | 1 << 13, 64);
    let key = encrypt_table(&mut world, "undo_001");
    let space = world.space("undo_001");
    let plain = world.page(&space, 4, NEW);
    let cipher = encrypt(&plain, &space.format, &key).unwrap();
    let torn = below(world.tear_with(&space, 4, slot(0, 3), 4096, cipher.clone()));
    let mut world = below_data(world, &[]);
    for (setting, written) in [("OFF", &plain), ("ON", &cipher)] {
        let cnf = format!("[mysqld]\ninnodb_undo_log_encrypt={setting}\n");
        world.files.insert("my.cnf".into(), cnf.into_bytes());
        let options = ["--keyring", KEYRING, "--defaults-file", "@/my.cnf"];
        let proof = prove_with(&world, std::slice::from_ref(&torn), &options);
        assert_eq!(proof.server["pages"][0]["after"]["sha256"], sha256(written), "{setting}");
    }
}

/// The setting goes along in a bundle, as everything does that steers a judgement.
#[test]
fn a_bundle_remembers_whether_undo_pages_are_encrypted() {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    world.table("undo_001", 0xFFFF_FFEF, 0x4000 | 1 << 13, 64);
    let key = encrypt_table(&mut world, "undo_001");
    let space = world.space("undo_001");
    let plain = world.page(&space, 4, NEW);
    let cipher = encrypt(&plain, &space.format, &key).unwrap();
    world.tear_with(&space, 4, slot(0, 3), 4096, cipher.clone());
    let mut world = below_data(world, &[]);
    for (setting, written) in [("OFF", &plain), ("ON", &cipher)] {
        let dir = tempfile::tempdir().unwrap();
        let cnf = format!("[mysqld]\ninnodb_undo_log_encrypt={setting}\n");
        world.files.insert("my.cnf".into(), cnf.into_bytes());
        world.write(dir.path());
        let (data, place) =
            (dir.path().join("data"), |name: &str| dir.path().join(name).display().to_string());
        let (cnf, bundle) = (place("my.cnf"), place("bundle"));
        let captured =
            run(&data, "capture", &["--defaults-file", &cnf, "--keyring", KEYRING, "--out", &bundle]);
        assert_eq!(code(&captured), 0, "{}", String::from_utf8_lossy(&captured.stderr));
        let options = ["--keyring", KEYRING, "--rules", "server"];
        let planned = run(std::path::Path::new(&bundle), "restore", &options);
        let page = &json(&planned)["pages"][0];
        assert_eq!(page["after"]["sha256"], sha256(written), "{setting}: {planned:?}");
    }
}

/// Without the key nothing can make the page of an encrypted table, and the server's rules are no way around that.
#[test]
fn an_empty_page_of_an_encrypted_table_gets_no_plaintext() {
    let mut world = since_5_6(16384, 1, "MySQL 5.7.44");
    world.table("d/t1.ibd", 7, 0x21 | 1 << 13, 64);
    encrypt_table(&mut world, "d/t1.ibd");
    let space = world.space("d/t1.ibd");
    world.write_home(&space, 4, &[0; 16384]);
    let plain = world.page(&space, 4, NEW);
    world.copy(&At::System(3), &plain);
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    for options in [&["--apply"][..], &["--apply", "--include-stale"], &["--apply", "--rules", "server"]] {
        run(dir.path(), "restore", options);
        let now = std::fs::read(dir.path().join("d/t1.ibd")).unwrap();
        assert!(now == world.files["d/t1.ibd"], "{options:?}");
    }
}

/// As [`below_data`] names it.
fn below(torn: Torn) -> Torn {
    let name = |name: &str| format!("data/{name}");
    Torn { file: name(&torn.file), slot: (name(&torn.slot.0), torn.slot.1), ..torn }
}
