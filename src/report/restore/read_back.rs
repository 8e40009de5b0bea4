//! How sure a read-back was, in JSON and in a sentence.

use serde::Serialize;

use crate::disk::calls::ReadBack;

/// How a page was read back after it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadBackReport {
    /// Past the page cache.
    Device,
    /// The page cache may have answered.
    Cache,
}

impl From<ReadBack> for ReadBackReport {
    fn from(way: ReadBack) -> ReadBackReport {
        match way {
            ReadBack::Device => ReadBackReport::Device,
            // The system may keep what it was asked to drop, and does not say so.
            ReadBack::CacheDropped | ReadBack::Cache => ReadBackReport::Cache,
        }
    }
}

/// The end of a sentence on pages that were all written and verified.
pub fn verified(pages: impl Iterator<Item = Option<ReadBackReport>>) -> String {
    let (mut all, mut sure) = (0usize, 0usize);
    for page in pages {
        all += 1;
        sure += usize::from(page == Some(ReadBackReport::Device));
    }
    let doubtful = all - sure;
    let how = match (sure, doubtful) {
        (_, 0) => "past the page cache".to_owned(),
        (0, 1) => "but the page cache may have answered".to_owned(),
        (0, _) => format!("but for all {doubtful} the page cache may have answered"),
        _ => format!("but for {doubtful} of them the page cache may have answered"),
    };
    let comma = if doubtful == 0 { "" } else { "," };
    format!("read back and verified{comma} {how}")
}
