//! `dblwr dump`.

use std::cell::Cell;
use std::path::Path;

use anyhow::bail;

use crate::cli::args::Dump;
use crate::cli::verify::guard_of;
use crate::cli::{Context, ExitStatus};
use crate::commands::dump::extract::name_of;
use crate::commands::dump::{DumpSelection, DumpedSlot, Inventory};
use crate::disk::Image;
use crate::disk::output::OutDir;
use crate::instance::Instance;
use crate::instance::dblwr::slot::Usage;
use crate::report::dump::{Decode, DumpReport};
use crate::units::count;

/// Pages that `--hex` alone shows at most: all of them are in memory at once.
const MAX_HEX: usize = 4096;

pub(super) fn run(args: &Dump, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let request = args.target.request()?;
    let instance = Instance::open(&request)?;
    for failure in &instance.spaces.failures {
        context.warn(failure)?;
    }
    let selection = DumpSelection { slots: args.slots.clone(), pages: args.pages.clone() };
    selection.check(&instance)?;
    // Before anything is read: a wrong directory must not cost a long wait.
    let out = args.out.as_deref().map(|dir| OutDir::prepare(dir, &context.evidence)).transpose()?;
    let inventory = take(args, &selection, instance)?;
    let decode = (args.hex || !selection.is_empty()).then_some(Decode { hex: args.hex });
    let mut report = DumpReport::of(&inventory, &selection, decode);
    let mut extracted = 0;
    if let Some(out) = &out {
        for (item, slot) in inventory.named_by(&selection).zip(&mut report.slots) {
            slot.extracted = extract(item, out)?;
            extracted += usize::from(slot.extracted.is_some());
        }
    }
    let (guard, status) = guard_of(inventory.instance, &request, context)?;
    report.guard = guard;
    if let Some(dir) = &args.out {
        context.wrote(status, extracted_to(extracted, dir));
    }
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, verbose))?;
    if let Some(dir) = &args.out {
        context.warn(extracted_to(extracted, dir))?;
    }
    Ok(status)
}

/// Where the extracted pages are.
pub(super) fn extracted_to(pages: usize, dir: &Path) -> String {
    format!("{} extracted to {}", count(pages, "page"), dir.display())
}

fn take(args: &Dump, selection: &DumpSelection, instance: Instance) -> anyhow::Result<Inventory> {
    let kept = Cell::new(0);
    let mut inventory = Inventory::of(instance, |item, instance| {
        let all = args.hex && selection.is_empty() && item.usage == Usage::Copy && item.reduced.is_none();
        let keep = selection.names(item, instance) || all;
        kept.set(kept.get() + usize::from(keep));
        keep && kept.get() <= MAX_HEX
    })?;
    if kept.get() > MAX_HEX {
        bail!("{} slots are too many to show: name one with --slot or --page", kept.get());
    }
    if selection.is_empty() {
        inventory.only_the_named_tablespace();
    }
    Ok(inventory)
}

/// Writes the physical page of a copy to a file of its own; its name.
fn extract(item: &DumpedSlot, out: &OutDir) -> anyhow::Result<Option<String>> {
    let Some(copy) = &item.copy else { return Ok(None) };
    let image = Image::open(&item.slot.path)?;
    let Some(page) = image.read_page(item.slot.offset, copy.format.physical)? else { return Ok(None) };
    let space = copy.space.map_or_else(|| "hidden".to_owned(), |space| space.to_string());
    let (file, index) = (name_of(&item.slot.file), item.slot.index);
    let name = format!("{file}-slot-{index}-space-{space}-page-{}.page", copy.page_no());
    out.write(&name, &page)?;
    Ok(Some(name))
}
