//! Lines of an error log: read in bounded memory, freed of their prefixes, made safe to print.

use std::io::{self, BufRead};
use std::sync::LazyLock;

use memchr::memmem::Finder;

/// Bytes kept of one line. Every message stands within the first few hundred; the rest of a longer line is a page
/// dump in hexadecimal (up to 128 KiB for a 64 KiB page), which is skipped without being held.
pub const MAX_LINE: usize = 4096;

/// Characters kept when a line is quoted in a report.
pub const MAX_QUOTED: usize = 300;

/// Reads the next line into `head`, at most [`MAX_LINE`] bytes of it, without its line end; the rest is skipped.
///
/// `Ok(false)` at the end of the input. A NUL or invalid UTF-8 is an ordinary byte here.
///
/// # Errors
/// Whatever the reader reports, except interruptions, which are retried.
pub fn next_line(input: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<bool> {
    head.clear();
    let mut seen_any = false;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            return Ok(seen_any);
        }
        seen_any = true;
        let end = memchr::memchr(b'\n', chunk);
        let line = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or(chunk);
        let room = MAX_LINE.saturating_sub(head.len()).min(line.len());
        head.extend_from_slice(line.get(..room).unwrap_or(line));
        let used = line.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// One message, or one line of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'l> {
    /// The text without what stands before it: time, thread, level, message number, syslog and container prefixes.
    pub text: &'l str,
    /// It is InnoDB's, or of a tool that reads its files, by its mark.
    pub innodb: bool,
    /// It calls itself an error.
    pub error: bool,
    /// Nothing but the mark stands before it: before MySQL 5.7 it may go on with the message of the line before.
    pub continues: bool,
}

/// Marks of servers' lines.
const SERVER: [&str; 11] = [
    "InnoDB: ",
    "[InnoDB] ",
    "[Server] ",
    "[MY-0",
    "[Note] ",
    "[System] ",
    "starting as process ",
    "Version: '",
    " got signal ",
    "mysqld got exception ",
    "mysqld_safe ",
];

/// Marks of lines of backup tools.
const TOOLS: [&str; 4] = ["xtrabackup: ", "[Xtrabackup] ", "mariabackup: ", "mariadb-backup: "];

/// InnoDB's messages in the log that MySQL writes as JSON.
const JSON: [&str; 2] = ["\"subsystem\":\"InnoDB\"", "\"subsystem\": \"InnoDB\""];

// Looked for in every line: built once.
static INNODB: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("InnoDB"));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("[ERROR]"));
static HEX: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("; hex "));

/// Bytes of a line in which its level, time and marks stand.
const PREFIX: usize = 256;

/// The messages of a line. Servers mark those of InnoDB `InnoDB: ` (MySQL to 5.7 and MariaDB) or `[InnoDB] ` (MySQL 8.0 on);
/// some of old end without a line end, so that the next one follows in the same line. A line with no mark is one message:
/// those of the server layer and of tools, and JSON logs, which have their marks elsewhere.
pub fn fragments(line: &str) -> Vec<Fragment<'_>> {
    let line = before_dump_text(line);
    let whole = beginning(line, PREFIX);
    let level = ERROR.find(whole.as_bytes()).is_some();
    let mut found: Vec<Fragment<'_>> = Vec::new();
    let mut begins = None;
    for at in INNODB.find_iter(line.as_bytes()) {
        let after = at + "InnoDB".len();
        let rest = line.get(after..).unwrap_or_default();
        let (colon, bracket) = (
            rest.starts_with(": "),
            rest.starts_with("] ") && line.get(..at).is_some_and(|l| l.ends_with('[')),
        );
        if !colon && !bracket {
            continue;
        }
        if let Some((from, continues)) = begins {
            push(&mut found, line.get(from..at).unwrap_or_default(), continues, level);
        }
        begins = Some((after + 2, begins.is_some() || bare(line.get(..at).unwrap_or_default())));
    }
    match begins {
        Some((from, continues)) => push(&mut found, line.get(from..).unwrap_or_default(), continues, level),
        None => {
            let tool = whole.contains("ackup") && TOOLS.iter().any(|mark| whole.contains(mark));
            let json = line.starts_with('{') && JSON.iter().any(|mark| line.contains(mark));
            let label =
                || ["\"label\":\"Error\"", "\"label\": \"Error\""].iter().any(|mark| line.contains(mark));
            let error = level || tool && line.contains("Error: ") || json && label();
            found.push(Fragment { text: line.trim(), innodb: tool || json, error, continues: false });
        }
    }
    found
}

fn push<'l>(found: &mut Vec<Fragment<'l>>, text: &'l str, continues: bool, level: bool) {
    let text = text.trim();
    // MySQL 8.0 to 8.0.12 prints both marks: nothing stands between them.
    if text.is_empty() {
        return;
    }
    let told = ["Error", "ERROR", "Fatal", "[FATAL]"].iter().any(|word| text.starts_with(word));
    found.push(Fragment {
        text,
        innodb: true,
        error: level && found.is_empty() || told,
        continues: continues && !level,
    });
}

/// Nothing stands before the mark, or only what syslog and containers put before every line.
fn bare(before: &str) -> bool {
    let before = before.trim_end();
    before.is_empty() || before.ends_with("]:") || before.ends_with('|')
}

/// Whether a line looks like one of a server, or of a tool that reads its files.
pub fn is_of_a_server(line: &str) -> bool {
    let line = beginning(line, PREFIX);
    let marks = SERVER.iter().chain(&TOOLS).chain(&JSON).chain(&["innochecksum: ", "Copying ./"]);
    marks.into_iter().any(|mark| line.contains(mark))
        || page_of_innochecksum(line)
        || ["[ERROR] ", "[Warning] "].iter().any(|level| {
            line.split_once(level).is_some_and(|(before, _)| thread_or_old_time(before.trim_end()))
        })
}

fn page_of_innochecksum(line: &str) -> bool {
    (line.starts_with("Fail") || line.starts_with("page ")) && line.contains(" invalid")
}

/// `2023-03-09 11:40:39 18` and `2019-11-29T20:09:51.150000Z 0` end with a thread, `130806 13:02:01` is a time of old.
fn thread_or_old_time(before: &str) -> bool {
    let mut words = before.rsplit(' ').filter(|word| !word.is_empty());
    let (Some(last), Some(earlier)) = (words.next(), words.next()) else { return false };
    let thread = last.bytes().all(|byte| byte.is_ascii_hexdigit()) && earlier.contains(':');
    let old = last.contains(':') && earlier.len() == 6 && earlier.bytes().all(|byte| byte.is_ascii_digit());
    thread || old
}

/// The first `bytes` bytes of a text, or a few less where a character would be cut.
pub fn beginning(text: &str, bytes: usize) -> &str {
    (0..=bytes).rev().take(4).find_map(|end| text.get(..end)).unwrap_or(text)
}

/// A page dump shows user data after `asc`: text there that looks like a message was never one.
fn before_dump_text(line: &str) -> &str {
    let Some(hex) = HEX.find(line.as_bytes()) else { return line };
    let asc = line.get(hex..).and_then(|rest| rest.find("asc ")).map(|at| hex + at);
    line.get(..asc.unwrap_or(line.len())).unwrap_or(line)
}

/// Text that a terminal shows as written: control characters (escape sequences among them) and the invisible
/// characters that reorder text become `?`, runs of blanks one space, and the end is cut at [`MAX_QUOTED`].
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    let mut blank = false;
    for (count, ch) in text.trim().chars().enumerate() {
        if count >= MAX_QUOTED {
            out.push('…');
            break;
        }
        if ch == ' ' || ch == '\t' {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push(' ');
        }
        out.push(if unsafe_to_show(ch) { '?' } else { ch });
    }
    out
}

/// Controls, and format characters that hide or reorder their neighbours (U+200B..F, U+202A..E, U+2060..F, U+FEFF).
fn unsafe_to_show(ch: char) -> bool {
    ch.is_control()
        || matches!(ch, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(bytes: &[u8], buffer: usize) -> Vec<Vec<u8>> {
        let mut input = BufReader::with_capacity(buffer, bytes);
        let (mut head, mut all) = (Vec::new(), Vec::new());
        while next_line(&mut input, &mut head).unwrap() {
            all.push(head.clone());
        }
        all
    }

    #[test]
    fn lines_do_not_depend_on_the_reader_s_buffer() {
        let text = b"one\n\nthree\nlast without end";
        for buffer in [1, 2, 3, 7, 4096] {
            let got = lines(text, buffer);
            assert_eq!(got, [&b"one"[..], b"", b"three", b"last without end"], "buffer {buffer}");
        }
        assert!(lines(b"", 8).is_empty());
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'a'; 300_000];
        text.extend_from_slice(b"\nnext\n");
        let got = lines(&text, 8192);
        assert_eq!(got.len(), 2);
        assert_eq!((got[0].len(), got[1].as_slice()), (MAX_LINE, &b"next"[..]));
    }

    fn texts(line: &str) -> Vec<&str> {
        fragments(line).iter().map(|fragment| fragment.text).collect()
    }

    #[test]
    fn prefixes_of_every_kind_are_removed() {
        for line in [
            "InnoDB: file read of page 7.",
            "130806 13:02:01  InnoDB: file read of page 7.",
            "2018-07-11 21:10:10 5d3ff340 InnoDB: file read of page 7.",
            "Jun 16 02:06:04 host mysqld[22031]: InnoDB: file read of page 7.",
            "2019-11-29T20:09:51.201257Z 0 [Warning] InnoDB: file read of page 7.",
            "2026-11-21T06:58:34.438353Z 1 [ERROR] [MY-011906] [InnoDB] file read of page 7.",
            "2026-11-21T06:58:34.438353Z 1 [Note] [MY-011935] [InnoDB] InnoDB: file read of page 7.",
            "db-1  | 2026-11-21  7:01:04 0 [Note] InnoDB: file read of page 7.",
        ] {
            assert_eq!(texts(line), ["file read of page 7."], "{line}");
            assert!(is_of_a_server(line), "{line}");
        }
        let table = "2026-11-21  7:21:38 4 [ERROR] mariadbd: Table `d`.`t1` is corrupted.";
        assert_eq!(texts(table), [table]);
    }

    #[test]
    fn what_may_go_on_with_the_line_before() {
        for (line, continues) in [
            ("InnoDB: file read of page 7.", true),
            ("Jun 16 02:06:04 host mysqld[22031]: InnoDB: file read of page 7.", true),
            ("db-1  | InnoDB: file read of page 7.", true),
            ("130806 13:02:01  InnoDB: file read of page 7.", false),
            ("2019-11-29T20:09:51.201257Z 0 [Warning] InnoDB: file read of page 7.", false),
        ] {
            assert_eq!(fragments(line)[0].continues, continues, "{line}");
        }
    }

    #[test]
    fn a_message_without_a_line_end_does_not_hide_the_next_one() {
        let line = "InnoDB: Progress in percents: 0 1 2 InnoDB: checksum mismatch in file ./d/t1.ibd130806 13:02:01  InnoDB: Error: x";
        let all = [
            "Progress in percents: 0 1 2",
            "checksum mismatch in file ./d/t1.ibd130806 13:02:01",
            "Error: x",
        ];
        assert_eq!(texts(line), all);
        assert_eq!(fragments(line).iter().map(|f| f.error).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn other_texts_are_not_of_a_server() {
        for line in [
            "mysql:x:27:27:MySQL Server:/var/lib/mysql:/sbin/nologin",
            "2024-01-01 10:00:00 [ERROR] app.main: something failed",
            "[ERROR] Failed to execute goal",
            "127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /InnoDB HTTP/1.0\" 200 2326",
            "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;",
            "",
        ] {
            assert!(!is_of_a_server(line), "{line}");
        }
        for line in [
            "2023-03-09 11:40:39 18 [ERROR] mariadbd: Index for table 'states' is corrupt; try to repair it",
            "130806 13:02:01 [ERROR] Aborting",
            "Fail; page 0 invalid (fails old style checksum)",
            "page 7 invalid (fails new style checksum)",
        ] {
            assert!(is_of_a_server(line), "{line}");
        }
    }

    #[test]
    fn user_data_in_a_dump_is_not_a_message() {
        let dump = " len 16384; hex 496e6e6f;asc InnoDB: Recovered page [page id: space=1, page number=2];";
        assert!(!texts(dump).concat().contains("Recovered"));
        let mixed = " len 16384; hex 00002022-02-21 14:43:31 0 [ERROR] InnoDB: Database page corruption";
        assert_eq!(texts(mixed), ["Database page corruption"]);
    }

    #[test]
    fn a_beginning_never_cuts_a_character() {
        assert_eq!(beginning("aé", 2), "a");
        assert_eq!(beginning("aé", 3), "aé");
        assert_eq!(beginning("aé", 300), "aé");
        assert_eq!(beginning("😀", 3), "");
    }

    #[test]
    fn a_quoted_line_cannot_drive_a_terminal() {
        assert_eq!(printable("a\x1b[31mb\u{9b}c\u{202e}d\0"), "a?[31mb?c?d?");
        assert_eq!(printable("  a \t  b  "), "a b");
        assert_eq!(printable(&"x".repeat(1000)).chars().count(), MAX_QUOTED + 1);
    }
}
