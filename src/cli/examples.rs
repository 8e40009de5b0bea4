//! Examples and exit codes: below every `--help` and in every manual page. A test runs each line on a shipped image.

/// What it is for, and the command line.
pub type Example = (&'static str, &'static str);

/// How it ended: the same for every command.
pub const EXIT_STATUS: [(&str, &str); 4] = [
    ("0", "healthy, or done and verified"),
    ("1", "damage that the doublewrite buffer can mend, or a plan not yet applied"),
    ("2", "damage that it cannot mend, or a failed write"),
    ("3", "wrong usage, unreadable or foreign input, files held by a running server"),
];

const RUNBOOK: &str =
    "From \"MySQL does not start\" to \"mended\", step by step: dblwr man runbook | man -l -";

/// Of one subcommand, or of the program.
pub fn of(subcommand: Option<&str>) -> &'static [Example] {
    match subcommand {
        None => &[
            ("What is damaged, and what would the next start do?", "dblwr verify /var/lib/mysql"),
            ("The plan, then the repair with a journal that takes it back:", "dblwr restore /var/lib/mysql"),
            ("", "dblwr restore /var/lib/mysql --apply --journal restore.journal"),
        ],
        Some("locate") => &[("", "dblwr locate /var/lib/mysql")],
        Some("dump") => &[
            ("Every slot that holds a copy:", "dblwr dump /var/lib/mysql"),
            ("All copies of one page, decoded:", "dblwr dump /var/lib/mysql --page 0:5"),
        ],
        Some("verify") => &[
            ("", "dblwr verify /var/lib/mysql"),
            (
                "All places as the server's configuration has them:",
                "dblwr verify /var/lib/mysql --defaults-file my.cnf",
            ),
            ("For a program:", "dblwr verify /var/lib/mysql --json"),
        ],
        Some("restore") => &[
            ("The plan; nothing is written:", "dblwr restore /var/lib/mysql"),
            ("Write it:", "dblwr restore /var/lib/mysql --apply --journal restore.journal"),
            (
                "Mended copies elsewhere; the data stay as they are:",
                "dblwr restore /var/lib/mysql --to mended",
            ),
            (
                "A plan for a second pair of eyes:",
                "dblwr restore /var/lib/mysql --page 0:5 --plan-out plan.json",
            ),
        ],
        Some("redo") => &[("", "dblwr redo /var/lib/mysql")],
        Some("revert") => &[
            ("What would be put back:", "dblwr revert restore.journal"),
            ("Put it back:", "dblwr revert restore.journal --apply"),
        ],
        Some("check") => &[
            ("For Nagios or Icinga:", "dblwr check /var/lib/mysql"),
            (
                "Every page as well, as metrics for Prometheus:",
                "dblwr check /var/lib/mysql --scan --output prometheus --out dblwr.prom",
            ),
        ],
        Some("explain-log") => &[
            ("", "dblwr explain-log error.log"),
            (
                "And what the files say of these pages:",
                "dblwr explain-log error.log --against /var/lib/mysql",
            ),
        ],
        Some("page") => &[
            ("By its number in the file:", "dblwr page /var/lib/mysql/ibdata1 5"),
            ("By its name in all outputs, SPACE:PAGE:", "dblwr page /var/lib/mysql/ibdata1 0:5 --hex"),
        ],
        Some("carve") => {
            &[("", "dblwr carve disk.img"), ("Every page as a file:", "dblwr carve disk.img --out pages")]
        }
        Some("capture") => &[
            ("", "dblwr capture /var/lib/mysql --out crash.bundle"),
            ("Without the contents of rows:", "dblwr capture /var/lib/mysql --out redacted.bundle --redact"),
        ],
        Some("scan") => &[
            ("", "dblwr scan /var/lib/mysql"),
            (
                "Beside a running server, at 50 MiB a second:",
                "dblwr scan /var/lib/mysql --rate 50 --idle --direct",
            ),
            ("Every page as a row:", "dblwr scan /var/lib/mysql --pages --format jsonl"),
        ],
        Some("schema") => &[("", "dblwr schema verify")],
        Some("completions") => &[("", "dblwr completions bash")],
        Some("man") => &[("", "dblwr man restore"), ("The runbook:", "dblwr man runbook")],
        Some(_) => &[],
    }
}

/// The last lines of `-h`; `places`: the command takes a server's configuration.
pub fn more(command: &str, places: bool) -> String {
    let places = if places { ", --defaults-file FILE" } else { "" };
    format!("Also: --json, -v{places}. All, examples: {command} --help\nThe runbook: dblwr man runbook")
}

/// The last line of `dblwr -h`.
pub fn more_of_all() -> &'static str {
    "All options, examples: dblwr --help. The runbook: dblwr man runbook"
}

/// The end of `--help`.
pub fn below(subcommand: Option<&str>) -> String {
    let mut text = String::new();
    let examples = of(subcommand);
    if !examples.is_empty() {
        text.push_str("EXAMPLES\n");
    }
    for (what, command) in examples {
        if !what.is_empty() {
            text.push_str(&format!("  {what}\n"));
        }
        text.push_str(&format!("    {command}\n"));
    }
    text.push_str("\nEXIT STATUS\n");
    for (code, meaning) in EXIT_STATUS {
        text.push_str(&format!("  {code}  {meaning}\n"));
    }
    format!("{text}\n{RUNBOOK}")
}
