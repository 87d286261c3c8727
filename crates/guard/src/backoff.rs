//! How long to wait before what failed is started again.

use std::time::Duration;

/// The first pause, and the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// Doubles with each failure in a row, with jitter, so that many don't come back at once.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It failed: the pause before the next try. `chance` is any byte.
    pub fn pause(&mut self, chance: u8) -> Duration {
        let full = FIRST
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Between three quarters and the whole of it.
        full - full.mul_f64(f64::from(chance) / 1024.0)
    }

    /// It works.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..10).map(|_| backoff.pause(0)).collect();
        assert_eq!(pauses[..3], [200, 400, 800].map(Duration::from_millis));
        assert_eq!(pauses[9], LONGEST);
        for _ in 0..100 {
            assert!(backoff.pause(255) >= LONGEST.mul_f64(0.75));
        }
        backoff.reset();
        assert!(backoff.pause(255) >= FIRST.mul_f64(0.75));
    }
}
