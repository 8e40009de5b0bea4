//! Redo as a second doublewrite buffer: pages of real crash images brought forward, byte for byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dblwr::format::redo_record::PageId;
use dblwr::format::fsp::{Layout, PageFormat};
use dblwr::instance::locations::Request;
use dblwr::instance::redo::history::{Census, Changes, Log};
use dblwr::page::checksum::{Algorithm, stamp};
use dblwr::page::judge;
use dblwr::units::Lsn;
use dblwr::verdict::rebuild::{Memory, Rebuilt, Refusal, Start, rebuild};
use dblwr::verdict::survey::Survey;
use dblwr::verdict::Verdict;
use support::{testdata, unpack};

/// Every image of a MariaDB whose redo describes pages as bytes: the shipped ones, and those beside the checkout.
fn images() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in [root.join("testdata"), root.join("../shared/images"), root.join("../shared/older-servers")] {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("ma1") && entry.path().join("crashed.tar.zst").exists() {
                found.entry(name).or_insert(entry.path());
            }
        }
    }
    found.into_values().collect()
}

#[derive(Default, Debug)]
struct Score {
    equal: u32,
    different: Vec<String>,
    refused: Vec<String>,
}

impl Score {
    fn note(&mut self, what: &str, id: PageId, made: Result<Rebuilt, Refusal>, wanted: Lsn, page: &[u8], like: Like) {
        match made {
            Err(why) => self.refused.push(format!("{what} {id:?}: {why}")),
            Ok(made) if made.lsn != wanted => {
                self.different.push(format!("{what} {id:?}: LSN {} wanted {wanted}", made.lsn));
            }
            Ok(mut made) => {
                if stamp(&mut made.bytes, &like.format, like.algorithm).is_some() && made.bytes == page {
                    self.equal += 1;
                } else {
                    let at: Vec<usize> = (0..page.len()).filter(|&at| made.bytes.get(at) != page.get(at)).take(12).collect();
                    self.different.push(format!("{what} {id:?}: bytes {at:?}"));
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Like {
    format: PageFormat,
    algorithm: Algorithm,
}

/// Copies and homes of one image, each version of a page made from an older one or from nothing.
fn score(case: &Path) -> Option<Score> {
    let dir = unpack(case);
    let survey = Survey::run(&Request { path: dir.path().into(), ..Request::default() }).unwrap();
    let redo = survey.instance.redo.redo()?;
    let mut log = Log::open(redo).unwrap()?;
    if log.hidden() {
        return None;
    }
    let census = Census::take(&mut log).unwrap();
    println!("{}: oldest {} checkpoint {} end {} pages {} malformed {}", case.display(), log.oldest, log.checkpoint, log.end, census.pages().count(), census.malformed);
    let wanted: BTreeSet<PageId> = census.pages().map(|(id, _)| id).collect();
    let changes = Changes::of_pages(&mut log, &wanted).unwrap();
    let mut score = Score::default();
    for finding in &survey.findings {
        let (Some(copy), Some(home)) = (finding.copy(), survey.home_of(finding)) else { continue };
        let Some(format) = home.format else { continue };
        if format.page_compressed || format.codec.is_some() || home.length == 0 { continue }
        let Some(algorithm) = copy.judged.algorithm else { continue };
        if copy.judged.clear.is_some() || copy.judged.state != dblwr::page::State::Valid { continue }
        let id = (finding.space_id(), finding.page_no());
        let page = &copy.bytes[..home.length];
        let (memory, like) = (memory(id, &format), Like { format, algorithm });
        let history = changes.of_page(id);
        if finding.judgement.verdict == Verdict::Pending {
            let start = Start { bytes: &home.bytes, lsn: home.lsn.unwrap() };
            let made = rebuild(memory, Some(start), history, log.oldest, copy.lsn());
            score.note("home to copy", id, made, copy.lsn(), page, like);
        }
        if history.iter().any(|change| change.initialises() && change.to <= copy.lsn()) {
            let made = rebuild(memory, None, history, log.oldest, copy.lsn());
            score.note("nothing to copy", id, made, copy.lsn(), page, like);
        }
    }
    for space in &survey.instance.spaces.list {
        let Some(id) = space.id else { continue };
        if space.format.page_compressed || space.format.codec.is_some() { continue }
        let bytes = std::fs::read(&space.files[0].path).unwrap();
        for (page_id, said) in census.pages().filter(|((of, _), _)| *of == id) {
            let at = page_id.1.offset(space.format.physical).0 as usize;
            let Some(page) = bytes.get(at..at + space.format.physical.bytes()) else { continue };
            let judged = judge(page, &space.format);
            let (Some(algorithm), true) = (judged.algorithm, judged.is_valid()) else { continue };
            let lsn = Lsn(dblwr::bytes::u64_at(page, 16).unwrap());
            if said.initialised.is_none_or(|init| init > lsn) || !changes.of_page(page_id).iter().any(|c| c.initialises() && c.to <= lsn) { continue }
            let made = rebuild(memory(page_id, &space.format), None, changes.of_page(page_id), log.oldest, lsn);
            score.note("nothing to home", page_id, made, lsn, page, Like { format: space.format, algorithm });
        }
    }
    Some(score)
}

fn memory(id: PageId, format: &PageFormat) -> Memory {
    let zip = format.layout == Layout::Zip;
    Memory { id, size: if zip { format.physical.bytes() } else { format.logical.bytes() }, zip }
}

#[test]
fn every_version_that_redo_can_make_is_the_one_that_the_server_made() {
    for case in images() {
        let Some(score) = score(&case) else { println!("{}: not read", case.display()); continue };
        println!("{}: equal {} different {} refused {}", case.display(), score.equal, score.different.len(), score.refused.len());
        for line in score.different.iter().chain(&score.refused).take(40) { println!("   {line}"); }
    }
    let _ = testdata("x");
}
