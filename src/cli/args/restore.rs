//! Options of `restore` and `revert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::{PathArgs, PlacesArgs, parse_page};
use crate::units::{PageNo, SpaceId};

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// Write the plan.
    ///
    /// The journal first, then the pages; then they are read back and verified.
    #[arg(long)]
    pub apply: bool,
    /// Only this page; repeatable.
    #[arg(long = "page", value_name = "SPACE:PAGE", value_parser = parse_page)]
    pub pages: Vec<(SpaceId, PageNo)>,
    /// Where to write the journal that takes it back.
    ///
    /// The default is a new file in the current directory, named after the data directory.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Which copy wins: the newest verified one, or the one that this generation of server would take.
    #[arg(long, value_enum, default_value_t = RulesArg::Newest, hide_short_help = true)]
    pub rules: RulesArg,
    /// Also write the newest copy of pages that have only stale ones.
    ///
    /// Redo does not bring these up to date.
    #[arg(long)]
    pub include_stale: bool,
    /// Also write what another source has: pages that redo makes. Repeatable.
    ///
    /// For MariaDB 10.5 and later.
    #[arg(long, value_name = "SOURCE", value_enum)]
    pub from: Vec<SourceArgs>,
    /// Also write over sound pages whose write was lost.
    ///
    /// Those of verdict lost_write: by redo where it proves that, else the newest copy, which may miss later changes.
    #[arg(long)]
    pub include_lost_writes: bool,
    /// Write the plan to a file, to be reviewed and applied later with --plan.
    #[arg(long, value_name = "FILE", conflicts_with = "apply", hide_short_help = true)]
    pub plan_out: Option<PathBuf>,
    /// Apply exactly this reviewed plan, or refuse because the files have changed.
    #[arg(long, value_name = "FILE", requires = "apply", hide_short_help = true)]
    pub plan: Option<PathBuf>,
    /// Write a mended copy of each file concerned below this directory instead.
    ///
    /// It must not lie in the data directory, whose files are only read; no --apply is needed. Owner, group, mode, extended
    /// attributes and times are kept where the system allows it.
    #[arg(long, value_name = "DIR", conflicts_with = "apply")]
    pub to: Option<PathBuf>,
    /// Take the copies from a bundle of dblwr capture.
    ///
    /// For when a server start has overwritten those in the directory.
    #[arg(long, value_name = "BUNDLE")]
    pub copies_from: Option<PathBuf>,
    /// Write although a pid file or socket in the data directory looks like a running server.
    #[arg(long, hide_short_help = true)]
    pub i_am_sure_no_server_runs: bool,
    /// What to look at.
    #[command(flatten)]
    pub target: PathArgs,
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
    /// Only this page; repeatable.
    ///
    /// Even where a server has run since the restore, as long as the page holds exactly what was written.
    #[arg(long = "page", value_name = "SPACE:PAGE", value_parser = parse_page)]
    pub pages: Vec<(SpaceId, PageNo)>,
    /// Write although a pid file or socket in the data directory looks like a running server.
    #[arg(long, hide_short_help = true)]
    pub i_am_sure_no_server_runs: bool,
    /// Where everything lies: --datadir where the directory or the journal has moved.
    #[command(flatten)]
    pub places: PlacesArgs,
}

/// Sources of pages besides the doublewrite buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SourceArgs {
    /// The redo log.
    Redo,
}

/// Which copy wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesArg {
    /// The newest verified copy inside the redo window.
    Newest,
    /// Exactly the pages and bytes that the server's own pass would write; where MariaDB mends a page in memory, the copy
    /// that it takes
    Server,
}

impl From<RulesArg> for crate::commands::restore::RestoreRules {
    fn from(rules: RulesArg) -> crate::commands::restore::RestoreRules {
        match rules {
            RulesArg::Newest => crate::commands::restore::RestoreRules::Newest,
            RulesArg::Server => crate::commands::restore::RestoreRules::Server,
        }
    }
}
