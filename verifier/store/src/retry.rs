//! When to try again, and how long to wait before.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// How often and how patiently a download is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often in all, at least once.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles each time.
    pub first_delay: Duration,
    /// The longest wait that doubling leads to.
    pub max_delay: Duration,
    /// The longest wait that a server may ask for by `Retry-After`. One that asks for more is asked again after this.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts within about 10 seconds, and a minute at most where the server asks for patience.
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The wait after `failures` failed attempts: what the server asked for, else the doubled delay, of which a random
    /// part of up to a half is taken off so that many clients do not come back at once.
    pub(crate) fn delay(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        if let Some(asked) = retry_after {
            return asked.min(self.max_retry_after);
        }
        let doubled = self.first_delay.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let longest = doubled.min(self.max_delay);
        let half = longest / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
        longest - Duration::from_nanos(random() % nanos)
    }
}

/// A number that differs between processes and calls. Not for secrets: the keys of the standard library's hash maps come
/// from the system's random numbers.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_obey_the_server_up_to_a_cap() {
        let policy = RetryPolicy::default();
        for (failures, longest_ms) in [(1, 500), (2, 1000), (3, 2000), (6, 10_000), (60, 10_000)] {
            let delay = policy.delay(failures, None);
            let longest = Duration::from_millis(longest_ms);
            assert!(delay <= longest && delay >= longest / 2, "{failures}: {delay:?}");
        }
        assert_eq!(policy.delay(1, Some(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(policy.delay(1, Some(Duration::from_secs(3600))), Duration::from_secs(60));
        assert_ne!(random(), random());
    }
}
