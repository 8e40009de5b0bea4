//! The corpus: small real pieces, cut out of the images, pages, keys and logs in `testdata/`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use dblwr::internals::commands::check::baseline::{Baseline, BaselineOwner};
use dblwr::internals::commands::restore::journal::{Journal, JournalFile, JournalPage, PassKind, write};
use dblwr::internals::commands::restore::plan_file::PlanFile;
use dblwr::internals::commands::restore::{CopyRef, PlannedPage, World};
use dblwr::internals::format::fsp::PageFormat;
use dblwr::internals::instance::bundle::write::Writer;
use dblwr::internals::instance::bundle::{FileEntry, LinkTarget, Manifest, StoredRequest};
use dblwr::internals::units::{ByteOffset, Lsn, PageNo, PageSize, SpaceId};

use super::TARGETS;
use super::directory::piece;

/// Images that pieces are cut out of, with their page size.
const IMAGES: [(&str, usize); 6] = [
    ("m97-4k", 4096),
    ("m97-detect-only", 16384),
    ("m56-innodb-16k", 16384),
    ("m56-zip8", 16384),
    ("ma1011-full-16k", 16384),
    ("ma105-pagecompressed", 16384),
];

/// The pieces of each target, by its name.
pub type Corpus = BTreeMap<&'static str, Vec<Vec<u8>>>;

fn testdata(name: &str) -> PathBuf {
    // Also right for the crate in fuzz/, which lies one level deeper.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = if here.join("testdata").is_dir() { here } else { here.parent().expect("a parent") };
    here.join("testdata").join(name)
}

fn files_in(dir: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(testdata(dir)).expect("testdata").flatten();
    let mut files: Vec<_> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("readable"))
        })
        .collect();
    files.sort();
    files
}

/// The InnoDB files of an image, by their name.
fn image(name: &str) -> BTreeMap<String, Vec<u8>> {
    let packed = std::fs::File::open(testdata(name).join("crashed.tar.zst")).expect("an image");
    let mut archive = tar::Archive::new(zstd::Decoder::new(packed).expect("zstd"));
    let mut files = BTreeMap::new();
    for entry in archive.entries().expect("tar") {
        let mut entry = entry.expect("tar");
        let path = entry.path().expect("a path").to_string_lossy().trim_start_matches("./").to_owned();
        let last = path.rsplit('/').next().unwrap_or_default();
        let wanted = ["ibdata", "ib_logfile", "#ib_", "undo"].iter().any(|start| last.starts_with(start))
            || last.ends_with(".ibd");
        if wanted && !last.ends_with("_tmp") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("tar");
            files.insert(path, bytes);
        }
    }
    files
}

/// Without the zeros at its end.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    &bytes[..end]
}

fn is_tablespace(name: &str) -> bool {
    name.ends_with(".ibd") || name.starts_with("ibdata1") || name.starts_with("undo")
}

/// Every corpus.
pub fn corpus() -> Corpus {
    let mut corpus: Corpus = TARGETS.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for (name, size) in IMAGES {
        let files = image(name);
        of_tablespaces(&mut corpus, &files, size);
        of_buffers(&mut corpus, &files, size);
        of_redo(&mut corpus, &files);
        put(&mut corpus, "directory", whole(&files, size));
    }
    of_testdata(&mut corpus);
    ours(&mut corpus);
    finished(corpus)
}

/// The pieces of files that anybody could plant; no image is unpacked for them.
pub fn planted() -> Corpus {
    let mut corpus: Corpus = TARGETS.iter().map(|(name, _)| (*name, Vec::new())).collect();
    keyrings(&mut corpus);
    ours(&mut corpus);
    finished(corpus)
}

fn finished(mut corpus: Corpus) -> Corpus {
    for pieces in corpus.values_mut() {
        pieces.sort();
        pieces.dedup();
        pieces.retain(|piece| !piece.is_empty());
    }
    corpus
}

fn put(corpus: &mut Corpus, target: &'static str, piece: impl Into<Vec<u8>>) {
    corpus.get_mut(target).expect("a target").push(piece.into());
}

fn of_tablespaces(corpus: &mut Corpus, files: &BTreeMap<String, Vec<u8>>, size: usize) {
    let mut kinds = BTreeSet::new();
    for (name, bytes) in files.iter().filter(|(name, _)| is_tablespace(name)) {
        let Some(flags) = bytes.get(54..58) else { continue };
        put(corpus, "flags", flags);
        let word = u32::from_be_bytes(flags.try_into().expect("four bytes"));
        let physical = PageFormat::from_flags(word).map_or(size, |format| format.physical.bytes());
        for (number, page) in bytes.chunks_exact(physical).enumerate() {
            let kind = (flags.to_vec(), page[24..26].to_vec());
            let content = [flags, &[0], trimmed(page)].concat();
            if number == 0 {
                put(corpus, "page0", content.clone());
            }
            if number == 5 && name == "ibdata1" {
                put(corpus, "trx_sys", page);
            }
            if trimmed(page).len() > 38 && kinds.insert(kind) {
                put(corpus, "page", content);
                put(corpus, "carve", page);
            }
        }
    }
}

fn of_buffers(corpus: &mut Corpus, files: &BTreeMap<String, Vec<u8>>, size: usize) {
    let which = PageSize::LOGICAL.iter().position(|logical| logical.bytes() == size).expect("a size") as u8;
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with("dblwr")) {
        if name.ends_with(".bdblwr") {
            put(corpus, "reduced", trimmed(bytes));
            put(corpus, "carve", trimmed(bytes));
            continue;
        }
        let used: Vec<&[u8]> = bytes.chunks(size).filter(|slot| !trimmed(slot).is_empty()).collect();
        for kind in [0, 64, 192] {
            let slots = used.iter().take(2).copied().collect::<Vec<_>>().concat();
            let selector = (kind..=kind + 4).find(|byte| byte % 5 == which).expect("five in a row");
            put(corpus, "slots", [&[selector], &slots[..]].concat());
        }
    }
}

fn of_redo(corpus: &mut Corpus, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in
        files.iter().filter(|(name, _)| name.contains("ib_logfile0") || name.contains("#ib_redo")).take(3)
    {
        let kind = if name.contains("redo/") || name.starts_with("#") { 0x41 } else { 1 };
        let physical = bytes.starts_with(b"Phys");
        let head = &bytes[..bytes.len().min(if physical { 14000 } else { 4096 })];
        put(corpus, "redo", [&[if physical { 2 } else { kind }], trimmed(head)].concat());
        put(corpus, "redo", [&[0], trimmed(&head[..head.len().min(2048 + 512)])].concat());
        if physical {
            of_records(corpus, &bytes[12288.min(bytes.len())..]);
        }
    }
}

/// The first mini-transactions of a log, each with the page that those before it leave.
fn of_records(corpus: &mut Corpus, log: &[u8]) {
    let (mut at, mut begin) = (0, 0);
    while let Some(&first) = log.get(at).filter(|_| begin < 6000) {
        match (first, first & 0xF, log.get(at + 1)) {
            (0 | 1, ..) => {
                let records = &log[begin..at.min(begin + 0x3FFF)];
                let [high, low] = (records.len() as u16).to_be_bytes();
                put(corpus, "forward", [&[0, high, low], records].concat());
                at += 5;
                begin = at;
            }
            (_, 0, Some(&more)) if more < 0x80 => at += 16 + usize::from(more),
            (_, 0, Some(&more)) => {
                let low = log.get(at + 2).copied().unwrap_or_default();
                at += 16 + 0x80 + (usize::from(more & 0x3F) << 8 | usize::from(low));
            }
            (_, more, _) => at += 1 + usize::from(more),
        }
    }
}

/// A directory in small: system tablespace, a table, the buffer's copies of it, the head of the redo log.
fn whole(files: &BTreeMap<String, Vec<u8>>, size: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut page = |name: &str, number: usize, unit: usize, stamp: u8| {
        let bytes = files.get(name).and_then(|bytes| bytes.chunks(unit).nth(number)).unwrap_or_default();
        if !trimmed(bytes).is_empty() {
            all.extend(piece(name, unit, stamp, number as u16, trimmed(bytes)));
        }
    };
    for number in [0, 5] {
        page("ibdata1", number, size, 0);
    }
    let flags = files.get("d/t1.ibd").and_then(|bytes| bytes.get(54..58)).unwrap_or(&[0; 4]);
    let word = u32::from_be_bytes(flags.try_into().expect("four bytes"));
    let physical = PageFormat::from_flags(word).map_or(size, |format| format.physical.bytes());
    for number in [0, 3, 4] {
        page("d/t1.ibd", number, physical, 0);
    }
    for name in ["ib_logfile0", "ib_logfile1"] {
        page(name, 0, 4096, 0);
    }
    let space = files.get("d/t1.ibd").and_then(|bytes| bytes.get(34..38)).map(<[u8]>::to_vec);
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".dblwr")) {
        let mine = |slot: &&[u8]| slot.get(34..38).map(<[u8]>::to_vec) == space;
        for (place, slot) in bytes.chunks_exact(size).filter(mine).take(3).enumerate() {
            all.extend(piece(name, size, 0, place as u16, slot));
            // Its home, torn.
            let number = u32::from_be_bytes(slot[4..8].try_into().expect("four bytes")) as u16;
            all.extend(piece("d/t1.ibd", size, 0, number, &slot[..size / 2]));
        }
    }
    all
}

fn keyrings(corpus: &mut Corpus) {
    for (_, bytes) in files_in("keyring") {
        put(corpus, "keyring", bytes);
    }
}

fn of_testdata(corpus: &mut Corpus) {
    keyrings(corpus);
    for (_, bytes) in files_in("logs") {
        put(corpus, "error_log", &bytes[..bytes.len().min(4096)]);
    }
    let codecs = ["zlib", "lz4", "snappy", "lzo", "lzma", "bzip2"];
    for (name, bytes) in files_in("pages") {
        if name.ends_with(".bin") {
            let codec = codecs.iter().position(|codec| name.contains(codec)).unwrap_or_default() as u8;
            let full = |from: usize| [&[codec, 0, 0, 64, 0], &bytes[from.min(bytes.len())..]].concat();
            put(corpus, "decompress", full(0));
            put(corpus, "decompress", full(38));
            put(corpus, "decompress", full(40));
        }
    }
    let page = |name: &str| {
        let packed = std::fs::read(testdata("pages").join(name)).expect("a page");
        let mut page = zstd::decode_all(&packed[..]).expect("zstd");
        page.resize(16384, 0);
        page
    };
    let mut dictionary = vec![0; 7 * 16384];
    for part in ["7", "8"] {
        dictionary.extend(page(&format!("mysql-5.6-ibdata1-page-{part}.zstd")));
    }
    dictionary.extend([0; 2 * 16384]);
    dictionary.extend(page("mysql-5.6-ibdata1-page-11.zstd"));
    put(corpus, "dictionary", dictionary);
    let sdi = [page("mysql-9.7-t1-page-0.zstd"), vec![0; 2 * 16384], page("mysql-9.7-t1-page-3.zstd")];
    put(corpus, "dictionary", sdi.concat());
}

/// What this program writes itself.
fn ours(corpus: &mut Corpus) {
    put(corpus, "journal", journal());
    put(corpus, "bundle", bundle());
    put(corpus, "plan", plan());
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("baseline");
    Baseline::of(BaselineOwner::default(), &[]).write(&path).expect("a baseline");
    put(corpus, "baseline", std::fs::read(&path).expect("a baseline"));
    for text in [
        "[mysqld]\ndatadir=/var/lib/mysql\ninnodb_data_file_path = ibdata1:12M;ibdata2:12M:autoextend\ninnodb-page-size=16k\n",
        "[client]\nuser=x\n# a comment\n[mariadb-10.11]\nloose-innodb_doublewrite='OFF'\ninnodb_undo_directory=\"./undo dir\"\n",
        "[server]\nskip-innodb-doublewrite\ninnodb_directories=/a;/b ; c\ninnodb_doublewrite_dir=#x\n",
        "ibdata1:12M;ibdata2:10M:autoextend:max:500M",
        "/dev/sda1:10Gnewraw;:0;ibdata3:1K",
    ] {
        put(corpus, "config", text);
    }
    for text in RESUMES {
        put(corpus, "resume", text);
    }
    for text in ["/var/lib/elsewhere/d/t.ibd\n", "../other/t.ibd", "t.ibd", "/dev/zero", "/proc/self/mem\n"] {
        put(corpus, "link", text);
    }
    for text in [
        "[auto]\nserver-uuid=8a94f357-aab4-11df-86ab-c80aa9429562\n",
        "# made once\n[auto]\nserver_uuid = 8A94F357-AAB4-11DF-86AB-C80AA9429562\r\n",
        "[auto]\nserver-uuid=\n",
    ] {
        put(corpus, "uuid", text);
    }
}

/// Records of a scan: begun, partly done, done.
const RESUMES: [&str; 4] = [
    concat!(
        r#"{"directory":{"number":0,"name":"data","uuid":"8a94f357-aab4-11df-86ab-c80aa9429562"}}"#,
        "\n",
        r#"{"damage":{"path":"d/t1.ibd","space_id":7,"page_no":3,"offset":49152,"state":"torn","table":null,"index":null,"reason":"torn"}}"#,
        "\n",
    ),
    concat!(
        r#"{"server":{"path":"data","uuid":"8a94f357-aab4-11df-86ab-c80aa9429562"}}"#,
        "\n",
        r#"{"damage":{"path":"d/t1.ibd","space_id":7,"page_no":3,"offset":49152,"state":"torn","table":null,"index":null,"reason":"torn"}}"#,
        "\n",
    ),
    concat!(
        r#"{"part":{"path":"d/t1.ibd","version":{"len":98304,"modified":1,"modified_ns":2,"changed":3,"changed_ns":4,"inode":5},"pages":4,"counts":{"pages":4,"valid":3,"zero":0,"damaged":1,"unverifiable":0}}}"#,
        "\n",
    ),
    concat!(
        r#"{"file":{"version":{"len":98304,"modified":1,"modified_ns":2},"report":{"path":"d/t1.ibd","space_id":7,"page_size":16384,"pages":6,"valid":5,"zero":1,"damaged":0,"unverifiable":0},"read_at":1700000000}}"#,
        "\n{\"part\":",
    ),
];

fn journal() -> Vec<u8> {
    let file = |name: &str, space_id| JournalFile {
        device: 1,
        inode: 2,
        size: 8192,
        space_id,
        name: name.into(),
        path: Path::new("/d").join(name),
    };
    let page = |file: usize, number: u32| JournalPage {
        file,
        page: PlannedPage {
            space_id: SpaceId(7),
            page_no: PageNo(number),
            file: ["a.ibd", "b.ibd"][file].into(),
            path: Path::new("/d").join(["a.ibd", "b.ibd"][file]),
            offset: ByteOffset(u64::from(number) * 1024),
            length: 1024,
            copy: CopyRef { file: "ibdata1".into(), index: 3, lsn: Lsn(4711), forwarded: None },
            before_state: "torn".into(),
            old: vec![1; 1024].into(),
            new: vec![2; 1024].into(),
        },
    };
    let journal = Journal {
        kind: PassKind::Restore,
        tool: "0.1.0".into(),
        written_at: 1_700_000_000,
        root: "/d".into(),
        place: "/d/j".into(),
        world: Some(World { redo_dir: "log".into(), end: Some(Lsn(7)), ..World::default() }),
        files: vec![file("a.ibd", Some(SpaceId(7))), file("b.ibd", None)],
        pages: vec![page(0, 3), page(1, 0), page(1, 5)],
    };
    let mut bytes = write::encode(&journal).expect("a journal");
    bytes.extend([0; 32]);
    bytes
}

fn bundle() -> Vec<u8> {
    let request = StoredRequest { path: "data".into(), ..StoredRequest::default() };
    let manifest = Manifest { schema_version: 1, request, ..Manifest::default() };
    let mut writer = Writer::new(Vec::new(), [3; 16], &manifest).expect("memory");
    writer.directory(Path::new("data/d")).expect("memory");
    let entry = FileEntry {
        path: "data/d/t1.ibd".into(),
        size: 100_000,
        mtime: 5,
        mtime_nanos: 6,
        mode: 0o600,
        device: 7,
        inode: 8,
    };
    writer.begin(&entry).expect("memory");
    writer.data(16384, &[7; 4096]).expect("memory");
    writer.data(65536, b"end").expect("memory");
    writer.lost(80_000, 512, "bad sector").expect("memory");
    writer.end().expect("memory");
    writer.link(Path::new("data/e"), &LinkTarget::Inside("data/d".into())).expect("memory");
    writer.link(Path::new("data/f"), &LinkTarget::Outside("/etc".into())).expect("memory");
    writer.finish().expect("memory").1
}

fn plan() -> Vec<u8> {
    let text = r#"{"schema_version":1,"tool":"0.1.0","root":"/d","files":[{"file":"t.ibd","device":1,"inode":2,
        "size":8192,"space_id":7}],"pages":[{"file":"t.ibd","offset":1024,"length":1024,"space_id":7,"page_no":1,
        "copy":{"file":"ibdata1","index":3,"lsn":4711},"before":{"state":"torn","sha256":"00"},
        "after":{"sha256":"01"}}]}"#;
    let plan: PlanFile = serde_json::from_str(text).expect("a plan");
    serde_json::to_vec(&plan).expect("JSON")
}
