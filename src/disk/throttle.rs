//! So many bytes a second, all threads together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets bytes pass at a rate.
#[derive(Debug)]
pub struct Throttle {
    rate: Option<u64>,
    free_from: Mutex<Instant>,
}

impl Throttle {
    /// At most `rate` bytes a second; `None`: as fast as it goes.
    pub fn new(rate: Option<u64>) -> Throttle {
        Throttle { rate: rate.filter(|&rate| rate > 0), free_from: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may be read.
    pub fn pass(&self, bytes: u64) {
        let Some(rate) = self.rate else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let turn = {
            let mut free_from = self.free_from.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*free_from).max(Instant::now());
            *free_from = turn + cost;
            turn
        };
        std::thread::sleep(turn.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_at_the_rate_and_freely_without_one() {
        let begin = Instant::now();
        let throttle = Throttle::new(Some(10 << 20));
        for _ in 0..4 {
            throttle.pass(1 << 20);
        }
        // The first passes at once, the others wait a tenth of a second each.
        assert!(begin.elapsed() >= Duration::from_millis(290), "{:?}", begin.elapsed());
        let begin = Instant::now();
        Throttle::new(None).pass(u64::MAX);
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
}
