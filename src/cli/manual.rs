//! `dblwr completions` and `dblwr man`: both from the definitions that `--help` prints.

use anyhow::Context as _;
use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::{Context, Status};

pub(super) fn completions(shell: clap_complete::Shell, context: &mut Context<'_>) -> anyhow::Result<Status> {
    // clap_complete panics where the writer fails: it gets memory, the writer gets the bytes.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dblwr", &mut script);
    context.out.write_all(&script)?;
    Ok(Status::Healthy)
}

pub(super) fn man(subcommand: Option<&str>, context: &mut Context<'_>) -> anyhow::Result<Status> {
    context.out.write_all(&page(subcommand)?)?;
    Ok(Status::Healthy)
}

/// The manual page of the program or of one subcommand, as troff.
///
/// # Errors
/// There is no such subcommand.
pub fn page(subcommand: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut page = Vec::new();
    let command = match subcommand {
        None => command,
        Some(name) => {
            let found =
                command.find_subcommand(name).with_context(|| format!("there is no subcommand {name}"))?;
            found.clone().display_name(format!("dblwr-{name}"))
        }
    };
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
