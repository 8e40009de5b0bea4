//! A wording with holes, matched at a known place of a text.
//!
//! | hole | takes |
//! |---|---|
//! | `{page}` | `[page id: space=S, page number=P]`, as MySQL 5.7 on and MariaDB 10.2 on print it |
//! | `{space}` | a decimal space id |
//! | `{no}` | a decimal page number |
//! | `{found}` | `[page id: space=S, page number=P]` or `S:P` or `P`: what stood in the page |
//! | `{offset}` | a decimal byte offset, which becomes a page number by way of `{len}` |
//! | `{len}` | a page size in bytes |
//! | `{lsn}` | a decimal LSN, or its two halves with a blank between (servers before MySQL 5.5) |
//! | `{n}`, `{m}` | other decimal numbers |
//! | `{file}`, `{other}` | a file or table name: the shortest text up to what follows, within its line |
//! | `{*}` | anything: the shortest text up to what follows |
//!
//! A wording begins with literal text; numbers that do not fit their field make it no match.

/// A text of one or several lines joined by blanks, and where each line ends.
#[derive(Debug, Clone, Copy)]
pub struct Text<'t> {
    /// The lines.
    pub all: &'t str,
    /// The byte after each line, in ascending order.
    pub ends: &'t [usize],
}

/// What the holes took.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Holes {
    /// Space id.
    pub space: Option<u32>,
    /// Page number.
    pub page: Option<u32>,
    /// Space id that stood in the page.
    pub found_space: Option<u32>,
    /// Page number that stood in the page.
    pub found_page: Option<u32>,
    /// File or table name, as printed.
    pub file: Option<String>,
    /// A second name.
    pub other: Option<String>,
    /// An LSN.
    pub lsn: Option<u64>,
    /// Other numbers.
    pub numbers: [Option<u64>; 2],
    offset: Option<u64>,
    len: Option<u64>,
}

/// A match: bytes `start..end` of the text, and what the holes took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Where the wording begins.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
    /// What the holes took.
    pub holes: Holes,
}

/// Names in messages are paths: longer ones are not names.
const MAX_NAME: usize = 1024;

/// The literal text before the first hole.
pub fn anchor(wording: &str) -> &str {
    split(wording).0
}

/// Whether `wording` matches at `start`, where its [`anchor`] was found.
pub fn match_at(wording: &str, text: Text<'_>, start: usize) -> Option<Match> {
    let (literal, rest) = split(wording);
    let after = start.checked_add(literal.len())?;
    let mut taker = Taker { text, holes: Holes::default() };
    let left = taker.take(rest, text.all.get(after..)?)?;
    let end = text.all.len() - left.len();
    taker.holes.resolve();
    Some(Match { start, end, holes: taker.holes })
}

/// The literal beginning, and the rest from its first hole on.
fn split(wording: &str) -> (&str, &str) {
    wording.split_at(wording.find('{').unwrap_or(wording.len()))
}

struct Taker<'t> {
    text: Text<'t>,
    holes: Holes,
}

impl<'t> Taker<'t> {
    /// Matches hole after hole at the beginning of `text`; returns what is left of it.
    fn take(&mut self, wording: &str, text: &'t str) -> Option<&'t str> {
        let Some(inside) = wording.strip_prefix('{') else { return text.strip_prefix(wording) };
        let (hole, rest) = inside.split_once('}')?;
        let (literal, next) = split(rest);
        let left = match hole {
            "page" => {
                let (space, page, left) = page_id(text)?;
                (self.holes.space, self.holes.page) = (Some(space), Some(page));
                left
            }
            "found" => self.found(text)?,
            "file" | "other" => self.name(hole, literal, text)?,
            "*" => text.get(if literal.is_empty() { text.len() } else { text.find(literal)? }..)?,
            "lsn" => {
                let (lsn, left) = lsn(text)?;
                self.holes.lsn = Some(lsn);
                left
            }
            _ => self.number(hole, text)?,
        };
        self.take(next, left.strip_prefix(literal)?)
    }

    fn found(&mut self, text: &'t str) -> Option<&'t str> {
        let holes = &mut self.holes;
        if let Some((space, page, left)) = page_id(text) {
            (holes.found_space, holes.found_page) = (Some(space), Some(page));
            return Some(left);
        }
        let (first, left) = number(text)?;
        let Some(second) = left.strip_prefix(':') else {
            holes.found_page = Some(first);
            return Some(left);
        };
        let (page, left) = number(second)?;
        (holes.found_space, holes.found_page) = (Some(first), Some(page));
        Some(left)
    }

    fn number(&mut self, hole: &str, text: &'t str) -> Option<&'t str> {
        let (value, left) = digits(text)?;
        let holes = &mut self.holes;
        match hole {
            "space" => holes.space = Some(u32::try_from(value).ok()?),
            "no" => holes.page = Some(u32::try_from(value).ok()?),
            "offset" => holes.offset = Some(value),
            "len" => holes.len = Some(value),
            "n" => holes.numbers = [Some(value), holes.numbers[1]],
            "m" => holes.numbers = [holes.numbers[0], Some(value)],
            _ => return None,
        }
        Some(left)
    }

    /// A name ends before what follows in the wording, and never runs on into the next line.
    fn name(&mut self, hole: &str, literal: &str, text: &'t str) -> Option<&'t str> {
        let at = self.text.all.len() - text.len();
        let line_end = self.text.ends.iter().copied().find(|&end| end > at).unwrap_or(self.text.all.len());
        let room = line_end.saturating_sub(at);
        let end = match literal {
            "" => end_of_name(text.get(..room)?),
            _ => text.find(literal).filter(|&end| end <= room)?,
        };
        let name = text.get(..end).filter(|name| name.len() <= MAX_NAME && !name.is_empty())?;
        let place = if hole == "file" { &mut self.holes.file } else { &mut self.holes.other };
        *place = Some(name.to_owned());
        text.get(end..)
    }
}

/// Where a name at the end of a message ends: after its extension, at a quote, or with the line. Old servers print the
/// next message right behind it, without a line end.
fn end_of_name(text: &str) -> usize {
    for extension in [".ibd", ".ibt", ".ibu", ".isl", ".dblwr"] {
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| rest.find(extension)) {
            let end = from + found + extension.len();
            let next = text.get(end..).unwrap_or_default().trim_start_matches('.');
            if !next.starts_with(|ch: char| matches!(ch, '_' | '/' | '\\') || ch.is_ascii_lowercase()) {
                return end;
            }
            from = end;
        }
    }
    let end = text.find(['\'', '"', ',', ';', ' ']).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim_end_matches('.').len()
}

impl Holes {
    /// A byte offset names a page only where it is a whole number of pages.
    fn resolve(&mut self) {
        let (Some(offset), Some(len)) = (self.offset, self.len) else { return };
        if offset.checked_rem(len) == Some(0) {
            self.page = offset.checked_div(len).and_then(|page| u32::try_from(page).ok());
        }
    }
}

fn page_id(text: &str) -> Option<(u32, u32, &str)> {
    let (space, text) = number(text.strip_prefix("[page id: space=")?)?;
    let (page, text) = number(text.strip_prefix(", page number=")?)?;
    Some((space, page, text.strip_prefix(']')?))
}

/// An LSN as one number, or as its high and low 32 bits.
fn lsn(text: &str) -> Option<(u64, &str)> {
    let (first, left) = digits(text)?;
    let low = left.strip_prefix(' ').and_then(digits);
    match low {
        Some((low, rest)) if first <= u64::from(u32::MAX) && low <= u64::from(u32::MAX) => {
            Some((first << 32 | low, rest))
        }
        _ => Some((first, left)),
    }
}

fn number(text: &str) -> Option<(u32, &str)> {
    let (value, left) = digits(text)?;
    Some((u32::try_from(value).ok()?, left))
}

/// The decimal number at the beginning of a text, and what follows it.
pub fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, left) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, left))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(wording: &str, all: &str) -> Option<Match> {
        let text = Text { all, ends: &[] };
        all.match_indices(anchor(wording)).filter_map(|(start, _)| match_at(wording, text, start)).last()
    }

    fn holes(wording: &str, text: &str) -> Option<(Option<u32>, Option<u32>, Option<String>)> {
        find(wording, text).map(|found| (found.holes.space, found.holes.page, found.holes.file))
    }

    #[test]
    fn each_hole_takes_its_kind() {
        let at = |space, page| Some((Some(space), Some(page), None));
        let id = "x of [page id: space=4294967279, page number=287].";
        assert_eq!(holes("of {page}.", id), at(4_294_967_279, 287));
        assert_eq!(holes("space {space} page {no}.", "read of space 6 page 5."), at(6, 5));
        let name = |file: &str| Some((None, Some(11), Some(file.to_owned())));
        let failed = "page 11 from file './d/t1.ibd': Table";
        assert_eq!(holes("page {no} from file '{file}': ", failed), name("./d/t1.ibd"));
        let page = |text| holes("in {file}, at {offset}, len {len}", text).unwrap().1;
        assert_eq!(page("in f, at 163840, len 16384"), Some(10));
        assert_eq!((page("in f, at 163841, len 16384"), page("in f, at 5, len 0")), (None, None));
    }

    #[test]
    fn what_stood_in_a_page_is_read_in_every_form() {
        for (text, space) in
            [("is [page id: space=3, page number=4]!", Some(3)), ("is 3:4!", Some(3)), ("is 4!", None)]
        {
            let found = find("is {found}!", text).unwrap().holes;
            assert_eq!((found.found_space, found.found_page), (space, Some(4)), "{text}");
        }
    }

    #[test]
    fn the_halves_of_an_old_lsn_are_joined() {
        let lsn = |text| find("lsn {lsn}", text).unwrap().holes.lsn;
        assert_eq!(lsn("lsn 529 737322254,"), Some(529 << 32 | 737_322_254));
        assert_eq!(lsn("lsn 0 36808"), Some(36_808));
        assert_eq!(lsn("lsn 492353898371"), Some(492_353_898_371));
        assert_eq!(lsn("lsn 492353898371 7"), Some(492_353_898_371), "no half has more than 32 bits");
    }

    #[test]
    fn what_does_not_fit_is_no_match() {
        assert_eq!(holes("page {no}.", "page 4294967296."), None);
        assert_eq!(holes("page {no}.", "page ."), None);
        assert_eq!(holes("page {no}.", "page 99999999999999999999999."), None);
        assert_eq!(holes("of {page}", "of [page id: space=1, page number=]"), None);
        assert_eq!(holes("file '{file}'", &format!("file '{}'", "x".repeat(MAX_NAME + 1))), None);
    }

    #[test]
    fn a_name_ends_where_it_ends() {
        for (text, name) in [
            ("of file ./d/t1.ibd", "./d/t1.ibd"),
            ("of file ./d/t1.ibd130806 13:02:01  InnoDB", "./d/t1.ibd"),
            ("of file ./d/t1.ibd is corrupted", "./d/t1.ibd"),
            ("of file ./d/a b.ibd.", "./d/a b.ibd"),
            ("of file ./d/x.ibdata.ibd, Space", "./d/x.ibdata.ibd"),
            ("of file ./ibdata1.", "./ibdata1"),
        ] {
            assert_eq!(holes("of file {file}", text).unwrap().2.as_deref(), Some(name), "{text}");
        }
        let joined = "of file ./ibdata1 and more, no";
        let text = Text { all: joined, ends: &[17, joined.len()] };
        assert_eq!(match_at("of file {file}", text, 0).unwrap().holes.file.as_deref(), Some("./ibdata1"));
        assert_eq!(match_at("of file {file}, no", text, 0), None, "a name is in one line");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,80}", tail in "[\u{0}-\u{ff}]{0,20}", end in 0_usize..99) {
            let all = format!("{text}é page {tail}");
            for wording in ["é{*}é", "page {no}", "é {page}", "p{file}b{space}", "a{len}{offset}", "p{file}", "g{lsn}{found}"] {
                for start in 0..all.len() {
                    let _ = match_at(wording, Text { all: &all, ends: &[end] }, start);
                }
            }
        }
    }
}
