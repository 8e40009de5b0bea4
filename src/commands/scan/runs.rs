//! Damaged pages that follow each other and have one cause are one finding.

use crate::commands::scan::finding::{Damage, RunKey};
use crate::commands::scan::reason::DamageReason;
use crate::page::diagnose::Class;

/// Joins the damaged pages of one file, given in order.
#[derive(Debug, Default)]
pub struct Runs {
    pending: Option<Damage>,
}

impl Runs {
    /// One more damaged page; gives back the run before it, if that has ended.
    pub fn push(&mut self, damage: Damage) -> Option<Damage> {
        match &mut self.pending {
            Some(run) if continues(run, &damage) => {
                run.pages = run.pages.saturating_add(damage.pages);
                run.copy = None;
                None
            }
            pending => pending.replace(damage).map(finish),
        }
    }

    /// The last run.
    pub fn finish(&mut self) -> Option<Damage> {
        self.pending.take().map(finish)
    }
}

/// Pages that can be put back stay single: each has a copy of its own.
fn continues(run: &Damage, next: &Damage) -> bool {
    run.run.is_some()
        && run.run == next.run
        && !run.is_restorable()
        && !next.is_restorable()
        && run.page_no.0.checked_add(run.pages) == Some(next.page_no.0)
}

fn finish(mut run: Damage) -> Damage {
    if run.pages < 2 {
        return run;
    }
    let pages = run.pages;
    match run.run {
        Some(RunKey::Pages(_, shift)) if shift != 0 => {
            run.class = Class::Shifted;
            run.detail = DamageReason::PagesAway { pages, shift };
        }
        Some(RunKey::Pages(Some(space), _)) => {
            run.detail = DamageReason::Foreign { pages, space };
        }
        Some(RunKey::Pages(None, _) | RunKey::Bytes(_) | RunKey::Class(_)) | None => {
            run.detail = DamageReason::Row { pages, each: Box::new(run.detail) };
        }
    }
    run
}
