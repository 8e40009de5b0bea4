//! A wording with holes, matched anywhere in a text.
//!
//! | hole | takes |
//! |---|---|
//! | `{page}` | `[page id: space=S, page number=P]`, as MySQL 5.7 on and MariaDB 10.2 on print it |
//! | `{space}` | a decimal space id |
//! | `{no}` | a decimal page number |
//! | `{offset}` | a decimal byte offset, which becomes a page number by way of `{len}` |
//! | `{len}` | a page size in bytes |
//! | `{file}` | a file or table name: the shortest text up to what follows |
//! | `{*}` | anything: the shortest text up to what follows |
//!
//! A wording begins with literal text; numbers that do not fit their field make it no match.

/// What the holes took.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Holes {
    /// Space id.
    pub space: Option<u32>,
    /// Page number.
    pub page: Option<u32>,
    /// File or table name, as printed.
    pub file: Option<String>,
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

/// The last place in `text` where `wording` matches, so that a repeated beginning counts from its repetition.
pub fn find(wording: &str, text: &str) -> Option<Match> {
    let (literal, rest) = split(wording);
    let mut limit = text.len();
    loop {
        let start = text.get(..limit)?.rfind(literal)?;
        let after = start.checked_add(literal.len())?;
        let mut holes = Holes::default();
        if let Some(left) = take(rest, text.get(after..)?, &mut holes) {
            holes.resolve();
            return Some(Match { start, end: text.len() - left.len(), holes });
        }
        limit = (start + literal.len()).checked_sub(1)?;
        while !text.is_char_boundary(limit) {
            limit = limit.checked_sub(1)?;
        }
    }
}

/// The literal beginning, and the rest from its first hole on.
fn split(wording: &str) -> (&str, &str) {
    wording.split_at(wording.find('{').unwrap_or(wording.len()))
}

/// Matches hole after hole at the beginning of `text`; returns what is left of it.
fn take<'t>(wording: &str, text: &'t str, holes: &mut Holes) -> Option<&'t str> {
    let Some(inside) = wording.strip_prefix('{') else { return text.strip_prefix(wording) };
    let (hole, rest) = inside.split_once('}')?;
    let (literal, next) = split(rest);
    let left = match hole {
        "page" => holes.page_id(text)?,
        "file" | "*" => holes.name(hole, literal, text)?,
        _ => holes.number(hole, text)?,
    };
    take(next, left.strip_prefix(literal)?, holes)
}

impl Holes {
    fn page_id<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let (space, text) = digits(text.strip_prefix("[page id: space=")?)?;
        let (page, text) = digits(text.strip_prefix(", page number=")?)?;
        self.space = Some(u32::try_from(space).ok()?);
        self.page = Some(u32::try_from(page).ok()?);
        text.strip_prefix(']')
    }

    fn number<'t>(&mut self, hole: &str, text: &'t str) -> Option<&'t str> {
        let (value, left) = digits(text)?;
        match hole {
            "space" => self.space = Some(u32::try_from(value).ok()?),
            "no" => self.page = Some(u32::try_from(value).ok()?),
            "offset" => self.offset = Some(value),
            "len" => self.len = Some(value),
            _ => return None,
        }
        Some(left)
    }

    fn name<'t>(&mut self, hole: &str, literal: &str, text: &'t str) -> Option<&'t str> {
        let end = if literal.is_empty() { text.len() } else { text.find(literal)? };
        let name = text.get(..end).filter(|name| name.len() <= MAX_NAME)?;
        if hole == "file" {
            self.file = Some(name.to_owned());
        }
        text.get(end..)
    }

    /// A byte offset names a page only where it is a whole number of pages.
    fn resolve(&mut self) {
        let (Some(offset), Some(len)) = (self.offset, self.len) else { return };
        if offset.checked_rem(len) == Some(0) {
            self.page = offset.checked_div(len).and_then(|page| u32::try_from(page).ok());
        }
    }
}

fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|ch: char| !ch.is_ascii_digit()).unwrap_or(text.len());
    let (number, left) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, left))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holes(wording: &str, text: &str) -> Option<(Option<u32>, Option<u32>, Option<String>)> {
        find(wording, text).map(|found| (found.holes.space, found.holes.page, found.holes.file))
    }

    #[test]
    fn each_hole_takes_its_kind() {
        let at = |space, page| Some((Some(space), Some(page), None));
        assert_eq!(
            holes("of {page}.", "x of [page id: space=4294967279, page number=287]."),
            at(4_294_967_279, 287)
        );
        assert_eq!(holes("space {space} page {no}.", "read of space 6 page 5."), at(6, 5));
        let name = |file: &str| Some((None, Some(11), Some(file.to_owned())));
        assert_eq!(
            holes("page {no} from file '{file}': ", "page 11 from file './d/t1.ibd': Table"),
            name("./d/t1.ibd")
        );
        assert_eq!(
            holes("in {file}, at {offset}, len {len}", "in f, at 163840, len 16384").unwrap().1,
            Some(10)
        );
        assert_eq!(holes("in {file}, at {offset}, len {len}", "in f, at 163841, len 16384").unwrap().1, None);
        assert_eq!(holes("in {file}, at {offset}, len {len}", "in f, at 5, len 0").unwrap().1, None);
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
    fn the_last_beginning_that_leads_to_an_end_counts() {
        let text = "a failed a failed file read of page 3. a failed";
        let found = find("a failed file read of page {no}.", text).unwrap();
        assert_eq!((found.start, found.holes.page), (9, Some(3)));
        assert_eq!(text.get(found.end..), Some(" a failed"));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,80}", tail in "[\u{0}-\u{ff}]{0,20}") {
            for wording in ["é{*}é", "page {no}", "{page}", "a{file}b{space}", "x{len}{offset}"] {
                let _ = find(wording, &format!("{text}é page {tail}"));
            }
        }
    }
}
