//! The house stays as it was built: every storey imports only from those below it, no two files import each other, only
//! the lowest one speaks to the operating system, each type name means one thing, and what can fail says how.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up.
const STOREYS: [&str; 9] =
    ["ground", "disk", "format", "page", "instance", "verdict", "commands", "report", "cli"];
const GROUND: [&str; 3] = ["bytes", "units", "error"];
/// Crates that reach the system. SIMD in `page/checksum/fold.rs` is the one other place with `unsafe`.
const SYSTEM_CRATES: [&str; 3] = ["libc::", "rustix::", "memmap2::"];

fn storey(name: &str) -> Option<usize> {
    if GROUND.contains(&name) { Some(0) } else { STOREYS.iter().position(|&storey| storey == name) }
}

/// The same without comments.
fn sources() -> Vec<(PathBuf, String)> {
    let bare = |text: String| {
        text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
    };
    documented().into_iter().map(|(file, text)| (file, bare(text))).collect()
}

/// Every source file but the tests' own, as (path below `src/`, text without its inline tests).
fn documented() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut open, mut files) = (vec![root.clone()], Vec::new());
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                open.extend((name != "tests").then_some(path));
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                files.push((path.strip_prefix(&root).unwrap().to_path_buf(), code.to_owned()));
            }
        }
    }
    assert!(files.len() > 150, "only {} files: this test looks at nothing", files.len());
    files
}

/// What follows each `crate::`, with the number of its line.
fn imports(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines()
        .enumerate()
        .flat_map(|(at, line)| line.split("crate::").skip(1).map(move |rest| (at + 1, rest)))
}

fn first_word(path: &str) -> &str {
    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

#[test]
fn every_import_runs_downwards() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let room = file.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = storey(room) else { continue };
        for (line, path) in imports(&code) {
            let word = first_word(path);
            if let Some(other) = storey(word).filter(|&other| other > own) {
                wrong.push(format!(
                    "src/{}:{line} imports {word} ({other}) from {room} ({own})",
                    file.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Which file a module path means: the longest part of it that is one.
fn file_of(path: &str, files: &BTreeSet<String>) -> Option<String> {
    let mut words: Vec<&str> = path.split("::").map(first_word).take_while(|word| !word.is_empty()).collect();
    while !words.is_empty() {
        let joined = words.join("/");
        for candidate in [format!("{joined}.rs"), format!("{joined}/mod.rs")] {
            if files.contains(&candidate) {
                return Some(candidate);
            }
        }
        words.pop();
    }
    None
}

/// A folder's `mod.rs` and the files in it are one room: they may name each other.
fn is_parent(one: &str, other: &str) -> bool {
    let dir =
        |file: &str| file.strip_suffix("/mod.rs").or(file.strip_suffix(".rs")).map(|stem| format!("{stem}/"));
    dir(one).is_some_and(|dir| other.starts_with(&dir))
}

#[test]
fn no_two_files_import_each_other() {
    let sources = sources();
    let names: BTreeSet<String> = sources.iter().map(|(file, _)| file.display().to_string()).collect();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, code) in &sources {
        let own = file.display().to_string();
        // A group is spelled out: `crate::a::{b, c::d}` names a::b and a::c::d.
        let flat = code.split_whitespace().collect::<Vec<_>>().join(" ");
        for path in flat.split("crate::").skip(1) {
            let (head, group) = path.split_once("::{").map_or((path, None), |(head, rest)| {
                let simple = head.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
                if simple { (head, rest.split_once('}').map(|(group, _)| group)) } else { (path, None) }
            });
            let members = group.map_or_else(
                || vec![head.to_owned()],
                |group| group.split(',').map(|member| format!("{head}::{}", member.trim())).collect(),
            );
            for target in members.iter().filter_map(|member| file_of(member, &names)) {
                if target != own && !is_parent(&own, &target) && !is_parent(&target, &own) {
                    arrows.entry(own.clone()).or_default().insert(target);
                }
            }
        }
    }
    // Whoever imports nothing that is left can be taken away; what remains in the end goes round in a circle.
    loop {
        let left: BTreeSet<String> = arrows.keys().cloned().collect();
        let before = arrows.len();
        arrows.retain(|_, targets| targets.iter().any(|target| left.contains(target)));
        if arrows.len() == before {
            break;
        }
    }
    let left: BTreeSet<&String> = arrows.keys().collect();
    let round: Vec<String> = arrows
        .iter()
        .flat_map(|(from, to)| {
            to.iter().filter(|to| left.contains(to)).map(move |to| format!("src/{from} -> src/{to}"))
        })
        .collect();
    assert!(round.is_empty(), "files that import each other, or import such:\n{}", round.join("\n"));
}

#[test]
fn only_the_lowest_storey_speaks_to_the_system() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let outside = !file.starts_with("disk");
        let lines = code.lines().enumerate().filter(|(_, line)| {
            let reaches = SYSTEM_CRATES.iter().any(|name| line.contains(name));
            let is_unsafe = [" unsafe {", "unsafe fn", "unsafe impl"].iter().any(|word| line.contains(word))
                && !file.ends_with("checksum/fold.rs");
            outside && (reaches || is_unsafe)
        });
        wrong.extend(lines.map(|(at, line)| format!("src/{}:{}: {}", file.display(), at + 1, line.trim())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_top_of_the_house_has_at_most_fourteen_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let names: Vec<String> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() <= 14, "{} names at the top of src/: {names:?}", names.len());
}

#[test]
fn a_type_name_means_one_thing() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, code) in sources() {
        for line in code.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = usize::from(words.first().is_some_and(|word| word.starts_with("pub")));
            if let (Some(&("struct" | "enum" | "trait" | "union")), Some(name)) =
                (words.get(at), words.get(at + 1))
            {
                places.entry(first_word(name).to_owned()).or_default().push(file.display().to_string());
            }
        }
    }
    let twice: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(places.len() > 300 && twice.is_empty(), "{twice:#?}");
}

#[test]
fn what_can_fail_says_how() {
    let (mut silent, mut seen) = (Vec::new(), 0);
    for (file, text) in documented() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("pub fn ")) {
            let head = lines[at..].join(" ");
            let head = head.split(['{', ';']).next().unwrap();
            let result = head.rsplit("->").next().filter(|_| head.contains("->")).unwrap_or_default();
            if !first_words(result).contains(&"Result") {
                continue;
            }
            seen += 1;
            let documentation = lines[..at].iter().rev().map(|line| line.trim_start());
            let mut documentation =
                documentation.take_while(|line| line.starts_with("///") || line.starts_with("#["));
            if !documentation.any(|line| line == "/// # Errors") {
                silent.push(format!("src/{}:{}: {}", file.display(), at + 1, lines[at].trim()));
            }
        }
    }
    assert!(seen > 100 && silent.is_empty(), "no `# Errors`:\n{}", silent.join("\n"));
}

/// The path in front of the first `<`: `std::io::Result` of `std::io::Result<Vec<u8>>`.
fn first_words(path: &str) -> Vec<&str> {
    path.split('<').next().unwrap().trim().split("::").collect()
}
