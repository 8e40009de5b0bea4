//! What was typed: clap's types, and their translation into requests.
#![allow(rustdoc::broken_intra_doc_links, reason = "help is printed as it stands, brackets included")]

pub mod check;
pub mod explain_log;
pub mod places;
pub mod restore;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::cli::args::check::Check;
use crate::cli::args::explain_log::ExplainLog;
use crate::cli::examples;
use crate::cli::schema::DescribedOutput;
use crate::units::{PageNo, PageSize, SpaceId};

pub use crate::cli::args::places::{PathArgs, PlacesArgs};
pub use crate::cli::args::restore::{Restore, Revert, RulesArg, SourceArgs};

/// Find torn InnoDB pages, hold them against their copies, put them back.
///
/// Offline forensics for the doublewrite buffer of MySQL, MariaDB and Percona Server.
#[derive(Debug, Parser)]
#[command(name = "dblwr", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every subcommand.
    #[command(flatten)]
    pub common: Common,
}

/// Options of every subcommand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Common {
    /// How data are written to standard output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, hide_short_help = true)]
    pub format: Format,
    /// Short for --format json.
    #[arg(long, global = true, hide_short_help = true)]
    pub json: bool,
    /// When to use colour; NO_COLOR is honoured.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, hide_short_help = true)]
    pub color: ColorChoice,
    /// No notes and warnings on standard error.
    #[arg(short, long, global = true, hide_short_help = true)]
    pub quiet: bool,
    /// List what is merely fine, too.
    #[arg(short, long, global = true, hide_short_help = true)]
    pub verbose: bool,
    /// Append a custody record of this action, one line of JSON: who did what, and the SHA-256 of what was read, before
    /// and after.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub record: Option<PathBuf>,
    /// Hash the files of the custody record whole, not only the bytes that the judgement rests on.
    #[arg(long, global = true, requires = "record", hide_short_help = true)]
    pub record_full: bool,
    /// How many threads read and judge pages; the default is one per processor.
    #[arg(long, global = true, value_name = "N", value_parser = parse_threads, allow_negative_numbers = true, hide_short_help = true, help_heading = "Speed")]
    pub threads: Option<NonZeroUsize>,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One document.
    Json,
    /// One JSON document a line (only scan writes several).
    Jsonl,
    /// Comma-separated values (scan only).
    Csv,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Command {
    /// PATH, where the command has one.
    pub fn target_mut(&mut self) -> Option<&mut PathArgs> {
        match self {
            Command::Locate(target) | Command::Verify(target) => Some(target),
            Command::Redo(args) => Some(&mut args.target),
            Command::Dump(args) => Some(&mut args.target),
            Command::Restore(args) => Some(&mut args.target),
            Command::Check(args) => Some(&mut args.target),
            Command::Capture(args) => Some(&mut args.target),
            _ => None,
        }
    }
}

/// The definitions with what needs all of them: examples, and the names that `man` knows.
pub fn definitions() -> clap::Command {
    let command = Cli::command();
    let pages = command.get_subcommands().map(|sub| sub.get_name().to_owned()).chain([RUNBOOK.to_owned()]);
    let pages = PossibleValuesParser::new(pages.collect::<Vec<_>>());
    let command = command.mut_subcommand("man", |man| {
        man.mut_arg("subcommand", |arg| arg.value_parser(pages).hide_possible_values(true))
    });
    let names: Vec<(String, bool)> =
        command.get_subcommands().map(|sub| (sub.get_name().to_owned(), has_places(sub))).collect();
    let command = command.after_help(examples::more_of_all()).after_long_help(examples::below(None));
    let command = command.disable_help_flag(true).disable_version_flag(true).args(help_and_version());
    names.into_iter().fold(command, |command, (name, places)| {
        let (short, long) = (examples::more(&format!("dblwr {name}"), places), examples::below(Some(&name)));
        command.mut_subcommand(name, |sub| sub.after_help(short).after_long_help(long))
    })
}

fn has_places(command: &clap::Command) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == "defaults_file")
}

/// clap's own, but not listed by `-h`, which has to fit one screen.
fn help_and_version() -> [clap::Arg; 2] {
    let help = clap::Arg::new("help").short('h').long("help").action(clap::ArgAction::Help).global(true);
    let version = clap::Arg::new("version").short('V').long("version").action(clap::ArgAction::Version);
    [
        help.help("Print help; -h a short one").hide_short_help(true),
        version.help("Print version").hide_short_help(true),
    ]
}

/// What `dblwr man` calls the runbook.
pub const RUNBOOK: &str = "runbook";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find the doublewrite buffer, redo window and shutdown state.
    Locate(PathArgs),
    /// List the slots of the doublewrite buffer; decode, extract pages.
    Dump(Dump),
    /// Hold every buffered copy against its home page: what is damaged?
    Verify(PathArgs),
    /// Read the redo log: its window, its work, the history of a page.
    Redo(Redo),
    /// Put damaged pages back: prints the plan, with --apply writes it.
    Restore(Restore),
    /// Take a restore back: prints the plan, with --apply writes it.
    Revert(Revert),
    /// Give one verdict for a monitoring system.
    Check(Check),
    /// Read an error log: what is damaged, why the server did not start.
    ExplainLog(ExplainLog),
    /// Decode one page of a file.
    Page(Page),
    /// Find pages in raw disk images and broken files by their structure.
    Carve(Carve),
    /// Save the evidence of a crash in one small sealed file.
    ///
    /// Before anything is started; the server's configuration as well, where --defaults-file names it.
    Capture(Capture),
    /// Check every page of every tablespace file.
    Scan(Scan),
    /// Print the JSON Schema of an output.
    ///
    /// Without a name it says which there are.
    Schema {
        /// Of this output.
        #[arg(value_enum)]
        name: Option<DescribedOutput>,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (troff).
    Man {
        /// Of this subcommand, or the runbook; without it the main page.
        subcommand: Option<String>,
    },
}

/// `SPACE:PAGE`.
fn parse_page(text: &str) -> Result<(SpaceId, PageNo), String> {
    let parsed = text
        .split_once(':')
        .and_then(|(space, page)| Some((SpaceId(space.parse().ok()?), PageNo(page.parse().ok()?))));
    parsed.ok_or_else(|| "expected SPACE:PAGE, two decimal numbers, e.g. 5:3".to_owned())
}

/// A page of a file that is named beside it: its number, and the tablespace where that was said as well.
pub type PageOfFile = (Option<SpaceId>, PageNo);

/// `[SPACE:]PAGE`.
fn parse_page_of_file(text: &str) -> Result<PageOfFile, String> {
    let parsed = match text.contains(':') {
        true => parse_page(text).ok().map(|(space, page)| (Some(space), page)),
        false => text.parse().ok().map(|page| (None, PageNo(page))),
    };
    parsed.ok_or_else(|| "a page is a number from 0 on, or SPACE:PAGE, e.g. 7 or 2:7".to_owned())
}

fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "a number of threads is 1 or more".to_owned())
}

fn parse_rate(text: &str) -> Result<u64, String> {
    let rate = text.parse().ok().filter(|&rate| rate > 0);
    rate.ok_or_else(|| {
        "a rate is a whole number of MiB a second, 1 or more; without --rate nothing holds it back".to_owned()
    })
}

/// `[FILE:]N`.
fn parse_slot(text: &str) -> Result<(Option<String>, u32), String> {
    let (file, index) = match text.rsplit_once(':') {
        Some((file, index)) => (Some(file.to_owned()), index),
        None => (None, text),
    };
    match index.parse() {
        Ok(index) if file.as_deref() != Some("") => Ok((file, index)),
        _ => Err("expected [FILE:]N, e.g. 7 or #ib_16384_1.dblwr:7".to_owned()),
    }
}

/// Options of `dump`.
#[derive(Debug, Args)]
pub struct Dump {
    /// Decode this slot; without FILE that of every area that the server reads. Repeatable.
    #[arg(long = "slot", value_name = "[FILE:]N", value_parser = parse_slot)]
    pub slots: Vec<(Option<String>, u32)>,
    /// Decode every copy of this page; repeatable.
    #[arg(long = "page", value_name = "SPACE:PAGE", value_parser = parse_page)]
    pub pages: Vec<(SpaceId, PageNo)>,
    /// Show annotated bytes of each page that is decoded; without --slot or --page of every copy.
    #[arg(long)]
    pub hex: bool,
    /// Extract the copies as files to this directory, which must not lie in a data directory. Nothing is overwritten.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to look at.
    #[command(flatten)]
    pub target: PathArgs,
}

/// Options of `redo`.
#[derive(Debug, Args)]
pub struct Redo {
    /// Show the history of this page, a line for each mini-transaction (MariaDB 10.5 and later).
    #[arg(long, value_name = "SPACE:PAGE", value_parser = parse_page)]
    pub page: Option<(SpaceId, PageNo)>,
    /// What to look at.
    #[command(flatten)]
    pub target: PathArgs,
}

/// Options of `page`.
#[derive(Debug, Args)]
pub struct Page {
    /// The file that the page lies in, or the directory.
    ///
    /// ibdata1, an .ibd, an undo tablespace, a doublewrite file; or one in a bundle of dblwr capture (BUNDLE/d/t1.ibd). With a
    /// directory the page is named as SPACE:PAGE.
    #[arg(value_name = "FILE")]
    pub path: PathBuf,
    /// Number of the page in its tablespace, or SPACE:PAGE.
    ///
    /// Of a doublewrite file, the slot or the SPACE:PAGE of the copies. In a later file of a system tablespace of several it is the number in the whole tablespace.
    #[arg(value_name = "PAGE_NO", value_parser = parse_page_of_file, allow_negative_numbers = true)]
    pub page: PageOfFile,
    /// Show annotated bytes.
    #[arg(long)]
    pub hex: bool,
    /// Where everything lies that does not lie where a server's defaults put it.
    #[command(flatten)]
    pub places: PlacesArgs,
}

/// Options of `carve`.
#[derive(Debug, Args)]
pub struct Carve {
    /// A raw disk or partition, its image, a file with a broken structure, or a bundle of dblwr capture.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Only pages of an instance with this page size; all sizes by default.
    #[arg(long, value_name = "BYTES", value_parser = places::parse_page_size)]
    pub page_size: Option<PageSize>,
    /// Extract every page as a file to this directory, which must not lie in a data directory. Nothing is overwritten.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Options of `capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// Where to write the bundle: a new file, or - for standard output.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Blank the contents of rows and keep all that verdicts need: for sending it to somebody.
    #[arg(long)]
    pub redact: bool,
    /// What to look at.
    #[command(flatten)]
    pub target: PathArgs,
}

/// Options of `scan`.
#[derive(Debug, Args)]
pub struct Scan {
    /// Data directories, tablespace files, bundles of dblwr capture.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Write one row for each page, as CSV or with --format jsonl.
    #[arg(long)]
    pub pages: bool,
    /// Do not hold the pages against the redo log: lost writes that only redo proves stay unseen.
    #[arg(long)]
    pub no_audit: bool,
    /// Keep a record of what is done in FILE; where it holds one of an interrupted scan, go on from there.
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Read at most so many MiB a second.
    #[arg(long, value_name = "MIB_PER_S", value_parser = parse_rate, allow_negative_numbers = true)]
    pub rate: Option<u64>,
    /// Read only when nobody else wants the disk (idle I/O priority).
    #[arg(long)]
    pub idle: bool,
    /// Leave the page cache as it is: read around it, or forget what was not in it before.
    #[arg(long)]
    pub direct: bool,
    /// Write progress as lines of JSON to this open file descriptor.
    #[arg(long, value_name = "N", allow_negative_numbers = true, hide_short_help = true)]
    pub progress_fd: Option<u32>,
    /// Where everything lies that does not lie where a server's defaults put it.
    #[command(flatten)]
    pub places: PlacesArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        definitions().debug_assert();
    }

    #[test]
    fn page_numbers_are_two_decimal_numbers() {
        assert_eq!(parse_page("4294967295:0"), Ok((SpaceId(u32::MAX), PageNo(0))));
        assert_eq!(parse_slot("#ib_16384_1.dblwr:7"), Ok((Some("#ib_16384_1.dblwr".to_owned()), 7)));
        assert_eq!(parse_slot("C:x:7"), Ok((Some("C:x".to_owned()), 7)));
        assert_eq!(parse_slot("7"), Ok((None, 7)));
        assert_eq!(parse_page_of_file("7"), Ok((None, PageNo(7))));
        assert_eq!(parse_page_of_file("2:7"), Ok((Some(SpaceId(2)), PageNo(7))));
        assert!(["-1", "2:", "x", ""].iter().all(|bad| parse_page_of_file(bad).is_err()));
        for bad in ["", ":7", "f:", "f", "-1", "4294967296"] {
            assert!(parse_slot(bad).is_err(), "{bad}");
        }
        for bad in ["5", "5:", ":3", "5:x", "4294967296:0", "-1:3"] {
            assert!(parse_page(bad).is_err(), "{bad}");
        }
    }
}
