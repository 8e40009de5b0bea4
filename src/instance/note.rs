//! What is worth saying of an instance besides what is found wrong with it.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::format::reduced::ReducedFault;
use crate::format::trx_sys::TRX_SYS_PAGE;
use crate::instance::generation::Generation;
use crate::units::{Lsn, PageNo, count};

/// One thing that is odd about an instance, its files or its doublewrite areas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceNote {
    /// A directory that the configuration includes is not here.
    IncludeIsGone(PathBuf),
    /// A file is named like a tablespace and holds nothing like a page.
    LeftOut(PathBuf),
    /// Pages of a later system file contradict the lengths of those before it.
    BeginsElsewhere {
        /// The file.
        file: PathBuf,
        /// Its first page by its pages.
        stated: u64,
        /// And by the lengths.
        counted: u64,
    },
    /// Files that this server never opens: how many, and one of them.
    NeverOpened(usize, PathBuf),
    /// The server is newer than all that are known.
    NewerServer {
        /// As it calls itself.
        name: String,
        /// What it is taken for.
        generation: Generation,
    },
    /// The key file has no such key.
    KeyMissing {
        /// The tablespace.
        file: PathBuf,
        /// What page 0 calls the key.
        key: String,
    },
    /// The key does not open the tablespace.
    KeyWrong {
        /// The tablespace.
        file: PathBuf,
        /// What page 0 calls the key.
        key: String,
    },
    /// This generation has doublewrite files, and there are none.
    NoDoublewriteFiles,
    /// There are doublewrite files in another place too.
    OtherPlace {
        /// Where they lie.
        other: PathBuf,
        /// Where those lie that were used.
        used: PathBuf,
    },
    /// The buffer was never made.
    NoBuffer,
    /// The repeat of the doublewrite header was used.
    HeaderRepeat,
    /// The buffer was inferred.
    HeaderInferred,
    /// The slots hold no space ids.
    NoSpaceIds,
    /// The marker of space ids is missing, and they are there.
    SpaceIdsBelieved,
    /// Blocks lie in a later file of the system tablespace.
    BlocksInLaterFile,
    /// Not all slots are there.
    SlotsAreCut {
        /// Those that are.
        found: u32,
        /// Those that should be.
        expected: u32,
        /// Where the blocks begin.
        blocks: (PageNo, PageNo),
    },
    /// A doublewrite file is longer than any server makes it.
    TooManySlots {
        /// The file.
        file: PathBuf,
        /// Its bytes.
        len: u64,
        /// The slots that were read.
        read: u64,
    },
    /// The last bytes of a doublewrite file are no slot.
    PartSlot {
        /// The file.
        file: PathBuf,
        /// How many bytes.
        bytes: u64,
    },
    /// A page of a reduced file is damaged, as the reader of its format says.
    Reduced {
        /// The file.
        file: PathBuf,
        /// Which page, and how.
        fault: ReducedFault,
    },
    /// A parallel doublewrite file.
    Parallel,
    /// Percona Server refuses a parallel doublewrite file of this length.
    ParallelLength(u64),
    /// Page 0 of a file is damaged and has no copy.
    HeaderWithoutCopy(PathBuf),
    /// No copy is newer than the checkpoint: the newest of them, and the checkpoint.
    NoRecentCopies(Option<Lsn>, Lsn),
    /// The copies are those of a bundle.
    CopiesFrom {
        /// The bundle.
        bundle: PathBuf,
        /// When it was made, as it says.
        captured_at: String,
    },
    /// A page lies in another file of the system tablespace than the one that was named.
    OtherMember {
        /// What was named.
        named: PathBuf,
        /// Its first and last page.
        pages: (u64, u64),
        /// What was asked for.
        page_no: PageNo,
        /// Where it is.
        lies_in: PathBuf,
    },
    /// Nothing is known of the doublewrite buffer, as the error says.
    NotLookedAt(String),
}

impl Display for InstanceNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            InstanceNote::IncludeIsGone(dir) => write!(
                f,
                "{}: included by the configuration and not here; what it sets is not known",
                dir.display()
            ),
            InstanceNote::LeftOut(file) => {
                write!(f, "{}: nothing in it looks like an InnoDB page; it was left out", file.display())
            }
            InstanceNote::BeginsElsewhere { file, stated, counted } => write!(
                f,
                "{}: its pages say that it begins with page {stated}, but the files before it hold {counted} pages; the \
                 pages were believed",
                file.display()
            ),
            InstanceNote::NeverOpened(files, first) => write!(
                f,
                "{} lie where this server opens none ({}) and were left out",
                count(*files, "tablespace file"),
                first.display()
            ),
            InstanceNote::NewerServer { name, generation } => write!(
                f,
                "these files were written by {name}, which is newer than every server that this program knows; it is taken \
                 for one of the newest known generation, {generation}"
            ),
            InstanceNote::KeyMissing { file, key } => {
                write!(f, "{}: the key file has no key named {key}", file.display())
            }
            InstanceNote::KeyWrong { file, key } => {
                write!(f, "{}: the key {key} of the key file does not open this tablespace", file.display())
            }
            InstanceNote::NoDoublewriteFiles => f.write_str(
                "this generation keeps its copies in #ib_*.dblwr files, and none were found: doublewrite was off, or they \
                 lie elsewhere: name their directory with --doublewrite-dir",
            ),
            InstanceNote::OtherPlace { other, used } => write!(
                f,
                "doublewrite files of this page size lie in {} and in {}; those in the first were taken: if the server uses \
                 the other, name it with --doublewrite-dir",
                used.display(),
                other.display()
            ),
            InstanceNote::NoBuffer => {
                f.write_str("the doublewrite buffer was never created in this system tablespace")
            }
            InstanceNote::HeaderRepeat => f.write_str(
                "the doublewrite header that servers read is damaged; its repeat was used, which servers never do",
            ),
            InstanceNote::HeaderInferred => write!(
                f,
                "page {TRX_SYS_PAGE} tells nothing; the buffer was inferred from the slots at the default position"
            ),
            InstanceNote::NoSpaceIds => f.write_str(
                "the slots are from before MySQL 4.1.1 and carry no space ids: all belong to space 0",
            ),
            InstanceNote::SpaceIdsBelieved => f.write_str(
                "the marker of space ids in the slots is missing, yet there are other tablespaces: believed",
            ),
            InstanceNote::BlocksInLaterFile => f.write_str(
                "blocks lie outside the first file; MySQL 5.6 to 8.0.19 would read the wrong place of the first file",
            ),
            InstanceNote::SlotsAreCut { found, expected, blocks: (one, two) } => write!(
                f,
                "only {found} of {expected} slots lie inside the files (blocks {one} and {two}): the image is cut"
            ),
            InstanceNote::TooManySlots { file, len, read } => write!(
                f,
                "{}: {len} bytes, which no server writes; only its first {read} slots were read",
                file.display()
            ),
            InstanceNote::PartSlot { file, bytes } => write!(
                f,
                "{}: the last {bytes} bytes are less than one slot and were left out",
                file.display()
            ),
            InstanceNote::Reduced { file, fault } => write!(f, "{}: {fault}", file.display()),
            InstanceNote::Parallel => f.write_str(
                "Percona's parallel doublewrite file is only there after a shutdown that was not clean",
            ),
            InstanceNote::ParallelLength(len) => {
                write!(f, "its length of {len} bytes would make Percona Server refuse to start")
            }
            InstanceNote::HeaderWithoutCopy(file) => write!(
                f,
                "{}: page 0 is damaged, and the buffer holds no copy of it; dblwr scan shows what else is",
                file.display()
            ),
            InstanceNote::NoRecentCopies(newest, checkpoint) => {
                f.write_str("no recent copies: ")?;
                match newest {
                    None => f.write_str("there is no copy at all")?,
                    Some(lsn) => write!(f, "the newest has LSN {lsn}")?,
                }
                write!(
                    f,
                    ", the checkpoint is LSN {checkpoint}; doublewrite may have been off or left to the storage, or no page \
                     was written since the checkpoint. This proves nothing about the pages themselves: a torn page may have \
                     no copy here"
                )
            }
            InstanceNote::CopiesFrom { bundle, captured_at } => write!(
                f,
                "the copies are those of {}, captured {captured_at}; homes and redo are those of the directory",
                bundle.display()
            ),
            InstanceNote::OtherMember { named, pages: (first, last), page_no, lies_in } => write!(
                f,
                "{} holds pages {first} to {last} of its tablespace; page {page_no} lies in {}",
                named.display(),
                lies_in.display()
            ),
            InstanceNote::NotLookedAt(error) => {
                write!(f, "the doublewrite buffer could not be looked at: {error}")
            }
        }
    }
}
