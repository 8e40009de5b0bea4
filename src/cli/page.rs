//! `dblwr page`.

use anyhow::bail;

use crate::cli::args::Page;
use crate::cli::verify::guard_of;
use crate::cli::{Context, ExitStatus};
use crate::commands::dump::{DumpSelection, Inventory};
use crate::commands::page::{Lookup, file_of};
use crate::instance::Instance;
use crate::instance::bundle::open;
use crate::instance::locations::Focus;
use crate::instance::locations::Locations;
use crate::instance::request::Request;
use crate::report::dump::{Decode, DumpReport};
use crate::report::page::PageDocument;
use crate::units::PageNo;
use crate::verdict::home::HomeState;

pub(super) fn run(args: &Page, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let request = open::open(&args.places.request(&args.path)?)?;
    let named = args.path.display();
    match Locations::resolve(&request)?.focus {
        Focus::Directory => match args.page {
            (Some(space), page_no) => {
                let file = file_of(&request, space, page_no)?;
                // What lies around a file is found from the file; from the directory where it lies outside of it.
                let outside = (!file.starts_with(&request.path)).then(|| request.path.clone());
                let datadir = request.datadir.clone().or(outside);
                run_page(args, &Request { path: file, datadir, ..request }, context)
            }
            (None, page) => {
                bail!("{named}: a whole directory; name one file in it, or the page in full, as 0:{page}")
            }
        },
        Focus::Doublewrite(_) => run_slot(args, &request, context),
        Focus::System(_) | Focus::Tablespace(_) => run_page(args, &request, context),
    }
}

fn run_page(args: &Page, request: &Request, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let (space, page_no) = args.page;
    let lookup = Lookup::run(request, page_no)?;
    if let (Some(space), Some(holds)) = (space, lookup.space.id.filter(|&id| Some(id) != space)) {
        bail!(
            "{}: holds tablespace {holds}, not {space}; dblwr scan names the file of a page",
            args.path.display()
        );
    }
    let report = PageDocument::of(&lookup, page_no, args.hex);
    let verbose = context.verbose;
    context.emit(&report, |out| report.write_text(out, verbose))?;
    Ok(match (report.state.is_damaged(), report.restore_command.is_some()) {
        (true, true) => ExitStatus::Attention,
        // Never written, as far as anybody can tell; but every tablespace has a page 0.
        (true, false) if report.state == HomeState::Zero && page_no != PageNo(0) => ExitStatus::Healthy,
        (true, false) => ExitStatus::Critical,
        (false, _) => ExitStatus::Healthy,
    })
}

/// A page of a doublewrite file is a slot, or every copy of the page that was named in full.
fn run_slot(args: &Page, request: &Request, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let instance = Instance::open(request)?;
    let selection = match args.page {
        (Some(space), page_no) => DumpSelection { slots: Vec::new(), pages: vec![(space, page_no)] },
        (None, slot) => DumpSelection { slots: vec![(None, slot.0)], pages: Vec::new() },
    };
    selection.check(&instance)?;
    let inventory = Inventory::of(instance, |item, instance| selection.names(item, instance))?;
    let mut report = DumpReport::of(&inventory, &selection, Some(Decode { hex: args.hex }));
    let (guard, _) = guard_of(inventory.instance, request, context)?;
    let verbose = context.verbose;
    report.guard = guard;
    context.emit(&report, |out| report.write_text(out, verbose))?;
    Ok(if report.is_damaged() { ExitStatus::Critical } else { ExitStatus::Healthy })
}
