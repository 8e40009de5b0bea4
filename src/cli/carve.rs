//! `dblwr carve`.

use std::path::Path;

use crate::cli::args::Carve;
use crate::cli::dump::extracted_to;
use crate::cli::{Context, ExitStatus};
use crate::commands::carve::{Carved, CarvedPage, ProbedSizes, carve};
use crate::commands::dump::extract::name_of;
use crate::disk::Image;
use crate::disk::output::OutDir;
use crate::error::Error;
use crate::instance::bundle::open;
use crate::instance::bundle::read::bundle_of;
use crate::instance::bundle::unpack::{Bundle, in_words};
use crate::instance::request::Request;
use crate::report::carve::CarveReport;

pub(super) fn run(args: &Carve, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    if let Some((path, None)) = bundle_of(&args.path) {
        return run_bundle(args, &path, context);
    }
    let request = open::open(&Request { path: args.path.clone(), ..Request::default() })?;
    let image = Image::open(&request.path)?;
    let out = args.out.as_deref().map(|dir| OutDir::prepare(dir, &context.evidence)).transpose()?;
    let mut carved = carve(&image, &ProbedSizes::of(args.page_size))?;
    if let Some(failure) = &carved.failure {
        context.warn(failure)?;
    }
    if carved.is_empty() {
        return Err(nothing(args, &carved).into());
    }
    let mut report = CarveReport::of(&args.path.display().to_string(), &mut carved);
    if let Some(out) = &out {
        for (found, page) in carved.pages.iter().zip(&mut report.pages) {
            page.extracted = extract(&image, found, out)?;
        }
    }
    tell(args, &report, context)
}

/// Every file of a bundle, one after the other: what it does not hold of them reads as zeros.
fn run_bundle(args: &Carve, path: &Path, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let bundle = Bundle::open(path)?;
    let out = args.out.as_deref().map(|dir| OutDir::prepare(dir, &context.evidence)).transpose()?;
    let mut all = CarveReport::of(&path.display().to_string(), &mut Carved::default());
    for file in bundle.captured.keys() {
        let image = Image::open(file)?;
        let mut carved = carve(&image, &ProbedSizes::of(args.page_size))?;
        let mut report = CarveReport::of("", &mut carved);
        for (found, page) in carved.pages.iter().zip(&mut report.pages) {
            page.extracted = out.as_ref().map(|out| extract(&image, found, out)).transpose()?.flatten();
        }
        all.append(&in_words(&file.display().to_string()), report);
    }
    if all.pages.is_empty() && all.reduced.is_empty() {
        return Err(nothing(args, &Carved { bytes: all.bytes, ..Carved::default() }).into());
    }
    tell(args, &all, context)
}

fn tell(args: &Carve, report: &CarveReport, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    let extracted = args.out.as_deref().map(|dir| extracted_to(report.pages.len(), dir));
    if let Some(extracted) = &extracted {
        context.wrote(ExitStatus::Healthy, extracted);
    }
    let verbose = context.verbose;
    context.emit(report, |out| report.write_text(out, verbose))?;
    if let Some(extracted) = &extracted {
        context.warn(extracted)?;
    }
    Ok(ExitStatus::Healthy)
}

fn nothing(args: &Carve, carved: &Carved) -> Error {
    let sizes = args.page_size.map_or_else(|| "any size".to_owned(), |size| format!("{size} bytes"));
    let what = format!(
        "no InnoDB page of {sizes} in {} bytes; pages that MySQL encrypted cannot be found without their key",
        carved.bytes
    );
    Error::foreign(&args.path, what)
}

fn extract(image: &Image, found: &CarvedPage, out: &OutDir) -> anyhow::Result<Option<String>> {
    let Some(page) = image.read_page(found.offset, found.hit.size)? else { return Ok(None) };
    let space = found.hit.space.map_or_else(|| "hidden".to_owned(), |space| space.to_string());
    let (file, offset, number) = (name_of(image.path()), found.offset, found.hit.page_no);
    let name = format!("{file}-offset-{offset}-space-{space}-page-{number}.page");
    out.write(&name, &page)?;
    Ok(Some(name))
}
