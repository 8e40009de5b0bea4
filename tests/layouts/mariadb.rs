//! MariaDB: the built-in buffer under every redo format, and instances without recent copies.

use dblwr::internals::page::checksum::Algorithm;
use serde_json::{Value, json};

use crate::built::prove::code;
use crate::built::prove::{pages, prove, run};
use crate::built::{At, CHECKPOINT, END, NEW, World};
use crate::support::{dblwr, json};

/// By version: the log's format, and full_crc32 from 10.5 on.
pub fn mariadb(version: &str) -> World {
    let mut world = World::new(16384, Algorithm::Crc32);
    world.siblings = (u32::MAX, u32::MAX);
    let series: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    let new = (series[0], series[1]) >= (10, 5);
    world.system(&[("ibdata1", 640)], if new { 0x15 } else { 0 }).default_doublewrite();
    let creator = format!("MariaDB {version}");
    match (series[0], series[1]) {
        (10, 1) => world.crashed(0, "", 2),
        (10, 2) => world.crashed(1, &creator, 2),
        (10, 3) => world.crashed(103, &creator, 2),
        (10, 4) => world.crashed(104, &creator, 2),
        (10, 5..=7) => world.crashed(0x5048_5953, &creator, 1),
        _ => world.phys(&creator),
    };
    world.files.insert("aria_log_control".into(), vec![0xFE; 52]);
    world.table("d/t1.ibd", 7, if new { 0x15 } else { 0x21 }, 64).table("d/old.ibd", 8, 0x21, 64);
    world
}

const GENERATIONS: [(&str, &str); 9] = [
    ("10.1.48", "mariadb-10.1"),
    ("10.2.44", "mariadb-10.2"),
    ("10.3.39", "mariadb-10.3"),
    ("10.4.34", "mariadb-10.4"),
    ("10.5.23", "mariadb-10.5"),
    ("10.6.22", "mariadb-10.5"),
    ("10.8.8", "mariadb-10.8"),
    ("10.11.18", "mariadb-10.8"),
    ("11.8.6", "mariadb-10.8"),
];

#[test]
fn every_generation_of_log_and_both_page_layouts() {
    for (version, generation) in GENERATIONS {
        let mut world = mariadb(version);
        let torn = [
            world.tear("d/t1.ibd", 4, At::System(0), 4096),
            world.tear("d/old.ibd", 4, At::System(1), 4096),
            world.tear("ibdata1", 8, At::System(127), 512),
        ];
        let proof = prove(&world, &torn);
        let area = proof.area("system");
        assert_eq!(
            (&area["block1"], &area["block2"], &area["live"]),
            (&json!(64), &json!(128), &json!(true)),
            "{version}"
        );
        assert_eq!(proof.verify["redo"]["checkpoint_lsn"], CHECKPOINT, "{version}");
        assert!(proof.verify["redo"]["end_lsn"].as_u64().unwrap() >= END, "{version}");
        // Of a log without blocks the records are read, and these name no page.
        let starts = json!(true);
        proof.server_does(generation, starts, &[(0, 8), (7, 4), (8, 4)], &[]);
    }
}

#[test]
fn of_several_copies_each_generation_takes_its_own() {
    // Slots 1, 5 and 9: a good one, the newest, an older one.
    for (version, slot) in
        [("10.1.48", 1), ("10.3.39", 5), ("10.5.23", 5), ("10.11.9", 5), ("10.11.18", 9), ("11.8.6", 9)]
    {
        let mut world = mariadb(version);
        let space = world.space("d/t1.ibd");
        let mut damaged = world.page(&space, 4, NEW + 1);
        damaged[9000] ^= 1;
        let torn = [world.tear("d/t1.ibd", 4, At::System(5), 4096)];
        let (older, oldest) = (world.page(&space, 4, NEW - 100), world.page(&space, 4, NEW - 200));
        world.copy(&At::System(0), &damaged).copy(&At::System(1), &older).copy(&At::System(9), &oldest);
        let proof = prove(&world, &torn);
        let server = &proof.server["pages"][0]["copy"]["index"];
        assert_eq!(server, slot, "{version}: {:#}", proof.server);
        assert!(crate::built::prove::starts_as(&proof.verify, &json!(true)), "{version}");
    }
}

#[test]
fn leftovers_from_before_doublewrite_was_switched_off_prove_nothing() {
    for version in ["10.3.39", "10.5.23", "11.8.6"] {
        let mut world = mariadb(version);
        let space = world.space("d/t1.ibd");
        let leftover = world.page(&space, 4, CHECKPOINT - 5000);
        let intact = world.page(&space, 6, 20_000);
        world.copy(&At::System(0), &leftover).copy(&At::System(1), &intact);
        let mut home = world.page(&space, 4, NEW);
        home[4096..].copy_from_slice(&world.page(&space, 4, CHECKPOINT - 3000)[4096..]);
        world.write_home(&space, 4, &home);
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        let output = run(dir.path(), "verify", &[]);
        let report = json(&output);
        assert_eq!((code(&output), &report["summary"]), (2, &json!({"intact": 1, "stale": 1})), "{version}");
        let note = report["notes"].to_string();
        let said =
            ["no recent copies", "the newest has LSN 55000", "the checkpoint is LSN 60000", "proves nothing"];
        assert!(said.iter().all(|text| note.contains(text)), "{version}: {note}");
        assert_eq!(pages(&report["prediction"]["restores"]), [], "{version}");
        let plan = run(dir.path(), "restore", &[]);
        assert_eq!((code(&plan), pages(&json(&plan)["pages"])), (2, vec![]), "{version}");
    }
}

/// The version that a torn write in the redo window went over: redo goes on from it.
#[test]
fn a_leftover_that_the_tail_of_the_home_carries_is_the_version_that_redo_goes_on_from() {
    let mut world = mariadb("10.5.23");
    let space = world.space("d/t1.ibd");
    let leftover = world.page(&space, 4, CHECKPOINT - 5000);
    world.copy(&At::System(0), &leftover);
    let mut home = world.page(&space, 4, NEW);
    home[4096..].copy_from_slice(&leftover[4096..]);
    world.write_home(&space, 4, &home);
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let output = run(dir.path(), "verify", &[]);
    assert_eq!(json(&output)["summary"], json!({"restorable": 1}));
}

#[test]
fn a_file_that_bypasses_the_buffer_leaves_no_copy() {
    let mut world = mariadb("10.5.23");
    world.table("d/atomic.ibd", 9, 0x15, 64);
    let torn = [world.tear("d/t1.ibd", 4, At::System(0), 4096)];
    let space = world.space("d/atomic.ibd");
    let mut home = world.home(&space, 4).to_vec();
    home[..4096].copy_from_slice(&world.page(&space, 4, NEW)[..4096]);
    world.write_home(&space, 4, &home);
    let proof = prove(&world, &torn);
    assert!(!proof.verify.to_string().contains("atomic.ibd"), "verify cannot know of it");
    let scan = dblwr(["scan", "--json", proof.dir.path().to_str().unwrap()]);
    let found = |report: &Value| -> Vec<String> {
        let damaged = report["damaged"].as_array().unwrap();
        damaged.iter().map(|page| page["path"].as_str().unwrap().to_owned()).collect()
    };
    let mut paths = found(&json(&scan));
    paths.sort();
    assert!(
        paths.len() == 2 && paths[0].ends_with("d/atomic.ibd") && paths[1].ends_with("d/t1.ibd"),
        "{paths:?}"
    );
}

#[test]
fn an_instance_that_never_used_its_buffer_has_no_recent_copies() {
    for (version, generation) in GENERATIONS {
        let world = mariadb(version);
        let proof = prove(&world, &[]);
        let note = proof.verify["notes"].to_string();
        assert!(note.contains("there is no copy at all, the checkpoint is LSN 60000"), "{version}: {note}");
        // Where redo names pages, every one that recovery has to read was looked at.
        let starts = if proof.verify["prediction"]["starts"] == true { json!(true) } else { json!(null) };
        assert_eq!(starts == true, generation >= "mariadb-10.8", "{version}");
        proof.server_does(generation, starts, &[], &[]);
    }
    let mut never = World::new(16384, Algorithm::Crc32);
    never.siblings = (u32::MAX, u32::MAX);
    never.system(&[("ibdata1", 640)], 0x15).crashed(0x5048_5953, "MariaDB 10.5.23", 1);
    let proof = prove(&never, &[]);
    assert_eq!(proof.area("system")["magic"], "absent");
    proof.notes("was never created");
}
