//! What was read: which byte ranges of which files, noted while a piece of work runs.
//!
//! A capture saves exactly the bytes that a verification reads, so that judging the bundle cannot differ from judging
//! the directory; a custody record names exactly the bytes that a judgement rests on. Both ask here.
//!
//! The list of those who listen is one per process: page reads happen on many threads and far below anybody who could hand a
//! notebook down. While nobody asks it costs one relaxed load per read.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

static LISTENERS: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicU64 = AtomicU64::new(0);
static NOTEBOOKS: Mutex<BTreeMap<u64, Reads>> = Mutex::new(BTreeMap::new());

/// What was read, by the path that was opened. A file that was only opened has no ranges.
pub type Reads = BTreeMap<PathBuf, Ranges>;

/// Runs a piece of work; its result and what any thread read meanwhile. Calls may be nested: each hears everything.
pub fn during<T>(work: impl FnOnce() -> T) -> (T, Reads) {
    let notebook = Notebook::open();
    let result = work();
    (result, notebook.close())
}

/// A place in the list of those who listen; given back even where the work panics.
struct Notebook(u64);

impl Notebook {
    fn open() -> Notebook {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        notebooks().insert(number, Reads::new());
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Notebook(number)
    }

    fn close(self) -> Reads {
        notebooks().get_mut(&self.0).map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for Notebook {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::SeqCst);
        notebooks().remove(&self.0);
    }
}

/// Notes a read of `len` bytes; 0 for a file that was opened.
pub(crate) fn note(path: &Path, offset: u64, len: usize) {
    if LISTENERS.load(Ordering::Relaxed) == 0 {
        return;
    }
    let end = offset.saturating_add(len as u64);
    for reads in notebooks().values_mut() {
        match reads.get_mut(path) {
            Some(ranges) => ranges.insert(offset..end),
            None => reads.entry(path.to_path_buf()).or_default().insert(offset..end),
        }
    }
}

fn notebooks() -> MutexGuard<'static, BTreeMap<u64, Reads>> {
    NOTEBOOKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Byte ranges in ascending order that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a range; an empty one adds nothing.
    pub fn insert(&mut self, range: Range<u64>) {
        let (mut start, mut end) = (range.start, range.end);
        if start >= end {
            return;
        }
        let touching: Vec<(u64, u64)> = self
            .0
            .range(..=end)
            .rev()
            .take_while(|&(_, &until)| until >= start)
            .map(|(&a, &b)| (a, b))
            .collect();
        for (a, b) in touching {
            self.0.remove(&a);
            (start, end) = (start.min(a), end.max(b));
        }
        self.0.insert(start, end);
    }

    /// Adds all of another.
    pub fn extend(&mut self, other: &Ranges) {
        other.iter().for_each(|range| self.insert(range));
    }

    /// The ranges in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().map(|(&start, &end)| start..end)
    }

    /// How many bytes they hold together.
    pub fn bytes(&self) -> u64 {
        self.iter().fold(0, |sum, range| sum.saturating_add(range.end - range.start))
    }

    /// Whether every byte of a range is in one of them.
    pub fn covers(&self, range: &Range<u64>) -> bool {
        let before = self.0.range(..=range.start).next_back();
        range.is_empty() || before.is_some_and(|(_, &end)| end >= range.end)
    }

    /// What of these lies in none of the others.
    pub fn without(&self, others: &Ranges) -> Ranges {
        let mut out = Ranges::default();
        for range in self.iter() {
            let mut at = range.start;
            let first = others.0.range(..=range.start).next_back();
            let inside = others.0.range(range.start..range.end);
            for (&start, &end) in first.into_iter().chain(inside) {
                out.insert(at..start.min(range.end));
                at = at.max(end);
            }
            out.insert(at..range.end);
        }
        out
    }

    /// Widened to whole units, then cut to the first `len` bytes.
    pub fn aligned(&self, unit: u64, len: u64) -> Ranges {
        let unit = unit.max(1);
        let mut out = Ranges::default();
        for range in self.iter() {
            let end = range.end.div_ceil(unit).saturating_mul(unit).min(len);
            out.insert(range.start - range.start % unit..end);
        }
        out
    }
}

impl From<Range<u64>> for Ranges {
    fn from(range: Range<u64>) -> Ranges {
        iter::once(range).collect()
    }
}

impl FromIterator<Range<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Ranges {
        let mut out = Ranges::default();
        ranges.into_iter().for_each(|range| out.insert(range));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Image;
    use crate::units::ByteOffset;
    use proptest::prelude::*;

    #[test]
    fn what_is_read_meanwhile_is_noted_and_nothing_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, vec![1; 5000]).unwrap();
        let ((), reads) = during(|| {
            let image = Image::open(&path).unwrap();
            image.read_exact_at(ByteOffset(10), 20).unwrap();
            image.read_exact_at(ByteOffset(30), 5).unwrap();
            image.read_up_to(ByteOffset(4990), &mut [0; 100]).unwrap();
        });
        let ranges: Vec<_> = reads[&path].iter().collect();
        assert_eq!(ranges, [10..35, 4990..5000]);
        Image::open(&path).unwrap().read_exact_at(ByteOffset(100), 7).unwrap();
        let ((), reads) = during(|| ());
        assert!(!reads.contains_key(&path));
    }

    proptest! {
        #[test]
        fn ranges_are_the_set_of_their_bytes(parts in prop::collection::vec((0u64..200, 0u64..40), 0..30)) {
            let ranges: Ranges = parts.iter().map(|&(start, len)| start..start + len).collect();
            let slow = |byte: u64| parts.iter().any(|&(start, len)| (start..start + len).contains(&byte));
            for byte in 0..250 {
                prop_assert_eq!(ranges.covers(&(byte..byte + 1)), slow(byte), "{}", byte);
            }
            let list: Vec<_> = ranges.iter().collect();
            prop_assert!(list.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(ranges.bytes(), (0..250).filter(|&byte| slow(byte)).count() as u64);
        }

        #[test]
        fn what_is_left_is_in_one_and_not_in_the_other(
            one in prop::collection::vec((0u64..200, 0u64..40), 0..20),
            other in prop::collection::vec((0u64..200, 0u64..40), 0..20),
        ) {
            let ranges = |parts: &[(u64, u64)]| -> Ranges {
                parts.iter().map(|&(start, len)| start..start + len).collect()
            };
            let (one, other) = (ranges(&one), ranges(&other));
            let left = one.without(&other);
            for byte in 0..250 {
                let byte = byte..byte + 1;
                prop_assert_eq!(left.covers(&byte), one.covers(&byte) && !other.covers(&byte), "{:?}", byte);
            }
        }
    }
}
