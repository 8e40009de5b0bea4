//! What was typed, for the command lines that are printed.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::args::{Cli, ColorChoice, Command, Common, Restore, RulesArg, SourceArgs};
use crate::cli::outputs::inputs;
use crate::report::command_line::Given;

/// All options that a command which follows upon this one needs.
pub(super) fn given(cli: &Cli) -> Given {
    let (paths, places) = inputs(&cli.command);
    let mut words = places.map(crate::cli::args::PlacesArgs::words).unwrap_or_default();
    words.extend(common(&cli.common));
    let mut paths: Vec<OsString> = paths.into_iter().map(PathBuf::into_os_string).collect();
    let restore = match &cli.command {
        Command::Restore(args) => restore(args),
        Command::Revert(args) => args.pages.iter().flat_map(page).collect(),
        Command::Capture(args) => {
            paths.push(args.out.clone().into_os_string());
            Vec::new()
        }
        _ => Vec::new(),
    };
    Given { places: words, restore, paths }
}

fn page((space_id, page_no): &(crate::units::SpaceId, crate::units::PageNo)) -> [OsString; 2] {
    ["--page".into(), format!("{space_id}:{page_no}").into()]
}

fn restore(args: &Restore) -> Vec<OsString> {
    let mut words: Vec<OsString> = args.pages.iter().flat_map(page).collect();
    if args.rules == RulesArg::Server {
        words.extend(["--rules".into(), "server".into()]);
    }
    if args.include_stale {
        words.push("--include-stale".into());
    }
    for source in &args.from {
        let SourceArgs::Redo = source;
        words.extend(["--from".into(), "redo".into()]);
    }
    if args.include_lost_writes {
        words.push("--include-lost-writes".into());
    }
    for (option, file) in
        [("--copies-from", &args.copies_from), ("--plan", &args.plan_out), ("--journal", &args.journal)]
    {
        words.extend(file.iter().flat_map(|file| [option.into(), file.clone().into_os_string()]));
    }
    if args.i_am_sure_no_server_runs {
        words.push("--i-am-sure-no-server-runs".into());
    }
    words
}

fn common(common: &Common) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    words.extend(common.threads.into_iter().flat_map(|n| ["--threads".into(), n.to_string().into()]));
    match common.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => words.extend(["--color".into(), "always".into()]),
        ColorChoice::Never => words.extend(["--color".into(), "never".into()]),
    }
    words.extend(common.quiet.then(|| "--quiet".into()));
    words.extend(common.verbose.then(|| "--verbose".into()));
    words.extend(common.record.iter().flat_map(|file| ["--record".into(), file.clone().into_os_string()]));
    words.extend(common.record_full.then(|| "--record-full".into()));
    words
}
