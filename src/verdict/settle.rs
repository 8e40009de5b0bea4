//! Not crying wolf over a running server: what is wrong counts only if several reads over a stated time agree.
//!
//! A server may be in the middle of writing any page, of dropping any file, of switching any redo file. Whatever such a
//! moment shows is gone or different a few seconds later; damage stays as it is, byte for byte.

use std::collections::BTreeMap;
use std::time::Duration;

/// How often to look, over which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Reads in all, the first included; 1 believes the first.
    pub reads: u32,
    /// From the first read to the last.
    pub over: Duration,
}

impl Patience {
    /// Three reads over four seconds: well inside the ten seconds that schedulers give a plugin.
    pub const DEFAULT: Patience = Patience { reads: 3, over: Duration::from_secs(4) };

    /// The time between two reads.
    fn pause(self) -> Duration {
        self.over / self.reads.saturating_sub(1).max(1)
    }
}

/// What is left of the first look after the others, and what was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled<K, T> {
    /// Every read showed the same.
    pub agreed: BTreeMap<K, T>,
    /// How many suspects some later read showed otherwise, or not at all.
    pub changing: usize,
}

/// Looks again at everything suspect until all reads are done or nothing is suspect any more.
///
/// `read_again` is given what is still suspect and returns what it looks like now; what it leaves out is suspect no
/// more. `pause` waits. Suspects that are seen for the first time in a later read are left to the next run.
///
/// # Errors
/// The first error of `read_again`.
pub fn settle<K: Ord + Clone, T: PartialEq, E>(
    first: BTreeMap<K, T>,
    patience: Patience,
    mut pause: impl FnMut(Duration),
    mut read_again: impl FnMut(&BTreeMap<K, T>) -> Result<BTreeMap<K, T>, E>,
) -> Result<Settled<K, T>, E> {
    let suspects = first.len();
    let mut agreed = first;
    for _ in 1..patience.reads {
        if agreed.is_empty() {
            break;
        }
        pause(patience.pause());
        let now = read_again(&agreed)?;
        agreed.retain(|key, was| now.get(key) == Some(was));
    }
    let changing = suspects - agreed.len();
    Ok(Settled { agreed, changing })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages whose bytes over time are given; the answer, and the seconds waited.
    fn watch(pages: &[(&'static str, &[Option<u8>])], reads: u32) -> (Settled<&'static str, u8>, f64) {
        let at = |time: usize| -> BTreeMap<&'static str, u8> {
            pages.iter().filter_map(|(name, seen)| Some((*name, (*seen.get(time)?)?))).collect()
        };
        let patience = Patience { reads, over: Duration::from_secs(4) };
        let (mut time, mut waited) = (0, Duration::ZERO);
        let settled = settle(
            at(0),
            patience,
            |pause| waited += pause,
            |_| {
                time += 1;
                Ok::<_, ()>(at(time))
            },
        );
        (settled.unwrap(), waited.as_secs_f64())
    }

    #[test]
    fn only_what_every_read_shows_alike_counts() {
        let (settled, waited) = watch(
            &[
                ("damaged", &[Some(1), Some(1), Some(1)]),
                ("being written", &[Some(1), Some(2), Some(1)]),
                ("written meanwhile", &[Some(1), None, None]),
                ("torn at the last look only", &[None, None, Some(1)]),
            ],
            3,
        );
        assert_eq!(settled.agreed.keys().copied().collect::<Vec<_>>(), ["damaged"]);
        assert_eq!((settled.changing, waited), (2, 4.0));
    }

    #[test]
    fn nothing_suspect_means_no_wait() {
        let (settled, waited) = watch(&[], 3);
        assert_eq!((settled.agreed.len(), settled.changing, waited), (0, 0, 0.0));
    }

    #[test]
    fn one_read_is_believed_at_once() {
        let (settled, waited) = watch(&[("page", &[Some(1)])], 1);
        assert_eq!((settled.agreed.len(), waited), (1, 0.0));
        assert_eq!(watch(&[("page", &[Some(1)])], 0).0.agreed.len(), 1);
    }

    #[test]
    fn an_error_is_not_an_all_clear() {
        let first = BTreeMap::from([(1, 1)]);
        let failed = settle(first, Patience { reads: 2, over: Duration::ZERO }, |_| {}, |_| Err("gone"));
        assert_eq!(failed, Err("gone"));
    }
}
