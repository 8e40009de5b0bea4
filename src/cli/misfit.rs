//! What does not fit the definitions: says what is wrong and what to type instead.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::ExitStatus;
use crate::report::command_line;

/// Says what is wrong with the command line, or prints the help that was asked for; the exit code.
pub(super) fn answer(error: &clap::Error, args: &[OsString]) -> u8 {
    let better = instead(error, args);
    match &better {
        Some(text) => {
            let _ = writeln!(anstream::stderr(), "dblwr: {text}");
        }
        None => {
            let _ = error.print();
        }
    }
    if !error.use_stderr() {
        return ExitStatus::Healthy.code();
    }
    if args.get(1).is_some_and(|word| word == "check") {
        super::tell_scheduler(&better.unwrap_or_else(|| error.to_string()));
    }
    ExitStatus::Unknown.code()
}

/// A sentence that knows more of dblwr than the parser does.
fn instead(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            // Of a word that is nearly right the parser says which.
            let path = word(ContextKind::InvalidSubcommand)?;
            let shown = command_line::quoted(path.as_ref());
            if Path::new(&path).exists() {
                return Some(format!("{shown} is no subcommand; did you mean dblwr verify {shown}"));
            }
            let is_path = path.contains('/') || path.starts_with('.');
            is_path.then(|| format!("{shown}: no such file or directory, and no subcommand; dblwr verify DIR looks at a data directory"))
        }
        ErrorKind::UnknownArgument => {
            let option = word(ContextKind::InvalidArg)?;
            let is_check = args.get(1).is_some_and(|word| word == "check");
            (is_check && matches!(option.as_str(), "-H" | "--host" | "--hostname")).then(|| {
                format!("check has no {option}: it looks at files of the host that it runs on; run it there, by the agent, NRPE or ssh")
            })
        }
        _ => None,
    }
}
