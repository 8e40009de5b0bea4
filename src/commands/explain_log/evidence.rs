//! What a message or a page dump shows beyond its words.

use crate::page::checksum::NO_CHECKSUM_MAGIC;
use serde::Serialize;

use super::LogKind;
use super::pattern::{Holes, digits};

/// A fact that the log gives with a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogEvidence {
    /// What stood in the page where its own number and space id belong.
    ReadInstead {
        /// Space id, where the message has it.
        space_id: Option<u32>,
        /// Page number.
        page_no: u32,
    },
    /// The page was made of zeros.
    Zeros,
    /// The page was made of 0xFF.
    Ones,
    /// The checksum fields hold 0xdeadbeef: the page was written with checksums off.
    WrittenWithoutChecksum,
    /// Stored and calculated checksum are equal, and both ends of the page carry one LSN.
    ChecksumHolds {
        /// The algorithm, as the server names it.
        algorithm: String,
        /// The checksum.
        value: u64,
    },
    /// Head and tail of the page carry different LSNs: it is torn.
    Torn {
        /// The low 32 bits of the LSN in its head.
        head: u32,
        /// Those in its tail.
        tail: u32,
    },
    /// A length that is not what it must be.
    Length {
        /// Bytes, or pages where the message counts pages.
        is: u64,
        /// What it should be.
        should_be: u64,
    },
    /// The pages of a system tablespace file.
    Pages {
        /// How many it has.
        is: u64,
    },
    /// Where the redo log ends.
    RedoEnds {
        /// The LSN at which a record is missing, where told.
        at: Option<u64>,
        /// The checkpoint.
        checkpoint: Option<u64>,
        /// The end of the log.
        end: Option<u64>,
    },
    /// The number of the operating system's error.
    Errno {
        /// `errno`.
        number: u64,
    },
    /// The other of two files.
    OtherFile {
        /// Its name.
        file: String,
    },
}

impl LogEvidence {
    /// What the holes of a message show.
    pub(super) fn of(kind: LogKind, holes: &Holes) -> Option<LogEvidence> {
        let [n, m] = holes.numbers;
        match kind {
            LogKind::Misdirected => match (holes.found_space, holes.found_page?) {
                (None | Some(u32::MAX), u32::MAX) => Some(LogEvidence::Ones),
                (space_id, page_no) => Some(LogEvidence::ReadInstead { space_id, page_no }),
            },
            LogKind::Corrupt if n == Some(u64::from(NO_CHECKSUM_MAGIC)) => {
                Some(LogEvidence::WrittenWithoutChecksum)
            }
            LogKind::FileCut => Some(LogEvidence::Length { is: n?, should_be: m? }),
            LogKind::SystemFileSize => Some(LogEvidence::Pages { is: n? }),
            LogKind::RedoSize => Some(LogEvidence::Length { is: n?, should_be: m? }),
            LogKind::RedoDamaged if holes.lsn.is_some() || m.is_some() => {
                Some(LogEvidence::RedoEnds { at: n, checkpoint: m, end: holes.lsn })
            }
            LogKind::Locked | LogKind::SystemError => Some(LogEvidence::Errno { number: n? }),
            LogKind::SpaceIdTwice | LogKind::FileIgnored => {
                Some(LogEvidence::OtherFile { file: super::line::printable(holes.other.as_deref()?) })
            }
            _ => None,
        }
    }
}

/// The lines of a page dump, put together.
#[derive(Debug, Default, Clone)]
pub(super) struct PageDump {
    stored: [Option<u64>; 2],
    /// Algorithm, field 1, field 2.
    calculated: Vec<(String, u64, u64)>,
    lsn: Option<(u64, u64)>,
    tail: Option<u64>,
    /// The page number in the page.
    pub page: Option<u32>,
    /// The space id in the page.
    pub space: Option<u32>,
}

impl PageDump {
    /// Takes what a line of a dump says. `buf_page_print`: `buf0buf.c` 4.1 to 5.5, `buf0buf.cc` 5.6 on.
    pub fn add(&mut self, text: &str) {
        if let Some((first, second)) = text
            .split_once("stored checksum in field1 ")
            .and_then(|(_, rest)| rest.split_once("stored checksum in field2 ").or(Some((rest, ""))))
        {
            *self = PageDump { stored: [number(first), number(second)], ..PageDump::default() };
            self.calculated = algorithms(first, second);
        } else if let Some(rest) = text.strip_prefix("Page checksum ") {
            *self = PageDump::default();
            let old = after(rest, "prior-to-4.0.14-form checksum ");
            if let (Some(new), Some(old)) = (number(rest), old) {
                self.calculated = vec![("innodb".to_owned(), new, old)];
            }
        } else if let Some(rest) = text.strip_prefix("stored checksum ") {
            self.stored = [number(rest), after(rest, "prior-to-4.0.14-form stored checksum ")];
        }
        for label in ["Page lsn ", "page LSN ", "page lsn "] {
            if let Some((_, rest)) = text.split_once(label) {
                self.lsn = pair(rest);
            }
        }
        for label in ["low 4 bytes of lsn at page end ", "low 4 bytes of LSN at page end "] {
            self.tail = after(text, label).or(self.tail);
        }
        let narrow = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
        self.page = narrow(after(text, "age number (if stored to page already) ")).or(self.page);
        for label in [
            "space id (if created with >= MySQL-4.1.1 and stored already) ",
            "space id (if stored to page already) ",
        ] {
            self.space = narrow(after(text, label)).or(self.space);
        }
    }

    /// The page that the dump is of, by its own words.
    pub fn identity(&self) -> Option<(u32, u32)> {
        Some((self.page?, self.space?))
    }

    /// What the numbers show.
    pub fn evidence(&self) -> Option<LogEvidence> {
        let ((high, low), tail) = (self.lsn?, self.tail?);
        let stored = self.stored[0]?;
        let empty = (high, low, tail, stored, self.stored[1].unwrap_or(0)) == (0, 0, 0, 0, 0);
        if empty && (self.page, self.space) == (Some(0), Some(0)) {
            return Some(LogEvidence::Zeros);
        }
        let head = u32::try_from(low & u64::from(u32::MAX)).ok()?;
        let tail = u32::try_from(tail).ok()?;
        if head != tail {
            return Some(LogEvidence::Torn { head, tail });
        }
        let fits = |(_, first, second): &&(String, u64, u64)| {
            *first == stored && self.stored[1].is_none_or(|stored| stored == *second)
        };
        let holds = self.calculated.iter().find(fits)?;
        Some(match holds.0.as_str() {
            "none" => LogEvidence::WrittenWithoutChecksum,
            algorithm => LogEvidence::ChecksumHolds { algorithm: algorithm.to_owned(), value: stored },
        })
    }
}

/// The number right after a label.
fn after(text: &str, label: &str) -> Option<u64> {
    number(text.split_once(label)?.1)
}

fn number(text: &str) -> Option<u64> {
    Some(digits(text)?.0)
}

fn pair(text: &str) -> Option<(u64, u64)> {
    let (first, rest) = digits(text)?;
    let second = rest.strip_prefix(' ').and_then(number);
    Some(second.map_or((first >> 32, first & u64::from(u32::MAX)), |second| (first, second)))
}

/// `crc32 1/2, innodb 3, none 4`: each algorithm with what it gives for either field.
fn algorithms(first: &str, second: &str) -> Vec<(String, u64, u64)> {
    let mut all = Vec::new();
    for name in ["crc32", "innodb", "none"] {
        // A page without a second checksum field (compressed, full_crc32) has only the first.
        let of = |text: &str| after(text, &format!("{name} "));
        if let Some(one) = of(first) {
            all.push((name.to_owned(), one, of(second).unwrap_or(one)));
        }
    }
    all
}
