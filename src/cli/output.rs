//! Standard output, and what a command has done by the time it fails.

use std::io::{self, Write};

use crate::cli::exit::ExitStatus;
use crate::report::style::turns_round;

/// Passes everything on, and remembers whether that ever failed: a buffer may swallow it, and a reader that went away is
/// forgiven.
pub(super) struct Remembering<W> {
    inner: W,
    /// Whether it is JSON.
    json: bool,
    /// Whether something did not arrive.
    pub failed: bool,
}

impl<W> Remembering<W> {
    pub fn new(inner: W, json: bool) -> Remembering<W> {
        Remembering { inner, json, failed: false }
    }

    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        // A signal is no failure: the same bytes are written again.
        self.failed |= result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        result
    }
}

impl<W: Write> Write for Remembering<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let escaped = if self.json { escaped_json(bytes) } else { None };
        let result = match escaped {
            Some(text) => self.inner.write_all(text.as_bytes()).map(|()| bytes.len()),
            None => self.inner.write(bytes),
        };
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.note(result)
    }
}

/// JSON leaves characters as they are that a terminal may obey, or that turn a line round; as they stand within strings
/// only, they can be escaped wherever they are met. `None` where there are none.
fn escaped_json(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let obeyed = |c: char| (c.is_control() && !c.is_ascii_control()) || c == '\u{7F}' || turns_round(c);
    if !text.contains(obeyed) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    Some(out)
}

/// A text as it stands within a JSON string.
pub(super) fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// What is on disk, whatever becomes of the report on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// How the command ended, from the moment on that this is known.
    pub status: ExitStatus,
    /// What was written and where to find it: the journal, the bundle.
    pub what: String,
}
