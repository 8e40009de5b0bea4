//! Why a verdict was given: the facts that decided it. One place makes sentences of them.

use std::fmt;

use crate::instance::redo::window::RedoWindow;
use crate::page::sectors::Tear;
use crate::units::Lsn;
use crate::verdict::audit::Lost;
use crate::verdict::home::HomeState;
use crate::verdict::home_reason::Unmasked;

/// What shows that a copy is the version that belongs home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its LSN lies inside the redo window.
    Window(RedoWindow),
    /// Head or tail of the home carries its LSN.
    Word,
    /// Every sector of the home is that of one of two copies, and this is the newer.
    Sectors,
}

/// Why a good copy of a damaged page is not the one to write, nor another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// A reduced entry of this LSN is newer.
    Reduced(Lsn),
    /// The checkpoint has passed the copy.
    BeforeCheckpoint(Lsn),
    /// The copy is newer than this end of redo.
    BeyondEnd(Lsn),
    /// Another good copy of this LSN is newer, and nothing proves that one either.
    NewerCopy(Lsn),
    /// Neither redo nor home tells.
    Unproved,
}

/// Why a verdict was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No file has the space id.
    NoFile,
    /// The home is not in the file.
    PastEnd,
    /// The home cannot be judged.
    HomeLocked,
    /// The copy cannot be judged.
    CopyLocked,
    /// Home and copy differ at one LSN, and nothing tells which of them is right.
    Contested,
    /// The system could not read the home, and this copy is good.
    UnreadableHome {
        /// What it said.
        why: String,
        /// LSN of the copy.
        lsn: Lsn,
    },
    /// The copy is the page before its encryption, and there is no key.
    Plaintext,
    /// The space id of the copy is ciphertext, and no home shows whose it is.
    HiddenOwner,
    /// The copy names a page inside the doublewrite buffer.
    BufferPage,
    /// What lies there changed from one look to the next: a server runs.
    Changing,
    /// The home is as new.
    HomeIsNewer,
    /// The home is older by its LSN, and its contents are those of the copy.
    SameContents,
    /// The home is older, and its page is free.
    FreePage,
    /// The home is older by its LSN, but its file is another than the copy was made of.
    OtherFile,
    /// The home is older, and whether its contents are others cannot be told.
    ContentsLocked,
    /// The home is older, and redo covers the copy.
    Covered,
    /// The home is older than a copy that is newer than the end of redo.
    OtherRedo,
    /// The home is older, and there is no redo.
    NoRedo,
    /// The home is older than a copy that the checkpoint has passed.
    Lost {
        /// Of the home.
        home: Lsn,
        /// Of the copy.
        copy: Lsn,
        /// The checkpoint.
        checkpoint: Lsn,
    },
    /// The copy is damaged, the home is not.
    BadCopy,
    /// Another copy is the one to write.
    BetterCopy,
    /// The copy is damaged, another is good.
    BadCopyBesideGood,
    /// No copy is good.
    NoGoodCopy,
    /// The home is empty and its page was given back.
    GivenBack,
    /// The copy is the one to write.
    Right {
        /// What lies at home.
        home: HomeState,
        /// LSN of the copy.
        lsn: Lsn,
        /// What shows only beside copies and redo that the home is damaged.
        unmasked: Option<Unmasked>,
        /// What shows that it is.
        proof: Proof,
        /// How the home lies over it.
        tear: Option<Tear>,
    },
    /// Several files claim the space id.
    Rivals(Vec<String>),
    /// The copy is good, but nothing shows that it belongs there.
    Doubtful {
        /// LSN of the copy.
        lsn: Lsn,
        /// What speaks against it.
        doubt: Doubt,
    },
    /// Redo proves that a newer version was written.
    LostByRedo(Lost),
    /// The home is damaged, and redo makes the page anew.
    RedoRebuilds,
    /// A reduced entry, and a full copy that is the one to write.
    ReducedBesideCopy,
    /// A reduced entry alone, of this LSN.
    ReducedAlone(Lsn),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self {
            Reason::LostByRedo(lost) => return lost.fmt(f),
            Reason::RedoRebuilds => {
                "the home page is damaged, but redo initialises it after the checkpoint: the server makes it anew whatever \
                 lies there"
            }
            Reason::NoFile => "no file here holds this space id",
            Reason::PastEnd => "the page lies past the end of its file",
            Reason::HomeLocked => "the home page is encrypted or in a format that cannot be judged",
            Reason::Contested => {
                "home and copy differ although both have one LSN, and neither has a checksum to tell which is right; to \
                 write the copy all the same, pick the page with --page"
            }
            Reason::UnreadableHome { why, lsn } => {
                return write!(
                    f,
                    "{why}; this copy of it is good (LSN {lsn}): write it to a copy of the file on a sound disk"
                );
            }
            Reason::CopyLocked => "the copy cannot be judged without the key",
            Reason::Plaintext => {
                "the copy is the page before its encryption, as MySQL up to 8.0.22 keeps it; it takes the key (--keyring) \
                 to make the page of an encrypted table of it"
            }
            Reason::HiddenOwner => "the space id is ciphertext, and no home page proves whose copy this is",
            Reason::Changing => "it changed from one look to the next: the server that runs was writing it",
            Reason::BufferPage => {
                "the copy names a page of the doublewrite buffer itself, which is never written"
            }
            Reason::HomeIsNewer => "the home page is valid and at least as new as the copy",
            Reason::SameContents => {
                "the home page is valid and holds what the copy holds: they differ in LSN and checksum only"
            }
            Reason::FreePage => {
                "the home page is older, but its extent descriptor calls it free, and a free page need not be written"
            }
            Reason::OtherFile => {
                "the home page is valid; the copy was made before this file was imported or put here"
            }
            Reason::ContentsLocked => {
                "the home page is valid but of an older LSN; without the key nothing shows whether its contents are older"
            }
            Reason::Covered => {
                "the home page is valid but older; its write had not happened yet and redo brings it forward"
            }
            Reason::OtherRedo => {
                "the home page is valid but older; the copy is newer than the end of redo and belongs to other redo files"
            }
            Reason::NoRedo => {
                "the home page is valid but older; without readable redo files nothing shows that its write is lost"
            }
            Reason::BadCopy => "the copy is damaged, the home page is not and needs none",
            Reason::BetterCopy => "the home page is damaged, and another copy is the one to write",
            Reason::BadCopyBesideGood => "this copy is damaged; another copy is the better one",
            Reason::NoGoodCopy => "the home page is damaged and so is every copy of it",
            Reason::GivenBack => {
                "the home page is empty because its tablespace has given it back since this copy was made"
            }
            Reason::ReducedBesideCopy => "the home page is damaged, and a full copy is the one to write",
            Reason::Lost { home, copy, checkpoint } => {
                return write!(
                    f,
                    "the home page is valid but of LSN {home}; the copy of LSN {copy} should have reached it before the \
                     checkpoint {checkpoint}, and redo no longer covers it"
                );
            }
            Reason::Right { home, lsn, unmasked, proof, tear } => {
                right(f, *home, *unmasked, *lsn, *proof)?;
                let tear = tear.filter(|_| *home != HomeState::Zero).and_then(|tear| tear.describe());
                return tear.map_or(Ok(()), |tear| write!(f, "; {tear}"));
            }
            Reason::Rivals(names) => {
                return write!(f, "several files claim this space id: {}; none is written", names.join(", "));
            }
            Reason::Doubtful { lsn, doubt } => return doubtful(f, *lsn, *doubt),
            Reason::ReducedAlone(lsn) => {
                return write!(
                    f,
                    "the home page is damaged and DETECT_ONLY kept only its number and LSN {lsn}, no contents"
                );
            }
        };
        f.write_str(plain)
    }
}

fn right(
    f: &mut fmt::Formatter<'_>,
    home: HomeState,
    unmasked: Option<Unmasked>,
    lsn: Lsn,
    proof: Proof,
) -> fmt::Result {
    let damage = match home {
        _ if matches!(unmasked, Some(Unmasked::Future(_))) => {
            "the LSN of the home page is beyond the end of redo, which this server takes for damage"
        }
        HomeState::Zero => "the home page is all zero",
        HomeState::Misdirected => "another page lies in its place",
        HomeState::Torn => "the home page is torn",
        _ => "the home page is damaged",
    };
    match proof {
        Proof::Window(window) => {
            write!(f, "{damage}; this copy verifies and its LSN {lsn} lies inside {}", window.describe())
        }
        Proof::Word => write!(f, "{damage} and carries the LSN {lsn} of this copy, which verifies"),
        Proof::Sectors => write!(
            f,
            "{damage}; every sector of it is that of one of two copies, and this one, LSN {lsn}, is the newer"
        ),
    }
}

fn doubtful(f: &mut fmt::Formatter<'_>, lsn: Lsn, doubt: Doubt) -> fmt::Result {
    match doubt {
        Doubt::Reduced(newer) => write!(
            f,
            "a reduced entry proves that a newer version (LSN {newer}) was being written than this copy (LSN {lsn})"
        ),
        Doubt::BeforeCheckpoint(checkpoint) => write!(
            f,
            "this copy (LSN {lsn}) is older than the checkpoint {checkpoint}: redo would not bring it up to date"
        ),
        Doubt::BeyondEnd(end) => write!(
            f,
            "this copy (LSN {lsn}) is newer than the end of redo {end}: it belongs to other redo files"
        ),
        Doubt::NewerCopy(newer) => write!(
            f,
            "this copy (LSN {lsn}) is older than another good one (LSN {newer}), and nothing proves that either of them is \
             the version that belongs there"
        ),
        Doubt::Unproved => write!(
            f,
            "no readable redo files, and neither head nor tail of the home page carries this copy's LSN {lsn}"
        ),
    }
}
