//! `capture`: what was saved.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::commands::capture::{Saved, SavedFile};
use crate::report::SCHEMA_VERSION;
use crate::report::advice::write_prediction;
use crate::report::command_line;
use crate::report::guard::{guard, guard_beside, write_guard};
use crate::report::style;
use crate::units::count;
use crate::verdict::predict::Prediction;

/// The document of `capture --format json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CaptureReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The bundle.
    pub bundle: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256 as a file, lower-case hexadecimal.
    pub sha256: String,
    /// When, UTC, RFC 3339.
    pub captured_at: String,
    /// Whether payloads were blanked.
    pub redacted: bool,
    /// How many files are listed in it.
    pub listed: u32,
    /// Files of which bytes were saved.
    pub files: Vec<CapturedFile>,
    /// Bytes that could not be read, in sentences.
    pub lost: Vec<String>,
    /// Plain sentences on what is missing.
    pub notes: Vec<String>,
    /// What the server will do at its next start; `null` where the directory could not be judged.
    pub prediction: Option<Prediction>,
    /// What must not be done while a page can be restored; only there as long as one can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<&'static str>,
}

/// A file of which bytes were saved.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CapturedFile {
    /// Path in the bundle.
    pub path: String,
    /// Size in bytes on the host.
    pub size: u64,
    /// Modification time, UTC, RFC 3339.
    pub mtime: Option<String>,
    /// Bytes saved.
    pub saved: u64,
    /// Their SHA-256, in order; of redacted bundles as they stand in the bundle.
    pub sha256: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl CaptureReport {
    /// What was saved under which name.
    pub fn of(bundle: &Path, saved: &Saved, sha256: String) -> CaptureReport {
        let describe = |file: &SavedFile| CapturedFile {
            path: file.entry.path.display().to_string(),
            size: file.entry.size,
            mtime: i32::try_from(file.entry.mtime_nanos)
                .ok()
                .and_then(|nanos| jiff::Timestamp::new(file.entry.mtime, nanos).ok())
                .map(|time| time.to_string()),
            saved: file.sum.bytes,
            sha256: hex(&file.sum.sha256),
        };
        CaptureReport {
            schema_version: SCHEMA_VERSION,
            bundle: bundle.display().to_string(),
            length: saved.sealed.length,
            sha256,
            captured_at: saved.manifest.captured_at.clone(),
            redacted: saved.manifest.redacted,
            listed: saved.sealed.files,
            files: saved.files.iter().map(describe).collect(),
            lost: saved.lost.clone(),
            notes: saved.manifest.notes.clone(),
            guard: match &saved.prediction {
                Some(prediction) => guard_beside(&prediction.advice, saved.restorable > 0),
                None => guard(saved.restorable > 0),
            },
            prediction: saved.prediction.clone(),
        }
    }

    /// One line.
    pub fn headline(&self) -> String {
        let saved: u64 = self.files.iter().map(|file| file.saved).sum();
        format!(
            "CAPTURED: {saved} bytes of {} of {} in a bundle of {} bytes{}, SHA-256 {}",
            self.files.len(),
            count(self.listed as usize, "file"),
            self.length,
            if self.redacted { ", redacted" } else { "" },
            self.sha256
        )
    }

    /// Writes it for a person.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let colour = if self.lost.is_empty() { style::GOOD } else { style::WARN };
        writeln!(out, "{}", style::paint(colour, &self.headline()))?;
        if let Some(prediction) = &self.prediction {
            write_prediction(out, prediction)?;
        }
        write_guard(out, self.guard)?;
        writeln!(out, "\nnext: {}", command_line::on_bundle("verify", &self.bundle))?;
        if self.redacted {
            writeln!(out, "it holds no rows and cannot be a source of pages: keep an unredacted one as well")
        } else {
            writeln!(
                out,
                "keep it off this host; should a server start overwrite the copies: {}",
                command_line::copies_from(&self.bundle)
            )
        }
    }
}
