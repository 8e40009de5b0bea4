//! Every version that redo can make of every page of every image, held against what the server made.

use std::collections::BTreeMap;
use std::path::Path;

use super::images::*;
use dblwr::internals::format::redo_record::PageId;
use dblwr::internals::instance::redo::history::{Change, Changes};
use dblwr::internals::instance::spaces::Owner;
use dblwr::internals::units::{Lsn, PageNo, SpaceId};
use dblwr::internals::verdict::Verdict;
use dblwr::internals::verdict::home::HomeState;
use dblwr::internals::verdict::rebuild::{Memory, Rebuilt, Refusal, Start, rebuild};

/// What was made of one image.
#[derive(Default)]
struct Score {
    equal: BTreeMap<(&'static str, &'static str), u32>,
    wrong: Vec<String>,
}

impl Score {
    fn note(&mut self, way: &'static str, id: PageId, made: Result<Rebuilt, Refusal>, wanted: &Wanted<'_>) {
        let fault = match made {
            Err(why) => why.to_string(),
            Ok(made) if made.lsn != wanted.lsn => format!("LSN {} instead of {}", made.lsn, wanted.lsn),
            Ok(made) => {
                let flush_lsn = (id == (SpaceId(0), PageNo(0))).then(|| &wanted.page[26..34]);
                match wanted.form.stored(&made, flush_lsn) {
                    Some(page) if wanted.form.is_the_page(&page, wanted.page) => {
                        *self.equal.entry((way, wanted.form.name())).or_default() += 1;
                        return;
                    }
                    Some(page) => {
                        let differs = |&at: &usize| page.get(at) != wanted.page.get(at);
                        let at: Vec<usize> = (0..page.len()).filter(differs).take(8).collect();
                        format!("other bytes at {at:?}")
                    }
                    None => "no page to write".to_owned(),
                }
            }
        };
        self.wrong.push(format!("{way}, {}:{}: {fault}", id.0, id.1));
    }
}

/// The page that the server made.
struct Wanted<'a> {
    page: &'a [u8],
    lsn: Lsn,
    form: &'a Form<'a>,
}

fn score(case: &Path) -> Option<Score> {
    let mut crashed = Crashed::open(case).filter(|crashed| !crashed.log.hidden())?;
    let changes = super::all_changes(&mut crashed);
    let mut score = Score::default();
    copies(&crashed, &changes, &mut score);
    for (id, space, page) in crashed.homes() {
        let lsn = lsn_of(&page);
        let history = changes.of_page(id);
        let Some(form) = Form::of(&page, space).filter(|_| begins_anew(history, lsn)) else { continue };
        let made = rebuild(Memory::of(id, &space.format), None, history, crashed.log.oldest, lsn);
        score.note("nothing to home", id, made, &Wanted { page: &page, lsn, form: &form });
    }
    Some(score)
}

fn copies(crashed: &Crashed, changes: &Changes, score: &mut Score) {
    for finding in &crashed.survey.findings {
        let (Some(copy), Some(home)) = (finding.copy(), crashed.survey.home_of(finding)) else { continue };
        let Owner::One(space) = crashed.survey.instance.spaces.owner(finding.space_id()) else { continue };
        let (id, lsn) = ((space.id.unwrap(), finding.page_no()), copy.lsn());
        let page = &copy.bytes.get()[..space.format.physical.bytes()];
        let (Some(form), history) = (Form::of(page, space), changes.of_page(id)) else { continue };
        let home_form = Form::of(&home.bytes.get(), space).filter(|_| home.state == HomeState::Valid);
        let (memory, oldest) = (Memory::of(id, &space.format), crashed.log.oldest);
        let wanted = Wanted { page, lsn, form: &form };
        if let Some(home_form) = home_form.as_ref().filter(|_| finding.judgement.verdict == Verdict::Pending)
        {
            let start = Start { bytes: &home_form.clear, lsn: home.lsn.unwrap() };
            score.note("home to copy", id, rebuild(memory, Some(start), history, oldest, lsn), &wanted);
        }
        // An old copy lies before what is left of the log.
        let newer = home.lsn.zip(home_form.as_ref()).filter(|&(newer, _)| newer > lsn && lsn >= oldest);
        if let Some((newer, form)) = newer {
            let start = Start { bytes: &wanted.form.clear, lsn };
            let wanted = Wanted { page: &home.bytes.get(), lsn: newer, form };
            score.note("copy to home", id, rebuild(memory, Some(start), history, oldest, newer), &wanted);
        }
        if begins_anew(history, lsn) {
            score.note("nothing to copy", id, rebuild(memory, None, history, oldest, lsn), &wanted);
        }
    }
}

fn begins_anew(history: &[Change], lsn: Lsn) -> bool {
    history.iter().any(|change| change.initialises() && change.to <= lsn)
}

/// Prints the figures: `cargo test --test cli redo::rebuilt -- --nocapture`.
#[test]
fn every_version_that_redo_can_make_is_the_one_that_the_server_made() {
    let mut total: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut images_read = 0;
    for case in images() {
        let Some(score) = score(&case) else { continue };
        let name = case.file_name().unwrap().to_string_lossy();
        println!("{name}: {:?}", score.equal);
        assert!(score.wrong.is_empty(), "{name}: {:#?}", score.wrong);
        for (way, equal) in score.equal {
            *total.entry(way).or_default() += equal;
        }
        images_read += 1;
    }
    println!("all {images_read} images: {total:?}");
    assert!(images_read >= 4);
    let all = |way| total.iter().filter(|((of, _), _)| *of == way).map(|(_, equal)| equal).sum::<u32>();
    assert!(all("home to copy") > 100 && all("nothing to home") > 500, "{total:?}");
    for kind in ["encrypted", "compressed by its server", "KEY_BLOCK_SIZE", "plain"] {
        assert!(total.contains_key(&("nothing to home", kind)), "{kind}: {total:?}");
    }
}
