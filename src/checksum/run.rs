//! Many consecutive pages at once, for scans.

use super::{Examined, examine};
use crate::fsp::PageFormat;

/// Judges a run of consecutive pages and appends one finding for each to `out`, in page order.
///
/// The findings are those of [`examine`]. A last piece shorter than a page is [`Fault::Length`](super::Fault).
/// Runs of 256 KiB to 1 MiB serve best: enough pages to fold many of them abreast, few enough to stay in the cache
/// they were read into.
pub fn examine_run(pages: &[u8], format: &PageFormat, out: &mut Vec<Examined>) {
    out.extend(pages.chunks(format.physical.bytes()).map(|page| examine(page, format)));
}
