//! `redo`: what the redo log holds.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::format::redo_record::PageId;
use crate::instance::Instance;
use crate::instance::redo::history::{Census, Change, Changes, Log};
use crate::instance::redo::{RedoFormat, RedoLog};
use crate::instance::request::Request;
use crate::verdict::problems::{self, Problem};
use crate::verdict::survey::Survey;

/// Why records cannot be read for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Records of this server need the definitions of indexes.
    NeedsDefinitions,
    /// Page numbers are ciphertext.
    Encrypted,
    /// Checkpoint or end are not known, or only the headers of the log are at hand.
    Cut,
}

/// Of everything that is wrong with a directory, what is of its log.
fn of_log(problems: Vec<Problem>) -> Vec<Problem> {
    let of_log = |kind| {
        use problems::ProblemKind::*;
        matches!(
            kind,
            RedoMissing | RedoDamaged | RedoForeign | RedoDisabled | LsnInFuture | Backup | Unreadable
        )
    };
    problems.into_iter().filter(|problem| of_log(problem.kind)).collect()
}

/// What was found.
#[derive(Debug)]
pub struct RedoLook {
    /// The instance.
    pub instance: Instance,
    /// What is wrong with the log, the worst first.
    pub problems: Vec<Problem>,
    /// What is said of all pages, or why nothing is.
    pub census: std::result::Result<Census, Unread>,
    /// The history of the page that was asked for.
    pub page: Option<(PageId, Vec<Change>)>,
    /// What the records do is ciphertext: only the pages that they change are known.
    pub hidden: bool,
}

impl RedoLook {
    /// Reads the log of what a request names.
    ///
    /// # Errors
    /// As [`Instance::open`]; the log cannot be read.
    pub fn run(request: &Request, page: Option<PageId>) -> Result<RedoLook> {
        let survey = Survey::run(request)?;
        let problems = of_log(problems::of_survey(&survey));
        let mut look = RedoLook {
            instance: survey.instance,
            problems,
            census: Err(Unread::Cut),
            page: None,
            hidden: false,
        };
        let Some(redo) = look.instance.redo.redo() else { return Ok(look) };
        let Some(mut log) = Log::open(redo)? else {
            look.census = Err(why_unread(redo));
            return Ok(look);
        };
        look.hidden = log.hidden();
        look.census = Ok(Census::take(&mut log)?);
        if let Some(page) = page {
            let changes = Changes::of_a_lot(&mut log, &mut BTreeSet::from([page]))?;
            look.page = Some((page, changes.of_page(page).to_vec()));
        }
        Ok(look)
    }

    /// The log, if there is one that can be read at least in part.
    pub fn redo(&self) -> Option<&RedoLog> {
        self.instance.redo.redo()
    }

    /// Bytes that recovery has to read: none after a clean shutdown.
    pub fn bytes_to_recover(&self) -> u64 {
        let Some(redo) = self.redo().filter(|redo| redo.records_after_checkpoint != Some(false)) else {
            return 0;
        };
        let window = redo.checkpoint.zip(redo.end);
        window.map_or(0, |(checkpoint, end)| end.0.saturating_sub(checkpoint.0))
    }
}

fn why_unread(redo: &RedoLog) -> Unread {
    match redo.format {
        _ if redo.checkpoint.is_none() || redo.end.is_none() => Unread::Cut,
        RedoFormat::MariaDbEncrypted => Unread::Encrypted,
        RedoFormat::MariaDb105 if redo.encrypted => Unread::Encrypted,
        RedoFormat::MariaDb105
        | RedoFormat::MariaDb108
        | RedoFormat::MariaDbArchive
        | RedoFormat::FlushLsnOnly => Unread::Cut,
        RedoFormat::BeforeMySql579
        | RedoFormat::MySql(_)
        | RedoFormat::MariaDb102
        | RedoFormat::MariaDb103
        | RedoFormat::MariaDb104 => Unread::NeedsDefinitions,
    }
}
