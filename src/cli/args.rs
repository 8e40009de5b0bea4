//! What was typed: clap's types, and their translation into requests.
#![allow(rustdoc::broken_intra_doc_links, reason = "help is printed as it stands, brackets included")]

pub mod check;
pub mod explain_log;
pub mod places;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::args::check::Check;
use crate::cli::args::explain_log::ExplainLog;
use crate::cli::schema::Output;
use crate::units::{PageNo, PageSize, SpaceId};

pub use crate::cli::args::places::{Places, Target};

/// Offline forensics for the InnoDB doublewrite buffer: find torn pages, hold them against their buffered copies, put
/// them back safely.
#[derive(Debug, Parser)]
#[command(name = "dblwr", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every subcommand.
    #[command(flatten)]
    pub common: Common,
}

const EXIT_CODES: &str = "Exit status: 0 healthy or done and verified; 1 damage that the doublewrite buffer can mend, or a \
                          plan not yet applied; 2 damage that it cannot mend, or a failed write; 3 wrong usage, \
                          unreadable or foreign input, files held by a running server.";

/// Options of every subcommand.
#[derive(Debug, Args)]
pub struct Common {
    /// How data are written to standard output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Short for --format json.
    #[arg(long, global = true)]
    pub json: bool,
    /// How many threads read and judge pages; the default is one per processor.
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// When to use colour; NO_COLOR is honoured.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// No notes and warnings on standard error.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// List what is merely fine, too.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Append a custody record of this action, one line of JSON: who did what, and the SHA-256 of what was read, before
    /// and after.
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Hash the files of the custody record whole, not only the bytes that the judgement rests on.
    #[arg(long, global = true, requires = "record")]
    pub record_full: bool,
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

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find every doublewrite area and print its fields, the redo window and the shutdown state.
    Locate(Target),
    /// List every slot of every doublewrite area; decode or extract the pages in them.
    Dump(Dump),
    /// Hold every buffered copy against its home page and give a verdict for each.
    Verify(Target),
    /// Read the redo log: its window, what recovery has to do, the history of a page.
    Redo(Redo),
    /// Put damaged pages back from their copies: prints the plan, with --apply writes it.
    Restore(Restore),
    /// Take a restore back, byte for byte: prints the plan, with --apply writes it.
    Revert(Revert),
    /// Give one verdict for a monitoring system.
    Check(Check),
    /// Read a server's error log: which pages and files are damaged, why it did not start, what to do.
    ExplainLog(ExplainLog),
    /// Decode one page of a file: header, state, checksums, what is written on it.
    Page(Page),
    /// Find pages and doublewrite slots by their own structure: in raw disk images and broken files.
    Carve(Carve),
    /// Save the evidence of a crash in one small sealed file, before anything is started; the server's configuration as
    /// well, where --defaults-file names it.
    Capture(Capture),
    /// Check every page of every tablespace file named or found.
    Scan(Scan),
    /// Print the JSON Schema of an output; without a name, which there are.
    Schema {
        /// Of this output.
        #[arg(value_enum)]
        name: Option<Output>,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (troff).
    Man {
        /// Of this subcommand; without it the main page.
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
    /// What to look at.
    #[command(flatten)]
    pub target: Target,
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
}

/// Options of `redo`.
#[derive(Debug, Args)]
pub struct Redo {
    /// What to look at.
    #[command(flatten)]
    pub target: Target,
    /// Show the history of this page, a line for each mini-transaction (MariaDB 10.5 and later).
    #[arg(long, value_name = "SPACE:PAGE", value_parser = parse_page)]
    pub page: Option<(SpaceId, PageNo)>,
}

/// Options of `page`.
#[derive(Debug, Args)]
pub struct Page {
    /// The file that the page lies in: ibdata1, an .ibd, an undo tablespace, a doublewrite file; or one in a bundle of
    /// dblwr capture (BUNDLE/d/t1.ibd).
    #[arg(value_name = "FILE")]
    pub path: PathBuf,
    /// Number of the page in its tablespace (of a later file of a system tablespace of several: in the whole
    /// tablespace); of a doublewrite file, the number of the slot.
    #[arg(value_name = "PAGE_NO")]
    pub page_no: u32,
    /// Where everything lies that does not lie where a server's defaults put it.
    #[command(flatten)]
    pub places: Places,
    /// Show annotated bytes.
    #[arg(long)]
    pub hex: bool,
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

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// What to look at.
    #[command(flatten)]
    pub target: Target,
    /// Write the plan: journal first, then the pages, then read back and verify.
    #[arg(long)]
    pub apply: bool,
    /// Only this page; repeatable.
    #[arg(long = "page", value_name = "SPACE:PAGE", value_parser = parse_page)]
    pub pages: Vec<(SpaceId, PageNo)>,
    /// Where to write the journal; the default is a new file in the current directory, named after the data directory.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Which copy wins: the newest verified one, or the one that this generation of server would take.
    #[arg(long, value_enum, default_value_t = Rules::Newest)]
    pub rules: Rules,
    /// Also write the newest copy of pages that have only stale ones. Redo does not bring these up to date.
    #[arg(long)]
    pub include_stale: bool,
    /// Also write what another source has: pages that redo makes (MariaDB 10.5 and later). Repeatable.
    #[arg(long, value_name = "SOURCE", value_enum)]
    pub from: Vec<Source>,
    /// Also write over sound pages whose write was lost: by redo where it proves that, else the newest copy, which may miss
    /// later changes.
    #[arg(long)]
    pub include_lost_writes: bool,
    /// Write the plan to a file, to be reviewed and applied later with --plan.
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    pub plan_out: Option<PathBuf>,
    /// Apply exactly this reviewed plan, or refuse because the files have changed.
    #[arg(long, value_name = "FILE", requires = "apply")]
    pub plan: Option<PathBuf>,
    /// Write a mended copy of each file concerned below this directory, which must not lie in the data directory; the files
    /// themselves are only read. Owner, group, mode, extended attributes and times are kept where the system allows it.
    #[arg(long, value_name = "DIR", conflicts_with = "apply")]
    pub to: Option<PathBuf>,
    /// Take the copies from a bundle of dblwr capture instead of the directory: for when a server start has overwritten
    /// them.
    #[arg(long, value_name = "BUNDLE")]
    pub copies_from: Option<PathBuf>,
    /// Write although a pid file or socket in the data directory looks like a running server.
    #[arg(long)]
    pub i_am_sure_no_server_runs: bool,
}

/// Options of `revert`.
#[derive(Debug, Args)]
pub struct Revert {
    /// The journal that a restore wrote.
    #[arg(value_name = "JOURNAL")]
    pub journal: PathBuf,
    /// Write it.
    #[arg(long)]
    pub apply: bool,
    /// Only this page, and even where a server has run since the restore, as long as it holds exactly what was written;
    /// repeatable.
    #[arg(long = "page", value_name = "SPACE:PAGE", value_parser = parse_page)]
    pub pages: Vec<(SpaceId, PageNo)>,
    /// Where everything lies: --datadir where the directory or the journal has moved.
    #[command(flatten)]
    pub places: Places,
    /// Write although a pid file or socket in the data directory looks like a running server.
    #[arg(long)]
    pub i_am_sure_no_server_runs: bool,
}

/// Options of `capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// What to look at.
    #[command(flatten)]
    pub target: Target,
    /// Where to write the bundle: a new file, or - for standard output.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Blank the contents of rows and keep all that verdicts need: for sending it to somebody.
    #[arg(long)]
    pub redact: bool,
}

/// Sources of pages besides the doublewrite buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The redo log.
    Redo,
}

/// Which copy wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rules {
    /// The newest verified copy inside the redo window.
    Newest,
    /// Exactly the pages and bytes that the server's own pass would write; where MariaDB mends a page in memory, the copy
    /// that it takes
    Server,
}

impl From<Rules> for crate::commands::restore::Rules {
    fn from(rules: Rules) -> crate::commands::restore::Rules {
        match rules {
            Rules::Newest => crate::commands::restore::Rules::Newest,
            Rules::Server => crate::commands::restore::Rules::Server,
        }
    }
}

/// Options of `scan`.
#[derive(Debug, Args)]
pub struct Scan {
    /// Data directories, tablespace files, bundles of dblwr capture.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Where everything lies that does not lie where a server's defaults put it.
    #[command(flatten)]
    pub places: Places,
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
    #[arg(long, value_name = "MIB_PER_S", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// Read only when nobody else wants the disk (idle I/O priority).
    #[arg(long)]
    pub idle: bool,
    /// Leave the page cache as it is: read around it, or forget what was not in it before.
    #[arg(long)]
    pub direct: bool,
    /// Write progress as lines of JSON to this open file descriptor.
    #[arg(long, value_name = "N")]
    pub progress_fd: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn page_numbers_are_two_decimal_numbers() {
        assert_eq!(parse_page("4294967295:0"), Ok((SpaceId(u32::MAX), PageNo(0))));
        assert_eq!(parse_slot("#ib_16384_1.dblwr:7"), Ok((Some("#ib_16384_1.dblwr".to_owned()), 7)));
        assert_eq!(parse_slot("C:x:7"), Ok((Some("C:x".to_owned()), 7)));
        assert_eq!(parse_slot("7"), Ok((None, 7)));
        for bad in ["", ":7", "f:", "f", "-1", "4294967296"] {
            assert!(parse_slot(bad).is_err(), "{bad}");
        }
        for bad in ["5", "5:", ":3", "5:x", "4294967296:0", "-1:3"] {
            assert!(parse_page(bad).is_err(), "{bad}");
        }
    }
}
