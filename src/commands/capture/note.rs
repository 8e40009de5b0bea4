//! What the maker of a bundle says of it.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// One thing that whoever opens a bundle has to know. The manifest keeps it as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaptureNote {
    /// A directory could not be listed, as the error says.
    NotListed(PathBuf, String),
    /// A file could not be examined, as the error says.
    NotExamined(PathBuf, String),
    /// A link leads out of the directory.
    LeadsOut {
        /// The link, by its path in the bundle.
        link: PathBuf,
        /// What it says.
        to: PathBuf,
    },
    /// The directory could not be judged, as the error says.
    NotJudged(String),
    /// Only the window of the redo log is stored.
    RedoLeftOut,
    /// What was made unreadable.
    Redacted,
    /// So many more notes.
    AndMore(usize),
}

impl Display for CaptureNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            CaptureNote::NotListed(dir, error) => write!(f, "{}: cannot be listed: {error}", dir.display()),
            CaptureNote::NotExamined(path, error) => write!(f, "{}: {error}", path.display()),
            CaptureNote::LeadsOut { link, to } => write!(
                f,
                "{} leads out of the directory, to {}, and was not followed; name the directory there with --directory to \
                 have it captured",
                link.display(),
                to.display()
            ),
            CaptureNote::NotJudged(error) => write!(f, "the directory could not be judged: {error}"),
            CaptureNote::RedoLeftOut => {
                f.write_str("the redo itself is not in the bundle: its window was noted when it was captured")
            }
            CaptureNote::Redacted => f.write_str(
                "redacted: payloads are blanked and checksums stamped anew; these are not the pages of the server, and no \
                 copy in here may be written anywhere",
            ),
            CaptureNote::AndMore(more) => write!(f, "and {more} more of this kind"),
        }
    }
}
