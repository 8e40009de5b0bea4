//! Where things lie when they do not lie where a server's defaults put them.

use serde_json::json;

use crate::built::prove::code;
use crate::built::prove::{prove_with, run};
use crate::built::{At, Torn, World};
use crate::separate::{since_8_0_20, slot};
use crate::support::{json, stderr};
use crate::system::{legacy, since_5_6};

/// Moves files; what is not named goes below `data`.
fn moved(world: &World, places: &[(&str, &str)]) -> World {
    let files = world.files.iter().map(|(name, bytes)| {
        let place = places.iter().find(|(from, _)| name.starts_with(from));
        let name = place.map_or_else(|| format!("data/{name}"), |(from, to)| name.replacen(from, to, 1));
        (name, bytes.clone())
    });
    World { files: files.collect(), ..world.clone() }
}

fn at(torn: Torn, file: &str, slot: &str) -> Torn {
    Torn { file: file.into(), slot: (slot.into(), torn.slot.1), ..torn }
}

/// MySQL 5.1 with everything elsewhere: two system files in their own directory, redo in another.
fn scattered() -> (World, [Torn; 2]) {
    let mut world = legacy(&[("first", 640), ("second", 640)], (704, 500));
    world.table("d/t1.ibd", 7, 0, 12);
    let torn = [
        at(world.tear("d/t1.ibd", 4, At::System(3), 4096), "data/d/t1.ibd", "home/second"),
        at(world.tear("second", 641, At::System(127), 512), "home/second", "home/first"),
    ];
    (
        moved(
            &world,
            &[("first", "home/first"), ("second", "home/second"), ("ib_logfile", "redo/ib_logfile")],
        ),
        torn,
    )
}

#[test]
fn every_directory_by_its_option() {
    let (world, torn) = scattered();
    let options = [
        "--data-home-dir=@/home",
        "--redo-dir=@/redo",
        "--data-file-path=first:10M;second:10M:autoextend:max:1G",
    ];
    let proof = prove_with(&world, &torn, &options);
    proof.server_does("mysql-5.1", json!(true), &[(0, 641), (7, 4)], &[]);
}

#[test]
fn absolute_names_in_the_data_file_path_and_raw_devices() {
    let (world, torn) = scattered();
    let spec = "--data-file-path=@/home/first:10Mraw;@/home/second:10Mnewraw";
    for home in [&[][..], &["--data-home-dir=@/data"]] {
        let proof = prove_with(&world, &torn, &[&[spec, "--redo-dir=@/redo"][..], home].concat());
        assert_eq!(proof.area("system")["slots"], 128);
    }
}

#[test]
fn every_directory_by_the_configuration_and_what_it_includes() {
    let (mut world, torn) = scattered();
    let main = "[client]\ndatadir=/nowhere\n[mysqld]\n!include INCLUDED\n!includedir DIRECTORY\n";
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(path("conf.d")).unwrap();
    std::fs::write(
        path("my.cnf"),
        main.replace("INCLUDED", &path("one.cnf")).replace("DIRECTORY", &path("conf.d")),
    )
    .unwrap();
    // The files themselves lie in a directory that only the test knows.
    let root = tempfile::tempdir().unwrap();
    let home = root.path().display().to_string();
    let one = format!("[mysqld]\ninnodb-data-home-dir = \"{home}/home\"\ninnodb_data_file_path=wrong:1M\n");
    std::fs::write(path("one.cnf"), one).unwrap();
    let two = format!(
        "[server]\ninnodb_log_group_home_dir={home}/redo\ninnodb_data_file_path = 'first:10M;second:10M:autoextend'\n"
    );
    std::fs::write(path("conf.d/two.cnf"), two).unwrap();
    std::fs::write(path("conf.d/ignored.txt"), "[mysqld]\ninnodb_data_file_path=never:1M\n").unwrap();
    world.write(root.path());
    let data = root.path().join("data");
    let output = run(&data, "verify", &["--defaults-file", &path("my.cnf")]);
    let report = json(&output);
    assert_eq!((code(&output), &report["summary"]), (1, &json!({"restorable": 2})), "{}", stderr(&output));
    assert_eq!(report["generation"], "mysql-5.1");
    // An option typed beside it wins.
    let overruled =
        run(&data, "verify", &["--defaults-file", &path("my.cnf"), "--data-home-dir", "/no/such"]);
    assert_ne!(json_or_null(&overruled)["summary"], report["summary"]);
    assert_eq!(torn.len(), 2);
    world.files.clear();
    let missing = run(&data, "verify", &["--defaults-file", &path("no.cnf")]);
    assert_eq!(code(&missing), 3);
    assert!(stderr(&missing).contains("no.cnf"));
}

fn json_or_null(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[test]
fn undo_redo_doublewrite_and_further_directories_of_mysql_8() {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    world.table("undo_001", 0xFFFF_FFEF, 0x4000, 64).table("ts1.ibd", 9, 0x4821, 64);
    let torn = [
        at(world.tear("undo_001", 10, slot(0, 0), 4096), "undo/undo_001", "fast/dw/#ib_16384_0.dblwr"),
        at(world.tear("ts1.ibd", 4, slot(0, 1), 4096), "more/ts1.ibd", "fast/dw/#ib_16384_0.dblwr"),
        at(world.tear("d/t1.ibd", 4, slot(0, 2), 512), "data/d/t1.ibd", "fast/dw/#ib_16384_0.dblwr"),
    ];
    let world = moved(
        &world,
        &[
            ("undo_001", "undo/undo_001"),
            ("ts1.ibd", "more/ts1.ibd"),
            ("#innodb_redo", "redo/#innodb_redo"),
            ("#ib_", "fast/dw/#ib_"),
        ],
    );
    let options =
        ["--undo-dir=@/undo", "--directory=@/more", "--redo-dir=@/redo", "--doublewrite-dir=@/fast/dw"];
    let proof = prove_with(&world, &torn, &options);
    proof.server_does("mysql-8.0.30", json!(true), &[(7, 4), (9, 4), (0xFFFF_FFEF, 10)], &[]);
    let configured = "--defaults-file=@/my.cnf";
    let mut world = world;
    // The configured data directory is another one: what lies below it is looked for below the one that is named.
    let cnf = b"[mysqld]\ndatadir=/var/lib/mysql\ninnodb_undo_directory=../undo\ninnodb_directories=/nowhere;../more\n\
                innodb_log_group_home_dir=/var/lib/mysql/../redo\ninnodb_doublewrite_dir=../fast/dw\n";
    world.files.insert("my.cnf".into(), cnf.to_vec());
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let cnf = configured.replace('@', dir.path().to_str().unwrap());
    let report = json(&run(&dir.path().join("data"), "verify", &[&cnf]));
    assert_eq!(report["summary"], json!({"restorable": 3}), "{report:#}");
}

#[test]
fn one_image_and_its_data_directory() {
    let mut world = since_8_0_20(16384, "MySQL 8.0.36");
    world.tear("d/t1.ibd", 4, slot(0, 2), 512);
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    // A copy of the table somewhere else, judged with the buffer of its directory.
    let elsewhere = tempfile::tempdir().unwrap();
    let image = elsewhere.path().join("t1.ibd");
    std::fs::copy(dir.path().join("d/t1.ibd"), &image).unwrap();
    let datadir = format!("--datadir={}", dir.path().display());
    let with = json(&run(&image, "verify", &[&datadir]));
    assert!(with["summary"].to_string().contains("stale"), "two files of one id: {:#}", with["summary"]);
    std::fs::remove_file(dir.path().join("d/t1.ibd")).unwrap();
    let with = json(&run(&image, "verify", &[&datadir]));
    assert_eq!(with["summary"], json!({"restorable": 1}), "{with:#}");
    let alone = json(&run(&image, "verify", &[]));
    assert_eq!(alone["summary"], json!({}), "no buffer lies beside it");
}

#[test]
fn the_page_size_can_be_overruled() {
    let mut world = since_8_0_20(4096, "MySQL 8.0.36");
    let torn = [world.tear_in_4k()];
    let world = moved(&world, &[]);
    let torn = torn.map(|torn| {
        let (file, slot) = (format!("data/{}", torn.file), format!("data/{}", torn.slot.0));
        at(torn, &file, &slot)
    });
    let proof = prove_with(&world, &torn, &["--page-size=4096"]);
    assert_eq!(proof.verify["page_size"], 4096);
    let wrong = run(&proof.dir.path().join("data"), "verify", &["--page-size=5000"]);
    assert_eq!(code(&wrong), 3);
}

impl World {
    fn tear_in_4k(&mut self) -> Torn {
        self.tear("d/t1.ibd", 4, At::File("#ib_4096_0.dblwr".into(), 7), 512)
    }
}

#[test]
fn percona_s_parallel_file_where_its_configuration_puts_it() {
    let mut world = since_5_6(16384, 1, "MySQL 5.7.44");
    world.table("d/t1.ibd", 7, 0x21, 64);
    world.tear("d/t1.ibd", 4, At::File("xb_doublewrite".into(), 7), 4096);
    let world = moved(&world, &[("xb_doublewrite", "fast/parallel")]);
    let dir = tempfile::tempdir().unwrap();
    let cnf = dir.path().join("my.cnf");
    world.write(dir.path());
    for value in ["../fast/parallel".to_owned(), dir.path().join("fast/parallel").display().to_string()] {
        std::fs::write(&cnf, format!("[mysqld]\ninnodb_parallel_doublewrite_path={value}\n")).unwrap();
        let option = format!("--defaults-file={}", cnf.display());
        let report = json(&run(&dir.path().join("data"), "verify", &[&option]));
        assert_eq!(report["summary"], json!({"restorable": 1}), "{report:#}");
        let without = json(&run(&dir.path().join("data"), "verify", &[]));
        assert_eq!(without["summary"], json!({}));
    }
}
