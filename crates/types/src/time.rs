//! Time as data: when a message was captured, and how far two of them are apart.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on a monotonic time line, in nanoseconds: `CLOCK_MONOTONIC` for a live camera, the media
/// time for a file. Only differences have a meaning, and only within one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonoTime(u64);

impl MonoTime {
    /// The start of the time line.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds since the start of the time line.
    #[must_use]
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// From milliseconds since the start of the time line.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the start of the time line.
    #[must_use]
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not later (a source whose time jumped
    /// back must not become a huge step).
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for MonoTime {
    type Output = Self;

    fn add(self, step: Duration) -> Self {
        let ns = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(ns))
    }
}

/// Wall-clock time in nanoseconds since 1970-01-01T00:00:00Z. For logs and events only: filters
/// never see it, since it may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcTime(pub u64);

/// Tells the present time. Capture and publish get one handed in; no other stage sees one.
pub trait Clock: Send + Sync {
    /// The present time on the line that frames are stamped with.
    fn now(&self) -> MonoTime;
    /// The present wall-clock time.
    fn utc(&self) -> UtcTime;
}

/// A value with the number of the frame it comes from and the time at which that was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamped<T> {
    /// Number of the frame since the source was first opened; gaps are frames that were dropped.
    pub seq: u64,
    /// When the sensor took the frame (or its media time).
    pub captured_at: MonoTime,
    /// What was captured, or what a stage made of it.
    pub value: T,
}

impl<T> Stamped<T> {
    /// The same stamp on another value.
    pub fn with<U>(&self, value: U) -> Stamped<U> {
        Stamped { seq: self.seq, captured_at: self.captured_at, value }
    }

    /// The same stamp on what `f` makes of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Stamped<U> {
        Stamped { seq: self.seq, captured_at: self.captured_at, value: f(self.value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_back_is_no_time_at_all() {
        assert_eq!(MonoTime::from_ms(3).since(MonoTime::from_ms(5)), Duration::ZERO);
        assert_eq!(MonoTime::from_ms(5).since(MonoTime::from_ms(3)), Duration::from_millis(2));
    }

    #[test]
    fn adding_never_wraps() {
        assert_eq!(MonoTime::from_ns(u64::MAX) + Duration::from_secs(1), MonoTime::from_ns(u64::MAX));
    }
}
