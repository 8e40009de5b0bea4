//! Lines of an error log: read in bounded memory, freed of their prefixes, made safe to print.

use std::io::{self, BufRead};

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
        let end = chunk.iter().position(|&byte| byte == b'\n');
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

/// The message without what stands before it: time, thread, level, message number, syslog and container prefixes.
///
/// Servers mark their InnoDB messages `InnoDB: ` (MySQL to 5.7 and MariaDB) or `[InnoDB] ` (MySQL 8.0 on). A line
/// with neither is returned whole: messages of the server layer and JSON logs have their marker elsewhere.
pub fn body(line: &str) -> &str {
    let line = before_dump_text(line);
    let colon = line.find("InnoDB: ").map(|at| at + "InnoDB: ".len());
    let bracket = line.find("[InnoDB] ").map(|at| at + "[InnoDB] ".len());
    let start = match (colon, bracket) {
        (Some(a), Some(b)) => a.min(b),
        (Some(a), None) | (None, Some(a)) => a,
        (None, None) => 0,
    };
    line.get(start..).unwrap_or(line).trim()
}

/// The first `bytes` bytes of a text, or a few less where a character would be cut.
pub fn beginning(text: &str, bytes: usize) -> &str {
    (0..=bytes).rev().take(4).find_map(|end| text.get(..end)).unwrap_or(text)
}

/// A page dump shows user data after `asc`: text there that looks like a message was never one.
fn before_dump_text(line: &str) -> &str {
    let Some(hex) = line.find("; hex ") else { return line };
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

    #[test]
    fn prefixes_of_every_kind_are_removed() {
        for line in [
            "InnoDB: file read of page 7.",
            "130806 13:02:01  InnoDB: file read of page 7.",
            "2018-07-11 21:10:10 5d3ff340 InnoDB: file read of page 7.",
            "Jun 16 02:06:04 host mysqld[22031]: InnoDB: file read of page 7.",
            "2019-11-29T20:09:51.201257Z 0 [Warning] InnoDB: file read of page 7.",
            "2026-11-21T06:58:34.438353Z 1 [ERROR] [MY-011906] [InnoDB] file read of page 7.",
            "db-1  | 2026-11-21  7:01:04 0 [Note] InnoDB: file read of page 7.",
        ] {
            assert_eq!(body(line), "file read of page 7.", "{line}");
        }
        assert_eq!(body("mariadbd: Table `d`.`t1` is corrupted."), "mariadbd: Table `d`.`t1` is corrupted.");
    }

    #[test]
    fn user_data_in_a_dump_is_not_a_message() {
        let dump = " len 16384; hex 496e6e6f;asc InnoDB: Recovered page [page id: space=1, page number=2];";
        assert!(!body(dump).contains("Recovered"));
        let mixed = " len 16384; hex 00002022-02-21 14:43:31 0 [ERROR] InnoDB: Database page corruption";
        assert_eq!(body(mixed), "Database page corruption");
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
