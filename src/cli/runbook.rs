//! The runbook: `man/dblwr-runbook.md` is what people edit; the manual page is made from it.
//!
//! Of Markdown it may use what a manual page has: headings, paragraphs, fenced blocks, items, numbered steps, bold,
//! italic, code and links.

/// As it is read where the README is read.
pub const MARKDOWN: &str = include_str!("../../man/dblwr-runbook.md");

/// As a manual page.
pub fn page(date: &str, source: &str) -> String {
    let mut page =
        format!(".TH DBLWR\\-RUNBOOK 7 {date} \"{source}\" \"Miscellaneous Information Manual\"\n");
    let mut block = Block::Text;
    // What follows a heading or another request needs no break before it.
    let mut open = false;
    for line in MARKDOWN.lines() {
        if block == Block::Fence {
            match line {
                "```" => {
                    page.push_str(".EE\n");
                    (block, open) = (Block::Text, false);
                }
                _ => page.push_str(&format!("{}\n", literal(line))),
            }
        } else if line.starts_with("```") {
            page.push_str(if open || page.ends_with("SH\n") { ".EX\n" } else { ".PP\n.EX\n" });
            block = Block::Fence;
        } else if let Some(title) = line.strip_prefix("# ") {
            let (name, what) = title.split_once(": ").unwrap_or((title, ""));
            page.push_str(&format!(".SH NAME\n{} \\- {}\n.SH DESCRIPTION\n", literal(name), inline(what)));
            open = true;
        } else if let Some(title) = line.strip_prefix("## ") {
            page.push_str(&format!(".SH {}\n", literal(&title.to_uppercase())));
            open = true;
        } else if line.is_empty() {
            block = Block::Text;
        } else if let Some(item) = line.strip_prefix("- ") {
            page.push_str(&format!(".IP \\(bu 2\n{}\n", inline(item)));
            (block, open) = (Block::Item, false);
        } else if let Some((number, item)) = numbered(line) {
            page.push_str(&format!(".IP {number}. 4\n{}\n", inline(item)));
            (block, open) = (Block::Item, false);
        } else {
            if block == Block::Text && !open {
                page.push_str(".PP\n");
            }
            page.push_str(&format!("{}\n", inline(line.trim_start())));
            (block, open) = (if block == Block::Item { Block::Item } else { Block::Running }, false);
        }
    }
    page
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Nothing yet: the next line begins a paragraph.
    Text,
    /// Inside a paragraph.
    Running,
    /// Inside an item.
    Item,
    /// Inside a fence.
    Fence,
}

fn numbered(line: &str) -> Option<(u32, &str)> {
    let (number, item) = line.split_once(". ")?;
    Some((number.parse().ok()?, item))
}

/// Text that troff must not read as requests or escapes.
fn literal(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if escaped.starts_with('.') { format!("\\&{escaped}") } else { escaped }
}

/// Bold, italic, code and links of a line.
fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`', '[']) {
        let (before, marked) = rest.split_at(at);
        out.push_str(&literal(before));
        let (mark, font) = match marked {
            _ if marked.starts_with("**") => ("**", 'B'),
            _ if marked.starts_with('*') => ("*", 'I'),
            _ if marked.starts_with('`') => ("`", 'B'),
            _ => ("[", 'R'),
        };
        let inside = marked.get(mark.len()..).unwrap_or_default();
        let (text, after) = match mark {
            "[" => link(inside).unwrap_or((inside, "")),
            _ => inside.split_once(mark).unwrap_or((inside, "")),
        };
        out.push_str(&format!("\\f{font}{}\\fR", literal(text)));
        rest = after;
    }
    out.push_str(&literal(rest));
    out
}

/// The text of a link, and what follows its target.
fn link(inside: &str) -> Option<(&str, &str)> {
    let (text, rest) = inside.split_once("](")?;
    Some((text, rest.split_once(')')?.1))
}
