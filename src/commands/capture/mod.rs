//! The capture itself: look, list, select, write. Nothing is written but the bundle, and nothing is read twice except
//! what goes into it; the largest thing in memory is one chunk.

pub mod listing;
mod note;
pub mod recompress;
pub mod redact;
pub mod redact_config;
pub mod select;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::commands::capture::listing::{Listing, entry};
use crate::commands::capture::note::CaptureNote;
use crate::commands::capture::redact::Redactor;
use crate::commands::capture::select::{CaptureSelection, RedoLimit};
use crate::disk::calls;
use crate::disk::host;
use crate::disk::reads;
use crate::disk::reads::Ranges;
use crate::disk::run::hole_end;
use crate::disk::small;
use crate::error::{Error, Result};
use crate::instance::bundle::write::{FileSum, Sealed, Writer};
use crate::instance::bundle::{CHUNK, CONFIG_DIR, FileEntry, Manifest};
use crate::instance::discover::discover;
use crate::instance::identity;
use crate::instance::locations::Locations;
use crate::instance::redo;
use crate::instance::request::Request;
use crate::verdict;
use crate::verdict::Verdict;
use crate::verdict::donor;
use crate::verdict::predict::Prediction;
use crate::verdict::problems;
use crate::verdict::survey::Survey;

/// Longest configuration file that is taken along.
const MOST_CONFIG: u64 = 1 << 20;

/// Redo from the checkpoint to its end is saved up to this many bytes.
pub const REDO_LIMIT: u64 = 64 << 20;
/// Where a read fails, it is tried again in pieces of this many bytes.
const PIECE: usize = 4096;
/// Holes from this length on are left out: unpacked they read as zeros again. Shorter ones compress to nothing.
const LEAST_HOLE: u64 = 16 << 20;
/// More sentences help nobody.
const MAX_NOTES: usize = 1000;

/// What the caller wants.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// Blank record payloads.
    pub redact: bool,
    /// The server's configuration, to be saved as well.
    pub config: Option<PathBuf>,
    /// Redo from checkpoint to end is saved up to this many bytes.
    pub redo_limit: u64,
}

impl Default for CaptureOptions {
    fn default() -> CaptureOptions {
        CaptureOptions { redact: false, config: None, redo_limit: REDO_LIMIT }
    }
}

/// What was saved.
#[derive(Debug)]
pub struct Saved {
    /// Length and hash of the bundle.
    pub sealed: Sealed,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Every file of which bytes were saved.
    pub files: Vec<SavedFile>,
    /// Bytes that could not be read, in sentences.
    pub lost: Vec<String>,
    /// What could not be opened or read while the directory was judged, in sentences.
    pub unread: Vec<String>,
    /// How many pages of the directory have a copy that can be put back.
    pub restorable: usize,
    /// What the server will do at its next start, where the directory could be judged.
    pub prediction: Option<Prediction>,
}

/// A file of which bytes were saved.
#[derive(Debug, Clone)]
pub struct SavedFile {
    /// As it was found.
    pub entry: FileEntry,
    /// What was saved of it.
    pub sum: FileSum,
}

/// Captures what a request names. `name` is what errors of the writer call it.
///
/// # Errors
/// The request names nothing of InnoDB; the writer fails. Bytes that cannot be read are no error but are remembered.
pub fn save<W: Write>(
    request: &Request,
    options: &CaptureOptions,
    name: &Path,
    out: W,
) -> Result<(Saved, W)> {
    let locations = Locations::resolve(request)?;
    if locations.bundle.is_some() {
        return Err(Error::foreign(
            &request.path,
            "this is a bundle already; name a data directory or an image",
        ));
    }
    let (survey, reads) = reads::during(|| judge(request));
    let listing = Listing::of(request, &locations);
    let limit = if options.redact { RedoLimit::Headers } else { RedoLimit::Bytes(options.redo_limit) };
    let (mut selection, survey) = match survey {
        Ok(survey) => (CaptureSelection::of_survey(&listing, &reads, &survey, limit), Ok(survey)),
        // A directory too damaged to be judged is the one that is captured most urgently.
        Err(error) if options.redact || discover(&locations).list.is_empty() => return Err(error),
        Err(error) => (CaptureSelection::of_reads(&listing, &reads), Err(error)),
    };
    let redactor = match &survey {
        Ok(survey) if options.redact => Some(Redactor::new(survey)?),
        _ => None,
    };
    if let Ok(survey) = &survey {
        align(&mut selection, &listing, survey);
    }
    let manifest = manifest(request, options, &locations, &listing, &selection, &survey);
    let failed = |error| Error::write(name, "write the bundle")(error);
    let mut saver = Saver {
        writer: Writer::new(out, redact::random(), &manifest).map_err(failed)?,
        redactor,
        files: Vec::new(),
        lost: Vec::new(),
    };
    saver.everything(&listing, &selection, options.config.as_deref()).map_err(failed)?;
    let Saver { writer, files, lost, .. } = saver;
    let (sealed, out) = writer.finish().map_err(failed)?;
    let verdicts = survey.iter().flat_map(|survey| &survey.findings).map(|found| found.judgement.verdict);
    let prediction = survey.as_ref().ok().map(|survey| problems::foretell(survey).1);
    let restorable = verdicts.filter(|&verdict| verdict == Verdict::Restorable).count();
    let unread = match &survey {
        Ok(survey) => survey.unreadable().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    };
    Ok((Saved { sealed, manifest, files, lost, unread, restorable, prediction }, out))
}

/// All that a verification reads: the names of tables and indexes are looked up when the report is made.
fn judge(request: &Request) -> Result<Survey> {
    let survey = Survey::run(request)?;
    verdict::look_ahead(&survey);
    Ok(survey)
}

/// Whole pages: half a page can neither be judged nor blanked.
fn align(selection: &mut CaptureSelection, listing: &Listing, survey: &Survey) {
    for space in &survey.instance.spaces.list {
        for file in &space.files {
            let Some(stored) = listing.stored(&file.path) else { continue };
            if let Some(ranges) = selection.ranges.get_mut(&stored) {
                *ranges = ranges.aligned(space.format.physical.as_u64(), file.len);
            }
        }
    }
}

fn manifest(
    request: &Request,
    options: &CaptureOptions,
    locations: &Locations,
    listing: &Listing,
    selection: &CaptureSelection,
    survey: &Result<Survey>,
) -> Manifest {
    let mut notes = listing.notes.clone();
    if let Err(error) = survey {
        notes.push(CaptureNote::NotJudged(error.to_string()));
    }
    let redo = match survey {
        Ok(survey) if !selection.redo_is_whole => {
            notes.push(CaptureNote::RedoLeftOut);
            Some(stored_redo(survey, listing))
        }
        _ => None,
    };
    if options.redact {
        notes.push(CaptureNote::Redacted);
    }
    if notes.len() > MAX_NOTES {
        let more = notes.len() - MAX_NOTES;
        notes.truncate(MAX_NOTES);
        notes.push(CaptureNote::AndMore(more));
    }
    Manifest {
        schema_version: 1,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        captured_at: jiff::Timestamp::now().to_string(),
        host: host::host(),
        source: request.path.display().to_string(),
        redacted: options.redact,
        request: listing.stored_request(request, locations),
        roots: listing.stored_roots(),
        redo,
        notes: notes.iter().map(ToString::to_string).collect(),
        server_uuid: identity::server_uuid(&locations.datadir).unwrap_or_default(),
        checkpoint_lsn: survey.as_ref().ok().and_then(|survey| survey.instance.window.checkpoint),
        cold: if options.redact {
            Vec::new()
        } else {
            survey.as_ref().map(donor::cold_pages).unwrap_or_default()
        },
    }
}

/// What the redo said. Of the pages it touches only those that have a copy: a log of GiB touches millions.
fn stored_redo(survey: &Survey, listing: &Listing) -> redo::FoundRedo {
    let mut found = survey.instance.redo.clone();
    if let redo::FoundRedo::Read(redo) = &mut found {
        for file in &mut redo.files {
            file.path = listing.stored(&file.path).unwrap_or_default();
        }
        let copied: HashSet<_> =
            survey.findings.iter().map(|finding| (finding.space_id(), finding.page_no())).collect();
        if let Some(touched) = &mut redo.touched {
            touched.last.retain(|page, _| copied.contains(page));
        }
        if let Some(census) = &mut redo.census {
            census.retain(|page| copied.contains(&page));
        }
    }
    found
}

struct Saver<W> {
    writer: Writer<W>,
    redactor: Option<Redactor>,
    files: Vec<SavedFile>,
    lost: Vec<String>,
}

impl<W: Write> Saver<W> {
    fn everything(
        &mut self,
        listing: &Listing,
        selection: &CaptureSelection,
        config: Option<&Path>,
    ) -> io::Result<()> {
        for directory in &listing.directories {
            self.writer.directory(directory)?;
        }
        for (stored, entry) in &listing.files {
            let nothing = Ranges::default();
            let ranges = selection.ranges.get(stored).unwrap_or(&nothing);
            match listing.original(stored) {
                Some(path) => self.file(&path, entry, ranges)?,
                None => self.file(Path::new(""), entry, &nothing)?,
            }
        }
        for (path, target) in &listing.links {
            self.writer.link(path, target)?;
        }
        match config {
            Some(path) => self.config(path),
            None => Ok(()),
        }
    }

    fn config(&mut self, path: &Path) -> io::Result<()> {
        let stored = Path::new(CONFIG_DIR).join(path.file_name().unwrap_or("my.cnf".as_ref()));
        let metadata = std::fs::metadata(path)?;
        let text = small::read(path, MOST_CONFIG)?;
        let text = if self.redactor.is_some() { redact_config::configuration(&text) } else { text };
        let entry = FileEntry { size: text.len() as u64, ..entry(&metadata, &stored) };
        self.writer.directory(Path::new(CONFIG_DIR))?;
        self.writer.begin(&entry)?;
        self.writer.data(0, &text)?;
        let sum = self.writer.end()?;
        self.files.push(SavedFile { entry, sum });
        Ok(())
    }

    fn file(&mut self, path: &Path, entry: &FileEntry, ranges: &Ranges) -> io::Result<()> {
        self.writer.begin(entry)?;
        if ranges.bytes() > 0 {
            match open(path, entry) {
                Ok(file) => self.ranges(&file, path, entry, ranges)?,
                Err(error) => self.lose(entry, 0, entry.size, &error.to_string())?,
            }
        }
        let sum = self.writer.end()?;
        if sum.bytes > 0 {
            self.files.push(SavedFile { entry: entry.clone(), sum });
        }
        Ok(())
    }

    fn ranges(&mut self, file: &File, path: &Path, entry: &FileEntry, ranges: &Ranges) -> io::Result<()> {
        for range in ranges.iter() {
            let (mut at, end) = (range.start, range.end.min(entry.size));
            while at < end {
                let hole = hole_end(file, at, entry.size).map_or(0, |to| to.saturating_sub(at));
                if hole >= LEAST_HOLE {
                    at = at.saturating_add(hole);
                    continue;
                }
                let length = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                self.chunk(file, path, entry, at, length)?;
                at = at.saturating_add(length as u64);
            }
        }
        Ok(())
    }

    fn chunk(
        &mut self,
        file: &File,
        path: &Path,
        entry: &FileEntry,
        at: u64,
        length: usize,
    ) -> io::Result<()> {
        let mut bytes = vec![0; length];
        match file.read_exact_at(&mut bytes, at) {
            Ok(()) => {
                self.redact(path, at, &mut bytes);
                self.writer.data(at, &bytes)
            }
            // One bad sector must not cost the chunk around it; with redaction a page is the least piece.
            Err(_) if length > PIECE && self.redactor.is_none() => {
                let mut from = at;
                for piece in bytes.chunks(PIECE) {
                    self.chunk(file, path, entry, from, piece.len())?;
                    from = from.saturating_add(piece.len() as u64);
                }
                Ok(())
            }
            Err(error) => self.lose(entry, at, length as u64, &error.to_string()),
        }
    }

    fn redact(&mut self, path: &Path, at: u64, bytes: &mut [u8]) {
        if let Some(redactor) = &mut self.redactor {
            for left_out in redactor.apply(path, at, bytes) {
                self.lost.push(left_out);
            }
        }
    }

    fn lose(&mut self, entry: &FileEntry, at: u64, length: u64, why: &str) -> io::Result<()> {
        self.lost.push(format!(
            "{}: {length} bytes at offset {at} could not be read: {why}",
            entry.path.display()
        ));
        self.writer.lost(at, length.min(entry.size.saturating_sub(at)), why)
    }
}

/// The very file that was listed, never through a link.
fn open(path: &Path, entry: &FileEntry) -> io::Result<File> {
    let file = calls::open_no_link(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || (metadata.dev(), metadata.ino()) != (entry.device, entry.inode) {
        return Err(io::Error::other("it is another file than a moment ago"));
    }
    Ok(file)
}
