//! Separate and reduced doublewrite files: MySQL 8.0.20 and later.

use std::path::Path;

use dblwr::internals::page::checksum::{Algorithm, crc32c};
use serde_json::{Value, json};

use crate::built::page::put;
use crate::built::prove::code;
use crate::built::prove::{Proof, damaged, pages, prove, prove_with, run};
use crate::built::{At, CHECKPOINT, NEW, World};
use crate::support::{json, stderr, tree};

/// 8.0.20 to 8.0.29 by the log's creator, later ones by `#innodb_redo`.
pub fn since_8_0_20(size: usize, creator: &str) -> World {
    let mut world = World::new(size, Algorithm::Crc32);
    let code = [(4096, 3), (8192, 4), (16384, 0), (32768, 6), (65536, 7)];
    let flags = 0x4800 | code.iter().find(|(bytes, _)| *bytes == size).unwrap().1 << 6;
    let reduced = creator.starts_with("MySQL 8.0.3") || !creator.starts_with("MySQL 8.0");
    world.siblings = (if reduced { 80036 } else { 80025 }, 1);
    world.system(&[("ibdata1", 5 * world.extent())], flags).default_doublewrite();
    if reduced {
        world.redo_directory(creator);
    } else {
        world.crashed(4, creator, 2);
    }
    world.table("d/t1.ibd", 7, (flags & !0x800) | 0x21, 64);
    world
}

pub fn slot(file: u32, index: u32) -> At {
    At::File(format!("#ib_16384_{file}.dblwr"), index)
}

fn area<'a>(proof: &'a Proof, file: &str) -> &'a Value {
    let areas = proof.locate["areas"].as_array().unwrap();
    areas.iter().find(|area| area["file"] == file).unwrap_or_else(|| panic!("{file}: {areas:#?}"))
}

/// An entry for every page, in reduced pages of 8192 bytes.
fn reduced(pages: &[&[(u32, u32, u64)]]) -> Vec<u8> {
    let mut file = Vec::new();
    for (number, entries) in pages.iter().enumerate() {
        let mut page = vec![0; 8192];
        let data: Vec<u8> = entries
            .iter()
            .flat_map(|(space, number, lsn)| {
                [&space.to_be_bytes()[..], &number.to_be_bytes(), &lsn.to_be_bytes()].concat()
            })
            .collect();
        if !data.is_empty() {
            put(&mut page, 0, &(6 + number as u32).to_be_bytes());
            put(&mut page, 4, &crc32c(&data).to_be_bytes());
            put(&mut page, 8, &(data.len() as u16).to_be_bytes());
            page[10] = 1;
            put(&mut page, 20, &data);
        }
        file.extend(page);
    }
    file
}

#[test]
fn several_files_are_read_in_the_order_of_their_numbers() {
    for creator in ["MySQL 8.0.25", "MySQL 8.0.36", "MySQL 8.4.3"] {
        let mut world = since_8_0_20(16384, creator);
        let torn = [
            world.tear("d/t1.ibd", 4, slot(0, 11), 4096),
            world.tear("d/t1.ibd", 5, slot(1, 523), 512),
            world.tear("d/t1.ibd", 6, slot(10, 0), 1024),
        ];
        // Of page 6 file 2 has an older version, which the server meets first; of page 4 the dead area a newer one.
        let space = world.space("d/t1.ibd");
        let (older, newer) = (world.page(&space, 6, NEW - 5000), world.page(&space, 4, NEW + 500));
        world.copy(&slot(2, 3), &older).copy(&At::System(0), &newer);
        let proof = prove(&world, &torn);
        assert_eq!(proof.area("system")["live"], false, "the built-in area is dead");
        for (file, slots) in [(0, 12), (1, 524), (2, 4), (10, 1)] {
            let area = area(&proof, &format!("#ib_16384_{file}.dblwr"));
            assert_eq!(
                (&area["slots"], &area["live"], &area["kind"]),
                (&json!(slots), &json!(true), &json!("separate"))
            );
        }
        let generation = if creator == "MySQL 8.0.25" { "mysql-8.0.20" } else { "mysql-8.0.30" };
        proof.server_does(generation, json!(true), &[(7, 4), (7, 5), (7, 6)], &[]);
        let server = proof.server["pages"].as_array().unwrap();
        let six = server.iter().find(|page| page["page_no"] == 6).unwrap();
        assert_eq!(
            (&six["copy"]["file"], &six["copy"]["lsn"]),
            (&json!("#ib_16384_2.dblwr"), &json!(NEW - 5000))
        );
    }
}

#[test]
fn a_perfect_copy_in_the_dead_area_mends_nothing() {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    world.tear("d/t1.ibd", 4, At::System(3), 4096);
    world.copy(&slot(0, 3), &[0; 16384]);
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let output = run(dir.path(), "verify", &[]);
    let problems = json(&output)["problems"].to_string();
    assert_eq!((code(&output), json(&output)["summary"].clone()), (3, json!({})), "{problems}");
    assert!(problems.contains("copies_elsewhere"), "{problems}");
    assert!(crate::built::prove::starts_as(&json(&output), &json!(null)), "a torn page may have no copy");
    assert!(json(&output)["notes"].to_string().contains("no recent copies"));
}

#[test]
fn other_page_sizes_leftovers_and_a_torn_last_slot_do_not_disturb() {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    let torn = [world.tear("d/t1.ibd", 4, slot(0, 2), 4096)];
    let space = world.space("d/t1.ibd");
    let newer = world.page(&space, 4, NEW + 5000);
    for name in ["#ib_4096_0.dblwr", "#ib_16384_0.dblwr_tmp", "#ib_16384_0.dblwr.old", "ib_16384_7.dblwr"] {
        world.files.insert(name.into(), newer.clone());
    }
    // The server died while it made the file longer.
    world.files.get_mut("#ib_16384_0.dblwr").unwrap().extend(&newer[..10_000]);
    let proof = prove(&world, &torn);
    assert_eq!(area(&proof, "#ib_16384_0.dblwr")["slots"], 3);
    proof.notes("the last 10000 bytes are less than one slot");
    assert_eq!(area(&proof, "#ib_4096_0.dblwr")["live"], false);
    assert_eq!(proof.locate["areas"].as_array().unwrap().len(), 3);
    proof.server_does("mysql-8.0.30", json!(true), &[(7, 4)], &[]);
}

#[test]
fn innodb_doublewrite_dir_as_servers_take_it() {
    for (option, dir) in [("dw", "data/#dw"), ("#dw", "data/#dw"), ("@/fast", "fast"), ("./dw", "data/dw")] {
        let mut world = since_8_0_20(16384, "MySQL 8.0.36");
        let file = format!("{dir}/#ib_16384_0.dblwr");
        world.tear("d/t1.ibd", 4, At::File(file.clone(), 2), 4096);
        let mut moved = World { files: Default::default(), ..world.clone() };
        for (name, bytes) in world.files {
            let name = if name == file { name } else { format!("data/{name}") };
            moved.files.insert(name, bytes);
        }
        let space = crate::built::Space { file: "data/d/t1.ibd".into(), ..moved.space("d/t1.ibd") };
        let after = moved.page(&space, 4, NEW);
        let torn = [crate::built::Torn {
            file: "data/d/t1.ibd".into(),
            offset: 4 * 16384,
            space: 7,
            page: 4,
            slot: (file.clone(), 2),
            after,
        }];
        // Stale files where the default would be.
        let older = moved.page(&space, 4, NEW - 5000);
        moved.files.insert("data/#ib_16384_0.dblwr".into(), older);
        let proof = prove_with(&moved, &torn, &[&format!("--doublewrite-dir={option}")]);
        proof.server_does("mysql-8.0.30", json!(true), &[(7, 4)], &[]);
        let cnf = format!("[mysqld]\ninnodb_doublewrite_dir = \"{option}\" # so\n");
        moved.files.insert("my.cnf".into(), cnf.into_bytes());
        if option.starts_with('@') {
            continue;
        }
        prove_with(&moved, &torn, &["--defaults-file=@/my.cnf"]);
    }
}

/// A page torn while only its number and LSN were kept, and one that is zero.
fn detect_only(size: usize) -> World {
    let mut world = since_8_0_20(size, "MySQL 8.0.36");
    let space = world.space("d/t1.ibd");
    for number in [4, 9] {
        let after = world.page(&space, number, NEW);
        let mut home = world.home(&space, number).to_vec();
        put(&mut home, 0, &after[..512]);
        world.write_home(&space, number, &home);
    }
    world.write_home(&space, 5, &vec![0; size]);
    let entries: &[&[(u32, u32, u64)]] =
        &[&[], &[(7, 4, NEW), (7, 6, NEW)], &[(7, 5, NEW), (7, 9, 0), (7, 4000, NEW), (99, 1, NEW)], &[]];
    world.files.insert(format!("#ib_{size}_0.bdblwr"), reduced(entries));
    world.files.insert(format!("#ib_{size}_0.dblwr"), vec![0; 4 * size]);
    world
}

fn verified(dir: &Path) -> (i32, Value) {
    let output = run(dir, "verify", &[]);
    (code(&output), json(&output))
}

#[test]
fn detect_only_keeps_numbers_and_nothing_to_restore() {
    for size in [4096, 16384, 65536] {
        let dir = tempfile::tempdir().unwrap();
        detect_only(size).write(dir.path());
        let before = tree(dir.path());
        let (status, report) = verified(dir.path());
        assert_eq!((status, &report["summary"]), (2, &json!({"unrecoverable": 2})), "{report:#}");
        let index =
            |page: &Value| (page["page_no"].as_u64().unwrap(), page["slot"]["index"].as_u64().unwrap());
        let found: Vec<_> = report["pages"].as_array().unwrap().iter().map(index).collect();
        assert_eq!(found, [(4, 510), (5, 1020)], "the reduced page and the place in it");
        let prediction = &report["prediction"];
        assert_eq!(
            (&prediction["starts"], crate::built::prove::stops_of(&report)),
            (&json!(false), vec![(7, 4), (7, 5)])
        );
        let locate = json(&run(dir.path(), "locate", &[]));
        let area = locate["areas"].as_array().unwrap().iter().find(|area| area["kind"] == "reduced").unwrap();
        assert_eq!((&area["slots"], &area["live"]), (&json!(4), &json!(true)));
        for options in [&["--apply"][..], &["--apply", "--include-stale"], &["--apply", "--rules", "server"]]
        {
            assert_eq!(code(&run(dir.path(), "restore", options)), 2, "{options:?}");
            assert_eq!(tree(dir.path()), before, "{options:?}");
        }
    }
}

#[test]
fn a_full_copy_older_than_a_reduced_entry_is_never_written() {
    let mut world = detect_only(16384);
    let space = world.space("d/t1.ibd");
    // From the time when doublewrite was on: one older than its entry, one as new, one page without an entry that counts.
    let (older, same) = (world.page(&space, 4, CHECKPOINT + 10), world.page(&space, 5, NEW));
    let without = world.page(&space, 9, NEW);
    world.copy(&slot(0, 0), &older).copy(&slot(0, 1), &same).copy(&slot(0, 2), &without);
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let (status, report) = verified(dir.path());
    let summary = json!({"restorable": 2, "stale": 1, "superseded": 1, "unrecoverable": 1});
    assert_eq!((status, &report["summary"]), (2, &summary), "{report:#}");
    let stale = report["pages"].as_array().unwrap().iter().find(|page| page["verdict"] == "stale").unwrap();
    assert!(stale["reason"].as_str().unwrap().contains("a reduced entry proves that a newer version"));
    let prediction = &report["prediction"];
    assert_eq!(
        (&prediction["starts"], crate::built::prove::stops_of(&report)),
        (&json!(false), vec![(7, 4)])
    );
    for options in [&[][..], &["--include-stale"], &["--rules", "server", "--include-stale"]] {
        let plan = json(&run(dir.path(), "restore", options));
        let planned = pages(&plan["pages"]);
        assert!(!planned.contains(&(7, 4)), "{options:?}: {planned:?}");
        assert_eq!(pages(&plan["remaining"]).iter().filter(|page| **page == (7, 4)).count(), 1, "{plan:#}");
    }
    let refused = run(dir.path(), "restore", &["--include-stale", "--page", "7:4", "--apply"]);
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
    let applied = json(&run(dir.path(), "restore", &["--apply", "--include-stale"]));
    assert_eq!(pages(&applied["pages"]), [(7, 5), (7, 9)]);
    let now = std::fs::read(dir.path().join("d/t1.ibd")).unwrap();
    assert_eq!(now[4 * 16384..5 * 16384], world.files["d/t1.ibd"][4 * 16384..5 * 16384]);
}

#[test]
fn a_damaged_reduced_page_is_named_and_the_others_count() {
    let mut world = detect_only(16384);
    world.files.get_mut("#ib_16384_0.bdblwr").unwrap()[8192 + 30] ^= 1;
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let (status, report) = verified(dir.path());
    assert_eq!((status, &report["summary"]), (2, &json!({"unrecoverable": 1})));
    let notes = json(&run(dir.path(), "locate", &[]))["notes"].to_string();
    assert!(notes.contains("reduced page 1 (offset 8192): checksum"), "{notes}");
    assert_eq!(damaged(&report).len(), 1);
}

#[test]
fn doublewrite_off_at_the_next_start_mends_nothing_from_8_0_20_on() {
    for (creator, mends) in [("MySQL 8.0.25", false), ("MySQL 8.4.3", false)] {
        let mut world = since_8_0_20(16384, creator);
        world.tear("d/t1.ibd", 4, slot(0, 2), 4096);
        world.files.insert("my.cnf".into(), b"[mysqld]\ninnodb_doublewrite = OFF\n".to_vec());
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        let cnf = dir.path().join("my.cnf");
        let report = json(&run(dir.path(), "verify", &["--defaults-file", cnf.to_str().unwrap()]));
        assert_eq!(report["summary"], json!({"restorable": 1}));
        assert_eq!(pages(&report["prediction"]["restores"]).is_empty(), !mends);
        assert_eq!(crate::built::prove::stops_of(&report), [(7, 4)]);
    }
}

#[test]
fn without_doublewrite_files_nothing_is_claimed() {
    // Switched off, or left to the storage: the files of before may be gone, or hold what is older than the checkpoint.
    for leftovers in [false, true] {
        let mut world = since_8_0_20(16384, "MySQL 8.0.36");
        let space = world.space("d/t1.ibd");
        if leftovers {
            let old = world.page(&space, 9, CHECKPOINT - 5000);
            world.copy(&slot(0, 1), &old).write_home(&space, 9, &old);
        }
        let mut home = world.page(&space, 4, NEW);
        home[4096..].copy_from_slice(&world.home(&space, 4)[4096..]);
        world.write_home(&space, 4, &home);
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        let (status, report) = verified(dir.path());
        let elsewhere = report["problems"].to_string().contains("copies_elsewhere");
        assert_eq!((status, elsewhere), (3, true), "{report:#}");
        let notes = report["notes"].to_string();
        let newest = if leftovers { "the newest has LSN 55000" } else { "there is no copy at all" };
        assert!(notes.contains("no recent copies") && notes.contains(newest), "{notes}");
        assert!(notes.contains("the checkpoint is LSN 60000") && notes.contains("proves nothing"), "{notes}");
        assert_eq!(leftovers, !notes.contains("none were found"), "{notes}");
        assert!(crate::built::prove::starts_as(&report, &json!(null)));
    }
}
