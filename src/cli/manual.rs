//! `dblwr completions` and `dblwr man`: both from the definitions that `--help` prints, and the runbook.

use anyhow::Context as _;

use crate::cli::args::{RUNBOOK, definitions};
use crate::cli::{Context, ExitStatus, examples, runbook};

/// When the pages last said something new; part of them, so that two builds print the same.
const DATE: &str = "2026-11-21";

const SEE_ALSO: &[u8] = b".SH \"SEE ALSO\"\n.BR dblwr (1),\n.BR dblwr\\-runbook (7)\n";

pub(super) fn completions(
    shell: clap_complete::Shell,
    context: &mut Context<'_>,
) -> anyhow::Result<ExitStatus> {
    // clap_complete panics where the writer fails: it gets memory, the writer gets the bytes.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definitions(), "dblwr", &mut script);
    context.out.write_all(&script)?;
    Ok(ExitStatus::Healthy)
}

pub(super) fn man(subcommand: Option<&str>, context: &mut Context<'_>) -> anyhow::Result<ExitStatus> {
    context.out.write_all(&page(subcommand)?)?;
    Ok(ExitStatus::Healthy)
}

/// The manual page of the program or of one subcommand, as troff.
///
/// # Errors
/// There is no such subcommand.
pub fn page(subcommand: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let source = concat!("dblwr ", env!("CARGO_PKG_VERSION"));
    if subcommand == Some(RUNBOOK) {
        return Ok(tidy(&runbook::page(DATE, source)).into_bytes());
    }
    let below = sections(subcommand);
    // What stands below `--help` has sections of its own here.
    let mut command = definitions().disable_help_subcommand(true);
    command = command.mut_subcommands(|sub| sub.after_help("").after_long_help(""));
    command = command.after_help("").after_long_help("");
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
    let title = command.get_display_name().unwrap_or(command.get_name()).to_uppercase();
    // Of what the short help leaves out, clap_mangen prints the long description only, and most options have none.
    let command = command.mut_args(|arg| arg.hide_short_help(false));
    let man = clap_mangen::Man::new(command).title(title).date(DATE).source(source).manual("User Commands");
    man.render(&mut page)?;
    page.extend_from_slice(below.as_bytes());
    page.extend_from_slice(SEE_ALSO);
    Ok(tidy(&String::from_utf8_lossy(&page)).into_bytes())
}

/// Examples and exit status.
fn sections(subcommand: Option<&str>) -> String {
    let plain = |text: &str| text.replace('-', "\\-").replace('\'', "\\(aq");
    let mut text = String::from(".SH EXAMPLES\n");
    for (number, (what, command)) in examples::of(subcommand).iter().enumerate() {
        let gap = if number > 0 && !what.is_empty() { ".PP\n" } else { "" };
        let what = if what.is_empty() { String::new() } else { format!("{}\n", plain(what)) };
        text.push_str(&format!("{gap}{what}.EX\n    {}\n.EE\n", plain(command)));
    }
    text.push_str(".SH \"EXIT STATUS\"\n");
    for (code, meaning) in examples::EXIT_STATUS {
        text.push_str(&format!(".TP\n{code}\n{}\n", plain(meaning)));
    }
    text
}

/// What mandoc's lint would have otherwise: breaks beside empty lines, blanks at line ends, lines over 80 bytes.
fn tidy(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let (mut tag, mut literal) = (false, false);
    for line in page.replace("\n.br\n\n.br\n", "\n.sp\n").lines().map(str::trim_end) {
        // The line after .TP is one whole: what the indented text is about.
        literal = line == ".EX" || literal && line != ".EE";
        if line.starts_with(['.', '\'']) || tag || literal {
            out.push_str(line);
        } else {
            fill(&mut out, line);
        }
        out.push('\n');
        tag = line == ".TP";
    }
    out
}

/// Text in lines of at most 80 bytes, where words allow it; none begins like a request.
fn fill(out: &mut String, text: &str) {
    let mut width = 0;
    for (number, word) in text.split(' ').enumerate() {
        let fits = width + 1 + word.len() <= 80 || word.is_empty() || word.starts_with(['.', '\'']);
        if number > 0 {
            out.push(if fits { ' ' } else { '\n' });
            width = if fits { width + 1 } else { 0 };
        }
        out.push_str(word);
        width += word.len();
    }
}
