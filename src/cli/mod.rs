//! The command line: what was typed becomes what is meant; one small file per subcommand.

pub mod args;
pub mod capture;
pub mod carve;
pub mod check;
pub mod dump;
pub mod examples;
pub mod exit;
pub mod explain_log;
pub mod formats;
pub mod given;
pub mod locate;
pub mod manual;
pub mod misfit;
pub mod output;
pub mod outputs;
pub mod page;
pub mod progress;
pub mod record;
pub mod redo;
pub mod restore;
pub mod resume;
pub mod revert;
pub mod runbook;
pub mod scan;
pub mod schema;
pub mod verify;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::FromArgMatches;
use serde::Serialize;

pub use crate::cli::exit::ExitStatus;
pub use crate::cli::output::Wrote;

use crate::cli::args::{Cli, ColorChoice, Command, Format};
use crate::cli::output::Remembering;
use crate::disk::output::Untouchable;
use crate::disk::{host, threads};
use crate::error::Error;
use crate::instance::bundle::unpack;
use crate::report::command_line;
use crate::report::style::printable;
use crate::report::width;

/// What every subcommand is handed: where to write and how.
pub struct Context<'a> {
    /// Data.
    pub out: &'a mut dyn Write,
    /// Everything else.
    pub err: &'a mut dyn Write,
    /// How data are written.
    pub format: Format,
    /// `-v`: list what is merely fine, too.
    pub verbose: bool,
    /// `-q`: no notes and warnings.
    pub quiet: bool,
    /// `--threads`, or one for each processor.
    pub threads: usize,
    /// What no output may touch.
    pub evidence: Untouchable,
    /// What this command has written by now, besides its output.
    pub wrote: Option<Wrote>,
}

impl Context<'_> {
    /// Writes a document as JSON, or for people by `text`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn emit<T: Serialize>(
        &mut self,
        document: &T,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        if !unpack::any_unpacked() {
            return unless_gone("output", self.write(document, text));
        }
        let mut bytes = Vec::new();
        let evidence = Untouchable::default();
        let mut inner = Context { out: &mut bytes, err: &mut io::sink(), evidence, wrote: None, ..*self };
        inner.write(document, text)?;
        let escape = if is_json(self.format) { output::in_json } else { printable };
        self.print(&unpack::in_words_as(&String::from_utf8_lossy(&bytes), escape))
    }

    /// Writes text to standard output.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        unless_gone("output", self.out.write_all(text.as_bytes()))
    }

    /// From here on the command ends with `status`, even where nobody can be told: a script must not take a full disk
    /// behind standard output for "nothing was written". `what` is said on standard error then.
    pub fn wrote(&mut self, status: ExitStatus, what: impl Into<String>) {
        self.wrote = Some(Wrote { status, what: what.into() });
    }

    fn write<T: Serialize>(
        &mut self,
        document: &T,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.format {
            Format::Table | Format::Csv => {
                let mut bytes = Vec::new();
                text(&mut bytes)?;
                self.out.write_all(width::fit(String::from_utf8_lossy(&bytes).into_owned()).as_bytes())
            }
            Format::Json => {
                serde_json::to_writer_pretty(&mut *self.out, document)?;
                writeln!(self.out)
            }
            Format::Jsonl => {
                serde_json::to_writer(&mut *self.out, document)?;
                writeln!(self.out)
            }
        }
    }

    /// Says something beside the data, unless told to be quiet.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn warn(&mut self, what: impl std::fmt::Display) -> io::Result<()> {
        if self.quiet { Ok(()) } else { self.complain(what) }
    }

    /// Says what even the quiet must hear.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn complain(&mut self, what: impl std::fmt::Display) -> io::Result<()> {
        let what = what.to_string();
        let words = unpack::in_words(&what);
        unless_gone("error", writeln!(self.err, "dblwr: {}", printable(&words)))
    }
}

fn is_json(format: Format) -> bool {
    matches!(format, Format::Json | Format::Jsonl)
}

/// Runs the program: parses, carries out, prints errors; the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    host::outlive_the_size_limit();
    let parsed = args::definitions().try_get_matches_from(&args);
    let mut cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return misfit::answer(&error, &args),
    };
    width::set(columns());
    if let Some(Err(error)) = cli.command.target_mut().map(|target| target.fill_in()) {
        if matches!(cli.command, Command::Check(_)) {
            tell_scheduler(&error.to_string());
        }
        return finish(Err(error), &mut anstream::stderr());
    }
    match cli.common.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    threads::prepare(cli.common.threads.map(std::num::NonZeroUsize::get));
    let common = &cli.common;
    let format = if common.json { Format::Json } else { common.format };
    let mut err = anstream::stderr();
    if !cli.command.accepts(format) {
        return refuse(&cli.command, format, &mut err);
    }
    command_line::remember(given::given(&cli));
    let evidence = match outputs::check(&cli) {
        Ok(evidence) => evidence,
        // Where standard error itself is evidence, nobody can be told.
        Err(_) if outputs::is_evidence(&cli, 2) => return ExitStatus::Unknown.code(),
        Err(error) => return finish(Err(error.into()), &mut err),
    };
    let json = is_json(format) || cli.command.answers_in_json();
    let mut out = io::BufWriter::new(Remembering::new(anstream::stdout(), json));
    let mut context = Context {
        evidence,
        format,
        verbose: common.verbose,
        quiet: common.quiet,
        threads: rayon::current_num_threads(),
        out: &mut out,
        err: &mut err,
        wrote: None,
    };
    let mut recorder = match record::Recorder::begin(&cli, &args, &context.evidence) {
        Ok(recorder) => recorder,
        Err(error) => return finish(Err(error), &mut err),
    };
    let result = recorder.watch(|| carry_out(&cli.command, &mut context));
    let wrote = context.wrote.take();
    let flushed = unless_gone("output", out.flush()).map_err(anyhow::Error::from);
    let result = result.and_then(|status| flushed.map(|()| status));
    let untold = result.is_err() || out.get_ref().failed;
    let mut code = finish(result, &mut err);
    if let Some(wrote) = wrote.as_ref().filter(|_| untold) {
        code = wrote.status.code();
        let _ = writeln!(err, "dblwr: {}", wrote.what);
    }
    match (recorder.finish(code), wrote) {
        (Ok(()), _) => code,
        (Err(error), wrote) => {
            finish(Err(error), &mut err);
            if let Some(wrote) = wrote {
                let _ = writeln!(err, "dblwr: {}, but the custody record is not complete", wrote.what);
            }
            ExitStatus::Critical.code()
        }
    }
}

/// Wrong usage that only the command and an option together make.
fn refuse(command: &Command, format: Format, err: &mut dyn Write) -> u8 {
    let why = command.refusal(format);
    if matches!(command, Command::Check(_)) {
        tell_scheduler(&why);
    }
    finish(Err(anyhow::Error::msg(why)), err)
}

/// What schedulers show is standard output.
fn tell_scheduler(error: &str) {
    let line = error.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let _ = writeln!(io::stdout(), "DBLWR UNKNOWN - {}", line.replace('|', "/"));
}

/// How wide the reader's window is: what `COLUMNS` says, else the terminal behind standard output.
fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let seen = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    said.filter(|&columns| columns > 0).or_else(seen)
}

fn carry_out(command: &Command, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Locate(target) => locate::run(target, context),
        Command::Dump(dump) => dump::run(dump, context),
        Command::Verify(target) => verify::run(target, context),
        Command::Redo(redo) => redo::run(redo, context),
        Command::Restore(restore) => restore::run(restore, context),
        Command::Revert(revert) => revert::run(revert, context),
        Command::Check(check) => check::run(check, context),
        Command::ExplainLog(explain) => explain_log::run(explain, context),
        Command::Page(page) => page::run(page, context),
        Command::Carve(carve) => carve::run(carve, context),
        Command::Capture(capture) => capture::run(capture, context),
        Command::Scan(scan) => scan::run(scan, context),
        Command::Schema { name } => schema::run(*name, context),
        Command::Completions { shell } => manual::completions(*shell, context),
        Command::Man { subcommand } => manual::man(subcommand.as_deref(), context),
    }
}

/// A reader that went away has seen enough of a document; how the command ended is still to be told.
fn unless_gone(stream: &str, written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("standard {stream}: cannot write: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// A reader of a long stream that went away ends it early: that is success.
fn finish(result: anyhow::Result<ExitStatus>, err: &mut dyn Write) -> u8 {
    match result {
        Ok(status) => status.code(),
        Err(error) if is_broken_pipe(&error) => ExitStatus::Healthy.code(),
        Err(error) => {
            let _ = writeln!(err, "dblwr: {}", printable(&unpack::in_words(&error.to_string())));
            match error.downcast_ref::<Error>() {
                Some(Error::WriteFailed { .. } | Error::AfterWrites { .. }) => ExitStatus::Critical.code(),
                _ => ExitStatus::Unknown.code(),
            }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
    let json = error.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
    io.or(json) == Some(io::ErrorKind::BrokenPipe)
}
