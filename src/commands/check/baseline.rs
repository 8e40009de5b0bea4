//! What has been seen and accepted: later checks alert only on what is new.
//!
//! A baseline is a JSON document with a seal, a SHA-256 over everything else in it. It belongs to one directory, told by
//! the inode of the first system tablespace file (of the first file where there is none) and, where the directory has
//! one, by the server's UUID in `auto.cnf` (MySQL 5.6 on).

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::commands::check::{OtherProblem, PageProblem};
use crate::disk::output;
use crate::disk::output::{Own, Untouchable};
use crate::disk::small;
use crate::error::{Error, Result};
use crate::instance::{Instance, identity};
use crate::units::{ByteOffset, PageNo, SpaceId};

/// What it calls itself.
const KIND: &str = "dblwr baseline";
/// Grows when the format does.
const VERSION: u32 = 1;
/// A baseline of a hundred thousand problems is smaller than this.
const MAX_LEN: u64 = 64 << 20;

/// Which directory a baseline belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaselineOwner {
    /// Inode of the first file.
    pub inode: u64,
    /// `server-uuid` of `auto.cnf`.
    pub server_uuid: Option<String>,
}

impl BaselineOwner {
    /// The owner that an instance is.
    pub fn of(instance: &Instance) -> BaselineOwner {
        let first = instance.spaces.system().or(instance.spaces.list.first());
        let inode = first.and_then(|space| space.files.first()).map_or(0, |file| file.identity.inode);
        let server_uuid = identity::server_uuid(&instance.locations.datadir);
        BaselineOwner { inode, server_uuid }
    }
}

/// One accepted problem. What a server's next start may change without anything new being wrong is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Accepted {
    /// Tablespace.
    pub space_id: Option<SpaceId>,
    /// Page, where it is about one.
    pub page_no: Option<PageNo>,
    /// File, where one holds the page.
    pub file: Option<String>,
    /// What was found.
    pub what: String,
}

impl Accepted {
    fn of(problem: &PageProblem) -> Accepted {
        Accepted {
            space_id: problem.space_id,
            page_no: Some(problem.page_no),
            file: problem.file.clone(),
            what: problem.what().to_owned(),
        }
    }

    fn of_other(other: &OtherProblem) -> Accepted {
        Accepted {
            space_id: other.problem.space_id,
            page_no: other.problem.page_no,
            file: other.problem.file.as_ref().map(|file| file.display().to_string()),
            what: other.problem.kind.name().to_owned(),
        }
    }
}

/// An accepted state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Baseline {
    /// Always `dblwr baseline`.
    kind: String,
    /// Of this format.
    version: u32,
    /// The directory that it belongs to.
    owner: BaselineOwner,
    /// Every accepted problem.
    accepted: BTreeSet<Accepted>,
}

/// The file of `check --baseline`.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct SealedBaseline {
    #[serde(flatten)]
    baseline: Baseline,
    /// SHA-256 over everything else as compact JSON, lower-case hexadecimal.
    seal: String,
}

impl Baseline {
    /// The state that these problems make.
    pub fn of(owner: BaselineOwner, problems: &[PageProblem]) -> Baseline {
        let accepted = problems.iter().map(Accepted::of).collect();
        Baseline { kind: KIND.to_owned(), version: VERSION, owner, accepted }
    }

    /// The same state with what else may be accepted.
    #[must_use]
    pub fn with(mut self, others: &[OtherProblem]) -> Baseline {
        let may = others.iter().filter(|other| other.can_be_accepted());
        self.accepted.extend(may.map(Accepted::of_other));
        self
    }

    /// Whether a problem that is none of a page was accepted.
    pub fn knows_other(&self, other: &OtherProblem) -> bool {
        other.can_be_accepted() && self.accepted.contains(&Accepted::of_other(other))
    }

    /// Whether a problem was accepted.
    pub fn knows(&self, problem: &PageProblem) -> bool {
        self.accepted.contains(&Accepted::of(problem))
    }

    /// Accepted problems that are no more.
    pub fn gone(&self, problems: &[PageProblem], others: &[OtherProblem]) -> usize {
        let others = others.iter().map(Accepted::of_other);
        let now: BTreeSet<Accepted> = problems.iter().map(Accepted::of).chain(others).collect();
        self.accepted.difference(&now).count()
    }

    /// How many findings were accepted.
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    fn seal(&self) -> Result<String> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::Refused(error.to_string()))?;
        Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Writes it, replacing what lay there.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let sealed = SealedBaseline { baseline: self.clone(), seal: self.seal()? };
        let mut text =
            serde_json::to_vec_pretty(&sealed).map_err(|error| Error::Refused(error.to_string()))?;
        text.push(b'\n');
        let own: Own = |head| head.starts_with(b"{\n  \"kind\": \"dblwr baseline\"");
        // Where it may lie was decided before anything was read.
        output::decide(path, &Untouchable::default(), own)?.write(&text, 0o644, &mut std::io::stdout())
    }

    /// Reads the baseline of the directory that `owner` tells.
    ///
    /// # Errors
    /// It cannot be read, is no baseline, was changed, or belongs to another directory.
    pub fn read(path: &Path, owner: &BaselineOwner) -> Result<Baseline> {
        let sealed = |what: &str| Error::Sealed {
            path: path.to_path_buf(),
            offset: ByteOffset(0),
            what: what.to_owned(),
        };
        let text = match small::read(path, MAX_LEN) {
            Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::FileTooLarge) => {
                return Err(sealed("not a regular file of the size of a baseline"));
            }
            text => text.map_err(Error::io(path, "read"))?,
        };
        let found: SealedBaseline = serde_json::from_slice(&text)
            .map_err(|_| sealed("no baseline; make one with dblwr check PATH --baseline FILE --accept"))?;
        let baseline = found.baseline;
        if baseline.kind != KIND || baseline.version > VERSION {
            return Err(sealed("not a baseline of this version of dblwr"));
        }
        if baseline.seal()? != found.seal {
            return Err(sealed("the baseline was changed after it was written; accept the state anew"));
        }
        if baseline.owner != *owner {
            return Err(sealed(
                "the baseline belongs to another directory (another system tablespace file or server UUID); \
                 name a new file and record the state of this one with --accept",
            ));
        }
        Ok(baseline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::suspect::SuspectReason;
    use crate::commands::scan::reason::DamageReason;
    use crate::verdict::Verdict;
    use crate::verdict::home::HomeState;

    fn problem(page: u32, verdict: Option<Verdict>) -> PageProblem {
        PageProblem {
            space_id: Some(SpaceId(7)),
            page_no: PageNo(page),
            file: Some("d/t1.ibd".into()),
            offset: Some(ByteOffset(0)),
            verdict,
            state: HomeState::Torn,
            reason: SuspectReason::Seen(DamageReason::Future),
            new: true,
        }
    }

    fn owner() -> BaselineOwner {
        BaselineOwner { inode: 5, server_uuid: Some("b9b6".into()) }
    }

    #[test]
    fn what_was_accepted_is_known_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("baseline.json");
        let was = [problem(1, Some(Verdict::Stale)), problem(2, None)];
        Baseline::of(owner(), &was).write(&path).unwrap();
        let baseline = Baseline::read(&path, &owner()).unwrap();
        assert!(baseline.knows(&problem(1, Some(Verdict::Stale))) && baseline.knows(&problem(2, None)));
        assert!(
            !baseline.knows(&problem(1, Some(Verdict::Unrecoverable))) && !baseline.knows(&problem(3, None))
        );
        assert_eq!((baseline.accepted(), baseline.gone(&was, &[]), baseline.gone(&[], &[])), (2, 0, 2));
    }

    #[test]
    fn another_directory_and_a_changed_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("baseline.json");
        Baseline::of(owner(), &[problem(1, None)]).write(&path).unwrap();
        for other in [BaselineOwner { inode: 6, ..owner() }, BaselineOwner { server_uuid: None, ..owner() }] {
            let error = Baseline::read(&path, &other).unwrap_err().to_string();
            assert!(error.contains("belongs to another directory"), "{error}");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"page_no\": 1", "\"page_no\": 2")).unwrap();
        let error = Baseline::read(&path, &owner()).unwrap_err().to_string();
        assert!(error.contains("was changed"), "{error}");
        let endless = Baseline::read(Path::new("/dev/zero"), &owner()).unwrap_err().to_string();
        assert!(endless.contains("not a regular file"), "{endless}");
        std::fs::write(&path, "{}").unwrap();
        assert!(Baseline::read(&path, &owner()).unwrap_err().to_string().contains("no baseline"));
    }
}
