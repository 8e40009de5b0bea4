//! The built-in buffer: MySQL 4.0 to 8.0.19, Percona Server 5.7.

use dblwr::internals::page::checksum::Algorithm;
use serde_json::json;

use crate::built::page::put;
use crate::built::prove::code;
use crate::built::prove::{Proof, pages, prove, run};
use crate::built::{At, CHECKPOINT, END, NEW, OLD, World};
use crate::support::json;

/// A directory as 4.1 to 5.5 leave it: checksum innodb, no flags.
pub fn legacy(files: &[(&str, u32)], blocks: (u32, u32)) -> World {
    let mut world = World::new(16384, Algorithm::Innodb);
    world.system(files, 0).doublewrite(blocks, true).crashed(0, "", 2);
    world
}

/// 5.6 by its `auto.cnf`; 5.7 and 8.0 by their redo log.
pub fn since_5_6(size: usize, raw: u32, creator: &str) -> World {
    let mut world = World::new(size, Algorithm::Crc32);
    let flags = match size {
        4096 => 3 << 6,
        8192 => 4 << 6,
        16384 => 0,
        32768 => 6 << 6,
        _ => 7 << 6,
    };
    if creator.starts_with("MySQL 8") {
        world.siblings = (80019, 1);
    }
    world.system(&[("ibdata1", 5 * world.extent())], flags).default_doublewrite().crashed(raw, creator, 2);
    world.files.insert("auto.cnf".into(), b"[auto]\n".to_vec());
    world
}

fn located(proof: &Proof, header_copy: &str, magic: &str, blocks: (u32, u32)) {
    let area = proof.area("system");
    assert_eq!((&area["header_copy"], &area["magic"]), (&json!(header_copy), &json!(magic)), "{area}");
    assert_eq!((&area["block1"], &area["block2"]), (&json!(blocks.0), &json!(blocks.1)), "{area}");
    assert_eq!((&area["live"], &area["space_id_stored"]), (&json!(true), &json!(true)), "{area}");
}

#[test]
fn mysql_4_0_slots_without_space_ids() {
    let mut world = World::new(16384, Algorithm::Innodb);
    world.system(&[("ibdata1", 640)], 0).doublewrite((64, 200), false).crashed(0, "", 2);
    let space = world.space("ibdata1");
    // Before 4.0.14: space id in front, the high word of the LSN behind, an archive log number where the space id is now.
    let stamp = |page: &mut Vec<u8>| {
        put(page, 0, &[0; 4]);
        page.copy_within(16..20, 16376);
        put(page, 34, &77u32.to_be_bytes());
    };
    for number in 0..9 {
        let mut page = world.home(&space, number).to_vec();
        stamp(&mut page);
        world.write_home(&space, number, &page);
    }
    let torn: Vec<_> = [(8, 5, 4096), (7, 64, 512)]
        .into_iter()
        .map(|(number, slot, written)| {
            let mut after = world.page(&space, number, NEW);
            stamp(&mut after);
            world.tear_with(&space, number, At::System(slot), written, after)
        })
        .collect();
    // Slots that were never used describe themselves, whatever their archive log number is.
    let mut unused = world.page(&space, 66, OLD);
    stamp(&mut unused);
    world.copy(&At::System(2), &unused);
    let proof = prove(&world, &torn);
    assert_eq!(proof.verify["pages"].as_array().unwrap().len(), 2);
    let area = proof.area("system");
    assert_eq!(
        (&area["space_id_stored"], &area["block2"], &area["live"]),
        (&json!(false), &json!(200), &json!(true))
    );
    proof.notes("carry no space ids");
    proof.server_does("mysql-4.1", json!(true), &[(0, 7), (0, 8)], &[]);
}

#[test]
fn mysql_5_5() {
    let mut world = legacy(&[("ibdata1", 640)], (64, 128));
    world.table("d/t1.ibd", 7, 0, 12);
    let torn =
        [world.tear("d/t1.ibd", 4, At::System(3), 4096), world.tear("ibdata1", 8, At::System(64), 512)];
    let proof = prove(&world, &torn);
    located(&proof, "first", "valid", (64, 128));
    assert_eq!(proof.area("system")["slots"], 128);
    proof.server_does("mysql-5.5", json!(true), &[(0, 8), (7, 4)], &[]);
}

#[test]
fn mysql_5_5_leaves_zero_pages_and_trips_over_a_bad_first_copy() {
    let mut world = legacy(&[("ibdata1", 640)], (64, 128));
    world.table("d/t1.ibd", 7, 0, 12);
    let zero = world.tear("d/t1.ibd", 5, At::System(0), 0);
    let space = world.space("d/t1.ibd");
    world.write_home(&space, 5, &[0; 16384]);
    let torn = world.tear("d/t1.ibd", 4, At::System(7), 4096);
    let proof = prove(&world, &[zero.clone(), torn.clone()]);
    proof.server_does("mysql-5.5", json!(true), &[(7, 4)], &[]);
    let mut bad = torn.after.clone();
    bad[9000] ^= 1;
    world.copy(&At::System(6), &bad);
    let proof = prove(&world, &[zero, torn]);
    proof.server_does("mysql-5.5", json!(false), &[], &[(7, 4)]);
    assert!(crate::built::prove::advises(&proof.verify, "dblwr restore first"));
}

#[test]
fn mysql_5_1_blocks_anywhere_in_several_files() {
    let mut world = legacy(&[("ibdata1", 640), ("ibdata2", 640)], (704, 500));
    world.table("d/t1.ibd", 7, 0, 12);
    let torn =
        [world.tear("d/t1.ibd", 4, At::System(3), 4096), world.tear("ibdata2", 641, At::System(127), 8192)];
    assert_eq!((torn[0].slot.0.as_str(), torn[1].slot.0.as_str()), ("ibdata2", "ibdata1"));
    let proof = prove(&world, &torn);
    located(&proof, "first", "valid", (704, 500));
    proof.server_does("mysql-5.1", json!(true), &[(0, 641), (7, 4)], &[]);
    let both = "--data-file-path=ibdata1:10M;ibdata2:10M:autoextend";
    assert_eq!(json(&run(proof.dir.path(), "verify", &[both]))["summary"], proof.verify["summary"]);
    let one = run(proof.dir.path(), "verify", &["--data-file-path", "ibdata1:10M"]);
    assert_eq!(code(&one), 3, "a file is missing");
}

#[test]
fn blocks_in_the_second_file_are_out_of_reach_since_5_6() {
    for (raw, creator, generation) in
        [(0, "", "mysql-5.6"), (1, "MySQL 5.7.44", "mysql-5.7"), (3, "MySQL 8.0.15", "mysql-8.0")]
    {
        let mut world = World::new(16384, Algorithm::Crc32);
        world.system(&[("ibdata1", 640), ("ibdata2", 640)], 0).doublewrite((704, 1000), true);
        world.crashed(raw, creator, 2).table("d/t1.ibd", 7, 0x21, 64);
        world.files.insert("auto.cnf".into(), b"[auto]\n".to_vec());
        let torn = [world.tear("d/t1.ibd", 4, At::System(3), 4096)];
        let proof = prove(&world, &torn);
        proof.notes("blocks lie outside the first file");
        proof.server_does(generation, json!(false), &[], &[(7, 4)]);
    }
}

#[test]
fn mysql_5_6_at_every_page_size_of_its() {
    for size in [4096, 8192, 16384] {
        let mut world = since_5_6(size, 0, "");
        world.table("d/t1.ibd", 7, 0x21 | world.spaces[0].flags, 32);
        let extent = world.extent();
        let torn = [
            world.tear("d/t1.ibd", 4, At::System(0), 512),
            world.tear("d/t1.ibd", 5, At::System(extent - 1), size - 512),
            world.tear("d/t1.ibd", 6, At::System(extent), 1024),
            world.tear("ibdata1", 8, At::System(2 * extent - 1), 2048),
        ];
        let proof = prove(&world, &torn);
        located(&proof, "first", "valid", (extent, 2 * extent));
        assert_eq!(proof.verify["page_size"], size);
        assert_eq!(
            proof.verify["pages"].as_array().unwrap().len(),
            4,
            "slots that describe themselves are unused"
        );
        proof.server_does("mysql-5.6", json!(true), &[(0, 8), (7, 4), (7, 5), (7, 6)], &[]);
    }
}

#[test]
fn mysql_5_7_mends_only_what_redo_names_and_refills_zero_pages() {
    for size in [16384, 32768, 65536] {
        let mut world = since_5_6(size, 1, "MySQL 5.7.44");
        let flags = 0x21 | world.spaces[0].flags;
        world.table("d/t1.ibd", 7, flags, 64).table("d/t2.ibd", 8, flags, 64);
        let torn = world.tear("d/t1.ibd", 4, At::System(1), 4096);
        let zero = world.tear("d/t1.ibd", 9, At::System(120), 0);
        let space = world.space("d/t1.ibd");
        world.write_home(&space, 9, &vec![0; size]);
        // Before the checkpoint: the server does not open this file, and nothing shows that this is the version.
        let other = world.space("d/t2.ibd");
        let stale = world.fields(&other, 4, CHECKPOINT - 1, 64).bytes();
        world.tear_with(&other, 4, At::System(2), 4096, stale.clone());
        let mut another = world.fields(&other, 4, CHECKPOINT - 9, 64).bytes();
        another[size / 2] ^= 1;
        world.write_home(&other, 4, &another);
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        let report = json(&run(dir.path(), "verify", &[]));
        assert_eq!(report["summary"], json!({"restorable": 2, "stale": 1}), "{report:#}");
        assert_eq!(report["generation"], "mysql-5.7");
        assert!(crate::built::prove::starts_as(&report, &json!(null)), "{report:#}");
        assert_eq!(pages(&report["prediction"]["restores"]), [(7, 4), (7, 9)]);
        world.write_home(&other, 4, &stale);
        prove(&world, &[torn, zero]).server_does("mysql-5.7", json!(true), &[(7, 4), (7, 9)], &[]);
    }
}

#[test]
fn mysql_8_0_19_reads_the_built_in_buffer_whatever_files_lie_about() {
    let mut world = since_5_6(16384, 4, "MySQL 8.0.19");
    world.table("d/t1.ibd", 7, 0x4021, 64);
    let torn =
        [world.tear("d/t1.ibd", 4, At::System(9), 4096), world.tear("ibdata1", 5, At::System(10), 512)];
    // Leftovers of an upgrade that was taken back.
    let space = world.space("d/t1.ibd");
    let older = world.page(&space, 4, NEW - 5000);
    world.copy(&At::File("#ib_16384_0.dblwr".into(), 3), &older);
    world.copy(&At::File("#ib_16384_1.dblwr".into(), 0), &older);
    let proof = prove(&world, &torn);
    located(&proof, "first", "valid", (64, 128));
    assert_eq!(proof.area("separate")["live"], false);
    proof.server_does("mysql-8.0", json!(true), &[(0, 5), (7, 4)], &[]);
}

#[test]
fn a_damaged_header_is_replaced_by_its_repeat() {
    type Damage = fn(&mut [u8]);
    let magic: Damage = |page| page[16194..16198].fill(0);
    let first_triple: Damage = |page| page[16194..16206].fill(0xA5);
    let blocks: Damage = |page| page[16198..16206].fill(0);
    for (raw, creator, generation) in
        [(0, "", "mysql-5.6"), (1, "MySQL 5.7.44", "mysql-5.7"), (3, "MySQL 8.0.15", "mysql-8.0")]
    {
        for damage in [magic, first_triple, blocks] {
            let mut world = since_5_6(16384, raw, creator);
            world.table("d/t1.ibd", 7, 0x21, 64);
            let table = world.tear("d/t1.ibd", 4, At::System(9), 4096);
            let page5 = world.tear("ibdata1", 5, At::System(70), 16384);
            let space = world.space("ibdata1");
            let mut home = world.home(&space, 5).to_vec();
            damage(&mut home);
            world.write_home(&space, 5, &home);
            let proof = prove(&world, &[table, page5]);
            located(&proof, "repeat", "damaged", (64, 128));
            proof.notes("its repeat was used");
            let starts =
                if generation == "mysql-8.0" { [(0, 5), (7, 4)].as_slice() } else { &[(0, 5), (7, 4)] };
            proof.server_does(generation, json!(false), &[], starts);
        }
    }
}

#[test]
fn a_sound_page_5_without_the_first_magic_still_has_its_repeat() {
    let mut world = legacy(&[("ibdata1", 640)], (64, 128));
    world.table("d/t1.ibd", 7, 0, 12).page5(|page| page[16194..16198].fill(0));
    let torn = [world.tear("d/t1.ibd", 4, At::System(3), 4096)];
    let proof = prove(&world, &torn);
    located(&proof, "repeat", "damaged", (64, 128));
    proof.server_does("mysql-5.5", json!(false), &[], &[(7, 4)]);
}

#[test]
fn a_page_5_that_tells_nothing_leaves_the_slots_themselves() {
    for fill in [0, 0xEE] {
        let mut world = since_5_6(16384, 0, "");
        world.table("d/t1.ibd", 7, 0x21, 64);
        let table = world.tear("d/t1.ibd", 4, At::System(9), 4096);
        let page5 = world.tear("ibdata1", 5, At::System(70), 0);
        let space = world.space("ibdata1");
        world.write_home(&space, 5, &[fill; 16384]);
        let proof = prove(&world, &[table, page5]);
        located(&proof, "inferred", "damaged", (64, 128));
        proof.notes("inferred from the slots");
        proof.server_does("mysql-5.6", json!(false), &[], &[(0, 5), (7, 4)]);
    }
}

#[test]
fn a_buffer_that_was_never_created_is_called_so() {
    let mut world = World::new(16384, Algorithm::Innodb);
    world.system(&[("ibdata1", 640)], 0).crashed(0, "", 2).table("d/t1.ibd", 7, 0, 12);
    let proof = prove(&world, &[]);
    let area = proof.area("system");
    assert_eq!((&area["magic"], &area["slots"], &area["live"]), (&json!("absent"), &json!(0), &json!(false)));
    assert_eq!((area.get("block1"), area.get("header_copy")), (None, None));
    proof.notes("was never created");
    proof.server_does("mysql-5.5", json!(null), &[], &[]);
}

#[test]
fn after_a_clean_shutdown_servers_look_at_page_0_of_the_system_tablespace_only() {
    for (raw, creator, generation, mended) in [
        (0, "", "mysql-5.5", false),
        (1, "MySQL 5.7.44", "mysql-5.7", true),
        (3, "MySQL 8.0.15", "mysql-8.0", true),
    ] {
        let mut world =
            if raw == 0 { legacy(&[("ibdata1", 640)], (64, 128)) } else { since_5_6(16384, raw, creator) };
        world.table("d/t1.ibd", 7, if raw == 0 { 0 } else { 0x21 }, 64).flushed(CHECKPOINT);
        world.ring(raw, creator, 2, CHECKPOINT, CHECKPOINT);
        let space = world.space("d/t1.ibd");
        // The only version inside the window is that of the checkpoint itself.
        let after = world.fields(&space, 4, CHECKPOINT, 64).bytes();
        let torn = world.tear_with(&space, 4, At::System(3), 4096, after);
        let proof = prove(&world, &[torn]);
        assert_eq!(proof.verify["shutdown"], "clean");
        proof.server_does(generation, json!(true), &[], &[]);
        assert!(crate::built::prove::advises(&proof.verify, "dblwr restore first"));
        let system = world.space("ibdata1");
        let mut after = world.page(&system, 0, CHECKPOINT);
        put(&mut after, 26, &CHECKPOINT.to_be_bytes());
        world.fields(&system, 0, CHECKPOINT, 0).seal(&mut after);
        let torn = [Some(world.tear_with(&system, 0, At::System(4), 512, after)), None];
        let dir = tempfile::tempdir().unwrap();
        world.write(dir.path());
        let report = json(&run(dir.path(), "verify", &[]));
        let restores = pages(&report["prediction"]["restores"]);
        assert_eq!(restores.contains(&(0, 0)), mended, "{generation}: {:#}", report["prediction"]);
        assert_eq!(torn[0].as_ref().unwrap().page, 0);
    }
}

#[test]
fn percona_s_parallel_file_is_read_after_the_built_in_buffer() {
    let mut world = since_5_6(16384, 1, "MySQL 5.7.44");
    world.table("d/t1.ibd", 7, 0x21, 64);
    let parallel = |slot| At::File("xb_doublewrite".into(), slot);
    let torn =
        [world.tear("d/t1.ibd", 4, parallel(120), 4096), world.tear("d/t1.ibd", 5, At::System(3), 512)];
    // An older version of the same page in the built-in buffer, and the whole file of 16 shards.
    let space = world.space("d/t1.ibd");
    let older = world.page(&space, 4, NEW - 5000);
    world.copy(&At::System(7), &older);
    world.files.get_mut("xb_doublewrite").unwrap().resize(16 * 120 * 16384, 0);
    let proof = prove(&world, &torn);
    let area = proof.area("parallel");
    assert_eq!(
        (&area["slots"], &area["live"], &area["file"]),
        (&json!(1920), &json!(true), &json!("xb_doublewrite"))
    );
    assert_eq!(proof.area("system")["live"], true);
    proof.notes("only there after a shutdown that was not clean");
    proof.server_does("mysql-5.7", json!(true), &[(7, 4), (7, 5)], &[]);
    let server = proof.server["pages"].as_array().unwrap();
    let of = server.iter().find(|page| page["page_no"] == 4).unwrap();
    assert_eq!(
        (&of["copy"]["file"], &of["copy"]["lsn"]),
        (&json!("ibdata1"), &json!(NEW - 5000)),
        "slot order"
    );
    assert!(crate::built::prove::advises(&proof.verify, "older copy"));
    let named = format!("{}/xb_doublewrite", proof.dir.path().display());
    let alone = crate::support::dblwr(["verify", "--json", &named]);
    assert_eq!(json(&alone)["summary"], json!({"restorable": 1}), "{}", crate::support::stderr(&alone));
}

#[test]
fn the_redo_window_is_that_of_the_log() {
    let world = since_5_6(16384, 1, "MySQL 5.7.44");
    let proof = prove(&world, &[]);
    let redo = &proof.verify["redo"];
    assert_eq!((&redo["checkpoint_lsn"], &redo["end_lsn"]), (&json!(CHECKPOINT), &json!(END)));
}

#[test]
fn a_missing_marker_of_space_ids_makes_servers_forget_them() {
    for (raw, creator, generation, starts) in [
        (0, "", "mysql-5.6", json!(false)),
        (1, "MySQL 5.7.44", "mysql-5.7", json!(false)),
        (3, "MySQL 8.0.15", "mysql-8.0", json!(false)),
    ] {
        let mut world = since_5_6(16384, raw, creator);
        world.table("d/t1.ibd", 7, 0x21, 64).page5(|page| page[16218..16222].fill(0));
        let torn = [world.tear("d/t1.ibd", 4, At::System(9), 4096)];
        let proof = prove(&world, &torn);
        proof.notes("the marker of space ids in the slots is missing");
        proof.server_does(generation, starts, &[], &[(7, 4)]);
    }
    let mut old = legacy(&[("ibdata1", 640)], (64, 128));
    old.table("d/t1.ibd", 7, 0, 12).page5(|page| page[16218..16222].fill(0));
    let torn = [old.tear("d/t1.ibd", 4, At::System(9), 4096), old.tear("ibdata1", 8, At::System(3), 512)];
    let proof = prove(&old, &torn);
    assert_eq!(pages(&proof.prediction()["restores"]), [(0, 8)]);
    assert_eq!(pages(&proof.server["pages"]), [(0, 8)]);
}
