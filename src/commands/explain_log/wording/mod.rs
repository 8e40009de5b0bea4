//! Every wording in which a server or a tool reports a damaged page, a file it cannot use, or why it did not start.
//!
//! A line of the tables is one wording; a line end inside a message (servers before MySQL 5.7) is written as one space. More
//! special wordings stand before more general ones: the first that matches counts. Sources are named by file and version;
//! "seen" means it was read in a real server's log.

mod notes;
mod pages;
mod quiet;
mod server;
mod tools;

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::LogKind;
use super::pattern::{self, Match, Text};

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is a finding.
    Say(LogKind),
    /// It says something of the findings around it.
    Note(Note),
    /// It is known, and says nothing that the messages beside it do not say.
    Quiet,
}

/// What a message that is no finding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A server is starting; `{file}` is its version where named.
    Starting,
    /// The version of a server that is ready.
    Version,
    /// InnoDB has stopped as it should.
    Stopped,
    /// InnoDB has started.
    Started,
    /// The checkpoint from which recovery begins.
    Checkpoint,
    /// The end of the redo log.
    End,
    /// A backup tool begins to copy a file.
    Copying,
    /// A part of a page dump.
    Dump,
}

/// One way of saying it.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// What is being said.
    pub what: What,
    /// Who says it so.
    pub said_by: &'static str,
    /// The text, with holes as in [`super::pattern`].
    pub text: &'static str,
}

const fn say(kind: LogKind, said_by: &'static str, text: &'static str) -> Wording {
    Wording { what: What::Say(kind), said_by, text }
}

const fn note(note: Note, said_by: &'static str, text: &'static str) -> Wording {
    Wording { what: What::Note(note), said_by, text }
}

const fn quiet(said_by: &'static str, text: &'static str) -> Wording {
    Wording { what: What::Quiet, said_by, text }
}

/// All wordings, in the order in which they count.
pub fn all() -> impl Iterator<Item = &'static Wording> {
    [pages::PAGES, tools::TOOLS, server::SERVER, notes::NOTES, quiet::QUIET].into_iter().flatten()
}

/// Finds wordings in one pass over a text, whatever their number.
pub struct Finder {
    wordings: Vec<&'static Wording>,
    anchors: Option<AhoCorasick>,
}

impl Finder {
    /// The finder of [`all`].
    pub fn get() -> &'static Finder {
        static FINDER: OnceLock<Finder> = OnceLock::new();
        FINDER.get_or_init(|| {
            let wordings: Vec<&Wording> = all().collect();
            let anchors = AhoCorasick::new(wordings.iter().map(|wording| pattern::anchor(wording.text)));
            // The anchors are few and fixed: that the automaton can be built is what the tests of the tables show.
            Finder { wordings, anchors: anchors.ok() }
        })
    }

    /// The first wording of the tables that ends after byte `own` of `text`; the last place where it does, so that a
    /// repeated beginning counts from its repetition.
    pub fn find(&self, text: Text<'_>, own: usize) -> Option<(&'static Wording, Match)> {
        let anchors = self.anchors.as_ref()?;
        let found = anchors.find_overlapping_iter(text.all);
        let mut places: Vec<(usize, usize)> =
            found.map(|found| (found.pattern().as_usize(), usize::MAX - found.start())).collect();
        places.sort_unstable();
        places.into_iter().find_map(|(which, start)| {
            let wording = *self.wordings.get(which)?;
            let found = pattern::match_at(wording.text, text, usize::MAX - start)?;
            let here = wording.what != What::Quiet || found.start == own;
            (found.end > own && here).then_some((wording, found))
        })
    }
}
