//! When to send and when to try again. Pure: all times come from the caller.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use fastrand::Rng;
use types::MonoTime;

use super::options::{Retry, UploadRate};

/// The pauses between attempts to connect.
#[derive(Debug)]
pub(crate) struct Backoff {
    retry: Retry,
    attempt: u32,
    rng: Rng,
}

impl Backoff {
    /// Different for each vehicle, and the same each time for one.
    pub(crate) fn new(retry: Retry, vehicle_id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        vehicle_id.hash(&mut hasher);
        Self { retry, attempt: 0, rng: Rng::with_seed(hasher.finish()) }
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = self.retry.first.saturating_mul(2_u32.saturating_pow(self.attempt));
        self.attempt = self.attempt.saturating_add(1);
        doubled.min(self.retry.longest).mul_f64(self.rng.f64())
    }

    /// Something was delivered: the broker works.
    pub(crate) const fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// A bucket that fills with time and may be overdrawn once.
#[derive(Debug)]
struct Bucket {
    per_s: f64,
    level: f64,
    at: MonoTime,
}

impl Bucket {
    /// Takes `amount` out; how long to wait until the level is back at nothing.
    fn take(&mut self, amount: f64, now: MonoTime) -> Duration {
        let filled = self.level + now.since(self.at).as_secs_f64() * self.per_s;
        // A second's worth at most is saved up.
        self.level = filled.min(self.per_s) - amount;
        self.at = now;
        Duration::from_secs_f64((-self.level / self.per_s).max(0.0))
    }
}

/// The limits on sending.
#[derive(Debug)]
pub(super) struct Throttle {
    records: Option<Bucket>,
    bytes: Option<Bucket>,
}

impl Throttle {
    pub(super) fn new(rate: UploadRate, now: MonoTime) -> Self {
        let bucket =
            |per_s: u32| Bucket { per_s: f64::from(per_s.max(1)), level: f64::from(per_s.max(1)), at: now };
        Self { records: rate.records_per_s.map(bucket), bytes: rate.bytes_per_s.map(bucket) }
    }

    /// Notes that a record of so many bytes is sent; how long to wait before the next one.
    pub(super) fn sent(&mut self, bytes: usize, now: MonoTime) -> Duration {
        let by_records = self.records.as_mut().map_or(Duration::ZERO, |bucket| bucket.take(1.0, now));
        let by_bytes = self.bytes.as_mut().map_or(Duration::ZERO, |bucket| bucket.take(bytes as f64, now));
        by_records.max(by_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry { first: Duration::from_secs(2), longest: Duration::from_secs(300) };

    #[test]
    fn a_thousand_vehicles_do_not_return_at_once() {
        let mut bins = [0; 20];
        for vehicle in 0..1000 {
            let mut backoff = Backoff::new(RETRY, &format!("truck-{vehicle}"));
            let pause = (0..5).map(|_| backoff.next()).last().unwrap();
            // The fifth bound is 32 s.
            bins[(pause.as_secs_f64() / 32.0 * 20.0) as usize] += 1;
        }
        assert!(bins.iter().all(|bin| (20..90).contains(bin)), "{bins:?}");
    }

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_success() {
        let mut backoff = Backoff::new(RETRY, "truck");
        let longest = (0..10_000).map(|_| backoff.next()).max().unwrap();
        assert!(longest <= RETRY.longest && longest > RETRY.longest.mul_f64(0.99), "{longest:?}");
        backoff.reset();
        assert!(backoff.next() <= RETRY.first);
    }

    #[test]
    fn no_more_is_sent_than_the_limits_allow() {
        let rate = UploadRate { records_per_s: Some(10), bytes_per_s: Some(5000), in_flight: 1 };
        let start = MonoTime::from_ms(1000);
        for (bytes, per_s) in [(100, 10.0), (1000, 5.0)] {
            let (mut throttle, mut now) = (Throttle::new(rate, start), start);
            for _ in 0..100 {
                now = now + throttle.sent(bytes, now);
            }
            let expected = (100.0 - per_s) / per_s;
            let took = now.since(start).as_secs_f64();
            assert!((took - expected).abs() < 0.2, "{bytes} bytes: {took} s, not {expected}");
        }
        let mut free =
            Throttle::new(UploadRate { records_per_s: None, bytes_per_s: None, in_flight: 1 }, start);
        assert_eq!(free.sent(1 << 20, start), Duration::ZERO);
    }
}
