//! Every output of every command against every way to name a data file: nothing of the data is touched.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{code, dblwr, image, marks, stderr, testdata, tree};

/// A command with one output: what comes before the output's name, and whether that is a directory.
struct Case {
    name: &'static str,
    args: Vec<String>,
    directory: bool,
}

fn case(name: &'static str, args: &[&str]) -> Case {
    Case { name, args: args.iter().map(|&arg| arg.to_owned()).collect(), directory: false }
}

fn directory(name: &'static str, args: &[&str]) -> Case {
    Case { directory: true, ..case(name, args) }
}

/// Every output that there is, of whole directories and of single files.
fn cases(data: &Path, journal: &Path) -> Vec<Case> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (whole, table) = (text(data), text(&data.join("d/t1.ibd")));
    let (system, journal) = (text(&data.join("ibdata1")), text(journal));
    let log = text(&testdata("logs/m56-innodb-16k.log"));
    vec![
        case("plan", &["restore", &whole, "--plan-out"]),
        case("plan of a table", &["restore", &table, "--plan-out"]),
        case("journal", &["restore", &whole, "--apply", "--journal"]),
        directory("mended copies", &["restore", &whole, "--to"]),
        directory("mended copies of a table", &["restore", &table, "--datadir", &whole, "--to"]),
        case("answer", &["check", &whole, "--out"]),
        case("metrics", &["check", &system, "--output", "prometheus", "--out"]),
        case("answer as json", &["check", &whole, "--output", "json", "--out"]),
        case("baseline", &["check", &whole, "--accept", "--baseline"]),
        directory("extracted slots", &["dump", &whole, "--out"]),
        directory("extracted slots of a file", &["dump", &system, "--out"]),
        directory("carved pages", &["carve", &table, "--out"]),
        case("bundle", &["capture", &whole, "--out"]),
        case("bundle of a file", &["capture", &system, "--out"]),
        case("scan record", &["scan", &whole, "--resume"]),
        case("scan record of a table", &["scan", &table, "--resume"]),
        case("custody of locate", &["locate", &whole, "--record"]),
        case("custody of verify", &["verify", &system, "--record"]),
        case("custody of dump", &["dump", &whole, "--record"]),
        case("custody of restore", &["restore", &whole, "--record"]),
        case("custody of revert", &["revert", &journal, "--record"]),
        case("custody of check", &["check", &whole, "--record"]),
        case("custody of scan", &["scan", &table, "--record"]),
        case("custody of page", &["page", &table, "3", "--record"]),
        case("custody of carve", &["carve", &table, "--record"]),
        case("custody of explain-log", &["explain-log", &log, "--against", &whole, "--record"]),
        case("custody of redo", &["redo", &whole, "--record"]),
        case("custody of capture", &["capture", &whole, "--out", "/dev/null", "--record"]),
        case("custody of schema", &["schema", "--record"]),
        case("custody of completions", &["completions", "bash", "--record"]),
        case("custody of man", &["man", "--record"]),
    ]
}

fn run(case: &Case, out: &Path) -> Output {
    dblwr(case.args.iter().map(String::as_str).chain([out.to_str().unwrap()]))
}

/// Names of data files, and names inside the data directory.
fn ways(data: &Path, place: &Path) -> Vec<(&'static str, PathBuf)> {
    let (table, empty) = (data.join("d/t1.ibd"), data.join("d/empty.ibd"));
    let link = |name: &str, to: &Path| {
        let path = place.join(name);
        symlink(to, &path).unwrap();
        path
    };
    let hard = |name: &str, to: &Path| {
        let path = place.join(name);
        std::fs::hard_link(to, &path).unwrap();
        path
    };
    vec![
        ("by name", table.clone()),
        ("an empty one by name", empty.clone()),
        ("the redo log by name", data.join("ib_logfile0")),
        ("a configuration by name", data.join("auto.cnf")),
        ("symbolic link", link("soft", &table)),
        ("symbolic link to an empty one", link("soft-empty", &empty)),
        ("symbolic link to a new name inside", link("soft-new", &data.join("d/new"))),
        ("hard link", hard("hard", &table)),
        ("hard link to an empty one", hard("hard-empty", &empty)),
        ("hard link to a configuration", hard("hard-cnf", &data.join("auto.cnf"))),
        ("a new name inside", data.join("new")),
        ("a new name deeper inside", data.join("d/new")),
        ("a new name behind a linked directory", link("dir", &data.join("d")).join("new")),
        ("a new name by way of dots", place.join("dir/../d/new")),
    ]
}

/// Options with a file or a directory that is read only.
const READ_ONLY: [&str; 10] = [
    "--datadir",
    "--data-home-dir",
    "--doublewrite-dir",
    "--undo-dir",
    "--redo-dir",
    "--directory",
    "--defaults-file",
    "--keyring",
    "--keyring-password-file",
    "--plan",
];

/// A new option, or a new command, has to be tried as well.
#[test]
fn every_output_that_help_names_is_tried() {
    let commands = String::from_utf8(dblwr(["--help"]).stdout).unwrap();
    let commands = commands.lines().skip_while(|line| *line != "Commands:").skip(1);
    let words =
        commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    let tried = cases(Path::new("data"), Path::new("journal"));
    let mut outputs = 0;
    for command in words.filter(|word| *word != "help") {
        let help = String::from_utf8(dblwr([command, "--help"]).stdout).unwrap();
        let options = help.lines().filter(|line| line.ends_with("<FILE>") || line.ends_with("<DIR>"));
        let options = options.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
        for option in options.filter(|option| !READ_ONLY.contains(option)) {
            let is_tried =
                tried.iter().any(|case| case.args[0] == command && case.args.last().unwrap() == option);
            assert!(is_tried, "{command} {option} is in no case");
            outputs += 1;
        }
    }
    assert!(outputs > 20, "{outputs}");
}

/// What a shell opened for a command, and where journals go that nobody names.
#[test]
fn neither_descriptors_nor_automatic_journals_lead_into_data() {
    let place = tempfile::tempdir().unwrap();
    let (data, home) = (place.path().join("data"), place.path().join("home"));
    std::fs::rename(image("m56-innodb-16k").keep(), &data).unwrap();
    std::fs::create_dir(&home).unwrap();
    std::fs::rename(data.join("ibdata1"), home.join("ibdata1")).unwrap();
    let before = tree(place.path());
    let places = "../data --data-home-dir ../home";
    for (redirected, command) in [
        ("3<>../data/d/t1.ibd", "scan PLACES --progress-fd 3"),
        ("1<>../data/d/t1.ibd", "verify PLACES"),
        ("1>>ibdata1", "scan PLACES"),
        ("2<>ibdata1", "scan PLACES --progress-fd 2"),
        ("1<>../data/d/t1.ibd", "page ../data/d/t1.ibd 3"),
    ] {
        let script = format!("exec \"$0\" {} {redirected}", command.replace("PLACES", places));
        let mut shell = Command::new("bash");
        let output =
            shell.args(["-c", &script, env!("CARGO_BIN_EXE_dblwr")]).current_dir(&home).output().unwrap();
        assert_eq!(code(&output), 3, "{script}: {}", stderr(&output));
        assert!(tree(place.path()) == before, "{script}");
    }
    // A report in the data directory is what somebody wanted, not ours to forbid.
    let script = format!("\"$0\" locate {places} > report && \"$0\" locate {places} >> report && rm report");
    let mut shell = Command::new("bash");
    let output =
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_dblwr")]).current_dir(&home).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));

    let run = |args: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_dblwr"));
        let args =
            ["restore", "../data", "--data-home-dir", "../home", "--apply", "--json"].iter().chain(args);
        program.args(args).current_dir(&home).output().unwrap()
    };
    let done = run(&[]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let journal = crate::support::json(&done)["journal"].as_str().unwrap().to_owned();
    let beside = place.path().canonicalize().unwrap();
    assert_eq!(home.join(&journal).canonicalize().unwrap().parent(), Some(&*beside));
    // The journal of a revert lies beside the one that it takes back.
    let inside = data.join("journal");
    std::fs::copy(home.join(&journal), &inside).unwrap();
    let mended = tree(place.path());
    let refused = dblwr(["revert", inside.to_str().unwrap(), "--apply", "--datadir", data.to_str().unwrap()]);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("move that one elsewhere"), "{}", stderr(&refused));
    assert_eq!(tree(place.path()), mended);
}

#[test]
fn no_output_lands_on_data_by_whatever_name() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (data, journal) = (dir.path(), away.path().join("journal"));
    std::fs::write(data.join("d/empty.ibd"), "").unwrap();
    std::fs::write(data.join("auto.cnf"), "[auto]\n").unwrap();
    let made = ["restore", data.to_str().unwrap(), "--apply", "--journal", journal.to_str().unwrap()];
    assert!(journal.parent().is_some() && code(&dblwr(made)) != 2);
    let ways = ways(data, away.path());
    let names = || std::fs::read_dir(away.path()).unwrap().flatten().count();
    let (before, marked, beside) = (tree(data), marks(data), names());
    let mut tried = 0;
    for case in cases(data, &journal) {
        for (way, out) in &ways {
            let refused = run(&case, out);
            let said = stderr(&refused);
            assert_eq!(code(&refused), 3, "{} {way}: {said}", case.name);
            assert!(said.contains("nothing was written"), "{} {way}: {said}", case.name);
            assert!(marks(data) == marked, "{} {way}: the data were changed", case.name);
            tried += 1;
        }
    }
    assert_eq!((tree(data), names()), (before, beside));
    println!("{tried} refused");
}

#[test]
fn an_output_elsewhere_is_made_private_and_only_an_own_earlier_one_is_replaced() {
    let (dir, away) = (image("m56-innodb-16k"), tempfile::tempdir().unwrap());
    let (data, journal) = (dir.path(), away.path().join("journal"));
    let other = image("m56-innodb-16k");
    let made = ["restore", other.path().to_str().unwrap(), "--apply", "--journal", journal.to_str().unwrap()];
    assert_eq!(code(&dblwr(made)), 0);
    let letter = away.path().join("letter");
    for (number, case) in cases(data, &journal).iter().enumerate() {
        if case.name == "journal" {
            continue;
        }
        std::fs::write(&letter, "a letter to my aunt").unwrap();
        let refused = run(case, &letter);
        assert_eq!(code(&refused), 3, "{}: {}", case.name, stderr(&refused));
        assert_eq!(std::fs::read(&letter).unwrap(), b"a letter to my aunt", "{}", case.name);

        let out = away.path().join(format!("out{number}"));
        let first = run(case, &out);
        assert!(code(&first) != 3 && out.exists(), "{}: {}", case.name, stderr(&first));
        let mode = std::fs::metadata(&out).unwrap().permissions().mode() & 0o777;
        let wanted = match case.name {
            "answer" | "metrics" | "answer as json" | "baseline" => 0o644,
            _ if case.directory => 0o700,
            _ => 0o600,
        };
        assert!(mode == wanted || case.name.starts_with("mended"), "{}: {mode:o}", case.name);
        let again = run(case, &out);
        let never = case.name.starts_with("bundle") || case.directory;
        assert_eq!(code(&again) == 3, never, "{}: {}", case.name, stderr(&again));
    }
    let leftovers = std::fs::read_dir(away.path()).unwrap().flatten();
    let leftovers: Vec<_> = leftovers.filter(|e| e.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn streams_stay_possible() {
    let dir = image("m56-innodb-16k");
    let data = dir.path().to_str().unwrap();
    for (args, begin) in [
        (["restore", data, "--plan-out"], "{\n  \"schema_version\": 1,\n  \"tool\": "),
        (["check", data, "--out"], "DBLWR "),
        (["capture", data, "--out"], "DBLWRBND"),
    ] {
        for name in ["-", "/dev/stdout"] {
            let output = dblwr(args.into_iter().chain([name]));
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.starts_with(begin), "{args:?} {name}: {said} {}", stderr(&output));
        }
        let away = tempfile::tempdir().unwrap();
        let pipe = away.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Nobody reads: an error, not a wait.
        assert_eq!(code(&dblwr(args.into_iter().chain([pipe.to_str().unwrap()]))), 3);
        let read = away.path().join("read");
        let to = std::fs::File::create(&read).unwrap();
        let mut reader = Command::new("cat").arg(&pipe).stdout(to).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        dblwr(args.into_iter().chain([pipe.to_str().unwrap()]));
        assert!(reader.wait().unwrap().success());
        let said = std::fs::read(read).unwrap();
        assert!(said.starts_with(begin.as_bytes()), "{args:?}");
    }
}
