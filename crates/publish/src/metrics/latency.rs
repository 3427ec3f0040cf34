//! How long things take, as histograms that cost an addition each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long something took, as a histogram of fixed size: eight buckets an octave from 16 us, so
/// that a median is right to within 9 %.
#[derive(Debug)]
pub struct Latency {
    buckets: [AtomicU64; Self::BUCKETS],
    sum_us: AtomicU64,
}

/// What a histogram holds, an octave at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Octaves {
    /// All times together, in seconds.
    pub sum_s: f64,
    /// The upper bound of each octave in seconds, and how many times lie in it. The last has no
    /// bound, which is told as the greatest number there is.
    pub counts: Vec<(f64, u64)>,
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)), sum_us: AtomicU64::new(0) }
    }
}

impl Latency {
    const OCTAVES: usize = 20;
    const PER_OCTAVE: usize = 8;
    const BUCKETS: usize = Self::OCTAVES * Self::PER_OCTAVE;
    const LEAST_US: f32 = 16.0;

    /// Notes one. Allocates nothing.
    pub fn add(&self, time: Duration) {
        let us = time.as_secs_f32() * 1e6;
        let octaves = (us / Self::LEAST_US).max(1.0).log2();
        let place = ((octaves * Self::PER_OCTAVE as f32) as usize).min(Self::BUCKETS - 1);
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        // Saturates: a time that does not fit into 64 bits of microseconds is no time.
        self.sum_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// The time in milliseconds that this share (0 to 1) stayed below; 0 where nothing was noted.
    #[must_use]
    pub fn quantile_ms(&self, share: f32) -> f64 {
        let counts = self.counts();
        let wanted = (share * counts.iter().sum::<u64>() as f32).ceil().max(1.0) as u64;
        let mut below = 0;
        let place = counts.iter().position(|count| {
            below += count;
            below >= wanted
        });
        let us =
            place.map_or(0.0, |place| Self::LEAST_US * ((place + 1) as f32 / Self::PER_OCTAVE as f32).exp2());
        // To the microsecond: more digits would only look exact.
        f64::from(us.round()) / 1e3
    }

    fn counts(&self) -> Vec<u64> {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect()
    }

    /// What it holds now.
    #[must_use]
    pub fn octaves(&self) -> Octaves {
        let counts = self.counts();
        let bound = |octave: usize| f64::from(Self::LEAST_US) * 2_f64.powi(octave as i32 + 1) / 1e6;
        let counted = counts.chunks(Self::PER_OCTAVE).enumerate().map(|(octave, counts)| {
            let is_last = octave + 1 == Self::OCTAVES;
            (if is_last { f64::MAX } else { bound(octave) }, counts.iter().sum())
        });
        Octaves { sum_s: self.sum_us.load(Ordering::Relaxed) as f64 / 1e6, counts: counted.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_bucket() {
        let times = Latency::default();
        assert_eq!(times.quantile_ms(0.5), 0.0);
        (1..=100).for_each(|ms| times.add(Duration::from_millis(ms)));
        for (share, expected) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            let found = times.quantile_ms(share);
            assert!(found >= expected && found <= expected * 1.1, "{share}: {found}");
        }
    }

    #[test]
    fn what_is_out_of_range_goes_into_the_last_bucket() {
        let times = Latency::default();
        times.add(Duration::ZERO);
        times.add(Duration::MAX);
        assert!(times.quantile_ms(0.5) < 0.02 && times.quantile_ms(1.0) > 10_000.0);
    }

    #[test]
    fn octaves_count_what_lies_below_their_bounds() {
        let times = Latency::default();
        let noted = [10, 100, 1_000, 10_000, 100_000, 60_000_000];
        noted.into_iter().for_each(|us| times.add(Duration::from_micros(us)));
        let Octaves { sum_s, counts } = times.octaves();
        assert!((sum_s - 60.111_11).abs() < 1e-6, "{sum_s}");
        let mut below = 0;
        for (bound_s, count) in counts {
            below += count;
            let expected = noted.into_iter().filter(|us| *us as f64 / 1e6 <= bound_s).count() as u64;
            assert_eq!(below, expected, "up to {bound_s} s");
        }
    }
}
